//! Decomposition and synthesis on known, degenerate, nearly degenerate and random gates.

use super::circuit::distance;
use super::*;
use crate::Stream;
use proptest::prelude::*;

const NO_TOLERANCE: f64 = 1e-13;

/// `exp(i(x XX + y YY + z ZZ))`: diagonal in the magic basis.
fn interaction([x, y, z]: [f64; 3]) -> Matrix4 {
    let phases = [x - y + z, x + y - z, -x - y - z, -x + y + z].map(Complex64::cis);
    let magic = magic_basis();
    magic * Matrix4::from_fn(|r, c| if r == c { phases[r] } else { Complex64::ZERO }) * magic.dagger()
}

fn local(s: &mut Stream) -> Matrix4 {
    tensor([s.su2(), s.su2()])
}

fn cx() -> Matrix4 {
    TwoQubitGate::Cx { control: 0, target: 1 }.matrix()
}

/// A circuit of `n_cx` random CX between random local gates.
fn with_cx(n_cx: usize, s: &mut Stream) -> Matrix4 {
    (0..n_cx).fold(local(s), |u, _| {
        let control = s.below(2) as u8;
        local(s) * TwoQubitGate::Cx { control, target: 1 - control }.matrix() * u
    })
}

/// A random unitary about `size` away from the identity.
fn near_identity(size: f64, s: &mut Stream) -> Matrix4 {
    let exp = |v: [f64; 3]| Su2::exp(v.map(|x| x * size));
    let mut v = || [0; 3].map(|_| s.gaussian());
    let (a, b, c) = (v(), v(), v());
    tensor([exp(a), exp(b)]) * interaction(c.map(|x| x * size))
}

fn check(u: &Matrix4, what: &str) -> TwoQubitCircuit {
    let kak = Kak::decompose(u).unwrap();
    let error = distance(&(tensor(kak.left) * interaction(kak.coordinates) * tensor(kak.right)), u);
    assert!(error < 1e-14, "{what}: decomposition off by {error:e}");
    let [x, y, z] = kak.coordinates;
    assert!(FRAC_PI_4 + 1e-14 >= x && x >= y && y >= z.abs(), "{what}: {:?}", kak.coordinates);
    let error = distance(&kak.circuit(3).matrix(), u);
    assert!(error < 2e-14, "{what}: three CX off by {error:e}");
    for tolerance in [NO_TOLERANCE, LOWER_COUNT_TOLERANCE] {
        let circuit = TwoQubitCircuit::synthesize(u, tolerance).unwrap();
        let error = distance(&circuit.matrix(), u);
        assert!(error <= tolerance && circuit.n_cx() <= 3, "{what}: off by {error:e}");
    }
    TwoQubitCircuit::synthesize(u, LOWER_COUNT_TOLERANCE).unwrap()
}

#[test]
fn known_gates_have_known_coordinates_and_counts() {
    let q = FRAC_PI_4;
    let swap = Matrix4::from_fn(|r, c| Complex64::new(f64::from(r == (c >> 1 | (c & 1) << 1)), 0.0));
    let cases = [
        ("identity", Matrix4::identity(), [0.0; 3], 0),
        ("cx", cx(), [q, 0.0, 0.0], 1),
        ("cz", interaction([0.0, 0.0, q]) * tensor([Su2::rz(1.0), Su2::rz(2.0)]), [q, 0.0, 0.0], 1),
        ("iswap", interaction([q, q, 0.0]), [q, q, 0.0], 2),
        ("inverse iswap", interaction([-q, -q, 0.0]), [q, q, 0.0], 2),
        ("swap", swap, [q, q, q], 3),
        ("inverse swap", interaction([-q, -q, -q]), [q, q, q], 3),
        ("root of swap", interaction([q / 2.0; 3]), [q / 2.0; 3], 3),
        ("its inverse", interaction([-q / 2.0; 3]), [q / 2.0, q / 2.0, -q / 2.0], 3),
        ("b gate", interaction([q, q / 2.0, 0.0]), [q, q / 2.0, 0.0], 2),
        ("controlled phase", interaction([0.0, 0.0, 0.1]), [0.1, 0.0, 0.0], 2),
        ("xy + yx", interaction([0.3, -0.3, 0.0]), [0.3, 0.3, 0.0], 2),
    ];
    for (what, u, coordinates, n_cx) in cases {
        let found = Kak::decompose(&u).unwrap().coordinates;
        let off = (0..3).map(|k| (found[k] - coordinates[k]).abs()).fold(0.0, f64::max);
        assert!(off < 1e-14, "{what}: {found:?}");
        assert_eq!(check(&u, what).n_cx(), n_cx, "{what}");
    }
    // Nothing is left beside the CX, in either direction.
    for control in [0, 1] {
        let gate = TwoQubitGate::Cx { control, target: 1 - control };
        assert_eq!(check(&gate.matrix(), "cx").gates, [gate]);
    }
}

