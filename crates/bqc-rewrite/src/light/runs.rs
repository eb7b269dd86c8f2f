//! Runs of gates on one pair of wires, as at most three CX by the decomposition of their two-qubit unitary.
//!
//! A run is a maximal sequence of gates on two wires that no pair with a third wire interrupts; a pair that commutes with
//! all of the run so far can also be written before it. Khaneja and Glaser
//! (quant-ph/0010100) give its coordinates, Shende, Bullock and Markov (quant-ph/0308045) the fewest CX: always three,
//! two or one for special ones ([`bqc_linalg::kak`]). A run is replaced only where its pairs become fewer, so angles
//! stay what they are elsewhere. Their invariant `tr γ(U)` with `γ(U) = U (Y⊗Y) Uᵀ (Y⊗Y)` tells most of those that
//! cannot become shorter apart, in a fiftieth of the time of a decomposition: three pairs can become two only if it is
//! real, two can become one only if it is zero or no gate remains.

use super::cancel::Builder;
use super::clifford::Axis;
use super::euler::Euler;
use super::swaps::relabel;
use super::tape::{Content, Node, Tape};
use bqc_linalg::kak::{TwoQubitCircuit, TwoQubitGate};
use bqc_linalg::{Complex64, Matrix2, Matrix4, Su2};
use std::array::from_fn;

/// Fewer CX are taken where that changes the run by at most this phase distance, ten times the rounding of a run of
/// some dozen gates: ten thousand such runs stay within the tolerance for identities.
const TOLERANCE: f64 = 1e-14;
/// Invariants below this are looked at closer. They are quadratic in small coordinates, and rounded to 1e-15.
const MAYBE_ZERO: f64 = 1e-6;

/// What ends a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// A pair with a third wire.
    AnyPair,
    /// A pair with a third wire that does not commute with the run; others are written before it.
    StuckPair,
    /// Also a rotation that does not commute with the run, so that runs are Clifford gates.
    StuckGate,
}

/// The tape with shorter runs, and with what then cancels cancelled. Linear, with a few microseconds for each run that
/// may become shorter.
pub(crate) fn shorten_runs(tape: &Tape, end: End) -> Tape {
    let mut sweep = Sweep {
        open: vec![None; tape.width()],
        runs: Vec::new(),
        free: Vec::new(),
        builder: Builder::new(tape.width()),
        end,
    };
    for &node in &tape.nodes {
        match node {
            Node::Rotation { wire, axis, .. } => sweep.rotation(wire, axis, node),
            Node::Pair { wires, axes } => sweep.pair(wires, axes),
        }
    }
    (0..tape.width()).for_each(|wire| sweep.close(wire));
    sweep.builder.finish_with(&tape.frames)
}

/// A run that is still growing. Rotations before its first pair are not part of it.
#[derive(Default)]
struct Run {
    wires: [u32; 2],
    nodes: Vec<Node>,
    n_pairs: usize,
    /// What its gates have in common on each wire.
    contents: [Content; 2],
}

struct Sweep {
    /// For each wire the run that it is in.
    open: Vec<Option<usize>>,
    runs: Vec<Run>,
    /// Runs that have ended: their memory serves again.
    free: Vec<usize>,
    builder: Builder,
    end: End,
}

impl Sweep {
    fn rotation(&mut self, wire: u32, axis: Axis, node: Node) {
        if self.end == End::StuckGate && !self.passes(wire, axis) {
            self.close(wire as usize);
        }
        match self.open[wire as usize] {
            Some(run) if self.end != End::StuckGate => self.runs[run].push(node),
            _ => self.builder.push(node),
        }
    }

