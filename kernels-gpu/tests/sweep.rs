//! The body of QFactor sweeps against the CPU engine's sweeper and its rules.

mod common;

use bqc_circuit::BlockQubit;
use bqc_instantiate::qfactor::{SweepSettings, Sweeper};
use bqc_instantiate::samples::Sampler;
use bqc_instantiate::{FreeValue, Target, Template};
use bqc_kernels::complex::Complex;
use bqc_kernels::cta::host::{Arena, Clock, HostCta, HostGlobal, Order, Watch};
use bqc_kernels::sweep::{Layout, SweepLaunch};
use bqc_kernels::templates::{SweepResult, verdict};
use bqc_linalg::lanes::Level;
use bqc_linalg::{Matrix, Stream};
use bqc_schedule::{NO_VALIDATION, Rules, Verdict};
use common::ORDERS;
use common::sweeps::{Sweeps, Swept, cost_points, difference, exactly, free_values, random_template};
use std::cell::Cell;
use std::sync::atomic::AtomicU32;

/// How far costs and values of a run are from the CPU's after as many sweeps, in every order of threads, or
/// with `Watch::Off` in one.
fn compare(n: u8, n_gates: usize, n_samples: usize, n_sweeps: u32, watch: Watch, s: &mut Stream) -> (f64, f64) {
    let t = random_template(n, n_gates, s);
    let target = if n <= 8 {
        Target::from_matrix(&Matrix::haar(1 << n, s)).unwrap()
    } else {
        let other = random_template(n, 2 * n_gates, s);
        Target::from_template(&other, &other.random_values(s)).unwrap()
    };
    let set = Sampler::new(n, 1, n.into()).draw(Level::detect(), &target, n_samples);
    let start = t.random_values(s);
    let mut sweeps = Sweeps::default();
    let places = sweeps.add(&t, &start, &set.training, set.validation.as_ref(), exactly(n_sweeps));
    let mut cpu = Sweeper::new(Level::detect(), &t, &start, &set.training);
    let mut costs = vec![cpu.cost()];
    for _ in 0..n_sweeps {
        costs.push(cpu.sweep(&set.training, &SweepSettings::default()));
    }
    let orders = if watch == Watch::On { &ORDERS[..] } else { &ORDERS[..1] };
    let mut all: Vec<Swept> = Vec::new();
    let mut apart = [0.0f64; 2];
    for &order in orders {
        let swept = sweeps.launch(order, watch, 128, n > 8 || order == ORDERS[1]);
        assert_eq!((swept.results[0].verdict, swept.results[0].n_points), (Verdict::OutOfSweeps as u32, n_sweeps + 1));
        for (point, cost) in swept.points[0].iter().zip(&costs) {
            // What fits to rounding has a cost that is rounding.
            apart[0] = apart[0].max((point.re - cost).abs() / cost.max(1e-16));
        }
        apart[1] = apart[1].max(difference(&cpu.values(), &free_values(&start, &places, &swept.found)));
        all.push(swept);
    }
    assert!(all.windows(2).all(|w| w[0] == w[1]), "n {n}: the order of threads changed the result");
    (apart[0], apart[1])
}

#[test]
fn sweeps_are_those_of_the_cpu_engine_in_every_order() {
    let mut s = Stream::new(1, 41, 0);
    for (n, n_gates, n_sweeps) in [(1u8, 3, 2), (2, 8, 6), (3, 9, 4), (4, 10, 3), (5, 8, 2), (6, 6, 2), (8, 5, 2)] {
        let (costs, values) = compare(n, n_gates, 8, n_sweeps, Watch::On, &mut s);
        println!("n {n}, {n_sweeps} sweeps: costs {costs:e}, values {values:e}");
        assert!(costs < 1e-12 && values < 1e-10, "n {n}, {n_sweeps} sweeps: {costs:e}, {values:e}");
    }
}

