//! Sweeps on the imitated driver: what comes out is what the CPU engine finds, and whatever fails on the way, something
//! does.

use crate::cases::{is_wrong, open};
use bqc_cuda::{CudaEngine, CudaError};
use bqc_instantiate::*;
use bqc_linalg::{Stream, Su2};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A name that the imitation knows, and what must happen then.
pub static ALL: [(&str, fn()); 10] = [
    ("sweeps", scans_of_all_solvers_end_like_the_cpus),
    ("sweeps-tight", batches_shrink_until_they_fit),
    ("sweeps-full", || {
        let cuda = failing_on_the_way();
        assert_eq!((cuda.fault(), cuda.n_sweep_launches()), (None, 0));
    }),
    ("sweeps-fault", || {
        let fault = failing_on_the_way().fault();
        assert!(matches!(fault, Some(CudaError::ContextLost { code: 700, .. })), "{fault:?}");
    }),
    ("sweeps-silent", a_wrong_result_ends_the_use_of_the_device),
    ("sweeps-garbage", a_wrong_result_ends_the_use_of_the_device),
    ("sweeps-lie", a_wrong_result_ends_the_use_of_the_device),
    ("silent-sweeps", || is_refused("bqc_sweep_shared")),
    ("wrong-sweeps", || is_refused("bqc_sweep_global")),
    ("sweeps-endless", a_stop_reaches_the_device),
];

/// Solvers that sweep.
const SWEEPING: [Solver; 3] = [Solver::QFactor, Solver::QFactorSample, Solver::Hybrid];

/// A target, and candidates for it.
struct Scan {
    batch: StateBatch,
    check: StateBatch,
    sweeps: Option<Sweeps>,
    candidates: Vec<CxTemplate>,
}

impl Scan {
    fn new(solver: Solver, target: &CxTemplate, candidates: Vec<CxTemplate>, s: &mut Stream) -> Scan {
        let (n, n_slots) = (target.n(), target.n() + 2 * target.n_cx());
        let batch = StateBatch::sampled(target, sample_count(n, 3 * n_slots), s);
        let states = Target::from_cx(target).unwrap();
        let sweeps = solver.sweeps(&states, &batch, 8 * n_slots as u32, 3 * n_slots as u32, s);
        Scan { batch, check: StateBatch::exact(target), sweeps, candidates }
    }

    /// Every CX of a block deleted once from both of its starts. It has four CX on a pair, of which three do, so some
    /// deletions succeed and most do not.
    fn deletions(solver: Solver, n: u8, s: &mut Stream) -> Scan {
        let mut block = CxTemplate::new(n);
        for (a, b) in [(n - 2, n - 1), (1, 0), (1, 0), (1, 0), (0, 1), (n - 1, 0)] {
            block.push(a, b, s.su2(), s.su2());
        }
        let deleted = |index: usize| {
            let mut candidate = block.clone();
            candidate.delete_cx(index / 2, if index.is_multiple_of(2) { Rotation::Plus } else { Rotation::Minus });
            candidate
        };
        let candidates = (0..2 * block.n_cx()).map(deleted).collect();
        Scan::new(solver, &block, candidates, s)
    }

    /// So many hopeless candidates, and then one near the target.
    fn late(solver: Solver, n: u8, n_hopeless: usize, s: &mut Stream) -> Scan {
        let target = CxTemplate::random(n, 3, s);
        let mut candidates: Vec<CxTemplate> = (0..n_hopeless).map(|_| CxTemplate::random(n, 2, s)).collect();
        let mut near = target.clone();
        for slot in target.slots() {
            near.set(slot, target.value(slot) * Su2::exp([0; 3].map(|_| 0.05 * s.gaussian())));
        }
        candidates.push(near);
        Scan::new(solver, &target, candidates, s)
    }

    fn refine(&self, engine: &dyn Engine, stop: &AtomicBool) -> Refined {
        let settings = LmSettings::default();
        let (batch, check, sweeps) = (&self.batch, &self.check, self.sweeps.as_ref());
        let problem = RefineProblem { batch, check, sweeps, settings: &settings, tolerance: 1e-10 };
        engine.refine(&problem, self.candidates.len(), &|i, out| out.copy_from(&self.candidates[i]), stop)
    }

    fn both(&self, cuda: &CudaEngine) -> [Refined; 2] {
        let go = AtomicBool::new(false);
        [cuda as &dyn Engine, &CpuEngine::default()].map(|engine| self.refine(engine, &go))
    }

    /// The same candidate wins on both engines, after as many candidates and sweeps; each is an identity.
    fn assert_alike(&self, cuda: &CudaEngine, name: &str) -> Refined {
        let [ours, theirs] = self.both(cuda);
        let index = |refined: &Refined| refined.winner.as_ref().map(|(index, _)| *index);
        let facts = |refined: &Refined| (index(refined), refined.n_tried, refined.n_sweeps);
        assert_eq!(facts(&ours), facts(&theirs), "{name}");
        for (_, template) in [&ours, &theirs].into_iter().filter_map(|refined| refined.winner.as_ref()) {
            let distance = LmSolver::new(bqc_linalg::lanes::Level::detect()).distance(&self.check, template);
            assert!(distance < 1e-10, "{name}: {distance:e}");
        }
        ours
    }
}

