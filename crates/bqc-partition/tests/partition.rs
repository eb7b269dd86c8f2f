//! A partition is its circuit: nothing lost, nothing twice, nothing out of order, the same unitary.

use bqc_circuit::{Circuit, Clbit, Directive, GateCall, Lowered, Operation, Qubit, Register, Step};
use bqc_linalg::{Stream, phase_distance};
use bqc_partition::{Options, Partition, PartitionError, Piece, RandomCuts, partition, regions};
use proptest::prelude::*;

/// A random lowered circuit; with `directives`, one operation in eight is one, of every kind.
fn random_circuit(n_qubits: u32, n_operations: usize, directives: bool, seed: u64) -> Circuit {
    let mut stream = Stream::new(seed, 0, 0);
    let mut circuit = Circuit::with_qubits(n_qubits);
    circuit.cregs =
        vec![Register { name: "c".into(), first: 0, size: 2 }, Register { name: "d".into(), first: 2, size: 2 }];
    let mut wires: Vec<Qubit> = (0..n_qubits).map(Qubit).collect();
    // Few neighbours and long runs, or everything with everything.
    let is_local = stream.chance(0.5);
    for _ in 0..n_operations {
        if is_local {
            let first = stream.below(n_qubits as usize - 1) as u32;
            wires[0] = Qubit(first + 1);
            wires[1] = Qubit(first);
        } else {
            stream.shuffle(&mut wires);
        }
        let operation = match stream.below(16) {
            0 | 1 if directives => Operation::Directive(Box::new(random_directive(&wires, &mut stream))),
            0..8 => Operation::Gate(GateCall::cx(wires[0], wires[1])),
            _ => Operation::Gate(GateCall::u3([stream.gaussian(), stream.gaussian(), stream.gaussian()], wires[0])),
        };
        circuit.operations.push(operation);
        if is_local {
            wires = (0..n_qubits).map(Qubit).collect();
        }
    }
    circuit
}

fn random_directive(wires: &[Qubit], stream: &mut Stream) -> Directive {
    match stream.below(4) {
        0 => Directive::Barrier(wires[..1 + stream.below(wires.len())].to_vec()),
        1 => Directive::Measure { qubit: wires[0], clbit: Clbit(stream.below(4) as u32) },
        2 => Directive::Reset(wires[0]),
        _ => Directive::Conditional {
            creg: stream.below(2),
            value: "1".into(),
            operation: Box::new(Operation::Gate(GateCall::cx(wires[0], wires[1]))),
        },
    }
}

/// Per wire, per classical bit, and for the directives: the operations, in the order of `order`.
fn chains(circuit: &Circuit, order: &[usize]) -> Vec<Vec<usize>> {
    let (n_qubits, n_clbits) = (circuit.n_qubits(), circuit.n_clbits());
    let mut chains = vec![Vec::new(); n_qubits + n_clbits + 1];
    for &index in order {
        let operation = &circuit.operations[index];
        operation.for_each_qubit(|q| chains[q.index()].push(index));
        operation.for_each_clbit(circuit, &mut |c| chains[n_qubits + c.index()].push(index));
        if let Operation::Directive(_) = operation {
            chains[n_qubits + n_clbits].push(index);
        }
    }
    chains
}

/// The circuit's operations in the partition's order.
fn order(partition: &Partition) -> Vec<usize> {
    let indices = partition.pieces.iter().flat_map(|piece| match piece {
        Piece::Block(block) => block.steps.clone(),
        Piece::Wall(step) => vec![*step],
    });
    indices.map(|step| step as usize).collect()
}

/// The pieces one after another, the blocks' own gates in their places.
fn rebuilt(circuit: &Lowered, partition: &Partition) -> Lowered {
    let steps = partition.pieces.iter().flat_map(|piece| match piece {
        Piece::Block(block) => block.circuit.on(&block.qubits).map(Step::Gate).collect(),
        Piece::Wall(step) => vec![circuit.steps[*step as usize]],
    });
    circuit.with_steps(steps.collect())
}

