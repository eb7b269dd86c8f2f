//! Numerical instantiation: templates, targets, QFactor, QFactor-Sample, Levenberg-Marquardt, the CPU engine.
