//! The lowered form of a circuit: flat, over one-qubit gates, two-qubit gates and walls. What partition, windows,
//! merges, templates and files of ours work on.
//!
//! "Lowered" is a type: nothing else can stand in a [`Lowered`] circuit, so no reader checks for it. A gate is 32
//! bytes. One-qubit gates are `u3`; two-qubit gates are the rows of [`TwoQubitGate`], and a further native gate, with
//! an angle or without, is one more row there. A *wall* is a directive of the source (`measure`, `barrier`, `if`, …):
//! it stays where it is, nothing is optimised across it, and the lowered circuit names it by its number in
//! [`Frame`], which holds the registers and the directives once, however many versions of the circuit there are.
//! All of it is up to global phase (see [`gates`]).

use crate::gates::{self, GateId};
use crate::{BlockQubit, Circuit, Directive, GateCall, Operation, Qubit};
use bqc_linalg::Matrix;
use std::sync::Arc;

/// An index type of wires: [`Qubit`] of a circuit, [`BlockQubit`] of a block or window.
pub trait Wire: Copy + Eq + Ord + std::hash::Hash + std::fmt::Debug + Send + Sync + 'static {
    /// As an index into an array over all wires.
    fn index(self) -> usize;
    /// The wire with this index. Panics if the type has no such wire.
    fn at(index: usize) -> Self;
}

impl Wire for Qubit {
    fn index(self) -> usize {
        self.0 as usize
    }

    fn at(index: usize) -> Qubit {
        Qubit(u32::try_from(index).expect("a circuit has at most 2^32 wires"))
    }
}

impl Wire for BlockQubit {
    fn index(self) -> usize {
        self.0.into()
    }

    fn at(index: usize) -> BlockQubit {
        BlockQubit(u16::try_from(index).expect("a block has at most 65,535 wires"))
    }
}

/// The two-qubit gates of lowered circuits. The one place to add another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TwoQubitGate {
    /// Controlled X: the first wire is the control.
    Cx,
}

impl TwoQubitGate {
    /// Its row of the gate table. A row with an angle takes the gate's angle.
    pub fn id(self) -> GateId {
        match self {
            TwoQubitGate::Cx => gates::CX,
        }
    }

    /// Whether the gate has an angle; the angle of one that has none is zero.
    pub fn has_angle(self) -> bool {
        self.id().row().n_angles > 0
    }

    /// The angles as the gate table takes them.
    fn angles(self, angle: &f64) -> &[f64] {
        if self.has_angle() { std::slice::from_ref(angle) } else { &[] }
    }
}

/// A gate of a lowered circuit or of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LoweredGate<W = Qubit> {
    /// `u3(θ, φ, λ)`, angles in radians, exactly as they will be written out.
    One {
        /// The wire.
        wire: W,
        /// `[θ, φ, λ]`.
        angles: [f64; 3],
    },
    /// A gate on two different wires.
    Two {
        /// Which one.
        gate: TwoQubitGate,
        /// In the order of the gate table: the control of a `cx` first.
        wires: [W; 2],
        /// In radians; zero where the gate has none.
        angle: f64,
    },
}

impl<W: Wire> LoweredGate<W> {
    /// `cx control, target`.
    pub fn cx(control: W, target: W) -> LoweredGate<W> {
        LoweredGate::Two { gate: TwoQubitGate::Cx, wires: [control, target], angle: 0.0 }
    }

    /// `u3(θ, φ, λ) wire`.
    pub fn u3(wire: W, angles: [f64; 3]) -> LoweredGate<W> {
        LoweredGate::One { wire, angles }
    }

    /// The wires, in the order of the gate table.
    pub fn wires(&self) -> &[W] {
        match self {
            LoweredGate::One { wire, .. } => std::slice::from_ref(wire),
            LoweredGate::Two { wires, .. } => wires,
        }
    }

    /// Whether it acts on two wires.
    pub fn is_two_qubit(&self) -> bool {
        matches!(self, LoweredGate::Two { .. })
    }

    /// The same gate on other wires.
    pub fn map<V: Wire>(&self, f: impl Fn(W) -> V) -> LoweredGate<V> {
        match *self {
            LoweredGate::One { wire, angles } => LoweredGate::One { wire: f(wire), angles },
            LoweredGate::Two { gate, wires, angle } => LoweredGate::Two { gate, wires: wires.map(f), angle },
        }
    }

    /// The same gate with wire `b` on `wires[b]`.
    pub fn on<V: Wire>(&self, wires: &[V]) -> LoweredGate<V> {
        self.map(|wire| wires[wire.index()])
    }

