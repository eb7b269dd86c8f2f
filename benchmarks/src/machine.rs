//! What a figure was measured on: processor, compiler, state of the sources.

use bqc_linalg::lanes::Level;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine and the sources at this moment.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Model of the processor.
    pub cpu: String,
    /// Threads that run at the same time.
    pub n_cores: usize,
    /// Instruction set that the solvers chose.
    pub level: &'static str,
    /// The compiler in the path, which is the one that built this unless it was changed since.
    pub rustc: String,
    /// Commit of the sources, with `-dirty` if files differ from it.
    pub commit: String,
    /// Processes ready to run, averaged over a minute, when the measurement began.
    pub load: String,
    /// UTC, year-month-day.
    pub date: String,
}

impl Machine {
    /// Looks around. What cannot be found out is called `unknown`.
    pub fn here() -> Machine {
        let unknown = || "unknown".to_owned();
        let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() / 86400);
        let commit = output_of("git", &["rev-parse", "--short=10", "HEAD"]);
        let changes = output_of("git", &["status", "--porcelain", "--untracked-files=no"]);
        let dirty = if changes.is_some_and(|text| !text.is_empty()) { "-dirty" } else { "" };
        Machine {
            cpu: cpu_model().unwrap_or_else(unknown),
            n_cores: std::thread::available_parallelism().map_or(1, usize::from),
            level: Level::detect().name(),
            rustc: output_of("rustc", &["--version"]).unwrap_or_else(unknown),
            commit: commit.map_or_else(unknown, |c| c + dirty),
            load: load().unwrap_or_else(unknown),
            date: date(days),
        }
    }

    /// One paragraph.
    pub fn text(&self) -> String {
        format!(
            "{}: {}, {} cores, {}; {}; commit {}; load {} at the start.",
            self.date, self.cpu, self.n_cores, self.level, self.rustc, self.commit, self.load
        )
    }

    /// Name of the folder of its records: date and processor.
    pub fn folder(&self) -> String {
        let words: Vec<String> = self
            .cpu
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        format!("{}-{}", self.date, words.join("-"))
    }
}

fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn cpu_model() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok();
    let line = text.as_ref().and_then(|t| t.lines().find_map(|line| line.strip_prefix("model name")));
    line.and_then(|l| l.split_once(':'))
        .map(|(_, name)| name.trim().to_owned())
        .or_else(|| output_of("sysctl", &["-n", "machdep.cpu.brand_string"]))
}

fn load() -> Option<String> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split(' ').next().map(str::to_owned)
}

/// The Gregorian date of a day counted from 1970-01-01.
///
/// Years begin in March here, so that the leap day is a year's last; 146097 days are 400 years.
fn date(days_since_1970: u64) -> String {
    let day = days_since_1970 + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, year) } else { (month - 9, year + 1) };
    format!("{:04}-{month:02}-{day_of_month:02}", year + 400 * era)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, text) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_453, "2025-12-31"),
            (20_454, "2026-01-01"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(date(days), text);
        }
    }

    #[test]
    fn a_folder_has_a_plain_name() {
        let machine =
            Machine { cpu: "Intel(R) Xeon(R) CPU @ 2.80GHz".into(), date: "2026-01-02".into(), ..Machine::here() };
        assert_eq!(machine.folder(), "2026-01-02-intel-r-xeon-r-cpu-2-80ghz");
    }
}
