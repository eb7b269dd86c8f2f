//! `bqc`: arguments, terminal, clock, signals and files. What it does with circuits is in `crates/`.

mod args;
mod batch;
mod build_id;
mod check;
mod cluster;
mod compile;
mod cores;
mod crew;
mod doctor;
mod engine;
mod exit;
mod gates;
mod input;
mod log;
mod output;
mod pairs;
mod permutation;
mod progress;
mod proof;
mod report;
mod resources;
mod run_folder;
mod slurm_script;
mod stats;
mod stop;
mod summary;
mod synthesize;
mod verify;
mod watch;
#[cfg(unix)]
mod worker;

use args::{Cli, Command};
use clap::Parser;
use exit::{Exit, Failure};
use progress::say;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let start = Instant::now();
    stop::outlive_large_files();
    let result = match &Cli::parse().command {
        Command::Compile(args) => compile::compile(args, start),
        Command::Batch(args) => batch::batch(args, start),
        Command::SlurmScript(args) => slurm_script::slurm_script(args),
        Command::Plan(args) => cluster::plan::plan(args),
        Command::Work(args) => cluster::work::work(args, start),
        Command::Merge(args) => cluster::merge::merge(args, start),
        Command::Status(args) => cluster::status::status(args, start),
        Command::Verify(args) => verify::verify(args),
        Command::Stats(args) => stats::stats(args),
        Command::Doctor(args) => doctor::doctor(args),
        Command::Synthesize(args) => synthesize::synthesize(args, start),
        #[cfg(unix)]
        Command::Worker(args) => worker::worker(args),
        #[cfg(unix)]
        Command::MpsGuard(args) => worker::mps_guard(args),
    };
    result
        .unwrap_or_else(|failure| {
            match &failure {
                // It fills lines of its own and says which file it is about.
                Failure::Diagnostic(diagnostic) => say(diagnostic.render().trim_end()),
                other => say(&format!("bqc: {other}")),
            }
            Exit::Refused
        })
        .into()
}
