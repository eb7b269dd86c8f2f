//! Counts and depths, the numbers that a report compares.
//!
//! Everything but the histogram is counted **after lowering** to {CX, U3}, gate by gate and without
//! merging: `cp` is two two-qubit gates, `ccx` is six. Only so do the numbers of an input and of an
//! output mean the same. Gates under `if` count like any other.

use crate::gates::{TABLE, U3, lower_call};
use crate::lowered::{Lowered, LoweredGate, Step, Wire};
use crate::pi_fraction::n_rotations_of_u3;
use crate::{BlockGate, Circuit, Directive, GateCall, Operation};

/// Counts of one circuit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Number of wires.
    pub n_qubits: usize,
    /// Number of classical bits.
    pub n_clbits: usize,
    /// Two-qubit gates (`cx`).
    pub n_two_qubit: usize,
    /// One-qubit gates (`u3`).
    pub n_one_qubit: usize,
    /// Rotations by angles that are no multiples of π/2, up to three in a `u3`: in a circuit over Clifford and T the T
    /// gates.
    pub n_rotations: usize,
    /// Barriers, measurements, resets, conditionals, opaque gates.
    pub n_directives: usize,
    /// Longest chain of operations that depend on one another through a wire or a classical bit.
    /// A gate, measurement, reset or opaque gate is one step; a barrier makes its wires wait for one
    /// another and is no step itself; a condition makes its operation wait for the register's bits.
    pub depth: usize,
    /// The same chain with only two-qubit gates as steps.
    pub two_qubit_depth: usize,
    /// Gates as the source names them, most frequent first, then by name; opaque gates under the
    /// names that they were declared with.
    pub histogram: Vec<(String, usize)>,
}

impl Stats {
    /// Counts `circuit`. Linear in its size.
    pub fn of(circuit: &Circuit) -> Stats {
        let mut counter = Counter::new(circuit);
        for operation in &circuit.operations {
            counter.count(operation);
        }
        counter.finish()
    }

    /// Counts a lowered circuit. Linear in its size.
    pub fn of_lowered(lowered: &Lowered) -> Stats {
        let mut counter = Counter::new(lowered.frame().circuit());
        for step in &lowered.steps {
            match step {
                Step::Gate(gate) => counter.count_lowered(gate),
                Step::Wall(number) => counter.count(lowered.frame().wall(*number)),
            }
        }
        counter.finish()
    }

    /// All gates after lowering.
    pub fn n_gates(&self) -> usize {
        self.n_two_qubit + self.n_one_qubit
    }
}

/// When a wire or bit becomes free, in steps: over all operations, and over two-qubit gates.
#[derive(Clone, Copy, Default)]
struct Ready {
    any: usize,
    two_qubit: usize,
}

impl Ready {
    fn latest(self, other: Ready) -> Ready {
        Ready { any: self.any.max(other.any), two_qubit: self.two_qubit.max(other.two_qubit) }
    }
}

struct Counter<'a> {
    circuit: &'a Circuit,
    stats: Stats,
    /// `[wire, then classical bit]`.
    ready: Vec<Ready>,
    /// `[row of the table, then opaque gate]`.
    by_name: Vec<usize>,
    /// Scratch: the lines of the operation at hand, and the lowered form of the gate at hand.
    lines: Vec<usize>,
    lowered: Vec<BlockGate>,
}

