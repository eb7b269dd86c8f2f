//! Whole circuits against each other: exactly if they are small, on random states if they fit, by Pauli forms or path
//! sums if they are wide.
//!
//! Wires are compared by index, wires that neither circuit uses are left out first. Gates are the
//! matrices of the gate table. What is not a gate is treated like this:
//! * barriers order things and do nothing else: they are ignored;
//! * `measure`, `reset` and `if` must be the same ones, in the same order on every wire and every
//!   classical bit; anything else is [`Incomparable::DirectivesDiffer`];
//! * a measurement after which its wire is never used again is left out: the states just before it
//!   are compared, which is stricter than comparing outcomes;
//! * other circuits with directives are compared branch by branch. A branch fixes the outcome of
//!   every measurement and reset (the projector is applied, and both states are scaled by the
//!   weight that it had in the first circuit) and whether each `if` happens, by a coin and not by
//!   the bits, because the classical history is the same in both by the rule above. A rewriting that
//!   is right only because some value can never occur is therefore reported as a difference.
//!
//! On request equality is proved by algebra first: circuits whose angles are multiples of π/2^k and that differ by
//! commuting, merging and Cliffords alone are exactly equal then, at any width.
//!
//! Where no state fits, Pauli forms or sums over paths may still bound the distance (`pauli`, `pathsum`, `wide`). They
//! prove that circuits are close, and never that they differ.

mod wide;

use crate::program::{Branching, Step, joined};
use crate::states::States;
use crate::{MAX_EXACT_QUBITS, NEVER, exact_distance_until, residual};
use bqc_circuit::{Circuit, Clbit, Directive, Operation, Qubit};
use bqc_linalg::Stream;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

/// How much a comparison may cost.
#[derive(Clone, Debug)]
pub struct CompareOptions<'a> {
    /// Circuits of at most this many used wires are compared over all columns, if the work allows.
    pub max_exact_qubits: usize,
    /// Circuits of more used wires than this are not compared: a state of 20 wires takes 16 MiB.
    pub max_qubits: usize,
    /// Random states (or branches) at most; fewer if the work does not allow them.
    pub n_states: usize,
    /// Amplitude updates (gates × amplitudes) that may be spent. A core does about 2e9 a second while a
    /// pass fits its cache, and about 7e8 with large states.
    pub max_updates: f64,
    /// Seed of the random states and branches.
    pub seed: u64,
    /// Whether to try Pauli forms and path sums where not even one state can be afforded. They take up to 1 GiB of
    /// memory, and path sums some seconds.
    pub with_bounds: bool,
    /// Whether to try first to prove equality by algebra, at any width. It takes as much memory.
    pub with_algebra: bool,
    /// Once it is set, the comparison on states ends soon and without a result.
    pub stop: &'a AtomicBool,
}

impl CompareOptions<'_> {
    /// Amplitude updates that comparing two circuits of this many used wires and gates each takes with these options, if
    /// no directives stand in their midst. Zero if not even one state may be spent.
    pub fn updates(&self, n_qubits: usize, n_gates: usize) -> f64 {
        let amplitudes = 2f64.powi(n_qubits.min(1000) as i32);
        let of_one = 2.0 * n_gates as f64 * amplitudes;
        if n_qubits > self.max_qubits || n_gates == 0 {
            return 0.0;
        }
        match n_qubits <= self.max_exact_qubits && of_one * amplitudes <= self.max_updates {
            true => of_one * amplitudes,
            false => of_one * (self.max_updates / of_one).floor().min(self.n_states.max(1) as f64),
        }
    }
}

impl Default for CompareOptions<'_> {
    fn default() -> Self {
        CompareOptions {
            max_exact_qubits: MAX_EXACT_QUBITS,
            max_qubits: 20,
            n_states: 16,
            max_updates: 1e11,
            seed: 0,
            with_bounds: true,
            with_algebra: false,
            stop: &NEVER,
        }
    }
}

