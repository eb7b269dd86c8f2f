//! `--gates` as a user meets it: results in the gates of machines, what their bounds and proofs speak of, and what
//! `bqc stats --gates` says of a circuit.

mod common;

use bqc_wire::{Document, Report, StatsReport};
use common::*;
use std::fmt::Write as _;

/// Every set with a name, and lists.
const SETS: [&str; 13] = [
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
    "cz,u3",
    "iswap,rz,sx",
    "cp,rz,rx",
];

/// Five wires with gates of all kinds, a barrier, measurements, and a condition that each set has.
fn mixed() -> String {
    let mut text = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[5];\ncreg c[2];\n".to_owned();
    for q in 0..4 {
        writeln!(text, "h q[{q}];\nccx q[{q}],q[{}],q[{}];\nrzz(0.{}) q[{q}],q[{}];", q + 1, (q + 2) % 5, q + 1, q + 1)
            .unwrap();
        writeln!(text, "swap q[{q}],q[{}];\nu3(0.1,0.2,0.{}) q[{}];", q + 1, q + 3, q + 1).unwrap();
    }
    text + "barrier q;\ncx q[0],q[1];\nrx(0.3) q[1];\nmeasure q[0] -> c[0];\nreset q[2];\nh q[2];\ncx q[2],q[3];\n"
}

/// A line of QAOA: an interaction on each pair of neighbours, and a mixer, twice.
fn qaoa(n: usize) -> String {
    let mut text = format!("OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[{n}];\nh q;\n");
    for layer in 1..=2 {
        for q in 0..n - 1 {
            writeln!(text, "rzz(0.{layer}{q}) q[{q}],q[{}];", q + 1).unwrap();
        }
        writeln!(text, "rx(0.3{layer}) q;").unwrap();
    }
    text
}

#[test]
fn every_set_is_written_bounded_and_proven() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &mixed());
    let [output, proof, report] = ["out.qasm", "out.proof", "report.json"].map(|name| folder.arg(name));
    for set in SETS {
        let args = ["compile", &input, "--effort", "1", "--gates", set, "-o", &output, "--proof", &proof];
        let (code, stdout, stderr) = parts(&run(&[&args[..], &["--report", &report]].concat()));
        assert_eq!((code, stdout.as_str()), (0, ""), "{set}: {stderr}");
        let written = Report::from_json(&folder.read("report.json")).unwrap();
        assert!(written.error_bound < 1e-11, "{set}: {}", written.error_bound);
        let (pulses, virtual_rz) = (written.output.pulses.unwrap(), written.output.virtual_rz.unwrap());
        assert!(stderr.contains(&format!("{pulses} pulses, {virtual_rz} virtual rz")), "{set}: {stderr}");
        assert_eq!(written.output.one_qubit_gates, pulses + virtual_rz);

        let (code, stdout, stderr) = parts(&run(&["verify", &input, &output, "--epsilon", "1e-11"]));
        assert!(code == 0, "{set}: {stdout}{stderr}");
        let (code, stdout, stderr) = parts(&run(&["verify", &input, &output, "--proof", &proof]));
        // A window that is proved by algebra counts nothing here, and what rounding left of it in the run.
        let bound = stdout.split_once("bound ").and_then(|(_, rest)| rest.split_once(',')).map(|(bound, _)| bound);
        let bound: f64 =
            bound.and_then(|bound| bound.parse().ok()).unwrap_or_else(|| panic!("{set}: {stdout}{stderr}"));
        assert!(code == 0 && bound > 0.0 && bound < 1.001 * written.error_bound, "{set}: {stdout}{stderr}");

        let (code, stdout, stderr) = parts(&run(&["stats", &output, "--gates", set, "--json"]));
        assert_eq!((code, stderr.as_str()), (0, ""), "{set}");
        let figures = StatsReport::from_json(&stdout).unwrap().gate_set.unwrap();
        assert_eq!((figures.conforms, figures.offence), (true, None));
        assert_eq!([figures.two_qubit_gates, figures.pulses], [written.output.two_qubit_gates, pulses], "{set}");
        // A gate less is found.
        let text = folder.read("out.qasm");
        let last = text.rfind("q[3];").unwrap();
        let other = folder.write(
            "other.qasm",
            &format!("{}rx(0.1) {}", &text[..text[..last].rfind('\n').unwrap() + 1], &text[last..]),
        );
        assert_eq!(parts(&run(&["verify", &input, &other, "--proof", &proof])).0, 1, "{set}");
    }
}