impl<'a> Counter<'a> {
    fn new(circuit: &'a Circuit) -> Counter<'a> {
        let (n_qubits, n_clbits) = (circuit.n_qubits(), circuit.n_clbits());
        Counter {
            circuit,
            stats: Stats { n_qubits, n_clbits, ..Stats::default() },
            ready: vec![Ready::default(); n_qubits + n_clbits],
            by_name: vec![0; TABLE.len() + circuit.opaque_gates.len()],
            lines: Vec::new(),
            lowered: Vec::new(),
        }
    }

    fn count(&mut self, operation: &Operation) {
        match operation {
            Operation::Gate(call) => self.count_gate(call),
            Operation::Directive(directive) => {
                self.stats.n_directives += 1;
                self.count_directive(operation, directive);
            }
        }
    }

    fn count_gate(&mut self, call: &GateCall) {
        self.by_name[call.gate().index()] += 1;
        let mut lowered = std::mem::take(&mut self.lowered);
        lower_call(call, &mut lowered);
        lowered.drain(..).for_each(|gate| self.count_step(&gate.on(call.qubits())));
        self.lowered = lowered;
    }

    fn count_lowered(&mut self, gate: &LoweredGate) {
        let id = match gate {
            LoweredGate::One { .. } => U3,
            LoweredGate::Two { gate, .. } => gate.id(),
        };
        self.by_name[id.index()] += 1;
        self.count_step(gate);
    }

    fn count_step(&mut self, gate: &LoweredGate) {
        self.lines.clear();
        self.lines.extend(gate.wires().iter().map(|wire| Wire::index(*wire)));
        let two_qubit = gate.is_two_qubit() as usize;
        self.stats.n_two_qubit += two_qubit;
        self.stats.n_one_qubit += 1 - two_qubit;
        if let LoweredGate::One { angles, .. } = gate {
            self.stats.n_rotations += n_rotations_of_u3(*angles);
        }
        self.step(Ready { any: 1, two_qubit });
    }

    fn count_directive(&mut self, operation: &Operation, directive: &Directive) {
        let (n_qubits, circuit) = (self.stats.n_qubits, self.circuit);
        self.lines.clear();
        operation.for_each_qubit(|q| self.lines.push(q.index()));
        operation.for_each_clbit(circuit, &mut |c| self.lines.push(n_qubits + c.index()));
        match directive {
            Directive::Barrier(_) => self.step(Ready::default()),
            Directive::Measure { .. } | Directive::Reset(_) => self.step(Ready { any: 1, two_qubit: 0 }),
            Directive::Opaque { gate, .. } => {
                self.by_name[TABLE.len() + gate] += 1;
                self.step(Ready { any: 1, two_qubit: 0 });
            }
            Directive::Conditional { operation, .. } => {
                self.step(Ready::default());
                match &**operation {
                    Operation::Gate(call) => self.count_gate(call),
                    Operation::Directive(inner) => self.count_directive(operation, inner),
                }
            }
        }
    }

    /// Makes `self.lines` wait for one another and then take `length`.
    fn step(&mut self, length: Ready) {
        let start = self.lines.iter().map(|&l| self.ready[l]).fold(Ready::default(), Ready::latest);
        let end = Ready { any: start.any + length.any, two_qubit: start.two_qubit + length.two_qubit };
        self.lines.iter().for_each(|&l| self.ready[l] = end);
    }

    fn finish(self) -> Stats {
        let mut stats = self.stats;
        let latest = self.ready.iter().copied().fold(Ready::default(), Ready::latest);
        (stats.depth, stats.two_qubit_depth) = (latest.any, latest.two_qubit);
        let names = TABLE.iter().map(|g| g.qasm).chain(self.circuit.opaque_gates.iter().map(|g| g.name.as_str()));
        let counted = names.zip(self.by_name).filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n));
        stats.histogram = counted.collect();
        stats.histogram.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clbit, GateId, Qubit, Register};

    fn call(name: &str, angles: &[f64], wires: &[u32]) -> Operation {
        let wires: Vec<Qubit> = wires.iter().map(|&w| Qubit(w)).collect();
        Operation::Gate(GateCall::new(GateId::from_name(name).unwrap(), angles, &wires))
    }

    fn directive(d: Directive) -> Operation {
        Operation::Directive(Box::new(d))
    }

    fn circuit(operations: Vec<Operation>) -> Circuit {
        let cregs = vec![Register { name: "c".into(), first: 0, size: 2 }];
        Circuit { operations, cregs, ..Circuit::with_qubits(3) }
    }

    #[test]
    fn counts_are_those_of_the_lowered_circuit() {
        let circuit =
            circuit(vec![call("ccx", &[], &[0, 1, 2]), call("cp", &[0.1], &[0, 1]), call("ccx", &[], &[2, 1, 0])]);
        let (stats, form) = (Stats::of(&circuit), Lowered::of(&circuit));
        let lowered = Stats::of_lowered(&form);
        assert_eq!(lowered, Stats::of(&form.to_circuit()));
        assert_eq!((stats.n_two_qubit, stats.n_gates()), (14, form.steps.len()));
        assert_eq!(stats.histogram, [("ccx".to_owned(), 2), ("cp".to_owned(), 1)]);
        assert_eq!(Stats { histogram: stats.histogram.clone(), ..lowered }, stats);
    }

    #[test]
    fn depth_is_the_longest_chain() {
        let parallel = vec![call("h", &[], &[0]), call("h", &[], &[1]), call("cx", &[], &[0, 1]), call("h", &[], &[2])];
        let stats = Stats::of(&circuit(parallel.clone()));
        assert_eq!((stats.depth, stats.two_qubit_depth), (2, 1));
        // A barrier delays without being a step.
        let all = directive(Directive::Barrier(vec![Qubit(0), Qubit(1), Qubit(2)]));
        let stats = Stats::of(&circuit([parallel, vec![all, call("cx", &[], &[1, 2])]].concat()));
        assert_eq!((stats.depth, stats.two_qubit_depth), (3, 2));
        assert_eq!(Stats::of(&Circuit::default()).depth, 0);
    }

    #[test]
    fn a_condition_waits_for_the_measurement() {
        let measure = directive(Directive::Measure { qubit: Qubit(0), clbit: Clbit(1) });
        let reset = directive(Directive::Reset(Qubit(2)));
        let conditional = |operation: Operation| {
            directive(Directive::Conditional { creg: 0, value: "2".into(), operation: Box::new(operation) })
        };
        let stats = Stats::of(&circuit(vec![
            call("cx", &[], &[0, 1]),
            measure,
            conditional(call("swap", &[], &[1, 2])),
            conditional(reset),
        ]));
        assert_eq!((stats.depth, stats.two_qubit_depth), (6, 4));
        assert_eq!((stats.n_two_qubit, stats.n_one_qubit, stats.n_directives), (4, 0, 3));
    }
}
