//! Parsing of `gate` and `def`.

use crate::diagnostic::Failed;
use crate::v3::expressions::Parser;
use crate::v3::token::Token;
use crate::v3::tree::{Base, Def, Expr, Gate, Parameter, ParameterKind, StmtKind, Type};
use std::rc::Rc;

impl<'a> Parser<'_, 'a> {
    /// `gate name(parameters) wires { body }`
    pub fn gate(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        let name = self.named()?;
        let mut parameters = Vec::new();
        if self.cursor.accept(Token::LeftParen) {
            parameters = self.separated(Token::RightParen, Self::named)?;
        }
        let mut wires = vec![self.named()?];
        while self.cursor.accept(Token::Comma) {
            wires.push(self.named()?);
        }
        let body = self.block()?;
        Ok(StmtKind::Gate(Rc::new(Gate { name, parameters, wires, body, source: self.cursor.source() })))
    }

    /// `def name(parameters) -> type { body }`
    pub fn def(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        let name = self.named()?;
        self.cursor.expect(Token::LeftParen)?;
        let parameters = self.separated(Token::RightParen, Self::parameter)?;
        let returns = if self.cursor.accept(Token::Arrow) && !self.cursor.accept(Token::Void) {
            Some(self.scalar()?)
        } else {
            None
        };
        let body = self.block()?;
        Ok(StmtKind::Def(Rc::new(Def { name, parameters, returns, body, source: self.cursor.source() })))
    }

    fn parameter(&mut self) -> Result<Parameter<'a>, Failed> {
        let start = self.cursor.span;
        let kind = match self.cursor.token {
            Token::Qubit => {
                self.cursor.advance();
                ParameterKind::Qubits(self.designator()?)
            }
            Token::Qreg | Token::Creg => {
                let is_quantum = self.cursor.token == Token::Qreg;
                self.cursor.advance();
                let name = self.named()?;
                let size = self.designator()?;
                let ty = |width: Option<Expr<'a>>| {
                    let (span, width) = (start.to(name.span), width.map(Box::new));
                    Type { span, base: Base::Bit, width, dimensions: Vec::new() }
                };
                let kind = if is_quantum { ParameterKind::Qubits(size) } else { ParameterKind::Value(ty(size)) };
                return Ok(Parameter { name, kind });
            }
            Token::Readonly => {
                self.cursor.advance();
                ParameterKind::Value(self.array()?)
            }
            _ => ParameterKind::Value(self.scalar()?),
        };
        Ok(Parameter { name: self.named()?, kind })
    }
}
