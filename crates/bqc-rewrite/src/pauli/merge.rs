//! A block of gates as rotations and a Clifford in a [`Window`], with all rotations merged that meet.
//!
//! Gates are taken from the last to the first: a pair gate conjugates what comes after it, all at once, and a rotation
//! begins a new string. Slots are in program order, so what lies between two equal strings is a range of bits.

use super::angle::{quarter_turns, settle};
use super::columns::{Mask, has, insert};
use super::op::Op;
use super::window::Window;

/// Puts the gates of a block, or of its inverse, into a window that [`Window::clear`] has prepared: the rotations in
/// slots from 0 in program order. Panics if it has too few slots.
pub(crate) fn load<const L: usize>(window: &mut Window<L>, ops: &[Op], is_inverse: bool) {
    let mut slot = ops.iter().filter(|op| !op.is_pair()).count();
    assert!(slot <= window.first_row(), "a window needs more slots");
    let mut take = |op: &Op| match *op {
        Op::Pair { wires, axes } => {
            window.columns.conjugate(wires.map(|wire| wire as usize), axes);
        }
        Op::Turn { wire, axis, angle } => {
            slot -= 1;
            window.columns.write(wire as usize, slot, axis);
            window.angles[slot] = if is_inverse { -angle } else { angle };
            insert(&mut window.alive, slot);
        }
    };
    if is_inverse {
        ops.iter().for_each(&mut take);
    } else {
        ops.iter().rev().for_each(&mut take);
    }
    while merge_once(window) {}
}

/// One pass: says which rotations come before which, and merges. True if another pass may find more.
fn merge_once<const L: usize>(window: &mut Window<L>) -> bool {
    let mut finds_more = false;
    for slot in 0..window.first_row() {
        if !has(&window.alive, slot) {
            continue;
        }
        let before = below(slot, &window.alive);
        let differs = window.columns.anticommuting(slot);
        window.earlier[slot] = std::array::from_fn(|l| differs[l] & before[l]);
        let equal = window.columns.same(slot, std::array::from_fn(|l| before[l] & !differs[l]));
        let Some(equal) = highest(&equal) else { continue };
        if highest(&window.earlier[slot]).is_some_and(|last| last > equal) {
            continue;
        }
        let is_opposite = window.columns.is_negative(slot) != window.columns.is_negative(equal);
        let angle = if is_opposite { -window.angles[slot] } else { window.angles[slot] };
        window.angles[equal] = settle(window.angles[equal] + angle);
        window.forget(slot);
        if let Some(quarters) = quarter_turns(window.angles[equal]) {
            finds_more = true;
            if quarters != 0 {
                let earlier = below(equal, &window.alive);
                let later = std::array::from_fn(|l| (window.alive[l] & !earlier[l]) | window.rows()[l]);
                window.columns.absorb(equal, quarters, &later);
                window.forget(equal);
                // Strings have changed that were compared already.
                return true;
            }
            window.forget(equal);
        }
    }
    finds_more
}

/// Those slots of a mask that come before one.
fn below<const L: usize>(slot: usize, mask: &Mask<L>) -> Mask<L> {
    std::array::from_fn(|l| match l.cmp(&(slot / 64)) {
        std::cmp::Ordering::Less => mask[l],
        std::cmp::Ordering::Equal => mask[l] & ((1 << (slot % 64)) - 1),
        std::cmp::Ordering::Greater => 0,
    })
}

/// The last slot of a mask.
fn highest<const L: usize>(mask: &Mask<L>) -> Option<usize> {
    let l = mask.iter().rposition(|&word| word != 0)?;
    Some(64 * l + 63 - mask[l].leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pauli::form::Form;
    use crate::pauli::op::PauliCircuit;
    use crate::pauli::test_support::{random_block, random_clifford_t};
    use bqc_linalg::Stream;

    #[test]
    fn windows_and_whole_circuits_merge_to_as_many_rotations() {
        let mut stream = Stream::new(0, 1, 13);
        let mut n_merged = 0;
        for k in 0..300 {
            let n = 2 + k % 3;
            let block = [random_block(n, 24, &mut stream), random_clifford_t(n, 40, &mut stream)][k % 2].clone();
            let circuit = PauliCircuit::read(&block).unwrap();
            let form = Form::<1>::new(&circuit);
            let mut window = Window::<4>::new();
            window.clear(n, 192, false);
            load(&mut window, &circuit.ops, false);
            n_merged += circuit.ops.iter().filter(|op| !op.is_pair()).count() - window.n_alive();
            // What is Clifford goes at different moments, so strings and angles may differ by quarter turns.
            assert_eq!(window.n_alive(), form.rotations.len());
        }
        assert!(n_merged > 300, "{n_merged}");
    }
}
