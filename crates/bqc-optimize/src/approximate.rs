//! Approximate deletion: the circuit with fewer CX gates that comes nearest to a block, for runs that
//! may spend a budget of phase distance.
//!
//! CX gates are taken out one at a time, and two at a time where the two belong together: a rotation
//! by a small angle between two CX on the same wires is near the identity, but with one CX of the two
//! it is near nothing. Every such template is refined to its least cost, zero or not, always against
//! the original block, so that distances of successive deletions do not add up inside of it.

use crate::Context;
use bqc_circuit::BlockCircuit;
use bqc_instantiate::{CxTemplate, LmSettings, Rotation, StateBatch};
use bqc_verify::VerifiedBlock;

/// Behind a CX, how many of the following are tried as the second of two.
const REACH: usize = 3;

/// The best shortened version of a block, and what it took to find it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shortened {
    /// The circuit, measured against the block; none if no candidate is near enough.
    pub block: Option<VerifiedBlock>,
    /// Descents of the solver.
    pub n_descents: usize,
}

/// Shortens `from`, which stands for the block `original`, by one or two CX gates.
///
/// * Of all candidates within `tolerance` of `original` (phase distance, verified over all columns)
///   the one that loses least distance per CX against `distance`, that of `from`.
/// * Meant for blocks of up to five wires and some dozen CX: each candidate is fitted to all columns.
/// * A function of its arguments unless it is stopped, whatever the number of threads.
pub fn shorten(
    context: Context<'_>,
    original: &BlockCircuit,
    from: &BlockCircuit,
    distance: f64,
    tolerance: f64,
) -> Shortened {
    if original.width() < 2 || from.n_cx() == 0 {
        return Shortened::default();
    }
    let batch = StateBatch::exact(&CxTemplate::from_block(original));
    let mut candidates = candidates(&CxTemplate::from_block(from));
    let n_descents = candidates.len();
    let outcomes = context.descend(&batch, &LmSettings::to_minimum(), &mut candidates);
    let mut order: Vec<(f64, usize)> = Vec::new();
    for (index, (outcome, candidate)) in outcomes.iter().zip(&candidates).enumerate() {
        let n_removed = (from.n_cx() - candidate.n_cx()) as f64;
        let loss = (outcome.cost.max(0.0).sqrt() - distance).max(0.0) / n_removed;
        if outcome.cost <= tolerance * tolerance * FITTING_SLACK {
            order.push((loss, index));
        }
    }
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let polish = |(_, index): (f64, usize)| {
        if context.is_stopped() {
            return None;
        }
        context.descend(&batch, &LmSettings::to_minimum_exactly(), &mut candidates[index..=index]);
        VerifiedBlock::check(original, candidates[index].to_block(), tolerance).ok()
    };
    Shortened { block: order.into_iter().find_map(polish), n_descents }
}

/// A cost may still fall by this factor when a candidate that stopped early is polished.
const FITTING_SLACK: f64 = 1.5;

/// All templates with one CX or two fewer, at the values from which they are refined.
fn candidates(from: &CxTemplate) -> Vec<CxTemplate> {
    let mut all = Vec::new();
    let mut without = |gates: &[(usize, Rotation)]| {
        let mut template = from.clone();
        // From the back, so that the places in front stay what they are.
        gates.iter().rev().for_each(|&(i, rotation)| template.delete_cx(i, rotation));
        all.push(template);
    };
    let wires = |i: usize| [from.layers()[i].control, from.layers()[i].target];
    for i in 0..from.n_cx() {
        without(&[(i, Rotation::Plus)]);
        without(&[(i, Rotation::Minus)]);
        let n_shared = |j: usize| wires(j).into_iter().filter(|w| wires(i).contains(w)).count();
        if let Some(j) = (i + 1..from.n_cx()).find(|&j| n_shared(j) == 2) {
            without(&[(i, Rotation::None), (j, Rotation::None)]);
            without(&[(i, Rotation::Plus), (j, Rotation::Minus)]);
        }
        for j in (i + 1..from.n_cx()).filter(|&j| n_shared(j) == 1).take(REACH) {
            without(&[(i, Rotation::Plus), (j, Rotation::Minus)]);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::on_cpu;
    use bqc_circuit::BlockQubit;
    use bqc_linalg::Stream;
    use bqc_verify::block_distance;

    /// `exp(iθ Z⊗Z/2)` on each pair of neighbours, with generic gates between them.
    fn weakly_coupled(width: u8, theta: f64, s: &mut Stream) -> BlockCircuit {
        let mut block = BlockCircuit::new(width.into());
        for q in 0..width - 1 {
            let (a, b) = (BlockQubit(q.into()), BlockQubit((q + 1).into()));
            block.push_u3(a, [0; 3].map(|_| s.uniform()));
            block.push_cx(a, b);
            block.push_u3(b, [0.0, 0.0, theta]);
            block.push_cx(a, b);
            block.push_u3(b, [0; 3].map(|_| s.uniform()));
        }
        block
    }

    #[test]
    fn weak_couplings_go_two_cx_at_a_time() {
        let context = on_cpu();
        for width in 2..=4 {
            let block = weakly_coupled(width, 1e-3, &mut Stream::new(1, width.into(), 0));
            let mut current = VerifiedBlock::unchanged(block.clone());
            for n_left in (0..usize::from(width) - 1).rev() {
                let Shortened { block: found, n_descents } =
                    shorten(context, &block, current.circuit(), current.distance(), 1e-2);
                let found = found.unwrap();
                assert_eq!(found.circuit().n_cx(), 2 * n_left);
                assert!(found.distance() > current.distance() && n_descents > 2);
                current = found;
            }
            // A coupling by θ is θ/√8 from none, and those of different wires add up at most.
            assert!(current.distance() < 1e-3 / 8f64.sqrt() * f64::from(width), "{:e}", current.distance());
            assert!((block_distance(&block, current.circuit()).unwrap() - current.distance()).abs() < 1e-15);
            let nothing_left = shorten(context, &block, current.circuit(), current.distance(), 1.0);
            assert_eq!(nothing_left, Shortened::default());
        }
    }

    #[test]
    fn nothing_is_beyond_the_tolerance() {
        let context = on_cpu();
        let block = weakly_coupled(3, 1e-3, &mut Stream::new(1, 3, 1));
        assert_eq!(shorten(context, &block, &block, 0.0, 1e-6).block, None);
        for seed in 0..5 {
            let block = BlockCircuit::random(3, 16, &mut Stream::new(seed, 3, 2));
            for tolerance in [1e-9, 1e-2, 0.3] {
                let Some(found) = shorten(context, &block, &block, 0.0, tolerance).block else { continue };
                assert!(found.distance() <= tolerance && found.circuit().n_cx() < block.n_cx());
            }
        }
    }
}
