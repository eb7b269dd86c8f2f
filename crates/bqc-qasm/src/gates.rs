//! What gate names mean: rows of the table, and the gates that the source defines, compiled.
//!
//! A body is compiled once, when it is read: callees resolved, wires numbered, constant angles
//! computed. Its size after full expansion is known at once (saturating), so a gate that would
//! expand to 2⁴⁰ operations is refused where it is applied, before anything is expanded.
//!
//! A name means, in this order: the source's own gate, `U` and `CX`, a row of the table. Rows need no
//! include: exporters leave it out, and a name that no source defines can mean nothing else.

use crate::expression::Code;
use crate::limits::Limits;
use crate::names::nearest;
use crate::problem::Problem;
use crate::source::SourceText;
use crate::token::Span;
use bqc_circuit::{GateId, gates};
use std::collections::BTreeMap;

/// What a name in the place of a gate stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callee {
    /// A row of the gate table.
    Row(GateId),
    /// A gate of the source, by position among its definitions.
    Body(u32),
    /// A gate without definition, by position in the circuit's list.
    Opaque(u32),
    /// A barrier inside a body.
    Barrier,
}

/// An angle of a call inside a body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Angle {
    /// No parameter occurs in it.
    Constant(f64),
    /// Depends on the parameters.
    Code(Vec<Code>),
}

/// One statement of a body.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub callee: Callee,
    pub angles: Vec<Angle>,
    /// Positions among the body's wires.
    pub wires: Vec<u32>,
    /// Where the statement is, for errors that depend on the parameters.
    pub source: &'a SourceText,
    pub span: Span,
}

/// A gate of the source.
#[derive(Clone, Debug)]
pub(crate) struct Body<'a> {
    pub name: &'a str,
    pub n_angles: usize,
    pub arity: usize,
    pub calls: Vec<Call<'a>>,
    /// Size after expansion, saturating.
    pub size: Size,
    /// Gates that call gates: 1 if it calls rows only.
    pub depth: u32,
}

impl Body<'_> {
    /// Whether `self` and `other` are the same up to the names of parameters and wires.
    pub fn same_meaning(&self, other: &Body) -> bool {
        let same = |(a, b): (&Call, &Call)| a.callee == b.callee && a.wires == b.wires && a.angles == b.angles;
        (self.n_angles, self.arity, self.calls.len()) == (other.n_angles, other.arity, other.calls.len())
            && self.calls.iter().zip(&other.calls).all(same)
    }
}

/// What a statement costs. Both counts saturate: a bomb must not wrap around to something small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Operations that it appends, as [`crate::Limits::max_operations`] counts them.
    pub operations: u64,
    /// Work of inlining: calls, steps of angles, operands.
    pub steps: u64,
}

impl Size {
    /// Both, one after the other.
    pub fn plus(self, other: Size) -> Size {
        Size {
            operations: self.operations.saturating_add(other.operations),
            steps: self.steps.saturating_add(other.steps),
        }
    }

    /// `n` of it.
    pub fn times(self, n: u64) -> Size {
        Size { operations: self.operations.saturating_mul(n), steps: self.steps.saturating_mul(n) }
    }

    /// What is said if this is more than a source may grow to.
    #[inline]
    pub fn excess(self, limits: &Limits) -> Option<Problem> {
        let limit = limits.max_operations;
        let step_limit = limit.saturating_mul(Limits::STEPS_PER_OPERATION);
        if self.operations > limit {
            Some(Problem::TooManyOperations { operations: self.operations, limit })
        } else if self.steps > step_limit {
            Some(Problem::TooManySteps { steps: self.steps, limit: step_limit })
        } else {
            None
        }
    }
}

/// The gates known at one point of the source.
#[derive(Default)]
pub(crate) struct Gates<'a> {
    pub bodies: Vec<Body<'a>>,
    /// Names of the source's own gates, with or without body.
    own: BTreeMap<&'a str, Callee>,
    /// Which rows some statement has used, by [`GateId::index`].
    used_rows: Vec<bool>,
}

impl<'a> Gates<'a> {
    /// What `name` stands for.
    #[inline]
    pub fn find(&mut self, name: &str) -> Option<Callee> {
        if !self.own.is_empty()
            && let Some(&callee) = self.own.get(name)
        {
            return Some(callee);
        }
        let row = match name {
            "U" => gates::U3,
            "CX" => gates::CX,
            _ => GateId::from_name(name)?,
        };
        if self.used_rows.is_empty() {
            self.used_rows.resize(gates::TABLE.len(), false);
        }
        self.used_rows[row.index()] = true;
        Some(Callee::Row(row))
    }

    /// The source's own gate of this name.
    pub fn own(&self, name: &str) -> Option<Callee> {
        self.own.get(name).copied()
    }

    /// Whether some statement has already meant the table's row by `name`.
    pub fn row_is_used(&self, name: &str) -> bool {
        GateId::from_name(name).is_some_and(|row| self.used_rows.get(row.index()) == Some(&true))
    }

    /// Gives `name` a meaning of the source's own.
    pub fn define(&mut self, name: &'a str, callee: Callee) {
        self.own.insert(name, callee);
    }

    /// Adds a compiled body under its name.
    pub fn define_body(&mut self, body: Body<'a>) {
        let position = self.bodies.len() as u32;
        self.define(body.name, Callee::Body(position));
        self.bodies.push(body);
    }

    /// A known name that `name` may have meant.
    pub fn near(&self, name: &str) -> Option<String> {
        let rows = gates::TABLE.iter().map(|row| row.qasm);
        nearest(name, rows.chain(["U", "CX"]).chain(self.own.keys().copied()))
    }
}

/// Words that begin statements of OpenQASM 3 and would otherwise be reported as unknown gates.
pub(crate) fn is_newer_statement(name: &str) -> bool {
    const WORDS: [&str; 34] = [
        "qubit",
        "bit",
        "int",
        "uint",
        "float",
        "angle",
        "bool",
        "complex",
        "array",
        "const",
        "let",
        "input",
        "output",
        "def",
        "defcal",
        "defcalgrammar",
        "cal",
        "extern",
        "return",
        "for",
        "while",
        "end",
        "break",
        "continue",
        "switch",
        "ctrl",
        "negctrl",
        "inv",
        "pow",
        "gphase",
        "box",
        "delay",
        "duration",
        "stretch",
    ];
    WORDS.contains(&name)
}
