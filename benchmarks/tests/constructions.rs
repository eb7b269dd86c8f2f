//! Generated circuits do what their names say.

use bqc_benchmarks::generate::algorithms::{fourier_transform, grover, grover_iterations, grover_width};
use bqc_benchmarks::generate::arithmetic::{cuccaro_adder, toffoli_clean, toffoli_dirty};
use bqc_benchmarks::generate::dynamics::{Chain, bonds, heisenberg, ising};
use bqc_benchmarks::generate::variational::{hardware_efficient, qaoa, quantum_volume, regular_graph};
use bqc_circuit::{Circuit, Operation, Stats};
use bqc_linalg::{Complex64, Matrix, Stream, phase_distance};
use std::f64::consts::PI;

/// The image of a basis state under a circuit of `x`, `cx`, `ccx`.
fn permuted(circuit: &Circuit, state: u128) -> u128 {
    circuit.operations.iter().fold(state, |state, operation| {
        let Operation::Gate(call) = operation else { panic!("not a gate") };
        assert!(["x", "cx", "ccx"].contains(&call.row().qasm));
        let (target, controls) = call.qubits().split_last().unwrap();
        let is_on = controls.iter().all(|q| state >> q.0 & 1 == 1);
        state ^ (u128::from(is_on) << target.0)
    })
}

/// `a`, `b`, `c` and `z` as a basis state of the adder's wires.
fn adder_state(n_bits: usize, [a, b, c, z]: [u128; 4]) -> u128 {
    let bits = (0..n_bits).map(|i| (b >> i & 1) << (2 * i + 1) | (a >> i & 1) << (2 * i + 2));
    bits.fold(c | z << (2 * n_bits + 1), |state, bits| state | bits)
}

#[test]
fn adders_add() {
    let check = |n_bits: usize, circuit: &Circuit, a: u128, b: u128, c: u128, z: u128| {
        let sum = a + b + c;
        let expected = [a, sum & ((1 << n_bits) - 1), c, z ^ sum >> n_bits];
        let image = permuted(circuit, adder_state(n_bits, [a, b, c, z]));
        assert_eq!(image, adder_state(n_bits, expected), "{n_bits} bits: {a} + {b} + {c}");
    };
    for n_bits in 1..=4 {
        let circuit = cuccaro_adder(n_bits);
        for inputs in 0..1u128 << (2 * n_bits + 2) {
            let a = inputs >> 2 & ((1 << n_bits) - 1);
            check(n_bits, &circuit, a, inputs >> (2 + n_bits), inputs & 1, inputs >> 1 & 1);
        }
    }
    let (circuit, mut stream) = (cuccaro_adder(62), Stream::new(0, 0, 0));
    for _ in 0..200 {
        let (a, b) = (u128::from(stream.bits() >> 2), u128::from(stream.bits() >> 2));
        check(62, &circuit, a, b, 1, 0);
    }
}

#[test]
fn toffoli_chains_flip_the_target_if_all_controls_are_one() {
    for n in [3, 4, 5, 6] {
        let (clean, dirty) = (toffoli_clean(n), toffoli_dirty(n));
        assert_eq!(dirty.operations.len(), 4 * (n - 2));
        let controls = (1u128 << n) - 1;
        for state in 0..1u128 << (2 * n - 1) {
            let expected = state ^ u128::from(state & controls == controls) << (2 * n - 2);
            assert_eq!(permuted(&dirty, state), expected, "{n} controls, dirty, {state:b}");
            let ancillas_are_zero = state >> n & ((1 << (n - 2)) - 1) == 0;
            if ancillas_are_zero {
                assert_eq!(permuted(&clean, state), expected, "{n} controls, clean, {state:b}");
            }
        }
    }
    let all = (1u128 << 52) - 1;
    assert_eq!(permuted(&toffoli_clean(52), all), all | 1 << 102);
    assert_eq!(permuted(&toffoli_clean(52), all ^ 1), all ^ 1);
}

#[test]
fn the_fourier_transform_is_its_matrix() {
    for n in [1, 2, 3, 5] {
        let dim = 1usize << n;
        let root = |k: usize| Complex64::from_polar((dim as f64).sqrt().recip(), 2.0 * PI * k as f64 / dim as f64);
        let expected = Matrix::from_fn(dim, dim, |y, x| root(x * y % dim));
        let exact = fourier_transform(n, n).unitary().unwrap();
        assert!(phase_distance(&exact, &expected) < 1e-13, "{n}");
        if n == 5 {
            let coarse = phase_distance(&fourier_transform(n, 2).unitary().unwrap(), &expected);
            let fine = phase_distance(&fourier_transform(n, 3).unitary().unwrap(), &expected);
            assert!(fine < coarse && coarse < 0.5 && fine > 1e-3, "{coarse} {fine}");
        }
    }
}