    /// The same gate to the last bit: unlike `==`, NaN is itself, and zero is not minus zero.
    pub fn is_same(&self, other: &LoweredGate<W>) -> bool {
        match (self, other) {
            (LoweredGate::One { wire: a, angles: x }, LoweredGate::One { wire: b, angles: y }) => {
                a == b && x.map(f64::to_bits) == y.map(f64::to_bits)
            }
            (LoweredGate::Two { gate: g, wires: a, angle: x }, LoweredGate::Two { gate: h, wires: b, angle: y }) => {
                (g, a, x.to_bits()) == (h, b, y.to_bits())
            }
            _ => false,
        }
    }

    /// Its matrix: `2 × 2`, or `4 × 4` with the first wire as bit 0.
    pub fn matrix(&self) -> Matrix {
        match self {
            LoweredGate::One { angles, .. } => (gates::U3.row().unitary)(angles),
            LoweredGate::Two { gate, angle, .. } => (gate.id().row().unitary)(gate.angles(angle)),
        }
    }
}

impl LoweredGate<Qubit> {
    /// As a row of the gate table.
    pub fn to_call(&self) -> GateCall {
        match self {
            LoweredGate::One { wire, angles } => GateCall::u3(*angles, *wire),
            LoweredGate::Two { gate, wires, angle } => GateCall::new(gate.id(), gate.angles(angle), wires),
        }
    }
}

/// A step of a [`Sequence`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item<W> {
    /// A gate.
    Gate(LoweredGate<W>),
    /// The directive with this number: see [`Frame::wall`].
    Wall(u32),
}

/// One step of a lowered circuit.
pub type Step = Item<Qubit>;

const _: () = assert!(size_of::<Step>() == 32 && size_of::<LoweredGate<BlockQubit>>() == 32);

/// What all versions of a circuit have in common: registers, declarations and directives.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The registers and declarations, and the directives in the order of the source as its operations.
    circuit: Circuit,
}

impl Frame {
    /// The directive with this number, from 0 in the order of the source.
    pub fn wall(&self, number: u32) -> &Operation {
        &self.circuit.operations[number as usize]
    }

    /// Registers and declarations, and directives as operations.
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }
}

/// A lowered circuit.
#[derive(Clone, Debug, PartialEq)]
pub struct Lowered {
    frame: Arc<Frame>,
    /// Gates and walls in program order; walls in their own order.
    pub steps: Vec<Step>,
}

impl Lowered {
    /// Lowers a circuit. Linear in the number of gates.
    pub fn of(circuit: &Circuit) -> Lowered {
        let mut frame = circuit.empty_like();
        let (mut steps, mut gates) = (Vec::with_capacity(circuit.operations.len()), Vec::new());
        for operation in &circuit.operations {
            match operation {
                Operation::Gate(call) => {
                    gates::lower_call(call, &mut gates);
                    steps.extend(gates.drain(..).map(|gate| Step::Gate(gate.on(call.qubits()))));
                }
                Operation::Directive(_) => {
                    steps.push(Step::Wall(frame.operations.len() as u32));
                    frame.operations.push(operation.clone());
                }
            }
        }
        steps.shrink_to_fit();
        Lowered { frame: Arc::new(Frame { circuit: frame }), steps }
    }

    /// A circuit with the same registers and directives and these steps.
    pub fn with_steps(&self, steps: Vec<Step>) -> Lowered {
        Lowered { frame: self.frame.clone(), steps }
    }

    /// The same registers and declarations with other directives, as many as before, and these steps.
    pub fn with_walls(&self, walls: Vec<Operation>, steps: Vec<Step>) -> Lowered {
        let circuit = Circuit { operations: walls, ..self.frame.circuit.empty_like() };
        Lowered { frame: Arc::new(Frame { circuit }), steps }
    }

    /// As a circuit of the gate table.
    pub fn to_circuit(&self) -> Circuit {
        let mut circuit = self.frame.circuit.empty_like();
        circuit.operations.reserve_exact(self.steps.len());
        circuit.operations.extend(self.steps.iter().map(|step| match step {
            Step::Gate(gate) => Operation::Gate(gate.to_call()),
            Step::Wall(number) => self.frame.wall(*number).clone(),
        }));
        circuit
    }

    /// What it shares with its other versions.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Number of wires.
    pub fn n_qubits(&self) -> usize {
        self.frame.circuit.n_qubits()
    }

