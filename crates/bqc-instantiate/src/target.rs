//! Targets: what a template should do, given as a map from states to states.
//!
//! A circuit pushes the sample states through its own gates, `M·2^n` numbers and never `4^n`. A
//! matrix multiplies them. Exact instantiation is the same with all basis states as samples.

use crate::CxTemplate;
use crate::ops::{self, Op, phase_of};
use crate::template::{MAX_WIDTH, Template, TemplateError, Values, check_unitary};
use bqc_linalg::lanes::states::batch_len;
use bqc_linalg::lanes::{AMPLITUDE_STRIDE, AlignedBuffer, LANES, Level, states};
use bqc_linalg::{Complex64, Matrix};

/// A unitary on `width` qubits.
#[derive(Clone, Debug)]
pub struct Target {
    width: u8,
    map: Map,
}

#[derive(Clone, Debug)]
enum Map {
    Gates(Vec<Op>),
    Matrix(Matrix),
}

impl Target {
    /// What a template does with these values.
    pub fn from_template(template: &Template, values: &Values) -> Result<Target, TemplateError> {
        template.check_values(values)?;
        Ok(Target { width: template.width(), map: Map::Gates(template.ops(values)) })
    }

    /// What a CX template does. Errors: [`TemplateError::TooWide`].
    pub fn from_cx(cx: &CxTemplate) -> Result<Target, TemplateError> {
        let (template, values) = Template::from_cx(cx)?;
        Ok(Target { width: template.width(), map: Map::Gates(template.ops(&values)) })
    }

    /// A `2^n × 2^n` unitary, qubit q = bit q of the index.
    pub fn from_matrix(matrix: &Matrix) -> Result<Target, TemplateError> {
        let (rows, cols) = (matrix.rows(), matrix.cols());
        let n_qubits = rows.max(1).ilog2() as usize;
        if rows != cols || rows != 1 << n_qubits {
            return Err(TemplateError::WrongShape { rows, cols, n_qubits });
        }
        if n_qubits > MAX_WIDTH as usize {
            return Err(TemplateError::TooWide { width: n_qubits });
        }
        check_unitary(matrix.unitarity_error())?;
        Ok(Target { width: n_qubits as u8, map: Map::Matrix(matrix.clone()) })
    }

    /// Number of qubits.
    pub fn width(&self) -> u8 {
        self.width
    }

    /// `states ← target · states` for a batch `[group][2^n][re 8, im 8]`.
    pub fn push(&self, level: Level, states: &mut [f64]) {
        match &self.map {
            Map::Gates(gates) => ops::push(level, self.width.into(), gates, states),
            Map::Matrix(matrix) => multiply(matrix, states),
        }
    }

    /// The phase distance between this target and a circuit, over all `2^n` columns:
    /// `min_φ ‖U − e^{iφ}V‖_F / √(2·2^n)`, summed as a residual, accurate to about 1e-15.
    ///
    /// The columns pass through in groups of eight, so memory stays at `2^n`; time is that of
    /// `2^n` states. The phase is estimated from the first group, and the difference between it
    /// and the best one, `2(|S| − Re S) = 2(Im S)²/(|S| + Re S)` with `S` the overlap under the
    /// estimate, is taken off at the end.
    pub fn phase_distance(&self, level: Level, circuit: &[Op]) -> f64 {
        let n = usize::from(self.width);
        let dim = 1usize << n;
        let (mut u, mut v) = (AlignedBuffer::zeroed(0), AlignedBuffer::zeroed(0));
        let mut phase = None;
        let (mut residual, mut overlap) = (0.0, Complex64::ZERO);
        for first in (0..dim).step_by(LANES) {
            ops::basis_batch(n, first, LANES.min(dim - first), &mut u);
            v.resize(u.len());
            v.copy_from_slice(&u);
            self.push(level, &mut u);
            ops::push(level, n, circuit, &mut v);
            let group_overlap = states::overlap(level, &u, &v);
            let phase = *phase.get_or_insert(phase_of(group_overlap));
            overlap += phase.conj() * group_overlap;
            residual += states::residual(level, &u, &v, phase);
        }
        let modulus = overlap.norm();
        // For Re S ≤ 0 nothing cancels in |S| − Re S; for Re S > 0 the quotient avoids it.
        let gain = if overlap.re > 0.0 { overlap.im.powi(2) / (modulus + overlap.re) } else { modulus - overlap.re };
        ((residual - 2.0 * gain).max(0.0) / (2 * dim) as f64).sqrt()
    }
}

