//! Gates with their phase: what modifiers turn into other gates.
//!
//! The table of gates knows each matrix up to a global phase in the end, but under `ctrl @` that phase is one between
//! states. A [`Leaf`] carries it: it means `e^{i·phase}` times the row's matrix. The rows' matrices are those of
//! version 3 except for three, whose phase [`Leaf::row`] adds (OpenQASM 3, "Gates" and "Standard library"):
//! `U(θ,φ,λ)` is `e^{iθ/2}` times the matrix that begins with cos θ/2, and `u2` and `u3` are `e^{-i(φ+λ)/2}` times it.

use crate::v3::power;
use crate::v3::problem::Problem3;
use bqc_circuit::gates::{self, GateId, lowered};
use bqc_circuit::{GateCall, Operation, Qubit};
use std::f64::consts::FRAC_PI_2;

/// A wire that a gate is controlled by, and whether it must be one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Control {
    pub qubit: Qubit,
    pub on_one: bool,
}

/// What a leaf does where its controls allow it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Base {
    Gate(GateCall),
    /// Nothing but the phase.
    Phase,
    Barrier(Vec<Qubit>),
}

/// A gate that nothing can be inlined in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaf {
    pub base: Base,
    /// In radians.
    pub phase: f64,
    /// The outermost first.
    pub controls: Vec<Control>,
}

/// The row of this name with these operands.
pub(crate) fn call(name: &str, angles: &[f64], qubits: &[Qubit]) -> GateCall {
    GateCall::new(GateId::from_name(name).unwrap_or(gates::U3), angles, qubits)
}

/// Rows that are their own inverse.
const INVOLUTIONS: [&str; 17] =
    ["cx", "id", "u0", "x", "y", "z", "h", "cz", "cy", "ch", "ccx", "swap", "cswap", "rccx", "ecr", "ccz", "c3x"];
/// Rows that undo each other.
const PAIRS: [(&str, &str); 4] = [("s", "sdg"), ("t", "tdg"), ("sx", "sxdg"), ("cs", "csdg")];
/// Rows of which the first angle is a factor in the exponent: its negative is the inverse, its double the square.
const ROTATIONS: [&str; 18] = [
    "rx",
    "ry",
    "rz",
    "u1",
    "p",
    "crz",
    "cu1",
    "cp",
    "crx",
    "cry",
    "rxx",
    "rzz",
    "ryy",
    "rzx",
    "r",
    "xx_minus_yy",
    "xx_plus_yy",
    "phase",
];
/// Rows whose power of this order is the identity.
const ORDERS: [(&str, i64); 11] = [
    ("c4x", 2),
    ("s", 4),
    ("sdg", 4),
    ("sx", 4),
    ("sxdg", 4),
    ("cs", 4),
    ("csdg", 4),
    ("csx", 4),
    ("iswap", 4),
    ("t", 8),
    ("tdg", 8),
];

impl Leaf {
    /// A row as version 3 means it; `is_builtin` if the source says `U`.
    pub fn row(call: GateCall, is_builtin: bool) -> Leaf {
        let angles = call.angles();
        let phase = match call.row().qasm {
            "u3" if is_builtin => angles[0] / 2.0,
            "u3" => -(angles[1] + angles[2]) / 2.0,
            "u2" => -(angles[0] + angles[1]) / 2.0,
            _ => 0.0,
        };
        Leaf { base: Base::Gate(call), phase, controls: Vec::new() }
    }

    /// `gphase(radians)`.
    pub fn phase(radians: f64) -> Leaf {
        Leaf { base: Base::Phase, phase: radians, controls: Vec::new() }
    }

