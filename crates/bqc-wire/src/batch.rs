//! `bqc.batch/1`: what became of one circuit of many, as `bqc batch` keeps it beside the circuit, and the
//! table of all of them in three formats.

use crate::{Document, Report, Status};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// What became of one circuit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchRecord {
    /// `bqc.batch/1`.
    pub schema: String,
    /// Version of bqc that wrote it.
    pub version: String,
    /// The circuit's path as it was given.
    pub input: String,
    /// SHA-256 of the circuit as it was understood, of all that decides the output, and of the version;
    /// hexadecimal. `null` if the circuit could not be read.
    pub plan: Option<String>,
    /// How far it came.
    pub outcome: BatchOutcome,
    /// Why it came no further, or what its reader must know.
    pub error: Option<String>,
    /// SHA-256 of the circuit that was written, hexadecimal; `null` if there is none.
    pub output_sha256: Option<String>,
    /// Sizes and times; `null` if no circuit was written.
    pub figures: Option<BatchFigures>,
}

impl Document for BatchRecord {
    const SCHEMA: &'static str = "bqc.batch/1";
}

/// How far a circuit came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchOutcome {
    /// All was done.
    Complete,
    /// Its own time limit came first: as complete as was asked for.
    TimeLimit,
    /// All was done, but some blocks kept their gates because of a fault. The next batch tries these again.
    Degraded,
    /// A signal or the end of the batch came first: the next batch goes on with it.
    Unfinished,
    /// It cannot be compiled, for the reason in `error`.
    Refused,
}

/// Gates before and after, in {CX, U3}.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchFigures {
    /// Number of wires.
    pub qubits: u64,
    /// CX gates as read.
    pub two_qubit_gates_before: u64,
    /// CX gates as written.
    pub two_qubit_gates_after: u64,
    /// U3 gates as read.
    pub one_qubit_gates_before: u64,
    /// U3 gates as written.
    pub one_qubit_gates_after: u64,
    /// Depth as read.
    pub depth_before: u64,
    /// Depth as written.
    pub depth_after: u64,
    /// Largest possible phase distance of output and input.
    pub error_bound: f64,
    /// Seconds on the clock, of all runs that ended by themselves; what a killed one had spent is not in it.
    pub wall_seconds: f64,
    /// Worker processes that were lost.
    pub workers_lost: u64,
}

impl BatchFigures {
    /// Those of a report, `earlier_seconds` after the first start.
    pub fn of(report: &Report, earlier_seconds: f64) -> BatchFigures {
        BatchFigures {
            qubits: report.input.qubits,
            two_qubit_gates_before: report.input.two_qubit_gates,
            two_qubit_gates_after: report.output.two_qubit_gates,
            one_qubit_gates_before: report.input.one_qubit_gates,
            one_qubit_gates_after: report.output.one_qubit_gates,
            depth_before: report.input.depth,
            depth_after: report.output.depth,
            error_bound: report.error_bound,
            wall_seconds: earlier_seconds + report.wall_seconds,
            workers_lost: report.workers.map_or(0, |workers| workers.lost),
        }
    }
}

impl BatchRecord {
    /// The record of a circuit that cannot be compiled.
    pub fn refused(input: String, plan: Option<String>, error: String) -> BatchRecord {
        let (schema, version) = (BatchRecord::SCHEMA.into(), env!("CARGO_PKG_VERSION").into());
        let outcome = BatchOutcome::Refused;
        BatchRecord { schema, version, input, plan, outcome, error: Some(error), output_sha256: None, figures: None }
    }

    /// The record of a compile. `outcome` says what the report cannot know: whose time limit it was.
    pub fn of(
        input: String,
        plan: String,
        outcome: BatchOutcome,
        output: &[u8],
        figures: BatchFigures,
        report: &Report,
    ) -> BatchRecord {
        let n_failed = report.blocks.failed;
        let error = match report.status {
            Status::InternalDifference => report.whole_check.difference.clone(),
            _ if n_failed > 0 => {
                Some(format!("{n_failed} blocks kept their gates because of a fault; the report names them"))
            }
            _ => None,
        };
        BatchRecord {
            schema: BatchRecord::SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            input,
            plan: Some(plan),
            outcome,
            error,
            output_sha256: Some(content_hash(output)),
            figures: Some(figures),
        }
    }
}

/// SHA-256 in hexadecimal.
pub fn content_hash(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Two digits for each byte.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchRow {
    /// The name of the circuit's files.
    pub name: String,
    /// Its path as it was given.
    pub input: String,
    /// How far it is.
    pub state: RowState,
    /// Why it is no further.
    pub error: Option<String>,
    /// Sizes and times, if there are any.
    pub figures: Option<BatchFigures>,
}

/// How far the circuit of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowState {
    /// As its record says.
    Recorded(BatchOutcome),
    /// It has no record: nobody has come to it.
    Missing,
    /// The circuit that was written is not there any more, or is another one.
    Changed,
}

