//! Definitions: `gate name(parameters) wires { … }`, compiled as they are read.
//!
//! A barrier in a body becomes a barrier wherever the gate is applied. A body that says exactly what
//! the table's definition of the same name says *is* that row: files written by exporters, and by
//! [`crate::write()`], define the gates that `qelib1.inc` lacks, and reading them back must not take
//! them apart.

use crate::diagnostic::Failed;
use crate::expression::{Code, Scope, compile, evaluate};
use crate::gates::{Angle, Body, Call, Callee, Size};
use crate::names::{Names, nearest};
use crate::problem::{Problem, clip};
use crate::reader::{ParseOptions, Reader};
use crate::source::SourceText;
use crate::token::{Span, Token};
use bqc_circuit::GateId;

/// Names inside the body being read.
struct Formal<'a> {
    gate: &'a str,
    parameters: Names<'a>,
    wires: Names<'a>,
}

impl<'a> Reader<'a, '_> {
    /// `gate name(parameters) wires { body }`. The meaning of the names in it is fixed here: a later
    /// redefinition of a library gate does not reach back.
    pub(crate) fn definition(&mut self) -> Result<(), Failed> {
        let (body, name_span) = self.compiled_definition()?;
        let name = body.name;
        if self.gates.own(name).is_some() {
            return Err(self.cursor.error(name_span, Problem::GateTwice { name: clip(name) }));
        }
        match GateId::from_name(name) {
            Some(row) if is_definition_of(&body, row) => self.gates.define(name, Callee::Row(row)),
            _ => self.gates.define_body(body),
        }
        Ok(())
    }

    /// The same without giving the name its meaning.
    fn compiled_definition(&mut self) -> Result<(Body<'a>, Span), Failed> {
        self.cursor.advance();
        let (gate, span, parameters, wires) = self.signature()?;
        let formal = Formal { gate, parameters, wires };
        self.cursor.expect(Token::LeftBrace)?;
        let (n_angles, arity) = (formal.parameters.len(), formal.wires.len());
        let mut body = Body { name: gate, n_angles, arity, calls: Vec::new(), size: Size::default(), depth: 1 };
        while !self.cursor.accept(Token::RightBrace) {
            if self.cursor.accept(Token::Semicolon) {
                continue;
            }
            let (call, size) = self.call(&formal)?;
            // A gate that expands to nothing costs nothing, however often it is called.
            if size.operations == 0 {
                continue;
            }
            if let Callee::Body(position) = call.callee {
                body.depth = body.depth.max(1 + self.gates.bodies[position as usize].depth);
            }
            if body.depth > self.limits().depth() {
                let limit = self.limits().depth();
                let ceiling = limit >= crate::Limits::DEPTH_CEILING;
                return Err(self.cursor.error(call.span, Problem::TooDeep { limit, ceiling }));
            }
            body.size = body.size.plus(size);
            body.calls.push(call);
        }
        Ok((body, span))
    }

    /// One statement of a body, and what it costs.
    fn call(&mut self, formal: &Formal<'a>) -> Result<(Call<'a>, Size), Failed> {
        let (name, span) = (self.cursor.text(), self.cursor.span);
        let callee = match self.cursor.token {
            Token::Barrier => Callee::Barrier,
            Token::Name if name == formal.gate => {
                return Err(self.cursor.error(span, Problem::Recursive { name: clip(name) }));
            }
            Token::Name => self.callee(name, span)?,
            Token::Measure
            | Token::Reset
            | Token::If
            | Token::Qreg
            | Token::Creg
            | Token::Gate
            | Token::Opaque
            | Token::Include => return Err(self.cursor.error(span, Problem::NotInBody { statement: name.into() })),
            _ => return Err(self.cursor.unexpected("a gate, `barrier` or `}`")),
        };
        self.cursor.advance();
        let mut angles = Vec::new();
        if callee != Callee::Barrier && self.cursor.accept(Token::LeftParen) {
            self.formal_angles(formal, &mut angles)?;
        }
        let (n_angles, arity) = self.signature_of(callee);
        if angles.len() != n_angles {
            let problem = Problem::AngleCount { gate: clip(name), expected: n_angles, found: angles.len() };
            return Err(self.cursor.error(span.to(self.cursor.previous), problem));
        }
        let wires = self.formal_wires(formal)?;
        let statement = span.to(self.cursor.previous);
        self.cursor.end_statement()?;
        if callee != Callee::Barrier && wires.len() != arity {
            let problem = Problem::OperandCount { gate: clip(name), expected: arity, found: wires.len() };
            return Err(self.cursor.error(statement, problem));
        }
        let mut size = self.size_of(callee);
        if callee == Callee::Barrier {
            size.operations += wires.len() as u64;
        }
        let code: usize = angles.iter().map(|angle| if let Angle::Code(code) = angle { code.len() } else { 1 }).sum();
        size.steps = size.steps.saturating_add((code + wires.len()) as u64);
        Ok((Call { callee, angles, wires, source: self.cursor.source(), span: statement }, size))
    }

    /// Angles behind `(`, with the `)`. Those without parameters are computed at once.
    fn formal_angles(&mut self, formal: &Formal, angles: &mut Vec<Angle>) -> Result<(), Failed> {
        if self.cursor.accept(Token::RightParen) {
            return Ok(());
        }
        let scope = Scope { parameters: Some(&formal.parameters), depth: self.limits().depth() };
        loop {
            let start = self.cursor.span;
            self.code.clear();
            compile(&mut self.cursor, scope, &mut self.code)?;
            let depends = self.code.iter().any(|step| matches!(step, Code::Parameter(_)));
            angles.push(if depends {
                Angle::Code(self.code.clone())
            } else {
                let value = evaluate(&self.code, &[], &mut self.stacks.values)
                    .map_err(|problem| self.cursor.error(start.to(self.cursor.previous), problem))?;
                Angle::Constant(value)
            });
            if !self.cursor.accept(Token::Comma) {
                self.cursor.expect(Token::RightParen)?;
                return Ok(());
            }
        }
    }

    /// `a,b`, all different, as positions.
    fn formal_wires(&mut self, formal: &Formal) -> Result<Vec<u32>, Failed> {
        let (mut wires, mut seen) = (Vec::new(), Names::default());
        loop {
            let name = self.cursor.text();
            let span = self.cursor.expect(Token::Name)?;
            let Some(wire) = formal.wires.find(name) else {
                let near = nearest(name, formal.wires.iter());
                let problem = Problem::UnknownWire { name: clip(name), gate: clip(formal.gate), near };
                return Err(self.cursor.error(span, problem));
            };
            if self.cursor.token == Token::LeftBracket {
                return Err(self.cursor.error(self.cursor.span, Problem::IndexInBody { name: clip(name) }));
            }
            if !seen.insert(name) {
                let problem = Problem::SameQubit { first: clip(name), second: clip(name) };
                return Err(self.cursor.error(span, problem));
            }
            wires.push(wire);
            if !self.cursor.accept(Token::Comma) {
                return Ok(wires);
            }
        }
    }
}

/// Whether `body` says what the table's own definition of `row` says.
fn is_definition_of(body: &Body, row: GateId) -> bool {
    let Some(definition) = row.row().definition else { return false };
    let text = SourceText::new(row.row().qasm, definition);
    let options = ParseOptions::default();
    let compiled = Reader::new(&text, &options, &[]).and_then(|mut reader| {
        let (library, _) = reader.compiled_definition()?;
        Ok(body.same_meaning(&library))
    });
    compiled.unwrap_or(false)
}
