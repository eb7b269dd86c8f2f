//! Arguments of `bqc batch`.

use super::{GpuArgs, KeepArgs, ReadArgs, SettingsArgs, parse_duration};
use crate::check::CheckArg;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Args)]
pub struct BatchArgs {
    /// OpenQASM 2 files
    #[arg(value_name = "IN", conflicts_with = "list")]
    pub inputs: Vec<PathBuf>,
    /// A file that names one circuit per line, relative to the current folder; `-` is standard input. Empty
    /// lines and those that begin with `#` do not count
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// Where the results go: for each circuit `NAME.qasm`, `NAME.report.json` and `NAME.batch.json`, and
    /// below `runs` what an interrupted one goes on from. Where circuits of several folders have one name, the
    /// later ones get something added to it
    #[arg(long, value_name = "DIR", required_unless_present = "summary")]
    pub out_dir: Option<PathBuf>,
    /// Do this share only: every Nth circuit from the Ith on, counted from 0 [default: in a task of a Slurm
    /// array that task's share, else all]
    #[arg(long, value_name = "I/N", value_parser = parse_shard)]
    pub shard: Option<Shard>,
    /// Print a table of what is done in this folder instead, and of what is missing of the circuits that were
    /// asked for; of a --list as it was last. Exit code 75: something is missing
    #[arg(long, value_name = "DIR", conflicts_with = "out_dir")]
    pub summary: Option<PathBuf>,
    /// Format of the table
    #[arg(long, value_enum, default_value_t = TableArg::Md, requires = "summary")]
    pub format: TableArg,
    /// Stop after this long; the same command goes on: 500ms, 30s, 2m, 1h
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub time_limit: Option<Duration>,
    /// The most that is spent on one circuit at a time; the best until then is its result. A longer limit goes on
    /// from what lies below `runs`, which is in nobody's way otherwise
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub circuit_time_limit: Option<Duration>,
    /// How thoroughly each output is compared with its input as a whole; the error bound does not depend on it
    #[arg(long, value_enum, default_value_t)]
    pub check: CheckArg,
    #[command(flatten)]
    pub settings: SettingsArgs,
    #[command(flatten)]
    pub gpu: GpuArgs,
    #[command(flatten)]
    pub keep: KeepArgs,
    #[command(flatten)]
    pub read: ReadArgs,
    /// For tests: how long another task that is at a circuit may show no life
    #[arg(long, hide = true, value_name = "TIME", default_value = "2m", value_parser = parse_duration)]
    pub lease: Duration,
    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say what each pass did
    #[arg(short, long)]
    pub verbose: bool,
}

/// Every `count`th circuit from the one at `index` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// `0..count`.
    pub index: u64,
    /// At least 1.
    pub count: u64,
}

/// How a table is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableArg {
    /// Comma-separated values, for programs
    Csv,
    /// Markdown, for people
    Md,
    /// A page of its own
    Html,
}

/// Reads `I/N`.
fn parse_shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    match parts {
        Some((index, count)) if index < count => Ok(Shard { index, count }),
        _ => Err(format!("`{text}` is no share; write the first as 0/8 and the last as 7/8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_count_from_zero() {
        assert_eq!(parse_shard("0/1"), Ok(Shard { index: 0, count: 1 }));
        assert_eq!(parse_shard("7/8"), Ok(Shard { index: 7, count: 8 }));
        for bad in ["", "1", "8/8", "0/0", "-1/8", "1/x", "1/2/3", " 1/2"] {
            assert!(parse_shard(bad).is_err(), "{bad}");
        }
    }
}
