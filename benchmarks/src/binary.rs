//! Runs `bqc` itself, as a user would, and reads its report.

use bqc_wire::{Document, Report, Status};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The program under test.
#[derive(Clone, Debug)]
pub struct Binary {
    path: PathBuf,
}

/// A point of a curve: what was reached when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Seconds since the start of the process.
    pub seconds: f64,
    /// CX gates.
    pub cx: u64,
    /// U3 gates.
    pub u3: u64,
}

/// One finished run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The report it wrote.
    pub report: Report,
    /// What it had after each pass, and at the end.
    pub curve: Vec<CurvePoint>,
    /// From start to exit, seconds.
    pub wall_seconds: f64,
    /// Where the circuit is, until the next run.
    pub output: PathBuf,
}

impl Run {
    /// CX gates of the result.
    pub fn cx(&self) -> u64 {
        self.report.output.two_qubit_gates
    }

    /// U3 gates of the result.
    pub fn u3(&self) -> u64 {
        self.report.output.one_qubit_gates
    }
}

/// How far a run may go beyond its limit before that is an error, seconds.
const PATIENCE_SECONDS: f64 = 60.0;

impl Binary {
    /// The program at `path`, by default `bqc` beside this one.
    pub fn find(path: Option<&Path>) -> Result<Binary, String> {
        let beside = || std::env::current_exe().map(|own| own.with_file_name("bqc")).map_err(|e| e.to_string());
        let path = path.map_or_else(beside, |p| Ok(p.to_owned()))?;
        if path.is_file() {
            return Ok(Binary { path });
        }
        Err(format!("no program at `{}`: build it with `cargo build --release`, or name it with --bqc", path.display()))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Compiles `input` into `folder` with further arguments.
    ///
    /// Fails if the program does, if its report names a fault, or if it goes on for a minute longer than
    /// `limit`.
    pub fn compile(
        &self,
        input: &Path,
        limit: Option<Duration>,
        arguments: &[String],
        folder: &Path,
    ) -> Result<Run, String> {
        let (output, report) = (folder.join("out.qasm"), folder.join("report.json"));
        let mut command: Vec<OsString> = vec!["compile".into(), input.into(), "--verbose".into()];
        command.extend(["--output".into(), output.clone().into(), "--report".into(), report.clone().into()]);
        if let Some(limit) = limit {
            command.extend(["--time-limit".into(), format!("{}ms", limit.as_millis()).into()]);
        }
        command.extend(arguments.iter().map(OsString::from));
        let start = Instant::now();
        // Nothing is taken up from a run before.
        let mut child = Command::new(&self.path);
        let done = child
            .args(&command)
            .env("XDG_STATE_HOME", "/dev/null")
            .output()
            .map_err(|e| self.failed(input, &e.to_string()))?;
        let wall_seconds = start.elapsed().as_secs_f64();
        let talk = String::from_utf8_lossy(&done.stderr);
        if !done.status.success() {
            return Err(self.failed(input, &format!("{}: {talk}", done.status)));
        }
        if limit.is_some_and(|limit| wall_seconds > limit.as_secs_f64() + PATIENCE_SECONDS) {
            return Err(self.failed(input, &format!("it ran {wall_seconds:.0} s")));
        }
        let text = std::fs::read_to_string(&report).map_err(|e| self.failed(input, &e.to_string()))?;
        let report = Report::from_json(&text).map_err(|e| self.failed(input, &e.to_string()))?;
        if report.status == Status::InternalDifference {
            return Err(self.failed(input, &format!("it found itself wrong: {talk}")));
        }
        let (cx, u3) = (report.output.two_qubit_gates, report.output.one_qubit_gates);
        let mut curve: Vec<CurvePoint> = talk.lines().filter_map(curve_point).collect();
        curve.push(CurvePoint { seconds: report.wall_seconds, cx, u3 });
        Ok(Run { report, curve, wall_seconds, output })
    }

    /// `bqc verify`: the distance of two files and how it was found; an error if it exceeds `epsilon`.
    pub fn verify(&self, a: &Path, b: &Path, epsilon: f64) -> Result<String, String> {
        let done = Command::new(&self.path)
            .arg("verify")
            .args([a, b])
            .args(["--epsilon".to_owned(), format!("{epsilon:e}")])
            .output()
            .map_err(|e| self.failed(a, &e.to_string()))?;
        let (out, talk) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        match (done.status.success(), out.trim().strip_prefix("distance ")) {
            (true, Some(rest)) => Ok(rest.split(':').next().unwrap_or(rest).to_owned()),
            _ => Err(self.failed(a, &format!("verify: {}{}", out.trim(), talk.trim()))),
        }
    }

    fn failed(&self, input: &Path, why: &str) -> String {
        format!("`{}` on `{}`: {why}", self.path.display(), input.display())
    }
}

/// Reads `pass 3: 42 CX, 56 U3 after 0.05 s`; none for other lines.
fn curve_point(line: &str) -> Option<CurvePoint> {
    let (_, rest) = line.split_once(": ")?;
    let (cx, rest) = rest.split_once(" CX, ")?;
    let (u3, rest) = rest.split_once(" U3 after ")?;
    let seconds = rest.split(' ').next()?;
    Some(CurvePoint { seconds: seconds.parse().ok()?, cx: cx.parse().ok()?, u3: u3.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_read_from_what_verbose_says() {
        let point = |seconds, cx, u3| Some(CurvePoint { seconds, cx, u3 });
        assert_eq!(curve_point("pass 3: 42 CX, 56 U3 after 0.05 s"), point(0.05, 42, 56));
        assert_eq!(curve_point("comparing the whole circuit on 5 qubits"), None);
        assert_eq!(curve_point("error bound 1.0e-14, whole circuits compared exactly: 3.0e-15"), None);
    }
}
