//! What the process has used so far, as the system tells it.

use std::time::Instant;

/// CPU time of the process and of its workers that have ended, and memory of the process alone; `None` where
/// the system does not tell. (What it tells of the memory of children includes this process's at their start.)
pub struct Resources {
    /// User and system time of all threads, and of children that were waited for, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Largest resident set so far, in bytes.
    pub peak_rss_bytes: Option<u64>,
    /// Time on the clock, in seconds.
    pub wall_seconds: f64,
}

/// Counts from a moment on: what ran in the process before `exec`, such as a shell or `cargo run` with all
/// its children, is none of ours.
pub struct Meter {
    start: Instant,
    inherited_seconds: Option<f64>,
}

impl Meter {
    /// Begins to count; time on the clock runs from `start`.
    pub fn new(start: Instant) -> Meter {
        Meter { start, inherited_seconds: cpu_seconds() }
    }

    /// When it began.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Reads it.
    pub fn read(&self) -> Resources {
        let cpu_seconds = cpu_seconds().zip(self.inherited_seconds).map(|(now, before)| now - before);
        let wall_seconds = self.start.elapsed().as_secs_f64();
        Resources { cpu_seconds, peak_rss_bytes: peak_rss_bytes(), wall_seconds }
    }
}

/// CPU time of the process and its children, whatever program it was.
#[cfg(unix)]
fn cpu_seconds() -> Option<f64> {
    use nix::sys::resource::{Usage, UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    let microseconds = |usage: Usage| usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    let of_children = getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0, microseconds);
    let own = getrusage(UsageWho::RUSAGE_SELF).ok().map(microseconds)?;
    Some((own + of_children) as f64 * 1e-6)
}

#[cfg(unix)]
fn peak_rss_bytes() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};
    // BSD and Linux count kibibytes, macOS bytes.
    const MAXRSS_UNIT_BYTES: i64 = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    high_water_mark().or_else(|| {
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        u64::try_from(usage.max_rss() * MAXRSS_UNIT_BYTES).ok()
    })
}

#[cfg(not(unix))]
fn cpu_seconds() -> Option<f64> {
    None
}

#[cfg(not(unix))]
fn peak_rss_bytes() -> Option<u64> {
    None
}

/// Linux's own figure of this program: `getrusage` also counts what ran in the process before
/// `exec`, such as `cargo run`.
#[cfg(unix)]
fn high_water_mark() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn figures_are_plausible_and_grow() {
        let meter = Meter::new(Instant::now());
        let before = meter.read();
        let filled = vec![1u8; 64 << 20];
        let sum: u64 = filled.iter().map(|&b| u64::from(b)).sum();
        assert_eq!(sum, 64 << 20);
        let after = meter.read();
        assert!(after.cpu_seconds > before.cpu_seconds);
        let peak = after.peak_rss_bytes.unwrap();
        assert!((64 << 20..1 << 40).contains(&peak), "{peak}");
    }

    #[test]
    fn what_ran_before_is_not_counted() {
        let earlier = Meter::new(Instant::now());
        let mut x = 1u64;
        while earlier.read().cpu_seconds.unwrap() < 0.05 {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        let inherited = earlier.inherited_seconds.unwrap();
        let later = Meter::new(Instant::now());
        assert!(later.inherited_seconds.unwrap() >= inherited + 0.05);
        let (of_later, of_earlier) = (later.read().cpu_seconds.unwrap(), earlier.read().cpu_seconds.unwrap());
        assert!(of_later + 0.05 <= of_earlier);
    }
}