fn scans_of_all_solvers_end_like_the_cpus() {
    let cuda = open().unwrap();
    let mut n_found = 0;
    for solver in SWEEPING {
        for n in [3u8, 4, 5] {
            let scan = Scan::deletions(solver, n, &mut Stream::new(1, 78, n.into()));
            let name = format!("{} on {n} wires", solver.name());
            let (launches, before) = (cuda.n_sweep_launches(), cuda.n_on_device());
            let found = scan.assert_alike(&cuda, &name);
            n_found += usize::from(found.winner.is_some());
            // All candidates of a scan at once: more launches only because they are short.
            let n_launches = cuda.n_sweep_launches() - launches;
            assert!((1..=16).contains(&n_launches), "{name}: {n_launches} launches");
            assert!(cuda.n_on_device() - before >= scan.candidates.len() as u64, "{name}");
            // The same again is the same bit by bit.
            assert_eq!(scan.both(&cuda)[0].winner, found.winner, "{name}");
        }
    }
    assert!(n_found >= 6, "{n_found} of 9 scans found something");
    // Wide ones: sweeps from global memory, and Levenberg–Marquardt by the CPU.
    let wide = Scan::late(Solver::QFactorSample, 9, 1, &mut Stream::new(1, 78, 9));
    assert!(wide.assert_alike(&cuda, "nine wires").winner.is_some());
    assert_eq!((cuda.fault(), cuda.n_substituted()), (None, 0));

    // The kernels have no room for the third: it and what comes after are the CPU's, those before it are not.
    let mut s = Stream::new(1, 78, 20);
    let mut scan = Scan::late(Solver::Hybrid, 3, 3, &mut s);
    scan.candidates[2] = CxTemplate::random(3, 2400, &mut s);
    let slots: Vec<Slot> = scan.candidates[2].slots().collect();
    slots.into_iter().for_each(|slot| scan.candidates[2].set_frozen(slot, true));
    let before = cuda.n_on_device();
    assert_eq!(scan.both(&cuda)[0].n_tried, 4);
    // Swept and finished.
    assert_eq!((cuda.n_on_device() - before, cuda.n_substituted()), (2 * 2, 0));

    let before = cuda.n_on_device();
    let report = conformance::run(&cuda);
    assert!(report.failures.is_empty() && report.n_cases >= 20, "{:?}", report.failures);
    let done = cuda.n_on_device() - before;
    println!("{done} candidates of {} cases on the device", report.n_cases);
    assert!(done >= 4 * report.n_cases as u64 && cuda.n_substituted() == 0, "{done}");
}

/// The device gives 64 KiB: enough for some candidates at a time, and for none of nine wires.
fn batches_shrink_until_they_fit() {
    let cuda = open().unwrap();
    let mut s = Stream::new(1, 78, 3);
    let scan = Scan::late(Solver::QFactorSample, 3, 120, &mut s);
    let found = scan.assert_alike(&cuda, "in batches");
    assert_eq!((found.winner.map(|(index, _)| index), found.n_tried), (Some(120), 121));
    assert_eq!((cuda.fault(), cuda.n_substituted()), (None, 0));
    assert!(cuda.n_sweep_launches() > 4 && cuda.n_on_device() > 121, "{}", cuda.n_sweep_launches());
    let before = cuda.n_on_device();
    let wide = Scan::late(Solver::QFactorSample, 9, 1, &mut s);
    let [ours, theirs] = wide.both(&cuda);
    assert_eq!((ours.winner, cuda.n_on_device()), (theirs.winner, before), "the CPU's");
    assert_eq!((cuda.fault(), cuda.n_substituted()), (None, 1));
}

/// Something goes wrong in the third launch or from the first on: all is as if the CPU had begun.
fn failing_on_the_way() -> CudaEngine {
    let cuda = open().unwrap();
    for number in 0..4 {
        let s = &mut Stream::new(1, 78, 30 + number);
        let mut scan = Scan::late(Solver::QFactorSample, 3, 3, s);
        // A hopeless one comes last: that is the one whose result a broken device spoils.
        scan.candidates.push(CxTemplate::random(3, 2, s));
        scan.assert_alike(&cuda, &format!("scan {number}"));
    }
    let before = cuda.n_substituted();
    assert!(before > 0);
    let scan = Scan::deletions(Solver::QFactor, 3, &mut Stream::new(1, 78, 0));
    let [ours, theirs] = scan.both(&cuda);
    assert!(ours.winner == theirs.winner && cuda.n_substituted() > before);
    cuda
}

/// Kernels that are wrong from the beginning are never used.
fn is_refused(kernel: &str) {
    let cuda = open().unwrap();
    let [ours, theirs] = Scan::deletions(Solver::Hybrid, 4, &mut Stream::new(1, 78, 0)).both(&cuda);
    assert_eq!(ours.winner, theirs.winner);
    assert!(cuda.fault().is_some_and(|e| is_wrong(&e, kernel)), "{:?}", cuda.fault());
    assert_eq!((cuda.n_on_device(), cuda.n_substituted()), (0, 1));
}

fn a_wrong_result_ends_the_use_of_the_device() {
    let cuda = failing_on_the_way();
    assert!(matches!(cuda.fault(), Some(CudaError::WrongResult { .. })), "{:?}", cuda.fault());
}

/// A launch that ends only when it is told to.
fn a_stop_reaches_the_device() {
    let cuda = open().unwrap();
    let (stop, scan) = (AtomicBool::new(false), Scan::deletions(Solver::QFactorSample, 4, &mut Stream::new(1, 78, 0)));
    let refined = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            stop.store(true, Ordering::Relaxed);
        });
        scan.refine(&cuda, &stop)
    });
    assert!(refined.winner.is_none());
    assert_eq!((cuda.fault(), cuda.n_substituted()), (None, 0));
}
