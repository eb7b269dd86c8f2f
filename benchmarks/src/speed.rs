//! How long the partitioner takes for a million gates, and how good its blocks are.

use bqc_circuit::{Circuit, Lowered, LoweredGate, Qubit, Step};
use bqc_linalg::Stream;
use bqc_partition::{Options, PartitionError, partition};
use std::time::{Duration, Instant};

/// What a million gates may take.
pub const PARTITION_GOAL: Duration = Duration::from_secs(2);

/// One measurement.
pub struct PartitionSpeed {
    /// Most wires of a block.
    pub block_size: usize,
    /// Operations of the circuit.
    pub n_operations: usize,
    /// CX gates of the circuit.
    pub n_cx: usize,
    /// Blocks with a CX.
    pub n_blocks: usize,
    /// Time of the call, without dropping its result.
    pub wall: Duration,
}

/// Cuts a lowered circuit once and takes the time.
pub fn measure_partition(circuit: &Lowered, block_size: usize) -> Result<PartitionSpeed, PartitionError> {
    let start = Instant::now();
    let partition = partition(circuit, &Options::new(block_size))?;
    let wall = start.elapsed();
    Ok(PartitionSpeed {
        block_size,
        n_operations: circuit.steps.len(),
        n_cx: partition.blocks().map(|b| b.circuit.n_cx()).sum(),
        n_blocks: partition.blocks().filter(|b| b.circuit.n_cx() > 0).count(),
        wall,
    })
}

/// A lowered circuit of `n_gates` on `n` wires, three in ten a CX. With a `reach`, a CX goes at most
/// so far along the wires; without one, anywhere.
pub fn random_circuit(n: u32, n_gates: usize, reach: Option<u32>, seed: u64) -> Lowered {
    let mut stream = Stream::new(seed, n as u64, 0);
    let mut circuit = Lowered::of(&Circuit::with_qubits(n));
    circuit.steps.reserve(n_gates);
    for _ in 0..n_gates {
        let first = stream.below(n as usize) as u32;
        if stream.chance(0.3) {
            let reach = reach.unwrap_or(n - 1).min(n - 1);
            let second = (first + 1 + stream.below(reach as usize) as u32) % n;
            circuit.steps.push(Step::Gate(LoweredGate::cx(Qubit(first), Qubit(second))));
        } else {
            let angles = [stream.uniform(), stream.uniform(), stream.uniform()];
            circuit.steps.push(Step::Gate(LoweredGate::u3(Qubit(first), angles)));
        }
    }
    circuit
}
