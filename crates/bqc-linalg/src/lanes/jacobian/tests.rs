//! Every column of the panel against derivatives computed by matrices.

use super::*;
use crate::lanes::states;
use crate::{Matrix, Stream, Su2};

fn cx() -> Matrix {
    Matrix::from_fn(4, 4, |r, c| if r == [0, 3, 2, 1][c] { Complex64::ONE } else { Complex64::ZERO })
}

fn i_pauli(p: Pauli) -> Matrix {
    let (o, i) = (Complex64::ONE, Complex64::I);
    let z = Complex64::ZERO;
    match p {
        Pauli::X => Matrix::from_rows(2, 2, &[z, i, i, z]),
        Pauli::Y => Matrix::from_rows(2, 2, &[z, o, -o, z]),
        Pauli::Z => Matrix::from_rows(2, 2, &[i, z, z, -i]),
    }
}

fn apply_layer(x: &mut Matrix, l: &Layer) {
    x.apply_gate(&cx(), &[l.control as usize, l.target as usize]);
    apply_gates(x, l);
}

fn apply_gates(x: &mut Matrix, l: &Layer) {
    x.apply_gate(&l.on_control.matrix(), &[l.control as usize]);
    x.apply_gate(&l.on_target.matrix(), &[l.target as usize]);
}

fn random_layers(n: usize, count: usize, s: &mut Stream) -> Vec<Layer> {
    (0..count)
        .map(|_| {
            let control = s.below(n) as u8;
            let target = ((control as usize + 1 + s.below(n - 1)) % n) as u8;
            Layer { control, target, on_control: s.su2(), on_target: s.su2() }
        })
        .collect()
}

/// A batch from the columns of a matrix.
fn batch(columns: &Matrix) -> Vec<f64> {
    let n = columns.rows().trailing_zeros() as usize;
    let mut out = vec![0.0; batch_len(n, columns.cols().div_ceil(LANES))];
    for m in 0..columns.cols() {
        for a in 0..columns.rows() {
            let at = batch_len(n, m / LANES) + a * AMPLITUDE_STRIDE + m % LANES;
            (out[at], out[at + LANES]) = (columns[(a, m)].re, columns[(a, m)].im);
        }
    }
    out
}

/// The panel in single precision.
fn single_panel(
    level: Level,
    layers: &[Layer],
    tangents: &[Tangent],
    wide: States<'_>,
    n_samples: usize,
) -> Panel<f32> {
    let n = (wide.frame.middle.len() / (n_samples.div_ceil(LANES) * AMPLITUDE_STRIDE)).trailing_zeros() as usize;
    let mut plan = Plan::<f32>::default();
    plan.prepare(n, layers, tangents);
    let narrow = |x: &[f64]| -> Vec<f32> { x.iter().map(|x| *x as f32).collect() };
    let (after_first, after_cx) = (narrow(wide.after_first), narrow(wide.after_cx));
    let states = States { after_first: &after_first[..], after_cx: &after_cx[..], frame: wide.frame };
    let mut panel = Panel::default();
    plan.fill(level, layers, states, 0..n_samples, &mut panel);
    panel
}

/// The columns that count, row after row.
fn numbers<R: Real>(panel: &Panel<R>) -> Vec<R> {
    (0..panel.n_rows()).flat_map(|row| panel.row(row).to_vec()).collect()
}

