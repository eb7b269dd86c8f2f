//! Pauli block search: blocks of a circuit are synthesised again and again, at random, and what is not worse stays.
//!
//! A move takes a block of 2 to 12 wires and up to 42 CX, extracts its Pauli rotations and its Clifford, merges, and
//! synthesises greedily with random parameters from a random end. Acceptance is Metropolis' on what the circuit costs: its
//! CX, and a price for each transposition of its outputs. One-wire Cliffords and exchanges of wires that a block leaves
//! go into frames, and through these into the gates after it as they are reached: a sweep takes one block after the
//! other from the start of the circuit to its end, so that time is linear in the gates however many there are.
//!
//! Every move is exact. Angles stay sums of the input's angles.

use super::cut::{Cut, Size};
use super::frame::{Frame, identity_frames};
use super::op::{Op, PauliCircuit, n_pairs};
use super::permutation::{Cycles, write_permutation};
use super::resynthesis::{Blocks, MOST_TURNS};
use super::write::write_with_exchanges;
use crate::Outputs;
use bqc_circuit::BlockCircuit;
use bqc_linalg::Stream;

/// Purpose of the stream that draws all of a search.
const SEARCH: u64 = 0x0050_4155_4c49;

/// Settings of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockSettings {
    /// Most wires of a block, at least 2, at most [`BlockSettings::MOST_WIRES`]. A sweep draws its own limit from 2 on.
    pub n_wires: usize,
    /// Most CX of a block, at least 3. A sweep draws its own limit from 3 on.
    pub n_cx: usize,
    /// What a transposition of the outputs costs in CX.
    pub transposition: f64,
    /// The temperature, as a function of progress.
    pub cooling: Cooling,
    /// Where the outputs may be. Transpositions cost nothing if anywhere.
    pub outputs: Outputs,
}

impl BlockSettings {
    /// Widest block.
    pub const MOST_WIRES: usize = 16;

    /// With every number in its range.
    pub(super) fn in_range(self) -> BlockSettings {
        let n_wires = self.n_wires.clamp(2, BlockSettings::MOST_WIRES);
        // A price that is not a number is none, and an infinite one would make sums of nothing.
        let transposition = self.transposition.clamp(0.0, 1e6).max(0.0);
        BlockSettings { n_wires, n_cx: self.n_cx.max(3), transposition, ..self }
    }
}

impl Default for BlockSettings {
    /// Blocks of 2 to 12 wires and 3 to 42 CX, a price of 0.5, cooled from 0.7.
    fn default() -> BlockSettings {
        BlockSettings {
            n_wires: 12,
            n_cx: 42,
            transposition: 0.5,
            cooling: Cooling::default(),
            outputs: Outputs::default(),
        }
    }
}

/// How the temperature falls: zero for the first tenth, then from `peak` to zero along a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cooling {
    /// In CX. Chemistry does best with 0.7, arithmetic with 0.3; zero is a plateau walk.
    pub peak: f64,
}

impl Default for Cooling {
    fn default() -> Cooling {
        Cooling { peak: 0.7 }
    }
}

impl Cooling {
    /// The temperature in CX at a progress from 0 to 1.
    pub fn temperature(&self, progress: f64) -> f64 {
        /// The search goes downhill first: heat before that is wasted on an input that is far from any minimum.
        const COLD_START: f64 = 0.1;
        if progress < COLD_START { 0.0 } else { self.peak * (1.0 - progress).max(0.0) }
    }
}

/// A search that goes on for as long as it is asked to. Deterministic for its input, settings, seed and calls.
pub struct BlockSearch {
    pub(super) settings: BlockSettings,
    pub(super) stream: Stream,
    /// The circuit: gates of this sweep's blocks, then frames, then gates still to come, then the ends of its outputs.
    pub(super) done: Vec<Op>,
    pub(super) frames: Vec<Frame>,
    pub(super) coming: Vec<Op>,
    pub(super) next: usize,
    pub(super) ends: Vec<Frame>,
    pub(super) n_pairs: usize,
    pub(super) n_transpositions: usize,
    pub(super) n_syntheses: u64,
    pub(super) size: Size,
    pub(super) cut: Cut,
    pub(super) cycles: Cycles,
    pub(super) blocks: Blocks,
    /// With its outputs on their wires, unless these are free.
    pub(super) best: PauliCircuit,
    pub(super) empty: BlockCircuit,
}

