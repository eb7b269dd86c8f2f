//! A whole circuit as it was read: gates of the table, and directives that are passed through.

use crate::gates::{self, Gate, GateId, MAX_ANGLES, MAX_ARITY};
use crate::{Clbit, Qubit};

/// A named register: `size` wires or bits from `first` on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The name in the source, kept in the output.
    pub name: String,
    /// Index of the register's first wire (or bit) among all wires (or bits).
    pub first: u32,
    /// How many wires (or bits) it has.
    pub size: u32,
}

/// A gate declared without a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpaqueGate {
    /// The declared name.
    pub name: String,
    /// Number of angles.
    pub n_angles: usize,
    /// Number of wires.
    pub arity: usize,
}

/// One row of the gate table applied to wires. Small and `Copy`, so a circuit is one flat array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateCall {
    gate: GateId,
    qubits: [Qubit; MAX_ARITY],
    angles: [f64; MAX_ANGLES],
}

impl GateCall {
    /// Applies `gate` to `qubits` with `angles` (radians). Panics if their numbers are not the
    /// table's: the reader has checked them before.
    pub fn new(gate: GateId, angles: &[f64], qubits: &[Qubit]) -> GateCall {
        let row = gate.row();
        assert_eq!((row.n_angles, row.arity), (angles.len(), qubits.len()), "wrong operands for `{}`", row.qasm);
        let mut call = GateCall { gate, qubits: [Qubit(0); MAX_ARITY], angles: [0.0; MAX_ANGLES] };
        call.qubits[..qubits.len()].copy_from_slice(qubits);
        call.angles[..angles.len()].copy_from_slice(angles);
        call
    }

    /// `cx control, target`.
    pub fn cx(control: Qubit, target: Qubit) -> GateCall {
        GateCall::new(gates::CX, &[], &[control, target])
    }

    /// `u3(θ, φ, λ) qubit`.
    pub fn u3(angles: [f64; 3], qubit: Qubit) -> GateCall {
        GateCall::new(gates::U3, &angles, &[qubit])
    }

    /// Which row of the table.
    pub fn gate(&self) -> GateId {
        self.gate
    }

    /// The row itself.
    pub fn row(&self) -> &'static Gate {
        self.gate.row()
    }

    /// The wires, in the order of the source.
    pub fn qubits(&self) -> &[Qubit] {
        &self.qubits[..self.row().arity]
    }

    /// The angles in radians, in the order of the source.
    pub fn angles(&self) -> &[f64] {
        &self.angles[..self.row().n_angles]
    }
}

/// Everything that is not a gate: kept in place and in order, never optimised across.
#[derive(Clone, Debug, PartialEq)]
pub enum Directive {
    /// `barrier` over these wires.
    Barrier(Vec<Qubit>),
    /// `measure qubit -> bit`.
    Measure {
        /// Measured wire.
        qubit: Qubit,
        /// Bit that receives the result.
        clbit: Clbit,
    },
    /// `reset qubit`.
    Reset(Qubit),
    /// `if (register == value) operation`; the operation is never itself conditional.
    Conditional {
        /// Index into [`Circuit::cregs`].
        creg: usize,
        /// The value compared with, as the source wrote it (registers may exceed 64 bits).
        value: String,
        /// What happens then.
        operation: Box<Operation>,
    },
    /// A gate without a definition. It can be read and counted, but not compiled.
    Opaque {
        /// Index into [`Circuit::opaque_gates`].
        gate: usize,
        /// Angles in radians.
        angles: Vec<f64>,
        /// Wires.
        qubits: Vec<Qubit>,
        /// Line of the application in the source, from 1, for the error when it is compiled.
        line: u32,
    },
}

/// One step of a circuit.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// A unitary gate of the table.
    Gate(GateCall),
    /// Anything else.
    Directive(Box<Directive>),
}

