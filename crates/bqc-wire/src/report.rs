//! `bqc.report/2`: what a compile did, as `--report` writes it.

use crate::Document;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use std::collections::BTreeMap;

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `bqc.report/2`.
    pub schema: String,
    /// Version of bqc that wrote it.
    pub version: String,
    /// How the run ended.
    pub status: Status,
    /// The circuit as it was read.
    pub input: CircuitFigures,
    /// The circuit as it was written.
    pub output: CircuitFigures,
    /// Pairs of qubits that gates join; left out of reports that are older than it.
    #[serde(default)]
    pub pairs: PairFigures,
    /// The qubits that the output leaves on another wire; `null`, or left out, unless it may. Qubits that are measured
    /// at the end are left out: their measurements follow them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_permutation: Option<Vec<MovedQubit>>,
    /// Largest possible phase distance of output and input, in `[0, 1]`, with the qubits back on their wires: the sum of the verified
    /// distances of all blocks and of all one-qubit merges, over all passes.
    pub error_bound: f64,
    /// Whether algebra proves that output and input are exactly equal: the error bound is zero, not nearly zero. Only in
    /// reports of runs that keep the input's angles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_exactly_equal: Option<bool>,
    /// Comparison of the whole circuits, where they are small enough.
    pub whole_check: WholeCheck,
    /// In words, what the verifier refused of what bqc itself had made of the whole circuit. Each time the circuit
    /// before it stayed. Left out where there is nothing, which is always unless bqc made a mistake.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// Number of passes that were begun.
    pub passes: u32,
    /// How the blocks ended, over all passes.
    pub blocks: BlockTotals,
    /// Seconds from the start of the command to the writing of this report.
    pub wall_seconds: f64,
    /// User and system time of all threads, those of worker processes included, in seconds; `null` where the
    /// system does not tell.
    pub cpu_seconds: Option<f64>,
    /// Largest resident memory of this process in bytes, without its workers; `null` where the system does not
    /// tell.
    pub peak_rss_bytes: Option<u64>,
    /// Seed of every random choice. Integers above 2^53 need a JSON reader with 64-bit integers.
    pub seed: u64,
    /// The engine that did the arithmetic, as it names itself.
    pub engine: String,
    /// The resolved settings.
    pub settings: SettingsRecord,
    /// What the worker processes went through; `null` if this process did all by itself.
    pub workers: Option<WorkerTotals>,
    /// What was known before the run.
    #[serde(default)]
    pub known: KnownTotals,
    /// One record per block and pass, ordered by pass and then by position in the circuit.
    pub block_records: Vec<BlockRecord>,
}

impl Document for Report {
    const SCHEMA: &'static str = "bqc.report/2";
}

/// Pairs of qubits that gates join; a gate on more qubits joins each two of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairFigures {
    /// Pairs in the input as it was read.
    pub input: u64,
    /// Pairs in the output.
    pub output: u64,
    /// Those of the output that the input does not have, as `0-2`, with qubits numbered over all registers.
    pub new: Vec<String>,
}

/// A qubit of the input that ends on another wire. Both are numbered over all registers, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedQubit {
    /// The qubit of the input.
    pub qubit: u32,
    /// The wire of the output that holds it at the end.
    pub wire: u32,
}

/// What a pool of worker processes went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerTotals {
    /// Processes that were started.
    pub started: u64,
    /// Processes that were given up: they ended, hung, failed at a block, or answered wrongly.
    pub lost: u64,
    /// Blocks that were rebuilt by this process because no worker could be started, or came so far as to take
    /// one.
    pub in_process: u64,
    /// Results that were taken although they were cut short, because their workers took too long; what the time
    /// limit or a signal cuts short is not among them.
    #[serde(default)]
    pub cut_short: u64,
    /// Results in whose making the CPU stood in for a GPU.
    #[serde(default)]
    pub substituted: u64,
}

/// Results that a journal or a cache had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownTotals {
    /// Taken, after they were checked again.
    pub taken: u64,
    /// Not what they said they were: their blocks were rebuilt.
    pub refused: u64,
}

/// How a run ended. Only the last one means that the output is the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All passes were made.
    Complete,
    /// The time limit came first; the output is the best circuit until then.
    TimeLimit,
    /// A signal came first; the output is the best circuit until then.
    Interrupted,
    /// The whole-circuit check failed, which is a fault of bqc; the output is the input.
    InternalDifference,
}

/// Size of one circuit, after translation to {CX, U3} unless `pulses` is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitFigures {
    /// Where it was read from or written to; `-` is standard input or output.
    pub path: String,
    /// Number of wires.
    pub qubits: u64,
    /// `two_qubit_gates` + `one_qubit_gates`.
    pub gates: u64,
    /// CX gates, or the two-qubit gates of the set.
    pub two_qubit_gates: u64,
    /// U3 gates, or the one-qubit gates of the set.
    pub one_qubit_gates: u64,
    /// Longest chain of operations that depend on each other, barriers not counted. In the gates of a set: of gates, and a
    /// rotation about Z takes no step.
    pub depth: u64,
    /// The same with two-qubit gates alone counted. 0 in reports that are older than it.
    #[serde(default)]
    pub two_qubit_depth: u64,
    /// Rotations by angles that are no multiples of π/2: the T gates of a circuit over Clifford and T. Only in reports of
    /// runs that keep the input's angles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotations: Option<u64>,
    /// One-qubit gates that a machine does by a pulse. Only of the output of runs with another gate set than {CX, U3},
    /// whose figures are those of the gates as written: `one_qubit_gates` is `pulses` + `virtual_rz`, and `depth` counts
    /// gates that take time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulses: Option<u64>,
    /// One-qubit gates that are rotations about Z, which a machine does by the phase of later pulses. Where `pulses` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_rz: Option<u64>,
}

