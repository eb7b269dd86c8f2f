//! Statements per second of reading and writing, beside the goal and the `openqasm` crate.
//!
//! `cargo run --release -p bqc-qasm --example parse_speed -- FILE…`
//! Each figure is the best and the median of eleven runs on one thread. Statements are `;` outside
//! comments. The crate's figure is its parser and type check with its own `qelib1.inc`, without the
//! evaluation of angles and the inlining that ours includes.

use bqc_qasm::{ParseOptions, SourceText, parse, write};
use std::hint::black_box;
use std::time::Instant;

/// What the reader must reach, in statements per second.
const GOAL: f64 = 2e6;
const RUNS: usize = 11;

fn main() {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: parse_speed FILE.qasm…");
        std::process::exit(2);
    }
    println!("goal: {:.1} M statements/s; each figure is best (median) of {RUNS} runs", GOAL / 1e6);
    for file in files {
        match std::fs::read(&file) {
            Ok(bytes) => measure(&file, bytes),
            Err(error) => eprintln!("{file}: {error}"),
        }
    }
}

fn measure(file: &str, bytes: Vec<u8>) {
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let code = text.lines().map(|line| line.split("//").next().unwrap_or(""));
    let n_statements = code.map(|line| line.matches(';').count()).sum::<usize>() as f64;
    let source = SourceText::new(file, bytes);
    let options = ParseOptions::default();
    let circuit = match parse(&source, &options) {
        Ok(circuit) => circuit,
        Err(diagnostic) => return eprint!("{}", diagnostic.render()),
    };
    println!("{file}: {n_statements} statements, {} operations", circuit.operations.len());
    report("read", n_statements, || drop(black_box(parse(black_box(&source), &options))));
    let mut output = Vec::new();
    report("write", circuit.operations.len() as f64, || {
        output.clear();
        write(black_box(&circuit), &mut output).expect("a Vec takes everything");
    });
    match crate_reads(&text) {
        Ok(()) => report("openqasm crate", n_statements, || black_box(crate_reads(black_box(&text))).unwrap_or(())),
        Err(reason) => println!("  openqasm crate  cannot read it: {}", reason.chars().take(90).collect::<String>()),
    }
}

fn report(what: &str, n: f64, mut run: impl FnMut()) {
    let mut seconds: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let (best, median) = (n / seconds[0] / 1e6, n / seconds[RUNS / 2] / 1e6);
    println!("  {what:<15} {best:7.2} ({median:.2}) M statements/s, {:.2} ms", seconds[0] * 1e3);
}

/// Parses and checks with the crate.
fn crate_reads(text: &str) -> Result<(), String> {
    let mut cache = openqasm::SourceCache::new();
    let mut parser = openqasm::Parser::new(&mut cache);
    parser.parse_source::<String>(text.to_owned(), None);
    let program = parser.done().map_err(|errors| format!("{errors:?}"))?;
    program.type_check().map_err(|errors| format!("{errors:?}"))
}
