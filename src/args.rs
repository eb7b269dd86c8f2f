//! The command line as it is typed. Everything here is raw: defaults that depend on the machine, and
//! rules between options, are resolved by each command.

mod batch;
mod cluster;
mod gpu;
mod later;
mod slurm_script;

pub use batch::{BatchArgs, Shard, TableArg};
pub use cluster::{MergeArgs, PlanArgs, StatusArgs, WorkArgs};
pub use gpu::{GpuArgs, GpusArg, MpsArg, PerGpuArg};
#[cfg(unix)]
pub use gpu::{MpsGuardArgs, PlaceArgs};
use later::Later;
pub use slurm_script::{ArrayScriptArgs, JobArgs, MultiNodeScriptArgs, SlurmScriptArgs, SlurmScriptKind};

use crate::check::CheckArg;
use bqc_compiler::Effort;
use bqc_instantiate::Solver;
use bqc_optimize::Objective;
use bqc_qasm::Limits;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

const EXIT_CODES: &str = "\
Exit codes:
  0   complete, or the time limit was reached and the best circuit was written
  1   verify: the circuits differ by more than --epsilon, or the proof does not hold.
      stats --gates: the circuit has a gate that is not in the set
  2   wrong usage, unreadable input, or an output that cannot be written. batch: some inputs are unusable or
      have no place for their results, all others are done
  3   complete, but some blocks, or the circuit before a pass, were kept because of a fault
  75  interrupted by a signal; the best circuit so far was written. batch, work, merge: something is left to
      do; the same command, or `bqc work`, goes on with it";

/// A quantum circuit compiler: fewer two-qubit gates, with an error bound that was recomputed
/// independently.
#[derive(Parser)]
#[command(name = "bqc", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Rewrite a circuit with fewer two-qubit gates
    #[command(after_help = format!("{}\n\n{EXIT_CODES}", crate::gates::help()))]
    Compile(Later<CompileArgs>),
    /// Rewrite many circuits, each task of a Slurm array its share; or tell how far they are
    #[command(after_help = EXIT_CODES)]
    Batch(Later<BatchArgs>),
    /// Print a job script for Slurm
    SlurmScript(Later<SlurmScriptArgs>),
    /// Prepare a compile that many machines share through a folder
    #[command(after_help = EXIT_CODES)]
    Plan(Later<PlanArgs>),
    /// Work on a plan: on each machine one, as many as there are, at any time
    #[command(after_help = EXIT_CODES)]
    Work(Later<WorkArgs>),
    /// Join the results of a plan into a circuit
    #[command(after_help = EXIT_CODES)]
    Merge(Later<MergeArgs>),
    /// Tell how far a plan is and who works on it
    Status(Later<StatusArgs>),
    /// Compare two circuits up to global phase; exit 1 if they differ
    #[command(after_help = EXIT_CODES)]
    Verify(Later<VerifyArgs>),
    /// Print counts, depth, gate histogram and the blocks a compile would cut
    #[command(after_help = format!("{}\n\n{EXIT_CODES}", crate::gates::help()))]
    Stats(Later<StatsArgs>),
    /// Make a circuit from a unitary matrix or a state vector
    #[command(after_help = EXIT_CODES)]
    Synthesize(Later<SynthesizeArgs>),
    /// What supervisors start; speaks to its supervisor alone
    #[cfg(unix)]
    #[command(hide = true)]
    Worker(Later<WorkerArgs>),
    /// Keeps an MPS daemon while its supervisor lives
    #[cfg(unix)]
    #[command(hide = true)]
    MpsGuard(MpsGuardArgs),
    /// Say what this machine offers: CPU, NVIDIA driver, GPUs, and why not more
    Doctor(Later<DoctorArgs>),
}

