//! Fourier transform and search.

use super::gates::Builder;
use bqc_circuit::Circuit;
use std::f64::consts::PI;

/// The quantum Fourier transform `|x⟩ → 2^{−n/2} Σ_y e^{2πixy/2^n} |y⟩`, wire q = bit q (Nielsen and
/// Chuang, section 5.1). Without the phases below `π/2^{max_distance}` it is the approximate one
/// (Coppersmith, arXiv:quant-ph/0201067); `max_distance ≥ n − 1` leaves out none.
pub fn fourier_transform(n: usize, max_distance: usize) -> Circuit {
    let mut builder = Builder::new(n);
    for target in (0..n).rev() {
        builder.h(target);
        for control in (target.saturating_sub(max_distance)..target).rev() {
            builder.cu1(PI / 2f64.powi((target - control) as i32), control, target);
        }
    }
    for wire in 0..n / 2 {
        builder.swap(wire, n - 1 - wire);
    }
    builder.finish()
}

/// Wires of [`grover`] for `n_bits ≥ 3` of data.
pub fn grover_width(n_bits: usize) -> usize {
    n_bits + n_bits - 3
}

/// Iterations after which [`grover`] is most likely to find one of `2^n_bits` states.
pub fn grover_iterations(n_bits: usize) -> usize {
    (PI / 4.0 * 2f64.powi(n_bits as i32).sqrt()) as usize
}

/// Grover's search (arXiv:quant-ph/9605043) for the state `marked` among `2^n_bits`, `n_bits ≥ 3`.
/// Wires: the data from bit 0, then ancillas for the many-controlled phase, zero before and after.
pub fn grover(n_bits: usize, marked: usize) -> Circuit {
    let mut builder = Builder::new(grover_width(n_bits));
    let data = 0..n_bits;
    data.clone().for_each(|q| builder.h(q));
    for _ in 0..grover_iterations(n_bits) {
        let zeros = || data.clone().filter(|q| marked >> q & 1 == 0);
        zeros().for_each(|q| builder.x(q));
        many_controlled_z(&mut builder, n_bits);
        zeros().for_each(|q| builder.x(q));
        // Reflection about the mean, up to the sign.
        data.clone().for_each(|q| builder.h(q));
        data.clone().for_each(|q| builder.x(q));
        many_controlled_z(&mut builder, n_bits);
        data.clone().for_each(|q| builder.x(q));
        data.clone().for_each(|q| builder.h(q));
    }
    builder.finish()
}

/// A sign on the state in which wires `0..n` are all one: products of the first n − 2 on the
/// ancillas behind them, a Toffoli between Hadamards, and the products back.
fn many_controlled_z(builder: &mut Builder, n: usize) {
    let product = |i: usize| if i == 0 { 0 } else { n + i - 1 };
    let n_products = n - 3;
    (0..n_products).for_each(|i| builder.ccx(product(i), i + 1, product(i + 1)));
    builder.h(n - 1);
    builder.ccx(product(n_products), n - 2, n - 1);
    builder.h(n - 1);
    (0..n_products).rev().for_each(|i| builder.ccx(product(i), i + 1, product(i + 1)));
}
