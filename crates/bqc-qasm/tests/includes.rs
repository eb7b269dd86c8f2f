//! Files that include files: found, refused, bounded.

use bqc_qasm::{DirectoryIncludes, IncludeError, Includes, Limits, ParseOptions, Problem, SourceText, parse};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Files in memory.
struct Files(BTreeMap<&'static str, &'static str>);

impl Includes for Files {
    fn find(&self, path: &str) -> Result<SourceText, IncludeError> {
        match self.0.get(path) {
            Some(text) => Ok(SourceText::new(path, *text)),
            None => Err(IncludeError::NotFound { searched: vec!["memory".into()] }),
        }
    }
}

fn read(text: &str, files: &[(&'static str, &'static str)]) -> Result<usize, Box<bqc_qasm::Diagnostic>> {
    let files = Files(files.iter().copied().collect());
    let limits = Limits { max_includes: 20, ..Limits::default() };
    let options = ParseOptions { limits, includes: &files };
    parse(&SourceText::new("main.qasm", text), &options).map(|circuit| circuit.operations.len())
}

#[test]
fn an_included_file_stands_in_the_place_of_its_statement() {
    let files = [
        ("gates.inc", "OPENQASM 2.0;\ngate g a { x a; }\ninclude \"lib/more.inc\";\nqreg inner[1];\ng inner[0];"),
        ("lib/more.inc", "include \"qelib1.inc\"; gate k a,b { g a; cx a,b; }"),
    ];
    let main = "OPENQASM 2.0;\ninclude \"gates.inc\";\nqreg q[2];\nk q[0],q[1];\ng inner[0];\n";
    assert_eq!(read(main, &files), Ok(4));
}

#[test]
fn an_error_in_an_included_file_is_shown_there() {
    let files = [("gates.inc", "gate g(t) a {\n  rz(1/t) a;\n}\n"), ("bad.inc", "qreg q[1];\nfoo q[0];\n")];
    let error = read("include \"bad.inc\";\n", &files).unwrap_err();
    assert_eq!((error.file(), error.line(), error.column()), ("bad.inc", 2, 1));

    let error = read("include \"gates.inc\";\nqreg q[1];\ng(0) q[0];\n", &files).unwrap_err();
    assert_eq!((error.file(), error.line()), ("main.qasm", 3));
    let text = error.render();
    assert!(text.contains("main.qasm:3:1") && text.contains("gates.inc:2:3"), "both places: {text}");
}

#[test]
fn an_unfinished_statement_does_not_go_on_in_the_including_file() {
    let error = read("include \"half.inc\";\nq[0];\n", &[("half.inc", "qreg q[1];\nh\n")]).unwrap_err();
    assert_eq!((error.file(), error.line()), ("half.inc", 2));
}

#[test]
fn circles_and_floods_of_files_end() {
    let error = read("include \"a.inc\";\n", &[("a.inc", "include \"a.inc\";")]).unwrap_err();
    assert!(matches!(error.problem(), Problem::IncludeDepth { limit: 16 }), "{error}");
    let error = read(&"include \"e.inc\";\n".repeat(21), &[("e.inc", "")]).unwrap_err();
    assert!(matches!(error.problem(), Problem::TooManyIncludes { limit: 20 }), "{error}");
    assert_eq!(read(&"include \"e.inc\";\n".repeat(20), &[("e.inc", "")]), Ok(0));
}

#[test]
fn an_absent_file_is_named_with_the_places_searched() {
    let error = read("include \"none.inc\";\n", &[]).unwrap_err();
    assert_eq!(error.problem().to_string(), "`none.inc` was not found in `memory`");
    assert!(error.help().unwrap().contains("--include-dir"));
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    struct Locked;
    impl Includes for Locked {
        fn find(&self, _path: &str) -> Result<SourceText, IncludeError> {
            Err(IncludeError::Unreadable { reason: "permission denied".into() })
        }
    }
    let options = ParseOptions { includes: &Locked, ..ParseOptions::default() };
    let error = parse(&SourceText::new("main.qasm", "include \"a.inc\";"), &options).unwrap_err();
    assert_eq!(error.to_string(), "main.qasm:1:9: `a.inc` cannot be read: permission denied");
}

#[test]
fn paths_that_leave_the_directories_never_reach_the_finder() {
    struct Never;
    impl Includes for Never {
        fn find(&self, path: &str) -> Result<SourceText, IncludeError> {
            panic!("asked for {path}")
        }
    }
    let options = ParseOptions { includes: &Never, ..ParseOptions::default() };
    for path in ["/etc/passwd", "../a.inc", "a/../../b.inc", "C:\\a.inc", "\\\\host\\a.inc", "..\\a.inc", ""] {
        let source = SourceText::new("main.qasm", format!("include \"{path}\";"));
        let error = parse(&source, &options).unwrap_err();
        assert!(matches!(error.problem(), Problem::IncludeOutside { .. }), "{error}");
    }
    // The built-in libraries are not asked for either.
    let source =
        SourceText::new("main.qasm", "include \"qelib1.inc\"; include \"stdgates.inc\"; include \"qelib1.inc\";");
    assert!(parse(&source, &options).is_ok());
}

#[test]
fn directories_are_searched_in_order_and_only_regular_files_count() {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let includes = DirectoryIncludes::new([corpus.join("absent"), corpus.clone(), corpus.join("accepted")]);
    let found = includes.find("crlf.qasm").unwrap();
    assert!(found.name.ends_with("crlf.qasm") && found.bytes.starts_with(b"OPENQASM"));
    assert!(includes.find("accepted/crlf.qasm").is_ok());
    // A directory of that name exists and is no file.
    let IncludeError::NotFound { searched } = includes.find("accepted").unwrap_err() else {
        panic!("a directory was read");
    };
    assert_eq!(searched.len(), 3);
}

#[test]
fn version_3_includes_files_of_version_3() {
    let files = [
        (
            "gates.inc",
            "OPENQASM 3.0;\ngate g(t) a {\n  rz(1/t) a;\n}\ndef f(qubit a) {\n  x a[1];\n}\nconst int n = 2;\n",
        ),
        ("old.inc", "OPENQASM 2.0;\n"),
        ("bad.inc", "int m = 1;\nfoo q;\n"),
    ];
    let head = "OPENQASM 3.0;\ninclude \"gates.inc\";\nqubit[n] q;\n";
    assert_eq!(read(&format!("{head}g(2.0) q;\n"), &files), Ok(2));
    for (last, mark, note) in
        [("g(0) q[1];\n", "gates.inc:3:6", "main.qasm:4:1"), ("f(q[0]);\n", "gates.inc:6:7", "main.qasm:4:1")]
    {
        let text = read(&format!("{head}{last}"), &files).unwrap_err().render();
        assert!(text.contains(mark) && text.contains(note), "{text}");
    }
    let error = read("OPENQASM 3.0;\nqubit q;\ninclude \"bad.inc\";\n", &files).unwrap_err();
    assert_eq!((error.file(), error.line(), error.column()), ("bad.inc", 2, 1));
    let error = read("OPENQASM 3.0;\ninclude \"old.inc\";\n", &files).unwrap_err();
    assert!(matches!(error.problem(), Problem::Version { .. }), "{error}");
    let error = read("OPENQASM 2.0;\ninclude \"gates.inc\";\n", &files).unwrap_err();
    assert!(matches!(error.problem(), Problem::Version { .. }), "{error}");
    let error = read("OPENQASM 3.0;\nqubit q;\nx q;\ninclude \"gates.inc\";\ny r;\n", &files).unwrap_err();
    assert_eq!((error.file(), error.line()), ("main.qasm", 5));
}