    /// The gates in program order.
    pub fn gates(&self) -> impl Iterator<Item = &LoweredGate> {
        self.steps.iter().filter_map(|step| match step {
            Step::Gate(gate) => Some(gate),
            Step::Wall(_) => None,
        })
    }

    /// Number of two-qubit gates.
    pub fn n_two_qubit(&self) -> usize {
        self.gates().filter(|gate| gate.is_two_qubit()).count()
    }
}

/// Gates and walls in program order: a lowered circuit, or a block, which has no walls. Lets one partitioner and one
/// rewriting work on both.
pub trait Sequence: Sync {
    /// The type of its wires.
    type Wire: Wire;
    /// Number of wires.
    fn n_wires(&self) -> usize;
    /// Number of steps.
    fn len(&self) -> usize;
    /// Whether there are no steps.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The step at this place.
    fn item(&self, index: usize) -> Item<Self::Wire>;
    /// The wires of a wall, each once; all wires if the wall is a barrier that names none.
    fn wall_wires(&self, number: u32) -> Vec<Self::Wire>;
}

impl Sequence for Lowered {
    type Wire = Qubit;

    fn n_wires(&self) -> usize {
        self.n_qubits()
    }

    fn len(&self) -> usize {
        self.steps.len()
    }

    fn item(&self, index: usize) -> Step {
        self.steps[index]
    }

    fn wall_wires(&self, number: u32) -> Vec<Qubit> {
        let operation = self.frame.wall(number);
        if matches!(operation, Operation::Directive(d) if **d == Directive::Barrier(vec![])) {
            return (0..self.n_qubits()).map(Qubit::at).collect();
        }
        let mut wires = Vec::new();
        operation.for_each_qubit(|q| wires.push(q));
        wires.sort_unstable();
        wires.dedup();
        wires
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Register;
    use bqc_linalg::{Stream, phase_distance};

    #[test]
    fn random_circuits_keep_their_unitary() {
        let mut stream = Stream::new(0, 3, 0);
        let gates: Vec<GateId> = GateId::all().collect();
        for _ in 0..20 {
            let mut circuit = Circuit::with_qubits(6);
            for _ in 0..20 {
                let gate = gates[stream.below(gates.len())];
                let mut wires: Vec<Qubit> = (0..6).map(Qubit).collect();
                stream.shuffle(&mut wires);
                let angles: Vec<f64> = (0..gate.row().n_angles).map(|_| stream.gaussian()).collect();
                circuit.push(GateCall::new(gate, &angles, &wires[..gate.row().arity]));
            }
            let lowered = Lowered::of(&circuit);
            let again = lowered.to_circuit();
            assert!(phase_distance(&circuit.unitary().unwrap(), &again.unitary().unwrap()) < 1e-13);
            assert_eq!(Lowered::of(&again), lowered, "lowered gates lower to themselves");
        }
    }

    #[test]
    fn directives_and_conditional_gates_stay() {
        let swap = GateCall::new(GateId::from_name("swap").unwrap(), &[], &[Qubit(0), Qubit(1)]);
        let conditional = Operation::Directive(Box::new(Directive::Conditional {
            creg: 0,
            value: "1".into(),
            operation: Box::new(Operation::Gate(swap)),
        }));
        let mut circuit = Circuit::with_qubits(2);
        circuit.cregs.push(Register { name: "c".into(), first: 0, size: 1 });
        circuit.operations = vec![conditional.clone(), Operation::Gate(swap), conditional.clone()];
        let lowered = Lowered::of(&circuit);
        assert_eq!((lowered.steps.len(), lowered.frame().circuit().operations.len()), (5, 2));
        assert_eq!((lowered.steps[0], lowered.steps[4]), (Step::Wall(0), Step::Wall(1)));
        assert_eq!(lowered.wall_wires(1), [Qubit(0), Qubit(1)]);
        assert_eq!(lowered.to_circuit().operations[4], conditional);
    }

    #[test]
    fn bits_decide_what_is_the_same_gate() {
        let gate = |theta: f64| LoweredGate::u3(Qubit(0), [theta, 0.0, 0.0]);
        assert!(gate(f64::NAN).is_same(&gate(f64::NAN)) && gate(1.0).is_same(&gate(1.0)));
        assert!(!gate(0.0).is_same(&gate(-0.0)));
        let cx = LoweredGate::cx(Qubit(0), Qubit(1));
        assert!(cx.is_same(&cx) && !cx.is_same(&LoweredGate::cx(Qubit(1), Qubit(0))) && !cx.is_same(&gate(0.0)));
    }
}
