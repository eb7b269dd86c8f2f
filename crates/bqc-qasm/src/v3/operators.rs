//! Operators and built-in functions on known values.
//!
//! Integers divide as in C: `3/4` is 0, as the specification says; `3.0/4` and `3*pi/4` are floats. Integer results
//! that leave 128 bits are refused, and those of declared types wrap, see [`crate::v3::numbers`]. Comparisons of integers are those of the numbers, whatever their types.

use crate::v3::numbers;
use crate::v3::problem::Problem3;
use crate::v3::tree::{Binary, Unary};
use crate::v3::value::{Kind, LITERAL, Value, mask, wrap};
use std::f64::consts::{E, PI, TAU};

type Found = Result<Value, Problem3>;

/// The value of a name that the language gives a meaning.
pub(crate) fn constant(name: &str) -> Option<Value> {
    Some(Value::Float(match name {
        "pi" | "π" => PI,
        "tau" | "τ" => TAU,
        "euler" | "ℇ" => E,
        _ => return None,
    }))
}

/// An operator on one value.
pub(crate) fn unary(operator: Unary, value: &Value) -> Found {
    let refused = |name: &'static str| Problem3::Operands { operator: name, operands: value.describe() };
    match (operator, value) {
        (Unary::Negate, &Value::Int { value, kind }) => {
            Ok(numbers::wrapped(value.checked_neg().ok_or(Problem3::Overflow)?, kind))
        }
        (Unary::Negate, &Value::Duration(value)) => Ok(Value::Duration(-value)),
        (Unary::Negate, Value::Float(value)) => Ok(Value::Float(-value)),
        (Unary::Negate, &Value::Angle { radians, width }) => Ok(numbers::negated(radians, width)),
        (Unary::Negate, _) => Err(refused("-")),
        (Unary::Not, _) => value.as_bool().map(|value| Value::Bool(!value)).ok_or_else(|| refused("!")),
        (Unary::Complement, &Value::Bits { value, width }) => Ok(Value::Bits { value: !value & mask(width), width }),
        (Unary::Complement, &Value::Int { value, kind: kind @ Kind::Int { signed, width } }) => {
            Ok(Value::Int { value: wrap(!value, signed, width), kind })
        }
        // The specification's examples write `~` for the negation of a bool.
        (Unary::Complement, &Value::Bool(value)) => Ok(Value::Bool(!value)),
        (Unary::Complement, _) => Err(refused("~")),
    }
}

/// An operator between two values.
pub(crate) fn binary(operator: Binary, left: &Value, right: &Value) -> Found {
    let refused = || Problem3::Operands {
        operator: symbol(operator),
        operands: format!("{} and {}", left.describe(), right.describe()),
    };
    match operator {
        Binary::Both | Binary::Either => {
            let (Some(l), Some(r)) = (left.as_bool(), right.as_bool()) else { return Err(refused()) };
            Ok(Value::Bool(if operator == Binary::Both { l && r } else { l || r }))
        }
        Binary::Equal | Binary::Differ | Binary::Less | Binary::AtMost | Binary::Greater | Binary::AtLeast => {
            compared(operator, left, right).ok_or_else(refused)
        }
        Binary::And | Binary::Or | Binary::Xor => bitwise(operator, left, right).ok_or_else(refused),
        Binary::ShiftLeft | Binary::ShiftRight => shifted(operator, left, right).ok_or_else(refused)?,
        Binary::Concat => joined(left, right).ok_or_else(refused)?,
        _ => arithmetic(operator, left, right).ok_or_else(refused)?,
    }
}

