//! Walks on the path sum of an OpenQASM 2 circuit without directives, and writes what it found.
//!
//!     cargo run --release -p bqc-rewrite --example pathsum_walk -- IN.qasm [budget 10] [seed 1] [kind all] [OUT.qasm]
//!
//! `budget` is in seconds, or with an M behind it in millions of proposals. `kind` is `all`, `parities`, `toffolis`,
//! `small`, or `bare`, which tries neither sources nor controlled signs; `/3` behind it asks for three cycles. Prints the two-qubit
//! counts, millions of proposals a second, and on up to eight wires the distance from the input.

use bqc_circuit::{BlockCircuit, BlockQubit, Circuit, Item, Lowered, Operation, Qubit, Sequence, Wire};
use bqc_qasm::{ParseOptions, SourceText, parse, write};
use bqc_rewrite::pathsum::{Cycle, Settings, Walk};
use std::time::Instant;

/// Proposals between two looks at the clock.
const BOUT: u64 = 20_000;

fn read(path: &str) -> BlockCircuit {
    let text = std::fs::read_to_string(path).expect("the input file");
    let circuit = parse(&SourceText::new(path, text), &ParseOptions::default()).expect("OpenQASM 2");
    let lowered = Lowered::of(&circuit);
    let mut block = BlockCircuit::new(lowered.n_wires().try_into().expect("not too many wires"));
    for index in 0..lowered.len() {
        // Barriers and final measurements do not matter to this.
        if let Item::Gate(gate) = lowered.item(index) {
            block.gates.push(gate.map(|wire: Qubit| BlockQubit::at(wire.index())));
        }
    }
    block
}

fn settings(kind: &str) -> Settings {
    let (kind, n_cycles) = kind.split_once('/').unwrap_or((kind, "6"));
    let cycles = match kind {
        "all" => Settings::default().cycles,
        "parities" => vec![Cycle::PARITIES],
        "toffolis" => vec![Cycle::TOFFOLIS],
        "small" => vec![Cycle::SMALL],
        "bare" => vec![Cycle { source_share: 0, gauge_share: 0, split_share: 0, ..Cycle::PARITIES }],
        _ => panic!("kind is all, parities, toffolis, small or bare"),
    };
    Settings { n_cycles: n_cycles.parse().expect("a number of cycles"), cycles }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let arg = |k: usize, default: &str| args.get(k).map_or(default.to_string(), String::clone);
    let budget = arg(2, "10");
    let millions = budget.strip_suffix('M').map(|millions| millions.parse::<f64>().expect("millions of proposals"));
    let seconds: f64 = if millions.is_some() { 0.0 } else { budget.parse().expect("seconds") };
    let seed: u64 = arg(3, "1").parse().expect("a seed");
    let input = read(&arg(1, "in.qasm"));
    let mut walk = Walk::new(&input, settings(&arg(4, "all")), seed).expect("a circuit with two CX");
    let start = Instant::now();
    let (mut n_proposals, mut elapsed, mut progress) = (0, 0.0, 0.0);
    while progress < 1.0 {
        walk.run(BOUT, progress);
        n_proposals += BOUT;
        elapsed = start.elapsed().as_secs_f64();
        progress = millions.map_or(elapsed / seconds, |millions| n_proposals as f64 / 1e6 / millions);
    }
    let output = walk.best();
    let distance = (input.n_wires() <= 8).then(|| bqc_verify::block_distance(&input, &output));
    let distance = match distance {
        Some(Ok(distance)) => format!("{distance:.1e}"),
        Some(Err(e)) => e.to_string(),
        None => "not measured".into(),
    };
    println!(
        "{} {} CX -> {}, {:.1} M proposals/s, distance {distance}",
        args[1].rsplit('/').next().unwrap_or_default(),
        input.n_cx(),
        output.n_cx(),
        n_proposals as f64 / elapsed / 1e6
    );
    if let Some(path) = args.get(5) {
        let wires: Vec<Qubit> = (0..output.n_wires()).map(Qubit::at).collect();
        let mut circuit = Circuit::with_qubits(output.n_wires() as u32);
        circuit.operations.extend(output.on(&wires).map(|gate| Operation::Gate(gate.to_call())));
        let mut text = Vec::new();
        write(&circuit, &mut text).expect("a circuit of gates is written");
        std::fs::write(path, text).expect("the output file");
    }
}
