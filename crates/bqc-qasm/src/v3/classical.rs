//! Assignments: to known values, and of results to bits.

use crate::diagnostic::Failed;
use crate::gates::Size;
use crate::problem::clip;
use crate::token::Span;
use crate::v3::evaluate::Chosen;
use crate::v3::operators;
use crate::v3::problem::Problem3;
use crate::v3::reader::Reader;
use crate::v3::scope::{Copied, Entity, Wires};
use crate::v3::tree::{Binary, Expr, ExprKind, Index};
use crate::v3::value::{Array, Kind, Value};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What an assignment changes.
enum New {
    Whole(Value),
    /// Elements of an array, from this one on.
    Elements(usize, Vec<Value>),
}

impl<'a> Reader<'a, '_> {
    /// `target = value;`, `target += value;`
    pub fn assign(
        &mut self,
        target: &Expr<'a>,
        operator: Option<Binary>,
        value: &Expr<'a>,
        span: Span,
    ) -> Result<(), Failed> {
        let Some((name, brackets)) = named_place(target) else {
            let problem = Problem3::Unfit { what: self.text(target.span), expected: "a variable" };
            return Err(self.error(target.span, problem));
        };
        if operator.is_none() && self.assign_result(target, value, span)? {
            return Ok(());
        }
        let (kind, old) = self.variable(name, target.span)?;
        if let (None, []) = (operator, brackets)
            && let Some(copied) = self.copied(value, kind)?
        {
            if let Some((entity, _)) = self.scopes.find_mut(name) {
                *entity = Entity::Copy(copied);
            }
            return Ok(());
        }
        let new = match (operator, brackets) {
            (None, []) if !matches!(old, Some(Value::Array(_))) => New::Whole(self.converted(value, kind)?),
            (None, _) => self.with_part(old, kind, brackets, value, target.span)?,
            (Some(operator), _) => {
                let (left, right) = (self.evaluate(target)?, self.evaluate(value)?);
                let result = operators::binary(operator, &left, &right);
                let result = result.map_err(|problem| self.error(span, problem))?;
                self.with_value(old, kind, brackets, result, target.span)?
            }
        };
        self.store(name, new, kind, span)
    }

    /// Gives a variable its new value, or some of its elements.
    fn store(&mut self, name: &'a str, new: New, kind: Kind, span: Span) -> Result<(), Failed> {
        if let (New::Elements(..), Some(Entity::Value { value: Some(Value::Array(array)), .. })) =
            (&new, self.scopes.find(name))
        {
            // An array that another variable holds as well is copied below.
            let n_copied = if Rc::strong_count(array) > 1 { array.elements.len() as u64 } else { 0 };
            self.charge(span, Size { operations: 0, steps: n_copied })?;
        }
        if let Some((entity, _)) = self.scopes.find_mut(name) {
            match (new, entity) {
                (New::Elements(first, elements), Entity::Value { value: Some(Value::Array(array)), .. }) => {
                    let target = &mut Rc::make_mut(array).elements[first..];
                    target.iter_mut().zip(elements).for_each(|(old, new)| *old = new);
                }
                (New::Whole(value), entity) => *entity = Entity::Value { value: Some(value), kind, is_const: false },
                // Elements are those of an array.
                (New::Elements(..), _) => {}
            }
        }
        Ok(())
    }

    /// Assigns results of measurements to bits of the circuit; false if the value is none.
    fn assign_result(&mut self, target: &Expr<'a>, value: &Expr<'a>, span: Span) -> Result<bool, Failed> {
        match &value.kind {
            ExprKind::Measure(qubits) => {
                let qubits = self.qubits(qubits)?;
                let bits = self.measured_bits(target)?;
                self.measure(&qubits, &bits, span)?;
            }
            ExprKind::Call(called, arguments) if self.gives_bits(called) => {
                let bits = self.measured_bits(target)?;
                self.call_into(called, arguments, bits, span)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What a variable becomes that is computed from measured bits, which are known at run time alone.
    pub fn copied(&mut self, value: &Expr<'a>, kind: Kind) -> Result<Option<Copied>, Failed> {
        let mut registers = BTreeSet::new();
        self.registers_in(value, &mut registers);
        if registers.is_empty() || matches!(kind, Kind::Bit(_)) {
            return Ok(None);
        }
        let Some(domain) = self.domain_in(value)? else { return Ok(None) };
        let values = self.table(domain, value.span, |reader| reader.converted(value, kind))?;
        let n_writes = self.n_writes.get(&domain.register).copied().unwrap_or(0);
        Ok(Some(Copied { domain, n_writes, values: values.into(), kind }))
    }

    /// The type and present value of a variable that may be changed here.
    fn variable(&mut self, name: &'a str, span: Span) -> Result<(Kind, Option<Value>), Failed> {
        let problem = match self.scopes.find_mut(name) {
            Some((Entity::Value { is_const: false, kind, value }, true)) => {
                // Of an array, another handle on the same elements.
                return Ok((*kind, value.clone()));
            }
            Some((Entity::Copy(copied), true)) => return Ok((copied.kind, None)),
            Some((Entity::Value { is_const: false, .. } | Entity::Copy(_), false)) => {
                Problem3::ConditionalChange { name: clip(name) }
            }
            Some((Entity::Value { .. }, _)) => Problem3::Constant { name: clip(name) },
            Some((Entity::Bits { .. }, _)) => Problem3::SetBit,
            Some((Entity::Qubits(_), _)) => Problem3::Unfit { what: clip(name), expected: "a variable" },
            None => self.undeclared(name),
        };
        Err(self.error(span, problem))
    }

    /// A variable's value with the part behind `brackets` replaced by the value of an expression.
    fn with_part(
        &mut self,
        old: Option<Value>,
        kind: Kind,
        brackets: &[Vec<Index<'a>>],
        value: &Expr<'a>,
        span: Span,
    ) -> Result<New, Failed> {
        let Some(Value::Array(array)) = &old else {
            let value = self.evaluate(value)?;
            return self.with_value(old, kind, brackets, value, span);
        };
        let (first, size, rest) = self.array_part(array, brackets, span)?;
        let mut elements = Vec::with_capacity(size);
        self.fill(value, kind, &rest, &mut elements)?;
        Ok(New::Elements(first, elements))
    }

    /// The same with a value that is known.
    fn with_value(
        &mut self,
        old: Option<Value>,
        kind: Kind,
        brackets: &[Vec<Index<'a>>],
        value: Value,
        span: Span,
    ) -> Result<New, Failed> {
        let convert = |reader: &Self, value: Value, kind| value.convert(kind).map_err(|p| reader.error(span, p));
        if brackets.is_empty() {
            return convert(self, value, kind).map(New::Whole);
        }
        match old {
            Some(Value::Array(array)) => {
                let (first, _, rest) = self.array_part(&array, brackets, span)?;
                if !rest.is_empty() {
                    let problem = Problem3::ArrayShape { expected: "several".into(), found: "one value".into() };
                    return Err(self.error(span, problem));
                }
                Ok(New::Elements(first, vec![convert(self, value, kind)?]))
            }
            Some(Value::Bits { value: bits, width }) => {
                let bits = self.with_bits(bits, width, brackets, value, span)?;
                Ok(New::Whole(Value::Bits { value: bits, width }))
            }
            Some(Value::Int { value: number, kind: Kind::Int { width, .. } }) => {
                let bits = self.with_bits(number as u128, width, brackets, value, span)?;
                convert(self, Value::int(bits as i128), kind).map(New::Whole)
            }
            _ => Err(self.error(span, Problem3::Operands { operator: "[]", operands: kind.to_string() })),
        }
    }

    fn array_part(
        &mut self,
        array: &Array,
        brackets: &[Vec<Index<'a>>],
        span: Span,
    ) -> Result<(usize, usize, Vec<usize>), Failed> {
        match brackets {
            [] => Ok((0, array.elements.len(), array.dimensions.clone())),
            [bracket] => self.place(array, bracket, span),
            _ => {
                let problem = Problem3::Unfit { what: self.text(span), expected: "an element, as in a[0, 1]" };
                Err(self.error(span, problem))
            }
        }
    }

    /// Bits with some of them replaced.
    fn with_bits(
        &mut self,
        old: u128,
        width: u32,
        brackets: &[Vec<Index<'a>>],
        value: Value,
        span: Span,
    ) -> Result<u128, Failed> {
        let [bracket] = brackets else {
            let problem = Problem3::ArgumentCount { name: "[]".into(), expected: 1, found: brackets.len() };
            return Err(self.error(span, problem));
        };
        let [index] = &bracket[..] else {
            let problem = Problem3::ArgumentCount { name: "[]".into(), expected: 1, found: bracket.len() };
            return Err(self.error(span, problem));
        };
        let positions = match self.chosen(index, width as usize, span)? {
            Chosen::One(position) => vec![position],
            Chosen::Many(positions) => positions,
        };
        let kind = Kind::Bit(positions.len() as u32);
        let new = match value.convert(kind) {
            Ok(Value::Bits { value, .. }) => value,
            Ok(_) => 0,
            Err(problem) => return Err(self.error(span, problem)),
        };
        let set = |bits: u128, (from, &to): (usize, &usize)| bits & !(1 << to) | (new >> from.min(127) & 1) << to;
        Ok(positions.iter().enumerate().fold(old, set))
    }

    /// The bits of the circuit that a measurement writes. Known bits that are zero become a register.
    pub fn measured_bits(&mut self, target: &Expr<'a>) -> Result<Wires, Failed> {
        if let Some((name, _)) = named_place(target) {
            let problem = match self.scopes.find(name) {
                Some(Entity::Bits { is_parameter: true, .. }) => Some(Problem3::Parameter { name: clip(name) }),
                Some(Entity::Value {
                    kind: Kind::Bit(_),
                    is_const: false,
                    value: Some(Value::Bits { value, width }),
                }) => {
                    let (value, width) = (*value, *width);
                    if value == 0 {
                        return self.promoted(name, width, target);
                    }
                    Some(Problem3::NonzeroBits { name: clip(name) })
                }
                _ => None,
            };
            if let Some(problem) = problem {
                return Err(self.error(target.span, problem));
            }
        }
        self.clbits(target)
    }

    /// Makes known bits, which are zero, a register of the circuit, in which bits begin with zero too.
    fn promoted(&mut self, name: &'a str, width: u32, target: &Expr<'a>) -> Result<Wires, Failed> {
        let (_, wires) = self.new_clbits(name, width as usize, target.span)?;
        // A single bit pairs with single qubits, and one of `bit[1]` with registers of one: both are written alike.
        let wires = if width == 1 { Wires::single(wires.at(0)) } else { wires };
        match self.scopes.find_mut(name) {
            Some((entity, true)) => *entity = Entity::Bits { wires, is_parameter: false },
            _ => return Err(self.error(target.span, Problem3::ConditionalChange { name: clip(name) })),
        }
        self.clbits(target)
    }
}

/// The name that an expression begins with, and the brackets behind it, if it is no more than that.
fn named_place<'e, 'a>(expr: &'e Expr<'a>) -> Option<(&'a str, &'e [Vec<Index<'a>>])> {
    match &expr.kind {
        ExprKind::Name(name) => Some((name, &[])),
        ExprKind::Index(base, brackets) => match base.kind {
            ExprKind::Name(name) => Some((name, brackets)),
            _ => None,
        },
        _ => None,
    }
}
