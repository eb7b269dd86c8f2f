//! Expressions evaluated: names, indices, casts and functions. Measured bits have values only while a condition on
//! them is looked at, see [`crate::v3::condition`].

use crate::diagnostic::Failed;
use crate::gates::Size;
use crate::problem::{Problem, clip};
use crate::token::Span;
use crate::v3::division::Division;
use crate::v3::operators::{self, FUNCTIONS};
use crate::v3::problem::Problem3;
use crate::v3::reader::{Reader, STEPS_PER_VALUE};
use crate::v3::scope::{Copied, Entity};
use crate::v3::tree::{Base, Binary, Expr, ExprKind, Index, Range};
use crate::v3::value::{Array, MAX_BITS, Value};
use std::rc::Rc;

/// What an index chooses.
pub(crate) enum Chosen {
    One(usize),
    Many(Vec<usize>),
}

impl<'a> Reader<'a, '_> {
    /// The value of an expression. Every part of it counts, and the next statement is charged for it.
    ///
    /// # Errors
    /// Also [`Problem3::TooDeep`]: a call in an expression evaluates other expressions, so nesting is counted here as
    /// well as by the parser.
    pub fn evaluate(&mut self, expr: &Expr<'a>) -> Result<Value, Failed> {
        self.size.steps = self.size.steps.saturating_add(STEPS_PER_VALUE);
        self.deeper(expr.span, |reader| reader.value_of(expr))
    }

    /// Carries out something one level deeper, or refuses it.
    pub fn deeper<T>(
        &mut self,
        span: Span,
        carry_out: impl FnOnce(&mut Self) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        if self.depth >= self.max_depth() {
            return Err(self.error(span, Problem3::TooDeep { limit: self.max_depth() }));
        }
        self.depth += 1;
        let result = carry_out(self);
        self.depth -= 1;
        result
    }

    fn value_of(&mut self, expr: &Expr<'a>) -> Result<Value, Failed> {
        match &expr.kind {
            ExprKind::Int(value) => Ok(Value::int(*value)),
            ExprKind::Float(value) => Ok(Value::Float(*value)),
            ExprKind::Bool(value) => Ok(Value::Bool(*value)),
            ExprKind::Time(seconds) => Ok(Value::Duration(*seconds)),
            ExprKind::Bits(digits) => self.bits(digits, expr.span),
            ExprKind::Name(name) => self.named_value(name, expr.span),
            ExprKind::Unary(operator, inner) => {
                let value = self.evaluate(inner)?;
                operators::unary(*operator, &value).map_err(|problem| self.error(expr.span, problem))
            }
            ExprKind::Chain(first, rest) => self.chain(first, rest, expr.span),
            ExprKind::Call(name, arguments) => self.call(name, arguments, expr.span),
            ExprKind::Cast(ty, inner) => {
                // `int(7/2)` asks for the whole number.
                let is_whole = matches!(ty.base, Base::Int | Base::Uint);
                let division = if is_whole { Division::Whole } else { self.division };
                let value = self.dividing(division, |reader| reader.evaluate(inner))?;
                let kind = self.kind(ty)?;
                value.convert(kind).map_err(|problem| self.error(expr.span, problem))
            }
            ExprKind::Index(..) if self.assumed.is_some() && self.named_bits(expr).is_some() => {
                let bits = self.clbits(expr)?;
                let value = self.assumed.as_ref().filter(|_| bits.len() <= MAX_BITS as usize);
                let value = value.and_then(|assumed| assumed.value(&bits));
                value.ok_or_else(|| self.error(expr.span, Problem3::AtRunTime { name: self.text(expr.span) }))
            }
            ExprKind::Index(base, brackets) => {
                let mut value = self.evaluate(base)?;
                for bracket in brackets {
                    value = self.indexed(value, bracket, expr.span)?;
                }
                Ok(value)
            }
            ExprKind::Measure(_) => Err(self.error(expr.span, Problem3::MeasureInside)),
            ExprKind::Physical(_) | ExprKind::List(_) => {
                let problem = Problem3::Unfit { what: self.text(expr.span), expected: "a single value" };
                Err(self.error(expr.span, problem))
            }
        }
    }

    fn chain(&mut self, first: &Expr<'a>, rest: &[(Binary, Expr<'a>)], span: Span) -> Result<Value, Failed> {
        let mut left = self.evaluate(first)?;
        for (position, (operator, right)) in rest.iter().enumerate() {
            // What decides alone is not asked further: `i > 0 && a[i - 1] == 1`.
            let decided = match operator {
                Binary::Both => left.as_bool() == Some(false),
                Binary::Either => left.as_bool() == Some(true),
                _ => false,
            };
            if !decided {
                let right_value = self.evaluate(right)?;
                left = match self.exact_quotient(*operator, &left, &right_value, (first, &rest[..=position]), span)? {
                    Some(quotient) => quotient,
                    None => operators::binary(*operator, &left, &right_value)
                        .map_err(|problem| self.error(span, problem))?,
                };
            }
        }
        Ok(left)
    }

    /// The value of a text of digits.
    fn bits(&self, digits: &str, span: Span) -> Result<Value, Failed> {
        let (mut value, mut width) = (0u128, 0);
        for digit in digits.bytes().filter(|&b| b != b'_') {
            if width == MAX_BITS {
                let problem = Problem3::Width { what: "bits", width: i128::from(width) + 1, most: MAX_BITS };
                return Err(self.error(span, problem));
            }
            value = value << 1 | u128::from(digit == b'1');
            width += 1;
        }
        if width == 0 {
            return Err(self.error(span, Problem3::NotBits { text: clip(digits) }));
        }
        Ok(Value::Bits { value, width })
    }

    fn named_value(&mut self, name: &str, span: Span) -> Result<Value, Failed> {
        let problem = match self.scopes.find(name) {
            Some(Entity::Value { value: Some(value), .. }) => return Ok(value.clone()),
            Some(Entity::Value { value: None, .. }) => Problem3::Uninitialised { name: clip(name) },
            Some(Entity::Qubits(_)) => Problem3::Unfit { what: clip(name), expected: "a value" },
            Some(Entity::Bits { wires, .. }) => match &self.assumed {
                Some(assumed) if wires.len() <= MAX_BITS as usize => match assumed.value(wires) {
                    Some(value) => return Ok(value),
                    None => Problem3::AtRunTime { name: clip(name) },
                },
                _ => Problem3::AtRunTime { name: clip(name) },
            },
            Some(Entity::Copy(copied)) => match self.copied_value(copied) {
                Ok(Some(value)) => return Ok(value),
                Ok(None) => Problem3::AtRunTime { name: clip(name) },
                Err(problem) => problem,
            },
            None => match operators::constant(name) {
                Some(value) => return Ok(value),
                None => self.undeclared(name),
            },
        };
        Err(self.error(span, problem))
    }

    /// The value of a variable that was assigned from bits, if they are known here.
    fn copied_value(&self, copied: &Copied) -> Result<Option<Value>, Problem3> {
        let register = copied.domain.register;
        if self.n_writes.get(&register).copied().unwrap_or(0) != copied.n_writes {
            return Err(Problem3::Remeasured { register: clip(&self.circuit.cregs[register].name) });
        }
        let number = self.assumed.as_ref().and_then(|assumed| assumed.number(copied.domain));
        Ok(number.and_then(|number| copied.values.get(number)).cloned())
    }

    fn call(&mut self, name: &'a str, arguments: &[Expr<'a>], span: Span) -> Result<Value, Failed> {
        if let Some(def) = self.def(name) {
            // A condition is looked at many times, and the call would be carried out as often.
            if self.assumed.is_some() {
                return Err(self.error(span, Problem3::AtRunTime { name: clip(name) }));
            }
            let arguments: Vec<&Expr<'a>> = arguments.iter().collect();
            return match self.call_def(&def, &arguments, None, span)? {
                Some(value) => Ok(value),
                None => Err(self.error(span, Problem3::NoResult { name: clip(name) })),
            };
        }
        if name == "sizeof" {
            return self.size_of(arguments, span);
        }
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.evaluate(argument)?);
        }
        let found = operators::function(name, &values).ok_or_else(|| {
            let near = crate::names::nearest(name, FUNCTIONS.into_iter()).filter(|near| near != name);
            Problem3::Function { name: clip(name), found: values.len(), near }
        });
        found.and_then(|value| value).map_err(|problem| self.error(span, problem))
    }

    /// `sizeof(array, dimension)`, and of registers.
    fn size_of(&mut self, arguments: &[Expr<'a>], span: Span) -> Result<Value, Failed> {
        let (of, dimension) = match arguments {
            [of] => (of, 0),
            [of, dimension] => (of, self.size(dimension, 0)?),
            _ => {
                let problem = Problem3::ArgumentCount { name: "sizeof".into(), expected: 1, found: arguments.len() };
                return Err(self.error(span, problem));
            }
        };
        let wires = match &of.kind {
            ExprKind::Name(name) => match self.scopes.find(name) {
                Some(Entity::Qubits(wires) | Entity::Bits { wires, .. }) => Some(wires.len()),
                _ => None,
            },
            _ => None,
        };
        let dimensions = match wires {
            Some(size) => vec![size],
            None => match self.evaluate(of)? {
                Value::Array(array) => array.dimensions.clone(),
                Value::Bits { width, .. } => vec![width as usize],
                value => {
                    let problem = Problem3::Operands { operator: "sizeof", operands: value.describe() };
                    return Err(self.error(span, problem));
                }
            },
        };
        match dimensions.get(dimension) {
            Some(&size) => Ok(Value::int(size as i128)),
            None => {
                let problem = Problem3::Index { index: dimension as i128, size: dimensions.len() };
                Err(self.error(span, problem))
            }
        }
    }

    /// A part of a value: bits of bits and integers, elements of arrays.
    fn indexed(&mut self, value: Value, bracket: &[Index<'a>], span: Span) -> Result<Value, Failed> {
        match value {
            Value::Array(array) => self.element(&array, bracket, span),
            Value::Bits { value, width } => self.some_bits(value, width, bracket, span),
            Value::Int { value, kind: crate::v3::value::Kind::Int { width, .. } } if width < MAX_BITS => {
                self.some_bits(value as u128, width, bracket, span)
            }
            _ => {
                let problem = Problem3::Operands { operator: "[]", operands: value.describe() };
                Err(self.error(span, problem))
            }
        }
    }

    fn some_bits(&mut self, value: u128, width: u32, bracket: &[Index<'a>], span: Span) -> Result<Value, Failed> {
        let [index] = bracket else {
            let problem = Problem3::ArgumentCount { name: "[]".into(), expected: 1, found: bracket.len() };
            return Err(self.error(span, problem));
        };
        let bit = |position: usize| value >> position & 1;
        Ok(match self.chosen(index, width as usize, span)? {
            Chosen::One(position) => Value::Bits { value: bit(position), width: 1 },
            Chosen::Many(positions) => {
                if positions.is_empty() || positions.len() > MAX_BITS as usize {
                    let width = positions.len() as i128;
                    return Err(self.error(span, Problem3::Width { what: "known bits", width, most: MAX_BITS }));
                }
                let value = positions.iter().enumerate().fold(0, |bits, (to, &from)| bits | bit(from) << to);
                Value::Bits { value, width: positions.len() as u32 }
            }
        })
    }

    /// An element of an array, or the array of what stands at its first indices.
    fn element(&mut self, array: &Rc<Array>, bracket: &[Index<'a>], span: Span) -> Result<Value, Failed> {
        let (first, size, rest) = self.place(array, bracket, span)?;
        if rest.is_empty() {
            return Ok(array.elements[first].clone());
        }
        let elements = array.elements[first..first + size].to_vec();
        Ok(Value::Array(Rc::new(Array { kind: array.kind, dimensions: rest, elements })))
    }

    /// Where a part of an array begins, how many elements it has, and its dimensions.
    pub fn place(
        &mut self,
        array: &Array,
        bracket: &[Index<'a>],
        span: Span,
    ) -> Result<(usize, usize, Vec<usize>), Failed> {
        let n = array.dimensions.len();
        if bracket.len() > n {
            let problem = Problem3::ArgumentCount { name: "[]".into(), expected: n, found: bracket.len() };
            return Err(self.error(span, problem));
        }
        let (mut first, mut size) = (0, array.elements.len());
        for (index, &dimension) in bracket.iter().zip(&array.dimensions) {
            size /= dimension.max(1);
            match self.chosen(index, dimension, span)? {
                Chosen::One(position) => first += position * size,
                Chosen::Many(_) => {
                    let problem = Problem3::Unfit { what: self.text(span), expected: "one element or row of an array" };
                    return Err(self.error(span, problem));
                }
            }
        }
        // What follows copies this part.
        self.charge(span, Size { operations: 0, steps: size as u64 })?;
        Ok((first, size, array.dimensions[bracket.len()..].to_vec()))
    }

    /// What an index chooses among `size` things. Negative ones count from the end.
    pub fn chosen(&mut self, index: &Index<'a>, size: usize, span: Span) -> Result<Chosen, Failed> {
        match index {
            Index::One(expr) => Ok(Chosen::One(self.one(expr, size)?)),
            Index::Set(exprs) => {
                let positions = exprs.iter().map(|expr| self.one(expr, size)).collect::<Result<_, _>>()?;
                Ok(Chosen::Many(positions))
            }
            Index::Range(range) => self.chosen_range(range, size, span),
        }
    }

    fn one(&mut self, expr: &Expr<'a>, size: usize) -> Result<usize, Failed> {
        let index = self.integer(expr)?;
        self.in_range(index, size, expr.span)
    }

    fn in_range(&self, index: i128, size: usize, span: Span) -> Result<usize, Failed> {
        let from_start = if index < 0 { index + size as i128 } else { index };
        let found = usize::try_from(from_start).ok().filter(|&position| position < size);
        found.ok_or_else(|| self.error(span, Problem3::Index { index, size }))
    }

    /// `start:step:stop` with the stop included.
    fn chosen_range(&mut self, range: &Range<'a>, size: usize, span: Span) -> Result<Chosen, Failed> {
        let step = match &range.step {
            Some(step) => self.integer(step)?,
            None => 1,
        };
        if step == 0 || size == 0 {
            return Err(self.error(range.span, Problem3::OpenRange { missing: "a step other than 0" }));
        }
        let ends = if step > 0 { (0, size as i128 - 1) } else { (size as i128 - 1, 0) };
        let mut end = |expr: &Option<Expr<'a>>, default: i128| match expr {
            Some(expr) => {
                let index = self.integer(expr)?;
                self.in_range(index, size, expr.span).map(|position| position as i128)
            }
            None => Ok(default),
        };
        let (start, stop) = (end(&range.start, ends.0)?, end(&range.stop, ends.1)?);
        let mut positions = Vec::new();
        let mut at = start;
        while if step > 0 { at <= stop } else { at >= stop } {
            positions.push(at as usize);
            at = at.saturating_add(step);
        }
        self.charge(span, Size { operations: 0, steps: positions.len() as u64 })?;
        Ok(Chosen::Many(positions))
    }

    /// A whole number.
    pub fn integer(&mut self, expr: &Expr<'a>) -> Result<i128, Failed> {
        let value = self.dividing(Division::Whole, |reader| reader.evaluate(expr))?;
        value.as_int().ok_or_else(|| {
            let to = "a whole number".into();
            self.error(expr.span, Problem3::Conversion { from: value.describe(), to })
        })
    }

    /// A size or count of at least `least`.
    pub fn size(&mut self, expr: &Expr<'a>, least: i128) -> Result<usize, Failed> {
        let size = self.integer(expr)?;
        let found = usize::try_from(size).ok().filter(|_| size >= least);
        found.ok_or_else(|| self.error(expr.span, Problem3::Size { size }))
    }

    /// An angle in radians.
    pub fn angle(&mut self, expr: &Expr<'a>) -> Result<f64, Failed> {
        self.real(expr, Division::Refused)
    }

    /// A number that is finite.
    pub fn real(&mut self, expr: &Expr<'a>, division: Division) -> Result<f64, Failed> {
        let value = self.dividing(division, |reader| reader.evaluate(expr))?;
        let Some(radians) = value.as_float() else {
            let to = "an angle".into();
            return Err(self.error(expr.span, Problem3::Conversion { from: value.describe(), to }));
        };
        if radians.is_finite() {
            Ok(radians)
        } else {
            Err(self.error(expr.span, Problem::NotFinite { value: radians }))
        }
    }
}
