"""One compilation by BQSKit, in a process of its own so that compare.py can measure it.

Gate deletion as BQSKit's users write it: cut into blocks of k qubits, scan each block from the left,
remove a gate where the rest can be instantiated again, all with BQSKit's default thresholds. `level3`
is `bqskit.compile` at optimisation level 3. `empty` and `empty-jax` import and start the same things and
compile nothing: what they take is start-up. One worker, no seed fixed beyond the one given.

Prints one JSON object: gate counts and seconds of the compilation as the process itself sees it.
"""

import argparse
import json
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("circuit", help="OpenQASM 2 file")
    parser.add_argument("output", help="where the result is written")
    parser.add_argument("--method", choices=["empty", "empty-jax", *METHODS, "level3"], required=True)
    parser.add_argument("--width", type=int, default=3, help="qubits of a block (default 3)")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def ceres():
    """U3 gates, Levenberg-Marquardt of Ceres: what BQSKit does by itself for U3 and CX."""
    return {"method": "minimization"}


def qfactor():
    """Free one-qubit unitaries, BQSKit's own QFactor in Rust."""
    return {"method": "qfactor"}


def qfactor_sample_jax():
    """Free one-qubit unitaries, QFactor-Sample on JAX with the starts of its own examples."""
    from qfactorjax.qfactor_sample_jax import QFactorSampleJax

    return {"method": QFactorSampleJax(min_iters=6), "multistarts": 32}


METHODS = {"ceres": ceres, "qfactor": qfactor, "qfactor-sample-jax": qfactor_sample_jax}


def deletion(options, width, free_gates):
    """The passes of gate deletion."""
    from bqskit import passes

    to_free = [passes.ToVariablePass(convert_all_single_qudit_gates=True)] if free_gates else []
    scan = passes.ScanningGateRemovalPass(instantiate_options=options)
    return [
        passes.ToU3Pass(convert_all_single_qubit_gates=True),
        *to_free,
        passes.QuickPartitioner(width),
        passes.ForEachBlockPass([scan]),
        passes.UnfoldPass(),
        passes.ToU3Pass(convert_all_single_qubit_gates=True),
    ]


def compiled(args, circuit):
    """The circuit after the method named by the arguments."""
    from bqskit import compile as compile_circuit
    from bqskit.compiler import Compiler
    from bqskit.passes import NOOPPass

    with Compiler(num_workers=1) as compiler:
        if args.method.startswith("empty"):
            if args.method == "empty-jax":
                qfactor_sample_jax()
            return compiler.compile(circuit, [NOOPPass()])
        if args.method == "level3":
            return compile_circuit(circuit, optimization_level=3, seed=args.seed, compiler=compiler)
        workflow = deletion(METHODS[args.method](), args.width, free_gates=args.method != "ceres")
        return compiler.compile(circuit, workflow)


def main():
    args = arguments()
    from bqskit import Circuit

    circuit = Circuit.from_file(args.circuit)
    start = time.perf_counter()
    result = compiled(args, circuit)
    wall_seconds = time.perf_counter() - start
    result.save(args.output)
    counts = {gate.num_qudits: 0 for gate in result.gate_set}
    for gate, count in result.gate_counts.items():
        counts[gate.num_qudits] += count
    print(json.dumps({"cx": counts.get(2, 0), "u3": counts.get(1, 0), "wall_seconds": wall_seconds}))


if __name__ == "__main__":
    main()
