//! Statements carried out.

use crate::diagnostic::Failed;
use crate::gates::Size;
use crate::problem::clip;
use crate::token::Span;
use crate::v3::problem::Problem3;
use crate::v3::reader::Reader;
use crate::v3::scope::Entity;
use crate::v3::tree::{ExprKind, Named, Over, Range, Stmt, StmtKind, Type};
use crate::v3::value::{Kind, Value};

/// What comes after a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Next,
    Break,
    Continue,
    Return,
}

impl<'a> Reader<'a, '_> {
    /// Carries out a statement.
    pub fn execute(&mut self, statement: &Stmt<'a>) -> Result<Flow, Failed> {
        self.charge_step(statement.span)?;
        self.deeper(statement.span, |reader| {
            if reader.leaves.is_some() {
                reader.check_in_body(&statement.kind, statement.span)?;
            }
            reader.carry_out(statement)
        })
    }

    fn carry_out(&mut self, statement: &Stmt<'a>) -> Result<Flow, Failed> {
        let span = statement.span;
        match &statement.kind {
            StmtKind::Empty => {}
            StmtKind::Qubits { name, size } => self.declare_qubits(*name, size.as_ref())?,
            StmtKind::Declare { ty, name, value, is_const } => self.declare(ty, *name, value.as_ref(), *is_const)?,
            StmtKind::Alias { name, value } => self.alias(*name, value)?,
            StmtKind::Gate(gate) => self.define_gate(gate)?,
            StmtKind::Def(def) => self.define(def)?,
            StmtKind::Apply(application) => self.apply(application, span)?,
            StmtKind::Call(expr) => self.call_statement(expr)?,
            StmtKind::Assign { target, operator, value } => self.assign(target, *operator, value, span)?,
            StmtKind::Measure { qubits, target } => self.measure_statement(qubits, target.as_ref(), span)?,
            StmtKind::Reset(qubits) => self.reset(qubits, span)?,
            StmtKind::Barrier(operands) => self.barrier(operands, span)?,
            StmtKind::Delay { time, operands } => self.delay(time, operands, span)?,
            StmtKind::Box { time, body } => return self.boxed(time.as_ref(), body, span),
            StmtKind::Block(body) => return self.block(body),
            StmtKind::If { condition, then, otherwise } => return self.conditional(condition, then, otherwise),
            StmtKind::For { ty, name, over, body } => return self.repeat(ty, *name, over, body),
            StmtKind::Switch { on, cases, default } => return self.switch(on, cases, default.as_deref()),
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
            StmtKind::Return(value) => return self.give_back(value.as_ref(), span),
        }
        Ok(Flow::Next)
    }

    /// Statements in a scope of their own.
    pub fn block(&mut self, body: &[Stmt<'a>]) -> Result<Flow, Failed> {
        self.scopes.open();
        let flow = self.statements(body)?;
        self.scopes.close();
        Ok(flow)
    }

    /// Statements in the present scope, up to one that leaves them.
    pub fn statements(&mut self, body: &[Stmt<'a>]) -> Result<Flow, Failed> {
        for statement in body {
            let flow = self.execute(statement)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    /// `for type name in over { body }`
    fn repeat(&mut self, ty: &Type<'a>, name: Named<'a>, over: &Over<'a>, body: &[Stmt<'a>]) -> Result<Flow, Failed> {
        let kind = self.kind(ty)?;
        match over {
            Over::Range(range) => self.repeat_range(kind, name, range, body),
            Over::Set(exprs) => {
                for expr in exprs {
                    let value = self.evaluate(expr)?;
                    if let Some(flow) = self.iteration(kind, name, value, body)? {
                        return Ok(flow);
                    }
                }
                Ok(Flow::Next)
            }
            Over::Value(expr) => {
                let value = self.evaluate(expr)?;
                let elements: Vec<Value> = match &value {
                    Value::Array(array) if array.dimensions.len() == 1 => array.elements.clone(),
                    Value::Bits { value, width } => {
                        (0..*width).map(|bit| Value::Bits { value: value >> bit & 1, width: 1 }).collect()
                    }
                    _ => {
                        let what = match expr.kind {
                            ExprKind::Name(name) => clip(name),
                            _ => self.text(expr.span),
                        };
                        let problem = Problem3::Unfit { what, expected: "a range, a set, bits or an array" };
                        return Err(self.error(expr.span, problem));
                    }
                };
                self.charge(expr.span, Size { operations: 0, steps: elements.len() as u64 })?;
                for value in elements {
                    if let Some(flow) = self.iteration(kind, name, value, body)? {
                        return Ok(flow);
                    }
                }
                Ok(Flow::Next)
            }
        }
    }

    fn repeat_range(
        &mut self,
        kind: Kind,
        name: Named<'a>,
        range: &Range<'a>,
        body: &[Stmt<'a>],
    ) -> Result<Flow, Failed> {
        let missing = |reader: &Self, missing| Err(reader.error(range.span, Problem3::OpenRange { missing }));
        let Some(start) = &range.start else { return missing(self, "a start") };
        let Some(stop) = &range.stop else { return missing(self, "an end") };
        let (start, stop) = (self.integer(start)?, self.integer(stop)?);
        let step = match &range.step {
            Some(step) => self.integer(step)?,
            None => 1,
        };
        if step == 0 {
            return missing(self, "a step other than 0");
        }
        let mut at = start;
        while if step > 0 { at <= stop } else { at >= stop } {
            if let Some(flow) = self.iteration(kind, name, Value::int(at), body)? {
                return Ok(flow);
            }
            match at.checked_add(step) {
                Some(next) => at = next,
                None => break,
            }
        }
        Ok(Flow::Next)
    }

    /// One turn of a loop; what comes after the loop, if this is its last turn.
    fn iteration(
        &mut self,
        kind: Kind,
        name: Named<'a>,
        value: Value,
        body: &[Stmt<'a>],
    ) -> Result<Option<Flow>, Failed> {
        self.charge_step(name.span)?;
        let value = value.convert(kind).map_err(|problem| self.error(name.span, problem))?;
        self.scopes.open();
        self.give(name, Entity::Value { value: Some(value), kind, is_const: false })?;
        let flow = self.statements(body)?;
        self.scopes.close();
        Ok(match flow {
            Flow::Next | Flow::Continue => None,
            Flow::Break => Some(Flow::Next),
            Flow::Return => Some(Flow::Return),
        })
    }

    /// A place for a message.
    pub fn misplaced(&self, span: Span, what: &'static str) -> Failed {
        self.error(span, Problem3::Misplaced { what })
    }
}
