//! Greedy synthesis of a whole circuit from its Pauli form.

use super::form::{Form, Rotation};
use super::frame::Frame;
use super::greedy::{Direction, Greedy, Prices};
use super::op::PauliCircuit;
use super::permutation::{n_transpositions, write_permutation};
use super::run::{Later, Synthesis};
use super::window::{Entering, Window, n_slots_for};
use super::write::{write, write_with_exchanges};
use crate::Outputs;
use bqc_circuit::BlockCircuit;
use bqc_linalg::Stream;

/// Purpose of the stream that breaks ties.
const TIES: u64 = 0x5449_4553;

/// The rotations of a form that are not in view yet.
struct Coming<'a, const W: usize> {
    rotations: &'a [Rotation<W>],
    n_ahead: usize,
}

impl<const L: usize, const W: usize> Later<L> for Coming<'_, W> {
    fn refill(&mut self, window: &mut Window<L>, prices: &Prices) {
        let n_free = self.n_ahead.saturating_sub(window.n_alive());
        let (now, later) = self.rotations.split_at(n_free.min(self.rotations.len()));
        for rotation in now {
            let Rotation { string, angle } = rotation;
            let entering = Entering { string: string.paulis(), is_negative: string.negative, angle: *angle };
            window.enter(entering, prices);
        }
        self.rotations = later;
    }

    fn is_empty(&self) -> bool {
        self.rotations.is_empty()
    }
}

/// Widest circuit that is synthesised.
pub const MOST_WIRES: usize = 1024;
/// Attempts at writing the permutation of the outputs out; the gates that take transpositions are drawn at random.
const N_PERMUTATION_ATTEMPTS: usize = 6;

/// The circuit synthesised anew from its Pauli rotations, with the same unitary up to global phase and the rounding of
/// its angles.
///
/// * `limit`: the most two-qubit gates that the result may have, the count that is known already. Exchanges at the end
///   do not count if the outputs are free. A synthesis that
///   comes above it is given up.
/// * None if it is given up, if the circuit has more than [`MOST_WIRES`] wires, if it is not well-formed, or if an
///   angle is not finite.
/// * Time: linear in the gates, some microseconds a rotation at ten wires; with the square of the wires of a rotation.
pub fn synthesize(circuit: &BlockCircuit, greedy: &Greedy, limit: Option<usize>) -> Option<BlockCircuit> {
    let read = PauliCircuit::read_for(greedy.outputs, circuit)?;
    let mut stream = Stream::new(greedy.seed, 0, TIES);
    let limit = limit.unwrap_or(usize::MAX);
    let found = match greedy.direction {
        Direction::Forward => of_any_width(&read, greedy, limit, &mut stream)?,
        Direction::Backward => of_any_width(&read.inverse(), greedy, limit, &mut stream)?.inverse(),
    };
    if greedy.outputs == Outputs::Free {
        return Some(write_with_exchanges(&found, BlockCircuit::new(circuit.width())));
    }
    let n_attempts = if n_transpositions(&found.frames) == 0 { 1 } else { N_PERMUTATION_ATTEMPTS };
    let written = (0..n_attempts).map(|_| write_permutation(&found, &mut stream));
    let written = written.min_by_key(PauliCircuit::n_pairs).filter(|written| written.n_pairs() <= limit)?;
    Some(write(&written, BlockCircuit::new(circuit.width())))
}

/// Synthesises with masks that are wide enough for the circuit. The outputs may be permuted.
pub(super) fn of_any_width(
    circuit: &PauliCircuit,
    greedy: &Greedy,
    limit: usize,
    stream: &mut Stream,
) -> Option<PauliCircuit> {
    match circuit.n_wires() {
        0..=64 => of_width::<1>(circuit, greedy, limit, stream),
        65..=256 => of_width::<4>(circuit, greedy, limit, stream),
        257..=MOST_WIRES => of_width::<16>(circuit, greedy, limit, stream),
        _ => None,
    }
}

