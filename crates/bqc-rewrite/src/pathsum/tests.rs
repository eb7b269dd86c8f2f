//! The walk against the verifier: whatever it has done, the circuit is the one that it began with, over all columns.

use super::{Cycle, Settings, Walk, WalkGate, WalkState};
use bqc_circuit::{BlockCircuit, BlockQubit, LoweredGate};
use bqc_linalg::Stream;
use bqc_verify::block_distance;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

/// Rounding of some thousand gates.
const TOL: f64 = 1e-10;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    CliffordT,
    Toffolis,
    Generic,
}

const KINDS: [Kind; 3] = [Kind::CliffordT, Kind::Toffolis, Kind::Generic];

fn wire(index: usize) -> BlockQubit {
    <BlockQubit as bqc_circuit::Wire>::at(index)
}

fn empty(width: usize) -> BlockCircuit {
    BlockCircuit::new(width.try_into().unwrap())
}

fn h(circuit: &mut BlockCircuit, q: usize) {
    circuit.push_u3(wire(q), [FRAC_PI_2, 0.0, PI]);
}

fn rz(circuit: &mut BlockCircuit, q: usize, angle: f64) {
    circuit.push_u3(wire(q), [0.0, 0.0, angle]);
}

fn cx(circuit: &mut BlockCircuit, c: usize, t: usize) {
    circuit.push_cx(wire(c), wire(t));
}

fn toffoli(circuit: &mut BlockCircuit, [a, b, t]: [usize; 3]) {
    h(circuit, t);
    for (c, angle) in [(b, -FRAC_PI_4), (a, FRAC_PI_4), (b, -FRAC_PI_4), (a, FRAC_PI_4)] {
        cx(circuit, c, t);
        rz(circuit, t, angle);
    }
    rz(circuit, b, FRAC_PI_4);
    cx(circuit, a, b);
    rz(circuit, b, -FRAC_PI_4);
    cx(circuit, a, b);
    rz(circuit, a, FRAC_PI_4);
    h(circuit, t);
}

fn random(kind: Kind, width: usize, n_gates: usize, stream: &mut Stream) -> BlockCircuit {
    let mut circuit = empty(width);
    let mut wires: Vec<usize> = (0..width).collect();
    while circuit.gates.len() < n_gates {
        stream.shuffle(&mut wires);
        let eighths = stream.below(8) as f64 * FRAC_PI_4;
        match (kind, stream.below(4)) {
            (Kind::Toffolis, 0..2) if width > 2 => toffoli(&mut circuit, [wires[0], wires[1], wires[2]]),
            (_, 0..2) => cx(&mut circuit, wires[0], wires[1]),
            (Kind::Generic, 2) => {
                circuit.push_u3(wire(wires[0]), [stream.gaussian(), stream.gaussian(), stream.gaussian()]);
            }
            (_, 2) => rz(&mut circuit, wires[0], eighths),
            _ if stream.chance(0.3) => circuit.push_u3(wire(wires[0]), [PI, 0.0, PI]),
            _ => h(&mut circuit, wires[0]),
        }
    }
    circuit
}

/// Cycles that try one kind of move, or all of them.
fn cycles() -> [Cycle; 6] {
    let none =
        Cycle { hot: 0.6, cold: 0.2, slack: 4, source_share: 0, hadamard_share: 0, gauge_share: 0, split_share: 0 };
    [
        none,
        Cycle { source_share: 256, ..none },
        Cycle { hadamard_share: 128, ..none },
        Cycle { source_share: 256, gauge_share: 256, ..none },
        Cycle { split_share: 128, ..none },
        Cycle { source_share: 60, hadamard_share: 40, gauge_share: 100, split_share: 50, ..none },
    ]
}

