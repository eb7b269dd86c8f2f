//! `bqc verify` and `bqc stats`: their answers on standard output, as text and as exit code.

mod common;

use bqc_wire::{Document, StatsReport};
use common::*;

const BELL: &str = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[2];\nh q[0];\ncx q[0],q[1];\n";

#[test]
fn verify_tells_equal_from_different_by_its_exit_code() {
    let folder = Folder::new();
    let bell = folder.write("bell.qasm", BELL);
    // The same up to a global phase: Z = e^{iπ/2} Rz(π).
    let a = folder.write("a.qasm", &format!("{BELL}z q[0];\n"));
    let b = folder.write("b.qasm", &format!("{BELL}rz(pi) q[0];\n"));
    let (code, stdout, stderr) = parts(&run(&["verify", &a, &b]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("exact"), "{stdout}");
    let (code, stdout, _) = parts(&run(&["verify", &bell, &b]));
    assert_eq!(code, 1);
    assert!(stdout.starts_with("distance "), "{stdout}");

    // A rotation by 2e-6: distance 5e-7·√2, above the default and below what is asked for.
    let near = folder.write("near.qasm", &format!("{BELL}rz(0.000002) q[0];\n"));
    assert_eq!(parts(&run(&["verify", &bell, &near])).0, 1);
    assert_eq!(parts(&run(&["verify", &bell, &near, "--epsilon", "1e-5"])).0, 0);
}

#[test]
fn circuits_that_cannot_be_compared_are_no_answer() {
    let folder = Folder::new();
    let bell = folder.write("bell.qasm", BELL);
    let wider = folder.write("wider.qasm", &BELL.replace("q[2]", "q[3]"));
    let (code, stdout, stderr) = parts(&run(&["verify", &bell, &wider]));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains('2') && stderr.contains('3'), "{stderr}");

    // Pauli forms prove that two circuits are close, and never that they differ.
    let huge = folder.write("huge.qasm", &long(30, 1));
    for (change, words) in [("h q[29];\n", "nor path sums prove"), ("rz(0.001) q[29];\n", "at most 3.5")] {
        // At the beginning, where it comes last of what should cancel.
        let declared = "qreg q[30];\n";
        let other = folder.write("other.qasm", &long(30, 1).replace(declared, &format!("{declared}{change}")));
        let (code, stdout, stderr) = parts(&run(&["verify", &other, &huge]));
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains("30 wires") && stderr.contains(words), "{stderr}");
    }
}

#[test]
fn more_than_twenty_qubits_are_compared_by_pauli_forms() {
    let folder = Folder::new();
    let a = folder.write("a.qasm", &long(130, 2));
    // The last rotation is cut in two, and a CX that commutes with it stands between.
    let b = folder.write("b.qasm", &format!("{}cx q[5],q[129];\nrx(0.5) q[129];\ncx q[5],q[129];\n", long(130, 2)));
    let c = folder.write("c.qasm", &format!("{}rx(0.125) q[129];\nrx(0.375) q[129];\n", long(130, 2)));
    let (code, stdout, stderr) = parts(&run(&["verify", &b, &c]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("Pauli forms") && stdout.contains("the same"), "{stdout}");
    assert_eq!(parts(&run(&["verify", &a, &c])).0, 2);
}

#[test]
fn products_of_controls_are_compared_by_path_sums() {
    let folder = Folder::new();
    let circuit = |text: &str| format!("OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[24];\nh q;\n{text}rz(0.3) q;\n");
    let direct = folder.write("direct.qasm", &circuit("ccx q[0],q[1],q[23];\n"));
    let around = "ccx q[0],q[1],q[12];\ncx q[12],q[23];\n".repeat(2);
    let around = folder.write("around.qasm", &circuit(&around));
    let (code, stdout, stderr) = parts(&run(&["verify", &direct, &around]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("path sums") && stdout.contains("the same"), "{stdout}");
    let other = folder.write("other.qasm", &circuit("ccx q[0],q[2],q[23];\n"));
    assert_eq!(parts(&run(&["verify", &other, &around])).0, 2);
}

#[test]
fn more_than_twelve_qubits_are_compared_on_random_states() {
    let folder = Folder::new();
    let text = long(14, 1);
    let a = folder.write("a.qasm", &text);
    let b = folder.write("b.qasm", &format!("{text}t q[13];\n"));
    // Different angles add up, which rounds, so algebra does not call the circuits equal.
    let c = folder.write("c.qasm", &format!("{text}rx(0.3) q[13];\nrx(-0.2) q[13];\nrx(-0.1) q[13];\n"));
    let (code, stdout, _) = parts(&run(&["verify", &a, &c]));
    assert_eq!(code, 0);
    assert!(stdout.contains("random states"), "{stdout}");
    let (code, stdout, _) = parts(&run(&["verify", &a, &a]));
    assert!(code == 0 && stdout.contains("proved by algebra"), "{stdout}");
    assert_eq!(parts(&run(&["verify", &a, &b])).0, 1);
}

#[test]
fn stats_counts_what_is_there() {
    let text = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[3];\ncreg c[1];\nh q[0];\nccx q[0],q[1],q[2];\n\
                barrier q;\nh q[0];\nmeasure q[0] -> c[0];\n";
    let (code, stdout, stderr) = parts(&run_with(&["stats", "-"], text));
    assert_eq!((code, stderr.as_str()), (0, ""));
    for word in ["qubits", "depth", "ccx", "blocks"] {
        assert!(stdout.contains(word), "`{word}` is missing:\n{stdout}");
    }
    let (code, stdout, _) = parts(&run_with(&["stats", "-", "--json", "-k", "3"], text));
    assert_eq!(code, 0);
    let stats = StatsReport::from_json(&stdout).unwrap();
    assert_eq!((stats.circuit.qubits, stats.clbits, stats.circuit.two_qubit_gates), (3, 1, 6));
    assert_eq!(stats.gates["h"], 2);
    assert_eq!(stats.gates["ccx"], 1);
    let partition = stats.partition;
    assert_eq!((partition.block_size, stats.directives, partition.largest_two_qubit_gates), (3, 2, 6));
    assert_eq!(partition.blocks, partition.blocks_by_width.values().sum::<u64>());
}
