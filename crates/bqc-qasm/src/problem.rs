//! Everything that can be wrong with a source: the message, and what to do about it.
//!
//! One variant per mistake, with its numbers. Names come from the source through [`clip`], so that a
//! message stays one readable line whatever the source holds. The caller does the same with each of
//! them (report, exit code 2), hence one flat enum.

use crate::v3::Problem3;
use thiserror::Error;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Error)]
#[allow(missing_docs, reason = "the message of each variant says what its fields mean")]
pub enum Problem {
    // The bytes.
    #[error("byte 0x{byte:02x} is not UTF-8")]
    NotUtf8 { byte: u8 },
    #[error("the file is UTF-16")]
    Utf16,
    #[error("the source has {bytes} bytes, more than the 4 GiB that positions can count")]
    TooLarge { bytes: u64 },
    #[error("`{}` has no meaning here", shown(*.character))]
    UnknownCharacter { character: char },
    #[error("the text has no closing `\"` on its line")]
    UnterminatedText,

    // The grammar.
    #[error("there is no statement in the source")]
    Empty,
    #[error("expected {expected}, found {found}")]
    Expected { expected: &'static str, found: String },
    #[error("`;` is missing before {found}")]
    MissingSemicolon { found: String },
    #[error("`OPENQASM` must be the first statement")]
    LateHeader,
    #[error("OpenQASM {version} cannot be read")]
    Version { version: String },
    #[error("`{statement}` cannot stand in the body of a gate")]
    NotInBody { statement: String },
    #[error("`{name}` is one wire inside a gate and has no index")]
    IndexInBody { name: String },
    #[error("`{name}` is a reserved name")]
    Reserved { name: String },

    // Names.
    #[error("gate `{name}` is not defined")]
    UnknownGate { name: String, near: Option<String>, newer: bool },
    #[error("there is no {kind} register `{name}`")]
    UnknownRegister { kind: RegisterKind, name: String, near: Option<String> },
    #[error("`{name}` is not a {kind} register")]
    WrongRegister { kind: RegisterKind, name: String },
    #[error("`{name}` is neither a number nor a parameter of this gate")]
    UnknownParameter { name: String, near: Option<String> },
    #[error("`{name}` is no number: outside a gate's body there are no parameters")]
    NameInAngle { name: String },
    #[error("there is no function `{name}`")]
    UnknownFunction { name: String, near: Option<String> },
    #[error("`{name}` is not a wire of gate `{gate}`")]
    UnknownWire { name: String, gate: String, near: Option<String> },
    #[error("register `{name}` is declared twice")]
    RegisterTwice { name: String },
    #[error("gate `{name}` is defined twice")]
    GateTwice { name: String },
    #[error("`{name}` appears twice in this list")]
    ParameterTwice { name: String },
    #[error("gate `{name}` calls itself")]
    Recursive { name: String },
    #[error("`{name}` is a gate of qelib1.inc and cannot be opaque")]
    OpaqueLibrary { name: String },
    #[error("`{name}` cannot become opaque after the library's `{name}` was used")]
    OpaqueAfterUse { name: String },
    #[error("`{gate}` is not a gate of {set}")]
    ForeignGate { gate: String, set: String },

    // Numbers of things.
    #[error("`{gate}` takes {}, found {found}", count(*.expected, "angle"))]
    AngleCount { gate: String, expected: usize, found: usize },
    #[error("`{gate}` acts on {}, found {found}", count(*.expected, "qubit"))]
    OperandCount { gate: String, expected: usize, found: usize },
    #[error("`{first}` and `{second}` are the same qubit")]
    SameQubit { first: String, second: String },
    #[error("`{first}` and `{second}` share qubits")]
    Overlap { first: String, second: String },
    #[error("registers of {first_size} and {second_size} cannot be paired")]
    SizeMismatch { first_size: u32, second_size: u32 },
    #[error("index {index} is out of range: `{register}` has {size}")]
    OutOfRange { register: String, index: String, size: u32 },
    #[error("a whole register and a single bit cannot be paired by `measure`")]
    MeasureShape,
    #[error("this measurement would change `{register}` while its condition is still needed")]
    ConditionChanges { register: String },

    // Values.
    #[error("division by zero")]
    DivisionByZero,
    #[error("the angle is {value}, which is no finite number")]
    NotFinite { value: f64 },

    // Limits.
    #[error("nested more than {limit} deep")]
    TooDeep { limit: u32, ceiling: bool },
    #[error("{declared} qubits are declared, the limit is {limit}")]
    TooManyQubits { declared: String, limit: u32 },
    #[error("{declared} classical bits are declared, the limit is {limit}")]
    TooManyClbits { declared: String, limit: u32 },
    #[error("the circuit grows to {} operations here, the limit is {limit}", at_least(*.operations))]
    TooManyOperations { operations: u64, limit: u64 },
    #[error("inlining takes {} steps up to here, the limit is {limit}", at_least(*.steps))]
    TooManySteps { steps: u64, limit: u64 },
    #[error("files include each other more than {limit} deep")]
    IncludeDepth { limit: u32 },
    #[error("more than {limit} files are included")]
    TooManyIncludes { limit: u32 },

    // Include.
    #[error("`{path}` leaves the directories that may be included from")]
    IncludeOutside { path: String },
    #[error("`{path}` was not found{}", searched_in(.searched))]
    IncludeNotFound { path: String, searched: Vec<String> },
    #[error("`{path}` cannot be read: {reason}")]
    IncludeUnreadable { path: String, reason: String },

    /// What only version 3 has.
    #[error(transparent)]
    Version3(#[from] Problem3),
}

/// How a message names what stands behind the last token.
pub(crate) const END_OF_FILE: &str = "the end of the file";

/// The two kinds of register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterKind {
    /// `qreg`.
    Quantum,
    /// `creg`.
    Classical,
}

impl std::fmt::Display for RegisterKind {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            RegisterKind::Quantum => "quantum",
            RegisterKind::Classical => "classical",
        })
    }
}