impl BlockSearch {
    /// A search that begins with a circuit. None if the circuit is not well-formed or an angle is not finite.
    pub fn new(circuit: &BlockCircuit, settings: BlockSettings, seed: u64) -> Option<BlockSearch> {
        let read = PauliCircuit::read_for(settings.outputs, circuit)?;
        let n = read.n_wires();
        let settings = settings.in_range();
        let mut search = BlockSearch {
            stream: Stream::new(seed, 0, SEARCH),
            done: Vec::with_capacity(read.ops.len()),
            frames: identity_frames(n).collect(),
            coming: read.ops.clone(),
            next: 0,
            ends: read.frames.clone(),
            n_pairs: read.n_pairs(),
            n_transpositions: 0,
            n_syntheses: 0,
            size: Size { n_wires: 2, n_pairs: 3, n_turns: MOST_TURNS },
            cut: Cut::new(n),
            cycles: Cycles::default(),
            blocks: Blocks::new(settings.n_wires),
            settings,
            best: read,
            empty: BlockCircuit::new(circuit.width()),
        };
        search.draw_size();
        Some(search)
    }

    /// Makes `n_moves` moves at the temperature of `progress`, from 0 to 1. The caller decides about time: some ten
    /// microseconds a move.
    pub fn run(&mut self, n_moves: u64, progress: f64) {
        let temperature = self.settings.cooling.temperature(progress);
        for _ in 0..n_moves {
            if self.next == self.coming.len() {
                self.end_sweep();
            }
            if self.coming.is_empty() {
                return;
            }
            self.step(temperature);
        }
    }

    /// CX of the best circuit so far, with the permutation of its outputs written out if these are not free.
    pub fn n_cx(&self) -> usize {
        self.best.n_pairs()
    }

    /// The best circuit so far, with the permutation of its outputs written out: as exchanges at its end if these are
    /// free.
    pub fn best(&self) -> BlockCircuit {
        write_with_exchanges(&self.best, self.empty.clone())
    }

    /// How many blocks have been synthesised: moves, less those whose block has less than two CX.
    pub fn n_syntheses(&self) -> u64 {
        self.n_syntheses
    }

    /// Draws how large the blocks of a sweep are.
    fn draw_size(&mut self) {
        let most_wires = self.settings.n_wires.min(self.ends.len()).max(2);
        self.size.n_wires = 2 + self.stream.below(most_wires - 1);
        self.size.n_pairs = 3 + self.stream.below(self.settings.n_cx - 2);
    }

    /// Begins again at the start of the circuit.
    fn end_sweep(&mut self) {
        for end in &mut self.ends {
            *end = end.after(&self.frames[end.wire as usize]);
        }
        for (wire, frame) in self.frames.iter_mut().enumerate() {
            *frame = Frame::identity(wire as u32);
        }
        std::mem::swap(&mut self.done, &mut self.coming);
        self.done.clear();
        self.next = 0;
        if self.n_pairs + self.n_transpositions < self.best.n_pairs() {
            self.keep();
        }
        self.draw_size();
    }

    /// Keeps the circuit if it is the best with its permutation written out, or as it is if its outputs are free.
    fn keep(&mut self) {
        let current = PauliCircuit { ops: self.coming.clone(), frames: self.ends.clone() };
        let written = match self.settings.outputs {
            Outputs::Kept => write_permutation(&current, &mut self.stream),
            Outputs::Free => current,
        };
        if written.n_pairs() < self.best.n_pairs() {
            self.best = written;
        }
    }

    /// One move.
    fn step(&mut self, temperature: f64) {
        let mut size = self.size;
        if self.next == 0 {
            // The first block of a sweep is of any size, so that the cuts of two sweeps differ.
            size.n_pairs = 1 + self.stream.below(size.n_pairs);
        }
        self.next = self.cut.take(&mut self.coming, self.next, size, &mut self.frames);
        if self.cut.n_pairs < 2 || !self.replace(temperature) {
            let wires = |wire: u32| self.frames[self.cut.wires[wire as usize] as usize].wire;
            self.done.extend(self.cut.ops.iter().map(|op| op.map(wires)));
        }
    }

