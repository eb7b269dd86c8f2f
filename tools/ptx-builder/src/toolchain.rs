//! The nightly compiler and the source of `core` that the kernels are built with, and the one library
//! that has to be built from it: about ten seconds, once for a compiler and a source.

use crate::PtxError;
use crate::files::{digest, digest_of, files_below, read};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const TARGET: &str = "nvptx64-nvidia-cuda";

/// Flags that `core` and the kernels share. `immediate-abort` leaves nothing of a panic: with any other
/// strategy each bounds check leaves a call that no GPU has.
pub(crate) const COMMON_FLAGS: [&str; 6] = [
    "--edition=2024",
    "-Copt-level=3",
    "-Ccodegen-units=1",
    "-Cpanic=immediate-abort",
    "-Zunstable-options",
    "--target=nvptx64-nvidia-cuda",
];

/// `core` is built for the least architecture: its functions are compiled again within the kernels.
const CORE_FLAGS: [&str; 4] =
    ["--crate-type=rlib", "-Ctarget-cpu=sm_80", "-Zforce-unstable-if-unmarked", "--cap-lints=allow"];

/// rustc wants a crate of this name; kernels call nothing in it, or their PTX is refused.
const COMPILER_BUILTINS: &str =
    "#![feature(compiler_builtins)]\n#![compiler_builtins]\n#![no_std]\n#![allow(internal_features)]\n";

/// Folders of Rust's `library/` that `core` is made from.
const CORE_PARTS: [&str; 3] = ["core", "portable-simd", "stdarch"];

/// What it takes to build PTX.
#[derive(Clone, Debug)]
pub struct Toolchain {
    rustc: PathBuf,
    compiler: String,
    /// Rust's `library/`, or the part of it that holds `core`.
    library: PathBuf,
    core_digest: String,
    cache: PathBuf,
}

impl Toolchain {
    /// Finds the compiler that `rustup` calls `nightly` and a source of `core`: `core_source` if given,
    /// else the component `rust-src`. `core_source` is a folder with `core/src/lib.rs` in it, or an
    /// archive of one. What is unpacked, and `core` once a kernel is built, is kept in `cache`.
    ///
    /// Fails with [`PtxError::NoToolchain`] where something is missing, and says what.
    pub fn find(core_source: Option<&Path>, cache: &Path) -> Result<Toolchain, PtxError> {
        let rustc = nightly_rustc()?;
        let compiler = output_of(Command::new(&rustc).arg("--version"))?;
        let library = match core_source {
            Some(archive) if archive.is_file() => unpacked(archive, cache)?,
            Some(folder) => folder.to_path_buf(),
            None => installed_library(&rustc)?,
        };
        if !library.join("core/src/lib.rs").is_file() {
            let what = format!(
                "there is no source of core at `{}`; `rustup component add rust-src --toolchain nightly` installs one",
                library.display()
            );
            return Err(PtxError::NoToolchain(what));
        }
        let core_digest = core_digest(&library)?;
        Ok(Toolchain { rustc, compiler, library, core_digest, cache: cache.to_path_buf() })
    }

    /// `rustc --version`.
    pub fn compiler(&self) -> &str {
        &self.compiler
    }

    /// SHA-256 over the source of `core`.
    pub fn core_digest(&self) -> &str {
        &self.core_digest
    }

    /// Runs the compiler with `core` at hand.
    pub(crate) fn compile(&self, what: &str, arguments: &[&OsStr]) -> Result<(), PtxError> {
        let mut command = Command::new(&self.rustc);
        command.args(COMMON_FLAGS).arg("--sysroot").arg(self.sysroot()?).args(arguments);
        run(what, &mut command)
    }

