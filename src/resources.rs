//! What the process has used so far, as the system tells it.

/// CPU time of the process and of its workers that have ended, and memory of the process alone; `None` where
/// the system does not tell. (What it tells of the memory of children includes this process's at their start.)
pub struct Resources {
    /// User and system time of all threads, and of children that were waited for, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Largest resident set so far, in bytes.
    pub peak_rss_bytes: Option<u64>,
}

impl Resources {
    /// Reads them now.
    #[cfg(unix)]
    pub fn now() -> Resources {
        use nix::sys::resource::{Usage, UsageWho, getrusage};
        use nix::sys::time::TimeValLike;
        // BSD and Linux count kibibytes, macOS bytes.
        const MAXRSS_UNIT_BYTES: i64 = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
        let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else {
            return Resources { cpu_seconds: None, peak_rss_bytes: high_water_mark() };
        };
        let microseconds = |usage: Usage| usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        let of_children = getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0, microseconds);
        let cpu_microseconds = microseconds(usage) + of_children;
        let max_rss_bytes = u64::try_from(usage.max_rss() * MAXRSS_UNIT_BYTES).ok();
        Resources {
            cpu_seconds: Some(cpu_microseconds as f64 * 1e-6),
            peak_rss_bytes: high_water_mark().or(max_rss_bytes),
        }
    }

    /// Reads them now.
    #[cfg(not(unix))]
    pub fn now() -> Resources {
        Resources { cpu_seconds: None, peak_rss_bytes: None }
    }
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
        let before = Resources::now();
        let filled = vec![1u8; 64 << 20];
        let sum: u64 = filled.iter().map(|&b| u64::from(b)).sum();
        assert_eq!(sum, 64 << 20);
        let after = Resources::now();
        assert!(after.cpu_seconds > before.cpu_seconds);
        let peak = after.peak_rss_bytes.unwrap();
        assert!((64 << 20..1 << 40).contains(&peak), "{peak}");
    }
}
