//! Sweeps on the imitated driver: outcomes are the CPU engine's, and whatever fails on the way, there is one.

use crate::cases::{is_wrong, open};
use bqc_circuit::BlockQubit;
use bqc_cuda::{CudaEngine, CudaError};
use bqc_instantiate::instantiate::Finish;
use bqc_instantiate::schedule::{Rules, Verdict};
use bqc_instantiate::*;
use bqc_linalg::{Matrix, Stream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A name that the imitation knows, and what must happen then.
pub static ALL: [(&str, fn()); 13] = [
    ("sweeps", problems_of_all_kinds_end_like_the_cpus),
    ("sweeps-tight", batches_shrink_until_they_fit),
    ("sweeps-full", || {
        let cuda = failing_on_the_way();
        assert_eq!(cuda.fault(), None);
        assert_eq!(cuda.n_on_device(), 0);
    }),
    ("sweeps-fault", || {
        let fault = failing_on_the_way().fault();
        assert!(matches!(fault, Some(CudaError::ContextLost { code: 700, .. })), "{fault:?}");
    }),
    ("sweeps-silent", a_wrong_result_ends_the_use_of_the_device),
    ("sweeps-garbage", a_wrong_result_ends_the_use_of_the_device),
    ("sweeps-lie", a_wrong_result_ends_the_use_of_the_device),
    ("sweeps-lazy", who_is_beaten_by_nobody_does_not_go_on_for_ever),
    ("silent-sweeps", || is_refused("bqc_sweep_shared")),
    ("wrong-sweeps", || is_refused("bqc_sweep_global")),
    ("sweeps-endless", a_stop_reaches_the_device),
    ("attempts", attempts_of_all_problems_share_launches),
    ("attempts-endless", a_stop_reaches_all_attempts),
];

/// A template of free, constant and CX gates, with a target that it reaches or does not.
struct Made {
    template: Template,
    target: Target,
    starts: Vec<Start>,
    settings: Settings,
}

impl Made {
    fn new(n: u8, n_gates: usize, n_starts: usize, settings: Settings, s: &mut Stream) -> Made {
        let mut t = Template::new(n).unwrap();
        for k in 0..n_gates {
            let a = BlockQubit(s.below(n.into()) as u16);
            let b = BlockQubit((a.0 + 1 + s.below((usize::from(n) - 1).max(1)) as u16) % u16::from(n));
            match if n == 1 { k % 2 } else { 2 + k % 4 } {
                0 | 3 => t.push_free_one(a).unwrap(),
                1 => t.push_constant(&[a], &s.su2().matrix()).unwrap(),
                2 => t.push_free_two(a, b).unwrap(),
                4 => t.push_cx(a, b).unwrap(),
                _ => t.push_constant(&[b, a], &Matrix::haar(4, s)).unwrap(),
            }
        }
        let values = t.random_values(s);
        let target = Target::from_template(&t, &values).unwrap();
        let mut starts = vec![Start::Random; n_starts - 1];
        starts.push(Start::Warm(values));
        Made { template: t, target, starts, settings }
    }

    fn problem(&self, key: u64) -> Problem<'_> {
        let Made { template, target, starts, settings } = self;
        Problem { template, target, starts, settings, seed: 3, key }
    }
}

fn settings(max_sweeps: u32, n_samples: usize, sweeps_per_round: u32) -> Settings {
    let rules = Rules { max_sweeps, plateau_sweeps: 60, min_sweeps: 20, ..Rules::default() };
    Settings { rules, n_samples: Some(n_samples), sweeps_per_round, ..Settings::default() }
}

/// With attempts of Levenberg–Marquardt from eight sweeps on.
fn with_attempts(max_sweeps: u32) -> Settings {
    let finish = Finish { first_after_sweeps: 8, ..Finish::default() };
    Settings { finish: Some(finish), ..settings(max_sweeps, 8, 4) }
}