#[test]
fn grover_finds_what_is_marked() {
    for (n_bits, marked) in [(3, 5), (4, 11), (5, 21)] {
        let circuit = grover(n_bits, marked);
        assert_eq!(circuit.n_qubits(), grover_width(n_bits));
        let mut state = Matrix::zeros(1 << circuit.n_qubits(), 1);
        state[(0, 0)] = Complex64::ONE;
        circuit.apply_to(&mut state).unwrap();
        // After k iterations the probability is sin²((2k + 1)θ), sin θ = 2^{−n/2}; ancillas are zero.
        let theta = 2f64.powi(-(n_bits as i32)).sqrt().asin();
        let expected = ((2 * grover_iterations(n_bits) + 1) as f64 * theta).sin().powi(2);
        assert!((state[(marked, 0)].norm_sqr() - expected).abs() < 1e-12, "{n_bits}");
        assert!(expected > 0.9);
    }
}

/// `exp(−iθ P)` on some wires of `n`, for a Pauli string given by letters.
fn pauli_exponential(n: usize, letters: &str, wires: &[usize], theta: f64) -> Matrix {
    let (zero, one, i) = (Complex64::ZERO, Complex64::ONE, Complex64::I);
    let single = |letter| match letter {
        'X' => Matrix::from_rows(2, 2, &[zero, one, one, zero]),
        'Y' => Matrix::from_rows(2, 2, &[zero, -i, i, zero]),
        _ => Matrix::from_rows(2, 2, &[one, zero, zero, -one]),
    };
    let mut string = Matrix::identity(1 << n);
    letters.chars().zip(wires).for_each(|(letter, &w)| string.apply_gate(&single(letter), &[w]));
    let identity = Matrix::identity(1 << n);
    Matrix::from_fn(1 << n, 1 << n, |r, c| identity[(r, c)] * theta.cos() - i * theta.sin() * string[(r, c)])
}

#[test]
fn trotter_steps_are_products_of_exponentials() {
    let (n, dt, field) = (4, 0.1, 0.7);
    let chain = Chain { n, n_steps: 2, dt };
    let step = |factors: Vec<Matrix>| factors.iter().fold(Matrix::identity(1 << n), |u, f| f * &u);
    let twice = |u: Matrix| &u * &u;

    let mut factors: Vec<Matrix> = bonds(n).map(|(a, b)| pauli_exponential(n, "ZZ", &[a, b], dt)).collect();
    factors.extend((0..n).map(|q| pauli_exponential(n, "X", &[q], field * dt)));
    assert!(phase_distance(&ising(chain, field).unitary().unwrap(), &twice(step(factors))) < 1e-13);

    let pairs = bonds(n).flat_map(|(a, b)| ["XX", "YY", "ZZ"].map(|p| pauli_exponential(n, p, &[a, b], dt)));
    let mut factors: Vec<Matrix> = pairs.collect();
    factors.extend((0..n).map(|q| pauli_exponential(n, "Z", &[q], field * dt)));
    assert!(phase_distance(&heisenberg(chain, field).unitary().unwrap(), &twice(step(factors))) < 1e-13);
}

#[test]
fn more_trotter_steps_come_closer_to_one_evolution() {
    let evolution = |n_steps: usize| {
        let chain = Chain { n: 4, n_steps, dt: 1.0 / n_steps as f64 };
        (ising(chain, 0.7).unitary().unwrap(), heisenberg(chain, 0.7).unitary().unwrap())
    };
    let (exact, coarse, fine) = (evolution(4096), evolution(16), evolution(32));
    for (exact, coarse, fine) in [(&exact.0, &coarse.0, &fine.0), (&exact.1, &coarse.1, &fine.1)] {
        let ratio = phase_distance(exact, coarse) / phase_distance(exact, fine);
        assert!((1.8..2.2).contains(&ratio), "first order halves the error with the step: {ratio}");
    }
}

#[test]
fn random_graphs_are_regular_and_circuits_follow_them() {
    let mut stream = Stream::new(5, 5, 5);
    for (n, degree) in [(4, 3), (10, 3), (100, 3), (9, 4)] {
        let edges = regular_graph(n, degree, &mut stream);
        assert!((0..n).all(|v| edges.iter().filter(|(a, b)| *a == v || *b == v).count() == degree));
        assert!(edges.iter().all(|(a, b)| a < b) && edges.windows(2).all(|e| e[0] < e[1]));
    }
    assert_eq!(Stats::of(&qaoa(10, 3, 2, 1)).n_two_qubit, 2 * 2 * 15);
    assert_ne!(qaoa(10, 3, 2, 1), qaoa(10, 3, 2, 2));
}

#[test]
fn ansatz_and_volume_have_their_shape() {
    let stats = Stats::of(&hardware_efficient(6, 4, 1));
    assert_eq!((stats.n_two_qubit, stats.n_one_qubit), (4 * 5, 5 * 12));
    for n in [4, 5] {
        let circuit = quantum_volume(n, 1);
        let stats = Stats::of(&circuit);
        assert_eq!((stats.n_two_qubit, stats.two_qubit_depth), (3 * n * (n / 2), 3 * n));
    }
}
