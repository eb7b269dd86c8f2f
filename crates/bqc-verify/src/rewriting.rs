//! Rewriting gate by gate, where every change is measured as it is made.
//!
//! The gates are linked along their wires. A pass proposes [`Move`]s; each is applied here only if the gates that it
//! passes on its way are there, in the way that it says, and commute with it, and what that changes (rounding, or a
//! 1e-14 that is called a zero) is measured from the written-out angles and added to the bound. A gate on one wire
//! passes what it commutes with on that wire alone; a two-qubit gate meets its twin if along both wires only gates
//! stand between that commute with it. So no move can drop a gate, or carry one across something that it does not
//! commute with, on circuits of any width. The phase distance is subadditive: the whole is no further from what it was
//! than the sum of its moves.

use crate::chain_distance;
use crate::program::{Step, gate_step};
use bqc_circuit::{BlockQubit, Item, LoweredGate, Move, Sequence, TwoQubitGate, Wire};
use std::collections::HashMap;

/// Largest phase distance of one move: as for a change of a search, well below what a result may have.
const MOVE_TOLERANCE: f64 = 1e-12;

/// Stands for "no gate": the end of a wire.
const NONE: u32 = u32::MAX;

/// A way along a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards the beginning.
    Back,
    /// Towards the end.
    Forth,
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place<W> {
    Gate(LoweredGate<W>),
    /// One wire of a wall: nothing passes it.
    Wall(W),
    /// A step that is a wall: its wires have places of their own behind the steps.
    Step(u32),
    Gone,
}

/// A move is not what it says: a fault of bqc.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MoveError {
    /// There is no such gate, or it is of another kind.
    #[error("place {place} does not hold the gate that the move is about")]
    OtherGate {
        /// Of the move.
        place: u32,
    },
    /// Something on the way does not commute, or is not there.
    #[error("the gate at place {place} cannot be moved to where it should go")]
    InTheWay {
        /// Of the move.
        place: u32,
    },
    /// The gates before and after are not the same unitary.
    #[error("the move at place {place} changes the circuit by {distance:e}, the limit is {MOVE_TOLERANCE:e}")]
    TooFar {
        /// Of the move.
        place: u32,
        /// Measured phase distance.
        distance: f64,
    },
}

/// A circuit or block that is being rewritten. Places `0..n` are the steps of the circuit in their order.
pub struct Rewriting<W> {
    places: Vec<Place<W>>,
    /// `[place][wire of the gate][back, forth]`
    links: Vec<[[u32; 2]; 2]>,
    n_steps: usize,
    n_removed: usize,
    bound: f64,
    moves: Vec<Move>,
    /// How far two kinds of gates without angles are from commuting on one shared wire.
    commutators: HashMap<[(TwoQubitGate, usize); 2], f64>,
}

impl<W: Wire> Rewriting<W> {
    /// Links the steps of a circuit, whose gates must be well formed. Linear.
    pub fn of<S: Sequence<Wire = W>>(circuit: &S) -> Rewriting<W> {
        let n_steps = circuit.len();
        let mut rewriting = Rewriting {
            places: Vec::with_capacity(n_steps),
            links: vec![[[NONE; 2]; 2]; n_steps],
            n_steps,
            n_removed: 0,
            bound: 0.0,
            moves: Vec::new(),
            commutators: HashMap::new(),
        };
        let mut walls: Vec<(W, u32)> = Vec::new();
        rewriting.places.extend((0..n_steps).map(|index| match circuit.item(index) {
            Item::Gate(gate) => Place::Gate(gate),
            Item::Wall(number) => Place::Step(number),
        }));
        let mut last = vec![NONE; circuit.n_wires()];
        for index in 0..n_steps {
            match rewriting.places[index] {
                Place::Gate(gate) => {
                    gate.wires().iter().enumerate().for_each(|(slot, w)| rewriting.link(index, slot, *w, &mut last));
                }
                Place::Step(number) => {
                    for wire in circuit.wall_wires(number) {
                        let place = n_steps + walls.len();
                        walls.push((wire, place as u32));
                        rewriting.places.push(Place::Wall(wire));
                        rewriting.links.push([[NONE; 2]; 2]);
                        rewriting.link(place, 0, wire, &mut last);
                    }
                }
                Place::Wall(_) | Place::Gone => {}
            }
        }
        rewriting
    }

