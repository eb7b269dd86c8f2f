//! The choice of the next pair gate: the one that lowers the weights of what is in view most.
//!
//! Candidates are the gates that take a wire from one of the lightest rotations of the front. For each pair of wires of
//! such a rotation one pass over the strings on these wires yields sums by axis, from which the worth of all nine gates
//! follows. A gate of axes (P, Q) takes the first wire from a string that has P there and something other than Q on the
//! second, and the second wire likewise; it adds a wire to a string that is on one of the two wires alone, with another
//! axis there.

use super::axis::{Axis, X, Y, Z};
use super::columns::{Mask, each_bit, each_slot};
use super::greedy::Knobs;
use super::window::Window;
use bqc_linalg::Stream;

/// A pair gate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    /// Its wires, in order.
    pub wires: [usize; 2],
    /// The axis on each.
    pub axes: [Axis; 2],
}

/// Ties are broken by random numbers of this size, well below any difference that means something.
const TIE: f32 = 1e-5;

/// The least cost so far, and its gate.
struct Best {
    cost: f32,
    pair: Pair,
}

/// By wire, `n_words` words each: later wires that share one of the lightest rotations with it. All zero between calls.
pub(crate) type Partners = Vec<u64>;

/// The best gate. Panics if the front is empty or has a rotation of one wire: such a rotation is written out instead.
/// `focus`: only the lightest of the front offers gates, which makes sure that it becomes lighter.
pub(crate) fn choose<const L: usize>(
    window: &Window<L>,
    partners: &mut Partners,
    knobs: Knobs,
    focus: bool,
    stream: &mut Stream,
) -> Pair {
    let light = lightest(window, knobs.n_heavier, focus);
    let n_words = window.n_words();
    partners.resize(window.n_wires() * n_words, 0);
    each_slot(&light, |slot| add_partners(window.support(slot), partners));
    let mut best = Best { cost: f32::MAX, pair: Pair { wires: [0; 2], axes: [0; 2] } };
    for first in 0..window.n_wires() {
        for word in 0..n_words {
            let others = std::mem::take(&mut partners[first * n_words + word]);
            each_bit(others, |bit| weigh_pair(window, [first, 64 * word + bit], &light, knobs, stream, &mut best));
        }
    }
    assert!(best.cost < f32::MAX, "a rotation of two wires and more offers gates");
    best.pair
}

/// Rotations of the front that are at most `n_heavier` wires heavier than the lightest; the first lightest alone for a
/// focus.
fn lightest<const L: usize>(window: &Window<L>, n_heavier: usize, focus: bool) -> Mask<L> {
    let mut least = u16::MAX;
    let mut first = 0;
    each_slot(window.front(), |slot| {
        if window.weights[slot] < least {
            (least, first) = (window.weights[slot], slot);
        }
    });
    let mut light = [0; L];
    if focus {
        light[first / 64] |= 1 << (first % 64);
        return light;
    }
    let most = usize::from(least) + n_heavier;
    each_slot(window.front(), |slot| {
        light[slot / 64] |= u64::from(usize::from(window.weights[slot]) <= most) << (slot % 64);
    });
    light
}

/// Adds every pair of wires of a support.
fn add_partners(support: &[u64], partners: &mut [u64]) {
    let n_words = support.len();
    each_slot(support, |wire| {
        let (word, bit) = (wire / 64, wire % 64);
        for (k, &others) in support.iter().enumerate().skip(word) {
            // The wires above this one.
            let above = if k == word { others & (!1 << bit) } else { others };
            partners[wire * n_words + k] |= above;
        }
    });
}

/// Sums over the strings on a pair of wires.
#[derive(Default)]
struct Sums {
    /// By `axis of the first | axis of the second << 2`, of strings on both wires: what a wire less gains.
    both: [f32; 16],
    /// By side and axis, of strings on this wire alone: what a wire more costs.
    only: [[f32; 4]; 2],
}

fn sums<const L: usize>(window: &Window<L>, [a, b]: [usize; 2]) -> Sums {
    let (first, second) = (&window.columns.wires[a], &window.columns.wires[b]);
    let mut sums = Sums::default();
    for l in 0..L {
        let active = window.active[l];
        let (on_a, on_b) = (first.support(l) & active, second.support(l) & active);
        let (x_a, z_a, x_b, z_b) = (first.x[l], first.z[l], second.x[l], second.z[l]);
        let axis = |x: u64, z: u64, bit: usize| (x >> bit & 1 | (z >> bit & 1) << 1) as usize;
        let steps = &window.steps[64 * l..][..64];
        each_bit(on_a & on_b, |bit| sums.both[axis(x_a, z_a, bit) | axis(x_b, z_b, bit) << 2] += steps[bit][0]);
        each_bit(on_a & !on_b, |bit| sums.only[0][axis(x_a, z_a, bit)] += steps[bit][1]);
        each_bit(on_b & !on_a, |bit| sums.only[1][axis(x_b, z_b, bit)] += steps[bit][1]);
    }
    sums
}

