//! What `/` does with two integers: whole, refused or exact, by where it stands.

use crate::diagnostic::Failed;
use crate::token::Span;
use crate::v3::problem::Problem3;
use crate::v3::reader::Reader;
use crate::v3::scope::Entity;
use crate::v3::tree::{Binary, Expr, ExprKind};
use crate::v3::value::Value;

/// What `/` does with two integers whose quotient is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Division {
    /// It drops the fraction, as the specification says.
    Whole,
    /// It is refused: in the angle of a gate, a dropped fraction is a mistake.
    Refused,
    /// Constants divide exactly, others are refused: in the exponent of a power. The specification's `stdgates.inc`
    /// writes `pow(1/2) @ x` for the square root.
    Exact,
}

impl<'a> Reader<'a, '_> {
    /// Reads something while `/` has another meaning for integers.
    pub fn dividing<T>(
        &mut self,
        division: Division,
        read: impl FnOnce(&mut Self) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let outer = std::mem::replace(&mut self.division, division);
        let result = read(self);
        self.division = outer;
        result
    }

    /// What an operator gives that is `/` between integers without a whole quotient, where that is not dropped;
    /// `parts` are the operands so far.
    pub fn exact_quotient(
        &self,
        operator: Binary,
        left: &Value,
        right: &Value,
        (first, rest): (&Expr<'a>, &[(Binary, Expr<'a>)]),
        span: Span,
    ) -> Result<Option<Value>, Failed> {
        if operator != Binary::Divide || self.division == Division::Whole {
            return Ok(None);
        }
        let Some(quotient) = quotient(left, right) else { return Ok(None) };
        let is_constant = || self.is_constant(first) && rest.iter().all(|(_, part)| self.is_constant(part));
        if self.division == Division::Exact && is_constant() {
            return Ok(Some(Value::Float(quotient)));
        }
        Err(self.error(span, Problem3::DroppedFraction { text: self.text(span) }))
    }

    /// Whether an expression is made of literals and constants alone.
    fn is_constant(&self, expr: &Expr<'a>) -> bool {
        match &expr.kind {
            ExprKind::Int(_) => true,
            ExprKind::Name(name) => matches!(self.scopes.find(name), Some(Entity::Value { is_const: true, .. })),
            ExprKind::Unary(_, inner) => self.is_constant(inner),
            ExprKind::Chain(first, rest) => {
                self.is_constant(first) && rest.iter().all(|(_, part)| self.is_constant(part))
            }
            _ => false,
        }
    }
}

/// The quotient of two integers, if it is not whole.
fn quotient(left: &Value, right: &Value) -> Option<f64> {
    let (l, r) = (left.as_int()?, right.as_int()?);
    (r != 0 && l.checked_rem(r)? != 0).then(|| l as f64 / r as f64)
}
