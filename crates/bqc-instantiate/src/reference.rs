//! Plain QFactor: what every engine's sweeps are compared with.
//!
//! Dense matrices, [`Matrix::apply_gate`], and a polar factor by unscaled Newton steps with
//! elimination. Nothing is kept between gates: every environment is contracted from the start.
//! States are columns: `inputs` and `outputs` are `2^n × M` matrices.

use crate::ops::Op;
use crate::template::{FreeValue, Template, TemplateGate, Values};
use bqc_linalg::small::SmallMatrix;
use bqc_linalg::{Complex64, Matrix, Matrix2};

/// Which way a sweep goes through the gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the first gate to the last.
    LeftToRight,
    /// From the last gate to the first.
    RightToLeft,
}

/// The matrix of a gate and the wires that it acts on.
fn dense(op: &Op) -> (Matrix, Vec<usize>) {
    match *op {
        Op::Cx { control, target } => {
            let cx = Matrix::from_fn(4, 4, |r, c| Complex64::new((r == [0, 3, 2, 1][c]) as u8 as f64, 0.0));
            (cx, vec![control.into(), target.into()])
        }
        Op::One { qubit, value } => (value.matrix(), vec![qubit.into()]),
        Op::Two { pair, value } => (value.matrix(), vec![pair.a.into(), pair.b.into()]),
    }
}

/// Applies gates to columns of states.
pub fn apply(ops: &[Op], columns: &mut Matrix) {
    for op in ops {
        let (matrix, qubits) = dense(op);
        columns.apply_gate(&matrix, &qubits);
    }
}

/// The whole unitary of a template with its values.
pub fn unitary(template: &Template, values: &Values) -> Matrix {
    let mut columns = Matrix::identity(1 << template.width());
    apply(&template.ops(values), &mut columns);
    columns
}

/// `1 − |Σ⟨y_m|V x_m⟩| / M` from the trace.
pub fn cost(template: &Template, values: &Values, inputs: &Matrix, outputs: &Matrix) -> f64 {
    let mut states = inputs.clone();
    apply(&template.ops(values), &mut states);
    1.0 - (&outputs.dagger() * &states).trace().norm() / inputs.cols() as f64
}

/// The environment of the `gate_index`-th gate: `Tr(E·u) = Σ⟨y|…u…|x⟩` for every `u` in its place.
pub fn environment(
    template: &Template,
    values: &Values,
    gate_index: usize,
    inputs: &Matrix,
    outputs: &Matrix,
) -> Matrix {
    let ops = template.ops(values);
    let (_, qubits) = dense(&ops[gate_index]);
    let mut kets = inputs.clone();
    apply(&ops[..gate_index], &mut kets);
    let mut bras = outputs.clone();
    let back: Vec<Op> = ops[gate_index + 1..].iter().rev().map(Op::dagger).collect();
    apply(&back, &mut bras);
    let dim = 1 << qubits.len();
    let mask: usize = qubits.iter().map(|q| 1 << q).sum();
    let spread = |k: usize| qubits.iter().enumerate().fold(0, |x, (bit, q)| x | (k >> bit & 1) << q);
    let element = |j: usize, i: usize| {
        let bases = (0..inputs.rows()).filter(|r| r & mask == 0);
        let products = bases.flat_map(|base| (0..inputs.cols()).map(move |m| (base, m)));
        products.map(|(base, m)| bras[(base | spread(i), m)].conj() * kets[(base | spread(j), m)]).sum()
    };
    Matrix::from_fn(dim, dim, element)
}

/// The unitary `u` with the largest `|Tr(E·u)|`: the polar factor of `E†`. None if `E` is singular.
pub fn best_unitary<const D: usize>(environment: &SmallMatrix<D>) -> Option<SmallMatrix<D>> {
    let mut x = environment.dagger();
    // Without scaling the number of steps grows with the logarithm of the condition number.
    for _ in 0..200 {
        let next = x.plus(&x.inverse()?.0.dagger()).scaled(Complex64::new(0.5, 0.0));
        let step_sqr = next.plus(&x.scaled(-Complex64::ONE)).norm_sqr();
        x = next;
        if step_sqr < 1e-30 * D as f64 {
            return Some(x);
        }
    }
    None
}

/// One sweep: every free gate in turn becomes the best one for its environment. A gate whose
/// environment is singular is left as it is.
pub fn sweep(template: &Template, values: &mut Values, inputs: &Matrix, outputs: &Matrix, direction: Direction) {
    let free: Vec<usize> =
        (0..template.gates().len()).filter(|&g| !matches!(template.gates()[g], TemplateGate::Fixed(_))).collect();
    let order: Vec<usize> = match direction {
        Direction::LeftToRight => (0..free.len()).collect(),
        Direction::RightToLeft => (0..free.len()).rev().collect(),
    };
    for k in order {
        let e = environment(template, values, free[k], inputs, outputs);
        let best = match values.0[k] {
            FreeValue::One(_) => {
                Matrix2::from_matrix(&e).and_then(|e| best_unitary(&e)).and_then(|u| u.su2()).map(FreeValue::One)
            }
            FreeValue::Two(_) => SmallMatrix::from_matrix(&e).and_then(|e| best_unitary(&e)).map(FreeValue::Two),
        };
        values.0[k] = best.unwrap_or(values.0[k]);
    }
}
