//! The reader of version 3: one statement after the other, each carried out before the next is read.

use crate::diagnostic::{Excerpt, Failed};
use crate::gates::Size;
use crate::problem::{Problem, clip};
use crate::reader::{BUILT_IN, ParseOptions, included};
use crate::source::SourceText;
use crate::token::{Cursor, Span, diagnose};
use crate::v3::division::Division;
use crate::v3::domain::{Assumed, Guard};
use crate::v3::execute::Flow;
use crate::v3::expressions::Parser;
use crate::v3::leaf::Leaf;
use crate::v3::problem::Problem3;
use crate::v3::scope::Scopes;
use crate::v3::subroutine::Target;
use crate::v3::token::Token;
use crate::v3::tree::{Def, Gate};
use crate::v3::value::Value;
use bqc_circuit::{Circuit, Operation};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The deepest nesting, of the source, of expressions being evaluated and of what both call: the reader recurses with less than 4 KiB a level.
const MAX_DEPTH: u32 = 250;
/// Steps, as [`Limits::STEPS_PER_OPERATION`] counts them, of a statement that is carried out.
const STEPS_PER_STATEMENT: u64 = 16;

/// The same for a part of an expression.
pub(crate) const STEPS_PER_VALUE: u64 = 4;

/// Whether a source says that it is of version 3: its first word behind comments is `OPENQASM`, and the number behind
/// that begins with 3. A pure function of the bytes, which may be anything.
pub(crate) fn is_version_3(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let Some(rest) = without_comments(bytes).strip_prefix(b"OPENQASM") else { return false };
    without_comments(rest).starts_with(b"3")
}

/// What follows blanks and comments.
fn without_comments(mut bytes: &[u8]) -> &[u8] {
    loop {
        bytes = bytes.trim_ascii_start();
        let (end, mark): (&[u8], _) = match bytes {
            [b'/', b'/', ..] => (b"\n", 1),
            [b'/', b'*', ..] => (b"*/", 2),
            _ => return bytes,
        };
        match bytes[2..].windows(mark).position(|window| window == end) {
            Some(position) => bytes = &bytes[2 + position + mark..],
            None => return &[],
        }
    }
}

/// Reads a source of version 3.
///
/// # Errors
/// The first mistake, with its place. No input panics.
pub(crate) fn read(source: &SourceText, options: &ParseOptions) -> Result<Circuit, Failed> {
    let files: Vec<OnceCell<SourceText>> = vec![OnceCell::new(); options.limits.includes()];
    let mut reader = Reader::new(source, options, &files)?;
    reader.read()?;
    reader.split_registers();
    Ok(reader.circuit)
}

/// Reads a source of version 3, and stops at the first statement with an operation in which `problem` finds one.
///
/// # Errors
/// The place of that statement, or of the first mistake.
pub(crate) fn check(
    source: &SourceText,
    options: &ParseOptions,
    problem: &dyn Fn(&Circuit, &Operation) -> Option<Problem>,
) -> Result<(), Failed> {
    let files: Vec<OnceCell<SourceText>> = vec![OnceCell::new(); options.limits.includes()];
    let mut reader = Reader::new(source, options, &files)?;
    reader.header()?;
    loop {
        let (source, span, n_known) = (reader.source, reader.cursor.span, reader.circuit.operations.len());
        if !reader.goes_on()? {
            return Ok(());
        }
        let circuit = &reader.circuit;
        let new = circuit.operations.get(n_known..).unwrap_or_default();
        if let Some(problem) = new.iter().find_map(|operation| problem(circuit, operation)) {
            return Err(diagnose(source, span, problem));
        }
    }
}

/// A gate or subroutine of the source. Bodies see what was defined before them.
pub(crate) struct Defined<T> {
    pub number: u32,
    pub item: Rc<T>,
}

/// Everything known at one point of the source.
pub(crate) struct Reader<'a, 'o> {
    pub options: &'o ParseOptions<'o>,
    files: &'a [OnceCell<SourceText>],
    n_included: usize,
    outer: Vec<Cursor<'a, Token>>,
    pub cursor: Cursor<'a, Token>,
    /// The file of the statement being carried out.
    pub source: &'a SourceText,
    pub circuit: Circuit,
    pub size: Size,
    pub gates: BTreeMap<&'a str, Defined<Gate<'a>>>,
    pub defs: BTreeMap<&'a str, Defined<Def<'a>>>,
    /// Definitions with a smaller number are seen.
    pub visible: u32,
    pub n_definitions: u32,
    pub scopes: Scopes<'a>,
    /// Whether the qubits are those of the machine, `$0` and so on.
    pub is_physical: bool,
    /// Names of registers, and the number of the last name that was made of each.
    pub register_names: BTreeMap<String, u64>,
    /// Registers of bits that were declared in braces, by the place of the declaration and their size.
    pub local_bits: BTreeMap<(usize, u32, u32), usize>,
    /// How often each register of bits has been measured into.
    pub n_writes: BTreeMap<usize, u64>,
    /// Registers that are too wide to be looked at value by value: whether conditions look at single bits of them.
    pub wide_registers: BTreeMap<usize, bool>,
    /// Those bits.
    pub split_bits: BTreeSet<u32>,
    /// What holds where statements are carried out only if something holds at run time.
    pub guard: Option<Guard>,
    /// The bits of one register, while a condition on them is looked at.
    pub assumed: Option<Assumed>,
    /// Gates, while the body of one is carried out.
    pub leaves: Option<Vec<Leaf>>,
    /// How many gates all bodies that are being carried out have so far.
    pub n_pending: u64,
    /// Where the bits go that the subroutine being carried out returns.
    pub target: Option<Target>,
    /// Its own name for them, and how many blocks are open where that is declared.
    pub result_name: Option<(&'a str, usize)>,
    pub returned: Option<Value>,
    pub depth: u32,
    /// What `/` does with two integers at this point.
    pub division: Division,
    /// The register of qubits that plain lines named last: its name, first wire and size.
    pub recent: Option<(&'a str, u32, u32)>,
}

impl<'a, 'o> Reader<'a, 'o> {
    fn new(
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
            source,
            circuit: Circuit::default(),
            size: Size::default(),
            gates: BTreeMap::new(),
            defs: BTreeMap::new(),
            visible: u32::MAX,
            n_definitions: 0,
            scopes: Scopes::new(),
            is_physical: false,
            register_names: BTreeMap::new(),
            local_bits: BTreeMap::new(),
            n_writes: BTreeMap::new(),
            wide_registers: BTreeMap::new(),
            split_bits: BTreeSet::new(),
            guard: None,
            assumed: None,
            leaves: None,
            n_pending: 0,
            target: None,
            result_name: None,
            returned: None,
            depth: 0,
            division: Division::Whole,
            recent: None,
        })
    }

