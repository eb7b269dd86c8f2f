#!/usr/bin/env python3
"""BQSKit and bqc on the same circuits in one run: CPU seconds until the same counts are reached.

For every circuit and every flow of BQSKit, BQSKit runs first (A), then bqc runs with growing effort
until it has no more CX gates than BQSKit left (B); then both again (A B A B). What is compared is the
user and system time of whole process trees, waited-for or orphaned, so it does not matter who else uses
the machine. Of BQSKit a second figure leaves out its start-up, as measured by runs that import and start
everything and compile nothing. Of bqc everything is counted, its check of the whole circuit included.

Needs Linux, an environment made by install.sh, and the release build of bqc. Writes peers.csv (one line
a process) and the section `peers` of SUMMARY.md into the folder of records.
"""

import argparse
import csv
import ctypes
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

BLOCKS = ["grover5", "adder63_10q_block_28", "vqe12_10q_block145", "heisenberg64_10q_block_104"]

# Flows of BQSKit, the strongest first: should the time run out, the weakest are left out.
FLOWS = [("ceres", 4), ("level3", 3), ("ceres", 3), ("qfactor", 4), ("qfactor", 3), ("qfactor-sample-jax", 3)]
QUICK_FLOWS = [("ceres", 3)]

# The goal of the project: this many times less CPU than BQSKit's best flow, at the same counts.
GOAL_RATIO = 100

# A flow that took longer than this is not repeated (CPU seconds).
REPEAT_BELOW_SECONDS = 60

# What bqc tries before its search: one pass of gate deletion at the block size of the flow, then all.
# The search gets a limit that doubles, so all attempts together take at most twice the last one.
FIRST_SEARCH_SECONDS = 0.1
LAST_SEARCH_SECONDS = 30.0

COLUMNS = [
    "round", "circuit", "who", "settings", "status", "cx", "u3", "cpu_seconds", "startup_cpu_seconds",
    "wall_seconds", "phase_distance", "target_cx", "target_u3",
]

PR_SET_CHILD_SUBREAPER = 36


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--circuits", type=Path, required=True, help="folder of the circuits")
    parser.add_argument("--names", nargs="+", default=BLOCKS, help="circuits, without .qasm")
    parser.add_argument("--python", type=Path, default=ROOT / "target/peers/bin/python",
                        help="Python of the environment made by install.sh")
    parser.add_argument("--bqc", type=Path, default=ROOT / "target/release/bqc", help="binary of bqc")
    parser.add_argument("--records", type=Path, required=True, help="folder of the records")
    parser.add_argument("--rounds", type=int, default=2, help="how often A B is run (default 2)")
    parser.add_argument("--limit", type=float, default=150, help="seconds for one run of BQSKit (default 150)")
    parser.add_argument("--budget", type=float, default=18 * 60, help="seconds after which nothing new is begun")
    parser.add_argument("--quick", action="store_true", help="one flow, one round: does it work?")
    return parser.parse_args()


def adopt_orphans():
    """Lets processes whose parent ended become our children, so that their CPU time is counted."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def children_cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measured(command, limit_seconds):
    """Runs a command and all that it starts to the end: status, output, CPU and wall seconds."""
    environment = dict(os.environ, JAX_PLATFORMS="cpu", OMP_NUM_THREADS="1")
    before, start = children_cpu_seconds(), time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment, start_new_session=True)
        try:
            code = process.wait(timeout=limit_seconds)
            status = "ok" if code == 0 else f"exit {code}"
        except subprocess.TimeoutExpired:
            status = "time out"
        wall_seconds = time.perf_counter() - start
        kill_session(process)
        for stream in (out, err):
            stream.seek(0)
        result = {"status": status, "stdout": out.read(), "stderr": err.read()}
    return result | {"cpu_seconds": children_cpu_seconds() - before, "wall_seconds": wall_seconds}


def kill_session(process):
    """Ends what is left of a process group that this program started, and collects every child."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


