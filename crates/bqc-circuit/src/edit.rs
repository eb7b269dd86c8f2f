//! What a pass did to a lowered circuit, as data: enough to do it again, and to check it.
//!
//! Steps and places are indices into the steps of the circuit as it was before the pass. The order of pieces is the
//! order of the circuit after it, and moves leave what they do not touch where it is.

use crate::{BlockCircuit, Qubit};

/// One pass over a lowered circuit.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Cut into pieces, some of which were replaced.
    Pieces(Vec<PieceEdit>),
    /// Rewritten gate by gate.
    Moves(Vec<Move>),
    /// Exchanges of two wires taken out, in order: the steps of the three CX of each. What follows one stands on the
    /// other wires.
    Exchanges(Vec<[u32; 3]>),
}

/// One piece.
#[derive(Clone, Debug, PartialEq)]
pub enum PieceEdit {
    /// Steps that stay what they are, in their new order.
    Kept(Vec<u32>),
    /// A window that was replaced.
    Replaced {
        /// Wire `b` of the block is `wires[b]`.
        wires: Vec<Qubit>,
        /// The steps that it stands for, in order.
        steps: Vec<u32>,
        /// What stands there now.
        by: BlockCircuit,
        /// Largest phase distance of the two.
        distance: f64,
    },
}

/// A change of one or two gates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Move {
    /// A one-qubit gate that is the identity goes.
    Drop {
        /// Where it is.
        place: u32,
    },
    /// A one-qubit gate gets other angles that make the same gate.
    Turn {
        /// Where it is.
        place: u32,
        /// `[θ, φ, λ]`.
        angles: [f64; 3],
    },
    /// A one-qubit gate goes along its wire past two-qubit gates that it commutes with, and joins the next one-qubit
    /// gate.
    Fuse {
        /// Where it is.
        place: u32,
        /// Towards the end of the circuit.
        is_forth: bool,
        /// How many gates it passes.
        n_hops: u32,
        /// Its angles on the way; none if they are its own.
        moved: Option<[f64; 3]>,
        /// The angles of what it becomes with the other.
        product: [f64; 3],
    },
    /// A two-qubit gate and a later one on the same wires that undoes it go.
    Cancel {
        /// Where it is.
        place: u32,
        /// The later one.
        twin: u32,
    },
}
