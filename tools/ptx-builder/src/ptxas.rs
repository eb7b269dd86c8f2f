//! NVIDIA's assembler, which says what a kernel costs before any GPU has seen it. It comes as the Python
//! wheel `nvidia-cuda-nvcc-cu12`; `.ci/run` unpacks it into `target/ptxas`.

use crate::{Arch, PtxError};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The assembler.
#[derive(Clone, Debug)]
pub struct Ptxas(PathBuf);

/// What one function of a PTX file needs, as `ptxas -v` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionUse {
    /// Its name in the PTX.
    pub name: String,
    /// Registers of a thread; `None` for a function that is no kernel.
    pub registers: Option<u32>,
    /// Static shared memory of a block, in bytes.
    pub shared_bytes: u32,
    /// Local-memory arrays of a thread, in bytes.
    pub stack_bytes: u32,
    /// Registers written to local memory, in bytes of instructions.
    pub spill_store_bytes: u32,
    /// Registers read back from it, in bytes of instructions.
    pub spill_load_bytes: u32,
}

impl Ptxas {
    /// The assembler of the wheel unpacked in `folder`, else that of the search path; `None` if neither
    /// runs.
    pub fn find(folder: &Path) -> Option<Ptxas> {
        let candidates = [folder.join("nvidia/cuda_nvcc/bin/ptxas"), PathBuf::from("ptxas")];
        let runs = |path: &PathBuf| Command::new(path).arg("--version").output().is_ok_and(|o| o.status.success());
        candidates.into_iter().find(runs).map(Ptxas)
    }

    /// Assembles `ptx` for `arch`: every function, in the order of the assembler.
    pub fn assemble(&self, ptx: &Path, arch: Arch) -> Result<Vec<FunctionUse>, PtxError> {
        let mut command = Command::new(&self.0);
        command.arg("-v").arg(format!("--gpu-name={}", arch.name())).args(["--output-file", "/dev/null"]).arg(ptx);
        let output = command.output().map_err(PtxError::io(&self.0))?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            return Ok(parse(&text));
        }
        Err(PtxError::Compile { what: format!("{} for {}", ptx.display(), arch.name()), output: text })
    }
}

/// Reads what `ptxas -v` says. For each function it prints its properties, then for a kernel a line of
/// what it used.
fn parse(text: &str) -> Vec<FunctionUse> {
    let mut functions: Vec<FunctionUse> = Vec::new();
    for line in text.lines() {
        if let Some((_, name)) = line.split_once("Function properties for ") {
            functions.push(FunctionUse {
                name: name.trim().into(),
                registers: None,
                shared_bytes: 0,
                stack_bytes: 0,
                spill_store_bytes: 0,
                spill_load_bytes: 0,
            });
        }
        let Some(last) = functions.last_mut() else { continue };
        if line.contains("bytes stack frame") {
            last.stack_bytes = before(line, "bytes stack frame").unwrap_or(0);
            last.spill_store_bytes = before(line, "bytes spill stores").unwrap_or(0);
            last.spill_load_bytes = before(line, "bytes spill loads").unwrap_or(0);
        }
        if let Some(registers) = before(line, "registers") {
            // A kernel may be described after the functions that it calls.
            let kernel = functions.iter_mut().rev().find(|f| f.registers.is_none());
            if let Some(kernel) = kernel {
                kernel.registers = Some(registers);
                kernel.shared_bytes = before(line, "bytes smem").unwrap_or(0);
            }
        }
    }
    functions
}

/// The number in front of `words`.
fn before(line: &str, words: &str) -> Option<u32> {
    line.split_once(words)?.0.split_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'lm' for 'sm_80'
ptxas info    : Function properties for lm
    24 bytes stack frame, 436 bytes spill stores, 464 bytes spill loads
ptxas info    : Used 168 registers, used 1 barriers, 1024 bytes smem, 416 bytes cmem[0]
ptxas info    : Compile time = 4.392 ms
ptxas info    : Compiling entry function 'copy' for 'sm_80'
ptxas info    : Function properties for copy
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 20 registers, used 0 barriers
ptxas info    : Function properties for helper
    8 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
";

    #[test]
    fn the_report_is_read_function_by_function() {
        let found = parse(SAID);
        let names: Vec<&str> = found.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["lm", "copy", "helper"]);
        assert_eq!((found[0].registers, found[0].shared_bytes, found[0].stack_bytes), (Some(168), 1024, 24));
        assert_eq!((found[0].spill_store_bytes, found[0].spill_load_bytes), (436, 464));
        assert_eq!((found[1].registers, found[1].shared_bytes, found[1].stack_bytes), (Some(20), 0, 0));
        assert_eq!((found[2].registers, found[2].stack_bytes), (None, 8));
    }
}
