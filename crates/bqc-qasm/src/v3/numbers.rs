//! Arithmetic of integers and angles that have a width: it wraps there, as the specification says of both types.
//!
//! Two declared integers are computed with in the wider type, unsigned if that is as wide as the signed one, as in C.
//! A literal takes the type of the other operand if that holds its value; literals alone are as wide as they need. An
//! `angle[n]` is a number of steps of 2π/2^n, and is computed with as an unsigned integer; an angle without a width is
//! reduced to one turn after every operation.

use crate::v3::problem::Problem3;
use crate::v3::tree::Binary;
use crate::v3::value::{Kind, LITERAL, Value, mask, reduced, wrap};
use std::f64::consts::TAU;

/// How far quotients of angles without a width may lie below a whole number and count as it: both have roundings.
const NEXT_TO_WHOLE: f64 = 1e-12;

/// The type in which two integers are computed with.
fn common(left: (i128, Kind), right: (i128, Kind)) -> Kind {
    let holds = |kind: Kind, value: i128| match kind {
        Kind::Int { signed, width } => wrap(value, signed, width) == value,
        _ => false,
    };
    let (Kind::Int { signed: s, width: a }, Kind::Int { signed: t, width: b }) = (left.1, right.1) else {
        return LITERAL;
    };
    match (left.1 == LITERAL, right.1 == LITERAL) {
        (true, true) => LITERAL,
        (true, false) => {
            if holds(right.1, left.0) {
                right.1
            } else {
                LITERAL
            }
        }
        (false, true) => {
            if holds(left.1, right.0) {
                left.1
            } else {
                LITERAL
            }
        }
        (false, false) if s == t => Kind::Int { signed: s, width: a.max(b) },
        (false, false) => {
            let (signed, unsigned) = if s { (a, b) } else { (b, a) };
            Kind::Int { signed: signed > unsigned, width: a.max(b) }
        }
    }
}

/// An integer modulo the size of its type.
pub(crate) fn wrapped(value: i128, kind: Kind) -> Value {
    let Kind::Int { signed, width } = kind else { return Value::int(value) };
    Value::Int { value: wrap(value, signed, width), kind }
}

/// The common type of two values, if both are integers, and their values in it.
pub(crate) fn shared(left: &Value, right: &Value) -> Option<(i128, i128, Kind)> {
    let (&Value::Int { value: l, kind: a }, &Value::Int { value: r, kind: b }) = (left, right) else { return None };
    let kind = common((l, a), (r, b));
    let Kind::Int { signed, width } = kind else { return None };
    Some((wrap(l, signed, width), wrap(r, signed, width), kind))
}

/// An arithmetic operator between numbers that have an integer. Those without a declared type stay below 128 bits.
pub(crate) fn integers(operator: Binary, left: &Value, right: &Value) -> Option<Result<Value, Problem3>> {
    if operator == Binary::Power {
        return powers(left, right);
    }
    let (l, r, kind) = match shared(left, right) {
        Some(shared) => shared,
        None => (left.as_int()?, right.as_int()?, LITERAL),
    };
    let is_literal = kind == LITERAL;
    let found = match operator {
        Binary::Add => l.checked_add(r),
        Binary::Subtract => l.checked_sub(r),
        // Two numbers of 64 bits may need 128.
        Binary::Multiply if !is_literal => Some(l.wrapping_mul(r)),
        Binary::Multiply => l.checked_mul(r),
        Binary::Divide | Binary::Remainder if r == 0 => return Some(Err(Problem3::DivisionByZero)),
        Binary::Divide => l.checked_div(r),
        Binary::Remainder => l.checked_rem(r),
        _ => return None,
    };
    Some(found.map(|value| wrapped(value, kind)).ok_or(Problem3::Overflow))
}

