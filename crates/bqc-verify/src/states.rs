//! A batch of state vectors in plain `f64`, and the few gates that the verifier needs.
//!
//! `re` and `im` are `[2^n][state]`: amplitude outermost, bit q of the amplitude index is qubit q.
//! A gate on qubit q then works on contiguous runs of `n_states · 2^q` numbers. No kernel here is shared with the
//! engines whose results are judged.

use crate::program::SparseGate;
use bqc_linalg::{Matrix, Stream};

/// Elements of one tile of a general gate: the tiles of a five-qubit gate stay in the L1 cache.
const TILE: usize = 32;

/// A 2×2 matrix in rows, `[re, im]` each.
pub(crate) type Matrix2 = [[[f64; 2]; 2]; 2];

/// `n_states` vectors of `2^n_qubits` amplitudes.
pub(crate) struct States {
    n_qubits: usize,
    n_states: usize,
    re: Vec<f64>,
    im: Vec<f64>,
}

impl States {
    /// No states yet, of `n_qubits`.
    pub(crate) fn empty(n_qubits: usize) -> States {
        States { n_qubits, n_states: 0, re: Vec::new(), im: Vec::new() }
    }

    fn set_zero(&mut self, n_states: usize) {
        self.n_states = n_states;
        for part in [&mut self.re, &mut self.im] {
            part.clear();
            part.resize(n_states << self.n_qubits, 0.0);
        }
    }

    /// The basis states `first..first + n_states`, which are columns of the identity.
    pub(crate) fn set_basis(&mut self, first: usize, n_states: usize) {
        self.set_zero(n_states);
        for s in 0..n_states {
            self.re[(first + s) * n_states + s] = 1.0;
        }
    }

    /// See [`States::set_basis`].
    pub(crate) fn basis(n_qubits: usize, first: usize, n_states: usize) -> States {
        let mut states = States::empty(n_qubits);
        states.set_basis(first, n_states);
        states
    }

    /// The same states as `other`, in the memory that is there.
    pub(crate) fn copy_from(&mut self, other: &States) {
        self.n_qubits = other.n_qubits;
        self.n_states = other.n_states;
        self.re.clone_from(&other.re);
        self.im.clone_from(&other.im);
    }

    /// The columns of a matrix with `2^n_qubits` rows.
    pub(crate) fn columns(n_qubits: usize, matrix: &Matrix) -> States {
        let mut states = States::empty(n_qubits);
        states.set_zero(matrix.cols());
        for ((re, im), x) in states.re.iter_mut().zip(&mut states.im).zip(matrix.as_slice()) {
            (*re, *im) = (x.re, x.im);
        }
        states
    }

    /// States with independent normal amplitudes, scaled to norm one: uniform on the sphere.
    pub(crate) fn set_random(&mut self, n_states: usize, stream: &mut Stream) {
        self.set_zero(n_states);
        for (re, im) in self.re.iter_mut().zip(&mut self.im) {
            // Box–Muller, both of the pair.
            let radius = (-2.0 * (1.0 - stream.uniform()).ln()).sqrt();
            let (s, c) = (std::f64::consts::TAU * stream.uniform()).sin_cos();
            (*re, *im) = (radius * c, radius * s);
        }
        for (s, norm) in self.squared_norms().into_iter().enumerate() {
            let scale = 1.0 / norm.sqrt();
            for x in [&mut self.re, &mut self.im] {
                x.iter_mut().skip(s).step_by(n_states).for_each(|x| *x *= scale);
            }
        }
    }

    /// How many states.
    pub(crate) fn n_states(&self) -> usize {
        self.n_states
    }

    /// The amplitudes: real and imaginary parts, `[2^n][state]`.
    pub(crate) fn parts(&self) -> (&[f64], &[f64]) {
        (&self.re, &self.im)
    }

    /// `Σ |amplitude|²` of every state.
    pub(crate) fn squared_norms(&self) -> Vec<f64> {
        let mut norms = vec![0.0; self.n_states];
        for (re, im) in self.re.chunks_exact(self.n_states).zip(self.im.chunks_exact(self.n_states)) {
            for (norm, (re, im)) in norms.iter_mut().zip(re.iter().zip(im)) {
                *norm += re * re + im * im;
            }
        }
        norms
    }

    /// Multiplies everything by a real number.
    pub(crate) fn scale(&mut self, factor: f64) {
        self.re.iter_mut().chain(&mut self.im).for_each(|x| *x *= factor);
    }

