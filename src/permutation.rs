//! Where the second circuit of `bqc verify` leaves the qubits of the first: what the user says, or lets a comment say.

use crate::args::VerifyArgs;
use crate::exit::Failure;
use bqc_circuit::{Circuit, Qubit};
use bqc_qasm::{permutation_comment, read_permutation};

/// The qubits that the user says are on other wires at the end of the circuit in these bytes.
pub fn asked(args: &VerifyArgs, bytes: &[u8], circuit: &Circuit) -> Result<Vec<[Qubit; 2]>, Failure> {
    let Some(text) = args.permutation.as_deref() else { return Ok(Vec::new()) };
    let found = match text {
        "comment" => permutation_comment(bytes).and_then(|text| read_permutation(text, circuit)),
        list => read_permutation(list, circuit),
    };
    let path = args.right.display();
    found.map_err(|e| Failure::Usage(format!("cannot use `--permutation {text}` for `{path}`: {e}")))
}

/// What to say of two circuits that differ, if the second one has a comment that was not asked for.
pub fn hint(args: &VerifyArgs, bytes: &[u8]) -> Option<String> {
    let text = permutation_comment(bytes).ok().filter(|text| args.permutation.is_none() && *text != "none")?;
    let path = args.right.display();
    Some(format!("bqc: `{path}` says that it leaves qubits on other wires ({text}): add `--permutation comment`"))
}
