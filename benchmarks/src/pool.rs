//! What worker processes and journals cost, and what is lost when they are killed.
//!
//! Runs `bqc` as a user does, reads its log, and ends its processes by SIGKILL at random moments. Linux only:
//! processes are found in `/proc`.

use bqc_circuit::BlockCircuit;
use bqc_instantiate::{CpuEngine, Engine};
use bqc_linalg::Stream;
use bqc_optimize::BlockSettings;
use bqc_pool::{Patience, Pool, Program};
use bqc_run::{Unit, Workshop};
use bqc_store::{Journal, Use};
use bqc_wire::unit::GateForm;
use bqc_wire::{BlockForm, Build, Entry, Outcome, Plan, SolvedRecord, UnitKey};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Empty blocks, and what it took to have them done.
#[derive(Clone, Copy, Debug)]
pub struct Empty {
    /// With the start of the workers.
    pub wall_seconds: f64,
    /// Largest resident memory of this process since its start, the supervisor here.
    pub peak_bytes: u64,
}

/// Has `n_blocks` blocks without gates done by `n_workers` processes of `bqc`, one thread for each.
pub fn empty_blocks(bqc: &Path, n_workers: usize, n_blocks: usize) -> Result<Empty, String> {
    let engine = CpuEngine::default();
    let program = Program { path: bqc.to_owned(), arguments: vec!["worker".into()], build: build_of(bqc)? };
    let start = Instant::now();
    let pool = Pool::new(program, Patience::default(), &engine, &|line| eprintln!("{line}"));
    let pool = pool.map_err(|loss| loss.to_string())?;
    let (next, n_done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (block, go) = (BlockCircuit::new(2), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..n_workers {
            scope.spawn(|| {
                loop {
                    // Another seed makes another unit.
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= n_blocks {
                        break;
                    }
                    let settings = BlockSettings { seed: seed as u64, ..BlockSettings::default() };
                    let solved = pool.solve(&Unit::new(&block, &settings, 0, 0, engine.name()), &go);
                    n_done.fetch_add(usize::from(solved.is_final && solved.worker.is_some()), Ordering::Relaxed);
                }
            });
        }
    });
    let wall_seconds = start.elapsed().as_secs_f64();
    let n_done = n_done.into_inner();
    if n_done != n_blocks {
        return Err(format!("workers did {n_done} of {n_blocks} empty blocks"));
    }
    let status = fs::read_to_string("/proc/self/status").map_err(|e| e.to_string())?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    let peak_kib: u64 = peak.ok_or("the system does not tell the peak memory")?;
    Ok(Empty { wall_seconds, peak_bytes: peak_kib << 10 })
}

/// The build of this `bqc`, as its plans say it: a worker of another build is refused.
fn build_of(bqc: &Path) -> Result<Build, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (input, run_dir) = (folder.path().join("in.qasm"), folder.path().join("run"));
    fs::write(&input, "OPENQASM 2.0;\nqreg q[1];\n").map_err(|e| e.to_string())?;
    let output = Command::new(bqc).arg("plan").arg(&input).arg("--run-dir").arg(&run_dir).output();
    let output = output.map_err(|e| format!("{}: {e}", bqc.display()))?;
    let no_plan = |e: &dyn std::fmt::Display| {
        format!("{} made no plan: {e}: {}", bqc.display(), String::from_utf8_lossy(&output.stderr))
    };
    let text = fs::read_to_string(run_dir.join("plan.json")).map_err(|e| no_plan(&e))?;
    Ok(Build::from(Plan::unseal(&text).map_err(|e| no_plan(&e))?.build))
}

/// Seconds that a journal of many blocks takes.
#[derive(Clone, Copy, Debug)]
pub struct JournalSeconds {
    /// To write, until all is on the disk.
    pub write: f64,
    /// To read, as one segment.
    pub replay: f64,
    /// To read the same from many segments that overlap by a tenth.
    pub merge: f64,
}

/// A result of some 1.5 kB, as a block of five wires has.
fn solved(i: u32) -> Entry {
    let gate = |k: u32| match k % 3 {
        0 => GateForm::Cx((k % 5) as u16, ((k + 1) % 5) as u16),
        _ => GateForm::U3((k % 5) as u16, [f64::from(i), f64::from(k), 0.5]),
    };
    let block = BlockForm { width: 5, gates: (0..80).map(gate).collect() };
    let (outcome, reason) = (Outcome::Improved, "improved".into());
    let record = SolvedRecord { block, distance: 1e-14, instantiations: 1, outcome, reason };
    let mut key = [0; 32];
    key[..4].copy_from_slice(&i.to_le_bytes());
    Entry::Solved { key: UnitKey(key), result: Box::new(record), is_settled: true, seconds: 0.0 }
}

