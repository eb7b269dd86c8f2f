//! Compiles the imitated driver with the compiler at hand: first the kernels' package, which it computes
//! with, then the library itself.

use std::path::Path;
use std::process::Command;

/// Puts `libcuda.so.1` into `folder`. `root` is that of the workspace.
pub fn compile(root: &Path, folder: &Path) {
    let kernels = folder.join("libbqc_kernels.rlib");
    rustc(&["--crate-type=rlib", "--crate-name=bqc_kernels"], &root.join("kernels-gpu/src/lib.rs"), &kernels);
    let kernels = format!("--extern=bqc_kernels={}", kernels.display());
    let source = root.join("crates/bqc-cuda/tests/fake/libcuda.rs");
    rustc(&["--crate-type=cdylib", "--crate-name=cuda", &kernels], &source, &folder.join("libcuda.so.1"));
}

/// Compiles one source.
pub fn rustc(options: &[&str], source: &Path, out: &Path) {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition=2024", "-Copt-level=2", "--cap-lints=warn"]).args(options);
    let compiled = rustc.arg("-o").arg(out).arg(source).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}