/// Problems of many kinds, and one that fails.
fn problems(s: &mut Stream) -> Vec<Made> {
    let mut made = vec![
        Made::new(1, 3, 2, settings(40, 8, 3), s),
        Made::new(2, 5, 3, settings(80, 8, 4), s),
        Made::new(4, 9, 3, settings(100, 3, 3), s),
        Made::new(4, 6, 2, Settings { sampling: Sampling::Exact, ..settings(60, 8, 8) }, s),
        Made::new(5, 8, 2, settings(40, 8, 5), s),
        Made::new(9, 3, 2, settings(4, 8, 2), s),
        Made::new(3, 6, 3, Settings { sweeps: qfactor::SweepSettings { beta: 0.3 }, ..settings(40, 8, 4) }, s),
        Made::new(3, 0, 2, settings(40, 8, 4), s),
    ];
    // Nobody starts at the solution of these.
    for made in &mut made[2..5] {
        *made.starts.last_mut().unwrap() = Start::Random;
    }
    // Three states are fitted long before the unitary is.
    made[2].target = Target::from_matrix(&Matrix::haar(16, s)).unwrap();
    let mut hopeless = Made::new(3, 6, 2, settings(30, 8, 4), s);
    hopeless.target = Target::from_matrix(&Matrix::haar(8, s)).unwrap();
    hopeless.starts.pop();
    made.push(hopeless);
    let mut finished = Made::new(3, 12, 3, with_attempts(40), s);
    finished.starts.pop();
    made.push(finished);
    made
}

fn both(cuda: &CudaEngine, made: &[Made]) -> [Vec<Result<Outcome, EngineError>>; 2] {
    let problems: Vec<Problem<'_>> = made.iter().zip(0..).map(|(made, key)| made.problem(key)).collect();
    [cuda as &dyn Engine, &CpuEngine::default()].map(|e| e.instantiate(&problems, &AtomicBool::new(false)))
}

/// Outcomes that are the same but for rounding: which sweeps multiply, slowly.
fn are_alike(ours: &Outcome, theirs: &Outcome, name: &str) {
    assert_eq!((ours.verdict, ours.best_start), (theirs.verdict, theirs.best_start), "{name}");
    assert!((ours.distance - theirs.distance).abs() < 1e-6, "{name}: {} {}", ours.distance, theirs.distance);
    for (a, b) in ours.starts.iter().zip(&theirs.starts) {
        assert_eq!((a.verdict, a.sweeps, a.n_samples), (b.verdict, b.sweeps, b.n_samples), "{name}");
        assert_eq!(a.history.len(), b.history.len(), "{name}");
        for (p, q) in a.history.iter().zip(&b.history) {
            assert_eq!((p.sweeps, p.validation.is_some()), (q.sweeps, q.validation.is_some()), "{name}");
            assert!((p.training - q.training).abs() <= 1e-9 * q.training + 1e-15, "{name}: {p:?} {q:?}");
        }
    }
}

fn problems_of_all_kinds_end_like_the_cpus() {
    let cuda = open().unwrap();
    let made = problems(&mut Stream::new(1, 78, 0));
    let [ours, theirs] = both(&cuda, &made);
    for (k, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        are_alike(ours.as_ref().unwrap(), theirs.as_ref().unwrap(), &format!("problem {k}"));
    }
    let grown = |outcome: &Outcome| outcome.starts.iter().any(|start| start.n_samples > 3);
    assert!(grown(ours[2].as_ref().unwrap()), "one is given more samples");
    let attempts = |outcome: &Outcome| outcome.starts.iter().map(|start| start.lm_iterations).sum::<usize>();
    assert!(attempts(ours[9].as_ref().unwrap()) > 0, "{:?}", ours[9]);
    let n_starts: usize = made.iter().map(|made| made.starts.len()).sum();
    // All but those of the template without free gates, and some attempts of Levenberg–Marquardt.
    assert!(cuda.n_on_device() >= n_starts as u64 - 2, "{} of {n_starts}", cuda.n_on_device());
    assert_eq!((cuda.fault(), cuda.n_substituted()), (None, 0));

    // The same again is the same bit by bit.
    assert_eq!(both(&cuda, &made)[0], ours);
    // A wrong problem harms no other.
    let mut wrong = problems(&mut Stream::new(1, 78, 1));
    wrong.truncate(2);
    wrong[0].starts.clear();
    let [ours, theirs] = both(&cuda, &wrong);
    assert!(matches!(&ours[0], Err(EngineError::Invalid(_))) && ours[0] == theirs[0]);
    are_alike(ours[1].as_ref().unwrap(), theirs[1].as_ref().unwrap(), "beside a wrong one");

    // One that the kernels have no room for takes no other with it.
    let mut sizes = problems(&mut Stream::new(1, 78, 2));
    sizes.truncate(2);
    sizes[0] = Made::new(2, 2400, 1, settings(4, 8, 4), &mut Stream::new(1, 78, 4));
    let before = cuda.n_on_device();
    let [ours, theirs] = both(&cuda, &sizes);
    assert_eq!(ours[0], theirs[0], "the CPU's");
    assert_eq!((cuda.n_on_device() - before, cuda.n_substituted()), (sizes[1].starts.len() as u64, 0));

    let before = cuda.n_on_device();
    let report = conformance::run(&cuda);
    assert!(report.failures.is_empty() && report.n_cases >= 25, "{:?}", report.failures);
    let done = cuda.n_on_device() - before;
    println!("{done} starts and templates of {} cases on the device", report.n_cases);
    assert!(done >= report.n_cases as u64 && cuda.n_substituted() == 0, "{done}");
}

