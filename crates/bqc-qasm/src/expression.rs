//! Angles: parsed to postfix code, evaluated in f64.
//!
//! Precedence from weak to strong: `+ -`, `* /`, unary `- +`, `^`. The first two associate to the
//! left, `^` to the right, so `-2^2` is `-4` and `2^-1` is `0.5`. The paper's grammar leaves
//! unary minus against `^` open; this is the mathematical reading, and Qiskit's. A gate's body keeps
//! its code and runs it once per application with the parameters bound.

use crate::diagnostic::Failed;
use crate::names::{Names, nearest};
use crate::problem::{Problem, clip};
use crate::token::{Cursor, Token};

/// One step of postfix code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Code {
    /// Push a number.
    Number(f64),
    /// Push a parameter of the gate, by position.
    Parameter(u32),
    /// Replace the top by its negative.
    Negate,
    /// Replace the top by a function of it.
    Call(Function),
    /// Replace the two topmost by their sum, and so on.
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

/// The functions of the paper, and their inverses as Qiskit reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Exp,
    Ln,
    Sqrt,
}

impl Function {
    const NAMES: [(&'static str, Function); 9] = [
        ("sin", Function::Sin),
        ("cos", Function::Cos),
        ("tan", Function::Tan),
        ("asin", Function::Asin),
        ("acos", Function::Acos),
        ("atan", Function::Atan),
        ("exp", Function::Exp),
        ("ln", Function::Ln),
        ("sqrt", Function::Sqrt),
    ];

    fn from_name(name: &str) -> Option<Function> {
        Self::NAMES.iter().find(|(n, _)| *n == name).map(|&(_, function)| function)
    }

    fn apply(self, x: f64) -> f64 {
        match self {
            Function::Sin => x.sin(),
            Function::Cos => x.cos(),
            Function::Tan => x.tan(),
            Function::Asin => x.asin(),
            Function::Acos => x.acos(),
            Function::Atan => x.atan(),
            Function::Exp => x.exp(),
            Function::Ln => x.ln(),
            Function::Sqrt => x.sqrt(),
        }
    }
}

/// Whether expressions give `name` a meaning, so that no parameter can have it.
pub(crate) fn is_reserved(name: &str) -> bool {
    name == "pi" || Function::from_name(name).is_some()
}

/// What names mean in an expression.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'s> {
    /// The gate's parameters; none outside a gate's body.
    pub parameters: Option<&'s Names<'s>>,
    /// Deepest nesting allowed.
    pub depth: u32,
}

/// Binding strength of the unary signs: between `*` and `^`.
const UNARY: u8 = 5;

/// Appends the code of the expression under the cursor to `code`.
pub(crate) fn compile(cursor: &mut Cursor, scope: Scope, code: &mut Vec<Code>) -> Result<(), Failed> {
    operators(cursor, scope, code, 0, 0)
}

/// Precedence climbing: reads operators that bind at least as strongly as `weakest`.
fn operators(cursor: &mut Cursor, scope: Scope, code: &mut Vec<Code>, weakest: u8, depth: u32) -> Result<(), Failed> {
    if depth >= scope.depth {
        return Err(too_deep(cursor, scope));
    }
    operand(cursor, scope, code, depth)?;
    loop {
        let (strength, right, operation) = match cursor.token {
            Token::Plus => (1, 2, Code::Add),
            Token::Minus => (1, 2, Code::Subtract),
            Token::Times => (3, 4, Code::Multiply),
            Token::Divide => (3, 4, Code::Divide),
            Token::Power => (8, 7, Code::Power),
            _ => return Ok(()),
        };
        if strength < weakest {
            return Ok(());
        }
        cursor.advance();
        operators(cursor, scope, code, right, depth + 1)?;
        code.push(operation);
    }
}

fn operand(cursor: &mut Cursor, scope: Scope, code: &mut Vec<Code>, depth: u32) -> Result<(), Failed> {
    match cursor.token {
        Token::Integer | Token::Real => {
            // The token's pattern is a subset of what `f64` parses, so the error never happens.
            let value = cursor.text().parse().map_err(|_| cursor.unexpected("a number"))?;
            code.push(Code::Number(value));
            cursor.advance();
        }
        Token::Minus | Token::Plus => {
            let negative = cursor.token == Token::Minus;
            cursor.advance();
            operators(cursor, scope, code, UNARY, depth + 1)?;
            match code.last_mut() {
                _ if !negative => {}
                // The common literal. Not valid behind an operator: there the last step is no number.
                Some(Code::Number(value)) => *value = -*value,
                _ => code.push(Code::Negate),
            }
        }
        Token::LeftParen => {
            cursor.advance();
            operators(cursor, scope, code, 0, depth + 1)?;
            cursor.expect(Token::RightParen)?;
        }
        Token::Name => name(cursor, scope, code, depth)?,
        _ => return Err(cursor.unexpected("a number, a name or `(`")),
    }
    Ok(())
}

