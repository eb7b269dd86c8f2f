//! Proofs: what every pass of a compile did, so that anyone can do it again and measure it (`bqc.proof/3`).
//!
//! A head of 80 bytes: magic, `u32` version, `u32` number of passes, the SHA-256 of the input file and of the output
//! file. Then the passes, each a `u32` length and an edit in postcard. Then the SHA-256 of all bytes before. Numbers
//! are little-endian. Step numbers go one up nearly always, so they are written as differences, a byte each.
//!
//! A proof claims nothing that its reader takes on trust: the reader does each pass again on its own copy of the
//! circuit, measures every replacement, and compares what comes out with the output.

use crate::frame::decode;
use crate::unit::{BlockForm, GateForm};
use bqc_circuit::{BlockCircuit, Edit, Move, PieceEdit, Qubit};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Raised with every change of what stands in a proof, and of what its reader has to know to follow it: since 3, windows
/// may need sums over paths, and exchanges at the end may become a permutation of the outputs. What 2 has has the same
/// bytes.
pub const PROOF_VERSION: u32 = 3;

/// The oldest that is read.
const OLDEST_VERSION: u32 = 2;

const MAGIC: &[u8; 8] = b"bqcprf\r\n";
const HEAD_BYTES: usize = 80;
const DIGEST_BYTES: usize = 32;

/// A file is not a proof, or does not belong to these circuits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Other bytes.
    #[error("it is not a proof of bqc")]
    NoProof,
    /// Written by another version.
    #[error("it has format {found}, and this version of bqc reads {OLDEST_VERSION} to {PROOF_VERSION}")]
    Version {
        /// Its format.
        found: u32,
    },
    /// Its checksum is not that of its bytes.
    #[error("it is damaged: its checksum is wrong")]
    Damaged,
    /// It is about another input.
    #[error("the input is not the file that the proof is about")]
    OtherInput,
    /// It is about another output.
    #[error("the output is not the file that the proof is about")]
    OtherOutput,
    /// A pass cannot be read.
    #[error("pass {pass} cannot be read")]
    Pass {
        /// From 0.
        pass: usize,
    },
}

/// One pass in bytes.
#[derive(Debug, Serialize, Deserialize)]
enum EditForm {
    Pieces(Vec<PieceForm>),
    Moves(Vec<MoveForm>),
    /// Steps as differences, each from the one that comes after the last.
    Exchanges(Vec<[i64; 3]>),
}

/// One piece; steps as differences, the first from the one that comes after the last of the piece before.
#[derive(Debug, Serialize, Deserialize)]
enum PieceForm {
    Kept(Vec<i64>),
    Replaced { wires: Vec<u32>, steps: Vec<i64>, gates: Vec<GateForm>, distance: f64 },
}

/// A move; places as differences from the place of the move before.
#[derive(Debug, Serialize, Deserialize)]
enum MoveForm {
    Drop(i64),
    Turn(i64, [f64; 3]),
    Fuse(i64, bool, u32, Option<[f64; 3]>, [f64; 3]),
    Cancel(i64, i64),
}

/// Turns numbers that usually go one up into small differences.
#[derive(Default)]
struct Counter {
    expected: i64,
}

impl Counter {
    fn difference(&mut self, number: u32) -> i64 {
        let difference = i64::from(number) - self.expected;
        self.expected = i64::from(number) + 1;
        difference
    }

    /// None if it is no step number.
    fn number(&mut self, difference: i64) -> Option<u32> {
        let number = u32::try_from(self.expected.checked_add(difference)?).ok()?;
        self.expected = i64::from(number) + 1;
        Some(number)
    }
}

impl EditForm {
    fn of(edit: &Edit) -> EditForm {
        let mut at = Counter::default();
        match edit {
            Edit::Pieces(pieces) => {
                EditForm::Pieces(pieces.iter().map(|piece| PieceForm::of(piece, &mut at)).collect())
            }
            Edit::Moves(moves) => EditForm::Moves(moves.iter().map(|step| MoveForm::of(step, &mut at)).collect()),
            Edit::Exchanges(exchanges) => {
                EditForm::Exchanges(exchanges.iter().map(|steps| steps.map(|step| at.difference(step))).collect())
            }
        }
    }

    fn into_edit(self) -> Option<Edit> {
        let mut at = Counter::default();
        Some(match self {
            EditForm::Pieces(pieces) => {
                Edit::Pieces(pieces.into_iter().map(|piece| piece.into_piece(&mut at)).collect::<Option<_>>()?)
            }
            EditForm::Moves(moves) => {
                Edit::Moves(moves.iter().map(|step| step.to_move(&mut at)).collect::<Option<_>>()?)
            }
            EditForm::Exchanges(exchanges) => {
                let mut steps = |[a, b, c]: [i64; 3]| Some([at.number(a)?, at.number(b)?, at.number(c)?]);
                Edit::Exchanges(exchanges.into_iter().map(&mut steps).collect::<Option<_>>()?)
            }
        })
    }
}

impl PieceForm {
    fn of(piece: &PieceEdit, at: &mut Counter) -> PieceForm {
        let mut differences = |steps: &[u32]| steps.iter().map(|step| at.difference(*step)).collect();
        match piece {
            PieceEdit::Kept(steps) => PieceForm::Kept(differences(steps)),
            PieceEdit::Replaced { wires, steps, by, distance } => PieceForm::Replaced {
                wires: wires.iter().map(|wire| wire.0).collect(),
                steps: differences(steps),
                gates: BlockForm::from(by).gates,
                distance: *distance,
            },
        }
    }