/// Walks, and compares where the walk stands and its best circuit with the input after every bout.
fn assert_walk_keeps(circuit: &BlockCircuit, cycle: Cycle, seed: u64, n_proposals: u64) {
    let settings = Settings { n_cycles: 3, cycles: vec![cycle] };
    let Some(mut walk) = Walk::new(circuit, settings, seed) else {
        return assert!(circuit.n_cx() < 2);
    };
    let n_bouts = 6;
    let mut n_cx = circuit.n_cx();
    for bout in 0..=n_bouts {
        let n = if bout == 0 { 0 } else { n_proposals / n_bouts };
        walk.run(n, bout as f64 / n_bouts as f64);
        assert_eq!(walk.fault(), None, "bout {bout} seed {seed} {cycle:?}");
        for result in [walk.now(), walk.best()] {
            let distance = block_distance(circuit, &result).unwrap();
            assert!(distance < TOL, "bout {bout} seed {seed}: {distance} {cycle:?}");
        }
        assert_eq!(walk.best().n_cx(), walk.n_cx());
        assert!(walk.n_cx() <= n_cx);
        n_cx = walk.n_cx();
    }
}

#[test]
fn every_kind_of_move_keeps_the_circuit() {
    let mut stream = Stream::new(0, 12, 2);
    for kind in KINDS {
        for cycle in cycles() {
            for seed in 0..12 {
                let width = 2 + stream.below(5);
                let circuit = random(kind, width, 20 + stream.below(80), &mut stream);
                assert_walk_keeps(&circuit, cycle, seed, 6000);
            }
        }
    }
}

#[test]
fn long_walks_on_eight_wires_keep_the_circuit() {
    let mut stream = Stream::new(0, 12, 3);
    for kind in KINDS {
        let circuit = random(kind, 8, 250, &mut stream);
        for cycle in [cycles()[5], Cycle::PARITIES, Cycle::TOFFOLIS] {
            assert_walk_keeps(&circuit, cycle, 1, 300_000);
        }
    }
}

#[test]
fn controlled_signs_between_crowded_hadamards_keep_the_circuit() {
    // Hot, on two or three wires and nearly all Hadamards: edits of one move stand next to each other.
    let cycle = Cycle { hot: 4.0, cold: 2.0, slack: 8, gauge_share: 256, ..cycles()[0] };
    let mut stream = Stream::new(0, 12, 7);
    for seed in 0..60 {
        let width = 2 + seed as usize % 2;
        let mut circuit = empty(width);
        for _ in 0..6 {
            for q in 0..width {
                h(&mut circuit, q);
                rz(&mut circuit, q, stream.below(8) as f64 * FRAC_PI_4);
            }
            let c = stream.below(width);
            cx(&mut circuit, c, (c + 1) % width);
        }
        assert_walk_keeps(&circuit, cycle, seed, 6000);
    }
}

#[test]
fn multiples_of_an_eighth_of_a_turn_stay_such() {
    let mut stream = Stream::new(0, 12, 4);
    for kind in [Kind::CliffordT, Kind::Toffolis] {
        let circuit = random(kind, 5, 120, &mut stream);
        let mut walk = Walk::new(&circuit, Settings::default(), 0).unwrap();
        walk.run(50_000, 0.4);
        for gate in walk.best().gates {
            if let LoweredGate::One { angles, .. } = gate {
                assert!(angles.iter().all(|angle| (angle / FRAC_PI_4).fract() == 0.0), "{angles:?}");
            }
        }
    }
}

#[test]
fn a_seed_decides() {
    let circuit = random(Kind::Toffolis, 6, 150, &mut Stream::new(0, 12, 5));
    let walk = |seed: u64, bouts: &[u64]| {
        let mut walk = Walk::new(&circuit, Settings::default(), seed).unwrap();
        bouts.iter().for_each(|&n| walk.run(n, 0.1));
        (walk.now(), walk.best())
    };
    assert_eq!(walk(1, &[40_000]), walk(1, &[15_000, 25_000]));
    assert_ne!(walk(1, &[40_000]), walk(2, &[40_000]));
}