    fn pair(&mut self, wires: [u32; 2], axes: [Axis; 2]) {
        let [a, b] = wires.map(|wire| wire as usize);
        if self.open[a].is_none() || self.open[a] != self.open[b] {
            for end in 0..2 {
                if !(self.end != End::AnyPair && self.passes(wires[end], axes[end])) {
                    self.close(wires[end] as usize);
                }
            }
            if self.open[a].is_some() || self.open[b].is_some() {
                return self.builder.push(Node::Pair { wires, axes });
            }
            let run = self.free.pop().unwrap_or_else(|| {
                self.runs.push(Run::default());
                self.runs.len() - 1
            });
            self.runs[run].wires = wires;
            self.open[a] = Some(run);
            self.open[b] = Some(run);
        }
        if let Some(run) = self.open[a] {
            self.runs[run].push(Node::Pair { wires, axes });
        }
    }

    /// Whether a gate with this axis on a wire commutes with all of the run that is open there.
    fn passes(&self, wire: u32, axis: Axis) -> bool {
        self.open[wire as usize].is_some_and(|run| {
            let run = &self.runs[run];
            run.contents[usize::from(wire == run.wires[1])] == Content::Only(axis)
        })
    }

    /// Writes the run that a wire is in.
    fn close(&mut self, wire: usize) {
        let Some(index) = self.open[wire] else { return };
        let run = &mut self.runs[index];
        run.wires.iter().for_each(|&wire| self.open[wire as usize] = None);
        match run.shorter() {
            Some(Shorter::Clifford(tape)) => push_tape(&mut self.builder, run.wires, &tape),
            Some(Shorter::Circuit(circuit)) => push_circuit(&mut self.builder, run.wires, &circuit),
            None => run.nodes.iter().for_each(|&node| self.builder.push(node)),
        }
        run.clear();
        self.free.push(index);
    }
}

/// A circuit on the wires 0 and 1 with fewer pairs than a run.
enum Shorter {
    Clifford(Tape),
    Circuit(TwoQubitCircuit),
}

fn push_tape(builder: &mut Builder, wires: [u32; 2], tape: &Tape) {
    tape.nodes.iter().for_each(|&node| builder.push(node.on(|wire| wires[wire as usize])));
    wires.iter().zip(&tape.frames).for_each(|(&wire, &pull)| builder.push_frame(wire, pull));
}

fn push_circuit(builder: &mut Builder, wires: [u32; 2], circuit: &TwoQubitCircuit) {
    for gate in &circuit.gates {
        match *gate {
            TwoQubitGate::One { wire, value } => builder.push_one(wires[usize::from(wire)], Euler::of(value)),
            TwoQubitGate::Cx { control, target } => {
                builder.push_cx([wires[usize::from(control)], wires[usize::from(target)]]);
            }
        }
    }
}

impl Run {
    fn push(&mut self, node: Node) {
        let mut add = |wire: u32, axis| {
            let content = &mut self.contents[usize::from(wire == self.wires[1])];
            *content = content.with(axis);
        };
        match node {
            Node::Rotation { wire, axis, .. } => add(wire, axis),
            Node::Pair { wires, axes } => {
                add(wires[0], axes[0]);
                add(wires[1], axes[1]);
                self.n_pairs += 1;
            }
        }
        self.nodes.push(node);
    }

    fn clear(&mut self) {
        self.nodes.clear();
        self.n_pairs = 0;
        self.contents = [Content::Nothing; 2];
    }

    /// A circuit with fewer pairs.
    fn shorter(&self) -> Option<Shorter> {
        if self.n_pairs < 2 {
            None
        } else if self.nodes.len() == self.n_pairs {
            self.shorter_clifford().map(Shorter::Clifford)
        } else {
            self.shorter_circuit().map(Shorter::Circuit)
        }
    }

    /// For a run without rotations. Two pairs in a row that share an axis are one; with two that do not, the rest stands
    /// on exchanged wires. What remains is one pair or none, and a SWAP or none: the four classes of two-wire Clifford
    /// gates, each with its fewest pairs.
    fn shorter_clifford(&self) -> Option<Tape> {
        let local = |wire: u32| u32::from(wire == self.wires[1]);
        // Pairs in a row that share an axis become one first.
        let mut builder = Builder::new(2);
        self.nodes.iter().for_each(|node| builder.push(node.on(local)));
        let mut shortest = builder.finish();
        loop {
            let all: Vec<u32> = (0..shortest.nodes.len() as u32).collect();
            let next = relabel(&shortest, &all);
            // Pairs that became one while they were written are seen as such in the next round.
            if next.nodes.len() >= shortest.nodes.len() {
                break;
            }
            shortest = next;
        }
        Some(shortest).filter(|tape| tape.nodes.len() < self.n_pairs)
    }