/// `states ← matrix · states`, plain: `4^n` products a state, done once for a sample set.
fn multiply(matrix: &Matrix, states: &mut [f64]) {
    let dim = matrix.rows();
    let group_len = batch_len(dim.ilog2() as usize, 1);
    let mut from = vec![0.0; group_len];
    for group in states.chunks_exact_mut(group_len) {
        from.copy_from_slice(group);
        group.fill(0.0);
        for (r, to) in group.chunks_exact_mut(AMPLITUDE_STRIDE).enumerate() {
            for (c, x) in from.chunks_exact(AMPLITUDE_STRIDE).enumerate() {
                let m = matrix[(r, c)];
                for lane in 0..LANES {
                    to[lane] += m.re * x[lane] - m.im * x[lane + LANES];
                    to[lane + LANES] += m.re * x[lane + LANES] + m.im * x[lane];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_circuit::BlockQubit;
    use bqc_linalg::{Matrix2, Stream, phase_distance};

    fn random_template(n: u8, n_gates: usize, s: &mut Stream) -> (Template, Values) {
        let mut t = Template::new(n).unwrap();
        for _ in 0..n_gates {
            let a = s.below(n.into()) as u8;
            t.push_free_one(BlockQubit(a.into())).unwrap();
            if n > 1 {
                let b = (a + 1 + s.below(usize::from(n) - 1) as u8) % n;
                t.push_free_two(BlockQubit(a.into()), BlockQubit(b.into())).unwrap();
                t.push_cx(BlockQubit(b.into()), BlockQubit(a.into())).unwrap();
            }
        }
        let values = t.random_values(s);
        (t, values)
    }

    #[test]
    fn matrix_and_circuit_targets_agree_and_the_distance_is_the_definition() {
        let mut s = Stream::new(0, 6, 0);
        for n in [0u8, 1, 2, 3, 5] {
            let n_gates = if n == 0 { 0 } else { 6 };
            let (t, values) = random_template(n, n_gates, &mut s);
            let unitary = crate::reference::unitary(&t, &values);
            let by_gates = Target::from_template(&t, &values).unwrap();
            let by_matrix = Target::from_matrix(&unitary.scaled(Complex64::cis(0.7))).unwrap();
            let other = t.random_values(&mut s);
            for level in Level::available() {
                assert!(by_matrix.phase_distance(level, &t.ops(&values)) < 1e-14, "n {n}");
                assert!(by_gates.phase_distance(level, &t.ops(&values)) < 1e-15);
                let d = phase_distance(&unitary, &crate::reference::unitary(&t, &other));
                assert!((by_matrix.phase_distance(level, &t.ops(&other)) - d).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn tiny_distances_are_seen() {
        // Two diagonal gates 2e-9 apart: d = ε/(2√2), which the trace form rounds to zero.
        let diagonal =
            |t: f64| Matrix2::from_fn(|r, c| if r == c { Complex64::cis(t * r as f64) } else { Complex64::ZERO });
        let target = Target::from_matrix(&diagonal(2e-9).matrix()).unwrap();
        let op = Op::One { qubit: 0, value: diagonal(0.0).su2().unwrap() };
        let d = target.phase_distance(Level::detect(), &[op]);
        assert!((d - 2e-9 / 8f64.sqrt()).abs() < 1e-15, "{d:e}");
    }

    #[test]
    fn refuses_what_is_no_unitary() {
        assert!(matches!(Target::from_matrix(&Matrix::zeros(4, 4)), Err(TemplateError::NotUnitary { .. })));
        assert!(matches!(Target::from_matrix(&Matrix::identity(3)), Err(TemplateError::WrongShape { .. })));
        assert!(matches!(Target::from_matrix(&Matrix::zeros(4, 2)), Err(TemplateError::WrongShape { .. })));
        assert!(matches!(Target::from_matrix(&Matrix::zeros(0, 0)), Err(TemplateError::WrongShape { .. })));
    }
}