    /// The bound on nesting in force.
    pub fn max_depth(&self) -> u32 {
        self.options.limits.depth().min(MAX_DEPTH)
    }

    fn read(&mut self) -> Result<(), Failed> {
        self.header()?;
        while self.goes_on()? {}
        Ok(())
    }

    /// Reads a statement and carries it out, or goes back to the file that includes this one. False at the end.
    #[inline]
    fn goes_on(&mut self) -> Result<bool, Failed> {
        let token = self.cursor.token;
        match token {
            Token::Name if self.fast_gate()? => {}
            Token::Include => self.include()?,
            Token::End => match self.outer.pop() {
                Some(outer) => {
                    self.cursor = outer;
                    self.source = self.cursor.source();
                }
                None => return Ok(false),
            },
            _ => self.statement()?,
        }
        Ok(true)
    }

    /// Reads a statement and carries it out.
    fn statement(&mut self) -> Result<(), Failed> {
        let max_depth = self.max_depth();
        let statement = Parser { cursor: &mut self.cursor, depth: 0, max_depth }.statement()?;
        match self.execute(&statement)? {
            Flow::Next => Ok(()),
            Flow::Break => Err(self.error(statement.span, Problem3::Misplaced { what: "break" })),
            Flow::Continue => Err(self.error(statement.span, Problem3::Misplaced { what: "continue" })),
            Flow::Return => Err(self.error(statement.span, Problem3::Misplaced { what: "return" })),
        }
    }

    /// `OPENQASM 3.0;`, at the start of a file only.
    fn header(&mut self) -> Result<(), Failed> {
        while self.cursor.token == Token::Pragma {
            self.cursor.advance();
        }
        if !self.cursor.accept(Token::Header) {
            return Ok(());
        }
        let (version, span) = (self.cursor.text(), self.cursor.span);
        if !matches!(self.cursor.token, Token::Integer | Token::Real) {
            return Err(self.cursor.unexpected("a version such as `3.0`"));
        }
        if !matches!(version, "3" | "3." | "3.0" | "3.1") {
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
        self.source = file;
        self.header()
    }

    /// An error in the statement being carried out.
    #[cold]
    pub fn error(&self, span: Span, problem: impl Into<Problem>) -> Failed {
        diagnose(self.source, span, problem.into())
    }

    /// A part of the file of the statement being carried out, for a message.
    pub fn text(&self, span: Span) -> String {
        let bytes = self.source.bytes.get(span.start as usize..span.end as usize).unwrap_or_default();
        clip(&String::from_utf8_lossy(bytes))
    }

    /// Adds the place from which the failed statement was called, unless an inner call has added its own.
    pub fn called_from(&self, failed: Failed, span: Span) -> Failed {
        if failed.is_noted() {
            return failed;
        }
        failed.note("called here", Excerpt::new(self.source, span.start as usize..span.end as usize))
    }

    /// Adds a statement's cost, or refuses it.
    #[inline]
    pub fn charge(&mut self, span: Span, added: Size) -> Result<(), Failed> {
        self.size = self.size.plus(added);
        let excess = self.size.excess(&self.options.limits);
        excess.map_or(Ok(()), |problem| Err(self.error(span, problem)))
    }

    /// The same for a statement that does nothing else.
    pub fn charge_step(&mut self, span: Span) -> Result<(), Failed> {
        self.charge(span, Size { operations: 0, steps: STEPS_PER_STATEMENT })
    }

    /// How many more operations the limit allows.
    pub fn room(&self) -> usize {
        let room = self.options.limits.max_operations.saturating_sub(self.size.operations);
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// The error that more operations are needed than the limit allows.
    pub fn no_room(&self, span: Span) -> Failed {
        let limit = self.options.limits.max_operations;
        self.error(span, Problem::TooManyOperations { operations: limit.saturating_add(1), limit })
    }
}

#[cfg(test)]
mod tests {
    use super::is_version_3;

    #[test]
    fn the_version_is_found_behind_comments() {
        for source in [
            "OPENQASM 3;",
            "OPENQASM 3.0;",
            "\u{feff}OPENQASM 3.1;",
            "// a\n\n/* b\n*/ OPENQASM\t3;",
            "OPENQASM /* c */ 3.7;",
        ] {
            assert!(is_version_3(source.as_bytes()), "{source}");
        }
        for source in ["", "OPENQASM 2.0;", "qubit q;", "// OPENQASM 3;", "/* OPENQASM 3;", "OPENQASM", "openqasm 3;"] {
            assert!(!is_version_3(source.as_bytes()), "{source}");
        }
    }
}