    /// Synthesises the block that was cut, and puts the new one in its place if it is accepted.
    fn replace(&mut self, temperature: f64) -> bool {
        self.n_syntheses += 1;
        let old = self.cut.n_pairs;
        // Metropolis: a rise by h is accepted with the chance exp(−h/T).
        let slack = -temperature * (1.0 - self.stream.uniform()).ln();
        let price = self.settings.transposition;
        let room = old as f64 + slack + price * self.n_transpositions as f64;
        if self.blocks.synthesize(&self.cut, room as usize, &mut self.stream).is_none() {
            return false;
        }
        let new = n_pairs(&self.blocks.ops);
        let is_identity = self.blocks.frames.iter().enumerate().all(|(wire, frame)| frame.wire as usize == wire);
        let is_same = is_identity || self.settings.outputs == Outputs::Free;
        let n_transpositions = if is_same { self.n_transpositions } else { self.transpositions_with_fresh() };
        if new as f64 + price * n_transpositions as f64 > room {
            return false;
        }
        self.n_pairs = self.n_pairs + new - old;
        self.n_transpositions = n_transpositions;
        self.accept();
        true
    }

    /// The wire of the circuit that a wire of the block is on.
    fn wire_of(&self, local: usize) -> u32 {
        self.frames[self.cut.wires[local] as usize].wire
    }

    /// How many transpositions the outputs would be from their wires with the new block.
    fn transpositions_with_fresh(&mut self) -> usize {
        let mut cycles = std::mem::take(&mut self.cycles);
        let wires = self.ends.iter().map(|end| match self.cut.local(end.wire) {
            Some(local) => self.wire_of(self.blocks.frames[local].wire as usize),
            None => self.frames[end.wire as usize].wire,
        });
        let n_transpositions = cycles.set(wires);
        self.cycles = cycles;
        n_transpositions
    }

