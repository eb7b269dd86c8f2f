//! Applying a gate of the source: its body, expanded to rows of the table.
//!
//! Angles and wires of all open calls lie on two stacks; a call reads its caller's part and pushes its
//! own. The recursion is as deep as gates call gates, which is bounded when they are defined. Budgets
//! are checked before [`Inliner::body`] is entered.

use crate::expression::evaluate;
use crate::gates::{Angle, Body, Call, Callee};
use crate::problem::Problem;
use crate::source::SourceText;
use crate::token::Span;
use bqc_circuit::{Circuit, Directive, GateCall, Operation, Qubit};

/// The condition of an `if`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition<'a> {
    /// Index into the circuit's classical registers.
    pub creg: usize,
    /// The digits as written.
    pub value: &'a str,
}

/// Appends an operation, under the condition if there is one.
#[inline]
pub(crate) fn emit(circuit: &mut Circuit, condition: Option<Condition>, operation: Operation) {
    let operation = match condition {
        None => operation,
        Some(Condition { creg, value }) => {
            let (value, operation) = (value.to_owned(), Box::new(operation));
            Operation::Directive(Box::new(Directive::Conditional { creg, value, operation }))
        }
    };
    circuit.operations.push(operation);
}

/// An error inside a body that depends on the angles of the call.
pub(crate) struct BodyError<'a> {
    pub source: &'a SourceText,
    pub span: Span,
    pub problem: Problem,
}

/// Stacks kept between applications.
#[derive(Default)]
pub(crate) struct Stacks {
    /// Angles of the open calls, in radians.
    pub angles: Vec<f64>,
    /// Wires of the open calls.
    pub qubits: Vec<Qubit>,
    /// Scratch space of expressions.
    pub values: Vec<f64>,
}

/// One application being expanded.
pub(crate) struct Inliner<'g, 'a> {
    pub bodies: &'g [Body<'a>],
    pub circuit: &'g mut Circuit,
    pub stacks: &'g mut Stacks,
    pub condition: Option<Condition<'a>>,
    /// Line of the application.
    pub line: u32,
}

impl<'a> Inliner<'_, 'a> {
    /// Expands `body`, whose angles and wires begin at these places of the stacks.
    pub fn body(&mut self, body: &Body<'a>, angles: usize, qubits: usize) -> Result<(), BodyError<'a>> {
        for call in &body.calls {
            let (first_angle, first_qubit) = (self.stacks.angles.len(), self.stacks.qubits.len());
            self.push_operands(body, call, angles, qubits)?;
            match call.callee {
                Callee::Body(position) => self.body(&self.bodies[position as usize], first_angle, first_qubit)?,
                callee => self.primitive(callee, first_angle, first_qubit),
            }
            self.stacks.angles.truncate(first_angle);
            self.stacks.qubits.truncate(first_qubit);
        }
        Ok(())
    }

    /// Pushes the angles and wires of `call`, computed from those of `body`.
    fn push_operands(
        &mut self,
        body: &Body,
        call: &Call<'a>,
        angles: usize,
        qubits: usize,
    ) -> Result<(), BodyError<'a>> {
        let Stacks { angles: angle_stack, qubits: qubit_stack, values } = &mut *self.stacks;
        for angle in &call.angles {
            let value = match angle {
                Angle::Constant(value) => *value,
                Angle::Code(code) => evaluate(code, &angle_stack[angles..angles + body.n_angles], values)
                    .map_err(|problem| BodyError { source: call.source, span: call.span, problem })?,
            };
            angle_stack.push(value);
        }
        for &wire in &call.wires {
            qubit_stack.push(qubit_stack[qubits + wire as usize]);
        }
        Ok(())
    }

    /// Appends what is no gate of the source, with the operands from these places on.
    fn primitive(&mut self, callee: Callee, angles: usize, qubits: usize) {
        let (angles, qubits) = (&self.stacks.angles[angles..], &self.stacks.qubits[qubits..]);
        let (condition, operation) = match callee {
            Callee::Row(row) => (self.condition, Operation::Gate(GateCall::new(row, angles, qubits))),
            Callee::Opaque(gate) => (self.condition, opaque(gate, angles, qubits, self.line)),
            // A barrier does nothing at run time, so a condition on it means nothing.
            Callee::Barrier | Callee::Body(_) => (None, barrier(qubits)),
        };
        emit(self.circuit, condition, operation);
    }
}

/// A gate without definition.
pub(crate) fn opaque(gate: u32, angles: &[f64], qubits: &[Qubit], line: u32) -> Operation {
    Operation::Directive(Box::new(Directive::Opaque {
        gate: gate as usize,
        angles: angles.to_vec(),
        qubits: qubits.to_vec(),
        line,
    }))
}

/// A barrier.
pub(crate) fn barrier(qubits: &[Qubit]) -> Operation {
    Operation::Directive(Box::new(Directive::Barrier(qubits.to_vec())))
}
