//! The inner loop of a search allocates nothing once its memory has grown to the size of its blocks.

use allocation_counter::measure;
use bqc_instantiate::{CxTemplate, LmSettings, LmSolver, RefineProblem, Refiner, Rotation, StateBatch, sample_count};
use bqc_linalg::Stream;
use bqc_linalg::lanes::Level;
use std::sync::atomic::AtomicBool;

/// Exact batches (Pauli coordinates, amplitudes) and sampled ones, from starts that succeed and that fail.
#[test]
fn a_call_of_the_solver_allocates_nothing() {
    let (mut s, go) = (Stream::new(8, 1, 1), AtomicBool::new(false));
    for (n, count) in [(3u8, 9), (4, 14), (5, 20), (6, 12)] {
        let target = CxTemplate::random(n, count, &mut s);
        let samples = sample_count(n.into(), 3 * usize::from(n) + 4 * count);
        for batch in [StateBatch::exact(&target), StateBatch::sampled(&target, samples, &mut s)] {
            let mut solver = LmSolver::new(Level::detect());
            let mut near = target.clone();
            near.delete_cx(2, Rotation::Plus);
            near.insert_cx(2, target.layers()[2].control, target.layers()[2].target, Rotation::Minus);
            let far = CxTemplate::random(n, count, &mut s);
            for start in [&near, &far] {
                solver.solve(&batch, &mut start.clone(), &LmSettings::default(), &go);
            }
            for start in [&near, &far] {
                let mut template = start.clone();
                let counted = measure(|| {
                    solver.solve(&batch, &mut template, &LmSettings::default(), &go);
                });
                assert_eq!(counted.count_total, 0, "n {n}, {} samples", batch.n_samples());
            }
        }
    }
}

#[test]
fn allocations_are_counted() {
    let counted = measure(|| drop(std::hint::black_box(vec![1u8; 100])));
    assert_eq!(counted.count_total, 1);
}

#[test]
fn candidates_that_fail_are_made_and_tried_without_allocating() {
    let (mut s, go) = (Stream::new(8, 1, 2), AtomicBool::new(false));
    let target = CxTemplate::random(4, 6, &mut s);
    let check = StateBatch::exact(&target);
    let settings = LmSettings::default();
    let problem = RefineProblem { batch: &check, check: &check, sweeps: None, settings: &settings, tolerance: 1e-10 };
    let make = |index: usize, out: &mut CxTemplate| {
        out.copy_from(&target);
        out.delete_cx(index % 6, Rotation::Plus);
    };
    let mut refiner = Refiner::new(Level::detect());
    assert!(refiner.refine_in_order(&problem, 12, &make, &go).winner.is_none());
    let counted = measure(|| {
        refiner.refine_in_order(&problem, 12, &make, &go);
    });
    assert_eq!(counted.count_total, 0);
}
