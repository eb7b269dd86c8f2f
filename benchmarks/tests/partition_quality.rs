//! Few, full blocks: compared with the counts of BQSKit's quick partitioner (see `records/`).

use bqc_benchmarks::generate::suite;
use bqc_benchmarks::speed::measure_partition;
use bqc_circuit::Lowered;
use std::collections::BTreeMap;

/// Per block size, the geometric mean over all circuits of blocks here by blocks there. Measured:
/// 0.935, 0.794, 0.694.
const MEAN_RATIO: [(usize, f64); 3] = [(3, 0.95), (4, 0.81), (5, 0.71)];

/// No single circuit may do worse than this. Measured: 1.07, on one random graph at block size 3.
const WORST_RATIO: f64 = 1.10;

fn peer() -> BTreeMap<(String, usize), usize> {
    let record = include_str!("../records/quick-partitioner-blocks.csv");
    let rows = record.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        ((cells[0].to_owned(), cells[1].parse().unwrap()), cells[2].parse().unwrap())
    });
    rows.collect()
}

#[test]
fn blocks_are_fewer_than_those_of_a_quick_partitioner() {
    let (peer, suite) = (peer(), suite());
    assert_eq!(peer.len(), MEAN_RATIO.len() * suite.len(), "a record for every circuit");
    for (block_size, limit) in MEAN_RATIO {
        let mut sum_of_logs = 0.0;
        for entry in &suite {
            let here = measure_partition(&Lowered::of(&entry.circuit), block_size).unwrap().n_blocks;
            let ratio = here as f64 / peer[&(entry.name.clone(), block_size)] as f64;
            assert!(ratio <= WORST_RATIO, "{} at {block_size}: {here} blocks, ratio {ratio:.2}", entry.name);
            sum_of_logs += ratio.ln();
        }
        let mean = (sum_of_logs / suite.len() as f64).exp();
        assert!(mean <= limit, "block size {block_size}: {mean:.3}");
    }
}
