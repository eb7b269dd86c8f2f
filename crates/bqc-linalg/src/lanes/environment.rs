//! Environments: everything but one gate, contracted over amplitudes and samples.
//!
//! With kets `K_m` just before a gate and bras `B_m` just after it, the overlap
//! `S = Σ_m ⟨B_m|u K_m⟩` is `Tr(E·u)` with `E[j][i] = Σ B*_i K_j`, where `i` and `j` run over the
//! gate's own index and the sum over all other bits and all samples (Kukliansky et al.,
//! arXiv:2306.08152). Batches are `[group][amplitude 2^n][re 8 lanes, im 8 lanes]`; lanes that hold
//! zeros add nothing. A two-qubit environment costs 64 multiply-adds per quad of amplitudes. Its 32
//! sums do not fit the registers beside their operands, so it is made in tiles: 2 × 4 elements with
//! AVX-512's 32 registers, 1 × 2 elsewhere.

use super::layer::Amplitude;
use super::states::batch_len;
use super::two_qubit::{Pair, check_batch, check_pair};
use super::{Lanes, Level, multiversion};
use crate::Complex64;
use crate::small::{Matrix2, Matrix4};

/// The environment of a gate on `pair`. With `cx`, a CX (target `a`, control `b`) stands between the
/// kets and the gate: the kets given are those before it.
pub fn environment_two(level: Level, n: usize, pair: Pair, cx: bool, bras: &[f64], kets: &[f64]) -> Matrix4 {
    check_pair(n, pair);
    let n_groups = check_batch(n, kets);
    assert_eq!(bras.len(), kets.len());
    let (bras, kets) = (bras.as_ptr(), kets.as_ptr());
    let mut sums = [[Complex64::ZERO; 4]; 4];
    let out = &mut sums;
    multiversion!(level, two[true, false, false](n: usize, n_groups: usize, pair: Pair, cx: bool, bras: *const f64,
        kets: *const f64, out: &mut [[Complex64; 4]; 4]));
    Matrix4::from_fn(|j, i| sums[i][j])
}

/// `out[i][j] = Σ B*_i K_j`, in large tiles where the registers hold them.
#[inline(always)]
unsafe fn two<L: Lanes, const LARGE_TILES: bool>(
    n: usize,
    n_groups: usize,
    pair: Pair,
    cx: bool,
    bras: *const f64,
    kets: *const f64,
    out: &mut [[Complex64; 4]; 4],
) {
    // SAFETY: `environment_two` checked the sizes and the wires.
    unsafe {
        let zero = Amplitude { re: L::splat(0.0), im: L::splat(0.0) };
        let mut sums = [[zero; 4]; 4];
        for g in 0..n_groups {
            // Group by group, so that what the first tile loaded is still near for the next ones.
            let (bras, kets) = (bras.add(g * batch_len(n, 1)), kets.add(g * batch_len(n, 1)));
            match (LARGE_TILES, cx) {
                (true, false) => add_tiles::<L, 2, 4, false>(n, pair, bras, kets, &mut sums),
                (true, true) => add_tiles::<L, 2, 4, true>(n, pair, bras, kets, &mut sums),
                (false, false) => add_tiles::<L, 1, 2, false>(n, pair, bras, kets, &mut sums),
                (false, true) => add_tiles::<L, 1, 2, true>(n, pair, bras, kets, &mut sums),
            }
        }
        for (out, sums) in out.iter_mut().zip(&sums) {
            for (x, sum) in out.iter_mut().zip(sums) {
                *x = Complex64::new(sum.re.sum(), sum.im.sum());
            }
        }
    }
}

/// One group, tile by tile; sums are `[index of the bra][index of the ket]`.
#[inline(always)]
unsafe fn add_tiles<L: Lanes, const ROWS: usize, const COLS: usize, const CX: bool>(
    n: usize,
    pair: Pair,
    bras: *const f64,
    kets: *const f64,
    sums: &mut [[Amplitude<L>; 4]; 4],
) {
    let quads = pair.quads();
    let (a, b) = (quads.target, quads.control);
    let of_bra = [0, a, b, a | b];
    let of_ket = if CX { [0, a, a | b, b] } else { of_bra };
    // SAFETY: as for `two`.
    unsafe {
        let zero = Amplitude { re: L::splat(0.0), im: L::splat(0.0) };
        for row in (0..4).step_by(ROWS) {
            for col in (0..4).step_by(COLS) {
                let mut tile = [[zero; COLS]; ROWS];
                for (r, tile) in tile.iter_mut().enumerate() {
                    tile.copy_from_slice(&sums[row + r][col..col + COLS]);
                }
                for i in 0..1usize << (n - 2) {
                    let base = quads.base(i);
                    let mut ket = [zero; COLS];
                    for (c, ket) in ket.iter_mut().enumerate() {
                        *ket = Amplitude::load(kets, base | of_ket[col + c]);
                    }
                    for (r, tile) in tile.iter_mut().enumerate() {
                        let bra = Amplitude::<L>::load(bras, base | of_bra[row + r]);
                        for (sum, ket) in tile.iter_mut().zip(&ket) {
                            add_product(bra, *ket, sum);
                        }
                    }
                }
                for (r, tile) in tile.iter().enumerate() {
                    sums[row + r][col..col + COLS].copy_from_slice(tile);
                }
            }
        }
    }
}

