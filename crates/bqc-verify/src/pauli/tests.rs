//! Pauli evidence against all columns: a bound is never below the distance, and equal circuits are found equal.

use super::*;
use crate::block_distance;
use crate::test_support::rewritten;
use bqc_circuit::{BlockCircuit, BlockQubit};
use bqc_linalg::Stream;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

fn bound(a: &BlockCircuit, b: &BlockCircuit) -> Option<f64> {
    distance_bound(&a.gates, &b.gates, 1e-11)
}

/// Gates as circuits have them: Cliffords, T, rotations by any angle, generic `u3`.
pub(crate) fn random(width: u16, n_gates: usize, s: &mut Stream) -> BlockCircuit {
    let mut block = BlockCircuit::new(width);
    for _ in 0..n_gates {
        let a = BlockQubit(s.below(width.into()) as u16);
        let b = BlockQubit((a.0 + 1 + s.below((usize::from(width) - 1).max(1)) as u16) % width);
        match s.below(8) {
            0..=2 if a != b => block.push_cx(a, b),
            3 => block.push_u3(a, [FRAC_PI_2, 0.0, PI]),
            4 => block.push_u3(a, [0.0, 0.0, FRAC_PI_4 * s.below(8) as f64]),
            5 => block.push_u3(a, [0.0, 0.0, s.uniform() * 6.0 - 3.0]),
            6 => block.push_u3(a, [s.uniform() * 6.0 - 3.0, -FRAC_PI_2, FRAC_PI_2]),
            _ => block.push_u3(a, [s.uniform() * 12.0 - 6.0, s.uniform() * 12.0 - 6.0, FRAC_PI_2]),
        }
    }
    block
}

/// `exp(−i angle/2 P)` for a random Pauli, by a ladder of CX in a random order; `is_up` chooses its root.
fn push_rotation(block: &mut BlockCircuit, pauli: &[(BlockQubit, u64)], angle: f64, s: &mut Stream) {
    let mut wires = pauli.to_vec();
    s.shuffle(&mut wires);
    let into = |block: &mut BlockCircuit, is_back: bool| {
        for &(wire, letter) in &wires {
            match letter {
                0 => block.push_u3(wire, [FRAC_PI_2, 0.0, PI]),
                1 => block.push_u3(
                    wire,
                    if is_back { [-FRAC_PI_2, -FRAC_PI_2, FRAC_PI_2] } else { [FRAC_PI_2, -FRAC_PI_2, FRAC_PI_2] },
                ),
                _ => {}
            }
        }
    };
    into(block, false);
    let root = wires[0].0;
    let (ladder, star) = (wires.windows(2), s.chance(0.5));
    let pairs: Vec<_> = match star {
        true => wires[1..].iter().map(|w| (w.0, root)).collect(),
        false => ladder.rev().map(|w| (w[1].0, w[0].0)).collect(),
    };
    pairs.iter().for_each(|&(c, t)| block.push_cx(c, t));
    block.push_u3(root, [0.0, 0.0, angle]);
    pairs.iter().rev().for_each(|&(c, t)| block.push_cx(c, t));
    into(block, true);
}

fn random_pauli(width: u16, s: &mut Stream) -> Vec<(BlockQubit, u64)> {
    let mut wires: Vec<BlockQubit> = (0..width).map(BlockQubit).collect();
    s.shuffle(&mut wires);
    let weight = 1 + s.below(usize::from(width).min(6));
    wires[..weight].iter().map(|&wire| (wire, s.below(3) as u64)).collect()
}

fn commute(a: &[(BlockQubit, u64)], b: &[(BlockQubit, u64)]) -> bool {
    let n = a.iter().filter(|(wire, x)| b.iter().any(|(other, y)| wire == other && x != y)).count();
    n % 2 == 0
}

