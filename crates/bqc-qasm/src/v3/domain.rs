//! The bits that conditions look at: a register, or one bit of a wide register.
//!
//! A circuit compares whole registers. A register of up to eight bits is looked at value by value. Of a wider one a
//! single bit may decide: then the register is split at the end, so that the bit is a register of its own, `c_3` of
//! `c`. Bits keep their numbers, so nothing else changes. Such a register cannot be compared as a whole as well.

use crate::diagnostic::Failed;
use crate::gates::Size;
use crate::token::Span;
use crate::v3::problem::Problem3;
use crate::v3::reader::Reader;
use crate::v3::scope::{Entity, Wires};
use crate::v3::tree::{Expr, ExprKind, Index};
use crate::v3::value::Value;
use bqc_circuit::{Clbit, Directive, Operation, Register};
use std::collections::BTreeSet;
use std::rc::Rc;

/// The widest register that is looked at value by value.
pub(crate) const MAX_TABLE_BITS: u32 = 8;
/// Until registers are split, the bit n of a wide register has this number plus n in the place of a register.
const SPLIT: usize = usize::MAX / 2;

/// Bits that a condition looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Domain {
    pub register: usize,
    /// All bits of the register, or one of them.
    pub first: u32,
    pub size: u32,
    is_split: bool,
}

impl Domain {
    /// What stands in a condition in the place of the register.
    pub fn creg(self) -> usize {
        if self.is_split { SPLIT + self.first as usize } else { self.register }
    }

    pub fn contains(self, bit: Clbit) -> bool {
        bit.0.checked_sub(self.first).is_some_and(|place| place < self.size)
    }
}

/// What holds while statements are carried out: the bits have one of some values.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    pub domain: Domain,
    /// Decimal numbers.
    pub values: Rc<[String]>,
    /// Whether a measurement has changed the bits.
    pub is_stale: bool,
}

/// A value of some bits, while a condition is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assumed {
    first: u32,
    size: u32,
    value: u128,
}

impl Assumed {
    pub fn new(first: u32, size: u32, value: u128) -> Assumed {
        Assumed { first, size, value }
    }

    /// The value of some bits, at most 128; none if one is not assumed.
    pub fn value(&self, bits: &Wires) -> Option<Value> {
        let mut value = 0;
        for (position, bit) in bits.iter().enumerate() {
            let place = bit.checked_sub(self.first).filter(|&place| place < self.size)?;
            value |= (self.value >> place & 1) << position;
        }
        Some(Value::Bits { value, width: bits.len() as u32 })
    }

    /// The value of all bits that are assumed, if they are those of `domain`.
    pub fn number(&self, domain: Domain) -> Option<usize> {
        ((domain.first, domain.size) == (self.first, self.size)).then(|| usize::try_from(self.value).ok())?
    }
}