#[test]
fn the_default_set_changes_nothing() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &redundant());
    let [plain, named, report] = ["plain.qasm", "named.qasm", "report.json"].map(|name| folder.arg(name));
    assert_eq!(parts(&run(&["compile", &input, "--effort", "2", "-q", "-o", &plain])).0, 0);
    for set in ["cx,u3", "u3,cx"] {
        let args = ["compile", &input, "--effort", "2", "-q", "-o", &named, "--gates", set, "--report", &report];
        assert_eq!(parts(&run(&args)).0, 0);
        assert_eq!(folder.read("plain.qasm"), folder.read("named.qasm"));
        assert!(!folder.read("report.json").contains("gates\": \"") && !folder.read("report.json").contains("pulses"));
    }
}

#[test]
fn rotations_of_the_input_stay_one_gate_each() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &qaoa(6));
    let [output, report] = ["out.qasm", "report.json"].map(|name| folder.arg(name));
    for set in ["ibm-fractional", "quantinuum", "ionq", "ionq-forte"] {
        for effort in ["1", "2"] {
            let args = ["compile", &input, "--effort", effort, "--gates", set, "-o", &output, "--report", &report];
            let (code, _, stderr) = parts(&run(&args));
            assert_eq!(code, 0, "{stderr}");
            let report = Report::from_json(&folder.read("report.json")).unwrap();
            assert!(report.output.two_qubit_gates <= 10, "{set}: {}", report.output.two_qubit_gates);
            assert_eq!((report.input.two_qubit_gates, report.settings.deciding["gates"].as_str()), (20, Some(set)));
            assert_eq!(parts(&run(&["verify", &input, &output])).0, 0);
        }
    }
}

#[test]
fn wide_circuits_are_proven_too() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &long(40, 2));
    let [output, proof] = ["out.qasm", "out.proof"].map(|name| folder.arg(name));
    for set in ["ibm-eagle", "google-sqrt-iswap"] {
        let args = ["compile", &input, "--effort", "1", "--gates", set, "-q", "-o", &output, "--proof", &proof];
        assert_eq!(parts(&run(&args)).0, 0);
        let (code, stdout, stderr) = parts(&run(&["verify", &input, &output, "--proof", &proof]));
        assert!(code == 0 && stdout.contains("the proof holds"), "{stdout}{stderr}");
    }
}

#[test]
fn large_angles_are_written_too() {
    let folder = Folder::new();
    let text = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[2];\nu3(1234.7,1000.3,-999.9) q[0];\ncx q[0],q[1];\n\
                u3(1e-9,1e3,-1e3) q[1];\nrz(300) q[0];\n";
    let (input, output) = (folder.write("in.qasm", text), folder.arg("out.qasm"));
    for set in SETS {
        let (code, _, stderr) = parts(&run(&["compile", &input, "--gates", set, "--effort", "1", "-o", &output]));
        assert_eq!(code, 0, "{set}: {stderr}");
        let (code, stdout, _) = parts(&run(&["verify", &input, &output]));
        assert_eq!(code, 0, "{set}: {stdout}");
    }
}

#[test]
fn stats_names_the_first_gate_that_is_not_in_the_set() {
    let folder = Folder::new();
    let input =
        folder.write("in.qasm", "OPENQASM 2.0;\nqreg q[2];\ncreg c[1];\nrz(0.1) q[0];\n  h q[1];\ncx q[0],q[1];\n");
    let (code, stdout, stderr) = parts(&run(&["stats", &input, "--gates", "ibm-heron"]));
    assert_eq!(code, 1);
    assert!(stdout.contains("some gates are not in ibm-heron"), "{stdout}");
    assert!(stderr.contains("`h` is not a gate of the gate set ibm-heron (cz, rz, sx, x)"), "{stderr}");
    assert!(stderr.contains("in.qasm:5:3"), "{stderr}");
    let (code, stdout, _) = parts(&run(&["stats", &input, "--gates", "ibm-heron", "--json"]));
    let figures = StatsReport::from_json(&stdout).unwrap().gate_set.unwrap();
    assert!(code == 1 && !figures.conforms && figures.offence.unwrap().contains("in.qasm:5:3: `h`"));
    assert_eq!(parts(&run(&["stats", &input, "--gates", "cx,rz,h,u3"])).0, 0);
    assert_eq!(parts(&run(&["stats", &input])).0, 0);
}

