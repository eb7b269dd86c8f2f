//! Levenberg–Marquardt on the residual `V x_m − e^{iφ} y_m` of a CX template.
//!
//! Quadratic where QFactor sweeps are linear: five to eight iterations from a `Rotation` start to
//! rounding error. Left-multiplied updates `exp(i d·σ)`, one column for the global phase, damping on
//! the Gram matrix whose diagonal is one by construction. Of the three directions of a slot after a
//! CX, the one that commutes with it (Z on the control, X on the target) is left out: it belongs to
//! the slot before. Hopeless calls are given up early, since most calls of a search fail.

mod linear;
mod parameters;
mod solver;

pub use solver::{LmOutcome, LmSettings, LmSolver};