#[test]
fn degenerate_and_nearly_degenerate_gates_are_accurate() {
    let mut s = Stream::new(5, 0, 0);
    let corners = [0.0, FRAC_PI_4, -FRAC_PI_4, FRAC_PI_2, 0.3, -0.3];
    for x in corners {
        for y in corners {
            for z in corners {
                let core = interaction([x, y, z]);
                check(&core, "bare");
                for exponent in 8..=17 {
                    let size = 10f64.powi(-exponent);
                    let u = local(&mut s) * core * near_identity(size, &mut s) * local(&mut s);
                    check(&u.scaled(Complex64::cis(s.uniform() * 7.0)), &format!("{x} {y} {z} ± {size:e}"));
                    check(&(core * near_identity(size, &mut s)), &format!("bare {x} {y} {z} ± {size:e}"));
                }
            }
        }
    }
}

#[test]
fn counts_are_never_more_than_the_gates_were_made_of() {
    let mut s = Stream::new(5, 0, 1);
    for n_cx in 0..=5 {
        for _ in 0..500 {
            let u = with_cx(n_cx, &mut s);
            assert!(check(&u, "random CX circuit").n_cx() <= n_cx.min(3));
        }
    }
}

/// Shende, Bullock and Markov, proposition III: with `U` in SU(4) and `γ = U·YY·Uᵀ·YY`, the trace
/// of γ is real exactly for two CX or fewer, and zero with γ² = −1 for one.
fn count_by_traces(u: &Matrix4) -> usize {
    let (_, determinant) = u.inverse().unwrap();
    let u = u.scaled(Complex64::cis(-determinant.arg() / 4.0));
    let signs = [-1.0, 1.0, 1.0, -1.0];
    let yy = Matrix4::from_fn(|r, c| Complex64::new(if r + c == 3 { signs[r] } else { 0.0 }, 0.0));
    let gamma = u * yy * transpose(&u) * yy;
    let trace = (0..4).map(|k| gamma.0[k][k]).sum::<Complex64>();
    let is =
        |m: &Matrix4, factor: f64| m.plus(&Matrix4::identity().scaled(Complex64::new(-factor, 0.0))).norm_sqr() < 1e-20;
    if is(&gamma, 1.0) || is(&gamma, -1.0) {
        0
    } else if trace.norm() < 1e-10 && is(&(gamma * gamma), -1.0) {
        1
    } else if trace.im.abs() < 1e-10 {
        2
    } else {
        3
    }
}

#[test]
fn what_is_not_unitary_is_refused() {
    let mut u = Matrix4::identity();
    u.0[0][0] = Complex64::new(f64::NAN, 0.0);
    assert_eq!(Kak::decompose(&u), None);
    assert_eq!(Kak::decompose(&Matrix4::ZERO), None);
    assert_eq!(TwoQubitCircuit::synthesize(&Matrix4::ZERO, 1.0), None);
}

proptest! {
    #[test]
    fn random_gates_are_decomposed(seed in 0u64..1 << 48) {
        let mut s = Stream::new(seed, 1, 0);
        for _ in 0..20 {
            let u = Matrix4::haar(&mut s);
            prop_assert_eq!(check(&u, "Haar").n_cx(), 3);
        }
    }

    #[test]
    fn counts_are_those_of_the_traces(seed in 0u64..1 << 48, n_cx in 0usize..4) {
        let mut s = Stream::new(seed, 1, 1);
        let u = with_cx(n_cx, &mut s);
        prop_assert_eq!(TwoQubitCircuit::synthesize(&u, LOWER_COUNT_TOLERANCE).unwrap().n_cx(), count_by_traces(&u));
    }
}
