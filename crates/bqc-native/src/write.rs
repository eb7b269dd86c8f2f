//! A whole circuit in the gates of a set, as pieces that can be measured one by one.
//!
//! The circuit is cut into runs: all that happens on two wires from one CX between them until another pair takes one of
//! them, or a wall does. One-qubit gates at the end of a run are not written there. They wait, as one gate per wire, for
//! the run that comes next on the wire, and become part of the first gates there; a rotation about Z moves on through a
//! two-qubit gate in the same way. So a piece is not what it was, but what it was after the inverse of what has come into
//! it and before what it hands on. [`NativePiece::replacement`] is that whole product, which is the piece as it was;
//! what one piece hands on and the next takes in cancel when all are put together.

use crate::GateSet;
use crate::basis::{Axis, Basis};
use crate::care::Care;
use crate::counts::is_pulse;
use crate::pairs::Item as RunItem;
use crate::pulses::{settled, tidy};
use bqc_circuit::gates::lower_call;
use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit, Circuit, GateCall, Item, Lowered, Qubit, Sequence};
use bqc_linalg::Su2;

/// Some gates of the circuit on one or two wires, and what becomes of them.
#[derive(Clone, Debug)]
pub struct NativePiece {
    /// Wire `b` of the piece is `wires[b]`.
    pub wires: Vec<Qubit>,
    /// The steps of the circuit that it stands for, in order.
    pub steps: Vec<u32>,
    /// The new gates, on wires `0..` of the piece.
    pub calls: Vec<GateCall>,
    /// `[wire]`: angles of the `u3` that comes in from the piece before; none if nothing does.
    pub comes_in: Vec<Option<[f64; 3]>>,
    /// `[wire]`: angles of the `u3` that is handed on to the next piece.
    pub goes_out: Vec<Option<[f64; 3]>>,
}

impl NativePiece {
    /// The lowered gates that may stand in the place of the piece: the inverse of what comes in, the new gates, and
    /// what goes out.
    pub fn replacement(&self) -> BlockCircuit {
        let mut block = BlockCircuit::new(self.wires.len() as u16);
        for (wire, angles) in self.comes_in.iter().enumerate() {
            if let Some([theta, phi, lambda]) = *angles {
                block.gates.push(BlockGate::u3(BlockQubit(wire as u16), [-theta, -lambda, -phi]));
            }
        }
        let mut gates = Vec::new();
        for call in &self.calls {
            lower_call(call, &mut gates);
            let wires: Vec<BlockQubit> = call.qubits().iter().map(|wire| BlockQubit(wire.0 as u16)).collect();
            block.gates.extend(gates.drain(..).map(|gate| gate.on(&wires)));
        }
        for (wire, angles) in self.goes_out.iter().enumerate() {
            if let Some(angles) = *angles {
                block.gates.push(BlockGate::u3(BlockQubit(wire as u16), angles));
            }
        }
        block
    }
}

/// A part of a written circuit.
#[derive(Clone, Debug)]
pub enum Written {
    /// Gates.
    Piece(NativePiece),
    /// The wall at this step of the circuit.
    Wall(u32),
}

/// The circuit in gates of the set, in an order that respects every dependency. Linear in the number of gates, at some
/// microseconds each.
///
/// `tolerance`: how far a run of gates on two wires may be from what it was (phase distance) where that takes fewer gates.
pub fn written(circuit: &Lowered, set: &GateSet, tolerance: f64) -> Vec<Written> {
    written_until(circuit, set, tolerance, &|_| true)
}

/// The same with a piece that `accepts` refuses written anew: first as near as rounding allows, then CX by CX. That last
/// way stays if it is refused too.
pub fn written_until(
    circuit: &Lowered,
    set: &GateSet,
    tolerance: f64,
    accepts: &dyn Fn(&NativePiece) -> bool,
) -> Vec<Written> {
    let mut parts = Cut::of(circuit);
    let mut waiting = vec![Su2::IDENTITY; circuit.n_qubits()];
    for part in &mut parts {
        if let Part::Run(run) = part {
            run.write(circuit, set.basis(), &mut waiting, (tolerance, accepts));
        }
    }
    let written = |part| match part {
        Part::Run(run) => Written::Piece(run.piece),
        Part::Wall(step) => Written::Wall(step),
    };
    parts.into_iter().map(written).collect()
}