    fn shorter_circuit(&self) -> Option<TwoQubitCircuit> {
        let unitary = self.unitary();
        let trace = local_invariant(&unitary, self.n_pairs);
        let may_be_shorter = match self.n_pairs {
            2 => trace.norm() < MAYBE_ZERO || (trace.norm() - 4.0).abs() < MAYBE_ZERO,
            3 => trace.im.abs() < MAYBE_ZERO,
            _ => true,
        };
        if !may_be_shorter {
            return None;
        }
        TwoQubitCircuit::synthesize(&unitary, TOLERANCE).filter(|circuit| circuit.n_cx() < self.n_pairs)
    }

    /// The first wire of the run is bit 0.
    fn unitary(&self) -> Matrix4 {
        self.nodes.iter().fold(Matrix4::identity(), |mut u, node| {
            match *node {
                Node::Rotation { wire, axis, angle } => {
                    rotate(&mut u, usize::from(wire == self.wires[1]), Matrix2::from(rotation(axis, angle.radians())));
                }
                Node::Pair { wires, axes: [p, q] } => {
                    apply_pair(&mut u, if wires[0] == self.wires[0] { [p, q] } else { [q, p] });
                }
            }
            u
        })
    }
}

fn rotation(axis: Axis, radians: f64) -> Su2 {
    match axis {
        Axis::X => Su2::rx(radians),
        Axis::Y => Su2::ry(radians),
        Axis::Z => Su2::rz(radians),
    }
}

/// `u ← gate · u` for a gate on one wire.
fn rotate(u: &mut Matrix4, wire: usize, gate: Matrix2) {
    let bit = 1 << wire;
    for r in (0..4).filter(|r| r & bit == 0) {
        for c in 0..4 {
            let (low, high) = (u.0[r][c], u.0[r | bit][c]);
            u.0[r][c] = gate.0[0][0] * low + gate.0[0][1] * high;
            u.0[r | bit][c] = gate.0[1][0] * low + gate.0[1][1] * high;
        }
    }
}

/// `u ← C(P, Q) · u = ½ (1 + P + Q − PQ) u`.
fn apply_pair(u: &mut Matrix4, axes: [Axis; 2]) {
    let rows = u.0;
    // A Pauli matrix takes row r to the row with some bits flipped, times a power of i.
    let pauli = |wire: usize, axis: Axis, r: usize| -> (usize, Complex64) {
        let is_set = r >> wire & 1 == 1;
        match axis {
            Axis::X => (r ^ 1 << wire, Complex64::ONE),
            Axis::Y => (r ^ 1 << wire, if is_set { Complex64::I } else { -Complex64::I }),
            Axis::Z => (r, if is_set { -Complex64::ONE } else { Complex64::ONE }),
        }
    };
    for r in 0..4 {
        let (p, q) = (pauli(0, axes[0], r), pauli(1, axes[1], r));
        let both = pauli(1, axes[1], p.0);
        let factor = p.1 * both.1;
        u.0[r] = from_fn(|c| (rows[r][c] + p.1 * rows[p.0][c] + q.1 * rows[q.0][c] - factor * rows[both.0][c]) * 0.5);
    }
}

