//! Outputs on other wires: the permutation of a circuit's outputs, and the exchanges at the end of a circuit that
//! become one.
//!
//! An exchange of two wires is three CX that alternate their directions. If its wires have no gates after it, the exchange
//! costs nothing where the output may leave the two qubits on each other's wires. A measurement at the end follows its
//! qubit, so that the classical bits stay what they are. A directive that later ones depend on keeps its wires.

use crate::lowered::{Item, Lowered, LoweredGate, Sequence, Step, TwoQubitGate, Wire};
use crate::{BlockCircuit, BlockQubit, Circuit, Clbit, Directive, Operation, Qubit};

/// Which wire of an output holds which qubit of the input at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputPermutation {
    /// By qubit of the input.
    wires: Vec<Qubit>,
}

impl OutputPermutation {
    /// Every one of `n` qubits on its own wire.
    pub fn identity(n: usize) -> OutputPermutation {
        OutputPermutation { wires: (0..n).map(Qubit::at).collect() }
    }

    /// Entry `q` is the wire that holds qubit `q` at the end. None unless each wire below the length stands there once.
    pub fn new(wires: Vec<Qubit>) -> Option<OutputPermutation> {
        let mut is_taken = vec![false; wires.len()];
        let is_new = |wire: &Qubit| is_taken.get_mut(wire.index()).is_some_and(|taken| !std::mem::replace(taken, true));
        wires.iter().all(is_new).then_some(OutputPermutation { wires })
    }

    /// The wire that holds a qubit of the input at the end. Panics if there is no such qubit.
    pub fn wire_of(&self, qubit: Qubit) -> Qubit {
        self.wires[qubit.index()]
    }

    /// Whether every qubit is on its own wire.
    pub fn is_identity(&self) -> bool {
        self.moved().next().is_none()
    }

    /// The qubits that are on another wire, each with that wire, in ascending order.
    pub fn moved(&self) -> impl Iterator<Item = [Qubit; 2]> + '_ {
        let moved = |(qubit, &wire): (usize, &Qubit)| (qubit != wire.index()).then(|| [Qubit::at(qubit), wire]);
        self.wires.iter().enumerate().filter_map(moved)
    }

    /// The permutation of a circuit with this one, after what was on wire `w` has come to `to(w)`.
    pub fn then(&self, to: impl Fn(Qubit) -> Qubit) -> OutputPermutation {
        OutputPermutation { wires: self.wires.iter().map(|&wire| to(wire)).collect() }
    }

    /// Exchanges of wires, first to last, after which every qubit is on its own wire.
    pub fn undoing(&self) -> Vec<[Qubit; 2]> {
        let mut wires = self.wires.clone();
        let (mut holder, mut exchanges) = (vec![0; wires.len()], Vec::new());
        wires.iter().enumerate().for_each(|(qubit, wire)| holder[wire.index()] = qubit);
        for qubit in 0..wires.len() {
            let [own, wire] = [Qubit::at(qubit), wires[qubit]];
            if own != wire {
                exchanges.push([own, wire]);
                let other = holder[qubit];
                (wires[other], holder[wire.index()]) = (wire, other);
            }
        }
        exchanges
    }
}

/// A sweep over the operations of a circuit from its end, which finds what ends each wire.
struct Ends {
    /// By wire: whether an operation that is no barrier comes later.
    is_used: Vec<bool>,
    /// By classical bit: whether a later directive writes or reads it.
    is_read: Vec<bool>,
}

impl Ends {
    fn of(circuit: &Circuit) -> Ends {
        Ends { is_used: vec![false; circuit.n_qubits()], is_read: vec![false; circuit.n_clbits()] }
    }

    fn gate(&mut self, wires: &[Qubit]) {
        wires.iter().for_each(|wire| self.is_used[wire.index()] = true);
    }

