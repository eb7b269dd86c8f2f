//! Path sums against all columns: a bound is never below the distance, and equal circuits are found equal.

use super::*;
use crate::block::{Evidence, VerifiedBlock};
use crate::block_distance;
use crate::pauli::tests::{check_bounds, check_small_differences, planted, random, shuffled_pair, with_other_ends};
use crate::test_support::rewritten;
use bqc_circuit::{BlockCircuit, BlockQubit};
use bqc_linalg::Stream;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

fn bound(a: &BlockCircuit, b: &BlockCircuit) -> Option<f64> {
    distance_bound(&a.gates, &b.gates, 1e-11, Effort::THOROUGH)
}

fn by_paulis(a: &BlockCircuit, b: &BlockCircuit) -> Option<f64> {
    crate::pauli::distance_bound(&a.gates, &b.gates, 1e-11)
}

fn push_phase(block: &mut BlockCircuit, wire: u16, radians: f64) {
    block.push_u3(BlockQubit(wire), [0.0, 0.0, radians]);
}

fn push_cx(block: &mut BlockCircuit, control: u16, target: u16) {
    block.push_cx(BlockQubit(control), BlockQubit(target));
}

fn push_h(block: &mut BlockCircuit, wire: u16) {
    block.push_u3(BlockQubit(wire), [FRAC_PI_2, 0.0, PI]);
}

/// A Toffoli gate of seven T.
fn push_toffoli(block: &mut BlockCircuit, [a, b, c]: [u16; 3]) {
    push_h(block, c);
    for (control, turns) in [(b, -1.0), (a, 1.0), (b, -1.0), (a, 1.0)] {
        push_cx(block, control, c);
        push_phase(block, c, turns * FRAC_PI_4);
    }
    push_phase(block, b, FRAC_PI_4);
    push_cx(block, a, b);
    push_phase(block, a, FRAC_PI_4);
    push_phase(block, b, -FRAC_PI_4);
    push_cx(block, a, b);
    push_h(block, c);
}

/// A Toffoli gate, and the same by way of a helper in any state: into it and from there to the target, twice.
pub(crate) fn product_around_a_helper(width: u16) -> [BlockCircuit; 2] {
    let [mut direct, mut around] = [(); 2].map(|()| BlockCircuit::new(width));
    push_toffoli(&mut direct, [0, 1, 3]);
    for _ in 0..2 {
        push_toffoli(&mut around, [0, 1, 2]);
        push_cx(&mut around, 2, 3);
    }
    [direct, around]
}

/// The product of the controls added to the target, by Toffoli gates over wires in any state: `helpers` are as many as
/// the controls but two, and come back as they were.
fn push_toffoli_of_many(block: &mut BlockCircuit, controls: &[u16], helpers: &[u16], target: u16) {
    let n = controls.len();
    let at = |i: usize| [controls[i + 1], if i == 0 { controls[0] } else { helpers[i - 1] }];
    let into = |i: usize| if i == n - 2 { target } else { helpers[i] };
    let up_and_down = |block: &mut BlockCircuit, top: usize| {
        let steps = (0..top).rev().chain(1..top);
        steps.for_each(|i| push_toffoli(block, [at(i)[0], at(i)[1], into(i)]));
    };
    up_and_down(block, n - 1);
    // The helpers once more, without the target.
    up_and_down(block, n - 2);
}

#[test]
fn bounds_are_never_below_the_distance() {
    check_bounds(8, bound);
}

/// Clifford and T gates alone on few wires: many pairs are equal, or nearly, for reasons of their own.
#[test]
fn no_two_unequal_circuits_of_t_gates_are_proved() {
    let mut n = [0; 4];
    let mut s = Stream::new(8, 12, 8);
    let word = |s: &mut Stream, width: u16, length: usize| {
        let mut block = BlockCircuit::new(width);
        for _ in 0..length {
            let a = s.below(width.into()) as u16;
            match s.below(4) {
                0 => push_h(&mut block, a),
                1 => push_phase(&mut block, a, FRAC_PI_4 * s.below(8) as f64),
                _ if width > 1 => push_cx(&mut block, a, (a + 1 + s.below(usize::from(width) - 1) as u16) % width),
                _ => push_h(&mut block, a),
            }
        }
        block
    };
    for _ in 0..6000 {
        let (width, length) = (1 + s.below(3) as u16, 1 + s.below(6));
        let (a, b) = (word(&mut s, width, length), word(&mut s, width, length));
        let is_same = block_distance(&a, &b).unwrap() < 1e-12;
        let is_proved = bound(&a, &b).is_some_and(|bound| bound < 1e-9);
        n[2 * usize::from(is_same) + usize::from(is_proved)] += 1;
    }
    let [_, n_wrong, n_missed, n_found] = n;
    assert_eq!((n_wrong, n_missed), (0, 0), "{n:?}");
    assert!(n_found > 300, "{n:?}");
}

#[test]
fn small_differences_are_bounded_at_their_size() {
    check_small_differences(bound, |block, error, s| push_phase(block, s.below(5) as u16, error));
}

