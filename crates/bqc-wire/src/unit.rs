//! The unit of work: a block, and everything that decides what becomes of it.
//!
//! A result is a function of its unit alone. So the unit's bytes name it: the [`UnitKey`] is the
//! SHA-256 of a domain, the version of bqc and the unit in postcard, and the random numbers of the
//! work derive from the key. Equal blocks of one pass are one unit, wherever they stand; a pass is
//! part of the unit, because a second look at the same block should see something else. The build is no part
//! of it, so that a change of the sources does not change all random numbers; journals and caches have it in
//! their [`plan_hash`].

use crate::build_id::Build;
use crate::report::Outcome;
use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit, LoweredGate, TwoQubitGate};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Begins what is hashed. The number is raised when the same unit gets another result.
const DOMAIN: &[u8] = b"bqc.unit/1";

/// A block in bytes: postcard writes angles as the eight bytes that they are, and wires below 128 as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockForm {
    /// Number of wires.
    pub width: u16,
    /// Gates in program order.
    pub gates: Vec<GateForm>,
}

/// One gate of a [`BlockForm`]; wires are `0..width`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum GateForm {
    /// Controlled X: control and target.
    Cx(u16, u16),
    /// One-qubit gate: wire and `[θ, φ, λ]` in radians.
    U3(u16, [f64; 3]),
}

/// The bytes say nothing that is a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("gate {index} names a wire that a block of {width} wires has not, or one wire twice")]
pub struct FormError {
    /// Position of the gate, from 0.
    pub index: usize,
    /// Wires of the block.
    pub width: u16,
}

impl From<&BlockCircuit> for BlockForm {
    fn from(block: &BlockCircuit) -> BlockForm {
        let form = |gate: &BlockGate| match *gate {
            LoweredGate::Two { gate: TwoQubitGate::Cx, wires: [control, target], .. } => {
                GateForm::Cx(control.0, target.0)
            }
            LoweredGate::One { wire, angles } => GateForm::U3(wire.0, angles),
        };
        BlockForm { width: block.width(), gates: block.gates.iter().map(form).collect() }
    }
}

impl TryFrom<&BlockForm> for BlockCircuit {
    type Error = FormError;

    fn try_from(form: &BlockForm) -> Result<BlockCircuit, FormError> {
        let width = form.width;
        let mut block = BlockCircuit::new(width);
        for (index, gate) in form.gates.iter().enumerate() {
            match *gate {
                GateForm::Cx(c, t) if c != t && c < width && t < width => block.push_cx(BlockQubit(c), BlockQubit(t)),
                GateForm::U3(q, angles) if q < width => block.push_u3(BlockQubit(q), angles),
                _ => return Err(FormError { index, width }),
            }
        }
        Ok(block)
    }
}

/// How gates are removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum UnitFlow {
    /// Closed forms only.
    ClosedForm,
    /// One by one.
    Delete,
    /// By moves and deletions.
    Search {
        /// Rounds of cuts.
        n_rounds: u64,
    },
    /// One or two CX fewer, at a distance from the block that the tolerance allows.
    Shorten {
        /// What stands for the block so far.
        from: BlockForm,
        /// Its distance from the block.
        distance: f64,
    },
    /// By the light exact passes.
    Light,
    /// By synthesis from its Pauli form, and a search over Pauli blocks.
    Paulis {
        /// Moves of the search.
        n_moves: u64,
    },
    /// By a walk that keeps its path sum.
    PathSums {
        /// Proposals of the walk.
        n_proposals: u64,
    },
    /// As `Light`, with outputs on any wires: exchanges of two wires at the end cost nothing.
    FreeLight,
    /// As `Paulis`, with outputs on any wires.
    FreePaulis {
        /// Moves of the search.
        n_moves: u64,
    },
    /// By an exact pass that keeps the angles, with a result that is proved by algebra.
    Exact {
        /// Which pass.
        by: ExactFlow,
    },
    /// No gate fewer: one-qubit gates become gates over Clifford and T where the others can make up for it.
    CliffordT,
}

/// An exact pass over a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExactFlow {
    /// The light passes.
    Light,
    /// Synthesis from the Pauli form, and a search over Pauli blocks.
    Paulis {
        /// Moves of the search.
        n_moves: u64,
    },
    /// A walk that keeps the path sum.
    PathSums {
        /// Proposals of the walk.
        n_proposals: u64,
    },
}

impl UnitFlow {
    /// The exact pass that is asked for, whether or not its result is to be proved by algebra.
    pub fn exact(&self) -> Option<ExactFlow> {
        match *self {
            UnitFlow::Light | UnitFlow::FreeLight => Some(ExactFlow::Light),
            UnitFlow::Paulis { n_moves } | UnitFlow::FreePaulis { n_moves } => Some(ExactFlow::Paulis { n_moves }),
            UnitFlow::PathSums { n_proposals } => Some(ExactFlow::PathSums { n_proposals }),
            UnitFlow::Exact { by } => Some(by),
            UnitFlow::ClosedForm
            | UnitFlow::Delete
            | UnitFlow::Search { .. }
            | UnitFlow::Shorten { .. }
            | UnitFlow::CliffordT => None,
        }
    }
}

/// One unit of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// What is to be rebuilt.
    pub block: BlockForm,
    /// How.
    pub flow: UnitFlow,
    /// Code of the solver that fits candidates.
    pub solver: u8,
    /// Code of the objective, which is what to minimise.
    pub objective: u8,
    /// Largest phase distance of the result from the block.
    pub tolerance: f64,
    /// The user's seed.
    pub seed: u64,
    /// The pass that asks, from 0.
    pub pass: u32,
    /// Which of several tries it is, from 0.
    pub start: u32,
    /// Name of the engine: another one may round differently.
    pub engine: String,
}

/// Names a unit by its content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnitKey(pub [u8; 32]);

impl std::fmt::Debug for UnitKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl UnitKey {
    /// The name of a pass of all these units, in this order.
    pub fn of_pass(keys: &[UnitKey]) -> [u8; 16] {
        let mut hash = Sha256::new();
        keys.iter().for_each(|key| hash.update(key.0));
        let mut name = [0; 16];
        name.copy_from_slice(&hash.finalize()[..16]);
        name
    }

    /// The name of the unit's random streams.
    pub fn stream_key(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl UnitRecord {
    /// The unit's name.
    pub fn key(&self) -> UnitKey {
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.update([0]);
        // Plain data into memory: there is no way to fail.
        hash.update(postcard::to_stdvec(self).expect("plain data is always representable"));
        UnitKey(hash.finalize().into())
    }
}

/// The SHA-256 of the build and some parts, none of which can run into the next: the plan of a run, for its
/// journal. Without parts it is the build's, for a cache: another build may have other results for the same unit.
pub fn plan_hash(build: &Build, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"bqc.plan/1");
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(build.as_str());
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// What became of a unit. Whoever reads it checks it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SolvedRecord {
    /// What may replace the block.
    pub block: BlockForm,
    /// Largest phase distance from the unit's block, as measured or summed up by who found it.
    pub distance: f64,
    /// Calls of the solver.
    pub instantiations: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it ended so, in words.
    pub reason: String,
}

impl SolvedRecord {
    /// Its bytes, in whose order different results of one unit are taken.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Plain data into memory: there is no way to fail.
        postcard::to_stdvec(self).expect("plain data is always representable")
    }
}