/// The agreement that is promised: costs to 1e-12 of their size, at the start, after one sweep and after ten.
#[test]
fn costs_agree_to_rounding_for_many_random_problems() {
    let mut s = Stream::new(1, 41, 3);
    let mut largest = 0.0f64;
    for n in 2..=8u8 {
        let n_problems = if n <= 5 { 12 } else { 3 };
        for problem in 0..n_problems {
            let n_sweeps = if problem % 3 == 0 { 1 } else { 10 };
            let (costs, _) = compare(n, 12, [3, 8, 11][problem % 3], n_sweeps, Watch::Off, &mut s);
            assert!(costs <= 1e-12, "n {n}, problem {problem}: {costs:e}");
            largest = largest.max(costs);
        }
    }
    println!("largest relative difference of costs: {largest:e}");
}

/// Blocks too wide for shared memory, from global memory.
#[test]
fn wide_blocks_sweep_as_well() {
    let mut s = Stream::new(1, 41, 4);
    for (n, n_gates) in [(9u8, 5), (10, 4), (12, 3)] {
        let (costs, values) = compare(n, n_gates, 8, 2, Watch::Off, &mut s);
        println!("n {n}: costs {costs:e}, values {values:e}");
        assert!(costs <= 1e-12 && values < 1e-10, "n {n}: {costs:e}, {values:e}");
    }
}

/// Whoever is cut into launches of any length makes the same numbers, bit by bit, and is judged as the CPU
/// judges.
#[test]
fn a_run_in_several_launches_is_the_same_run_and_its_verdict_is_the_rules() {
    let mut s = Stream::new(1, 41, 1);
    let level = Level::detect();
    let n = 4u8;
    let mut t = Template::new(n).unwrap();
    for i in 0..4u8 {
        t.push_free_two(BlockQubit((i % n).into()), BlockQubit(((i + 1) % n).into())).unwrap();
    }
    let truth = t.random_values(&mut s);
    let possible = Target::from_template(&t, &truth).unwrap();
    let impossible = Target::from_matrix(&Matrix::haar(1 << n, &mut s)).unwrap();
    let fit = Sampler::new(n, 1, 0).draw(level, &possible, 8);
    let exact = Sampler::new(n, 1, 0).draw(level, &impossible, 16);
    let few = Sampler::new(n, 1, 0).draw(level, &impossible, 8);
    assert!(exact.is_exact() && !few.is_exact());
    let mut near = truth.clone();
    if let FreeValue::Two(u) = &mut near.0[1] {
        *u = bqc_linalg::Matrix4::haar(&mut s);
    }
    let start = t.random_values(&mut s);

    let usual = Rules { max_sweeps: 2000, window_points: 11, ..Rules::default() };
    let cases = [
        (&near, &fit, usual, Verdict::Converged),
        (&start, &exact, Rules { sweeps_per_point: 7, ..usual }, Verdict::Plateau),
        (&start, &few, Rules { sweeps_per_point: 3, window_points: 28, ..usual }, Verdict::Overtrained),
        (&start, &exact, Rules { max_sweeps: 20, sweeps_per_point: 3, ..usual }, Verdict::OutOfSweeps),
        (&near, &fit, Rules { cost_tol: 1.0, ..usual }, Verdict::Converged),
    ];
    for (start, set, rules, expected) in cases {
        let mut sweeps = Sweeps::default();
        let places = sweeps.add(&t, start, &set.training, set.validation.as_ref(), rules);
        let whole = sweeps.launch(Order::Shuffled(5), Watch::Off, 64, false);
        let history = cost_points(&whole.points[0]);
        let judge = |k: usize| rules.judge(0, k as u32, history[k], |before| history[before as usize]);
        let verdicts: Vec<_> = (0..history.len()).map(judge).collect();
        let (last, before) = verdicts.split_last().unwrap();
        assert!(before.iter().all(|v| *v == Verdict::Continue) && *last == expected, "{verdicts:?}");
        assert_eq!(whole.results[0].verdict, expected as u32);
        if expected == Verdict::Converged && rules.cost_tol < 1.0 {
            let distance = possible.phase_distance(level, &t.ops(&free_values(start, &places, &whole.found)));
            assert!(distance < 1e-4, "{distance:e}");
        }

        let mut points = Vec::new();
        for n_rounds in (0..5).cycle() {
            sweeps.runs[0].n_rounds = n_rounds;
            let part = sweeps.launch(Order::Forward, Watch::On, 64, true);
            points.extend_from_slice(&part.points[0]);
            if part.results[0].verdict != verdict::UNDECIDED {
                assert_eq!((&part.results[0].verdict, &part.found), (&whole.results[0].verdict, &whole.found));
                break;
            }
            let n_new = part.results[0].n_points;
            assert_eq!(n_new, n_rounds + u32::from(sweeps.runs[0].n_points == 0));
            sweeps.go_on(0, &part, 4);
        }
        assert_eq!(points, whole.points[0], "{expected:?}");
    }
}

