//! Gate deletion: take a gate out, let the others make up for it, keep what is an identity.
//!
//! CX first: each is deleted once with the rotation it would leave (`Rotation::Plus`), then with the
//! opposite one; the first start whose refinement is the same unitary is kept. Passes repeat until one
//! removes nothing. Then the one-qubit slots (`freezing.rs`). The block's own values are always the warm start.

use crate::Context;
use crate::fitted::{Fit, Fitted};
use crate::freezing::{IDENTITY, freeze_slots};
use bqc_circuit::BlockCircuit;
use bqc_instantiate::{CxTemplate, LmSettings, Rotation};
use bqc_linalg::Stream;

/// Full passes over the CX gates at most; the third rarely finds anything.
const MAX_PASSES: usize = 3;
/// Removes CX gates and then one-qubit gates from a block of at least two wires; says how many refinements it started.
///
/// * `fit`: how a removal is fitted and how near it has to come; the result is verified by the caller.
/// * The result depends on the block, the stream and `fit` alone, unless it is stopped: then
///   it is what was reached.
pub fn delete_gates(
    context: Context<'_>,
    block: &BlockCircuit,
    fit: Fit,
    stream: &mut Stream,
) -> (BlockCircuit, usize) {
    let mut deletion = Deletion { context, fit, n_instantiations: 0 };
    let fewer_cx = deletion.delete_cx(&CxTemplate::from_block(block), stream);
    let (result, n_instantiations) = freeze_slots(context, &fewer_cx, &IDENTITY, fit, stream);
    (result.to_block(), deletion.n_instantiations + n_instantiations)
}

/// Settings that give up late: a scan tries every gate once or twice, so a lost success is lost for
/// good, while a search comes back.
fn patient() -> LmSettings {
    LmSettings { give_up_ratio: 0.7, patience: 4, first_judgement: 6, ..LmSettings::default() }
}

/// Gates of one block while they are deleted.
struct Deletion<'a> {
    context: Context<'a>,
    fit: Fit,
    /// Refinements that were started.
    n_instantiations: usize,
}

impl Deletion<'_> {
    /// The scan over CX gates.
    fn delete_cx(&mut self, original: &CxTemplate, stream: &mut Stream) -> CxTemplate {
        let n = original.n();
        let fitted = Fitted::new(original, 3 * n + 4 * original.n_cx(), self.fit, stream);
        let settings = patient();
        let problem = fitted.problem(&settings);
        let mut current = original.clone();
        for _ in 0..MAX_PASSES {
            let before = current.n_cx();
            let mut position = 0;
            while position < current.n_cx() && !self.context.is_stopped() {
                let make = |index: usize, out: &mut CxTemplate| {
                    out.copy_from(&current);
                    let rotation = if index.is_multiple_of(2) { Rotation::Plus } else { Rotation::Minus };
                    out.delete_cx(position + index / 2, rotation);
                };
                let refined = self.context.refine(&problem, 2 * (current.n_cx() - position), &make);
                self.n_instantiations += refined.n_tried;
                match refined.winner {
                    // The gate that follows is now at the same position.
                    Some((index, template)) => {
                        position += index / 2;
                        current = template;
                    }
                    None => break,
                }
            }
            if current.n_cx() == before {
                break;
            }
        }
        current
    }
}
