//! The matrix of every row, written from its published definition and from nothing else here.
//!
//! `2^arity × 2^arity`, row-major, first wire = bit 0 of the index, so the controls of a controlled
//! gate are the low bits. Angles in radians. Phases are kept where a source fixes them, although
//! everything that uses these matrices ignores a global one.

use bqc_linalg::{Complex64, Matrix};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, FRAC_PI_4, PI};

const ONE: Complex64 = Complex64::ONE;
const ZERO: Complex64 = Complex64::ZERO;
const I: Complex64 = Complex64::I;

fn real(x: f64) -> Complex64 {
    Complex64::new(x, 0.0)
}

/// Diagonal matrix of these elements.
fn diagonal(elements: &[Complex64]) -> Matrix {
    Matrix::from_fn(elements.len(), elements.len(), |r, c| if r == c { elements[r] } else { ZERO })
}

/// `|c⟩ → |image[c]⟩`.
fn permutation(image: &[usize]) -> Matrix {
    Matrix::from_fn(image.len(), image.len(), |r, c| if image[c] == r { ONE } else { ZERO })
}

/// `u` on the last wires if the first `n_controls` wires are all one.
fn controlled(n_controls: u32, u: &Matrix) -> Matrix {
    let all = (1usize << n_controls) - 1;
    let dim = u.rows() << n_controls;
    Matrix::from_fn(dim, dim, |r, c| match (r & all == all, c & all == all) {
        (true, true) => u[(r >> n_controls, c >> n_controls)],
        _ if r == c => ONE,
        _ => ZERO,
    })
}

/// `exp(−iθ/2 · P)` for a `P` with `P² = 1`.
fn exponential(theta: f64, p: &Matrix) -> Matrix {
    let (sin, cos) = (theta / 2.0).sin_cos();
    Matrix::from_fn(p.rows(), p.rows(), |r, c| -I * sin * p[(r, c)] + if r == c { real(cos) } else { ZERO })
}

pub(super) fn id(_: &[f64]) -> Matrix {
    Matrix::identity(2)
}

pub(super) fn u0(_: &[f64]) -> Matrix {
    Matrix::identity(2)
}

/// `[[cos θ/2, −e^{iλ} sin θ/2], [e^{iφ} sin θ/2, e^{i(φ+λ)} cos θ/2]]`.
pub(super) fn u3(angles: &[f64]) -> Matrix {
    let [theta, phi, lambda] = [angles[0], angles[1], angles[2]];
    let (s, c) = (theta / 2.0).sin_cos();
    let elements = [
        real(c),
        -Complex64::from_polar(s, lambda),
        Complex64::from_polar(s, phi),
        Complex64::from_polar(c, phi + lambda),
    ];
    Matrix::from_rows(2, 2, &elements)
}

pub(super) fn u2(angles: &[f64]) -> Matrix {
    u3(&[FRAC_PI_2, angles[0], angles[1]])
}

pub(super) fn p(angles: &[f64]) -> Matrix {
    diagonal(&[ONE, Complex64::cis(angles[0])])
}

pub(super) fn x(_: &[f64]) -> Matrix {
    permutation(&[1, 0])
}

pub(super) fn y(_: &[f64]) -> Matrix {
    Matrix::from_rows(2, 2, &[ZERO, -I, I, ZERO])
}

pub(super) fn z(_: &[f64]) -> Matrix {
    diagonal(&[ONE, -ONE])
}

pub(super) fn h(_: &[f64]) -> Matrix {
    let a = real(FRAC_1_SQRT_2);
    Matrix::from_rows(2, 2, &[a, a, a, -a])
}

pub(super) fn s(_: &[f64]) -> Matrix {
    diagonal(&[ONE, I])
}

pub(super) fn sdg(_: &[f64]) -> Matrix {
    diagonal(&[ONE, -I])
}

pub(super) fn t(_: &[f64]) -> Matrix {
    p(&[FRAC_PI_4])
}

pub(super) fn tdg(_: &[f64]) -> Matrix {
    p(&[-FRAC_PI_4])
}

/// The square root of X with eigenvalues 1 and i.
pub(super) fn sx(_: &[f64]) -> Matrix {
    let (plus, minus) = (Complex64::new(0.5, 0.5), Complex64::new(0.5, -0.5));
    Matrix::from_rows(2, 2, &[plus, minus, minus, plus])
}

