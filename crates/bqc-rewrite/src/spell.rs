//! The last pass of an exact compile: one-qubit gates as the words over `h`, `s`, `t`, `x`, `z` and `rz` that an
//! error-corrected machine runs.
//!
//! Between two CX a wire has a word of rotations about Z with Hadamards between them, and an X at its end. The word is
//! reduced while it is built: between two Hadamards stands no multiple of π/2, because H·H = 1, H·Z·H = X and
//! H·S·H = S†·H·S† up to phase (as in K. Matsumoto, K. Amano,
//! arXiv:0806.3834). So there is a T gate for each odd multiple of π/4 and no
//! other. Angles are integers (`light/angle.rs`), so no sum of multiples of π/2^k is rounded. An angle that is no such
//! multiple comes back to the last bit where a pass has only moved it or added quarter turns to it, which are gates of
//! their own then.

use crate::light::Angle;
use bqc_circuit::{BlockCircuit, BlockQubit, LoweredGate, Wire};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

/// What the names lower to.
const H: [f64; 3] = [FRAC_PI_2, 0.0, PI];
const X: [f64; 3] = [PI, 0.0, PI];
const Z: [f64; 3] = [0.0, 0.0, PI];
const S: [f64; 3] = [0.0, 0.0, FRAC_PI_2];
const SDG: [f64; 3] = [0.0, 0.0, -FRAC_PI_2];
const T: [f64; 3] = [0.0, 0.0, FRAC_PI_4];
const TDG: [f64; 3] = [0.0, 0.0, -FRAC_PI_4];

/// `[n]`: the gates of a rotation by `n · π/4`.
const EIGHTHS: [&[[f64; 3]]; 8] = [&[], &[T], &[S], &[S, T], &[Z], &[Z, T], &[SDG], &[TDG]];

/// The circuit with each one-qubit gate as what `h`, `s`, `sdg`, `t`, `tdg`, `x`, `z` and `rz` lower to, and those that
/// stand between two CX of a wire joined. CX stay as they are. None if an angle is not finite or a gate not well
/// formed. Linear, but for looking up angles that are no multiples of π/2^k among those of `source`, of which the
/// circuit was made.
pub fn spelled(block: &BlockCircuit, source: &BlockCircuit) -> Option<BlockCircuit> {
    if !block.is_well_formed() {
        return None;
    }
    let symbols = Symbols::of(source);
    let mut words = vec![Word::default(); usize::from(block.width())];
    let mut written = BlockCircuit::new(block.width());
    for gate in &block.gates {
        match gate {
            LoweredGate::One { wire, angles } => words[wire.index()].u3(*angles)?,
            LoweredGate::Two { wires, .. } => {
                wires.iter().for_each(|wire| words[wire.index()].flush(*wire, &symbols, &mut written));
                written.gates.push(*gate);
            }
        }
    }
    words.iter_mut().enumerate().for_each(|(wire, word)| word.flush(BlockQubit::at(wire), &symbols, &mut written));
    Some(written)
}

/// The circuit with each angle that is within a rounding of a multiple of π/2^23 as the double next to that multiple.
/// Sums of doubles stray from it by some 1e-15.
pub fn settled(mut block: BlockCircuit) -> BlockCircuit {
    for gate in &mut block.gates {
        if let LoweredGate::One { angles, .. } = gate {
            for radians in angles {
                let nearest = Angle::from_computed(*radians).filter(|angle| angle.is_multiple());
                *radians = nearest.map_or(*radians, Angle::radians);
            }
        }
    }
    block
}

/// `X^flip · Rz(last) · H · Rz(inner[m − 1]) · … · H · Rz(inner[0])`, the rightmost first in time.
#[derive(Clone, Default)]
struct Word {
    inner: Vec<Angle>,
    last: Angle,
    flip: bool,
}

impl Word {
    fn rz(&mut self, angle: Angle) {
        self.last = self.last + if self.flip { -angle } else { angle };
    }

    fn h(&mut self) {
        // H·X = Z·H.
        let sign = if std::mem::take(&mut self.flip) { Angle::HALF } else { Angle::ZERO };
        match (self.last.as_quarters(), self.inner.pop()) {
            (Some(0), Some(before)) => self.last = before + sign,
            (Some(2), Some(before)) => {
                // H·Z·H = X, so what comes after turns the other way.
                (self.last, self.flip) = (before - sign, true);
            }
            (Some(_), Some(before)) => {
                self.inner.push(before - self.last);
                self.last = sign - self.last;
            }
            (_, before) => {
                self.inner.extend(before);
                self.inner.push(self.last);
                self.last = sign;
            }
        }
    }