impl Operation {
    /// Calls `f` with every wire that the operation touches, in source order.
    pub fn for_each_qubit(&self, mut f: impl FnMut(Qubit)) {
        match self {
            Operation::Gate(call) => call.qubits().iter().copied().for_each(f),
            Operation::Directive(directive) => match &**directive {
                Directive::Barrier(qubits) | Directive::Opaque { qubits, .. } => qubits.iter().copied().for_each(f),
                Directive::Measure { qubit, .. } | Directive::Reset(qubit) => f(*qubit),
                Directive::Conditional { operation, .. } => operation.for_each_qubit_dyn(&mut f),
            },
        }
    }

    /// The same behind a pointer, so that the recursion above has one instance.
    fn for_each_qubit_dyn(&self, f: &mut dyn FnMut(Qubit)) {
        self.for_each_qubit(f);
    }

    /// The same operation on other wires.
    pub fn map_qubits(&self, to: &dyn Fn(Qubit) -> Qubit) -> Operation {
        let all = |qubits: &[Qubit]| qubits.iter().map(|&qubit| to(qubit)).collect();
        let directive = match self {
            Operation::Gate(call) => {
                let qubits: Vec<Qubit> = all(call.qubits());
                return Operation::Gate(GateCall::new(call.gate(), call.angles(), &qubits));
            }
            Operation::Directive(directive) => match &**directive {
                Directive::Barrier(qubits) => Directive::Barrier(all(qubits)),
                Directive::Measure { qubit, clbit } => Directive::Measure { qubit: to(*qubit), clbit: *clbit },
                Directive::Reset(qubit) => Directive::Reset(to(*qubit)),
                Directive::Conditional { creg, value, operation } => {
                    let operation = Box::new(operation.map_qubits(to));
                    Directive::Conditional { creg: *creg, value: value.clone(), operation }
                }
                Directive::Opaque { gate, angles, qubits, line } => {
                    Directive::Opaque { gate: *gate, angles: angles.clone(), qubits: all(qubits), line: *line }
                }
            },
        };
        Operation::Directive(Box::new(directive))
    }

    /// Calls `f` with every classical bit that the operation reads or writes.
    pub fn for_each_clbit(&self, circuit: &Circuit, f: &mut dyn FnMut(Clbit)) {
        if let Operation::Directive(directive) = self {
            match &**directive {
                Directive::Measure { clbit, .. } => f(*clbit),
                Directive::Conditional { creg, operation, .. } => {
                    let register = &circuit.cregs[*creg];
                    (register.first..register.first + register.size).for_each(|c| f(Clbit(c)));
                    operation.for_each_clbit(circuit, f);
                }
                _ => {}
            }
        }
    }
}

/// A circuit: registers and a sequence of operations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Circuit {
    /// Quantum registers in order of declaration; wires are numbered through them.
    pub qregs: Vec<Register>,
    /// Classical registers in order of declaration; bits are numbered through them.
    pub cregs: Vec<Register>,
    /// Gates declared `opaque`.
    pub opaque_gates: Vec<OpaqueGate>,
    /// The operations in program order.
    pub operations: Vec<Operation>,
}

impl Circuit {
    /// A circuit of `n` wires in one register `q`, without operations.
    pub fn with_qubits(n: u32) -> Circuit {
        let qregs = if n == 0 { vec![] } else { vec![Register { name: "q".into(), first: 0, size: n }] };
        Circuit { qregs, ..Circuit::default() }
    }

    /// A circuit with the same registers and declarations, without operations.
    pub fn empty_like(&self) -> Circuit {
        Circuit {
            qregs: self.qregs.clone(),
            cregs: self.cregs.clone(),
            opaque_gates: self.opaque_gates.clone(),
            operations: Vec::new(),
        }
    }

    /// Number of wires.
    pub fn n_qubits(&self) -> usize {
        self.qregs.last().map_or(0, |r| (r.first + r.size) as usize)
    }

    /// Number of classical bits.
    pub fn n_clbits(&self) -> usize {
        self.cregs.last().map_or(0, |r| (r.first + r.size) as usize)
    }

    /// Appends a gate.
    pub fn push(&mut self, call: GateCall) {
        self.operations.push(Operation::Gate(call));
    }
}
