//! Templates: circuits in which some gates have a value and others are free to be found.
//!
//! A template is a list of gates in program order on wires `0..width`. Free gates are general
//! unitaries on one or two wires, and their [`Values`] are kept apart, in the order of the free
//! gates. Everything is up to global phase. Any list is valid: no gates, no free gates, wires that
//! nothing touches, the same pair many times over, pairs in any order.

use crate::ops::Op;
use crate::{CxTemplate, Slot};
use bqc_circuit::BlockQubit;
use bqc_linalg::lanes::two_qubit::Pair;
use bqc_linalg::{Matrix, Matrix2, Matrix4, Stream, Su2};

/// Most wires of a template. A batch of eight states has 2 MiB at this width; the limit is there for
/// index arithmetic and memory, and blocks are much narrower.
pub const MAX_WIDTH: u8 = 14;

/// Largest `max |(U†U − 1)_ij|` of a matrix that is taken as unitary: a thousand times what rounding
/// leaves, and far below the distances that bqc accepts.
pub const UNITARY_TOL: f64 = 1e-12;

/// What is wrong with a template, a value or a target.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TemplateError {
    /// Cut the block smaller.
    #[error("{width} wires are more than the {MAX_WIDTH} that can be instantiated")]
    TooWide {
        /// The width asked for.
        width: usize,
    },
    /// A wire that is not there.
    #[error("wire {qubit} is not one of the {width} wires")]
    NoSuchWire {
        /// The wire asked for.
        qubit: u16,
        /// Number of wires.
        width: u8,
    },
    /// A two-qubit gate needs two wires.
    #[error("both wires of a two-qubit gate are {qubit}")]
    RepeatedWire {
        /// The wire.
        qubit: u16,
    },
    /// A matrix of the wrong size.
    #[error("a matrix of {rows}x{cols} elements does not act on {n_qubits} qubits")]
    WrongShape {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        cols: usize,
        /// Qubits it should act on.
        n_qubits: usize,
    },
    /// A matrix that is no unitary.
    #[error("the matrix is not unitary: U†U differs from 1 by {deviation:e} (at most {UNITARY_TOL:e} is allowed)")]
    NotUnitary {
        /// `max |(U†U − 1)_ij|`, or NaN.
        deviation: f64,
    },
    /// Values of another template.
    #[error("{found} values are given for {expected} free gates")]
    WrongNumberOfValues {
        /// Free gates of the template.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// A one-qubit value for a two-qubit gate, or the reverse.
    #[error("the value of free gate {free_index} has the wrong number of qubits")]
    WrongKindOfValue {
        /// Which of the free gates.
        free_index: usize,
    },
}

/// A gate of a template.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "gates are stored flat, so that a pass follows no pointers")]
pub enum TemplateGate {
    /// A gate that stays as it is.
    Fixed(Op),
    /// A free one-qubit unitary.
    FreeOne {
        /// The wire.
        qubit: u8,
    },
    /// A free two-qubit unitary.
    FreeTwo {
        /// The wires; the first is bit 0 of the gate's index.
        pair: Pair,
    },
}

/// The value of one free gate.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "values are stored flat, so that a sweep follows no pointers")]
pub enum FreeValue {
    /// Of a one-qubit gate.
    One(Su2),
    /// Of a two-qubit gate.
    Two(Matrix4),
}

/// The values of a template's free gates, in their order.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Values(pub Vec<FreeValue>);

/// A circuit with free gates.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    width: u8,
    gates: Vec<TemplateGate>,
}

impl Template {
    /// No gates on `width` wires.
    pub fn new(width: u8) -> Result<Template, TemplateError> {
        if width > MAX_WIDTH {
            return Err(TemplateError::TooWide { width: width.into() });
        }
        Ok(Template { width, gates: Vec::new() })
    }

    /// A CX template with its values: free slots are free gates in the order of the slots, frozen ones
    /// constant, and left out if they are the identity. Errors: `TooWide`.
    pub fn from_cx(cx: &CxTemplate) -> Result<(Template, Values), TemplateError> {
        let width = cx.n();
        let mut template = Template::new(u8::try_from(width).map_err(|_| TemplateError::TooWide { width })?)?;
        let mut values = Values::default();
        let mut slot = |template: &mut Template, slot: Slot, qubit: u8| {
            let value = cx.value(slot);
            if cx.is_frozen(slot) && value == Su2::IDENTITY {
                return;
            }
            if cx.is_frozen(slot) {
                template.gates.push(TemplateGate::Fixed(Op::One { qubit, value }));
            } else {
                template.gates.push(TemplateGate::FreeOne { qubit });
                values.0.push(FreeValue::One(value));
            }
        };
        (0..width as u8).for_each(|q| slot(&mut template, Slot::First(q), q));
        for (i, layer) in cx.layers().iter().enumerate() {
            let (control, target) = (layer.control, layer.target);
            template.gates.push(TemplateGate::Fixed(Op::Cx { control, target }));
            slot(&mut template, Slot::OnControl(i), control);
            slot(&mut template, Slot::OnTarget(i), target);
        }
        Ok((template, values))
    }

