//! Tokens of OpenQASM 2, and a cursor over the tokens of either version that looks one token ahead.
//!
//! The cursor borrows the text and copies nothing: a name is a slice of the source. It assumes valid
//! UTF-8 below 4 GiB, which [`Cursor::new`] checks. Grammar: Cross, Bishop, Smolin, Gambetta,
//! arXiv:1707.03429, appendix A; names may also begin with a capital or `_`, as exporters write them.

use crate::diagnostic::{Diagnostic, Excerpt, Failed};
use crate::problem::Problem;
use crate::source::SourceText;
use logos::{Lexer, Logos};

/// A range of bytes in one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// From the start of `self` to the end of `last`.
    pub fn to(self, last: Span) -> Span {
        Span { start: self.start, end: last.end }
    }
}

/// What a [`Cursor`] needs to know of the tokens of a version.
pub(crate) trait Kind: for<'s> Logos<'s, Source = str, Extras = (), Error = ()> + Copy + PartialEq {
    /// The source has ended.
    const END: Self;
    /// A byte that begins no token.
    const UNKNOWN: Self;
    /// `;`, which ends a statement.
    const SEMICOLON: Self;

    /// How a message says that this token was expected.
    fn describe(self) -> &'static str;
}

/// The kinds of token. `End` and `Unknown` come from the cursor and have no pattern.
#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq)]
#[logos(skip r"[ \t\r\n\f]+")]
#[logos(skip(r"//[^\n]*", allow_greedy = true))]
pub(crate) enum Token {
    #[token("OPENQASM")]
    Header,
    #[token("include")]
    Include,
    #[token("qreg")]
    Qreg,
    #[token("creg")]
    Creg,
    #[token("gate")]
    Gate,
    #[token("opaque")]
    Opaque,
    #[token("barrier")]
    Barrier,
    #[token("measure")]
    Measure,
    #[token("reset")]
    Reset,
    #[token("if")]
    If,
    #[regex("[A-Za-z_][A-Za-z0-9_]*")]
    Name,
    #[regex("[0-9]+")]
    Integer,
    #[regex(r"([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+")]
    Real,
    #[regex(r#""[^"\r\n]*""#)]
    Text,
    #[token(";")]
    Semicolon,
    #[token(",")]
    Comma,
    #[token("(")]
    LeftParen,
    #[token(")")]
    RightParen,
    #[token("[")]
    LeftBracket,
    #[token("]")]
    RightBracket,
    #[token("{")]
    LeftBrace,
    #[token("}")]
    RightBrace,
    #[token("->")]
    Arrow,
    #[token("==")]
    Equals,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Times,
    #[token("/")]
    Divide,
    #[token("^")]
    Power,
    /// The source has ended.
    End,
    /// A byte that begins no token.
    Unknown,
}

impl Kind for Token {
    const END: Token = Token::End;
    const UNKNOWN: Token = Token::Unknown;
    const SEMICOLON: Token = Token::Semicolon;

    fn describe(self) -> &'static str {
        match self {
            Token::Name => "a name",
            Token::Integer => "a whole number",
            Token::Real => "a number",
            Token::Text => "a text in double quotes",
            Token::Semicolon => "`;`",
            Token::Comma => "`,`",
            Token::LeftParen => "`(`",
            Token::RightParen => "`)`",
            Token::LeftBracket => "`[`",
            Token::RightBracket => "`]`",
            Token::LeftBrace => "`{`",
            Token::RightBrace => "`}`",
            Token::Arrow => "`->`",
            Token::Equals => "`==`",
            _ => "something else",
        }
    }
}

/// One source being read. A copy remembers a place to go back to.
#[derive(Clone)]
pub(crate) struct Cursor<'a, T: Kind = Token> {
    lexer: Lexer<'a, T>,
    source: &'a SourceText,
    /// The token not yet consumed.
    pub token: T,
    /// Where that token is.
    pub span: Span,
    /// Where the token before it was.
    pub previous: Span,
    /// A byte, and the line that it is in, from which [`Cursor::line`] counts on.
    counted: (u32, u32),
}

