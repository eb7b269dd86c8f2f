//! Attempts of the search per second on one core.
//!
//! Blocks of 3, 4 and 5 wires are cut from generated circuits and searched until deletion finds nothing
//! more: what the search spends its time on. Then moves are tried, as the search itself does it, and
//! counted. The project's prototype, a program that is no part of this repository, can be given the same
//! blocks in turns (A B A B): it prints its calls and CPU seconds.

use crate::generate::Entry;
use crate::measure::{Effort, Spread, timed};
use bqc_circuit::{BlockCircuit, Lowered};
use bqc_instantiate::{CpuEngine, CxTemplate, Solver};
use bqc_linalg::Stream;
use bqc_optimize::fitted::Fit;
use bqc_optimize::search::{ScanShare, SearchCounts, Tries, WindowSettings, search_block, search_window};
use bqc_optimize::{Context, IDENTITY_TOLERANCE};
use bqc_partition::{Options, partition};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::{fs, io};

/// Circuits that the blocks come from: arithmetic, Toffoli chains, Fourier, search.
const SOURCES: [&str; 6] = ["barenco_tof_n9", "grover_n5", "grover_n9", "adder_n10", "qft_n10", "tof_n19"];

/// What the prototype did with 3 wires on its machine, attempts a second, and what of its own rate the
/// project wants at every width.
pub const PROTOTYPE_K3: f64 = 21_000.0;
/// See [`PROTOTYPE_K3`].
pub const GOAL_RATIO: f64 = 3.0;

/// Moves in one call of the search.
const MOVES_A_CALL: usize = 64;

/// A block and where it was cut from.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Name of the circuit.
    pub source: &'static str,
    /// The block as it was cut.
    pub original: BlockCircuit,
    /// The block on its plateau.
    pub plateau: BlockCircuit,
}

/// The fullest block of `width` wires of every source, before and after a search of some rounds.
pub fn samples(suite: &[Entry], width: usize) -> Vec<Sample> {
    let (engine, go) = (CpuEngine::new(), AtomicBool::new(false));
    let context = Context { engine: &engine, stop: &go };
    let fullest = |source: &&'static str| {
        let entry = suite.iter().find(|e| e.name == **source)?;
        let max_cx = WindowSettings::default().max_cx[width.clamp(3, 5) - 3];
        let cut = partition(&Lowered::of(&entry.circuit), &Options { max_cx, ..Options::new(width) }).ok()?;
        let block =
            cut.blocks().filter(|b| usize::from(b.circuit.width()) == width).max_by_key(|b| b.circuit.n_cx())?;
        let original = block.circuit.clone();
        let settings = WindowSettings { widths: width..=width, n_rounds: 12, ..WindowSettings::default() };
        let mut stream = Stream::new(1, width as u64, 0);
        let searched = search_window(context, &original, &settings, &mut stream);
        Some(Sample { source, original, plateau: searched.composition.circuit().clone() })
    };
    SOURCES.iter().filter_map(fullest).filter(|s| s.plateau.n_cx() >= 2).collect()
}

/// Rates of one width: geometric means over the blocks, so that every block counts the same.
#[derive(Clone, Debug, Default)]
pub struct AttemptSpeed {
    /// Attempts a second of CPU time, one value a repetition.
    pub per_second: Vec<f64>,
    /// The prototype's on the same blocks, if it was there.
    pub prototype_per_second: Vec<f64>,
    /// What was done in all repetitions.
    pub counts: SearchCounts,
    /// CPU seconds of all repetitions.
    pub seconds: f64,
}

impl AttemptSpeed {
    /// Ratio of the medians.
    pub fn ratio(&self) -> Option<f64> {
        Some(Spread::of(&self.per_second)?.median / Spread::of(&self.prototype_per_second)?.median)
    }

    /// All candidates that were refined.
    pub fn n_attempts(&self) -> usize {
        attempts(&self.counts)
    }
}

fn attempts(counts: &SearchCounts) -> usize {
    counts.n_moves + counts.n_deletions
}

