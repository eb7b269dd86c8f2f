//! Cases that every engine must pass, from data files, judged by dense arithmetic.
//!
//! A case is a template, a target, starts, settings and what must come out. The format is
//! line-based; `#` begins a comment, and words are separated by blanks:
//!
//! ```text
//! case NAME                          begins a case
//! width N
//! gate cx C T | free1 Q | free2 A B  a gate, in program order; A is bit 0
//!      | const1 Q KEY | const2 A B KEY   a constant Haar gate of the stream KEY
//! target values KEY                  the template at Haar values: reachable
//!        | haar KEY | identity | x Q     X on wire Q
//! start random                       repeated for several starts
//!       | identity | target          all free gates 1, or the target's values
//!       | near RADIANS KEY           the target's values, each gate turned by about RADIANS
//! sampling exact | sampled [M]
//! beta X | cost_tol X | max_sweeps N
//! finish N                           Levenberg–Marquardt after N sweeps, and later again
//! expect converged | stuck           the verdict: Converged, or Plateau or OutOfSweeps
//!        | distance below X | distance above X
//!        | unchanged                 the values are those of start 0, bit for bit
//!        | sweeps below N            the winning start made fewer sweeps
//! ```
//!
//! Beside what a case expects, the reported distance must be that of the dense unitaries, and the
//! values must be unitary.

mod refine;

pub use refine::run_refine;

use crate::template::{FreeValue, Template, Values};
use crate::{Engine, Finish, Outcome, Problem, Sampling, Settings, Start, Target, reference, schedule::Verdict};
use bqc_circuit::BlockQubit;
use bqc_linalg::lanes::Level;
use bqc_linalg::polar::polar4;
use bqc_linalg::small::SmallMatrix;
use bqc_linalg::{Matrix, Stream, Su2, phase_distance};
use std::sync::atomic::AtomicBool;

/// Purpose of the random streams of the cases; the key is in the file.
const CASE_STREAM: u64 = 0x4341_5345;

/// The distance that an engine reports may differ from the dense one by this: rounding of a hundred
/// gates on 2^12 elements, with margin.
const DISTANCE_TOL: f64 = 1e-12;

/// The files, by name.
pub const FILES: [(&str, &str); 3] = [
    ("degenerate.case", include_str!("../conformance/degenerate.case")),
    ("reachable.case", include_str!("../conformance/reachable.case")),
    ("unreachable.case", include_str!("../conformance/unreachable.case")),
];

