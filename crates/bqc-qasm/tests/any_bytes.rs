//! No input panics, hangs or grows without bound: the fuzz target's function over the committed corpus
//! and deterministic mutations of it, and sources made to be expensive.

mod mutations;

use bqc_linalg::Stream;
use bqc_qasm::{Limits, ParseOptions, Problem, SourceText, fuzz, parse};
use mutations::{below, corpus, mutant};
use std::time::{Duration, Instant};

/// Mutations per run: a second or two.
const N_MUTATIONS: u64 = 30_000;
/// Pieces that mutations insert: every token, and the edges of numbers.
const PIECES: [&str; 44] = [
    "OPENQASM 2.0;",
    "include \"qelib1.inc\";",
    "qreg q[2];",
    "creg c[2];",
    "gate g(t) a,b {",
    "}",
    "opaque o(x) y;",
    "barrier ",
    "measure q -> c;",
    "reset q;",
    "if(c==1) ",
    "h q;",
    "cx q[0],q[1];",
    "ecr q[1],q[0];",
    "g(1) q[0],q[1];",
    ";",
    ",",
    "(",
    ")",
    "[",
    "]",
    "{",
    "->",
    "==",
    "+",
    "-",
    "*",
    "/",
    "^",
    "pi",
    "sin(",
    "sqrt(",
    "1e-5",
    "5.",
    ".5",
    "0",
    "1e308",
    "99999999999999999999",
    "\"",
    "//",
    "\n",
    "\r\n",
    "\u{feff}",
    "π",
];

#[test]
fn the_corpus_and_its_mutations_are_read_or_refused() {
    let corpus = corpus("corpus");
    let n_seeds_read = corpus.iter().filter(|bytes| fuzz::read(bytes)).count();
    assert!((30..corpus.len() - 30).contains(&n_seeds_read), "{n_seeds_read} seeds were readable");
    let mut n_read = 0;
    for i in 0..N_MUTATIONS {
        n_read += u64::from(fuzz::read(&mutant(&corpus, &PIECES, &mut Stream::new(0, i, 0), i)));
    }
    // Mutants that are all refused at their first byte would test nothing.
    assert!((N_MUTATIONS / 40..N_MUTATIONS).contains(&n_read), "{n_read} of {N_MUTATIONS} were readable");
}

#[test]
fn bytes_without_any_structure_are_refused() {
    let mut stream = Stream::new(1, 0, 0);
    for length in 0..400 {
        let bytes: Vec<u8> = (0..length).map(|_| below(&mut stream, 256) as u8).collect();
        fuzz::read(&bytes);
    }
}

/// Parses within default limits and says what came out and how long it took.
fn timed(text: String) -> (Result<usize, Problem>, Duration) {
    let start = Instant::now();
    let source = SourceText::new("expensive", text);
    let result = parse(&source, &ParseOptions::default());
    (result.map(|c| c.operations.len()).map_err(|e| e.problem().clone()), start.elapsed())
}

/// Generous: a loaded machine must not fail the test, an exponential source must.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn expensive_sources_end_soon() {
    let doubling = |first: &str| {
        let next = |i| format!("gate g{i} a {{ g{} a; g{} a; }}\n", i - 1, i - 1);
        format!("{first}{}qreg q[1];\ng89 q[0];\n", (1..90).map(next).collect::<String>())
    };
    let (result, time) = timed(doubling("gate g0 a { x a; }\n"));
    assert!(matches!(result, Err(Problem::TooManyOperations { operations: u64::MAX, .. })) && time < SOON);
    let (result, time) = timed(doubling("gate g0 a { }\n"));
    assert!(result == Ok(0) && time < SOON);

    // A long expression, applied to many wires.
    let terms = vec!["t"; 50_000].join("+");
    let (result, time) = timed(format!("gate g(t) a {{ rz({terms}) a; }}\nqreg q[900000];\ng(1) q;\n"));
    assert!(matches!(result, Err(Problem::TooManySteps { .. })) && time < SOON, "{result:?}");

    // Many wires and parameters, each looked up by name.
    let names = |letter, n: usize| (0..n).map(|i| format!("{letter}{i}")).collect::<Vec<_>>().join(",");
    let calls: String = (0..30_000).map(|i| format!("rz(p{i}) w{i};")).collect();
    let text = format!("gate g({}) {} {{ {calls} }}\n", names('p', 30_000), names('w', 30_000));
    let (result, time) = timed(text);
    assert!(result == Ok(0) && time < SOON, "{result:?}");

    // Barriers over everything, again and again.
    let (result, time) = timed(format!("qreg q[1000000];\n{}", "barrier q;\n".repeat(100_000)));
    assert!(matches!(result, Err(Problem::TooManyOperations { .. })) && time < SOON);

    // Depth in every form, far beyond the limits.
    for (open, close) in [("(", ")"), ("-", ""), ("sin(", ")"), ("2^", ""), ("(-", ")")] {
        let (open, close) = (open.repeat(100_000), close.repeat(100_000));
        let (result, time) = timed(format!("qreg q[1];\nrz({open}1{close}) q[0];\n"));
        assert!(matches!(result, Err(Problem::TooDeep { .. })) && time < SOON, "{result:?}");
    }

    // Many definitions, then a name that none of them has.
    let definitions: String = (0..100_000).map(|i| format!("gate gate_{i} a {{ x a; }}\n")).collect();
    let (result, time) = timed(format!("{definitions}qreg q[1];\ngaet_77 q[0];\n"));
    assert!(matches!(result, Err(Problem::UnknownGate { near: Some(_), .. })) && time < SOON);

    // Opaque gates ask for their line.
    let (result, time) = timed(format!("opaque o a;\nqreg q[1];\n{}", "o q[0];\n".repeat(300_000)));
    assert!(result == Ok(300_000) && time < SOON, "{result:?} {time:?}");
}

#[test]
fn the_deepest_nesting_that_any_setting_allows_fits_a_small_stack() {
    let depth = Limits::DEPTH_CEILING as usize;
    let limits = Limits { max_depth: u32::MAX, ..Limits::default() };
    let nested = format!("{}1{}", "sin(".repeat(depth / 2 - 1), ")".repeat(depth / 2 - 1));
    let gates: String = (1..depth).map(|i| format!("gate g{i}(t) a {{ g{}(t) a; }}\n", i - 1)).collect();
    let text = format!("gate g0(t) a {{ rz(t) a; }}\n{gates}qreg q[1];\ng{}({nested}) q[0];\n", depth - 1);
    // A quarter of the stack that Rust gives its threads.
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(move || {
        let options = ParseOptions { limits, ..ParseOptions::default() };
        parse(&SourceText::new("deep", text), &options).map(|c| c.operations.len()).map_err(|e| e.render())
    });
    assert_eq!(thread.unwrap().join().unwrap(), Ok(1));
}
