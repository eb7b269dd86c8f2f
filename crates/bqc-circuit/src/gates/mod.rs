//! The gate table: one gate, one row. Names, documentation and tests come from it; a new gate is
//! tested by existing.
//!
//! A row's matrix (`matrices`) is written down from the gate's published definition, its lowering
//! to {CX, U3} ([`Lowering`]) independently of the matrix, and its OpenQASM 2 definition text a
//! third time; tests hold the three together. All of it is **up to global phase**: OpenQASM 2 has
//! no statement by which a global phase could be observed. That includes `if (c == k) gate`, where
//! the branches are classical and each one's phase is global in its branch. A *quantum* control
//! turns the phase of what it controls into a relative one, which is why `crz` and `cu1`, or `cu3`
//! and `cu`, are different rows with different matrices.

mod lowering;
mod matrices;
mod table;

pub use lowering::{Lowering, lower_call, lowered};
pub use table::TABLE;

use bqc_linalg::Matrix;

/// The most wires any row has (`c4x`).
pub const MAX_ARITY: usize = 5;
/// The most angles any row has (`cu`).
pub const MAX_ANGLES: usize = 4;

/// Index of a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GateId(u8);

/// Which include file a reader of OpenQASM 2 may expect a gate in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// `qelib1.inc` as printed in the OpenQASM 2 paper (2017): every reader has it.
    Paper,
    /// Only the longer `qelib1.inc` that Qiskit has distributed since.
    Qiskit,
    /// No include file: a file that uses it must define it.
    Nowhere,
}

/// A row.
pub struct Gate {
    /// Name in OpenQASM.
    pub qasm: &'static str,
    /// Number of wires.
    pub arity: usize,
    /// Number of angles.
    pub n_angles: usize,
    /// The `2^arity × 2^arity` matrix; the first wire is bit 0 of the index. Angles in radians.
    pub unitary: fn(&[f64]) -> Matrix,
    /// Appends an equal sequence of `cx` and `u3`, up to global phase. Angles in radians.
    pub lower: fn(&[f64], &mut Lowering),
    /// Where a reader finds the name.
    pub library: Library,
    /// A `gate` statement in terms of the paper's `qelib1.inc`; none for what that file contains.
    pub definition: Option<&'static str>,
    /// Where the gate's meaning comes from.
    pub source: &'static str,
}

/// Row of `cx`.
pub const CX: GateId = GateId(0);
/// Row of `u3`.
pub const U3: GateId = GateId(1);

impl GateId {
    /// The row with this name. A few nanoseconds: readers ask once per statement.
    pub fn from_name(name: &str) -> Option<GateId> {
        let key = key_of(name.as_bytes())?;
        let mut slot = slot_of(key);
        loop {
            match INDEX[slot] {
                EMPTY => return None,
                row if TABLE_KEYS[row as usize] == key => return Some(GateId(row)),
                _ => slot = (slot + 1) % N_SLOTS,
            }
        }
    }

    /// The row itself.
    pub fn row(self) -> &'static Gate {
        &TABLE[self.0 as usize]
    }

    /// All rows in the table's order.
    pub fn all() -> impl Iterator<Item = GateId> {
        (0..TABLE.len() as u8).map(GateId)
    }

    /// Position in [`TABLE`], for arrays with one entry per row.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Slots of the open-addressing index: a power of two, at most half full.
const N_SLOTS: usize = 256;
const EMPTY: u8 = u8::MAX;

/// A name of at most 15 bytes as one number behind a leading one, none if it is longer than any
/// row's.
const fn key_of(name: &[u8]) -> Option<u128> {
    if name.len() > 15 {
        return None;
    }
    let (mut key, mut i) = (1u128, 0);
    while i < name.len() {
        key = key << 8 | name[i] as u128;
        i += 1;
    }
    Some(key)
}

