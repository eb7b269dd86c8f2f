//! Arguments of the commands for one circuit over many machines.

use super::{FaultArgs, GpuArgs, ReadArgs, SettingsArgs, WorkersArg, parse_duration, parse_workers};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Args)]
pub struct PlanArgs {
    /// OpenQASM 2 or 3 file, `-` for standard input
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// Where the plan goes, and later all results: a folder that all machines see
    #[arg(long, value_name = "DIR")]
    pub run_dir: PathBuf,
    /// Into how many shards each pass is divided at most, which are what supervisors claim. Ten to fifty for
    /// each supervisor there will be
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub shards: u32,
    #[command(flatten)]
    pub settings: SettingsArgs,
    #[command(flatten)]
    pub read: ReadArgs,
    /// Say nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Args)]
pub struct WorkArgs {
    /// The folder of the plan
    #[arg(value_name = "DIR")]
    pub run_dir: PathBuf,
    /// Units that are done at a time [default: what Slurm gives this task, or one per core]
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Rebuild blocks in this many worker processes instead of threads; `auto` is one for each of the threads,
    /// or as many as the GPUs are to have
    #[arg(long, value_name = "auto|off|N", default_value = "auto", value_parser = parse_workers)]
    pub workers: WorkersArg,
    /// Look for results of former runs in this folder, and add new ones. Each is checked again
    #[arg(long, value_name = "DIR|off", default_value = "off")]
    pub cache: PathBuf,
    /// Stop after this long, with all that was found in the folder: 500ms, 30s, 2m, 1h
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub time_limit: Option<Duration>,
    /// Give up a supervisor of which nothing was heard for this long
    #[arg(long, hide = true, value_name = "TIME", default_value = "90s", value_parser = parse_duration)]
    pub lease: Duration,
    #[command(flatten)]
    pub gpu: GpuArgs,
    #[command(flatten)]
    pub faults: FaultArgs,
    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say what each pass did
    #[arg(short, long)]
    pub verbose: bool,
}

#[derive(Args)]
pub struct MergeArgs {
    /// The folder of the plan
    #[arg(value_name = "DIR")]
    pub run_dir: PathBuf,
    /// Where the circuit goes, `-` for standard output
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    pub output: PathBuf,
    /// Join what is there even if the run is not complete; all else stays as it was
    #[arg(long)]
    pub partial: bool,
    /// Also write what was done, block by block, as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Threads that check results [default: what Slurm gives this task, or one per core]
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Say nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Args)]
pub struct StatusArgs {
    /// The folder of the plan
    #[arg(value_name = "DIR")]
    pub run_dir: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Tell again and again until the run is complete
    #[arg(long)]
    pub watch: bool,
    /// How often, with --watch; at least 100ms lie between
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    pub every: Duration,
    /// Call a supervisor stale of which nothing was heard for this long
    #[arg(long, hide = true, value_name = "TIME", default_value = "90s", value_parser = parse_duration)]
    pub lease: Duration,
}
