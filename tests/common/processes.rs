//! Processes as Linux shows them, and signals to them.

#![allow(dead_code, reason = "each test file uses its part")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

/// Processes whose parent is `parent`, zombies left out.
pub fn children(parent: u32) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if state(pid).is_some_and(|(state, of)| of == parent && state != 'Z') {
            found.push(pid);
        }
    }
    found
}

/// State and parent of a process; none if there is none.
pub fn state(pid: i32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Whether a process still does something, or may.
pub fn is_alive(pid: i32) -> bool {
    state(pid).is_some_and(|(state, _)| state != 'Z')
}

pub fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
}

/// Kills a process if it is still there.
pub fn kill_pid(pid: i32) -> bool {
    kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok()
}

/// Sends a signal if the process is still there.
pub fn send_pid(pid: i32, signal: Signal) -> bool {
    kill(Pid::from_raw(pid), signal).is_ok()
}

/// Whether a process that is stopped has this signal waiting for it.
pub fn has_pending(pid: i32, signal: Signal) -> bool {
    has_signal(pid, "ShdPnd:", signal)
}

fn has_signal(pid: i32, key: &str, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix(key));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal as i32 - 1) & 1 == 1
}

/// Whether a process runs a program with this first argument. Until it has become one, a new process shows the arguments
/// and the handlers of its parent.
pub fn has_begun(pid: i32, first_argument: &str) -> bool {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    arguments.split(|byte| *byte == 0).nth(1) == Some(first_argument.as_bytes())
}

/// Whether a process has a handler for this signal.
pub fn handles(pid: i32, signal: Signal) -> bool {
    has_signal(pid, "SigCgt:", signal)
}

/// How long a test waits for what must come. No promise to users, but the end of a test that would hang: a
/// machine may be slow, or have other work.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until `is_so`, and panics when that does not come.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "not after {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