/// Two circuits of the same rotations: in the second, those that commute change places, angles are cut in two, and
/// CX ladders are others.
pub(crate) fn shuffled_pair(width: u16, n: usize, s: &mut Stream) -> (BlockCircuit, BlockCircuit) {
    let choices = [FRAC_PI_4, 3.0 * FRAC_PI_4, 0.3, -1.1, 1e-6];
    let rotations: Vec<_> = (0..n)
        .map(|_| (random_pauli(width, s), if s.chance(0.3) { s.uniform() * 6.0 } else { choices[s.below(5)] }))
        .collect();
    let mut first = BlockCircuit::new(width);
    rotations.iter().for_each(|(pauli, angle)| push_rotation(&mut first, pauli, *angle, s));
    let mut others: Vec<_> = rotations
        .iter()
        .flat_map(|(pauli, angle)| {
            let part = if s.chance(0.3) { 0.25 } else { 0.0 };
            [(pauli.clone(), angle * part), (pauli.clone(), angle * (1.0 - part))]
        })
        .collect();
    for _ in 0..4 * others.len() {
        let at = s.below(others.len() - 1);
        if commute(&others[at].0, &others[at + 1].0) {
            others.swap(at, at + 1);
        }
    }
    let mut second = BlockCircuit::new(width);
    others.iter().for_each(|(pauli, angle)| push_rotation(&mut second, pauli, *angle, s));
    (first, second)
}

/// The same circuit, which begins and ends with nothing in common: what is left out as common would not be tested.
pub(crate) fn with_other_ends(block: &BlockCircuit) -> BlockCircuit {
    let mut other = BlockCircuit::new(block.width());
    let nothing: Vec<_> = (0..block.width())
        .flat_map(|wire| [0.3, -0.3].map(|angle| LoweredGate::u3(BlockQubit(wire), [0.0, 0.0, angle])))
        .collect();
    other.gates.extend(nothing.iter().chain(&block.gates).chain(&nothing));
    other
}

/// One change that is none of the circuit's own: a dropped gate, swapped wires, a flipped sign, another angle.
pub(crate) fn planted(block: &BlockCircuit, s: &mut Stream) -> BlockCircuit {
    let mut wrong = block.clone();
    let at = s.below(wrong.gates.len());
    let other = BlockQubit((wrong.gates[at].wires()[0].0 + 1) % block.width());
    match (&mut wrong.gates[at], s.below(4)) {
        (_, 0) => _ = wrong.gates.remove(at),
        (LoweredGate::Two { wires, .. }, _) => wires.swap(0, 1),
        (LoweredGate::One { wire, .. }, 1) => *wire = other,
        (LoweredGate::One { angles, .. }, 2) => angles[2] = -angles[2],
        (LoweredGate::One { angles, .. }, _) => angles[s.below(3)] += [1e-3, FRAC_PI_2, PI][s.below(3)],
    }
    wrong
}

/// Kinds of evidence against all columns on up to so many wires: equal circuits are proved, and no bound is below the
/// distance.
pub(crate) fn check_bounds(most_wires: usize, bound: impl Fn(&BlockCircuit, &BlockCircuit) -> Option<f64>) {
    let (mut n_equal, mut n_proved, mut n_wrong) = (0, 0, 0);
    for seed in 0..3000 {
        let mut s = Stream::new(seed, 12, 0);
        let width = 1 + s.below(most_wires) as u16;
        let n = 2 + s.below(30);
        let (a, b) = match seed % 2 {
            0 => shuffled_pair(width, n.min(8), &mut s),
            _ => {
                let a = random(width, n, &mut s);
                (a.clone(), with_other_ends(&a))
            }
        };
        let distance = block_distance(&a, &b).unwrap();
        assert!(distance < 1e-12, "{seed}: {distance:e}");
        n_equal += 1;
        n_proved += usize::from(bound(&a, &b).is_some_and(|bound| bound < 1e-13));
        for _ in 0..3 {
            let wrong = planted(&b, &mut s);
            let distance = block_distance(&a, &wrong).unwrap();
            if let Some(bound) = bound(&a, &wrong) {
                assert!(bound >= distance - 1e-14, "{seed}: {bound:e} is below {distance:e}");
            }
            n_wrong += usize::from(distance > 1e-9);
        }
    }
    assert_eq!(n_proved, n_equal);
    assert!(n_wrong > 6000, "{n_wrong}");
}