/// The type is that of the base; a negative exponent gives a float.
fn powers(left: &Value, right: &Value) -> Option<Result<Value, Problem3>> {
    let (l, r) = (left.as_int()?, right.as_int()?);
    if r < 0 {
        return Some(Ok(Value::Float((l as f64).powf(r as f64))));
    }
    let exponent = u32::try_from(r).ok();
    let found = match *left {
        Value::Int { kind, .. } if kind != LITERAL => exponent.map(|r| wrapped(l.wrapping_pow(r), kind)),
        _ => exponent.and_then(|r| l.checked_pow(r)).map(Value::int),
    };
    Some(found.ok_or(Problem3::Overflow))
}

/// An angle of this many steps, or as many radians if it has no width.
fn angle(radians: f64, width: Option<u32>) -> Value {
    Value::Angle { radians: reduced(radians, width), width }
}

/// How many steps of 2π/2^width an angle has. Exact up to 53 bits.
fn steps(radians: f64, width: u32) -> u128 {
    (radians / TAU * 2f64.powi(width as i32)).round() as u128 & mask(width)
}

fn from_steps(steps: u128, width: u32) -> Value {
    let radians = (steps & mask(width)) as f64 / 2f64.powi(width as i32) * TAU;
    angle(radians, Some(width))
}

/// The width of what two angles give: the larger one, none if one has none.
fn wider(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    Some(a?.max(b?))
}

/// The angle in the other direction.
pub(crate) fn negated(radians: f64, width: Option<u32>) -> Value {
    angle(-radians, width)
}

/// An operator between two angles, or an angle and an integer; none if it is between others, or gives a float.
pub(crate) fn angles(operator: Binary, left: &Value, right: &Value) -> Option<Result<Value, Problem3>> {
    Some(match (operator, left, right) {
        (
            Binary::Add | Binary::Subtract | Binary::Divide,
            &Value::Angle { radians: l, width: a },
            &Value::Angle { radians: r, width: b },
        ) => {
            let width = wider(a, b);
            match operator {
                Binary::Add => Ok(angle(l + r, width)),
                Binary::Subtract => Ok(angle(l - r, width)),
                _ => ratio(l, r, width),
            }
        }
        (Binary::Multiply, &Value::Angle { radians, width }, &Value::Int { value, .. })
        | (Binary::Multiply, &Value::Int { value, .. }, &Value::Angle { radians, width }) => Ok(match width {
            Some(width) => from_steps(steps(radians, width).wrapping_mul(value as u128), width),
            None => angle(radians * value as f64, None),
        }),
        (Binary::Divide, Value::Angle { .. }, Value::Int { value: 0, .. }) => Err(Problem3::DivisionByZero),
        (Binary::Divide, &Value::Angle { radians, width: Some(width) }, &Value::Int { value, .. }) => {
            let part = steps(radians, width) / value.unsigned_abs();
            Ok(from_steps(if value < 0 { part.wrapping_neg() } else { part }, width))
        }
        (Binary::Divide, &Value::Angle { radians, width: None }, &Value::Int { value, .. }) => {
            Ok(angle(radians / value as f64, None))
        }
        _ => return None,
    })
}

/// How often one angle fits into another: a whole number.
fn ratio(left: f64, right: f64, width: Option<u32>) -> Result<Value, Problem3> {
    let Some(width) = width else {
        if right == 0.0 {
            return Err(Problem3::DivisionByZero);
        }
        let quotient = left / right;
        let whole = quotient.round();
        let is_whole = (quotient - whole).abs() <= NEXT_TO_WHOLE * whole.max(1.0);
        return Value::Float(if is_whole { whole } else { quotient.floor() }).convert(LITERAL);
    };
    let (l, r) = (steps(left, width), steps(right, width));
    let quotient = l.checked_div(r).ok_or(Problem3::DivisionByZero)?;
    Ok(wrapped(quotient as i128, Kind::Int { signed: false, width: width.min(64) }))
}

