//! The walk: which move is tried when, and the best circuit so far.

use super::chance::{Chance, scaled};
use super::settings::{Cycle, Settings};
use super::sum::PathSum;
use super::write::write;
use bqc_circuit::BlockCircuit;
use bqc_linalg::Stream;

/// Purpose of a walk's random numbers.
const PURPOSE: u64 = 0x5061_7468;
/// Splits may add this many Hadamards to the best circuit's.
const MORE_HADAMARDS: usize = 4;
/// Holes beyond what slack and splits need: a move may put two gates in before it is done.
pub(super) const SPARE: usize = 8;
/// Rotations that have come and gone are forgotten when there are this many, and as many as there are rotations.
const FORGOTTEN: usize = 64;

/// An annealed walk on the CX networks of a circuit, from the circuit itself. The same circuit, settings, seed and
/// calls give the same walk. A step takes 20 to 200 ns on circuits of some hundred gates, and allocates nothing.
pub struct Walk {
    pub(super) settings: Settings,
    pub(super) now: PathSum,
    /// The best circuit that has been kept. It is the best so far unless the walk stands there.
    pub(super) best: PathSum,
    /// Number of CX of the best so far.
    pub(super) least: usize,
    /// Proposals since the best was kept.
    pub(super) n_since: usize,
    /// A circuit without gates, as wide.
    empty: BlockCircuit,
    pub(super) chance: Chance,
    /// The cycle that the walk is in.
    pub(super) number: Option<u32>,
    pub(super) cycle: Cycle,
    pub(super) most_hadamards: usize,
    pub(super) n_rotations: usize,
}

impl Walk {
    /// A walk that stands at the beginning. None if there is nothing to win (less than two CX), or the circuit does not
    /// fit: gates on wires that are not there, angles that are not numbers, more than 60,000 gates, or wires times gates
    /// beyond 2^28; or if there is no cycle in the settings, or one without a temperature.
    pub fn new(circuit: &BlockCircuit, settings: Settings, seed: u64) -> Option<Walk> {
        if circuit.n_cx() < 2 || !settings.are_sound() {
            return None;
        }
        let mut stream = Stream::new(seed, 0, PURPOSE);
        let now = PathSum::read(circuit, 0, &mut stream)?;
        let empty = BlockCircuit::new(circuit.width());
        let cycle = settings.cycles[0];
        let best = now.clone();
        let chance = Chance::cold(stream);
        let least = circuit.n_cx();
        let mut walk = Walk {
            settings,
            now,
            best,
            least,
            n_since: 0,
            empty,
            chance,
            number: None,
            cycle,
            most_hadamards: 0,
            n_rotations: 0,
        };
        walk.begin(0.0);
        Some(walk)
    }

    /// Number of CX of the best circuit so far.
    pub fn n_cx(&self) -> usize {
        self.least
    }

    /// The best circuit so far, on the same wires. It equals the input up to global phase and the rounding of angles;
    /// the one-qubit gates between two CX of a wire are one, as long as that keeps multiples of π/4.
    pub fn best(&self) -> BlockCircuit {
        write(if self.is_kept() { &self.best } else { &self.now }, self.empty.clone())
    }

    /// Tries so many moves at the temperature of this progress through the cooling, from 0 to 1. The caller decides how
    /// progress goes with time; where it enters another cycle, the walk goes on from its best circuit.
    pub fn run(&mut self, n_proposals: u64, progress: f64) {
        self.begin(progress);
        for _ in 0..n_proposals {
            if self.least == 0 {
                return;
            }
            self.step();
            self.n_since += 1;
            if self.now.network.n_cx() < self.least {
                self.least = self.now.network.n_cx();
                self.chance.set_cap(self.least + self.cycle.slack);
                self.chance.hold(true);
            }
            // Keeping is linear in the number of places, so it is done once in as many proposals at most.
            if self.chance.was_asked() && self.n_since >= self.now.network.n_slots() {
                self.keep();
            }
        }
    }

    fn is_kept(&self) -> bool {
        self.best.network.n_cx() == self.least
    }

    /// Keeps where the walk stands as the best.
    fn keep(&mut self) {
        self.best.copy_from(&self.now);
        self.n_since = 0;
        self.chance.hold(false);
    }

    /// Sets the temperature and the cap; a new cycle begins at the best circuit.
    fn begin(&mut self, progress: f64) {
        let (number, cycle, temperature) = self.settings.at(progress);
        if self.number.replace(number) != Some(number) {
            // If the best has been kept already, another circuit as good makes the next cycle differ from this one.
            if self.now.network.n_cx() == self.least {
                self.keep();
            }
            self.cycle = cycle;
            self.most_hadamards = self.best.network.n_hadamards() + MORE_HADAMARDS;
            self.now.copy_from(&self.best);
            self.now.network.respread(cycle.slack + MORE_HADAMARDS + SPARE);
            self.forget();
        }
        self.chance.warm(temperature);
        self.chance.set_cap(self.least + cycle.slack);
    }

    /// Forgets rotations that have come and gone.
    fn forget(&mut self) {
        self.now.refresh();
        self.n_rotations = self.now.phases.len();
    }

    /// Tries one move. All moves begin at a gate that is picked at random.
    #[inline]
    fn step(&mut self) {
        let (network, chance) = (&self.now.network, &mut self.chance);
        let (at, dice) = loop {
            let bits = chance.stream.bits();
            let at = scaled(bits, network.n_slots());
            if !network.is_hole(at) {
                break (at, bits as u32);
            }
        };
        let share = dice >> 24;
        if network.gate(at).is_h() {
            self.step_from_hadamard(at, share);
        } else {
            self.step_from_cx(at, share, dice);
        }
    }

    fn step_from_hadamard(&mut self, at: usize, share: u32) {
        let Cycle { gauge_share, split_share, .. } = self.cycle;
        let Walk { now, chance, .. } = self;
        if share < gauge_share {
            now.gauge(at, chance);
        } else if share < gauge_share + split_share {
            if now.network.n_hadamards() < self.most_hadamards {
                now.split(at, chance);
            }
        } else {
            let wire = now.network.gate(at).t;
            match now.network.next(at + 1, wire, wire) {
                Some(next) if now.network.gate(next).is_h() => now.two_hadamards(at, next),
                _ => return,
            }
        }
        if self.now.phases.len() > 2 * self.n_rotations + FORGOTTEN {
            self.forget();
        }
    }

    #[inline]
    fn step_from_cx(&mut self, at: usize, share: u32, dice: u32) {
        let Cycle { source_share, hadamard_share, .. } = self.cycle;
        let Walk { now, chance, .. } = self;
        if share < source_share {
            now.sources(at, chance);
        } else if share < source_share + hadamard_share {
            now.hadamards_last(at);
        } else {
            let gate = now.network.gate(at);
            match now.network.next(at + 1, gate.c, gate.t) {
                Some(next) if now.network.gate(next).is_h() => now.hadamards_first(at, next),
                Some(next) => now.neighbours(at, next, dice, chance),
                None => {}
            }
        }
    }

    /// What is wrong with what the walk keeps, or nothing.
    #[cfg(test)]
    pub(super) fn fault(&self) -> Option<String> {
        self.now.fault().or_else(|| self.best.fault())
    }

    /// The circuit where the walk stands.
    pub fn now(&self) -> BlockCircuit {
        write(&self.now, self.empty.clone())
    }
}