impl Written {
    /// The circuit that the parts make: the registers and directives of the one that they were cut from, and the new
    /// gates.
    pub fn circuit(from: &Lowered, parts: &[Written]) -> Circuit {
        let mut native = from.frame().circuit().empty_like();
        for part in parts {
            match part {
                Written::Piece(piece) => piece.calls.iter().for_each(|call| {
                    let wires: Vec<Qubit> = call.qubits().iter().map(|wire| piece.wires[wire.index()]).collect();
                    native.push(GateCall::new(call.gate(), call.angles(), &wires));
                }),
                Written::Wall(step) => {
                    if let Item::Wall(number) = from.item(*step as usize) {
                        native.operations.push(from.frame().wall(number).clone());
                    }
                }
            }
        }
        native
    }
}

/// A piece under way.
struct Run {
    piece: NativePiece,
    /// `[wire]`: whether another run comes next on the wire, before a wall.
    is_followed: Vec<bool>,
}

/// How far a run may be from what it was, and who says whether it is near enough.
type Demands<'a> = (f64, &'a dyn Fn(&NativePiece) -> bool);

/// In which gates, and how exactly.
type How<'a> = (&'a Basis, &'a Care);

enum Part {
    Run(Run),
    Wall(u32),
}

impl Run {
    fn new(wires: Vec<Qubit>, steps: Vec<u32>) -> Run {
        let n = wires.len();
        let piece = NativePiece { wires, steps, calls: Vec::new(), comes_in: vec![None; n], goes_out: vec![None; n] };
        Run { piece, is_followed: vec![false; n] }
    }

    /// Writes the run, in the first way that is accepted. `waiting`: by wire of the circuit, what is not written yet.
    fn write(&mut self, circuit: &Lowered, basis: &Basis, waiting: &mut [Su2], (tolerance, accepts): Demands<'_>) {
        let piece = &mut self.piece;
        let mut now: Vec<Su2> = Vec::new();
        for (wire, comes_in) in piece.wires.iter().zip(&mut piece.comes_in) {
            let value = std::mem::replace(&mut waiting[wire.index()], Su2::IDENTITY);
            *comes_in = (value != Su2::IDENTITY).then(|| value.u3_angles());
            now.push(comes_in.map_or(Su2::IDENTITY, |[theta, phi, lambda]| Su2::u3(theta, phi, lambda)));
        }
        let place = |wire: Qubit| piece.wires.iter().position(|w| *w == wire).unwrap_or_default();
        let local = |step: &u32| match circuit.item(*step as usize) {
            Item::Gate(gate) => Some(gate.map(|wire| BlockQubit(place(wire) as u16))),
            Item::Wall(_) => None,
        };
        let gates: Vec<BlockGate> = piece.steps.iter().filter_map(local).collect();
        for care in Care::ways(tolerance) {
            self.write_once(&gates, &now, basis, (&care, waiting));
            if accepts(&self.piece) {
                return;
            }
        }
    }

    /// Writes the run in one way. `waiting` becomes what is handed on.
    fn write_once(&mut self, gates: &[BlockGate], now: &[Su2], basis: &Basis, (care, waiting): (&Care, &mut [Su2])) {
        let Run { piece, is_followed } = self;
        let ways = basis.two.write(gates, care);
        // Of equals the first, which is nearest to the run.
        let ways = ways.iter().map(|items| emitted((basis, care), items, now.to_vec()));
        let Some((calls, after)) = ways.min_by_key(|(calls, after)| n_pulses((basis, care), calls, after)) else {
            return;
        };
        piece.calls = calls;
        for (b, value) in after.into_iter().enumerate() {
            let goes_out = is_followed[b] && value != Su2::IDENTITY;
            piece.goes_out[b] = goes_out.then(|| value.u3_angles());
            waiting[piece.wires[b].index()] = if goes_out { value } else { Su2::IDENTITY };
            if !is_followed[b] {
                basis.one.write(value, Qubit(b as u32), None, care.snap, &mut piece.calls);
            }
        }
    }
}

/// Writes a run that comes after `now`: the gates up to the last two-qubit gate, and what is left on each wire.
fn emitted(how: How<'_>, items: &[RunItem], mut now: Vec<Su2>) -> (Vec<GateCall>, Vec<Su2>) {
    let mut calls = Vec::new();
    for item in items {
        match *item {
            RunItem::One { wire, value } => now[wire] = (value * now[wire]).normalized(),
            RunItem::Two { gate, angles, wires } => two(how, (gate, angles, wires), &mut now, &mut calls),
        }
    }
    (calls, now)
}