    /// Puts the new block in its place.
    fn accept(&mut self) {
        for op in &self.blocks.ops {
            self.done.push(op.map(|wire| self.wire_of(wire as usize)));
        }
        for frame in &mut self.blocks.frames {
            frame.wire = self.frames[self.cut.wires[frame.wire as usize] as usize].wire;
        }
        for (&wire, fresh) in self.cut.wires.iter().zip(&self.blocks.frames) {
            let frame = &mut self.frames[wire as usize];
            *frame = frame.after(fresh);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pauli::frame::pull;
    use crate::pauli::test_support::{inverse, random_block, random_clifford, random_clifford_t};
    use crate::pauli::write::write;
    use crate::pauli::{Greedy, synthesize};
    use bqc_verify::VerifiedBlock;

    #[test]
    fn many_moves_keep_the_unitary_and_lower_the_count() {
        let mut stream = Stream::new(0, 1, 14);
        let (mut n_before, mut n_after) = (0, 0);
        for n in 1..=8 {
            for kind in [random_block, random_clifford, random_clifford_t] {
                let block = kind(n, 60, &mut stream);
                let mut search = BlockSearch::new(&block, BlockSettings::default(), n as u64).unwrap();
                let mut again = BlockSearch::new(&block, BlockSettings::default(), n as u64).unwrap();
                let mut least = block.n_cx();
                for k in 0..10 {
                    search.run(100, 0.1 * k as f64);
                    again.run(50, 0.1 * k as f64);
                    again.run(50, 0.1 * k as f64);
                    assert!(search.n_cx() <= least);
                    least = search.n_cx();
                    // What is under way is the same circuit, too.
                    let best = search.best();
                    assert_eq!(best.n_cx(), least);
                    VerifiedBlock::check(&block, best, 1e-10).unwrap();
                }
                assert_eq!(search.best(), again.best(), "the same however the moves are divided");
                (n_before, n_after) = (n_before + block.n_cx(), n_after + least);
            }
        }
        assert!(n_after < n_before * 3 / 4, "{n_before} {n_after}");
    }

    #[test]
    fn free_outputs_cost_nothing_and_the_exchanges_bring_them_back() {
        let mut stream = Stream::new(0, 1, 19);
        let settings = BlockSettings { outputs: Outputs::Free, ..BlockSettings::default() };
        let mut n_saved = 0;
        for n in 2..=8 {
            for kind in [random_block, random_clifford, random_clifford_t] {
                let block = kind(n, 60, &mut stream);
                let [mut free, mut kept] = [&settings, &BlockSettings::default()]
                    .map(|settings| BlockSearch::new(&block, settings.clone(), 1).unwrap());
                (0..10).for_each(|k| free.run(100, 0.1 * f64::from(k)));
                (0..10).for_each(|k| kept.run(100, 0.1 * f64::from(k)));
                let best = free.best();
                assert_eq!(Outputs::Free.n_cx(&best), free.n_cx());
                VerifiedBlock::check(&block, best.clone(), 1e-10).unwrap();
                n_saved += kept.n_cx() as i64 - free.n_cx() as i64;
                // What was found is where another search begins.
                assert_eq!(BlockSearch::new(&best, settings.clone(), 2).unwrap().n_cx(), free.n_cx());
            }
        }
        assert!(n_saved > 10, "{n_saved}");
    }

    #[test]
    fn the_state_between_moves_is_the_circuit() {
        let mut stream = Stream::new(0, 1, 15);
        for n in [2, 4, 6] {
            let block = random_block(n, 50, &mut stream);
            let mut search = BlockSearch::new(&block, BlockSettings::default(), 3).unwrap();
            for _ in 0..60 {
                search.run(7, 0.5);
                let mut frames = search.frames.clone();
                let mut ops = search.done.clone();
                ops.extend(search.coming[search.next..].iter().map(|&op| pull(&mut frames, op)));
                let frames: Vec<Frame> = search.ends.iter().map(|end| end.after(&frames[end.wire as usize])).collect();
                let current = PauliCircuit { ops, frames };
                assert_eq!(current.n_pairs(), search.n_pairs);
                assert_eq!(super::super::permutation::n_transpositions(&current.frames), search.n_transpositions);
                let written = write(&write_permutation(&current, &mut stream), BlockCircuit::new(block.width()));
                VerifiedBlock::check(&block, written, 1e-10).unwrap();
            }
        }
    }

    #[test]
    fn empty_circuits_and_single_wires_are_left_alone() {
        for n in [1, 3] {
            let empty = BlockCircuit::new(n);
            let mut search = BlockSearch::new(&empty, BlockSettings::default(), 0).unwrap();
            search.run(10, 0.0);
            assert_eq!(search.best(), empty);
        }
    }

    #[test]
    fn wide_circuits_are_searched_as_well() {
        let mut stream = Stream::new(0, 1, 16);
        let compressible = [70, 200].map(|n| random_clifford_t(n, 12 * n, &mut stream));
        let generic = random_block(70, 420, &mut stream);
        for block in compressible.iter().chain([&generic]) {
            let mut search = BlockSearch::new(block, BlockSettings::default(), 1).unwrap();
            search.run(3000, 0.5);
            search.run(3000, 1.0);
            let best = search.best();
            assert!(best.n_cx() <= block.n_cx() && (best.n_cx() < block.n_cx() || *block == generic));
            // The search's result and the inverse of the block leave nothing.
            let mut both = best;
            both.gates.extend(inverse(block).gates);
            assert_eq!(synthesize(&both, &Greedy::default(), Some(0)).unwrap().gates, []);
        }
    }

    #[test]
    fn moves_allocate_nothing_once_buffers_have_grown() {
        let block = random_clifford_t(5, 100, &mut Stream::new(0, 1, 17));
        let mut search = BlockSearch::new(&block, BlockSettings::default(), 1).unwrap();
        search.run(40_000, 0.0);
        // Keeping a better circuit allocates; at the end of this search there is none.
        let n_cx = search.n_cx();
        let info = allocation_counter::measure(|| search.run(5_000, 0.0));
        assert_eq!((search.n_cx(), info.count_total), (n_cx, 0));
    }

    #[test]
    fn the_first_tenth_is_cold_and_the_end_as_well() {
        let cooling = Cooling { peak: 0.5 };
        assert_eq!([0.0, 0.05, 1.0].map(|progress| cooling.temperature(progress)), [0.0; 3]);
        assert_eq!(cooling.temperature(0.5), 0.25);
    }
}
