//! Gates applied: broadcast over registers, inlined, and changed by modifiers.
//!
//! A row of the table without modifiers is appended as it is. Everything else becomes a list of leaves: the body of a
//! gate is carried out for it, and the modifiers change the list from the innermost out.

use crate::diagnostic::Failed;
use crate::gates::Size;
use crate::problem::{Problem, clip};
use crate::token::Span;
use crate::v3::control::expand;
use crate::v3::declare::library;
use crate::v3::division::Division;
use crate::v3::leaf::{Base, Control, Leaf};
use crate::v3::problem::Problem3;
use crate::v3::reader::Reader;
use crate::v3::rows::Rows;
use crate::v3::scope::{Entity, Wires};
use crate::v3::tree::{Application, Expr, Gate, ModifierKind, Named};
use crate::v3::value::{Kind, Value};
use bqc_circuit::{Directive, GateCall, GateId, Operation, Qubit};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What a name in the place of a gate stands for.
enum Callee<'a> {
    Row(GateId, bool),
    Body(Rc<Gate<'a>>),
    Phase,
}

impl Callee<'_> {
    /// Numbers of angles and wires.
    fn signature(&self) -> (usize, usize) {
        match self {
            Callee::Row(row, _) => (row.row().n_angles, row.row().arity),
            Callee::Body(gate) => (gate.parameters.len(), gate.wires.len()),
            Callee::Phase => (1, 0),
        }
    }
}

/// A modifier with its numbers.
enum Change {
    Power(f64),
    /// This many controls, and whether they must be one.
    Controls(usize, bool),
}