#[test]
fn small_circuits_are_not_walked_and_strange_ones_refused() {
    let walk = |circuit: &BlockCircuit| Walk::new(circuit, Settings::default(), 0);
    let mut circuit = empty(2);
    assert!(walk(&circuit).is_none() && walk(&empty(1)).is_none() && walk(&empty(0)).is_none());
    h(&mut circuit, 0);
    cx(&mut circuit, 0, 1);
    assert!(walk(&circuit).is_none());
    cx(&mut circuit, 0, 1);
    assert!(walk(&circuit).is_some());
    let mut wrong = circuit.clone();
    wrong.gates.push(LoweredGate::cx(wire(0), wire(2)));
    assert!(walk(&wrong).is_none());
    rz(&mut circuit, 0, f64::NAN);
    assert!(walk(&circuit).is_none());
    let no_cycle = Settings { cycles: vec![], ..Settings::default() };
    assert!(Walk::new(&random(Kind::CliffordT, 3, 20, &mut Stream::new(0, 0, 0)), no_cycle, 0).is_none());
}

#[test]
fn networks_of_cx_shrink_to_what_is_known() {
    // Three CX swap; a swap and its inverse are nothing.
    let mut circuit = empty(3);
    for (c, t) in [(0, 1), (1, 0), (0, 1), (1, 2), (1, 2), (1, 0), (0, 1), (1, 0)] {
        cx(&mut circuit, c, t);
    }
    let mut walk = Walk::new(&circuit, Settings::default(), 0).unwrap();
    (0..60).for_each(|k| walk.run(1000, k as f64 / 60.0));
    assert_eq!(walk.n_cx(), 0);
    assert!(walk.best().gates.is_empty());
}

#[test]
fn a_toffoli_and_its_inverse_vanish() {
    let mut circuit = empty(3);
    toffoli(&mut circuit, [0, 1, 2]);
    let inverse: Vec<_> = circuit.gates.iter().rev().map(inverse).collect();
    circuit.gates.extend(inverse);
    let mut walk = Walk::new(&circuit, Settings::default(), 3).unwrap();
    (0..100).for_each(|k| walk.run(2000, k as f64 / 100.0));
    assert_eq!(walk.n_cx(), 0);
    assert!(block_distance(&circuit, &walk.best()).unwrap() < TOL);
}

fn inverse(gate: &LoweredGate<BlockQubit>) -> LoweredGate<BlockQubit> {
    match *gate {
        LoweredGate::One { wire, angles: [theta, phi, lambda] } => LoweredGate::u3(wire, [-theta, -lambda, -phi]),
        cx => cx,
    }
}

#[test]
fn wires_beyond_the_bits_of_a_mask_are_told_apart() {
    // Wires 64 apart share a bit of the masks. The other wires stay idle or nearly so, and are left out to measure.
    let busy = [0, 1, 3, 64, 65, 67];
    let small = random(Kind::CliffordT, busy.len(), 80, &mut Stream::new(0, 12, 6));
    let mut circuit = empty(68);
    circuit.gates.extend(small.on(&busy.map(wire)));
    let mut walk = Walk::new(&circuit, Settings { cycles: vec![cycles()[5]], ..Settings::default() }, 0).unwrap();
    for k in 0..20 {
        walk.run(2000, k as f64 / 20.0);
        assert_eq!(walk.fault(), None);
        let found = walk.best();
        let mut used: Vec<_> = busy.map(wire).to_vec();
        for &wire in found.gates.iter().flat_map(|gate| gate.wires()) {
            if !used.contains(&wire) {
                used.push(wire);
            }
        }
        let narrow = |circuit: &BlockCircuit| {
            let mut narrow = empty(used.len());
            let place = |w: BlockQubit| wire(used.iter().position(|&u| u == w).unwrap());
            narrow.gates.extend(circuit.gates.iter().map(|gate| gate.map(place)));
            narrow
        };
        assert!(block_distance(&narrow(&circuit), &narrow(&found)).unwrap() < TOL);
    }
    assert!(walk.n_cx() < circuit.n_cx());
}

