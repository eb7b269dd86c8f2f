//! Seeded random streams: every random number of bqc comes from here.
//!
//! A stream is named by `(seed, key, purpose)`, so that results depend on neither thread nor order.
//! The generator is SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): 64 bits of state, a dozen
//! instructions, and the same code can run inside a GPU kernel. It is ours because streams are part
//! of the output's definition: a library's change of algorithm would change every compiled circuit.

use crate::{Complex64, Su2};

/// A reproducible sequence of random numbers.
#[derive(Clone, Debug)]
pub struct Stream {
    state: u64,
}

/// Weyl increment of SplitMix64: 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Stream {
    /// The stream of `purpose` for the object `key` under the user's `seed`.
    pub fn new(seed: u64, key: u64, purpose: u64) -> Stream {
        let mut state = mix(seed.wrapping_add(GOLDEN));
        state = mix(state ^ key.wrapping_mul(GOLDEN));
        state = mix(state.wrapping_add(purpose).wrapping_mul(GOLDEN));
        Stream { state }
    }

    /// Where the sequence stands, for [`Stream::at`].
    pub fn position(&self) -> u64 {
        self.state
    }

    /// The sequence from a position on.
    pub fn at(position: u64) -> Stream {
        Stream { state: position }
    }

    /// 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// Uniform in `[0, 1)`, 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `0..bound`, by the high half of a 64×64-bit product (bias below 2^-40 for any
    /// bound used here). Panics if `bound` is zero.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "an empty range has no element");
        ((self.bits() as u128 * bound as u128) >> 64) as usize
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// Standard normal (Box–Muller, one of the pair is thrown away to stay stateless).
    pub fn gaussian(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Nearly standard normal, from one word and without a logarithm: the sum of four uniform numbers (Irwin–Hall),
    /// with mean 0 and variance 1, and no value beyond 3.47.
    #[inline]
    pub fn near_normal(&mut self) -> f64 {
        /// Each is below this; the variance of their sum is a third of its square.
        const RANGE: f64 = 65536.0;
        const ROOT_OF_3: f64 = 1.732_050_807_568_877_2;
        let bits = self.bits();
        let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
        (sum as f64 - 2.0 * (RANGE - 1.0)) * (ROOT_OF_3 / RANGE)
    }

    /// Independent standard normal real and imaginary parts.
    pub fn complex_gaussian(&mut self) -> Complex64 {
        Complex64::new(self.gaussian(), self.gaussian())
    }

    /// A one-qubit unitary from the Haar measure of SU(2).
    pub fn su2(&mut self) -> Su2 {
        Su2::new(self.complex_gaussian(), self.complex_gaussian()).normalized()
    }

    /// A uniformly random order of `items` (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_in_every_part_of_their_name() {
        let first = |a, b, c| Stream::new(a, b, c).bits();
        let all = [first(0, 0, 0), first(1, 0, 0), first(0, 1, 0), first(0, 0, 1), first(1, 1, 0)];
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a != b));
        }
    }

    #[test]
    fn a_stream_goes_on_from_its_position() {
        let mut first = Stream::new(1, 2, 3);
        first.gaussian();
        let mut second = Stream::at(first.position());
        assert!((0..10).all(|_| first.bits() == second.bits()));
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut s = Stream::new(7, 7, 7);
        let n = 100_000;
        let mean = (0..n).map(|_| s.uniform()).sum::<f64>() / n as f64;
        assert!((mean - 0.5).abs() < 0.01);
        let variance = (0..n).map(|_| s.gaussian().powi(2)).sum::<f64>() / n as f64;
        assert!((variance - 1.0).abs() < 0.02);
        assert!((0..1000).all(|_| s.below(3) < 3));
    }

    #[test]
    fn nearly_normal_numbers_have_the_moments_of_normal_ones() {
        const N: usize = 100_000;
        let mut s = Stream::new(3, 1, 4);
        let numbers: Vec<f64> = (0..N).map(|_| s.near_normal()).collect();
        let moment = |k: i32| numbers.iter().map(|x| x.powi(k)).sum::<f64>() / N as f64;
        // Five standard deviations of such means; a normal number's fourth moment is 3, this one's 2.7.
        assert!(moment(1).abs() < 0.016 && (moment(2) - 1.0).abs() < 0.021, "{} {}", moment(1), moment(2));
        assert!(moment(3).abs() < 0.05 && (moment(4) - 2.7).abs() < 0.09, "{} {}", moment(3), moment(4));
        assert!(numbers.iter().all(|x| x.abs() < 3.47) && numbers.iter().any(|x| x.abs() > 2.8));
    }
}