#[derive(Args)]
pub struct CompileArgs {
    /// OpenQASM 2 or 3 file, `-` for standard input
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// Where the circuit goes, `-` for standard output
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    pub output: PathBuf,
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Stop after this long and write the best circuit so far: 500ms, 30s, 2m, 1h
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub time_limit: Option<Duration>,
    /// How thoroughly the output is compared with the input as a whole; the error bound does not depend on it
    #[arg(long, value_enum, default_value_t)]
    pub check: CheckArg,
    /// Also write what was done, block by block, as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Also write a proof: `bqc verify IN OUT --proof FILE` does every pass again, measures each change and prints
    /// the bound, at any number of qubits
    #[arg(long, value_name = "FILE")]
    pub proof: Option<PathBuf>,
    #[command(flatten)]
    pub gpu: GpuArgs,
    #[command(flatten)]
    pub run_folder: RunFolderArgs,
    #[command(flatten)]
    pub keep: KeepArgs,
    #[command(flatten)]
    pub read: ReadArgs,
    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say what each pass did
    #[arg(short, long)]
    pub verbose: bool,
}

/// What decides the output of a compile, and who computes it.
#[derive(Args, Clone)]
pub struct SettingsArgs {
    /// Most wires of a block, 2 to 12: wider blocks find more and cost more [default: 12 for the
    /// windows of a search, 5 for deletion]
    #[arg(short = 'k', long, value_name = "K", value_parser = clap::value_parser!(u8).range(2..=12))]
    pub block_size: Option<u8>,
    /// Who does the arithmetic
    #[arg(long, value_enum, default_value_t = EngineArg::Auto)]
    pub engine: EngineArg,
    /// What is done in each block
    #[arg(long, value_enum, default_value_t = FlowArg::Search)]
    pub flow: FlowArg,
    /// Threads, or worker processes of one thread each [default: one per core, and up to eight where they
    /// fill a GPU]. The output does not depend on it
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// How long a search goes on without much gain: 1 is over in moments, 3 is near the point of
    /// diminishing returns, `forever` runs until the time limit or Ctrl-C
    #[arg(long, value_name = "1..5|forever", default_value = Effort::default().name(), value_parser = effort_parser())]
    pub effort: Effort,
    /// What fits the candidates of deletion and search. Whatever it is, results are verified
    #[arg(long, default_value = "auto", value_parser = solver_parser())]
    pub solver: Solver,
    /// What to make small, at never more two-qubit gates
    #[arg(long, default_value = Objective::default().name(), value_parser = objective_parser())]
    pub objective: Objective,
    /// Keep the input's angles: a circuit over Clifford and T comes back as one, written with h, s, sdg, t, tdg, x, z, cx
    /// and rz(k*pi/2^n), with no more T gates and no more CX. Only exact passes take part, and algebra proves the
    /// result at bound 0. --objective is cx, t or weighted; --effort says how many rounds without a gain end a run
    #[arg(long, conflicts_with_all = ["block_size", "flow", "solver", "epsilon", "permute_output"])]
    pub exact: bool,
    /// Write the result in these gates: a set by its name (below), a list of gates as in cz,rz,sx,x, or a file FILE.json.
    /// The search works on cx and u3; the last step writes each run on two qubits with the fewest gates of the set, merges
    /// one-qubit gates into the fewest pulses, and counts in the error bound. A set without a gate that is CX between
    /// one-qubit gates may need more two-qubit gates than the input has CX: a CX alone is two sqrt_iswap
    #[arg(long, value_name = "SET", default_value = "cx,u3")]
    pub gates: String,
    /// How often each block is rebuilt, with other random numbers; the best result is kept. A search
    /// divides them among its windows [default: by effort; 1 for deletion]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub starts: Option<u32>,
    /// Most passes over the circuit, each with other cuts [default: no limit; 32 for deletion]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub passes: Option<u32>,
    /// Largest phase distance, 0 < E < 1, between a block and what replaces it
    #[arg(long, value_name = "E", default_value = "1e-10", value_parser = parse_epsilon)]
    pub epsilon: f64,
    /// Largest phase distance, 0 <= E < 1, between the whole output and the input. Above 0, what
    /// identities leave of it is spent on approximations, largest gain first, once the search for
    /// identities gains little; 0 asks for identities only
    #[arg(long, value_name = "E", default_value_t = 0.0, value_parser = parse_epsilon_total)]
    pub epsilon_total: f64,
    /// Let the output leave qubits on other wires than the input does, which takes fewer gates. A comment in
    /// its head says where they are: `bqc verify IN OUT --permutation comment` compares with it. Measurements
    /// at the end follow their qubits, so that the classical bits stay
    #[arg(long)]
    pub permute_output: bool,
    /// Seed of every random choice: same seed, same output
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
}

