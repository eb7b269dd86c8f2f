//! The states of the exact searches in bytes, and back: what is no state of a unit's search is refused.
//!
//! The circuits in a state are held against the unit's block as a result would be. So a state from outside can waste time
//! or find something else, but not something wrong.

use super::{Refused, Unit};
use bqc_circuit::BlockCircuit;
use bqc_rewrite::pathsum::{Settings, SumState, Walk, WalkGate, WalkState};
use bqc_rewrite::pauli::{BlockSearch, BlockSettings, Frame, Op, SearchState};
use bqc_wire::checkpoint::{PathSumForm, PauliFrameForm, PauliGateForm, WalkGateForm};
use bqc_wire::{CheckpointRecord, PauliCheckpoint, WalkCheckpoint};

/// The state of a search over Pauli blocks that has done so many moves.
pub(crate) fn of_paulis(search: &BlockSearch, n_moves: u64) -> CheckpointRecord {
    let SearchState { done, frames, coming, is_under_way, ends, size, n_syntheses, stream, best } = search.state();
    let form = |ops: &[Op], frames: &[Frame]| (ops.iter().map(of_op).collect(), frames.iter().map(of_frame).collect());
    CheckpointRecord::Paulis(PauliCheckpoint {
        n_moves,
        done: form(&done, &frames),
        coming: form(&coming, &ends),
        is_under_way,
        size: size.map(|n| n as u64),
        n_syntheses,
        stream,
        best: form(&best.0, &best.1),
    })
}

fn of_op(op: &Op) -> PauliGateForm {
    match *op {
        Op::Pair { wires, axes } => PauliGateForm::Pair(wires, axes),
        Op::Turn { wire, axis, angle } => PauliGateForm::Turn(wire, axis, angle),
    }
}

fn to_op(form: &PauliGateForm) -> Op {
    match *form {
        PauliGateForm::Pair(wires, axes) => Op::Pair { wires, axes },
        PauliGateForm::Turn(wire, axis, angle) => Op::Turn { wire, axis, angle },
    }
}

fn of_frame(frame: &Frame) -> PauliFrameForm {
    (frame.wire, [frame.x, frame.z])
}

fn to_frame(&(wire, [x, z]): &PauliFrameForm) -> Frame {
    Frame { wire, x, z }
}

/// The state of a walk that has done so many proposals.
pub(crate) fn of_walk(walk: &Walk, n_proposals: u64) -> CheckpointRecord {
    let WalkState { now, best, least, n_since, cycle, most_hadamards, n_rotations, held, stream } = walk.state();
    let [now, best] = [now, best].map(of_sum);
    CheckpointRecord::PathSums(WalkCheckpoint {
        n_proposals,
        now,
        best,
        least,
        n_since,
        cycle,
        most_hadamards,
        n_rotations,
        held,
        stream,
    })
}

fn of_sum(sum: SumState) -> PathSumForm {
    let mut free = 0;
    let gates = sum.gates.into_iter().map(|(at, gate)| {
        let n_before = at - free;
        free = at + 1;
        let form = match gate {
            WalkGate::Cx { control, target } => WalkGateForm::Cx(control, target),
            WalkGate::Hadamard { wire, number, out, is_signed } => WalkGateForm::Hadamard(wire, number, out, is_signed),
        };
        (n_before, form)
    });
    let gates = gates.collect();
    let signs = sum.input_signs.into_iter().zip(sum.output_flips).collect();
    PathSumForm { n_places: sum.n_places, gates, signs, rotations: sum.rotations }
}

/// None if a place is beyond all numbers.
fn to_sum(form: &PathSumForm) -> Option<SumState> {
    let mut free = 0u32;
    let mut gates = Vec::with_capacity(form.gates.len());
    for &(n_before, gate) in &form.gates {
        let at = free.checked_add(n_before)?;
        free = at.checked_add(1)?;
        let gate = match gate {
            WalkGateForm::Cx(control, target) => WalkGate::Cx { control, target },
            WalkGateForm::Hadamard(wire, number, out, is_signed) => WalkGate::Hadamard { wire, number, out, is_signed },
        };
        gates.push((at, gate));
    }
    let (input_signs, output_flips) = form.signs.iter().copied().unzip();
    Some(SumState { n_places: form.n_places, gates, input_signs, output_flips, rotations: form.rotations.clone() })
}

/// Whether a search in slices comes to so many of `n` steps.
fn is_slice(n_done: u64, slice: u64, n: u64) -> bool {
    0 < n_done && n_done <= n && (n_done.is_multiple_of(slice) || n_done == n)
}

impl Unit {
    /// The search over Pauli blocks that goes on from a state, and the moves that are done.
    pub(crate) fn paulis_at(
        &self,
        record: &CheckpointRecord,
        settings: BlockSettings,
        n_moves: u64,
        slice: u64,
    ) -> Result<(BlockSearch, u64), Refused> {
        let none = Refused::NoState { n_steps: n_moves };
        let CheckpointRecord::Paulis(state) = record else { return Err(none) };
        if !is_slice(state.n_moves, slice, n_moves) {
            return Err(none);
        }
        let part = |(ops, frames): &(Vec<PauliGateForm>, Vec<PauliFrameForm>)| {
            (ops.iter().map(to_op).collect(), frames.iter().map(to_frame).collect())
        };
        let ((done, frames), (coming, ends)) = (part(&state.done), part(&state.coming));
        let size = state.size.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let PauliCheckpoint { is_under_way, n_syntheses, stream, .. } = *state;
        let best = part(&state.best);
        let state_of = SearchState { done, frames, coming, is_under_way, ends, size, n_syntheses, stream, best };
        let search = BlockSearch::resume(self.block().width(), settings, state_of).ok_or(none)?;
        self.holds(search.now())?;
        self.holds(search.best())?;
        Ok((search, state.n_moves))
    }

    /// The walk that goes on from a state, and the proposals that are done.
    pub(crate) fn walk_at(
        &self,
        record: &CheckpointRecord,
        settings: Settings,
        n_proposals: u64,
        slice: u64,
    ) -> Result<(Walk, u64), Refused> {
        let none = Refused::NoState { n_steps: n_proposals };
        let CheckpointRecord::PathSums(state) = record else { return Err(none) };
        let (Some(now), Some(best)) = (to_sum(&state.now), to_sum(&state.best)) else { return Err(none) };
        if !is_slice(state.n_proposals, slice, n_proposals) {
            return Err(none);
        }
        let WalkCheckpoint { least, n_since, cycle, most_hadamards, n_rotations, held, stream, .. } = *state;
        let state_of = WalkState { now, best, least, n_since, cycle, most_hadamards, n_rotations, held, stream };
        let walk = Walk::resume(self.block(), settings, self.key().stream_key(), &state_of).ok_or(none)?;
        self.holds(walk.now())?;
        self.holds(walk.best())?;
        Ok((walk, state.n_proposals))
    }

    /// Whether a circuit is the unit's block.
    fn holds(&self, circuit: BlockCircuit) -> Result<(), Refused> {
        self.verified(self.with_meant_angles(circuit))?;
        Ok(())
    }
}
