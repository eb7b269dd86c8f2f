//! No source of version 3 panics, hangs or grows without bound: the fuzz target's function over the committed corpus
//! and deterministic mutations of it, and sources made to be expensive or deep.

mod mutations;

use bqc_linalg::Stream;
use bqc_qasm::{Limits, ParseOptions, Problem, Problem3, SourceText, fuzz, parse};
use mutations::{corpus, mutant};
use std::time::{Duration, Instant};

/// Mutations per run: some seconds.
const N_MUTATIONS: u64 = 30_000;
/// Pieces that mutations insert.
const PIECES: [&str; 69] = [
    "OPENQASM 3.0;",
    r#"include "stdgates.inc";"#,
    "qubit[3] q;",
    "qubit r;",
    "bit[3] c;",
    "bit b;",
    "const int n = 3;",
    "int i = 1;",
    "float x = 0.5;",
    "angle[4] a = pi/3;",
    "array[int[8], 2, 2] m = {{1, 2}, {3, 4}};",
    "let w = q[0:1];",
    "gate g(t) a, b {",
    "def f(qubit a, int k) -> bit {",
    "return measure a;",
    "ctrl @ ",
    "negctrl(2) @ ",
    "inv @ ",
    "pow(2) @ ",
    "pow(0.5) @ ",
    "gphase(0.3) ",
    "U(0.1, 0.2, 0.3) q[0];",
    "h q;",
    "cx q[0], q[1];",
    "measure q -> c;",
    "c = measure q;",
    "b = f(q[0], 1);",
    "reset q;",
    "barrier q;",
    "delay[10ns] q;",
    "box {",
    "if (c == 1) ",
    "if (b) {",
    "} else {",
    "for int i in [0:2] {",
    "for uint i in {0, 2} ",
    "switch (i) { case 1 {",
    "default {",
    "break;",
    "continue;",
    "}",
    "[0:1]",
    "[{0, 1}]",
    "[-1]",
    "++",
    "**",
    "<<",
    r#"popcount("0110")"#,
    "sizeof(q)",
    "$0",
    "0x7f",
    "1_000",
    "9223372036854775807",
    "170141183460469231731687303715884105727",
    "1e308",
    r#""0101""#,
    "/*",
    "*/",
    "//",
    "@note",
    "#pragma p",
    "θ",
    "(",
    ")",
    ";",
    ",",
    "=",
    "+=",
    "\n",
];

#[test]
fn the_corpus_and_its_mutations_are_read_or_refused() {
    let corpus = corpus("corpus3");
    let n_seeds_read = corpus.iter().filter(|bytes| fuzz::read_version_3(bytes)).count();
    assert!((8..corpus.len() - 30).contains(&n_seeds_read), "{n_seeds_read} seeds were readable");
    let mut n_read = 0;
    for i in 0..N_MUTATIONS {
        n_read += u64::from(fuzz::read_version_3(&mutant(&corpus, &PIECES, &mut Stream::new(3, i, 0), i)));
    }
    // Mutants that are all refused at their first byte would test nothing.
    assert!((N_MUTATIONS / 60..N_MUTATIONS).contains(&n_read), "{n_read} of {N_MUTATIONS} were readable");
}

/// Reads within a tenth of the default limits and says what came out and how long it took.
fn timed(text: &str) -> (Result<usize, Problem>, Duration) {
    let start = Instant::now();
    let source = SourceText::new("expensive", format!("OPENQASM 3.0;\n{text}"));
    let limits = Limits { max_operations: 1_000_000, ..Limits::default() };
    let result = parse(&source, &ParseOptions { limits, ..ParseOptions::default() });
    (result.map(|c| c.operations.len()).map_err(|e| e.problem().clone()), start.elapsed())
}

