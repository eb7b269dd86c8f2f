//! What goes wrong, and what is left behind: exit codes, messages, untouched files.

mod common;

use common::*;
use std::fs;
use test_skips::{Need, skip};

const BROKEN: &str = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[2];\nh q[5];\n";

#[test]
fn a_broken_input_is_shown_with_its_place_and_nothing_is_written() {
    let folder = Folder::new();
    let input = folder.write("broken.qasm", BROKEN);
    let output = folder.write("out.qasm", "precious");
    let report = folder.arg("report.json");
    let (code, stdout, stderr) = parts(&run(&["compile", &input, "-o", &output, "--report", &report]));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("broken.qasm:4:"), "{stderr}");
    assert!(stderr.contains("h q[5];"), "{stderr}");
    assert_eq!(folder.read("out.qasm"), "precious");
    assert_eq!(folder.names(), ["broken.qasm", "out.qasm"]);
    // The same through a pipe, and for the other commands.
    for args in [vec!["compile", "-"], vec!["stats", "-"], vec!["verify", "-", &input]] {
        let (code, stdout, stderr) = parts(&run_with(&args, BROKEN));
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}");
        assert!(stderr.contains(":4:"), "{stderr}");
    }
}

#[test]
fn any_bytes_are_answered_in_words() {
    for bytes in ["", "\u{0}\u{1}", "OPENQASM 3.0;", "qreg q[99999999999999999999];", "((((((((((((((((", "\u{feff}"] {
        let (code, stdout, stderr) = parts(&run_with(&["stats", "-"], bytes));
        assert!(code == 0 || (code == 2 && stdout.is_empty() && !stderr.is_empty()), "{bytes:?}: {code} {stderr}");
        assert!(!stderr.contains("panicked"), "{bytes:?}: {stderr}");
    }
}

#[test]
fn what_a_program_that_failed_leaves_in_a_pipe_is_no_circuit() {
    let folder = Folder::new();
    let output = folder.write("out.qasm", "precious");
    let (code, _, stderr) = parts(&run(&["compile", "-", "-o", &output]));
    assert!(code == 2 && stderr.contains("<stdin>") && stderr.contains("no statement"), "{stderr}");
    assert_eq!(folder.read("out.qasm"), "precious");
    let (code, _, stderr) = parts(&run_with(&["stats", "-"], "OPENQASM 2.0;"));
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn a_missing_input_is_named() {
    let (code, stdout, stderr) = parts(&run(&["compile", "no/such/file.qasm"]));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("cannot read `no/such/file.qasm`"), "{stderr}");
}

#[test]
fn hopeless_outputs_are_refused_before_the_input_is_read() {
    let folder = Folder::new();
    for (output, reason) in [
        (folder.arg(""), "folder"),
        (folder.arg("missing/out.qasm"), "missing"),
        (folder.write("file", "").to_owned() + "/out.qasm", "file"),
    ] {
        // The input does not exist either: the output is what is reported.
        let (code, stdout, stderr) = parts(&run(&["compile", "no-such-input.qasm", "-o", &output]));
        assert_eq!((code, stdout.as_str()), (2, ""));
        assert!(stderr.contains("cannot write") && stderr.contains(reason), "{stderr}");
        let (code, _, stderr) = parts(&run(&["compile", "no-such-input.qasm", "--report", &output]));
        assert!(code == 2 && stderr.contains("cannot write"), "{stderr}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_where_nothing_can_be_created_is_refused() {
    // /proc refuses new files even to root, whom a read-only folder would not stop.
    let (code, _, stderr) = parts(&run_with(&["compile", "-", "-o", "/proc/out.qasm"], &redundant()));
    assert_eq!(code, 2);
    assert!(stderr.contains("cannot write `/proc/out.qasm`"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    fs::create_dir(folder.path("locked")).unwrap();
    fs::set_permissions(folder.path("locked"), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(folder.path("locked/probe"), "").is_ok() {
        return skip(Need::User, "this user may write into a read-only folder");
    }
    let (code, _, stderr) = parts(&run_with(&["compile", "-", "-o", &folder.arg("locked/out.qasm")], &redundant()));
    assert!(code == 2 && stderr.contains("ermission denied"), "{stderr}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let (code, _, stderr) = parts(&run_with(&["compile", "-", "-o", "/dev/full"], &redundant()));
    assert_eq!(code, 2);
    assert!(stderr.contains("cannot write `/dev/full`"), "{stderr}");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut child = bqc(&["stats", "-"]).stdin(std::process::Stdio::piped()).stdout(full).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), redundant().as_bytes()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_leaves_early_is_no_error() {
    for args in [["stats", "-"], ["compile", "-"]] {
        let mut child = bqc(&args)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), redundant().as_bytes()).unwrap();
        let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
        assert_eq!(code, 0, "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}

#[test]
fn wrong_usage_is_exit_code_two() {
    for args in [
        vec!["compile"],
        vec!["compile", "-", "-k", "1"],
        vec!["compile", "-", "-k", "13"],
        vec!["compile", "-", "--epsilon", "0"],
        vec!["compile", "-", "--time-limit", "30"],
        vec!["compile", "-", "--threads", "0"],
        vec!["compile", "-", "--engine", "abacus"],
        vec!["compile", "-", "-q", "-v"],
        vec!["verify", "a.qasm"],
        vec!["frobnicate"],
        vec![],
    ] {
        let (code, stdout, stderr) = parts(&run(&args));
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}");
        assert!(!stderr.is_empty());
    }
    let (code, _, stderr) = parts(&run(&["verify", "-", "-"]));
    assert!(code == 2 && stderr.contains("standard input"), "{stderr}");
}

#[test]
fn help_and_version_go_to_standard_output() {
    let (code, stdout, stderr) = parts(&run(&["--help"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("Exit codes:") && stdout.contains("compile"));
    let (code, stdout, _) = parts(&run(&["--version"]));
    assert_eq!((code, stdout), (0, format!("bqc {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn an_opaque_gate_is_counted_but_not_compiled() {
    let text =
        "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nopaque magic(a) x,y;\nqreg q[2];\nh q[0];\nmagic(0.1) q[0],q[1];\n";
    let (code, stdout, stderr) = parts(&run_with(&["compile", "-"], text));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("magic") && stderr.contains("line 6"), "{stderr}");
    let folder = Folder::new();
    let file = folder.write("opaque.qasm", text);
    let (code, stdout, stderr) = parts(&run(&["verify", &file, &file]));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("magic"), "{stderr}");
    let (code, stdout, _) = parts(&run(&["stats", &file]));
    assert_eq!(code, 0);
    assert!(stdout.contains("magic"), "{stdout}");
}

#[test]
fn includes_are_found_beside_the_input_and_where_the_flag_points() {
    let folder = Folder::new();
    fs::create_dir(folder.path("lib")).unwrap();
    folder.write("near.inc", "gate near a { h a; }\n");
    folder.write("lib/far.inc", "gate far a { x a; }\n");
    let input = folder.write(
        "in.qasm",
        "OPENQASM 2.0;\ninclude \"qelib1.inc\";\ninclude \"near.inc\";\ninclude \"far.inc\";\nqreg q[1];\nnear q[0];\nfar q[0];\n",
    );
    let (code, _, stderr) = parts(&run(&["stats", &input]));
    assert!(code == 2 && stderr.contains("far.inc"), "{stderr}");
    let (code, _, stderr) = parts(&run(&["stats", &input, "--include-dir", &folder.arg("lib")]));
    assert_eq!(code, 0, "{stderr}");
}
