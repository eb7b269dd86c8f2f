//! Every solver on a GPU, through the whole command, on an imitated driver: blocks of 3 to 8 wires come out valid and the
//! same for any number of threads, and nothing is left to the CPU.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/imitation.rs"]
mod imitation;

use bqc_wire::{Document, Report};
use common::*;
use imitation::Machine;
use std::fmt::Write;

/// What the command says where the CPU stood in for the device.
const STOOD_IN: &str = "the CPU did";

/// Two registers of `k` wires, or one, each a chain of CX with rotations and some more on its first wires: few gates,
/// since emulated kernels are slow.
fn chains(k: usize, n_registers: usize) -> String {
    let mut text = format!("{HEADER}qreg q[{}];\n", k * n_registers);
    for first in (0..n_registers).map(|register| register * k) {
        for q in first..first + k - 1 {
            writeln!(text, "cx q[{q}],q[{}];\nu3(0.{q}3,0.7,1.1) q[{}];", q + 1, q + 1).unwrap();
        }
        if k <= 5 {
            let [a, b, c] = [first, first + 1, first + 2];
            for (x, y) in [(a, b), (b, c), (a, b)] {
                writeln!(text, "cx q[{x}],q[{y}];\nrz(0.3) q[{y}];\ncx q[{x}],q[{y}];").unwrap();
            }
        }
    }
    text
}

struct Run {
    code: i32,
    output: String,
    stderr: String,
    report: Report,
}

/// One pass of deletion over blocks of `k` wires, in one process.
fn compile(machine: &Machine, circuit: &str, k: usize, solver: &str, threads: &str) -> Run {
    let folder = Folder::new();
    let input = folder.write("in.qasm", circuit);
    let (output, report, width) = (folder.arg("out.qasm"), folder.arg("report.json"), k.to_string());
    let flow = ["--flow", "delete", "-k", &width, "--passes", "1", "--solver", solver];
    let place = ["--engine", "cuda", "--workers", "off", "-j", threads, "-o", &output, "--report", &report];
    let args = [&["compile", &input][..], &flow, &place].concat();
    let (code, _, stderr) = parts(&machine.host(bqc(&args)).output().unwrap());
    let read = |name: &str| std::fs::read_to_string(folder.path(name)).unwrap_or_default();
    let report = Report::from_json(&read("report.json")).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    Run { code, output: read("out.qasm"), stderr, report }
}

/// Compiles with some numbers of threads, and gives the first run.
fn compile_alike(circuit: &str, k: usize, solver: &str, threads: &[&str]) -> Run {
    let mut runs = threads.iter().map(|threads| {
        let run = compile(&Machine::new(""), circuit, k, solver, threads);
        assert_eq!(run.code, 0, "{solver} on {k} wires: {}", run.stderr);
        assert!(run.report.engine.starts_with("cuda/"), "{}", run.report.engine);
        assert!(!run.stderr.contains(STOOD_IN), "{solver} on {k} wires: {}", run.stderr);
        run
    });
    let first = runs.next().unwrap();
    for (run, threads) in runs.zip(&threads[1..]) {
        assert!(run.output == first.output, "{solver} on {k} wires with {threads} threads");
    }
    first
}

#[test]
fn narrow_blocks_are_rebuilt_on_the_device_by_every_solver() {
    for k in 3..=5 {
        for solver in ["lm", "qfactor", "qfactor-sample", "hybrid"] {
            let run = compile_alike(&chains(k, 2), k, solver, &["1", "4", "16"]);
            let (before, after) = (run.report.input.two_qubit_gates, run.report.output.two_qubit_gates);
            assert!(after < before, "{solver} on {k} wires: {before} to {after}");
        }
    }
}

#[test]
fn wide_blocks_are_swept_on_the_device() {
    for k in 6..=8 {
        for solver in ["lm", "qfactor-sample", "hybrid"] {
            let threads: &[&str] = if solver == "hybrid" { &["1", "16"] } else { &["4"] };
            compile_alike(&chains(k, 1), k, solver, threads);
        }
    }
}

/// The sweeping kernels are what a sweeping solver asks for, and no other: where they are wrong, or there is no room for
/// them, the command says so and ends well.
#[test]
fn a_failure_of_the_sweeping_kernels_is_told_and_the_cpu_goes_on() {
    for (scenario, words) in [("silent-sweeps", "bqc_sweep_shared"), ("sweeps-full", "out of memory")] {
        let swept = compile(&Machine::new(scenario), &chains(4, 1), 4, "qfactor-sample", "1");
        assert!(swept.code == 0 && swept.stderr.contains(words), "{scenario}: {}", swept.stderr);
        assert!(swept.stderr.contains(STOOD_IN), "{scenario}: {}", swept.stderr);
        let fitted = compile(&Machine::new(scenario), &chains(4, 1), 4, "lm", "1");
        assert!(fitted.code == 0 && !fitted.stderr.contains(STOOD_IN), "{scenario}: {}", fitted.stderr);
    }
}
