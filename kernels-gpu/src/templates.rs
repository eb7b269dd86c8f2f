//! The records that host and device exchange. All are plain data without padding that matters.
//!
//! Offsets (`…_at`) count records of the array they point into. States are arrays of [`Complex`],
//! `[sample][2^n]`, qubit q = bit q of the amplitude. Gates are [`Su2`], slots in the order
//! *first slot of each wire*, then *on the control, on the target* of each CX.

use crate::complex::{Complex, Su2};
use crate::cta::{Global, Table};

/// No index: no deletion, no insertion, no winner yet, no survivor's place.
pub const NONE: u32 = u32::MAX;

/// A CX with the wires that it stands on, in one word: `control | target << 8`, bit 16 if the slot on
/// the control is frozen, bit 17 if the one on the target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct CxWord(pub u32);

impl CxWord {
    /// A CX whose slots are free.
    #[inline(always)]
    pub fn new(control: u32, target: u32) -> CxWord {
        CxWord(control | target << 8)
    }

    /// The same with frozen slots, on the control and on the target.
    #[inline(always)]
    pub fn with_frozen(self, on_control: bool, on_target: bool) -> CxWord {
        CxWord(self.0 & 0xffff | u32::from(on_control) << 16 | u32::from(on_target) << 17)
    }

    /// The control wire.
    #[inline(always)]
    pub fn control(self) -> u32 {
        self.0 & 0xff
    }

    /// The target wire.
    #[inline(always)]
    pub fn target(self) -> u32 {
        self.0 >> 8 & 0xff
    }

    /// Whether the slot on the control keeps its value.
    #[inline(always)]
    pub fn control_is_frozen(self) -> bool {
        self.0 >> 16 & 1 == 1
    }

    /// Whether the slot on the target keeps its value.
    #[inline(always)]
    pub fn target_is_frozen(self) -> bool {
        self.0 >> 17 & 1 == 1
    }
}

/// A template with its values: what candidates are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Base {
    /// Wires, 2 to 8.
    pub n: u32,
    /// CX gates.
    pub n_cx: u32,
    /// Its first CX among all [`CxWord`]s.
    pub cx_at: u32,
    /// Its first slot among all [`Su2`]s; it has `n + 2·n_cx`.
    pub slots_at: u32,
    /// Bit q: the first slot of wire q is frozen.
    pub frozen_first: u32,
}

/// Pairs of states: `outputs[m] = target · inputs[m]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct StateSet {
    /// Number of pairs.
    pub n_samples: u32,
    /// First amplitude of the inputs, `[sample][2^n]`.
    pub inputs_at: u32,
    /// First amplitude of the outputs, `[sample][2^n]`.
    pub outputs_at: u32,
}

/// The factors of a CX that a deletion leaves or an insertion brings: `CX = phase · Rz(±π/2) ⊗
/// Rx(±π/2) · exp(±iπ/4 Z⊗X)`, control first.
pub mod rotation {
    /// `Rz(π/2)`, `Rx(π/2)`.
    pub const PLUS: u32 = 0;
    /// `Rz(−π/2)`, `Rx(−π/2)`.
    pub const MINUS: u32 = 1;
    /// Nothing.
    pub const NOTHING: u32 = 2;
}

/// A change of a base: a deletion, an insertion, both in this order, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Candidate {
    /// Its [`Base`].
    pub base: u32,
    /// Its [`Group`].
    pub group: u32,
    /// Its rank among the candidates of its group: the lowest one accepted wins.
    pub rank: u32,
    /// The CX to delete, or [`NONE`].
    pub delete: u32,
    /// Its [`rotation`].
    pub delete_rotation: u32,
    /// Where to insert a CX, counted after the deletion, or [`NONE`].
    pub insert_at: u32,
    /// The inserted CX.
    pub insert_cx: CxWord,
    /// Its [`rotation`].
    pub insert_rotation: u32,
    /// Samples whose tangents are in memory at once, see `lm::layout::Sizes`. It changes no digit.
    pub samples_per_panel: u32,
}

impl Candidate {
    /// The base as it is, sample by sample.
    pub fn unchanged(base: u32, group: u32, rank: u32) -> Candidate {
        let (delete, insert_at, insert_cx) = (NONE, NONE, CxWord(0));
        Candidate {
            base,
            group,
            rank,
            delete,
            delete_rotation: rotation::NOTHING,
            insert_at,
            insert_cx,
            insert_rotation: rotation::NOTHING,
            samples_per_panel: 1,
        }
    }