/// `sum += bra* · ket`.
#[inline(always)]
unsafe fn add_product<L: Lanes>(bra: Amplitude<L>, ket: Amplitude<L>, sum: &mut Amplitude<L>) {
    // SAFETY: the caller runs on the level of `L`.
    unsafe {
        sum.re = bra.im.fma(ket.im, bra.re.fma(ket.re, sum.re));
        sum.im = bra.im.fnma(ket.re, bra.re.fma(ket.im, sum.im));
    }
}

/// The environment of a gate on one qubit.
pub fn environment_one(level: Level, n: usize, qubit: u8, bras: &[f64], kets: &[f64]) -> Matrix2 {
    assert!((qubit as usize) < n, "qubit {qubit} of {n} wires");
    let n_groups = check_batch(n, kets);
    assert_eq!(bras.len(), kets.len());
    let (bras, kets) = (bras.as_ptr(), kets.as_ptr());
    let sums = multiversion!(level, one(n: usize, n_groups: usize, qubit: u8, bras: *const f64, kets: *const f64)
        -> [[Complex64; 2]; 2]);
    Matrix2::from_fn(|j, i| sums[i][j])
}

#[inline(always)]
unsafe fn one<L: Lanes>(
    n: usize,
    n_groups: usize,
    qubit: u8,
    bras: *const f64,
    kets: *const f64,
) -> [[Complex64; 2]; 2] {
    let bit = 1usize << qubit;
    // SAFETY: `environment_one` checked the sizes and the wire.
    unsafe {
        let zero = Amplitude { re: L::splat(0.0), im: L::splat(0.0) };
        let mut sums = [[zero; 2]; 2];
        for i in 0..n_groups << (n - 1) {
            // Group and amplitude are one index: the group number stands above the qubits' bits.
            let low = ((i & !(bit - 1)) << 1) | (i & (bit - 1));
            let ket = [Amplitude::<L>::load(kets, low), Amplitude::load(kets, low | bit)];
            let bra = [Amplitude::<L>::load(bras, low), Amplitude::load(bras, low | bit)];
            for (bra, row) in bra.iter().zip(&mut sums) {
                for (ket, sum) in ket.iter().zip(row) {
                    add_product(*bra, *ket, sum);
                }
            }
        }
        sums.map(|row| row.map(|s| Complex64::new(s.re.sum(), s.im.sum())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AlignedBuffer, states, two_qubit};
    use super::*;
    use crate::{Stream, Su2};
    use proptest::prelude::*;

    fn random(n: usize, n_samples: usize, s: &mut Stream) -> AlignedBuffer {
        let mut batch = AlignedBuffer::zeroed(0);
        two_qubit::fill_batch(n, n_samples, |_, _| s.complex_gaussian(), &mut batch);
        batch
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// The definition: for every gate `u`, `Tr(E·u) = Σ⟨B|u K⟩`.
        #[test]
        fn environments_give_the_overlap_of_any_gate_and_all_levels_are_bit_equal(seed in any::<u64>()) {
            let mut s = Stream::new(seed, 5, 0);
            for (round, (n, n_samples)) in [(2, 1), (2, 9), (3, 8), (5, 20), (6, 24), (4, 3)].into_iter().enumerate() {
                let a = s.below(n);
                let b = (a + 1 + s.below(n - 1)) % n;
                let pair = Pair { a: a as u8, b: b as u8 };
                let (bras, kets) = (random(n, n_samples, &mut s), random(n, n_samples, &mut s));
                let (u, v): (Matrix4, Su2) = (Matrix4::haar(&mut s), s.su2());
                let cx = round % 2 == 1;
                let mut previous: Option<(Matrix4, Matrix2)> = None;
                for level in Level::available() {
                    let e4 = environment_two(level, n, pair, cx, &bras, &kets);
                    let e2 = environment_one(level, n, pair.a, &bras, &kets);
                    let mut moved = kets.clone();
                    if cx {
                        two_qubit::apply_cx(level, n, pair.b, pair.a, &mut moved);
                    }
                    two_qubit::apply_two(level, n, pair, &u, &mut moved);
                    let size = (bras.len() as f64).sqrt();
                    assert!((states::overlap(level, &bras, &moved) - e4.trace_of_product(&u)).norm() < 1e-12 * size);
                    let mut moved = kets.clone();
                    two_qubit::apply_one(level, n, pair.a, v, &mut moved);
                    assert!(
                        (states::overlap(level, &bras, &moved) - e2.trace_of_product(&v.into())).norm() < 1e-12 * size
                    );
                    assert_eq!(*previous.get_or_insert((e4, e2)), (e4, e2), "{}", level.name());
                }
            }
        }
    }
}
