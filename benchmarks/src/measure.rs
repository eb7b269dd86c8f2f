//! Clocks and the statistics of repeated measurements.
//!
//! What one thread computes is measured in CPU time of that thread: other work on the machine then
//! costs only what it takes from caches and memory. Figures are medians with quartiles, never means
//! or best cases.

use std::fmt;

/// CPU time that this thread has used, in seconds.
#[cfg(unix)]
pub fn thread_cpu_seconds() -> f64 {
    use nix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Unix has this clock");
    now.tv_sec() as f64 + now.tv_nsec() as f64 * 1e-9
}

/// Wall time, where the system has no clock for threads.
#[cfg(not(unix))]
pub fn thread_cpu_seconds() -> f64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// Median and quartiles of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// A quarter of the values are below.
    pub lower: f64,
    /// Half of the values are below.
    pub median: f64,
    /// Three quarters of the values are below.
    pub upper: f64,
}

impl Spread {
    /// Quantiles by linear interpolation between the ordered values; none of an empty sample.
    pub fn of(values: &[f64]) -> Option<Spread> {
        let mut ordered = values.to_vec();
        ordered.sort_by(f64::total_cmp);
        let last = ordered.len().checked_sub(1)?;
        let quantile = |q: f64| {
            let at = q * last as f64;
            let (below, above) = (ordered[at.floor() as usize], ordered[at.ceil() as usize]);
            below + (above - below) * at.fract()
        };
        Some(Spread { lower: quantile(0.25), median: quantile(0.5), upper: quantile(0.75) })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}–{})", short(self.median), short(self.lower), short(self.upper))
    }
}

/// A number with three significant digits, whole numbers without a point.
pub fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    if value.fract() == 0.0 && value.abs() < 1e6 {
        return format!("{value:.0}");
    }
    let digits = (2 - value.abs().log10().floor() as i32).max(0) as usize;
    if digits > 6 { format!("{value:.1e}") } else { format!("{value:.digits$}") }
}

/// How often and how long a piece of work is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Repetitions; the statistics are over these.
    pub repeats: usize,
    /// Least CPU seconds of one repetition.
    pub seconds: f64,
}

/// Seconds of CPU time for one unit of work, once per repetition. `work` does some, and returns how
/// many units that were and the seconds they took; it may prepare outside of these.
pub fn seconds_per_unit(effort: Effort, mut work: impl FnMut() -> (usize, f64)) -> Vec<f64> {
    let mut once = || {
        let (mut units, mut seconds) = (0, 0.0);
        while units == 0 || seconds < effort.seconds {
            let (n, t) = work();
            units += n;
            seconds += t;
        }
        seconds / units as f64
    };
    // The first one fills caches and sizes buffers.
    once();
    (0..effort.repeats).map(|_| once()).collect()
}

/// Runs `work` and gives the CPU time of this thread that it took, in seconds.
pub fn timed<R>(work: impl FnOnce() -> R) -> (R, f64) {
    let start = thread_cpu_seconds();
    let result = work();
    (result, thread_cpu_seconds() - start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_interpolate() {
        let spread = |values: &[f64]| Spread::of(values).map(|s| (s.lower, s.median, s.upper));
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0]), Some((3.0, 3.0, 3.0)));
        assert_eq!(spread(&[5.0, 1.0, 2.0, 4.0, 3.0]), Some((2.0, 3.0, 4.0)));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Some((1.75, 2.5, 3.25)));
    }

    #[test]
    fn numbers_are_short() {
        let cases =
            [(0.0, "0"), (12.0, "12"), (0.012345, "0.0123"), (1234.5, "1234"), (1.5e-9, "1.5e-9"), (99.95, "100.0")];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn the_clock_counts_work_and_not_sleep() {
        let ((), slept) = timed(|| std::thread::sleep(std::time::Duration::from_millis(30)));
        let (sum, worked) = timed(|| (0..20_000_000u64).fold(0u64, |a, b| std::hint::black_box(a ^ b)));
        assert!(sum < u64::MAX && worked > 0.0);
        assert!(cfg!(not(unix)) || slept < 0.01, "{slept}");
    }
}
