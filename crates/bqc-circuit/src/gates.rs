//! The gate table: one gate, one row. Names, documentation and tests come from it; a new gate is
//! tested by existing.

use bqc_linalg::{Complex64, Matrix};

/// The most wires any row has (`c4x`).
pub const MAX_ARITY: usize = 5;
/// The most angles any row has (`cu`).
pub const MAX_ANGLES: usize = 4;

/// Index of a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GateId(u8);

/// A row.
pub struct Gate {
    /// Name in OpenQASM.
    pub qasm: &'static str,
    /// Number of wires.
    pub arity: usize,
    /// Number of angles.
    pub n_angles: usize,
    /// The `2^arity × 2^arity` matrix; the first wire is bit 0 of the index.
    pub unitary: fn(&[f64]) -> Matrix,
    /// Where the definition comes from.
    pub source: &'static str,
}

/// Row of `cx`.
pub const CX: GateId = GateId(0);
/// Row of `u3`.
pub const U3: GateId = GateId(1);

impl GateId {
    /// The row with this name.
    pub fn from_name(name: &str) -> Option<GateId> {
        TABLE.iter().position(|g| g.qasm == name).map(|i| GateId(i as u8))
    }

    /// The row itself.
    pub fn row(self) -> &'static Gate {
        &TABLE[self.0 as usize]
    }
}

/// All rows.
pub static TABLE: &[Gate] = &[
    Gate { qasm: "cx", arity: 2, n_angles: 0, unitary: cx, source: "OpenQASM 2, arXiv:1707.03429" },
    Gate { qasm: "u3", arity: 1, n_angles: 3, unitary: u3, source: "OpenQASM 2, arXiv:1707.03429" },
];

fn cx(_: &[f64]) -> Matrix {
    let image = [0, 3, 2, 1];
    Matrix::from_fn(4, 4, |r, c| if image[c] == r { Complex64::ONE } else { Complex64::ZERO })
}

fn u3(angles: &[f64]) -> Matrix {
    let [theta, phi, lambda] = [angles[0], angles[1], angles[2]];
    let (s, c) = (theta / 2.0).sin_cos();
    Matrix::from_rows(
        2,
        2,
        &[
            Complex64::new(c, 0.0),
            -Complex64::from_polar(s, lambda),
            Complex64::from_polar(s, phi),
            Complex64::from_polar(c, phi + lambda),
        ],
    )
}
