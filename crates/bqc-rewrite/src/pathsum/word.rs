//! One-qubit gates as words of rotations about z with Hadamards between them: how a `u3` is read, and how the gates
//! between two CX of a wire are written out again.
//!
//! A word is reduced while it is built: between two Hadamards stands no multiple of π/2, because H·H = 1,
//! H·Z·H = X and H·S·H = S†·H·S† up to phase. So a Clifford has one Hadamard at most, and a generic `u3` two.

use super::angle::Angle;
use bqc_circuit::{BlockCircuit, BlockQubit};
use bqc_linalg::Su2;
use std::f64::consts::{FRAC_PI_2, PI};

/// `X^flip · Rz(angles[m]) · H · … · H · Rz(angles[0])`, the rightmost first in time.
#[derive(Clone, Debug)]
pub(super) struct Word {
    /// One more than there are Hadamards.
    pub(super) angles: Vec<Angle>,
    /// An X at the end.
    pub(super) flip: bool,
}

impl Word {
    pub(super) fn new() -> Word {
        Word { angles: vec![Angle::ZERO], flip: false }
    }

    /// Back to the identity, without giving memory back.
    pub(super) fn clear(&mut self) {
        self.angles.clear();
        self.angles.push(Angle::ZERO);
        self.flip = false;
    }

    pub(super) fn rz(&mut self, angle: Angle) {
        let last = self.angles.last_mut().expect("a word has an angle");
        *last = *last + angle.negated_if(self.flip);
    }

    pub(super) fn x(&mut self) {
        self.flip = !self.flip;
    }

    pub(super) fn h(&mut self) {
        // H·X = Z·H.
        let sign = if std::mem::take(&mut self.flip) { Angle::HALF } else { Angle::ZERO };
        let n = self.angles.len();
        match self.angles[n - 1].quarters() {
            Some(quarters) if n > 1 => {
                let inner = self.angles.pop().expect("two angles at least");
                match quarters {
                    0 => self.rz(sign),
                    2 => {
                        self.flip = true;
                        self.rz(sign);
                    }
                    _ => {
                        self.rz(-inner);
                        self.angles.push(-inner + sign);
                    }
                }
            }
            _ => self.angles.push(sign),
        }
    }

    /// Appends `u3(θ, φ, λ)` in radians: `Rz(φ)·Ry(θ)·Rz(λ)` up to phase, with `Ry(θ) = Rz(π/2)·H·Rz(θ)·H·Rz(−π/2)`.
    pub(super) fn u3(&mut self, [theta, phi, lambda]: [f64; 3]) {
        self.rz(Angle::of(lambda) + -Angle::QUARTER);
        self.h();
        self.rz(Angle::of(theta));
        self.h();
        self.rz(Angle::of(phi) + Angle::QUARTER);
    }

    fn is_identity(&self) -> bool {
        self.angles == [Angle::ZERO] && !self.flip
    }

    /// Writes the word as `u3` gates and clears it. It is one gate, unless its angles are multiples of π/4 and
    /// those of the one gate would not be: then there is a gate for every two Hadamards.
    pub(super) fn write(&mut self, wire: BlockQubit, circuit: &mut BlockCircuit) {
        if self.is_identity() {
            return;
        }
        let n_hadamards = self.angles.len() - 1;
        let is_exact = self.angles.iter().all(|angle| angle.is_exact());
        if n_hadamards > 2 && !is_exact {
            circuit.push_u3(wire, self.su2().u3_angles());
        } else {
            // Every gate takes two Hadamards and the angles before them; the last one takes what is left.
            let mut rest = std::mem::take(&mut self.angles);
            while rest.len() > 3 {
                circuit.push_u3(wire, up_to_two([rest[0], rest[1], Angle::ZERO], 2));
                rest.drain(..2);
            }
            let [mut a, mut b, mut c] = [Angle::ZERO; 3];
            for (slot, angle) in [&mut a, &mut b, &mut c].into_iter().zip(&rest) {
                *slot = *angle;
            }
            circuit.push_u3(wire, with_flip([a, b, c], rest.len() - 1, self.flip));
            self.angles = rest;
        }
        self.clear();
    }

    fn su2(&self) -> Su2 {
        let hadamard = Su2::ry(FRAC_PI_2) * Su2::rz(PI);
        let mut product = Su2::rz(self.angles[0].radians());
        for angle in &self.angles[1..] {
            product = Su2::rz(angle.radians()) * hadamard * product;
        }
        if self.flip { Su2::rx(PI) * product } else { product }
    }
}

