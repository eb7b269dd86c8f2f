#!/usr/bin/env python3
"""Circuits as Qiskit exports them, in OpenQASM 3 and in OpenQASM 2: `bqc verify` must find them equal.

Random circuits over Qiskit's whole library of gates, circuits of its library, controlled gates with controls on zero,
circuits that end in measurements, and circuits transpiled to a machine, whose qubits are `$0` and so on. Circuits with
control flow have no OpenQASM 2: they are counted by `bqc stats`, compiled, and compared with what was compiled.

Needs the release build of bqc, and a Python with `pip install qiskit==2.2.3`. Prints one line for each difference and
a count at the end; the exit code is 1 if there is a difference.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import qiskit
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qasm2, qasm3, transpile
from qiskit.circuit import library
from qiskit.circuit.random import random_circuit
from qiskit.qasm2 import QASM2ExportError
from qiskit.qasm3 import QASM3ExporterError
from qiskit.transpiler import CouplingMap

ROOT = Path(__file__).resolve().parent.parent.parent


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bqc", type=Path, default=ROOT / "target/release/bqc", help="binary of bqc")
    parser.add_argument("--keep", type=Path, help="folder for the files, to look at them")
    return parser.parse_args()


def random_ones():
    for seed in range(60):
        n = 2 + seed % 5
        yield f"random {seed}", random_circuit(n, 4 + seed % 7, max_operands=min(4, n), measure=seed % 4 == 0, seed=seed)


def bound(circuit, seed):
    """The circuit with numbers for its parameters."""
    return circuit.assign_parameters(numpy.random.default_rng(seed).uniform(-4, 4, circuit.num_parameters))


def on_qubits(gate):
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.append(gate, range(gate.num_qubits))
    return circuit


def library_ones():
    yield "quantum Fourier transform", on_qubits(library.QFTGate(5))
    yield "quantum volume", library.quantum_volume(4, seed=3)
    yield "instantaneous quantum polynomial", library.random_iqp(5, seed=4)
    for name, ansatz in [
        ("real amplitudes", library.real_amplitudes(4, reps=2)),
        ("efficient SU(2)", library.efficient_su2(4, reps=1)),
        ("two local", library.n_local(4, ["ry", "rz"], "cz", reps=2)),
        ("excitation preserving", library.excitation_preserving(4)),
        ("feature map", library.zz_feature_map(3)),
        ("Pauli feature map", library.pauli_feature_map(3, paulis=["Z", "YX"])),
    ]:
        yield name, bound(ansatz, len(name))
    yield "full adder", on_qubits(library.FullAdderGate(2))
    yield "half adder", on_qubits(library.HalfAdderGate(2))
    yield "modular adder", on_qubits(library.ModularAdderGate(2))
    yield "multiplier", on_qubits(library.MultiplierGate(1))
    yield "permutation", on_qubits(library.PermutationGate([2, 0, 3, 1]))
    yield "inner product", on_qubits(library.InnerProductGate(2))
    yield "graph state", library.GraphStateGate([[0, 1, 1], [1, 0, 1], [1, 1, 0]]).definition
    yield "diagonal", on_qubits(library.DiagonalGate([1, -1, 1j, -1j]))
    yield "unitary", on_qubits(library.UnitaryGate(qiskit.quantum_info.random_unitary(4, seed=7)))
    yield "Grover operator", library.grover_operator(on_qubits(library.ZGate().control(2)))
    yield "phase estimation", library.phase_estimation(3, on_qubits(library.PhaseGate(0.7)))
    yield "state preparation", on_qubits(library.StatePreparation([0.6, 0, 0, 0.8]))


def controlled_ones():
    gates = [
        library.XGate(), library.HGate(), library.SXGate(), library.RZGate(0.3), library.UGate(0.1, 0.2, 0.3),
        library.U3Gate(0.1, 0.2, 0.3), library.U2Gate(0.2, 0.3), library.SwapGate(), library.RZZGate(0.4),
        library.iSwapGate(), library.PhaseGate(-1.1), library.YGate(),
    ]
    for number, gate in enumerate(gates):
        n_controls = 1 + number % 3
        controlled = gate.control(n_controls, ctrl_state=number % (1 << n_controls))
        circuit = QuantumCircuit(controlled.num_qubits, global_phase=0.1 * number)
        for qubit in range(controlled.num_qubits):
            circuit.ry(0.3 + qubit, qubit)
        circuit.append(controlled, range(controlled.num_qubits))
        circuit.append(controlled.inverse(), reversed(range(controlled.num_qubits)))
        yield f"controlled {gate.name}", circuit


def machine_ones():
    for seed in range(8):
        circuit = random_circuit(5, 6, max_operands=3, seed=100 + seed)
        circuit.barrier()
        basis = [["cx", "rz", "sx", "x"], ["cz", "u"], ["ecr", "rz", "sx", "x"]][seed % 3]
        yield f"machine {seed}", transpile(
            circuit, basis_gates=basis, coupling_map=CouplingMap.from_line(5), seed_transpiler=seed)


def dynamic_ones():
    """Circuits with control flow, and how many measurements, conditions, resets and barriers are made of them."""
    def base():
        return QuantumCircuit(QuantumRegister(3, "q"), ClassicalRegister(2, "c"), ClassicalRegister(1, "d"))

    circuit = base()
    circuit.measure(0, 2)
    with circuit.if_test((circuit.clbits[2], 1)) as otherwise:
        circuit.x(1)
    with otherwise:
        circuit.y(1)
        circuit.h(2)
    yield "if a bit", circuit, 4
    circuit = base()
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((circuit.cregs[0], 2)) as otherwise:
        circuit.x(2)
    with otherwise:
        circuit.z(2)
    with circuit.if_test((circuit.clbits[1], 0)):
        circuit.reset(2)
    yield "if a register", circuit, 2 + 1 + 3 + 2
    circuit = base()
    circuit.measure([0, 1], [0, 1])
    with circuit.switch(circuit.cregs[0]) as case:
        with case(0):
            circuit.x(2)
        with case(1, 2):
            circuit.y(2)
        with case(case.DEFAULT):
            circuit.z(2)
    yield "switch", circuit, 2 + 4
    circuit = base()
    with circuit.for_loop(range(1, 9, 3)):
        circuit.h(0)
        circuit.delay(100, 1, unit="ns")
    with circuit.for_loop((1, 4)) as k:
        circuit.rz(k, 1)
    yield "for", circuit, 3


def run(bqc, *arguments):
    found = subprocess.run([bqc, *map(str, arguments)], capture_output=True, text=True)
    return found.returncode, found.stdout + found.stderr


def exports(circuit):
    """In both versions. What an exporter does not write, such as a gate with an array in it, is taken apart first."""
    for _ in range(8):
        try:
            return qasm2.dumps(circuit), qasm3.dumps(circuit)
        except (TypeError, QASM2ExportError, QASM3ExporterError):
            circuit = circuit.decompose()
    return qasm2.dumps(circuit), qasm3.dumps(circuit)


def difference(bqc, folder, circuit):
    """What `bqc verify` says of the two exports, if they are not equal."""
    old, new = folder / "old.qasm", folder / "new.qasm"
    for file, text in zip([old, new], exports(circuit)):
        file.write_text(text)
    code, text = run(bqc, "verify", old, new)
    return None if code == 0 else text


def dynamic_difference(bqc, folder, circuit, n_directives):
    """What is wrong with a circuit that has no OpenQASM 2."""
    new, written = folder / "new.qasm", folder / "written.qasm"
    new.write_text(qasm3.dumps(circuit))
    for arguments in [("compile", "--effort", "1", new, "-o", written), ("verify", new, written)]:
        code, text = run(bqc, *arguments)
        if code != 0:
            return text
    _, text = run(bqc, "stats", new)
    found = next(int(line.split()[1]) for line in text.splitlines() if line.startswith("directives"))
    return None if found == n_directives else f"{found} directives, expected {n_directives}"


def main():
    arguments = parse_arguments()
    n_circuits, n_different = 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        def report(name, what):
            nonlocal n_circuits, n_different
            n_circuits += 1
            if what is not None:
                n_different += 1
                print(f"{name}:\n{what}")

        def folder(name):
            place = Path(arguments.keep or temporary) / name.replace(" ", "_")
            place.mkdir(parents=True, exist_ok=True)
            return place

        for generate in [random_ones, library_ones, controlled_ones, machine_ones]:
            for name, circuit in generate():
                report(name, difference(arguments.bqc, folder(name), circuit))
        for name, circuit, n_directives in dynamic_ones():
            report(name, dynamic_difference(arguments.bqc, folder(name), circuit, n_directives))
    print(f"qiskit {qiskit.__version__}: {n_circuits} circuits, {n_different} different")
    sys.exit(1 if n_different else 0)


if __name__ == "__main__":
    main()