/// Writes and reads a journal of `n_blocks` in `folder`, and another in `n_segments` pieces.
pub fn journal(folder: &Path, n_blocks: u32, n_segments: u32) -> Result<JournalSeconds, String> {
    let open = |name: &str| {
        Journal::open(&folder.join(name), &[0; 32], &Build::new("bench"), Use::Run).map_err(|e| e.to_string())
    };
    let write = |name: &str, blocks: std::ops::Range<u32>| -> Result<f64, String> {
        let start = Instant::now();
        let journal = open(name)?;
        blocks.for_each(|i| journal.append(&solved(i)));
        journal.failure().map_or(Ok(()), Err)?;
        drop(journal);
        Ok(start.elapsed().as_secs_f64())
    };
    let read = |name: &str| -> Result<f64, String> {
        let start = Instant::now();
        let n_known = open(name)?.n_known();
        let seconds = start.elapsed().as_secs_f64();
        if n_known == n_blocks as usize {
            Ok(seconds)
        } else {
            Err(format!("{n_known} of {n_blocks} blocks are known"))
        }
    };
    let written = write("one", 0..n_blocks)?;
    let piece = n_blocks.div_ceil(n_segments);
    for i in 0..n_segments {
        write("many", i * piece..(i * piece + piece + piece / 10).min(n_blocks))?;
    }
    Ok(JournalSeconds { write: written, replay: read("one")?, merge: read("many")? })
}

/// A compile that is to be killed, and what it should come to.
pub struct Victim<'a> {
    /// The program.
    pub bqc: &'a Path,
    /// The circuit.
    pub input: &'a Path,
    /// Arguments of `bqc compile` beside input, output, log and workers.
    pub arguments: &'a [String],
    /// Where everything goes.
    pub folder: &'a Path,
}

/// Killing supervisors.
#[derive(Clone, Debug)]
pub struct Interrupted {
    /// For each kill and worker: CPU time from its last result, or its start, to the kill, at the pace of its
    /// whole life. What was lost is at most that.
    pub lost_seconds: Vec<f64>,
    /// For each kill: until none of the workers was left.
    pub orphan_seconds: Vec<f64>,
    /// Results that the last run found in the journal.
    pub n_known: usize,
    /// Runs that came to their end meanwhile, each with the output that was expected, and were begun anew.
    pub n_through: usize,
}

impl Victim<'_> {
    fn command(&self, workers: &str) -> Command {
        let mut command = Command::new(self.bqc);
        command.arg("compile").arg(self.input).args(self.arguments).args(["--quiet", "--workers", workers]);
        command.arg("--output").arg(self.folder.join("out.qasm")).arg("--log").arg(self.log());
        command.env("XDG_STATE_HOME", "/dev/null").stdin(Stdio::null());
        command
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log.jsonl")
    }

    fn output(&self) -> Result<Vec<u8>, String> {
        fs::read(self.folder.join("out.qasm")).map_err(|e| e.to_string())
    }

    fn through(&self, mut child: Child) -> Result<Vec<u8>, String> {
        let status = child.wait().map_err(|e| e.to_string())?;
        if status.success() { self.output() } else { Err(format!("bqc ended: {status}")) }
    }

    fn spawn(&self, more: &[&str]) -> Result<Child, String> {
        self.command("2").args(more).spawn().map_err(|e| e.to_string())
    }

    /// What an undisturbed run writes, and how long it takes on the clock.
    pub fn undisturbed(&self) -> Result<(Vec<u8>, f64), String> {
        let start = Instant::now();
        let output = self.through(self.spawn(&[])?)?;
        Ok((output, start.elapsed().as_secs_f64()))
    }

    /// A run in a run folder whose supervisor is killed `n_kills` times, within `pause_seconds` of each start, and
    /// then comes to its end with the output that is expected.
    pub fn kill_supervisors(
        &self,
        n_kills: usize,
        pause_seconds: f64,
        expected: &[u8],
        moments: &mut Stream,
    ) -> Result<Interrupted, String> {
        let run_folder = self.folder.join("run");
        let options = ["--run-dir", run_folder.to_str().ok_or("a folder with a strange name")?];
        let (mut lost_seconds, mut orphan_seconds, mut n_through) = (Vec::new(), Vec::new(), 0);
        while orphan_seconds.len() < n_kills {
            _ = fs::remove_file(self.log());
            let mut child = self.spawn(&options)?;
            thread::sleep(Duration::from_secs_f64(pause_seconds * (0.1 + 0.9 * moments.uniform())));
            if child.try_wait().map_err(|e| e.to_string())?.is_some() {
                if self.through(child)? != expected {
                    return Err(format!("the output after {} kills is another", orphan_seconds.len()));
                }
                n_through += 1;
                fs::remove_dir_all(&run_folder).map_err(|e| e.to_string())?;
                continue;
            }
            let workers: Vec<(i32, f64)> =
                children(child.id()).into_iter().filter_map(|pid| Some((pid, cpu_seconds(pid)?))).collect();
            child.kill().map_err(|e| e.to_string())?;
            let (killed, now) = (Instant::now(), second_of_day());
            child.wait().map_err(|e| e.to_string())?;
            while workers.iter().any(|&(pid, _)| is_alive(pid)) {
                if killed.elapsed() > Duration::from_secs(60) {
                    return Err("a worker outlives its supervisor by a minute".into());
                }
                thread::sleep(Duration::from_millis(1));
            }
            orphan_seconds.push(killed.elapsed().as_secs_f64());
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            lost_seconds.extend(workers.iter().filter_map(|&(pid, cpu)| {
                let (started, last) = seen(&log, pid)?;
                Some((now - last) * (cpu / (now - started).max(f64::MIN_POSITIVE)).min(1.0))
            }));
        }
        _ = fs::remove_file(self.log());
        let output = self.through(self.spawn(&options)?)?;
        let log = fs::read_to_string(self.log()).map_err(|e| e.to_string())?;
        let n_known = log.lines().filter(|line| line.contains("\"message\":\"unit known\"")).count();
        if output != expected {
            return Err(format!("the output after {n_kills} kills is another"));
        }
        Ok(Interrupted { lost_seconds, orphan_seconds, n_known, n_through })
    }

    /// One run whose workers are killed, `n_kills` of them, within `pause_seconds` of each other. Gives how many
    /// it says that it has lost.
    pub fn kill_workers(
        &self,
        n_kills: usize,
        pause_seconds: f64,
        expected: &[u8],
        moments: &mut Stream,
    ) -> Result<usize, String> {
        _ = fs::remove_file(self.log());
        let mut child = self.spawn(&[])?;
        let mut n_killed = 0;
        while n_killed < n_kills {
            thread::sleep(Duration::from_secs_f64(2.0 * pause_seconds * moments.uniform()));
            let workers = children(child.id());
            if !workers.is_empty() {
                let pid = Pid::from_raw(workers[moments.below(workers.len())]);
                n_killed += usize::from(kill(pid, Signal::SIGKILL).is_ok());
            }
            if child.try_wait().map_err(|e| e.to_string())?.is_some() {
                return Err(format!("the run was through after {n_killed} kills: take more work for it"));
            }
        }
        let output = self.through(child)?;
        let log = fs::read_to_string(self.log()).map_err(|e| e.to_string())?;
        let n_lost = log.lines().filter(|line| line.contains("\"message\":\"worker lost\"")).count();
        if output == expected { Ok(n_lost) } else { Err(format!("the output after {n_kills} kills is another")) }
    }
}

