//! Known optima, generic targets, and what is refused.

use super::*;
use crate::test_support::{on_cpu, random_clifford_t, stopped};
use bqc_verify::{matrix_distance, state_distance};
use proptest::prelude::*;

fn settings(n_rounds: u32) -> SynthesisSettings {
    SynthesisSettings { n_rounds, ..SynthesisSettings::default() }
}

/// CX gates for a unitary; asserts that the circuit is the unitary and the distance is the measured one.
fn unitary_cx(context: Context<'_>, u: &Matrix, settings: &SynthesisSettings) -> usize {
    let Synthesized { circuit, distance } = synthesize_unitary(context, u, settings).unwrap();
    let measured = matrix_distance(&circuit, u).unwrap();
    assert!(measured <= 1e-12 && (measured - distance).abs() < 1e-13, "{measured:e} and {distance:e}");
    circuit.n_cx()
}

fn state_cx(context: Context<'_>, v: &[Complex64], settings: &SynthesisSettings) -> usize {
    let Synthesized { circuit, distance } = prepare_state(context, v, settings).unwrap();
    let measured = state_distance(&circuit, v).unwrap();
    assert!(measured <= 1e-12 && (measured - distance).abs() < 1e-13, "{measured:e} and {distance:e}");
    circuit.n_cx()
}

fn permutation(dim: usize, image: impl Fn(usize) -> usize) -> Matrix {
    Matrix::from_fn(dim, dim, |r, c| Complex64::new(f64::from(image(c) == r), 0.0))
}

fn normalised(amplitudes: impl IntoIterator<Item = Complex64>) -> Vec<Complex64> {
    let v: Vec<Complex64> = amplitudes.into_iter().collect();
    let norm = v.iter().map(|x| x.norm_sqr()).sum::<f64>().sqrt();
    v.into_iter().map(|x| x / norm).collect()
}

#[test]
fn gates_of_three_qubits_reach_their_known_optima() {
    let fourier = Matrix::from_fn(8, 8, |r, c| {
        Complex64::from_polar(0.125f64.sqrt(), std::f64::consts::TAU * (r * c % 8) as f64 / 8.0)
    });
    let controlled_swap = |x: usize| if x & 1 == 1 { 1 | (x >> 1 & 1) << 2 | (x >> 2 & 1) << 1 } else { x };
    for (name, gate, n_cx) in [
        ("identity", Matrix::identity(8).scaled(Complex64::I), 0),
        ("toffoli", permutation(8, |x| if x & 3 == 3 { x ^ 4 } else { x }), 6),
        ("fredkin", permutation(8, controlled_swap), 7),
        ("peres", permutation(8, |x| if x & 3 == 3 { x ^ 6 } else { x ^ (x & 1) << 1 }), 5),
        ("increment", permutation(8, |x| (x + 1) % 8), 5),
        ("fourier", fourier, 6),
        ("swap of the outer wires", permutation(8, |x| x & 2 | (x & 1) << 2 | x >> 2), 3),
    ] {
        assert_eq!(unitary_cx(on_cpu(), &gate, &settings(2)), n_cx, "{name}");
    }
}

#[test]
fn generic_unitaries_reach_the_bound() {
    let mut s = Stream::new(0, 11, 0);
    for _ in 0..5 {
        assert!(unitary_cx(on_cpu(), &Matrix::haar(8, &mut s), &settings(0)) <= 15);
        assert!(unitary_cx(on_cpu(), &Matrix::haar(4, &mut s), &settings(0)) <= 3);
        assert_eq!(unitary_cx(on_cpu(), &Matrix::haar(2, &mut s), &settings(0)), 0);
    }
    assert!(unitary_cx(on_cpu(), &Matrix::haar(16, &mut s), &settings(0)) <= 63);
}

#[test]
fn what_is_stopped_at_once_is_the_decomposition() {
    let mut s = Stream::new(0, 11, 1);
    for (n, most) in [(3, 24), (4, 120), (5, 528), (6, 2208)] {
        assert!(unitary_cx(stopped(), &Matrix::haar(1 << n, &mut s), &settings(2)) <= most);
    }
    for n in 1..=10 {
        let v = normalised((0..1 << n).map(|_| s.complex_gaussian()));
        assert!(state_cx(stopped(), &v, &settings(2)) <= (2usize << n) - 4);
    }
}

#[test]
fn states_take_as_few_cx_as_are_known() {
    let mut s = Stream::new(0, 11, 2);
    let one = |yes: bool| Complex64::new(f64::from(yes), 0.0);
    for n in 2..=5usize {
        let dim = 1usize << n;
        assert_eq!(state_cx(on_cpu(), &normalised((0..dim).map(|i| one(i == 0 || i == dim - 1))), &settings(1)), n - 1);
        assert_eq!(
            state_cx(on_cpu(), &normalised((0..dim).map(|i| one(i.is_power_of_two()))), &settings(1)),
            2 * n - 3
        );
        let product = normalised((0..dim).map(|i| Complex64::cis(0.7 * i.count_ones() as f64)));
        assert_eq!(state_cx(on_cpu(), &product, &settings(1)), 0);
        let random = normalised((0..dim).map(|_| s.complex_gaussian()));
        assert!(state_cx(on_cpu(), &random, &settings(1)) <= [1, 3, 6, 15][n - 2]);
    }
    assert_eq!(state_cx(on_cpu(), &[one(false), Complex64::I], &settings(1)), 0);
}

