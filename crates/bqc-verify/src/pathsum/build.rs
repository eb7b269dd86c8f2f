//! The sum over paths of a circuit followed by the inverse of another, closed: the paths that come back to their input.
//!
//! Every wire carries a Boolean function of the input's bits and the paths' (C. M. Dawson et al.,
//! arXiv:quant-ph/0408129). A CX adds one to another, a rotation about Z turns the paths that have the function, and a
//! Hadamard begins a path variable `y` in the place of the function `f`, with the sign `(−1)^{yf}` and a factor `1/√2`.
//! A `u3` is rotations about Z around one about X, which is Hadamards around one about Z; where that is a quarter turn,
//! one Hadamard does.

use super::polynomial::{ONE, Polynomial, sum};
use super::sum::{HALF, Sum};
use crate::pauli::angle::Angle;
use crate::pauli::common::Numbers;
use bqc_circuit::{LoweredGate, TwoQubitGate, Wire};

/// A circuit on its way into a sum.
pub(super) struct Builder {
    sum: Sum,
    /// `[wire]`: the function that it carries.
    carried: Vec<Polynomial>,
    /// Rotations by a rest up to this are left out, and counted.
    least: f64,
}

impl Builder {
    /// The sum of the identity.
    pub(super) fn new(n_wires: usize, budget: u64, least: f64) -> Builder {
        let mut sum = Sum::new(budget);
        let carried = (0..n_wires)
            .map(|_| {
                let variable = sum.add_variable(false);
                sum.polynomial(&[variable])
            })
            .collect();
        Builder { sum, carried, least }
    }

    /// Puts a gate, or its inverse, behind all others. None if an angle cannot be taken, or it is too much work.
    pub(super) fn push<W: Wire>(&mut self, gate: &LoweredGate<W>, place: &Numbers, is_inverse: bool) -> Option<()> {
        match gate {
            LoweredGate::Two { gate: TwoQubitGate::Cx, wires, .. } => {
                let [control, target] = wires.map(|wire| place.get(&wire));
                self.sum.spend(self.carried[control].len() + self.carried[target].len())?;
                self.carried[target] = sum(&self.carried[control], &self.carried[target]);
            }
            LoweredGate::One { wire, angles: [theta, phi, lambda] } => {
                // Up to phase `Rz(φ) Ry(θ) Rz(λ)`, and `Ry(θ) = Rz(π/2) Rx(θ) Rz(−π/2)`.
                let mut turns = [Angle::of(*lambda)?.turned(3), Angle::of(*theta)?, Angle::of(*phi)?.turned(1)];
                if is_inverse {
                    turns.reverse();
                    turns = turns.map(Angle::negated);
                }
                let [first, middle, last] = turns;
                let wire = place.get(wire);
                self.turn_z(wire, first)?;
                self.turn_x(wire, middle)?;
                self.turn_z(wire, last)?;
            }
        }
        Some(())
    }

    fn turn_z(&mut self, wire: usize, angle: Angle) -> Option<()> {
        let angle = self.rounded(angle);
        self.sum.turn(self.carried[wire].clone(), angle)
    }

    fn turn_x(&mut self, wire: usize, angle: Angle) -> Option<()> {
        let angle = self.rounded(angle);
        let quarters = angle.quarters;
        if angle.rest[0] != 0.0 {
            self.hadamard(wire)?;
            self.sum.turn(self.carried[wire].clone(), angle)?;
            self.hadamard(wire)?;
        } else if quarters == 2 {
            self.carried[wire] = sum(&[ONE], &self.carried[wire]);
        } else if quarters != 0 {
            // HSH is S†HS†, and its inverse is SHS.
            let around = angle.negated();
            self.sum.turn(self.carried[wire].clone(), around)?;
            self.hadamard(wire)?;
            self.sum.turn(self.carried[wire].clone(), around)?;
        }
        Some(())
    }

    /// Without a rest that is not kept.
    fn rounded(&mut self, angle: Angle) -> Angle {
        let quarters = angle.plus(angle.without_quarters().negated());
        if angle.rest[0].abs() > self.least || quarters.rest[0] != 0.0 {
            return angle;
        }
        self.sum.dropped += angle.without_quarters().distance();
        quarters
    }

    fn hadamard(&mut self, wire: usize) -> Option<()> {
        let variable = self.sum.add_variable(true);
        let after = self.sum.polynomial(&[variable]);
        let before = std::mem::replace(&mut self.carried[wire], after);
        self.sum.spend(before.len())?;
        let monomial = self.carried[wire][0];
        let product = self.sum.monomials.times(monomial, &before);
        self.sum.n_root_halves += 1;
        self.sum.add(HALF, &product)
    }

    /// The sum over all paths that end where they began.
    pub(super) fn close(mut self) -> Sum {
        for (wire, carried) in self.carried.iter().enumerate() {
            let input = self.sum.polynomial(&[wire as u32]);
            let difference = sum(carried, &input);
            if !difference.is_empty() {
                self.sum.require(difference);
            }
        }
        self.sum
    }
}
