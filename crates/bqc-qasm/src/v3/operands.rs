//! Wires and bits that expressions name: registers, elements, slices, sets of indices and registers joined by `++`.

use crate::diagnostic::Failed;
use crate::gates::Size;
use crate::problem::{Problem, clip};
use crate::token::Span;
use crate::v3::evaluate::Chosen;
use crate::v3::problem::Problem3;
use crate::v3::reader::Reader;
use crate::v3::scope::{Entity, Wires};
use crate::v3::tree::{Binary, Expr, ExprKind, Index};
use bqc_circuit::{Clbit, Register};

impl<'a> Reader<'a, '_> {
    /// The qubits that an expression names.
    pub fn qubits(&mut self, expr: &Expr<'a>) -> Result<Wires, Failed> {
        self.wires(expr, true)
    }

    /// The bits of the circuit that an expression names.
    pub fn clbits(&mut self, expr: &Expr<'a>) -> Result<Wires, Failed> {
        self.wires(expr, false)
    }

    fn wires(&mut self, expr: &Expr<'a>, quantum: bool) -> Result<Wires, Failed> {
        self.deeper(expr.span, |reader| reader.wires_of(expr, quantum))
    }

    fn wires_of(&mut self, expr: &Expr<'a>, quantum: bool) -> Result<Wires, Failed> {
        match &expr.kind {
            ExprKind::Name(name) => self.named_wires(name, expr.span, quantum),
            ExprKind::Physical(digits) if quantum => self.physical(digits, expr.span),
            ExprKind::Index(base, brackets) => {
                let mut wires = self.wires(base, quantum)?;
                for bracket in brackets {
                    wires = self.some_wires(&wires, bracket, expr.span)?;
                }
                Ok(wires)
            }
            ExprKind::List(parts) => {
                let mut joined = Vec::new();
                for part in parts {
                    joined.extend(self.wires(part, quantum)?.iter());
                }
                self.charge(expr.span, Size { operations: 0, steps: joined.len() as u64 })?;
                Ok(Wires::list(joined))
            }
            ExprKind::Chain(first, rest) if rest.iter().all(|(operator, _)| *operator == Binary::Concat) => {
                let mut joined: Vec<u32> = self.wires(first, quantum)?.iter().collect();
                for (_, part) in rest {
                    joined.extend(self.wires(part, quantum)?.iter());
                }
                self.charge(expr.span, Size { operations: 0, steps: joined.len() as u64 })?;
                Ok(Wires::list(joined))
            }
            _ => Err(self.unfit(self.text(expr.span), expr.span, quantum)),
        }
    }

    fn unfit(&self, what: String, span: Span, quantum: bool) -> Failed {
        let expected = if quantum { "a qubit" } else { "a bit of the circuit" };
        self.error(span, Problem3::Unfit { what, expected })
    }

    fn named_wires(&mut self, name: &str, span: Span, quantum: bool) -> Result<Wires, Failed> {
        match (self.scopes.find(name), quantum) {
            (Some(Entity::Qubits(wires)), true) | (Some(Entity::Bits { wires, .. }), false) => Ok(wires.clone()),
            (Some(_), _) => Err(self.unfit(clip(name), span, quantum)),
            (None, _) => Err(self.error(span, self.undeclared(name))),
        }
    }

    /// What is wrong with a name that means nothing here.
    pub fn undeclared(&self, name: &str) -> Problem3 {
        if self.scopes.is_outside(name) {
            return Problem3::Outside { name: clip(name) };
        }
        Problem3::Undeclared { name: clip(name), near: self.scopes.near(name) }
    }

    fn some_wires(&mut self, wires: &Wires, bracket: &[Index<'a>], span: Span) -> Result<Wires, Failed> {
        let [index] = bracket else {
            let problem = Problem3::ArgumentCount { name: "[]".into(), expected: 1, found: bracket.len() };
            return Err(self.error(span, problem));
        };
        Ok(match self.chosen(index, wires.len(), span)? {
            Chosen::One(position) => Wires::single(wires.at(position)),
            Chosen::Many(positions) => Wires::list(positions.into_iter().map(|position| wires.at(position)).collect()),
        })
    }

    /// `$n`. All of them, from `$0` to the largest that occurs, are one register.
    fn physical(&mut self, digits: &str, span: Span) -> Result<Wires, Failed> {
        if self.leaves.is_some() {
            return Err(self.unfit(format!("${}", clip(digits)), span, true));
        }
        let limit = self.options.limits.max_qubits;
        let Some(wire) = digits.parse::<u32>().ok().filter(|&wire| wire < limit) else {
            let problem = Problem::TooManyQubits { declared: format!("{} and more", clip(digits)), limit };
            return Err(self.error(span, problem));
        };
        if !self.is_physical {
            if !self.circuit.qregs.is_empty() {
                return Err(self.error(span, Problem3::MixedQubits));
            }
            self.is_physical = true;
            let name = self.register_name("physical");
            self.circuit.qregs.push(Register { name, first: 0, size: 0 });
        }
        let register = &mut self.circuit.qregs[0];
        register.size = register.size.max(wire + 1);
        Ok(Wires::single(wire))
    }

    /// All qubits declared so far.
    pub fn all_qubits(&self) -> Wires {
        Wires::range(0, self.circuit.n_qubits() as u32)
    }

    /// A name for a register that OpenQASM 2 can hold and no other register has: the same if possible.
    pub fn register_name(&mut self, name: &str) -> String {
        const WORDS: [&str; 10] =
            ["OPENQASM", "include", "qreg", "creg", "gate", "opaque", "barrier", "measure", "reset", "if"];
        let mut plain = String::with_capacity(name.len());
        for letter in name.chars() {
            match letter {
                'A'..='Z' | 'a'..='z' | '0'..='9' | '_' => plain.push(letter),
                other => plain += &format!("u{:x}", u32::from(other)),
            }
        }
        let mut found = plain.clone();
        while WORDS.contains(&&*found) || self.register_names.contains_key(&found) {
            // The names before have been given, so that each number is tried once.
            let n = self.register_names.entry(plain.clone()).or_default();
            *n += 1;
            found = format!("{plain}_{n}");
        }
        self.register_names.insert(found.clone(), 0);
        found
    }

    /// Adds a register of qubits.
    pub fn new_qubits(&mut self, name: &str, size: usize, span: Span) -> Result<Wires, Failed> {
        if self.is_physical {
            return Err(self.error(span, Problem3::MixedQubits));
        }
        let (first, limit) = (self.circuit.n_qubits() as u32, self.options.limits.max_qubits);
        let total = u64::from(first).saturating_add(size as u64);
        if total > u64::from(limit) {
            return Err(self.error(span, Problem::TooManyQubits { declared: total.to_string(), limit }));
        }
        let register = Register { name: self.register_name(name), first, size: size as u32 };
        self.circuit.qregs.push(register);
        Ok(Wires::range(first, size as u32))
    }

    /// Adds a register of bits; its number and its bits.
    pub fn new_clbits(&mut self, name: &str, size: usize, span: Span) -> Result<(usize, Wires), Failed> {
        let (first, limit) = (self.circuit.n_clbits() as u32, self.options.limits.max_clbits);
        let total = u64::from(first).saturating_add(size as u64);
        if total > u64::from(limit) {
            return Err(self.error(span, Problem::TooManyClbits { declared: total.to_string(), limit }));
        }
        let register = Register { name: self.register_name(name), first, size: size as u32 };
        self.circuit.cregs.push(register);
        Ok((self.circuit.cregs.len() - 1, Wires::range(first, size as u32)))
    }

    /// The register that a bit is in.
    pub fn register_of(&self, bit: Clbit) -> usize {
        self.circuit.cregs.partition_point(|register| register.first + register.size <= bit.0)
    }
}
