//! Success and CPU time of whole problems: QFactor, QFactor-Sample, and either finished by
//! Levenberg–Marquardt.
//!
//! Run: `cargo run --release -p bqc-instantiate --example success_rates`. Targets are instances of the
//! template at Haar values; a success is a phase distance of at most 1e-10 over all columns for the
//! finished methods, and of 1e-5 (BQSKit's tolerance) for sweeps alone. `near` starts are 0.3 rad from the
//! solution. One thread.

use bqc_circuit::BlockQubit;
use bqc_instantiate::schedule::Verdict;
use bqc_instantiate::{
    CpuEngine, Engine, Finish, FreeValue, Problem, Sampling, Settings, Start, Target, Template, Values,
};
use bqc_linalg::lanes::Level;
use bqc_linalg::polar::polar4;
use bqc_linalg::{Matrix4, Stream, Su2};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

const N_PROBLEMS: u64 = 12;

fn template(n: u8, n_gates: usize, cx: bool, s: &mut Stream) -> Template {
    let mut t = Template::new(n).expect("narrow");
    if cx {
        (0..n).for_each(|q| t.push_free_one(BlockQubit(q.into())).expect("valid wire"));
    }
    for _ in 0..n_gates {
        let a = s.below(n.into()) as u8;
        let (a, b) = (BlockQubit(a.into()), BlockQubit(((a + 1 + s.below(usize::from(n) - 1) as u8) % n).into()));
        if cx {
            t.push_cx(a, b).expect("valid wires");
            t.push_free_one(a).expect("valid wire");
            t.push_free_one(b).expect("valid wire");
        } else {
            t.push_free_two(a, b).expect("valid wires");
        }
    }
    t
}

fn near(values: &Values, radians: f64, s: &mut Stream) -> Values {
    let mut turned = |v: &FreeValue| match v {
        FreeValue::One(u) => FreeValue::One((Su2::exp([0; 3].map(|_| radians * s.gaussian())) * *u).normalized()),
        FreeValue::Two(u) => {
            let noise = Matrix4::from_fn(|_, _| s.complex_gaussian() * (radians / 2.0));
            FreeValue::Two(polar4(Level::detect(), &u.plus(&noise)).unwrap_or(*u))
        }
    };
    Values(values.0.iter().map(&mut turned).collect())
}

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread");
    let engine = CpuEngine::new();
    println!("template   n   L  starts     method          solved   ms/problem   sweeps/start   LM its");
    for (cx, n, n_gates) in [(false, 3, 4), (false, 4, 6), (false, 5, 8), (false, 6, 12), (true, 3, 8), (true, 4, 12)] {
        for (n_starts, from_near) in [(1, true), (8, false)] {
            for (sampling, finish) in [
                (Sampling::Exact, None),
                (Sampling::Sampled, None),
                (Sampling::Exact, Some(Finish::default())),
                (Sampling::Sampled, Some(Finish::default())),
            ] {
                let name = format!("{sampling:?}{}", if finish.is_some() { "+LM" } else { "" });
                let mut settings = Settings { sampling, finish, ..Settings::default() };
                settings.rules.cost_tol = if settings.finish.is_some() { 1e-21 } else { 1e-10 };
                settings.rules.max_sweeps = 4000;
                let (mut solved, mut sweeps, mut iterations, mut seconds) = (0, 0, 0, 0.0);
                for key in 0..N_PROBLEMS {
                    let mut s = Stream::new(key, n.into(), n_gates as u64);
                    let t = template(n, n_gates, cx, &mut s);
                    let values = t.random_values(&mut s);
                    let target = Target::from_template(&t, &values).expect("own values");
                    let start = if from_near { Start::Warm(near(&values, 0.3, &mut s)) } else { Start::Random };
                    let starts = vec![start; n_starts];
                    let problem =
                        Problem { template: &t, target: &target, starts: &starts, settings: &settings, seed: 0, key };
                    let clock = Instant::now();
                    let results = pool.install(|| engine.instantiate(&[problem], &AtomicBool::new(false)));
                    seconds += clock.elapsed().as_secs_f64();
                    let outcome = results.into_iter().next().expect("one a problem").expect("valid");
                    solved += usize::from(outcome.verdict == Verdict::Converged);
                    sweeps += outcome.starts.iter().map(|r| r.sweeps).sum::<u32>();
                    iterations += outcome.starts.iter().map(|r| r.lm_iterations).sum::<usize>();
                }
                let kind = if cx { "CX+2 U2" } else { "SU(4)" };
                let starts = format!("{n_starts} {}", if from_near { "near" } else { "random" });
                println!(
                    "{kind:8} {n:3} {n_gates:3}  {starts:9}  {name:14} {solved:3}/{N_PROBLEMS} {:12.2} {:14.0} {iterations:8}",
                    seconds * 1e3 / N_PROBLEMS as f64,
                    f64::from(sweeps) / (N_PROBLEMS as usize * n_starts) as f64,
                );
            }
        }
    }
}
