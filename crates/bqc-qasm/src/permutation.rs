//! Qubits that a circuit leaves on other wires, as text: a comment in the head of a file, or a list on a command line.
//!
//! The form is `q[0]->q[2], q[2]->q[0]`: the input's qubit `q[0]` is on wire `q[2]` at the end, and so on; `none` if
//! every qubit is on its own wire. OpenQASM 2 has no statement for that, so a file says it in one comment,
//! `// output permutation: …`. The comment means nothing to [`crate::parse`]; [`permutation_comment`] finds it.

use bqc_circuit::{Circuit, Qubit, Register};

/// What the comment begins with.
const COMMENT: &str = "// output permutation:";
/// No qubit is on another wire.
const NONE: &str = "none";

/// A text does not say which qubits are on other wires.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermutationError {
    /// The file has no such comment.
    #[error("it has no comment `{COMMENT} …`")]
    NoComment,
    /// It has several.
    #[error("it has more than one comment `{COMMENT} …`")]
    Comments,
    /// A part of the list is not in the form.
    #[error("`{text}` is not of the form q[0]->q[2]")]
    Form {
        /// The part.
        text: String,
    },
    /// The circuit has no such qubit.
    #[error("the circuit has no qubit `{name}`")]
    NoQubit {
        /// Its name.
        name: String,
    },
}

/// The list of qubits that are on other wires, each with that wire, by the names of the circuit's registers.
pub fn permutation_text(circuit: &Circuit, moved: &[[Qubit; 2]]) -> String {
    if moved.is_empty() {
        return NONE.into();
    }
    let name = |qubit: Qubit| {
        let holds = |r: &&Register| (r.first..r.first + r.size).contains(&qubit.0);
        // A qubit that is in no register is a fault of bqc, which reading the list would find.
        circuit.qregs.iter().find(holds).map_or_else(String::new, |r| format!("{}[{}]", r.name, qubit.0 - r.first))
    };
    let pairs: Vec<String> = moved.iter().map(|pair| pair.map(name).join("->")).collect();
    pairs.join(", ")
}

/// The comment of a file, as one line without its end.
pub(crate) fn comment(circuit: &Circuit, moved: &[[Qubit; 2]]) -> String {
    format!("{COMMENT} {}", permutation_text(circuit, moved))
}

/// What the comment in the bytes of a file says, to be read by [`read_permutation`].
pub fn permutation_comment(bytes: &[u8]) -> Result<&str, PermutationError> {
    let of_line = |line| str::from_utf8(line).ok().and_then(|line| line.trim().strip_prefix(COMMENT));
    let mut found = bytes.split(|byte| *byte == b'\n').filter_map(of_line);
    match (found.next(), found.next()) {
        (Some(text), None) => Ok(text.trim()),
        (Some(_), Some(_)) => Err(PermutationError::Comments),
        (None, _) => Err(PermutationError::NoComment),
    }
}

/// Reads a list of qubits that are on other wires, each with that wire. Whether it is a permutation is not looked at.
pub fn read_permutation(text: &str, circuit: &Circuit) -> Result<Vec<[Qubit; 2]>, PermutationError> {
    if text.trim() == NONE {
        return Ok(Vec::new());
    }
    let form = |text: &str| PermutationError::Form { text: text.trim().into() };
    let pair = |text: &str| {
        let (qubit, wire) = text.split_once("->").ok_or_else(|| form(text))?;
        let [qubit, wire] = [qubit, wire].map(|name| qubit_of(name.trim(), circuit));
        Ok([qubit?, wire?])
    };
    text.split(',').map(pair).collect()
}

/// The qubit of a name `q[0]`.
fn qubit_of(name: &str, circuit: &Circuit) -> Result<Qubit, PermutationError> {
    let form = || PermutationError::Form { text: name.into() };
    let (register, index) = name.strip_suffix(']').and_then(|name| name.split_once('[')).ok_or_else(form)?;
    let index: u32 = index.parse().map_err(|_| form())?;
    let holds = |r: &&Register| r.name == register && index < r.size;
    let found = circuit.qregs.iter().find(holds).map(|r| Qubit(r.first + index));
    found.ok_or_else(|| PermutationError::NoQubit { name: name.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ParseOptions, SourceText, parse, write_permuted};

    fn circuit() -> Circuit {
        let source = SourceText::new("a", "OPENQASM 2.0; qreg a[2]; qreg b[3]; CX a[0],b[2];");
        parse(&source, &ParseOptions::default()).unwrap()
    }

    #[test]
    fn lists_come_back_from_text_and_from_files() {
        let circuit = circuit();
        let lists = [vec![], vec![[0, 4], [4, 0]], vec![[0, 1], [1, 2], [2, 0]]];
        let texts = ["none", "a[0]->b[2], b[2]->a[0]", "a[0]->a[1], a[1]->b[0], b[0]->a[0]"];
        for (list, text) in lists.into_iter().zip(texts) {
            let moved: Vec<[Qubit; 2]> = list.into_iter().map(|pair: [u32; 2]| pair.map(Qubit)).collect();
            assert_eq!(permutation_text(&circuit, &moved), text);
            assert_eq!(read_permutation(text, &circuit), Ok(moved.clone()));
            let mut file = Vec::new();
            write_permuted(&circuit, &moved, &mut file).unwrap();
            assert_eq!(permutation_comment(&file), Ok(text));
            let again = SourceText::new("b", file);
            assert_eq!(parse(&again, &ParseOptions::default()).unwrap(), circuit, "the comment is a comment");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let circuit = circuit();
        for text in ["", "a[0]", "a[0]->", "a[0]->b", "a[0]->b[x]", "a[0]->b[0],", "a[0]>b[0]", "a[-1]->b[0]"] {
            assert!(matches!(read_permutation(text, &circuit), Err(PermutationError::Form { .. })), "{text}");
        }
        for text in ["a[2]->b[0]", "b[0]->c[0]"] {
            assert!(matches!(read_permutation(text, &circuit), Err(PermutationError::NoQubit { .. })), "{text}");
        }
        assert_eq!(permutation_comment(b"OPENQASM 2.0;\n"), Err(PermutationError::NoComment));
        let twice = b"// output permutation: none\r\n  // output permutation: none\n";
        assert_eq!(permutation_comment(twice), Err(PermutationError::Comments));
        assert_eq!(permutation_comment(&twice[..29]), Ok("none"));
    }
}