/// The device gives 64 KiB: enough for some starts at a time, and for none of nine wires.
fn batches_shrink_until_they_fit() {
    let cuda = open().unwrap();
    let mut s = Stream::new(1, 78, 3);
    let mut made: Vec<Made> = (0..12).map(|_| Made::new(3, 9, 4, with_attempts(20), &mut s)).collect();
    // Nobody starts at the solution, so that all make attempts: more than fit into one launch.
    made.iter_mut().for_each(|made| drop(made.starts.pop()));
    let before = cuda.n_launches();
    made.push(Made::new(9, 3, 1, settings(4, 8, 2), &mut s));
    let [ours, theirs] = both(&cuda, &made);
    for (ours, theirs) in ours[..12].iter().zip(&theirs[..12]) {
        are_alike(ours.as_ref().unwrap(), theirs.as_ref().unwrap(), "in batches");
    }
    assert_eq!(ours[12], theirs[12], "the CPU's");
    assert_eq!((cuda.fault(), cuda.n_substituted()), (None, 1));
    let (n_launches, n_groups) = (cuda.n_launches().0 - before.0, cuda.n_launches().1 - before.1);
    assert!(n_launches > 1 && n_groups > n_launches && cuda.n_on_device() > 36, "{n_groups} in {n_launches}");
}

/// Something goes wrong in the third launch or from the first on: all is as if the CPU had begun.
fn failing_on_the_way() -> CudaEngine {
    let cuda = open().unwrap();
    let made = problems(&mut Stream::new(1, 78, 0));
    let [ours, theirs] = both(&cuda, &made);
    let mut n_of_the_cpu = 0;
    for (k, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        are_alike(ours.as_ref().unwrap(), theirs.as_ref().unwrap(), &format!("problem {k}"));
        n_of_the_cpu += usize::from(ours == theirs);
    }
    assert!(n_of_the_cpu >= 2, "{n_of_the_cpu} were taken over");
    let before = cuda.n_substituted();
    assert!(before > 0);
    let again = both(&cuda, &made[..2]);
    assert!(again[0] == again[1] && cuda.n_substituted() > before);
    cuda
}

/// Kernels that are wrong from the beginning are never used.
fn is_refused(kernel: &str) {
    let cuda = open().unwrap();
    let made = problems(&mut Stream::new(1, 78, 0));
    let [ours, theirs] = both(&cuda, &made[..3]);
    assert_eq!(ours, theirs);
    assert!(cuda.fault().is_some_and(|e| is_wrong(&e, kernel)), "{:?}", cuda.fault());
    assert_eq!((cuda.n_on_device(), cuda.n_substituted()), (0, 1));
}

fn a_wrong_result_ends_the_use_of_the_device() {
    let cuda = failing_on_the_way();
    assert!(matches!(cuda.fault(), Some(CudaError::WrongResult { .. })), "{:?}", cuda.fault());
}

/// More rounds than one launch makes; in the next one the device says that others have converged.
fn who_is_beaten_by_nobody_does_not_go_on_for_ever() {
    let cuda = open().unwrap();
    let mut s = Stream::new(1, 78, 5);
    let rules = Rules { max_sweeps: 100, plateau_sweeps: 1000, ..Rules::default() };
    let mut made = Made::new(3, 4, 2, Settings { rules, ..settings(100, 8, 1) }, &mut s);
    (made.target, made.starts) = (Target::from_matrix(&Matrix::haar(8, &mut s)).unwrap(), vec![Start::Random; 2]);
    let [ours, theirs] = both(&cuda, &[made]);
    assert_eq!(ours, theirs);
    assert!(cuda.fault().is_some_and(|e| is_wrong(&e, "bqc_sweep_shared")), "{:?}", cuda.fault());
}