    /// Applies a one-qubit gate.
    pub(crate) fn apply_one(&mut self, qubit: usize, gate: &Matrix2) {
        let stride = self.n_states << qubit;
        for (re, im) in self.re.chunks_exact_mut(2 * stride).zip(self.im.chunks_exact_mut(2 * stride)) {
            let ((re0, re1), (im0, im1)) = (re.split_at_mut(stride), im.split_at_mut(stride));
            apply_to_pairs(gate, [re0, im0], [re1, im1]);
        }
    }

    /// Applies `cx control, target`.
    pub(crate) fn apply_cx(&mut self, control: usize, target: usize) {
        let (c, t) = (self.n_states << control, self.n_states << target);
        for x in [&mut self.re, &mut self.im] {
            if c > t {
                for block in x.chunks_exact_mut(2 * c) {
                    for pair in block[c..].chunks_exact_mut(2 * t) {
                        let (zero, one) = pair.split_at_mut(t);
                        zero.swap_with_slice(one);
                    }
                }
            } else {
                for block in x.chunks_exact_mut(2 * t) {
                    let (zero, one) = block.split_at_mut(t);
                    for (zero, one) in zero.chunks_exact_mut(2 * c).zip(one.chunks_exact_mut(2 * c)) {
                        zero[c..].swap_with_slice(&mut one[c..]);
                    }
                }
            }
        }
    }

    /// Applies a gate on several wires; `qubits[b]` is bit b of the gate's index.
    pub(crate) fn apply_sparse(&mut self, gate: &SparseGate, qubits: &[usize]) {
        let mut sorted = qubits.to_vec();
        sorted.sort_unstable();
        let run = self.n_states << sorted[0];
        let offsets: Vec<usize> = (0..1usize << qubits.len())
            .map(|k| qubits.iter().enumerate().filter(|(b, _)| k >> b & 1 == 1).map(|(_, q)| self.n_states << q).sum())
            .collect();
        let mut tiles = vec![[[0.0; TILE]; 2]; offsets.len()];
        for index in 0..1usize << (self.n_qubits - qubits.len() - sorted[0]) {
            // Opens a gap of one zero bit at every wire of the gate, the lowest included.
            let base = sorted.iter().fold(index << sorted[0], |x, q| (x >> q << (q + 1)) | (x & ((1 << q) - 1)));
            for tile in (0..run).step_by(TILE) {
                let len = TILE.min(run - tile);
                self.apply_tile(gate, &offsets, base * self.n_states + tile, len, &mut tiles);
            }
        }
    }

    /// One tile of [`States::apply_sparse`]: `len` consecutive numbers from `at` on.
    fn apply_tile(
        &mut self,
        gate: &SparseGate,
        offsets: &[usize],
        at: usize,
        len: usize,
        tiles: &mut [[[f64; TILE]; 2]],
    ) {
        for &k in &gate.read {
            let from = at + offsets[k];
            tiles[k][0][..len].copy_from_slice(&self.re[from..from + len]);
            tiles[k][1][..len].copy_from_slice(&self.im[from..from + len]);
        }
        for (row, elements) in &gate.rows {
            let to = at + offsets[*row];
            let (re, im) = (&mut self.re[to..to + len], &mut self.im[to..to + len]);
            re.fill(0.0);
            im.fill(0.0);
            for (column, [gr, gi]) in elements {
                let [xr, xi] = &tiles[*column];
                for i in 0..len {
                    re[i] += gr * xr[i] - gi * xi[i];
                    im[i] += gr * xi[i] + gi * xr[i];
                }
            }
        }
    }

    /// Keeps only amplitudes whose bit `qubit` is `outcome`: the projector, without scaling.
    pub(crate) fn project(&mut self, qubit: usize, outcome: bool) {
        let stride = self.n_states << qubit;
        for x in [&mut self.re, &mut self.im] {
            for block in x.chunks_exact_mut(2 * stride) {
                let (zero, one) = block.split_at_mut(stride);
                if outcome { zero.fill(0.0) } else { one.fill(0.0) }
            }
        }
    }

    /// `Σ |amplitude|²` over all states where bit `qubit` is one, and where it is zero.
    pub(crate) fn weights(&self, qubit: usize) -> [f64; 2] {
        let stride = self.n_states << qubit;
        let mut weights = [0.0; 2];
        for x in [&self.re, &self.im] {
            for (i, half) in x.chunks_exact(stride).enumerate() {
                weights[i & 1] += half.iter().map(|x| x * x).sum::<f64>();
            }
        }
        weights
    }
}