/// Multiplicative hash: the top bits of the product depend on every byte of both halves.
const fn slot_of(key: u128) -> usize {
    let folded = (key as u64) ^ ((key >> 64) as u64).rotate_left(29);
    (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize
}

const TABLE_KEYS: [u128; table::N_ROWS] = {
    let (mut keys, mut i) = ([0; table::N_ROWS], 0);
    while i < table::N_ROWS {
        keys[i] = key_of(table::NAMES[i].as_bytes()).expect("a gate name longer than 15 bytes");
        i += 1;
    }
    keys
};

const INDEX: [u8; N_SLOTS] = {
    assert!(2 * table::N_ROWS <= N_SLOTS);
    let (mut index, mut i) = ([EMPTY; N_SLOTS], 0);
    while i < table::N_ROWS {
        let mut slot = slot_of(TABLE_KEYS[i]);
        while index[slot] != EMPTY {
            slot = (slot + 1) % N_SLOTS;
        }
        index[slot] = i as u8;
        i += 1;
    }
    index
};

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_linalg::{Stream, phase_distance};

    /// Two dozen gates on five wires round to a few 1e-15.
    const ROUNDING: f64 = 1e-14;

    #[test]
    fn every_name_finds_its_row_and_no_other_name_does() {
        for id in GateId::all() {
            assert_eq!(GateId::from_name(id.row().qasm), Some(id));
        }
        assert_eq!((CX.row().qasm, U3.row().qasm), ("cx", "u3"));
        for name in ["", "CX", "U", "c", "cxx", "xx_minus_yyy", "a_name_longer_than_sixteen", "\0cx", "é"] {
            assert_eq!(GateId::from_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn rows_keep_to_their_own_limits() {
        for gate in TABLE {
            assert!(gate.arity <= MAX_ARITY && gate.n_angles <= MAX_ANGLES, "{}", gate.qasm);
            assert_eq!(gate.definition.is_none(), gate.library == Library::Paper, "{}", gate.qasm);
            if let Some(text) = gate.definition {
                let head = text.strip_prefix("gate ").and_then(|t| t.strip_prefix(gate.qasm)).unwrap();
                assert!(head.starts_with(['(', ' ']) && text.ends_with('}'), "{}", gate.qasm);
            }
        }
    }

    #[test]
    fn every_matrix_is_unitary_and_every_lowering_has_it() {
        let mut stream = Stream::new(0, 2, 0);
        for gate in GateId::all() {
            let row = gate.row();
            for _ in 0..20 {
                let angles: Vec<f64> = (0..row.n_angles).map(|_| 8.0 * stream.uniform() - 4.0).collect();
                let matrix = (row.unitary)(&angles);
                assert_eq!(matrix.rows(), 1 << row.arity, "{}", row.qasm);
                assert!(matrix.unitarity_error() < 1e-15 * 4.0, "{}", row.qasm);
                let lowered = lowering::lowered(gate, &angles);
                let distance = phase_distance(&matrix, &lowered.unitary());
                assert!(distance < ROUNDING, "{}({angles:?}): {distance:e}", row.qasm);
            }
        }
    }

    #[test]
    fn lowerings_use_few_cx() {
        let n_cx = |name| {
            let gate = GateId::from_name(name).unwrap();
            lowering::lowered(gate, &[0.3, 0.4, 0.5, 0.6][..gate.row().n_angles]).n_cx()
        };
        let expected = [
            ("cx", 1),
            ("cy", 1),
            ("cz", 1),
            ("ch", 1),
            ("ecr", 1),
            ("cp", 2),
            ("cu", 2),
            ("csx", 2),
            ("iswap", 2),
            ("sqrt_iswap", 2),
            ("ms", 2),
            ("rzz", 2),
            ("xx_plus_yy", 2),
            ("swap", 3),
            ("rccx", 3),
            ("ccx", 6),
            ("ccz", 6),
            ("rc3x", 6),
            ("cswap", 7),
            ("c3x", 14),
            ("c3sqrtx", 14),
            ("c4x", 30),
        ];
        for (name, n) in expected {
            assert_eq!(n_cx(name), n, "{name}");
        }
    }
}
