//! The body of QFactor sweeps against the CPU engine's sweeper.

mod common;

use bqc_circuit::BlockQubit;
use bqc_instantiate::qfactor::{SweepSettings, Sweeper};
use bqc_instantiate::samples::Sampler;
use bqc_instantiate::{Target, Template};
use bqc_kernels::cta::host::{Order, Watch};
use bqc_kernels::templates::{SweepRules, verdict};
use bqc_linalg::lanes::Level;
use bqc_linalg::{Matrix, Stream};
use common::ORDERS;
use common::sweeps::{Sweeps, difference, exactly, free_values, verdict_name};

/// All kinds of gates that a template can have.
fn random_template(n: u8, n_gates: usize, s: &mut Stream) -> Template {
    let mut t = Template::new(n).unwrap();
    for _ in 0..n_gates {
        let a = BlockQubit(s.below(n.into()) as u8);
        let b = BlockQubit((a.0 + 1 + s.below(usize::from(n) - 1) as u8) % n);
        match s.below(8) {
            0 | 6 => t.push_free_one(a).unwrap(),
            1 => t.push_constant(&[a], &s.su2().matrix()).unwrap(),
            2 => t.push_constant(&[a, b], &Matrix::haar(4, s)).unwrap(),
            3 => t.push_cx(a, b).unwrap(),
            7 => {
                t.push_cx(a, b).unwrap();
                t.push_free_one(b).unwrap();
                t.push_free_one(a).unwrap();
            }
            _ => t.push_free_two(a, b).unwrap(),
        }
    }
    t
}

#[test]
fn sweeps_are_those_of_the_cpu_engine_in_every_order() {
    let mut s = Stream::new(1, 41, 0);
    for (n, n_gates, n_sweeps) in
        [(2u8, 6, 1), (2, 8, 6), (3, 9, 1), (3, 9, 4), (4, 10, 3), (5, 8, 2), (6, 6, 2), (8, 5, 2)]
    {
        let t = random_template(n, n_gates, &mut s);
        let target = Target::from_matrix(&Matrix::haar(1 << n, &mut s)).unwrap();
        let set = Sampler::new(n, 1, n.into()).draw(Level::detect(), &target, 8);
        let start = t.random_values(&mut s);
        let mut sweeps = Sweeps::default();
        let places = sweeps.add(&t, &start, &set.training, set.validation.as_ref(), exactly(n_sweeps));

        let mut cpu = Sweeper::new(Level::detect(), &t, &start, &set.training);
        for _ in 0..n_sweeps {
            cpu.sweep(&set.training, &SweepSettings::default());
        }
        let mut bits = Vec::new();
        for order in ORDERS {
            let (results, found) = sweeps.launch(order, Watch::On, 128, order == ORDERS[1]);
            assert_eq!((results[0].verdict, results[0].sweeps), (verdict::OUT_OF_SWEEPS, n_sweeps));
            // What fits to rounding has a cost that is rounding.
            let apart = (results[0].training - cpu.cost()).abs() / cpu.cost().max(1e-16);
            assert!(apart < 1e-12, "n {n}, {n_sweeps} sweeps: costs differ by {apart:e}");
            let far = difference(&cpu.values(), &free_values(&start, &places, &found));
            println!("n {n}, {n_sweeps} sweeps: cost {apart:e}, values {far:e}");
            assert!(far < 1e-10, "n {n}, {n_sweeps} sweeps: values differ by {far:e}");
            bits.push((results, found));
        }
        assert!(bits.windows(2).all(|w| w[0] == w[1]), "n {n}: the order of threads changed the result");
    }
}