/// Measures one width, ours and the prototype's in turns on every block.
pub fn measure(samples: &[Sample], effort: Effort, prototype: Option<&Path>) -> Result<AttemptSpeed, String> {
    let engine = CpuEngine::new();
    let mut speed = AttemptSpeed::default();
    for repeat in 0..effort.repeats {
        let (mut rates, mut prototype_rates) = (Vec::new(), Vec::new());
        for (i, sample) in samples.iter().enumerate() {
            let stream = Stream::new(2, repeat as u64, i as u64);
            let (done, seconds) = search_for(sample, effort.seconds, &engine, stream);
            speed.counts.add(&done);
            speed.seconds += seconds;
            rates.push(attempts(&done) as f64 / seconds);
            if let Some(program) = prototype {
                let n_moves = (effort.seconds * rates[i] / GOAL_RATIO) as usize;
                prototype_rates.push(prototype_rate(program, sample, n_moves.max(100), repeat)?);
            }
        }
        speed.per_second.push(geometric_mean(&rates));
        if prototype.is_some() {
            speed.prototype_per_second.push(geometric_mean(&prototype_rates));
        }
    }
    Ok(speed)
}

fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|v| v.ln()).sum::<f64>() / values.len() as f64).exp()
}

/// Moves on one plateau, from the same block again and again, for at least `seconds`.
fn search_for(sample: &Sample, seconds: f64, engine: &CpuEngine, mut stream: Stream) -> (SearchCounts, f64) {
    const TRIES: Tries = Tries { scan: ScanShare { plus: 0.0, minus: 0.0 }, n_moves: MOVES_A_CALL };
    let template = CxTemplate::from_block(&sample.plateau);
    let context = Context { engine, stop: &AtomicBool::new(false) };
    let fit = Fit { solver: Solver::Lm, tolerance: IDENTITY_TOLERANCE };
    let (mut counts, mut spent) = (SearchCounts::default(), 0.0);
    while spent < seconds {
        let ((_, done), time) = timed(|| search_block(context, &template, TRIES, fit, &mut stream));
        counts.add(&done);
        spent += time;
    }
    (counts, spent)
}

/// Calls a second of the prototype on one block: relocations only, no scans, one round.
fn prototype_rate(program: &Path, sample: &Sample, n_moves: usize, seed: usize) -> Result<f64, String> {
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let file = folder.path().join("block.qasm");
    write_block(&sample.plateau, &file).map_err(|e| format!("cannot write a block: {e}"))?;
    let width = sample.plateau.width();
    let output = Command::new(program)
        .arg("flow")
        .arg(&file)
        .args([format!("k={width}"), format!("swap={n_moves}"), format!("seed={}", seed + 1)])
        .args(["rounds=1", "passes=0", "q1=0", "pn=1", "p3=0"])
        .output()
        .map_err(|e| format!("cannot run `{}`: {e}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |before: &str| number_behind(&text, before).ok_or_else(|| format!("no `{before}` in: {text}"));
    Ok(number("calls ")? / number("cpu cx ")?)
}

/// The number that follows the first occurrence of `before`.
fn number_behind(text: &str, before: &str) -> Option<f64> {
    let rest = &text[text.find(before)? + before.len()..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn write_block(block: &BlockCircuit, file: &Path) -> io::Result<()> {
    let mut text = Vec::new();
    bqc_qasm::write(&block.to_circuit(), &mut text)?;
    fs::write(file, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::suite;

    #[test]
    fn every_width_has_blocks_on_a_plateau_and_attempts() {
        let suite = suite();
        for width in 3..=4 {
            let samples = samples(&suite, width);
            assert!(samples.len() >= 3);
            assert!(samples.iter().all(|s| s.plateau.n_cx() <= s.original.n_cx()));
            let speed = measure(&samples, Effort { repeats: 1, seconds: 0.001 }, None).unwrap();
            assert!(speed.n_attempts() >= samples.len() * MOVES_A_CALL && speed.ratio().is_none());
        }
    }

    #[test]
    fn numbers_are_found_in_the_prototypes_line() {
        let line = "x.qasm k 3: CX 8->8 | cpu cx 0.125s total 0.2s | calls 4000 ok 12";
        assert_eq!(number_behind(line, "cpu cx "), Some(0.125));
        assert_eq!(number_behind(line, "calls "), Some(4000.0));
        assert_eq!(number_behind(line, "missing "), None);
    }
}