/// The angles of `u3` for `Rz(c)·H·Rz(b)·H·Rz(a)`, or for the word's beginning of no or one Hadamard.
fn up_to_two([a, b, c]: [Angle; 3], n_hadamards: usize) -> [f64; 3] {
    match n_hadamards {
        0 => [0.0, 0.0, a.radians()],
        // H = Ry(π/2)·Z up to phase.
        1 => [FRAC_PI_2, b.radians(), (a + Angle::HALF).radians()],
        _ => [b.radians(), (c + -Angle::QUARTER).radians(), (a + Angle::QUARTER).radians()],
    }
}

/// The same with an X behind it: `X·Rz(α)·Ry(θ) = Rz(−α)·X·Ry(θ)`, and `X·Ry(θ) = Ry(π − θ)·Z` up to phase.
fn with_flip(angles: [Angle; 3], n_hadamards: usize, flip: bool) -> [f64; 3] {
    let [a, b, c] = angles;
    if !flip {
        return up_to_two(angles, n_hadamards);
    }
    match n_hadamards {
        0 => [PI, 0.0, (a + Angle::HALF).radians()],
        1 => [FRAC_PI_2, (-b).radians(), a.radians()],
        _ => [(Angle::HALF + -b).radians(), (Angle::QUARTER + -c).radians(), (a + -Angle::QUARTER).radians()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_linalg::{Stream, phase_distance};

    /// Random letters on a word, and the same on a matrix.
    fn random(stream: &mut Stream, n_letters: usize, is_exact: bool) -> (Word, Su2) {
        let (mut word, mut expected) = (Word::new(), Su2::IDENTITY);
        let hadamard = Su2::ry(FRAC_PI_2) * Su2::rz(PI);
        for _ in 0..n_letters {
            let eighths = stream.below(8) as f64 * PI / 4.0;
            let angle = if is_exact || stream.chance(0.5) { eighths } else { stream.gaussian() };
            match stream.below(4) {
                0 => (word.x(), expected = Su2::rx(PI) * expected).0,
                1 => (word.h(), expected = hadamard * expected).0,
                2 => (word.rz(Angle::of(angle)), expected = Su2::rz(angle) * expected).0,
                _ => {
                    let angles = [angle, stream.below(8) as f64 * PI / 4.0, stream.below(8) as f64 * PI / 4.0];
                    word.u3(angles);
                    expected = Su2::u3(angles[0], angles[1], angles[2]) * expected;
                }
            }
        }
        (word, expected)
    }

    #[test]
    fn a_word_is_what_its_letters_are_and_is_written_out_so() {
        let mut stream = Stream::new(0, 12, 0);
        for round in 0..2000 {
            let is_exact = round % 2 == 0;
            let (mut word, expected) = random(&mut stream, round % 9, is_exact);
            assert!(phase_distance(&word.su2().matrix(), &expected.matrix()) < 1e-12);
            let inner = word.angles.get(1..word.angles.len() - 1).unwrap_or_default();
            assert!(inner.iter().all(|angle| angle.quarters().is_none()), "{word:?}");
            let mut circuit = BlockCircuit::new(1);
            word.write(BlockQubit(0), &mut circuit);
            assert!(word.is_identity());
            assert!(phase_distance(&circuit.unitary(), &expected.matrix()) < 1e-12);
            assert!(is_exact || circuit.gates.len() <= 1 + round % 9 / 2);
            for gate in circuit.gates.iter().filter(|_| is_exact) {
                let bqc_circuit::LoweredGate::One { angles, .. } = gate else { panic!("a CX on one wire") };
                let is_multiple = |angle: &f64| (angle / (PI / 4.0)).fract() == 0.0;
                assert!(angles.iter().all(is_multiple), "{angles:?}");
            }
        }
    }

    #[test]
    fn a_clifford_has_one_hadamard_and_a_generic_gate_two() {
        let mut stream = Stream::new(0, 12, 1);
        let mut word = Word::new();
        for _ in 0..100 {
            let quarters = [0; 3].map(|_| stream.below(4) as f64 * FRAC_PI_2);
            word.u3(quarters);
            assert!(word.angles.len() <= 2);
        }
        word.clear();
        word.u3([0.3, 0.2, 0.1]);
        assert_eq!(word.angles.len(), 3);
    }
}