/// How a distance was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// All columns of both unitaries.
    Exact,
    /// Random states, one phase for all.
    RandomStates {
        /// How many.
        n_states: usize,
    },
    /// Random states through random branches of measurements, resets and conditions.
    RandomBranches {
        /// How many.
        n_branches: usize,
    },
    /// Pauli forms that cancel: the distance is a bound, and the circuits may be closer.
    Paulis,
    /// Sums over paths that become that of the identity, or Pauli forms for a part: the distance is a bound as well.
    PathSums,
    /// Algebra: Pauli forms whose angles are integer multiples of π/2^23 cancel, so the circuits are equal. The distance
    /// is zero.
    Algebra,
}

impl Method {
    /// Whether the distance is a bound, so that a large one says nothing.
    pub fn is_bound(self) -> bool {
        matches!(self, Method::Paulis | Method::PathSums)
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Method::Exact => write!(f, "exact, all columns"),
            Method::RandomStates { n_states } => write!(f, "estimated on {n_states} random states"),
            Method::RandomBranches { n_branches } => {
                write!(f, "estimated on {n_branches} random states and measurement branches")
            }
            Method::Paulis => write!(f, "at most, proved by Pauli forms that cancel"),
            Method::PathSums => write!(f, "at most, proved by path sums that cancel"),
            Method::Algebra => write!(f, "exactly, proved by algebra with angles as multiples of pi/2^23"),
        }
    }
}

/// Two circuits were compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The phase distance, its estimate, or its bound. Test it with `distance <= epsilon`: it may be NaN.
    pub distance: f64,
    /// How it was found.
    pub method: Method,
    /// Wires that take part: those that at least one circuit uses.
    pub n_qubits: usize,
}

/// Two circuits were not compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Incomparable {
    /// Different numbers of wires.
    #[error("the circuits have {a} and {b} wires")]
    WiresDiffer {
        /// Wires of the first circuit.
        a: usize,
        /// Wires of the second.
        b: usize,
    },
    /// Measurements, resets or conditions are not the same: the circuits do different things.
    #[error("measurements, resets or conditions differ at {place}")]
    DirectivesDiffer {
        /// The wire or bit, and which of its directives.
        place: String,
    },
    /// The wires on which the qubits are said to end are not one for each.
    #[error("the permutation puts two qubits on wire {wire}, or contradicts the measurement of a qubit there")]
    NoPermutation {
        /// The wire that is claimed twice.
        wire: usize,
    },
    /// Too many wires for a state vector, and neither Pauli forms nor path sums prove anything.
    #[error(
        "the circuits use {n_qubits} wires, random states reach {limit}, and neither Pauli forms nor path sums prove \
         anything above: the circuits may be equal or not"
    )]
    TooManyWires {
        /// Wires that at least one circuit uses.
        n_qubits: usize,
        /// The most that are compared.
        limit: usize,
    },
    /// Not even one state can be simulated within the limit, and Pauli forms and path sums prove nothing.
    #[error("one random state takes {updates:.1e} amplitude updates, the limit is {limit:.1e}")]
    TooMuchWork {
        /// Updates for one state through both circuits.
        updates: f64,
        /// What was allowed.
        limit: f64,
    },
    /// It was stopped before it was through.
    #[error("the comparison was stopped before it was through")]
    Stopped,
    /// A gate without a definition.
    #[error("gate `{name}` is opaque: it has no matrix to compare")]
    Opaque {
        /// Its name.
        name: String,
    },
    /// A gate names a wire that its circuit has not, or one wire twice.
    #[error("an operation names a wire or register that its circuit has not, or one wire twice")]
    Malformed,
}

impl Incomparable {
    /// True where the circuits are known to do different things, false where nothing is known.
    pub fn is_difference(&self) -> bool {
        matches!(self, Incomparable::WiresDiffer { .. } | Incomparable::DirectivesDiffer { .. })
    }
}

