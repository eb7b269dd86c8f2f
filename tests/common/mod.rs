//! Running the real binary, and circuits that the tests share.

#![allow(dead_code, reason = "each test file uses its part")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// Where no folder can be: what a test leaves unfinished must not be taken up by another.
pub const NO_STATE: &str = "/dev/null";

/// A command line of the binary under test, on a machine that is the same everywhere.
pub fn bqc(args: &[&str]) -> Command {
    let mut command = on_plain_machine(Command::new(env!("CARGO_BIN_EXE_bqc")));
    command.args(args);
    command
}

/// Gives a command a machine of two cores at most, without a GPU, whose user keeps nothing and is in no job.
pub fn on_plain_machine(mut command: Command) -> Command {
    without_slurm(&mut command);
    command.env("SLURM_CPUS_PER_TASK", "2").env("XDG_STATE_HOME", NO_STATE);
    command.env_remove("CUDA_VISIBLE_DEVICES").env_remove("CUDA_MPS_PIPE_DIRECTORY");
    command.env("LD_LIBRARY_PATH", without_driver());
    command
}

/// Takes away what a job of Slurm that runs the tests has in its environment.
pub fn without_slurm(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if ["SLURM", "SBATCH", "SRUN", "SQUEUE", "SCONTROL"]
            .iter()
            .any(|word| name.as_encoded_bytes().starts_with(word.as_bytes()))
        {
            command.env_remove(name);
        }
    }
}

/// A folder that hides NVIDIA's driver from programs that look for libraries there first.
fn without_driver() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-driver");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("libcuda.so.1"), "no library").unwrap();
        folder
    })
}

/// Runs to the end with empty standard input.
pub fn run(args: &[&str]) -> Output {
    bqc(args).stdin(Stdio::null()).output().unwrap()
}

/// Runs to the end with `input` on standard input.
pub fn run_with(args: &[&str], input: &str) -> Output {
    let mut child = bqc(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = input.to_owned();
    // A thread, because a child that answers before it has read all would block both sides. It may
    // also end before it has read all, so the write may fail.
    let writer = std::thread::spawn(move || drop(stdin.write_all(text.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// Exit code, standard output, standard error.
pub fn parts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// The number before `words` in the talk.
pub fn number(stderr: &str, words: &str) -> usize {
    let line = stderr.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}: {stderr}"));
    line.split(words).next().unwrap().trim().rsplit(' ').next().unwrap().parse().unwrap()
}

/// A folder of the test's own, and files in it.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes `text` and gives the path as an argument.
    pub fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.arg(name)
    }

    pub fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn read(&self, name: &str) -> String {
        read(&self.path(name))
    }

    /// Names of all files, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Counts statements that begin with `word`.
pub fn count(qasm: &str, word: &str) -> usize {
    qasm.lines().filter(|line| line.trim_start().split([' ', '(']).next() == Some(word)).count()
}

pub const HEADER: &str = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\n";

/// Two Toffoli gates that undo each other, with a rotation between that keeps them from being
/// recognised by looking: 12 CX, and far fewer suffice.
pub fn redundant() -> String {
    format!("{HEADER}qreg q[3];\nccx q[0],q[1],q[2];\nrz(0.3) q[0];\nccx q[0],q[1],q[2];\nh q[1];\n")
}

/// A chain of Toffoli gates with rotations over `n_qubits`, `n_rounds` times: as much work as one
/// asks for.
pub fn long(n_qubits: usize, n_rounds: usize) -> String {
    let mut text = format!("{HEADER}qreg q[{n_qubits}];\n");
    for round in 0..n_rounds {
        for q in 0..n_qubits - 2 {
            let angle = 0.1 + 0.01 * (round * n_qubits + q) as f64;
            writeln!(text, "ccx q[{q}],q[{}],q[{}];\nrx({angle}) q[{}];", q + 1, q + 2, q + 1).unwrap();
        }
    }
    text
}
