//! Plain lines, `rz(-3*pi/8) q[0];`, from tokens to the circuit without a tree.
//!
//! A line that is anything more is left to the parser, which also words all errors: here a line is read or not.

use crate::diagnostic::Failed;
use crate::gates::Size;
use crate::token::Span;
use crate::v3::declare::library;
use crate::v3::expressions::real;
use crate::v3::reader::Reader;
use crate::v3::scope::Entity;
use crate::v3::token::Token;
use bqc_circuit::gates::{MAX_ANGLES, MAX_ARITY};
use bqc_circuit::{GateCall, Operation, Qubit};
use std::f64::consts::PI;

impl<'a> Reader<'a, '_> {
    /// Carries out the line under the cursor and goes behind it, if it is plain; otherwise stays where it is.
    pub fn fast_gate(&mut self) -> Result<bool, Failed> {
        let before = self.cursor.clone();
        let Some((gate, span)) = self.plain_gate() else {
            self.cursor = before;
            return Ok(false);
        };
        self.charge(span, Size { operations: 1, steps: 1 })?;
        self.circuit.operations.push(Operation::Gate(gate));
        Ok(true)
    }

    fn plain_gate(&mut self) -> Option<(GateCall, Span)> {
        let (name, start) = (self.cursor.text(), self.cursor.span);
        let is_own = |n: usize, has: bool| n > 0 && has;
        if is_own(self.gates.len(), self.gates.contains_key(name))
            || is_own(self.defs.len(), self.defs.contains_key(name))
        {
            return None;
        }
        let (gate, _) = library(name)?;
        self.cursor.advance();
        let (mut angles, mut n_angles) = ([0.0; MAX_ANGLES], 0);
        if self.cursor.accept(Token::LeftParen) {
            loop {
                *angles.get_mut(n_angles)? = self.plain_angle()?;
                n_angles += 1;
                if !self.cursor.accept(Token::Comma) {
                    break;
                }
            }
            self.accepted(Token::RightParen)?;
        }
        let (mut qubits, mut n_qubits) = ([Qubit(0); MAX_ARITY], 0);
        loop {
            let qubit = self.plain_qubit()?;
            if qubits[..n_qubits].contains(&qubit) {
                return None;
            }
            *qubits.get_mut(n_qubits)? = qubit;
            n_qubits += 1;
            if !self.cursor.accept(Token::Comma) {
                break;
            }
        }
        let span = start.to(self.cursor.previous);
        self.accepted(Token::Semicolon)?;
        let row = gate.row();
        let fits = (row.n_angles, row.arity) == (n_angles, n_qubits);
        fits.then(|| (GateCall::new(gate, &angles[..n_angles], &qubits[..n_qubits]), span))
    }

    fn accepted(&mut self, token: Token) -> Option<()> {
        self.cursor.accept(token).then_some(())
    }

    /// `name[index]` of a register of the source, or the name of a single qubit.
    fn plain_qubit(&mut self) -> Option<Qubit> {
        let name = self.cursor.text();
        self.accepted(Token::Name)?;
        let (first, size) = match self.recent {
            Some((recent, first, size)) if recent == name => (first, size),
            _ => {
                let Some(Entity::Qubits(wires)) = self.scopes.find(name) else { return None };
                if !wires.is_range() {
                    return None;
                }
                // A single qubit has no index, and size 0 here.
                let (first, size) = (wires.first()?, if wires.is_single { 0 } else { wires.len() as u32 });
                self.recent = Some((name, first, size));
                (first, size)
            }
        };
        if size == 0 {
            return (self.cursor.token != Token::LeftBracket).then_some(Qubit(first));
        }
        self.accepted(Token::LeftBracket)?;
        let index = digits(self.cursor.text()).filter(|&index| index < size)?;
        self.accepted(Token::Integer)?;
        self.accepted(Token::RightBracket)?;
        Some(Qubit(first + index))
    }

    /// A number, or a multiple of π: the same double as the parser's expression, whose steps are taken here.
    fn plain_angle(&mut self) -> Option<f64> {
        let is_negative = self.cursor.accept(Token::Minus);
        let sign = if is_negative { -1.0 } else { 1.0 };
        let text = self.cursor.text();
        let value = match self.cursor.token {
            Token::Real => real(text),
            Token::Integer => f64::from(digits(text)?),
            Token::Name => return self.multiple_of_pi(sign),
            _ => return None,
        };
        self.cursor.advance();
        if self.cursor.accept(Token::Times) {
            return self.multiple_of_pi(sign * value);
        }
        let is_whole = matches!(self.cursor.token, Token::Comma | Token::RightParen);
        (is_whole && value.is_finite()).then_some(sign * value)
    }

    /// `pi`, `pi/8`, times a factor that has been read.
    fn multiple_of_pi(&mut self, factor: f64) -> Option<f64> {
        if self.cursor.text() != "pi" || self.scopes.find("pi").is_some() {
            return None;
        }
        self.accepted(Token::Name)?;
        let mut value = factor * PI;
        if self.cursor.accept(Token::Divide) {
            let divisor = digits(self.cursor.text()).filter(|&divisor| divisor > 0)?;
            self.accepted(Token::Integer)?;
            value /= f64::from(divisor);
        }
        matches!(self.cursor.token, Token::Comma | Token::RightParen).then_some(value).filter(|value| value.is_finite())
    }
}

/// A decimal number of up to nine digits.
fn digits(text: &str) -> Option<u32> {
    if text.len() > 9 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.bytes().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}
