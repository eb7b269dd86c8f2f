//! Circuits as the verifier runs them: every matrix written out once, before any state is touched.
//!
//! Blocks give `u3` and `cx` steps. Whole circuits use the matrices of the gate table directly and
//! are not lowered first, so that an error of the lowering is seen as well.

use crate::mix::{Mix, MixMap};
use crate::states::{Matrix2, States};
use bqc_circuit::gates::{self, GateId, MAX_ANGLES};
use bqc_circuit::{BlockCircuit, GateCall, LoweredGate, Qubit, TwoQubitGate, Wire};
use bqc_linalg::{Matrix, Stream};
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::Arc;

/// A nonzero element of a matrix row: `(column, [re, im])`.
type Element = (usize, [f64; 2]);

/// A gate matrix without its identity rows and zero elements.
pub(crate) struct SparseGate {
    /// Columns that some kept row reads.
    pub(crate) read: Vec<usize>,
    /// Rows that differ from the identity's, with their elements.
    pub(crate) rows: Vec<(usize, Vec<Element>)>,
}

impl SparseGate {
    pub(crate) fn new(gate: &Matrix) -> SparseGate {
        let mut rows = Vec::new();
        for r in 0..gate.rows() {
            let elements: Vec<Element> = (0..gate.cols())
                .map(|c| (c, [gate[(r, c)].re, gate[(r, c)].im]))
                .filter(|(_, x)| *x != [0.0, 0.0])
                .collect();
            if elements != [(r, [1.0, 0.0])] {
                rows.push((r, elements));
            }
        }
        let mut read: Vec<usize> = rows.iter().flat_map(|(_, row)| row.iter().map(|(c, _)| *c)).collect();
        read.sort_unstable();
        read.dedup();
        SparseGate { read, rows }
    }
}

/// One step of a program, on wires of the states.
pub(crate) enum Step {
    /// A one-qubit gate.
    One { qubit: usize, gate: Matrix2 },
    /// Controlled X.
    Cx { control: usize, target: usize },
    /// Any gate on two wires or more.
    Many { gate: Arc<SparseGate>, qubits: Vec<usize> },
    /// Something whose effect depends on the branch.
    Branching { key: u64, kind: Box<Branching> },
}

/// A step that is not unitary, or happens only sometimes.
pub(crate) enum Branching {
    /// Projects a wire on the branch's outcome.
    Measure { qubit: usize },
    /// Projects a wire on the branch's outcome and then returns it to zero.
    Reset { qubit: usize },
    /// Happens in half of the branches.
    Conditional(Step),
}

/// One choice of outcomes and conditions, fixed by `(seed, sample)`, and kept for the second circuit.
pub(crate) struct Branch {
    seed: u64,
    sample: u64,
    /// Outcome of each measured key and the norm that the first circuit kept.
    outcomes: HashMap<u64, (bool, f64)>,
}

/// Outcomes rarer than this are not followed where the other one is possible: scaling a branch of
/// weight 1e-6 back to norm one multiplies rounding errors by a thousand.
const RAREST_OUTCOME: f64 = 1e-6;

impl Branch {
    pub(crate) fn new(seed: u64, sample: u64) -> Branch {
        Branch { seed, sample, outcomes: HashMap::new() }
    }

    fn coin(&self, key: u64, purpose: u64) -> bool {
        Stream::new(self.seed ^ purpose, key, self.sample).chance(0.5)
    }

    /// The outcome at `key` and the square root of its weight in the first circuit that asked.
    fn outcome(&mut self, key: u64, qubit: usize, states: &States) -> (bool, f64) {
        if let Some(known) = self.outcomes.get(&key) {
            return *known;
        }
        let weights = states.weights(qubit);
        let total = weights[0] + weights[1];
        let wanted = self.coin(key, 1);
        let outcome = if weights[usize::from(wanted)] < RAREST_OUTCOME * total { !wanted } else { wanted };
        let chosen = (outcome, (weights[usize::from(outcome)] / total).sqrt());
        self.outcomes.insert(key, chosen);
        chosen
    }
}

/// Matrices of the gate table that a circuit has asked for: most of its gates are few kinds.
#[derive(Default)]
pub(crate) struct Gates {
    /// Gates on several wires that have no angle.
    many: MixMap<GateId, Arc<SparseGate>>,
    /// One-qubit gates, each with its gate and the bits of its angles, in the place of their hash; a new one takes the
    /// place of another.
    one: Vec<Option<(OneQubitKey, Matrix2)>>,
}

/// A one-qubit gate of the table and the bits of its angles.
type OneQubitKey = (GateId, [u64; MAX_ANGLES]);

/// Places for one-qubit gates, 7 KiB.
const N_PLACES: usize = 64;

impl Gates {
    /// The step of a gate, whose wires are those of `at`.
    pub(crate) fn step(&mut self, call: &GateCall, at: impl Fn(&Qubit) -> usize) -> Step {
        match call.qubits() {
            [control, target] if call.gate() == gates::CX => Step::Cx { control: at(control), target: at(target) },
            [qubit] => Step::One { qubit: at(qubit), gate: self.one(call) },
            qubits => Step::Many { gate: self.many(call), qubits: qubits.iter().map(at).collect() },
        }
    }