/// Compares two circuits up to a global phase.
///
/// The estimate on M random states `x`, uniform on the sphere, is
/// `√(min_φ Σ‖(A − e^{iφ}B)x‖² / (2M))`, whose square has the expectation `d²` of the phase distance
/// because `E[x x†] = 1/N` (apart from the choice of φ, which lowers it by at most a factor
/// `1 − 1/(MN)`). Its relative standard deviation is at most `1/√M`, reached where the circuits
/// differ on one direction only, and about `1/√(MN)` for generic differences. Equal circuits give
/// rounding errors, and different ones cannot give zero except on a set of states of measure zero.
pub fn compare_circuits(a: &Circuit, b: &Circuit, options: &CompareOptions) -> Result<Comparison, Incomparable> {
    if a.n_qubits() != b.n_qubits() {
        return Err(Incomparable::WiresDiffer { a: a.n_qubits(), b: b.n_qubits() });
    }
    let (a, b) = (Reading::of(a)?, Reading::of(b)?);
    a.same_directives(&b)?;
    // A measurement is left out only where it is the end of its wire in both circuits.
    let n_terminal: Vec<usize> = a.n_terminal.iter().zip(&b.n_terminal).map(|(a, b)| *a.min(b)).collect();
    let place = compact(&a, &b, &n_terminal);
    let n = place.iter().flatten().count();
    if options.with_algebra && wide::exact_bound(&a, &b, &n_terminal) == Some(0.0) {
        return Ok(Comparison { distance: 0.0, method: Method::Algebra, n_qubits: n });
    }
    let by_bounds = |otherwise: Incomparable| match options.with_bounds {
        true => wide::distance_bound(&a, &b, &n_terminal)
            .map(|(distance, method)| Comparison { distance, method, n_qubits: n })
            .ok_or(otherwise),
        false => Err(otherwise),
    };
    if n > options.max_qubits {
        return by_bounds(Incomparable::TooManyWires { n_qubits: n, limit: options.max_qubits });
    }
    let [x, y] = [&a, &b].map(|reading| joined(reading.steps(&place, &n_terminal)));
    let branching = |steps: &[Step]| steps.iter().any(|s| matches!(s, Step::Branching { .. }));
    let branching = branching(&x) || branching(&y);
    let amplitudes = (1u64 << n) as f64;
    let updates = (x.len() + y.len()) as f64 * amplitudes;
    if !branching && n <= options.max_exact_qubits && updates * amplitudes <= options.max_updates {
        let distance = exact_distance_until([&x, &y], n, options.stop).ok_or(Incomparable::Stopped)?;
        return Ok(Comparison { distance, method: Method::Exact, n_qubits: n });
    }
    let affordable = (options.max_updates / updates).floor();
    if affordable < 1.0 {
        return by_bounds(Incomparable::TooMuchWork { updates, limit: options.max_updates });
    }
    let n_states = options.n_states.max(1).min(affordable as usize);
    let random = |states: &mut States, p: usize, n_states: usize| {
        states.set_random(n_states, &mut Stream::new(options.seed, p as u64, STATES));
    };
    let (distance, method) = if branching {
        let pass = |p: usize, states: &mut States| random(states, p, 1);
        let distance = residual::branch_distance([&x, &y], n_states, options.seed, n, pass, options.stop);
        (distance, Method::RandomBranches { n_branches: n_states })
    } else {
        let per_pass = if n > 16 { 2 } else { 8 };
        let n_passes = n_states.div_ceil(per_pass);
        let pass = |p: usize, states: &mut States| random(states, p, per_pass.min(n_states - p * per_pass));
        (residual::distance_until([&x, &y], n, n_passes, pass, options.stop), Method::RandomStates { n_states })
    };
    Ok(Comparison { distance: distance.ok_or(Incomparable::Stopped)?, method, n_qubits: n })
}

/// Purpose of the stream that draws the random states.
const STATES: u64 = 0x5354_4154_4553;

