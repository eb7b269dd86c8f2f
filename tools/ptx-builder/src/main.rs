//! `cargo run -p ptx-builder -- rebuild` builds the committed PTX anew; `check` says whether it is what
//! the sources give. Both work on this workspace's own kernel packages.

use clap::{Parser, Subcommand};
use ptx_builder::{Comparison, PtxBuilder, PtxError, Toolchain, core_archive, packages, root};
use std::path::PathBuf;
use std::process::ExitCode;

/// Builds the GPU kernels' PTX, and checks the PTX that is committed.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build all PTX anew; needs a nightly toolchain and a source of core
    Rebuild(ToolchainArgs),
    /// Check that the committed PTX belongs to its sources and, where the toolchain that made it is
    /// here, that it is what that makes, byte by byte
    Check(ToolchainArgs),
}

#[derive(clap::Args)]
struct ToolchainArgs {
    /// Folder with core/src/lib.rs in it, or an archive of one [default: the archive in
    /// target/rust-core if one is there, else the nightly toolchain's component rust-src]
    #[arg(long, value_name = "PATH")]
    core_source: Option<PathBuf>,
    /// Where core is unpacked and built, once
    #[arg(long, value_name = "DIR", default_value = "target/ptx-builder")]
    cache: PathBuf,
}

impl ToolchainArgs {
    fn find(&self) -> Result<Toolchain, PtxError> {
        let source = self.core_source.clone().or_else(|| core_archive(&root()));
        Toolchain::find(source.as_deref(), &root().join(&self.cache))
    }
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Rebuild(args) => rebuild(&args),
        Command::Check(args) => check(&args),
    };
    done.map(|()| ExitCode::SUCCESS).unwrap_or_else(|error| {
        eprintln!("ptx-builder: {error}");
        ExitCode::FAILURE
    })
}

fn rebuild(args: &ToolchainArgs) -> Result<(), PtxError> {
    let toolchain = args.find()?;
    for package in packages(&root()) {
        let built = package.build(&toolchain)?;
        println!("{}: {} bytes by {}", built.path.display(), built.text.len(), built.key.compiler);
    }
    Ok(())
}

fn check(args: &ToolchainArgs) -> Result<(), PtxError> {
    let packages = packages(&root());
    for package in &packages {
        let key = package.check()?;
        println!("{}: belongs to its sources", package.path()?.display());
        println!("    made by {} from core {}", key.compiler, &key.core[..key.core.len().min(16)]);
    }
    match args.find() {
        Ok(toolchain) => packages.iter().try_for_each(|package| compare(package, &toolchain)),
        Err(PtxError::NoToolchain(why)) => {
            not_compared(&why);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn compare(package: &PtxBuilder, toolchain: &Toolchain) -> Result<(), PtxError> {
    let path = package.path()?;
    match package.compare(toolchain) {
        Ok(Comparison::Same) => {
            println!("{}: byte by byte what {} makes", path.display(), toolchain.compiler());
            Ok(())
        }
        Ok(Comparison::Differs { line }) => {
            let why = format!("from line {line} on it is not what {} makes", toolchain.compiler());
            Err(PtxError::Stale { path, why, command: ptx_builder::MEND })
        }
        Err(PtxError::NoToolchain(why)) => {
            not_compared(&why);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn not_compared(why: &str) {
    println!("NOT COMPARED BYTE BY BYTE: {why}");
}