/// `(x0, x1)[i] ← gate · (x0, x1)[i]` for all `i`. Slices of one length without branches, which compilers turn into
/// vector instructions by themselves; without a multiply-add, so that the bits are the same on every processor.
#[multiversion::multiversion(targets("x86_64+avx2", "x86_64+avx512f"))]
fn apply_to_pairs(gate: &Matrix2, [re0, im0]: [&mut [f64]; 2], [re1, im1]: [&mut [f64]; 2]) {
    let [[[ar, ai], [br, bi]], [[cr, ci], [dr, di]]] = *gate;
    let n = re0.len();
    let (im0, re1, im1) = (&mut im0[..n], &mut re1[..n], &mut im1[..n]);
    for i in 0..n {
        let (x, y, z, w) = (re0[i], im0[i], re1[i], im1[i]);
        re0[i] = (ar * x - ai * y) + (br * z - bi * w);
        im0[i] = (ar * y + ai * x) + (br * w + bi * z);
        re1[i] = (cr * x - ci * y) + (dr * z - di * w);
        im1[i] = (cr * y + ci * x) + (dr * w + di * z);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_linalg::{Complex64, Matrix};

    impl States {
        fn random(n_qubits: usize, n_states: usize, stream: &mut Stream) -> States {
            let mut states = States::empty(n_qubits);
            states.set_random(n_states, stream);
            states
        }
    }

    fn as_matrix(states: &States) -> Matrix {
        let m = states.n_states;
        Matrix::from_fn(1 << states.n_qubits, m, |r, s| Complex64::new(states.re[r * m + s], states.im[r * m + s]))
    }

    fn matrix2(gate: &Matrix) -> Matrix2 {
        [0, 1].map(|r| [0, 1].map(|c| [gate[(r, c)].re, gate[(r, c)].im]))
    }

    #[test]
    fn gates_agree_with_the_reference() {
        let mut stream = Stream::new(3, 1, 0);
        for n in 1..=6 {
            for n_states in [1, 2, 3, 8] {
                let mut states = States::random(n, n_states, &mut stream);
                let mut reference = as_matrix(&states);
                for _ in 0..20 {
                    let mut wires: Vec<usize> = (0..n).collect();
                    stream.shuffle(&mut wires);
                    let width = 1 + stream.below(n.min(4));
                    let wires = &wires[..width];
                    let mut gate = Matrix::haar(1 << width, &mut stream);
                    if width == 1 {
                        states.apply_one(wires[0], &matrix2(&gate));
                    } else if width == 2 && stream.chance(0.5) {
                        let image = [0, 3, 2, 1];
                        gate = Matrix::from_fn(4, 4, |r, c| Complex64::new(f64::from(image[c] == r), 0.0));
                        states.apply_cx(wires[0], wires[1]);
                    } else {
                        states.apply_sparse(&SparseGate::new(&gate), wires);
                    }
                    reference.apply_gate(&gate, wires);
                }
                assert!(as_matrix(&states).max_difference(&reference) < 1e-14);
            }
        }
    }

    #[test]
    fn sparse_gates_leave_identity_rows_alone() {
        let mut stream = Stream::new(3, 1, 1);
        let ccx = Matrix::from_fn(8, 8, |r, c| {
            let image = if c & 3 == 3 { c ^ 4 } else { c };
            Complex64::new(f64::from(image == r), 0.0)
        });
        let gate = SparseGate::new(&ccx);
        assert_eq!(gate.rows.len(), 2);
        let mut states = States::random(5, 4, &mut stream);
        let mut reference = as_matrix(&states);
        states.apply_sparse(&gate, &[4, 0, 2]);
        reference.apply_gate(&ccx, &[4, 0, 2]);
        assert_eq!(as_matrix(&states).max_difference(&reference), 0.0);
    }

    #[test]
    fn projections_split_the_norm() {
        let mut states = States::random(4, 3, &mut Stream::new(3, 1, 2));
        let [zero, one] = states.weights(2);
        assert!((zero + one - 3.0).abs() < 1e-14);
        states.project(2, true);
        let [gone, kept] = states.weights(2);
        assert_eq!((gone, kept), (0.0, one));
        assert!((states.squared_norms().iter().sum::<f64>() - one).abs() < 1e-14);
    }
}
