//! The circuits of `circuits/`: textbook constructions, from 3 to more than 100 wires.
//!
//! Every circuit is a function of its parameters and, where angles or graphs are random, of a seed,
//! and the same on every machine.

pub mod algorithms;
pub mod arithmetic;
pub mod dynamics;
pub mod gates;
pub mod text;
pub mod variational;

use bqc_circuit::Circuit;
use dynamics::Chain;

/// A generated circuit and what there is to say of it.
pub struct Entry {
    /// File name without ending: the family, then `n` and the number of wires.
    pub name: String,
    /// What it is, with its parameters. No comma, no quote: it becomes a field of a table.
    pub construction: String,
    /// Where the construction is described.
    pub source: &'static str,
    /// The circuit.
    pub circuit: Circuit,
}

/// Seed of everything random among the committed circuits.
const SEED: u64 = 1;

/// All committed circuits, in the manifest's order.
pub fn suite() -> Vec<Entry> {
    [adders(), toffolis(), fourier(), searches(), chains(), variational()].into_iter().flatten().collect()
}

fn entry(family: &str, construction: String, source: &'static str, circuit: Circuit) -> Entry {
    Entry { name: format!("{family}_n{}", circuit.n_qubits()), construction, source, circuit }
}

fn adders() -> Vec<Entry> {
    let adder = |n_bits| {
        let what = format!("Cuccaro ripple-carry adder of two {n_bits}-bit numbers");
        entry("adder", what, "arXiv:quant-ph/0410184", arithmetic::cuccaro_adder(n_bits))
    };
    [1, 2, 4, 10, 31, 63].into_iter().map(adder).collect()
}

fn toffolis() -> Vec<Entry> {
    let clean = [2, 3, 5, 10, 52].into_iter().map(|n_controls| {
        let what = format!("X with {n_controls} controls and ancillas that are zero");
        entry("tof", what, "Nielsen and Chuang figure 4.10", arithmetic::toffoli_clean(n_controls))
    });
    let dirty = [3, 5, 10, 52].into_iter().map(|n_controls| {
        let what = format!("X with {n_controls} controls and ancillas in any state");
        entry("barenco_tof", what, "arXiv:quant-ph/9503016 lemma 7.2", arithmetic::toffoli_dirty(n_controls))
    });
    clean.chain(dirty).collect()
}

fn fourier() -> Vec<Entry> {
    let exact = [3, 5, 10, 16, 32].into_iter().map(|n| {
        let what = format!("quantum Fourier transform of {n} qubits");
        entry("qft", what, "Nielsen and Chuang section 5.1", algorithms::fourier_transform(n, n))
    });
    let approximate = [(64, 8), (128, 8)].into_iter().map(|(n, max_distance)| {
        let what = format!("approximate quantum Fourier transform of {n} qubits; phases down to pi/2^{max_distance}");
        entry("aqft", what, "arXiv:quant-ph/0201067", algorithms::fourier_transform(n, max_distance))
    });
    exact.chain(approximate).collect()
}

fn searches() -> Vec<Entry> {
    let search = |(n_bits, marked)| {
        let iterations = algorithms::grover_iterations(n_bits);
        let what = format!("Grover search for {marked} among {} states in {iterations} iterations", 1usize << n_bits);
        entry("grover", what, "arXiv:quant-ph/9605043", algorithms::grover(n_bits, marked))
    };
    [(3, 5), (4, 11), (5, 21), (6, 42), (8, 165)].into_iter().map(search).collect()
}

fn chains() -> Vec<Entry> {
    let chain = |(n, n_steps)| Chain { n, n_steps, dt: 0.1 };
    let what =
        |model: &str, c: Chain| format!("{model} chain of {} spins; Trotter steps of {}: {}", c.n, c.dt, c.n_steps);
    let ising = [(4, 10), (8, 10), (16, 5), (100, 3)].map(chain).map(|c| {
        let what = what("transverse-field Ising", c);
        entry("tfim", what, "Science 273 1073 (1996)", dynamics::ising(c, 1.0))
    });
    let heisenberg = [(4, 5), (8, 5), (16, 3), (50, 2), (104, 1)].map(chain).map(|c| {
        let what = what("Heisenberg", c);
        entry("heisenberg", what, "Science 273 1073 (1996)", dynamics::heisenberg(c, 1.0))
    });
    ising.into_iter().chain(heisenberg).collect()
}

fn variational() -> Vec<Entry> {
    let qaoa = [(6, 2), (10, 2), (20, 2), (100, 1)].map(|(n, n_layers)| {
        let what = format!("QAOA with p = {n_layers} for MaxCut on a random 3-regular graph of {n} vertices");
        entry("qaoa", what, "arXiv:1411.4028", variational::qaoa(n, 3, n_layers, SEED))
    });
    let vqe = [(4, 3), (8, 4), (12, 4), (50, 3)].map(|(n, n_layers)| {
        let what = format!("hardware-efficient VQE ansatz of {n_layers} layers with random angles");
        entry("vqe", what, "arXiv:1704.05018", variational::hardware_efficient(n, n_layers, SEED))
    });
    let volume = [4, 5, 8, 12, 20].map(|n| {
        let what = format!("quantum volume with {n} layers of general two-qubit unitaries");
        entry("qv", what, "arXiv:1811.12926", variational::quantum_volume(n, SEED))
    });
    qaoa.into_iter().chain(vqe).chain(volume).collect()
}
