//! `bqc compile` as a user meets it: real processes, files, pipes and exit codes.

mod common;

use bqc_wire::{CheckMethod, Document, Report, Status};
use common::*;

#[test]
fn a_file_becomes_a_smaller_file_that_verify_accepts() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &redundant());
    let output = folder.arg("out.qasm");
    let (code, stdout, stderr) = parts(&run(&["compile", &input, "-o", &output]));
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    assert!(stderr.contains("12 → "), "{stderr}");
    let compiled = folder.read("out.qasm");
    assert!(compiled.starts_with("OPENQASM 2.0;\n"), "{compiled}");
    assert!(count(&compiled, "cx") <= 6, "{compiled}");

    let (code, stdout, stderr) = parts(&run(&["verify", &input, &output]));
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("distance "), "{stdout}");
    assert_eq!(stderr, "");
}

#[test]
fn pipes_work_and_quiet_says_nothing() {
    let (code, stdout, stderr) = parts(&run_with(&["compile", "-", "-q"], &redundant()));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.starts_with("OPENQASM 2.0;\n"));
    let (_, explicit, _) = parts(&run_with(&["compile", "-q", "-o", "-", "-"], &redundant()));
    assert_eq!(stdout, explicit);
}

#[test]
fn verbose_names_every_pass() {
    let (code, _, stderr) = parts(&run_with(&["compile", "-", "-v"], &redundant()));
    assert_eq!(code, 0);
    assert!(stderr.contains("pass 1: "), "{stderr}");
}

#[test]
fn threads_do_not_change_a_byte_and_seeds_are_heard() {
    let text = long(7, 2);
    let compiled = |threads: &str, seed: &str| {
        let (code, stdout, stderr) =
            parts(&run_with(&["compile", "-", "-q", "--passes", "2", "--threads", threads, "--seed", seed], &text));
        assert_eq!(code, 0, "{stderr}");
        stdout
    };
    let one = compiled("1", "5");
    assert_eq!(one, compiled("2", "5"));
    assert_eq!(one, compiled("5", "5"));
    // Another seed finds another circuit, and the same one again.
    let other = compiled("1", "6");
    assert_ne!(one, other, "the seed changes nothing");
    assert_eq!(other, compiled("2", "6"));
}

#[test]
fn everything_that_is_no_gate_stays_in_place_and_in_order() {
    let text = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg a[2];\nqreg b[1];\ncreg c[2];\ncreg d[1];\n\
                h a[0];\ncx a[0],a[1];\ncx a[0],a[1];\ncx a[0],a[1];\nbarrier a[0],b[0];\nmeasure a[1] -> c[1];\n\
                if(c==2) x b[0];\nreset a[0];\nh a[0];\ncx a[0],b[0];\nmeasure b[0] -> d[0];\nmeasure a[0] -> c[0];\n";
    let (code, stdout, stderr) = parts(&run_with(&["compile", "-", "-q"], text));
    assert_eq!(code, 0, "{stderr}");
    let compact = stdout.replace(' ', "");
    let mut from = 0;
    for statement in [
        "qrega[2];",
        "qregb[1];",
        "cregc[2];",
        "cregd[1];",
        "cxa[0],a[1];",
        "barriera[0],b[0];",
        "measurea[1]->c[1];",
        "if(c==2)",
        "reseta[0];",
        "cxa[0],b[0];",
        "measureb[0]->d[0];",
    ] {
        let found =
            compact[from..].find(statement).unwrap_or_else(|| panic!("`{statement}` is missing or moved:\n{stdout}"));
        from += found + statement.len();
    }
    assert_eq!(count(&stdout, "cx"), 2, "{stdout}");
    assert_eq!(count(&stdout, "measure"), 3);
    // The output is an input.
    assert_eq!(parts(&run_with(&["compile", "-", "-q"], &stdout)).0, 0);
}

#[test]
fn circuits_without_work_are_fine() {
    for body in ["", "qreg q[1];\n", "qreg q[2];\ncx q[0],q[1];\n", "creg c[3];\n", "qreg q[3];\nbarrier q;\n"] {
        let text = format!("OPENQASM 2.0;\ninclude \"qelib1.inc\";\n{body}");
        let (code, stdout, stderr) = parts(&run_with(&["compile", "-", "-q"], &text));
        assert_eq!(code, 0, "{body}: {stderr}");
        assert!(stdout.starts_with("OPENQASM 2.0;"), "{stdout}");
    }
}

