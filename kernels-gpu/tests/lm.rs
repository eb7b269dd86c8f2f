//! The Levenberg–Marquardt body against the CPU engine's solver.

mod common;

use bqc_instantiate::{CxTemplate, LmSettings, LmSolver, Rotation, Slot, StateBatch, sample_count};
use bqc_kernels::cta::host::{Order, Watch};
use bqc_kernels::templates::{Candidate, CxWord, NONE, rotation, status};
use bqc_linalg::Stream;
use bqc_linalg::lanes::Level;
use common::{Global, How, Launched, ORDERS, launch_lm, perturb, random_template, with_slots};
use std::sync::atomic::AtomicBool;

static GO: AtomicBool = AtomicBool::new(false);

/// Costs are compared on the scale of the first one: the iteration multiplies rounding errors by the
/// condition of its systems, and a cost at its end is itself a rounding error.
fn close(a: f64, b: f64, tolerance: f64, scale: f64) -> bool {
    (a - b).abs() <= tolerance * scale
}

fn samples(n: u8, t: &CxTemplate, s: &mut Stream) -> StateBatch {
    StateBatch::sampled(t, sample_count(n.into(), 3 * usize::from(n) + 4 * t.n_cx()), s)
}

#[test]
fn first_costs_and_runs_are_those_of_the_cpu_engine_in_every_order() {
    let mut s = Stream::new(1, 40, 0);
    for (n, n_cx) in [(2u8, 3), (3, 6), (3, 9), (4, 8), (5, 7), (6, 5), (4, 0), (3, 1)] {
        let target = random_template(n, n_cx, &mut s);
        let batch = samples(n, &target, &mut s);
        let exact = StateBatch::exact(&target);
        let mut start = target.clone();
        perturb(&mut start, 0.1, &mut s);
        let mut global = Global::default();
        let base = global.add_base(&start);
        let group = global.add_group(&batch, &exact, &LmSettings::default(), true);
        global.candidates.push(Candidate::unchanged(base, group, 0));

        let mut solver = LmSolver::new(Level::detect());
        let mut cpu = start.clone();
        let outcome = solver.solve(&batch, &mut cpu, &LmSettings::default(), &GO);
        let mut bits = Vec::new();
        for order in ORDERS {
            let launched = launch_lm(&global, How::new(order));
            let r = launched.results[0];
            assert!(close(r.first_cost, solver.costs()[0], 1e-12, solver.costs()[0]), "n {n}: {r:?}");
            assert_eq!(r.status, status::ACCEPTED, "n {n}: {r:?}");
            assert!(outcome.found && r.cost < 1e-26, "n {n}: {r:?}");
            assert!(u32::abs_diff(r.iterations, outcome.iterations as u32) <= 1, "n {n}: {r:?} {outcome:?}");
            let gpu = with_slots(&start, launched.slots(0));
            let distance = solver.distance(&exact, &gpu);
            assert!(distance < 1e-12 && (distance - r.distance).abs() < 1e-14, "n {n}: {distance:e} {r:?}");
            bits.push((r, launched.slots(0).to_vec()));
        }
        assert!(bits.windows(2).all(|w| w[0] == w[1]), "n {n}: the order of threads changed the result");
    }
}

/// After few iterations everything is still comparable: costs and the values of all slots.
#[test]
fn a_few_iterations_agree_to_rounding() {
    let mut s = Stream::new(1, 40, 1);
    for (n, n_cx) in [(3u8, 8), (4, 10), (5, 8), (6, 6)] {
        for max_iterations in [1, 2, 3] {
            let target = random_template(n, n_cx, &mut s);
            let batch = samples(n, &target, &mut s);
            let mut start = target.clone();
            perturb(&mut start, 0.3, &mut s);
            for slot in [Slot::First(1), Slot::OnControl(2), Slot::OnTarget(4)] {
                start.set_frozen(slot, true);
            }
            let settings = LmSettings { max_iterations, ..LmSettings::default() };
            let mut global = Global::default();
            let base = global.add_base(&start);
            let group = global.add_group(&batch, &batch, &settings, true);
            global.candidates.push(Candidate::unchanged(base, group, 0));
            let launched = launch_lm(&global, How::new(Order::Shuffled(3)));
            let r = launched.results[0];

            let mut solver = LmSolver::new(Level::detect());
            let mut cpu = start.clone();
            let outcome = solver.solve(&batch, &mut cpu, &settings, &GO);
            assert_eq!(r.iterations as usize, outcome.iterations);
            println!("n {n} {max_iterations}: {:e} {:e}", r.cost, (r.cost - outcome.cost) / outcome.cost);
            assert!(close(r.cost, outcome.cost, 1e-12, outcome.cost), "n {n}: {} {}", r.cost, outcome.cost);
            let gpu = with_slots(&start, launched.slots(0));
            for slot in cpu.slots() {
                let (a, b) = (cpu.value(slot), gpu.value(slot));
                let far = ((a.a - b.a).norm_sqr() + (a.b - b.b).norm_sqr()).sqrt();
                assert!(far < 1e-11, "n {n}, {slot:?}: {far:e}");
                assert!(!cpu.is_frozen(slot) || far == 0.0);
            }
        }
    }
}