    /// Number of CX gates of the candidate.
    #[inline(always)]
    pub fn n_cx(&self, base: &Base) -> u32 {
        base.n_cx - (self.delete != NONE) as u32 + (self.insert_at != NONE) as u32
    }
}

/// Candidates of one target, of which the first success wins.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Group {
    /// The states to fit.
    pub batch: StateSet,
    /// The states that judge: all columns where that is affordable.
    pub check: StateSet,
    /// Its [`LmSettings`].
    pub settings: u32,
    /// Not zero: candidates do not compete; every result's slots are kept, at its own index.
    pub keep_all: u32,
    /// Largest phase distance on `check` that is accepted.
    pub tolerance: f64,
}

/// When Levenberg–Marquardt stops and how it damps; the meaning is that of the CPU engine's settings.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct LmSettings {
    /// Iterations at most.
    pub max_iterations: u32,
    /// Iterations over which the cost must fall; less than [`COST_HISTORY`].
    pub patience: u32,
    /// No giving up before this iteration.
    pub first_judgement: u32,
    /// Zero.
    pub reserved: u32,
    /// First damping factor.
    pub first_damping: f64,
    /// The share that the cost must fall to within `patience` iterations; one or more: any.
    pub give_up_ratio: f64,
}

/// Costs that are remembered for [`LmSettings::patience`].
pub const COST_HISTORY: u32 = 16;

/// How a candidate ended.
pub mod status {
    /// An identity on the states and on the check.
    pub const ACCEPTED: u32 = 0;
    /// An identity on the states, but not on the check.
    pub const OVERFIT: u32 = 1;
    /// Its costs did not fall fast enough.
    pub const HOPELESS: u32 = 2;
    /// No step lowers the cost.
    pub const NO_STEP: u32 = 3;
    /// Used up its iterations.
    pub const OUT_OF_ITERATIONS: u32 = 4;
    /// Another one of lower rank was accepted first.
    pub const BEATEN: u32 = 5;
    /// It needs more memory than the launch gave: nothing was done.
    pub const TOO_LARGE: u32 = 6;
    /// Accepted, but there was no place left for its slots.
    pub const NO_PLACE: u32 = 7;
    /// The host asked its group to stop: what was reached by then, or, without a place, nothing was begun.
    pub const STOPPED: u32 = 8;
}

/// What became of a candidate: 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct LmResult {
    /// `‖V x − e^{iφ}y‖²/(2M)` on the states: the square of the phase distance.
    pub cost: f64,
    /// Phase distance on the check; negative if it was not made.
    pub distance: f64,
    /// The cost before the first iteration.
    pub first_cost: f64,
    /// The damping factor at the end.
    pub damping: f64,
    /// A [`status`].
    pub status: u32,
    /// Linearisations.
    pub iterations: u32,
    /// Damped systems solved, rejected steps included.
    pub n_solves: u32,
    /// Number of CX gates.
    pub n_cx: u32,
    /// Place of its slots among the survivors', in units of the launch's `slots_per_survivor`, or [`NONE`].
    pub survivor: u32,
    /// Number of tangents.
    pub n_tangents: u32,
    /// Zero.
    pub reserved: u64,
}

impl LmResult {
    /// The result of a candidate that was not begun, for this reason.
    #[inline(always)]
    pub fn not_begun(status: u32, n_cx: u32) -> LmResult {
        LmResult {
            cost: 1.0,
            distance: -1.0,
            first_cost: 1.0,
            damping: 0.0,
            status,
            iterations: 0,
            n_solves: 0,
            n_cx,
            survivor: NONE,
            n_tangents: 0,
            reserved: 0,
        }
    }
}

/// States of sweeps are `[group][2^n][lane]`, with this many bits for the lane: eight samples lie side by
/// side, so that neighbouring threads touch neighbouring numbers whichever wires a gate is on. Lanes
/// beyond the samples are zero.
pub const LANE_BITS: u32 = 3;

/// Samples with the lanes that fill the last group.
#[inline(always)]
pub fn with_lanes(n_samples: u32) -> u32 {
    (n_samples + (1 << LANE_BITS) - 1) >> LANE_BITS << LANE_BITS
}