/// A launch that ends only when it is told to.
fn a_stop_reaches_the_device() {
    let cuda = open().unwrap();
    let made = problems(&mut Stream::new(1, 78, 0));
    let problems: Vec<Problem<'_>> = made.iter().zip(0..).map(|(made, key)| made.problem(key)).collect();
    let stop = AtomicBool::new(false);
    let outcomes = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            stop.store(true, Ordering::Relaxed);
        });
        cuda.instantiate(&problems, &stop)
    });
    for (made, outcome) in made.iter().zip(outcomes) {
        let outcome = outcome.unwrap();
        assert_eq!(made.template.check_values(&outcome.values), Ok(()));
        let n_stopped = outcome.starts.iter().filter(|start| start.verdict == Verdict::Stopped).count();
        assert!(n_stopped == outcome.starts.len() || made.template.n_free() == 0, "{outcome:?}");
        assert!(outcome.starts.iter().all(|start| !start.history.is_empty()));
    }
    assert_eq!((cuda.fault(), cuda.n_substituted()), (None, 0));
}

/// Problems whose starts none of the first sweeps solves.
fn problems_with_attempts() -> Vec<Made> {
    let mut s = Stream::new(1, 78, 6);
    let mut made: Vec<Made> = (0..8).map(|_| Made::new(3, 12, 3, with_attempts(16), &mut s)).collect();
    made.iter_mut().for_each(|made| drop(made.starts.pop()));
    made
}

/// What is due at the same time goes to the device at once, and every problem ends as it does alone.
fn attempts_of_all_problems_share_launches() {
    let cuda = open().unwrap();
    let made = problems_with_attempts();
    let counts = || cuda.n_launches();
    let (launches, groups) = counts();
    let [together, theirs] = both(&cuda, &made);
    let (after, groups_after) = counts();
    let (n_launches, n_groups) = (after - launches, groups_after - groups);
    assert!(n_groups >= 8 && n_launches <= 2, "{n_groups} groups in {n_launches} launches");
    // Two milliseconds for a kernel that nothing else comes between.
    let seconds = cuda.kernel_seconds();
    assert!(seconds >= 2e-3 * (n_launches + 2) as f64, "{seconds}");
    let alone: Vec<_> = made.iter().zip(0..).map(|(made, key)| (made.problem(key), key)).collect();
    for (((problem, key), ours), theirs) in alone.into_iter().zip(&together).zip(&theirs) {
        let alone = cuda.instantiate(std::slice::from_ref(&problem), &AtomicBool::new(false));
        assert_eq!(alone[0], *ours, "problem {key}");
        let (ours, theirs) = (ours.as_ref().unwrap(), theirs.as_ref().unwrap());
        assert_eq!((ours.verdict, ours.best_start), (theirs.verdict, theirs.best_start), "problem {key}");
    }
    assert_eq!((cuda.fault(), cuda.n_substituted()), (None, 0));
}

/// A launch of the attempts of all problems that ends only when it is told to.
fn a_stop_reaches_all_attempts() {
    let cuda = open().unwrap();
    let made = problems_with_attempts();
    let problems: Vec<Problem<'_>> = made.iter().zip(0..).map(|(made, key)| made.problem(key)).collect();
    let (stop, before) = (AtomicBool::new(false), cuda.n_launches().0);
    let outcomes = std::thread::scope(|scope| {
        scope.spawn(|| {
            while cuda.n_launches().0 == before {
                std::thread::yield_now();
            }
            stop.store(true, Ordering::Relaxed);
        });
        cuda.instantiate(&problems, &stop)
    });
    for (made, outcome) in made.iter().zip(outcomes) {
        let outcome = outcome.unwrap();
        assert_eq!(made.template.check_values(&outcome.values), Ok(()));
        assert!(outcome.starts.iter().all(|start| start.verdict != Verdict::Continue), "{outcome:?}");
    }
    assert_eq!((cuda.fault(), cuda.n_substituted()), (None, 0));
}