/// A circuit, checked, with its directives listed by the wires and bits that they touch.
struct Reading<'a> {
    circuit: &'a Circuit,
    /// Directives other than barriers, by wire.
    on_wire: Vec<Vec<&'a Directive>>,
    /// The same by classical bit.
    on_clbit: Vec<Vec<&'a Directive>>,
    /// Per wire: is there a gate?
    has_gate: Vec<bool>,
    /// Per wire: how many measurements stand at its end, with nothing but barriers after them.
    n_terminal: Vec<usize>,
}

impl<'a> Reading<'a> {
    fn of(circuit: &'a Circuit) -> Result<Reading<'a>, Incomparable> {
        let mut reading = Reading {
            circuit,
            on_wire: vec![Vec::new(); circuit.n_qubits()],
            on_clbit: vec![Vec::new(); circuit.n_clbits()],
            has_gate: vec![false; circuit.n_qubits()],
            n_terminal: vec![0; circuit.n_qubits()],
        };
        for operation in &circuit.operations {
            check(circuit, operation)?;
            match operation {
                Operation::Gate(call) => call.qubits().iter().for_each(|q| {
                    reading.has_gate[q.index()] = true;
                    reading.n_terminal[q.index()] = 0;
                }),
                Operation::Directive(directive) if !matches!(**directive, Directive::Barrier(_)) => {
                    let measures = matches!(**directive, Directive::Measure { .. });
                    operation.for_each_qubit(|q| {
                        reading.on_wire[q.index()].push(directive);
                        let n = &mut reading.n_terminal[q.index()];
                        *n = if measures { *n + 1 } else { 0 };
                    });
                    operation.for_each_clbit(circuit, &mut |c: Clbit| reading.on_clbit[c.index()].push(directive));
                }
                Operation::Directive(_) => {}
            }
        }
        Ok(reading)
    }

    /// The same directives in the same order on every wire and every bit.
    fn same_directives(&self, other: &Reading) -> Result<(), Incomparable> {
        let differ = |place: String| Err(Incomparable::DirectivesDiffer { place });
        for (what, a, b) in
            [("wire", &self.on_wire, &other.on_wire), ("classical bit", &self.on_clbit, &other.on_clbit)]
        {
            for i in 0..a.len().max(b.len()) {
                let empty = Vec::new();
                let (a, b) = (a.get(i).unwrap_or(&empty), b.get(i).unwrap_or(&empty));
                let first = (0..a.len().max(b.len())).find(|&k| match (a.get(k), b.get(k)) {
                    (Some(a), Some(b)) => !same_directive(a, self.circuit, b, other.circuit),
                    _ => true,
                });
                if let Some(k) = first {
                    return differ(format!("{what} {i}, directive {}", k + 1));
                }
            }
        }
        Ok(())
    }

    /// The operations without barriers and without the last `n_terminal` measurements. Each directive has a key, which
    /// names it by its first wire and its number there: the same name in both circuits.
    fn operations(&self, n_terminal: &[usize]) -> Vec<(&'a Operation, u64)> {
        let mut occurrence = vec![0usize; n_terminal.len()];
        let mut operations = Vec::new();
        for operation in self.circuit.operations.iter().filter(|o| !is_barrier(o)) {
            let mut key = 0;
            if let Operation::Directive(directive) = operation {
                let mut first = None;
                operation.for_each_qubit(|q| {
                    first = first.or(Some((q.index(), occurrence[q.index()])));
                    occurrence[q.index()] += 1;
                });
                let (wire, nth) = first.unwrap_or_default();
                let left = self.on_wire.get(wire).map_or(0, Vec::len) - nth;
                if matches!(**directive, Directive::Measure { .. }) && left <= n_terminal[wire] {
                    continue;
                }
                key = (wire as u64) << 32 | nth as u64;
            }
            operations.push((operation, key));
        }
        operations
    }

    /// The circuit's steps on the wires of `place`, without the last `n_terminal` measurements.
    fn steps(&self, place: &[Option<usize>], n_terminal: &[usize]) -> Vec<Step> {
        let mut cache = HashMap::new();
        let operations = self.operations(n_terminal).into_iter();
        operations.filter_map(|(operation, key)| step(operation, key, place, &mut cache)).collect()
    }
}

fn is_barrier(operation: &Operation) -> bool {
    matches!(operation, Operation::Directive(d) if matches!(**d, Directive::Barrier(_)))
}

/// The step of one operation, `None` for barriers; `key` as in [`Reading::operations`].
fn step(
    operation: &Operation,
    key: u64,
    place: &[Option<usize>],
    cache: &mut HashMap<bqc_circuit::GateId, std::sync::Arc<crate::program::SparseGate>>,
) -> Option<Step> {
    // `compact` has given a place to every wire that a step touches.
    let at = |q: &Qubit| place[q.index()];
    match operation {
        Operation::Gate(call) => {
            let qubits: Option<Vec<usize>> = call.qubits().iter().map(at).collect();
            Some(Step::from_call(call, qubits?, cache))
        }
        Operation::Directive(directive) => {
            let kind = match &**directive {
                Directive::Barrier(_) | Directive::Opaque { .. } => return None,
                Directive::Measure { qubit, .. } => Branching::Measure { qubit: at(qubit)? },
                Directive::Reset(qubit) => Branching::Reset { qubit: at(qubit)? },
                Directive::Conditional { operation, .. } => Branching::Conditional(step(operation, key, place, cache)?),
            };
            Some(Step::Branching { key, kind: Box::new(kind) })
        }
    }
}

/// Refuses operations without a matrix, and wires, bits and registers that do not exist.
fn check(circuit: &Circuit, operation: &Operation) -> Result<(), Incomparable> {
    let mut wires = Vec::new();
    operation.for_each_qubit(|q| wires.push(q.index()));
    let is_gate = matches!(operation, Operation::Gate(_));
    if wires.iter().any(|&w| w >= circuit.n_qubits())
        || is_gate && (1..wires.len()).any(|i| wires[..i].contains(&wires[i]))
    {
        return Err(Incomparable::Malformed);
    }
    let Operation::Directive(directive) = operation else { return Ok(()) };
    match &**directive {
        Directive::Opaque { gate, .. } => {
            let name = circuit.opaque_gates.get(*gate).ok_or(Incomparable::Malformed)?.name.clone();
            Err(Incomparable::Opaque { name })
        }
        Directive::Measure { clbit, .. } if clbit.index() >= circuit.n_clbits() => Err(Incomparable::Malformed),
        Directive::Conditional { creg, operation, .. } => {
            circuit.cregs.get(*creg).ok_or(Incomparable::Malformed)?;
            check(circuit, operation)
        }
        _ => Ok(()),
    }
}

/// The same directive, with registers compared by the bits that they hold.
fn same_directive(a: &Directive, in_a: &Circuit, b: &Directive, in_b: &Circuit) -> bool {
    match (a, b) {
        (
            Directive::Conditional { creg: ra, value: va, operation: oa },
            Directive::Conditional { creg: rb, value: vb, operation: ob },
        ) => {
            let bits = |circuit: &Circuit, r: usize| (circuit.cregs[r].first, circuit.cregs[r].size);
            let digits = |v: &str| v.trim_start_matches('0').to_owned();
            bits(in_a, *ra) == bits(in_b, *rb)
                && digits(va) == digits(vb)
                && match (&**oa, &**ob) {
                    (Operation::Directive(a), Operation::Directive(b)) => same_directive(a, in_a, b, in_b),
                    (a, b) => a == b,
                }
        }
        _ => a == b,
    }
}

/// New numbers for the wires on which a step of either circuit acts, in their old order.
fn compact(a: &Reading, b: &Reading, n_terminal: &[usize]) -> Vec<Option<usize>> {
    let mut next = 0;
    (0..n_terminal.len())
        .map(|w| {
            let used = a.has_gate[w] || b.has_gate[w] || a.on_wire[w].len() > n_terminal[w];
            used.then(|| {
                next += 1;
                next - 1
            })
        })
        .collect()
}