#[test]
fn input_errors_carry_their_figures() {
    let of_matrix = |m: &Matrix| synthesize_unitary(on_cpu(), m, &settings(0)).unwrap_err();
    let of_state = |v: &[Complex64]| prepare_state(on_cpu(), v, &settings(0)).unwrap_err();
    for (rows, cols) in [(0, 0), (1, 1), (3, 3), (4, 2), (2, 4)] {
        assert_eq!(of_matrix(&Matrix::zeros(rows, cols)), SynthesisError::NoUnitaryShape { rows, cols });
    }
    assert!(matches!(of_matrix(&Matrix::identity(128)), SynthesisError::TooManyQubits { n_qubits: 7, most: 6, .. }));
    let deviation = |m: &Matrix| match of_matrix(m) {
        SynthesisError::NotUnitary { deviation, .. } => deviation,
        other => panic!("{other}"),
    };
    assert_eq!(deviation(&Matrix::zeros(4, 4)), 1.0);
    assert!((deviation(&Matrix::identity(8).scaled(Complex64::new(1.0 + 1e-6, 0.0))) - 2e-6).abs() < 1e-11);
    let huge = Matrix::haar(4, &mut Stream::new(0, 11, 9)).scaled(Complex64::new(1e200, 0.0));
    assert_eq!(deviation(&huge), f64::INFINITY);
    let mut broken = Matrix::identity(4);
    broken[(2, 1)] = Complex64::new(0.0, f64::INFINITY);
    assert_eq!(of_matrix(&broken), SynthesisError::NotFinite { row: 2, col: 1 });

    for len in [0, 1, 3, 12] {
        assert_eq!(of_state(&vec![Complex64::ZERO; len]), SynthesisError::NoStateLength { len });
    }
    let norm_of = |v: &[Complex64]| match of_state(v) {
        SynthesisError::NotNormalised { norm, .. } => norm,
        other => panic!("{other}"),
    };
    assert_eq!(norm_of(&[Complex64::ZERO; 8]), 0.0);
    assert_eq!(norm_of(&[Complex64::ONE; 4]), 2.0);
    assert!((norm_of(&[Complex64::new(1e200, 0.0); 4]) / 2e200 - 1.0).abs() < 1e-15);
    let nan = [Complex64::ONE, Complex64::new(f64::NAN, 0.0)];
    assert_eq!(of_state(&nan), SynthesisError::NotFinite { row: 1, col: 0 });
    let many = vec![Complex64::ZERO; 2048];
    assert!(matches!(of_state(&many), SynthesisError::TooManyQubits { n_qubits: 11, most: 10, .. }));
    // Nothing is within a tolerance of zero: the error says how near it came.
    let strict = SynthesisSettings { tolerance: 0.0, ..settings(0) };
    let missed = synthesize_unitary(on_cpu(), &Matrix::haar(8, &mut Stream::new(0, 11, 3)), &strict);
    assert!(matches!(missed, Err(SynthesisError::Missed { distance, .. }) if distance > 0.0 && distance < 1e-12));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// A circuit's unitary needs no more CX than the circuit; with the same seed the result is the same.
    #[test]
    fn unitaries_of_short_circuits_are_found(seed in 0u64..1 << 40, width in 1u16..=3, n_gates in 0usize..8) {
        let block = random_clifford_t(width, n_gates, &mut Stream::new(seed, 11, 6));
        let u = block.unitary();
        prop_assert!(unitary_cx(on_cpu(), &u, &settings(1)) <= block.n_cx());
        let run = || synthesize_unitary(on_cpu(), &u, &SynthesisSettings { seed, ..settings(1) }).unwrap();
        prop_assert_eq!(run(), run());
    }

    /// A state that few gates make is made with no more CX.
    #[test]
    fn states_of_short_circuits_are_found(seed in 0u64..1 << 40, width in 1u16..=4, n_gates in 0usize..6) {
        let block = random_clifford_t(width, n_gates, &mut Stream::new(seed, 11, 7));
        let u = block.unitary();
        let v: Vec<Complex64> = (0..u.rows()).map(|r| u[(r, 0)]).collect();
        prop_assert!(state_cx(on_cpu(), &v, &settings(1)) <= block.n_cx());
    }

    /// Every unitary and every state has a circuit, whatever its numbers are.
    #[test]
    fn everything_has_a_circuit(seed in 0u64..1 << 40, n in 1usize..=6, kind in 0usize..3) {
        let mut s = Stream::new(seed, 11, 8);
        let dim = 1usize << n;
        let u = match kind {
            0 => Matrix::haar(dim, &mut s),
            1 => random_clifford_t(n as u16, 40, &mut s).unitary(),
            _ => {
                let mut order: Vec<usize> = (0..dim).collect();
                s.shuffle(&mut order);
                permutation(dim, |c| order[c])
            }
        };
        unitary_cx(stopped(), &u, &settings(0));
        let v: Vec<Complex64> = (0..dim).map(|r| u[(r, dim - 1)]).collect();
        state_cx(stopped(), &v, &settings(0));
    }
}