    /// True for a barrier, and for a measurement that nothing later depends on.
    fn directive(&mut self, operation: &Operation, circuit: &Circuit) -> bool {
        let is_final = match operation {
            Operation::Directive(directive) => match **directive {
                Directive::Barrier(_) => return true,
                Directive::Measure { qubit, clbit } => !self.is_used[qubit.index()] && !self.is_read[clbit.index()],
                _ => false,
            },
            Operation::Gate(_) => false,
        };
        operation.for_each_qubit(|wire| self.is_used[wire.index()] = true);
        operation.for_each_clbit(circuit, &mut |bit| self.is_read[bit.index()] = true);
        is_final
    }
}

impl Circuit {
    /// The measurements that nothing later depends on: by wire, the place of the operation and its classical bit. After
    /// such a measurement its wire has nothing but barriers, and no directive touches its bit.
    pub fn final_measurements(&self) -> Vec<Option<(usize, Clbit)>> {
        let (mut ends, mut found) = (Ends::of(self), vec![None; self.n_qubits()]);
        for (place, operation) in self.operations.iter().enumerate().rev() {
            match operation {
                Operation::Gate(call) => ends.gate(call.qubits()),
                Operation::Directive(directive) => {
                    if let (true, Directive::Measure { qubit, clbit }) = (ends.directive(operation, self), &**directive)
                    {
                        found[qubit.index()] = Some((place, *clbit));
                    }
                }
            }
        }
        found
    }
}

impl Lowered {
    /// By number of the wall: whether its wires may be exchanged before it, because it is a barrier or a measurement
    /// that nothing later depends on.
    pub fn walls_that_follow(&self) -> Vec<bool> {
        let circuit = self.frame().circuit();
        let (mut ends, mut follows) = (Ends::of(circuit), vec![false; circuit.operations.len()]);
        for step in self.steps.iter().rev() {
            match step {
                Step::Gate(gate) => ends.gate(gate.wires()),
                Step::Wall(number) => {
                    follows[*number as usize] = ends.directive(self.frame().wall(*number), circuit);
                }
            }
        }
        follows
    }
}

impl BlockCircuit {
    /// Appends an exchange of two wires: three CX.
    pub fn push_exchange(&mut self, [a, b]: [BlockQubit; 2]) {
        [[a, b], [b, a], [a, b]].into_iter().for_each(|[control, target]| self.push_cx(control, target));
    }

    /// The block without the exchanges at its end, and their wires in program order.
    pub fn split_exchanges(&self) -> (BlockCircuit, Vec<[BlockQubit; 2]>) {
        let found = final_exchanges(self, |_| false);
        let mut is_kept = vec![true; self.gates.len()];
        found.iter().flatten().for_each(|step| is_kept[*step as usize] = false);
        let mut body = BlockCircuit::new(self.width());
        body.gates = self.gates.iter().zip(&is_kept).filter_map(|(gate, kept)| kept.then_some(*gate)).collect();
        let wires = |[first, ..]: &[u32; 3]| match self.gates[*first as usize] {
            LoweredGate::Two { wires, .. } => wires,
            LoweredGate::One { wire, .. } => [wire; 2],
        };
        (body, found.iter().map(wires).collect())
    }
}

/// Exchanges at the end of a circuit, in program order: the steps of three CX that alternate, without anything else on
/// the two wires between them, and after them nothing but other such exchanges and walls that follow their qubits.
/// Linear in the steps.
///
/// * `follows`: whether the wall of this number follows its qubits to other wires.
pub fn final_exchanges<S: Sequence>(circuit: &S, follows: impl Fn(u32) -> bool) -> Vec<[u32; 3]> {
    let mut wires = vec![Tail::Open; circuit.n_wires()];
    let mut found = Vec::new();
    for step in (0..circuit.len()).rev() {
        match circuit.item(step) {
            Item::Gate(LoweredGate::Two { gate: TwoQubitGate::Cx, wires: pair, .. }) => {
                found.extend(take(&mut wires, pair.map(|wire| wire.index() as u32), step as u32));
            }
            Item::Gate(gate) => gate.wires().iter().for_each(|wire| close(&mut wires, wire.index())),
            Item::Wall(number) => {
                let is_passed = follows(number);
                for wire in circuit.wall_wires(number) {
                    if !(is_passed && wires[wire.index()] == Tail::Open) {
                        close(&mut wires, wire.index());
                    }
                }
            }
        }
    }
    found.reverse();
    found
}

