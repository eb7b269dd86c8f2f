//! The CPU engine: conformance on every instruction set, and answers that depend on nothing but the problem.

use bqc_instantiate::{
    CpuEngine, CxTemplate, Engine, LmSettings, MakeCandidate, RefineProblem, Refined, Rotation, Solver, StateBatch,
    Target, conformance,
};
use bqc_linalg::Stream;
use bqc_linalg::lanes::Level;
use std::sync::atomic::AtomicBool;

#[test]
fn conforms_on_every_level() {
    for level in Level::available() {
        let report = conformance::run(&CpuEngine::with_level(level));
        assert!(report.failures.is_empty(), "{}:\n{}", level.name(), report.failures.join("\n"));
        assert!(report.n_cases >= 20);
        let report = conformance::run_refine(&CpuEngine::with_level(level));
        assert!(report.failures.is_empty(), "{}:\n{}", level.name(), report.failures.join("\n"));
        assert_eq!(report.n_cases, 16);
    }
}

/// An engine that says that everything went well and changes nothing.
struct Liar;

impl Engine for Liar {
    fn name(&self) -> &str {
        "liar"
    }

    fn refine(&self, problem: &RefineProblem<'_>, count: usize, make: &MakeCandidate<'_>, _: &AtomicBool) -> Refined {
        // The right candidate, if there is one, and not refined.
        let honest = CpuEngine::new().refine(problem, count, make, &AtomicBool::new(false));
        let mut template = CxTemplate::new(problem.batch.n() as u8);
        let index = honest.winner.map_or(0, |(index, _)| index);
        make(index, &mut template);
        Refined { winner: Some((index, template)), n_tried: count, n_sweeps: 1, ..Refined::default() }
    }
}

#[test]
fn conformance_catches_an_engine_that_lies() {
    let report = conformance::run(&Liar);
    // Every solver of every case says so.
    assert!(report.failures.len() >= 4 * report.n_cases, "{:?}", report.failures);
    let report = conformance::run_refine(&Liar);
    assert!(report.failures.len() >= report.n_cases, "{:?}", report.failures);
}

/// Scans of a block with five CX on a pair, of which three do: winners and counts of all calls, one after another.
fn scan(engine: &CpuEngine, solver: Solver, n: u8, stop: &AtomicBool) -> Vec<(Option<usize>, usize, usize)> {
    let mut s = Stream::new(1, 1, n.into());
    let mut block = CxTemplate::new(n);
    for (a, b) in [(1, 2), (0, 1), (0, 1), (0, 1), (0, 1), (0, 1), (2, 1)] {
        block.push(a, b, s.su2(), s.su2());
    }
    let (check, settings) = (StateBatch::exact(&block), LmSettings::default());
    let n_slots = (usize::from(n) + 2 * block.n_cx()) as u32;
    let target = Target::from_cx(&block).unwrap();
    let sweeps = solver.sweeps(&target, &check, 8 * n_slots, 3 * n_slots, &mut s);
    let problem =
        RefineProblem { batch: &check, check: &check, sweeps: sweeps.as_ref(), settings: &settings, tolerance: 1e-11 };
    let mut found = Vec::new();
    loop {
        let make = |index: usize, out: &mut CxTemplate| {
            out.copy_from(&block);
            out.delete_cx(index / 2, if index.is_multiple_of(2) { Rotation::Plus } else { Rotation::Minus });
        };
        let refined = engine.refine(&problem, 2 * block.n_cx(), &make, stop);
        found.push((refined.winner.as_ref().map(|(index, _)| *index), refined.n_tried, refined.n_sweeps));
        let Some((_, next)) = refined.winner else { return found };
        block = next;
    }
}

#[test]
fn every_solver_deletes_what_cancels_whatever_the_instruction_set() {
    let go = AtomicBool::new(false);
    for solver in Solver::ALL {
        for n in [3u8, 5] {
            let found: Vec<_> = Level::available()
                .into_iter()
                .map(|level| scan(&CpuEngine::with_level(level), solver, n, &go))
                .collect();
            assert!(found[0].len() >= 2, "{}: {found:?}", solver.name());
            assert_eq!(found[0].iter().any(|(_, _, n_sweeps)| *n_sweeps > 0), solver != Solver::Lm);
            let winners = |of: &[(Option<usize>, usize, usize)]| of.iter().map(|f| f.0).collect::<Vec<_>>();
            assert!(found.iter().all(|of| winners(of) == winners(&found[0])), "{}: {found:?}", solver.name());
        }
    }
}

#[test]
fn a_stop_ends_a_call_before_its_next_candidate() {
    for solver in Solver::ALL {
        assert_eq!(scan(&CpuEngine::new(), solver, 4, &AtomicBool::new(true)), [(None, 0, 0)]);
    }
}
