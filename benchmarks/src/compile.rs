//! `bqc-bench compile`: what a user gets with default settings, and the figures of gate deletion.

use crate::binary::Binary;
use crate::measure::{Spread, short};
use crate::record::{Column, Csv, Figure, Markdown, tabulate};
use bqc_circuit::{Lowered, Stats};
use bqc_partition::{Options, partition};
use bqc_qasm::{ParseOptions, SourceText};
use bqc_wire::Report;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A block, the block size of the deletion flow, and what it should reach.
struct DeletionGoal {
    circuit: &'static str,
    block_size: u8,
    cx: u64,
    u3: Option<u64>,
    cpu_seconds: f64,
    peer: &'static str,
}

const DELETION_GOALS: [DeletionGoal; 6] = [
    DeletionGoal { circuit: "grover5", block_size: 4, cx: 43, u3: None, cpu_seconds: 0.3, peer: "46 at 25–50 s" },
    DeletionGoal { circuit: "grover5", block_size: 5, cx: 32, u3: None, cpu_seconds: 2.0, peer: "did not finish" },
    DeletionGoal {
        circuit: "adder63_10q_block_28",
        block_size: 3,
        cx: 30,
        u3: Some(46),
        cpu_seconds: 0.3,
        peer: "30 at 8–12 s",
    },
    DeletionGoal {
        circuit: "adder63_10q_block_28",
        block_size: 4,
        cx: 30,
        u3: Some(46),
        cpu_seconds: 0.3,
        peer: "30 at 8–12 s",
    },
    DeletionGoal {
        circuit: "vqe12_10q_block145",
        block_size: 4,
        cx: 38,
        u3: Some(7),
        cpu_seconds: 0.3,
        peer: "38 at 6 s",
    },
    DeletionGoal {
        circuit: "heisenberg64_10q_block_104",
        block_size: 4,
        cx: 18,
        u3: Some(27),
        cpu_seconds: 0.3,
        peer: "18 at 14 s",
    },
];

/// The bound that an identity keeps.
const MOST_BOUND: f64 = 1e-10;

/// Gate deletion on the blocks in `folder`, `repeats` times each.
pub fn deletion(binary: &Binary, folder: &Path, repeats: usize) -> Result<(String, Csv), String> {
    let scratch = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let mut raw = Csv::new(&["circuit", "block_size", "cx", "u3", "cpu_seconds", "wall_seconds", "error_bound"]);
    let mut table = Markdown::new(&[
        "circuit",
        "k",
        "CX/U3 in",
        "CX/U3 out",
        "goal",
        "CPU s (quartiles)",
        "goal CPU s",
        "bound",
        "met",
        "BQSKit",
    ]);
    for goal in &DELETION_GOALS {
        let input = folder.join(format!("{}.qasm", goal.circuit));
        let arguments = ["--flow", "delete", "--block-size", &goal.block_size.to_string()].map(str::to_owned);
        let mut runs = Vec::new();
        for _ in 0..repeats {
            let run = binary.compile(&input, None, &arguments, scratch.path())?;
            let seconds = run.report.cpu_seconds.unwrap_or(f64::NAN);
            raw.push(&[
                goal.circuit.to_owned(),
                goal.block_size.to_string(),
                run.cx().to_string(),
                run.u3().to_string(),
                seconds.to_string(),
                run.wall_seconds.to_string(),
                format!("{:e}", run.report.error_bound),
            ]);
            runs.push((run, seconds));
        }
        let (run, _) = runs.last().ok_or("no repetition")?;
        let seconds = Spread::of(&runs.iter().map(|(_, s)| *s).collect::<Vec<_>>()).ok_or("no repetition")?;
        let (report, counts) = (&run.report, (run.cx(), run.u3()));
        let is_met = counts.0 <= goal.cx
            && goal.u3.is_none_or(|u3| counts.1 <= u3)
            && seconds.median <= goal.cpu_seconds
            && report.error_bound <= MOST_BOUND;
        table.push(&[
            goal.circuit.to_owned(),
            goal.block_size.to_string(),
            format!("{}/{}", report.input.two_qubit_gates, report.input.one_qubit_gates),
            format!("{}/{}", counts.0, counts.1),
            format!("{}/{}", goal.cx, goal.u3.map_or("–".into(), |u| u.to_string())),
            seconds.to_string(),
            short(goal.cpu_seconds),
            format!("{:.1e}", report.error_bound),
            if is_met { "yes" } else { "no" }.into(),
            goal.peer.to_owned(),
        ]);
    }
    Ok((table.text().to_owned(), raw))
}

/// A circuit and how long it is compiled.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file.
    pub path: PathBuf,
    /// Its time limit.
    pub limit: Duration,
}