/// `tr γ(U)` of the special unitary of a run, up to sign: `4 cos 2x cos 2y cos 2z + 4i sin 2x sin 2y sin 2z` for the
/// coordinates x, y, z. The determinant of a pair is −1, that of a rotation 1.
fn local_invariant(u: &Matrix4, n_pairs: usize) -> Complex64 {
    const SIGNS: [f64; 4] = [-1.0, 1.0, 1.0, -1.0];
    let mut trace = Complex64::ZERO;
    for (i, row_sign) in SIGNS.into_iter().enumerate() {
        for (j, column_sign) in SIGNS.into_iter().enumerate() {
            trace += u.0[i][j] * u.0[3 - i][3 - j] * (row_sign * column_sign);
        }
    }
    // A fourth root of the determinant, squared.
    if n_pairs % 2 == 1 { trace * -Complex64::I } else { trace }
}

#[cfg(test)]
mod tests {
    use super::super::Angles;
    use super::super::tests::{Kind, kinds, random};
    use super::super::write::write;
    use super::*;
    use bqc_linalg::Stream;
    use bqc_linalg::kak::Kak;
    use bqc_verify::block_distance;
    use proptest::prelude::*;

    /// A run that is read from a random circuit of two wires.
    fn run(kind: Kind, n_gates: usize, stream: &mut Stream) -> Run {
        let nodes = Tape::of(&random(kind, 2, n_gates, stream)).unwrap().nodes;
        let mut run = Run { wires: [0, 1], ..Run::default() };
        nodes.into_iter().for_each(|node| run.push(node));
        run
    }

    fn ends() -> impl Strategy<Value = End> {
        prop_oneof![Just(End::AnyPair), Just(End::StuckPair), Just(End::StuckGate)]
    }

    proptest! {
        #[test]
        fn clifford_runs_are_shortest(seed in 0u64..1 << 48, n_pairs in 1usize..8) {
            let mut stream = Stream::new(seed, 7, 13);
            let mut run = Run { wires: [0, 1], ..Run::default() };
            for _ in 0..n_pairs {
                let axes = [0, 1].map(|_| Axis::ALL[stream.below(3)]);
                run.push(Node::Pair { wires: if stream.chance(0.5) { [0, 1] } else { [1, 0] }, axes });
            }
            let n_left = run.shorter_clifford().map_or(n_pairs, |tape| tape.size().0);
            prop_assert_eq!(n_left, TwoQubitCircuit::synthesize(&run.unitary(), TOLERANCE).unwrap().n_cx());
        }

        #[test]
        fn runs_keep_the_unitary(seed in 0u64..1 << 48, kind in kinds(), width in 1usize..=6, n_gates in 0usize..150, end in ends()) {
            let circuit = random(kind, width, n_gates, &mut Stream::new(seed, 7, 6));
            let tape = Tape::of(&circuit).unwrap();
            let shorter = shorten_runs(&tape, end);
            prop_assert!(shorter.size().0 <= tape.size().0);
            prop_assert!(width != 2 || end == End::StuckGate || shorter.size().0 <= 3);
            prop_assert!(block_distance(&circuit, &write(&shorter, Angles::Free)).unwrap() < 1e-13);
        }

        #[test]
        fn the_invariant_is_that_of_the_coordinates(seed in 0u64..1 << 48, kind in kinds(), n_gates in 0usize..30) {
            let run = run(kind, n_gates, &mut Stream::new(seed, 7, 7));
            let unitary = run.unitary();
            let [x, y, z] = Kak::decompose(&unitary).unwrap().coordinates.map(|c| 2.0 * c);
            let expected = Complex64::new(x.cos() * y.cos() * z.cos(), x.sin() * y.sin() * z.sin()) * 4.0;
            let found = local_invariant(&unitary, run.n_pairs);
            // Reflections of the chamber conjugate it.
            let is_near = |value: Complex64| (value - expected).norm() < 1e-12 || (value + expected).norm() < 1e-12;
            prop_assert!(is_near(found) || is_near(found.conj()), "{found} {expected}");
            // What the invariant rules out is not possible.
            let n_cx = TwoQubitCircuit::synthesize(&unitary, TOLERANCE).unwrap().n_cx();
            prop_assert!(run.shorter().is_some() || n_cx >= run.n_pairs);
        }
    }
}
