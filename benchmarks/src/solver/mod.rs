//! `bqc-bench solver`: what one iteration, one sweep, one attempt and one success cost on one core.

pub mod attempts;
pub mod iterations;
pub mod success;
pub mod sweeps;

use crate::measure::Effort;
use bqc_instantiate::CxTemplate;
use bqc_linalg::Stream;

/// What the floors assume of a core: 16 f64 multiply-adds a cycle (two AVX-512 ports) at 3 GHz. A fixed
/// yardstick, not a property of the machine: a figure below it beats the yardstick's clock or needs less
/// arithmetic than the floor counts.
pub const MULTIPLY_ADDS_PER_SECOND: f64 = 16.0 * 3e9;

/// How thorough a run is.
#[derive(Clone, Copy, Debug)]
pub struct Thoroughness {
    /// For kernels.
    pub kernel: Effort,
    /// For searches of a block.
    pub search: Effort,
    /// Problems of each kind in the measurement of successes.
    pub n_problems: u64,
}

impl Thoroughness {
    /// About three minutes for the whole suite.
    pub const FULL: Thoroughness = Thoroughness {
        kernel: Effort { repeats: 15, seconds: 0.03 },
        search: Effort { repeats: 9, seconds: 0.3 },
        n_problems: 16,
    };
    /// Some seconds: does everything run?
    pub const QUICK: Thoroughness = Thoroughness {
        kernel: Effort { repeats: 3, seconds: 0.003 },
        search: Effort { repeats: 2, seconds: 0.02 },
        n_problems: 2,
    };
}

/// A template of `n_cx` CX on random pairs with Haar values.
pub fn random_template(n: u8, n_cx: usize, stream: &mut Stream) -> CxTemplate {
    let mut template = CxTemplate::new(n);
    for _ in 0..n_cx {
        let control = stream.below(n.into()) as u8;
        let target = (control + 1 + stream.below(usize::from(n) - 1) as u8) % n;
        template.push(control, target, stream.su2(), stream.su2());
    }
    template
}