/// A small gate, which `put_in` puts into an empty circuit of five wires before all others, is bounded at its size.
pub(crate) fn check_small_differences(
    bound: impl Fn(&BlockCircuit, &BlockCircuit) -> Option<f64>,
    put_in: impl Fn(&mut BlockCircuit, f64, &mut Stream),
) {
    let mut s = Stream::new(1, 12, 1);
    for exponent in 3..12 {
        let error = 10f64.powi(-exponent);
        let (a, rest) = shuffled_pair(5, 12, &mut s);
        let mut b = BlockCircuit::new(5);
        put_in(&mut b, error, &mut s);
        b.gates.extend(rest.gates);
        let (bound, distance) = (bound(&a, &b).unwrap(), block_distance(&a, &b).unwrap());
        assert!(bound >= distance - 1e-14 && bound < 1.01 * distance + 1e-13, "{bound:e} {distance:e}");
    }
}

#[test]
fn bounds_are_never_below_the_distance() {
    check_bounds(5, bound);
}

#[test]
fn small_differences_are_bounded_at_their_size() {
    // At the beginning, where it blocks nothing: it is the last that could cancel.
    check_small_differences(bound, |block, error, s| {
        let pauli = random_pauli(5, s);
        push_rotation(block, &pauli, error, s);
    });
}

#[test]
fn every_clifford_is_its_own_inverse_behind_itself_and_nothing_else() {
    // All products of up to three of these on two wires: the frame tells them apart exactly as matrices do.
    let kinds: Vec<Vec<LoweredGate<BlockQubit>>> = (0..2u16)
        .flat_map(|q| {
            let (a, b) = (BlockQubit(q), BlockQubit(1 - q));
            let u3 = |angles| vec![LoweredGate::u3(a, angles)];
            [
                vec![LoweredGate::cx(a, b)],
                u3([FRAC_PI_2, 0.0, PI]),
                u3([0.0, 0.0, FRAC_PI_2]),
                u3([0.0, 0.0, PI]),
                u3([FRAC_PI_2, -FRAC_PI_2, FRAC_PI_2]),
                u3([PI, 0.0, PI]),
                u3([FRAC_PI_2, 0.0, 0.0]),
            ]
        })
        .collect();
    let words: Vec<BlockCircuit> = (0..kinds.len().pow(2))
        .map(|k| {
            let mut block = BlockCircuit::new(2);
            block.gates.extend(kinds[k % kinds.len()].iter().chain(&kinds[k / kinds.len()]));
            block
        })
        .collect();
    for a in &words {
        for b in &words {
            let is_same = block_distance(a, b).unwrap() < 1e-12;
            assert_eq!(bound(a, b).is_some_and(|bound| bound < 1e-14), is_same, "{a:?} {b:?}");
        }
    }
}

#[test]
fn wide_circuits_are_proved_and_a_planted_change_is_not() {
    for (width, n) in [(64, 200), (65, 200), (121, 1500), (300, 300)] {
        let mut s = Stream::new(2, width.into(), 2);
        let (a, b) = shuffled_pair(width, n, &mut s);
        let found = bound(&a, &b).unwrap();
        // The rounding of quarter turns to doubles.
        assert!(found < 1e-11, "{width}: {found:e}");
        for _ in 0..20 {
            let wrong = planted(&b, &mut s);
            assert!(wrong == b || bound(&a, &wrong).is_none_or(|bound| bound > 1e-10) || is_same_rotation(&b, &wrong));
        }
    }
}