impl Problem {
    /// What stands beside the caret.
    pub fn label(&self) -> &'static str {
        match self {
            Problem::NotUtf8 { .. } => "this byte",
            Problem::MissingSemicolon { .. } => "`;` belongs here",
            Problem::Empty => "the file ends here",
            Problem::Expected { found, .. } if found == END_OF_FILE => "the file ends here",
            Problem::Expected { .. } => "this is in its place",
            Problem::AngleCount { .. } | Problem::OperandCount { .. } => "in this call",
            Problem::SameQubit { .. } | Problem::Overlap { .. } | Problem::RegisterTwice { .. } => "again here",
            Problem::TooManyOperations { .. } | Problem::TooManySteps { .. } => "this statement",
            Problem::DivisionByZero | Problem::NotFinite { .. } => "this angle",
            Problem::Version3(problem) => problem.label(),
            _ => "here",
        }
    }

    /// What the reader of the message can do.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Problem::NotUtf8 { .. } => "save the file as UTF-8",
            Problem::Utf16 => {
                "save the file as UTF-8; PowerShell's `>` writes UTF-16, `Set-Content -Encoding utf8` does not"
            }
            Problem::TooLarge { .. } => "split the circuit into several files",
            Problem::UnknownCharacter { character: '#' } => "comments begin with `//`",
            Problem::UnknownCharacter { character: '=' } => "a condition compares with `==`",
            Problem::UnknownCharacter { character: '\'' } => "texts stand in double quotes",
            Problem::UnknownCharacter { .. } => "names are ASCII letters, digits and `_`",
            Problem::UnterminatedText => "close the text: include \"qelib1.inc\";",
            Problem::Expected { found, .. } if found == "`/`" => "comments begin with `//`",
            Problem::Expected { expected, .. } => return form(expected).map(str::to_owned),
            Problem::MissingSemicolon { .. } => "end the statement with `;`",
            Problem::Empty => {
                "look whether it was written to its end; a circuit without gates is `OPENQASM 2.0;` alone"
            }
            Problem::LateHeader => "move it to the first line, or remove it",
            Problem::Version { .. } => {
                "versions 2.0, 3.0 and 3.1 are read, and a file includes files of its own version"
            }
            Problem::NotInBody { .. } => "a body holds gates and barriers only; apply the rest outside",
            Problem::IndexInBody { .. } => "write the name alone",
            Problem::Reserved { .. } => "choose another name",
            Problem::UnknownGate { newer: true, .. } => "this is OpenQASM 3: begin the file with `OPENQASM 3.0;`",
            Problem::UnknownGate { near: None, .. } => "define it with `gate`, or include the file that does",
            Problem::UnknownRegister { kind: RegisterKind::Quantum, near: None, .. } => {
                "declare it first: qreg name[size];"
            }
            Problem::UnknownRegister { near: None, .. } => "declare it first: creg name[size];",
            Problem::UnknownParameter { near: None, .. } => "list it in the parentheses behind the gate's name",
            Problem::UnknownFunction { near: None, .. } => {
                "the functions are sin, cos, tan, asin, acos, atan, exp, ln and sqrt"
            }
            Problem::UnknownWire { near: None, .. } => "a body acts on the wires behind the gate's name only",
            Problem::UnknownGate { near: Some(near), .. }
            | Problem::UnknownRegister { near: Some(near), .. }
            | Problem::UnknownParameter { near: Some(near), .. }
            | Problem::UnknownFunction { near: Some(near), .. }
            | Problem::UnknownWire { near: Some(near), .. } => return Some(format!("did you mean `{near}`?")),
            Problem::WrongRegister { .. } => "gates act on `qreg`, conditions and results on `creg`",
            Problem::NameInAngle { .. } => "write the number; `pi` is known",
            Problem::RegisterTwice { .. } | Problem::GateTwice { .. } | Problem::ParameterTwice { .. } => {
                "rename or remove one of them"
            }
            Problem::Recursive { .. } => "a gate can only use gates defined before it",
            Problem::OpaqueLibrary { .. } => "remove the declaration, or choose another name",
            Problem::OpaqueAfterUse { .. } => "move the `opaque` declaration above the first use",
            Problem::ForeignGate { .. } => "write the circuit in the set with `bqc compile --gates`",
            Problem::AngleCount { expected: 0, .. } => "remove the parentheses",
            Problem::AngleCount { .. } => "angles stand in parentheses behind the gate's name",
            Problem::OperandCount { .. } => "separate the qubits with `,`",
            Problem::SameQubit { .. } | Problem::Overlap { .. } => "a gate needs different qubits",
            Problem::SizeMismatch { .. } => "whole registers in one statement must have the same size",
            Problem::OutOfRange { size: 0, .. } => "the register is empty",
            Problem::OutOfRange { size, .. } => return Some(format!("the last index is {}", size - 1)),
            Problem::MeasureShape => "index both, or neither",
            Problem::ConditionChanges { .. } => {
                "measure into another register, or write one `if` per bit in the order that you mean"
            }
            Problem::DivisionByZero => "change the divisor",
            Problem::NotFinite { .. } => "ln and sqrt need positive arguments, and exponents stay below 1e308",
            Problem::TooDeep { ceiling: true, .. } => "rewrite it flatter; no setting allows more",
            Problem::TooDeep { .. } => "rewrite it flatter, or raise the limit with --max-depth",
            Problem::TooManyQubits { .. } => "raise the limit with --max-qubits",
            Problem::TooManyClbits { .. } => "raise the limit with --max-clbits",
            Problem::TooManyOperations { .. } | Problem::TooManySteps { .. } => "raise the limit with --max-operations",
            Problem::IncludeDepth { .. } => {
                "look for a file that includes itself, or raise the limit with --max-include-depth"
            }
            Problem::TooManyIncludes { .. } => "raise the limit with --max-includes",
            Problem::IncludeOutside { .. } => {
                "use a path without `..` and drive below the input's directory, or give its directory with --include-dir"
            }
            Problem::IncludeNotFound { .. } => "put it beside the input, or name its directory with --include-dir",
            Problem::IncludeUnreadable { .. } => return None,
            Problem::Version3(problem) => return problem.help(),
        };
        Some(text.to_owned())
    }
}