    fn into_piece(self, at: &mut Counter) -> Option<PieceEdit> {
        let mut numbers = |steps: &[i64]| steps.iter().map(|step| at.number(*step)).collect::<Option<Vec<u32>>>();
        Some(match self {
            PieceForm::Kept(steps) => PieceEdit::Kept(numbers(&steps)?),
            PieceForm::Replaced { wires, steps, gates, distance } => {
                let steps = numbers(&steps)?;
                let form = BlockForm { width: u16::try_from(wires.len()).ok()?, gates };
                let by = BlockCircuit::try_from(&form).ok()?;
                PieceEdit::Replaced { wires: wires.into_iter().map(Qubit).collect(), steps, by, distance }
            }
        })
    }
}

impl MoveForm {
    fn of(step: &Move, at: &mut Counter) -> MoveForm {
        match *step {
            Move::Drop { place } => MoveForm::Drop(at.difference(place)),
            Move::Turn { place, angles } => MoveForm::Turn(at.difference(place), angles),
            Move::Fuse { place, is_forth, n_hops, moved, product } => {
                MoveForm::Fuse(at.difference(place), is_forth, n_hops, moved, product)
            }
            Move::Cancel { place, twin } => MoveForm::Cancel(at.difference(place), i64::from(twin) - i64::from(place)),
        }
    }

    fn to_move(&self, at: &mut Counter) -> Option<Move> {
        Some(match *self {
            MoveForm::Drop(place) => Move::Drop { place: at.number(place)? },
            MoveForm::Turn(place, angles) => Move::Turn { place: at.number(place)?, angles },
            MoveForm::Fuse(place, is_forth, n_hops, moved, product) => {
                Move::Fuse { place: at.number(place)?, is_forth, n_hops, moved, product }
            }
            MoveForm::Cancel(place, twin) => {
                let place = at.number(place)?;
                Move::Cancel { place, twin: u32::try_from(i64::from(place).checked_add(twin)?).ok()? }
            }
        })
    }
}

/// The SHA-256 of a file's bytes, which names the circuits of a proof.
pub type FileDigest = [u8; DIGEST_BYTES];

/// See [`FileDigest`].
pub fn digest_of(bytes: &[u8]) -> FileDigest {
    Sha256::digest(bytes).into()
}

/// The bytes of a proof that these edits lead from the circuit in the file `input` to that in the file `output`.
pub fn encode_proof(input: &FileDigest, output: &FileDigest, edits: &[&Edit]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(PROOF_VERSION.to_le_bytes());
    bytes.extend((edits.len() as u32).to_le_bytes());
    bytes.extend(input);
    bytes.extend(output);
    for edit in edits {
        let at = bytes.len();
        bytes.extend([0; 4]);
        // Plain data into memory: there is no way to fail.
        bytes = postcard::to_extend(&EditForm::of(edit), bytes).expect("plain data is always representable");
        let n_bytes = (bytes.len() - at - 4) as u32;
        bytes[at..at + 4].copy_from_slice(&n_bytes.to_le_bytes());
    }
    let digest = digest_of(&bytes);
    bytes.extend(digest);
    bytes
}

/// A proof whose bytes are whole and about the right files; its edits are read one at a time.
#[derive(Clone, Debug)]
pub struct Proof<'a> {
    rest: &'a [u8],
    n_passes: usize,
    n_read: usize,
}

impl<'a> Proof<'a> {
    /// Looks at head and checksum.
    pub fn read(bytes: &'a [u8], input: &FileDigest, output: &FileDigest) -> Result<Proof<'a>, ProofError> {
        let head = bytes.first_chunk::<HEAD_BYTES>().ok_or(ProofError::NoProof)?;
        if head[..8] != MAGIC[..] {
            return Err(ProofError::NoProof);
        }
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if !(OLDEST_VERSION..=PROOF_VERSION).contains(&word(8)) {
            return Err(ProofError::Version { found: word(8) });
        }
        let (body, digest) = bytes.split_last_chunk::<DIGEST_BYTES>().ok_or(ProofError::NoProof)?;
        if body.len() < HEAD_BYTES || digest_of(body) != *digest {
            return Err(ProofError::Damaged);
        }
        if head[16..48] != input[..] {
            return Err(ProofError::OtherInput);
        }
        if head[48..] != output[..] {
            return Err(ProofError::OtherOutput);
        }
        Ok(Proof { rest: &body[HEAD_BYTES..], n_passes: word(12) as usize, n_read: 0 })
    }

    /// How many passes it has.
    pub fn n_passes(&self) -> usize {
        self.n_passes
    }

    fn next_edit(&mut self) -> Option<Edit> {
        let (head, rest) = self.rest.split_first_chunk::<4>()?;
        let (body, rest) = rest.split_at_checked(u32::from_le_bytes(*head) as usize)?;
        self.rest = rest;
        decode::<EditForm>(body).ok()?.into_edit()
    }
}

impl Iterator for Proof<'_> {
    type Item = Result<Edit, ProofError>;

    fn next(&mut self) -> Option<Result<Edit, ProofError>> {
        let is_over = self.n_read >= self.n_passes;
        if is_over && self.rest.is_empty() || self.n_read > self.n_passes {
            return None;
        }
        let pass = self.n_read;
        self.n_read += 1;
        // Bytes behind the last pass belong to none.
        let edit = if is_over { None } else { self.next_edit() };
        if edit.is_none() {
            self.n_read = usize::MAX;
        }
        Some(edit.ok_or(ProofError::Pass { pass }))
    }
}
