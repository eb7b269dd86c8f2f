//! The parameters of greedy synthesis, and the tables that follow from them.
//!
//! The choice of gates is that of arXiv:2103.08602 and arXiv:2404.03280: the gate that lowers the weights of the next
//! rotations most, later layers counting less. Measured on chemistry, arithmetic and Fourier transforms: a concave
//! measure of the weight beats a linear one by a tenth and a square one by half; only the lightest rotations of the front
//! should offer gates; a discount of 0.5 to 0.7 a layer; the rows of the final Clifford count 0.2 to 0.4 as much as a
//! rotation of the front once no rotation is left out of sight.

use crate::Outputs;
use bqc_linalg::Stream;

/// Purpose of the stream that draws parameters.
const PARAMETERS: u64 = 0x0047_5245_4544_5950;

/// How the weight `w` of a string counts: all are concave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// `ln w`.
    Logarithm,
    /// `−1/√w`.
    InverseRoot,
    /// `−1/w`.
    Inverse,
}

impl Measure {
    fn of(self, weight: usize) -> f32 {
        let weight = weight.max(1) as f32;
        match self {
            Measure::Logarithm => weight.ln(),
            Measure::InverseRoot => -weight.sqrt().recip(),
            Measure::Inverse => -weight.recip(),
        }
    }
}

/// From which end a circuit is synthesised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the first rotation to the last.
    Forward,
    /// The inverse circuit, which is then inverted.
    Backward,
}

/// How gates are chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Greedy {
    /// From which end.
    pub direction: Direction,
    /// How many of the next rotations are looked at. None: 16 for each wire, or all of them where they are at most half
    /// the square of the wires.
    pub n_ahead: Option<usize>,
    /// What a layer of rotations counts, as a fraction of the layer before it; in `(0, 1)`.
    pub discount: f32,
    /// How weights count.
    pub measure: Measure,
    /// What a row of the final Clifford counts, as a fraction of a rotation of the front.
    pub tableau: f32,
    /// Noise on what a gate is worth, as a fraction of what it changes. Zero: only ties are broken at random.
    pub noise: f32,
    /// Rotations of the front at most this much heavier than the lightest offer gates.
    pub n_heavier: usize,
    /// What a block of rank two counts in the rest of the Clifford, where one of rank one counts two.
    pub rank_two: u8,
    /// Whether every output of the rest of the Clifford offers gates. Else only those that have least left do, which
    /// takes half the time and is a little worse.
    pub every_output: bool,
    /// Names the random numbers, for ties and noise.
    pub seed: u64,
    /// Where the outputs may be.
    pub outputs: Outputs,
}

impl Default for Greedy {
    fn default() -> Greedy {
        Greedy {
            direction: Direction::Forward,
            n_ahead: None,
            discount: 0.6,
            measure: Measure::InverseRoot,
            tableau: 0.3,
            noise: 0.0,
            n_heavier: 0,
            rank_two: 3,
            every_output: true,
            seed: 0,
            outputs: Outputs::default(),
        }
    }
}

impl Greedy {
    /// Random parameters near those that did best, for several attempts at one circuit.
    pub fn random(seed: u64) -> Greedy {
        let mut stream = Stream::new(seed, 0, PARAMETERS);
        let direction = if stream.chance(0.5) { Direction::Forward } else { Direction::Backward };
        let n_ahead = [Some(40), Some(80), Some(160), Some(320), Some(1000), None][stream.below(6)];
        Choice::random(&mut stream).greedy(direction, n_ahead, stream.bits())
    }

    /// How many of the rotations of a circuit are in view.
    pub(crate) fn n_ahead(&self, n_wires: usize, n_rotations: usize) -> usize {
        /// Chemistry on 8 to 12 wires does best with 8 to 32 for each wire, and wider circuits do no better with more,
        /// except for Fourier transforms.
        const PER_WIRE: usize = 16;
        /// A Fourier transform of n wires is n²/2 rotations in layers of up to n, and takes half as many gates again if
        /// it is not seen as a whole. Above this many the time is out of proportion.
        const MOST_AT_ONCE: usize = 4096;
        let rule = match n_rotations <= (n_wires * n_wires / 2).min(MOST_AT_ONCE) {
            true => n_rotations,
            false => n_wires * PER_WIRE,
        };
        self.n_ahead.unwrap_or(rule).clamp(1, n_rotations.max(1))
    }
}

/// Layers that count.
pub(crate) const MOST_LAYERS: usize = 64;
/// Layers that count less than this are out of sight.
const LEAST_DISCOUNT: f32 = 0.01;