/// Everything that can be said without matrices.
fn check_structure(circuit: &Circuit, options: &Options, partition: &Partition) {
    let order = order(partition);
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..circuit.operations.len()).collect::<Vec<_>>(), "every operation once");
    assert_eq!(chains(circuit, &order), chains(circuit, &(0..order.len()).collect::<Vec<_>>()));
    let expected: Vec<&Operation> = order.iter().map(|&i| &circuit.operations[i]).collect();
    let again = rebuilt(&Lowered::of(circuit), partition).to_circuit();
    assert_eq!(again.operations.iter().collect::<Vec<_>>(), expected);
    for block in partition.blocks() {
        assert!(block.qubits.is_sorted() && block.steps.is_sorted());
        assert!(block.qubits.len() <= options.block_size && block.circuit.n_cx() <= options.max_cx);
        assert_eq!(block.qubits.len(), block.circuit.width() as usize);
    }
}

/// What holds of narrow blocks besides.
fn check_blocks(partition: &Partition) {
    assert!(partition.blocks().all(|block| (block.circuit.n_cx() == 0) == (block.qubits.len() == 1)));
}

fn cut(circuit: &Circuit, options: &Options) -> Result<Partition, PartitionError> {
    partition(&Lowered::of(circuit), options)
}

fn options(block_size: usize, max_cx: usize, shift: usize, seed: Option<u64>) -> Options {
    Options { block_size, max_cx, shift, random_cuts: seed.map(|seed| RandomCuts { seed }) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn blocks_concatenate_to_the_unitary(
        n in 2u32..=6, n_operations in 0usize..60, k in 2usize..=6, max_cx in prop_oneof![Just(usize::MAX), 1usize..6],
        shift in 0usize..4, cuts in proptest::option::of(any::<u64>()), seed in any::<u64>(),
    ) {
        let circuit = random_circuit(n, n_operations, false, seed);
        let options = options(k, max_cx, shift, cuts);
        let partition = cut(&circuit, &options).unwrap();
        check_structure(&circuit, &options, &partition);
        check_blocks(&partition);
        let (before, after) = (circuit.unitary().unwrap(), rebuilt(&Lowered::of(&circuit), &partition).to_circuit().unitary().unwrap());
        prop_assert!(phase_distance(&before, &after) < 1e-13);
    }

    #[test]
    fn directives_keep_their_places(
        n in 2u32..=40, n_operations in 0usize..400, k in 2usize..=12, shift in 0usize..20,
        cuts in proptest::option::of(any::<u64>()), seed in any::<u64>(),
    ) {
        let circuit = random_circuit(n, n_operations, true, seed);
        let options = options(k, usize::MAX, shift, cuts);
        let partition = cut(&circuit, &options).unwrap();
        check_structure(&circuit, &options, &partition);
        check_blocks(&partition);
    }

    #[test]
    fn regions_are_the_circuit_too(
        n in 2u32..=40, n_operations in 0usize..400, directives in any::<bool>(),
        max_cx in prop_oneof![Just(usize::MAX), 1usize..60], shift in 0usize..20, seed in any::<u64>(),
    ) {
        let circuit = random_circuit(n, n_operations, directives, seed);
        let partition = regions(&Lowered::of(&circuit), max_cx, shift);
        check_structure(&circuit, &options(n as usize, max_cx, 0, None), &partition);
        if !directives && max_cx == usize::MAX && shift == 0 {
            prop_assert!(partition.pieces.len() <= 1);
        }
    }
}

#[test]
fn what_ends_no_wire_cuts_no_region() {
    let mut circuit = random_circuit(5, 40, false, 5);
    let measure = |qubit| {
        let directive = Directive::Measure { qubit: Qubit(qubit), clbit: Clbit(0) };
        Operation::Directive(Box::new(directive))
    };
    // Wire 4 is done with after its measurement; wire 0 goes on.
    circuit.operations.push(measure(4));
    circuit.push(GateCall::cx(Qubit(0), Qubit(1)));
    let n_regions = |circuit: &Circuit| regions(&Lowered::of(circuit), usize::MAX, 0).blocks().count();
    assert_eq!(n_regions(&circuit), 1);
    circuit.operations.push(measure(0));
    circuit.push(GateCall::cx(Qubit(1), Qubit(2)));
    assert_eq!(n_regions(&circuit), 1);
    circuit.push(GateCall::cx(Qubit(1), Qubit(0)));
    assert_eq!(n_regions(&circuit), 2);
}

#[test]
fn large_circuits_keep_every_dependency() {
    for (n, n_operations, directives) in [(100, 50_000, false), (13, 50_000, true), (1000, 50_000, true)] {
        let circuit = random_circuit(n, n_operations, directives, n as u64);
        for k in [2, 3, 5, 12] {
            let options = Options::new(k);
            check_structure(&circuit, &options, &cut(&circuit, &options).unwrap());
        }
    }
}

#[test]
fn a_circuit_that_fits_is_one_block() {
    let circuit = random_circuit(6, 500, false, 1);
    let partition = cut(&circuit, &Options::new(6)).unwrap();
    assert_eq!(partition.blocks().filter(|b| b.circuit.n_cx() > 0).count(), 1);
}

#[test]
fn one_qubit_gates_stay_with_their_neighbours() {
    let u = |q| GateCall::u3([0.1, 0.2, 0.3], Qubit(q));
    let mut circuit = Circuit::with_qubits(3);
    // u(0) and u(1) before the CX, u(0) after it; wire 2 has no CX at all.
    for call in [u(0), u(1), GateCall::cx(Qubit(0), Qubit(1)), u(2), u(0), u(2)] {
        circuit.push(call);
    }
    let partition = cut(&circuit, &Options::new(2)).unwrap();
    let operations: Vec<&[u32]> = partition.blocks().map(|b| &b.steps[..]).collect();
    assert_eq!(operations, [&[0, 1, 2, 4][..], &[3, 5]]);
}

#[test]
fn shifted_and_random_cuts_lie_elsewhere() {
    let circuit = random_circuit(20, 2000, false, 3);
    let orders = [None, Some(1), Some(2)].map(|seed| cut(&circuit, &options(4, usize::MAX, 0, seed)).unwrap());
    assert!(orders[0] != orders[1] && orders[1] != orders[2]);
    assert_ne!(orders[0], cut(&circuit, &options(4, usize::MAX, 3, None)).unwrap());
    assert_eq!(orders[1], cut(&circuit, &options(4, usize::MAX, 0, Some(1))).unwrap());
}

#[test]
fn windows_without_walls_are_cut_by_the_same_rules() {
    let circuit = random_circuit(8, 200, false, 4);
    let lowered = Lowered::of(&circuit);
    let mut window = bqc_circuit::BlockCircuit::new(8);
    window.gates.extend(lowered.gates().map(|gate| gate.map(|q| bqc_circuit::BlockQubit(q.0 as u16))));
    let (of_window, of_circuit) =
        (partition(&window, &Options::new(4)).unwrap(), cut(&circuit, &Options::new(4)).unwrap());
    let steps = |blocks: Vec<&Vec<u32>>| blocks.into_iter().cloned().collect::<Vec<_>>();
    let [a, b] =
        [steps(of_window.blocks().map(|b| &b.steps).collect()), steps(of_circuit.blocks().map(|b| &b.steps).collect())];
    assert_eq!(a, b);
}

#[test]
fn bad_requests_are_refused_with_numbers() {
    let circuit = Circuit::with_qubits(2);
    for block_size in [0, 1, 13] {
        let error = cut(&circuit, &Options::new(block_size)).unwrap_err();
        assert_eq!(error, PartitionError::OutOfRange { block_size, max_cx: usize::MAX });
    }
    assert!(cut(&Circuit::default(), &Options::new(2)).unwrap().pieces.is_empty());
}