/// Generous: a loaded machine must not fail the test, an exponential source must.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn expensive_sources_end_soon() {
    let doubling = |first: &str| {
        let next = |i| format!("gate g{i} a {{ g{} a; g{} a; }}\n", i - 1, i - 1);
        format!("{first}{}qubit q;\ng89 q;\n", (1..90).map(next).collect::<String>())
    };
    let nested = (0..40).fold("x q;".to_owned(), |body, i| format!("for int i{i} in [0:999999999] {{ {body} }}"));
    let terms = vec!["x"; 50_000].join("+");
    let refused = [
        doubling("gate g0 a { x a; }\n"),
        doubling("gate g0 a { }\n"),
        format!("qubit q;\n{nested}"),
        format!("float x = 1;\nqubit[90000] q;\nfor int i in [0:100000000] {{ x = {terms}; }}"),
        "qubit q;\nint n = 0;\nfor int i in [0:99999999] { n += i; }\nx q;".to_owned(),
        "array[int[8], 60000] a;\nfor int i in [0:99999999] { a[i % 3] = i; }".to_owned(),
        "array[int[8], 60000] a;\narray[int[8], 60000] b;\nfor int i in [0:99999999] { b = a; }".to_owned(),
        "array[int[8], 60000] a;\ndef f(readonly array[int[8], 60000] b) { b[0] = 1; }\n\
         for int i in [0:99999999] { f(a); }"
            .to_owned(),
        "qubit[1000000] q;\nfor int i in [0:99999999] { barrier q; }".to_owned(),
        "qubit[1000000] q;\nfor int i in [0:99999999] { let a = q[0:999998] ++ q[0:1]; }".to_owned(),
        "qubit q;\nbit[10] c;\nfor int i in [0:99999999] { if (c[0]) x q; }".to_owned(),
        "qubit q;\ngate g a { h a; t a; }\npow(999999999999) @ g q;".to_owned(),
        "qubit[4] q;\ngate g a, b, c, d { for int i in [0:200000] { rc3x a, b, c, d; } }\n\
         inv @ g q[0], q[1], q[2], q[3];"
            .to_owned(),
        "qubit[4] q;\nfor bit b in bit[4000000000](5) { x q[0]; }".to_owned(),
        "qubit[100000] q;\nqubit r;\nctrl(100000) @ x q, r;".to_owned(),
    ];
    for text in &refused {
        let (result, time) = timed(text);
        assert!(result.is_err() && time < SOON, "{result:?} after {time:?}: {}", &text[..text.len().min(200)]);
    }
    let many: String = (0..100_000).map(|i| format!("bit b{i}; ")).collect();
    let definitions: String = (0..100_000).map(|i| format!("gate gate_{i} a {{ x a; }}\n")).collect();
    let names: Vec<String> = (0..30_000).map(|i| format!("w{i}")).collect();
    let calls: String = names.iter().map(|name| format!("rz(t) {name};")).collect();
    for text in [
        format!("{definitions}qubit q;\ngate_77 q;"),
        format!("gate g(t) {} {{ {calls} }}\nqubit[30000] q;\ndef f(int n) {{ }}\nf(1);", names.join(",")),
        format!("{{ {many} }}"),
        "qubit q;\npow(999999999999) @ rx(0.1) q;\npow(999999999998) @ x q;".to_owned(),
        format!("float x = 0;\nx = {terms};"),
    ] {
        let (result, time) = timed(&text);
        let is_limit = matches!(result, Ok(_) | Err(Problem::TooManySteps { .. }));
        assert!(is_limit && time < SOON, "{result:?} after {time:?}: {}", &text[..text.len().min(200)]);
    }
}

#[test]
fn an_assigned_element_costs_one_element() {
    let (result, time) = timed(
        "array[int[32], 60000] a;\nfor int i in [0:59999] { a[i] = i; }\nfor int i in [0:59999] { a[i] += a[59999 - i]; }\n\
         qubit q;\nrz(a[1]) q;",
    );
    assert!(result == Ok(1) && time < SOON, "{result:?} after {time:?}");
}

#[test]
fn copies_are_counted_before_they_are_made() {
    let list = |name: &dyn Fn(usize) -> String| (0..500).map(name).collect::<Vec<_>>().join(", ");
    let (wires, operands) = (list(&|i| format!("a{i}")), list(&|i| format!("q[{i}]")));
    // Each copy has lists of some hundred wires: gigabytes before the last one.
    for body in [format!("barrier {wires}; x a0;"), format!("ctrl(499) @ x {wires}; x a0;")] {
        let gate = format!("gate g {wires} {{ {body} }}");
        let (result, time) = timed(&format!("qubit[500] q;\n{gate}\npow(400000) @ g {operands};"));
        assert!(matches!(result, Err(Problem::TooManySteps { .. })) && time < SOON, "{result:?} after {time:?}");
    }
    // Bodies inside of bodies, each with half of what is allowed.
    let next = |i| format!("gate g{i} a {{ pow(240000) @ g0 a; g{} a; }}\n", i - 1);
    let gates: String = (2..40).map(next).collect();
    let text = format!("gate g0 a {{ x a; h a; }}\ngate g1 a {{ }}\n{gates}qubit q;\ng39 q;");
    let (result, _) = timed(&text);
    assert!(matches!(result, Err(Problem::TooManyOperations { .. })), "{result:?}");
    // The limit is on what is kept at a time, and what was is given back.
    let (result, _) = timed(&format!("gate g0 a {{ x a; h a; }}\nqubit q;\n{}", "pow(2000) @ g0 q;".repeat(200)));
    assert_eq!(result, Ok(800_000));
}