#[test]
fn the_report_says_what_happened() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &redundant());
    let (output, report) = (folder.arg("out.qasm"), folder.arg("report.json"));
    let args = ["compile", &input, "-o", &output, "--report", &report, "--seed", "7", "-k", "3", "--threads", "1"];
    let (code, _, stderr) = parts(&run(&args));
    assert_eq!(code, 0, "{stderr}");
    let report = Report::from_json(&folder.read("report.json")).unwrap();
    let compiled = folder.read("out.qasm");
    assert_eq!((report.status, report.seed), (Status::Complete, 7));
    assert_eq!((&report.settings.deciding["block_size"], report.settings.threads), (&3.into(), 1));
    assert_eq!((report.input.path.as_str(), report.output.path.as_str()), (input.as_str(), output.as_str()));
    assert_eq!((report.input.qubits, report.input.two_qubit_gates), (3, 12));
    assert_eq!(report.output.two_qubit_gates as usize, count(&compiled, "cx"));
    assert_eq!(report.output.one_qubit_gates as usize, count(&compiled, "u3"));
    assert_eq!(report.output.gates, report.output.two_qubit_gates + report.output.one_qubit_gates);
    assert!(report.output.depth < report.input.depth);
    assert!((0.0..1e-9).contains(&report.error_bound));
    assert_eq!(report.whole_check.method, CheckMethod::Exact);
    assert!(report.whole_check.distance.unwrap() <= report.error_bound + 1e-13);
    assert!(report.blocks.improved >= 1 && report.blocks.failed == 0);
    assert_eq!(report.blocks.total as usize, report.block_records.len());
    assert!(report.wall_seconds > 0.0 && report.cpu_seconds.unwrap() > 0.0);
    assert!(report.peak_rss_bytes.unwrap() > 1 << 20);
    let first = &report.block_records[0];
    assert_eq!((first.pass, first.block), (0, 0));
    // The light pass, which sees all wires and instantiates nothing.
    assert_eq!((first.wires.len(), first.before.two_qubit_gates, first.instantiations), (3, 12, 0));
    let mut others = report.block_records.iter().filter(|record| record.pass > 0);
    assert!(others.all(|record| record.wires.len() <= 3 && !record.reason.is_empty()));
}

#[test]
fn the_report_says_why_whole_circuits_are_not_compared() {
    let folder = Folder::new();
    let (narrow, wide) = (folder.write("a.qasm", &redundant()), folder.write("b.qasm", &long(22, 1)));
    let skipped = |input: &str, check: &str| {
        let report = folder.arg("report.json");
        let output =
            run(&["compile", input, "-o", "/dev/null", "--report", &report, "--effort", "1", "--check", check]);
        let (code, _, stderr) = parts(&output);
        assert_eq!(code, 0, "{stderr}");
        let check = Report::from_json(&folder.read("report.json")).unwrap().whole_check;
        let words = check.skipped.clone().unwrap_or_default();
        assert_eq!(
            stderr.contains(&format!("whole circuits not compared: {words}")),
            check.skipped.is_some(),
            "{stderr}"
        );
        (check.method, words)
    };
    assert_eq!(skipped(&narrow, "full"), (CheckMethod::Exact, String::new()));
    assert_eq!(skipped(&narrow, "quick"), (CheckMethod::Exact, String::new()));
    assert_eq!(skipped(&narrow, "none"), (CheckMethod::None, "not asked for".into()));
    assert_eq!(skipped(&wide, "full"), (CheckMethod::None, "more than 20 qubits".into()));
}

#[test]
fn a_report_can_go_to_standard_output_if_the_circuit_does_not() {
    let folder = Folder::new();
    let output = folder.arg("out.qasm");
    let (code, stdout, _) = parts(&run_with(&["compile", "-", "-o", &output, "--report", "-"], &redundant()));
    assert_eq!(code, 0);
    assert_eq!(Report::from_json(&stdout).unwrap().input.path, "-");
    let (code, stdout, stderr) = parts(&run_with(&["compile", "-", "--report", "-"], &redundant()));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("same place"), "{stderr}");
    let input = folder.write("in.qasm", &redundant());
    let (code, _, stderr) = parts(&run(&["compile", &input, "-o", &output, "--report", &input]));
    assert!(code == 2 && stderr.contains("the report would replace the input"), "{stderr}");
    assert_eq!(folder.read("in.qasm"), redundant());
}

