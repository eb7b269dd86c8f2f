//! The committed PTX, run on the host: it makes the bits that the emulated bodies make, in whatever order its
//! threads run, without a race, a stray access or a barrier that some threads miss.

mod common;

use bqc_instantiate::samples::Sampler;
use bqc_instantiate::{CxTemplate, LmSettings, Slot, StateBatch, Target, sample_count};
use bqc_kernels::complex::{Complex, Su2};
use bqc_kernels::cta::host::{Order as HostOrder, Watch};
use bqc_kernels::templates::{Candidate, CxWord, rotation, status};
use bqc_linalg::lanes::Level;
use bqc_linalg::{Matrix, Stream};
use bqc_schedule::Rules;
use common::ptx::{ARCHITECTURES, LeftBehind, committed, launch_lm, launch_sweeps, text, words};
use common::sweeps::{Sweeps, exactly, random_template};
use common::{Global, How, perturb};
use ptx_runner::{Counts, Kernel, Order};
use std::collections::BTreeMap;

const N_THREADS: u32 = 128;
/// The share of a kernel that has to run. What does not is for cases that do not come up here.
const MOST: f64 = 0.85;

/// A launch of everything that candidates can be: unchanged, with a CX deleted, moved or inserted, frozen slots,
/// several groups of which in one candidates compete.
fn candidates(n: u8, n_cx: usize, s: &mut Stream) -> Global {
    let target = CxTemplate::random(n, n_cx, s);
    let n_parameters = 3 * usize::from(n) + 4 * n_cx;
    let batch = StateBatch::sampled(&target, sample_count(n.into(), n_parameters), s);
    let exact = StateBatch::exact(&target);
    let mut start = target.clone();
    start.set_frozen(Slot::First(0), true);
    start.set_frozen(Slot::OnTarget(n_cx - 1), true);
    perturb(&mut start, 0.05, s);
    let mut global = Global::default();
    let base = global.add_base(&start);
    let settings = LmSettings { max_iterations: 6, ..LmSettings::default() };
    let competing = global.add_group(&batch, &exact, &settings, false);
    let others = global.add_group(&batch, &exact, &settings, true);
    let word = CxWord::new(1, 0);
    let plain = |group: u32, rank: u32| Candidate::unchanged(base, group, rank);
    let deleted = |group: u32, rank: u32, rotation: u32| Candidate {
        delete: rank % n_cx as u32,
        delete_rotation: rotation,
        ..plain(group, rank)
    };
    global.candidates = vec![
        deleted(competing, 2, rotation::PLUS),
        plain(competing, 1),
        deleted(competing, 3, rotation::MINUS),
        Candidate {
            insert_at: 1,
            insert_cx: word,
            insert_rotation: rotation::PLUS,
            ..deleted(others, 0, rotation::PLUS)
        },
        Candidate { insert_at: 0, insert_cx: word, insert_rotation: rotation::NOTHING, ..plain(others, 1) },
    ];
    global
}

fn how(large_is_global: bool) -> How {
    How { n_threads: N_THREADS, large_is_global, watch: Watch::Off, ..How::new(HostOrder::Forward) }
}

/// What the emulation leaves behind, in words.
fn emulated_lm(global: &Global, how: How) -> LeftBehind {
    let launched = common::launch_lm(global, how);
    assert!(launched.results.iter().any(|r| r.status == status::ACCEPTED), "{:?}", launched.results);
    let survivors: Vec<Complex> = launched.survivors.iter().flat_map(|Su2 { a, b }| [*a, *b]).collect();
    LeftBehind { results: words(&launched.results), values: words(&survivors), rest: launched.winners }
}

/// Which instructions of a kernel have run in any launch.
#[derive(Default)]
struct Coverage(BTreeMap<String, Vec<bool>>);

impl Coverage {
    fn add(&mut self, kernel: &str, counts: &Counts) {
        let all = self.0.entry(kernel.to_owned()).or_insert_with(|| vec![false; counts.has_run.len()]);
        all.iter_mut().zip(&counts.has_run).for_each(|(any, has_run)| *any |= has_run);
    }

    /// Panics if much of some kernel has never run.
    fn assert(&self) {
        for (kernel, has_run) in &self.0 {
            let share = has_run.iter().filter(|x| **x).count() as f64 / has_run.len() as f64;
            println!("{kernel}: {:.1} % of {} instructions have run", 100.0 * share, has_run.len());
            assert!(share > MOST, "{kernel}: {share}");
        }
    }
}