/// A problem and what is expected of its outcome.
#[derive(Clone, Debug)]
pub struct Case {
    /// From the file.
    pub name: String,
    template: Template,
    target_word: TargetWord,
    starts: Vec<StartWord>,
    settings: Settings,
    expectations: Vec<Expectation>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum TargetWord {
    Values(u64),
    Haar(u64),
    Identity,
    X(u8),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum StartWord {
    Random,
    Identity,
    Target,
    Near(f64, u64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expectation {
    Converged,
    Stuck,
    DistanceBelow(f64),
    DistanceAbove(f64),
    Unchanged,
    SweepsBelow(u32),
}

/// A line that is not of the format.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("line {line}: {problem}: `{text}`")]
pub struct ParseError {
    /// From 1.
    pub line: usize,
    /// The line.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

/// How an engine did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Cases run.
    pub n_cases: usize,
    /// What went wrong, one line each; empty for an engine that conforms.
    pub failures: Vec<String>,
}

/// Runs all cases of [`FILES`] on an engine.
pub fn run(engine: &dyn Engine) -> Report {
    let mut report = Report::default();
    for (file, text) in FILES {
        match parse(text) {
            Err(e) => report.failures.push(format!("{file}: {e}")),
            Ok(cases) => {
                report.n_cases += cases.len();
                for case in &cases {
                    let failures = run_case(engine, case);
                    report.failures.extend(failures.into_iter().map(|f| format!("{file}: {}: {f}", case.name)));
                }
            }
        }
    }
    report
}

/// Runs one case; returns what went wrong.
pub fn run_case(engine: &dyn Engine, case: &Case) -> Vec<String> {
    let (target, target_values) = match case.target() {
        Ok(made) => made,
        Err(problem) => return vec![problem],
    };
    let mut starts = Vec::new();
    for word in &case.starts {
        match case.start(*word, target_values.as_ref()) {
            Ok(start) => starts.push(start),
            Err(problem) => return vec![problem],
        }
    }
    let (template, settings) = (&case.template, &case.settings);
    let problem = Problem { template, target: &target, starts: &starts, settings, seed: 1, key: 2 };
    let results = engine.instantiate(&[problem], &AtomicBool::new(false));
    match &results[..] {
        [Ok(outcome)] => case.judge(outcome, &starts),
        [Err(error)] => vec![format!("error: {error}")],
        other => vec![format!("{} results for one problem", other.len())],
    }
}

impl Case {
    fn target(&self) -> Result<(Target, Option<Values>), String> {
        if let TargetWord::Values(key) = self.target_word {
            let values = self.template.random_values(&mut Stream::new(0, key, CASE_STREAM));
            let target = Target::from_template(&self.template, &values).map_err(|e| e.to_string())?;
            return Ok((target, Some(values)));
        }
        Ok((Target::from_matrix(&self.target_unitary(None)).map_err(|e| e.to_string())?, None))
    }

    fn target_unitary(&self, target_values: Option<&Values>) -> Matrix {
        let mut unitary = Matrix::identity(1 << self.template.width());
        match (self.target_word, target_values) {
            (TargetWord::Values(_), Some(values)) => reference::unitary(&self.template, values),
            (TargetWord::Haar(key), _) => Matrix::haar(unitary.rows(), &mut Stream::new(0, key, CASE_STREAM)),
            (TargetWord::X(q), _) => {
                unitary.apply_gate(&Su2::rx(std::f64::consts::PI).matrix(), &[q.into()]);
                unitary
            }
            _ => unitary,
        }
    }

    fn start(&self, word: StartWord, target_values: Option<&Values>) -> Result<Start, String> {
        let of_target = || target_values.cloned().ok_or("this target has no values to start from".to_string());
        Ok(match word {
            StartWord::Random => Start::Random,
            StartWord::Identity => Start::Warm(self.template.identity_values()),
            StartWord::Target => Start::Warm(of_target()?),
            StartWord::Near(radians, key) => {
                let mut values = of_target()?;
                let mut stream = Stream::new(0, key, CASE_STREAM);
                values.0.iter_mut().for_each(|v| *v = turned(v, radians, &mut stream));
                Start::Warm(values)
            }
        })
    }

    fn judge(&self, outcome: &Outcome, starts: &[Start]) -> Vec<String> {
        let mut failures = Vec::new();
        if let Err(e) = self.template.check_values(&outcome.values) {
            return vec![format!("values: {e}")];
        }
        let values = match self.target() {
            Ok((_, values)) => values,
            Err(problem) => return vec![problem],
        };
        let found = reference::unitary(&self.template, &outcome.values);
        let distance = phase_distance(&found, &self.target_unitary(values.as_ref()));
        let difference = (distance - outcome.distance).abs();
        if difference.is_nan() || difference > DISTANCE_TOL {
            failures.push(format!("distance {:e} is reported, {distance:e} is true", outcome.distance));
        }
        for expectation in &self.expectations {
            let met = match *expectation {
                Expectation::Converged => outcome.verdict == Verdict::Converged,
                Expectation::Stuck => matches!(outcome.verdict, Verdict::Plateau | Verdict::OutOfSweeps),
                Expectation::DistanceBelow(x) => distance < x,
                Expectation::DistanceAbove(x) => distance > x,
                Expectation::Unchanged => starts.first() == Some(&Start::Warm(outcome.values.clone())),
                Expectation::SweepsBelow(n) => outcome.starts[outcome.best_start].sweeps < n,
            };
            if !met {
                let sweeps = outcome.starts[outcome.best_start].sweeps;
                failures.push(format!(
                    "{expectation:?} is not met: {:?} at distance {distance:e} after {sweeps} sweeps",
                    outcome.verdict
                ));
            }
        }
        failures
    }
}

/// A gate turned by about `radians` in a random direction.
fn turned(value: &FreeValue, radians: f64, stream: &mut Stream) -> FreeValue {
    match value {
        FreeValue::One(u) => FreeValue::One((Su2::exp([0; 3].map(|_| radians * stream.gaussian())) * *u).normalized()),
        FreeValue::Two(u) => {
            let noise = SmallMatrix::from_fn(|_, _| stream.complex_gaussian() * radians);
            FreeValue::Two(polar4(Level::detect(), &u.plus(&noise)).unwrap_or(*u))
        }
    }
}

/// Reads the cases of a file.
pub fn parse(text: &str) -> Result<Vec<Case>, ParseError> {
    let mut cases: Vec<Case> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split('#').next().unwrap_or("").split_whitespace().collect();
        let result = match (&words[..], cases.last_mut()) {
            ([], _) => Ok(()),
            (["case", name], _) => Template::new(0).map_err(|e| e.to_string()).map(|template| {
                cases.push(Case {
                    name: name.to_string(),
                    template,
                    target_word: TargetWord::Identity,
                    starts: Vec::new(),
                    settings: Settings::default(),
                    expectations: Vec::new(),
                });
            }),
            (_, None) => Err("a file begins with `case NAME`".to_string()),
            (words, Some(case)) => case.read(words),
        };
        result.map_err(|problem| ParseError { line: index + 1, text: line.to_string(), problem })?;
    }
    Ok(cases)
}

/// A word as a number.
fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("`{word}` is not a number of the right kind"))
}

fn wire(word: &str) -> Result<BlockQubit, String> {
    number(word).map(BlockQubit)
}

impl Case {
    fn read(&mut self, words: &[&str]) -> Result<(), String> {
        let rules = &mut self.settings.rules;
        match *words {
            ["width", n] => self.template = Template::new(number(n)?).map_err(|e| e.to_string())?,
            ["gate", ref gate @ ..] => self.read_gate(gate)?,
            ["target", "values", key] => self.target_word = TargetWord::Values(number(key)?),
            ["target", "haar", key] => self.target_word = TargetWord::Haar(number(key)?),
            ["target", "x", q] => {
                let q: u8 = number(q)?;
                if q >= self.template.width() {
                    return Err("there is no such wire".to_string());
                }
                self.target_word = TargetWord::X(q);
            }
            ["target", "identity"] => self.target_word = TargetWord::Identity,
            ["start", "random"] => self.starts.push(StartWord::Random),
            ["start", "identity"] => self.starts.push(StartWord::Identity),
            ["start", "target"] => self.starts.push(StartWord::Target),
            ["start", "near", radians, key] => self.starts.push(StartWord::Near(number(radians)?, number(key)?)),
            ["sampling", "exact"] => self.settings.sampling = Sampling::Exact,
            ["sampling", "sampled"] => self.settings.sampling = Sampling::Sampled,
            ["sampling", "sampled", m] => {
                self.settings.sampling = Sampling::Sampled;
                self.settings.n_samples = Some(number(m)?);
            }
            ["beta", x] => self.settings.sweeps.beta = number(x)?,
            ["finish", n] => {
                self.settings.finish = Some(Finish { first_after_sweeps: number(n)?, ..Finish::default() });
            }
            ["cost_tol", x] => rules.cost_tol = number(x)?,
            ["max_sweeps", n] => rules.max_sweeps = number(n)?,
            ["expect", ref what @ ..] => self.expectations.push(expectation(what)?),
            _ => return Err("not a line of the format".to_string()),
        }
        Ok(())
    }

