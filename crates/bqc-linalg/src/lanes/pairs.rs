//! A 2×2 matrix on pairs of numbers whose real and imaginary parts stand apart.
//!
//! No multiply-add is used: the level without one would be slow, and so all levels and a plain loop have
//! the same bits.

use super::{Level, Vector, multiversion};

/// A 2×2 matrix in rows, `[re, im]` each.
pub type Matrix2 = [[[f64; 2]; 2]; 2];

/// `(x0, x1)[i] ← gate · (x0, x1)[i]` for all `i`; the four slices have one length.
pub fn apply(level: Level, gate: &Matrix2, re0: &mut [f64], im0: &mut [f64], re1: &mut [f64], im1: &mut [f64]) {
    let len = re0.len();
    assert!(im0.len() == len && re1.len() == len && im1.len() == len, "slices of different lengths");
    let whole = len - len % super::LANES;
    let parts = [re0.as_mut_ptr(), im0.as_mut_ptr(), re1.as_mut_ptr(), im1.as_mut_ptr()];
    multiversion!(level, on_vectors(gate: &Matrix2, whole: usize, parts: [*mut f64; 4]));
    let [[[ar, ai], [br, bi]], [[cr, ci], [dr, di]]] = *gate;
    for i in whole..len {
        let (x, y, z, w) = (re0[i], im0[i], re1[i], im1[i]);
        re0[i] = (ar * x - ai * y) + (br * z - bi * w);
        im0[i] = (ar * y + ai * x) + (br * w + bi * z);
        re1[i] = (cr * x - ci * y) + (dr * z - di * w);
        im1[i] = (cr * y + ci * x) + (dr * w + di * z);
    }
}

#[inline(always)]
unsafe fn on_vectors<L: Vector<Real = f64>>(gate: &Matrix2, len: usize, parts: [*mut f64; 4]) {
    let [[[ar, ai], [br, bi]], [[cr, ci], [dr, di]]] = *gate;
    let [re0, im0, re1, im1] = parts;
    // SAFETY: `apply` checked that `len` whole vectors stand at each of the four pointers.
    unsafe {
        let (ar, ai, br, bi) = (L::splat(ar), L::splat(ai), L::splat(br), L::splat(bi));
        let (cr, ci, dr, di) = (L::splat(cr), L::splat(ci), L::splat(dr), L::splat(di));
        for i in (0..len).step_by(L::N) {
            let (x, y) = (L::load(re0.add(i)), L::load(im0.add(i)));
            let (z, w) = (L::load(re1.add(i)), L::load(im1.add(i)));
            ar.mul(x).sub(ai.mul(y)).add(br.mul(z).sub(bi.mul(w))).store(re0.add(i));
            ar.mul(y).add(ai.mul(x)).add(br.mul(w).add(bi.mul(z))).store(im0.add(i));
            cr.mul(x).sub(ci.mul(y)).add(dr.mul(z).sub(di.mul(w))).store(re1.add(i));
            cr.mul(y).add(ci.mul(x)).add(dr.mul(w).add(di.mul(z))).store(im1.add(i));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Complex64, Stream};

    #[test]
    fn agrees_with_complex_numbers_and_has_the_same_bits_on_every_level() {
        let mut s = Stream::new(7, 7, 7);
        let mut numbers = |n: usize| -> Vec<f64> { (0..n).map(|_| s.gaussian()).collect() };
        for len in [0, 1, 7, 8, 21, 64] {
            let g = numbers(8);
            let gate = [[[g[0], g[1]], [g[2], g[3]]], [[g[4], g[5]], [g[6], g[7]]]];
            let before = [numbers(len), numbers(len), numbers(len), numbers(len)];
            let complex = |[re, im]: [f64; 2]| Complex64::new(re, im);
            let mut previous: Option<[Vec<f64>; 4]> = None;
            for level in Level::available() {
                let mut after = before.clone();
                let [re0, im0, re1, im1] = &mut after;
                apply(level, &gate, re0, im0, re1, im1);
                for i in 0..len {
                    let (x, y) = (complex([before[0][i], before[1][i]]), complex([before[2][i], before[3][i]]));
                    for (row, out) in gate.iter().zip([[0, 1], [2, 3]]) {
                        let expected = complex(row[0]) * x + complex(row[1]) * y;
                        assert!((expected - complex([after[out[0]][i], after[out[1]][i]])).norm() < 1e-14);
                    }
                }
                assert!(previous.as_ref().is_none_or(|p| *p == after));
                previous = Some(after);
            }
        }
    }
}
