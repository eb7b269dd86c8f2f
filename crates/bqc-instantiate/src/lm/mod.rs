//! Levenberg–Marquardt on the residual `V x_m − e^{iφ} y_m` of a CX template.
//!
//! Quadratic where QFactor sweeps are linear: five to eight iterations from a `Rotation` start to
//! rounding error. Left-multiplied updates `exp(i d·σ)`, one column for the global phase, damping on
//! the Gram matrix whose diagonal is one by construction. Of the three directions of a slot after a
//! CX, the one that commutes with it (Z on the control, X on the target) is left out: it belongs to
//! the slot before. Hopeless calls are given up early, since most calls of a search fail, and steps are
//! chosen in single precision while the residual is large, where nothing more is needed; the residual
//! itself is always `f64`. A call allocates nothing once its solver has seen a template of that size.

mod linear;
mod parameters;
mod solver;

pub use solver::{LmOutcome, LmSettings, LmSolver};