#[test]
fn candidates_come_out_with_the_bits_of_the_emulation() {
    let (mut s, mut coverage) = (Stream::new(1, 44, 0), Coverage::default());
    for (n, n_cx) in [(2u8, 2), (3, 5), (4, 6), (5, 4), (6, 2)] {
        let global = candidates(n, n_cx, &mut s);
        for (kernel, large_is_global) in [("bqc_lm_shared", false), ("bqc_lm_global", true)] {
            let expected = emulated_lm(&global, how(large_is_global));
            for architecture in ARCHITECTURES {
                let ptx = committed(architecture, kernel);
                let order = if large_is_global { Order::Backward } else { Order::Shuffled(n.into()) };
                let launched = launch_lm(&ptx, &global, how(large_is_global), order);
                let (left, counts) = launched.unwrap_or_else(|error| panic!("{kernel}: {error}"));
                assert!(left == expected, "{kernel} {architecture} n {n}: {left:?} {expected:?}");
                coverage.add(&format!("{kernel} {architecture}"), &counts);
            }
        }
    }
    coverage.assert();
}

#[test]
fn sweeps_come_out_with_the_bits_of_the_emulation() {
    let (mut s, mut coverage) = (Stream::new(1, 44, 1), Coverage::default());
    for (n, n_gates, n_sweeps) in [(1u8, 3, 3), (2, 9, 3), (3, 12, 2), (4, 10, 2), (5, 6, 1)] {
        let mut sweeps = Sweeps::default();
        // The last one ends by its rules.
        let judging = Rules { max_sweeps: 4, sweeps_per_point: 2, ..Rules::default() };
        for rules in [exactly(n_sweeps), exactly(n_sweeps), judging] {
            let t = random_template(n, n_gates, &mut s);
            let target = Target::from_matrix(&Matrix::haar(1 << n, &mut s)).unwrap();
            let set = Sampler::new(n, 1, n.into()).draw(Level::detect(), &target, 8);
            sweeps.add(&t, &t.random_values(&mut s), &set.training, set.validation.as_ref(), rules);
        }
        for (kernel, large_is_global) in [("bqc_sweep_shared", false), ("bqc_sweep_global", true)] {
            let swept = sweeps.launch(HostOrder::Forward, Watch::Off, N_THREADS, large_is_global);
            for architecture in ARCHITECTURES {
                let ptx = committed(architecture, kernel);
                let order = if large_is_global { Order::Shuffled(n.into()) } else { Order::Backward };
                let launched = launch_sweeps(&ptx, &sweeps, N_THREADS, large_is_global, order);
                let (left, counts) = launched.unwrap_or_else(|error| panic!("{kernel}: {error}"));
                assert_eq!(left.results, words(&swept.results), "{kernel} {architecture} n {n}");
                assert!(left.values == words(&swept.found), "{kernel} {architecture} n {n}");
                for (run, points) in sweeps.runs.iter().zip(&swept.points) {
                    let first = 4 * (run.points_at + run.n_carried) as usize;
                    assert_eq!(left.rest[first..][..4 * points.len()], words(points), "{kernel} {architecture} n {n}");
                }
                coverage.add(&format!("{kernel} {architecture}"), &counts);
            }
        }
    }
    coverage.assert();
}

/// The checks are worth something: a kernel that lacks one of its barriers is found out, unless another barrier
/// stands so near that nobody needs both.
#[test]
fn a_barrier_that_is_taken_away_is_missed() {
    let text = text("sm_90");
    let global = candidates(3, 5, &mut Stream::new(1, 44, 2));
    let expected = emulated_lm(&global, how(false));
    let kernel_at = text.find(".entry bqc_lm_shared(").unwrap();
    let end = text[kernel_at..].find("\n}\n").map_or(text.len(), |len| kernel_at + len);
    let barriers: Vec<usize> =
        text[kernel_at..end].match_indices("bar.sync \t0;").map(|(at, _)| kernel_at + at).collect();
    assert!(barriers.len() > 20, "{} barriers", barriers.len());
    let is_missed = |at: &&usize| {
        let mut without = text.clone();
        without.replace_range(**at..**at + "bar.sync \t0;".len(), "");
        let kernel = Kernel::parse(&without, "bqc_lm_shared").unwrap();
        launch_lm(&kernel, &global, how(false), Order::Shuffled(5)).map_or(true, |(left, _)| left != expected)
    };
    let n_missed = barriers.iter().filter(is_missed).count();
    println!("{n_missed} of {} barriers are missed", barriers.len());
    assert!(2 * n_missed > barriers.len(), "{n_missed} of {}", barriers.len());
}
