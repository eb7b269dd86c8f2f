//! What holds for every template, target and start: costs fall, distances are true, values are unitary,
//! and the CX form is the same circuit.

use bqc_circuit::BlockQubit;
use bqc_instantiate::cx_form::cx_form;
use bqc_instantiate::qfactor::{SweepSettings, Sweeper};
use bqc_instantiate::samples::Sampler;
use bqc_instantiate::{Target, Template, reference};
use bqc_linalg::lanes::Level;
use bqc_linalg::{Matrix, Stream, phase_distance};
use proptest::prelude::*;

/// Any gates on any wires, some free and some not.
fn template(n: u8, n_gates: usize, s: &mut Stream) -> Template {
    let mut t = Template::new(n).unwrap();
    for _ in 0..n_gates {
        let a = BlockQubit(s.below(n.into()) as u16);
        let b = BlockQubit((a.0 + 1 + s.below((usize::from(n) - 1).max(1)) as u16) % u16::from(n));
        match s.below(if n == 1 { 2 } else { 7 }) {
            0 | 5 => t.push_free_one(a).unwrap(),
            1 => t.push_constant(&[a], &s.su2().matrix()).unwrap(),
            2 => t.push_constant(&[a, b], &Matrix::haar(4, s)).unwrap(),
            3 => t.push_cx(a, b).unwrap(),
            _ => t.push_free_two(a, b).unwrap(),
        }
    }
    t
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn costs_fall_distances_are_true_and_values_are_unitary(
        seed in any::<u64>(), n in 1u8..6, n_gates in 0usize..14, n_samples in 1usize..40, beta in 0.0f64..0.5,
    ) {
        let s = &mut Stream::new(seed, 0, 0);
        let t = template(n, n_gates, s);
        let unitary = Matrix::haar(1 << n, s);
        let target = Target::from_matrix(&unitary).unwrap();
        let level = Level::detect();
        let set = Sampler::new(n, seed, 1).draw(level, &target, n_samples);
        let mut sweeper = Sweeper::new(level, &t, &t.random_values(s), &set.training);
        let mut last = sweeper.cost();
        for _ in 0..20 {
            let cost = sweeper.sweep(&set.training, &SweepSettings { beta });
            prop_assert!((0.0..=1.0 + 1e-12).contains(&cost));
            prop_assert!(cost <= last + 1e-12, "{cost} after {last}");
            last = cost;
        }
        let values = sweeper.values();
        prop_assert_eq!(t.check_values(&values), Ok(()));
        let dense = phase_distance(&reference::unitary(&t, &values), &unitary);
        let distance = target.phase_distance(level, &t.ops(&values));
        prop_assert!((distance - dense).abs() < 1e-13);
        if set.is_exact() {
            prop_assert!((distance * distance - last).abs() < 1e-12);
        }
    }

    #[test]
    fn the_cx_form_is_the_same_circuit(seed in any::<u64>(), n in 2u8..6, n_gates in 0usize..14) {
        let s = &mut Stream::new(seed, 0, 1);
        let t = template(n, n_gates, s);
        let values = t.random_values(s);
        let form = cx_form(&t, &values).unwrap();
        let unitary = reference::unitary(&t, &values);
        prop_assert!(phase_distance(&form.to_block().unitary(), &unitary) < 1e-12);
    }
}
