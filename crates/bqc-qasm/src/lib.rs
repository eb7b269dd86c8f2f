//! OpenQASM 2 and 3 in, OpenQASM 2 out.
//!
//! ```
//! use bqc_qasm::{ParseOptions, SourceText, parse, write};
//!
//! let source = SourceText::new("bell.qasm", "OPENQASM 2.0; include \"qelib1.inc\"; qreg q[2]; h q[0]; cx q[0],q[1];");
//! let circuit = parse(&source, &ParseOptions::default())?;
//! assert_eq!(circuit.operations.len(), 2);
//! let mut text = Vec::new();
//! write(&circuit, &mut text)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`parse`] reads everything that the specification (Cross, Bishop, Smolin, Gambetta,
//! arXiv:1707.03429) describes and what exporters write besides; [`write()`] writes what `parse` reads
//! back as the same circuit, and so do [`write_exact`], with multiples of π as such, and
//! [`write_native`], for readers of all kinds. A mistake is a [`Diagnostic`] that names file, line and column and says
//! what to do. What a source may ask for is bounded by [`Limits`]; files are found through
//! [`Includes`]. The text is read once, by recursive descent over tokens that borrow from it; nothing
//! is allocated per statement except the operation itself.
//!
//! A source that begins with `OPENQASM 3;`, `3.0;` or `3.1;` is one of version 3. It is carried out as it is read, by trees of
//! one statement at a time and without trees for plain lines, and gives the same kind of circuit: what it may say, what
//! becomes of that and what is refused is listed in `docs/openqasm3.md`. What follows is about version 2.
//!
//! # What becomes of a source
//! * A gate of the table stays one operation. Gates of the source are inlined where they are applied,
//!   their angles evaluated in f64; a body that says what the table's own definition says is the row.
//! * A statement on whole registers becomes one operation per element; `barrier` stays one.
//! * `if` before a gate of the source or a whole register becomes one condition per operation, which is
//!   the same as long as none of them changes the register: a measurement of several bits into the
//!   register that its own condition reads is therefore refused.
//! * A barrier inside a gate's body becomes a barrier at every application; a condition on a barrier is
//!   dropped, since a barrier does nothing at run time.
//! * An application of an `opaque` gate is kept with its line, so that whoever needs the matrix can
//!   point at it.
//!
//! # Where this differs from other readers
//! * *Spandrel*: rows of the table need no include, and `include "qelib1.inc"` and `"stdgates.inc"`
//!   are always the built-in ones. Exporters leave the include out, and circulating copies differ.
//! * *Spandrel*: the header may be absent, if there is any statement; names may begin with capitals; `;;` and registers of size
//!   zero are read; `asin`, `acos` and `atan` are functions; registers may have gates' names.
//! * *Spandrel*: a source may redefine library gates (the specification's own examples do), and
//!   bodies read before keep the old meaning. Its own gates it cannot redefine.
//! * *Trap*: `-2^2` is -4, as in mathematics; the specification leaves it open.
//! * *Trap*: `sx`, `p`, `cu` and others are only in Qiskit's longer `qelib1.inc`. [`write()`] uses them
//!   without a definition, as Qiskit does; a reader with the paper's file does not know them. [`write_native`] defines
//!   them; a reader with Qiskit's file that takes no second definition refuses that.
//! * *Trap*: a source that defines a gate under a library name gets its own gate, whatever it means.
//!
//! # Why not the `openqasm` crate
//! It reads every real number as f32, so an angle is wrong by up to 3e-8 of itself and no bound of
//! 1e-10 can rest on it. It refuses `1e-5`, `5.`, `.5`, CRLF and the redefinitions of the
//! specification's examples, and its type check panics on conditionals. It stays as a development
//! dependency: the oracle of a differential test over the circuits that it can read.

mod apply;
mod body;
mod conformance;
mod diagnostic;
mod expression;
pub mod fuzz;
mod gates;
mod inline;
mod limits;
mod names;
mod permutation;
mod problem;
mod reader;
mod registers;
mod source;
mod token;
mod v3;
mod write;

pub use conformance::check_gates;
pub use diagnostic::Diagnostic;
pub use limits::Limits;
pub use permutation::{PermutationError, permutation_comment, permutation_text, read_permutation};
pub use problem::{Problem, RegisterKind};
pub use reader::{ParseOptions, parse};
pub use source::{DirectoryIncludes, IncludeError, Includes, NoIncludes, SourceText};
pub use v3::Problem3;
pub use write::{write, write_exact, write_native, write_permuted};
