//! What can be wrong with a source of version 3 beyond what version 2 has, and what is refused with a reason.

use thiserror::Error;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Error)]
#[allow(missing_docs, reason = "the message of each variant says what its fields mean")]
pub enum Problem3 {
    // What is not read.
    #[error("`{what}` is not supported: {reason}")]
    Refused { what: String, reason: &'static str, help: &'static str },

    // The grammar.
    #[error("the comment has no end")]
    OpenComment,
    #[error("`{what}` can only stand outside of all braces")]
    NotGlobal { what: &'static str },
    #[error("`{what}` cannot stand here")]
    Misplaced { what: &'static str },
    #[error("`measure` stands behind `=` or as a statement, and not inside an expression")]
    MeasureInside,
    #[error("nested more than {limit} deep")]
    TooDeep { limit: u32 },

    // Names.
    #[error("`{name}` is not declared")]
    Undeclared { name: String, near: Option<String> },
    #[error("`{name}` is declared outside of this body and is not a constant")]
    Outside { name: String },
    #[error("`{name}` is declared twice")]
    DeclaredTwice { name: String },
    #[error("`{name}` has a meaning in the language")]
    Reserved { name: String },
    #[error("`{what}` is not {expected}")]
    Unfit { what: String, expected: &'static str },
    #[error("`{name}` has no value yet")]
    Uninitialised { name: String },
    #[error("`{name}` is a constant")]
    Constant { name: String },
    #[error("`{name}` is a parameter, which cannot be measured into")]
    Parameter { name: String },
    #[error("there is no function `{name}` of {}", plural(*.found, "argument"))]
    Function { name: String, found: usize, near: Option<String> },
    #[error("`{name}` takes {}, found {found}", plural(*.expected, "argument"))]
    ArgumentCount { name: String, expected: usize, found: usize },
    #[error("declared qubits and `$` qubits stand in one program")]
    MixedQubits,

    // Values.
    #[error("the number `{digits}` has more than 127 bits")]
    LargeInteger { digits: String },
    #[error("{text} is not a text of zeros and ones")]
    NotBits { text: String },
    #[error("a result needs more than 128 bits")]
    Overflow,
    #[error("division by zero")]
    DivisionByZero,
    #[error("`{text}` is a quotient of integers that would lose its fraction")]
    DroppedFraction { text: String },
    #[error("{from} cannot become {to}")]
    Conversion { from: String, to: String },
    #[error("`{operator}` has no meaning for {operands}")]
    Operands { operator: &'static str, operands: String },
    #[error("a width of {width} is not supported: the widths of {what} are 1 to {most}")]
    Width { what: &'static str, width: i128, most: u32 },
    #[error("the size is {size}")]
    Size { size: i128 },
    #[error("index {index} is out of range: there are {size}")]
    Index { index: i128, size: usize },
    #[error("a range needs {missing}")]
    OpenRange { missing: &'static str },
    #[error("the array has {found}, this place has {expected}")]
    ArrayShape { expected: String, found: String },
    #[error("an array of {elements} elements is too large: the limit is {limit}")]
    LargeArray { elements: String, limit: usize },

    // Gates.
    #[error("operands of {first} and {second} qubits cannot be paired")]
    Pairing { first: usize, second: usize },
    #[error("{qubits} cannot be measured into {bits}", qubits = plural(*.qubits, "qubit"), bits = plural(*.bits, "bit"))]
    MeasureSize { qubits: usize, bits: usize },
    #[error("two operands are the same qubit")]
    SameQubit,
    #[error("`ctrl` needs a whole number of controls above 0, found {count}")]
    Controls { count: String },
    #[error("`pow({exponent})` of `{gate}` is not supported")]
    Power { exponent: f64, gate: String },
    #[error("a modifier cannot stand before `{name}`")]
    Modified { name: String },

    // What is known only when the circuit runs.
    #[error("`{name}` holds the result of a measurement, which is not known here")]
    AtRunTime { name: String },
    #[error("`{register}` has been measured into since its value was taken")]
    Remeasured { register: String },
    #[error("the condition depends on several registers of bits")]
    SeveralRegisters,
    #[error("the condition stands inside one on another register")]
    NestedConditions,
    #[error(
        "`{register}` has more than {limit} bits: one of them may decide, or one number that all are compared with"
    )]
    WideRegister { register: String, limit: u32 },
    #[error("`{register}` is compared as a whole elsewhere, or single bits of it decide elsewhere")]
    BothWays { register: String },
    #[error("the value of a bit of the circuit cannot be set")]
    SetBit,
    #[error("`{name}` begins with a value other than zero and cannot be measured into")]
    NonzeroBits { name: String },
    #[error("`{name}` would change under a condition that holds only at run time")]
    ConditionalChange { name: String },
    #[error("whether this is reached is known only at run time")]
    ConditionalFlow,
    #[error("the result of `{name}` cannot be copied into these bits")]
    ResultCopied { name: String },
    #[error("`{name}` is not defined before this body")]
    DefinedLater { name: String },
    #[error("`{name}` returns no value")]
    NoResult { name: String },
}

/// What is refused, with the reason and what to do.
const REFUSALS: [(&str, &str, &str); 14] = [
    ("complex", "a circuit has no complex numbers", "remove it"),
    ("complex numbers", "a circuit has no complex numbers", "remove it"),
    ("mutable", "arrays are not passed by reference", "return the value, or write the statements out"),
    (
        "input",
        "its value is not known when the circuit is compiled",
        "give it a value: const float x = 0.5; in place of input float x;",
    ),
    ("output", "the results of a circuit are its bits", "remove `output`; every bit that is measured is kept"),
    ("extern", "its result comes from outside of the circuit", "remove it and its calls"),
    ("cal", "a circuit has no pulses", "remove it"),
    ("defcal", "a circuit has no pulses", "remove it; the gates keep their names"),
    ("defcalgrammar", "a circuit has no pulses", "remove it"),
    ("stretch", "the durations of gates are not known here", "write a number with its unit: delay[100ns] q;"),
    ("durationof", "the durations of gates are not known here", "write a number with its unit: delay[100ns] q;"),
    ("durations of gates", "a circuit has no durations", "remove the brackets"),
    (
        "while",
        "how often it repeats is not known when the circuit is compiled",
        "repeat a number of times that is known: for int i in [0:9] { … }",
    ),
    ("end", "a circuit ends where its file ends", "remove it, or what follows it"),
];

impl Problem3 {
    /// The refusal of `what`.
    pub(crate) fn refused(what: &str) -> Problem3 {
        let row = REFUSALS.iter().find(|(name, ..)| *name == what);
        let &(_, reason, help) = row.unwrap_or(&("", "OpenQASM 3 has no such statement", "remove it"));
        Problem3::Refused { what: crate::problem::clip(what), reason, help }
    }

    /// What stands beside the caret.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Problem3::Refused { .. } => "this",
            Problem3::DeclaredTwice { .. } => "again here",
            Problem3::SeveralRegisters | Problem3::NestedConditions | Problem3::WideRegister { .. } => "this condition",
            _ => "here",
        }
    }

    /// What the reader of the message can do.
    pub(crate) fn help(&self) -> Option<String> {
        Some(match self {
            Problem3::Undeclared { near: Some(near), .. } | Problem3::Function { near: Some(near), .. } => {
                format!("did you mean `{near}`?")
            }
            Problem3::Index { size: 0, .. } => "there is nothing to index".into(),
            Problem3::Index { size, .. } => format!("the last index is {}, and -1 is the same", size - 1),
            _ => self.advice().to_owned(),
        })
    }

    fn advice(&self) -> &'static str {
        match self {
            Problem3::Refused { help, .. } => help,
            Problem3::OpenComment => "close it with `*/`",
            Problem3::NotGlobal { .. } => "move it out of the braces",
            Problem3::Misplaced { .. } => "remove it",
            Problem3::MeasureInside => "measure into a bit first: bit b = measure q;",
            Problem3::TooDeep { .. } => {
                "rewrite it flatter: braces, parentheses, operators and calls count; or raise the limit with --max-depth, \
                 up to 250"
            }
            Problem3::Undeclared { .. } => "declare it first: qubit[2] q; bit c; const float x = 0.5;",
            Problem3::Outside { .. } => {
                "gates and subroutines see only constants from outside: pass it as an argument, or declare it `const`"
            }
            Problem3::DeclaredTwice { .. } => "rename or remove one of them",
            Problem3::Reserved { .. } => "choose another name",
            Problem3::Unfit { .. } => "qubits are declared by `qubit[2] q;`, bits by `bit[2] c;`",
            Problem3::Uninitialised { .. } => "assign to it first",
            Problem3::Constant { .. } => "declare it without `const`",
            Problem3::Parameter { .. } => "declare a bit inside, and return it",
            Problem3::Function { .. } => {
                "the functions are sin, cos, tan, arcsin, arccos, arctan, exp, log, sqrt, pow, mod, floor, ceiling, \
                 popcount, rotl, rotr and sizeof"
            }
            Problem3::ArgumentCount { .. } => "arguments stand in parentheses, separated by `,`",
            Problem3::MixedQubits => "use `qubit` declarations alone, or `$` qubits alone",
            Problem3::LargeInteger { .. } | Problem3::Overflow => "use smaller numbers, or floats",
            Problem3::NotBits { .. } => "a text here is a value of bits, such as \"0101\"",
            Problem3::DroppedFraction { .. } => "write 1/2.0 for a half, or int(1/2) for the whole number",
            Problem3::DivisionByZero => "change the divisor",
            Problem3::Conversion { .. } | Problem3::Operands { .. } => {
                "convert it first, as in int[8](x), float(x), bool(x)"
            }
            Problem3::Width { .. } => "choose a width in this range",
            Problem3::Size { .. } => "a size is a whole number above 0",
            Problem3::Index { .. } => "choose an index in the range",
            Problem3::OpenRange { .. } => "write both ends: [0:3], and a step other than 0",
            Problem3::ArrayShape { .. } => "write one value for each element",
            Problem3::LargeArray { .. } => "use a smaller array",
            Problem3::Pairing { .. } => "registers in one statement must have the same size",
            Problem3::MeasureSize { .. } => "measure as many qubits as there are bits",
            Problem3::SameQubit => "a gate needs different qubits",
            Problem3::Controls { .. } => "write ctrl @, or ctrl(2) @",
            Problem3::Power { .. } => {
                "exponents are whole numbers, except for gates on one qubit, their controlled forms, and rxx, ryy, \
                 rzz and rzx"
            }
            Problem3::Modified { .. } => "modifiers belong to gates",
            Problem3::AtRunTime { .. } => "a result decides in `if (…)` alone; it cannot be computed with",
            Problem3::Remeasured { .. } => "take the value again, or measure into other bits",
            Problem3::SeveralRegisters => {
                "OpenQASM 2 compares one register with a number: declare the bits as one register"
            }
            Problem3::NestedConditions => {
                "OpenQASM 2 compares one register with a number: declare the bits as one register, and join the \
                 conditions"
            }
            Problem3::WideRegister { .. } => {
                "declare the bits that decide together as a register of their own; there is no `else` to a number"
            }
            Problem3::BothWays { .. } => "declare the bits that decide by themselves apart from the register: bit b;",
            Problem3::SetBit => "OpenQASM 2 has no assignment to bits: keep the value in an `int` or `bool`",
            Problem3::NonzeroBits { .. } => "declare it without a value, or with zeros",
            Problem3::ConditionalChange { .. } | Problem3::ConditionalFlow => {
                "under such a condition stand gates, measurements and resets"
            }
            Problem3::ResultCopied { .. } => "return a measurement, or a bit that is declared in the subroutine",
            Problem3::DefinedLater { .. } => "a body can only use gates and subroutines that are defined before it",
            Problem3::NoResult { .. } => "call it as a statement, or let it return a value",
        }
    }
}

fn plural(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
