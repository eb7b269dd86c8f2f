//! Microseconds per Levenberg–Marquardt iteration, beside the goal for n = 5, C = 48.
//!
//! `cargo run --release -p bqc-instantiate --example lm_speed`

use bqc_instantiate::{CxTemplate, LmSettings, LmSolver, Slot, StateBatch, sample_count};
use bqc_linalg::lanes::Level;
use bqc_linalg::{Stream, Su2};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

fn main() {
    let go = AtomicBool::new(false);
    println!("n  C   P    M  iterations  µs/iteration  level    (goal: n=5 C=48 at most 500 µs)");
    for level in Level::available() {
        for (n, count) in
            [(3u8, 8usize), (3, 16), (3, 48), (4, 16), (4, 48), (5, 16), (5, 48), (6, 16), (6, 48), (8, 16), (8, 48)]
        {
            let mut s = Stream::new(1, n as u64, count as u64);
            let mut target = CxTemplate::new(n);
            for _ in 0..count {
                let control = s.below(n as usize) as u8;
                let t = (control + 1 + s.below(n as usize - 1) as u8) % n;
                target.push(control, t, s.su2(), s.su2());
            }
            let p = 3 * n as usize + 4 * count;
            let samples = sample_count(n as usize, p);
            let batch = StateBatch::sampled(&target, samples, &mut s);
            let mut solver = LmSolver::new(level);
            let (mut iterations, mut seconds) = (0, 0.0);
            while seconds < 0.3 {
                let mut t = target.clone();
                for slot in t.slots().collect::<Vec<Slot>>() {
                    let d = [0; 3].map(|_| 0.1 * s.gaussian());
                    t.set(slot, t.value(slot) * Su2::exp(d));
                }
                let start = Instant::now();
                iterations += solver.solve(&batch, &mut t, &LmSettings::default(), &go).iterations;
                seconds += start.elapsed().as_secs_f64();
            }
            println!(
                "{n}  {count:<3} {p:<4} {samples:<2} {iterations:<11} {:<13.1} {}",
                seconds * 1e6 / iterations as f64,
                level.name()
            );
        }
    }
}