/// One QFactor step; matrices and slots are those of the run. Wires are bits of the index of an amplitude
/// within its group: wire q is bit `q + LANE_BITS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct SweepStep {
    /// One of [`step`].
    pub kind: u32,
    /// First wire: bit 0 of a two-qubit matrix.
    pub a: u32,
    /// Second wire: bit 1. For a one-qubit gate any other bit of the index.
    pub b: u32,
    /// First number of the gate's value on `a`, or of the two-qubit gate, among the run's values, in
    /// complex numbers.
    pub value_a: u32,
    /// First number of the gate's value on `b`.
    pub value_b: u32,
}

/// Kinds of [`SweepStep`]. Values are 2 complex numbers for a one-qubit gate (an [`Su2`]) and 16 for a
/// two-qubit one, row by row.
pub mod step {
    /// A CX: control `b`, target `a`.
    pub const CX: u32 = 0;
    /// A constant one-qubit gate on `a`.
    pub const CONSTANT_ONE: u32 = 1;
    /// A constant two-qubit gate.
    pub const CONSTANT_TWO: u32 = 2;
    /// A free one-qubit gate on `a`.
    pub const FREE_ONE: u32 = 3;
    /// Free one-qubit gates on `a` and `b`.
    pub const FREE_PAIR: u32 = 4;
    /// A CX, control `b` and target `a`, then free one-qubit gates on `a` and `b`.
    pub const CX_FREE_PAIR: u32 = 5;
    /// A free two-qubit gate.
    pub const FREE_TWO: u32 = 6;
}

/// One run of QFactor-Sample: a template with its values, its states, and its history on them so far.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct SweepRun {
    /// Wires.
    pub n: u32,
    /// Number of steps.
    pub n_steps: u32,
    /// First [`SweepStep`].
    pub steps_at: u32,
    /// First number of its values, in complex numbers.
    pub values_at: u32,
    /// Length of its values, in complex numbers.
    pub n_values: u32,
    /// Its [`bqc_schedule::Rules`].
    pub rules: u32,
    /// Sweeps made before the first point on these states.
    pub first_sweeps: u32,
    /// Points on these states so far, each `sweeps_per_point` after the one before; none: it begins.
    pub n_points: u32,
    /// The last of them are given: as many as the window has points, and at least two, or all.
    pub n_carried: u32,
    /// Its first point, in complex numbers: those that are given, then room for `n_rounds + 1`.
    pub points_at: u32,
    /// Rounds at most.
    pub n_rounds: u32,
    /// Training states.
    pub training: StateSet,
    /// Validation states; none with a basis.
    pub validation: StateSet,
}

/// How a run of sweeps ended: the code of a [`bqc_schedule::Verdict`], or that there was no room for it.
pub mod verdict {
    use bqc_schedule::Verdict;

    /// None: its rounds are used up.
    pub const UNDECIDED: u32 = Verdict::Continue as u32;
    /// None: the host asked all to stop.
    pub const STOPPED: u32 = Verdict::Stopped as u32;
    /// It needs more memory than the launch gave: nothing was done.
    pub const TOO_LARGE: u32 = 5;
}

/// What became of a run. Its costs are in its points: training and validation, which is negative if there
/// is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct SweepResult {
    /// The code of a [`bqc_schedule::Verdict`], or [`verdict::TOO_LARGE`].
    pub verdict: u32,
    /// Points recorded.
    pub n_points: u32,
}

/// The tables of a launch, in global memory.
#[derive(Clone, Copy)]
pub struct Tables<G: Global> {
    /// All [`Base`]s.
    pub bases: G::Table<Base>,
    /// All [`CxWord`]s.
    pub cx: G::Table<CxWord>,
    /// All slots, [`Su2`] taken as two complex numbers each: a GPU copies larger records through its stack.
    pub slots: G::Numbers,
    /// All states, [`Complex`].
    pub states: G::Numbers,
}

impl<G: Global> Tables<G> {
    /// Slot `index`.
    #[inline(always)]
    pub fn slot(&self, index: u32) -> Su2 {
        Su2 { a: self.slots.get(2 * index), b: self.slots.get(2 * index + 1) }
    }
}

const _: () = assert!(
    size_of::<LmResult>() == 64
        && size_of::<SweepResult>() == 8
        && size_of::<Su2>() == 32
        && size_of::<Complex>() == 16
);