fn of_width<const W: usize>(
    circuit: &PauliCircuit,
    greedy: &Greedy,
    limit: usize,
    stream: &mut Stream,
) -> Option<PauliCircuit> {
    let n = circuit.n_wires();
    let form = Form::<W>::new(circuit);
    let n_ahead = greedy.n_ahead(n, form.rotations.len());
    let n_slots = n_slots_for(n, n_ahead, n_ahead < form.rotations.len());
    let task = Task { circuit, form: &form, greedy, n_ahead, limit };
    match n_slots.div_ceil(64) {
        0..=2 => task.run::<2>(stream),
        3..=4 => task.run::<4>(stream),
        5..=8 => task.run::<8>(stream),
        9..=16 => task.run::<16>(stream),
        17..=32 => task.run::<32>(stream),
        33..=64 => task.run::<64>(stream),
        // The widest circuits see fewer rotations than they ask for.
        _ => Task { n_ahead: n_ahead.min(64 * MOST_WORDS - 64 - 5 * n), ..task }.run::<MOST_WORDS>(stream),
    }
}

/// Words of the largest masks over slots: room for the rows of [`MOST_WIRES`] wires and 11,000 rotations.
const MOST_WORDS: usize = 256;

/// One synthesis, once its widths are known.
struct Task<'a, const W: usize> {
    circuit: &'a PauliCircuit,
    form: &'a Form<W>,
    greedy: &'a Greedy,
    n_ahead: usize,
    limit: usize,
}