#[test]
fn a_walk_goes_on_from_any_proposal_to_the_same_result() {
    let mut stream = Stream::new(0, 12, 21);
    for (k, kind) in KINDS.into_iter().cycle().take(24).enumerate() {
        let width = 2 + stream.below(6);
        let circuit = random(kind, width, 30 + stream.below(150), &mut stream);
        let settings = match k % 3 {
            0 => Settings::default(),
            _ => Settings { n_cycles: 3, cycles: cycles()[3..].to_vec() },
        };
        let Some(mut walk) = Walk::new(&circuit, settings.clone(), k as u64) else { continue };
        let mut other = Walk::new(&circuit, settings.clone(), k as u64).unwrap();
        for bout in 0..40 {
            let (n, progress) = (stream.below(400) as u64, f64::from(bout) / 40.0);
            walk.run(n, progress);
            other.run(n, progress);
            let state = other.state();
            other = Walk::resume(&circuit, settings.clone(), k as u64, &state).unwrap();
            assert_eq!(other.fault(), None, "walk {k}, bout {bout}");
            assert!(other.state() == state && walk.state() == state, "walk {k}, bout {bout}");
            assert_eq!((other.now(), other.best()), (walk.now(), walk.best()));
        }
    }
}

#[test]
fn what_is_no_state_of_the_walk_is_refused() {
    let circuit = random(Kind::Toffolis, 5, 120, &mut Stream::new(0, 12, 22));
    let mut walk = Walk::new(&circuit, Settings::default(), 3).unwrap();
    walk.run(5000, 0.4);
    let forged = |change: &dyn Fn(&mut WalkState)| {
        let mut state = walk.state();
        change(&mut state);
        Walk::resume(&circuit, Settings::default(), 3, &state).is_none()
    };
    assert!(!forged(&|_| {}));
    // Another seed has other labels, so rotations have no wire.
    assert!(Walk::resume(&circuit, Settings::default(), 4, &walk.state()).is_none());
    let cx = |control, target| WalkGate::Cx { control, target };
    let set = |s: &mut WalkState, gate| s.now.gates[0].1 = gate;
    assert!(forged(&|s| set(s, cx(0, 0))));
    assert!(forged(&|s| set(s, cx(0, 5))));
    assert!(forged(&|s| set(s, WalkGate::Hadamard { wire: 5, number: 0, out: 1, is_signed: false })));
    let hadamard = |s: &WalkState, number| {
        let is_it = |(_, gate): &&(u32, WalkGate)| matches!(gate, WalkGate::Hadamard { number: n, .. } if *n == number);
        s.now.gates.iter().position(|gate| is_it(&gate)).unwrap()
    };
    assert!(forged(&|s| {
        let [a, b] = [0, 1].map(|number| hadamard(s, number));
        s.now.gates[a].1 = s.now.gates[b].1;
    }));
    assert!(forged(&|s| s.now.gates.swap(0, 1)));
    assert!(forged(&|s| s.now.gates.truncate(1)));
    assert!(forged(&|s| s.best.gates.clear()));
    assert!(forged(&|s| s.now.n_places = 3));
    assert!(forged(&|s| s.now.n_places = u32::MAX));
    assert!(forged(&|s| s.now.n_places = s.now.gates.last().unwrap().0));
    assert!(forged(&|s| s.now.input_signs.truncate(1)));
    assert!(forged(&|s| s.best.output_flips.push(true)));
    assert!(forged(&|s| s.now.rotations[0].0 ^= 1));
    assert!(forged(&|s| s.now.rotations[0] = s.now.rotations[1]));
    assert!(forged(&|s| s.now.rotations[0].1 = 8));
    assert!(forged(&|s| s.now.rotations[0].2 = f64::NAN));
    assert!(forged(&|s| s.least += 1));
    assert!(forged(&|s| s.least = u64::MAX));
    assert!(forged(&|s| s.most_hadamards = u64::MAX));
    assert!(forged(&|s| s.most_hadamards = 0));
    assert!(forged(&|s| s.n_rotations = u64::MAX));
    assert!(forged(&|s| s.cycle = 6));
}
