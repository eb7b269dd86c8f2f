//! A window under reconstruction: what it has become, and the sum of the measured distances of all changes.
//!
//! A search changes a window thousands of times, a block of a few wires at a time. Each change is measured against the
//! block that it replaces; the sum bounds the distance of the whole by subadditivity. At the end the whole is held
//! against the original as well ([`Composition::verify`]), at every width.

use crate::block::{Fingerprint, Rejected, VerifiedBlock};
use crate::join::{JoinError, Piece, join};
use crate::rewriting::{MoveError, Rewriting};
use bqc_circuit::{BlockCircuit, BlockQubit, Item};

/// A block on its way, and how far it may be from its original.
#[derive(Clone, Debug, PartialEq)]
pub struct Composition {
    original: Fingerprint,
    circuit: BlockCircuit,
    bound: f64,
}

impl Composition {
    /// Before the first change.
    pub fn start(original: &BlockCircuit) -> Composition {
        Composition { original: Fingerprint::of(original), circuit: original.clone(), bound: 0.0 }
    }

    /// Goes on from where another process has come to, whose changes had distances that add up to `claimed`. The
    /// candidate is checked as [`VerifiedBlock::check_claim`] does; the claim stays the bound, unless it is measured to
    /// be more.
    pub fn resume(
        original: &BlockCircuit,
        candidate: BlockCircuit,
        claimed: f64,
        tolerance: f64,
    ) -> Result<Composition, Rejected> {
        let block = VerifiedBlock::check_claim(original, candidate, claimed, tolerance)?;
        let (original, distance) = (block.original(), block.distance());
        let bound = if claimed >= distance { claimed } else { distance };
        Ok(Composition { original, circuit: block.into_circuit(), bound })
    }

    /// Replaces pieces of the present gates. The pieces must be these gates in another bracketing; if they are not,
    /// nothing changes.
    pub fn join<'a>(&mut self, pieces: impl IntoIterator<Item = Piece<'a, BlockQubit>>) -> Result<(), JoinError> {
        let (items, distance) = join(&self.circuit, pieces)?;
        self.set(items, distance);
        Ok(())
    }

    /// Rewrites gate by gate as `pass` proposes. If a move is refused, nothing changes.
    pub fn rewrite(
        &mut self,
        pass: impl FnOnce(&mut Rewriting<BlockQubit>) -> Result<(), MoveError>,
    ) -> Result<(), MoveError> {
        let mut rewriting = Rewriting::of(&self.circuit);
        pass(&mut rewriting)?;
        let (items, bound, _) = rewriting.finish();
        self.set(items, bound);
        Ok(())
    }

    fn set(&mut self, items: Vec<Item<BlockQubit>>, distance: f64) {
        self.circuit.gates.clear();
        self.circuit.gates.extend(items.into_iter().filter_map(|item| match item {
            Item::Gate(gate) => Some(gate),
            Item::Wall(_) => None,
        }));
        self.bound += distance;
    }

    /// The present gates.
    pub fn circuit(&self) -> &BlockCircuit {
        &self.circuit
    }

    /// Sum of the measured distances of all changes: a bound of the distance from the original.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// Measures the whole against its original: over all columns up to eight wires, on random states that may
    /// contradict the bound above.
    ///
    /// * Errors: as [`VerifiedBlock::check_claim`]; [`Rejected::OtherOriginal`] if `original` is not the block that
    ///   this was made of.
    pub fn verify(self, original: &BlockCircuit, tolerance: f64) -> Result<VerifiedBlock, Rejected> {
        if Fingerprint::of(original) != self.original {
            return Err(Rejected::OtherOriginal);
        }
        VerifiedBlock::check_claim(original, self.circuit, self.bound, tolerance)
    }
}