#[test]
fn a_file_is_a_list() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &redundant());
    let good = folder.write("gates.json", "{\"schema\": \"bqc.gates/1\", \"gates\": [\"cz\", \"rz\", \"sx\"]}");
    let [by_file, by_list] = ["file.qasm", "list.qasm"].map(|name| folder.arg(name));
    for (set, output) in [(good.as_str(), &by_file), ("sx,cz,rz", &by_list)] {
        assert_eq!(parts(&run(&["compile", &input, "--effort", "1", "-q", "-o", output, "--gates", set])).0, 0);
    }
    assert_eq!(folder.read("file.qasm"), folder.read("list.qasm"));
    let [unknown, empty, set] = [
        ("unknown.json", "{\"schema\": \"bqc.gates/1\", \"gates\": [\"cz\", \"u3\"], \"angles\": []}"),
        ("empty.json", "{\"schema\": \"bqc.gates/1\", \"gates\": []}"),
        ("set.json", "{\"schema\": \"bqc.gates/1\", \"gates\": [\"iqm\"]}"),
    ]
    .map(|(name, text)| folder.write(name, text));
    let bad = folder.write("bad.json", "{\"schema\": \"bqc.gates/9\", \"gates\": [\"cz\"]}");
    for (set, words) in [
        (bad.as_str(), "bqc.gates/9"),
        (unknown.as_str(), "unknown field `angles`"),
        (empty.as_str(), "the list of gates is empty"),
        (set.as_str(), "`iqm` is a gate set, and a list holds gates"),
        ("missing.json", "cannot read `missing.json`"),
        ("cz,rz", "the one-qubit gates of `rz,cz` do not make all others; add one of"),
        ("rz,sx", "has no two-qubit gate"),
        ("ibm-falcon", "`ibm-falcon` is neither a gate set"),
    ] {
        let (code, _, stderr) = parts(&run(&["compile", &input, "--gates", set, "-o", &by_file]));
        assert!(code == 2 && stderr.contains(words), "{set}: {stderr}");
    }
}

#[test]
fn runs_next_to_the_borders_of_classes_are_written() {
    let folder = Folder::new();
    let head = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[2];\n";
    let pair = |x: &str, y: &str, z: &str| {
        format!("{head}h q[0];\nrxx({x}) q[0],q[1];\nryy({y}) q[0],q[1];\nrzz({z}) q[0],q[1];\nt q[1];\n")
    };
    let turn = format!("{head}ry(1.5707963267958) q[0];\ncx q[0],q[1];\n");
    let output = folder.arg("out.qasm");
    for (set, epsilon, text) in [
        ("google-sqrt-iswap", "1e-10", pair("pi/4", "pi/4", "1e-8")),
        ("google-sqrt-iswap", "1e-10", pair("pi/2", "pi/2", "pi/4+1e-8")),
        ("google-sqrt-iswap", "1e-10", pair("pi/2", "pi/4+3e-9", "pi/4")),
        ("rigetti", "1e-10", pair("-1.5707963267948966", "-1.5707963265348966", "-2.6e-10")),
        ("ibm-heron", "1e-13", turn),
    ] {
        let input = folder.write("in.qasm", &text);
        let args = ["compile", &input, "--effort", "1", "--gates", set, "--epsilon", epsilon, "-o", &output];
        let (code, _, stderr) = parts(&run(&args));
        assert_eq!(code, 0, "{set}: {stderr}");
        assert_eq!(parts(&run(&["stats", &output, "--gates", set])).0, 0);
        assert_eq!(parts(&run(&["verify", &input, &output])).0, 0);
    }
}

