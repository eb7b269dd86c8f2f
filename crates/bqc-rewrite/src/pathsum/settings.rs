//! How a walk cools, and how often it tries which moves.

/// One kind of cycle. A cycle begins at the best circuit so far and cools.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cycle {
    /// Temperature at the beginning, in CX: one CX more is taken with a chance of `e^(−1/T)`. Positive.
    pub hot: f64,
    /// Temperature at the end. Positive.
    pub cold: f64,
    /// A move to more CX than the best circuit's and this many is refused.
    pub slack: usize,
    /// Of 256 CX that are picked, how many look for other sources of what they collect.
    pub source_share: u32,
    /// Of 256 CX that are picked, how many look for Hadamards in front of them, to go there.
    pub hadamard_share: u32,
    /// Of 256 Hadamards that are picked, how many move a controlled sign.
    pub gauge_share: u32,
    /// Of 256 Hadamards that are picked, how many become two with an S between.
    pub split_share: u32,
}

impl Cycle {
    /// For networks that are mostly CX and rotations, such as multipliers over GF(2^n).
    pub const PARITIES: Cycle = Cycle {
        hot: 0.16,
        cold: 0.10,
        slack: 5,
        source_share: 48,
        hadamard_share: 26,
        gauge_share: 16,
        split_share: 0,
    };
    /// For networks of Toffolis, where Hadamards come every few gates.
    pub const TOFFOLIS: Cycle =
        Cycle { hot: 0.3, cold: 0.1, slack: 8, source_share: 24, hadamard_share: 29, gauge_share: 96, split_share: 1 };
    /// The same, hot to the end: it takes small networks of up to a hundred CX out of their traps, and larger ones stay
    /// near the cap.
    pub const SMALL: Cycle = Cycle { hot: 0.35, cold: 0.2, ..Cycle::TOFFOLIS };
}

/// How a walk cools, and what it tries. The constants are measured on multipliers, adders and Toffoli networks of
/// 30 to 600 CX.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Cycles between progress 0 and 1; at least one.
    pub n_cycles: u32,
    /// The kinds of cycles, which take turns; at least one.
    pub cycles: Vec<Cycle>,
}

impl Default for Settings {
    /// All kinds of cycles in turn.
    fn default() -> Settings {
        Settings { n_cycles: 6, cycles: vec![Cycle::PARITIES, Cycle::TOFFOLIS, Cycle::SMALL] }
    }
}

impl Settings {
    /// The number of the cycle at this progress from 0 to 1, its kind, and its temperature there, which falls
    /// geometrically. `n_cycles` is the end.
    pub(super) fn at(&self, progress: f64) -> (u32, Cycle, f64) {
        let x = progress.clamp(0.0, 1.0) * self.n_cycles as f64;
        let number = (x as u32).min(self.n_cycles.saturating_sub(1));
        let cycle = self.cycles[number as usize % self.cycles.len()];
        (number, cycle, cycle.hot * (cycle.cold / cycle.hot).powf(x - number as f64))
    }

    /// Whether there is something to do at every progress.
    pub(super) fn are_sound(&self) -> bool {
        let is_positive = |t: f64| t > 0.0 && t.is_finite();
        self.n_cycles > 0
            && !self.cycles.is_empty()
            && self.cycles.iter().all(|c| is_positive(c.hot) && is_positive(c.cold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_take_turns_and_cool() {
        let settings = Settings::default();
        assert!(settings.are_sound());
        assert_eq!(settings.at(0.0), (0, Cycle::PARITIES, 0.16));
        assert_eq!(settings.at(1.0 / 6.0 + 1e-9).1, Cycle::TOFFOLIS);
        let (number, cycle, temperature) = settings.at(1.0);
        assert_eq!((number, cycle), (5, Cycle::SMALL));
        assert!((temperature - cycle.cold).abs() < 1e-12);
        assert_eq!(settings.at(f64::INFINITY), settings.at(1.0));
        assert!(!Settings { n_cycles: 0, ..settings.clone() }.are_sound());
        assert!(!Settings { cycles: vec![], ..settings }.are_sound());
    }
}