pub(super) fn sxdg(_: &[f64]) -> Matrix {
    sx(&[]).dagger()
}

pub(super) fn rx(angles: &[f64]) -> Matrix {
    exponential(angles[0], &x(&[]))
}

pub(super) fn ry(angles: &[f64]) -> Matrix {
    exponential(angles[0], &y(&[]))
}

pub(super) fn rz(angles: &[f64]) -> Matrix {
    exponential(angles[0], &z(&[]))
}

/// Rotation by θ about the axis `(cos φ, sin φ, 0)`.
pub(super) fn r(angles: &[f64]) -> Matrix {
    let (sin, cos) = angles[1].sin_cos();
    let (x, y) = (x(&[]), y(&[]));
    exponential(angles[0], &Matrix::from_fn(2, 2, |r, c| cos * x[(r, c)] + sin * y[(r, c)]))
}

pub(super) fn cx(_: &[f64]) -> Matrix {
    controlled(1, &x(&[]))
}

pub(super) fn cy(_: &[f64]) -> Matrix {
    controlled(1, &y(&[]))
}

pub(super) fn cz(_: &[f64]) -> Matrix {
    controlled(1, &z(&[]))
}

pub(super) fn ch(_: &[f64]) -> Matrix {
    controlled(1, &h(&[]))
}

pub(super) fn cs(_: &[f64]) -> Matrix {
    controlled(1, &s(&[]))
}

pub(super) fn csdg(_: &[f64]) -> Matrix {
    controlled(1, &sdg(&[]))
}

pub(super) fn csx(_: &[f64]) -> Matrix {
    controlled(1, &sx(&[]))
}

pub(super) fn cp(angles: &[f64]) -> Matrix {
    controlled(1, &p(angles))
}

pub(super) fn crx(angles: &[f64]) -> Matrix {
    controlled(1, &rx(angles))
}

pub(super) fn cry(angles: &[f64]) -> Matrix {
    controlled(1, &ry(angles))
}

pub(super) fn crz(angles: &[f64]) -> Matrix {
    controlled(1, &rz(angles))
}

pub(super) fn cu3(angles: &[f64]) -> Matrix {
    controlled(1, &u3(angles))
}

/// Controlled `e^{iγ} u3(θ, φ, λ)`, angles `[θ, φ, λ, γ]`.
pub(super) fn cu(angles: &[f64]) -> Matrix {
    controlled(1, &u3(&angles[..3]).scaled(Complex64::cis(angles[3])))
}

pub(super) fn swap(_: &[f64]) -> Matrix {
    permutation(&[0, 2, 1, 3])
}

/// `exp(iπ/4 (XX + YY))`: swaps, and multiplies what it swapped by i.
pub(super) fn iswap(_: &[f64]) -> Matrix {
    Matrix::from_rows(4, 4, &[ONE, ZERO, ZERO, ZERO, ZERO, ZERO, I, ZERO, ZERO, I, ZERO, ZERO, ZERO, ZERO, ZERO, ONE])
}

/// `exp(iπ/8 (XX + YY))`: twice this is `iswap`.
pub(super) fn sqrt_iswap(_: &[f64]) -> Matrix {
    let (c, s) = (real(FRAC_1_SQRT_2), Complex64::new(0.0, FRAC_1_SQRT_2));
    Matrix::from_rows(4, 4, &[ONE, ZERO, ZERO, ZERO, ZERO, c, s, ZERO, ZERO, s, c, ZERO, ZERO, ZERO, ZERO, ONE])
}

/// `exp(−iθ/2 A₀ ⊗ A₁)` with `A = cos φ X + sin φ Y` on each wire.
pub(super) fn ms(angles: &[f64]) -> Matrix {
    let axis = |phi: f64| Matrix::from_rows(2, 2, &[ZERO, Complex64::cis(-phi), Complex64::cis(phi), ZERO]);
    exponential(angles[2], &axis(angles[1]).kron(&axis(angles[0])))
}

/// Rotation by π about the axis `(cos φ, sin φ, 0)`.
pub(super) fn gpi(angles: &[f64]) -> Matrix {
    r(&[PI, angles[0]])
}

/// Rotation by π/2 about the axis `(cos φ, sin φ, 0)`.
pub(super) fn gpi2(angles: &[f64]) -> Matrix {
    r(&[FRAC_PI_2, angles[0]])
}