    /// Appends a CX.
    pub fn push_cx(&mut self, control: BlockQubit, target: BlockQubit) -> Result<(), TemplateError> {
        let Pair { a: control, b: target } = self.check_pair(control, target)?;
        self.gates.push(TemplateGate::Fixed(Op::Cx { control, target }));
        Ok(())
    }

    /// Appends a constant gate on one or two wires; the first is bit 0 of the matrix's index.
    pub fn push_constant(&mut self, qubits: &[BlockQubit], matrix: &Matrix) -> Result<(), TemplateError> {
        let wrong_shape =
            || TemplateError::WrongShape { rows: matrix.rows(), cols: matrix.cols(), n_qubits: qubits.len() };
        let op = match *qubits {
            [qubit] => {
                let qubit = self.check_wire(qubit)?;
                let value = Matrix2::from_matrix(matrix).ok_or_else(wrong_shape)?;
                let su2 = value.su2().filter(|_| value.unitarity_error() <= UNITARY_TOL);
                let not_unitary = TemplateError::NotUnitary { deviation: value.unitarity_error() };
                Op::One { qubit, value: su2.ok_or(not_unitary)? }
            }
            [a, b] => {
                let value = Matrix4::from_matrix(matrix).ok_or_else(wrong_shape)?;
                check_unitary(value.unitarity_error())?;
                Op::Two { pair: self.check_pair(a, b)?, value }
            }
            _ => return Err(wrong_shape()),
        };
        self.gates.push(TemplateGate::Fixed(op));
        Ok(())
    }

    /// Appends a free one-qubit gate.
    pub fn push_free_one(&mut self, qubit: BlockQubit) -> Result<(), TemplateError> {
        let qubit = self.check_wire(qubit)?;
        self.gates.push(TemplateGate::FreeOne { qubit });
        Ok(())
    }

    /// Appends a free two-qubit gate; `a` is bit 0 of its index.
    pub fn push_free_two(&mut self, a: BlockQubit, b: BlockQubit) -> Result<(), TemplateError> {
        let pair = self.check_pair(a, b)?;
        self.gates.push(TemplateGate::FreeTwo { pair });
        Ok(())
    }

    /// Number of wires.
    pub fn width(&self) -> u8 {
        self.width
    }

    /// The gates in program order.
    pub fn gates(&self) -> &[TemplateGate] {
        &self.gates
    }

    /// Number of free gates, which is the length of its [`Values`].
    pub fn n_free(&self) -> usize {
        self.gates.iter().filter(|g| !matches!(g, TemplateGate::Fixed(_))).count()
    }

    /// Values drawn from the Haar measure.
    pub fn random_values(&self, stream: &mut Stream) -> Values {
        let draw = |g: &TemplateGate| match g {
            TemplateGate::Fixed(_) => None,
            TemplateGate::FreeOne { .. } => Some(FreeValue::One(stream.su2())),
            TemplateGate::FreeTwo { .. } => Some(FreeValue::Two(Matrix4::haar(stream))),
        };
        Values(self.gates.iter().filter_map(draw).collect())
    }

    /// All free gates the identity.
    pub fn identity_values(&self) -> Values {
        let identity = |g: &TemplateGate| match g {
            TemplateGate::Fixed(_) => None,
            TemplateGate::FreeOne { .. } => Some(FreeValue::One(Su2::IDENTITY)),
            TemplateGate::FreeTwo { .. } => Some(FreeValue::Two(Matrix4::identity())),
        };
        Values(self.gates.iter().filter_map(identity).collect())
    }

    /// Whether these values belong to this template and are unitary to [`UNITARY_TOL`].
    pub fn check_values(&self, values: &Values) -> Result<(), TemplateError> {
        let free = || self.gates.iter().filter(|g| !matches!(g, TemplateGate::Fixed(_)));
        if values.0.len() != self.n_free() {
            return Err(TemplateError::WrongNumberOfValues { expected: self.n_free(), found: values.0.len() });
        }
        for (free_index, (gate, value)) in free().zip(&values.0).enumerate() {
            let deviation = match (gate, value) {
                (TemplateGate::FreeOne { .. }, FreeValue::One(u)) => (u.a.norm_sqr() + u.b.norm_sqr() - 1.0).abs(),
                (TemplateGate::FreeTwo { .. }, FreeValue::Two(u)) => u.unitarity_error(),
                _ => return Err(TemplateError::WrongKindOfValue { free_index }),
            };
            check_unitary(deviation)?;
        }
        Ok(())
    }