#[test]
fn registers_with_names_of_gates_are_refused_at_once() {
    let folder = Folder::new();
    let text =
        "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg r[2];\ncreg sx[2];\nh r[0];\ncx r[0],r[1];\nmeasure r -> sx;\n";
    let (input, output) = (folder.write("in.qasm", text), folder.arg("out.qasm"));
    for (set, register) in [("cz,r", "r"), ("ibm-heron", "sx")] {
        let (code, _, stderr) = parts(&run(&["compile", &input, "--gates", set, "--effort", "1", "-o", &output]));
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(&format!("a register `{register}`")) && stderr.contains("rename"), "{stderr}");
    }
    assert_eq!(parts(&run(&["compile", &input, "--gates", "iqm", "--effort", "1", "-o", &output])).0, 0);
}

#[test]
fn stats_looks_at_version_3_too() {
    let folder = Folder::new();
    let text = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[2] q;\nbit[2] c;\ncz q[0], q[1];\nrz(0.3) q[0];\n\
                c = measure q;\n";
    let good = folder.write("good.qasm", text);
    assert_eq!(parts(&run(&["stats", &good, "--gates", "ibm-heron"])).0, 0);
    let bad = folder.write("bad.qasm", &text.replace("rz(0.3)", "  h"));
    let (code, stdout, stderr) = parts(&run(&["stats", &bad, "--gates", "ibm-heron"]));
    assert!(code == 1 && stdout.contains("some gates are not in ibm-heron"), "{stdout}");
    assert!(stderr.contains("bad.qasm:6:3") && stderr.contains("`h` is not a gate of"), "{stderr}");
}

#[test]
fn exact_runs_write_their_own_gates() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &redundant());
    let (code, _, stderr) =
        parts(&run(&["compile", "--exact", &input, "--gates", "iqm", "-o", &folder.arg("out.qasm")]));
    assert!(code == 2 && stderr.contains("--gates iqm") && stderr.contains("--effort 1"), "{stderr}");
    let args = ["compile", "--exact", &input, "--gates", "cx,u3", "--effort", "1", "-o", &folder.arg("out.qasm")];
    assert_eq!(parts(&run(&args)).0, 0);
}

#[test]
fn gates_under_conditions_stay_and_are_told_of() {
    let folder = Folder::new();
    let text = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[2];\ncreg c[1];\ncx q[0],q[1];\nmeasure q[0] -> c[0];\nif(c==1) h q[1];\n";
    let (input, output) = (folder.write("in.qasm", text), folder.arg("out.qasm"));
    let (code, _, stderr) = parts(&run(&["compile", &input, "--gates", "iqm", "--effort", "1", "-o", &output]));
    assert!(code == 0 && stderr.contains("gates under `if` stay as they are, and 1 of them not in iqm"), "{stderr}");
    assert!(folder.read("out.qasm").contains("if(c==1) h q[1];"));
    assert_eq!(parts(&run(&["stats", &output, "--gates", "iqm"])).0, 1);
}

#[test]
fn qubits_may_end_on_other_wires_in_any_set() {
    let folder = Folder::new();
    let text =
        "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[3];\nccx q[0],q[1],q[2];\nrx(0.3) q[1];\nswap q[0],q[2];\n";
    let (input, output) = (folder.write("in.qasm", text), folder.arg("out.qasm"));
    for set in ["ibm-heron", "rigetti"] {
        let args = ["compile", &input, "--gates", set, "--effort", "1", "--permute-output", "-o", &output];
        assert_eq!(parts(&run(&args)).0, 0);
        assert!(folder.read("out.qasm").contains("// output permutation: q[0]->q[2], q[2]->q[0]"));
        assert_eq!(parts(&run(&["verify", &input, &output, "--permutation", "comment"])).0, 0);
        assert_eq!(parts(&run(&["stats", &output, "--gates", set])).0, 0);
    }
}

#[test]
fn a_plan_ends_in_the_same_gates() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &long(6, 1));
    let [run_dir, merged, direct] = ["run", "merged.qasm", "direct.qasm"].map(|name| folder.arg(name));
    let options = ["--effort", "2", "--gates", "ibm-eagle"];
    let all = |args: &[&str]| parts(&run(&[args, &options].concat()));
    let (code, _, stderr) = all(&["plan", &input, "--run-dir", &run_dir]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(parts(&run(&["work", &run_dir])).0, 0);
    assert_eq!(parts(&run(&["merge", &run_dir, "-o", &merged])).0, 0);
    assert_eq!(all(&["compile", &input, "-q", "-o", &direct]).0, 0);
    assert_eq!(folder.read("merged.qasm"), folder.read("direct.qasm"));
}
