//! Parsing of expressions and types by precedence climbing.
//!
//! From weak to strong, as the specification's grammar has it: `||`, `&&`, `|`, `^`, `&`, `== !=`, `< <= > >=`,
//! `<< >>`, `+ - ++`, `* / %`, unary `- ! ~`, `**`. All associate to the left, except `**`. So `-2**2` is -4.

use crate::diagnostic::Failed;
use crate::problem::{Problem, clip};
use crate::token::{Cursor, Span};
use crate::v3::problem::Problem3;
use crate::v3::token::Token;
use crate::v3::tree::{Base, Binary, Expr, ExprKind, Index, Range, Type, Unary};

/// Reads trees from the tokens under a cursor.
pub(crate) struct Parser<'c, 'a> {
    pub cursor: &'c mut Cursor<'a, Token>,
    /// Nesting at this point, and how deep it may be.
    pub depth: u32,
    pub max_depth: u32,
}

/// Binding strength of the unary operators: between `*` and `**`.
const UNARY: u8 = 23;

/// How strongly an operator binds what is left and right of it.
fn binary(token: Token) -> Option<(u8, u8, Binary)> {
    let (strength, operator) = match token {
        Token::Either => (1, Binary::Either),
        Token::Both => (3, Binary::Both),
        Token::Or => (5, Binary::Or),
        Token::Xor => (7, Binary::Xor),
        Token::And => (9, Binary::And),
        Token::Equals => (11, Binary::Equal),
        Token::Differs => (11, Binary::Differ),
        Token::Less => (13, Binary::Less),
        Token::AtMost => (13, Binary::AtMost),
        Token::Greater => (13, Binary::Greater),
        Token::AtLeast => (13, Binary::AtLeast),
        Token::ShiftLeft => (15, Binary::ShiftLeft),
        Token::ShiftRight => (15, Binary::ShiftRight),
        Token::Plus => (17, Binary::Add),
        Token::Minus => (17, Binary::Subtract),
        Token::Concat => (17, Binary::Concat),
        Token::Times => (19, Binary::Multiply),
        Token::Divide => (19, Binary::Divide),
        Token::Remainder => (19, Binary::Remainder),
        Token::Power => return Some((26, 25, Binary::Power)),
        _ => return None,
    };
    Some((strength, strength + 1, operator))
}

