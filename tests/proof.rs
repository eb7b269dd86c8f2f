//! Proofs that anyone can check, and faults that the verifier finds: by the real binary, at widths that no comparison
//! of whole circuits reaches.

mod common;

use bqc_wire::{Document, Report};
use common::bqc;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Output;

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn verify(a: &Path, b: &Path, proof: &Path) -> Output {
    bqc(&["verify"]).args([a, b]).arg("--proof").arg(proof).output().unwrap()
}

/// Thirty wires: rotations between ladders of CX, some of which cancel.
fn wide() -> String {
    let mut text = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[30];\ncreg c[1];\n".to_owned();
    for layer in 0..3 {
        for q in 0..29 {
            writeln!(text, "cx q[{q}],q[{}];\nrz({}) q[{}];\nh q[{q}];", q + 1, 0.1 * f64::from(layer + 1), q + 1)
                .unwrap();
            writeln!(text, "cx q[{q}],q[{}];\ncx q[{q}],q[{}];", q + 1, q + 1).unwrap();
        }
        text += "measure q[0] -> c[0];\n";
    }
    text
}

#[test]
fn a_compile_of_a_hundred_wires_is_proven_and_the_bound_comes_out_again() {
    let folder = tempfile::tempdir().unwrap();
    let [out, proof, report] = ["out.qasm", "out.proof", "report.json"].map(|name| folder.path().join(name));
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("circuits/heisenberg_n104.qasm");
    let compiled = bqc(&["compile"])
        .arg(&input)
        .args(["--effort", "1", "-q", "--run-dir", "off", "-o"])
        .arg(&out)
        .arg("--proof")
        .arg(&proof)
        .arg("--report")
        .arg(&report)
        .output()
        .unwrap();
    assert_eq!(compiled.status.code(), Some(0), "{}", text(&compiled));
    let checked = verify(&input, &out, &proof);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked));
    let report = Report::from_json(&fs::read_to_string(&report).unwrap()).unwrap();
    assert!(text(&checked).contains(&format!("bound {:.3e}", report.error_bound)), "{}", text(&checked));
    // What the evidence is: windows of up to eight wires are measured, wider ones have Pauli forms or random states.
    let counts = text(&checked);
    assert!(counts.contains("windows measured over all columns: ") && counts.contains("Pauli forms: "), "{counts}");
    // At most thirty times the output.
    assert!(fs::metadata(&proof).unwrap().len() < 30 * fs::metadata(&out).unwrap().len());
    // A bound that is too large is said, and proofs of other circuits are refused.
    let strict = bqc(&["verify"]).args([&input, &out]).arg("--proof").arg(&proof).args(["--epsilon", "1e-15"]).output();
    assert_eq!(strict.unwrap().status.code(), Some(1));
    assert_eq!(verify(&out, &input, &proof).status.code(), Some(1));
    assert_eq!(verify(&input, &input, &proof).status.code(), Some(1));
}

#[test]
fn every_changed_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let [input, out, proof] = ["in.qasm", "out.qasm", "out.proof"].map(|name| folder.path().join(name));
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("circuits/adder_n4.qasm"), &input).unwrap();
    let arguments = ["--effort", "1", "-q", "--run-dir", "off"];
    let compiled =
        bqc(&["compile"]).arg(&input).args(arguments).arg("-o").arg(&out).arg("--proof").arg(&proof).output();
    assert_eq!(compiled.unwrap().status.code(), Some(0));
    assert_eq!(verify(&input, &out, &proof).status.code(), Some(0));
    for file in [&input, &out, &proof] {
        let good = fs::read(file).unwrap();
        for bit in (0..8 * good.len()).step_by(97) {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            fs::write(file, &bad).unwrap();
            let found = verify(&input, &out, &proof);
            assert!(matches!(found.status.code(), Some(1 | 2)), "bit {bit} of {}: {}", file.display(), text(&found));
        }
        for n_bytes in [0, 1, 40, 81, good.len() - 1] {
            fs::write(file, &good[..n_bytes.min(good.len())]).unwrap();
            assert!(matches!(verify(&input, &out, &proof).status.code(), Some(1 | 2)));
        }
        fs::write(file, &good).unwrap();
    }
    assert_eq!(verify(&input, &out, &proof).status.code(), Some(0));
}

/// Compiles thirty wires with a fault planted, and gives what was said, the report and the output.
fn sabotaged(arguments: &[&str]) -> (Output, Report, String) {
    let folder = tempfile::tempdir().unwrap();
    let [input, out, report] = ["in.qasm", "out.qasm", "report.json"].map(|name| folder.path().join(name));
    fs::write(&input, wide()).unwrap();
    let output = bqc(&["compile"])
        .arg(&input)
        .args(["--effort", "1", "--passes", "3", "--run-dir", "off"])
        .args(arguments)
        .arg("-o")
        .arg(&out)
        .arg("--report")
        .arg(&report)
        .output()
        .unwrap();
    let report = Report::from_json(&fs::read_to_string(&report).unwrap()).unwrap();
    (output, report, fs::read_to_string(&out).unwrap())
}

#[test]
fn a_join_that_swaps_wires_and_a_merge_that_drops_a_gate_are_refused() {
    for (fault, words) in [("swap-wires", "measured against"), ("drop-gate", "changes the circuit by")] {
        let (output, report, written) = sabotaged(&["--workers", "off", "--sabotage", fault]);
        assert_eq!(output.status.code(), Some(3), "{fault}: {}", text(&output));
        assert!(text(&output).contains("the verifier refused") && report.refused[0].contains(words), "{fault}");
        // What was there before stays: no gate is lost, and the walls are in their places.
        assert!(report.output.two_qubit_gates <= report.input.two_qubit_gates && report.error_bound < 1e-10);
        assert_eq!(written.matches("measure").count(), 3);
        if fault == "drop-gate" {
            // The first merge is refused, and the circuit is that of the light pass before.
            let light = report.block_records.iter().filter(|record| record.pass == 0);
            let n_left: u64 = light.map(|record| record.after.two_qubit_gates).sum();
            assert_eq!(report.output.two_qubit_gates, n_left);
        }
    }
}

#[test]
fn a_round_that_reorders_gates_is_refused_in_threads_and_in_workers() {
    let in_threads: &[&str] = &["--workers", "off", "--sabotage", "reorder-round"];
    for arguments in [in_threads, &["--workers", "2", "--worker-fault", "reorder"]] {
        let (output, report, _) = sabotaged(arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", text(&output));
        assert!(report.blocks.failed > 0 && report.error_bound < 1e-10, "{arguments:?}");
    }
}
