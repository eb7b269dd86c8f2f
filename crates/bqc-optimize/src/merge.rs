//! Closed-form simplification that needs no search: join one-qubit gates where they meet, move them through two-qubit
//! gates that they commute with, drop identities, cancel pairs of equal CX.
//!
//! This file only proposes; every move is applied and measured by the verifier ([`Rewriting`]), for blocks and for
//! circuits of any width alike. Every rewriting is exact algebra up to rounding, and to calling 1e-14 a zero.
//! Rotations about Z commute with the control of a CX and rotations about X with its target; CX that share only
//! controls or only targets commute.

use bqc_circuit::{BlockCircuit, LoweredGate, Move, TwoQubitGate, Wire};
use bqc_linalg::{Complex64, Su2};
use bqc_verify::{Composition, Direction, MoveError, Rewriting};

/// Matrix elements below this are zero: a dozen products of gates leave errors of about 1e-15, and
/// real angles that small are a thousandth of the tolerance for identities.
const NEGLIGIBLE: f64 = 1e-13;

/// How many CX a gate may pass, which keeps the passes linear in the number of gates.
const MAX_HOPS: usize = 64;

/// Rounds at most; every round but the last removes a gate, two or three are usual.
const MAX_ROUNDS: usize = 16;

/// Which rotations commute with a two-qubit gate on one of its wires.
#[derive(Clone, Copy, PartialEq)]
enum Axis {
    Z,
    X,
}

/// A place and the angles that the gate there shall have.
type Rotation = (usize, [f64; 3]);

/// Joins the one-qubit gates of a block where they meet, drops identities, and cancels equal CX.
///
/// * Gates that are not changed keep their angles bit by bit, and nothing changes its order.
/// * Never more gates than before, and linear in their number.
/// * A block that is not well formed is returned as it is: the verifier refuses it.
pub fn merge_one_qubit(block: &BlockCircuit) -> BlockCircuit {
    if !block.is_well_formed() {
        return block.clone();
    }
    let mut composition = Composition::start(block);
    // A refused move has changed nothing.
    _ = composition.rewrite(simplify);
    composition.circuit().clone()
}

/// Makes all such moves until none applies. Fails where the verifier refuses one: a fault of bqc.
pub fn simplify<W: Wire>(rewriting: &mut Rewriting<W>) -> Result<(), MoveError> {
    for _ in 0..MAX_ROUNDS {
        let before = rewriting.n_removed();
        for place in 0..rewriting.n_places() {
            absorb(rewriting, place)?;
        }
        for place in 0..rewriting.n_places() {
            cancel(rewriting, place)?;
        }
        if rewriting.n_removed() == before {
            break;
        }
    }
    Ok(())
}

/// Removes a one-qubit gate if it is the identity, or can reach another one and join it.
fn absorb<W: Wire>(rewriting: &mut Rewriting<W>, place: usize) -> Result<(), MoveError> {
    let Some((_, angles)) = one(rewriting, place) else { return Ok(()) };
    let value = su2(angles);
    if value.distance_to_identity() <= NEGLIGIBLE {
        return rewriting.apply(Move::Drop { place: place as u32 });
    }
    if join(rewriting, place, angles, None)? {
        return Ok(());
    }
    for (axis, part) in [(Axis::Z, z_part(value)), (Axis::X, x_part(value))] {
        if same(part, value) && join(rewriting, place, part.u3_angles(), Some(axis))? {
            return Ok(());
        }
    }
    Ok(())
}

/// Multiplies a one-qubit gate, as `angles`, into the next one on its wire either way, passing two-qubit gates that a
/// rotation about `axis` passes.
fn join<W: Wire>(
    rewriting: &mut Rewriting<W>,
    place: usize,
    angles: [f64; 3],
    axis: Option<Axis>,
) -> Result<bool, MoveError> {
    for direction in [Direction::Forth, Direction::Back] {
        let Some((other, n_hops)) = reach(rewriting, place, direction, axis) else { continue };
        let is_forth = direction == Direction::Forth;
        let chain = if is_forth { [angles, other] } else { [other, angles] };
        let product = (su2(chain[1]) * su2(chain[0])).normalized().u3_angles();
        let place = place as u32;
        let moved = axis.is_some().then_some(angles);
        rewriting.apply(Move::Fuse { place, is_forth, n_hops, moved, product })?;
        return Ok(true);
    }
    Ok(false)
}

