//! Compiles the imitated driver with the compiler at hand: first the kernels' package, which it computes
//! with, then the library itself.

use std::path::Path;
use std::process::Command;

/// Puts `libcuda.so.1` into `folder`. `root` is that of the workspace.
pub fn compile(root: &Path, folder: &Path) {
    let library = |name: &str, source: &str, others: &[String]| {
        let (out, name) = (folder.join(format!("lib{name}.rlib")), format!("--crate-name={name}"));
        let others = others.iter().map(String::as_str);
        let options: Vec<&str> = ["--crate-type=rlib", &name].into_iter().chain(others).collect();
        rustc(&options, &root.join(source), &out);
        format!("--extern={}={}", &name["--crate-name=".len()..], out.display())
    };
    let schedule = library("bqc_schedule", "crates/bqc-schedule/src/lib.rs", &[]);
    let kernels = library("bqc_kernels", "kernels-gpu/src/lib.rs", &[schedule]);
    let (source, found) = (root.join("crates/bqc-cuda/tests/fake/libcuda.rs"), format!("-L{}", folder.display()));
    let options = ["--crate-type=cdylib", "--crate-name=cuda", &kernels, &found];
    rustc(&options, &source, &folder.join("libcuda.so.1"));
}

/// Compiles one source.
pub fn rustc(options: &[&str], source: &Path, out: &Path) {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition=2024", "-Copt-level=2", "--cap-lints=warn"]).args(options);
    let compiled = rustc.arg("-o").arg(out).arg(source).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}