/// Which of the nine gates of a pair take a wire from one of the light rotations: bit `P | Q << 2`.
fn offered<const L: usize>(window: &Window<L>, [a, b]: [usize; 2], light: &Mask<L>) -> u16 {
    let (first, second) = (&window.columns.wires[a], &window.columns.wires[b]);
    let mut offered = 0;
    for (l, light) in light.iter().enumerate() {
        let both = light & first.support(l) & second.support(l);
        if both == 0 {
            continue;
        }
        let split = |x: u64, z: u64| [x & !z & both, z & !x & both, x & z & both];
        let (of_a, of_b) = (split(first.x[l], first.z[l]), split(second.x[l], second.z[l]));
        for (p, is_p) in [X, Z, Y].into_iter().zip(of_a) {
            for (q, is_q) in [X, Z, Y].into_iter().zip(of_b) {
                offered |= u16::from(is_p ^ is_q != 0) << (p | q << 2);
            }
        }
    }
    offered
}

/// Holds the gates of a pair of wires against the best so far.
fn weigh_pair<const L: usize>(
    window: &Window<L>,
    wires: [usize; 2],
    light: &Mask<L>,
    knobs: Knobs,
    stream: &mut Stream,
    best: &mut Best,
) {
    let offered = offered(window, wires, light);
    let Sums { both, only } = sums(window, wires);
    let total: [f32; 2] = only.map(|side| side[1] + side[2] + side[3]);
    let row = |p: usize| both[p | 4] + both[p | 8] + both[p | 12];
    let column = |q: usize| both[1 | q << 2] + both[2 | q << 2] + both[3 | q << 2];
    let (rows, columns) = ([row(1), row(2), row(3)], [column(1), column(2), column(3)]);
    // Seven random bits for each of the nine gates.
    let mut bits = stream.bits();
    for p in 1..4 {
        for q in 1..4 {
            let random = (bits & 127) as f32 / 128.0;
            bits >>= 7;
            if offered >> (p | q << 2) & 1 == 0 {
                continue;
            }
            let gain = rows[p - 1] + columns[q - 1] - 2.0 * both[p | q << 2];
            let loss = total[0] - only[0][p] + total[1] - only[1][q];
            let cost = loss - gain + TIE * random + knobs.noise * (gain + loss) * (random - 0.5);
            if cost < best.cost {
                *best = Best { cost, pair: Pair { wires, axes: [p as Axis, q as Axis] } };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pauli::columns::insert;
    use crate::pauli::greedy::{Greedy, Prices};

    /// What counts in view: the sum of the measures of all weights, each as much as its slot counts.
    fn total(window: &Window<2>, n_rotations: usize, prices: &Prices) -> f32 {
        let measure = |weight: u16| (1..weight).map(|w| prices.steps[usize::from(w)][1]).sum::<f32>();
        (0..n_rotations).map(|slot| measure(window.weights[slot])).sum()
    }

    #[test]
    fn the_chosen_gate_lowers_the_total_most() {
        let (n, n_rotations) = (5, 12);
        let greedy = Greedy::default();
        let prices = Prices::new(greedy.discount, greedy.measure, n);
        // All rotations offer gates; they count alike, as if all were of the front.
        let knobs = Knobs { n_heavier: n, ..greedy.knobs() };
        let mut stream = Stream::new(0, 1, 4);
        for seed in 0..50 {
            let board = |stream: &mut Stream| {
                let mut window = Window::<2>::new();
                window.clear(n, 64, false);
                for slot in 0..n_rotations {
                    insert(&mut window.alive, slot);
                    for wire in 0..n {
                        window.columns.write(wire, slot, stream.below(4) as Axis);
                    }
                    // Two wires at least.
                    for wire in 0..2 {
                        window.columns.write(wire, slot, Axis::from(window.columns.axis(wire, slot) == 0));
                    }
                }
                let alive = window.alive;
                window.weigh(&alive);
                window.sort(&prices);
                window
            };
            let start = || board(&mut Stream::new(seed, 1, 5));
            let chosen = choose(&start(), &mut Vec::new(), knobs, false, &mut stream);
            let after = |pair: Pair| {
                let mut window = start();
                window.apply(pair.wires, pair.axes, &prices);
                total(&window, n_rotations, &prices)
            };
            let mut least = f32::MAX;
            for (a, b) in (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))) {
                for (p, q) in (1..4).flat_map(|p| (1..4).map(move |q| (p, q))) {
                    least = least.min(after(Pair { wires: [a, b], axes: [p, q] }));
                }
            }
            assert!(after(chosen) < least + 1e-4, "{} is not {least}", after(chosen));
        }
    }
}