    fn one(&mut self, call: &GateCall) -> Matrix2 {
        let mut bits = [0; MAX_ANGLES];
        bits.iter_mut().zip(call.angles()).for_each(|(bits, angle)| *bits = angle.to_bits());
        let key = (call.gate(), bits);
        self.one.resize(N_PLACES, None);
        let place = &mut self.one[BuildHasherDefault::<Mix>::default().hash_one(key) as usize % N_PLACES];
        match place {
            Some((known, gate)) if *known == key => *gate,
            _ => {
                let m = (call.row().unitary)(call.angles());
                let gate = [0, 1].map(|r| [0, 1].map(|c| [m[(r, c)].re, m[(r, c)].im]));
                *place = Some((key, gate));
                gate
            }
        }
    }

    fn many(&mut self, call: &GateCall) -> Arc<SparseGate> {
        let new = || Arc::new(SparseGate::new(&(call.row().unitary)(call.angles())));
        if call.angles().is_empty() { self.many.entry(call.gate()).or_insert_with(new).clone() } else { new() }
    }
}

impl Step {
    /// Applies the step. A program with branching steps must be given a branch.
    pub(crate) fn apply(&self, states: &mut States, branch: &mut Branch) {
        match self {
            Step::One { qubit, gate } => states.apply_one(*qubit, gate),
            Step::Cx { control, target } => states.apply_cx(*control, *target),
            Step::Many { gate, qubits } => states.apply_sparse(gate, qubits),
            Step::Branching { key, kind } => match &**kind {
                Branching::Measure { qubit } => {
                    let (outcome, kept) = branch.outcome(*key, *qubit, states);
                    states.project(*qubit, outcome);
                    states.scale(1.0 / kept);
                }
                Branching::Reset { qubit } => {
                    let (outcome, kept) = branch.outcome(*key, *qubit, states);
                    states.project(*qubit, outcome);
                    states.scale(1.0 / kept);
                    if outcome {
                        states.apply_one(*qubit, &[[[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]]);
                    }
                }
                Branching::Conditional(step) => {
                    if branch.coin(*key, 2) {
                        step.apply(states, branch);
                    }
                }
            },
        }
    }
}

/// Joins one-qubit gates that follow one another on a wire into one matrix each.
pub(crate) fn joined(n_qubits: usize, steps: impl Iterator<Item = Step>) -> Vec<Step> {
    let mut waiting: Vec<Option<Matrix2>> = vec![None; n_qubits];
    let mut out = Vec::new();
    let release = |out: &mut Vec<Step>, (qubit, gate): (usize, &mut Option<Matrix2>)| {
        out.extend(gate.take().map(|gate| Step::One { qubit, gate }));
    };
    for step in steps {
        match &step {
            Step::One { qubit, gate } => {
                let waiting = &mut waiting[*qubit];
                *waiting = Some(waiting.map_or(*gate, |before| product(gate, &before)));
                continue;
            }
            Step::Cx { control, target } => {
                [*control, *target].into_iter().for_each(|qubit| release(&mut out, (qubit, &mut waiting[qubit])));
            }
            Step::Many { qubits, .. } => {
                qubits.iter().for_each(|&qubit| release(&mut out, (qubit, &mut waiting[qubit])));
            }
            // Its wires may be those of a gate inside.
            Step::Branching { .. } => waiting.iter_mut().enumerate().for_each(|gate| release(&mut out, gate)),
        }
        out.push(step);
    }
    waiting.iter_mut().enumerate().for_each(|gate| release(&mut out, gate));
    out
}

/// `a·b`.
fn product(a: &Matrix2, b: &Matrix2) -> Matrix2 {
    let element = |r: usize, c: usize| {
        let mut sum = [0.0; 2];
        for k in 0..2 {
            let ([ar, ai], [br, bi]) = (a[r][k], b[k][c]);
            sum[0] += ar * br - ai * bi;
            sum[1] += ar * bi + ai * br;
        }
        sum
    };
    [0, 1].map(|r| [0, 1].map(|c| element(r, c)))
}

/// The matrix of `u3(θ, φ, λ)` in OpenQASM 2's definition, up to global phase as everywhere here.
pub(crate) fn u3([theta, phi, lambda]: [f64; 3]) -> Matrix2 {
    let (s, c) = (theta / 2.0).sin_cos();
    let ((sp, cp), (sl, cl), (sb, cb)) = (phi.sin_cos(), lambda.sin_cos(), (phi + lambda).sin_cos());
    [[[c, 0.0], [-cl * s, -sl * s]], [[cp * s, sp * s], [cb * c, sb * c]]]
}

/// The step of a lowered gate, on the wires' indices.
pub(crate) fn gate_step<W: Wire>(gate: &LoweredGate<W>) -> Step {
    match gate {
        LoweredGate::One { wire, angles } => Step::One { qubit: wire.index(), gate: u3(*angles) },
        LoweredGate::Two { gate: TwoQubitGate::Cx, wires: [control, target], .. } => {
            Step::Cx { control: control.index(), target: target.index() }
        }
    }
}

/// The steps of a block; `None` if a gate names a wire that the block does not have, or one wire twice.
pub(crate) fn block_steps(block: &BlockCircuit) -> Option<Vec<Step>> {
    block.is_well_formed().then(|| block.gates.iter().map(gate_step).collect())
}
