//! Reversible arithmetic: circuits of `x`, `cx` and `ccx`, permutations of the basis states.

use super::gates::Builder;
use bqc_circuit::Circuit;

/// The ripple-carry adder of Cuccaro, Draper, Kutin and Moulton (arXiv:quant-ph/0410184, with the
/// two-CNOT form of UMA): `(c, a, b, z) → (c, a, a + b + c, z ⊕ carry)` on `2·n_bits + 2` wires:
/// `c`, then `b_i` and `a_i` in turn from the lowest bit, then `z`.
pub fn cuccaro_adder(n_bits: usize) -> Circuit {
    let mut builder = Builder::new(2 * n_bits + 2);
    let (b, a) = (|i: usize| 2 * i + 1, |i: usize| 2 * i + 2);
    // The carry into bit i travels on the wire of a_{i−1}, the first one on wire 0.
    let carry = |i: usize| 2 * i;
    for i in 0..n_bits {
        builder.cx(a(i), b(i));
        builder.cx(a(i), carry(i));
        builder.ccx(carry(i), b(i), a(i));
    }
    builder.cx(carry(n_bits), 2 * n_bits + 1);
    for i in (0..n_bits).rev() {
        builder.ccx(carry(i), b(i), a(i));
        builder.cx(a(i), carry(i));
        builder.cx(carry(i), b(i));
    }
    builder.finish()
}

/// The Toffoli gates that a many-controlled X is made of: gate `i` multiplies control `i + 1` into
/// the running product, from one ancilla to the next; the last one ends on the target.
struct Products {
    n_controls: usize,
}

impl Products {
    fn n_wires(&self) -> usize {
        2 * self.n_controls - 1
    }

    /// Gate `i` of `0..n_controls − 1`.
    fn apply(&self, builder: &mut Builder, i: usize) {
        let product = |i: usize| self.n_controls + i;
        let before = if i == 0 { 0 } else { product(i - 1) };
        builder.ccx(before, i + 1, product(i));
    }
}

/// An X with `n_controls ≥ 2` controls and `n_controls − 2` ancillas that must be zero: the products
/// of the controls one after another, and back again (Nielsen and Chuang, figure 4.10). Wires: the
/// controls, the ancillas, the target.
pub fn toffoli_clean(n_controls: usize) -> Circuit {
    let products = Products { n_controls };
    let mut builder = Builder::new(products.n_wires());
    let last = n_controls - 2;
    (0..=last).chain((0..last).rev()).for_each(|i| products.apply(&mut builder, i));
    builder.finish()
}

/// An X with `n_controls ≥ 3` controls and `n_controls − 2` ancillas in any state, which come back as
/// they were, by `4(n_controls − 2)` Toffoli gates (Barenco et al., arXiv:quant-ph/9503016, lemma
/// 7.2). Wires as for [`toffoli_clean`].
pub fn toffoli_dirty(n_controls: usize) -> Circuit {
    let products = Products { n_controls };
    let mut builder = Builder::new(products.n_wires());
    let last = n_controls - 2;
    let down_and_up = |top: usize| (0..=top).rev().chain(1..=top);
    down_and_up(last).chain(down_and_up(last - 1)).for_each(|i| products.apply(&mut builder, i));
    builder.finish()
}
