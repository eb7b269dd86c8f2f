//! The Levenberg–Marquardt body against the CPU engine's solver.

mod common;

use bqc_instantiate::{CxTemplate, LmSettings, LmSolver, Rotation, Slot, StateBatch, sample_count};
use bqc_kernels::cta::host::{Order, Watch};
use bqc_kernels::lm::layout::{Layout, Sizes};
use bqc_kernels::templates::{Candidate, CxWord, NONE, rotation, status};
use bqc_linalg::Stream;
use bqc_linalg::lanes::Level;
use common::{Global, How, Launched, ORDERS, launch_lm, perturb, with_slots};
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
        let target = CxTemplate::random(n, n_cx, &mut s);
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

/// After few iterations everything is still comparable: costs and the values of all slots. The starts are
/// near, since the CPU engine chooses steps in single precision while costs are above 1e-3, and some slots
/// are frozen away from the solution, so that the costs do not vanish.
#[test]
fn a_few_iterations_agree_to_rounding() {
    let mut s = Stream::new(1, 40, 1);
    for (n, n_cx) in [(3u8, 8), (4, 10), (5, 8), (6, 6)] {
        for max_iterations in [1, 2, 3] {
            let target = CxTemplate::random(n, n_cx, &mut s);
            let batch = samples(n, &target, &mut s);
            let mut start = target.clone();
            perturb(&mut start, 0.003, &mut s);
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
            assert!(r.first_cost < 1e-3 && r.cost > 1e-9, "n {n}: {r:?}");
            let apart = (r.cost - outcome.cost).abs();
            println!("n {n}, {max_iterations} iterations: cost {:e}, apart {:e} of it", r.cost, apart / r.cost);
            // Costs above 1e-6 come from the overlap, 1 − |S|/M: they are right to rounding of one.
            assert!(apart < 2e-15, "n {n}: {} {}", r.cost, outcome.cost);
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

/// Every move of the search, made on the device from its base, is the CPU template's.
#[test]
fn candidates_are_expanded_as_the_cpu_template_does() {
    let mut s = Stream::new(1, 40, 2);
    let rotations =
        [(Rotation::Plus, rotation::PLUS), (Rotation::Minus, rotation::MINUS), (Rotation::None, rotation::NOTHING)];
    // No iteration: what comes back is what was made.
    let settings = LmSettings { max_iterations: 0, ..LmSettings::default() };
    for n in [2u8, 3, 4] {
        let mut t = CxTemplate::random(n, 6, &mut s);
        t.set_frozen(Slot::First(0), true);
        t.set_frozen(Slot::OnControl(1), true);
        t.set_frozen(Slot::OnTarget(3), true);
        let batch = samples(n, &t, &mut s);
        let mut global = Global::default();
        let base = global.add_base(&t);
        let group = global.add_group(&batch, &batch, &settings, true);
        let mut expected: Vec<CxTemplate> = Vec::new();
        let mut add = |delete: Option<usize>, insert: Option<usize>, s: &mut Stream| {
            let mut c = Candidate::unchanged(base, group, expected.len() as u32);
            let mut made = t.clone();
            if let Some(i) = delete {
                let (cpu, gpu) = rotations[s.below(3)];
                made.delete_cx(i, cpu);
                (c.delete, c.delete_rotation) = (i as u32, gpu);
            }
            if let Some(at) = insert {
                let (cpu, gpu) = rotations[s.below(3)];
                let control = s.below(n.into()) as u8;
                let target = (control + 1 + s.below(usize::from(n) - 1) as u8) % n;
                made.insert_cx(at, control, target, cpu);
                (c.insert_at, c.insert_rotation) = (at as u32, gpu);
                c.insert_cx = CxWord::new(control.into(), target.into());
            }
            expected.push(made);
            global.candidates.push(c);
        };
        add(None, None, &mut s);
        (0..6).for_each(|i| add(Some(i), None, &mut s));
        (0..=6).for_each(|at| add(None, Some(at), &mut s));
        (0..6).for_each(|i| (0..=5).for_each(|at| add(Some(i), Some(at), &mut s)));
        let launched = launch_lm(&global, How::new(Order::Reverse));
        let mut solver = LmSolver::new(Level::detect());
        for (i, made) in expected.iter().enumerate() {
            let r = launched.results[i];
            assert_eq!(r.n_cx as usize, made.n_cx());
            for (slot, gpu) in made.slots().zip(launched.slots(i)) {
                let (a, b) = (made.value(slot), common::cpu_su2(*gpu));
                let far = ((a.a - b.a).norm_sqr() + (a.b - b.b).norm_sqr()).sqrt();
                assert!(far < 1e-15, "n {n}, candidate {i}, {slot:?}: {far:e}");
            }
            let distance = solver.distance(&batch, made);
            assert!((r.first_cost.sqrt() - distance).abs() < 1e-12, "n {n}, candidate {i}: {r:?} {distance}");
        }
    }
}

/// Deletions of redundant CX gates among hopeless ones: the lowest success wins, whatever the timing, the
/// order of the threads, the number of threads and of samples in a panel, and the place of the memory.
#[test]
fn the_lowest_success_wins_whatever_the_timing() {
    let mut s = Stream::new(1, 40, 3);
    let mut t = CxTemplate::random(3, 3, &mut s);
    // Four CX gates in a row on one pair do what three can.
    for k in 0..4 {
        t.push(k % 2, (k + 1) % 2, s.su2(), s.su2());
    }
    t.push(1, 2, s.su2(), s.su2());
    let exact = StateBatch::exact(&t);
    let sampled = StateBatch::sampled(&t, 8, &mut s);
    let settings = LmSettings::default();
    let mut global = Global::default();
    let base = global.add_base(&t);
    let group = global.add_group(&sampled, &exact, &settings, false);
    for i in 0..t.n_cx() {
        for r in [rotation::PLUS, rotation::MINUS] {
            let rank = global.candidates.len() as u32;
            let delete = i as u32;
            global.candidates.push(Candidate { delete, delete_rotation: r, ..Candidate::unchanged(base, group, rank) });
        }
    }
    let plain = How { watch: Watch::Off, ..How::new(Order::Forward) };
    let ways = [
        plain,
        How { backwards: true, ..plain },
        How { order: Order::Shuffled(11), n_threads: 96, ..plain },
        How { order: Order::Reverse, samples_per_panel: 8, large_is_global: true, ..plain },
        How { n_threads: 32, samples_per_panel: 3, backwards: true, watch: Watch::On, ..plain },
    ];
    let launches: Vec<Launched> = ways.iter().map(|how| launch_lm(&global, *how)).collect();
    let winner = launches[0].winners[0] as usize;
    assert!((1..global.candidates.len()).contains(&winner), "{winner}");
    // The CPU engine's answer.
    let mut solver = LmSolver::new(Level::detect());
    let first = global.candidates.iter().position(|c| {
        let mut made = t.clone();
        made.delete_cx(c.delete as usize, if c.delete_rotation == 0 { Rotation::Plus } else { Rotation::Minus });
        solver.solve(&sampled, &mut made, &settings, &GO).found && solver.distance(&exact, &made) <= 1e-10
    });
    assert_eq!(first, Some(winner));
    for (how, launched) in ways.iter().zip(&launches) {
        assert_eq!(launched.winners[0] as usize, winner, "{how:?}");
        let r = launched.results[winner];
        assert_eq!((r.status, r.n_cx as usize), (status::ACCEPTED, t.n_cx() - 1));
        let mut made = t.clone();
        made.delete_cx(global.candidates[winner].delete as usize, Rotation::None);
        assert!(solver.distance(&exact, &with_slots(&made, launched.slots(winner))) < 1e-12);
        for (i, r) in launched.results.iter().enumerate() {
            // All ranks below the winner ran to their ends; above it anything but being forgotten.
            assert!(r.status != NONE && (i >= winner) | (r.status != status::BEATEN), "{i}: {r:?}");
            assert!(i >= winner || r.iterations >= settings.first_judgement as u32);
        }
    }
    let beaten = launches[0].results.iter().filter(|r| r.status == status::BEATEN).count();
    assert!(beaten > 0 && launches[1].results.iter().all(|r| r.status != status::BEATEN || r.iterations == 0));
    // Who comes after the winner is not even set up.
    let after = launches[0].results.iter().filter(|r| r.status == status::BEATEN);
    assert!(after.clone().all(|r| r.n_tangents == 0 && r.first_cost == 1.0));
    // After a stop nobody of the group begins.
    let stopped = launch_lm(&global, How { stopped: Some(0), ..plain });
    assert!(stopped.results.iter().all(|r| (r.status, r.survivor, r.iterations) == (status::STOPPED, NONE, 0)));
    assert_eq!(stopped.winners, [NONE, 0]);
}

/// How many samples are in a panel, and where the large memory is, follow from the device. The digits do not.
#[test]
fn devices_of_every_size_find_the_same_digits() {
    let mut s = Stream::new(1, 40, 8);
    let target = CxTemplate::random(3, 4, &mut s);
    let (batch, check) = (StateBatch::sampled(&target, 7, &mut s), StateBatch::exact(&target));
    let mut global = Global::default();
    let group = global.add_group(&batch, &check, &LmSettings::default(), true);
    for rank in 0..3 {
        let mut near = target.clone();
        common::perturb(&mut near, 0.2, &mut s);
        let base = global.add_base(&near);
        global.candidates.push(Candidate::unchanged(base, group, rank));
    }
    let digits = |samples_per_panel, large_is_global| {
        let plain = How { watch: Watch::Off, ..How::new(Order::Forward) };
        let launched = launch_lm(&global, How { samples_per_panel, large_is_global, ..plain });
        let bits = |x: &bqc_kernels::complex::Su2| [x.a.re, x.a.im, x.b.re, x.b.im].map(f64::to_bits);
        let result = |i: usize| (launched.results[i].cost.to_bits(), launched.results[i].iterations);
        (0..3).map(|i| (result(i), launched.slots(i).iter().map(bits).collect())).collect::<Vec<(_, Vec<_>)>>()
    };
    let all = digits(7, false);
    assert!(all.iter().all(|((_, iterations), _)| *iterations > 2), "a fair test");
    for (samples_per_panel, large_is_global) in [(1, false), (2, false), (3, true), (5, false), (7, true)] {
        assert!(digits(samples_per_panel, large_is_global) == all, "{samples_per_panel} {large_is_global}");
    }
}

/// Groups of several callers share a launch: every digit is that of a launch for each alone, and a group
/// that is stopped stops nobody else.
#[test]
fn groups_in_one_launch_do_not_meet() {
    let mut s = Stream::new(1, 40, 6);
    let settings = LmSettings::default();
    let templates = [CxTemplate::random(3, 4, &mut s), CxTemplate::random(2, 3, &mut s)];
    let batches = templates.each_ref().map(|t| (samples(t.n() as u8, t, &mut s), StateBatch::exact(t)));
    let add = |global: &mut Global, i: usize| {
        let ((batch, check), mut s) = (&batches[i], Stream::new(1, 41, i as u64));
        let group = global.add_group(batch, check, &settings, false);
        for rank in 0..3 {
            let mut near = templates[i].clone();
            common::perturb(&mut near, 0.05, &mut s);
            let base = global.add_base(&near);
            global.candidates.push(Candidate::unchanged(base, group, rank));
        }
    };
    let how = How { watch: Watch::Off, ..How::new(Order::Forward) };
    let [mut first, mut second, mut both] = [Global::default(), Global::default(), Global::default()];
    add(&mut first, 0);
    add(&mut second, 1);
    (0..2).for_each(|i| add(&mut both, i));
    let [first, second, together] = [&first, &second, &both].map(|global| launch_lm(global, how));
    let alone = [&first.results[..], &second.results].concat();
    assert!(together.winners[..2] == [0, 0] && first.winners[0] == 0);
    for (mut ours, theirs) in together.results.iter().copied().zip(alone) {
        // Places of survivors are handed out as they come.
        ours.survivor = theirs.survivor;
        assert_eq!(ours, theirs);
    }
    let n_slots = templates[1].slots().count();
    assert_eq!(together.slots(3)[..n_slots], second.slots(0)[..n_slots]);
    let stopped = launch_lm(&both, How { stopped: Some(0), ..how });
    assert!(stopped.results[..3].iter().all(|r| r.status == status::STOPPED));
    assert_eq!((stopped.winners[..2].to_vec(), stopped.results[3].cost), (vec![NONE, 0], second.results[0].cost));
}

/// Fewer rows than parameters fit anything: the check must see it.
#[test]
fn what_fits_the_samples_alone_is_not_accepted() {
    let mut s = Stream::new(1, 40, 4);
    let target = CxTemplate::random(4, 8, &mut s);
    let one_state = StateBatch::sampled(&target, 1, &mut s);
    let exact = StateBatch::exact(&target);
    let start = CxTemplate::random(4, 8, &mut s);
    let settings = LmSettings { give_up_ratio: 1.0, ..LmSettings::default() };
    let mut global = Global::default();
    let base = global.add_base(&start);
    let group = global.add_group(&one_state, &exact, &settings, false);
    global.candidates.push(Candidate::unchanged(base, group, 0));
    let launched = launch_lm(&global, How::new(Order::Forward));
    let r = launched.results[0];
    assert_eq!(r.status, status::OVERFIT, "{r:?}");
    assert!(r.distance > 0.1 && r.survivor == NONE && launched.winners == [NONE, 0]);
}

#[test]
fn a_candidate_that_does_not_fit_the_memory_says_so() {
    let mut s = Stream::new(1, 40, 5);
    let (small, large) = (CxTemplate::random(2, 2, &mut s), CxTemplate::random(5, 9, &mut s));
    let settings = LmSettings { max_iterations: 1, ..LmSettings::default() };
    let mut global = Global::default();
    for t in [&small, &large] {
        let batch = StateBatch::sampled(t, 4, &mut s);
        let base = global.add_base(t);
        let group = global.add_group(&batch, &batch, &settings, true);
        global.candidates.push(Candidate::unchanged(base, group, 0));
    }
    let launched = common::launch_lm_with(&global, How::new(Order::Forward), Some(0));
    assert_ne!(launched.results[0].status, status::TOO_LARGE);
    let r = launched.results[1];
    assert_eq!((r.status, r.survivor, r.iterations), (status::TOO_LARGE, NONE, 0));
}

/// Bytes of a launch are known before it; the README's table is this one.
#[test]
fn the_memory_of_usual_problems_fits_the_shared_memory_of_one_block() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    // 227 KiB of an H100 or H200, of which the queue takes some.
    let queue_len = bqc_kernels::arguments::QUEUE_LEN;
    let most = 227 * 1024 / 8 - queue_len;
    for (n, n_cx) in [(3u32, 8u32), (3, 14), (4, 16), (4, 30), (5, 24), (5, 32), (6, 24)] {
        let n_samples = sample_count(n as usize, (3 * n + 4 * n_cx) as usize) as u32;
        let sizes = Sizes { n, n_cx, n_samples, samples_per_panel: 1, n_threads: 128 };
        let fitting = sizes.fitting(most).map(|s| (s.samples_per_panel, Layout::new(s)));
        let bytes = |l: &Layout| 8 * (queue_len + l.small_len.next_multiple_of(2) + l.large_len);
        let least = bytes(&Layout::new(sizes));
        let row = match fitting {
            Some((count, _)) => format!("| {n} | {n_cx} | {n_samples} | {least} | {count} |"),
            None => format!("| {n} | {n_cx} | {n_samples} | {least} | in global memory |"),
        };
        assert!(readme.contains(&row), "not in the README: {row}");
        if let Some((count, layout)) = fitting {
            assert!(bytes(&layout) <= 227 * 1024);
            let more = Layout::new(Sizes { samples_per_panel: count + 1, ..sizes });
            assert!(count == n_samples || bytes(&more) > 227 * 1024);
        }
    }
}