/// Whether an angle is the same as another value: a number is taken as an angle of the same type first.
pub(crate) fn same_angle(left: &Value, right: &Value) -> Option<bool> {
    let (radians, width, other) = match (left, right) {
        (&Value::Angle { radians, width }, other) | (other, &Value::Angle { radians, width }) => {
            (radians, width, other)
        }
        _ => return None,
    };
    let (width, other) = match *other {
        Value::Angle { radians, width: b } => (wider(width, b), radians),
        Value::Bits { .. } => return None,
        _ => (width, other.as_float()?),
    };
    let other = reduced(other, width);
    Some(match width {
        Some(width) => steps(radians, width) == steps(other, width),
        None => radians == other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::operators::{binary, unary};
    use crate::v3::tree::Unary;
    use std::f64::consts::PI;

    fn typed(value: i128, signed: bool, width: u32) -> Value {
        wrapped(value, Kind::Int { signed, width })
    }

    #[test]
    fn declared_integers_wrap_at_the_wider_type() {
        let uint = |value, width| typed(value, false, width);
        let int = |value, width| typed(value, true, width);
        for (operator, left, right, expected) in [
            (Binary::Add, uint(15, 4), uint(1, 4), uint(0, 4)),
            (Binary::Add, uint(15, 4), uint(1, 8), uint(16, 8)),
            (Binary::Subtract, uint(0, 2), Value::int(1), uint(3, 2)),
            (Binary::Add, uint(3, 2), Value::int(4), Value::int(7)),
            (Binary::Add, Value::int(1), int(127, 8), int(-128, 8)),
            (Binary::Multiply, uint(u64::MAX.into(), 64), uint(u64::MAX.into(), 64), uint(1, 64)),
            // Unsigned as wide as signed: unsigned, as in C. A wider signed type holds all of an unsigned one.
            (Binary::Divide, int(-1, 8), uint(2, 8), uint(127, 8)),
            (Binary::Divide, int(-4, 16), uint(2, 8), int(-2, 16)),
            (Binary::Power, uint(3, 4), Value::int(3), uint(11, 4)),
            (Binary::And, uint(6, 4), Value::int(3), uint(2, 4)),
        ] {
            assert_eq!(binary(operator, &left, &right), Ok(expected), "{operator:?} {left:?} {right:?}");
        }
        assert_eq!(unary(Unary::Negate, &uint(1, 2)), Ok(uint(3, 2)));
        assert_eq!(unary(Unary::Negate, &int(-128, 8)), Ok(int(-128, 8)));
    }

    #[test]
    fn angles_stay_in_one_turn_and_divide_by_steps() {
        let at = |radians: f64, width| Value::Float(radians).convert(Kind::Angle(width)).unwrap();
        let four = |steps: u32| at(f64::from(steps) * TAU / 16.0, Some(4));
        for (operator, left, right, expected) in [
            (Binary::Add, four(12), four(8), four(4)),
            (Binary::Subtract, four(1), four(3), four(14)),
            (Binary::Multiply, four(12), Value::int(2), four(8)),
            (Binary::Multiply, Value::int(-1), four(3), four(13)),
            (Binary::Divide, four(15), Value::int(2), four(7)),
            (Binary::Add, at(1.5 * PI, None), at(PI, None), at(0.5 * PI, None)),
            (Binary::Add, at(1.5 * PI, None), four(8), at(0.5 * PI, None)),
            (Binary::Divide, at(15.0 * TAU / 16.0, None), at(TAU / 16.0, None), Value::int(15)),
            (Binary::Divide, at(1.0, None), at(0.3, None), Value::int(3)),
        ] {
            assert_eq!(binary(operator, &left, &right), Ok(expected), "{operator:?} {left:?} {right:?}");
        }
        for (l, r) in [(15, 1), (15, 4), (9, 3), (3, 9)] {
            let ratio = binary(Binary::Divide, &four(l), &four(r)).unwrap();
            assert_eq!(ratio.as_int(), Some(i128::from(l / r)), "{l}/{r}");
        }
        assert_eq!(binary(Binary::Divide, &four(1), &four(0)), Err(Problem3::DivisionByZero));
        assert_eq!(unary(Unary::Negate, &four(3)), Ok(four(13)));
        // 3π/8 is not the same double as three steps of π/8.
        for step in 0..16 {
            let number = Value::Float(f64::from(step) * PI / 8.0);
            assert_eq!(binary(Binary::Equal, &four(step), &number), Ok(Value::Bool(true)), "{step}");
        }
    }
}