    /// A folder in which rustc finds `core` for the target.
    fn sysroot(&self) -> Result<PathBuf, PtxError> {
        let Toolchain { rustc, compiler, library, core_digest, cache } = self;
        let facts = format!("{compiler}\n{core_digest}\n{COMMON_FLAGS:?}\n{CORE_FLAGS:?}\n{COMPILER_BUILTINS}");
        let target = cache.join(format!("sysroot-{}", &digest(facts.as_bytes())[..16]));
        into_place(&target, |folder| {
            let out = folder.join("lib/rustlib").join(TARGET).join("lib");
            fs::create_dir_all(&out).map_err(PtxError::io(&out))?;
            let mut core = Command::new(rustc);
            core.args(COMMON_FLAGS).args(CORE_FLAGS).args(["--crate-name=core", "--out-dir"]).arg(&out);
            run("core", core.arg(library.join("core/src/lib.rs")))?;
            let source = folder.join("compiler_builtins.rs");
            fs::write(&source, COMPILER_BUILTINS).map_err(PtxError::io(&source))?;
            let mut builtins = Command::new(rustc);
            builtins.args(COMMON_FLAGS).args(CORE_FLAGS).args(["--crate-name=compiler_builtins", "--out-dir"]);
            run("compiler_builtins", builtins.arg(&out).arg("--sysroot").arg(folder).arg(source))
        })?;
        Ok(target)
    }
}

fn nightly_rustc() -> Result<PathBuf, PtxError> {
    let mut which = Command::new("rustup");
    which.args(["which", "--toolchain", "nightly", "rustc"]);
    let found = output_of(&mut which).map_err(|e| {
        PtxError::NoToolchain(format!("no nightly compiler ({e}); `rustup toolchain install nightly` installs one"))
    })?;
    Ok(PathBuf::from(found))
}

fn installed_library(rustc: &Path) -> Result<PathBuf, PtxError> {
    let sysroot = output_of(Command::new(rustc).args(["--print", "sysroot"]))?;
    Ok(Path::new(&sysroot).join("lib/rustlib/src/rust/library"))
}

/// The digest of what `core` is made from: Rust sources and the texts that they include.
fn core_digest(library: &Path) -> Result<String, PtxError> {
    let mut files = Vec::new();
    for part in CORE_PARTS.iter().filter(|part| library.join(part).is_dir()) {
        files.extend(files_below(library, part)?);
    }
    let is_source = |path: &PathBuf| path.extension().is_some_and(|e| e == "rs" || e == "md");
    files.retain(is_source);
    digest_of(library, &files)
}

/// The folder that an archive unpacks to, below `cache`, named by the archive's digest.
fn unpacked(archive: &Path, cache: &Path) -> Result<PathBuf, PtxError> {
    let target = cache.join(format!("core-{}", &digest(&read(archive)?)[..16]));
    into_place(&target, |folder| {
        run("unpacking the source of core", Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(folder))
    })?;
    Ok(target)
}

/// Makes `target` whole or not at all: `fill` works on a temporary folder that is renamed.
fn into_place(target: &Path, fill: impl FnOnce(&Path) -> Result<(), PtxError>) -> Result<(), PtxError> {
    if target.is_dir() {
        return Ok(());
    }
    let parent = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(PtxError::io(parent))?;
    let temporary = tempfile::tempdir_in(parent).map_err(PtxError::io(parent))?;
    fill(temporary.path())?;
    match fs::rename(temporary.path(), target) {
        // Another process was faster, with the same content.
        Err(_) if target.is_dir() => Ok(()),
        other => other.map_err(PtxError::io(target)),
    }
}

fn run(what: &str, command: &mut Command) -> Result<(), PtxError> {
    let program = PathBuf::from(command.get_program());
    let output = command.output().map_err(PtxError::io(&program))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).trim_end().to_string();
    Err(PtxError::Compile { what: what.into(), output: text })
}

/// The trimmed standard output of a command that must succeed.
fn output_of(command: &mut Command) -> Result<String, PtxError> {
    let program = PathBuf::from(command.get_program());
    let output = command.output().map_err(PtxError::io(&program))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_string());
    }
    Err(PtxError::NoToolchain(String::from_utf8_lossy(&output.stderr).trim().to_string()))
}
