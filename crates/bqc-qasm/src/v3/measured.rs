//! Statements that are no gates: `measure`, `reset`, `barrier`, `delay` and `box`.
//!
//! A circuit has no durations. A delay keeps gates apart in time, so it becomes a barrier on its wires; a box becomes
//! a barrier on the wires that it touches, before it and behind it.

use crate::diagnostic::Failed;
use crate::gates::Size;
use crate::problem::Problem;
use crate::token::Span;
use crate::v3::execute::Flow;
use crate::v3::leaf::{Base, Leaf};
use crate::v3::problem::Problem3;
use crate::v3::reader::Reader;
use crate::v3::scope::Wires;
use crate::v3::tree::{Expr, Stmt};
use crate::v3::value::Value;
use bqc_circuit::{Clbit, Directive, Operation, Qubit};

impl<'a> Reader<'a, '_> {
    /// Appends an operation, once for each value of a condition that is open, and counts it `weight` times.
    pub fn emit(&mut self, operation: Operation, weight: u64, span: Span) -> Result<(), Failed> {
        let Some(guard) = &self.guard else {
            self.charge(span, Size { operations: weight, steps: 1 })?;
            self.circuit.operations.push(operation);
            return Ok(());
        };
        if guard.is_stale {
            let register = self.circuit.cregs[guard.domain.register].name.clone();
            return Err(self.error(span, Problem::ConditionChanges { register }));
        }
        let (creg, values) = (guard.domain.creg(), guard.values.clone());
        let weight = values.iter().map(|value| weight * (2 + value.len() as u64 / 16)).sum();
        self.charge(span, Size { operations: weight, steps: 1 })?;
        for value in values.iter() {
            let (value, operation) = (value.clone(), Box::new(operation.clone()));
            let directive = Directive::Conditional { creg, value, operation };
            self.circuit.operations.push(Operation::Directive(Box::new(directive)));
        }
        Ok(())
    }

    /// `measure qubits -> bits;`
    pub fn measure(&mut self, qubits: &Wires, bits: &Wires, span: Span) -> Result<(), Failed> {
        if qubits.len() != bits.len() {
            let problem = Problem3::MeasureSize { qubits: qubits.len(), bits: bits.len() };
            return Err(self.error(span, problem));
        }
        for (qubit, bit) in qubits.iter().zip(bits.iter()) {
            let clbit = Clbit(bit);
            *self.n_writes.entry(self.register_of(clbit)).or_default() += 1;
            let changes = self.guard.as_ref().is_some_and(|guard| guard.domain.contains(clbit));
            if changes && self.guard.as_ref().is_some_and(|guard| guard.values.len() != 1) {
                let register = self.circuit.cregs[self.register_of(clbit)].name.clone();
                return Err(self.error(span, Problem::ConditionChanges { register }));
            }
            let directive = Directive::Measure { qubit: Qubit(qubit), clbit };
            self.emit(Operation::Directive(Box::new(directive)), 1, span)?;
            if let (true, Some(guard)) = (changes, &mut self.guard) {
                guard.is_stale = true;
            }
        }
        Ok(())
    }

    /// `measure qubits;` and `measure qubits -> bits;` as statements. Results that go nowhere get a register.
    pub fn measure_statement(
        &mut self,
        qubits: &Expr<'a>,
        target: Option<&Expr<'a>>,
        span: Span,
    ) -> Result<(), Failed> {
        let qubits = self.qubits(qubits)?;
        let bits = match target {
            Some(target) => self.measured_bits(target)?,
            None => self.discarded(qubits.len(), span)?,
        };
        self.measure(&qubits, &bits, span)
    }

    /// Bits for results that the program drops: the same ones for the same statement.
    pub fn discarded(&mut self, size: usize, span: Span) -> Result<Wires, Failed> {
        let site = (std::ptr::from_ref(self.source) as usize, span.start, size as u32);
        if let Some(&register) = self.local_bits.get(&site) {
            return Ok(Wires::range(self.circuit.cregs[register].first, size as u32));
        }
        let (number, wires) = self.new_clbits("discarded", size, span)?;
        self.local_bits.insert(site, number);
        Ok(wires)
    }

    /// `reset qubits;`
    pub fn reset(&mut self, qubits: &Expr<'a>, span: Span) -> Result<(), Failed> {
        for qubit in self.qubits(qubits)?.iter() {
            self.emit(Operation::Directive(Box::new(Directive::Reset(Qubit(qubit)))), 1, span)?;
        }
        Ok(())
    }

    /// `barrier operands;`, over all qubits if there are none.
    pub fn barrier(&mut self, operands: &[Expr<'a>], span: Span) -> Result<(), Failed> {
        let mut wires = Vec::new();
        for operand in operands {
            wires.extend(self.qubits(operand)?.iter());
        }
        if operands.is_empty() && self.leaves.is_none() {
            wires.extend(self.all_qubits().iter());
        }
        self.wall(wires, span)
    }

    /// A barrier on some wires, each of them once. It does nothing at run time, so a condition on it means nothing.
    fn wall(&mut self, mut wires: Vec<u32>, span: Span) -> Result<(), Failed> {
        self.charge(span, Size { operations: 1 + wires.len() as u64, steps: 0 })?;
        let mut seen = std::collections::BTreeSet::new();
        wires.retain(|&wire| seen.insert(wire));
        if wires.is_empty() {
            return Ok(());
        }
        let qubits: Vec<Qubit> = wires.into_iter().map(Qubit).collect();
        match &mut self.leaves {
            Some(leaves) => {
                self.n_pending += 1;
                leaves.push(Leaf { base: Base::Barrier(qubits), phase: 0.0, controls: Vec::new() });
            }
            None => self.circuit.operations.push(Operation::Directive(Box::new(Directive::Barrier(qubits)))),
        }
        Ok(())
    }

    /// `delay[time] operands;`
    pub fn delay(&mut self, time: &Expr<'a>, operands: &[Expr<'a>], span: Span) -> Result<(), Failed> {
        self.duration(time)?;
        self.barrier(operands, span)
    }

    fn duration(&mut self, time: &Expr<'a>) -> Result<(), Failed> {
        match self.evaluate(time)? {
            Value::Duration(_) => Ok(()),
            value => {
                let problem = Problem3::Conversion { from: value.describe(), to: "a duration".into() };
                Err(self.error(time.span, problem))
            }
        }
    }

    /// `box[time] { … }`
    pub fn boxed(&mut self, time: Option<&Expr<'a>>, body: &[Stmt<'a>], span: Span) -> Result<Flow, Failed> {
        if let Some(time) = time {
            self.duration(time)?;
        }
        let start = self.circuit.operations.len();
        let flow = self.block(body)?;
        let mut touched = std::collections::BTreeSet::new();
        let inside = &self.circuit.operations[start..];
        inside.iter().for_each(|operation| {
            operation.for_each_qubit(|qubit| {
                touched.insert(qubit.0);
            })
        });
        // A box in boxes is walked through once for each.
        let steps = inside.len() as u64;
        self.charge(span, Size { operations: 0, steps })?;
        self.wall(touched.iter().copied().collect(), span)?;
        if !touched.is_empty() {
            self.wall(touched.into_iter().collect(), span)?;
            self.circuit.operations[start..].rotate_right(1);
        }
        Ok(flow)
    }
}
