//! Circuits with free angles, here random ones: QAOA, hardware-efficient VQE, quantum volume.

use super::gates::{Builder, random_angle};
use bqc_circuit::Circuit;
use bqc_linalg::Stream;

/// Names the random stream of this file's circuits.
const PURPOSE: u64 = 0x67656e;

/// QAOA for MaxCut (Farhi, Goldstone, Gutmann, arXiv:1411.4028) on a random `degree`-regular graph
/// of `n` vertices: `n_layers` times `exp(−iγ ZZ)` on every edge and `exp(−iβ X)` on every vertex.
pub fn qaoa(n: usize, degree: usize, n_layers: usize, seed: u64) -> Circuit {
    let mut stream = Stream::new(seed, n as u64, PURPOSE);
    let edges = regular_graph(n, degree, &mut stream);
    let mut builder = Builder::new(n);
    (0..n).for_each(|q| builder.h(q));
    for _ in 0..n_layers {
        let (gamma, beta) = (random_angle(&mut stream), random_angle(&mut stream));
        edges.iter().for_each(|&(a, b)| builder.zz(gamma, a, b));
        (0..n).for_each(|q| builder.rx(beta, q));
    }
    builder.finish()
}

/// Edges `(a, b)` with `a < b`, sorted, of a graph in which every vertex has `degree` neighbours.
/// Half-edges are paired at random until there is neither a loop nor a double edge (the pairing
/// model: Bollobás, Random Graphs, section 2.4), which gives every such graph the same chance and
/// takes some `e^{(degree² − 1)/4}` attempts. Panics if `n · degree` is odd or `degree ≥ n`.
pub fn regular_graph(n: usize, degree: usize, stream: &mut Stream) -> Vec<(usize, usize)> {
    assert!((n * degree).is_multiple_of(2) && degree < n, "no {degree}-regular graph has {n} vertices");
    let mut halves: Vec<usize> = (0..n * degree).map(|half| half / degree).collect();
    loop {
        stream.shuffle(&mut halves);
        let mut edges: Vec<(usize, usize)> =
            halves.chunks_exact(2).map(|pair| (pair[0].min(pair[1]), pair[0].max(pair[1]))).collect();
        edges.sort_unstable();
        let is_simple = edges.iter().all(|(a, b)| a != b) && edges.windows(2).all(|pair| pair[0] != pair[1]);
        if is_simple {
            return edges;
        }
    }
}

/// The hardware-efficient ansatz (Kandala et al., arXiv:1704.05018) in its usual form: `n_layers`
/// times `ry` and `rz` on every wire and a ladder of `cx`, and rotations once more. Random angles.
pub fn hardware_efficient(n: usize, n_layers: usize, seed: u64) -> Circuit {
    let mut stream = Stream::new(seed, n as u64, PURPOSE + 1);
    let mut builder = Builder::new(n);
    let mut rotations = |builder: &mut Builder| {
        for q in 0..n {
            builder.ry(random_angle(&mut stream), q);
            builder.rz(random_angle(&mut stream), q);
        }
    };
    for _ in 0..n_layers {
        rotations(&mut builder);
        (1..n).for_each(|q| builder.cx(q - 1, q));
    }
    rotations(&mut builder);
    builder.finish()
}

/// A quantum-volume circuit (Cross et al., arXiv:1811.12926): `n` layers, each a random pairing of
/// the wires with a random two-qubit unitary on every pair. The unitary is the general one of three
/// `cx` (Vatan and Williams, arXiv:quant-ph/0308006, figure 6) with uniform angles, which reaches
/// every two-qubit unitary but is not the Haar measure that the protocol asks for.
pub fn quantum_volume(n: usize, seed: u64) -> Circuit {
    let mut stream = Stream::new(seed, n as u64, PURPOSE + 2);
    let mut builder = Builder::new(n);
    let mut wires: Vec<usize> = (0..n).collect();
    for _ in 0..n {
        stream.shuffle(&mut wires);
        for pair in wires.chunks_exact(2) {
            general_two_qubit(&mut builder, pair[0], pair[1], &mut stream);
        }
    }
    builder.finish()
}

fn general_two_qubit(builder: &mut Builder, a: usize, b: usize, stream: &mut Stream) {
    let one_qubit = |builder: &mut Builder, wire, stream: &mut Stream| {
        builder.u3([random_angle(stream), random_angle(stream), random_angle(stream)], wire);
    };
    one_qubit(builder, a, stream);
    one_qubit(builder, b, stream);
    builder.cx(b, a);
    builder.rz(random_angle(stream), a);
    builder.ry(random_angle(stream), b);
    builder.cx(a, b);
    builder.ry(random_angle(stream), b);
    builder.cx(b, a);
    one_qubit(builder, a, stream);
    one_qubit(builder, b, stream);
}
