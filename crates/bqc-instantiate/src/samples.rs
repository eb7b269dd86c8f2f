//! Sample states: what a target is known by.
//!
//! Training states are the first columns of a Haar unitary, orthonormal, and their images under the
//! target. Validation states are the columns that follow: orthogonal to the training states, they
//! see exactly what those do not. A set that grows keeps its states and takes more of the same
//! columns. Once it would need as many as there are dimensions, the basis states take its place:
//! exact instantiation is the sample set of all of them, and needs no validation.

use crate::StateBatch;
use crate::target::Target;
use bqc_linalg::Stream;
use bqc_linalg::haar::HaarColumns;
use bqc_linalg::lanes::{AlignedBuffer, LANES, Level, two_qubit::fill_batch};
use bqc_schedule::{GROUP, feasible_count, first_count, next_count};

/// Validation states.
pub const N_VALIDATION: usize = bqc_schedule::N_VALIDATION as usize;

const _: () = assert!(LANES == GROUP as usize);

/// Purpose of the random stream that sample states are drawn from.
const SAMPLE_STREAM: u64 = 0x5341_4d50;

/// A training set and, unless it is exact, a validation set.
#[derive(Clone, Debug)]
pub struct SampleSet {
    /// What sweeps fit.
    pub training: StateBatch,
    /// What they are tested on; none if the training set is a basis.
    pub validation: Option<StateBatch>,
}

impl SampleSet {
    /// Whether the training states are all basis states.
    pub fn is_exact(&self) -> bool {
        self.validation.is_none()
    }
}

/// Draws sample sets of growing size for one problem.
#[derive(Clone, Debug)]
pub struct Sampler {
    columns: HaarColumns,
}

impl Sampler {
    /// The sampler of the problem `key` under `seed`: the same sets every time.
    pub fn new(width: u8, seed: u64, key: u64) -> Sampler {
        Sampler { columns: HaarColumns::new(1 << width, Stream::new(seed, key, SAMPLE_STREAM)) }
    }

    /// All sets of a template with so many real numbers in its free gates' matrices and so many parameters, each
    /// twice as large as the one before.
    pub fn sets(&mut self, level: Level, target: &Target, n_matrix_reals: u32, n_parameters: u32) -> Vec<SampleSet> {
        let width = target.width().into();
        let counts = std::iter::successors(Some(first_count(width, n_matrix_reals, n_parameters)), |&n_states| {
            next_count(width, n_states, n_parameters)
        });
        counts.map(|n_states| self.draw(level, target, n_states as usize)).collect()
    }

    /// A set of [`feasible_count`] training states.
    pub fn draw(&mut self, level: Level, target: &Target, n_training: usize) -> SampleSet {
        let n_training = feasible_count(target.width().into(), n_training as u32) as usize;
        if n_training == 1 << target.width() {
            return SampleSet { training: exact(level, target), validation: None };
        }
        self.columns.extend_to(n_training + N_VALIDATION);
        let pairs = |first: usize, n_states: usize| {
            let mut inputs = AlignedBuffer::zeroed(0);
            let columns = &self.columns.columns()[first..first + n_states];
            fill_batch(target.width().into(), n_states, |k, a| columns[k][a], &mut inputs);
            with_images(level, target, n_states, false, inputs)
        };
        SampleSet { training: pairs(0, n_training), validation: Some(pairs(n_training, N_VALIDATION)) }
    }
}

/// All basis states.
pub fn exact(level: Level, target: &Target) -> StateBatch {
    let n = usize::from(target.width());
    let mut inputs = AlignedBuffer::zeroed(0);
    crate::ops::basis_batch(n, 0, 1 << n, &mut inputs);
    with_images(level, target, 1 << n, true, inputs)
}

fn with_images(level: Level, target: &Target, n_states: usize, is_exact: bool, inputs: AlignedBuffer) -> StateBatch {
    let mut outputs = inputs.clone();
    target.push(level, &mut outputs);
    StateBatch::from_states(target.width().into(), n_states, is_exact, inputs, outputs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_linalg::{Complex64, Matrix, lanes::two_qubit::amplitude};

    #[test]
    fn sets_grow_from_the_same_states_and_validate_on_others() {
        let u = Matrix::haar(32, &mut Stream::new(0, 0, 0));
        let target = Target::from_matrix(&u).unwrap();
        let level = Level::detect();
        let mut sampler = Sampler::new(5, 1, 2);
        let small = sampler.draw(level, &target, 8);
        let large = sampler.draw(level, &target, 16);
        let columns = |b: &StateBatch, of: &[f64]| Matrix::from_fn(32, b.n_samples(), |r, c| amplitude(5, of, c, r));
        let x = columns(&small.training, small.training.inputs());
        let big_x = columns(&large.training, large.training.inputs());
        assert_eq!(x, Matrix::from_fn(32, 8, |r, c| big_x[(r, c)]));
        let v = small.validation.as_ref().unwrap();
        let overlaps = &columns(v, v.inputs()).dagger() * &x;
        assert!(overlaps.max_difference(&Matrix::zeros(8, 8)) < 1e-14);
        assert!(columns(&small.training, small.training.outputs()).max_difference(&(&u * &x)) < 1e-14);
        assert!(sampler.draw(level, &target, 32).is_exact());
        let sizes = |sets: &[SampleSet]| sets.iter().map(|set| set.training.n_samples()).collect::<Vec<_>>();
        assert_eq!(sizes(&sampler.sets(level, &target, 64, 100)), [8, 16]);
        assert_eq!(sizes(&sampler.sets(level, &target, 64, 1000)), [8, 16, 32]);
        let all = exact(level, &target);
        assert!(columns(&all, all.outputs()).max_difference(&u) < 1e-15);
        assert_eq!(amplitude(5, all.inputs(), 7, 7), Complex64::ONE);
    }
}