impl<const W: usize> Task<'_, W> {
    fn run<const L: usize>(self, stream: &mut Stream) -> Option<PauliCircuit> {
        let n = self.circuit.n_wires();
        let mut synthesis = Synthesis::<L, W>::new();
        synthesis.window.clear(n, self.n_ahead, self.n_ahead < self.form.rotations.len());
        for output in 0..n {
            let rows = self.form.rows(output).map(|row| (row.paulis(), row.negative));
            synthesis.window.set_rows(output, &rows);
        }
        let mut coming = Coming { rotations: &self.form.rotations, n_ahead: self.n_ahead };
        let prices = Prices::new(self.greedy.discount, self.greedy.measure, n);
        synthesis.run(&mut coming, &prices, self.greedy.knobs(), self.limit, stream)?;
        let frames = self.circuit.frames.iter();
        let frames: Vec<Frame> = frames.map(|frame| frame.after(&synthesis.frames[frame.wire as usize])).collect();
        Some(PauliCircuit { ops: synthesis.ops, frames })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pauli::test_support::{inverse, random_block, random_clifford, random_clifford_t};
    use bqc_circuit::{BlockGate, BlockQubit, LoweredGate, Wire};
    use bqc_verify::{VerifiedBlock, block_distance};
    use std::f64::consts::FRAC_PI_4;

    const BOTH: [Direction; 2] = [Direction::Forward, Direction::Backward];

    #[test]
    fn random_circuits_keep_their_unitary_from_both_ends() {
        let mut stream = Stream::new(0, 1, 10);
        for n in 1..=8 {
            for (k, direction) in (0..6).flat_map(|k| BOTH.map(|direction| (k, direction))) {
                let blocks = [
                    random_block(n, 60, &mut stream),
                    random_clifford(n, 60, &mut stream),
                    random_clifford_t(n, 60, &mut stream),
                ];
                for block in blocks {
                    let greedy = if k == 0 { Greedy::default() } else { Greedy::random(stream.bits()) };
                    let greedy = Greedy { direction, n_ahead: [None, Some(3)][k % 2], ..greedy };
                    let synthesized = synthesize(&block, &greedy, None).unwrap();
                    assert!(synthesized.is_well_formed());
                    VerifiedBlock::check(&block, synthesized.clone(), 1e-11).unwrap();
                    assert_eq!(synthesize(&block, &greedy, None).unwrap(), synthesized, "the same again");
                    let n_cx = synthesized.n_cx();
                    assert_eq!(synthesize(&block, &greedy, Some(n_cx)).unwrap().n_cx(), n_cx);
                    assert!(n_cx == 0 || synthesize(&block, &greedy, Some(n_cx - 1)).is_none());
                }
            }
        }
    }

    #[test]
    fn free_outputs_end_with_exchanges_that_do_not_count() {
        let mut stream = Stream::new(0, 1, 20);
        let (mut n_free, mut n_kept) = (0, 0);
        for n in 2..=7 {
            for direction in BOTH {
                let block = random_clifford(n, 60, &mut stream);
                let greedy = Greedy { direction, ..Greedy::default() };
                let free = Greedy { outputs: Outputs::Free, ..greedy };
                let found = synthesize(&block, &free, None).unwrap();
                VerifiedBlock::check(&block, found.clone(), 1e-11).unwrap();
                let n_cx = Outputs::Free.n_cx(&found);
                assert_eq!(synthesize(&block, &free, Some(n_cx)).unwrap(), found);
                assert!(n_cx == 0 || synthesize(&block, &free, Some(n_cx - 1)).is_none());
                n_free += n_cx;
                n_kept += synthesize(&block, &greedy, None).unwrap().n_cx();
                // A circuit that is exchanges and nothing else.
                let mut exchanges = BlockCircuit::new(n as u16);
                (1..n).for_each(|wire| exchanges.push_exchange([0, wire].map(BlockQubit::at)));
                let found = synthesize(&exchanges, &free, Some(0)).unwrap();
                VerifiedBlock::check(&exchanges, found, 1e-11).unwrap();
            }
        }
        assert!(n_free < n_kept, "{n_free} {n_kept}");
    }

    #[test]
    fn senseless_settings_do_no_harm() {
        let block = random_block(4, 40, &mut Stream::new(0, 1, 18));
        for value in [f32::NAN, f32::INFINITY, -1.0, 0.0] {
            let (discount, tableau, noise) = (value, value, value);
            let greedy = Greedy { n_ahead: Some(0), discount, tableau, noise, rank_two: 0, ..Greedy::default() };
            let synthesized = synthesize(&block, &greedy, None).unwrap();
            assert!(block_distance(&block, &synthesized).unwrap() < 1e-11);
        }
        let mut infinite = block;
        infinite.gates.push(BlockGate::u3(BlockQubit::at(0), [f64::INFINITY; 3]));
        assert_eq!(synthesize(&infinite, &Greedy::default(), None), None);
    }

    #[test]
    fn clifford_and_t_stays_so_with_no_more_t() {
        let n_t = |block: &BlockCircuit| {
            let mut n_t = 0;
            for gate in &block.gates {
                if let LoweredGate::One { angles, .. } = gate {
                    for angle in angles {
                        let eighths = (angle / FRAC_PI_4).round();
                        assert!(*angle == eighths * FRAC_PI_4, "{angle} is a multiple of an eighth turn");
                        n_t += usize::from(eighths as i32 % 2 != 0);
                    }
                }
            }
            n_t
        };
        let mut stream = Stream::new(0, 1, 11);
        for n in 1..6 {
            for direction in BOTH {
                let block = random_clifford_t(n, 80, &mut stream);
                let greedy = Greedy { direction, ..Greedy::default() };
                let synthesized = synthesize(&block, &greedy, None).unwrap();
                assert!(n_t(&synthesized) <= n_t(&block));
                assert!(block_distance(&block, &synthesized).unwrap() < 1e-11);
            }
        }
    }

    #[test]
    fn nothing_comes_of_nothing_and_of_what_undoes_itself() {
        for n in [1, 2, 5] {
            let empty = BlockCircuit::new(n);
            assert_eq!(synthesize(&empty, &Greedy::default(), Some(0)), Some(empty));
        }
        // A circuit and its inverse on many wires, with angles that cancel exactly.
        let mut stream = Stream::new(0, 1, 12);
        for n in [70, 200] {
            let mut block = random_block(n, 4 * n, &mut stream);
            block.gates.extend(inverse(&block).gates);
            for direction in BOTH {
                let greedy = Greedy { direction, ..Greedy::default() };
                assert_eq!(synthesize(&block, &greedy, Some(0)).unwrap().gates, []);
            }
        }
    }

    #[test]
    fn rotations_of_neighbours_take_what_they_must_on_many_wires() {
        // exp(−iθZZ/2) between neighbours, written once forth and once back: two gates each, and the angles add up.
        for n in [70, 200] {
            let mut block = BlockCircuit::new(n);
            let bonds: Vec<usize> = (0..usize::from(n) - 1).collect();
            for bond in bonds.iter().chain(bonds.iter().rev()) {
                let [a, b] = [bond, &(bond + 1)].map(|&wire| BlockQubit::at(wire));
                block.push_cx(a, b);
                block.push_u3(b, [0.0, 0.0, 0.1 + *bond as f64 * 0.01]);
                block.push_cx(a, b);
            }
            for direction in BOTH {
                let greedy = Greedy { direction, ..Greedy::default() };
                let synthesized = synthesize(&block, &greedy, None).unwrap();
                assert_eq!(synthesized.n_cx(), 2 * bonds.len());
                // With the inverse of the circuit after it nothing is left.
                let mut both = synthesized;
                both.gates.extend(inverse(&block).gates);
                assert_eq!(synthesize(&both, &greedy, Some(0)).unwrap().n_cx(), 0);
            }
        }
    }
}
