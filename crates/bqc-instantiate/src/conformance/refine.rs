//! The conformance cases of [`Engine::refine`]: what every engine must answer, for every solver.
//!
//! Three candidates for one random target: one without CX, which cannot fit; the target's values turned by
//! a twentieth of a radian, which every solver must bring home; and the target itself, which must not
//! win because it comes later. A frozen slot has to stay, and the winner is judged by dense matrices.

use super::{CASE_STREAM, Report, TOLERANCE};
use crate::{CxTemplate, Engine, LmSettings, RefineProblem, Refined, Slot, Solver, StateBatch, Target, sample_count};
use bqc_linalg::{Stream, Su2, phase_distance};
use std::sync::atomic::AtomicBool;

/// Turns of the second candidate, radians.
const TURN: f64 = 0.05;

/// The slot that is frozen in every candidate.
const FROZEN: Slot = Slot::OnControl(0);

/// Runs all cases on an engine.
pub fn run_refine(engine: &dyn Engine) -> Report {
    let mut report = Report::default();
    for solver in Solver::ALL {
        for (n, n_cx) in [(2, 2), (3, 5), (4, 6), (5, 8)] {
            report.n_cases += 1;
            let failures = run_case(engine, solver, n, n_cx).unwrap_or_else(|problem| vec![problem]);
            report
                .failures
                .extend(failures.into_iter().map(|f| format!("refine: {} on {n} wires: {f}", solver.name())));
        }
    }
    report
}

fn run_case(engine: &dyn Engine, solver: Solver, n: u8, n_cx: usize) -> Result<Vec<String>, String> {
    let mut stream = Stream::new(n_cx as u64, n.into(), CASE_STREAM);
    let mut target = CxTemplate::new(n);
    for slot in target.slots() {
        target.set(slot, stream.su2());
    }
    for i in 0..n_cx {
        let control = (i % usize::from(n)) as u8;
        target.push(control, (control + 1) % n, stream.su2(), stream.su2());
    }
    target.set_frozen(FROZEN, true);
    let mut near = target.clone();
    for slot in target.slots().filter(|slot| *slot != FROZEN) {
        let turn = Su2::exp([0; 3].map(|_| TURN * stream.gaussian()));
        near.set(slot, (turn * near.value(slot)).normalized());
    }
    let candidates = [CxTemplate::new(n), near, target.clone()];
    let check = StateBatch::exact(&target);
    let n_slots = usize::from(n) + 2 * n_cx;
    let n_samples = sample_count(n.into(), 3 * n_slots);
    let sampled = StateBatch::sampled(&target, n_samples, &mut stream);
    let batch = if n_samples == 1 << n { &check } else { &sampled };
    let states_of = Target::from_cx(&target).map_err(|e| e.to_string())?;
    let sweeps = solver.sweeps(&states_of, batch, 8 * n_slots as u32, 3 * n_slots as u32, &mut stream);
    // No giving up early: here it is clear that the second candidate is worth it.
    let settings = LmSettings { give_up_ratio: 1.0, ..LmSettings::default() };
    let problem =
        RefineProblem { batch, check: &check, sweeps: sweeps.as_ref(), settings: &settings, tolerance: TOLERANCE };
    let make = |index: usize, out: &mut CxTemplate| out.copy_from(&candidates[index]);
    let refine = |count| engine.refine(&problem, count, &make, &AtomicBool::new(false));
    let mut failures = judge(&refine(candidates.len()), &target);
    let hopeless = refine(1);
    if hopeless.winner.is_some() || hopeless.n_tried != 1 {
        failures.push(format!("a candidate without CX won, or {} were tried instead of 1", hopeless.n_tried));
    }
    Ok(failures)
}

fn judge(refined: &Refined, target: &CxTemplate) -> Vec<String> {
    let Some((index, winner)) = &refined.winner else { return vec!["no candidate won".into()] };
    let mut failures = Vec::new();
    if (*index, refined.n_tried) != (1, 2) {
        failures.push(format!("candidate {index} of {} won, not 1 of 2", refined.n_tried));
    }
    let is_frozen_kept = winner.n_cx() > 0 && winner.value(FROZEN) == target.value(FROZEN);
    if !is_frozen_kept {
        failures.push("the frozen slot has changed".into());
    }
    let distance = phase_distance(&winner.to_block().unitary(), &target.to_block().unitary());
    if distance.is_nan() || distance > TOLERANCE {
        failures.push(format!("the winner is at distance {distance:e}"));
    }
    failures
}
