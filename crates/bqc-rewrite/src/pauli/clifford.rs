//! The rest of a greedy synthesis: a Clifford without rotations, down to one frame for each output.
//!
//! Output i and wire w have a block: the two components, on w, of the images of X and Z of the output. A Clifford is a
//! permutation of wires and one-wire Cliffords if each output has one block, of rank two. Gates are chosen to lower the
//! sum of the logarithms of the sums of ranks, of each output and of each wire (in the manner of arXiv:2105.02291).
//! Where no gate lowers that, one output is finished by force.

use super::axis::{Axis, X, Z};
use super::choose::Pair;
use super::columns::each_slot;
use super::greedy::{Knobs, Prices};
use super::op::Op;
use super::window::Window;
use bqc_linalg::Stream;

/// What a block of rank one counts.
const RANK_ONE: usize = 2;
/// Ties are broken by random numbers of this size.
const TIE: f32 = 1e-5;
/// Noise on a sum of logarithms, for a noise of one.
const NOISE: f32 = 0.2;
/// A gate that lowers the sum by less than this does not help.
const LEAST_GAIN: f32 = 1e-3;

/// The blocks of all outputs on one wire, one bit for each output.
#[derive(Clone, Copy)]
struct Blocks<const M: usize> {
    /// X and Z components of the images of X, then of Z.
    parts: [[[u64; M]; 2]; 2],
}

/// Outputs with a block of rank one or two, and of rank two.
#[derive(Clone, Copy)]
struct Ranks<const M: usize> {
    any: [u64; M],
    two: [u64; M],
}

impl<const M: usize> Blocks<M> {
    fn ranks(&self) -> Ranks<M> {
        let [[xx, xz], [zx, zz]] = &self.parts;
        Ranks {
            any: std::array::from_fn(|m| xx[m] | xz[m] | zx[m] | zz[m]),
            two: std::array::from_fn(|m| (xx[m] & zz[m]) ^ (xz[m] & zx[m])),
        }
    }
}

/// What a pair gate makes of the blocks on its wires, signs aside.
fn conjugated<const M: usize>(a: &Blocks<M>, b: &Blocks<M>, p: Axis, q: Axis) -> [Blocks<M>; 2] {
    let ones = |axis: Axis, component: Axis| u64::from(axis & component != 0).wrapping_neg();
    let (mut first, mut second) = (*a, *b);
    for image in 0..2 {
        for m in 0..M {
            let differs = |blocks: &Blocks<M>, axis| {
                let [x, z] = [blocks.parts[image][0][m], blocks.parts[image][1][m]];
                (z & ones(axis, X)) ^ (x & ones(axis, Z))
            };
            let (of_a, of_b) = (differs(a, p), differs(b, q));
            second.parts[image][0][m] ^= of_a & ones(q, X);
            second.parts[image][1][m] ^= of_a & ones(q, Z);
            first.parts[image][0][m] ^= of_b & ones(p, X);
            first.parts[image][1][m] ^= of_b & ones(p, Z);
        }
    }
    [first, second]
}

impl<const M: usize> Ranks<M> {
    fn of(&self, output: usize) -> usize {
        let bit = |words: &[u64; M]| (words[output / 64] >> (output % 64) & 1) as usize;
        bit(&self.any) + bit(&self.two)
    }
}

/// Buffers of the search for a Clifford, for up to `64·M` wires.
pub(crate) struct Rest<const M: usize> {
    blocks: Vec<Blocks<M>>,
    /// What the blocks of an output count together, and those of a wire.
    of_outputs: Vec<usize>,
    of_wires: Vec<usize>,
    logarithms: Vec<f32>,
}

impl<const M: usize> Rest<M> {
    /// No wires.
    pub fn new() -> Rest<M> {
        Rest { blocks: Vec::new(), of_outputs: Vec::new(), of_wires: Vec::new(), logarithms: Vec::new() }
    }

    /// Brings every row of the window to one wire, and writes the gates out. None if that takes more than `limit`.
    pub fn synthesize<const L: usize>(
        &mut self,
        window: &mut Window<L>,
        prices: &Prices,
        knobs: Knobs,
        limit: usize,
        stream: &mut Stream,
        ops: &mut Vec<Op>,
    ) -> Option<()> {
        let values = [0, RANK_ONE, usize::from(knobs.rank_two)];
        self.read(window, values);
        let (mut n_gates, mut forced) = (0, None);
        while self.of_outputs.iter().any(|&size| size != values[2]) {
            if n_gates == limit {
                return None;
            }
            forced = forced.filter(|&output: &usize| self.of_outputs[output] != values[2]);
            let pair = match self.choose(values, knobs, forced, stream) {
                Some(pair) => pair,
                // No gate helps: the output that has least left is finished.
                None => {
                    let unfinished = (0..self.of_outputs.len()).filter(|&i| self.of_outputs[i] != values[2]);
                    forced = unfinished.min_by_key(|&i| self.of_outputs[i]);
                    self.choose(values, knobs, forced, stream)?
                }
            };
            self.apply(pair, values);
            window.apply(pair.wires, pair.axes, prices);
            ops.push(Op::Pair { wires: pair.wires.map(|wire| wire as u32), axes: pair.axes });
            n_gates += 1;
        }
        Some(())
    }

