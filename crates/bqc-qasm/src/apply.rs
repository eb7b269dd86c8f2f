//! Statements that append operations: gates, measure, reset, barrier, and `if` before them.
//!
//! A whole register stands for its elements one after the other; several whole registers of one size
//! are walked together, and elements are repeated.
//!
//! `if (c==k) g` with a gate `g` of the source becomes one conditional operation per primitive of `g`,
//! and the same holds for whole registers. That is equivalent because gates and `reset` cannot change
//! `c`: every one of them sees the value that the statement saw. A measurement into `c` can, and is
//! refused if it is not the last operation of its statement. A barrier does nothing at run time, so a
//! condition on it is dropped.

use crate::diagnostic::{Excerpt, Failed};
use crate::expression::{Scope, compile, evaluate};
use crate::gates::{Callee, Size, is_newer_statement};
use crate::inline::{Condition, Inliner, barrier, emit, opaque};
use crate::names::nearest;
use crate::problem::{Problem, RegisterKind, clip};
use crate::reader::Reader;
use crate::registers::{Declared, Operand, overlap};
use crate::token::{Span, Token};
use bqc_circuit::{Clbit, Directive, GateCall, Operation, Qubit};

impl<'a> Reader<'a, '_> {
    /// `name(angles) operands;`
    pub(crate) fn application(&mut self, condition: Option<Condition<'a>>) -> Result<(), Failed> {
        let (name, span) = (self.cursor.text(), self.cursor.span);
        let callee = self.callee(name, span)?;
        self.cursor.advance();
        self.stacks.angles.clear();
        self.stacks.qubits.clear();
        if self.cursor.accept(Token::LeftParen) {
            self.angles()?;
        }
        let (n_angles, arity) = self.signature_of(callee);
        let found = self.stacks.angles.len();
        if found != n_angles {
            let problem = Problem::AngleCount { gate: clip(name), expected: n_angles, found };
            return Err(self.cursor.error(span.to(self.cursor.previous), problem));
        }
        self.operands(RegisterKind::Quantum)?;
        let statement = span.to(self.cursor.previous);
        self.cursor.end_statement()?;
        if self.operands.len() != arity {
            let problem = Problem::OperandCount { gate: clip(name), expected: arity, found: self.operands.len() };
            return Err(self.cursor.error(statement, problem));
        }
        self.refuse_overlap()?;
        let repetitions = self.repetitions()?;
        self.charge(statement, self.size_of(callee), repetitions, condition)?;
        self.repeat(callee, repetitions, condition, statement)
    }

    /// Appends `repetitions` of a gate with the angles and operands at hand.
    #[inline]
    fn repeat(
        &mut self,
        callee: Callee,
        repetitions: u32,
        condition: Option<Condition<'a>>,
        statement: Span,
    ) -> Result<(), Failed> {
        let line = if matches!(callee, Callee::Row(_)) { 0 } else { self.cursor.line(statement) };
        for i in 0..repetitions {
            self.stacks.qubits.clear();
            self.stacks.qubits.extend(self.operands.iter().map(|operand| Qubit(operand.at(i))));
            let (angles, qubits) = (&self.stacks.angles, &self.stacks.qubits);
            match callee {
                Callee::Row(row) => {
                    emit(&mut self.circuit, condition, Operation::Gate(GateCall::new(row, angles, qubits)));
                }
                Callee::Opaque(gate) => emit(&mut self.circuit, condition, opaque(gate, angles, qubits, line)),
                Callee::Body(position) => self.inline(position, condition, line, statement)?,
                Callee::Barrier => emit(&mut self.circuit, None, barrier(qubits)),
            }
        }
        Ok(())
    }

    /// Expands a gate of the source with the operands on the stacks.
    fn inline(
        &mut self,
        position: u32,
        condition: Option<Condition<'a>>,
        line: u32,
        statement: Span,
    ) -> Result<(), Failed> {
        let (bodies, circuit, stacks) = (&self.gates.bodies[..], &mut self.circuit, &mut self.stacks);
        let body = &bodies[position as usize];
        let mut inliner = Inliner { bodies, circuit, stacks, condition, line };
        inliner.body(body, 0, 0).map_err(|error| {
            let place = Excerpt::new(error.source, error.span.start as usize..error.span.end as usize);
            self.cursor.error(statement, error.problem).note(format!("inside gate `{}`", clip(body.name)), place)
        })
    }

    /// `measure qubits -> bits;`
    pub(crate) fn measure(&mut self, condition: Option<Condition<'a>>) -> Result<(), Failed> {
        let start = self.cursor.span;
        self.cursor.advance();
        let (qubits, _) = self.operand(RegisterKind::Quantum)?;
        self.cursor.expect(Token::Arrow)?;
        let (bits, register) = self.operand(RegisterKind::Classical)?;
        let statement = start.to(self.cursor.previous);
        self.cursor.end_statement()?;
        if qubits.whole != bits.whole {
            return Err(self.cursor.error(statement, Problem::MeasureShape));
        }
        if qubits.size != bits.size {
            let problem = Problem::SizeMismatch { first_size: qubits.size, second_size: bits.size };
            return Err(self.cursor.error(bits.span, problem));
        }
        if qubits.size > 1 && condition.is_some_and(|c| c.creg == register.index) {
            let register = self.cursor.slice(bits.span);
            return Err(self.cursor.error(statement, Problem::ConditionChanges { register: clip(register) }));
        }
        self.charge(statement, Size { operations: 1, steps: 0 }, qubits.size, condition)?;
        for i in 0..qubits.size {
            let directive = Directive::Measure { qubit: Qubit(qubits.at(i)), clbit: Clbit(bits.at(i)) };
            emit(&mut self.circuit, condition, Operation::Directive(Box::new(directive)));
        }
        Ok(())
    }

    /// `reset qubits;`
    pub(crate) fn reset(&mut self, condition: Option<Condition<'a>>) -> Result<(), Failed> {
        let start = self.cursor.span;
        self.cursor.advance();
        let (qubits, _) = self.operand(RegisterKind::Quantum)?;
        let statement = start.to(self.cursor.previous);
        self.cursor.end_statement()?;
        self.charge(statement, Size { operations: 1, steps: 0 }, qubits.size, condition)?;
        for i in 0..qubits.size {
            let directive = Directive::Reset(Qubit(qubits.at(i)));
            emit(&mut self.circuit, condition, Operation::Directive(Box::new(directive)));
        }
        Ok(())
    }

    /// `barrier qubits;` is one operation over all of them.
    pub(crate) fn barrier(&mut self) -> Result<(), Failed> {
        let start = self.cursor.span;
        self.cursor.advance();
        self.operands(RegisterKind::Quantum)?;
        let statement = start.to(self.cursor.previous);
        self.cursor.end_statement()?;
        self.refuse_overlap()?;
        let n_qubits = self.operands.iter().map(|operand| u64::from(operand.size)).sum::<u64>();
        self.charge(statement, Size { operations: 1 + n_qubits, steps: 0 }, 1, None)?;
        let qubits = self.operands.iter().flat_map(|o| (o.first..o.first + o.size).map(Qubit)).collect::<Vec<_>>();
        if !qubits.is_empty() {
            emit(&mut self.circuit, None, Operation::Directive(Box::new(Directive::Barrier(qubits))));
        }
        Ok(())
    }

    /// `if (register==number) operation`
    pub(crate) fn conditional(&mut self) -> Result<(), Failed> {
        self.cursor.advance();
        self.cursor.expect(Token::LeftParen)?;
        let (register, _) = self.register_name(RegisterKind::Classical)?;
        self.cursor.expect(Token::Equals)?;
        let value = self.cursor.text();
        self.cursor.expect(Token::Integer)?;
        self.cursor.expect(Token::RightParen)?;
        let condition = Some(Condition { creg: register.index, value });
        match self.cursor.token {
            Token::Name => self.application(condition),
            Token::Measure => self.measure(condition),
            Token::Reset => self.reset(condition),
            Token::Barrier => self.barrier(),
            _ => Err(self.cursor.unexpected("a gate, `measure` or `reset`")),
        }
    }

    /// What `name` stands for in the place of a gate.
    #[inline]
    pub(crate) fn callee(&mut self, name: &'a str, span: Span) -> Result<Callee, Failed> {
        match self.gates.find(name) {
            Some(callee) => Ok(callee),
            None => {
                let newer = is_newer_statement(name);
                let problem = Problem::UnknownGate { name: clip(name), near: self.gates.near(name), newer };
                Err(self.cursor.error(span, problem))
            }
        }
    }

    /// Numbers of angles and wires.
    #[inline]
    pub(crate) fn signature_of(&self, callee: Callee) -> (usize, usize) {
        match callee {
            Callee::Row(row) => (row.row().n_angles, row.row().arity),
            Callee::Body(position) => {
                let body = &self.gates.bodies[position as usize];
                (body.n_angles, body.arity)
            }
            Callee::Opaque(position) => {
                let gate = &self.circuit.opaque_gates[position as usize];
                (gate.n_angles, gate.arity)
            }
            Callee::Barrier => (0, 0),
        }
    }

    /// What one application costs.
    #[inline]
    pub(crate) fn size_of(&self, callee: Callee) -> Size {
        match callee {
            Callee::Row(_) | Callee::Barrier => Size { operations: 1, steps: 1 },
            Callee::Body(position) => self.gates.bodies[position as usize].size,
            Callee::Opaque(_) => {
                let (n_angles, arity) = self.signature_of(callee);
                Size { operations: 1 + (n_angles + arity) as u64, steps: 1 }
            }
        }
    }

    /// Adds a statement's cost before it is carried out, or refuses it.
    #[inline]
    fn charge(
        &mut self,
        statement: Span,
        each: Size,
        repetitions: u32,
        condition: Option<Condition>,
    ) -> Result<(), Failed> {
        let weight = condition.map_or(1, |c| 2 + c.value.len() as u64 / 16);
        let each = Size { operations: each.operations.saturating_mul(weight), ..each };
        self.size = self.size.plus(each.times(u64::from(repetitions)));
        let excess = self.size.excess(self.limits());
        excess.map_or(Ok(()), |problem| Err(self.cursor.error(statement, problem)))
    }

    /// Angles behind `(`, with the `)`, onto the stack of angles.
    fn angles(&mut self) -> Result<(), Failed> {
        if self.cursor.accept(Token::RightParen) {
            return Ok(());
        }
        let scope = Scope { parameters: None, depth: self.limits().depth() };
        loop {
            let start = self.cursor.span;
            self.code.clear();
            compile(&mut self.cursor, scope, &mut self.code)?;
            let value = evaluate(&self.code, &[], &mut self.stacks.values)
                .map_err(|problem| self.cursor.error(start.to(self.cursor.previous), problem))?;
            self.stacks.angles.push(value);
            if !self.cursor.accept(Token::Comma) {
                self.cursor.expect(Token::RightParen)?;
                return Ok(());
            }
        }
    }

    /// `a,b[0],…` into the list of operands.
    fn operands(&mut self, kind: RegisterKind) -> Result<(), Failed> {
        self.operands.clear();
        loop {
            let (operand, _) = self.operand(kind)?;
            self.operands.push(operand);
            if !self.cursor.accept(Token::Comma) {
                return Ok(());
            }
        }
    }

    /// `name` or `name[index]`.
    #[inline]
    fn operand(&mut self, kind: RegisterKind) -> Result<(Operand, Declared), Failed> {
        let (register, span) = self.register_name(kind)?;
        let Declared { first, size, .. } = register;
        if !self.cursor.accept(Token::LeftBracket) {
            return Ok((Operand { first, size, whole: true, span }, register));
        }
        let digits = self.cursor.text();
        let index_span = self.cursor.expect(Token::Integer)?;
        let index = digits.parse::<u32>().ok().filter(|&index| index < size);
        let Some(index) = index else {
            let register = clip(self.cursor.slice(span));
            let problem = Problem::OutOfRange { register, index: clip(digits), size };
            return Err(self.cursor.error(index_span, problem));
        };
        let end = self.cursor.expect(Token::RightBracket)?;
        Ok((Operand { first: first + index, size: 1, whole: false, span: span.to(end) }, register))
    }

    /// The name of a register of this kind.
    #[inline]
    fn register_name(&mut self, kind: RegisterKind) -> Result<(Declared, Span), Failed> {
        let name = self.cursor.text();
        let span = self.cursor.expect(Token::Name)?;
        match self.registers.find(name) {
            Some(declared) if declared.kind == kind => Ok((declared, span)),
            Some(_) => Err(self.cursor.error(span, Problem::WrongRegister { kind, name: clip(name) })),
            None => {
                let near = nearest(name, self.registers.names(kind));
                Err(self.cursor.error(span, Problem::UnknownRegister { kind, name: clip(name), near }))
            }
        }
    }

    /// How often the statement repeats: the common size of its whole registers.
    #[inline]
    fn repetitions(&self) -> Result<u32, Failed> {
        let mut whole = self.operands.iter().filter(|operand| operand.whole);
        let Some(first) = whole.next() else { return Ok(1) };
        match whole.find(|other| other.size != first.size) {
            None => Ok(first.size),
            Some(other) => {
                let problem = Problem::SizeMismatch { first_size: first.size, second_size: other.size };
                Err(self.cursor.error(other.span, problem))
            }
        }
    }

    /// Refuses a wire that is named twice.
    #[inline]
    fn refuse_overlap(&self) -> Result<(), Failed> {
        let Some((first, second)) = overlap(&self.operands) else { return Ok(()) };
        let text = |operand: Operand| clip(self.cursor.slice(operand.span));
        let (first_text, second_text) = (text(first), text(second));
        let problem = if first.whole || second.whole {
            Problem::Overlap { first: first_text, second: second_text }
        } else {
            Problem::SameQubit { first: first_text, second: second_text }
        };
        Err(self.cursor.error(second.span, problem))
    }
}
