//! The compiler as a library. The command `bqc` is this crate with arguments, a terminal, signals and files around it.
//!
//! ```
//! use bqc_compiler::{Effort, Session, Settings, read_qasm, to_qasm};
//!
//! let source = "OPENQASM 2.0; qreg q[3]; cx q[0],q[1]; rz(0.3) q[1]; cx q[1],q[2]; cx q[1],q[2]; cx q[0],q[1];";
//! let circuit = read_qasm(source)?;
//! let finished = Session::new(Settings::effort(Effort::E1)).compile(&circuit)?;
//! assert!(finished.compiled.error_bound() < 1e-9);
//! println!("{}", to_qasm(finished.compiled.circuit()));
//! # assert_eq!(bqc_circuit::Stats::of(finished.compiled.circuit()).n_two_qubit, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! * [`Settings`] is what a compile is asked to do. Its text form names a run everywhere outside of the process.
//! * [`Session`] is one compile: who does the work, what is kept of it, who watches, and what stops it.
//!
//! Worker processes are in `bqc-pool`, a circuit that many machines share is in `bqc-cluster`: both give a session a
//! [`Workshop`], so that every command compiles in the same way.

mod session;

pub use bqc_circuit::Circuit;
pub use bqc_instantiate::{CpuEngine, Engine};
pub use bqc_qasm::Diagnostic;
pub use bqc_run::{
    CompileError, Compiled, Effort, Event, GateSet, InProcess, MAX_CHECK_UPDATES, Observer, Settings, SettingsError,
    Unobserved, Workshop,
};
pub use bqc_store::Journal;
pub use session::{Finished, Session};

use bqc_qasm::{ParseOptions, SourceText};

/// Reads OpenQASM 2 or, if its version statement says so, 3. For includes, limits and names of files see [`bqc_qasm::parse`].
pub fn read_qasm(text: &str) -> Result<Circuit, Box<Diagnostic>> {
    bqc_qasm::parse(&SourceText::new("the circuit", text), &ParseOptions::default())
}

/// The circuit of a compile as OpenQASM 2. If the settings let the output leave qubits on other wires, a comment says
/// where they are ([`Settings::permutes_output`], [`bqc_qasm::permutation_text`]). After a compile that keeps the input's
/// angles it is in `h`, `s`, `t`, … and multiples of π.
pub fn output_to_qasm(compiled: &Compiled, settings: &Settings) -> String {
    let mut text = Vec::new();
    write_output(compiled, settings, &mut text).expect("writing to memory does not fail");
    String::from_utf8(text).expect("the writer writes text")
}

/// As [`output_to_qasm`], to a buffered writer.
///
/// # Errors
/// What `out` returns.
pub fn write_output(compiled: &Compiled, settings: &Settings, out: &mut impl std::io::Write) -> std::io::Result<()> {
    if compiled.is_native() {
        let moved = settings.permutes_output.then(|| compiled.moved());
        return bqc_qasm::write_native(compiled.circuit(), moved.as_deref(), out);
    }
    match settings.permutes_output {
        true => bqc_qasm::write_permuted(compiled.circuit(), &compiled.moved(), out),
        false if compiled.is_named() => bqc_qasm::write_exact(compiled.circuit(), out),
        false => bqc_qasm::write(compiled.circuit(), out),
    }
}

/// A circuit as OpenQASM 2. Reading it gives the same circuit again.
pub fn to_qasm(circuit: &Circuit) -> String {
    let mut text = Vec::new();
    bqc_qasm::write(circuit, &mut text).expect("writing to memory does not fail");
    String::from_utf8(text).expect("the writer writes text")
}