/// A planted change that changes nothing: a flipped sign of a half turn or of zero.
fn is_same_rotation(a: &BlockCircuit, b: &BlockCircuit) -> bool {
    let changed = a.gates.iter().zip(&b.gates).filter(|(x, y)| x != y);
    a.gates.len() == b.gates.len()
        && changed.into_iter().all(|(x, y)| x.wires() == y.wires() && (x.matrix().max_difference(&y.matrix()) < 1e-15))
}

#[test]
fn what_is_no_number_proves_nothing() {
    let a = random(3, 20, &mut Stream::new(3, 12, 3));
    for bad in [f64::NAN, f64::INFINITY, 1e9] {
        let mut b = a.clone();
        b.push_u3(BlockQubit(0), [0.0, bad, 0.0]);
        assert_eq!((bound(&a, &b), bound(&b, &b)), (None, None));
    }
    assert_eq!(bound(&BlockCircuit::new(5), &BlockCircuit::new(5)), Some(0.0));
}

#[test]
fn disjoint_parts_and_long_commuting_runs_stay_cheap() {
    // Two halves one after the other, and ten thousand commuting rotations: quadratic work would take minutes.
    let mut s = Stream::new(4, 12, 4);
    let mut a = BlockCircuit::new(120);
    for half in [0, 60] {
        for _ in 0..100_000 {
            let wire = |s: &mut Stream| BlockQubit(half + s.below(60) as u16);
            let (c, t) = (wire(&mut s), wire(&mut s));
            match s.below(3) {
                0 if c != t => a.push_cx(c, t),
                1 => a.push_u3(c, [FRAC_PI_2, 0.0, PI]),
                _ => a.push_u3(c, [0.0, 0.0, FRAC_PI_4]),
            }
        }
    }
    for _ in 0..10_000 {
        let mut wires = [0; 2].map(|_| BlockQubit(s.below(120) as u16));
        if wires[0] == wires[1] {
            wires[1].0 = (wires[0].0 + 1) % 120;
        }
        a.push_cx(wires[0], wires[1]);
        a.push_u3(wires[1], [0.0, 0.0, s.uniform()]);
        a.push_cx(wires[0], wires[1]);
    }
    assert!(bound(&a, &with_other_ends(&a)).unwrap() < 1e-10);
}

#[test]
fn products_of_one_qubit_gates_are_seen() {
    for seed in 0..600 {
        let mut s = Stream::new(seed, 12, 6);
        let width = 1 + s.below(6) as u16;
        let n = 1 + s.below(40);
        let a = if s.chance(0.5) { BlockCircuit::random(width, n, &mut s) } else { random(width, n, &mut s) };
        let b = rewritten(&a, &mut s);
        let found = bound(&a, &b);
        assert!(found.is_some_and(|bound| bound < 1e-11), "{seed}: {found:?}");
        let wrong = planted(&b, &mut s);
        let distance = block_distance(&a, &wrong).unwrap();
        assert!(bound(&a, &wrong).is_none_or(|bound| bound >= distance - 1e-14), "{seed}: {distance:e}");
    }
    let mut s = Stream::new(0, 12, 7);
    let a = BlockCircuit::random(150, 3000, &mut s);
    let b = rewritten(&a, &mut s);
    assert!(bound(&a, &b).unwrap() < 1e-10);
    assert!(bound(&a, &planted(&b, &mut s)).is_none_or(|bound| bound > 1e-10));
}

#[test]
fn angles_that_a_pass_has_rounded_away_count_and_block_nothing() {
    let mut s = Stream::new(7, 0, 0);
    let (mut whole, mut rounded) = (BlockCircuit::new(12), BlockCircuit::new(12));
    for i in 0..400 {
        let wires: Vec<_> = (0..3).map(|k| (BlockQubit((i + 4 * k) % 12), s.below(3) as u64)).collect();
        // Every fourth rotation is one that rounding would not make, and anticommutes with many others.
        let is_small = i % 4 == 0;
        let angle = if is_small { 5e-14 } else { s.uniform() * 6.0 - 3.0 };
        let mut copy = s.clone();
        push_rotation(&mut whole, &wires, angle, &mut s);
        push_rotation(&mut rounded, &wires, if is_small { 0.0 } else { angle }, &mut copy);
    }
    let found = bound(&whole, &rounded).unwrap();
    // A hundred rotations of a quarter of 5e-14, times the root of two.
    assert!((1e-13..1e-11).contains(&found), "{found:e}");
    assert!(bound(&whole, &whole).unwrap() < 1e-20);
}