impl SettingsArgs {
    /// The effort as it is typed, if the flow has efforts.
    pub fn effort_name(&self) -> Option<&'static str> {
        (self.exact || self.flow == FlowArg::Search).then(|| self.effort.name())
    }
}

/// Where a compile keeps what it has found until it is through.
#[derive(Args, Clone, Default)]
pub struct RunFolderArgs {
    /// Keep a journal of all results in this folder; the same command takes up a run that was
    /// interrupted. Another input, other settings or another build are refused there. `off`: keep none
    /// [default for worker processes: a folder of the user's state folder, named by input and settings,
    /// that goes with the end of the run unless it is interrupted or fails]
    #[arg(long, value_name = "DIR|off")]
    pub run_dir: Option<PathBuf>,
    /// Keep the journal of that default folder without worker processes too, and beyond a time limit; end
    /// if it cannot be kept
    #[arg(long, conflicts_with = "run_dir")]
    pub resume: bool,
}

/// How a compile survives what happens to it.
#[derive(Args, Clone)]
pub struct KeepArgs {
    /// Rebuild blocks in this many worker processes instead of threads: one that dies costs its block a
    /// second try. `auto` is one for each of the threads, or none where little work is to be expected; with GPUs it is
    /// --workers-per-gpu for each, and a number is divided among them. The output does not depend on it
    #[arg(long, value_name = "auto|off|N", default_value = "auto", value_parser = parse_workers)]
    pub workers: WorkersArg,
    /// Look for results of former runs in this folder, and add new ones. Each is checked again
    #[arg(long, value_name = "DIR|off", default_value = "off")]
    pub cache: PathBuf,
    /// Append what happens to this file as it happens, one JSON object a line: passes, blocks, workers
    /// that come and go and why, results that were known, signals
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    #[command(flatten)]
    pub faults: FaultArgs,
}

/// Worker processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkersArg {
    /// Threads instead.
    Off,
    /// One per core where the circuit is worth it.
    Auto,
    /// So many.
    Count(u16),
}

/// For tests of the supervisor.
#[cfg(unix)]
#[derive(Args, Clone)]
pub struct FaultArgs {
    /// Let workers fail
    #[arg(long, hide = true, value_name = "FAULT", value_parser = |text: &str| text.parse::<bqc_pool::Fault>().map(|_| text.to_owned()))]
    pub worker_fault: Option<String>,
    /// Plant a fault that the verifier has to find
    #[arg(long, hide = true, value_name = "FAULT")]
    pub sabotage: Option<bqc_optimize::Sabotage>,
    /// Give workers up after this long, whatever they do
    #[arg(long, hide = true, value_name = "TIME", value_parser = parse_duration)]
    pub worker_patience: Option<Duration>,
}

/// There are no workers on this system.
#[cfg(not(unix))]
#[derive(Args, Clone)]
pub struct FaultArgs {
    /// Plant a fault that the verifier has to find
    #[arg(long, hide = true, value_name = "FAULT")]
    pub sabotage: Option<bqc_optimize::Sabotage>,
}

#[cfg(unix)]
#[derive(Args)]
pub struct WorkerArgs {
    /// Fail like this
    #[arg(long, hide = true, value_name = "FAULT")]
    pub fault: Option<bqc_pool::Fault>,
    #[command(flatten)]
    pub place: PlaceArgs,
}

#[derive(Args)]
pub struct VerifyArgs {
    /// OpenQASM 2 or 3 file, `-` for standard input
    #[arg(value_name = "A")]
    pub left: PathBuf,
    /// The file it is compared with
    #[arg(value_name = "B")]
    pub right: PathBuf,
    /// Largest phase distance that counts as equal, 0 < E < 1
    #[arg(long, value_name = "E", default_value = "1e-10", value_parser = parse_epsilon)]
    pub epsilon: f64,
    /// Where B leaves the qubits of A at the end: `comment` takes what the comment in the head of B says, and a list
    /// says it here, as in `q[0]->q[2],q[2]->q[0]`. Without it every qubit has to be on its own wire, but for those
    /// that both circuits measure at the end into the same bit
    #[arg(long, value_name = "comment|LIST")]
    pub permutation: Option<String>,
    /// Check this proof, which `compile --proof` has written, instead of comparing whole circuits: A is the input, B
    /// the output. Works at any number of qubits
    #[arg(long, value_name = "FILE")]
    pub proof: Option<PathBuf>,
    /// Seed of the random states that stand in for all states at 13 to 20 qubits
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub read: ReadArgs,
}