#[test]
fn depth_in_every_form_is_refused() {
    for (open, close) in [
        ("rz(", ") q;"),
        ("rz(-", "1) q;"),
        ("rz(sin(", ")) q;"),
        ("if (true) {", "}"),
        ("if (true) ", "x q;"),
        ("for int i in [0:0] ", "x q;"),
        ("{", "}"),
        ("box {", "}"),
        ("array[int[8], 1] a = {", "};"),
        ("if (true) x q; else ", "x q;"),
        ("rz(2**", "1) q;"),
        ("rz(float(", "1)) q;"),
        ("x q[{", "}];"),
    ] {
        let inner = open.trim_start_matches("rz(");
        let (head, open) =
            if inner.len() < open.len() { ("rz(", if inner.is_empty() { "(" } else { inner }) } else { ("", open) };
        let (result, time) = timed(&format!("qubit q;\n{head}{}{close}", open.repeat(100_000)));
        let is_deep = matches!(result, Err(Problem::Version3(Problem3::TooDeep { .. }) | Problem::Expected { .. }));
        assert!(is_deep && time < SOON, "{open}: {result:?}");
    }
}

/// Reads on a quarter of the stack that Rust gives its threads.
fn on_a_small_stack(text: String) -> Result<usize, String> {
    let limits = Limits { max_depth: u32::MAX, ..Limits::default() };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        let options = ParseOptions { limits, ..ParseOptions::default() };
        let source = SourceText::new("deep", format!("OPENQASM 3.0;\n{text}"));
        parse(&source, &options).map(|c| c.operations.len()).map_err(|e| e.render())
    });
    thread.unwrap().join().unwrap()
}

#[test]
fn the_deepest_nesting_fits_a_small_stack() {
    let repeated = |open: &str, close: &str, n: usize| format!("{}{}", open.repeat(n), close.repeat(n));
    let expression = format!("{}1{}", "sin(".repeat(240), ")".repeat(240));
    assert_eq!(on_a_small_stack(format!("qubit q;\nrz({expression}) q;")), Ok(1));
    assert_eq!(on_a_small_stack(repeated("for int i in [0:0] {", "}", 240)), Ok(0));
    assert_eq!(on_a_small_stack(repeated("box {", "}", 240)), Ok(0));
    assert_eq!(on_a_small_stack(repeated("switch (1) { case 1 {", "} }", 240)), Ok(0));
    assert_eq!(on_a_small_stack(format!("qubit q; bit b;\n{}x q;", "if (b == 1) ".repeat(240))), Ok(1));
    // Bodies that call bodies: each takes two levels, one of its own and one of its statement.
    let gates: String = (1..120).map(|i| format!("gate g{i}(t) a {{ g{}(t) a; }}\n", i - 1)).collect();
    let expression = format!("{}1{}", "(".repeat(240), ")".repeat(240));
    let text = format!("gate g0(t) a {{ rz(t) a; }}\n{gates}qubit q;\nctrl @ g119({expression}) q, $0;");
    assert!(on_a_small_stack(text).unwrap_err().contains("one program"));
    let text = format!("gate g0(t) a {{ rz(t + {expression}) a; }}\n{gates}qubit[2] q;\nctrl @ g119(1) q[0], q[1];");
    assert_eq!(on_a_small_stack(text), Ok(1));
    let defs: String = (1..120).map(|i| format!("def f{i}(qubit a) -> bit {{ return f{}(a); }}\n", i - 1)).collect();
    let text = format!("def f0(qubit a) -> bit {{ return measure a; }}\n{defs}qubit q;\nbit b = f119(q);");
    assert_eq!(on_a_small_stack(text), Ok(1));
    // Expressions that call subroutines whose expressions call others.
    let signs = "- ".repeat(184);
    let defs: String =
        (1..95).map(|i| format!("def f{i}(int x) -> int {{ return {signs}f{}(x); }}\n", i - 1)).collect();
    let text = format!("def f0(int x) -> int {{ return x; }}\n{defs}int y = f94(1);");
    assert!(on_a_small_stack(text).unwrap_err().contains("nested more than 250 deep"));
    let defs: String = (1..80).map(|i| format!("def f{i}(int x) -> int {{ return f{}(x); }}\n", i - 1)).collect();
    let text = format!("def f0(int x) -> int {{ return x; }}\n{defs}qubit q;\nrz(f79(1)) q;");
    assert_eq!(on_a_small_stack(text), Ok(1));
    // The same from the index of a wire.
    let next = |i| format!("def f{i}(qubit[2] q) -> int {{ let w = q[{signs}f{}(q)]; return 0; }}\n", i - 1);
    let text = format!("def f0(qubit[2] q) -> int {{ return 0; }}\n{}", (1..95).map(next).collect::<String>());
    let text = format!("{text}qubit[2] q;\nint y = f94(q);");
    assert!(on_a_small_stack(text).unwrap_err().contains("nested more than 250 deep"));
}
