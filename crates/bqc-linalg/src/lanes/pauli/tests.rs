//! The Gram matrix and gradient in Pauli coordinates against those of the amplitudes.

use super::*;
use crate::Stream;
use crate::lanes::jacobian::{Pauli, Plan, States};
use crate::lanes::{AMPLITUDE_STRIDE, gram, states};

/// The whole Gram matrix of a panel.
fn gram_of(level: Level, panel: &Panel) -> Panel {
    let mut gram = Panel::default();
    gram.reshape(panel.n_columns(), panel.n_columns());
    gram::accumulate(level, panel, panel.n_columns(), &mut gram, true);
    gram
}

/// The columns that count, row after row.
fn numbers<R: Real>(panel: &Panel<R>) -> Vec<R> {
    (0..panel.n_rows()).flat_map(|row| panel.row(row).to_vec()).collect()
}

/// The Gram matrix and gradient of the exact problem, by amplitudes and by Pauli strings.
#[test]
fn agrees_with_the_amplitudes_on_all_levels() {
    let mut s = Stream::new(6, 6, 6);
    for (n, count) in [(2usize, 3usize), (3, 1), (3, 8), (3, 13), (4, 10)] {
        let layers: Vec<Layer> = (0..count)
            .map(|_| {
                let control = s.below(n) as u8;
                let target = ((control as usize + 1 + s.below(n - 1)) % n) as u8;
                Layer { control, target, on_control: s.su2(), on_target: s.su2() }
            })
            .collect();
        let first: Vec<Su2> = (0..n).map(|_| s.su2()).collect();
        let mut tangents = Vec::new();
        for wire in 0..n as u8 {
            for pauli in [Pauli::X, Pauli::Y, Pauli::Z] {
                tangents.push(Tangent { place: Place::First, wire, pauli });
            }
        }
        for (i, l) in layers.iter().enumerate() {
            for wire in [l.control, l.target] {
                for pauli in [Pauli::X, Pauli::Y, Pauli::Z] {
                    if s.chance(0.7) {
                        tangents.push(Tangent { place: Place::Layer(i as u32), wire, pauli });
                    }
                }
            }
        }
        let dim = 1usize << n;
        let mut inputs = AlignedBuffer::zeroed(batch_len(n, dim.div_ceil(LANES)));
        for m in 0..dim {
            inputs[batch_len(n, m / LANES) + m * AMPLITUDE_STRIDE + m % LANES] = 1.0;
        }
        let (mut previous, mut previous_single): (Option<Vec<f64>>, Option<Vec<f32>>) = (None, None);
        for level in Level::available() {
            let mut y = inputs.clone();
            let mut other = layers.clone();
            other.iter_mut().for_each(|l| l.on_target = l.on_target * Su2::ry(0.3));
            states::push(level, &first, &other, &mut y);
            let (mut out, mut after_first) = (inputs.clone(), inputs.clone());
            let mut after_cx = AlignedBuffer::zeroed(inputs.len() * count);
            states::push_recorded(level, &first, &layers, &mut out, &mut after_first, &mut after_cx);
            let overlap = states::overlap(level, &y, &out);
            let phase = overlap / overlap.norm();
            let mut middle = out.clone();
            states::pull_back(level, n, &layers[count / 2..], &mut middle);
            states::pull_back(level, n, &layers[count / 2..], &mut y);

            let mut plan = Plan::<f64>::default();
            plan.prepare(n, &layers, &tangents);
            let mut panel = Panel::default();
            let frame = Frame { middle: &middle, pulled_back: &y, phase };
            let batches = States { after_first: &after_first, after_cx: &after_cx, frame };
            plan.fill(level, &layers, batches, 0..dim, &mut panel);
            let expected = gram_of(level, &panel);

            let mut pauli = PauliPlan::<f64>::default();
            pauli.prepare(n, &layers, &tangents);
            pauli.fill(level, &layers, frame, &mut panel);
            let mut single = PauliPlan::<f32>::default();
            single.prepare(n, &layers, &tangents);
            let mut narrow = Panel::default();
            single.fill(level, &layers, frame, &mut narrow);
            for row in 0..panel.n_rows() {
                let mut columns = narrow.row(row)[..=tangents.len()].iter().zip(panel.row(row));
                assert!(columns.all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5), "n {n} on {}", level.name());
            }
            let narrow = numbers(&narrow);
            assert!(previous_single.as_ref().is_none_or(|p| *p == narrow), "{}", level.name());
            previous_single = Some(narrow);
            let gram = gram_of(level, &panel);
            let p = tangents.len();
            for i in 0..p {
                for j in i..p {
                    let e = expected.row(i)[j] / dim as f64;
                    assert!((gram.row(i)[j] - e).abs() < 1e-13, "n {n}: G[{i}][{j}]");
                }
                let e = expected.row(i)[p + 1] / dim as f64;
                assert!((gram.row(i)[p] - e).abs() < 1e-13, "n {n}: gradient {i}: {} {e}", gram.row(i)[p]);
            }
            let panel = numbers(&panel);
            if let Some(other) = &previous {
                assert!(other.iter().zip(&panel).all(|(a, b)| a.to_bits() == b.to_bits()), "{}", level.name());
            }
            previous = Some(panel);
        }
    }
}
