//! The syntax tree: what a statement says, with spans, before anything is known of its names.
//!
//! Trees are as deep as the source nests, which the parser bounds: a sum is one [`ExprKind::Chain`] however long it
//! is, and `a[0][1]` one [`ExprKind::Index`]. Names are slices of the source.

use crate::source::SourceText;
use crate::token::Span;
use std::rc::Rc;

/// An expression and where it stands.
#[derive(Debug)]
pub(crate) struct Expr<'a> {
    pub span: Span,
    pub kind: ExprKind<'a>,
}

#[derive(Debug)]
pub(crate) enum ExprKind<'a> {
    Int(i128),
    Float(f64),
    Bool(bool),
    /// `"0101"`: the text between the quotes.
    Bits(&'a str),
    /// A duration in seconds; `dt` counts as a second, since durations are compared with nothing.
    Time(f64),
    Name(&'a str),
    /// `$0`: the digits.
    Physical(&'a str),
    Unary(Unary, Box<Expr<'a>>),
    /// Operators applied from left to right.
    Chain(Box<Expr<'a>>, Vec<(Binary, Expr<'a>)>),
    Call(&'a str, Vec<Expr<'a>>),
    Cast(Box<Type<'a>>, Box<Expr<'a>>),
    /// Brackets behind an expression, and what stands in each of them between commas.
    Index(Box<Expr<'a>>, Vec<Vec<Index<'a>>>),
    Measure(Box<Expr<'a>>),
    /// `{1, 2}`, the elements of an array.
    List(Vec<Expr<'a>>),
}

/// What may stand in brackets.
#[derive(Debug)]
pub(crate) enum Index<'a> {
    One(Expr<'a>),
    Range(Range<'a>),
    Set(Vec<Expr<'a>>),
}

/// `start:step:stop`, each of which may be absent.
#[derive(Debug)]
pub(crate) struct Range<'a> {
    pub span: Span,
    pub start: Option<Expr<'a>>,
    pub step: Option<Expr<'a>>,
    pub stop: Option<Expr<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Negate,
    Not,
    Complement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Either,
    Both,
    Or,
    Xor,
    And,
    Equal,
    Differ,
    Less,
    AtMost,
    Greater,
    AtLeast,
    ShiftLeft,
    ShiftRight,
    Add,
    Subtract,
    Concat,
    Multiply,
    Divide,
    Remainder,
    Power,
}

/// A type of classical values, as written.
#[derive(Debug)]
pub(crate) struct Type<'a> {
    pub span: Span,
    pub base: Base,
    /// The number in brackets.
    pub width: Option<Box<Expr<'a>>>,
    /// The dimensions of an `array`; empty for anything else.
    pub dimensions: Vec<Expr<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    Int,
    Uint,
    Float,
    Angle,
    Bool,
    Bit,
    Duration,
}

/// A name where it is declared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub text: &'a str,
    pub span: Span,
}

/// A statement and where it stands.
#[derive(Debug)]
pub(crate) struct Stmt<'a> {
    pub span: Span,
    pub kind: StmtKind<'a>,
}

#[derive(Debug)]
pub(crate) enum StmtKind<'a> {
    Empty,
    Qubits { name: Named<'a>, size: Option<Expr<'a>> },
    Declare { ty: Type<'a>, name: Named<'a>, value: Option<Expr<'a>>, is_const: bool },
    Alias { name: Named<'a>, value: Expr<'a> },
    Gate(Rc<Gate<'a>>),
    Def(Rc<Def<'a>>),
    Apply(Application<'a>),
    Call(Expr<'a>),
    Assign { target: Expr<'a>, operator: Option<Binary>, value: Expr<'a> },
    Measure { qubits: Expr<'a>, target: Option<Expr<'a>> },
    Reset(Expr<'a>),
    Barrier(Vec<Expr<'a>>),
    Delay { time: Expr<'a>, operands: Vec<Expr<'a>> },
    Box { time: Option<Expr<'a>>, body: Vec<Stmt<'a>> },
    Block(Vec<Stmt<'a>>),
    If { condition: Expr<'a>, then: Vec<Stmt<'a>>, otherwise: Vec<Stmt<'a>> },
    For { ty: Type<'a>, name: Named<'a>, over: Over<'a>, body: Vec<Stmt<'a>> },
    Switch { on: Expr<'a>, cases: Vec<Case<'a>>, default: Option<Vec<Stmt<'a>>> },
    Break,
    Continue,
    Return(Option<Expr<'a>>),
}

/// What a `for` walks over.
#[derive(Debug)]
pub(crate) enum Over<'a> {
    Range(Range<'a>),
    Set(Vec<Expr<'a>>),
    Value(Expr<'a>),
}

#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub values: Vec<Expr<'a>>,
    pub body: Vec<Stmt<'a>>,
}

/// `modifiers name(arguments) operands;` The name is `gphase` for a phase.
#[derive(Debug)]
pub(crate) struct Application<'a> {
    pub modifiers: Vec<Modifier<'a>>,
    pub name: Named<'a>,
    pub arguments: Vec<Expr<'a>>,
    pub operands: Vec<Expr<'a>>,
}

#[derive(Debug)]
pub(crate) struct Modifier<'a> {
    pub span: Span,
    pub kind: ModifierKind<'a>,
}

#[derive(Debug)]
pub(crate) enum ModifierKind<'a> {
    Inverse,
    Power(Expr<'a>),
    /// How many controls, one if it does not say, and whether each must be one.
    Control {
        count: Option<Expr<'a>>,
        on_one: bool,
    },
}

/// `gate name(parameters) wires { body }`.
#[derive(Debug)]
pub(crate) struct Gate<'a> {
    pub name: Named<'a>,
    pub parameters: Vec<Named<'a>>,
    pub wires: Vec<Named<'a>>,
    pub body: Vec<Stmt<'a>>,
    pub source: &'a SourceText,
}

/// `def name(parameters) -> returns { body }`.
#[derive(Debug)]
pub(crate) struct Def<'a> {
    pub name: Named<'a>,
    pub parameters: Vec<Parameter<'a>>,
    pub returns: Option<Type<'a>>,
    pub body: Vec<Stmt<'a>>,
    pub source: &'a SourceText,
}

#[derive(Debug)]
pub(crate) struct Parameter<'a> {
    pub name: Named<'a>,
    pub kind: ParameterKind<'a>,
}

#[derive(Debug)]
pub(crate) enum ParameterKind<'a> {
    /// Qubits, one if there is no size.
    Qubits(Option<Expr<'a>>),
    Value(Type<'a>),
}
