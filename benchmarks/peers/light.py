#!/usr/bin/env python3
"""Qiskit's transpiler at its highest level and `bqc compile --effort 1` on the same circuits in one run.

Of Qiskit the CPU time of `transpile` alone counts, on one thread: its start, reading and writing are left out. Of bqc
the whole process counts, with reading, its proofs and writing. Each circuit is done by both in turns, `--rounds` times,
and the least time of each counts. Where Qiskit leaves fewer CX, `bqc verify` says whether it left the same unitary: it
drops small rotations, and swaps at the end become a permutation of the outputs.

Needs Linux, the release build of bqc, and a Python with `pip install qiskit==2.2.3`. Writes light.csv (one line a
circuit) and the section `light` of SUMMARY.md into the folder of records.
"""

import argparse
import csv
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QISKIT_PARALLEL", "FALSE")
os.environ.setdefault("RAYON_NUM_THREADS", "1")

import qiskit  # noqa: E402
from qiskit import qasm2, transpile  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent

# The goal of the project: never more CX, and above so many gates at most this share of Qiskit's CPU time.
GOAL_SHARE = 0.5
GOAL_FROM_GATES = 1000

COLUMNS = ["circuit", "gates", "cx_in", "qiskit_cx", "qiskit_cpu_seconds", "bqc_cx", "bqc_cpu_seconds", "bqc_bound",
           "qiskit_is_same"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--circuits", type=Path, required=True, help="folder of the sets of circuits")
    parser.add_argument("--sets", nargs="+", default=["blocks", "small", "chemistry", "guoq"], help="folders in it")
    parser.add_argument("--bqc", type=Path, default=ROOT / "target/release/bqc", help="binary of bqc")
    parser.add_argument("--records", type=Path, required=True, help="folder of the records")
    parser.add_argument("--rounds", type=int, default=3, help="how often both do each circuit (default 3)")
    return parser.parse_args()


def children_cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def by_qiskit(circuit):
    """Its circuit over {CX, U3} and the CPU seconds of the call."""
    start = time.process_time()
    found = transpile(circuit, basis_gates=["cx", "u3"], optimization_level=3, seed_transpiler=0)
    return found, time.process_time() - start


def by_bqc(bqc, path, folder):
    """bqc's report and the CPU seconds of the process."""
    report = folder / "report.json"
    before = children_cpu_seconds()
    command = [bqc, "compile", path, "-o", folder / "out.qasm", "--effort", "1", "--run-dir", "off", "-q", "-j", "1",
               "--report", report]
    subprocess.run(command, check=True)
    return json.loads(report.read_text()), children_cpu_seconds() - before


def is_same(bqc, path, found, folder):
    """Whether a circuit of Qiskit's has the unitary of the file, its qubits on their own wires."""
    other = folder / "qiskit.qasm"
    other.write_text(qasm2.dumps(found))
    return subprocess.run([bqc, "verify", path, other], capture_output=True).returncode == 0


def measure(arguments, path, folder):
    circuit = qasm2.load(path, custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
    qiskit_seconds, bqc_seconds = math.inf, math.inf
    for _ in range(arguments.rounds):
        found, seconds = by_qiskit(circuit)
        qiskit_seconds = min(qiskit_seconds, seconds)
        report, seconds = by_bqc(arguments.bqc, path, folder)
        bqc_seconds = min(bqc_seconds, seconds)
    qiskit_cx, bqc_cx = found.count_ops().get("cx", 0), report["output"]["two_qubit_gates"]
    same = is_same(arguments.bqc, path, found, folder) if qiskit_cx < bqc_cx else ""
    return dict(zip(COLUMNS, [
        f"{path.parent.name}/{path.stem}", len(circuit.data), report["input"]["two_qubit_gates"], qiskit_cx,
        round(qiskit_seconds, 6), bqc_cx, round(bqc_seconds, 6), report["error_bound"], same,
    ]))


def geometric_mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def summary(rows):
    large = [row for row in rows if row["gates"] > GOAL_FROM_GATES]
    shares = [row["bqc_cpu_seconds"] / max(row["qiskit_cpu_seconds"], 1e-6) for row in large]
    n_slow = sum(share > GOAL_SHARE for share in shares)
    more = [row for row in rows if row["bqc_cx"] > row["qiskit_cx"]]
    n_more = sum(bool(row["qiskit_is_same"]) for row in more)
    fewer = sum(row["bqc_cx"] < row["qiskit_cx"] for row in rows)
    total = sum(row["bqc_cpu_seconds"] for row in large) / sum(row["qiskit_cpu_seconds"] for row in large)
    lines = [
        "## light", "",
        f"`bqc compile --effort 1` (whole process) beside `transpile` of Qiskit {qiskit.__version__} at level 3 (the call "
        f"alone), {len(rows)} circuits, CPU time of one thread.", "",
        "| what | goal | found |", "|---|---|---|",
        f"| circuits on which Qiskit leaves the same unitary with fewer CX | 0 | {n_more} |",
        f"| circuits on which it leaves another unitary with fewer CX | | {len(more) - n_more} |",
        f"| circuits on which bqc leaves fewer CX | | {fewer} |",
        f"| CPU of bqc as a share of Qiskit's, above {GOAL_FROM_GATES} gates ({len(large)} circuits): geometric mean | "
        f"{GOAL_SHARE} | {geometric_mean(shares):.2f} |",
        f"| of these above {GOAL_SHARE} | 0 | {n_slow} |",
        f"| the same share of the sums | | {total:.2f} |",
    ]
    return "\n".join(lines) + "\n"


def write_summary(records, section):
    """Puts the section into SUMMARY.md, in the place of the one that stands there."""
    path = records / "SUMMARY.md"
    text = path.read_text() if path.exists() else "# Summary\n"
    parts = text.split("\n## ")
    kept = [parts[0]] + [part for part in parts[1:] if not part.startswith("light\n")]
    path.write_text("\n## ".join(part.rstrip("\n") + "\n" for part in kept) + "\n" + section)


def main():
    arguments = parse_arguments()
    arguments.records.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder, open(arguments.records / "light.csv", "w", newline="") as raw:
        writer = csv.DictWriter(raw, COLUMNS)
        writer.writeheader()
        for path in [path for name in arguments.sets for path in sorted((arguments.circuits / name).glob("*.qasm"))]:
            try:
                row = measure(arguments, path, Path(folder))
            except qasm2.QASM2ParseError as error:
                print(f"{path.name}: Qiskit does not read it: {error}", file=sys.stderr)
                continue
            writer.writerow(row)
            raw.flush()
            rows.append(row)
    section = summary(rows)
    write_summary(arguments.records, section)
    print(section)


if __name__ == "__main__":
    main()
