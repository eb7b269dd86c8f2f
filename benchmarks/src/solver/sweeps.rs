//! Microseconds per QFactor sweep, exact and sampled, beside the floor of its arithmetic.
//!
//! One start on one core; a sweep is one way through all gates. Templates are free two-qubit gates on
//! random pairs, as in the measurements of BQSKit that are quoted beside. One iteration of BQSKit is two
//! sweeps, one each way.

use super::MULTIPLY_ADDS_PER_SECOND;
use crate::measure::{Effort, Spread, seconds_per_unit, timed};
use bqc_circuit::BlockQubit;
use bqc_instantiate::qfactor::{SweepSettings, Sweeper};
use bqc_instantiate::samples::Sampler;
use bqc_instantiate::{Target, Template, TemplateError};
use bqc_linalg::Stream;
use bqc_linalg::lanes::Level;
use std::hint::black_box;

/// One size of problem.
#[derive(Clone, Copy, Debug)]
pub struct SweepCase {
    /// Wires.
    pub n: u8,
    /// Free two-qubit gates.
    pub n_gates: usize,
    /// Training states of the sampled form, BQSKit's own choice for this size.
    pub n_samples: usize,
    /// What the project wants of a sampled sweep, microseconds.
    pub goal: Option<f64>,
    /// What the prototype needed for it.
    pub prototype: Option<f64>,
    /// Microseconds per start and iteration of QFactor-Sample on JAX, one CPU core, measured elsewhere.
    pub jax: f64,
}

/// All sizes.
pub const CASES: [SweepCase; 6] = [
    SweepCase { n: 3, n_gates: 9, n_samples: 16, goal: None, prototype: None, jax: 100.0 },
    SweepCase { n: 4, n_gates: 12, n_samples: 19, goal: None, prototype: None, jax: 190.0 },
    SweepCase { n: 5, n_gates: 15, n_samples: 21, goal: None, prototype: None, jax: 290.0 },
    SweepCase { n: 6, n_gates: 18, n_samples: 24, goal: Some(70.0), prototype: Some(283.0), jax: 626.0 },
    SweepCase { n: 6, n_gates: 48, n_samples: 39, goal: None, prototype: None, jax: 2991.0 },
    SweepCase { n: 8, n_gates: 24, n_samples: 27, goal: Some(400.0), prototype: Some(1730.0), jax: 4881.0 },
];

/// One figure.
#[derive(Clone, Debug)]
pub struct SweepSpeed {
    /// Training states; `2^n` is QFactor on all columns.
    pub n_samples: usize,
    /// Microseconds per sweep, one value a repetition.
    pub microseconds: Vec<f64>,
    /// 12·2^n complex products a gate and state, four real ones each: two applications and one
    /// environment. A sweep that keeps states instead of undoing gates needs one application less.
    pub floor_microseconds: f64,
}

impl SweepSpeed {
    /// Median and quartiles.
    pub fn spread(&self) -> Spread {
        Spread::of(&self.microseconds).expect("at least one repetition")
    }
}

/// Measures one size with at most `n_samples` training states.
pub fn measure(level: Level, case: &SweepCase, n_samples: usize, effort: Effort) -> Result<SweepSpeed, TemplateError> {
    let mut stream = Stream::new(1, case.n.into(), case.n_gates as u64);
    let template = free_pairs(case.n, case.n_gates, &mut stream)?;
    let target = Target::from_template(&template, &template.random_values(&mut stream))?;
    let samples = Sampler::new(case.n, 1, 1).draw(level, &target, n_samples).training;
    let n_samples = samples.n_samples();
    let mut sweeper = Sweeper::new(level, &template, &template.random_values(&mut stream), &samples);
    let settings = SweepSettings::default();
    let seconds = seconds_per_unit(effort, || {
        const SWEEPS: usize = 4;
        let sweep = |_| _ = black_box(sweeper.sweep(&samples, &settings));
        let ((), seconds) = timed(|| (0..SWEEPS).for_each(sweep));
        (SWEEPS, seconds)
    });
    let multiply_adds = (12 * 4 * case.n_gates * n_samples) as f64 * (1u64 << case.n) as f64;
    Ok(SweepSpeed {
        n_samples,
        microseconds: seconds.iter().map(|s| s * 1e6).collect(),
        floor_microseconds: multiply_adds / MULTIPLY_ADDS_PER_SECOND * 1e6,
    })
}

fn free_pairs(n: u8, n_gates: usize, stream: &mut Stream) -> Result<Template, TemplateError> {
    let mut template = Template::new(n)?;
    for _ in 0..n_gates {
        let a = stream.below(n.into()) as u8;
        let b = (a + 1 + stream.below(usize::from(n) - 1) as u8) % n;
        template.push_free_two(BlockQubit(a.into()), BlockQubit(b.into()))?;
    }
    Ok(template)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_are_those_of_the_goals() {
        let effort = Effort { repeats: 1, seconds: 0.0 };
        for (case, floor) in [(CASES[0], 1.2), (CASES[3], 27.6), (CASES[5], 165.9)] {
            let n_samples = if case.n == 3 { 8 } else { case.n_samples };
            let speed = measure(Level::detect(), &case, n_samples, effort).unwrap();
            let expected = 48.0 * (case.n_gates * n_samples) as f64 * f64::from(1 << case.n) / 48e3;
            assert!((speed.floor_microseconds - expected).abs() < 1e-9);
            assert!(case.n == 3 || (expected - floor).abs() < 0.1, "{expected}");
            assert!(speed.spread().median > 0.0);
        }
    }
}
