//! The CPU engine: conformance on every instruction set, errors, and answers that depend on nothing
//! but the problem.

use bqc_circuit::BlockQubit;
use bqc_instantiate::schedule::{Rules, Verdict};
use bqc_instantiate::{
    CpuEngine, Engine, EngineError, Outcome, Problem, ProblemError, Sampling, Settings, Start, Target, Template,
    Values, conformance,
};
use bqc_linalg::lanes::Level;
use bqc_linalg::{Matrix, Stream};
use std::sync::atomic::AtomicBool;

static GO: AtomicBool = AtomicBool::new(false);

fn ladder(n: u8, n_gates: usize, s: &mut Stream) -> Template {
    let mut t = Template::new(n).unwrap();
    for _ in 0..n_gates {
        let a = s.below(n.into()) as u8;
        let b = (a + 1 + s.below(usize::from(n) - 1) as u8) % n;
        t.push_free_two(BlockQubit(a.into()), BlockQubit(b.into())).unwrap();
    }
    t
}

#[test]
fn conforms_on_every_level() {
    for level in Level::available() {
        let report = conformance::run(&CpuEngine::with_level(level));
        assert!(report.failures.is_empty(), "{}:\n{}", level.name(), report.failures.join("\n"));
        assert!(report.n_cases >= 25);
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
    fn instantiate(&self, problems: &[Problem<'_>], stop: &AtomicBool) -> Vec<Result<Outcome, EngineError>> {
        let honest = CpuEngine::new().instantiate(problems, stop);
        let lie = |p: &Problem<'_>, o: Outcome| Outcome {
            values: p.template.identity_values(),
            distance: 0.0,
            verdict: Verdict::Converged,
            ..o
        };
        problems.iter().zip(honest).map(|(p, o)| o.map(|o| lie(p, o))).collect()
    }
    fn refine(
        &self,
        problem: &bqc_instantiate::RefineProblem<'_>,
        count: usize,
        make: &bqc_instantiate::MakeCandidate<'_>,
        stop: &AtomicBool,
    ) -> bqc_instantiate::Refined {
        // The right candidate, and not refined.
        let honest = CpuEngine::new().refine(problem, count, make, stop);
        let unrefined = |(index, mut template)| {
            make(index, &mut template);
            (index, template)
        };
        bqc_instantiate::Refined { winner: honest.winner.map(unrefined), ..honest }
    }
}

#[test]
fn conformance_catches_an_engine_that_lies() {
    let report = conformance::run(&Liar);
    assert!(report.failures.len() > report.n_cases / 2, "{:?}", report.failures);
    let report = conformance::run_refine(&Liar);
    assert_eq!(report.failures.len(), report.n_cases, "{:?}", report.failures);
}

#[test]
fn the_answer_does_not_depend_on_threads_or_company() {
    let mut s = Stream::new(1, 1, 1);
    let templates: Vec<Template> = (0..6).map(|k| ladder(3 + k % 3, 5, &mut s)).collect();
    let targets: Vec<Target> =
        templates.iter().map(|t| Target::from_template(t, &t.random_values(&mut s)).unwrap()).collect();
    let starts = vec![Start::Random; 5];
    let rules = Rules { max_sweeps: 200, ..Rules::default() };
    let settings = Settings { rules, ..Settings::default() };
    let problems: Vec<Problem<'_>> = (0..6)
        .map(|k| Problem {
            template: &templates[k],
            target: &targets[k],
            starts: &starts,
            settings: &settings,
            seed: 3,
            key: k as u64,
        })
        .collect();
    let engine = CpuEngine::new();
    let alone: Vec<_> = problems.iter().flat_map(|p| engine.instantiate(std::slice::from_ref(p), &GO)).collect();
    for n_threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        assert_eq!(pool.install(|| engine.instantiate(&problems, &GO)), alone, "{n_threads} threads");
    }
}

