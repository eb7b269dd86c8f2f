//! A private Slurm for a test (`tests/slurm/up.sh`), and what tests do with it. Where Slurm is not installed,
//! the test is skipped (`test-skips`).

#![allow(dead_code, reason = "each test file uses its part")]

use super::processes::{is_alive, send_pid, wait_until};
use super::{Folder, without_slurm};
use nix::sys::signal::Signal;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use test_skips::{Need, skip};

fn up_sh() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/slurm/up.sh")
}

/// Whether a program is found. System programs may lie where users do not look.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    places.into_iter().any(|folder| folder.join(program).is_file())
}

/// A Slurm that goes down with this, and if the test's process is killed, with that.
pub struct Slurm {
    folder: Folder,
}

impl Slurm {
    /// Nodes `n0`, `n1`, … of so many cores and GPUs that are none; nothing where there is no Slurm.
    pub fn up(n_nodes: u32, n_cores: u32, n_gpus: u32) -> Option<Slurm> {
        let needed = ["slurmctld", "slurmd", "munged", "sbatch", "srun"];
        if let Some(missing) = needed.into_iter().find(|program| !is_installed(program)) {
            let packages = "slurm-wlm slurm-wlm-basic-plugins munge";
            skip(Need::Slurm, &format!("there is no `{missing}`; apt-get install {packages}"));
            return None;
        }
        let slurm = Slurm { folder: Folder::new() };
        let counts = [n_nodes, n_cores, n_gpus].map(|n| n.to_string());
        let mut command = Command::new(up_sh());
        without_slurm(&mut command);
        command.arg(slurm.folder.path("slurm")).args(counts).env("OWNER", std::process::id().to_string());
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(slurm)
    }

    /// A file or folder of the test's own, which all nodes see.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }

    /// The folder of the test's own.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// A command that talks to this Slurm and finds the binary under test as `bqc`, in the test's folder.
    pub fn command(&self, program: &str) -> Command {
        let folder = self.path("slurm");
        let bqc = PathBuf::from(env!("CARGO_BIN_EXE_bqc"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = [bqc.parent().unwrap().to_path_buf()].into_iter().chain(std::env::split_paths(&path));
        let mut command = Command::new(program);
        without_slurm(&mut command);
        command.env("PATH", std::env::join_paths(places).unwrap()).current_dir(self.path(""));
        command.env("SLURM_CONF", folder.join("slurm.conf")).env("BQC_TEST_SLURM", folder);
        command.stdin(Stdio::null());
        command
    }

    /// Standard output of a line for bash, which has to succeed.
    pub fn bash(&self, line: &str) -> String {
        let output = self.output(line);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What comes of a line for bash.
    pub fn output(&self, line: &str) -> Output {
        self.command("bash").args(["-c", line]).output().unwrap()
    }

    /// Submits; the arguments are those of `sbatch`. Gives the job's number.
    pub fn submit(&self, arguments: &str) -> String {
        self.bash(&format!("sbatch --parsable {arguments}")).trim().to_owned()
    }

    /// Whether any part of the job is waiting or running.
    pub fn is_queued(&self, job: &str) -> bool {
        // Slurm forgets what ended, and says so with an error. A controller that is away is another matter.
        let output = self.output(&format!("squeue --noheader --jobs={job} --format=%T"));
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        !stdout.trim().is_empty() || !(output.status.success() || stderr.contains("Invalid job id"))
    }

    /// Waits for the end of a job, whatever it is.
    pub fn wait(&self, job: &str) {
        wait_until(&format!("the end of job {job}"), || {
            std::thread::sleep(std::time::Duration::from_millis(100));
            !self.is_queued(job)
        });
    }

    /// What Slurm knows of a job, such as `ExitCode` or `Restarts`.
    pub fn job_value(&self, job: &str, key: &str) -> String {
        let mut text = String::new();
        // A controller that has much to do answers later.
        wait_until(&format!("what Slurm knows of job {job}"), || {
            let output = self.output(&format!("scontrol show job {job}"));
            text = String::from_utf8(output.stdout).unwrap();
            output.status.success()
        });
        let prefix = format!("{key}=");
        let word = text.split_whitespace().find_map(|word| word.strip_prefix(&prefix));
        word.unwrap_or_else(|| panic!("{key}: {text}")).to_owned()
    }

    /// Does one of the script's other things: `--kill`, `--lose`, `--node` with a node, `--controller`.
    pub fn script(&self, what: &str, node: Option<u32>) {
        let mut command = Command::new(up_sh());
        command.arg(what).arg(self.path("slurm")).args(node.map(|node| node.to_string()));
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Lets the `n` processes `bqc COMMAND …` begin together: whoever comes first is stopped until all are there,
    /// so that none finds nothing left to do. Gives them.
    pub fn begin_together(&self, command: &str, n: usize) -> Vec<i32> {
        let mut pids = Vec::new();
        wait_until(&format!("{n} processes of bqc {command}"), || {
            pids = self.bqc(command, None);
            pids.iter().for_each(|&pid| _ = send_pid(pid, Signal::SIGSTOP));
            pids.len() == n
        });
        pids.iter().for_each(|&pid| assert!(send_pid(pid, Signal::SIGCONT)));
        pids
    }

    /// The processes `bqc COMMAND …` that run on this Slurm, on one node or on all.
    pub fn bqc(&self, command: &str, node: Option<u32>) -> Vec<i32> {
        let ours = format!("BQC_TEST_SLURM={}", self.path("slurm").display());
        let node = node.map(|node| format!("SLURMD_NODENAME=n{node}"));
        let has = |bytes: &[u8], word: &str| bytes.split(|&b| b == 0).any(|part| part == word.as_bytes());
        let is_one = |pid: &i32| {
            let file = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let (words, environment) = (file("cmdline"), file("environ"));
            let mut words = words.split(|&b| b == 0);
            words.next().is_some_and(|program| program == b"bqc" || program.ends_with(b"/bqc"))
                && words.next() == Some(command.as_bytes())
                && has(&environment, &ours)
                && node.as_ref().is_none_or(|node| has(&environment, node))
        };
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|&pid| is_alive(pid)).filter(is_one).collect()
    }

    /// The process of a daemon, by the name of its pid file: `slurmctld`, `slurmd.n0`.
    pub fn daemon(&self, name: &str) -> i32 {
        super::read(&self.path(&format!("slurm/{name}.pid"))).trim().parse().unwrap()
    }

    /// The logs of all jobs, for the message of a test that fails.
    pub fn logs(&self) -> String {
        let mut text = String::new();
        for name in self.folder.names().into_iter().filter(|name| name.ends_with(".log") || name.ends_with(".out")) {
            text += &format!("== {name}\n{}\n", String::from_utf8_lossy(&std::fs::read(self.path(&name)).unwrap()));
        }
        text
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        let down = Command::new(up_sh()).arg("--down").arg(self.path("slurm")).stdin(Stdio::null()).output();
        if !std::thread::panicking() {
            let output = down.unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
