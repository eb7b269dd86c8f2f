//! The command line of `bqc-bench`.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Writes the circuits of this repository, and measures the compiler.
#[derive(Parser)]
#[command(name = "bqc-bench", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Write the circuits and their manifest
    Generate {
        /// Where they go
        #[arg(default_value = "circuits")]
        folder: PathBuf,
    },
    /// Time the partitioner on a million gates
    Partition,
    /// Count the blocks of OpenQASM files
    Blocks {
        /// OpenQASM files
        #[arg(required = true)]
        files: Vec<String>,
    },
    /// Time iterations, sweeps, attempts and successes on one core
    Solver {
        /// A build of the prototype, measured in turns on the same blocks
        #[arg(long, value_name = "PROGRAM")]
        prototype: Option<PathBuf>,
        /// Also time every slower instruction set that this CPU has
        #[arg(long)]
        all_levels: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Check the GPU engine, and measure it beside the CPU engine on all cores
    Gpu {
        /// Candidates of a launch
        #[arg(long, value_name = "N", default_value_t = 4096)]
        candidates: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Divide blocks that cost nothing over supervisors on one folder, and join them
    Cluster {
        /// Supervisors, each a thread with a view of its own
        #[arg(long, value_name = "N", default_value_t = 64)]
        supervisors: u32,
        /// Blocks
        #[arg(long, value_name = "N", default_value_t = 100_000)]
        blocks: usize,
        /// Where the folder is made: on the file system that is measured [default: the system's folder for
        /// temporary files]
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Instantiate random templates by QFactor-Sample on all cores, and on a GPU where there is one
    Instantiate {
        /// Widest templates, 3 to 10
        #[arg(long, value_name = "K", default_value_t = 8, value_parser = clap::value_parser!(u8).range(3..=10))]
        most_wires: u8,
        /// Fail where there is no GPU, instead of measuring the CPU alone
        #[arg(long)]
        need_gpu: bool,
        /// Also write the templates of one problem of each size, with a solution, to this folder
        #[arg(long, value_name = "FOLDER")]
        templates: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Spread empty blocks over workers, read journals, kill processes of a compile, and compare processes with
    /// threads: each goal beside what was found
    Pool {
        /// The circuit that is compiled: some thousand CX
        #[arg(value_name = "CIRCUIT")]
        input: PathBuf,
        #[command(flatten)]
        program: Program,
        #[command(flatten)]
        common: Common,
    },
    /// Search lists of circuits with several seeds and print counts over time
    Search {
        /// Lists of circuits, such as benchmarks/search/blocks.csv
        #[arg(required = true, value_name = "LIST")]
        lists: Vec<PathBuf>,
        /// Folder that the paths of the lists start from
        #[arg(long, value_name = "FOLDER", default_value = "circuits")]
        circuits: PathBuf,
        /// Number of seeds
        #[arg(long, default_value_t = 5)]
        seeds: u64,
        /// First seed
        #[arg(long, default_value_t = 1)]
        first_seed: u64,
        /// Factor of all time limits
        #[arg(long, default_value_t = 1.0)]
        time_scale: f64,
        #[command(flatten)]
        program: Program,
        #[command(flatten)]
        common: Common,
    },
    /// Compile with default settings, and delete gates of four blocks
    Compile {
        /// Folder with the folders `small`, `large` and `blocks`
        #[arg(long, value_name = "FOLDER")]
        circuits: PathBuf,
        /// Seconds for each circuit of `small`
        #[arg(long, default_value_t = 60.0)]
        seconds: f64,
        /// Seconds for each of the two large circuits
        #[arg(long, default_value_t = 120.0)]
        large_seconds: f64,
        #[command(flatten)]
        program: Program,
        #[command(flatten)]
        common: Common,
    },
}

/// The program under test.
#[derive(Args)]
pub struct Program {
    /// The release build of bqc [default: beside this program]
    #[arg(long, value_name = "PROGRAM")]
    pub bqc: Option<PathBuf>,
    /// Arguments of `bqc compile`, behind `--` [default: `--flow search --effort forever` for search,
    /// none for compile]
    #[arg(last = true)]
    pub arguments: Vec<String>,
}

/// What all measurements have.
#[derive(Args)]
pub struct Common {
    /// Seconds instead of minutes: does everything run? Its figures are worth nothing
    #[arg(long)]
    pub quick: bool,
    /// Folder of the records [default: benchmarks/records/DATE-PROCESSOR]
    #[arg(long, value_name = "FOLDER")]
    pub records: Option<PathBuf>,
    /// Only print
    #[arg(long, conflicts_with = "records")]
    pub no_records: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn clap_finds_the_declaration_consistent() {
        Cli::command().debug_assert();
    }
}