/// The circuits of `folder` with at most `most_qubits` qubits, by size.
pub fn cases(folder: &Path, most_qubits: usize, limit: Duration) -> Result<Vec<Case>, String> {
    let failed = |e: std::io::Error| format!("cannot read `{}`: {e}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == "qasm") {
            let circuit = read(&path)?;
            if circuit.n_qubits() <= most_qubits {
                found.push((Stats::of(&circuit).n_two_qubit, path));
            }
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| Case { path, limit }).collect())
}

fn read(path: &Path) -> Result<bqc_circuit::Circuit, String> {
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|e| format!("cannot read `{name}`: {e}"))?;
    bqc_qasm::parse(&SourceText::new(&name, bytes), &ParseOptions::default()).map_err(|d| d.render())
}

/// The widest circuits that `bqc verify` compares.
const MOST_QUBITS_VERIFIED: u64 = 20;

/// What became of one case.
struct Compiled {
    name: String,
    limit: Duration,
    report: Report,
    cx_out: u64,
    u3_out: u64,
    wall_seconds: f64,
    verified: String,
}

impl Compiled {
    fn cpu_seconds(&self) -> f64 {
        self.report.cpu_seconds.unwrap_or(f64::NAN)
    }
}

/// The record of [`defaults`].
const COLUMNS: [Column<Compiled>; 14] = {
    use Figure::{Bound, Bytes, Count, Seconds, Text};
    const fn column(raw: &'static str, title: &'static str, figure: fn(&Compiled) -> Figure) -> Column<Compiled> {
        Column { raw, title, figure }
    }
    [
        column("circuit", "circuit", |c| Text(c.name.clone())),
        column("qubits", "qubits", |c| Count(c.report.input.qubits)),
        column("limit_seconds", "limit s", |c| Seconds(c.limit.as_secs_f64())),
        column("cx_in", "CX in", |c| Count(c.report.input.two_qubit_gates)),
        column("u3_in", "U3 in", |c| Count(c.report.input.one_qubit_gates)),
        column("cx_out", "CX out", |c| Count(c.cx_out)),
        column("u3_out", "U3 out", |c| Count(c.u3_out)),
        column("depth_in", "depth in", |c| Count(c.report.input.depth)),
        column("depth_out", "depth out", |c| Count(c.report.output.depth)),
        column("cpu_seconds", "CPU s", |c| Seconds(c.cpu_seconds())),
        column("wall_seconds", "wall s", |c| Seconds(c.wall_seconds)),
        column("peak_rss_bytes", "MiB", |c| Bytes(c.report.peak_rss_bytes.unwrap_or(0))),
        column("error_bound", "bound", |c| Bound(c.report.error_bound)),
        column("verified", "verified: distance (method)", |c| Text(c.verified.clone())),
    ]
};

/// Compiles every case with `arguments` (none are the default settings) and verifies the result in a
/// second process: as a whole where that is possible, above that by the bound alone, and by reading it.
pub fn defaults(
    binary: &Binary,
    cases: &[Case],
    arguments: &[String],
    tell: impl Fn(&str),
) -> Result<(String, Csv), String> {
    let mut rows = Vec::new();
    for case in cases {
        let row = compiled(binary, case, arguments)?;
        let cx_in = row.report.input.two_qubit_gates;
        tell(&format!("{}: {cx_in} → {} CX, {:.1} s, {}", row.name, row.cx_out, row.cpu_seconds(), row.verified));
        rows.push(row);
    }
    let (table, raw) = tabulate(&COLUMNS, &rows);
    Ok((table.text().to_owned(), raw))
}

fn compiled(binary: &Binary, case: &Case, arguments: &[String]) -> Result<Compiled, String> {
    let scratch = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let name = case.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let run = binary.compile(&case.path, Some(case.limit), arguments, scratch.path())?;
    let (cx_out, u3_out, wall_seconds) = (run.cx(), run.u3(), run.wall_seconds);
    if cx_out > run.report.input.two_qubit_gates {
        return Err(format!("{name}: more two-qubit gates than before"));
    }
    let verified = if run.report.input.qubits <= MOST_QUBITS_VERIFIED {
        binary.verify(&case.path, &run.output, run.report.error_bound + MOST_BOUND)?
    } else {
        read(&run.output).map(|_| "bound of the blocks".to_owned())?
    };
    Ok(Compiled { name, limit: case.limit, report: run.report, cx_out, u3_out, wall_seconds, verified })
}

/// Seconds for reading a file, cutting it into blocks and writing it, `repeats` times.
pub fn read_cut_write(path: &Path, repeats: usize) -> Result<Vec<f64>, String> {
    let mut seconds = Vec::new();
    for _ in 0..repeats {
        let start = Instant::now();
        let circuit = Lowered::of(&read(path)?);
        std::hint::black_box(partition(&circuit, &Options::new(4)).map_err(|e| e.to_string())?);
        let mut text = Vec::new();
        bqc_qasm::write(&circuit.to_circuit(), &mut text).map_err(|e| e.to_string())?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(seconds)
}
