//! Cases that every engine must pass, from data files, judged by dense arithmetic, through the verb that compiling uses.
//!
//! A case is a template, a target, starts and what must come out; each start is a candidate of one call to
//! [`Engine::refine`], and every solver is asked. The format is line-based; `#` begins a comment, and words are
//! separated by blanks:
//!
//! ```text
//! case NAME                          begins a case
//! width N                            at least 2
//! gate cx C T | free1 Q | free2 A B  a gate, in program order; A is bit 0
//!      | const1 Q KEY | const2 A B KEY   a constant Haar gate of the stream KEY
//! target values KEY                  the template at Haar values: reachable
//!        | haar KEY | identity | x Q     X on wire Q
//! start random                       repeated for several starts
//!       | identity | target          all free gates 1, or the target's values
//!       | near RADIANS KEY           the target's values, each gate turned by about RADIANS
//! solver NAME                        only this one; repeated for several [default: all]
//! expect found [INDEX]               a candidate is an identity: the first that is one
//!        | nothing                   none is
//!        | sweeps below N            all candidates together made fewer
//! ```
//!
//! A two-qubit gate becomes CX gates with one-qubit gates around them, free or frozen ([`cx_form`]). Beside what a case
//! expects, what was found must be the target by dense unitaries, and frozen slots must be as they were.

mod refine;

pub use refine::run_refine;

use crate::cx_form::cx_form;
use crate::template::{FreeValue, Template, Values};
use crate::{
    CxTemplate, Engine, LmSettings, RefineProblem, Refined, Solver, StateBatch, Target, reference, sample_count,
};
use bqc_circuit::BlockQubit;
use bqc_linalg::lanes::Level;
use bqc_linalg::polar::polar4;
use bqc_linalg::small::SmallMatrix;
use bqc_linalg::{Matrix, Stream, Su2, phase_distance};
use std::sync::atomic::AtomicBool;

/// Purpose of the random streams of the cases; the key is in the file.
const CASE_STREAM: u64 = 0x4341_5345;

/// Largest phase distance of a success: a hundred times the rounding of a polished solution.
const TOLERANCE: f64 = 1e-12;

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
    /// Those that are asked; empty: all.
    solvers: Vec<Solver>,
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
    /// The index of the first success, if it is said.
    Found(Option<usize>),
    Nothing,
    SweepsBelow(usize),
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

/// Runs one case with every solver that it is for; returns what went wrong.
pub fn run_case(engine: &dyn Engine, case: &Case) -> Vec<String> {
    let solvers = if case.solvers.is_empty() { &Solver::ALL[..] } else { &case.solvers[..] };
    let run = |solver: &Solver| match case.run(engine, *solver) {
        Ok(failures) => failures.into_iter().map(|failure| format!("{}: {failure}", solver.name())).collect(),
        Err(problem) => vec![problem],
    };
    solvers.iter().flat_map(run).collect()
}

impl Case {
    fn run(&self, engine: &dyn Engine, solver: Solver) -> Result<Vec<String>, String> {
        let (target, target_values) = self.target()?;
        let unitary = self.target_unitary(target_values.as_ref());
        let mut candidates: Vec<CxTemplate> = Vec::new();
        for (index, word) in (0..).zip(&self.starts) {
            let values = self.start(*word, index, target_values.as_ref())?;
            candidates.push(cx_form(&self.template, &values).ok_or("it has no form with CX gates")?);
        }
        let first = candidates.first().ok_or("there is no start")?;
        let n = first.n();
        let n_free = first.slots().filter(|slot| !first.is_frozen(*slot)).count();
        let mut stream = Stream::new(1, 2, CASE_STREAM);
        let check = StateBatch::exact_of_matrix(&unitary);
        let n_samples = sample_count(n, 3 * n_free);
        let sampled = (n_samples < 1 << n).then(|| StateBatch::sampled_of_matrix(&unitary, n_samples, &mut stream));
        let batch = sampled.as_ref().unwrap_or(&check);
        let sweeps = solver.sweeps(&target, batch, 8 * n_free as u32, 3 * n_free as u32, &mut stream);
        // No giving up early: what a case says is to be found is found in the end.
        let settings = LmSettings { give_up_ratio: 1.0, ..LmSettings::default() };
        let problem =
            RefineProblem { batch, check: &check, sweeps: sweeps.as_ref(), settings: &settings, tolerance: TOLERANCE };
        let make = |index: usize, out: &mut CxTemplate| out.copy_from(&candidates[index]);
        let refined = engine.refine(&problem, candidates.len(), &make, &AtomicBool::new(false));
        Ok(self.judge(&refined, &candidates, &unitary))
    }

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

    fn start(&self, word: StartWord, index: u64, target_values: Option<&Values>) -> Result<Values, String> {
        let of_target = || target_values.cloned().ok_or("this target has no values to start from".to_string());
        Ok(match word {
            StartWord::Random => self.template.random_values(&mut Stream::new(1, index, CASE_STREAM)),
            StartWord::Identity => self.template.identity_values(),
            StartWord::Target => of_target()?,
            StartWord::Near(radians, key) => {
                let mut values = of_target()?;
                let mut stream = Stream::new(0, key, CASE_STREAM);
                values.0.iter_mut().for_each(|v| *v = turned(v, radians, &mut stream));
                values
            }
        })
    }

    fn judge(&self, refined: &Refined, candidates: &[CxTemplate], unitary: &Matrix) -> Vec<String> {
        let mut failures = Vec::new();
        if let Some((index, winner)) = &refined.winner {
            let distance = phase_distance(&winner.to_block().unitary(), unitary);
            if distance.is_nan() || distance > TOLERANCE {
                failures.push(format!("candidate {index} is at distance {distance:e}"));
            }
            let is_kept = |candidate: &CxTemplate| {
                candidate.slots().all(|s| !candidate.is_frozen(s) || candidate.value(s) == winner.value(s))
            };
            if !candidates.get(*index).is_some_and(is_kept) {
                failures.push(format!("candidate {index} has other frozen slots than it was given"));
            }
        }
        let winner = refined.winner.as_ref().map(|(index, _)| *index);
        for expectation in &self.expectations {
            let is_met = match *expectation {
                Expectation::Found(None) => winner.is_some(),
                Expectation::Found(index) => winner == index,
                Expectation::Nothing => winner.is_none(),
                Expectation::SweepsBelow(n) => refined.n_sweeps < n,
            };
            if !is_met {
                let Refined { n_tried, n_sweeps, .. } = refined;
                failures.push(format!(
                    "{expectation:?} is not met: {winner:?} after {n_tried} candidates and {n_sweeps} sweeps"
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
            (["case", name], _) => Template::new(2).map_err(|e| e.to_string()).map(|template| {
                cases.push(Case {
                    name: name.to_string(),
                    template,
                    target_word: TargetWord::Identity,
                    starts: Vec::new(),
                    solvers: Vec::new(),
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
            ["solver", name] => self.solvers.push(Solver::from_name(name).ok_or("there is no such solver")?),
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
        ["found"] => Expectation::Found(None),
        ["found", index] => Expectation::Found(Some(number(index)?)),
        ["nothing"] => Expectation::Nothing,
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
        assert!(n_cases >= 20, "{n_cases}");
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
