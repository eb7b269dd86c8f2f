//! What a figure was measured on: processor, compiler, state of the sources.

use bqc_linalg::lanes::Level;
use std::path::Path;
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
    /// The compiler that built this, from the file `rustc` beside the program, where `benchmarks/gpu/run.sh pack` puts
    /// it; else the one in the path, which is the same unless it was changed since.
    pub rustc: String,
    /// Commit of the sources, with `-dirty` if files differ from it: from the file `commit` beside the program, else of
    /// the checkout that it was built in.
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
        let program = std::env::current_exe().ok();
        let told = |name: &str| program.as_ref().and_then(|program| told_beside(program, name));
        Machine {
            cpu: cpu_model().unwrap_or_else(unknown),
            n_cores: std::thread::available_parallelism().map_or(1, usize::from),
            level: Level::detect().name(),
            rustc: told("rustc").or_else(|| output_of("rustc", &["--version"])).unwrap_or_else(unknown),
            commit: told("commit").or_else(checked_out).unwrap_or_else(unknown),
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

/// What a file beside the program says.
fn told_beside(program: &Path, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(program.with_file_name(name)).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The commit of the checkout that this was built in, if that is on this machine.
fn checked_out() -> Option<String> {
    let git = |arguments: &[&str]| output_of("git", &[&["-C", env!("CARGO_MANIFEST_DIR")], arguments].concat());
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let dirty = if changes.is_empty() { "" } else { "-dirty" };
    git(&["rev-parse", "--short=10", "HEAD"]).map(|commit| commit + dirty)
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
    fn a_packed_program_knows_what_it_was_built_from() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("bqc-bench");
        assert_eq!(told_beside(&program, "commit"), None);
        std::fs::write(folder.path().join("commit"), "0123456789-dirty\n").unwrap();
        assert_eq!(told_beside(&program, "commit").as_deref(), Some("0123456789-dirty"));
    }

    #[test]
    fn a_folder_has_a_plain_name() {
        let machine =
            Machine { cpu: "Intel(R) Xeon(R) CPU @ 2.80GHz".into(), date: "2026-01-02".into(), ..Machine::here() };
        assert_eq!(machine.folder(), "2026-01-02-intel-r-xeon-r-cpu-2-80ghz");
    }
}