    /// Takes the rows from the window.
    fn read<const L: usize>(&mut self, window: &Window<L>, values: [usize; 3]) {
        let n = window.n_wires();
        self.blocks.clear();
        for column in &window.columns.wires {
            let part = |words: &[u64; L], image: usize| bits_from(words, window.first_row() + image * n, n);
            let parts = [0, 1].map(|image| [part(&column.x, image), part(&column.z, image)]);
            self.blocks.push(Blocks { parts });
        }
        self.of_outputs.clear();
        self.of_outputs.resize(n, 0);
        self.of_wires.clear();
        for blocks in &self.blocks {
            let ranks = blocks.ranks();
            let mut of_wire = 0;
            each_slot(&ranks.any, |output| {
                self.of_outputs[output] += values[ranks.of(output)];
                of_wire += values[ranks.of(output)];
            });
            self.of_wires.push(of_wire);
        }
        // One gate adds at most a block of rank two to a sum.
        let most = values[2] * (n + 2);
        for size in self.logarithms.len()..=most {
            self.logarithms.push((size.max(1) as f32).ln());
        }
    }

    /// The gate that lowers the sum most; none if none does. `forced`: the best of those that lower this output.
    fn choose(&self, values: [usize; 3], knobs: Knobs, forced: Option<usize>, stream: &mut Stream) -> Option<Pair> {
        let mut best = (if forced.is_some() { f32::MAX } else { -LEAST_GAIN }, None);
        let light = if knobs.every_output { [!0; M] } else { self.lightest(values) };
        for a in 0..self.blocks.len() {
            let ranks_a = self.blocks[a].ranks();
            if forced.is_some_and(|output| ranks_a.of(output) == 0) {
                continue;
            }
            for b in a + 1..self.blocks.len() {
                let before = [ranks_a, self.blocks[b].ranks()];
                let is_apart = (0..M).all(|m| before[0].any[m] & before[1].any[m] == 0);
                let is_heavy = (0..M).all(|m| before[0].any[m] & before[1].any[m] & light[m] == 0);
                if is_apart || is_heavy || forced.is_some_and(|output| before[1].of(output) == 0) {
                    continue;
                }
                let mut bits = stream.bits();
                for (p, q) in (1..4).flat_map(|p| (1..4).map(move |q| (p, q))) {
                    let random = (bits & 127) as f32 / 128.0;
                    bits >>= 7;
                    let after = conjugated(&self.blocks[a], &self.blocks[b], p, q).map(|blocks| blocks.ranks());
                    let size = |ranks: &[Ranks<M>; 2], output| ranks[0].of(output) + ranks[1].of(output);
                    if forced.is_some_and(|output| size(&after, output) >= size(&before, output)) {
                        continue;
                    }
                    let cost = self.cost([a, b], &before, &after, values) + (TIE + NOISE * knobs.noise) * random;
                    if cost < best.0 {
                        best = (cost, Some(Pair { wires: [a, b], axes: [p, q] }));
                    }
                }
            }
        }
        best.1
    }

    /// The unfinished outputs that have least left.
    fn lightest(&self, values: [usize; 3]) -> [u64; M] {
        let (mut least, mut light) = (usize::MAX, [0; M]);
        for (output, &size) in self.of_outputs.iter().enumerate() {
            if size == values[2] || size > least {
                continue;
            }
            if size < least {
                (least, light) = (size, [0; M]);
            }
            super::columns::insert(&mut light, output);
        }
        light
    }

    /// By how much the sum of logarithms grows.
    #[inline]
    fn cost(&self, wires: [usize; 2], before: &[Ranks<M>; 2], after: &[Ranks<M>; 2], values: [usize; 3]) -> f32 {
        let logarithm = |size: usize| self.logarithms[size];
        let (mut cost, mut sizes) = (0.0, wires.map(|wire| self.of_wires[wire]));
        for m in 0..M {
            let differs =
                |side: usize| (before[side].any[m] ^ after[side].any[m]) | (before[side].two[m] ^ after[side].two[m]);
            super::columns::each_bit(differs(0) | differs(1), |bit| {
                let output = 64 * m + bit;
                let value = |ranks: &Ranks<M>| values[ranks.of(output)];
                let (mut less, mut more) = (0, 0);
                for side in 0..2 {
                    let (was, is) = (value(&before[side]), value(&after[side]));
                    sizes[side] = sizes[side] + is - was;
                    less += was;
                    more += is;
                }
                cost += logarithm(self.of_outputs[output] + more - less) - logarithm(self.of_outputs[output]);
            });
        }
        for side in 0..2 {
            cost += logarithm(sizes[side]) - logarithm(self.of_wires[wires[side]]);
        }
        cost
    }

    fn apply(&mut self, Pair { wires: [a, b], axes: [p, q] }: Pair, values: [usize; 3]) {
        let after = conjugated(&self.blocks[a], &self.blocks[b], p, q);
        for (wire, blocks) in [a, b].into_iter().zip(after) {
            let (was, is) = (self.blocks[wire].ranks(), blocks.ranks());
            for output in 0..self.of_outputs.len() {
                let (less, more) = (values[was.of(output)], values[is.of(output)]);
                self.of_outputs[output] = self.of_outputs[output] + more - less;
                self.of_wires[wire] = self.of_wires[wire] + more - less;
            }
            self.blocks[wire] = blocks;
        }
    }
}

/// `n` bits from bit `first` on.
fn bits_from<const M: usize>(words: &[u64], first: usize, n: usize) -> [u64; M] {
    std::array::from_fn(|m| {
        let (start, left) = (first + 64 * m, n.saturating_sub(64 * m));
        if left == 0 {
            return 0;
        }
        let (l, shift) = (start / 64, start % 64);
        let low = words[l] >> shift;
        let high = if shift == 0 || l + 1 >= words.len() { 0 } else { words[l + 1] << (64 - shift) };
        let mask = if left >= 64 { !0 } else { (1 << left) - 1 };
        (low | high) & mask
    })
}