fn symbol(operator: Binary) -> &'static str {
    match operator {
        Binary::Either => "||",
        Binary::Both => "&&",
        Binary::Or => "|",
        Binary::Xor => "^",
        Binary::And => "&",
        Binary::Equal => "==",
        Binary::Differ => "!=",
        Binary::Less => "<",
        Binary::AtMost => "<=",
        Binary::Greater => ">",
        Binary::AtLeast => ">=",
        Binary::ShiftLeft => "<<",
        Binary::ShiftRight => ">>",
        Binary::Add => "+",
        Binary::Subtract => "-",
        Binary::Concat => "++",
        Binary::Multiply => "*",
        Binary::Divide => "/",
        Binary::Remainder => "%",
        Binary::Power => "**",
    }
}

fn compared(operator: Binary, left: &Value, right: &Value) -> Option<Value> {
    if let (Binary::Equal | Binary::Differ, Some(is_same)) = (operator, numbers::same_angle(left, right)) {
        return Some(Value::Bool(is_same == (operator == Binary::Equal)));
    }
    let order = match (left, right) {
        (Value::Bits { value: l, width: a }, Value::Bits { value: r, width: b }) if a == b => l.partial_cmp(r),
        (Value::Duration(l), Value::Duration(r)) => l.partial_cmp(r),
        _ => match (left.as_int(), right.as_int()) {
            (Some(l), Some(r)) => l.partial_cmp(&r),
            _ => left.as_float()?.partial_cmp(&right.as_float()?),
        },
    };
    Some(Value::Bool(match operator {
        Binary::Equal => order.is_some_and(|o| o.is_eq()),
        Binary::Differ => order.is_none_or(|o| o.is_ne()),
        Binary::Less => order.is_some_and(|o| o.is_lt()),
        Binary::AtMost => order.is_some_and(|o| o.is_le()),
        Binary::Greater => order.is_some_and(|o| o.is_gt()),
        _ => order.is_some_and(|o| o.is_ge()),
    }))
}

fn bitwise(operator: Binary, left: &Value, right: &Value) -> Option<Value> {
    let on = |l: u128, r: u128| match operator {
        Binary::And => l & r,
        Binary::Or => l | r,
        _ => l ^ r,
    };
    match (left, right) {
        (&Value::Bool(l), &Value::Bool(r)) => Some(Value::Bool(on(l.into(), r.into()) != 0)),
        (&Value::Bits { value: l, width }, &Value::Bits { value: r, width: other }) => {
            (width == other).then(|| Value::Bits { value: on(l, r), width })
        }
        (&Value::Bits { value, width }, _) | (_, &Value::Bits { value, width }) => {
            let other = if matches!(left, Value::Bits { .. }) { right } else { left }.as_int()?;
            Some(Value::Bits { value: on(value, other as u128) & mask(width), width })
        }
        _ => {
            let (l, r, kind) =
                numbers::shared(left, right).or_else(|| Some((left.as_int()?, right.as_int()?, LITERAL)))?;
            Some(numbers::wrapped(on(l as u128, r as u128) as i128, kind))
        }
    }
}

fn shifted(operator: Binary, left: &Value, right: &Value) -> Option<Found> {
    let Ok(by) = u32::try_from(right.as_int()?) else { return Some(Err(Problem3::Overflow)) };
    let is_left = operator == Binary::ShiftLeft;
    let bits = |value: u128| if is_left { value.checked_shl(by) } else { value.checked_shr(by) }.unwrap_or(0);
    Some(Ok(match *left {
        Value::Bits { value, width } => Value::Bits { value: bits(value) & mask(width), width },
        Value::Int { value, kind: kind @ Kind::Int { signed, width } } if kind != LITERAL => {
            let value = if is_left { bits(value as u128) as i128 } else { value >> by.min(127) };
            Value::Int { value: wrap(value, signed, width), kind }
        }
        _ => {
            let value = left.as_int()?;
            if !is_left {
                return Some(Ok(Value::int(value >> by.min(127))));
            }
            let factor = 1i128.checked_shl(by).filter(|&factor| factor > 0);
            return Some(factor.and_then(|f| value.checked_mul(f)).map(Value::int).ok_or(Problem3::Overflow));
        }
    }))
}

