//! OpenQASM 3 at the command line: every command that reads a circuit reads it, and what is written is OpenQASM 2.

mod common;

use common::*;

const NEW: &str = "OPENQASM 3.0;
include \"stdgates.inc\";
const int n = 3;
qubit[n] q;
bit[n] c;
gate pair(turn) a, b { ctrl @ rx(turn) a, b; }
h q;
for int i in [0:n - 2] { pair(pi / 2**i) q[i], q[i + 1]; }
negctrl @ pow(2) @ t q[0], q[2];
c = measure q;
";

const OLD: &str = "OPENQASM 2.0;
include \"qelib1.inc\";
qreg q[3];
creg c[3];
h q;
crx(pi) q[0],q[1];
crx(pi/2) q[1],q[2];
x q[0];
cu1(pi/2) q[0],q[2];
x q[0];
measure q -> c;
";

#[test]
fn every_command_reads_version_3() {
    let folder = Folder::new();
    let (new, old) = (folder.write("new.qasm", NEW), folder.write("old.qasm", OLD));
    let (code, stdout, stderr) = parts(&run(&["verify", &new, &old]));
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");

    let out = folder.arg("out.qasm");
    let (code, _, stderr) = parts(&run(&["compile", &new, "-o", &out, "--effort", "1"]));
    assert_eq!(code, 0, "{stderr}");
    assert!(folder.read("out.qasm").starts_with("OPENQASM 2.0;"));
    for input in [&new, &old] {
        assert_eq!(parts(&run(&["verify", input, &out])).0, 0);
    }

    let count = |file: &str| parts(&run(&["stats", file])).1;
    assert!(count(&new).contains("crx                        2"), "{}", count(&new));

    let results = folder.arg("results");
    let batch = ["batch", &new, &old, "--out-dir", &results, "--effort", "1"];
    let (code, _, stderr) = parts(&run(&batch));
    assert_eq!(code, 0, "{stderr}");
    assert!(folder.read("results/new.qasm").starts_with("OPENQASM 2.0;"));
}

#[test]
fn what_a_circuit_cannot_hold_is_refused_at_its_place() {
    let folder = Folder::new();
    let file = folder.write("input.qasm", "OPENQASM 3.0;\nqubit q;\ninput float theta;\nrx(theta) q;\n");
    for command in ["compile", "stats"] {
        let (code, stdout, stderr) = parts(&run(&[command, &file]));
        assert_eq!((code, stdout.as_str()), (2, ""));
        assert!(stderr.contains("input.qasm:3:1") && stderr.contains("`input` is not supported"), "{stderr}");
    }
}
