//! Blocks of up to three wires, bottom-up from their unitary: a move of a search.

use super::growth::{GrowthSettings, grow};
use super::pattern::{self, Fit};
use crate::Context;
use crate::two_qubit::resynthesize_pair;
use bqc_circuit::BlockCircuit;
use bqc_instantiate::{CxTemplate, StateBatch};
use bqc_linalg::Stream;
use bqc_verify::VerifiedBlock;

/// Circuits that go on from each layer: enough for Toffoli gates and their kin, a tenth of a second
/// for a block that nothing smaller exists for.
const BEAM: usize = 6;

/// A circuit with fewer CX than a block of at most three wires, grown from the block's unitary; none if
/// nothing smaller is found or the block is wider.
///
/// * `tolerance`: largest phase distance; the result has been verified against the block.
/// * Takes some ten milliseconds for a block of ten CX. It is a function of the block and the stream
///   unless it is stopped.
pub fn resynthesize_three(
    context: Context<'_>,
    block: &BlockCircuit,
    tolerance: f64,
    stream: &mut Stream,
) -> Option<VerifiedBlock> {
    let n_cx = block.n_cx();
    let candidate = match block.width() {
        0 | 1 => return None,
        2 => resynthesize_pair(block, tolerance),
        3 if n_cx > 0 => {
            let batch = StateBatch::exact(&CxTemplate::from_block(block));
            let generic_cx = pattern::generic_unitary_cx(3);
            let max_cx = (n_cx - 1).min(generic_cx - 1);
            let growth = GrowthSettings { beam: BEAM, n_random: 1, max_cx, generic_cx: None };
            let found = match grow(context, &batch, &growth, stream) {
                None if n_cx > generic_cx => Fit { context, batch: &batch, tolerance }.generic(generic_cx, stream),
                other => other,
            };
            found?.to_block()
        }
        _ => return None,
    };
    if candidate.n_cx() >= n_cx {
        return None;
    }
    VerifiedBlock::check(block, candidate, tolerance).ok()
}