#[derive(Args)]
pub struct StatsArgs {
    /// OpenQASM 2 or 3 file, `-` for standard input
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// Most wires of a block in the preview of the partition, 2 to 12
    #[arg(short = 'k', long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u8).range(2..=12))]
    pub block_size: u8,
    /// Also say whether the circuit has only gates of this set, which may be a name, a list or FILE.json; exit 1 and say
    /// where the first other gate stands if it has more
    #[arg(long, value_name = "SET")]
    pub gates: Option<String>,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub read: ReadArgs,
}

#[derive(Args)]
pub struct SynthesizeArgs {
    /// NumPy `.npy` file or JSON, `-` for standard input: a matrix of 2^n rows and columns (n up to 6)
    /// is a unitary, a vector of 2^n elements (n up to 10) is a state to be made from |0…0⟩. Qubit q is
    /// bit q of the index
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// Where the circuit goes, `-` for standard output
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    pub output: PathBuf,
    /// Rounds of growth and search, each wider than the one before; 0 leaves the decomposition that
    /// always works and what a generic target needs
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=6))]
    pub rounds: u32,
    /// Worker threads [default: one per core]. The output does not depend on it
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Seed of every random choice: same seed, same output
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Stop after this long and write the best circuit so far: 500ms, 30s, 2m, 1h
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub time_limit: Option<Duration>,
    /// Say nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Args)]
pub struct DoctorArgs {
    /// Also measure what each GPU can do at most: takes about a second each
    #[arg(long)]
    pub ceilings: bool,
}

/// How inputs are read, the same for all commands.
#[derive(Args, Clone)]
pub struct ReadArgs {
    /// Folder searched by `include`, after the input's own; may be repeated
    #[arg(long, value_name = "DIR")]
    pub include_dir: Vec<PathBuf>,
    /// Deepest nesting of expressions and of gates that call gates, at most 1000
    #[arg(long, value_name = "N", hide_short_help = true, default_value_t = Limits::default().max_depth, value_parser = clap::value_parser!(u32).range(1..=Limits::DEPTH_CEILING as i64))]
    pub max_depth: u32,
    /// Most qubits over all registers
    #[arg(long, value_name = "N", hide_short_help = true, default_value_t = Limits::default().max_qubits)]
    pub max_qubits: u32,
    /// Most classical bits over all registers
    #[arg(long, value_name = "N", hide_short_help = true, default_value_t = Limits::default().max_clbits)]
    pub max_clbits: u32,
    /// Most operations after inlining and broadcast
    #[arg(long, value_name = "N", hide_short_help = true, default_value_t = Limits::default().max_operations)]
    pub max_operations: u64,
    /// Deepest nesting of includes
    #[arg(long, value_name = "N", hide_short_help = true, default_value_t = Limits::default().max_include_depth)]
    pub max_include_depth: u32,
    /// Most files read, at most 65536
    #[arg(long, value_name = "N", hide_short_help = true, default_value_t = Limits::default().max_includes, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub max_includes: u32,
}