    /// The gates with the free ones filled in. Panics if the values are not this template's: check
    /// them with [`Template::check_values`] where they come from outside.
    pub fn ops(&self, values: &Values) -> Vec<Op> {
        assert_eq!(values.0.len(), self.n_free(), "values of another template");
        let mut rest = values.0.iter();
        let mut next = || rest.next().expect("counted above");
        self.gates
            .iter()
            .map(|gate| match *gate {
                TemplateGate::Fixed(op) => op,
                TemplateGate::FreeOne { qubit } => match *next() {
                    FreeValue::One(value) => Op::One { qubit, value },
                    FreeValue::Two(_) => panic!("a two-qubit value for a one-qubit gate"),
                },
                TemplateGate::FreeTwo { pair } => match *next() {
                    FreeValue::Two(value) => Op::Two { pair, value },
                    FreeValue::One(_) => panic!("a one-qubit value for a two-qubit gate"),
                },
            })
            .collect()
    }

    fn check_wire(&self, qubit: BlockQubit) -> Result<u8, TemplateError> {
        let wire = u8::try_from(qubit.0).ok().filter(|wire| *wire < self.width);
        wire.ok_or(TemplateError::NoSuchWire { qubit: qubit.0, width: self.width })
    }

    fn check_pair(&self, a: BlockQubit, b: BlockQubit) -> Result<Pair, TemplateError> {
        let pair = Pair { a: self.check_wire(a)?, b: self.check_wire(b)? };
        if a == b { Err(TemplateError::RepeatedWire { qubit: a.0 }) } else { Ok(pair) }
    }
}

/// An error if the deviation is too large or NaN.
pub(crate) fn check_unitary(deviation: f64) -> Result<(), TemplateError> {
    if deviation <= UNITARY_TOL { Ok(()) } else { Err(TemplateError::NotUnitary { deviation }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_linalg::Complex64;

    #[test]
    fn refuses_what_is_no_template() {
        let q = BlockQubit;
        assert_eq!(Template::new(15), Err(TemplateError::TooWide { width: 15 }));
        let mut t = Template::new(2).unwrap();
        assert_eq!(t.push_cx(q(0), q(2)), Err(TemplateError::NoSuchWire { qubit: 2, width: 2 }));
        assert_eq!(t.push_free_two(q(1), q(1)), Err(TemplateError::RepeatedWire { qubit: 1 }));
        assert!(matches!(
            t.push_constant(&[q(0)], &Matrix::zeros(2, 2)),
            Err(TemplateError::NotUnitary { deviation: 1.0 })
        ));
        let nan = Matrix::from_fn(4, 4, |_, _| Complex64::new(f64::NAN, 0.0));
        assert!(matches!(t.push_constant(&[q(0), q(1)], &nan), Err(TemplateError::NotUnitary { .. })));
        let wrong = TemplateError::WrongShape { rows: 4, cols: 4, n_qubits: 1 };
        assert_eq!(t.push_constant(&[q(0)], &Matrix::identity(4)), Err(wrong));
        assert!(matches!(t.push_constant(&[], &Matrix::identity(1)), Err(TemplateError::WrongShape { .. })));
        assert_eq!(t, Template::new(2).unwrap());
    }

    #[test]
    fn values_are_checked_one_by_one() {
        let mut t = Template::new(2).unwrap();
        t.push_free_one(BlockQubit(0)).unwrap();
        t.push_free_two(BlockQubit(1), BlockQubit(0)).unwrap();
        let good = t.random_values(&mut Stream::new(0, 0, 0));
        assert_eq!(t.check_values(&good), Ok(()));
        let mut swapped = good.clone();
        swapped.0.swap(0, 1);
        assert_eq!(t.check_values(&swapped), Err(TemplateError::WrongKindOfValue { free_index: 0 }));
        let few = Values(good.0[..1].to_vec());
        assert_eq!(t.check_values(&few), Err(TemplateError::WrongNumberOfValues { expected: 2, found: 1 }));
        let zero = Values(vec![FreeValue::One(Su2::IDENTITY), FreeValue::Two(Matrix4::ZERO)]);
        assert!(matches!(t.check_values(&zero), Err(TemplateError::NotUnitary { .. })));
    }

    #[test]
    fn a_cx_template_in_general_form_is_the_same_circuit() {
        let mut cx = CxTemplate::random(3, 5, &mut Stream::new(0, 0, 1));
        cx.set_frozen(Slot::First(2), true);
        cx.set(Slot::OnTarget(3), Su2::IDENTITY);
        cx.set_frozen(Slot::OnTarget(3), true);
        let (template, values) = Template::from_cx(&cx).unwrap();
        assert_eq!((template.n_free(), template.gates().len()), (11, 17));
        let unitary = crate::reference::unitary(&template, &values);
        assert!(bqc_linalg::phase_distance(&unitary, &cx.to_block().unitary()) < 1e-14);
    }
}