/// A template that can be fitted, from nearby: converged, with the validation states' consent.
#[test]
fn a_start_near_a_solution_converges_and_a_hopeless_one_ends_on_a_plateau() {
    let mut s = Stream::new(1, 41, 1);
    let n = 4u8;
    let mut t = Template::new(n).unwrap();
    for i in 0..4u8 {
        t.push_free_two(BlockQubit(i % n), BlockQubit((i + 1) % n)).unwrap();
    }
    let truth = t.random_values(&mut s);
    let rules = SweepRules {
        cost_tol: 1e-10,
        plateau_ratio: 0.9,
        overtrained_factor: 1.1 + 3.0 / 8f64.sqrt(),
        max_sweeps: 2000,
        min_sweeps: 40,
        plateau_sweeps: 80,
        sweeps_per_round: 8,
        beta: 0.0,
    };
    let possible = Target::from_template(&t, &truth).unwrap();
    let impossible = Target::from_matrix(&Matrix::haar(1 << n, &mut s)).unwrap();
    let level = Level::detect();
    let fit = Sampler::new(n, 1, 0).draw(level, &possible, 8);
    let exact = Sampler::new(n, 1, 0).draw(level, &impossible, 16);
    let few = Sampler::new(n, 1, 0).draw(level, &impossible, 8);
    assert!(exact.is_exact() && !few.is_exact());

    let mut sweeps = Sweeps::default();
    let mut near = truth.clone();
    if let bqc_instantiate::FreeValue::Two(u) = &mut near.0[1] {
        *u = bqc_linalg::Matrix4::haar(&mut s);
    }
    let places = sweeps.add(&t, &near, &fit.training, fit.validation.as_ref(), rules);
    let start = t.random_values(&mut s);
    sweeps.add(&t, &start, &exact.training, None, rules);
    sweeps.add(&t, &start, &few.training, few.validation.as_ref(), rules);
    let (results, found) = sweeps.launch(Order::Shuffled(5), Watch::Off, 64, false);
    let names: Vec<_> = results.iter().map(|r| verdict_name(r.verdict)).collect();
    assert_eq!(names[0], "converged", "{results:?}");
    let distance = possible.phase_distance(level, &t.ops(&free_values(&near, &places, &found)));
    assert!(distance < 1e-4, "{distance:e}");
    assert_eq!(names[1], "plateau", "{results:?}");
    assert!(results[1].validation < 0.0 && results[1].training > 0.1);
    assert_eq!(names[2], "overtrained", "{results:?}");
}

#[test]
fn a_run_that_does_not_fit_the_memory_says_so_and_touches_nothing() {
    let mut s = Stream::new(1, 41, 2);
    let t = random_template(3, 5, &mut s);
    let target = Target::from_matrix(&Matrix::haar(8, &mut s)).unwrap();
    let set = Sampler::new(3, 1, 0).draw(Level::detect(), &target, 8);
    let mut sweeps = Sweeps::default();
    sweeps.add(&t, &t.random_values(&mut s), &set.training, None, exactly(1));
    let layout = bqc_kernels::sweep::Layout::new(&sweeps.runs[0], 64);
    let results = [std::cell::Cell::new(bqc_kernels::templates::SweepResult {
        training: 0.0,
        validation: 0.0,
        verdict: u32::MAX,
        sweeps: 7,
    })];
    let found: [std::cell::Cell<bqc_kernels::complex::Complex>; 0] = [];
    let launch = bqc_kernels::sweep::SweepLaunch {
        runs: &sweeps.runs[..],
        steps: &sweeps.steps[..],
        rules: &sweeps.rules[..],
        states: &sweeps.global.states[..],
        values: &sweeps.values[..],
        results: &results[..],
        found: &found[..],
        small_len: layout.small_len,
        large_len: layout.large_len - 1,
    };
    let clock = bqc_kernels::cta::host::Clock::new(Watch::On);
    let shared = bqc_kernels::cta::host::Arena::poisoned(0, &clock);
    let cta = &mut bqc_kernels::cta::host::HostCta::new(&shared, 64, Order::Forward);
    bqc_kernels::sweep::run(cta, launch, 0, shared.memory(), shared.memory());
    assert_eq!((results[0].get().verdict, results[0].get().sweeps), (verdict::TOO_LARGE, 0));
}