/// What stands on a wire from here to the end.
#[derive(Clone, Copy, PartialEq)]
enum Tail {
    /// Exchanges and walls that follow.
    Open,
    /// The same after the last one or two CX of an exchange: control and target of the last, and the steps.
    Begun { last: [u32; 2], steps: [Option<u32>; 2] },
    /// Something else.
    Closed,
}

/// Takes a CX into the tails of its wires, and gives the exchange that it completes.
fn take(tails: &mut [Tail], pair: [u32; 2], step: u32) -> Option<[u32; 3]> {
    let [a, b] = pair.map(|wire| wire as usize);
    let reversed = [pair[1], pair[0]];
    let next = match (tails[a], tails[b]) {
        (Tail::Open, Tail::Open) => Tail::Begun { last: pair, steps: [None, Some(step)] },
        (Tail::Begun { last, steps: [None, third] }, other) if other == tails[a] && last == reversed => {
            Tail::Begun { last, steps: [Some(step), third] }
        }
        (Tail::Begun { last, steps: [Some(second), Some(third)] }, other) if other == tails[a] && last == pair => {
            (tails[a], tails[b]) = (Tail::Open, Tail::Open);
            return Some([step, second, third]);
        }
        _ => {
            close(tails, a);
            close(tails, b);
            Tail::Closed
        }
    };
    (tails[a], tails[b]) = (next, next);
    None
}

