//! The reader: one token ahead, one function per kind of statement, one pass.
//!
//! This file has the statements that declare things; [`crate::apply`] those that append operations;
//! [`crate::body`] the definitions of gates. Included files are a stack of cursors and not a
//! recursion, since `include` is a statement of its own.

use crate::diagnostic::Failed;
use crate::expression::Code;
use crate::gates::{Callee, Gates, Size};
use crate::inline::Stacks;
use crate::limits::Limits;
use crate::names::Names;
use crate::problem::{Problem, RegisterKind, clip};
use crate::registers::{Declared, Operand, Registers};
use crate::source::{IncludeError, Includes, NoIncludes, SourceText, stays_inside};
use crate::token::{Cursor, Span, Token};
use crate::v3;
use bqc_circuit::gates::Library;
use bqc_circuit::{Circuit, GateId, OpaqueGate, Register};
use std::cell::OnceCell;

/// How to read a source.
#[derive(Clone, Copy)]
pub struct ParseOptions<'o> {
    /// What the source may ask for.
    pub limits: Limits,
    /// Where `include` looks for files that are not built in.
    pub includes: &'o dyn Includes,
}

impl Default for ParseOptions<'_> {
    /// Default limits, and no files but the built-in libraries.
    fn default() -> Self {
        ParseOptions { limits: Limits::default(), includes: &NoIncludes }
    }
}

/// Libraries that are built in: their gates are rows of the table, known without any include.
pub(crate) const BUILT_IN: [&str; 2] = ["qelib1.inc", "stdgates.inc"];

/// Reads OpenQASM 2, or OpenQASM 3 if the source begins with `OPENQASM 3;`, `3.0;` or `3.1;`.
///
/// The circuit has the registers of the source in order, and its operations in order, with gates of
/// the source inlined and whole registers spread out. Time and memory are linear in the source and in
/// what [`Limits`] allows.
///
/// # Errors
/// The first mistake, with its place. No input panics.
pub fn parse(source: &SourceText, options: &ParseOptions) -> Result<Circuit, Box<crate::Diagnostic>> {
    if v3::is_version_3(&source.bytes) {
        return v3::read(source, options);
    }
    let files: Vec<OnceCell<SourceText>> = vec![OnceCell::new(); options.limits.includes()];
    let mut reader = Reader::new(source, options, &files)?;
    reader.read()?;
    Ok(reader.circuit)
}

/// The file that an `include` names, `n_outer` files deep, or why there is none. `n_left`: files that may still come.
pub(crate) fn included(
    options: &ParseOptions,
    path: &str,
    n_outer: usize,
    n_left: usize,
) -> Result<SourceText, Problem> {
    let limits = &options.limits;
    if !stays_inside(path) {
        return Err(Problem::IncludeOutside { path: clip(path) });
    }
    if n_outer + 1 > limits.max_include_depth as usize {
        return Err(Problem::IncludeDepth { limit: limits.max_include_depth });
    }
    if n_left == 0 {
        return Err(Problem::TooManyIncludes { limit: limits.includes() as u32 });
    }
    options.includes.find(path).map_err(|why| match why {
        IncludeError::NotFound { searched } => Problem::IncludeNotFound { path: clip(path), searched },
        IncludeError::Unreadable { reason } => Problem::IncludeUnreadable { path: clip(path), reason },
    })
}

/// Everything known at one point of the source.
pub(crate) struct Reader<'a, 'o> {
    options: &'o ParseOptions<'o>,
    /// Room for the texts of included files, which must live as long as the names borrowed from them.
    files: &'a [OnceCell<SourceText>],
    n_included: usize,
    /// The files that include the present one, each behind its `include` statement.
    pub(crate) outer: Vec<Cursor<'a>>,
    pub(crate) cursor: Cursor<'a>,
    pub(crate) gates: Gates<'a>,
    pub(crate) registers: Registers<'a>,
    pub(crate) circuit: Circuit,
    /// What the statements so far have cost.
    pub(crate) size: Size,
    pub(crate) stacks: Stacks,
    /// Scratch space of one statement: its operands, and the code of one angle.
    pub(crate) operands: Vec<Operand>,
    pub(crate) code: Vec<Code>,
}