/// Every column, pushed on to the end of the circuit, is the derivative computed by matrices.
#[test]
fn columns_are_the_derivatives_on_all_levels() {
    let mut s = Stream::new(5, 5, 5);
    for (n, count, n_samples) in [(2, 0, 4), (2, 3, 1), (3, 4, 8), (3, 7, 8), (4, 9, 3), (5, 6, 11)] {
        let layers = random_layers(n, count, &mut s);
        let first: Vec<Su2> = (0..n).map(|_| s.su2()).collect();
        let mut tangents = Vec::new();
        for q in 0..n {
            for pauli in [Pauli::X, Pauli::Y, Pauli::Z] {
                tangents.push(Tangent { place: Place::First, wire: q as u8, pauli });
            }
        }
        for (i, l) in layers.iter().enumerate() {
            for (wire, pauli) in [
                (l.control, Pauli::X),
                (l.control, Pauli::Y),
                (l.control, Pauli::Z),
                (l.target, Pauli::X),
                (l.target, Pauli::Y),
                (l.target, Pauli::Z),
            ] {
                if s.chance(0.7) {
                    tangents.push(Tangent { place: Place::Layer(i as u32), wire, pauli });
                }
            }
        }
        let haar = Matrix::haar(1 << n, &mut s);
        let x = Matrix::from_fn(1 << n, n_samples, |r, c| haar[(r, c % (1 << n))]);
        let target = Matrix::haar(1 << n, &mut s);
        let y = &target * &x;
        let phase = Complex64::cis(0.4);
        let (mut previous, mut previous_single): (Option<Vec<f64>>, Option<Vec<f32>>) = (None, None);
        for level in Level::available() {
            let mut plan = Plan::<f64>::default();
            plan.prepare(n, &layers, &tangents);
            let mut out = batch(&x);
            let (mut after_first, mut after_cx) = (vec![0.0; out.len()], vec![0.0; out.len() * count]);
            states::push_recorded(level, &first, &layers, &mut out, &mut after_first, &mut after_cx);
            let mut middle = out.clone();
            states::pull_back(level, n, &layers[plan.middle()..], &mut middle);
            let mut pulled_back = batch(&y);
            states::pull_back(level, n, &layers[plan.middle()..], &mut pulled_back);
            // Of another shape before: what it held must not matter.
            let mut panel = Panel::default();
            panel.reshape(n_samples * (4 << n), plan.n_columns() + 8);
            (0..panel.n_rows()).for_each(|row| panel.row_mut(row).fill(f64::NAN));
            let frame = Frame { middle: &middle, pulled_back: &pulled_back, phase };
            let batches = States { after_first: &after_first, after_cx: &after_cx, frame };
            plan.fill(level, &layers, batches, 0..n_samples, &mut panel);
            assert_eq!((panel.n_rows(), panel.n_columns()), (n_samples * (2 << n), plan.n_columns()));
            let single = single_panel(level, &layers, &tangents, batches, n_samples);
            for row in 0..panel.n_rows() {
                let mut columns = single.row(row)[..tangents.len() + 2].iter().zip(panel.row(row));
                assert!(columns.all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5), "n {n} on {}", level.name());
            }
            let single = numbers(&single);
            assert!(previous_single.as_ref().is_none_or(|p| *p == single), "{}", level.name());
            previous_single = Some(single);

            let column = |k: usize| {
                let mut m = Matrix::from_fn(1 << n, n_samples, |a, m| {
                    let row = (m * (1 << n) + a) * 2;
                    Complex64::new(panel.row(row)[k], panel.row(row + 1)[k])
                });
                layers[plan.middle()..].iter().for_each(|l| apply_layer(&mut m, l));
                m
            };
            let start = |x: &Matrix| {
                let mut v = x.clone();
                (0..n).for_each(|q| v.apply_gate(&first[q].matrix(), &[q]));
                v
            };
            for (k, t) in tangents.iter().enumerate() {
                let mut v = start(&x);
                if t.place == Place::First {
                    v.apply_gate(&i_pauli(t.pauli), &[t.wire as usize]);
                }
                for (i, l) in layers.iter().enumerate() {
                    v.apply_gate(&cx(), &[l.control as usize, l.target as usize]);
                    if t.place == Place::Layer(i as u32) {
                        v.apply_gate(&i_pauli(t.pauli), &[t.wire as usize]);
                    }
                    apply_gates(&mut v, l);
                }
                assert!(v.max_difference(&column(k)) < 1e-13, "n {n} tangent {t:?} on {}", level.name());
            }
            let mut v = start(&x);
            layers.iter().for_each(|l| apply_layer(&mut v, l));
            assert!(v.scaled(Complex64::I).max_difference(&column(plan.phase_column())) < 1e-13);
            let residual = Matrix::from_fn(1 << n, n_samples, |r, c| v[(r, c)] - phase * y[(r, c)]);
            assert!(residual.max_difference(&column(plan.phase_column() + 1)) < 1e-13);
            let overlap: Complex64 = v.as_slice().iter().zip(y.as_slice()).map(|(v, y)| y.conj() * v).sum();
            assert!((states::overlap(level, &batch(&y), &out) - overlap).norm() < 1e-12);
            let sum: f64 = residual.as_slice().iter().map(|r| r.norm_sqr()).sum();
            assert!((states::residual(level, &batch(&y), &out, phase) - sum).abs() < 1e-12);
            let used = numbers(&panel);
            assert!(used.iter().all(|x| x.is_finite()));
            if let Some(p) = &previous {
                assert!(p.iter().zip(&used).all(|(a, b)| a.to_bits() == b.to_bits()), "{} differs", level.name());
            }
            previous = Some(used);
        }
    }
}
