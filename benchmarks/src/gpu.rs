//! The GPU engine beside the CPU engine on all cores of the same machine: the same templates, the same
//! settings, in one run. Needs nothing but this program: carry it to a machine with a GPU.
//!
//! The load is that of the search: candidates of one target, of which one in eight is near a solution
//! and the others have lost a CX and are given up after some iterations. Wall time, because a device is
//! wide and not fast; a first run of each is not counted.

use bqc_instantiate::{CxTemplate, Engine, LmSettings, Rotation, StateBatch, sample_count};
use bqc_linalg::{Stream, Su2};
use rayon::prelude::*;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Wires and CX gates that are measured: what the search works on, small to large.
pub const SIZES: [(u8, usize); 6] = [(3, 8), (3, 14), (4, 16), (4, 32), (5, 16), (5, 24)];

/// One candidate in so many is near a solution.
const NEAR_EVERY: usize = 8;

/// Turns of those, radians.
const TURN: f64 = 0.1;

/// Key of the random streams of these candidates.
const GPU_STREAM: u64 = 0x4750_5500;

/// Candidates of one target.
pub struct Load {
    /// Wires.
    pub n: u8,
    /// CX gates of the target.
    pub n_cx: usize,
    batch: StateBatch,
    candidates: Vec<CxTemplate>,
}

/// What an engine did with a load.
pub struct Done {
    /// Wall seconds of each repetition.
    pub wall_seconds: Vec<f64>,
    /// Iterations of all candidates.
    pub n_iterations: usize,
    /// Whether each candidate became an identity on its states.
    pub found: Vec<bool>,
}

impl Load {
    /// A load with random target and gates.
    pub fn new(n: u8, n_cx: usize, n_candidates: usize) -> Load {
        let mut s = Stream::new(n_cx as u64, n.into(), GPU_STREAM);
        let target = CxTemplate::random(n, n_cx, &mut s);
        let n_samples = sample_count(n.into(), 3 * usize::from(n) + 4 * n_cx);
        let batch = StateBatch::sampled(&target, n_samples, &mut s);
        let candidates = (0..n_candidates).map(|i| candidate(&target, i, &mut s)).collect();
        Load { n, n_cx, batch, candidates }
    }

    /// Candidates.
    pub fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// The states that they are fitted to.
    pub fn batch(&self) -> &StateBatch {
        &self.batch
    }

    /// The candidates as they begin.
    pub fn candidates(&self) -> &[CxTemplate] {
        &self.candidates
    }

    /// Sample states.
    pub fn n_samples(&self) -> usize {
        self.batch.n_samples()
    }

    /// Runs all candidates `repeats` times and once before.
    pub fn run(&self, engine: &dyn Engine, repeats: usize) -> Done {
        let go = AtomicBool::new(false);
        let settings = LmSettings::default();
        let mut done = Done { wall_seconds: Vec::new(), n_iterations: 0, found: Vec::new() };
        for repetition in 0..=repeats {
            let mut templates: Vec<CxTemplate> = self.candidates.par_iter().cloned().collect();
            let start = Instant::now();
            let outcomes = engine.descend(&self.batch, &settings, &mut templates, &go);
            if repetition > 0 {
                done.wall_seconds.push(start.elapsed().as_secs_f64());
            }
            done.n_iterations = outcomes.iter().map(|o| o.iterations).sum();
            done.found = outcomes.iter().map(|o| o.found).collect();
        }
        done
    }
}

fn candidate(target: &CxTemplate, index: usize, s: &mut Stream) -> CxTemplate {
    let mut candidate = target.clone();
    if index.is_multiple_of(NEAR_EVERY) {
        for slot in target.slots() {
            candidate.set(slot, target.value(slot) * Su2::exp([0; 3].map(|_| TURN * s.gaussian())));
        }
    } else {
        let rotation = if s.chance(0.5) { Rotation::Plus } else { Rotation::Minus };
        candidate.delete_cx(s.below(target.n_cx()), rotation);
    }
    candidate
}
