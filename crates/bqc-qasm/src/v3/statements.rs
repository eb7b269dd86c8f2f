//! Parsing of statements into trees. `include` and the header are not here: they change what is read next.

use crate::diagnostic::Failed;
use crate::v3::expressions::{Parser, base};
use crate::v3::problem::Problem3;
use crate::v3::token::Token;
use crate::v3::tree::{
    Application, Base, Binary, Case, Expr, ExprKind, Modifier, ModifierKind, Named, Over, Stmt, StmtKind, Type,
};

impl<'a> Parser<'_, 'a> {
    /// One statement, with its `;` or closing brace.
    pub fn statement(&mut self) -> Result<Stmt<'a>, Failed> {
        let start = self.cursor.span;
        let kind = self.nested(Self::statement_kind)?;
        Ok(Stmt { span: start.to(self.cursor.previous), kind })
    }

    fn statement_kind(&mut self) -> Result<StmtKind<'a>, Failed> {
        match self.cursor.token {
            Token::Name => self.by_name(),
            Token::Gphase | Token::Inv | Token::Pow | Token::Ctrl | Token::Negctrl => self.application(),
            Token::Physical | Token::LeftParen => self.effect(),
            Token::Qubit => self.qubits(),
            Token::Qreg => self.old_register(true),
            Token::Creg => self.old_register(false),
            Token::Const | Token::Array => self.declaration(),
            token if base(token).is_some() => self.declaration(),
            Token::Let => self.alias(),
            Token::Gate => self.gate(),
            Token::Def => self.def(),
            Token::Measure => self.measure(),
            Token::Reset => self.reset(),
            Token::Barrier => self.barrier(),
            Token::Delay => self.delay(),
            Token::Box => self.boxed(),
            Token::Nop => self.nop(),
            Token::If => self.conditional(),
            Token::For => self.repeated(),
            Token::Switch => self.switch(),
            Token::Break => self.ended(StmtKind::Break),
            Token::Continue => self.ended(StmtKind::Continue),
            Token::Return => self.returned(),
            Token::LeftBrace => Ok(StmtKind::Block(self.block()?)),
            Token::Semicolon | Token::Pragma => self.skip(),
            Token::At => {
                self.cursor.skip_line();
                Ok(StmtKind::Empty)
            }
            Token::Foreign => Err(self.foreign()),
            Token::Header => Err(self.cursor.error(self.cursor.span, crate::Problem::LateHeader)),
            Token::Include => Err(self.cursor.error(self.cursor.span, Problem3::NotGlobal { what: "include" }.into())),
            _ => Err(self.unexpected("a statement")),
        }
    }

    fn skip(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        Ok(StmtKind::Empty)
    }

    fn ended(&mut self, kind: StmtKind<'a>) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        self.cursor.end_statement()?;
        Ok(kind)
    }

    /// A name where it is declared.
    pub fn named(&mut self) -> Result<Named<'a>, Failed> {
        let text = self.cursor.text();
        let span = self.cursor.expect(Token::Name)?;
        Ok(Named { text, span })
    }

    /// `{ statements }`, or one statement alone.
    fn body(&mut self) -> Result<Vec<Stmt<'a>>, Failed> {
        if self.cursor.token == Token::LeftBrace { self.block() } else { Ok(vec![self.statement()?]) }
    }

    /// `{ statements }`.
    pub fn block(&mut self) -> Result<Vec<Stmt<'a>>, Failed> {
        self.cursor.expect(Token::LeftBrace)?;
        let mut statements = Vec::new();
        while !self.cursor.accept(Token::RightBrace) {
            if self.cursor.token == Token::End {
                return Err(self.unexpected("`}`"));
            }
            statements.push(self.statement()?);
        }
        Ok(statements)
    }

    /// A statement that begins with a name: an assignment, a call or a gate.
    fn by_name(&mut self) -> Result<StmtKind<'a>, Failed> {
        let before = self.cursor.clone();
        let name = self.named()?;
        match self.cursor.token {
            Token::LeftParen => {
                self.cursor.advance();
                let arguments = self.separated(Token::RightParen, Self::expression)?;
                if self.cursor.token == Token::Semicolon {
                    let span = name.span.to(self.cursor.previous);
                    self.cursor.advance();
                    return Ok(StmtKind::Call(Expr { span, kind: ExprKind::Call(name.text, arguments) }));
                }
                self.operands_of(Vec::new(), name, arguments)
            }
            Token::LeftBracket | Token::Assign | Token::Update => {
                *self.cursor = before;
                self.effect()
            }
            _ => self.operands_of(Vec::new(), name, Vec::new()),
        }
    }

    /// `target = value;`
    fn effect(&mut self) -> Result<StmtKind<'a>, Failed> {
        let target = self.expression()?;
        let operator = match self.cursor.token {
            Token::Assign => None,
            Token::Update => Some(update(self.cursor.text())),
            // `g[100ns] q;` gives the gate a duration.
            Token::Name | Token::Physical if matches!(target.kind, ExprKind::Index(..)) => {
                return Err(self.cursor.error(target.span, Problem3::refused("durations of gates").into()));
            }
            _ => return Err(self.unexpected("`=`")),
        };
        self.cursor.advance();
        let value = self.value()?;
        self.cursor.end_statement()?;
        Ok(StmtKind::Assign { target, operator, value })
    }

    fn application(&mut self) -> Result<StmtKind<'a>, Failed> {
        let mut modifiers = Vec::new();
        while matches!(self.cursor.token, Token::Inv | Token::Pow | Token::Ctrl | Token::Negctrl) {
            modifiers.push(self.modifier()?);
        }
        let name = if self.cursor.token == Token::Gphase {
            self.cursor.advance();
            Named { text: "gphase", span: self.cursor.previous }
        } else {
            self.named()?
        };
        let mut arguments = Vec::new();
        if self.cursor.accept(Token::LeftParen) {
            arguments = self.separated(Token::RightParen, Self::expression)?;
        }
        self.operands_of(modifiers, name, arguments)
    }

    fn operands_of(
        &mut self,
        modifiers: Vec<Modifier<'a>>,
        name: Named<'a>,
        arguments: Vec<Expr<'a>>,
    ) -> Result<StmtKind<'a>, Failed> {
        if self.cursor.token == Token::LeftBracket {
            // `g(1)[100ns] q;` gives the gate a duration.
            return Err(self.cursor.error(self.cursor.span, Problem3::refused("durations of gates").into()));
        }
        let operands = if self.cursor.token == Token::Semicolon { Vec::new() } else { self.operands()? };
        self.cursor.end_statement()?;
        Ok(StmtKind::Apply(Application { modifiers, name, arguments, operands }))
    }

    fn modifier(&mut self) -> Result<Modifier<'a>, Failed> {
        let start = self.cursor.span;
        let token = self.cursor.token;
        self.cursor.advance();
        let mut argument = None;
        if token != Token::Inv && self.cursor.accept(Token::LeftParen) {
            argument = Some(self.expression()?);
            self.cursor.expect(Token::RightParen)?;
        }
        let kind = match (token, argument) {
            (Token::Inv, _) => ModifierKind::Inverse,
            (Token::Pow, Some(exponent)) => ModifierKind::Power(exponent),
            (Token::Pow, None) => return Err(self.unexpected("`(`")),
            (_, count) => ModifierKind::Control { count, on_one: token == Token::Ctrl },
        };
        let span = start.to(self.cursor.previous);
        self.cursor.expect(Token::At)?;
        Ok(Modifier { span, kind })
    }

    /// `a, b[0], …`, at least one.
    fn operands(&mut self) -> Result<Vec<Expr<'a>>, Failed> {
        let mut operands = vec![self.expression()?];
        while self.cursor.accept(Token::Comma) {
            operands.push(self.expression()?);
        }
        Ok(operands)
    }

    /// `[size]`, if it is there.
    pub fn designator(&mut self) -> Result<Option<Expr<'a>>, Failed> {
        if !self.cursor.accept(Token::LeftBracket) {
            return Ok(None);
        }
        let size = self.expression()?;
        self.cursor.expect(Token::RightBracket)?;
        Ok(Some(size))
    }

    fn qubits(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        let size = self.designator()?;
        let name = self.named()?;
        self.cursor.end_statement()?;
        Ok(StmtKind::Qubits { name, size })
    }

    /// `qreg q[2];` and `creg c[2];` of version 2.
    fn old_register(&mut self, is_quantum: bool) -> Result<StmtKind<'a>, Failed> {
        let start = self.cursor.span;
        self.cursor.advance();
        let name = self.named()?;
        let size = self.designator()?;
        let span = start.to(self.cursor.previous);
        self.cursor.end_statement()?;
        if is_quantum {
            return Ok(StmtKind::Qubits { name, size });
        }
        let ty = Type { span, base: Base::Bit, width: size.map(Box::new), dimensions: Vec::new() };
        Ok(StmtKind::Declare { ty, name, value: None, is_const: false })
    }

    fn declaration(&mut self) -> Result<StmtKind<'a>, Failed> {
        let is_const = self.cursor.accept(Token::Const);
        let ty = if self.cursor.token == Token::Array { self.array()? } else { self.scalar()? };
        let name = self.named()?;
        let value = if is_const || self.cursor.token == Token::Assign {
            self.cursor.expect(Token::Assign)?;
            Some(self.value()?)
        } else {
            None
        };
        self.cursor.end_statement()?;
        Ok(StmtKind::Declare { ty, name, value, is_const })
    }

    fn alias(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        let name = self.named()?;
        self.cursor.expect(Token::Assign)?;
        // Qiskit's exporter joins wires in braces.
        let value = self.value()?;
        self.cursor.end_statement()?;
        Ok(StmtKind::Alias { name, value })
    }

    fn measure(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        let qubits = self.expression()?;
        let target = if self.cursor.accept(Token::Arrow) { Some(self.expression()?) } else { None };
        self.cursor.end_statement()?;
        Ok(StmtKind::Measure { qubits, target })
    }

    fn reset(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        let qubits = self.expression()?;
        self.cursor.end_statement()?;
        Ok(StmtKind::Reset(qubits))
    }

    /// `barrier;` is over all qubits.
    fn barrier(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        let operands = if self.cursor.token == Token::Semicolon { Vec::new() } else { self.operands()? };
        self.cursor.end_statement()?;
        Ok(StmtKind::Barrier(operands))
    }

    fn delay(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        let Some(time) = self.designator()? else { return Err(self.unexpected("`[`")) };
        let operands = if self.cursor.token == Token::Semicolon { Vec::new() } else { self.operands()? };
        self.cursor.end_statement()?;
        Ok(StmtKind::Delay { time, operands })
    }

    fn boxed(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        let time = self.designator()?;
        Ok(StmtKind::Box { time, body: self.block()? })
    }

    fn nop(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        if self.cursor.token != Token::Semicolon {
            self.operands()?;
        }
        self.cursor.end_statement()?;
        Ok(StmtKind::Empty)
    }

    fn conditional(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        self.cursor.expect(Token::LeftParen)?;
        let condition = self.expression()?;
        self.cursor.expect(Token::RightParen)?;
        let then = self.body()?;
        let otherwise = if self.cursor.accept(Token::Else) { self.body()? } else { Vec::new() };
        Ok(StmtKind::If { condition, then, otherwise })
    }

    fn repeated(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        // Qiskit's exporter leaves the type out.
        let ty = match self.cursor.token {
            Token::Name => Type { span: self.cursor.span, base: Base::Int, width: None, dimensions: Vec::new() },
            _ => self.scalar()?,
        };
        let name = self.named()?;
        self.cursor.expect(Token::In)?;
        let over = match self.cursor.token {
            Token::LeftBracket => self.loop_range()?,
            Token::LeftBrace => {
                self.cursor.advance();
                Over::Set(self.separated(Token::RightBrace, Self::expression)?)
            }
            _ => Over::Value(self.expression()?),
        };
        Ok(StmtKind::For { ty, name, over, body: self.body()? })
    }

    fn loop_range(&mut self) -> Result<Over<'a>, Failed> {
        self.cursor.advance();
        let start = self.cursor.span;
        let first = if self.cursor.token == Token::Colon { None } else { Some(self.expression()?) };
        let mut range = self.range(start, first)?;
        range.span = range.span.to(self.cursor.expect(Token::RightBracket)?);
        Ok(Over::Range(range))
    }

    fn switch(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        self.cursor.expect(Token::LeftParen)?;
        let on = self.expression()?;
        self.cursor.expect(Token::RightParen)?;
        self.cursor.expect(Token::LeftBrace)?;
        let (mut cases, mut default) = (Vec::new(), None);
        while !self.cursor.accept(Token::RightBrace) {
            if default.is_none() && self.cursor.accept(Token::Default) {
                default = Some(self.block()?);
            } else if default.is_none() && self.cursor.accept(Token::Case) {
                let values = self.operands()?;
                cases.push(Case { values, body: self.block()? });
            } else {
                return Err(self.unexpected("`case`, `default` or `}`"));
            }
        }
        Ok(StmtKind::Switch { on, cases, default })
    }

    fn returned(&mut self) -> Result<StmtKind<'a>, Failed> {
        self.cursor.advance();
        let value = if self.cursor.token == Token::Semicolon { None } else { Some(self.value()?) };
        self.cursor.end_statement()?;
        Ok(StmtKind::Return(value))
    }
}

/// The operator of `+=` and the like.
fn update(text: &str) -> Binary {
    match text {
        "+=" => Binary::Add,
        "-=" => Binary::Subtract,
        "*=" => Binary::Multiply,
        "/=" => Binary::Divide,
        "%=" => Binary::Remainder,
        "**=" => Binary::Power,
        "&=" => Binary::And,
        "|=" => Binary::Or,
        "^=" => Binary::Xor,
        "<<=" => Binary::ShiftLeft,
        _ => Binary::ShiftRight,
    }
}
