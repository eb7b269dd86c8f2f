//! `if` and `switch`: decided here if they can be, otherwise conditions on one register of measured bits.
//!
//! A circuit holds `if (register == number) operation`. A condition that depends on the bits of one register is looked
//! at for every value of the register, and each value for which it holds becomes one such condition on every operation
//! under it; `else` gets the other values. No two of them hold at once, and no operation but a measurement changes the
//! register: one that does must be the last under its condition, which must hold for a single value. A register that is
//! too wide for that can be compared with a number, or decide by one bit: see [`crate::v3::domain`].

use crate::diagnostic::Failed;
use crate::gates::Size;
use crate::token::Span;
use crate::v3::domain::{Assumed, Domain, Guard, MAX_TABLE_BITS};
use crate::v3::execute::Flow;
use crate::v3::problem::Problem3;
use crate::v3::reader::Reader;
use crate::v3::scope::Entity;
use crate::v3::tree::{Base, Binary, Case, Expr, ExprKind, Stmt};
use crate::v3::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// For which values of its domain something holds.
enum Values {
    /// One value of a register of any width.
    One(u128),
    /// For each value of a register, in order, which of several branches it chooses.
    Table(Vec<usize>),
}

impl Values {
    /// The values that choose a branch, as decimal numbers; none if there are too many to list.
    fn of_branch(&self, branch: usize, size: u32) -> Option<Vec<String>> {
        Some(match self {
            Values::One(value) if branch == 0 => vec![value.to_string()],
            Values::One(_) if size > MAX_TABLE_BITS => return None,
            Values::One(value) => {
                (0..1u128 << size).filter(|other| other != value).map(|other| other.to_string()).collect()
            }
            Values::Table(table) => {
                let own = table.iter().enumerate().filter(|(_, chosen)| **chosen == branch);
                own.map(|(value, _)| value.to_string()).collect()
            }
        })
    }
}