/// What Pauli forms do not know: three T gates and more that cancel, and that Toffoli gates compute products.
#[test]
fn sums_prove_what_pauli_forms_do_not() {
    let mut pairs = Vec::new();
    let [direct, around] = product_around_a_helper(4);
    pairs.push((direct, around));
    // One T on every sum of five bits is the identity (the 16 of them with the first bit).
    let mut all = BlockCircuit::new(5);
    for set in 0..16u32 {
        let others: Vec<u16> = (0..4u16).filter(|bit| set >> bit & 1 == 1).collect();
        others.iter().for_each(|bit| push_cx(&mut all, *bit, 4));
        push_phase(&mut all, 4, FRAC_PI_4);
        others.iter().for_each(|bit| push_cx(&mut all, *bit, 4));
    }
    pairs.push((all, BlockCircuit::new(5)));
    // Three and four controls, with one pair of them or another first.
    for (controls, helpers) in [([0, 1, 2].as_slice(), [3].as_slice()), (&[0, 1, 2, 3], &[4, 5])] {
        let width = (controls.len() + helpers.len() + 1) as u16;
        let [a, b] = [false, true].map(|is_reversed| {
            let mut block = BlockCircuit::new(width);
            let mut controls = controls.to_vec();
            if is_reversed {
                controls.reverse();
            }
            push_toffoli_of_many(&mut block, &controls, helpers, width - 1);
            block
        });
        pairs.push((a, b));
    }
    for (i, (a, b)) in pairs.iter().enumerate() {
        assert!(block_distance(a, b).unwrap() < 1e-13, "pair {i}");
        assert_eq!(by_paulis(a, b).filter(|bound| *bound < 1e-9), None, "pair {i}");
        assert!(bound(a, b).is_some_and(|bound| bound < 1e-12), "pair {i}: {:?}", bound(a, b));
        let mut s = Stream::new(i as u64, 12, 9);
        for _ in 0..100 {
            let wrong = planted(if s.chance(0.5) && !b.gates.is_empty() { b } else { a }, &mut s);
            let bounds = [(a, bound(a, &wrong)), (b, bound(b, &wrong))];
            for (other, bound) in bounds {
                let distance = block_distance(other, &wrong).unwrap();
                assert!(bound.is_none_or(|bound| bound >= distance - 1e-14), "pair {i}");
            }
        }
    }
}

#[test]
fn a_wide_block_is_verified_by_a_path_sum() {
    let width = 24;
    let controls: Vec<u16> = (0..12).collect();
    let helpers: Vec<u16> = (12..22).collect();
    let [a, b] = [controls.clone(), controls.into_iter().rev().collect()].map(|controls| {
        let mut block = BlockCircuit::new(width);
        push_toffoli_of_many(&mut block, &controls, &helpers, 22);
        block
    });
    let verified = VerifiedBlock::check(&a, b.clone(), 1e-10).unwrap();
    assert_eq!(verified.evidence(), Evidence::PathSums);
    let mut s = Stream::new(0, 12, 10);
    for _ in 0..20 {
        let wrong = planted(&b, &mut s);
        // Some planted changes change nothing, which Pauli forms see.
        let is_same = by_paulis(&b, &wrong).is_some_and(|bound| bound < 1e-10);
        assert!(is_same || VerifiedBlock::check(&a, wrong, 1e-10).is_err());
    }
}

#[test]
fn wide_circuits_are_proved_and_a_planted_change_is_not() {
    for (width, n) in [(10, 100), (20, 60), (30, 100)] {
        let mut s = Stream::new(2, width.into(), 2);
        let pair = shuffled_pair(width, n, &mut s);
        let a = random(width, 10 * n, &mut s);
        let ends = (a.clone(), with_other_ends(&a));
        let mut t = Stream::new(n as u64, 12, 11);
        let mut of_cliffords = BlockCircuit::new(width);
        for _ in 0..20 * n {
            let [x, y] = [0; 2].map(|_| t.below(width.into()) as u16);
            match t.below(3) {
                0 if x != y => push_cx(&mut of_cliffords, x, y),
                1 => push_h(&mut of_cliffords, x),
                _ => push_phase(&mut of_cliffords, x, FRAC_PI_2 * t.below(4) as f64),
            }
        }
        let turned = with_other_ends(&of_cliffords);
        for (a, b) in [pair, ends, (of_cliffords, turned)] {
            let found = bound(&a, &b);
            assert!(found.is_some_and(|bound| bound < 1e-11), "{width} {n}: {found:?}");
            for _ in 0..10 {
                let wrong = planted(&b, &mut s);
                // Some planted changes change nothing, which Pauli forms see.
                let is_same = by_paulis(&a, &wrong).is_some_and(|bound| bound < 1e-10);
                assert!(is_same || bound(&a, &wrong).is_none_or(|bound| bound > 1e-10), "{width} {n}");
            }
        }
    }
}

#[test]
fn what_is_no_number_or_too_much_proves_nothing() {
    let a = random(3, 20, &mut Stream::new(3, 12, 3));
    for bad in [f64::NAN, f64::INFINITY, 1e9] {
        let mut b = a.clone();
        push_phase(&mut b, 0, bad);
        assert_eq!((bound(&a, &b), bound(&b, &a)), (None, None));
    }
    assert_eq!(bound(&BlockCircuit::new(5), &BlockCircuit::new(5)), Some(0.0));
    let nothing = Effort { per_gate: 1, limits: [10, 10] };
    assert_eq!(distance_bound(&a.gates, &with_other_ends(&a).gates, 1e-11, nothing), None);
    // Products of generic gates are for Pauli forms.
    let mut s = Stream::new(5, 12, 5);
    for _ in 0..200 {
        let a = BlockCircuit::random(4, 12, &mut s);
        let b = rewritten(&a, &mut s);
        let wrong = planted(&b, &mut s);
        let distance = block_distance(&a, &wrong).unwrap();
        assert!(bound(&a, &wrong).is_none_or(|bound| bound >= distance - 1e-14));
    }
}
