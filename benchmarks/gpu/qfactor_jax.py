#!/usr/bin/env python3
"""QFactor-Sample on JAX (bqskit-qfactor-jax) on the templates that `bqc-bench instantiate` has measured.

    bqc-bench instantiate --templates DIR/templates --records DIR     both in one folder, on one machine
    qfactor_jax.py --templates DIR/templates --records DIR

Runs on the device that JAX finds first. Every template is instantiated from 32 random starts by the same
instantiator several times: the first call compiles the template's structure, the later ones do not. Beside
them stand the seconds that bqc took for one problem of a full device. The two stop by rules of their own, so
that it also matters how often each of them has found a solution. Writes qfactor_jax.csv and the section
`gpu qfactor-jax` of SUMMARY.md into the records.

Needs Python with the packages of benchmarks/peers/requirements.txt, and JAX for the GPU where there is one.
A JAX too new for bqskit-qfactor-jax is given the one name that was removed.
"""

import argparse
import csv
import statistics
import time
from pathlib import Path

N_STARTS = 32
# bqc is allowed 2000 sweeps; an iteration of QFactor-Sample is two.
MAX_ITERATIONS = 1000
GOAL, GOAL_WITH_COMPILING = 10, 100
# Phase distance of a solution: what both stop at is a squared distance of 1e-8 or less.
SOLVED = 1e-3


def instantiator():
    """QFactor-Sample as its users set it, which never stops in its first iterations."""
    import jax
    import jax._src.lib

    if not hasattr(jax._src.lib, "xla_extension"):

        class XlaExtension:
            XlaRuntimeError = jax.errors.JaxRuntimeError

        jax._src.lib.xla_extension = XlaExtension
    from qfactorjax.qfactor_sample_jax import QFactorSampleJax

    return QFactorSampleJax(min_iters=6, max_iters=MAX_ITERATIONS), jax.devices()[0]


def template_of(circuit):
    """The circuit with a free one-qubit gate in the place of every one-qubit gate."""
    from bqskit import Circuit
    from bqskit.ir.gates import VariableUnitaryGate

    template = Circuit(circuit.num_qudits)
    for operation in circuit:
        gate = operation.gate if operation.num_qudits == 2 else VariableUnitaryGate(1)
        template.append_gate(gate, operation.location)
    return template


def measured(path, method, n_calls):
    """Seconds of each call, and the distance that it reached."""
    from bqskit import Circuit

    circuit = Circuit.from_file(str(path))
    target, template, calls = circuit.get_unitary(), template_of(circuit), []
    for _ in range(n_calls):
        start = time.perf_counter()
        parameters = method.multi_start_instantiate(template, target, N_STARTS)
        seconds = time.perf_counter() - start
        template.set_params(parameters)
        calls.append((seconds, float(template.get_unitary().get_distance_from(target))))
    return calls


def bqc_seconds(records):
    """Median seconds a problem of bqc's engines and the share that was solved, by wires and CX and engine."""
    found = {}
    with open(records / "instantiate.csv", encoding="utf-8", newline="") as raw:
        for row in csv.DictReader(raw):
            if row["load"] == "instantiations":
                key = (int(row["n"]), int(row["cx"]), row["engine"])
                n = int(row["problems"])
                found.setdefault(key, []).append((float(row["wall_seconds"]) / n, int(row["solved"]) / n))
    return {key: tuple(map(statistics.median, zip(*values))) for key, values in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--templates", type=Path, required=True, help="folder with template_N_CX.qasm")
    parser.add_argument("--records", type=Path, required=True, help="folder with instantiate.csv")
    parser.add_argument("--calls", type=int, default=4, help="calls for each template, the first of which compiles")
    arguments = parser.parse_args()
    method, device = instantiator()
    ours = bqc_seconds(arguments.records)
    size = lambda path: tuple(int(part) for part in path.stem.split("_")[1:])
    lines = [
        "| n | CX | s JAX, first call | s JAX, later calls | solved | bqc on | s bqc | solved | ratio | goal "
        "| ratio with compiling | goal |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    with open(arguments.records / "qfactor_jax.csv", "w", encoding="utf-8", newline="") as raw:
        writer = csv.writer(raw, lineterminator="\n")
        writer.writerow(["n", "cx", "device", "call", "seconds", "distance"])
        for path in sorted(arguments.templates.glob("template_*_*.qasm"), key=size):
            n, n_cx = size(path)
            calls = measured(path, method, arguments.calls)
            for call, (seconds, distance) in enumerate(calls):
                writer.writerow([n, n_cx, device, call, f"{seconds:.6f}", f"{distance:.3e}"])
            raw.flush()
            first, later = calls[0][0], statistics.median(seconds for seconds, _ in calls[1:] or calls)
            solved = sum(distance <= SOLVED for _, distance in calls) / len(calls)
            for engine in ["gpu", "cpu"]:
                if (n, n_cx, engine) not in ours:
                    continue
                own, own_solved = ours[n, n_cx, engine]
                cells = [n, n_cx, f"{first:.2f}", f"{later:.3f}", f"{solved:.0%}", engine, f"{own:.2e}"]
                cells += [f"{own_solved:.0%}", f"{later / own:.0f}", f"≥ {GOAL}"]
                cells += [f"{first / own:.0f}", f"≥ {GOAL_WITH_COMPILING}"]
                lines.append(f"| {' | '.join(map(str, cells))} |")
                print(lines[-1], flush=True)
    with open(arguments.records / "SUMMARY.md", "a", encoding="utf-8") as summary:
        summary.write(f"\n## gpu qfactor-jax\n\n{N_STARTS} starts; JAX on {device}.\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