/// Closes a wire, and the one that it has begun an exchange with.
fn close(tails: &mut [Tail], wire: usize) {
    if let Tail::Begun { last, .. } = tails[wire] {
        last.into_iter().for_each(|wire| tails[wire as usize] = Tail::Closed);
    }
    tails[wire] = Tail::Closed;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GateCall, Register};

    fn block(cx: &[(u16, u16)]) -> BlockCircuit {
        let mut block = BlockCircuit::new(4);
        cx.iter().for_each(|&(a, b)| block.push_cx(BlockQubit(a), BlockQubit(b)));
        block
    }

    #[test]
    fn exchanges_at_the_end_are_found_and_others_are_not() {
        let n_found = |block: &BlockCircuit| final_exchanges(block, |_| false).len();
        assert_eq!(n_found(&block(&[(0, 1), (1, 0), (0, 1)])), 1);
        // One after the other, and side by side.
        let both = block(&[(0, 1), (1, 0), (0, 1), (2, 3), (3, 2), (2, 3), (2, 1), (1, 2), (2, 1)]);
        assert_eq!(final_exchanges(&both, |_| false), [[0, 1, 2], [3, 4, 5], [6, 7, 8]]);
        // Not three, not alternating, on three wires, or something between or after.
        for other in [&[(0, 1), (1, 0)][..], &[(0, 1), (0, 1), (0, 1)], &[(0, 1), (1, 0), (1, 0)]] {
            assert_eq!(n_found(&block(other)), 0);
        }
        for other in [&[(0, 1), (1, 2), (0, 1)][..], &[(0, 1), (1, 0), (0, 1), (1, 2)]] {
            assert_eq!(n_found(&block(other)), 0);
        }
        for place in 1..4 {
            let mut interrupted = block(&[(0, 1), (1, 0), (0, 1)]);
            interrupted.gates.insert(place, crate::BlockGate::u3(BlockQubit(1), [0.1; 3]));
            assert_eq!(n_found(&interrupted), 0);
        }
        let (body, wires) = block(&[(2, 1), (0, 1), (1, 0), (0, 1)]).split_exchanges();
        assert_eq!((body, wires), (block(&[(2, 1)]), vec![[BlockQubit(0), BlockQubit(1)]]));
    }

    /// `measure q -> c`.
    fn measure(qubit: u32, clbit: u32) -> Operation {
        Operation::Directive(Box::new(Directive::Measure { qubit: Qubit(qubit), clbit: Clbit(clbit) }))
    }

    fn circuit(operations: Vec<Operation>) -> Circuit {
        let mut circuit = Circuit::with_qubits(3);
        circuit.cregs.push(Register { name: "c".into(), first: 0, size: 3 });
        Circuit { operations, ..circuit }
    }

    #[test]
    fn measurements_that_nothing_depends_on_are_final() {
        let gate = |a, b| Operation::Gate(GateCall::cx(Qubit(a), Qubit(b)));
        let barrier = Operation::Directive(Box::new(Directive::Barrier(vec![])));
        let condition = |qubit| {
            let operation = Box::new(Operation::Gate(GateCall::u3([0.1; 3], Qubit(qubit))));
            Operation::Directive(Box::new(Directive::Conditional { creg: 0, value: "1".into(), operation }))
        };
        let is_final = |operations: Vec<Operation>| {
            let circuit = circuit(operations);
            let found: Vec<bool> = circuit.final_measurements().iter().map(Option::is_some).collect();
            let follows = Lowered::of(&circuit).walls_that_follow();
            let is_measurement =
                |o: &&Operation| matches!(o, Operation::Directive(d) if matches!(**d, Directive::Measure { .. }));
            let walls = Lowered::of(&circuit).frame().circuit().operations.clone();
            let n = walls.iter().zip(follows).filter(|(wall, follows)| *follows && is_measurement(wall)).count();
            assert_eq!(n, found.iter().filter(|found| **found).count());
            found
        };
        assert_eq!(is_final(vec![gate(0, 1), measure(0, 0), barrier, measure(1, 1)]), [true, true, false]);
        assert_eq!(is_final(vec![measure(0, 0), gate(0, 1), measure(1, 1)]), [false, true, false]);
        // The bit is read or written later.
        assert_eq!(is_final(vec![measure(0, 0), condition(1)]), [false; 3]);
        assert_eq!(is_final(vec![condition(1), measure(0, 0)]), [true, false, false]);
        assert_eq!(is_final(vec![measure(0, 0), measure(1, 0)]), [false, true, false]);
    }

    #[test]
    fn exchanges_before_what_others_depend_on_stay() {
        let exchange = || [[0, 1], [1, 0], [0, 1]].map(|[a, b]| Operation::Gate(GateCall::cx(Qubit(a), Qubit(b))));
        let reset = Operation::Directive(Box::new(Directive::Reset(Qubit(0))));
        let n_found = |last: Vec<Operation>| {
            let operations = exchange().into_iter().chain(last).collect();
            let lowered = Lowered::of(&circuit(operations));
            let follows = lowered.walls_that_follow();
            final_exchanges(&lowered, |number| follows[number as usize]).len()
        };
        assert_eq!(n_found(vec![measure(0, 2), measure(1, 0)]), 1);
        assert_eq!(n_found(vec![measure(0, 2), measure(1, 2)]), 0);
        assert_eq!(n_found(vec![reset]), 0);
    }

    #[test]
    fn permutations_are_undone_by_their_exchanges() {
        assert_eq!(OutputPermutation::new(vec![Qubit(1), Qubit(1)]), None);
        assert_eq!(OutputPermutation::new(vec![Qubit(2), Qubit(0)]), None);
        let orders = [[0, 1, 2, 3], [3, 0, 2, 1], [1, 0, 3, 2], [1, 2, 3, 0]];
        for order in orders {
            let mut permutation = OutputPermutation::new(order.map(Qubit).to_vec()).unwrap();
            assert_eq!(permutation.is_identity(), order == orders[0]);
            for [a, b] in permutation.undoing() {
                permutation =
                    permutation.then(|wire| [wire, b, a][usize::from(wire == a) + 2 * usize::from(wire == b)]);
            }
            assert!(permutation.is_identity());
        }
    }
}
