//! OpenQASM 2 in and out.
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
//! [`parse`] reads everything that the specification (arXiv:1707.03429) describes and what exporters
//! write besides; [`write()`] writes what `parse` reads back as the same circuit. A mistake is a
//! [`Diagnostic`] that names file, line and column and says what to do. What a source may ask for is
//! bounded by [`Limits`]; files are found through [`Includes`].

mod apply;
mod body;
mod diagnostic;
mod expression;
pub mod fuzz;
mod gates;
mod inline;
mod limits;
mod names;
mod problem;
mod reader;
mod registers;
mod source;
mod token;
mod write;

pub use diagnostic::Diagnostic;
pub use limits::Limits;
pub use problem::{Problem, RegisterKind};
pub use reader::{ParseOptions, parse};
pub use source::{DirectoryIncludes, IncludeError, Includes, NoIncludes, SourceText};
pub use write::write;