    /// Appends `u3(θ, φ, λ)`: `Rz(φ)·Ry(θ)·Rz(λ)` up to phase, with `Ry(θ) = Rz(π/2)·H·Rz(θ)·H·Rz(−π/2)`.
    fn u3(&mut self, angles: [f64; 3]) -> Option<()> {
        let [theta, phi, lambda] = angles.map(Angle::from_radians);
        self.rz(lambda? - Angle::QUARTER);
        self.h();
        self.rz(theta?);
        self.h();
        self.rz(phi? + Angle::QUARTER);
        Some(())
    }

    /// Writes the word and clears it.
    fn flush(&mut self, wire: BlockQubit, symbols: &Symbols, block: &mut BlockCircuit) {
        let word = std::mem::take(self);
        let shorter = match word.without_flip() {
            Some(other) if other.n_gates(symbols) <= word.n_gates(symbols) => other,
            _ => word,
        };
        shorter.gates(symbols).for_each(|angles| block.push_u3(wire, angles));
    }

    /// The same without an X at the end: `X·Rz(c)·H = Rz(−c)·H·Z`.
    fn without_flip(&self) -> Option<Word> {
        let mut word = Word { flip: false, last: -self.last, ..self.clone() };
        let before = word.inner.last_mut().filter(|_| self.flip)?;
        *before = *before + Angle::HALF;
        Some(word)
    }

    fn n_gates(&self, symbols: &Symbols) -> usize {
        self.gates(symbols).count()
    }

    /// `[θ, φ, λ]` of all gates, first to last.
    fn gates(&self, symbols: &Symbols) -> impl Iterator<Item = [f64; 3]> {
        let before = self.inner.iter().flat_map(|angle| symbols.rotation(*angle).chain([H]));
        before.chain(symbols.rotation(self.last)).chain(self.flip.then_some(X))
    }
}

/// The angles of a circuit that are no multiples of π/2^23, and their negatives, by what they are beyond quarter turns.
struct Symbols(Vec<(Angle, f64)>);

impl Symbols {
    fn of(block: &BlockCircuit) -> Symbols {
        let angles = block.gates.iter().flat_map(|gate| match gate {
            LoweredGate::One { angles, .. } => &angles[..],
            LoweredGate::Two { .. } => &[],
        });
        let both = angles.flat_map(|radians| [*radians, -radians]);
        let read = both.filter_map(|radians| Some((Angle::from_radians(radians)?, radians)));
        let others = read.filter(|(angle, _)| !angle.is_multiple());
        let mut symbols: Vec<_> = others.map(|(angle, radians)| (angle.beyond_quarters(), radians)).collect();
        symbols.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        symbols.dedup();
        Symbols(symbols)
    }

    /// The angle of the source that this one is up to quarter turns and rounding, and how many quarter turns are left.
    fn meant(&self, angle: Angle) -> Option<(f64, u8)> {
        let wanted = angle.beyond_quarters();
        let after = self.0.partition_point(|(there, _)| *there < wanted);
        // The nearest ones on both sides, and those around the corner.
        let places = [Some(after), after.checked_sub(1), Some(0), self.0.len().checked_sub(1)];
        let symbols = places.into_iter().flatten().filter_map(|place| self.0.get(place));
        let rest = |radians: f64| Angle::from_radians(radians).and_then(|there| (angle - there).near_quarters());
        let near = symbols.filter_map(|(_, radians)| Some((*radians, rest(*radians)?)));
        near.min_by_key(|(_, quarters)| *quarters).map(|(radians, quarters)| (radians, quarters.n))
    }

