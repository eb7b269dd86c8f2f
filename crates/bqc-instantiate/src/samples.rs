//! Sample states: what a target is known by.
//!
//! Training states are the first columns of a Haar unitary, orthonormal, and their images under the
//! target. Validation states are the columns that follow: orthogonal to the training states, they
//! see exactly what those do not. A set that grows keeps its states and takes more of the same
//! columns. Once it would need as many as there are dimensions, the basis states take its place:
//! exact instantiation is the sample set of all of them, and needs no validation.

use crate::StateBatch;
use crate::target::Target;
use crate::template::Template;
use bqc_linalg::Stream;
use bqc_linalg::haar::HaarColumns;
use bqc_linalg::lanes::{AlignedBuffer, LANES, Level, states::batch_len, two_qubit::fill_batch};

/// Purpose of the random stream that sample states are drawn from.
const SAMPLE_STREAM: u64 = 0x5341_4d50;

/// Validation states: one group, so their cost is that of two, which is what BQSKit uses, and their
/// mean is less noisy.
pub const N_VALIDATION: usize = LANES;

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

/// Number of training states to begin with: `⌊√(real numbers in the free gates)⌋`, rounded up to
/// whole groups because lanes that would be left over cost as much as used ones.
///
/// The square root is QFactor-Sample's rule with its coefficient 1 (arXiv:2405.12866).
pub fn initial_count(template: &Template) -> usize {
    (template.n_matrix_reals().isqrt()).next_multiple_of(LANES).max(LANES)
}

/// Number of training states for a wish of `n_training`: the wish, or all `2^width` once there would
/// not be enough dimensions for the validation states.
pub fn feasible_count(width: u8, n_training: usize) -> usize {
    let dim = 1 << width;
    if n_training + N_VALIDATION > dim { dim } else { n_training }
}

/// Bytes of one batch of `n_states` states.
pub fn batch_bytes(width: u8, n_states: usize) -> u64 {
    (batch_len(width.into(), n_states.div_ceil(LANES)) * size_of::<f64>()) as u64
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

    /// A set of [`feasible_count`] training states.
    pub fn draw(&mut self, level: Level, target: &Target, n_training: usize) -> SampleSet {
        let n_training = feasible_count(target.width(), n_training);
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
    use bqc_circuit::BlockQubit;
    use bqc_linalg::{Complex64, Matrix, lanes::two_qubit::amplitude};

    #[test]
    fn counts_follow_the_square_root_rule_in_whole_groups() {
        let with = |n_two: usize| {
            let mut t = Template::new(6).unwrap();
            (0..n_two).for_each(|_| t.push_free_two(BlockQubit(0), BlockQubit(1)).unwrap());
            initial_count(&t)
        };
        // √(18·32) = 24 and √(24·32) = 27.7.
        assert_eq!([with(0), with(18), with(24)], [8, 24, 32]);
        assert_eq!(
            [feasible_count(0, 8), feasible_count(3, 8), feasible_count(4, 8), feasible_count(5, 32)],
            [1, 8, 8, 32]
        );
        assert_eq!(feasible_count(6, 57), 64);
    }

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
        let all = exact(level, &target);
        assert!(columns(&all, all.outputs()).max_difference(&u) < 1e-15);
        assert_eq!(amplitude(5, all.inputs(), 7, 7), Complex64::ONE);
    }
}