    fn link(&mut self, place: usize, slot: usize, wire: W, last: &mut [u32]) {
        let before = std::mem::replace(&mut last[wire.index()], place as u32);
        self.links[place][slot][Direction::Back as usize] = before;
        if before != NONE {
            let slot = self.slot(before as usize, wire);
            self.links[before as usize][slot][Direction::Forth as usize] = place as u32;
        }
    }

    /// Number of places that may hold a gate.
    pub fn n_places(&self) -> usize {
        self.n_steps
    }

    /// Gates that are gone so far.
    pub fn n_removed(&self) -> usize {
        self.n_removed
    }

    /// The gate at a place; none if it is gone, or a wall.
    pub fn gate(&self, place: usize) -> Option<LoweredGate<W>> {
        match *self.places.get(place)? {
            Place::Gate(gate) => Some(gate),
            _ => None,
        }
    }

    /// The next gate or wall on a wire of the gate at `place`.
    pub fn neighbour(&self, place: usize, wire: W, direction: Direction) -> Option<usize> {
        match self.links[place][self.slot(place, wire)][direction as usize] {
            NONE => None,
            place => Some(place as usize),
        }
    }

    /// Which of the gate's wires `wire` is.
    fn slot(&self, place: usize, wire: W) -> usize {
        usize::from(matches!(self.places[place], Place::Gate(LoweredGate::Two { wires, .. }) if wires[1] == wire))
    }

    /// Makes a move, if it is what it says.
    pub fn apply(&mut self, step: Move) -> Result<(), MoveError> {
        let distance = match step {
            Move::Drop { place } => self.drop_identity(place)?,
            Move::Turn { place, angles } => self.turn(place, angles)?,
            Move::Fuse { place, is_forth, n_hops, moved, product } => {
                self.fuse(place, is_forth, n_hops, moved, product)?
            }
            Move::Cancel { place, twin } => self.cancel(place, twin)?,
        };
        self.bound += distance;
        self.moves.push(step);
        Ok(())
    }

    /// The wire and angles of the one-qubit gate at a place.
    fn one(&self, place: u32) -> Result<(W, [f64; 3]), MoveError> {
        match self.gate(place as usize) {
            Some(LoweredGate::One { wire, angles }) => Ok((wire, angles)),
            _ => Err(MoveError::OtherGate { place }),
        }
    }

    fn drop_identity(&mut self, place: u32) -> Result<f64, MoveError> {
        let (_, angles) = self.one(place)?;
        let distance = within(place, chain_distance(&[angles], &[]))?;
        self.remove(place as usize);
        Ok(distance)
    }

    fn turn(&mut self, place: u32, angles: [f64; 3]) -> Result<f64, MoveError> {
        let (wire, before) = self.one(place)?;
        let distance = within(place, chain_distance(&[before], &[angles]))?;
        self.places[place as usize] = Place::Gate(LoweredGate::u3(wire, angles));
        Ok(distance)
    }

    fn fuse(
        &mut self,
        place: u32,
        is_forth: bool,
        n_hops: u32,
        moved: Option<[f64; 3]>,
        product: [f64; 3],
    ) -> Result<f64, MoveError> {
        let (wire, angles) = self.one(place)?;
        let direction = if is_forth { Direction::Forth } else { Direction::Back };
        let mut distance = moved.map_or(0.0, |moved| chain_distance(&[angles], &[moved]));
        let moved = moved.unwrap_or(angles);
        let gate = LoweredGate::u3(wire, moved);
        let next = |rewriting: &Rewriting<W>, at: usize| {
            rewriting.neighbour(at, wire, direction).ok_or(MoveError::InTheWay { place })
        };
        let mut at = place as usize;
        // Gates of one kind on the way are all passed at the same distance.
        let mut known = None;
        for _ in 0..n_hops {
            at = next(self, at)?;
            let Some(other @ LoweredGate::Two { gate: kind, angle, .. }) = self.gate(at) else {
                return Err(MoveError::InTheWay { place });
            };
            let key = (kind, self.slot(at, wire), angle.to_bits());
            let each = match known {
                Some((passed, each)) if passed == key => each,
                _ => commutator(&gate, &other),
            };
            known = Some((key, each));
            distance += each;
        }
        let other = next(self, at)?;
        let (_, there) = self.one(other as u32).map_err(|_| MoveError::InTheWay { place })?;
        let chain = if is_forth { [moved, there] } else { [there, moved] };
        let distance = within(place, distance + chain_distance(&chain, &[product]))?;
        self.places[other] = Place::Gate(LoweredGate::u3(wire, product));
        self.remove(place as usize);
        Ok(distance)
    }