/// Rotations by multiples of π/8 or of π/4, some of which commute and change places in the second circuit, where each
/// is cut in two.
fn shuffled_multiples(width: u16, n: usize, s: &mut Stream) -> (BlockCircuit, BlockCircuit) {
    let step = if s.chance(0.5) { FRAC_PI_4 } else { FRAC_PI_4 / 2.0 };
    let mut rotations: Vec<_> = (0..n).map(|_| (random_pauli(width, s), s.below(16) as f64)).collect();
    let [mut first, mut second] = [BlockCircuit::new(width), BlockCircuit::new(width)];
    rotations.iter().for_each(|(pauli, k)| push_rotation(&mut first, pauli, k * step, s));
    for _ in 0..4 * n {
        let at = s.below(n - 1);
        if commute(&rotations[at].0, &rotations[at + 1].0) {
            rotations.swap(at, at + 1);
        }
    }
    for (pauli, k) in &rotations {
        let part = s.below(16) as f64;
        push_rotation(&mut second, pauli, (k - part) * step, s);
        push_rotation(&mut second, pauli, part * step, s);
    }
    (first, second)
}

#[test]
fn equal_circuits_of_multiples_are_proved_without_any_rounding() {
    for seed in 0..200 {
        let mut s = Stream::new(seed, 12, 21);
        let width = 2 + s.below(4) as u16;
        let (a, b) = shuffled_multiples(width, 2 + s.below(30), &mut s);
        assert!(block_distance(&a, &b).unwrap() < 1e-12, "{seed}");
        assert_eq!(exact_bound(&a.gates, &b.gates), Some(0.0), "{seed}");
        // Another T gate or another CX somewhere is never called equal.
        let mut other = b.clone();
        let at = s.below(other.gates.len());
        match s.below(3) {
            0 => other.push_u3(BlockQubit(0), [0.0, 0.0, FRAC_PI_4]),
            1 => other.gates.insert(at, LoweredGate::u3(BlockQubit(1), [0.0, 0.0, PI / f64::from(1 << 23)])),
            _ => other.gates.insert(at, LoweredGate::cx(BlockQubit(0), BlockQubit(1))),
        }
        assert_ne!(exact_bound(&a.gates, &other.gates), Some(0.0), "{seed}");
    }
}

#[test]
fn what_is_nearly_a_multiple_is_none() {
    let mut s = Stream::new(3, 12, 22);
    for error in [1e-13, 1e-12, 1e-9, 1e-3] {
        let (a, b) = shuffled_multiples(4, 20, &mut s);
        let mut other = b.clone();
        let mut angles = other.gates.iter_mut().filter_map(|gate| match gate {
            LoweredGate::One { angles: [theta, _, lambda], .. } if *theta == 0.0 && *lambda != 0.0 => Some(lambda),
            _ => None,
        });
        *angles.next().expect("there are rotations") += error;
        let found = exact_bound(&a.gates, &other.gates);
        assert!(found.is_none_or(|bound| bound > error / 10.0), "{error:e}: {found:?}");
    }
}

#[test]
fn other_angles_keep_their_rounding_in_a_proof_by_algebra() {
    let mut s = Stream::new(5, 12, 23);
    for _ in 0..50 {
        let (a, b) = shuffled_pair(4, 20, &mut s);
        let found = exact_bound(&a.gates, &b.gates).unwrap();
        assert!(found > 0.0 && found < 1e-13, "{found:e}");
        assert!(block_distance(&a, &b).unwrap() <= found + 1e-13);
    }
}
