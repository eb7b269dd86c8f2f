#!/usr/bin/env python3
"""QFactor-Sample on JAX (bqskit-qfactor-jax) on the templates that `bqc-bench instantiate` has measured.

    bqc-bench instantiate --templates DIR/templates --records DIR     both in one folder, on one machine
    qfactor_jax.py --templates DIR/templates --records DIR

Runs on the device that JAX finds first. Every template is instantiated from 32 random starts by the same
instantiator several times: the first call compiles the template's structure, the later ones do not. Beside
them stand the seconds that bqc took for one problem of a full device. The two stop by rules of their own, so
that it also matters how often each of them has found a solution. Small templates come first, those that bqc has not
instantiated are left out, and no call begins after --seconds. Writes qfactor_jax.csv and the section `gpu
qfactor-jax` of SUMMARY.md into the records, call by call and size by size.

Needs Python with the packages of benchmarks/peers/requirements.txt, and JAX for the GPU where there is one.
A JAX too new for bqskit-qfactor-jax is given the one name that was removed.
"""

import argparse
import csv
import statistics
import sys
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


def measured(path, method, n_calls, end):
    """Seconds of each call, and the distance that it reached, as they come. No call begins after `end`."""
    from bqskit import Circuit

    circuit = Circuit.from_file(str(path))
    target, template = circuit.get_unitary(), template_of(circuit)
    for _ in range(n_calls):
        start = time.perf_counter()
        if start > end:
            return
        parameters = method.multi_start_instantiate(template, target, N_STARTS)
        seconds = time.perf_counter() - start
        template.set_params(parameters)
        yield seconds, float(template.get_unitary().get_distance_from(target))


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


def rows(n, n_cx, calls, ours):
    """Rows of the table for one size: one for each of bqc's engines."""
    first, later = calls[0][0], [seconds for seconds, _ in calls[1:]]
    solved = sum(distance <= SOLVED for _, distance in calls) / len(calls)
    for engine in ["gpu", "cpu"]:
        if (n, n_cx, engine) in ours:
            own, own_solved = ours[n, n_cx, engine]
            median = statistics.median(later) if later else None
            cells = [n, n_cx, f"{first:.2f}", f"{median:.3f}" if later else "–", f"{solved:.0%}", engine]
            cells += [f"{own:.2e}", f"{own_solved:.0%}", f"{median / own:.0f}" if later else "–", f"≥ {GOAL}"]
            cells += [f"{first / own:.0f}", f"≥ {GOAL_WITH_COMPILING}"]
            yield f"| {' | '.join(map(str, cells))} |"


def summarise(records, body):
    """Writes the section of the summary, in place of the one that it had."""
    path, head = records / "SUMMARY.md", "## gpu qfactor-jax"
    text = path.read_text(encoding="utf-8") if path.exists() else "# Summary\n"
    first, *others = text.split("\n## ")
    kept = [first] + [f"## {other}" for other in others if f"## {other}".splitlines()[0] != head]
    path.write_text("\n".join(kept).rstrip() + f"\n\n{head}\n\n{body}\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--templates", type=Path, required=True, help="folder with template_N_CX.qasm")
    parser.add_argument("--records", type=Path, required=True, help="folder with instantiate.csv")
    parser.add_argument("--calls", type=int, default=4, help="calls for each template, the first of which compiles")
    parser.add_argument("--seconds", type=float, default=240, help="no call begins later than this")
    arguments = parser.parse_args()
    records, end = arguments.records, time.perf_counter() + arguments.seconds
    if not (records / "instantiate.csv").exists():
        sys.exit(f"{records} has no instantiate.csv: `bqc-bench instantiate` comes first")
    ours = bqc_seconds(records)
    size = lambda path: tuple(int(part) for part in path.stem.split("_")[1:])
    sizes = {(n, n_cx) for n, n_cx, _ in ours}
    paths = sorted((p for p in arguments.templates.glob("template_*_*.qasm") if size(p) in sizes), key=size)
    method, device = instantiator()
    lines = [
        "| n | CX | s JAX, first call | s JAX, later calls | solved | bqc on | s bqc | solved | ratio | goal "
        "| ratio with compiling | goal |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    with open(records / "qfactor_jax.csv", "w", encoding="utf-8", newline="") as raw:
        writer = csv.writer(raw, lineterminator="\n")
        writer.writerow(["n", "cx", "device", "call", "seconds", "distance"])
        for path in paths:
            (n, n_cx), calls = size(path), []
            for seconds, distance in measured(path, method, arguments.calls, end):
                writer.writerow([n, n_cx, device, len(calls), f"{seconds:.6f}", f"{distance:.3e}"])
                raw.flush()
                calls.append((seconds, distance))
            if not calls:
                lines.append("")
                lines.append(f"No time was left from {n} wires with {n_cx} CX on.")
                summarise(records, f"{N_STARTS} starts; JAX on {device}.\n\n" + "\n".join(lines))
                break
            for line in rows(n, n_cx, calls, ours):
                lines.append(line)
                print(line, flush=True)
            summarise(records, f"{N_STARTS} starts; JAX on {device}.\n\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