    /// The gates of a rotation about Z.
    fn rotation(&self, angle: Angle) -> impl Iterator<Item = [f64; 3]> {
        let (named, other) = match (angle.as_eighths(), self.meant(angle)) {
            (Some(n), _) => (EIGHTHS[usize::from(n)], None),
            (None, Some((radians, quarters))) => (EIGHTHS[2 * usize::from(quarters)], Some(radians)),
            (None, None) => (EIGHTHS[0], Some(angle.radians())),
        };
        named.iter().copied().chain(other.map(|radians| [0.0, 0.0, radians]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_linalg::{Stream, phase_distance};

    /// Gates whose angles are multiples of `step`.
    fn random(width: u16, n_gates: usize, step: f64, s: &mut Stream) -> BlockCircuit {
        let mut block = BlockCircuit::new(width);
        for _ in 0..n_gates {
            let a = BlockQubit(s.below(width.into()) as u16);
            let b = BlockQubit((a.0 + 1) % width);
            match s.below(3) {
                0 if a != b => block.push_cx(a, b),
                1 => block.push_u3(a, [0.0, 0.0, s.below(64) as f64 * step]),
                _ => block.push_u3(a, [0; 3].map(|_| (s.below(64) as f64 - 32.0) * step)),
            }
        }
        block
    }

    #[test]
    fn words_are_the_gates_and_have_as_few_rotations() {
        let mut s = Stream::new(0, 12, 30);
        for round in 0..600 {
            let step = [FRAC_PI_4, FRAC_PI_2, PI / 16.0, 0.37][round % 4];
            let block = random(1 + (round % 3) as u16, round % 40, step, &mut s);
            let written = spelled(&block, &block).unwrap();
            assert!(phase_distance(&block.unitary(), &written.unitary()) < 1e-12, "{block:?}");
            assert_eq!(written.n_cx(), block.n_cx());
            assert!(written.n_rotations() <= block.n_rotations(), "{block:?} {written:?}");
            let names = [H, X, Z, S, SDG, T, TDG];
            for gate in &written.gates {
                let LoweredGate::One { angles, .. } = gate else { continue };
                let is_rotation = angles[..2] == [0.0; 2] && step < FRAC_PI_4;
                assert!(names.contains(angles) || is_rotation, "{angles:?}");
            }
        }
    }

    #[test]
    fn angles_of_the_source_come_back_to_the_last_bit() {
        let mut s = Stream::new(0, 12, 32);
        let mut source = BlockCircuit::new(1);
        let symbols: Vec<f64> = (0..50).map(|_| s.uniform() * 12.0 - 6.0).collect();
        symbols.iter().for_each(|radians| source.push_u3(BlockQubit(0), [0.0, 0.0, *radians]));
        for &radians in &symbols {
            for quarters in 0..4 {
                let sign = if s.chance(0.5) { 1.0 } else { -1.0 };
                let strayed = sign * radians + f64::from(quarters) * FRAC_PI_2 + 1e-15;
                let mut block = BlockCircuit::new(1);
                block.push_u3(BlockQubit(0), [0.0, 0.0, strayed]);
                let written = spelled(&block, &source).unwrap();
                let is_symbol = |gate: &bqc_circuit::BlockGate| matches!(gate, LoweredGate::One { angles, .. } if angles[2].to_bits() == (sign * radians).to_bits() || angles[2].to_bits() == (-sign * radians).to_bits());
                assert_eq!(written.gates.iter().filter(|gate| is_symbol(gate)).count(), 1, "{written:?}");
                assert!(written.gates.len() <= 2 && phase_distance(&block.unitary(), &written.unitary()) < 1e-13);
            }
        }
    }

    #[test]
    fn what_strays_is_settled_and_nothing_else() {
        let mut block = BlockCircuit::new(1);
        block.push_u3(BlockQubit(0), [FRAC_PI_4 + 1e-15, 0.3, PI / 8.0 - 2e-15]);
        block.push_u3(BlockQubit(0), [1e-12, FRAC_PI_4 + 1e-12, -1.0]);
        let after = settled(block.clone());
        assert_eq!(after.gates[0], LoweredGate::u3(BlockQubit(0), [FRAC_PI_4, 0.3, PI / 8.0]));
        assert_eq!(after.gates[1], block.gates[1]);
    }

    #[test]
    fn a_clifford_takes_one_hadamard() {
        let mut s = Stream::new(0, 12, 31);
        for _ in 0..200 {
            let written = random(1, 30, FRAC_PI_2, &mut s);
            let written = spelled(&written, &written).unwrap();
            let n =
                |of: [f64; 3]| written.gates.iter().filter(|gate| **gate == LoweredGate::u3(BlockQubit(0), of)).count();
            assert!(n(H) <= 1 && written.gates.len() <= 4, "{written:?}");
        }
    }
}
