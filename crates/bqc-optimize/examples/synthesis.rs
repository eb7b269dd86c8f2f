//! CX counts and seconds of synthesis for known targets.
//!
//! `cargo run --release -p bqc-optimize --example synthesis [NAME…]`: all targets, or those whose names
//! contain a word. Seconds are of one thread unless `RAYON_NUM_THREADS` says otherwise.

use bqc_instantiate::CpuEngine;
use bqc_linalg::{Complex64, Matrix, Stream};
use bqc_optimize::Context;
use bqc_optimize::synthesis::{SynthesisSettings, Synthesized, prepare_state, synthesize_unitary};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

enum Target {
    Unitary(Matrix),
    State(Vec<Complex64>),
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let n_seeds = 3;
    println!("{:<12} {:>8} {:>8} {:>9} {:>9}", "target", "cx", "u3", "seconds", "distance");
    for (name, target) in targets() {
        if !words.is_empty() && !words.iter().any(|w| name.contains(w.as_str())) {
            continue;
        }
        for seed in 0..n_seeds {
            let settings = SynthesisSettings { seed, ..SynthesisSettings::default() };
            let (engine, go, start) = (CpuEngine::new(), AtomicBool::new(false), Instant::now());
            let context = Context { engine: &engine, stop: &go };
            let result = match &target {
                Target::Unitary(matrix) => synthesize_unitary(context, matrix, &settings),
                Target::State(state) => prepare_state(context, state, &settings),
            };
            let seconds = start.elapsed().as_secs_f64();
            match result {
                Ok(Synthesized { circuit, distance }) => println!(
                    "{name:<12} {:>8} {:>8} {seconds:>9.3} {distance:>9.1e}",
                    circuit.n_cx(),
                    circuit.n_one_qubit()
                ),
                Err(error) => println!("{name:<12} {error}"),
            }
        }
    }
}

fn permutation(n: usize, image: impl Fn(usize) -> usize) -> Target {
    Target::Unitary(Matrix::from_fn(1 << n, 1 << n, |r, c| Complex64::new(f64::from(image(c) == r), 0.0)))
}

fn qft(n: usize) -> Target {
    let dim = 1usize << n;
    let angle = |r: usize, c: usize| std::f64::consts::TAU * (r * c % dim) as f64 / dim as f64;
    Target::Unitary(Matrix::from_fn(dim, dim, |r, c| Complex64::from_polar(1.0 / (dim as f64).sqrt(), angle(r, c))))
}

/// A normalised state from any amplitudes.
fn state(n: usize, amplitude: impl FnMut(usize) -> Complex64) -> Target {
    let amplitudes: Vec<Complex64> = (0..1 << n).map(amplitude).collect();
    let norm = amplitudes.iter().map(|x| x.norm_sqr()).sum::<f64>().sqrt();
    Target::State(amplitudes.into_iter().map(|x| x / norm).collect())
}

fn targets() -> Vec<(String, Target)> {
    let indicator = |yes: bool| Complex64::new(f64::from(yes), 0.0);
    let swap_if_odd = |x: usize| if x & 1 == 1 { x & 1 | (x >> 1 & 1) << 2 | (x >> 2 & 1) << 1 } else { x };
    let mut all = vec![
        ("toffoli".to_string(), permutation(3, |x| if x & 3 == 3 { x ^ 4 } else { x })),
        ("fredkin".to_string(), permutation(3, swap_if_odd)),
        ("peres".to_string(), permutation(3, |x| if x & 3 == 3 { x ^ 6 } else { x ^ (x & 1) << 1 })),
        ("increment3".to_string(), permutation(3, |x| (x + 1) % 8)),
        ("increment4".to_string(), permutation(4, |x| (x + 1) % 16)),
        ("add2".to_string(), permutation(4, |x| x & 3 | (((x >> 2) + x) % 4) << 2)),
        ("cccx".to_string(), permutation(4, |x| if x & 7 == 7 { x ^ 8 } else { x })),
        ("ccccx".to_string(), permutation(5, |x| if x & 15 == 15 { x ^ 16 } else { x })),
    ];
    for n in 3..=6 {
        all.push((format!("qft{n}"), qft(n)));
    }
    for (n, count) in [(3, 20), (4, 3), (5, 1), (6, 1)] {
        for k in 0..count {
            all.push((format!("haar{n}-{k}"), Target::Unitary(Matrix::haar(1 << n, &mut Stream::new(k, n, 0)))));
        }
    }
    for n in 3..=10 {
        let mut stream = Stream::new(0, n as u64, 1);
        all.push((format!("ghz{n}"), state(n, |i| indicator(i == 0 || i == (1 << n) - 1))));
        all.push((format!("w{n}"), state(n, |i| indicator(i.count_ones() == 1))));
        all.push((format!("random{n}"), state(n, |_| stream.complex_gaussian())));
    }
    all
}
