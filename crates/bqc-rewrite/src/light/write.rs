//! A tape as gates again: CX and as few one-qubit gates as `places` finds.
//!
//! Signs of frames that are left at the end are Pauli matrices, which pass every CX backwards (`X` on a control becomes
//! `X` on both wires, `Z` on a target becomes `Z` on both) and vanish in the first one-qubit gate that they meet. They
//! are written where fewest of them are left (the frames of Gottesman, quant-ph/9807006, and Knill, quant-ph/0410199).

use super::Angles;
use super::angle::Angle;
use super::clifford::{Axis, Clifford, Signed};
use super::euler::Euler;
use super::places::{NONE, Places};
use super::tape::{Node, Tape};
use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit, Wire};
use std::collections::HashMap;

/// A gate that is written.
#[derive(Clone, Copy)]
enum Gate {
    One { wire: usize, gate: Euler },
    Cx { control: usize, target: usize },
}

/// Writes a tape, with CX the way round that they had or with fewer one-qubit gates, whichever is smaller. Where angles
/// are kept, one-qubit gates whose product has other angles stay apart. Linear.
pub(crate) fn write(tape: &Tape, angles: Angles) -> BlockCircuit {
    let [straight, turned] = [false, true].map(|may_turn| Places::of(tape, may_turn));
    let places = if turned.n_gates < straight.n_gates { turned } else { straight };
    let mut writer = Writer::new(tape, &places, angles);
    for (index, node) in tape.nodes.iter().enumerate() {
        if let Node::Pair { wires, axes } = *node {
            writer.pair(index, wires.map(|wire| wire as usize), axes);
        }
    }
    let paulis = writer.finish();
    let mut circuit = BlockCircuit::new(tape.width().try_into().expect("a tape is as wide as its circuit"));
    circuit.gates.extend(with_paulis(writer.gates, paulis).into_iter().filter_map(|gate| match gate {
        Gate::One { gate, .. } if gate.is_identity() => None,
        Gate::One { wire, gate } => Some(BlockGate::u3(BlockQubit::at(wire), gate.radians())),
        Gate::Cx { control, target } => Some(BlockGate::cx(BlockQubit::at(control), BlockQubit::at(target))),
    }));
    circuit
}

struct Writer<'a> {
    tape: &'a Tape,
    places: &'a Places,
    angles: Angles,
    /// The nodes written at the beginning of stretch `s`: `rotations[first[s]..first[s + 1]]`.
    rotations: Vec<u32>,
    first: Vec<u32>,
    /// For each wire the frame in which it is written.
    frames: Vec<Clifford>,
    gates: Vec<Gate>,
    /// One-qubit Clifford gates by their conjugation.
    cliffords: HashMap<Clifford, Euler>,
}

impl<'a> Writer<'a> {
    fn new(tape: &'a Tape, places: &'a Places, angles: Angles) -> Writer<'a> {
        let is_rotation = |index: &usize| matches!(tape.nodes[*index], Node::Rotation { .. });
        let mut first = vec![0u32; places.stretches.len() + 2];
        let rotations = || (0..tape.nodes.len()).filter(is_rotation).map(|index| (index, places.of_node[index]));
        // Counting sort: sums shifted by one place more than needed become the beginnings while they are filled.
        rotations().for_each(|(_, stretch)| first[stretch as usize + 2] += 1);
        (1..first.len()).for_each(|s| first[s] += first[s - 1]);
        let mut sorted = vec![0; first[first.len() - 1] as usize];
        for (index, stretch) in rotations() {
            let at = &mut first[stretch as usize + 1];
            sorted[*at as usize] = index as u32;
            *at += 1;
        }
        let (frames, cliffords) = (vec![Clifford::IDENTITY; tape.width()], HashMap::new());
        Writer { tape, places, angles, rotations: sorted, first, frames, gates: Vec::new(), cliffords }
    }

    /// The one-qubit gate of a conjugation.
    fn clifford(&mut self, wanted: Clifford) -> Euler {
        *self.cliffords.entry(wanted).or_insert_with(|| Euler::clifford(wanted))
    }

    /// Writes the rotations at the beginning of a stretch, in the frame before it, and then the change to `frame`.
    fn begin(&mut self, wire: usize, stretch: u32, frame: Clifford) {
        let before = self.frames[wire];
        let mut gate = Euler::IDENTITY;
        for at in self.first[stretch as usize]..self.first[stretch as usize + 1] {
            if let Node::Rotation { axis, angle, .. } = self.tape.nodes[self.rotations[at as usize] as usize] {
                gate = self.append(wire, gate, rotation(before.image(axis), angle));
            }
        }
        self.frames[wire] = frame;
        // frame · before†.
        let change = before.inverse().then(frame);
        let change = self.clifford(change);
        let gate = self.append(wire, gate, change);
        self.gates.push(Gate::One { wire, gate });
    }

    /// The product of two gates, or the second one after writing the first.
    fn append(&mut self, wire: usize, gate: Euler, next: Euler) -> Euler {
        match gate.then_exactly(next) {
            Some(product) => product,
            None if self.angles == Angles::Free => gate.then(next),
            None => {
                self.gates.push(Gate::One { wire, gate });
                next
            }
        }
    }

    fn pair(&mut self, index: usize, wires: [usize; 2], axes: [Axis; 2]) {
        for (wire, stretch) in wires.into_iter().zip(self.places.begins[index]) {
            if stretch != NONE {
                let frame = Clifford::with_axes(self.places.stretches[stretch as usize].class);
                self.begin(wire, stretch, frame);
            }
        }
        let control = self.places.of_node[index] as usize;
        let (c, t) = (wires[control], wires[1 - control]);
        let (z, x) = (self.frames[c].image(axes[control]), self.frames[t].image(axes[1 - control]));
        debug_assert_eq!((z.axis, x.axis), (Axis::Z, Axis::X));
        self.gates.push(Gate::Cx { control: c, target: t });
        // C(−Z, X) = CX · X, so the CX that is written leaves an X behind.
        if z.is_negative {
            self.frames[t] = self.frames[t].then(Clifford::pauli(Axis::X));
        }
        if x.is_negative {
            self.frames[c] = self.frames[c].then(Clifford::pauli(Axis::Z));
        }
    }

    /// The gates at the ends of the wires. Those that are at most Pauli matrices are given back instead.
    fn finish(&mut self) -> Vec<Clifford> {
        (0..self.tape.width())
            .map(|wire| {
                let (stretch, frame) = (self.places.last[wire], self.tape.frames[wire].inverse());
                if stretch == NONE {
                    return self.frames[wire].inverse().then(frame);
                }
                self.begin(wire, stretch, frame);
                Clifford::IDENTITY
            })
            .collect()
    }
}

