//! An imitated machine with GPUs: its driver, its MPS, and runs of the binary on it.

#![allow(dead_code, reason = "each test file uses its part")]

#[path = "../../crates/bqc-cuda/tests/fake/compile.rs"]
mod fake;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder with `libcuda.so.1` and, in `bin`, `nvidia-cuda-mps-control`; compiled once for each test program.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let program = std::env::current_exe().unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(program.file_name().unwrap());
        std::fs::create_dir_all(folder.join("bin")).unwrap();
        fake::compile(root, &folder);
        let control = folder.join("bin/nvidia-cuda-mps-control");
        fake::rustc(&["--crate-name=control"], &root.join("tests/common/fake/mps_control.rs"), &control);
        folder
    })
}

/// The machine of one test: what is so there, and its memory of it.
pub struct Machine {
    scenario: String,
    /// Where processes leave what concerns others.
    pub memory: tempfile::TempDir,
    /// Where the programs are that it has, if not nowhere.
    path: Option<PathBuf>,
    variables: Vec<(String, String)>,
}

impl Machine {
    /// With a driver; `scenario` as `FAKE_CUDA` has it.
    pub fn new(scenario: &str) -> Machine {
        let memory = tempfile::tempdir().unwrap();
        std::fs::create_dir(memory.path().join("gpus")).unwrap();
        Machine { scenario: scenario.into(), memory, path: None, variables: Vec::new() }
    }

    /// Also with MPS.
    pub fn with_mps(scenario: &str) -> Machine {
        Machine { path: Some(folder().join("bin")), ..Machine::new(scenario) }
    }

    /// Also with this in the environment.
    pub fn and(mut self, name: &str, value: &str) -> Machine {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Gives a command the machine to run on.
    pub fn host(&self, mut command: Command) -> Command {
        let memory = self.memory.path();
        // Nothing of the real machine's, which may have programs of these names.
        let path = self.path.clone().unwrap_or(memory.join("no-programs"));
        command.env("LD_LIBRARY_PATH", folder()).env("PATH", path).env("TMPDIR", memory);
        command.env_remove("CUDA_VISIBLE_DEVICES").env("CUDA_MPS_PIPE_DIRECTORY", memory.join("nobody"));
        command.env("FAKE_CUDA", &self.scenario).env("FAKE_CUDA_DIR", memory.join("gpus"));
        command.env("FAKE_MPS_LOG", self.mps_log()).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// GPUs on which a worker was, by the machine's own numbers, and how many were there. A worker that ends
    /// as a run does leaves a file behind.
    pub fn used_gpus(&self) -> Vec<(char, usize)> {
        let names = std::fs::read_dir(self.memory.path().join("gpus")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut gpus: Vec<char> =
            names.filter(|name| name.contains('-')).filter_map(|name| name.chars().next()).collect();
        gpus.retain(char::is_ascii_digit);
        gpus.sort();
        let mut counts: Vec<(char, usize)> = Vec::new();
        for gpu in gpus {
            match counts.last_mut() {
                Some((last, n)) if *last == gpu => *n += 1,
                _ => counts.push((gpu, 1)),
            }
        }
        counts
    }

    fn mps_log(&self) -> PathBuf {
        self.memory.path().join("mps.log")
    }

    /// Starts and ends of daemons.
    pub fn mps_events(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.mps_log()).unwrap_or_default();
        text.lines().map(str::to_string).collect()
    }

    /// Folders of daemons of bqc's.
    pub fn mps_folders(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.memory.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("bqc-mps-")).collect()
    }
}