/// `pi`, a parameter, or a function with its argument.
fn name(cursor: &mut Cursor, scope: Scope, code: &mut Vec<Code>, depth: u32) -> Result<(), Failed> {
    let (text, span) = (cursor.text(), cursor.span);
    cursor.advance();
    if text == "pi" {
        code.push(Code::Number(std::f64::consts::PI));
        return Ok(());
    }
    if let Some(position) = scope.parameters.and_then(|names| names.find(text)) {
        code.push(Code::Parameter(position));
        return Ok(());
    }
    if let Some(function) = Function::from_name(text) {
        cursor.expect(Token::LeftParen)?;
        operators(cursor, scope, code, 0, depth + 1)?;
        cursor.expect(Token::RightParen)?;
        code.push(Code::Call(function));
        return Ok(());
    }
    let problem = match scope.parameters {
        _ if cursor.token == Token::LeftParen => {
            let near = nearest(text, Function::NAMES.iter().map(|(n, _)| *n));
            Problem::UnknownFunction { name: clip(text), near }
        }
        Some(names) => Problem::UnknownParameter { name: clip(text), near: nearest(text, names.iter()) },
        None => Problem::NameInAngle { name: clip(text) },
    };
    Err(cursor.error(span, problem))
}

fn too_deep(cursor: &Cursor, scope: Scope) -> Failed {
    let ceiling = scope.depth >= crate::Limits::DEPTH_CEILING;
    cursor.error(cursor.span, Problem::TooDeep { limit: scope.depth, ceiling })
}

/// The value of `code` with `parameters` bound, in radians. `stack` is scratch space.
///
/// # Errors
/// Division by zero, and results that are no finite number. Intermediate infinities are allowed:
/// `1/exp(1000)` is zero.
pub(crate) fn evaluate(code: &[Code], parameters: &[f64], stack: &mut Vec<f64>) -> Result<f64, Problem> {
    if let [Code::Number(value)] = code
        && value.is_finite()
    {
        return Ok(*value);
    }
    stack.clear();
    // `compile` leaves well-formed code: no step finds fewer operands than it takes.
    for step in code {
        let value = match *step {
            Code::Number(value) => value,
            Code::Parameter(position) => parameters[position as usize],
            Code::Negate => -stack.pop().unwrap_or_default(),
            Code::Call(function) => function.apply(stack.pop().unwrap_or_default()),
            operation => {
                let right = stack.pop().unwrap_or_default();
                combine(operation, stack.pop().unwrap_or_default(), right)?
            }
        };
        stack.push(value);
    }
    let value = stack.pop().unwrap_or_default();
    if value.is_finite() { Ok(value) } else { Err(Problem::NotFinite { value }) }
}

fn combine(operation: Code, left: f64, right: f64) -> Result<f64, Problem> {
    Ok(match operation {
        Code::Add => left + right,
        Code::Subtract => left - right,
        Code::Multiply => left * right,
        Code::Divide if right == 0.0 => return Err(Problem::DivisionByZero),
        Code::Divide => left / right,
        _ => left.powf(right),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceText;

    fn value(text: &str) -> f64 {
        let source = SourceText::new("test", text);
        let mut cursor = Cursor::new(&source).unwrap();
        let mut code = Vec::new();
        let mut names = Names::default();
        assert!(names.insert("t") && names.insert("u"));
        let scope = Scope { parameters: Some(&names), depth: 50 };
        compile(&mut cursor, scope, &mut code).unwrap();
        assert_eq!(cursor.token, Token::End, "{text}");
        evaluate(&code, &[0.25, 4.0], &mut Vec::new()).unwrap()
    }

    #[test]
    fn precedence_and_association() {
        for (text, expected) in [
            ("1+2*3", 7.0),
            ("(1+2)*3", 9.0),
            ("8-2-1", 5.0),
            ("8/2/2", 2.0),
            ("8/2*2", 8.0),
            ("2^3^2", 512.0),
            ("-2^2", -4.0),
            ("(-2)^2", 4.0),
            ("2^-1", 0.5),
            ("2^-1^2", 0.5),
            ("-2*3", -6.0),
            ("2*-3", -6.0),
            ("--2", 2.0),
            ("-+-2", 2.0),
            ("1--2", 3.0),
            ("-(1+2)", -3.0),
            ("3*2^2", 12.0),
            ("-u*t", -1.0),
            ("u^t^0", 4.0),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_and_functions() {
        let pi = std::f64::consts::PI;
        for (text, expected) in [
            ("pi", pi),
            ("1e-5", 1e-5),
            ("5.", 5.0),
            (".5", 0.5),
            ("5.e1", 50.0),
            (".5E+1", 5.0),
            ("3.0e-1", 0.3),
            ("0.1", 0.1),
            ("6.123233995736766e-17", 6.123233995736766e-17),
            ("4.9e-324", 4.9e-324),
            ("sin(pi/2)", 1.0),
            ("cos(0)", 1.0),
            ("tan(0)", 0.0),
            ("exp(1)", 1f64.exp()),
            ("ln(2)", 2f64.ln()),
            ("sqrt(2)", 2f64.sqrt()),
            ("asin(1)", pi / 2.0),
            ("acos(1)", 0.0),
            ("atan(1)", pi / 4.0),
            ("1/exp(1000)", 0.0),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
        assert!(value("-0.0").is_sign_negative());
    }
}
