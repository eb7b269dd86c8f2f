//! Names the build: a hash of what may decide a result, so that results of another build are not taken for this
//! one's. Two builds of the same sources by the same compiler have the same name, wherever they lie.
//!
//! The two lists below are the whole rule. `tests/build_identity.rs` asserts that each crate of the workspace is in
//! exactly one of them, so that a new crate cannot be forgotten.

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// Files and folders, relative to the root, that decide what comes out for a given unit of work. Of a folder, `.rs`
/// and `.ptx` files count.
pub const DECIDING: [&str; 15] = [
    "Cargo.lock",
    "crates/bqc-circuit/src",
    "crates/bqc-cuda/src",
    "crates/bqc-instantiate/src",
    "crates/bqc-linalg/src",
    "crates/bqc-native/src",
    "crates/bqc-optimize/src",
    "crates/bqc-partition/src",
    "crates/bqc-rewrite/src",
    "crates/bqc-run/src",
    "crates/bqc-schedule/src",
    "crates/bqc-verify/src",
    "crates/bqc-wire/src",
    "kernels-gpu/ptx",
    "kernels-gpu/src",
];

/// Folders of the other crates, and why a change there makes no known result worthless.
pub const NOT_DECIDING: [(&str, &str); 12] = [
    ("", "the command: what it decides, settings and seed, is in each unit and each plan"),
    ("benchmarks", "measures, and is not part of the program"),
    ("crates/bqc-cluster", "decides who does a unit, not what comes out; results are checked as they come in"),
    ("crates/bqc-compiler", "puts a run together; what it decides, settings and names, is in each unit and each plan"),
    ("crates/bqc-cuda-shim", "passes calls on to the driver"),
    ("crates/bqc-pool", "decides which process does a unit, not what comes out; results are checked as they come in"),
    ("crates/bqc-qasm", "the circuit as it was understood is in each plan, and its blocks are in each unit"),
    ("tools/ptx-builder", "makes the PTX, which is in the list itself"),
    ("tools/ptx-runner", "runs kernels in tests"),
    ("crates/bqc-store", "keeps results, which are checked as they come back"),
    ("kernels-gpu/ceilings", "measures what the hardware can do"),
    ("tools/test-skips", "skips tests"),
];

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    for path in DECIDING.iter().filter(|path| root.join(path).exists()) {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    // Another compiler, or another processor that it may use, may round otherwise.
    let compiler = Command::new(variable("RUSTC")).arg("-vV").output()?.stdout;
    let circumstances = [&compiler[..], variable("TARGET").as_bytes(), variable("CARGO_ENCODED_RUSTFLAGS").as_bytes()]
        .map(<[u8]>::to_vec);
    println!("cargo::rustc-env=BQC_BUILD={}", name(&root, &circumstances)?);
    Ok(())
}

/// The name of the build of the sources below `root` under these circumstances: 16 hexadecimal digits.
///
/// In the repository everything listed is there, or this fails. Unpacked from a registry, the package stands alone:
/// then its lock file names its libraries by version.
pub fn name(root: &Path, circumstances: &[Vec<u8>]) -> io::Result<String> {
    let is_alone = !DECIDING.iter().any(|path| root.join(path).is_dir());
    let mut files = Vec::new();
    for path in DECIDING.iter().filter(|path| !is_alone || root.join(path).exists()) {
        collect(root, path, &mut files).map_err(|e| io::Error::new(e.kind(), format!("{path}: {e}")))?;
    }
    files.sort();
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    for file in &files {
        add(file.as_bytes());
        add(&fs::read(root.join(file))?);
    }
    circumstances.iter().for_each(|part| add(part));
    Ok(hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Adds a file, or all sources below a folder, by their paths relative to `root` with `/`.
fn collect(root: &Path, path: &str, files: &mut Vec<String>) -> io::Result<()> {
    if root.join(path).is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(root.join(path))? {
        let entry = entry?;
        let name = format!("{path}/{}", entry.file_name().to_string_lossy());
        let is_source = [".rs", ".ptx"].iter().any(|extension| name.ends_with(extension));
        if entry.path().is_dir() || is_source {
            collect(root, &name, files)?;
        }
    }
    Ok(())
}