    /// Takes out a two-qubit gate and the next one that undoes it.
    fn cancel(&mut self, place: u32, twin: u32) -> Result<f64, MoveError> {
        let (Some(gate @ LoweredGate::Two { wires, .. }), Some(other)) =
            (self.gate(place as usize), self.gate(twin as usize))
        else {
            return Err(MoveError::OtherGate { place });
        };
        if other.wires() != wires || place == twin {
            return Err(MoveError::OtherGate { place });
        }
        let mut distance = pair_distance(&gate, &other);
        for wire in wires {
            let mut at = place as usize;
            loop {
                at = self.neighbour(at, wire, Direction::Forth).ok_or(MoveError::InTheWay { place })?;
                if at == twin as usize {
                    break;
                }
                let between = self.gate(at).ok_or(MoveError::InTheWay { place })?;
                distance += self.commutator(&gate, &between, wire);
            }
        }
        let distance = within(place, distance)?;
        self.remove(place as usize);
        self.remove(twin as usize);
        Ok(distance)
    }

    /// How far a two-qubit gate is from commuting with a gate on one of its wires; remembered for gates without
    /// angles.
    fn commutator(&mut self, gate: &LoweredGate<W>, between: &LoweredGate<W>, wire: W) -> f64 {
        let (LoweredGate::Two { gate: a, wires: on_a, .. }, LoweredGate::Two { gate: b, wires: on_b, .. }) =
            (gate, between)
        else {
            return commutator(between, gate);
        };
        let is_one_shared = on_a.iter().filter(|w| on_b.contains(w)).count() == 1;
        if !is_one_shared || a.has_angle() || b.has_angle() {
            return commutator(gate, between);
        }
        let slot = |wires: &[W; 2]| usize::from(wires[1] == wire);
        let key = [(*a, slot(on_a)), (*b, slot(on_b))];
        *self.commutators.entry(key).or_insert_with(|| commutator(gate, between))
    }

    fn remove(&mut self, place: usize) {
        let Place::Gate(gate) = self.places[place] else { return };
        for (slot, wire) in gate.wires().iter().enumerate() {
            let [before, after] = self.links[place][slot];
            if before != NONE {
                let slot = self.slot(before as usize, *wire);
                self.links[before as usize][slot][Direction::Forth as usize] = after;
            }
            if after != NONE {
                let slot = self.slot(after as usize, *wire);
                self.links[after as usize][slot][Direction::Back as usize] = before;
            }
        }
        self.places[place] = Place::Gone;
        self.n_removed += 1;
    }

    /// What stands here now, the bound, and the moves that led here.
    pub(crate) fn finish(self) -> (Vec<Item<W>>, f64, Vec<Move>) {
        let items = self.places[..self.n_steps].iter().filter_map(|place| match *place {
            Place::Gate(gate) => Some(Item::Gate(gate)),
            Place::Step(number) => Some(Item::Wall(number)),
            Place::Wall(_) | Place::Gone => None,
        });
        (items.collect(), self.bound, self.moves)
    }
}

/// The distance of a move that is near enough. Refuses what is not a number.
fn within(place: u32, distance: f64) -> Result<f64, MoveError> {
    if distance <= MOVE_TOLERANCE { Ok(distance) } else { Err(MoveError::TooFar { place, distance }) }
}

/// The steps of some gates on as few wires as they need, and how many these are.
fn compact<W: Wire>(gates: &[&LoweredGate<W>]) -> (Vec<Step>, usize) {
    let mut wires: Vec<W> = gates.iter().flat_map(|gate| gate.wires().iter().copied()).collect();
    wires.sort_unstable();
    wires.dedup();
    let place = |wire: W| BlockQubit::at(wires.binary_search(&wire).unwrap_or_default());
    (gates.iter().map(|gate| gate_step(&gate.map(place))).collect(), wires.len())
}

/// The phase distance of two gates one after the other from the same in the other order.
fn commutator<W: Wire>(a: &LoweredGate<W>, b: &LoweredGate<W>) -> f64 {
    let (first, n) = compact(&[a, b]);
    let mut second = compact(&[a, b]).0;
    second.reverse();
    crate::exact_distance(&first, &second, n)
}

/// The phase distance of two gates one after the other from the identity.
fn pair_distance<W: Wire>(a: &LoweredGate<W>, b: &LoweredGate<W>) -> f64 {
    let (steps, n) = compact(&[a, b]);
    crate::exact_distance(&steps, &[], n)
}

#[cfg(test)]
mod tests;
