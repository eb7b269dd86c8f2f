//! `bqc compile --permute-output`, by the real binary: the comment in the output, the report, the proof, and what
//! `bqc verify` makes of them; the same bytes from threads, processes, journals and plans.

mod common;

use bqc_wire::{Document, Report};
use common::*;
use std::process::Output;

/// A QFT-like circuit whose last SWAPs, and some CX before them, are wires for the taking.
fn text(n: usize) -> String {
    let mut text = format!("OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[{n}];\ncreg c[{n}];\n");
    for a in 0..n {
        text += &format!("h q[{a}];\n");
        for b in a + 1..n {
            text += &format!("cu1({}) q[{b}],q[{a}];\n", 0.3 * (a + 1) as f64 / (b + 1) as f64);
        }
    }
    for a in 0..n / 2 {
        text += &format!("swap q[{a}],q[{}];\n", n - 1 - a);
    }
    text
}

/// Compiles `in.qasm` to `out.qasm`, with report and proof.
fn compile(folder: &Folder, extra: &[&str]) -> Output {
    let [input, output, report, proof] = ["in.qasm", "out.qasm", "report.json", "out.proof"].map(|f| folder.arg(f));
    let own = ["compile", &input, "-o", &output, "--report", &report, "--proof", &proof, "--run-dir", "off"];
    run(&[&own, extra].concat())
}

const OPTIONS: [&str; 6] = ["--permute-output", "--effort", "2", "--passes", "1", "-q"];

fn verify(folder: &Folder, extra: &[&str]) -> (i32, String, String) {
    parts(&run(&[&["verify", &folder.arg("in.qasm"), &folder.arg("out.qasm")], extra].concat()))
}

/// What the comment of a file says.
fn comment(qasm: &str) -> Option<&str> {
    qasm.lines().find_map(|line| line.strip_prefix("// output permutation: "))
}

#[test]
fn verify_and_proofs_need_to_be_told_of_qubits_on_other_wires() {
    let folder = Folder::new();
    folder.write("in.qasm", &text(5));
    assert_eq!(compile(&folder, &OPTIONS).status.code(), Some(0));
    let written = folder.read("out.qasm");
    let list = comment(&written).unwrap().to_owned();
    assert!(list.contains("q[0]->q[") && written.starts_with("OPENQASM 2.0;\n"), "{list}");
    let report = Report::from_json(&folder.read("report.json")).unwrap();
    assert_eq!(report.output_permutation.as_ref().unwrap().len(), list.matches("->").count());
    assert!(report.output.two_qubit_gates <= 20 && report.whole_check.distance.unwrap() < 1e-12);

    // The exact comparison, and the proof: without a word, by the comment, and by a list.
    let proof = ["--proof", &folder.arg("out.proof")];
    let (code, _, stderr) = verify(&folder, &[]);
    assert!(code == 1 && stderr.contains("--permutation comment"), "{stderr}");
    let (code, stdout, _) = verify(&folder, &proof);
    assert!(code == 1 && stdout.contains(&list) && stdout.contains("does not hold"), "{stdout}");
    for permutation in ["comment", &list, &list.replace(' ', "")] {
        assert_eq!(verify(&folder, &["--permutation", permutation]).0, 0);
        let (code, stdout, _) = verify(&folder, &[&proof, &["--permutation", permutation][..]].concat());
        assert!(code == 0 && stdout.contains(&format!("qubits on other wires: {list}")), "{stdout}");
    }
    // Another permutation is refused, and so is a list that is none.
    for wrong in ["none", "q[0]->q[1],q[1]->q[0]"] {
        assert_eq!(verify(&folder, &["--permutation", wrong]).0, 1, "{wrong}");
        assert_eq!(verify(&folder, &[&proof, &["--permutation", wrong][..]].concat()).0, 1, "{wrong}");
    }
    for (bad, words) in [("q[0]", "not of the form"), ("q[7]->q[0]", "no qubit"), ("q[0]->q[1]", "two qubits on wire")]
    {
        let (code, _, stderr) = verify(&folder, &["--permutation", bad]);
        assert!(code == 2 && stderr.contains(words), "{bad}: {stderr}");
    }
    // A comment that was changed is found by both; so is one that was taken out.
    let pairs: Vec<&str> = list.split(", ").collect();
    let changed = written.replace(&list, &pairs[1..].join(", "));
    folder.write("out.qasm", &changed);
    assert_ne!(verify(&folder, &["--permutation", "comment"]).0, 0);
    assert_eq!(verify(&folder, &[&proof, &["--permutation", "comment"][..]].concat()).0, 1);
    folder.write("out.qasm", &written.replace(&format!("// output permutation: {list}\n"), ""));
    let (code, _, stderr) = verify(&folder, &["--permutation", "comment"]);
    assert!(code == 2 && stderr.contains("no comment"), "{stderr}");
}