class Comparison:
    """One run over all circuits and flows; every process is written to `raw` as soon as it has ended."""

    def __init__(self, args, folder, raw):
        self.args = args
        self.folder = Path(folder)
        self.raw = raw
        self.writer = csv.DictWriter(raw, COLUMNS)
        self.writer.writeheader()
        self.begin = time.perf_counter()
        self.startup = {}

    def is_over(self):
        return time.perf_counter() - self.begin > self.args.budget

    def bqskit(self, circuit, method, width):
        output = self.folder / "bqskit.qasm"
        output.unlink(missing_ok=True)
        command = [self.args.python, HERE / "bqskit_run.py", circuit, output, "--method", method, "--width", str(width)]
        run = measured([str(c) for c in command], self.args.limit)
        counts = last_json(run["stdout"]) if run["status"] == "ok" else {}
        if run["status"] not in ("ok", "time out"):
            print(run["stderr"][-800:], file=sys.stderr)
        return run | {"cx": counts.get("cx"), "u3": counts.get("u3"), "distance": self.distance(circuit, output)}

    def bqc(self, circuit, settings):
        output, report = self.folder / "bqc.qasm", self.folder / "bqc.json"
        output.unlink(missing_ok=True)
        command = [self.args.bqc, "compile", circuit, "-o", output, "--report", report, "--threads", "1", *settings]
        run = measured([str(c) for c in command], 4 * LAST_SEARCH_SECONDS)
        if run["status"] != "ok":
            raise RuntimeError(f"bqc failed ({run['status']}): {run['stderr'][-800:]}")
        figures = json.loads(report.read_text())["output"]
        counts = {"cx": figures["two_qubit_gates"], "u3": figures["one_qubit_gates"]}
        return run | counts | {"distance": self.distance(circuit, output)}

    def distance(self, circuit, output):
        """Phase distance of an output from its input, as `bqc verify` measures it."""
        if not output.exists():
            return None
        run = measured([str(self.args.bqc), "verify", str(circuit), str(output), "--epsilon", "0.5"], 60)
        found = re.search(r"distance (\S+)", run["stdout"])
        return float(found.group(1)) if found else None

    def measure_startup(self, circuit):
        """Medians of three runs that do nothing, with and without JAX."""
        for method in ("empty", "empty-jax"):
            runs = [self.bqskit(circuit, method, 3) for _ in range(1 if self.args.quick else 3)]
            for i, run in enumerate(runs):
                if run["status"] != "ok":
                    raise RuntimeError(f"BQSKit does not start: {run['stderr'][-800:]}")
                self.record(i + 1, circuit, "bqskit", method, run, None, None)
            self.startup[method] = statistics.median(run["cpu_seconds"] for run in runs)

    def startup_of(self, method):
        return self.startup["empty-jax" if method.endswith("jax") else "empty"]

    def record(self, number, circuit, who, settings, run, startup, target):
        row = {
            "round": number, "circuit": circuit.stem, "who": who, "settings": settings, "status": run["status"],
            "cx": run["cx"], "u3": run["u3"], "cpu_seconds": round(run["cpu_seconds"], 3),
            "startup_cpu_seconds": None if startup is None else round(startup, 3),
            "wall_seconds": round(run["wall_seconds"], 3), "phase_distance": run["distance"],
            "target_cx": target and target[0], "target_u3": target and target[1],
        }
        self.writer.writerow(row)
        self.raw.flush()
        words = ", ".join(f"{key} {value}" for key, value in row.items() if value is not None)
        print(f"[{time.perf_counter() - self.begin:6.0f} s] {words}", file=sys.stderr)
        return row

    def pair(self, number, circuit, method, width, target):
        """A then B. Returns BQSKit's run and what bqc needed for its counts, or for `target`."""
        peer = self.bqskit(circuit, method, width)
        self.record(number, circuit, "bqskit", flow_name(method, width), peer, self.startup_of(method), None)
        if peer["cx"] is not None:
            target = (peer["cx"], peer["u3"])
        return peer, target, self.reach(number, circuit, width, target) if target else None

    def reach(self, number, circuit, width, target):
        """bqc with growing effort until the counts of `target` are reached: CX, then both."""
        spent, to_cx, to_both = 0.0, None, None
        for settings in efforts(width):
            run = self.bqc(circuit, settings)
            self.record(number, circuit, "bqc", " ".join(settings), run, None, target)
            spent += run["cpu_seconds"]
            reached = {"last": run["cpu_seconds"], "all": spent, "cx": run["cx"], "u3": run["u3"]}
            if run["cx"] <= target[0] and to_cx is None:
                to_cx = reached
            if (run["cx"], run["u3"]) <= target and run["u3"] <= target[1]:
                to_both = reached
            if to_both or (to_cx and spent > 10 * to_cx["all"] + 1):
                break
        return {"cx": to_cx, "both": to_both}

    def circuit(self, circuit, flows):
        """All flows on one circuit; rows of the table."""
        table, best = [], None
        for method, width in flows:
            pairs = []
            for number in range(1, self.args.rounds + 1):
                if self.is_over() or (pairs and pairs[-1][0]["cpu_seconds"] > REPEAT_BELOW_SECONDS):
                    break
                pairs.append(self.pair(number, circuit, method, width, best))
                peer = pairs[-1][0]
                if peer["cx"] is not None and (best is None or (peer["cx"], peer["u3"]) < best):
                    best = (peer["cx"], peer["u3"])
            if pairs:
                table.append(table_row(circuit.stem, method, width, pairs, self.startup_of(method)))
            else:
                print(f"left out for lack of time: {circuit.stem}, {flow_name(method, width)}", file=sys.stderr)
        return table


def flow_name(method, width):
    return "compile level 3" if method == "level3" else f"deletion {method} k={width}"


def efforts(width):
    deletion = ["--flow", "delete", "--block-size", str(width)]
    yield [*deletion, "--passes", "1"]
    yield deletion
    seconds = FIRST_SEARCH_SECONDS
    while seconds <= LAST_SEARCH_SECONDS:
        yield ["--flow", "search", "--time-limit", f"{seconds:g}s"]
        seconds *= 2