    fn read_gate(&mut self, words: &[&str]) -> Result<(), String> {
        let haar = |dim: usize, key: &str| -> Result<Matrix, String> {
            Ok(Matrix::haar(dim, &mut Stream::new(0, number(key)?, CASE_STREAM)))
        };
        let t = &mut self.template;
        let pushed = match *words {
            ["cx", control, target] => t.push_cx(wire(control)?, wire(target)?),
            ["free1", q] => t.push_free_one(wire(q)?),
            ["free2", a, b] => t.push_free_two(wire(a)?, wire(b)?),
            ["const1", q, key] => t.push_constant(&[wire(q)?], &haar(2, key)?),
            ["const2", a, b, key] => t.push_constant(&[wire(a)?, wire(b)?], &haar(4, key)?),
            _ => return Err("not a gate of the format".to_string()),
        };
        pushed.map_err(|e| e.to_string())
    }
}

fn expectation(words: &[&str]) -> Result<Expectation, String> {
    Ok(match *words {
        ["converged"] => Expectation::Converged,
        ["stuck"] => Expectation::Stuck,
        ["distance", "below", x] => Expectation::DistanceBelow(number(x)?),
        ["distance", "above", x] => Expectation::DistanceAbove(number(x)?),
        ["unchanged"] => Expectation::Unchanged,
        ["sweeps", "below", n] => Expectation::SweepsBelow(number(n)?),
        _ => return Err("not an expectation of the format".to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_expects_something_and_names_are_unique() {
        let mut names = Vec::new();
        for (file, text) in FILES {
            for case in parse(text).unwrap_or_else(|e| panic!("{file}: {e}")) {
                assert!(!case.expectations.is_empty() && !case.starts.is_empty(), "{file}: {}", case.name);
                names.push(case.name);
            }
        }
        let n_cases = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), n_cases);
        assert!(n_cases >= 25, "{n_cases}");
    }

    #[test]
    fn lines_that_are_not_of_the_format_are_named() {
        let error = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(error("width 2"), "line 1: a file begins with `case NAME`: `width 2`");
        assert!(error("case a\nwidth 2\n\ngate cx 0 0").starts_with("line 4: both wires"));
        assert!(error("case a\nwidth x").starts_with("line 2: `x` is not a number"));
        assert!(error("case a\nexpect success").starts_with("line 2: not an expectation"));
    }
}