impl RowState {
    /// Whether a batch has something to do here.
    pub fn is_left(self) -> bool {
        matches!(self, RowState::Missing | RowState::Changed | RowState::Recorded(BatchOutcome::Unfinished))
    }

    fn name(self) -> &'static str {
        match self {
            RowState::Recorded(BatchOutcome::Complete) => "complete",
            RowState::Recorded(BatchOutcome::TimeLimit) => "time limit",
            RowState::Recorded(BatchOutcome::Degraded) => "degraded",
            RowState::Recorded(BatchOutcome::Unfinished) => "unfinished",
            RowState::Recorded(BatchOutcome::Refused) => "refused",
            RowState::Missing => "missing",
            RowState::Changed => "output changed",
        }
    }
}

const COLUMNS: [&str; 14] = [
    "name",
    "state",
    "qubits",
    "cx_before",
    "cx_after",
    "u3_before",
    "u3_after",
    "depth_before",
    "depth_after",
    "error_bound",
    "seconds",
    "workers_lost",
    "error",
    "input",
];
/// Columns of numbers, which stand to the right.
const NUMBERS: std::ops::Range<usize> = 2..12;

impl BatchRow {
    /// What stands in its columns.
    fn cells(&self) -> [String; COLUMNS.len()] {
        let mut cells: [String; COLUMNS.len()] = Default::default();
        cells[0].clone_from(&self.name);
        cells[1] = self.state.name().into();
        if let Some(f) = &self.figures {
            let counts = [
                f.qubits,
                f.two_qubit_gates_before,
                f.two_qubit_gates_after,
                f.one_qubit_gates_before,
                f.one_qubit_gates_after,
                f.depth_before,
                f.depth_after,
            ];
            for (cell, count) in cells[NUMBERS].iter_mut().zip(counts) {
                *cell = count.to_string();
            }
            cells[9] = format!("{:.1e}", f.error_bound);
            cells[10] = format!("{:.2}", f.wall_seconds);
            cells[11] = f.workers_lost.to_string();
        }
        cells[12] = self.error.clone().unwrap_or_default();
        cells[13].clone_from(&self.input);
        cells
    }
}

/// In words, how many of how many are done.
pub fn batch_totals(rows: &[BatchRow]) -> String {
    let count = |is: &dyn Fn(RowState) -> bool| rows.iter().filter(|row| is(row.state)).count();
    let n_refused = count(&|state| state == RowState::Recorded(BatchOutcome::Refused));
    let n_left = count(&RowState::is_left);
    let sum = |of: fn(&BatchFigures) -> u64| rows.iter().filter_map(|row| row.figures.as_ref()).map(of).sum::<u64>();
    format!(
        "{} circuits: {} done, {n_refused} refused, {n_left} left to do; two-qubit gates {} → {}",
        rows.len(),
        rows.len() - n_refused - n_left,
        sum(|f| f.two_qubit_gates_before),
        sum(|f| f.two_qubit_gates_after),
    )
}

/// Comma-separated values as in RFC 4180, one line of names first.
pub fn batch_csv(rows: &[BatchRow]) -> String {
    let quoted = |cell: &str| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    };
    let line = |cells: &[String]| cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\n";
    let head = COLUMNS.map(String::from);
    std::iter::once(line(&head)).chain(rows.iter().map(|row| line(&row.cells()))).collect()
}

/// A Markdown table, the totals below it.
pub fn batch_markdown(rows: &[BatchRow]) -> String {
    let escaped = |cell: &str| cell.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ");
    let line =
        |cells: &[String]| format!("| {} |\n", cells.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" | "));
    let rule = (0..COLUMNS.len()).map(|i| if NUMBERS.contains(&i) { "---:" } else { "---" }.to_owned());
    let mut text = line(&COLUMNS.map(|name| name.replace('_', " ")));
    text += &line(&rule.collect::<Vec<_>>());
    text.extend(rows.iter().map(|row| line(&row.cells())));
    format!("{text}\n{}\n", batch_totals(rows))
}

/// A page that needs nothing from anywhere else.
pub fn batch_html(rows: &[BatchRow]) -> String {
    let escaped =
        |cell: &str| cell.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let line = |cells: &[String], tag: &str| {
        let cell = |(i, cell): (usize, &String)| {
            let class = if NUMBERS.contains(&i) { " class=\"n\"" } else { "" };
            format!("<{tag}{class}>{}</{tag}>", escaped(cell))
        };
        format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>())
    };
    let mut text = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>bqc batch</title>\n<style>\n\
         body { font-family: sans-serif } table { border-collapse: collapse }\n\
         td, th { border-bottom: 1px solid #ccc; padding: 0.2em 0.6em; text-align: left } .n { text-align: right }\n\
         </style></head><body>\n",
    );
    // Writing to a string cannot fail.
    let _ = writeln!(text, "<p>{}</p>\n<table>", escaped(&batch_totals(rows)));
    text += &line(&COLUMNS.map(|name| name.replace('_', " ")), "th");
    text.extend(rows.iter().map(|row| line(&row.cells(), "td")));
    text + "</table>\n</body></html>\n"
}
