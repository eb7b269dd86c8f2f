//! Arguments of `bqc slurm-script`. What goes into `#SBATCH` lines is checked here, character by character:
//! those lines know no quoting that holds for all versions of Slurm.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Args)]
pub struct SlurmScriptArgs {
    #[command(subcommand)]
    pub kind: SlurmScriptKind,
}

#[derive(Subcommand)]
pub enum SlurmScriptKind {
    /// One circuit on several nodes: `bqc work` on each of them, then `bqc merge`
    MultiNode(MultiNodeScriptArgs),
    /// Many circuits: each task of an array does its share with `bqc batch`
    Array(ArrayScriptArgs),
}

#[derive(Args)]
pub struct MultiNodeScriptArgs {
    /// The folder that `bqc plan` has made, where all nodes see it
    #[arg(long, value_name = "DIR")]
    pub run_dir: PathBuf,
    /// Where the circuit goes
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
    /// How many nodes; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    pub nodes: u32,
    #[command(flatten)]
    pub job: JobArgs,
    /// Further options of `bqc work`
    #[arg(last = true, value_name = "OPTIONS")]
    pub options: Vec<String>,
}

#[derive(Args)]
pub struct ArrayScriptArgs {
    /// A file that names one circuit per line
    #[arg(long, value_name = "FILE")]
    pub list: PathBuf,
    /// Where the results go, where all nodes see it
    #[arg(long, value_name = "DIR")]
    pub out_dir: PathBuf,
    /// How many tasks share the circuits
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub tasks: u32,
    /// How many of them run at once, at most [default: as many as Slurm lets]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub at_once: Option<u32>,
    #[command(flatten)]
    pub job: JobArgs,
    /// Further options of `bqc batch`
    #[arg(last = true, value_name = "OPTIONS")]
    pub options: Vec<String>,
}

/// What is asked of Slurm.
#[derive(Args)]
pub struct JobArgs {
    /// Time limit in a form of Slurm's: MINUTES, H:MM:SS, DAYS-HOURS
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub time: JobTime,
    /// Name of the job
    #[arg(long, value_name = "NAME", default_value = "bqc", value_parser = parse_name)]
    pub name: String,
    /// Partition
    #[arg(long, value_name = "NAME", value_parser = parse_word)]
    pub partition: Option<String>,
    /// Account that is charged
    #[arg(long, value_name = "NAME", value_parser = parse_word)]
    pub account: Option<String>,
    /// Quality of service
    #[arg(long, value_name = "NAME", value_parser = parse_word)]
    pub qos: Option<String>,
    /// Features that nodes must have, as in `a100&nvlink`
    #[arg(long, value_name = "FEATURES", value_parser = parse_word)]
    pub constraint: Option<String>,
    /// GPUs of each node, or of each task of an array, as in 4 or a100:4
    #[arg(long, value_name = "[TYPE:]N", value_parser = parse_word)]
    pub gpus_per_node: Option<String>,
    /// Cores of each node, or of each task of an array [default: whole nodes; one core for an array]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub cpus: Option<u32>,
    /// Memory of each node, or of each task of an array, as in 16G
    #[arg(long, value_name = "SIZE", value_parser = parse_word)]
    pub memory: Option<String>,
    /// Environment module to load first; may be repeated
    #[arg(long, value_name = "NAME")]
    pub module: Vec<String>,
    /// Seconds before the time limit at which bqc is told to write down what it has [default: a fifth of the
    /// time, and 300 at most]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(10..=65_535))]
    pub signal_before: Option<u32>,
    /// How often the job is queued again while something is left to do
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub max_requeues: u32,
    /// The bqc that the job runs
    #[arg(long, value_name = "PATH", default_value = "bqc")]
    pub program: PathBuf,
}

/// How long a job may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobTime {
    /// As it was written.
    pub text: String,
    /// None: as long as it likes, which Slurm writes as 0.
    pub seconds: Option<u64>,
}

/// Letters, digits and what names of partitions, features and GPUs are made of; no space, quote, `#` or `%`.
fn parse_word(text: &str) -> Result<String, String> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "_.,:&|*()[]=+@/-".contains(c);
    match !text.is_empty() && text.chars().all(is_fine) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}` has a character that a line of #SBATCH cannot take safely")),
    }
}

/// A word that names a file too: that of the log.
fn parse_name(text: &str) -> Result<String, String> {
    match text.contains('/') {
        true => Err(format!("`{text}` has a slash, and the log is called by the job's name")),
        false => parse_word(text),
    }
}

/// `M`, `M:S`, `H:M:S`, `D-H`, `D-H:M`, `D-H:M:S`.
fn parse_time(text: &str) -> Result<JobTime, String> {
    let (days, rest) = text.split_once('-').map_or((None, text), |(days, rest)| (Some(days), rest));
    let is_number = |part: &str| !part.is_empty() && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit());
    let number = |part: &str| part.parse::<u64>().ok().filter(|_| is_number(part));
    let parts: Option<Vec<u64>> = rest.split(':').map(number).collect();
    let seconds = match (days.map(number), parts.as_deref()) {
        (None, Some(&[m])) => Some(m * 60),
        (None, Some(&[m, s])) => Some(m * 60 + s),
        (None, Some(&[h, m, s])) => Some(h * 3600 + m * 60 + s),
        (Some(Some(d)), Some(parts @ ([_] | [_, _] | [_, _, _]))) => {
            Some(d * 86_400 + parts.iter().zip([3600, 60, 1]).map(|(n, unit)| n * unit).sum::<u64>())
        }
        _ => None,
    };
    match seconds {
        Some(seconds) => Ok(JobTime { text: text.to_owned(), seconds: Some(seconds).filter(|&s| s > 0) }),
        None => Err(format!("`{text}` is no time that Slurm knows; write 90, 1:30:00 or 2-12")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_sbatch_take_only_words() {
        for good in ["gpu", "a100&nvlink", "[rack1*2&rack2*4]", "a100:4", "16G", "team-x_y.z"] {
            assert_eq!(parse_word(good).as_deref(), Ok(good));
        }
        for bad in ["", "a b", "a\n#SBATCH --uid=0", "a#b", "\"x\"", "$(id)", "`id`", "a;b", "%j", "ü"] {
            assert!(parse_word(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_name("qft-10"), Ok("qft-10".into()));
        assert!(parse_name("team/qft").is_err() && parse_name("a b").is_err());
    }

    #[test]
    fn times_are_those_of_slurm() {
        for (good, seconds) in [
            ("90", 5400),
            ("1:30", 90),
            ("1:30:00", 5400),
            ("2-12", 216_000),
            ("2-12:30", 217_800),
            ("2-12:30:15", 217_815),
            ("999999999-999999999", 999_999_999 * 90_000),
        ] {
            assert_eq!(parse_time(good), Ok(JobTime { text: good.into(), seconds: Some(seconds) }));
        }
        assert_eq!(parse_time("0").unwrap().seconds, None);
        for bad in ["", "1h", "-1", "1:2:3:4", "1::2", "1-", "1 2", "1\n", "1-2-3"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }
}