    /// Wires and name of the row, if it is one.
    pub fn name(&self) -> &'static str {
        match &self.base {
            Base::Gate(call) => call.row().qasm,
            Base::Phase => "gphase",
            Base::Barrier(_) => "barrier",
        }
    }

    /// The same with another gate.
    fn with(&self, call: GateCall, phase: f64) -> Leaf {
        Leaf { base: Base::Gate(call), phase, controls: self.controls.clone() }
    }

    /// The inverse: one gate, except for a few rows.
    pub fn inverse(&self) -> Vec<Leaf> {
        let Base::Gate(call) = &self.base else {
            return vec![Leaf { phase: -self.phase, ..self.clone() }];
        };
        let (angles, qubits) = (call.angles(), call.qubits());
        let name = call.row().qasm;
        let one = |name: &str, angles: &[f64], qubits: &[Qubit]| {
            vec![self.with(crate::v3::leaf::call(name, angles, qubits), -self.phase)]
        };
        if INVOLUTIONS.contains(&name) || name == "c4x" {
            return one(name, angles, qubits);
        }
        if ROTATIONS.contains(&name) {
            let mut angles = angles.to_vec();
            angles[0] = -angles[0];
            return one(name, &angles, qubits);
        }
        if let Some((a, b)) = PAIRS.iter().find(|(a, b)| *a == name || *b == name) {
            return one(if *a == name { b } else { a }, angles, qubits);
        }
        match (name, angles) {
            ("u3" | "u" | "cu3", &[theta, phi, lambda]) => one(name, &[-theta, -lambda, -phi], qubits),
            ("cu", &[theta, phi, lambda, gamma]) => one(name, &[-theta, -lambda, -phi, -gamma], qubits),
            ("u2", &[phi, lambda]) => one("u3", &[-FRAC_PI_2, -lambda, -phi], qubits),
            ("dcx", _) => one(name, &[], &[qubits[1], qubits[0]]),
            ("csx" | "c3sx" | "c3sqrtx", _) => {
                let leaf = self.uncontrolled();
                let target = [qubits[qubits.len() - 1]];
                vec![leaf.with(crate::v3::leaf::call("sxdg", &[], &target), -self.phase)]
            }
            _ => self.lowered().iter().rev().flat_map(Leaf::inverse).collect(),
        }
    }

    /// Steps that a copy costs, as [`crate::Limits::STEPS_PER_OPERATION`] counts them: its lists are as long.
    pub fn steps(&self) -> u64 {
        let qubits = if let Base::Barrier(qubits) = &self.base { qubits.len() } else { 0 };
        1 + self.controls.len() as u64 + qubits as u64
    }

    /// The power `k`, above 0: a leaf, how often it repeats, and a leaf that follows the last one.
    pub fn power(&self, k: i64) -> (Leaf, u64, Option<Leaf>) {
        let Base::Gate(call) = &self.base else {
            // Barriers are one, however many stand behind each other.
            return (Leaf { phase: self.phase * k as f64, ..self.clone() }, 1, None);
        };
        let name = call.row().qasm;
        if ROTATIONS.contains(&name) && k > 1 {
            let mut angles = call.angles().to_vec();
            angles[0] *= k as f64;
            let call = GateCall::new(call.gate(), &angles, call.qubits());
            return (self.with(call, self.phase * k as f64), 1, None);
        }
        let order = match ORDERS.iter().find(|(row, _)| *row == name) {
            Some((_, order)) => *order,
            None if INVOLUTIONS.contains(&name) => 2,
            None => i64::MAX,
        };
        if k > 1
            && order == i64::MAX
            && !matches!(self.one_qubit(), (_, None))
            && let Some(leaf) = power::of_leaf(self, &[k as f64])
        {
            return (leaf, 1, None);
        }
        // The phase is one of every repetition, also of those that cancel.
        let phase = Leaf { base: Base::Phase, phase: self.phase * k as f64, controls: self.controls.clone() };
        let n = (k % order).unsigned_abs();
        (Leaf { phase: 0.0, ..self.clone() }, n, (self.phase != 0.0).then_some(phase))
    }

    /// The power by an exponent that is not whole, by the principal logarithm; `exponents` from the innermost out.
    ///
    /// # Errors
    /// [`Problem3::Power`] for a gate that is neither on one qubit under its controls nor a rotation about two Paulis.
    pub fn real_power(&self, exponents: &[f64]) -> Result<Leaf, Problem3> {
        let exponent = exponents.iter().copied().find(|e| e.fract() != 0.0).unwrap_or(0.5);
        power::of_leaf(self, exponents).ok_or_else(|| Problem3::Power { exponent, gate: self.name().into() })
    }

    /// The same with the controls that the row itself has among its controls.
    pub fn uncontrolled(&self) -> Leaf {
        let Base::Gate(call) = &self.base else { return self.clone() };
        let mut angles = call.angles().to_vec();
        let mut gamma = 0.0;
        let (n, base) = match call.row().qasm {
            "cx" => (1, "x"),
            "cy" => (1, "y"),
            "cz" => (1, "z"),
            "ch" => (1, "h"),
            "cs" => (1, "s"),
            "csdg" => (1, "sdg"),
            "csx" => (1, "sx"),
            "crx" => (1, "rx"),
            "cry" => (1, "ry"),
            "crz" => (1, "rz"),
            "cp" | "cu1" => (1, "p"),
            "cu3" => (1, "u"),
            "cu" => {
                gamma = angles.pop().unwrap_or(0.0);
                (1, "u")
            }
            "cswap" => (1, "swap"),
            "ccx" => (2, "x"),
            "ccz" => (2, "z"),
            "c3x" => (3, "x"),
            "c3sx" | "c3sqrtx" => (3, "sx"),
            "c4x" => (4, "x"),
            _ => return self.clone(),
        };
        let (own, targets) = call.qubits().split_at(n);
        let mut controls = self.controls.clone();
        controls.extend(own.iter().map(|&qubit| Control { qubit, on_one: true }));
        // These rows have no phase of their own, so that what is inside them has `gamma` alone.
        Leaf { base: Base::Gate(crate::v3::leaf::call(base, &angles, targets)), phase: gamma, controls }
    }

    /// The leaf with its row's controls taken out, and the wire of its gate if it is on one qubit.
    pub fn one_qubit(&self) -> (Leaf, Option<Qubit>) {
        let leaf = self.uncontrolled();
        let qubit = match &leaf.base {
            Base::Gate(call) if call.qubits().len() == 1 => Some(call.qubits()[0]),
            _ => None,
        };
        (leaf, qubit)
    }

    /// The same as `cx` and `u3`, with the phase that makes it exact; itself if it is no gate.
    pub fn lowered(&self) -> Vec<Leaf> {
        let Base::Gate(call) = &self.base else { return vec![self.clone()] };
        let block = lowered(call.gate(), call.angles());
        let (exact, found) = ((call.row().unitary)(call.angles()), block.unitary());
        // The first column has an element of at least 1/√N; the phase is that of the quotient there.
        let size = |row: usize| exact[(row, 0)].norm_sqr();
        let row = (0..exact.rows()).max_by(|&a, &b| size(a).total_cmp(&size(b))).unwrap_or(0);
        let quotient = exact[(row, 0)] * found[(row, 0)].conj();
        let phase = self.phase + quotient.im.atan2(quotient.re);
        let mut leaves = vec![Leaf { base: Base::Phase, phase, controls: self.controls.clone() }];
        for operation in block.to_circuit().operations {
            if let Operation::Gate(inner) = operation {
                let qubits: Vec<Qubit> = inner.qubits().iter().map(|q| call.qubits()[q.index()]).collect();
                // `u` is the matrix that begins with the cosine, which `u3` of version 3 is not.
                let name = if inner.qubits().len() == 1 { "u" } else { "cx" };
                leaves.push(self.with(crate::v3::leaf::call(name, inner.angles(), &qubits), 0.0));
            }
        }
        leaves
    }
}