/// One start on three wires that ends after `n_sweeps` sweeps and not before.
fn one_start(purpose: u64, n_sweeps: u32) -> Sweeps {
    let mut s = Stream::new(1, 41, purpose);
    let t = random_template(3, 5, &mut s);
    let target = Target::from_matrix(&Matrix::haar(8, &mut s)).unwrap();
    let set = Sampler::new(3, 1, 0).draw(Level::detect(), &target, 8);
    let mut sweeps = Sweeps::default();
    sweeps.add(&t, &t.random_values(&mut s), &set.training, None, exactly(n_sweeps));
    sweeps
}

#[test]
fn a_stop_ends_a_run_after_its_first_point() {
    let sweeps = one_start(5, 9);
    let run = |stop: u32| {
        let swept = sweeps.launch_with(Order::Reverse, Watch::On, 64, false, &[AtomicU32::new(stop)]);
        (swept.results[0].verdict, swept.points[0].clone())
    };
    let (undisturbed, points) = run(0);
    assert_eq!((undisturbed, points.len()), (Verdict::OutOfSweeps as u32, 10));
    assert_eq!(run(1), (verdict::STOPPED, points[..1].to_vec()));
}

#[test]
fn without_validation_states_the_cost_on_them_is_the_one_that_says_so() {
    let mut s = Stream::new(1, 41, 6);
    let mut t = Template::new(2).unwrap();
    t.push_free_two(BlockQubit(0), BlockQubit(1)).unwrap();
    let target = Target::from_matrix(&Matrix::haar(4, &mut s)).unwrap();
    let set = Sampler::new(2, 1, 0).draw(Level::detect(), &target, 4);
    let mut sweeps = Sweeps::default();
    let rules = Rules { sweeps_per_point: 1, ..Rules::default() };
    sweeps.add(&t, &t.random_values(&mut s), &set.training, None, rules);
    let swept = sweeps.launch(Order::Forward, Watch::On, 64, false);
    assert_eq!((swept.results[0].n_points, swept.results[0].verdict), (2, Verdict::Converged as u32));
    assert!(swept.last(0).0 < 1e-20 && swept.last(0).1 == NO_VALIDATION);
}

#[test]
fn a_run_that_does_not_fit_the_memory_says_so_and_touches_nothing() {
    let sweeps = one_start(2, 1);
    let layout = Layout::new(&sweeps.runs[0], 64);
    let results = [Cell::new(SweepResult { verdict: u32::MAX, n_points: 7 })];
    let found: [Cell<Complex>; 0] = [];
    let flags: [AtomicU32; 0] = [];
    let launch = SweepLaunch::<HostGlobal<'_>> {
        runs: &sweeps.runs[..],
        steps: &sweeps.steps[..],
        rules: &sweeps.rules[..],
        states: &sweeps.global.states[..],
        values: &sweeps.values[..],
        results: &results[..],
        found: &found[..],
        stop: &flags[..],
        small_len: layout.small_len,
        large_len: layout.large_len - 1,
    };
    let clock = Clock::new(Watch::On);
    let shared = Arena::poisoned(0, &clock);
    let cta = &mut HostCta::new(&shared, 64, Order::Forward);
    bqc_kernels::sweep::run(cta, launch, 0, shared.memory(), shared.memory(), shared.memory());
    assert_eq!(results[0].get(), SweepResult { verdict: verdict::TOO_LARGE, n_points: 0 });
}