impl<'a> Reader<'a, '_> {
    /// `if (condition) then else otherwise`
    pub fn conditional(
        &mut self,
        condition: &Expr<'a>,
        then: &[Stmt<'a>],
        otherwise: &[Stmt<'a>],
    ) -> Result<Flow, Failed> {
        let Some(domain) = self.domain_in(condition)? else {
            let value = self.evaluate(condition)?;
            let holds = self.truth(&value, condition.span)?;
            return self.block(if holds { then } else { otherwise });
        };
        let values = match self.equality(condition, domain)? {
            Some(value) => Values::One(value),
            None => Values::Table(self.table(domain, condition.span, |reader| {
                let value = reader.evaluate(condition)?;
                Ok(usize::from(!reader.truth(&value, condition.span)?))
            })?),
        };
        self.branches(domain, &values, &[then, otherwise], condition.span)
    }

    /// `switch (on) { case … default … }`
    pub fn switch(&mut self, on: &Expr<'a>, cases: &[Case<'a>], default: Option<&[Stmt<'a>]>) -> Result<Flow, Failed> {
        let mut numbers: BTreeMap<i128, usize> = BTreeMap::new();
        for (branch, case) in cases.iter().enumerate() {
            for value in &case.values {
                let number = self.integer(value)?;
                numbers.entry(number).or_insert(branch);
            }
        }
        let mut bodies: Vec<&[Stmt<'a>]> = cases.iter().map(|case| &case.body[..]).collect();
        bodies.push(default.unwrap_or(&[]));
        let chosen = |number: i128| numbers.get(&number).copied().unwrap_or(cases.len());
        match self.domain_in(on)? {
            None => {
                let number = self.integer(on)?;
                self.block(bodies[chosen(number)])
            }
            Some(domain) => {
                let table = self.table(domain, on.span, |reader| Ok(chosen(reader.integer(on)?)))?;
                self.branches(domain, &Values::Table(table), &bodies, on.span)
            }
        }
    }

    fn truth(&self, value: &Value, span: Span) -> Result<bool, Failed> {
        value
            .as_bool()
            .ok_or_else(|| self.error(span, Problem3::Conversion { from: value.describe(), to: "a condition".into() }))
    }

    /// The number that the whole register is compared with, if a condition says no more than that.
    fn equality(&mut self, condition: &Expr<'a>, domain: Domain) -> Result<Option<u128>, Failed> {
        let register = domain.register;
        let ExprKind::Chain(left, rest) = &condition.kind else { return Ok(None) };
        let [(Binary::Equal, right)] = &rest[..] else { return Ok(None) };
        let (bits, other) = if self.is_whole(left, register) { (&**left, right) } else { (right, &**left) };
        let mut found = BTreeSet::new();
        self.registers_in(other, &mut found);
        if !found.is_empty() || !self.is_whole(bits, register) {
            return Ok(None);
        }
        let size = self.circuit.cregs[register].size;
        let number = match self.evaluate(other)? {
            Value::Bits { value, width } if width == size => value,
            value => match value.as_int().map(u128::try_from) {
                Some(Ok(value)) => value,
                _ => return Ok(None),
            },
        };
        // A signed integer of as many bits has other numbers for the upper half.
        let n_digits = 128 - number.leading_zeros();
        let is_plain = !matches!(&bits.kind, ExprKind::Cast(ty, _) if ty.base == Base::Int) || n_digits < size;
        Ok(Some(number).filter(|_| is_plain && n_digits <= size))
    }

    /// Whether an expression is all bits of a register in order, perhaps as an integer of at least as many bits.
    fn is_whole(&self, expr: &Expr<'a>, register: usize) -> bool {
        let (name, width) = match &expr.kind {
            ExprKind::Name(name) => (*name, u32::MAX),
            ExprKind::Cast(ty, inner) if matches!(ty.base, Base::Int | Base::Uint) => {
                let width = match &ty.width {
                    None => 64,
                    Some(width) => match width.kind {
                        ExprKind::Int(width) => u32::try_from(width).unwrap_or(0),
                        _ => 0,
                    },
                };
                let ExprKind::Name(name) = inner.kind else { return false };
                (name, width)
            }
            _ => return false,
        };
        let Some(Entity::Bits { wires, .. }) = self.scopes.find(name) else { return false };
        let whole = &self.circuit.cregs[register];
        let is_same = wires.is_range() && wires.len() == whole.size as usize && wires.first() == Some(whole.first);
        is_same && width >= whole.size
    }

    /// What `choose` says for each value of some bits.
    pub fn table<T>(
        &mut self,
        domain: Domain,
        span: Span,
        mut choose: impl FnMut(&mut Self) -> Result<T, Failed>,
    ) -> Result<Vec<T>, Failed> {
        let Domain { first, size, .. } = domain;
        if size > MAX_TABLE_BITS {
            return Err(self.wide(domain, span));
        }
        self.charge(span, Size { operations: 0, steps: 1 << size })?;
        let outer = self.assumed.take();
        let mut table = Vec::with_capacity(1 << size);
        for value in 0..1u128 << size {
            self.assumed = Some(Assumed::new(first, size, value));
            self.charge(span, Size { operations: 0, steps: 1 })?;
            table.push(choose(self)?);
        }
        self.assumed = outer;
        Ok(table)
    }

    fn wide(&self, domain: Domain, span: Span) -> Failed {
        let register = self.circuit.cregs[domain.register].name.clone();
        self.error(span, Problem3::WideRegister { register, limit: MAX_TABLE_BITS })
    }

    /// Carries out each branch under the values that choose it.
    fn branches(
        &mut self,
        domain: Domain,
        values: &Values,
        bodies: &[&[Stmt<'a>]],
        span: Span,
    ) -> Result<Flow, Failed> {
        let outer = self.guard.clone();
        let mut is_stale = outer.as_ref().is_some_and(|guard| guard.is_stale);
        for (branch, body) in bodies.iter().enumerate() {
            if body.is_empty() {
                continue;
            }
            let Some(mut chosen) = values.of_branch(branch, domain.size) else {
                return Err(self.wide(domain, span));
            };
            let is_always = outer.is_none() && chosen.len() as u128 == 1u128.checked_shl(domain.size).unwrap_or(0);
            if let Some(outer) = &outer {
                let allowed: BTreeSet<&String> = outer.values.iter().collect();
                chosen.retain(|value| allowed.contains(value));
            }
            if chosen.is_empty() {
                continue;
            }
            if is_always {
                return self.block(body);
            }
            self.use_domain(domain, span)?;
            self.guard = Some(Guard { domain, values: chosen.into(), is_stale });
            let outside = self.scopes.open_at_run_time();
            let flow = self.statements(body)?;
            self.scopes.close_at_run_time(outside);
            if flow != Flow::Next {
                return Err(self.error(span, Problem3::ConditionalFlow));
            }
            is_stale = self.guard.take().is_some_and(|guard| guard.is_stale);
        }
        self.guard = outer;
        if let Some(guard) = &mut self.guard {
            guard.is_stale = is_stale;
        }
        Ok(Flow::Next)
    }
}
