"""Reads OpenQASM files with Qiskit, tket and PyZX, and compares them with the first: readers.py A B...

Prints a line `B reader distance` for each of the others and each reader, and fails if one cannot be read. The distance is the phase
distance of the two unitaries as that reader understands them, sqrt(1 - |Tr(A^H B)| / N) as a residual.
"""

import sys
import warnings

import numpy as np
import pytket.qasm
import pyzx
from qiskit import QuantumCircuit, qasm2
from qiskit.quantum_info import Operator


def distance(a, b):
    """The phase distance of two unitaries."""
    overlap = np.trace(a.conj().T @ b)
    phase = overlap / abs(overlap) if abs(overlap) > 0 else 1
    return np.linalg.norm(b - phase * a) / np.sqrt(2 * len(a))


READERS = {
    "qiskit": lambda path: Operator(QuantumCircuit.from_qasm_file(path)).data,
    # With the library of the paper alone.
    "qiskit-qasm2": lambda path: Operator(qasm2.load(path)).data,
    "tket": lambda path: pytket.qasm.circuit_from_qasm(path).get_unitary(),
    "pyzx": lambda path: pyzx.Circuit.load(path).to_matrix(),
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for name, read in READERS.items():
        first = read(sys.argv[1])
        for path in sys.argv[2:]:
            print(path, name, distance(first, read(path)))
