//! `bqc-bench`: writes `circuits/`, and measures.

mod args;
mod suites;

use args::{Cli, Command};
use bqc_benchmarks::generate::suite;
use bqc_benchmarks::manifest;
use bqc_benchmarks::speed::{PARTITION_GOAL, measure_partition, random_circuit};
use bqc_circuit::Lowered;
use bqc_qasm::{ParseOptions, SourceText};
use clap::Parser;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};
use suites::SearchRequest;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Generate { folder } => generate(&folder),
        Command::Partition => time_partition(),
        Command::Blocks { files } => files.iter().try_for_each(|f| count_blocks(f)),
        Command::Solver { prototype, all_levels, common } => suites::solver(&common, prototype.as_deref(), all_levels),
        Command::Gpu { candidates, common } => suites::gpu(&common, candidates),
        Command::Cluster { supervisors, blocks, folder, common } => {
            suites::cluster(&common, supervisors, blocks, folder.as_deref())
        }
        Command::Instantiate { most_wires, need_gpu, templates, common } => {
            suites::instantiate::instantiate(&common, need_gpu, most_wires, templates.as_deref())
        }
        Command::Pool { input, program, common } => suites::pool(&common, &program, &input),
        Command::Search { lists, circuits, seeds, first_seed, time_scale, program, common } => {
            let seeds = first_seed..first_seed.saturating_add(seeds);
            let request = SearchRequest { lists: &lists, circuits: &circuits, seeds, time_scale };
            suites::search(&common, &program, &request)
        }
        Command::Compile { circuits, seconds, large_seconds, program, common } => {
            suites::compile(&common, &program, &circuits, seconds, large_seconds)
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn generate(folder: &Path) -> Result<(), String> {
    let failed = |path: &Path, e: io::Error| format!("cannot write `{}`: {e}", path.display());
    fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
    let files = manifest::files(&suite());
    for file in &files {
        let path = folder.join(&file.name);
        fs::write(&path, &file.text).map_err(|e| failed(&path, e))?;
    }
    let n_bytes: usize = files.iter().map(|f| f.text.len()).sum();
    eprintln!("{} files, {n_bytes} bytes in {}", files.len(), folder.display());
    Ok(())
}

/// One line a file: CX gates per block at common block sizes.
fn count_blocks(file: &str) -> Result<(), String> {
    let bytes = fs::read(file).map_err(|e| format!("cannot read `{file}`: {e}"))?;
    let source = SourceText::new(file, bytes);
    let circuit = bqc_qasm::parse(&source, &ParseOptions::default()).map_err(|d| d.render())?;
    let circuit = Lowered::of(&circuit);
    print!("{file}: {} wires", circuit.n_qubits());
    for k in [3, 4, 5, 8] {
        let speed = measure_partition(&circuit, k).map_err(|e| format!("{file}: {e}"))?;
        print!(", k={k}: {} blocks of {:.2} CX", speed.n_blocks, speed.n_cx as f64 / speed.n_blocks.max(1) as f64);
    }
    println!();
    Ok(())
}

/// Four shapes of circuit for every block size; the goal stands beside each figure.
fn time_partition() -> Result<(), String> {
    const N_GATES: usize = 1_000_000;
    let shapes = [
        ("100 wires, anywhere", 100, None),
        ("100 wires, neighbours", 100, Some(1)),
        ("20 wires, near", 20, Some(3)),
        ("12 wires, anywhere", 12, None),
    ];
    println!(
        "{:24} {:>2} {:>8} {:>8} {:>9} {:>9} {:>7}",
        "circuit", "k", "gates", "blocks", "cx/block", "seconds", "goal"
    );
    let mut is_met = true;
    for (name, n, reach) in shapes {
        let circuit = random_circuit(n, N_GATES, reach, 1);
        for k in 2..=12 {
            let speed = measure_partition(&circuit, k).map_err(|e| format!("{name}: {e}"))?;
            let per_block = speed.n_cx as f64 / speed.n_blocks as f64;
            let (seconds, goal) = (speed.wall.as_secs_f64(), PARTITION_GOAL.as_secs_f64());
            println!("{name:24} {k:2} {N_GATES:8} {:8} {per_block:9.2} {seconds:9.3} {goal:7.1}", speed.n_blocks);
            is_met &= speed.wall <= PARTITION_GOAL;
        }
    }
    if is_met { Ok(()) } else { Err("the goal was missed".into()) }
}
