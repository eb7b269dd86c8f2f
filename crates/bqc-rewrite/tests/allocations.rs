//! A step of the path-sum walk allocates nothing, once its buffers have their size.

use allocation_counter::measure;
use bqc_circuit::{BlockCircuit, BlockQubit};
use bqc_linalg::Stream;
use bqc_rewrite::pathsum::{Settings, Walk};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

#[test]
fn a_walk_allocates_nothing_between_gains() {
    let mut stream = Stream::new(0, 12, 8);
    let mut circuit = BlockCircuit::new(8);
    let mut wires = [0, 1, 2, 3, 4, 5, 6, 7].map(BlockQubit);
    for _ in 0..200 {
        stream.shuffle(&mut wires);
        circuit.push_cx(wires[0], wires[1]);
        circuit.push_u3(wires[1], [0.0, 0.0, stream.below(8) as f64 * FRAC_PI_4]);
        if stream.chance(0.2) {
            circuit.push_u3(wires[2], [FRAC_PI_2, 0.0, PI]);
        }
    }
    let mut walk = Walk::new(&circuit, Settings::default(), 0).unwrap();
    // The second cycle tries every kind of move.
    let progress = 0.3;
    walk.run(400_000, progress);
    let mut n_quiet = 0;
    for _ in 0..20 {
        let n_cx = walk.n_cx();
        let allocations = measure(|| walk.run(10_000, progress));
        if walk.n_cx() == n_cx {
            assert_eq!(allocations.count_total, 0);
            n_quiet += 1;
        }
    }
    assert!(n_quiet > 0);
}
