//! Declarations: qubits, bits, values, aliases, gates and subroutines.
//!
//! `bit[2] c;` is a register of the circuit. A bit that is declared with a value is known, and becomes a register when
//! it is measured into, if the value was zero: a circuit has no assignment to bits. In braces, a declaration that is
//! carried out again means the same register again, since its bits have no value until they are measured.

use crate::diagnostic::Failed;
use crate::gates::Size;
use crate::problem::{Problem, clip};
use crate::token::Span;
use crate::v3::problem::Problem3;
use crate::v3::reader::{Defined, Reader};
use crate::v3::scope::{Entity, Wires};
use crate::v3::tree::{Base, Binary, Def, Expr, ExprKind, Gate, Named, Stmt, StmtKind, Type};
use crate::v3::value::{Array, Kind, Value};
use bqc_circuit::GateId;
use std::rc::Rc;

/// The most elements of an array.
const MAX_ELEMENTS: usize = 1 << 16;

impl<'a> Reader<'a, '_> {
    /// A type with its width.
    pub fn kind(&mut self, ty: &Type<'a>) -> Result<Kind, Failed> {
        let (what, most) = match ty.base {
            Base::Int | Base::Uint => ("integers", 64),
            Base::Angle => ("angles", 64),
            Base::Bit => ("bits", u32::MAX),
            Base::Float | Base::Bool | Base::Duration => ("floats", 128),
        };
        let width = match &ty.width {
            None => None,
            Some(expr) => {
                let width = self.integer(expr)?;
                let fits = u32::try_from(width).ok().filter(|&width| (1..=most).contains(&width));
                let problem = || self.error(expr.span, Problem3::Width { what, width, most });
                Some(fits.ok_or_else(problem)?)
            }
        };
        Ok(match ty.base {
            Base::Int => Kind::Int { signed: true, width: width.unwrap_or(64) },
            Base::Uint => Kind::Int { signed: false, width: width.unwrap_or(64) },
            Base::Float => Kind::Float,
            Base::Angle => Kind::Angle(width),
            Base::Bool => Kind::Bool,
            Base::Bit => Kind::Bit(width.unwrap_or(1)),
            Base::Duration => Kind::Duration,
        })
    }

    /// Gives a name its meaning.
    pub fn give(&mut self, name: Named<'a>, entity: Entity) -> Result<(), Failed> {
        let is_known = self.scopes.is_global() && (self.own_gate(name.text).is_some() || self.def(name.text).is_some());
        if is_known || !self.scopes.declare(name.text, entity) {
            return Err(self.error(name.span, Problem3::DeclaredTwice { name: clip(name.text) }));
        }
        Ok(())
    }

    /// `qubit[size] name;`
    pub fn declare_qubits(&mut self, name: Named<'a>, size: Option<&Expr<'a>>) -> Result<(), Failed> {
        if !self.scopes.is_global() {
            return Err(self.error(name.span, Problem3::NotGlobal { what: "qubit" }));
        }
        if self.scopes.find(name.text).is_some() {
            return Err(self.error(name.span, Problem3::DeclaredTwice { name: clip(name.text) }));
        }
        let wires = match size {
            None => Wires::single(self.new_qubits(name.text, 1, name.span)?.at(0)),
            Some(expr) => {
                let size = self.size(expr, 0)?;
                self.new_qubits(name.text, size, expr.span)?
            }
        };
        self.give(name, Entity::Qubits(wires))
    }

    /// `type name = value;`
    pub fn declare(
        &mut self,
        ty: &Type<'a>,
        name: Named<'a>,
        value: Option<&Expr<'a>>,
        is_const: bool,
    ) -> Result<(), Failed> {
        let kind = self.kind(ty)?;
        if !ty.dimensions.is_empty() {
            return self.declare_array(ty, kind, name, value, is_const);
        }
        if let (Kind::Bit(width), false) = (kind, is_const) {
            match value.map(|value| (&value.kind, value.span)) {
                None => return self.declare_bits(ty, width, name).map(|_| ()),
                Some((ExprKind::Measure(qubits), span)) => {
                    let bits = self.declare_bits(ty, width, name)?;
                    let qubits = self.qubits(qubits)?;
                    return self.measure(&qubits, &bits, span);
                }
                Some((ExprKind::Call(called, arguments), span)) if self.gives_bits(called) => {
                    let bits = self.declare_bits(ty, width, name)?;
                    return self.call_into(called, arguments, bits, span);
                }
                Some(_) => {}
            }
        }
        if let (Some(expr), false) = (value, is_const)
            && let Some(copied) = self.copied(expr, kind)?
        {
            return self.give(name, Entity::Copy(copied));
        }
        let value = match value {
            Some(expr) => Some(self.converted(expr, kind)?),
            None => None,
        };
        self.give(name, Entity::Value { value, kind, is_const })
    }

    /// The value of an expression in a type.
    pub fn converted(&mut self, expr: &Expr<'a>, kind: Kind) -> Result<Value, Failed> {
        if let ExprKind::Measure(_) = expr.kind {
            let from = "the result of a measurement".into();
            return Err(self.error(expr.span, Problem3::Conversion { from, to: kind.to_string() }));
        }
        let value = self.evaluate(expr)?;
        value.convert(kind).map_err(|problem| self.error(expr.span, problem))
    }

    /// A register of bits: new, or the one of the same declaration before.
    fn declare_bits(&mut self, ty: &Type<'a>, width: u32, name: Named<'a>) -> Result<Wires, Failed> {
        if self.scopes.is_global() && self.scopes.find(name.text).is_some() {
            return Err(self.error(name.span, Problem3::DeclaredTwice { name: clip(name.text) }));
        }
        let mut wires = match self.result_bits(name.text, width) {
            Some(wires) => wires,
            None => {
                let site = (std::ptr::from_ref(self.source) as usize, name.span.start, width);
                let known = self.local_bits.get(&site).map(|&register| &self.circuit.cregs[register]);
                match known.filter(|_| !self.scopes.is_global()) {
                    Some(register) => Wires::range(register.first, register.size),
                    None => {
                        let (number, wires) = self.new_clbits(name.text, width as usize, ty.span)?;
                        self.local_bits.insert(site, number);
                        wires
                    }
                }
            }
        };
        if ty.width.is_none() {
            wires = Wires::single(wires.at(0));
        }
        self.give(name, Entity::Bits { wires: wires.clone(), is_parameter: false })?;
        Ok(wires)
    }

    fn declare_array(
        &mut self,
        ty: &Type<'a>,
        kind: Kind,
        name: Named<'a>,
        value: Option<&Expr<'a>>,
        is_const: bool,
    ) -> Result<(), Failed> {
        let (mut dimensions, mut n_elements) = (Vec::new(), 1usize);
        for expr in &ty.dimensions {
            let size = self.size(expr, 1)?;
            n_elements = n_elements.saturating_mul(size);
            dimensions.push(size);
        }
        if n_elements > MAX_ELEMENTS {
            let problem = Problem3::LargeArray { elements: n_elements.to_string(), limit: MAX_ELEMENTS };
            return Err(self.error(ty.span, problem));
        }
        self.charge(ty.span, Size { operations: 0, steps: n_elements as u64 })?;
        let mut elements = Vec::new();
        match value {
            Some(expr) => self.fill(expr, kind, &dimensions, &mut elements)?,
            None => {
                let zero = match kind {
                    Kind::Duration => Value::Duration(0.0),
                    _ => Value::int(0).convert(kind).map_err(|problem| self.error(ty.span, problem))?,
                };
                elements.resize(n_elements, zero);
            }
        }
        let value = Some(Value::Array(Rc::new(Array { kind, dimensions, elements })));
        self.give(name, Entity::Value { value, kind, is_const })
    }

    /// Appends the elements that an expression gives for an array of these dimensions.
    pub fn fill(
        &mut self,
        expr: &Expr<'a>,
        kind: Kind,
        dimensions: &[usize],
        elements: &mut Vec<Value>,
    ) -> Result<(), Failed> {
        let shape = |dimensions: &[usize]| match dimensions {
            [] => "one value".to_owned(),
            [1, ..] => "1 element".to_owned(),
            [size, ..] => format!("{size} elements"),
        };
        match (&expr.kind, dimensions) {
            (ExprKind::List(parts), [size, rest @ ..]) if parts.len() == *size => {
                parts.iter().try_for_each(|part| self.fill(part, kind, rest, elements))
            }
            (ExprKind::List(parts), _) => {
                let (expected, found) = (shape(dimensions), shape(&[parts.len()]));
                Err(self.error(expr.span, Problem3::ArrayShape { expected, found }))
            }
            (_, []) => {
                elements.push(self.converted(expr, kind)?);
                Ok(())
            }
            _ => match self.evaluate(expr)? {
                Value::Array(array) if array.dimensions == dimensions => {
                    self.charge(expr.span, Size { operations: 0, steps: array.elements.len() as u64 })?;
                    for element in &array.elements {
                        elements.push(element.convert(kind).map_err(|problem| self.error(expr.span, problem))?);
                    }
                    Ok(())
                }
                value => {
                    let found = match &value {
                        Value::Array(array) => shape(&array.dimensions),
                        _ => shape(&[]),
                    };
                    Err(self.error(expr.span, Problem3::ArrayShape { expected: shape(dimensions), found }))
                }
            },
        }
    }

    /// `let name = wires;`
    pub fn alias(&mut self, name: Named<'a>, value: &Expr<'a>) -> Result<(), Failed> {
        let entity = match self.named_bits(value) {
            Some(is_parameter) => Entity::Bits { wires: self.clbits(value)?, is_parameter },
            None => Entity::Qubits(self.qubits(value)?),
        };
        self.give(name, entity)
    }

    /// Whether an expression that names bits of the circuit names some of a parameter; none if it names no bits.
    pub fn named_bits(&self, expr: &Expr<'a>) -> Option<bool> {
        match &expr.kind {
            ExprKind::Name(name) => match self.scopes.find(name) {
                Some(Entity::Bits { is_parameter, .. }) => Some(*is_parameter),
                _ => None,
            },
            ExprKind::Index(base, _) => self.named_bits(base),
            ExprKind::List(parts) => {
                let is_parameter = self.named_bits(parts.first()?)?;
                Some(parts.iter().any(|part| self.named_bits(part) == Some(true)) || is_parameter)
            }
            ExprKind::Chain(first, rest) if rest.iter().all(|(operator, _)| *operator == Binary::Concat) => {
                let is_parameter = self.named_bits(first)?;
                Some(rest.iter().any(|(_, part)| self.named_bits(part) == Some(true)) || is_parameter)
            }
            _ => None,
        }
    }

    /// The source's own gate of this name that is seen here.
    pub fn own_gate(&self, name: &str) -> Option<&Defined<Gate<'a>>> {
        self.gates.get(name).filter(|gate| gate.number < self.visible)
    }

    /// The subroutine of this name that is seen here.
    pub fn def(&self, name: &str) -> Option<Rc<Def<'a>>> {
        self.defs.get(name).filter(|def| def.number < self.visible).map(|def| def.item.clone())
    }

    fn number(&mut self) -> u32 {
        self.n_definitions += 1;
        self.n_definitions - 1
    }

    /// Whether a gate or subroutine may have this name.
    fn is_fresh(&self, name: Named<'a>) -> Result<(), Failed> {
        if !self.scopes.is_global() {
            return Err(self.error(name.span, Problem3::NotGlobal { what: "gate` and `def" }));
        }
        if matches!(name.text, "U" | "CX") {
            return Err(self.error(name.span, Problem::Reserved { name: name.text.into() }));
        }
        if self.gates.contains_key(name.text) || self.defs.contains_key(name.text) {
            return Err(self.error(name.span, Problem::GateTwice { name: clip(name.text) }));
        }
        Ok(())
    }

    /// `gate name(parameters) wires { … }`
    pub fn define_gate(&mut self, gate: &Rc<Gate<'a>>) -> Result<(), Failed> {
        self.is_fresh(gate.name)?;
        let mut names = crate::names::Names::default();
        for name in gate.parameters.iter().chain(&gate.wires) {
            if !names.insert(name.text) {
                return Err(self.error(name.span, Problem::ParameterTwice { name: clip(name.text) }));
            }
        }
        self.check_body(gate, &gate.body)?;
        let number = self.number();
        self.gates.insert(gate.name.text, Defined { number, item: gate.clone() });
        Ok(())
    }

    /// Refuses a body that calls what is not defined before it, though it may never be applied.
    fn check_body(&self, gate: &Gate<'a>, body: &[Stmt<'a>]) -> Result<(), Failed> {
        for statement in body {
            match &statement.kind {
                StmtKind::Apply(application) => {
                    let Named { text, span } = application.name;
                    if text == gate.name.text && self.own_gate(text).is_none() {
                        return Err(self.error(span, Problem::Recursive { name: clip(text) }));
                    }
                    self.check_gate(application.name)?;
                }
                StmtKind::For { body, .. } | StmtKind::Block(body) => self.check_body(gate, body)?,
                StmtKind::If { then, otherwise, .. } => {
                    self.check_body(gate, then)?;
                    self.check_body(gate, otherwise)?;
                }
                kind => self.check_in_body(kind, statement.span)?,
            }
        }
        Ok(())
    }

    /// Refuses what cannot stand in the body of a gate.
    pub fn check_in_body(&self, kind: &StmtKind<'a>, span: Span) -> Result<(), Failed> {
        match kind {
            StmtKind::Empty
            | StmtKind::Apply(_)
            | StmtKind::Barrier(_)
            | StmtKind::For { .. }
            | StmtKind::If { .. }
            | StmtKind::Block(_)
            | StmtKind::Switch { .. }
            | StmtKind::Break
            | StmtKind::Continue => Ok(()),
            StmtKind::Declare { is_const: true, .. } => Ok(()),
            _ => {
                let text = self.text(span);
                let word = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                Err(self.error(span, Problem::NotInBody { statement: word.to_owned() }))
            }
        }
    }

    /// Refuses a name that is no gate.
    fn check_gate(&self, name: Named<'a>) -> Result<(), Failed> {
        let is_known = name.text == "gphase" || self.own_gate(name.text).is_some() || library(name.text).is_some();
        if is_known { Ok(()) } else { Err(self.unknown_gate(name)) }
    }

    /// The error that there is no such gate.
    pub fn unknown_gate(&self, name: Named<'a>) -> Failed {
        if self.gates.contains_key(name.text) || self.defs.contains_key(name.text) {
            return self.error(name.span, Problem3::DefinedLater { name: clip(name.text) });
        }
        let rows = GateId::all().map(|row| row.row().qasm);
        let own = self.gates.keys().chain(self.defs.keys()).copied();
        let near = crate::names::nearest(name.text, rows.chain(["U", "CX", "phase", "cphase"]).chain(own));
        self.error(name.span, Problem::UnknownGate { name: clip(name.text), near, newer: false })
    }

    /// `def name(parameters) -> type { … }`
    pub fn define(&mut self, def: &Rc<Def<'a>>) -> Result<(), Failed> {
        self.is_fresh(def.name)?;
        let number = self.number();
        self.defs.insert(def.name.text, Defined { number, item: def.clone() });
        Ok(())
    }
}

/// The row that a name means without a definition, and whether it is the language's own `U`.
pub(crate) fn library(name: &str) -> Option<(GateId, bool)> {
    use bqc_circuit::gates;
    Some(match name {
        "U" => (gates::U3, true),
        "CX" => (gates::CX, false),
        "phase" => (GateId::from_name("p")?, false),
        "cphase" => (GateId::from_name("cp")?, false),
        _ => (GateId::from_name(name)?, false),
    })
}
