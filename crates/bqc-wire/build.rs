//! Names the build: a hash of all that may decide a result, so that results of another build are not taken for
//! this one's. Two builds of the same sources by the same compiler have the same name, wherever they lie.

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Folders of `crates/` that decide no result: a change there must not make known results worthless.
const UNDECIDING: [&str; 3] = ["bqc-cuda-shim", "bqc-pool", "bqc-qasm"];

fn main() {
    let root = Path::new("../..");
    let mut folders = vec![root.join("kernels-gpu/src"), root.join("kernels-gpu/ptx")];
    let crates = fs::read_dir(root.join("crates")).into_iter().flatten().flatten();
    folders.extend(
        crates.filter(|entry| !UNDECIDING.iter().any(|name| entry.file_name() == *name)).map(|e| e.path().join("src")),
    );
    // Alone, as an unpacked package is, it names itself only.
    folders.push(PathBuf::from("src"));
    let mut files = vec![root.join("Cargo.lock")];
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        println!("cargo::rerun-if-changed={}", folder.display());
        walk(folder, &mut files);
    }
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    files.sort();
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    for file in &files {
        add(file.to_string_lossy().replace('\\', "/").as_bytes());
        add(&fs::read(file).unwrap_or_default());
    }
    // Another compiler, or another processor that it may use, may round otherwise.
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let compiler = Command::new(variable("RUSTC")).arg("-vV").output().map_or(Vec::new(), |output| output.stdout);
    add(&compiler);
    add(variable("TARGET").as_bytes());
    add(variable("CARGO_ENCODED_RUSTFLAGS").as_bytes());
    let name: String = hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    println!("cargo::rustc-env=BQC_BUILD={name}");
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs" || e == "ptx") {
            files.push(path);
        }
    }
}
