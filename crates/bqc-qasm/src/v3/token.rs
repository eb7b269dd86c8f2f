//! Tokens of OpenQASM 3.
//!
//! Letters outside ASCII are letters of names, as the specification has it (`θ`, `π`); which of them are no letters is
//! not looked at, since no name without a declaration means anything. Grammar: OpenQASM 3.1, `qasm3Lexer.g4`.

use crate::token::Kind;
use logos::Logos;

/// The kinds of token. `End` and `Unknown` come from the cursor and have no pattern.
#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq)]
#[logos(skip r"[ \t\r\n\f]+")]
#[logos(skip(r"//[^\n]*", allow_greedy = true))]
#[logos(skip r"/\*([^*]|\*+[^*/])*\*+/")]
pub(crate) enum Token {
    #[token("OPENQASM")]
    Header,
    #[token("include")]
    Include,
    #[token("const")]
    Const,
    #[token("qreg")]
    Qreg,
    #[token("qubit")]
    Qubit,
    #[token("creg")]
    Creg,
    #[token("bit")]
    Bit,
    #[token("bool")]
    Bool,
    #[token("int")]
    Int,
    #[token("uint")]
    Uint,
    #[token("float")]
    Float,
    #[token("angle")]
    Angle,
    #[token("duration")]
    Duration,
    #[token("array")]
    Array,
    #[token("void")]
    Void,
    #[token("readonly")]
    Readonly,
    #[token("gate")]
    Gate,
    #[token("def")]
    Def,
    #[token("return")]
    Return,
    #[token("let")]
    Let,
    #[token("gphase")]
    Gphase,
    #[token("inv")]
    Inv,
    #[token("pow")]
    Pow,
    #[token("ctrl")]
    Ctrl,
    #[token("negctrl")]
    Negctrl,
    #[token("measure")]
    Measure,
    #[token("reset")]
    Reset,
    #[token("barrier")]
    Barrier,
    #[token("delay")]
    Delay,
    #[token("box")]
    Box,
    #[token("nop")]
    Nop,
    #[token("if")]
    If,
    #[token("else")]
    Else,
    #[token("for")]
    For,
    #[token("in")]
    In,
    #[token("switch")]
    Switch,
    #[token("case")]
    Case,
    #[token("default")]
    Default,
    #[token("break")]
    Break,
    #[token("continue")]
    Continue,
    #[token("true")]
    True,
    #[token("false")]
    False,
    /// A statement or type that is refused; the text says which.
    #[token("complex")]
    #[token("mutable")]
    #[token("input")]
    #[token("output")]
    #[token("extern")]
    #[token("cal")]
    #[token("defcal")]
    #[token("defcalgrammar")]
    #[token("stretch")]
    #[token("durationof")]
    #[token("while")]
    #[token("end")]
    #[token("opaque")]
    Foreign,
    /// `pragma …` up to the end of its line.
    #[regex(r"#?pragma([ \t][^\n]*)?", allow_greedy = true)]
    Pragma,
    #[regex(r"[A-Za-z_\u{80}-\u{10ffff}][A-Za-z0-9_\u{80}-\u{10ffff}]*")]
    Name,
    /// `$0`, a wire of the machine.
    #[regex(r"\$[0-9]+")]
    Physical,
    #[regex(r"[0-9](_?[0-9])*|0[xX][0-9a-fA-F](_?[0-9a-fA-F])*|0[bB][01](_?[01])*|0o[0-7](_?[0-7])*")]
    Integer,
    #[regex(r"([0-9](_?[0-9])*\.([0-9](_?[0-9])*)?|\.[0-9](_?[0-9])*)([eE][+-]?[0-9](_?[0-9])*)?")]
    #[regex(r"[0-9](_?[0-9])*[eE][+-]?[0-9](_?[0-9])*")]
    Real,
    /// A number with a unit of time.
    #[regex(r"([0-9](_?[0-9])*(\.([0-9](_?[0-9])*)?)?|\.[0-9](_?[0-9])*)([eE][+-]?[0-9](_?[0-9])*)?(dt|ns|us|µs|ms|s)")]
    Time,
    /// A number times the imaginary unit.
    #[regex(r"([0-9](_?[0-9])*(\.([0-9](_?[0-9])*)?)?|\.[0-9](_?[0-9])*)([eE][+-]?[0-9](_?[0-9])*)?im")]
    Imaginary,
    #[regex(r#""[^"\r\n]*""#)]
    Text,
    /// A comment without its end.
    #[token("/*")]
    OpenComment,
    #[token(";")]
    Semicolon,
    #[token(",")]
    Comma,
    #[token(":")]
    Colon,
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
    #[token("@")]
    At,
    #[token("=")]
    Assign,
    /// `+=` and the like: an operator and `=`.
    #[token("+=")]
    #[token("-=")]
    #[token("*=")]
    #[token("/=")]
    #[token("%=")]
    #[token("**=")]
    #[token("&=")]
    #[token("|=")]
    #[token("^=")]
    #[token("<<=")]
    #[token(">>=")]
    Update,
    #[token("==")]
    Equals,
    #[token("!=")]
    Differs,
    #[token("<")]
    Less,
    #[token("<=")]
    AtMost,
    #[token(">")]
    Greater,
    #[token(">=")]
    AtLeast,
    #[token("<<")]
    ShiftLeft,
    #[token(">>")]
    ShiftRight,
    #[token("++")]
    Concat,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Times,
    #[token("/")]
    Divide,
    #[token("%")]
    Remainder,
    #[token("**")]
    Power,
    #[token("&")]
    And,
    #[token("|")]
    Or,
    #[token("^")]
    Xor,
    #[token("&&")]
    Both,
    #[token("||")]
    Either,
    #[token("!")]
    Not,
    #[token("~")]
    Complement,
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
            Token::Text => "a text in double quotes",
            Token::Semicolon => "`;`",
            Token::Comma => "`,`",
            Token::Colon => "`:`",
            Token::LeftParen => "`(`",
            Token::RightParen => "`)`",
            Token::LeftBracket => "`[`",
            Token::RightBracket => "`]`",
            Token::LeftBrace => "`{`",
            Token::RightBrace => "`}`",
            Token::Arrow => "`->`",
            Token::Assign => "`=`",
            Token::At => "`@`",
            Token::In => "`in`",
            _ => "something else",
        }
    }
}