#[test]
fn without_the_option_every_qubit_is_on_its_wire_and_the_file_says_nothing() {
    let folder = Folder::new();
    folder.write("in.qasm", &text(5));
    assert_eq!(compile(&folder, &OPTIONS[1..]).status.code(), Some(0));
    assert_eq!(comment(&folder.read("out.qasm")), None);
    assert!(!folder.read("report.json").contains("output_permutation"));
    assert_eq!(verify(&folder, &[]).0, 0);
    assert_eq!(verify(&folder, &["--proof", &folder.arg("out.proof")]).0, 0);
}

#[test]
fn measured_qubits_need_no_word() {
    let folder = Folder::new();
    let measured: String = (0..5).map(|q| format!("measure q[{q}] -> c[{q}];\n")).collect();
    folder.write("in.qasm", &format!("{}barrier q;\n{measured}", text(5)));
    for effort in ["1", "2"] {
        let options = ["--permute-output", "--effort", effort, "--passes", "1", "-q"];
        assert_eq!(compile(&folder, &options).status.code(), Some(0));
        let written = folder.read("out.qasm");
        assert_eq!((comment(&written), written.matches("measure ").count()), (Some("none"), 5));
        assert_eq!(written.matches("measure q[0] -> c[4];").count(), 1, "the measurement follows its qubit: {written}");
        let report = Report::from_json(&folder.read("report.json")).unwrap();
        assert_eq!(report.output_permutation, Some(vec![]));
        assert_eq!(verify(&folder, &[]).0, 0);
        assert_eq!(verify(&folder, &["--permutation", "comment"]).0, 0);
        assert_eq!(verify(&folder, &["--proof", &folder.arg("out.proof")]).0, 0);
        // Bits that were exchanged are seen.
        folder.write("out.qasm", &written.replace("c[4]", "c[x]").replace("c[0]", "c[4]").replace("c[x]", "c[0]"));
        assert_eq!(verify(&folder, &[]).0, 1);
    }
}

#[test]
fn threads_processes_caches_and_plans_write_the_same_bytes() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &text(6));
    assert_eq!(compile(&folder, &[&OPTIONS[..], &["-j", "1", "--workers", "off"]].concat()).status.code(), Some(0));
    let expected = folder.read("out.qasm");
    assert!(comment(&expected).unwrap().contains("->"));
    let cache = folder.arg("cache");
    let others: [&[&str]; 4] = [
        &["-j", "2", "--workers", "off"],
        &["--workers", "2"],
        &["--workers", "off", "--cache", &cache],
        &["--workers", "2", "--cache", &cache],
    ];
    for other in others {
        assert_eq!(compile(&folder, &[&OPTIONS[..], other].concat()).status.code(), Some(0));
        assert_eq!(folder.read("out.qasm"), expected, "{other:?}");
    }
    // The last one took what the one before had found, after checking it again.
    let report = Report::from_json(&folder.read("report.json")).unwrap();
    assert!(report.known.taken > 0 && report.known.refused == 0);
    // A run that is stopped goes on from its journal, and a plan is the same run.
    let [output, run_dir, plan] = ["out.qasm", "run", "plan"].map(|name| folder.arg(name));
    let resumed = [&["compile", &input, "-o", &output, "--run-dir", &run_dir], &OPTIONS[..]].concat();
    for limit in [&["--time-limit", "1ms"][..], &[]] {
        assert_eq!(run(&[&resumed, limit].concat()).status.code(), Some(0));
    }
    assert_eq!(folder.read("out.qasm"), expected);
    assert_eq!(run(&[&["plan", &input, "--run-dir", &plan], &OPTIONS[..5]].concat()).status.code(), Some(0));
    assert_eq!(run(&["work", &plan, "-j", "2"]).status.code(), Some(0));
    assert_eq!(run(&["merge", &plan, "-o", &output, "-q"]).status.code(), Some(0));
    assert_eq!(folder.read("out.qasm"), expected);
    // Another setting is another run.
    let other = [&["compile", &input, "-o", &output, "--run-dir", &run_dir], &OPTIONS[1..]].concat();
    assert_eq!(run(&other).status.code(), Some(2));
}

#[test]
fn wires_beyond_any_state_are_proven() {
    let folder = Folder::new();
    folder.write("in.qasm", &text(26));
    let options = ["--permute-output", "--effort", "1", "-q"];
    assert_eq!(compile(&folder, &options).status.code(), Some(0));
    let proof = folder.arg("out.proof");
    assert_eq!(verify(&folder, &["--proof", &proof]).0, 1);
    let (code, stdout, _) = verify(&folder, &["--proof", &proof, "--permutation", "comment"]);
    assert_eq!(code, 0, "{stdout}");
    // Pauli forms see the permutation, too.
    assert_eq!(verify(&folder, &["--permutation", "comment"]).0, 0);
    assert_eq!(verify(&folder, &[]).0, 2);
}
