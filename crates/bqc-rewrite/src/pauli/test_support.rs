//! Matrices of everything in this module, by definition, and random circuits: what the tests compare with.

use super::axis::{Axis, NONE, X, Z};
use super::frame::{Frame, Signed, identity_frames};
use super::op::{Op, PauliCircuit};
use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit, LoweredGate, Wire};
use bqc_linalg::{Complex64, Matrix, Stream, Su2};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

/// The 2 × 2 matrix of a Pauli.
pub(crate) fn pauli_matrix(axis: Axis) -> Matrix {
    let (one, zero, i) = (Complex64::ONE, Complex64::ZERO, Complex64::i());
    let rows = match axis {
        NONE => [one, zero, zero, one],
        X => [zero, one, one, zero],
        Z => [one, zero, zero, -one],
        _ => [zero, -i, i, zero],
    };
    Matrix::from_rows(2, 2, &rows)
}

fn sum(a: &Matrix, b: &Matrix, factor: Complex64) -> Matrix {
    Matrix::from_fn(a.rows(), a.cols(), |row, col| a[(row, col)] + b[(row, col)] * factor)
}

/// The matrix of a gate on `n` wires, wire q = bit q.
pub(crate) fn op_matrix(op: &Op, n: usize) -> Matrix {
    let mut matrix = Matrix::identity(1 << n);
    match *op {
        Op::Turn { wire, axis, angle } => {
            let (sin, cos) = (angle / 2.0).sin_cos();
            let half = Matrix::identity(2).scaled(cos.into());
            let gate = sum(&half, &pauli_matrix(axis), Complex64::new(0.0, -sin));
            matrix.apply_gate(&gate, &[wire as usize]);
        }
        Op::Pair { wires, axes } => {
            // 1 − (1−P)(1−Q)/2: minus one where both are minus one.
            let side = |axis| sum(&Matrix::identity(2), &pauli_matrix(axis), -Complex64::ONE);
            // `kron` has its first factor in the high bit; the first wire is bit 0.
            let both = side(axes[1]).kron(&side(axes[0]));
            let gate = sum(&Matrix::identity(4), &both, Complex64::from(-0.5));
            matrix.apply_gate(&gate, &wires.map(|wire| wire as usize));
        }
    }
    matrix
}

/// A one-wire Clifford by its images of X and Z.
fn clifford(x: Signed, z: Signed) -> Matrix {
    let turns = (0..64).map(|k| [k & 3, k >> 2 & 3, k >> 4].map(|quarters| f64::from(quarters) * FRAC_PI_2));
    for [a, b, c] in turns {
        let matrix = (Su2::rz(a) * Su2::rx(b) * Su2::rz(c)).matrix();
        let is_image = |axis, (image, is_negative): Signed| {
            let conjugated = &(&matrix.dagger() * &pauli_matrix(axis)) * &matrix;
            let sign = Complex64::from(if is_negative { -1.0 } else { 1.0 });
            conjugated.max_difference(&pauli_matrix(image).scaled(sign)) < 1e-9
        };
        if is_image(X, x) && is_image(Z, z) {
            return matrix;
        }
    }
    panic!("no Clifford has the images {x:?} and {z:?}")
}

/// The matrix of frames: each one-wire Clifford on its wire, and then wire `frames[i].wire` becomes output `i`.
pub(crate) fn frames_matrix(frames: &[Frame]) -> Matrix {
    let mut matrix = Matrix::identity(1 << frames.len());
    for frame in frames {
        matrix.apply_gate(&clifford(frame.x, frame.z), &[frame.wire as usize]);
    }
    let moved = |index: usize| {
        frames.iter().enumerate().map(|(output, frame)| (index >> frame.wire & 1) << output).sum::<usize>()
    };
    let mut permuted = Matrix::zeros(matrix.rows(), matrix.cols());
    for row in 0..matrix.rows() {
        for col in 0..matrix.cols() {
            permuted[(moved(row), col)] = matrix[(row, col)];
        }
    }
    permuted
}

/// The matrix of a circuit.
pub(crate) fn circuit_matrix(circuit: &PauliCircuit) -> Matrix {
    let n = circuit.n_wires();
    let gates = circuit.ops.iter().fold(Matrix::identity(1 << n), |matrix, op| &op_matrix(op, n) * &matrix);
    &frames_matrix(&circuit.frames) * &gates
}

/// Random Cliffords on randomly exchanged wires.
pub(crate) fn random_frames(n: usize, stream: &mut Stream) -> Vec<Frame> {
    let mut frames: Vec<Frame> = identity_frames(n).collect();
    stream.shuffle(&mut frames);
    for frame in &mut frames {
        for _ in 0..4 {
            frame.turn(1 + stream.below(3) as Axis, stream.below(4) as u8);
        }
    }
    frames
}

/// An angle as circuits have them: Clifford, T, next to one of these, or anything.
fn random_angle(stream: &mut Stream) -> f64 {
    let quarters = stream.below(8) as f64;
    match stream.below(6) {
        0 | 1 => quarters * FRAC_PI_2,
        2 => quarters * FRAC_PI_4,
        3 => quarters * FRAC_PI_4 + 1e-9,
        4 => quarters * FRAC_PI_2 - 1e-15,
        _ => stream.uniform() * 4.0 * PI - 2.0 * PI,
    }
}

/// Random gates, half of them `cx` if there are two wires.
pub(crate) fn random_block(n: usize, n_gates: usize, stream: &mut Stream) -> BlockCircuit {
    random_block_with(n, n_gates, stream, random_angle)
}

/// Random gates over Clifford and T.
pub(crate) fn random_clifford_t(n: usize, n_gates: usize, stream: &mut Stream) -> BlockCircuit {
    let t = |stream: &mut Stream| match stream.below(4) {
        0 => stream.below(8) as f64 * FRAC_PI_4,
        _ => stream.below(4) as f64 * FRAC_PI_2,
    };
    // Only the first angle may be an odd multiple: the middle one would make a generic gate of the three.
    let mut block = random_block_with(n, n_gates, stream, t);
    for gate in &mut block.gates {
        if let LoweredGate::One { angles, .. } = gate {
            angles[0] = (angles[0] / FRAC_PI_2).round() * FRAC_PI_2;
        }
    }
    block
}

/// Random gates of quarter turns.
pub(crate) fn random_clifford(n: usize, n_gates: usize, stream: &mut Stream) -> BlockCircuit {
    random_block_with(n, n_gates, stream, |stream| stream.below(4) as f64 * FRAC_PI_2)
}

fn random_block_with(n: usize, n_gates: usize, stream: &mut Stream, angle: fn(&mut Stream) -> f64) -> BlockCircuit {
    let mut block = BlockCircuit::new(n as _);
    let mut wires: Vec<BlockQubit> = (0..n).map(BlockQubit::at).collect();
    for _ in 0..n_gates {
        stream.shuffle(&mut wires);
        match n > 1 && stream.chance(0.5) {
            true => block.push_cx(wires[0], wires[1]),
            false => block.push_u3(wires[0], [angle(stream), angle(stream), angle(stream)]),
        }
    }
    block
}

/// The inverse of a block, with the same angles but for their signs.
pub(crate) fn inverse(block: &BlockCircuit) -> BlockCircuit {
    let mut inverse = BlockCircuit::new(block.width());
    inverse.gates.extend(block.gates.iter().rev().map(|gate| match *gate {
        LoweredGate::One { wire, angles: [theta, phi, lambda] } => BlockGate::u3(wire, [-theta, -lambda, -phi]),
        cx => cx,
    }));
    inverse
}