/// When the log first and last tells of a worker: its start, and its last result; as seconds of the day.
fn seen(log: &str, worker: i32) -> Option<(f64, f64)> {
    let is_of = |line: &&str| {
        let at = line.find("\"worker\":")? + "\"worker\":".len();
        let digits: String = line[at..].chars().take_while(char::is_ascii_digit).collect();
        (digits.parse() == Ok(worker)).then_some(())
    };
    let time = |line: &str| {
        let time = line.split_once("\"timestamp\":\"")?.1.split_once('T')?.1.split_once('Z')?.0;
        let mut parts = time.split(':').map(|part| part.parse::<f64>());
        let mut next = || parts.next()?.ok();
        Some(3600.0 * next()? + 60.0 * next()? + next()?)
    };
    let mut of_worker = log.lines().filter(|line| is_of(line).is_some());
    let first = time(of_worker.next()?)?;
    Some((first, of_worker.next_back().map_or(Some(first), time)?))
}

fn second_of_day() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64()) % 86400.0
}

/// Processes whose parent is `parent`, zombies left out.
fn children(parent: u32) -> Vec<i32> {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|&pid| state(pid).is_some_and(|(state, of)| of == parent && state != 'Z')).collect()
}

fn is_alive(pid: i32) -> bool {
    state(pid).is_some_and(|(state, _)| state != 'Z')
}

/// User and system time of a process, which the system counts in hundredths of a second.
fn cpu_seconds(pid: i32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some(0.01 * (next()? + next()?))
}

/// State and parent of a process.
fn state(pid: i32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_seen_in_the_lines_that_name_it() {
        let line = |time: &str, worker: u32| format!("{{\"timestamp\":\"2026-01-02T{time}Z\",\"worker\":{worker}}}\n");
        let log = [line("00:00:01.5", 12), line("01:01:02.25", 1), line("23:00:00", 123)].concat();
        assert_eq!((seen(&log, 1), seen(&log, 12), seen(&log, 2)), (Some((3662.25, 3662.25)), Some((1.5, 1.5)), None));
        let log = [log, line("02:00:00", 12)].concat();
        assert_eq!(seen(&log, 12), Some((1.5, 7200.0)));
        assert!(cpu_seconds(std::process::id() as i32).is_some_and(|seconds| seconds >= 0.0));
    }

    #[test]
    fn a_journal_in_pieces_is_known_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let seconds = journal(folder.path(), 100, 7).unwrap();
        assert!(seconds.write > 0.0 && seconds.replay > 0.0 && seconds.merge > 0.0);
    }
}
