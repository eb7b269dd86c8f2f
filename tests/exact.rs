//! `bqc compile --exact` as a user meets it: what it writes, what it says of its bound, and what it refuses.

mod common;

use bqc_wire::{Document, Report};
use common::*;

/// Toffoli gates up and down eight wires: CX, Clifford and T after the gates' definitions.
fn toffolis() -> String {
    let mut text = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[8];\ncreg c[1];\n".to_owned();
    for q in 0..6 {
        text += &format!("ccx q[{q}],q[{}],q[{}];\ncx q[{q}],q[{}];\n", q + 1, q + 2, q + 1);
    }
    for q in (0..6).rev() {
        text += &format!("cx q[{q}],q[{}];\nh q[{q}];\nccx q[{q}],q[{}],q[{}];\n", q + 1, q + 1, q + 2);
    }
    text + "measure q[7] -> c[0];\n"
}

/// The names of the gates and directives of a written circuit.
fn names(text: &str) -> Vec<&str> {
    text.lines().skip(2).filter_map(|line| line.split([' ', '(']).next()).collect()
}

#[test]
fn clifford_and_t_comes_back_with_a_bound_of_exactly_zero() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &toffolis());
    let [output, proof, report] = ["out.qasm", "out.proof", "report.json"].map(|name| folder.arg(name));
    let args = ["compile", "--exact", &input, "-o", &output, "--proof", &proof, "--report", &report, "--effort", "2"];
    let (code, stdout, stderr) = parts(&run(&args));
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    assert!(stderr.contains("error bound exactly 0, proved by algebra"), "{stderr}");

    let written = folder.read("out.qasm");
    let allowed = ["qreg", "creg", "measure", "h", "s", "sdg", "t", "tdg", "x", "z", "cx"];
    assert!(names(&written).iter().all(|name| allowed.contains(name)), "{written}");
    let n_t = count(&written, "t") + count(&written, "tdg");
    assert!(n_t < 12 * 7 && count(&written, "cx") < 12 * 6 + 12, "{written}");

    let report = Report::from_json(&folder.read("report.json")).unwrap();
    assert_eq!((report.error_bound, report.is_exactly_equal), (0.0, Some(true)));
    assert_eq!((report.input.rotations, report.output.rotations), (Some(12 * 7), Some(n_t as u64)));
    assert_eq!(report.settings.deciding["flow"], "exact");

    let (code, stdout, stderr) = parts(&run(&["verify", &input, &output]));
    assert!(code == 0 && stdout.starts_with("distance 0 (exactly, proved by algebra"), "{stdout}{stderr}");
    let (code, stdout, stderr) = parts(&run(&["verify", &input, &output, "--proof", &proof]));
    assert!(code == 0 && stdout.contains("bound exactly 0\n"), "{stdout}{stderr}");
    assert!(stdout.contains("over all columns: 0,") && stdout.contains("proved equal by algebra: "), "{stdout}");

    // A T gate that is gone is found by both.
    let other = folder.write("other.qasm", &written.replacen("\nt q", "\nz q", 1));
    let (code, stdout, _) = parts(&run(&["verify", &input, &other]));
    assert!(code == 1 && stdout.contains("different"), "{stdout}");
    let (code, stdout, _) = parts(&run(&["verify", &input, &other, "--proof", &proof]));
    assert!(code == 1 && stdout.contains("does not hold"), "{stdout}");
}

#[test]
fn forty_wires_are_proved_as_well() {
    let folder = Folder::new();
    let mut text = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[40];\n".to_owned();
    (0..38).for_each(|q| text += &format!("ccx q[{q}],q[{}],q[{}];\nt q[{q}];\ntdg q[{q}];\n", q + 1, q + 2));
    let input = folder.write("in.qasm", &text);
    let output = folder.arg("out.qasm");
    let (code, _, stderr) = parts(&run(&["compile", "--exact", &input, "-o", &output, "--effort", "1"]));
    assert!(code == 0 && stderr.contains("error bound exactly 0"), "{stderr}");
    let (code, stdout, stderr) = parts(&run(&["verify", &input, &output]));
    assert!(code == 0 && stdout.starts_with("distance 0 (exactly"), "{stdout}{stderr}");
}

#[test]
fn phases_are_written_as_fractions_of_pi() {
    let text = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[3];\nh q[0];\ncu1(pi/2) q[1],q[0];\ncu1(pi/4) q[2],q[0];\n\
                h q[1];\ncu1(pi/2) q[2],q[1];\nh q[2];\nu3(0,0,-3*pi/16) q[2];\n";
    let (code, stdout, stderr) = parts(&run_with(&["compile", "--exact", "-"], text));
    assert!(code == 0 && stderr.contains("exactly 0"), "{stderr}");
    assert!(stdout.contains("pi/8)") && stdout.contains("pi/16)") && !stdout.contains("0."), "{stdout}");
}

#[test]
fn seeds_threads_and_workers_change_no_proof() {
    let compiled = |more: &[&str]| {
        let args = [&["compile", "--exact", "-", "-q", "--effort", "2", "--passes", "2"], more].concat();
        let (code, stdout, stderr) = parts(&run_with(&args, &toffolis()));
        assert_eq!(code, 0, "{stderr}");
        stdout
    };
    let one = compiled(&["--threads", "1"]);
    assert_eq!(one, compiled(&["--threads", "2"]));
    if cfg!(unix) {
        assert_eq!(one, compiled(&["--workers", "2"]));
    }
    assert!(compiled(&["--objective", "t"]).contains("\nt q"));
    assert!(compiled(&["--objective", "weighted", "--seed", "3"]).contains("\nt q"));
}

#[test]
fn a_run_that_is_stopped_is_exact_too() {
    let (code, stdout, stderr) = parts(&run_with(&["compile", "--exact", "-", "--time-limit", "1ms"], &toffolis()));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("error bound exactly 0"), "{stderr}");
    assert!(!stdout.contains("u3") && !stdout.contains("ccx"), "{stdout}");
}

#[test]
fn what_contradicts_it_is_refused() {
    let refused = |args: &[&str], words: &str| {
        let (code, stdout, stderr) = parts(&run_with(&[&["compile", "-"], args].concat(), &toffolis()));
        assert!(code == 2 && stdout.is_empty() && stderr.contains(words), "{args:?}: {code} {stderr}");
    };
    refused(&["--exact", "--epsilon-total", "1e-6"], "--epsilon-total 1e-6 allows a distance");
    refused(&["--exact", "--solver", "lm"], "cannot be used with '--solver");
    refused(&["--exact", "--flow", "delete"], "cannot be used with '--flow");
    refused(&["--exact", "--epsilon", "1e-8"], "cannot be used with '--epsilon");
    refused(&["--exact", "-k", "5"], "cannot be used with '--block-size");
    refused(&["--exact", "--permute-output"], "cannot be used with '--permute-output");
    refused(&["--exact", "--engine", "cuda"], "--exact does no numerical work");
    refused(&["--exact", "--objective", "depth"], "name one of these with --objective: cx, t, weighted");
    refused(&["--objective", "t"], "--objective t needs --exact");
}