impl ReadArgs {
    /// The bounds in the reader's own form.
    pub fn limits(&self) -> Limits {
        Limits {
            max_depth: self.max_depth,
            max_qubits: self.max_qubits,
            max_clbits: self.max_clbits,
            max_operations: self.max_operations,
            max_include_depth: self.max_include_depth,
            max_includes: self.max_includes,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineArg {
    /// An NVIDIA GPU if there is one that works, or CPU cores
    Auto,
    /// CPU cores
    Cpu,
    /// An NVIDIA GPU for Levenberg-Marquardt on up to 8 wires and for sweeps on up to 12, CPU cores for the
    /// rest; an error where there is no GPU
    Cuda,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FlowArg {
    /// Delete gates while the block stays the same unitary
    Delete,
    /// Also move gates around without changing their number, which finds much more and takes longer
    Search,
}

/// Reads the name of an effort.
fn effort_parser() -> impl TypedValueParser<Value = Effort> {
    named(Effort::ALL.into_iter().map(|e| (PossibleValue::new(e.name()).help(e.help()), e)))
}

/// Reads the name of a solver, or `auto`.
fn solver_parser() -> impl TypedValueParser<Value = Solver> {
    let auto = Solver::default();
    let help = format!("The one that finds most per second: {}", auto.name());
    let all = Solver::ALL.map(|solver| (PossibleValue::new(solver.name()).help(solver.help()), solver));
    named([(PossibleValue::new("auto").help(help), auto)].into_iter().chain(all))
}

/// Reads the name of an objective.
fn objective_parser() -> impl TypedValueParser<Value = Objective> {
    named(Objective::ALL.into_iter().map(|o| (PossibleValue::new(o.name()).help(o.help()), o)))
}

/// Reads one of these names.
fn named<T: Copy + Send + Sync + 'static>(
    rows: impl Iterator<Item = (PossibleValue, T)>,
) -> impl TypedValueParser<Value = T> {
    let rows: Vec<(PossibleValue, T)> = rows.collect();
    let names = PossibleValuesParser::new(rows.iter().map(|(name, _)| name.clone()));
    names.try_map(move |text| {
        let row = rows.iter().find(|(name, _)| name.matches(&text, false));
        row.map(|(_, value)| *value).ok_or_else(|| format!("unknown name `{text}`"))
    })
}

/// Reads `500ms`, `30s`, `1.5m`, `1h30m`, `1d`; a bare number is refused because its unit is a guess.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let help = || format!("`{text}` is no time; write numbers with units, as in 500ms, 30s, 2m, 1h30m or 1d");
    let (mut seconds, mut rest) = (0.0, text.trim());
    if rest.is_empty() {
        return Err(help());
    }
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (number, from_unit) = rest.split_at(unit_at);
        let end = from_unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(from_unit.len());
        let (unit, others) = from_unit.split_at(end);
        let unit_seconds = match unit {
            "ms" => 1e-3,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return Err(help()),
        };
        let number: f64 = number.trim().parse().map_err(|_| help())?;
        // Refuses negative and infinite numbers as well, and NaN.
        seconds += Duration::try_from_secs_f64(number * unit_seconds).map_err(|_| help())?.as_secs_f64();
        rest = others.trim_start();
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| help())
}

/// Reads a number of processes.
fn parse_workers(text: &str) -> Result<WorkersArg, String> {
    match (text, text.parse::<u16>()) {
        ("off", _) => Ok(WorkersArg::Off),
        ("auto", _) => Ok(WorkersArg::Auto),
        (_, Ok(n @ 1..=1024)) => Ok(WorkersArg::Count(n)),
        _ => Err(format!("`{text}` is no number of workers; write auto, off or a number from 1 to 1024")),
    }
}

/// Reads a distance. Zero would refuse every rebuilt block for its rounding alone.
fn parse_epsilon(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err(format!("`{text}` is no distance; write a number between 0 and 1, as in 1e-10")),
    }
}

/// Reads a budget of distance; zero is none.
fn parse_epsilon_total(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..1.0).contains(&value) => Ok(value),
        _ => Err(format!("`{text}` is no budget; write a number of at least 0 and less than 1, as in 1e-6")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn clap_finds_the_declaration_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_need_a_number_and_a_unit() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(parse_duration("1d"), Ok(Duration::from_secs(86400)));
        assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("1h30m0.5s"), Ok(Duration::from_millis(5_400_500)));
        for bad in ["", "30", "s", "-1s", "1h30", "1e999s", "nans", "1 s s", "1e30h"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn epsilon_is_strictly_between_zero_and_one() {
        assert_eq!(parse_epsilon("1e-8"), Ok(1e-8));
        for bad in ["0", "-1e-9", "1", "nan", "inf", "x", ""] {
            assert!(parse_epsilon(bad).is_err(), "{bad}");
            assert_eq!(parse_epsilon_total(bad).is_ok(), bad == "0", "{bad}");
        }
        assert_eq!(parse_epsilon_total("1e-6"), Ok(1e-6));
    }
}