impl<'a, T: Kind> Cursor<'a, T> {
    /// Stands on the first token of `source`.
    pub fn new(source: &'a SourceText) -> Result<Cursor<'a, T>, Failed> {
        let fail = |at: usize, problem| Err(diagnose(source, Span { start: at as u32, end: at as u32 }, problem));
        if source.bytes.len() >= u32::MAX as usize {
            return fail(0, Problem::TooLarge { bytes: source.bytes.len() as u64 });
        }
        if source.bytes.starts_with(&[0xff, 0xfe]) || source.bytes.starts_with(&[0xfe, 0xff]) {
            return fail(0, Problem::Utf16);
        }
        let text = match std::str::from_utf8(&source.bytes) {
            Ok(text) => text,
            Err(error) => {
                return fail(error.valid_up_to(), Problem::NotUtf8 { byte: source.bytes[error.valid_up_to()] });
            }
        };
        let mut lexer = T::lexer(text);
        if text.starts_with('\u{feff}') {
            lexer.bump('\u{feff}'.len_utf8());
        }
        let start = Span::default();
        let mut cursor = Cursor { lexer, source, token: T::END, span: start, previous: start, counted: (0, 1) };
        cursor.advance();
        Ok(cursor)
    }

    /// Consumes the token.
    #[inline]
    pub fn advance(&mut self) {
        self.previous = self.span;
        self.token = match self.lexer.next() {
            Some(Ok(token)) => token,
            Some(Err(())) => T::UNKNOWN,
            None => T::END,
        };
        let range = self.lexer.span();
        self.span = Span { start: range.start as u32, end: range.end as u32 };
    }

    /// Consumes the token and the rest of the line that it ends on.
    pub fn skip_line(&mut self) {
        let rest = self.lexer.remainder();
        self.lexer.bump(rest.find('\n').unwrap_or(rest.len()));
        self.advance();
    }

    /// The text of the token.
    #[inline]
    pub fn text(&self) -> &'a str {
        self.lexer.slice()
    }

    /// The text of any earlier span of this source.
    pub fn slice(&self, span: Span) -> &'a str {
        &self.lexer.source()[span.start as usize..span.end as usize]
    }

    /// The source being read.
    pub fn source(&self) -> &'a SourceText {
        self.source
    }

    /// The line of `span`, from 1. Counts on from the span asked for before, so that asking for each
    /// statement in turn reads the source once.
    pub fn line(&mut self, span: Span) -> u32 {
        let (byte, line) = if self.counted.0 <= span.start { self.counted } else { (0, 1) };
        let between = &self.source.bytes[byte as usize..span.start as usize];
        self.counted = (span.start, line + between.iter().filter(|&&b| b == b'\n').count() as u32);
        self.counted.1
    }

    /// Consumes the token if it is `token`.
    #[inline]
    pub fn accept(&mut self, token: T) -> bool {
        let found = self.token == token;
        if found {
            self.advance();
        }
        found
    }

    /// Consumes `token` and returns where it was.
    #[inline]
    pub fn expect(&mut self, token: T) -> Result<Span, Failed> {
        if self.token != token {
            return Err(self.unexpected(token.describe()));
        }
        self.advance();
        Ok(self.previous)
    }

    /// Consumes the `;` that ends a statement. Its absence is shown where it belongs: behind the
    /// token before, not at the next line.
    #[inline]
    pub fn end_statement(&mut self) -> Result<(), Failed> {
        if self.token == T::SEMICOLON {
            self.advance();
            return Ok(());
        }
        if self.token == T::UNKNOWN {
            return Err(self.unexpected("`;`"));
        }
        let place = Span { start: self.previous.end, end: self.previous.end };
        Err(self.error(place, Problem::MissingSemicolon { found: self.found() }))
    }

    /// The error that the present token is not `expected`.
    pub fn unexpected(&self, expected: &'static str) -> Failed {
        match self.token {
            token if token == T::UNKNOWN => {
                let character = self.text().chars().next().unwrap_or('\u{fffd}');
                let problem = match character {
                    '"' => Problem::UnterminatedText,
                    _ => Problem::UnknownCharacter { character },
                };
                let end = self.span.start + character.len_utf8() as u32;
                self.error(Span { start: self.span.start, end: end.min(self.span.end) }, problem)
            }
            // Behind the last token: the end of the file is often a blank line far below.
            token if token == T::END => {
                let place = Span { start: self.previous.end, end: self.previous.end };
                self.error(place, Problem::Expected { expected, found: self.found() })
            }
            _ => self.error(self.span, Problem::Expected { expected, found: self.found() }),
        }
    }

    /// An error at `span` of this source.
    #[cold]
    pub fn error(&self, span: Span, problem: Problem) -> Failed {
        diagnose(self.source, span, problem)
    }

    /// The present token as a message names it.
    fn found(&self) -> String {
        match self.token {
            token if token == T::END => crate::problem::END_OF_FILE.into(),
            _ => format!("`{}`", crate::problem::clip(self.text())),
        }
    }
}

/// An error at `span` of `source`.
#[cold]
pub(crate) fn diagnose(source: &SourceText, span: Span, problem: Problem) -> Failed {
    let excerpt = Excerpt::new(source, span.start as usize..span.end as usize);
    Box::new(Diagnostic::new(problem, excerpt))
}