impl<'a> Reader<'a, '_> {
    /// `modifiers name(arguments) operands;`
    pub fn apply(&mut self, application: &Application<'a>, span: Span) -> Result<(), Failed> {
        let name = application.name;
        if let Some(def) = self.def(name.text) {
            if let Some(modifier) = application.modifiers.first() {
                return Err(self.error(modifier.span, Problem3::Modified { name: clip(name.text) }));
            }
            // The older way to call a subroutine: f(0.5) q;
            let arguments: Vec<&Expr<'a>> = application.arguments.iter().chain(&application.operands).collect();
            return self.call_def(&def, &arguments, None, span).map(|_| ());
        }
        let callee = self.callee(name)?;
        let (n_angles, arity) = callee.signature();
        let mut angles = Vec::with_capacity(n_angles);
        for argument in &application.arguments {
            angles.push(self.angle(argument)?);
        }
        if angles.len() != n_angles {
            let problem = Problem::AngleCount { gate: clip(name.text), expected: n_angles, found: angles.len() };
            return Err(self.error(span, problem));
        }
        self.charge(span, Size { operations: 0, steps: application.operands.len() as u64 })?;
        let (changes, n_controls) = self.changes(application)?;
        let operands =
            application.operands.iter().map(|operand| self.qubits(operand)).collect::<Result<Vec<Wires>, Failed>>()?;
        let expected = n_controls.saturating_add(arity);
        // A phase may name qubits, which it does not touch.
        if operands.len() != expected && !(matches!(callee, Callee::Phase) && operands.len() > expected) {
            let problem = Problem::OperandCount { gate: clip(name.text), expected, found: operands.len() };
            return Err(self.error(span, problem));
        }
        let mut qubits = Vec::with_capacity(operands.len());
        for repetition in 0..self.repetitions(&operands, span)? {
            qubits.clear();
            qubits.extend(operands.iter().map(|operand| Qubit(operand.repeated(repetition))));
            self.refuse_twice(&qubits, span)?;
            self.apply_once(&callee, &angles, &qubits, &changes, span)?;
        }
        Ok(())
    }

    fn callee(&self, name: Named<'a>) -> Result<Callee<'a>, Failed> {
        match (self.own_gate(name.text), library(name.text)) {
            (Some(gate), _) => Ok(Callee::Body(gate.item.clone())),
            (None, _) if name.text == "gphase" => Ok(Callee::Phase),
            (None, Some((row, is_builtin))) => Ok(Callee::Row(row, is_builtin)),
            (None, None) => Err(self.unknown_gate(name)),
        }
    }

    /// How often a statement repeats: the common size of its registers.
    fn repetitions(&self, operands: &[Wires], span: Span) -> Result<usize, Failed> {
        let mut sizes = operands.iter().filter(|operand| !operand.is_single).map(Wires::len);
        let Some(first) = sizes.next() else { return Ok(1) };
        match sizes.find(|&size| size != first) {
            None => Ok(first),
            Some(second) => Err(self.error(span, Problem3::Pairing { first, second })),
        }
    }

    fn refuse_twice(&self, qubits: &[Qubit], span: Span) -> Result<(), Failed> {
        let is_twice = match *qubits {
            [] | [_] => false,
            [a, b] => a == b,
            _ => qubits.iter().copied().collect::<BTreeSet<Qubit>>().len() < qubits.len(),
        };
        if is_twice { Err(self.error(span, Problem3::SameQubit)) } else { Ok(()) }
    }

    /// The modifiers with their numbers, the outermost first, and how many controls they add.
    fn changes(&mut self, application: &Application<'a>) -> Result<(Vec<Change>, usize), Failed> {
        let (mut changes, mut n_controls) = (Vec::new(), 0usize);
        for modifier in &application.modifiers {
            changes.push(match &modifier.kind {
                ModifierKind::Inverse => Change::Power(-1.0),
                ModifierKind::Power(exponent) => Change::Power(self.real(exponent, Division::Exact)?),
                ModifierKind::Control { count, on_one } => {
                    let count = match count {
                        None => 1,
                        Some(expr) => {
                            let count = self.integer(expr)?;
                            match usize::try_from(count).ok().filter(|&count| count > 0) {
                                Some(count) => count,
                                None => {
                                    let problem = Problem3::Controls { count: count.to_string() };
                                    return Err(self.error(expr.span, problem));
                                }
                            }
                        }
                    };
                    n_controls = n_controls.saturating_add(count);
                    Change::Controls(count, *on_one)
                }
            });
        }
        Ok((changes, n_controls))
    }

    fn apply_once(
        &mut self,
        callee: &Callee<'a>,
        angles: &[f64],
        qubits: &[Qubit],
        changes: &[Change],
        span: Span,
    ) -> Result<(), Failed> {
        if let (Callee::Row(row, _), [], None) = (callee, changes, &self.leaves) {
            return self.emit(Operation::Gate(GateCall::new(*row, angles, qubits)), 1, span);
        }
        let n_controls = changes.iter().map(|change| if let Change::Controls(n, _) = change { *n } else { 0 }).sum();
        let (controls, wires) = qubits.split_at(n_controls);
        let mut leaves = match callee {
            Callee::Row(row, is_builtin) => vec![Leaf::row(GateCall::new(*row, angles, wires), *is_builtin)],
            Callee::Phase => vec![Leaf::phase(angles[0])],
            Callee::Body(gate) => self.body_leaves(gate, angles, wires, span)?,
        };
        let is_row = matches!(callee, Callee::Row(..) | Callee::Phase);
        leaves = self.powered(leaves, changes, is_row, span)?;
        let mut outer = Vec::with_capacity(n_controls);
        for change in changes {
            if let Change::Controls(n, on_one) = *change {
                let first = outer.len();
                outer.extend(controls[first..first + n].iter().map(|&qubit| Control { qubit, on_one }));
            }
        }
        self.charge(span, Size { operations: 0, steps: (leaves.len() as u64).saturating_mul(outer.len() as u64) })?;
        for leaf in &mut leaves {
            // A barrier keeps its wires, and controls mean nothing to it.
            if !outer.is_empty() && !matches!(leaf.base, Base::Barrier(_)) {
                leaf.controls.splice(0..0, outer.iter().copied());
            }
        }
        self.deliver(leaves, span)
    }

    /// The leaves to the powers of the modifiers: controls and powers may change places.
    fn powered(
        &mut self,
        leaves: Vec<Leaf>,
        changes: &[Change],
        is_row: bool,
        span: Span,
    ) -> Result<Vec<Leaf>, Failed> {
        let powers =
            changes.iter().rev().filter_map(|change| if let Change::Power(k) = change { Some(*k) } else { None });
        let exponents: Vec<f64> = powers.collect();
        if let Some(&exponent) = exponents.iter().find(|k| k.fract() != 0.0) {
            let problem = match &leaves[..] {
                [leaf] if is_row => match leaf.real_power(&exponents) {
                    Ok(leaf) => return Ok(vec![leaf]),
                    Err(problem) => problem,
                },
                _ => Problem3::Power { exponent, gate: self.text(span) },
            };
            return Err(self.error(span, problem));
        }
        let product: f64 = exponents.iter().product();
        // Whole numbers are exact up to here.
        if product.abs() > 2f64.powi(53) {
            return Err(self.error(span, Problem3::Power { exponent: product, gate: self.text(span) }));
        }
        self.whole_power(leaves, product as i64, span)
    }

    fn whole_power(&mut self, mut leaves: Vec<Leaf>, exponent: i64, span: Span) -> Result<Vec<Leaf>, Failed> {
        if exponent < 0 {
            let mut inverse = Vec::with_capacity(leaves.len());
            for leaf in leaves.iter().rev() {
                // A row may be undone by many gates.
                let undone = leaf.inverse();
                self.reserve(&undone, 1, inverse.len(), span)?;
                inverse.extend(undone);
            }
            leaves = inverse;
        }
        let k = exponent.unsigned_abs();
        if k == 1 {
            return Ok(leaves);
        }
        let (repeated, n, last) = match &leaves[..] {
            [leaf] if k > 0 => {
                let (leaf, n, last) = leaf.power(exponent.saturating_abs());
                (vec![leaf], n, last)
            }
            _ => (leaves, k, None),
        };
        self.reserve(&repeated, n, 0, span)?;
        // The number has been found to be small.
        let n = repeated.len().saturating_mul(usize::try_from(n).unwrap_or(usize::MAX));
        Ok(repeated.iter().cycle().take(n).cloned().chain(last).collect())
    }

    /// Charges for `n` copies of these leaves before they are made, and refuses more than the limit allows beside
    /// `n_kept` others.
    pub fn reserve(&mut self, leaves: &[Leaf], n: u64, n_kept: usize, span: Span) -> Result<(), Failed> {
        let steps = leaves.iter().map(Leaf::steps).fold(0, u64::saturating_add);
        self.charge(span, Size { operations: 0, steps: steps.saturating_mul(n) })?;
        let n_leaves = (leaves.len() as u64).saturating_mul(n).saturating_add(n_kept as u64);
        if n_leaves.saturating_add(self.n_pending) > self.room() as u64 {
            return Err(self.no_room(span));
        }
        Ok(())
    }

    /// What the body of a gate does with these operands.
    fn body_leaves(
        &mut self,
        gate: &Rc<Gate<'a>>,
        angles: &[f64],
        qubits: &[Qubit],
        span: Span,
    ) -> Result<Vec<Leaf>, Failed> {
        if self.depth >= self.max_depth() {
            return Err(self.error(span, Problem3::TooDeep { limit: self.max_depth() }));
        }
        let outer = (self.source, self.visible, self.leaves.replace(Vec::new()), self.guard.take());
        self.visible = self.gates.get(gate.name.text).map_or(0, |defined| defined.number);
        self.source = gate.source;
        self.depth += 1;
        let outside = self.scopes.enter();
        let result = self.carry_out_body(gate, angles, qubits);
        self.scopes.leave(outside);
        self.depth -= 1;
        let leaves = std::mem::replace(&mut self.leaves, outer.2).unwrap_or_default();
        self.n_pending -= leaves.len() as u64;
        (self.source, self.visible, self.guard) = (outer.0, outer.1, outer.3);
        result.map_err(|failed| self.called_from(failed, span))?;
        Ok(leaves)
    }

    fn carry_out_body(&mut self, gate: &Rc<Gate<'a>>, angles: &[f64], qubits: &[Qubit]) -> Result<(), Failed> {
        for (name, &angle) in gate.parameters.iter().zip(angles) {
            let entity = Entity::Value { value: Some(Value::Float(angle)), kind: Kind::Float, is_const: true };
            self.give(*name, entity)?;
        }
        for (name, qubit) in gate.wires.iter().zip(qubits) {
            self.give(*name, Entity::Qubits(Wires::single(qubit.0)))?;
        }
        self.statements(&gate.body).map(|_| ())
    }

    /// Appends leaves to the body that is being carried out, or their gates to the circuit.
    fn deliver(&mut self, leaves: Vec<Leaf>, span: Span) -> Result<(), Failed> {
        if self.leaves.is_some() {
            self.reserve(&leaves, 1, 0, span)?;
            self.n_pending += leaves.len() as u64;
            self.leaves.get_or_insert_default().extend(leaves);
            return Ok(());
        }
        // The gates of the circuit are counted one by one.
        let steps = leaves.iter().map(Leaf::steps).fold(0, u64::saturating_add);
        self.charge(span, Size { operations: 0, steps })?;
        for leaf in leaves {
            if let Base::Barrier(qubits) = leaf.base {
                self.charge(span, Size { operations: 1 + qubits.len() as u64, steps: 0 })?;
                self.circuit.operations.push(Operation::Directive(Box::new(Directive::Barrier(qubits))));
                continue;
            }
            if let (Base::Gate(call), []) = (&leaf.base, &leaf.controls[..]) {
                self.emit_gate(*call, span)?;
                continue;
            }
            let mut rows = Rows::new(self.room());
            expand(&leaf, &mut rows);
            if rows.is_full() {
                return Err(self.no_room(span));
            }
            for gate in rows.gates {
                self.emit_gate(gate, span)?;
            }
        }
        Ok(())
    }

    /// Appends a gate that modifiers made: the angles of its source were finite, but a power may overflow.
    fn emit_gate(&mut self, gate: GateCall, span: Span) -> Result<(), Failed> {
        match gate.angles().iter().find(|angle| !angle.is_finite()) {
            Some(&value) => Err(self.error(span, Problem::NotFinite { value })),
            None => self.emit(Operation::Gate(gate), 1, span),
        }
    }
}