/// The pulses of a run, with what is left after it as if it were written there.
fn n_pulses((basis, care): How<'_>, calls: &[GateCall], after: &[Su2]) -> usize {
    let mut last = Vec::new();
    for value in after {
        basis.one.write(*value, Qubit(0), None, care.snap, &mut last);
    }
    calls.iter().chain(&last).filter(|call| is_pulse(call)).count()
}

/// Writes what stands before a two-qubit gate, and the gate. What passes it stands in `now` afterwards.
fn two(
    (basis, care): How<'_>,
    (gate, mut angles, wires): (bqc_circuit::GateId, [f64; 3], [usize; 2]),
    now: &mut [Su2],
    calls: &mut Vec<GateCall>,
) {
    let (passes, mut after) = (basis.passes(gate), [Su2::IDENTITY; 2]);
    for (slot, &wire) in wires.iter().enumerate() {
        let value = std::mem::replace(&mut now[wire], Su2::IDENTITY);
        let rest = basis.one.write(value, Qubit(wire as u32), passes[slot].map(|pass| pass.axis), care.snap, calls);
        let Some(pass) = passes[slot] else { continue };
        let (angle, turn): (f64, fn(f64) -> Su2) = match pass.axis {
            Axis::Z => (-2.0 * rest.a.arg(), Su2::rz),
            Axis::X => (2.0 * f64::atan2(-rest.b.im, rest.a.re), Su2::rx),
        };
        if angle != 0.0 {
            after[pass.to] = turn(pass.sign * angle);
        }
        if let Some(number) = pass.shifts {
            angles[number] = tidy(angles[number] - angle);
        }
    }
    let n_angles = gate.row().n_angles;
    // Not modulo 2π: a controlled rotation by that is none.
    let angles = angles.map(settled);
    calls.push(GateCall::new(gate, &angles[..n_angles], &wires.map(|wire| Qubit(wire as u32))));
    wires.into_iter().zip(after).for_each(|(wire, value)| now[wire] = value);
}

/// Cuts a circuit into runs and walls.
struct Cut {
    parts: Vec<Part>,
    /// `[wire]`: the run at its end and the wire's place there, if another CX of the same pair would go on with it.
    open: Vec<Option<(usize, usize)>>,
    /// `[wire]`: one-qubit gates since the last wall, before any CX.
    before: Vec<Vec<u32>>,
}

impl Cut {
    fn of(circuit: &Lowered) -> Vec<Part> {
        let n = circuit.n_qubits();
        let mut cut = Cut { parts: Vec::new(), open: vec![None; n], before: vec![Vec::new(); n] };
        for index in 0..circuit.len() {
            let step = index as u32;
            match circuit.item(index) {
                Item::Gate(gate) => match *gate.wires() {
                    [wire] => cut.one(step, wire),
                    [a, b] => cut.two(step, [a, b]),
                    _ => {}
                },
                Item::Wall(number) => {
                    circuit.wall_wires(number).into_iter().for_each(|wire| cut.close(wire));
                    cut.parts.push(Part::Wall(step));
                }
            }
        }
        (0..n).for_each(|wire| cut.close(Qubit(wire as u32)));
        cut.parts
    }

    fn run(&mut self, at: usize) -> Option<&mut Run> {
        match self.parts.get_mut(at) {
            Some(Part::Run(run)) => Some(run),
            _ => None,
        }
    }

    fn one(&mut self, step: u32, wire: Qubit) {
        match self.open[wire.index()] {
            Some((at, _)) => self.run(at).into_iter().for_each(|run| run.piece.steps.push(step)),
            None => self.before[wire.index()].push(step),
        }
    }

    fn two(&mut self, step: u32, wires: [Qubit; 2]) {
        let open = wires.map(|wire| self.open[wire.index()]);
        if let [Some((a, _)), Some((b, _))] = open
            && a == b
        {
            return self.run(a).into_iter().for_each(|run| run.piece.steps.push(step));
        }
        for (at, place) in open.into_iter().flatten() {
            self.run(at).into_iter().for_each(|run| run.is_followed[place] = true);
        }
        let mut steps = Vec::new();
        for (place, wire) in wires.into_iter().enumerate() {
            steps.append(&mut self.before[wire.index()]);
            self.open[wire.index()] = Some((self.parts.len(), place));
        }
        steps.push(step);
        self.parts.push(Part::Run(Run::new(wires.to_vec(), steps)));
    }

    /// Ends what is on a wire.
    fn close(&mut self, wire: Qubit) {
        self.open[wire.index()] = None;
        let steps = std::mem::take(&mut self.before[wire.index()]);
        if !steps.is_empty() {
            self.parts.push(Part::Run(Run::new(vec![wire], steps)));
        }
    }
}