/// Bits one behind the other, as registers are joined: element 0 is that of the left operand, so the left ones are
/// the low ones. That is the reverse of how texts of bits are written.
fn joined(left: &Value, right: &Value) -> Option<Found> {
    let (&Value::Bits { value: l, width: a }, &Value::Bits { value: r, width: b }) = (left, right) else { return None };
    if a + b > crate::v3::value::MAX_BITS {
        return Some(Err(Problem3::Overflow));
    }
    Some(Ok(Value::Bits { value: l | r.checked_shl(a).unwrap_or(0), width: a + b }))
}

fn arithmetic(operator: Binary, left: &Value, right: &Value) -> Option<Found> {
    if matches!(left, Value::Duration(_)) || matches!(right, Value::Duration(_)) {
        return durations(operator, left, right).map(Ok);
    }
    if let Some(found) = numbers::angles(operator, left, right).or_else(|| numbers::integers(operator, left, right)) {
        return Some(found);
    }
    let (l, r) = (left.as_float()?, right.as_float()?);
    if operator == Binary::Divide && r == 0.0 {
        return Some(Err(Problem3::DivisionByZero));
    }
    floats(operator, l, r)
}

fn floats(operator: Binary, l: f64, r: f64) -> Option<Found> {
    Some(Ok(Value::Float(match operator {
        Binary::Add => l + r,
        Binary::Subtract => l - r,
        Binary::Multiply => l * r,
        Binary::Divide => l / r,
        Binary::Power => l.powf(r),
        _ => return None,
    })))
}

fn durations(operator: Binary, left: &Value, right: &Value) -> Option<Value> {
    Some(match (operator, left, right) {
        (Binary::Add, Value::Duration(l), Value::Duration(r)) => Value::Duration(l + r),
        (Binary::Subtract, Value::Duration(l), Value::Duration(r)) => Value::Duration(l - r),
        (Binary::Divide, Value::Duration(l), Value::Duration(r)) => Value::Float(l / r),
        (Binary::Multiply, Value::Duration(l), r) => Value::Duration(l * r.as_float()?),
        (Binary::Multiply, l, Value::Duration(r)) => Value::Duration(l.as_float()? * r),
        (Binary::Divide, Value::Duration(l), r) => Value::Duration(l / r.as_float()?),
        _ => return None,
    })
}

/// Names of the functions, for suggestions.
pub(crate) const FUNCTIONS: [&str; 18] = [
    "arccos", "arcsin", "arctan", "ceiling", "cos", "exp", "floor", "log", "mod", "popcount", "pow", "real", "rotl",
    "rotr", "sin", "sizeof", "sqrt", "tan",
];

/// A built-in function of these values; none if there is no such function, which takes as many.
pub(crate) fn function(name: &str, arguments: &[Value]) -> Option<Found> {
    match (name, arguments) {
        ("mod", [l, r]) => Some(modulo(l, r)),
        ("pow", [l, r]) => Some(binary(Binary::Power, l, r)),
        ("popcount", [value]) => Some(popcount(value)),
        ("rotl" | "rotr", [value, by]) => Some(rotated(value, by, name == "rotl")),
        (_, [value]) => {
            let on: fn(f64) -> f64 = match name {
                "arccos" => f64::acos,
                "arcsin" => f64::asin,
                "arctan" => f64::atan,
                "ceiling" => f64::ceil,
                "cos" => f64::cos,
                "exp" => f64::exp,
                "floor" => f64::floor,
                "log" => f64::ln,
                "real" => |x| x,
                "sin" => f64::sin,
                "sqrt" => f64::sqrt,
                "tan" => f64::tan,
                _ => return None,
            };
            let refused = || Problem3::Operands { operator: "function", operands: value.describe() };
            Some(value.as_float().map(|x| Value::Float(on(x))).ok_or_else(refused))
        }
        _ => None,
    }
}