/// Result of the comparison of whole circuits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WholeCheck {
    /// What was compared.
    pub method: CheckMethod,
    /// Phase distance that was found, `null` if nothing was compared.
    pub distance: Option<f64>,
    /// In words, how it contradicts the error bound; `null` unless bqc made a mistake.
    pub difference: Option<String>,
    /// In words, why nothing was compared; left out if something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

/// How whole circuits were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckMethod {
    /// On all basis states.
    Exact,
    /// On random states: a lower estimate of the distance that misses no gross error.
    RandomStates,
    /// On random states through random outcomes of measurements, resets and conditions.
    RandomBranches,
    /// By Pauli forms that cancel: an upper bound.
    Paulis,
    /// By algebra: they are exactly equal.
    Algebra,
    /// By sums over paths that become that of the identity: an upper bound.
    PathSums,
    /// Not at all: too many wires.
    None,
}

/// How many blocks ended how, over all passes. `total = improved + unchanged + failed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockTotals {
    /// All blocks.
    pub total: u64,
    /// Blocks that are better than before by the run's objective.
    pub improved: u64,
    /// Blocks that are no better than before, because nothing better was found or time ran out.
    pub unchanged: u64,
    /// Blocks that kept their gates because of a fault.
    pub failed: u64,
}

/// The settings a run was made with, after all defaults were filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingsRecord {
    /// How long a search goes on; `null` for deletion.
    pub effort: Option<String>,
    /// Threads, or worker processes of one thread each.
    pub threads: u64,
    /// `null` without a limit.
    pub time_limit_seconds: Option<f64>,
    /// Every setting that decides the output, by its name in plans: `flow`, `rounds`, `solver`, `objective`,
    /// `block_size`, `max_block_cx`, `max_passes` (4294967295 without a limit), `exact_passes`, `patience`, `min_gain`,
    /// `restarts`, `permute_output` (yes or no), `starts`, `epsilon`, `epsilon_total`, `seed`, and `gates` if they are not the
    /// default. Numbers are numbers.
    #[serde(flatten)]
    pub deciding: BTreeMap<String, Value>,
}

impl SettingsRecord {
    /// With the names and texts of the settings that decide the output.
    pub fn new(
        pairs: impl IntoIterator<Item = (&'static str, String)>,
        effort: Option<&str>,
        threads: u64,
        time_limit_seconds: Option<f64>,
    ) -> SettingsRecord {
        // What JSON reads as a number is one; all else is text.
        let value = |text: String| match serde_json::from_str::<Number>(&text) {
            Ok(number) => Value::Number(number),
            Err(_) => Value::String(text),
        };
        let deciding = pairs.into_iter().map(|(name, text)| (name.to_owned(), value(text))).collect();
        SettingsRecord { effort: effort.map(str::to_owned), threads, time_limit_seconds, deciding }
    }
}

/// What became of one block in one pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockRecord {
    /// Pass, from 0.
    pub pass: u32,
    /// Position among the blocks of its pass, from 0.
    pub block: u32,
    /// The circuit's wires, in the order of the block's own.
    pub wires: Vec<u32>,
    /// Gates before.
    pub before: BlockGates,
    /// Gates after.
    pub after: BlockGates,
    /// Largest phase distance of before and after, recomputed from the angles as they are written out: of the block
    /// as a whole up to eight wires, above that the sum over the pieces that were replaced one after another.
    pub distance: f64,
    /// Calls of the solver.
    pub instantiations: u64,
    /// When its first thread took it, in seconds from the start of the command.
    #[serde(default)]
    pub start_seconds: f64,
    /// Wall-clock seconds that threads spent on it, or on waiting for its workers.
    pub seconds: f64,
    /// Process id of the worker whose result it is; `null` if this process has made it or known it.
    pub worker: Option<u32>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it ended so, in words.
    pub reason: String,
}

/// Gate counts of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockGates {
    /// CX gates.
    pub two_qubit_gates: u64,
    /// U3 gates.
    pub one_qubit_gates: u64,
}

/// How a block ended. Segments and frames hold it by its place here, which never changes, and reports by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is better now by the run's objective, or has fewer gates by an approximation.
    Improved,
    /// It kept its gates, or has others that are no better.
    Unchanged,
    /// It kept its gates because of a fault that `reason` names.
    Failed,
}

impl BlockTotals {
    /// Adds other counts to these.
    pub fn add(&mut self, other: &BlockTotals) {
        let BlockTotals { total, improved, unchanged, failed } = *other;
        self.total += total;
        self.improved += improved;
        self.unchanged += unchanged;
        self.failed += failed;
    }

    /// Counts the outcomes of `records`.
    pub fn of(records: &[BlockRecord]) -> BlockTotals {
        let count = |outcome| records.iter().filter(|r| r.outcome == outcome).count() as u64;
        BlockTotals {
            total: records.len() as u64,
            improved: count(Outcome::Improved),
            unchanged: count(Outcome::Unchanged),
            failed: count(Outcome::Failed),
        }
    }
}
