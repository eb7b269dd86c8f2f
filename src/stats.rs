//! `bqc stats`: what a circuit consists of, and what a compile would cut it into.

use crate::args::StatsArgs;
use crate::exit::{Exit, Failure};
use crate::gates::gate_set;
use crate::input::{first_offence, parse, read_bytes};
use crate::output::Output;
use crate::progress::say;
use bqc_circuit::{Circuit, Lowered, Stats};
use bqc_native::{Counts, GateSet};
use bqc_partition::{Options, partition};
use bqc_qasm::Diagnostic;
use bqc_wire::{CircuitFigures, Document, GateSetFigures, PartitionPreview, StatsReport};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Prints the figures of one circuit.
pub fn stats(args: &StatsArgs) -> Result<Exit, Failure> {
    let bytes = read_bytes(&args.input)?;
    let set = args.gates.as_deref().map(gate_set).transpose()?;
    let circuit = parse(&args.input, bytes.clone(), &args.read)?;
    let offence = match &set {
        Some(set) => first_offence(&args.input, bytes, &args.read, set)?,
        None => None,
    };
    let stats = Stats::of(&circuit);
    let report = StatsReport {
        schema: StatsReport::SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        circuit: figures(&args.input, &stats),
        two_qubit_depth: stats.two_qubit_depth as u64,
        clbits: stats.n_clbits as u64,
        gates: stats.histogram.iter().map(|(name, n)| (name.clone(), *n as u64)).collect(),
        directives: stats.n_directives as u64,
        partition: preview(&circuit, args.block_size)?,
        gate_set: set.map(|set| gate_set_figures(&circuit, &set, offence.as_deref())),
    };
    let text = if args.json { report.to_json() } else { as_text(&report, &stats.histogram) };
    Output::prepare(Path::new("-"))?.write(|out| out.write_all(text.as_bytes()))?;
    match offence {
        Some(place) => {
            say(place.render().trim_end());
            Ok(Exit::Differs)
        }
        None => Ok(Exit::Complete),
    }
}

fn gate_set_figures(circuit: &Circuit, set: &GateSet, offence: Option<&Diagnostic>) -> GateSetFigures {
    let counts = Counts::of(circuit);
    GateSetFigures {
        name: set.name().into(),
        conforms: offence.is_none(),
        offence: offence.map(ToString::to_string),
        two_qubit_gates: counts.n_two_qubit as u64,
        pulses: counts.n_pulses as u64,
        virtual_rz: counts.n_virtual as u64,
    }
}

/// The sizes of a circuit in the form of the reports.
pub fn figures(path: &Path, stats: &Stats) -> CircuitFigures {
    CircuitFigures {
        path: path.display().to_string(),
        qubits: stats.n_qubits as u64,
        gates: stats.n_gates() as u64,
        two_qubit_gates: stats.n_two_qubit as u64,
        one_qubit_gates: stats.n_one_qubit as u64,
        depth: stats.depth as u64,
        two_qubit_depth: stats.two_qubit_depth as u64,
        rotations: None,
        pulses: None,
        virtual_rz: None,
    }
}

/// The blocks that a first pass would cut.
fn preview(circuit: &Circuit, block_size: u8) -> Result<PartitionPreview, Failure> {
    let partition = partition(&Lowered::of(circuit), &Options::new(block_size.into()))
        .map_err(|reason| Failure::Usage(format!("cannot cut the circuit into blocks: {reason}")))?;
    let mut preview =
        PartitionPreview { block_size, blocks: 0, blocks_by_width: BTreeMap::new(), largest_two_qubit_gates: 0 };
    for block in partition.blocks() {
        preview.blocks += 1;
        *preview.blocks_by_width.entry(block.circuit.width()).or_default() += 1;
        preview.largest_two_qubit_gates = preview.largest_two_qubit_gates.max(block.circuit.n_cx() as u64);
    }
    Ok(preview)
}

fn as_text(report: &StatsReport, histogram: &[(String, usize)]) -> String {
    let circuit = &report.circuit;
    let mut text = String::new();
    let mut row = |name: &str, value: u64| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<18}{value:>12}");
    };
    row("qubits", circuit.qubits);
    row("classical bits", report.clbits);
    row("directives", report.directives);
    row("in CX and U3:", circuit.gates);
    row("  two-qubit gates", circuit.two_qubit_gates);
    row("  one-qubit gates", circuit.one_qubit_gates);
    row("  depth", circuit.depth);
    row("  CX depth", report.two_qubit_depth);
    row("as written:", histogram.iter().map(|(_, n)| *n as u64).sum());
    for (name, n) in histogram {
        row(&format!("  {name}"), *n as u64);
    }
    let preview = &report.partition;
    row(&format!("blocks (k = {}):", preview.block_size), preview.blocks);
    for (width, n) in &preview.blocks_by_width {
        row(&format!("  {width} wide"), *n);
    }
    row("  most CX in one", preview.largest_two_qubit_gates);
    if let Some(set) = &report.gate_set {
        row("as written:", set.two_qubit_gates + set.pulses + set.virtual_rz);
        row("  two-qubit gates", set.two_qubit_gates);
        row("  pulses", set.pulses);
        row("  rz, virtual", set.virtual_rz);
        let words = if set.conforms { "all gates are in" } else { "some gates are not in" };
        let _ = writeln!(text, "{words} {}", set.name);
    }
    text
}
