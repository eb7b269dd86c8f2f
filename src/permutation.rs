//! Where the second circuit of `bqc verify` leaves the qubits of the first: what the user says, or lets a comment say.

use crate::args::VerifyArgs;
use crate::exit::Failure;
use bqc_circuit::{Circuit, Qubit};
use bqc_qasm::{PermutationError, permutation_comment, read_permutation};

/// What the comment of a file says, or why there is none to read.
pub type Comment = Result<String, PermutationError>;

/// The comment in the bytes of the second file.
pub fn comment(bytes: &[u8]) -> Comment {
    permutation_comment(bytes).map(str::to_owned)
}

/// The qubits that the user says are on other wires at the end of the second circuit, whose file has this comment.
pub fn asked(args: &VerifyArgs, comment: &Comment, circuit: &Circuit) -> Result<Vec<[Qubit; 2]>, Failure> {
    let Some(text) = args.permutation.as_deref() else { return Ok(Vec::new()) };
    let found = match text {
        "comment" => comment.clone().and_then(|text| read_permutation(&text, circuit)),
        list => read_permutation(list, circuit),
    };
    let path = args.right.display();
    found.map_err(|e| Failure::Usage(format!("cannot use `--permutation {text}` for `{path}`: {e}")))
}

/// What to say of two circuits that differ, if the second one has a comment that was not asked for.
pub fn hint(args: &VerifyArgs, comment: &Comment) -> Option<String> {
    let text = comment.as_ref().ok().filter(|text| args.permutation.is_none() && *text != "none")?;
    let path = args.right.display();
    Some(format!("bqc: `{path}` says that it leaves qubits on other wires ({text}): add `--permutation comment`"))
}
