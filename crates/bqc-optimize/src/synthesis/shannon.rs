//! Constructive decompositions that always work: what is written when nothing better is found, and
//! where wide unitaries are cut into narrower ones.
//!
//! The quantum Shannon decomposition (Shende, Bullock, Markov, quant-ph/0406176): a cosine–sine
//! decomposition cuts a unitary into two pairs of unitaries chosen by the top wire and a multiplexed Y
//! rotation; each pair is `diag(A, B) = V·diag(D, D†)·W`, where `AB† = V·D²·V†`, that is two unitaries
//! of the lower wires and a multiplexed Z rotation. States are prepared by multiplexed rotations from
//! the bottom wire up (Möttönen et al., quant-ph/0407010).

use bqc_circuit::{BlockCircuit, BlockQubit};
use bqc_linalg::csd::{CosineSine, cosine_sine};
use bqc_linalg::jacobi::unitary_eigen;
use bqc_linalg::{Complex64, Matrix, Su2};

/// What a leaf of the decomposition becomes, or none where it shall be cut further. Must answer for two
/// qubits and fewer.
pub(super) type Leaf<'a> = dyn FnMut(&Matrix) -> Option<BlockCircuit> + 'a;

/// Decomposes a unitary of `2^n` rows until `leaf` answers: `4^m` leaves of `n − m` qubits.
pub(super) fn shannon(u: &Matrix, leaf: &mut Leaf<'_>) -> BlockCircuit {
    if let Some(circuit) = leaf(u) {
        return circuit;
    }
    let CosineSine { left, angles, right } = cosine_sine(u);
    let mut circuit = BlockCircuit::new(u.rows().ilog2() as u16);
    demultiplex(&right, leaf, &mut circuit);
    let angles: Vec<f64> = angles.into_iter().map(|t| 2.0 * t).collect();
    multiplexed(Su2::ry, &angles, &mut circuit);
    demultiplex(&left, leaf, &mut circuit);
    circuit
}

/// Prepares a normalised state of `2^n` amplitudes, `n ≥ 1`, from `|0…0⟩` with at most
/// `2^{n+1} − 4` CX.
pub(super) fn prepare(state: &[Complex64]) -> BlockCircuit {
    let n = state.len().ilog2();
    let half = state.len() / 2;
    let pairs: Vec<(Complex64, Complex64)> = (0..half).map(|k| (state[k], state[k + half])).collect();
    // (x, y) = r·e^{iφ}·Rz(z)·Ry(θ)·(1, 0); where one is zero its phase does not matter.
    let phase = |x: Complex64, other: Complex64| if x == Complex64::ZERO { other.arg() } else { x.arg() };
    let y_angles: Vec<f64> = pairs.iter().map(|(x, y)| 2.0 * y.norm().atan2(x.norm())).collect();
    let z_angles: Vec<f64> = pairs.iter().map(|(x, y)| phase(*y, *x) - phase(*x, *y)).collect();
    let mut circuit = BlockCircuit::new(n as u16);
    if n > 1 {
        let below = |(x, y): &(Complex64, Complex64)| {
            Complex64::from_polar(x.norm().hypot(y.norm()), (phase(*x, *y) + phase(*y, *x)) / 2.0)
        };
        let lower: Vec<Complex64> = pairs.iter().map(below).collect();
        circuit.gates.extend(prepare(&lower).gates);
    }
    multiplexed(Su2::ry, &y_angles, &mut circuit);
    multiplexed(Su2::rz, &z_angles, &mut circuit);
    circuit
}

/// Appends the pair of unitaries that the top wire chooses from.
fn demultiplex(pair: &[Matrix; 2], leaf: &mut Leaf<'_>, circuit: &mut BlockCircuit) {
    let (v, phases) = unitary_eigen(&(&pair[0] * &pair[1].dagger()));
    let root = |r: usize| Complex64::cis(phases[r] / 2.0);
    let vb = &v.dagger() * &pair[1];
    let w = Matrix::from_fn(v.rows(), v.cols(), |r, c| root(r) * vb[(r, c)]);
    circuit.gates.extend(shannon(&w, leaf).gates);
    let angles: Vec<f64> = phases.iter().map(|p| -p).collect();
    multiplexed(Su2::rz, &angles, circuit);
    circuit.gates.extend(shannon(&v, leaf).gates);
}

/// Appends the rotation of the top wire by `angles[k]` where the lower wires are `|k⟩`: rotations
/// about one axis between CX gates in the order of a Gray code, `2^{n−1}` of each. The axis is Y or Z,
/// which X inverts.
fn multiplexed(rotation: fn(f64) -> Su2, angles: &[f64], circuit: &mut BlockCircuit) {
    let top = BlockQubit(circuit.width() - 1);
    let count = angles.len();
    let gray = |j: usize| j ^ (j >> 1);
    for j in 0..count {
        let sign = |k: usize| if (k & gray(j)).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
        let angle = angles.iter().enumerate().map(|(k, a)| sign(k) * a).sum::<f64>() / count as f64;
        circuit.push_u3(top, rotation(angle).u3_angles());
        if count > 1 {
            // Which bit of the code changes next, and the top one at its end.
            let changed = (gray(j) ^ gray((j + 1) % count)).trailing_zeros();
            circuit.push_cx(BlockQubit(changed as u16), top);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthesis::narrow;
    use bqc_linalg::Stream;
    use bqc_verify::{matrix_distance, state_distance};

    #[test]
    fn unitaries_of_every_kind() {
        let mut s = Stream::new(0, 10, 0);
        for n in 1..=6 {
            let dim = 1 << n;
            let mut order: Vec<usize> = (0..dim).collect();
            s.shuffle(&mut order);
            let permutation = Matrix::from_fn(dim, dim, |r, c| Complex64::new(f64::from(order[c] == r), 0.0));
            let phases: Vec<Complex64> = (0..dim).map(|_| Complex64::cis(7.0 * s.uniform())).collect();
            let diagonal = Matrix::from_fn(dim, dim, |r, c| if r == c { phases[r] } else { Complex64::ZERO });
            for u in [Matrix::haar(dim, &mut s), permutation, diagonal, Matrix::identity(dim)] {
                let circuit = shannon(&u, &mut narrow);
                let distance = matrix_distance(&circuit, &u).unwrap();
                assert!(distance < 1e-13, "n {n}: {distance:e}");
            }
        }
    }

    #[test]
    fn states_of_every_kind() {
        let mut s = Stream::new(0, 10, 1);
        for n in 1..=10 {
            let dim = 1usize << n;
            let mut random: Vec<Complex64> = (0..dim).map(|_| s.complex_gaussian()).collect();
            let norm = random.iter().map(|x| x.norm_sqr()).sum::<f64>().sqrt();
            random.iter_mut().for_each(|x| *x /= norm);
            let unit = |k: usize| (0..dim).map(|i| Complex64::new(0.0, f64::from(i == k))).collect::<Vec<_>>();
            let ghz: Vec<Complex64> = (0..dim)
                .map(|i| Complex64::new(if i == 0 || i == dim - 1 { 0.5f64.sqrt() } else { 0.0 }, 0.0))
                .collect();
            for state in [random, unit(0), unit(dim - 1), ghz] {
                let circuit = prepare(&state);
                let distance = state_distance(&circuit, &state).unwrap();
                assert!(distance < 1e-13, "n {n}: {distance:e}");
                assert!(circuit.n_cx() <= (2 * dim).saturating_sub(4));
            }
        }
    }
}