impl<'a, 'o> Reader<'a, 'o> {
    /// Stands before the first statement of `source`.
    pub(crate) fn new(
        source: &'a SourceText,
        options: &'o ParseOptions<'o>,
        files: &'a [OnceCell<SourceText>],
    ) -> Result<Reader<'a, 'o>, Failed> {
        Ok(Reader {
            options,
            files,
            n_included: 0,
            outer: Vec::new(),
            cursor: Cursor::new(source)?,
            gates: Gates::default(),
            registers: Registers::default(),
            circuit: Circuit::default(),
            size: Size::default(),
            stacks: Stacks::default(),
            operands: Vec::new(),
            code: Vec::new(),
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.options.limits
    }

    fn read(&mut self) -> Result<(), Failed> {
        // A file that was cut off before its first byte is not an empty circuit.
        if self.cursor.token == Token::End {
            return Err(self.cursor.error(self.cursor.span, Problem::Empty));
        }
        self.header()?;
        loop {
            if self.cursor.token != Token::End {
                self.statement()?;
            } else if let Some(outer) = self.outer.pop() {
                self.cursor = outer;
            } else {
                return Ok(());
            }
        }
    }

    #[inline]
    pub(crate) fn statement(&mut self) -> Result<(), Failed> {
        match self.cursor.token {
            Token::Name => self.application(None),
            Token::Measure => self.measure(None),
            Token::Reset => self.reset(None),
            Token::Barrier => self.barrier(),
            Token::If => self.conditional(),
            Token::Qreg => self.register(RegisterKind::Quantum),
            Token::Creg => self.register(RegisterKind::Classical),
            Token::Gate => self.definition(),
            Token::Opaque => self.opaque_declaration(),
            Token::Include => self.include(),
            Token::Header => Err(self.cursor.error(self.cursor.span, Problem::LateHeader)),
            // The empty statement: harmless, and some generators write `;;`.
            Token::Semicolon => {
                self.cursor.advance();
                Ok(())
            }
            _ => Err(self.cursor.unexpected("a statement")),
        }
    }

    /// `OPENQASM 2.0;`, at the start of a file only. Files without it are read as version 2.
    pub(crate) fn header(&mut self) -> Result<(), Failed> {
        if !self.cursor.accept(Token::Header) {
            return Ok(());
        }
        let (version, span) = (self.cursor.text(), self.cursor.span);
        if !matches!(self.cursor.token, Token::Integer | Token::Real) {
            return Err(self.cursor.unexpected("a version such as `2.0`"));
        }
        if !matches!(version, "2" | "2." | "2.0") {
            return Err(self.cursor.error(span, Problem::Version { version: clip(version) }));
        }
        self.cursor.advance();
        self.cursor.end_statement()
    }

    /// `include "file";`
    fn include(&mut self) -> Result<(), Failed> {
        self.cursor.advance();
        let (text, span) = (self.cursor.text(), self.cursor.span);
        self.cursor.expect(Token::Text)?;
        self.cursor.end_statement()?;
        let path = &text[1..text.len() - 1];
        if BUILT_IN.contains(&path) {
            return Ok(());
        }
        let n_left = self.files.len() - self.n_included;
        let found = included(self.options, path, self.outer.len(), n_left);
        let file = found.map_err(|problem| self.cursor.error(span, problem))?;
        let file = self.files[self.n_included].get_or_init(|| file);
        self.n_included += 1;
        self.outer.push(std::mem::replace(&mut self.cursor, Cursor::new(file)?));
        self.header()
    }

    /// `qreg name[size];` or `creg name[size];`. A size of zero is legal and useless, so it is read.
    fn register(&mut self, kind: RegisterKind) -> Result<(), Failed> {
        self.cursor.advance();
        let name = self.cursor.text();
        let span = self.cursor.expect(Token::Name)?;
        self.cursor.expect(Token::LeftBracket)?;
        let digits = self.cursor.text();
        let size_span = self.cursor.expect(Token::Integer)?;
        self.cursor.expect(Token::RightBracket)?;
        self.cursor.end_statement()?;

        let limits = *self.limits();
        let (list, limit) = match kind {
            RegisterKind::Quantum => (&mut self.circuit.qregs, limits.max_qubits),
            RegisterKind::Classical => (&mut self.circuit.cregs, limits.max_clbits),
        };
        let first = list.last().map_or(0, |r| r.first + r.size);
        // A number too long for 64 bits is above every limit.
        let total = digits.parse::<u64>().unwrap_or(u64::MAX).saturating_add(first.into());
        if total > u64::from(limit) {
            let declared = if total == u64::MAX { clip(digits) } else { total.to_string() };
            let problem = match kind {
                RegisterKind::Quantum => Problem::TooManyQubits { declared, limit },
                RegisterKind::Classical => Problem::TooManyClbits { declared, limit },
            };
            return Err(self.cursor.error(size_span, problem));
        }
        let size = total as u32 - first;
        let declared = Declared { kind, index: list.len(), first, size };
        list.push(Register { name: name.to_owned(), first, size });
        if !self.registers.insert(name, declared) {
            return Err(self.cursor.error(span, Problem::RegisterTwice { name: clip(name) }));
        }
        Ok(())
    }

    /// `opaque name(parameters) wires;` Only its application concerns the circuit.
    fn opaque_declaration(&mut self) -> Result<(), Failed> {
        self.cursor.advance();
        let (name, span, parameters, wires) = self.signature()?;
        self.cursor.end_statement()?;
        let library = GateId::from_name(name).map(|row| row.row().library);
        let problem = match library {
            Some(Library::Paper) => Problem::OpaqueLibrary { name: clip(name) },
            _ if self.gates.own(name).is_some() => Problem::GateTwice { name: clip(name) },
            _ if self.gates.row_is_used(name) => Problem::OpaqueAfterUse { name: clip(name) },
            _ => {
                self.gates.define(name, Callee::Opaque(self.circuit.opaque_gates.len() as u32));
                let gate = OpaqueGate { name: name.to_owned(), n_angles: parameters.len(), arity: wires.len() };
                self.circuit.opaque_gates.push(gate);
                return Ok(());
            }
        };
        Err(self.cursor.error(span, problem))
    }

    /// `name(parameters) wires`, the head of `gate` and `opaque`. The parentheses may be absent or
    /// empty.
    pub(crate) fn signature(&mut self) -> Result<(&'a str, Span, Names<'a>, Names<'a>), Failed> {
        let name = self.cursor.text();
        let span = self.cursor.expect(Token::Name)?;
        if matches!(name, "U" | "CX") {
            return Err(self.cursor.error(span, Problem::Reserved { name: name.into() }));
        }
        let mut parameters = Names::default();
        if self.cursor.accept(Token::LeftParen) {
            if self.cursor.token != Token::RightParen {
                parameters = self.name_list(crate::expression::is_reserved)?;
            }
            self.cursor.expect(Token::RightParen)?;
        }
        let wires = self.name_list(|_| false)?;
        Ok((name, span, parameters, wires))
    }

    /// `a,b,c`, all different.
    fn name_list(&mut self, is_reserved: fn(&str) -> bool) -> Result<Names<'a>, Failed> {
        let mut names = Names::default();
        loop {
            let name = self.cursor.text();
            let span = self.cursor.expect(Token::Name)?;
            if is_reserved(name) {
                return Err(self.cursor.error(span, Problem::Reserved { name: clip(name) }));
            }
            if !names.insert(name) {
                return Err(self.cursor.error(span, Problem::ParameterTwice { name: clip(name) }));
            }
            if !self.cursor.accept(Token::Comma) {
                return Ok(names);
            }
        }
    }
}
