//! Classical values that are known while the source is read, their types, and conversions between them.
//!
//! Integers are kept exactly, in 128 bits, and wrap at the width of their type, as the specification says; literals,
//! which have none, are refused when they leave 128 bits. A `float` is an f64 whatever its width. An `angle` is an f64 in
//! `[0, 2π)`, rounded to a multiple of 2π/2^n if it has a width n.

use crate::v3::problem::Problem3;
use std::f64::consts::TAU;
use std::fmt;
use std::rc::Rc;

/// A type with its width known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// `int` and `uint`, 1 to 64 bits wide. Literals are signed and as wide as they need.
    Int {
        signed: bool,
        width: u32,
    },
    Float,
    Angle(Option<u32>),
    Bool,
    /// `bit[n]`; `bit` is `bit[1]`.
    Bit(u32),
    Duration,
}

/// The widest classical value of bits; registers that are measured into may be wider.
pub(crate) const MAX_BITS: u32 = 128;

/// What a literal has.
pub(crate) const LITERAL: Kind = Kind::Int { signed: true, width: 128 };

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Kind::Int { signed: true, width: 128 } => f.write_str("an integer"),
            Kind::Int { signed, width } => write!(f, "{}int[{width}]", if *signed { "" } else { "u" }),
            Kind::Float => f.write_str("float"),
            Kind::Angle(_) => f.write_str("angle"),
            Kind::Bool => f.write_str("bool"),
            Kind::Bit(width) => write!(f, "bit[{width}]"),
            Kind::Duration => f.write_str("duration"),
        }
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Int {
        value: i128,
        kind: Kind,
    },
    Float(f64),
    Angle {
        radians: f64,
        width: Option<u32>,
    },
    Bool(bool),
    /// Bit 0 is the last digit of a literal.
    Bits {
        value: u128,
        width: u32,
    },
    /// In seconds.
    Duration(f64),
    Array(Rc<Array>),
}

/// Elements in order, the last index fastest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    pub kind: Kind,
    pub dimensions: Vec<usize>,
    pub elements: Vec<Value>,
}

impl Value {
    /// A literal.
    pub fn int(value: i128) -> Value {
        Value::Int { value, kind: LITERAL }
    }

    /// How a message names its type.
    pub fn describe(&self) -> String {
        match self {
            Value::Int { kind, .. } => kind.to_string(),
            Value::Float(_) => Kind::Float.to_string(),
            Value::Angle { .. } => Kind::Angle(None).to_string(),
            Value::Bool(_) => Kind::Bool.to_string(),
            Value::Bits { width, .. } => Kind::Bit(*width).to_string(),
            Value::Duration(_) => Kind::Duration.to_string(),
            Value::Array(_) => "an array".into(),
        }
    }

    /// As an integer; none for what has no integer without a cast. Bits are unsigned.
    pub fn as_int(&self) -> Option<i128> {
        match *self {
            Value::Int { value, .. } => Some(value),
            Value::Bool(value) => Some(value.into()),
            Value::Bits { value, .. } => i128::try_from(value).ok(),
            _ => None,
        }
    }

    /// As a number; none for durations and arrays.
    pub fn as_float(&self) -> Option<f64> {
        match *self {
            Value::Float(value) | Value::Angle { radians: value, .. } => Some(value),
            _ => self.as_int().map(|value| value as f64),
        }
    }