fn modulo(left: &Value, right: &Value) -> Found {
    let refused =
        || Problem3::Operands { operator: "mod", operands: format!("{} and {}", left.describe(), right.describe()) };
    match (left.as_int(), right.as_int()) {
        (Some(_), Some(_)) => binary(Binary::Remainder, left, right),
        _ => {
            let (Some(l), Some(r)) = (left.as_float(), right.as_float()) else { return Err(refused()) };
            if r == 0.0 { Err(Problem3::DivisionByZero) } else { Ok(Value::Float(l % r)) }
        }
    }
}

fn popcount(value: &Value) -> Found {
    match *value {
        Value::Bits { value, .. } => Ok(Value::int(value.count_ones().into())),
        Value::Int { value, .. } if value >= 0 => Ok(Value::int(value.count_ones().into())),
        _ => Err(Problem3::Operands { operator: "popcount", operands: value.describe() }),
    }
}

/// Bits moved around in a circle.
fn rotated(value: &Value, by: &Value, is_left: bool) -> Found {
    let refused = || Problem3::Operands { operator: "rotl", operands: value.describe() };
    let (&Value::Bits { value: bits, width }, Some(by)) = (value, by.as_int()) else { return Err(refused()) };
    let by = by.rem_euclid(i128::from(width)) as u32;
    let left = if is_left { by } else { (width - by) % width };
    let high = bits.checked_shl(left).unwrap_or(0);
    let low = bits.checked_shr(width - left).unwrap_or(0);
    Ok(Value::Bits { value: (high | low) & mask(width), width })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_divide_as_integers_and_overflow_is_found() {
        let on = |operator, l: i128, r: i128| binary(operator, &Value::int(l), &Value::int(r));
        assert_eq!(on(Binary::Divide, 7, -2), Ok(Value::int(-3)));
        assert_eq!(on(Binary::Remainder, -7, 2), Ok(Value::int(-1)));
        assert_eq!(on(Binary::Power, 2, 10), Ok(Value::int(1024)));
        assert_eq!(on(Binary::Power, 2, -1), Ok(Value::Float(0.5)));
        assert_eq!(on(Binary::Divide, 1, 0), Err(Problem3::DivisionByZero));
        for (operator, l, r) in [
            (Binary::Power, 2, 127),
            (Binary::Power, 2, 1 << 40),
            (Binary::Multiply, i128::MAX, 2),
            (Binary::Add, i128::MAX, 1),
            (Binary::Subtract, i128::MIN, 1),
            (Binary::Divide, i128::MIN, -1),
            (Binary::ShiftLeft, 1, 127),
            (Binary::ShiftLeft, 1, -1),
        ] {
            assert_eq!(on(operator, l, r), Err(Problem3::Overflow), "{operator:?}");
        }
        assert_eq!(on(Binary::ShiftRight, -8, 200), Ok(Value::int(-1)));
    }

    #[test]
    fn bits_rotate_and_join() {
        let bits = |value, width| Value::Bits { value, width };
        assert_eq!(function("rotl", &[bits(0b1001, 4), Value::int(1)]), Some(Ok(bits(0b0011, 4))));
        assert_eq!(function("rotr", &[bits(0b1001, 4), Value::int(5)]), Some(Ok(bits(0b1100, 4))));
        assert_eq!(function("rotl", &[bits(u128::MAX, 128), Value::int(0)]), Some(Ok(bits(u128::MAX, 128))));
        assert_eq!(binary(Binary::Concat, &bits(2, 2), &bits(1, 2)), Ok(bits(0b0110, 4)));
        assert_eq!(binary(Binary::Concat, &bits(1, 1), &bits(0, 3)), Ok(bits(0b0001, 4)));
        assert_eq!(binary(Binary::Equal, &bits(3, 2), &Value::int(3)), Ok(Value::Bool(true)));
        assert_eq!(unary(Unary::Complement, &bits(1, 3)), Ok(bits(6, 3)));
    }
}