#[test]
fn the_time_limit_yields_the_best_circuit_so_far() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &long(13, 40));
    let (output, report) = (folder.arg("out.qasm"), folder.arg("report.json"));
    let start = std::time::Instant::now();
    let (code, _, stderr) = parts(&run(&[
        "compile",
        &input,
        "-o",
        &output,
        "--report",
        &report,
        "--time-limit",
        "300ms",
        "--passes",
        "1000",
    ]));
    assert_eq!(code, 0, "{stderr}");
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    let report = Report::from_json(&folder.read("report.json")).unwrap();
    assert_eq!(report.status, Status::TimeLimit);
    assert!(report.output.two_qubit_gates <= report.input.two_qubit_gates);
    assert!(stderr.contains("time limit"), "{stderr}");
    assert_eq!(parts(&run(&["verify", &input, &output])).0, 0);
}

#[test]
fn more_two_qubit_gates_never_come_out_than_went_in() {
    for (n_qubits, n_rounds) in [(3, 1), (4, 3), (9, 2)] {
        let text = long(n_qubits, n_rounds);
        let n_toffolis = (n_qubits - 2) * n_rounds;
        for block_size in ["2", "3", "5"] {
            let args = ["compile", "-", "-q", "-k", block_size, "--passes", "5"];
            let (code, stdout, stderr) = parts(&run_with(&args, &text));
            assert_eq!(code, 0, "{stderr}");
            assert!(count(&stdout, "cx") <= 6 * n_toffolis);
        }
    }
}

#[test]
fn the_readme_promises_no_more_than_its_command_does() {
    let readme = read(std::path::Path::new("README.md"));
    let promised = readme.lines().find_map(|line| line.split("two-qubit gates 17 → ").nth(1)).unwrap();
    let promised: usize = promised.split(' ').next().unwrap().parse().unwrap();
    let (code, stdout, stderr) = parts(&run(&["compile", "circuits/adder_n4.qasm"]));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("two-qubit gates 17 → "), "{stderr}");
    // A search's luck may change by a gate when its random numbers do.
    assert!(count(&stdout, "cx") <= promised + 1, "{stderr}");
    for option in
        ["-k", "--time-limit", "--effort", "--flow", "--starts", "--seed", "--threads", "--report", "--epsilon"]
    {
        let (_, help, _) = parts(&run(&["compile", "--help"]));
        assert!(readme.contains(option) && help.contains(option), "{option}");
    }
}

#[test]
fn a_budget_buys_gates_and_is_never_exceeded() {
    let folder = Folder::new();
    let weak = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[4];\nrzz(0.001) q[0],q[1];\nrx(0.7) q[1];\n\
                rzz(0.3) q[1],q[2];\nrx(0.4) q[2];\nrzz(0.001) q[2],q[3];\n";
    let (input, output, report) = (folder.write("in.qasm", weak), folder.arg("out.qasm"), folder.arg("report.json"));
    for (budget, n_left) in [("0", 6), ("1e-9", 6), ("1e-3", 2)] {
        let args = ["compile", &input, "-o", &output, "--report", &report, "--epsilon-total", budget, "--effort", "1"];
        let (code, _, stderr) = parts(&run(&args));
        assert_eq!((code, count(&folder.read("out.qasm"), "cx")), (0, n_left), "{stderr}");
        let report = Report::from_json(&folder.read("report.json")).unwrap();
        let budget: f64 = budget.parse().unwrap();
        assert_eq!(report.settings.deciding["epsilon_total"], budget);
        assert!(report.error_bound <= budget.max(1e-10));
        let words = report.block_records.iter().filter(|r| r.reason == "approximated").count();
        assert_eq!(words > 0, n_left == 2);
    }
    assert_eq!(parts(&run(&["verify", &input, &output, "--epsilon", "1e-3"])).0, 0);
    assert_eq!(parts(&run(&["verify", &input, &output])).0, 1);
}

#[test]
fn a_large_circuit_is_searched_after_its_deletion_passes_have_stalled() {
    let folder = Folder::new();
    let (input, output) =
        (format!("{}/circuits/barenco_tof_n103.qasm", env!("CARGO_MANIFEST_DIR")), folder.arg("out.qasm"));
    let (code, _, stderr) = parts(&run(&["compile", &input, "-o", &output, "--effort", "2", "--workers", "off"]));
    assert_eq!(code, 0, "{stderr}");
    // Deletion alone stops at 1042 of 1200.
    assert!(count(&folder.read("out.qasm"), "cx") < 950, "{stderr}");
}