/// What a statement looks like in which `expected` has its place.
fn form(expected: &str) -> Option<&'static str> {
    Some(match expected {
        "a statement" => {
            "a statement begins with a gate's name, qreg, creg, gate, opaque, measure, reset, barrier, if or include"
        }
        "a name" => "names are letters, digits and `_`, and no keywords",
        "a whole number" => "sizes, indices and conditions are whole numbers, as in q[0]",
        "a number, a name or `(`" => "an angle is an expression such as -pi/2 or 1e-3",
        "a text in double quotes" => "write: include \"qelib1.inc\";",
        "a version such as `2.0`" => "write: OPENQASM 2.0;",
        "a gate, `barrier` or `}`" => "close the body with `}`",
        "a gate, `measure` or `reset`" => "one operation follows a condition: if(c==1) x q[0];",
        "`==`" => "a condition compares a whole register: if(c==1) x q[0];",
        "`->`" => "write: measure q[0] -> c[0];",
        "`(`" => "write the parenthesis: if(c==1), sin(pi)",
        "`)`" => "close the parenthesis; `,` separates angles",
        "`[`" => "give the size: qreg q[2];",
        "`]`" => "close the bracket, as in q[0]",
        "`{`" => "a body stands in braces: gate g a { x a; }",
        _ => return None,
    })
}

/// A character as a message may show it.
fn shown(character: char) -> String {
    if character.is_control() { character.escape_default().to_string() } else { character.to_string() }
}

/// `1 angle`, `2 angles`, `no angles`.
fn count(n: usize, what: &str) -> String {
    match n {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{n} {what}s"),
    }
}

/// A count that saturates at `u64::MAX`.
fn at_least(n: u64) -> String {
    if n == u64::MAX { format!("at least {n}") } else { n.to_string() }
}

fn searched_in(places: &[String]) -> String {
    match places {
        [] => String::new(),
        _ => format!(" in {}", places.iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// The most characters of a source's own text that a message repeats.
const CLIP_CHARS: usize = 40;

/// Text of the source, fit for a message: printable and short.
pub(crate) fn clip(text: &str) -> String {
    let mut clipped: String =
        text.chars().take(CLIP_CHARS).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(CLIP_CHARS).is_some() {
        clipped.push('…');
    }
    clipped
}