    /// Whether it counts as true.
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Value::Bits { value, .. } => Some(value != 0),
            _ => self.as_float().map(|value| value != 0.0),
        }
    }

    /// The same in the type `kind`, by an implicit conversion or a cast: they differ in nothing here.
    ///
    /// # Errors
    /// [`Problem3::Conversion`] if there is none, and for a number that the type does not hold.
    pub fn convert(&self, kind: Kind) -> Result<Value, Problem3> {
        let refused = || Problem3::Conversion { from: self.describe(), to: kind.to_string() };
        match kind {
            Kind::Int { signed, width } => {
                let value = match *self {
                    // Sixty-four bits and more are exact in an f64 only if they are zeros; the range is what counts.
                    Value::Float(value) if value.trunc().abs() < 1e38 => value.trunc() as i128,
                    Value::Bits { value, .. } => value as i128,
                    _ => self.as_int().ok_or_else(refused)?,
                };
                Ok(Value::Int { value: wrap(value, signed, width), kind })
            }
            Kind::Float => match self {
                Value::Bits { .. } => Err(refused()),
                _ => Ok(Value::Float(self.as_float().ok_or_else(refused)?)),
            },
            Kind::Angle(width) => {
                let radians = match *self {
                    Value::Bits { value, width } => value as f64 / 2f64.powi(width as i32) * TAU,
                    _ => self.as_float().ok_or_else(refused)?,
                };
                Ok(Value::Angle { radians: reduced(radians, width), width })
            }
            Kind::Bool => Ok(Value::Bool(self.as_bool().ok_or_else(refused)?)),
            Kind::Bit(width) if width > MAX_BITS => {
                Err(Problem3::Width { what: "known bits", width: width.into(), most: MAX_BITS })
            }
            Kind::Bit(width) => {
                let value = match *self {
                    Value::Bits { value, width: found } if found == width => value,
                    Value::Int { value, .. } => value as u128 & mask(width),
                    Value::Bool(value) if width == 1 => value.into(),
                    _ => return Err(refused()),
                };
                Ok(Value::Bits { value, width })
            }
            Kind::Duration => match self {
                Value::Duration(_) => Ok(self.clone()),
                _ => Err(refused()),
            },
        }
    }
}

/// `width` ones.
pub(crate) fn mask(width: u32) -> u128 {
    if width >= MAX_BITS { u128::MAX } else { (1 << width) - 1 }
}

/// The integer of this type that is `value` modulo 2^width.
pub(crate) fn wrap(value: i128, signed: bool, width: u32) -> i128 {
    if width >= MAX_BITS {
        return value;
    }
    let low = value & mask(width) as i128;
    if signed && low >> (width - 1) & 1 == 1 { low - (1 << width) } else { low }
}

/// An angle of `[0, 2π)`, on the grid of its width.
pub(crate) fn reduced(radians: f64, width: Option<u32>) -> f64 {
    let turn = radians.rem_euclid(TAU);
    let Some(width) = width else { return if turn < TAU { turn } else { 0.0 } };
    let steps = 2f64.powi(width as i32);
    let step = (turn / TAU * steps).round();
    if step >= steps { 0.0 } else { step / steps * TAU }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn integers_wrap_at_their_width() {
        for (value, signed, width, expected) in [
            (15, false, 4, 15),
            (16, false, 4, 0),
            (-1, false, 4, 15),
            (8, true, 4, -8),
            (-9, true, 4, 7),
            (1, true, 1, -1),
        ] {
            assert_eq!(wrap(value, signed, width), expected, "{value}");
        }
        assert_eq!(Value::Float(-2.7).convert(LITERAL).unwrap().as_int(), Some(-2));
        assert!(Value::Float(f64::NAN).convert(LITERAL).is_err() && Value::Float(1e300).convert(LITERAL).is_err());
    }

    #[test]
    fn angles_are_turns_on_their_grid() {
        let angle = |radians: f64, width| match Value::Float(radians).convert(Kind::Angle(width)) {
            Ok(Value::Angle { radians, .. }) => radians,
            other => panic!("{other:?}"),
        };
        assert_eq!((angle(PI, None), angle(2.5 * TAU, None), angle(-1e-300, None)), (PI, PI, 0.0));
        assert_eq!((angle(1.0, Some(2)), angle(6.2, Some(2))), (PI / 2.0, 0.0));
        assert_eq!(
            Value::Bits { value: 3, width: 2 }.convert(Kind::Angle(None)),
            Ok(Value::Angle { radians: 1.5 * PI, width: None })
        );
    }

    #[test]
    fn bits_keep_their_width() {
        let bits = Value::Bits { value: 5, width: 4 };
        assert!(bits.convert(Kind::Bit(3)).is_err());
        assert_eq!(Value::int(21).convert(Kind::Bit(4)), Ok(bits));
    }
}
