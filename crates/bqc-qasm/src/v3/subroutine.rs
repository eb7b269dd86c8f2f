//! Subroutines: carried out where they are called.
//!
//! A value that a subroutine computes is returned as a value. Results of measurements cannot be copied in a circuit:
//! `return measure q;` measures into the bits that the call is assigned to, and a bit that is declared in the
//! subroutine and returned at its end *is* those bits.

use crate::diagnostic::Failed;
use crate::gates::Size;
use crate::problem::{Problem, clip};
use crate::token::Span;
use crate::v3::declare::library;
use crate::v3::division::Division;
use crate::v3::execute::Flow;
use crate::v3::problem::Problem3;
use crate::v3::reader::Reader;
use crate::v3::scope::{Entity, Wires};
use crate::v3::tree::{Base, Def, Expr, ExprKind, Named, Parameter, ParameterKind, StmtKind};
use crate::v3::value::{Kind, Value};
use std::collections::BTreeSet;

/// Bits that a call is assigned to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    bits: Wires,
    /// Whether the result is in them.
    is_filled: bool,
}

/// An argument as the caller sees it.
enum Argument {
    Qubits(Wires),
    Bits(Wires),
    Value(Value),
}

impl<'a> Reader<'a, '_> {
    /// Whether a call gives results of measurements: it returns bits, and takes qubits.
    pub fn gives_bits(&self, name: &str) -> bool {
        self.def(name).is_some_and(|def| {
            let returns_bits = def.returns.as_ref().is_some_and(|ty| ty.base == Base::Bit);
            returns_bits && def.parameters.iter().any(|p| matches!(p.kind, ParameterKind::Qubits(_)))
        })
    }

    /// The bits of the name that a subroutine returns, where that name is declared.
    pub fn result_bits(&self, name: &str, width: u32) -> Option<Wires> {
        let target = self.target.as_ref().filter(|target| target.bits.len() == width as usize)?;
        // A name in inner braces is another one.
        let is_result = self.result_name.is_some_and(|known| known == (name, self.scopes.n_open()));
        is_result.then(|| target.bits.clone())
    }

    /// `name(arguments);`
    pub fn call_statement(&mut self, expr: &Expr<'a>) -> Result<(), Failed> {
        let ExprKind::Call(name, arguments) = &expr.kind else { return Ok(()) };
        let arguments: Vec<&Expr<'a>> = arguments.iter().collect();
        match self.def(name) {
            Some(def) => self.call_def(&def, &arguments, None, expr.span).map(|_| ()),
            None => Err(self.without_operands(name, expr.span)),
        }
    }

    /// The error of a call that is no subroutine's: of a gate, `rx(0.5);`, the qubits are missing.
    fn without_operands(&self, name: &'a str, span: Span) -> Failed {
        let own = self.own_gate(name).map(|gate| gate.item.wires.len());
        match own.or_else(|| library(name).map(|(row, _)| row.row().arity)) {
            Some(expected) => self.error(span, Problem::OperandCount { gate: clip(name), expected, found: 0 }),
            None => self.unknown_gate(Named { text: name, span }),
        }
    }

    /// `bits = name(arguments);`
    pub fn call_into(&mut self, name: &'a str, arguments: &[Expr<'a>], bits: Wires, span: Span) -> Result<(), Failed> {
        let Some(def) = self.def(name) else { return Ok(()) };
        let arguments: Vec<&Expr<'a>> = arguments.iter().collect();
        let target = Target { bits, is_filled: false };
        self.call_def(&def, &arguments, Some(target), span).map(|_| ())
    }

    /// Carries out a subroutine; the value that it returns, if it does.
    pub fn call_def(
        &mut self,
        def: &Def<'a>,
        arguments: &[&Expr<'a>],
        target: Option<Target>,
        span: Span,
    ) -> Result<Option<Value>, Failed> {
        self.check_call(def, arguments.len(), span)?;
        self.charge(span, Size { operations: 0, steps: arguments.len() as u64 })?;
        let mut given = Vec::with_capacity(arguments.len());
        for (argument, parameter) in arguments.iter().zip(&def.parameters) {
            let read = |reader: &mut Self| reader.argument(argument, parameter, target.as_ref());
            given.push(self.dividing(Division::Whole, read)?);
        }
        let has_target = target.is_some();
        let outer = (self.source, self.visible, self.target.take(), self.result_name, self.returned.take());
        let assumed = self.assumed.take();
        self.target = target;
        self.visible = self.defs.get(def.name.text).map_or(0, |defined| defined.number);
        self.source = def.source;
        self.depth += 1;
        let outside = self.scopes.enter();
        self.result_name = result_name(def).filter(|_| has_target).map(|name| (name, self.scopes.n_open()));
        let result = self.dividing(Division::Whole, |reader| reader.body_of(def, given));
        self.scopes.leave(outside);
        self.depth -= 1;
        let returned = self.returned.take();
        let target = std::mem::replace(&mut self.target, outer.2);
        (self.source, self.visible, self.result_name, self.returned) = (outer.0, outer.1, outer.3, outer.4);
        self.assumed = assumed;
        result.map_err(|failed| self.called_from(failed, span))?;
        if target.is_some_and(|target| !target.is_filled) {
            let name = clip(def.name.text);
            let problem =
                if returned.is_some() { Problem3::ResultCopied { name } } else { Problem3::NoResult { name } };
            return Err(self.error(span, problem));
        }
        Ok(returned)
    }

    fn check_call(&self, def: &Def<'a>, found: usize, span: Span) -> Result<(), Failed> {
        let expected = def.parameters.len();
        if self.leaves.is_some() {
            return Err(self.error(span, Problem::NotInBody { statement: clip(def.name.text) }));
        }
        if found != expected {
            return Err(self.error(span, Problem3::ArgumentCount { name: clip(def.name.text), expected, found }));
        }
        if self.depth >= self.max_depth() {
            return Err(self.error(span, Problem3::TooDeep { limit: self.max_depth() }));
        }
        Ok(())
    }

    /// Evaluates an argument in the scope of the call.
    fn argument(
        &mut self,
        expr: &Expr<'a>,
        parameter: &Parameter<'a>,
        target: Option<&Target>,
    ) -> Result<Argument, Failed> {
        match &parameter.kind {
            ParameterKind::Qubits(_) => Ok(Argument::Qubits(self.qubits(expr)?)),
            ParameterKind::Value(ty) => {
                let mut registers = BTreeSet::new();
                self.registers_in(expr, &mut registers);
                if ty.base != Base::Bit || registers.is_empty() {
                    return Ok(Argument::Value(self.evaluate(expr)?));
                }
                let bits = self.clbits(expr)?;
                // The subroutine would see the bits change while it computes them.
                let n = bits.len() + target.map_or(0, |target| target.bits.len());
                self.charge(expr.span, Size { operations: 0, steps: n as u64 })?;
                let written: BTreeSet<u32> = target.map_or_else(BTreeSet::new, |target| target.bits.iter().collect());
                if bits.iter().any(|bit| written.contains(&bit)) {
                    let problem = Problem3::ResultCopied { name: self.text(expr.span) };
                    return Err(self.error(expr.span, problem));
                }
                Ok(Argument::Bits(bits))
            }
        }
    }

    /// Declares the parameters and carries out the statements, in the scope of the subroutine.
    fn body_of(&mut self, def: &Def<'a>, given: Vec<Argument>) -> Result<(), Failed> {
        for (parameter, argument) in def.parameters.iter().zip(given) {
            self.bind(parameter, argument)?;
        }
        match self.statements(&def.body)? {
            Flow::Next | Flow::Return => {}
            Flow::Break => return Err(self.misplaced(def.name.span, "break")),
            Flow::Continue => return Err(self.misplaced(def.name.span, "continue")),
        }
        let Some(ty) = &def.returns else { return Ok(()) };
        let kind = self.kind(ty)?;
        if let Some(value) = self.returned.take() {
            self.returned = Some(value.convert(kind).map_err(|problem| self.error(ty.span, problem))?);
        }
        Ok(())
    }

    fn bind(&mut self, parameter: &Parameter<'a>, argument: Argument) -> Result<(), Failed> {
        let span = parameter.name.span;
        let fits = |reader: &Self, wires: &Wires, size: usize, what: &'static str| {
            let expected = what;
            let problem = || Problem3::Unfit { what: format!("an argument of {}", wires.len()), expected };
            if wires.len() == size { Ok(()) } else { Err(reader.error(span, problem())) }
        };
        let entity = match (&parameter.kind, argument) {
            (ParameterKind::Qubits(size), Argument::Qubits(wires)) => {
                let wires = match size {
                    None => {
                        fits(self, &wires, 1, "one qubit")?;
                        Wires::single(wires.at(0))
                    }
                    Some(expr) => {
                        let size = self.size(expr, 0)?;
                        fits(self, &wires, size, "of the size of this parameter")?;
                        wires.as_register()
                    }
                };
                Entity::Qubits(wires)
            }
            (ParameterKind::Value(ty), Argument::Bits(wires)) => {
                let Kind::Bit(width) = self.kind(ty)? else { return Ok(()) };
                fits(self, &wires, width as usize, "of the size of this parameter")?;
                Entity::Bits { wires, is_parameter: true }
            }
            (ParameterKind::Value(ty), Argument::Value(value)) => {
                let kind = self.kind(ty)?;
                let value = match value {
                    Value::Array(array) if !ty.dimensions.is_empty() => Value::Array(array),
                    value => value.convert(kind).map_err(|problem| self.error(span, problem))?,
                };
                Entity::Value { value: Some(value), kind, is_const: false }
            }
            // Arguments are evaluated by the kind of their parameter.
            _ => return Ok(()),
        };
        self.give(parameter.name, entity)
    }

    /// `return value;`
    pub fn give_back(&mut self, value: Option<&Expr<'a>>, span: Span) -> Result<Flow, Failed> {
        let Some(expr) = value else { return Ok(Flow::Return) };
        match &expr.kind {
            ExprKind::Measure(qubits) => {
                let qubits = self.qubits(qubits)?;
                let bits = match &mut self.target {
                    Some(target) => {
                        target.is_filled = true;
                        target.bits.clone()
                    }
                    None => self.discarded(qubits.len(), span)?,
                };
                self.measure(&qubits, &bits, span)?;
            }
            ExprKind::Call(name, arguments) if self.gives_bits(name) => match self.target.clone() {
                Some(target) => {
                    self.call_into(name, arguments, target.bits, span)?;
                    if let Some(target) = &mut self.target {
                        target.is_filled = true;
                    }
                }
                None => {
                    self.call_statement(expr)?;
                }
            },
            _ => self.give_back_value(expr)?,
        }
        Ok(Flow::Return)
    }

    fn give_back_value(&mut self, expr: &Expr<'a>) -> Result<(), Failed> {
        let mut registers = BTreeSet::new();
        self.registers_in(expr, &mut registers);
        if registers.is_empty() {
            self.returned = Some(self.evaluate(expr)?);
            return Ok(());
        }
        let is_name = matches!(expr.kind, ExprKind::Name(_));
        let bits = if is_name { Some(self.clbits(expr)?) } else { None };
        self.charge(expr.span, Size { operations: 0, steps: bits.as_ref().map_or(0, Wires::len) as u64 })?;
        match (&mut self.target, bits) {
            // The call drops the result.
            (None, Some(_)) => Ok(()),
            (Some(target), Some(bits)) if bits.iter().eq(target.bits.iter()) => {
                target.is_filled = true;
                Ok(())
            }
            _ => Err(self.error(expr.span, Problem3::ResultCopied { name: self.text(expr.span) })),
        }
    }
}

/// The name that a subroutine returns at its end.
fn result_name<'a>(def: &Def<'a>) -> Option<&'a str> {
    match &def.body.last()?.kind {
        StmtKind::Return(Some(Expr { kind: ExprKind::Name(name), .. })) => Some(name),
        _ => None,
    }
}