impl<'a> Parser<'_, 'a> {
    /// Runs `read` one level deeper.
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Failed>) -> Result<T, Failed> {
        if self.depth >= self.max_depth {
            let problem = Problem3::TooDeep { limit: self.max_depth };
            return Err(self.cursor.error(self.cursor.span, problem.into()));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Any expression without `measure`.
    pub fn expression(&mut self) -> Result<Expr<'a>, Failed> {
        self.operators(0)
    }

    /// What may stand behind `=` and `return`.
    pub fn value(&mut self) -> Result<Expr<'a>, Failed> {
        let start = self.cursor.span;
        if self.cursor.accept(Token::Measure) {
            let qubits = self.expression()?;
            return Ok(Expr { span: start.to(self.cursor.previous), kind: ExprKind::Measure(Box::new(qubits)) });
        }
        if self.cursor.token == Token::LeftBrace {
            return self.list();
        }
        self.expression()
    }

    /// `{1, {2, 3}}`.
    fn list(&mut self) -> Result<Expr<'a>, Failed> {
        let start = self.cursor.span;
        self.cursor.expect(Token::LeftBrace)?;
        let elements = self.nested(|parser| parser.separated(Token::RightBrace, Self::value))?;
        Ok(Expr { span: start.to(self.cursor.previous), kind: ExprKind::List(elements) })
    }

    /// Parts between commas up to `end`, which is consumed. A comma may stand before `end`.
    pub fn separated<T>(
        &mut self,
        end: Token,
        mut read: impl FnMut(&mut Self) -> Result<T, Failed>,
    ) -> Result<Vec<T>, Failed> {
        let mut parts = Vec::new();
        while !self.cursor.accept(end) {
            parts.push(read(self)?);
            if !self.cursor.accept(Token::Comma) {
                self.cursor.expect(end)?;
                break;
            }
        }
        Ok(parts)
    }

    /// Operators that bind at least as strongly as `weakest`.
    fn operators(&mut self, weakest: u8) -> Result<Expr<'a>, Failed> {
        self.nested(|parser| {
            let start = parser.cursor.span;
            let first = parser.operand()?;
            let mut rest = Vec::new();
            while let Some((strength, right, operator)) = binary(parser.cursor.token)
                && strength >= weakest
            {
                parser.cursor.advance();
                rest.push((operator, parser.operators(right)?));
            }
            if rest.is_empty() {
                return Ok(first);
            }
            let span = start.to(parser.cursor.previous);
            Ok(Expr { span, kind: ExprKind::Chain(Box::new(first), rest) })
        })
    }

    fn operand(&mut self) -> Result<Expr<'a>, Failed> {
        let start = self.cursor.span;
        let unary = match self.cursor.token {
            Token::Minus => Unary::Negate,
            Token::Not => Unary::Not,
            Token::Complement => Unary::Complement,
            _ => return self.indexed(start),
        };
        self.cursor.advance();
        let inner = self.operators(UNARY)?;
        Ok(Expr { span: start.to(self.cursor.previous), kind: ExprKind::Unary(unary, Box::new(inner)) })
    }

    /// A primary expression and the brackets behind it.
    fn indexed(&mut self, start: Span) -> Result<Expr<'a>, Failed> {
        let primary = self.primary()?;
        let mut brackets = Vec::new();
        while self.cursor.token == Token::LeftBracket {
            brackets.push(self.bracket()?);
        }
        if brackets.is_empty() {
            return Ok(primary);
        }
        let span = start.to(self.cursor.previous);
        Ok(Expr { span, kind: ExprKind::Index(Box::new(primary), brackets) })
    }

    /// Brackets and what is in them.
    pub fn bracket(&mut self) -> Result<Vec<Index<'a>>, Failed> {
        self.cursor.expect(Token::LeftBracket)?;
        self.separated(Token::RightBracket, Self::index)
    }

    fn index(&mut self) -> Result<Index<'a>, Failed> {
        let start = self.cursor.span;
        if self.cursor.accept(Token::LeftBrace) {
            return Ok(Index::Set(self.separated(Token::RightBrace, Self::expression)?));
        }
        let first = if self.cursor.token == Token::Colon { None } else { Some(self.expression()?) };
        match first {
            Some(first) if self.cursor.token != Token::Colon => Ok(Index::One(first)),
            first => Ok(Index::Range(self.range(start, first)?)),
        }
    }

    /// The rest of a range, behind its first part.
    pub fn range(&mut self, start: Span, first: Option<Expr<'a>>) -> Result<Range<'a>, Failed> {
        self.cursor.expect(Token::Colon)?;
        let is_end = |token| matches!(token, Token::RightBracket | Token::Comma);
        let second = match self.cursor.token {
            Token::Colon => None,
            token if is_end(token) => None,
            _ => Some(self.expression()?),
        };
        let (step, stop) = if self.cursor.accept(Token::Colon) {
            (second, if is_end(self.cursor.token) { None } else { Some(self.expression()?) })
        } else {
            (None, second)
        };
        Ok(Range { span: start.to(self.cursor.previous), start: first, step, stop })
    }

    fn primary(&mut self) -> Result<Expr<'a>, Failed> {
        let (text, span) = (self.cursor.text(), self.cursor.span);
        let kind = match self.cursor.token {
            Token::Integer => self.integer(text)?,
            Token::Real => ExprKind::Float(real(text)),
            Token::Time => ExprKind::Time(seconds(text)),
            Token::True => ExprKind::Bool(true),
            Token::False => ExprKind::Bool(false),
            Token::Text => self.bit_string(text)?,
            Token::Physical => ExprKind::Physical(&text[1..]),
            Token::Imaginary => return Err(self.refused("complex numbers")),
            Token::LeftParen => {
                self.cursor.advance();
                let inner = self.expression()?;
                self.cursor.expect(Token::RightParen)?;
                return Ok(inner);
            }
            Token::Name | Token::Pow => return self.name_or_call(),
            Token::Measure => return Err(self.cursor.error(span, Problem3::MeasureInside.into())),
            Token::Foreign => return Err(self.foreign()),
            _ if base(self.cursor.token).is_some() => return self.cast(),
            _ => return Err(self.unexpected("an expression")),
        };
        self.cursor.advance();
        Ok(Expr { span, kind })
    }

    fn integer(&self, text: &str) -> Result<ExprKind<'a>, Failed> {
        let digits: String = text.chars().filter(|&c| c != '_').collect();
        let value = match digits.as_bytes() {
            [b'0', b'x' | b'X', ..] => i128::from_str_radix(&digits[2..], 16),
            [b'0', b'b' | b'B', ..] => i128::from_str_radix(&digits[2..], 2),
            [b'0', b'o', ..] => i128::from_str_radix(&digits[2..], 8),
            _ => digits.parse(),
        };
        match value {
            Ok(value) => Ok(ExprKind::Int(value)),
            Err(_) => Err(self.cursor.error(self.cursor.span, Problem3::LargeInteger { digits: clip(text) }.into())),
        }
    }

    fn bit_string(&self, text: &'a str) -> Result<ExprKind<'a>, Failed> {
        let inner = &text[1..text.len() - 1];
        if inner.is_empty() || !inner.bytes().all(|b| matches!(b, b'0' | b'1' | b'_')) {
            return Err(self.cursor.error(self.cursor.span, Problem3::NotBits { text: clip(text) }.into()));
        }
        Ok(ExprKind::Bits(inner))
    }

    fn name_or_call(&mut self) -> Result<Expr<'a>, Failed> {
        let (name, span) = (self.cursor.text(), self.cursor.span);
        self.cursor.advance();
        if !self.cursor.accept(Token::LeftParen) {
            return Ok(Expr { span, kind: ExprKind::Name(name) });
        }
        let arguments = self.separated(Token::RightParen, Self::expression)?;
        Ok(Expr { span: span.to(self.cursor.previous), kind: ExprKind::Call(name, arguments) })
    }

    /// `type(expression)`.
    fn cast(&mut self) -> Result<Expr<'a>, Failed> {
        let ty = self.scalar()?;
        let start = ty.span;
        self.cursor.expect(Token::LeftParen)?;
        let inner = self.expression()?;
        self.cursor.expect(Token::RightParen)?;
        let span = start.to(self.cursor.previous);
        Ok(Expr { span, kind: ExprKind::Cast(Box::new(ty), Box::new(inner)) })
    }

    /// A type of one value: a word and perhaps a width.
    pub fn scalar(&mut self) -> Result<Type<'a>, Failed> {
        let start = self.cursor.span;
        if self.cursor.token == Token::Foreign {
            return Err(self.foreign());
        }
        let Some(base) = base(self.cursor.token) else { return Err(self.unexpected("a type")) };
        self.cursor.advance();
        let width = if self.cursor.accept(Token::LeftBracket) {
            let width = self.expression()?;
            self.cursor.expect(Token::RightBracket)?;
            Some(Box::new(width))
        } else {
            None
        };
        Ok(Type { span: start.to(self.cursor.previous), base, width, dimensions: Vec::new() })
    }

    /// `array[type, size, …]`.
    pub fn array(&mut self) -> Result<Type<'a>, Failed> {
        let start = self.cursor.span;
        self.cursor.advance();
        self.cursor.expect(Token::LeftBracket)?;
        let mut ty = self.scalar()?;
        self.cursor.expect(Token::Comma)?;
        ty.dimensions = self.separated(Token::RightBracket, Self::expression)?;
        ty.span = start.to(self.cursor.previous);
        Ok(ty)
    }

    /// The error that the present token is not `expected`.
    pub fn unexpected(&self, expected: &'static str) -> Failed {
        if self.cursor.token == Token::OpenComment {
            return self.cursor.error(self.cursor.span, Problem3::OpenComment.into());
        }
        self.cursor.unexpected(expected)
    }

    /// The error that bqc does not read what the present token begins.
    pub fn foreign(&self) -> Failed {
        self.refused(self.cursor.text())
    }

    fn refused(&self, what: &str) -> Failed {
        self.cursor.error(self.cursor.span, Problem::from(Problem3::refused(what)))
    }
}

/// The type that a word means.
pub(crate) fn base(token: Token) -> Option<Base> {
    Some(match token {
        Token::Int => Base::Int,
        Token::Uint => Base::Uint,
        Token::Float => Base::Float,
        Token::Angle => Base::Angle,
        Token::Bool => Base::Bool,
        Token::Bit => Base::Bit,
        Token::Duration => Base::Duration,
        _ => return None,
    })
}

/// The value of a token whose pattern is, without its underscores, a subset of what `f64` parses.
pub(crate) fn real(text: &str) -> f64 {
    if text.contains('_') { real(&text.replace('_', "")) } else { text.parse().unwrap_or(f64::NAN) }
}

/// A number with its unit, in seconds.
fn seconds(text: &str) -> f64 {
    const UNITS: [(&str, f64); 6] = [("dt", 1.0), ("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0)];
    let of_unit = |&(unit, scale): &(&str, f64)| Some(real(text.strip_suffix(unit)?) * scale);
    UNITS.iter().find_map(of_unit).unwrap_or(f64::NAN)
}
