#!/usr/bin/env python3
"""Machine instructions of the hot loops: the product's PTX beside an nvcc build of the same loops in CUDA.

    python3 -m pip install --target TOOLS nvidia-cuda-nvcc==13.* nvidia-nvvm nvidia-cuda-crt \\
        nvidia-cuda-runtime nvidia-cuda-nvdisasm        (no GPU and no root needed)
    benchmarks/gpu/sass.py --tools TOOLS [--records DIR]

Assembles kernels-gpu/ptx for sm_80 and sm_90, compiles loops.cu for the same, disassembles both with
nvdisasm, and finds the loops: every backward branch, with the loops inside it that have no arithmetic in f64. A
loop of the product is that of its counterpart if it does the same arithmetic, reads and writes; unrolled
ones are divided by their factor. Exit 1 if one of them has more than 1.10 times the instructions of nvcc's.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PTX = HERE.parent.parent / "kernels-gpu" / "ptx"
ARCHITECTURES = ["sm_80", "sm_90"]
GOAL = 1.10

# Of each loop: the kernel of ours that it is in, and what tells it from others there, in one turn.
LOOPS = {
    "gram": ("bqc_lm_shared", dict(dfma=32, f64=32, reads=8)),
    "tangents": ("bqc_lm_shared", dict(dfma=96, reads=22)),
    "patch": ("bqc_lm_shared", dict(dfma=128, f64=128, reads=40)),
    "layer": ("bqc_lm_shared", dict(dfma=48, f64=64, reads=8)),
    "environment": ("bqc_sweep_shared", dict(dfma=32, f64=32, reads=6)),
}

UNROLLED = [1, 2, 4]


def kernels(sass):
    """Instructions and labels of every kernel, in order."""
    found, current = {}, None
    for line in sass.splitlines():
        if match := re.match(r"\.text\.(\w+):", line):
            current = found.setdefault(match[1], [])
        elif current is not None:
            if match := re.match(r"\s*(\.L_\w+):", line):
                current.append((True, match[1]))
            elif match := re.search(r"/\*[0-9a-f]{4,}\*/\s+(.*?);", line):
                current.append((False, match[1].strip()))
    return found


def work(body):
    count = lambda pattern: sum(bool(re.search(pattern, line)) for line in body)
    return dict(
        dfma=count(r"\bDFMA\b"),
        f64=count(r"\bD(FMA|MUL|ADD)\b"),
        reads=count(r"\b(LDS|LDG|LD)\b"),
        writes=count(r"\b(STS|STG|ST)\b"),
    )


def loops(kernel):
    """Bodies of the innermost loops that do arithmetic in f64."""
    instructions, labels = [], {}
    for is_label, text in kernel:
        if is_label:
            labels[text] = len(instructions)
        else:
            instructions.append(text)
    spans = []
    for at, text in enumerate(instructions):
        match = re.search(r"\bBRA\b.*`\((\.L_\w+)\)", text)
        if match and labels.get(match[1], at + 1) <= at:
            start = labels[match[1]]
            if work(instructions[start : at + 1])["f64"]:
                spans.append((start, at))
    inside = lambda a, b: a != b and b[0] <= a[0] and a[1] <= b[1]
    return [instructions[s : e + 1] for s, e in spans if not any(inside(other, (s, e)) for other in spans)]


def per_turn(kernel, wanted):
    """Instructions of one turn of the loop that does the wanted work, of the longest if there are several."""
    found = []
    for body in loops(kernel):
        done = work(body)
        for factor in UNROLLED:
            if all(done[what] == factor * n for what, n in wanted.items()):
                found.append(len(body) / factor)
    return max(found, default=None)


def disassembled(tools, command, scratch):
    cubin = Path(scratch) / "kernels.cubin"
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    subprocess.run([tools / command[0], *command[1:], "-o", cubin], check=True, env=environment)
    sass = subprocess.run([tools / "nvdisasm", "-c", cubin], check=True, env=environment, capture_output=True, text=True)
    return kernels(sass.stdout)


def tools_in(folder):
    found = [path.parent for path in folder.rglob("nvcc") if path.is_file()]
    if not found or not (found[0] / "nvdisasm").exists():
        sys.exit(f"sass.py: no nvcc with nvdisasm beside it under {folder}; the head of this script installs them")
    for program in [*found[0].iterdir(), *found[0].parent.rglob("cicc")]:
        program.chmod(program.stat().st_mode | 0o100)
    return found[0]


def table(tools):
    """Lines of the table, and whether all are within the goal."""
    lines = ["| loop | in kernel | architecture | instructions, nvcc | ours | ratio | goal |", "|---|---|---|---|---|---|---|"]
    is_met = True
    for architecture in ARCHITECTURES:
        with tempfile.TemporaryDirectory() as scratch:
            ptx = PTX / f"bqc-kernels.{architecture}.ptx"
            ours = disassembled(tools, ["ptxas", f"-arch={architecture}", "-O3", ptx], scratch)
            flags = [f"-arch={architecture}", "-O3", "-cubin"]
            reference = disassembled(tools, ["nvcc", *flags, HERE / "loops.cu"], scratch)
        for loop, (kernel, wanted) in LOOPS.items():
            [theirs], own = [len(body) for body in loops(reference[loop])], per_turn(ours[kernel], wanted)
            if own is None:
                sys.exit(f"sass.py: no loop `{loop}` in {kernel} ({architecture}): {wanted}")
            ratio = own / theirs
            is_met &= ratio <= GOAL
            row = [loop, f"`{kernel}`", architecture, f"{theirs}", f"{own:g}", f"{ratio:.2f}", f"≤ {GOAL:.2f}"]
            lines.append(f"| {' | '.join(row)} |")
    return lines, is_met


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tools", type=Path, required=True, help="folder that the wheels were installed in")
    parser.add_argument("--records", type=Path, help="folder whose SUMMARY.md the table is added to")
    arguments = parser.parse_args()
    tools = tools_in(arguments.tools)
    version = subprocess.run([tools / "nvcc", "--version"], check=True, capture_output=True, text=True).stdout
    lines, is_met = table(tools)
    text = "\n".join(lines)
    print(text)
    if arguments.records:
        arguments.records.mkdir(parents=True, exist_ok=True)
        with open(arguments.records / "SUMMARY.md", "a", encoding="utf-8") as summary:
            what = f"Machine instructions of one turn of the hot loops; nvcc {re.search(r'V([0-9.]+)', version)[1]}."
            summary.write(f"\n## gpu sass\n\n{what}\n\n{text}\n")
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