/// `Rz(z) · Rz(a) · Rx(x) · Rz(−a)`: a pulse about an axis in the equator, and a rotation about Z.
pub(super) fn phxz(angles: &[f64]) -> Matrix {
    &rz(&[angles[1]]) * &r(&[angles[0], angles[2]])
}

/// `cx a,b` and then `cx b,a`: `(a, b) → (b, a ⊕ b)`.
pub(super) fn dcx(_: &[f64]) -> Matrix {
    permutation(&[0, 2, 3, 1])
}

/// `(IX − XY)/√2`, with the right factor on the first wire.
pub(super) fn ecr(_: &[f64]) -> Matrix {
    let (a, b) = (Matrix::identity(2).kron(&x(&[])), x(&[]).kron(&y(&[])));
    Matrix::from_fn(4, 4, |r, c| (a[(r, c)] - b[(r, c)]) * FRAC_1_SQRT_2)
}

pub(super) fn rxx(angles: &[f64]) -> Matrix {
    exponential(angles[0], &x(&[]).kron(&x(&[])))
}

pub(super) fn ryy(angles: &[f64]) -> Matrix {
    exponential(angles[0], &y(&[]).kron(&y(&[])))
}

pub(super) fn rzz(angles: &[f64]) -> Matrix {
    exponential(angles[0], &z(&[]).kron(&z(&[])))
}

/// Z on the first wire, X on the second.
pub(super) fn rzx(angles: &[f64]) -> Matrix {
    exponential(angles[0], &x(&[]).kron(&z(&[])))
}

/// Mixes `|i⟩` and `|j⟩` by θ with phase β, leaves the other two states alone.
fn givens([i, j]: [usize; 2], angles: &[f64]) -> Matrix {
    let (sin, cos) = (angles[0] / 2.0).sin_cos();
    let mut m = Matrix::identity(4);
    m[(i, i)] = real(cos);
    m[(j, j)] = real(cos);
    m[(i, j)] = -I * sin * Complex64::cis(-angles[1]);
    m[(j, i)] = -I * sin * Complex64::cis(angles[1]);
    m
}

pub(super) fn xx_minus_yy(angles: &[f64]) -> Matrix {
    givens([0, 3], angles)
}

pub(super) fn xx_plus_yy(angles: &[f64]) -> Matrix {
    givens([1, 2], angles)
}

pub(super) fn ccx(_: &[f64]) -> Matrix {
    controlled(2, &x(&[]))
}

pub(super) fn ccz(_: &[f64]) -> Matrix {
    controlled(2, &z(&[]))
}

pub(super) fn cswap(_: &[f64]) -> Matrix {
    controlled(1, &swap(&[]))
}

/// Margolus' gate: the Toffoli gate up to phases of basis states (arXiv:1508.03273, figure 3).
pub(super) fn rccx(_: &[f64]) -> Matrix {
    let mut m = diagonal(&[ONE, ONE, ONE, ZERO, ONE, -ONE, ONE, ZERO]);
    m[(3, 7)] = -I;
    m[(7, 3)] = I;
    m
}

/// A three-controlled X up to phases of basis states (arXiv:1508.03273, figure 4).
pub(super) fn rc3x(_: &[f64]) -> Matrix {
    let mut m = Matrix::identity(16);
    (m[(3, 3)], m[(11, 11)]) = (I, -I);
    (m[(7, 7)], m[(15, 15)]) = (ZERO, ZERO);
    (m[(7, 15)], m[(15, 7)]) = (ONE, -ONE);
    m
}

pub(super) fn c3x(_: &[f64]) -> Matrix {
    controlled(3, &x(&[]))
}

pub(super) fn c3sx(_: &[f64]) -> Matrix {
    controlled(3, &sx(&[]))
}

pub(super) fn c4x(_: &[f64]) -> Matrix {
    controlled(4, &x(&[]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn pairs_of_gates_are_what_their_names_say() {
        let squares =
            [(sx(&[]), x(&[])), (s(&[]), z(&[])), (t(&[]), s(&[])), (csx(&[]), cx(&[])), (c3sx(&[]), c3x(&[]))];
        for (root, square) in squares {
            assert!((&root * &root).max_difference(&square) < 1e-15);
        }
        assert!((&rx(&[PI]) * &x(&[])).max_difference(&Matrix::identity(2).scaled(-I)) < 1e-15);
        // (a, b) = (1, 0) is index 1; it goes to (0, 1), index 2.
        assert_eq!(dcx(&[])[(2, 1)], ONE);
    }
}
