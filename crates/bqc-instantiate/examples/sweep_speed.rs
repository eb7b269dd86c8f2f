//! Microseconds per QFactor sweep, beside the goal and the arithmetic floor.
//!
//! Run: `cargo run --release -p bqc-instantiate --example sweep_speed`. Templates of `L` free two-qubit
//! gates on random pairs (and, below, of CX gates with free one-qubit gates), one start on one core,
//! target another instance of the template. A sweep is one way through all gates. The floor counts
//! 12·2^n complex multiply-adds a gate and sample, four real ones each, at 16 a cycle and 3 GHz: two
//! applications and one environment. This engine needs one application less, so it can go below.

use bqc_circuit::BlockQubit;
use bqc_instantiate::qfactor::{SweepSettings, Sweeper};
use bqc_instantiate::samples::{self, Sampler};
use bqc_instantiate::{Target, Template};
use bqc_linalg::Stream;
use bqc_linalg::lanes::Level;
use std::hint::black_box;
use std::time::Instant;

/// Width, gates, requested samples, goal in microseconds a sweep.
const CASES: [(u8, usize, usize, Option<f64>); 7] = [
    (3, 9, 16, None),
    (4, 12, 19, None),
    (5, 15, 21, None),
    (6, 18, 24, Some(70.0)),
    (6, 48, 39, None),
    (8, 24, 27, Some(400.0)),
    (10, 30, 30, None),
];

fn template(n: u8, n_gates: usize, cx: bool, s: &mut Stream) -> Template {
    let mut t = Template::new(n).expect("narrow");
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

fn main() {
    println!("level    template    n   L    M(used)   sweep us   goal   floor   x floor");
    for level in Level::available() {
        for cx in [false, true] {
            for (n, n_gates, n_samples, goal) in CASES {
                let mut s = Stream::new(1, n.into(), n_gates as u64);
                let t = template(n, n_gates, cx, &mut s);
                let target = Target::from_template(&t, &t.random_values(&mut s)).expect("own values");
                let set = Sampler::new(n, 1, 1).draw(level, &target, samples::feasible_count(n, n_samples));
                let mut sweeper = Sweeper::new(level, &t, &t.random_values(&mut s), &set.training);
                let settings = SweepSettings::default();
                // The best of many short windows: other work on the machine only adds time.
                let mut best = f64::INFINITY;
                for _ in 0..60 {
                    let (start, mut sweeps) = (Instant::now(), 0);
                    while sweeps < 2 || start.elapsed().as_secs_f64() < 0.002 {
                        black_box(sweeper.sweep(&set.training, &settings));
                        sweeps += 1;
                    }
                    best = best.min(start.elapsed().as_secs_f64() * 1e6 / sweeps as f64);
                }
                let used = set.training.n_samples();
                let floor = (12 * 4 * n_gates * n_samples.min(1 << n)) as f64 * (1u64 << n) as f64 / 16.0 / 3e3;
                let (kind, goal) =
                    (if cx { "CX+2 U2" } else { "SU(4)" }, goal.map_or("-".into(), |g: f64| format!("{g:.0}")));
                println!(
                    "{:8} {kind:10} {n:2} {n_gates:3}  {n_samples:3} ({used:3}) {best:10.1} {goal:>6} {floor:7.1} {:8.2}",
                    level.name(),
                    best / floor
                );
            }
        }
    }
}