def last_json(text):
    return json.loads(text.strip().splitlines()[-1])


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def table_row(circuit, method, width, pairs, startup):
    """Medians over the rounds of one circuit and flow."""
    peers, reached = [p[0] for p in pairs], [p[2] for p in pairs if p[2]]
    cpu = median(p["cpu_seconds"] for p in peers)

    def needed(which, key):
        runs = [r[which] for r in reached]
        return median(r[key] for r in runs) if runs and all(runs) else None

    return {
        "circuit": circuit, "flow": flow_name(method, width), "rounds": len(pairs),
        "status": "/".join(sorted({p["status"] for p in peers})),
        "cx": median(p["cx"] for p in peers), "u3": median(p["u3"] for p in peers),
        "distance": median(p["distance"] for p in peers),
        "cpu": cpu, "net": cpu - startup, "bqc_cx": needed("cx", "cx"), "bqc_u3": needed("cx", "u3"),
        "last": needed("cx", "last"), "all": needed("cx", "all"), "both": needed("both", "last"),
    }


def best_flow(rows):
    """The row with the fewest gates; of equals the quickest."""
    finished = [row for row in rows if row["cx"] is not None]
    return min(finished, key=lambda row: (row["cx"], row["u3"], row["cpu"]), default=None)


def number(value, digits=3):
    if value is None:
        return "–"
    return f"{value:.0f}" if value == int(value) else f"{value:.{digits}g}"


def ratio(peer, ours):
    return f"{peer / ours:.0f}" if peer is not None and ours else "–"


def markdown(tables, args, startup):
    lines = [
        f"BQSKit and bqc on one machine, A B A B, medians of up to {args.rounds} rounds. CPU seconds are user and",
        "system time of whole process trees. Start-up of BQSKit (imports, worker; subtracted in “net”): "
        f"{startup['empty']:.2f} s, with JAX {startup['empty-jax']:.2f} s. bqc runs with growing effort until it has",
        "no more CX than BQSKit: “bqc s” is the run that got there, “all” includes the attempts before it, “U3 too” is",
        "the first run with no more one-qubit gates either. “→” marks BQSKit's best flow on each circuit; a flow that",
        "timed out is compared at the best counts that another flow had reached, and its seconds are a lower bound.",
        f"Goal: CPU ratio of the best flow at least {GOAL_RATIO}.",
        "",
        "| circuit | BQSKit flow | status | CX/U3 | distance | CPU s | net s | bqc CX/U3 | bqc s | all | U3 too |"
        " ratio | net ratio | ratio to all |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for rows in tables:
        best = best_flow(rows)
        for row in rows:
            mark = "→ " if row is best else ""
            cells = [
                row["circuit"], mark + row["flow"], f"{row['status']} ×{row['rounds']}",
                f"{number(row['cx'])}/{number(row['u3'])}", number(row["distance"], 2), number(row["cpu"]),
                number(row["net"]), f"{number(row['bqc_cx'])}/{number(row['bqc_u3'])}", number(row["last"]),
                number(row["all"]), number(row["both"]), ratio(row["cpu"], row["last"]),
                ratio(row["net"], row["last"]), ratio(row["cpu"], row["all"]),
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def machine():
    """One paragraph: what this was measured on."""
    def first_line(command):
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return (result.stdout.splitlines() or [""])[0]

    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    commit = first_line(["git", "rev-parse", "--short=10", "HEAD"])
    dirty = "-dirty" if first_line(["git", "status", "--porcelain", "--untracked-files=no"]) else ""
    return (f"{time.strftime('%Y-%m-%d', time.gmtime())}: {model.group(1) if model else 'unknown'}, {os.cpu_count()} cores; "
            f"{first_line(['rustc', '--version'])}; commit {commit}{dirty}; load {os.getloadavg()[0]:.2f} at the start.\n\n")


def replace_section(path, title, body):
    """Writes `body` as the section `## title` of a Markdown file, in place of the one it had."""
    text = path.read_text() if path.exists() else "# Summary\n"
    head, *sections = re.split(r"(?m)^(?=## )", text)
    sections = [s for s in sections if s.splitlines()[0] != f"## {title}"]
    path.write_text("\n".join(part.rstrip() + "\n" for part in [head, *sections, f"## {title}\n\n{body}"]))


def main():
    args = parse_arguments()
    if args.quick:
        args.rounds = 1
    circuits = [args.circuits / f"{name}.qasm" for name in args.names]
    missing = [str(path) for path in [*circuits, args.python, args.bqc] if not path.exists()]
    if missing:
        sys.exit(f"not found: {', '.join(missing)}\nsee benchmarks/README.md for what to build and install")
    # Not resolved: the Python of an environment is a link, and finds its packages by its own path.
    args.python, args.bqc = args.python.absolute(), args.bqc.absolute()
    about = machine()
    adopt_orphans()
    args.records.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open(args.records / "peers.csv", "w", newline="") as raw:
        comparison = Comparison(args, folder, raw)
        comparison.measure_startup(circuits[0])
        tables = [comparison.circuit(path, QUICK_FLOWS if args.quick else FLOWS) for path in circuits]
    text = markdown(tables, args, comparison.startup)
    print(about + text)
    replace_section(args.records / "SUMMARY.md", "peers", about + text)


if __name__ == "__main__":
    main()