#[test]
fn errors_carry_numbers_and_leave_other_problems_alone() {
    let mut s = Stream::new(1, 1, 2);
    let t = ladder(3, 2, &mut s);
    let target = Target::from_template(&t, &t.random_values(&mut s)).unwrap();
    let narrow = Target::from_matrix(&Matrix::identity(4)).unwrap();
    let (settings, random, none) = (Settings::default(), [Start::Random], []);
    let bad_values = [Start::Random, Start::Warm(Values::default())];
    let problem = |target, starts| Problem { template: &t, target, starts, settings: &settings, seed: 0, key: 0 };
    let problems = [
        problem(&narrow, &random[..]),
        problem(&target, &none[..]),
        problem(&target, &bad_values[..]),
        problem(&target, &random[..]),
    ];
    let results = CpuEngine::new().instantiate(&problems, &GO);
    assert_eq!(results[0], Err(ProblemError::WidthsDiffer { template: 3, target: 2 }.into()));
    assert_eq!(results[1], Err(ProblemError::NoStarts.into()));
    let text = results[2].as_ref().unwrap_err().to_string();
    assert_eq!(text, "start 1: 0 values are given for 2 free gates");
    assert!(results[3].is_ok());

    let starved = CpuEngine::new().memory_limit(1000).instantiate(&problems[3..], &GO);
    match &starved[0] {
        Err(EngineError::OutOfMemory { n_starts: 1, width: 3, needed_bytes, free_bytes: 1000, .. }) => {
            // Three batches a start and two of samples, each of eight states of 128 bytes.
            assert_eq!(*needed_bytes, 5 * 1024);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stop_returns_what_there_is() {
    let mut s = Stream::new(1, 1, 3);
    let t = ladder(4, 6, &mut s);
    let target = Target::from_matrix(&Matrix::haar(16, &mut s)).unwrap();
    let settings = Settings::default();
    let starts = [Start::Random, Start::Random];
    let problem = Problem { template: &t, target: &target, starts: &starts, settings: &settings, seed: 0, key: 0 };
    let results = CpuEngine::new().instantiate(&[problem], &AtomicBool::new(true));
    let outcome = results[0].as_ref().unwrap();
    assert!(outcome.starts.iter().all(|r| r.verdict == Verdict::Stopped && r.sweeps == 0));
    assert_eq!(t.check_values(&outcome.values), Ok(()));
}

#[test]
fn samples_grow_when_they_are_fitted_better_than_the_unitary() {
    let mut s = Stream::new(1, 1, 4);
    let t = ladder(5, 8, &mut s);
    let target = Target::from_matrix(&Matrix::haar(32, &mut s)).unwrap();
    let rules = Rules { max_sweeps: 600, ..Rules::default() };
    let settings = Settings { rules, n_samples: Some(1), ..Settings::default() };
    let starts = [Start::Random];
    let problem = Problem { template: &t, target: &target, starts: &starts, settings: &settings, seed: 0, key: 0 };
    let outcome = CpuEngine::new().instantiate(&[problem], &GO).remove(0).unwrap();
    assert!(outcome.starts[0].n_samples > 1, "{:?}", outcome.starts[0]);
    assert!(outcome.verdict != Verdict::Converged && outcome.distance > 0.3);
}

#[test]
fn sampled_and_exact_find_the_same_unitary() {
    let mut s = Stream::new(1, 1, 5);
    let t = ladder(6, 4, &mut s);
    let target = Target::from_template(&t, &t.random_values(&mut s)).unwrap();
    let starts = vec![Start::Random; 8];
    for sampling in [Sampling::Exact, Sampling::Sampled] {
        let rules = Rules { cost_tol: 1e-20, ..Rules::default() };
        let settings = Settings { rules, sampling, ..Settings::default() };
        let problem = Problem { template: &t, target: &target, starts: &starts, settings: &settings, seed: 0, key: 0 };
        let outcome = CpuEngine::new().instantiate(&[problem], &GO).remove(0).unwrap();
        assert_eq!(outcome.verdict, Verdict::Converged, "{sampling:?}");
        assert!(outcome.distance < 4e-10, "{sampling:?}: {:e}", outcome.distance);
    }
}
