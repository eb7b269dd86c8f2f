//! Qiskit, tket and PyZX read what bqc writes in every gate set, and find the unitary of the input.

mod common;

use common::*;
use std::path::Path;
use std::process::Command;
use test_skips::{Need, skip};

/// Gates of the paper's library alone, which all readers know.
const INPUT: &str = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[3];\nh q[0];\nccx q[0],q[1],q[2];\nrz(0.3) q[0];\n\
                     cx q[0],q[1];\nrx(0.7) q[1];\nrz(0.3) q[1];\ncx q[0],q[1];\nu3(0.1,0.2,0.3) q[2];\ncx q[1],q[2];\n";

/// Sets with names, and lists with the gates that these lack.
const SETS: [&str; 17] = [
    "cx,u3",
    "ibm-eagle",
    "ibm-heron",
    "ibm-fractional",
    "quantinuum",
    "ionq",
    "ionq-forte",
    "rigetti",
    "google",
    "google-sqrt-iswap",
    "iqm",
    "rxx,r",
    "ryy,u",
    "rzx,p,sx",
    "cp,u1,rx",
    "crz,rz,sx",
    "ch,u3",
];

/// Readers that `readers.py` has.
const N_READERS: usize = 4;

/// PyZX has angles as fractions of denominators of twelve digits at most.
fn tolerance(reader: &str) -> f64 {
    if reader == "pyzx" { 1e-9 } else { 1e-12 }
}

#[test]
fn other_programs_read_every_gate_set() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
    let python = target.join("readers/bin/python");
    if !python.exists() {
        return skip(Need::Readers, "Qiskit, tket and PyZX are not there; benchmarks/peers/readers.sh installs them");
    }
    let folder = Folder::new();
    let input = folder.write("in.qasm", INPUT);
    let mut reader = Command::new(&python);
    reader.arg(root.join("benchmarks/peers/readers.py")).arg(&input);
    for set in SETS {
        let output = folder.arg(&format!("{set}.qasm"));
        let (code, _, stderr) = parts(&run(&["compile", &input, "--effort", "1", "-q", "--gates", set, "-o", &output]));
        assert_eq!(code, 0, "{set}: {stderr}");
        reader.arg(output);
    }
    let (code, stdout, stderr) = parts(&reader.output().unwrap());
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(stdout.lines().count(), N_READERS * SETS.len(), "{stdout}");
    for line in stdout.lines() {
        let [_, name, distance] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert!(distance.parse::<f64>().unwrap() < tolerance(name), "{line}");
    }
}