/// The angles of the first one-qubit gate that a gate at `place` meets, and how many gates it passes on its way.
fn reach<W: Wire>(
    rewriting: &Rewriting<W>,
    place: usize,
    direction: Direction,
    axis: Option<Axis>,
) -> Option<([f64; 3], u32)> {
    let (wire, _) = one(rewriting, place)?;
    let mut at = place;
    for n_hops in 0..=MAX_HOPS as u32 {
        at = rewriting.neighbour(at, wire, direction)?;
        match rewriting.gate(at)? {
            LoweredGate::One { .. } => return one(rewriting, at).map(|(_, angles)| (angles, n_hops)),
            LoweredGate::Two { gate, wires, .. } if axis.is_some_and(|axis| axis_on(gate, &wires, wire) == axis) => {}
            LoweredGate::Two { .. } => return None,
        }
    }
    None
}

/// Removes a CX together with the next equal one, if it can be moved there.
fn cancel<W: Wire>(rewriting: &mut Rewriting<W>, place: usize) -> Result<(), MoveError> {
    let Some(LoweredGate::Two { wires: [first, second], .. }) = rewriting.gate(place) else { return Ok(()) };
    let (Some((twin, passed)), Some((other, also))) = (meet(rewriting, place, first), meet(rewriting, place, second))
    else {
        return Ok(());
    };
    if twin != other {
        return Ok(());
    }
    // Gates that are rotations about the right axis only to rounding are made so first.
    for (place, angles) in passed.into_iter().chain(also) {
        rewriting.apply(Move::Turn { place: place as u32, angles })?;
    }
    rewriting.apply(Move::Cancel { place: place as u32, twin: twin as u32 })
}

/// The next equal CX along one of the wires, with only gates between that commute with this CX,
/// and those one-qubit gates with the angles that commute exactly.
fn meet<W: Wire>(rewriting: &Rewriting<W>, place: usize, wire: W) -> Option<(usize, Vec<Rotation>)> {
    let gate = rewriting.gate(place)?;
    let LoweredGate::Two { gate: kind, wires, .. } = gate else { return None };
    let axis = axis_on(kind, &wires, wire);
    let mut rotations = Vec::new();
    let mut at = place;
    for _ in 0..=MAX_HOPS {
        at = rewriting.neighbour(at, wire, Direction::Forth)?;
        match rewriting.gate(at)? {
            here if here == gate => return Some((at, rotations)),
            LoweredGate::Two { gate, wires, .. } if axis_on(gate, &wires, wire) == axis => {}
            LoweredGate::Two { .. } => return None,
            LoweredGate::One { angles, .. } => {
                let value = su2(angles);
                let part = if axis == Axis::Z { z_part(value) } else { x_part(value) };
                if !same(part, value) {
                    return None;
                }
                rotations.push((at, part.u3_angles()));
            }
        }
    }
    None
}

/// The wire and angles of a one-qubit gate whose angles are numbers.
fn one<W: Wire>(rewriting: &Rewriting<W>, place: usize) -> Option<(W, [f64; 3])> {
    match rewriting.gate(place)? {
        LoweredGate::One { wire, angles } if angles.iter().all(|angle| angle.is_finite()) => Some((wire, angles)),
        _ => None,
    }
}

/// The axis about which rotations on this wire commute with the gate.
fn axis_on<W: Wire>(gate: TwoQubitGate, wires: &[W; 2], wire: W) -> Axis {
    match gate {
        TwoQubitGate::Cx if wires[0] == wire => Axis::Z,
        TwoQubitGate::Cx => Axis::X,
    }
}

fn su2([theta, phi, lambda]: [f64; 3]) -> Su2 {
    Su2::u3(theta, phi, lambda)
}

/// The same gate up to rounding. False for NaN.
fn same(u: Su2, v: Su2) -> bool {
    (u * v.dagger()).distance_to_identity() <= NEGLIGIBLE
}

/// The rotation about Z nearest to a gate; NaN where there is none.
fn z_part(value: Su2) -> Su2 {
    Su2::new(value.a, Complex64::ZERO).normalized()
}

/// The rotation about X nearest to a gate; NaN where there is none.
fn x_part(value: Su2) -> Su2 {
    Su2::new(value.a.re.into(), Complex64::new(0.0, value.b.im)).normalized()
}

#[cfg(test)]
mod tests;