const DISCOUNTS: [f32; 5] = [0.3, 0.5, 0.6, 0.7, 0.8];
const TABLEAUS: [f32; 4] = [0.05, 0.2, 0.4, 1.0];
const NOISES: [f32; 4] = [0.0, 0.05, 0.2, 0.5];
const MEASURES: [Measure; 4] = [Measure::Logarithm, Measure::InverseRoot, Measure::InverseRoot, Measure::Inverse];

/// Random parameters as indices into the lists above.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    discount: usize,
    measure: usize,
    tableau: usize,
    noise: usize,
    n_heavier: usize,
    rank_two: u8,
    every_output: bool,
}

impl Choice {
    /// Independent ones.
    pub fn random(stream: &mut Stream) -> Choice {
        Choice {
            discount: stream.below(DISCOUNTS.len()),
            measure: stream.below(MEASURES.len()),
            tableau: stream.below(TABLEAUS.len()),
            noise: stream.below(NOISES.len()),
            n_heavier: usize::from(stream.below(4) == 3),
            rank_two: 2 + stream.below(2) as u8,
            every_output: stream.below(4) == 3,
        }
    }

    /// Without the tables.
    pub fn knobs(self) -> Knobs {
        Knobs {
            tableau: TABLEAUS[self.tableau],
            noise: NOISES[self.noise],
            n_heavier: self.n_heavier,
            rank_two: self.rank_two,
            every_output: self.every_output,
        }
    }

    /// As parameters.
    fn greedy(self, direction: Direction, n_ahead: Option<usize>, seed: u64) -> Greedy {
        Greedy {
            direction,
            n_ahead,
            discount: DISCOUNTS[self.discount],
            measure: MEASURES[self.measure],
            tableau: TABLEAUS[self.tableau],
            noise: NOISES[self.noise],
            n_heavier: self.n_heavier,
            rank_two: self.rank_two,
            every_output: self.every_output,
            seed,
            outputs: Outputs::default(),
        }
    }
}

/// Settings of the choice that need no tables.
#[derive(Clone, Copy)]
pub(crate) struct Knobs {
    /// As in [`Greedy::tableau`].
    pub tableau: f32,
    /// As in [`Greedy::noise`].
    pub noise: f32,
    /// As in [`Greedy::n_heavier`].
    pub n_heavier: usize,
    /// As in [`Greedy::rank_two`], two or three.
    pub rank_two: u8,
    /// As in [`Greedy::every_output`].
    pub every_output: bool,
}

impl Greedy {
    /// Without the tables. What is not a sensible number counts as zero.
    pub(crate) fn knobs(&self) -> Knobs {
        /// Far above anything that is of use, and far below overflow.
        const MOST: f32 = 1e3;
        let sensible = |value: f32| if value.is_nan() { 0.0 } else { value.clamp(0.0, MOST) };
        Knobs {
            tableau: sensible(self.tableau),
            noise: sensible(self.noise),
            n_heavier: self.n_heavier,
            rank_two: self.rank_two.clamp(2, 3),
            every_output: self.every_output,
        }
    }
}

/// What the choice of a gate looks up at every step.
pub(crate) struct Prices {
    /// What a layer counts; zero from `n_layers` on.
    pub layers: [f32; MOST_LAYERS + 1],
    /// Layers that count.
    pub n_layers: usize,
    /// By weight: what one wire less gains, and what one wire more costs.
    pub steps: Vec<[f32; 2]>,
}

impl Prices {
    /// For strings on up to `n_wires` wires.
    pub fn new(discount: f32, measure: Measure, n_wires: usize) -> Prices {
        // Outside of this range layers would grow, or only the first would count.
        let discount = discount.clamp(0.01, 0.99);
        let mut layers = [0.0; MOST_LAYERS + 1];
        let mut n_layers = 0;
        while n_layers < MOST_LAYERS && discount.powi(n_layers as i32) >= LEAST_DISCOUNT {
            layers[n_layers] = discount.powi(n_layers as i32);
            n_layers += 1;
        }
        let step = |weight: usize| measure.of(weight + 1) - measure.of(weight);
        let steps = (0..n_wires + 2).map(|weight| [if weight > 1 { step(weight - 1) } else { 0.0 }, step(weight)]);
        Prices { layers, n_layers, steps: steps.collect() }
    }
}

/// Prices of every choice that [`Choice::random`] makes.
pub(crate) struct PriceList {
    prices: Vec<Prices>,
}

impl PriceList {
    /// For strings on up to `n_wires` wires.
    pub fn new(n_wires: usize) -> PriceList {
        let all =
            DISCOUNTS.iter().flat_map(|&discount| MEASURES.map(|measure| Prices::new(discount, measure, n_wires)));
        PriceList { prices: all.collect() }
    }

    /// Those of a choice.
    pub fn of(&self, choice: Choice) -> &Prices {
        &self.prices[choice.discount * MEASURES.len() + choice.measure]
    }
}