impl<'a> Reader<'a, '_> {
    /// The measured bits on which an expression depends.
    pub fn domain_in(&mut self, expr: &Expr<'a>) -> Result<Option<Domain>, Failed> {
        let mut found = BTreeSet::new();
        self.registers_in(expr, &mut found);
        if found.len() > 1 {
            return Err(self.error(expr.span, Problem3::SeveralRegisters));
        }
        let Some(register) = found.pop_first() else { return Ok(None) };
        let Register { first, size, .. } = self.circuit.cregs[register];
        let mut domain = Domain { register, first, size, is_split: false };
        if size > MAX_TABLE_BITS {
            let mut bits = BTreeSet::new();
            self.bits_in(expr, &mut bits)?;
            if let (Some(&bit), 1) = (bits.first(), bits.len()) {
                domain = Domain { register, first: bit, size: 1, is_split: true };
            }
        }
        match &self.guard {
            Some(guard) if guard.domain != domain => Err(self.error(expr.span, Problem3::NestedConditions)),
            _ => Ok(Some(domain)),
        }
    }

    /// Adds the registers whose bits an expression names.
    pub fn registers_in(&mut self, expr: &Expr<'a>, found: &mut BTreeSet<usize>) {
        match &expr.kind {
            ExprKind::Name(name) => {
                let bits = match self.scopes.find(name) {
                    Some(Entity::Bits { wires, .. }) => wires.clone(),
                    Some(Entity::Copy(copied)) => Wires::range(copied.domain.first, copied.domain.size),
                    _ => return,
                };
                // A range lies in one register.
                let n = if bits.is_range() { bits.len().min(1) } else { bits.len() };
                self.size.steps = self.size.steps.saturating_add(n as u64);
                found.extend((0..n).map(|position| self.register_of(Clbit(bits.at(position)))));
            }
            ExprKind::Unary(_, inner) | ExprKind::Cast(_, inner) => self.registers_in(inner, found),
            ExprKind::Chain(first, rest) => {
                self.registers_in(first, found);
                rest.iter().for_each(|(_, part)| self.registers_in(part, found));
            }
            ExprKind::Call(name, _) if *name == "sizeof" => {}
            ExprKind::Call(_, parts) | ExprKind::List(parts) => {
                parts.iter().for_each(|part| self.registers_in(part, found));
            }
            // An error in an index is told where the condition is evaluated.
            ExprKind::Index(..) if self.named_bits(expr).is_some() => {
                if let Ok(bits) = self.clbits(expr) {
                    self.size.steps = self.size.steps.saturating_add(bits.len() as u64);
                    found.extend(bits.iter().map(|bit| self.register_of(Clbit(bit))));
                } else if let ExprKind::Index(base, _) = &expr.kind {
                    self.registers_in(base, found);
                }
            }
            ExprKind::Index(base, brackets) => {
                self.registers_in(base, found);
                for index in brackets.iter().flatten() {
                    if let Index::One(part) = index {
                        self.registers_in(part, found);
                    }
                }
            }
            _ => {}
        }
    }

    /// Adds the bits that an expression names.
    fn bits_in(&mut self, expr: &Expr<'a>, found: &mut BTreeSet<u32>) -> Result<(), Failed> {
        match &expr.kind {
            ExprKind::Name(name) => {
                let bits = match self.scopes.find(name) {
                    Some(Entity::Bits { wires, .. }) => wires.clone(),
                    Some(Entity::Copy(copied)) => Wires::range(copied.domain.first, copied.domain.size),
                    _ => return Ok(()),
                };
                self.charge(expr.span, Size { operations: 0, steps: bits.len() as u64 })?;
                found.extend(bits.iter());
            }
            ExprKind::Index(..) if self.named_bits(expr).is_some() => {
                let bits = self.clbits(expr)?;
                self.charge(expr.span, Size { operations: 0, steps: bits.len() as u64 })?;
                found.extend(bits.iter());
            }
            ExprKind::Unary(_, inner) | ExprKind::Cast(_, inner) => self.bits_in(inner, found)?,
            ExprKind::Chain(first, rest) => {
                self.bits_in(first, found)?;
                for (_, part) in rest {
                    self.bits_in(part, found)?;
                }
            }
            ExprKind::Call(_, parts) | ExprKind::List(parts) => {
                for part in parts {
                    self.bits_in(part, found)?;
                }
            }
            ExprKind::Index(base, brackets) => {
                self.bits_in(base, found)?;
                for index in brackets.iter().flatten() {
                    if let Index::One(part) = index {
                        self.bits_in(part, found)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes how a wide register is looked at, or refuses the second of two ways.
    pub fn use_domain(&mut self, domain: Domain, span: Span) -> Result<(), Failed> {
        let register = domain.register;
        if self.circuit.cregs[register].size <= MAX_TABLE_BITS {
            return Ok(());
        }
        let is_split = *self.wide_registers.entry(register).or_insert(domain.is_split);
        if is_split != domain.is_split {
            let register = self.circuit.cregs[register].name.clone();
            return Err(self.error(span, Problem3::BothWays { register }));
        }
        if domain.is_split {
            self.split_bits.insert(domain.first);
        }
        Ok(())
    }

    /// Makes the bits that decide by themselves registers of their own.
    pub fn split_registers(&mut self) {
        if self.split_bits.is_empty() {
            return;
        }
        let (mut registers, mut moved) = (Vec::new(), Vec::new());
        for register in std::mem::take(&mut self.circuit.cregs) {
            moved.push(registers.len());
            let end = register.first + register.size;
            let inside: Vec<u32> = self.split_bits.range(register.first..end).copied().collect();
            if inside.is_empty() {
                registers.push(register);
                continue;
            }
            let mut pieces = Vec::new();
            let mut at = register.first;
            for bit in inside {
                pieces.extend([(at, bit), (bit, bit + 1)]);
                at = bit + 1;
            }
            pieces.push((at, end));
            for (first, end) in pieces.into_iter().filter(|(first, end)| first < end) {
                let place = first - register.first;
                let name = match end - first {
                    1 => format!("{}_{place}", register.name),
                    size => format!("{}_{place}_{}", register.name, place + size - 1),
                };
                registers.push(Register { name: self.register_name(&name), first, size: end - first });
            }
        }
        self.circuit.cregs = registers;
        let mut operations = std::mem::take(&mut self.circuit.operations);
        for operation in &mut operations {
            if let Operation::Directive(directive) = operation
                && let Directive::Conditional { creg, .. } = &mut **directive
            {
                *creg = match creg.checked_sub(SPLIT) {
                    Some(bit) => self.register_of(Clbit(bit as u32)),
                    None => moved[*creg],
                };
            }
        }
        self.circuit.operations = operations;
    }
}