/// `exp(−iθA/2)` about an axis with a sign.
fn rotation(axis: Signed, angle: Angle) -> Euler {
    Euler::rotation(axis.axis, if axis.is_negative { -angle } else { angle })
}

/// The Pauli matrices of all wires at one place of a circuit, signs aside.
struct Paulis {
    /// For each wire whether it has a factor X and a factor Z.
    factors: Vec<[bool; 2]>,
    weight: usize,
}

impl Paulis {
    fn change(&mut self, wire: usize, change: impl FnOnce([bool; 2]) -> [bool; 2]) {
        let factors = &mut self.factors[wire];
        self.weight -= usize::from(*factors != [false; 2]);
        *factors = change(*factors);
        self.weight += usize::from(*factors != [false; 2]);
    }

    /// Moves to before a gate, and gives what the gate has taken up.
    fn pass(&mut self, gate: &Gate) -> Option<Axis> {
        match *gate {
            Gate::One { wire, .. } => {
                let taken = axis(self.factors[wire]);
                self.change(wire, |_| [false; 2]);
                taken
            }
            Gate::Cx { control, target } => {
                let (x, z) = (self.factors[control][0], self.factors[target][1]);
                self.change(target, |[was, keeps]| [was != x, keeps]);
                self.change(control, |[keeps, was]| [keeps, was != z]);
                None
            }
        }
    }
}

fn axis(factors: [bool; 2]) -> Option<Axis> {
    match factors {
        [false, false] => None,
        [true, false] => Some(Axis::X),
        [true, true] => Some(Axis::Y),
        [false, true] => Some(Axis::Z),
    }
}

/// The gates with these conjugations by Pauli matrices after them, where they need fewest gates.
fn with_paulis(mut gates: Vec<Gate>, last: Vec<Clifford>) -> Vec<Gate> {
    let start = || {
        let mut paulis = Paulis { factors: vec![[false; 2]; last.len()], weight: 0 };
        for (wire, pauli) in last.iter().enumerate() {
            let pauli = pauli.as_pauli();
            paulis.change(wire, |_| [pauli.is_some_and(|a| a != Axis::Z), pauli.is_some_and(|a| a != Axis::X)]);
        }
        paulis
    };
    let mut paulis = start();
    let (mut place, mut fewest) = (gates.len(), paulis.weight);
    for at in (0..gates.len()).rev() {
        if fewest == 0 {
            break;
        }
        paulis.pass(&gates[at]);
        if paulis.weight < fewest {
            (place, fewest) = (at, paulis.weight);
        }
    }
    let mut paulis = start();
    for gate in gates[place..].iter_mut().rev() {
        let taken = paulis.pass(gate);
        if let (Some(axis), Gate::One { gate, .. }) = (taken, gate) {
            *gate = gate.then(Euler::rotation(axis, Angle::HALF));
        }
    }
    let written = paulis.factors.iter().enumerate().filter_map(|(wire, &factors)| {
        axis(factors).map(|axis| Gate::One { wire, gate: Euler::rotation(axis, Angle::HALF) })
    });
    gates.splice(place..place, written);
    gates
}
