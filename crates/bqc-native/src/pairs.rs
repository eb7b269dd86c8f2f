//! A run of gates on two wires as few two-qubit gates of a set.
//!
//! A run comes as CX and one-qubit gates. If fewer CX are enough (bqc-linalg, `kak`), it is first written anew with
//! those. Then each CX becomes a gate of the set that is CX between one-qubit gates, and with these exceptions that is
//! all:
//! * Two CX with `Rz·Rx(b)·Rz` on the control and `Rx·Rz(e)·Rx` on the target between them are
//!   `exp(−ib/2 XX) · exp(−ie/2 ZZ)` between one-qubit gates. Where b or e is zero, one rotation is enough.
//! * `iswap` is SWAP after CZ after S on both wires, so that each CZ may become one if what comes after it changes wires.
//!   An odd number of them makes SWAP times the run, which may take fewer CX.
//! * Square roots of `iswap`: see `sqrt_iswap`.

use crate::basis::{CxLike, Frame, Rotation, TwoQubit};
use crate::care::{Care, ROUNDING};
use crate::sqrt_iswap;
use bqc_circuit::{BlockGate, GateId, LoweredGate};
use bqc_linalg::kak::{Kak, TwoQubitCircuit, TwoQubitGate};
use bqc_linalg::{Complex64, Matrix, Matrix4, Su2, phase_distance};
use std::f64::consts::{FRAC_PI_2, PI};

/// A step of a run, on its wires 0 and 1.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item {
    One { wire: usize, value: Su2 },
    Two { gate: GateId, angles: [f64; 3], wires: [usize; 2] },
}

/// A run as CX and one-qubit gates.
type CxRun = Vec<TwoQubitGate>;

fn hadamard() -> Su2 {
    Su2::u3(FRAC_PI_2, 0.0, PI)
}

impl TwoQubit {
    /// The run in gates of the set, with as few two-qubit gates as are found, in one way or several; they differ in their
    /// one-qubit gates. Each is within the tolerance of `care` of the run, or is the run CX by CX.
    pub fn write(&self, run: &[BlockGate], care: &Care) -> Vec<Vec<Item>> {
        let run = cx_run(run);
        if care.is_plain {
            return vec![self.plain(&run)];
        }
        let wanted = matrix(&run).matrix();
        // Half of what rounding may leave is for the one-qubit gates, which are written later.
        let is_near = |items: &Vec<Item>| {
            product(items)
                .is_some_and(|product| phase_distance(&product.matrix(), &wanted) <= care.tolerance + ROUNDING / 2.0)
        };
        // A way may be nearer to a run of fewer CX than to the run itself, since both spend the tolerance.
        for tolerance in [care.tolerance, 0.0] {
            let mut ways = self.ways(fewest(run.clone(), tolerance), tolerance, care.snap);
            ways.retain(is_near);
            let fewest = ways.iter().map(|items| n_two_qubit(items)).min();
            ways.retain(|items| Some(n_two_qubit(items)) == fewest);
            if !ways.is_empty() {
                return ways;
            }
        }
        vec![self.plain(&run)]
    }

    /// What the gates of the set make of a run, none of it measured.
    fn ways(&self, run: CxRun, tolerance: f64, snap: f64) -> Vec<Vec<Item>> {
        let n = n_cx(&run);
        if n == 0 {
            return vec![run.iter().filter_map(one_qubit).collect()];
        }
        let mut ways: Vec<Vec<Item>> = Vec::new();
        if self.cx.is_some() || self.zz.is_some() {
            ways.push(self.by_cx(&run, tolerance, snap));
            if n_two_qubit(&ways[0]) == n && n > 1 {
                let kak = Kak::decompose(&matrix(&run));
                let others = kak.iter().flat_map(|kak| kak.circuits(n.min(3)));
                ways.extend(others.map(|other| self.by_cx(&other.gates, tolerance, snap)));
            }
        }
        let by_iswap = self.iswap.and_then(|iswap| self.by_iswap(iswap, &run, tolerance));
        let by_root = self.sqrt_iswap.and_then(|gate| sqrt_iswap::write(gate, &matrix(&run), tolerance));
        ways.extend(by_iswap.into_iter().chain(by_root));
        ways
    }

    /// The run CX by CX.
    fn plain(&self, run: &[TwoQubitGate]) -> Vec<Item> {
        let written = |gate: &TwoQubitGate| {
            let alone = std::slice::from_ref(gate);
            match one_qubit(gate) {
                Some(item) => vec![item],
                None if self.cx.is_some() || self.zz.is_some() => self.by_cx(alone, 0.0, 0.0),
                None => {
                    let by_iswap = self.iswap.and_then(|iswap| self.by_iswap(iswap, alone, 0.0));
                    let by_root = || sqrt_iswap::write(self.sqrt_iswap?, &gate.matrix(), 0.0);
                    by_iswap.or_else(by_root).unwrap_or_default()
                }
            }
        };
        run.iter().flat_map(written).collect()
    }

    /// Each CX as the gate that is one, or what is one rotation as that.
    fn by_cx(&self, run: &[TwoQubitGate], tolerance: f64, snap: f64) -> Vec<Item> {
        let mut writer = Writer { two: self, snap, items: Vec::new() };
        if let (Some(zz), 2) = (&self.zz, n_cx(run)) {
            let rotations = Rotations::of(run);
            let n_left = rotations.angles.iter().filter(|angle| is_turning(**angle, tolerance)).count();
            if n_left < 2 || self.cx.is_none() {
                writer.rotations(zz, &rotations, tolerance);
                return writer.items;
            }
        }
        for gate in run {
            match *gate {
                TwoQubitGate::One { wire, value } => writer.one(wire.into(), value),
                TwoQubitGate::Cx { control, .. } => writer.cx(control.into()),
            }
        }
        writer.items
    }

    /// By `iswap`, and by gates that are CX if there are any. None where that is not better.
    fn by_iswap(&self, iswap: GateId, run: &[TwoQubitGate], tolerance: f64) -> Option<Vec<Item>> {
        let swapped = swap() * matrix(run);
        let fewest = TwoQubitCircuit::synthesize(&swapped, tolerance)?;
        let of_swapped = |n_cx| Some(Kak::decompose(&swapped)?.circuit(n_cx).gates);
        let (circuit, n_iswaps) = match (fewest.n_cx(), n_cx(run), self.cx.is_some()) {
            (1, ..) => (fewest.gates, 1),
            (2, _, true) => (fewest.gates, 1),
            (0, _, true) => (of_swapped(2)?, 1),
            (_, _, true) => return None,
            (_, 2, false) => (run.to_vec(), 2),
            (_, 1, false) => (Kak::decompose(&matrix(run))?.circuit(2).gates, 2),
            _ => (of_swapped(3)?, 3),
        };
        let mut writer = Writer { two: self, snap: 0.0, items: Vec::new() };
        let (mut is_swapped, mut n_left) = (false, n_iswaps);
        let at = |wire: u8, is_swapped: bool| usize::from(wire) ^ usize::from(is_swapped);
        for gate in &circuit {
            match *gate {
                TwoQubitGate::One { wire, value } => writer.one(at(wire, is_swapped), value),
                TwoQubitGate::Cx { control, .. } if n_left == 0 => writer.cx(at(control, is_swapped)),
                TwoQubitGate::Cx { target, .. } => {
                    // CX = H · SWAP · iswap · (S† ⊗ S†) · H, with H on the target; the SWAP goes to the end.
                    writer.one(at(target, is_swapped), hadamard());
                    writer.both(Su2::rz(-FRAC_PI_2));
                    writer.two(iswap, [0.0; 3], [0, 1]);
                    (is_swapped, n_left) = (!is_swapped, n_left - 1);
                    writer.one(at(target, is_swapped), hadamard());
                }
            }
        }
        Some(writer.items)
    }
}

/// Two CX as `after · exp(−ix/2 XX) · exp(−iz/2 ZZ) · before`, with X on the control of the first and Z on its target.
struct Rotations {
    control: usize,
    before: [Su2; 2],
    /// `[x, z]`, radians.
    angles: [f64; 2],
    after: [Su2; 2],
}

impl Rotations {
    fn of(run: &[TwoQubitGate]) -> Rotations {
        let (mut layers, mut controls, mut at) = ([[Su2::IDENTITY; 2]; 3], [0; 2], 0);
        for gate in run {
            match *gate {
                TwoQubitGate::One { wire, value } => {
                    let local = &mut layers[at][usize::from(wire)];
                    *local = value * *local;
                }
                TwoQubitGate::Cx { control, .. } => {
                    controls[at] = usize::from(control);
                    at += 1;
                }
            }
        }
        let (h, [mut before, mut middle, mut after]) = (hadamard(), layers);
        if controls[0] != controls[1] {
            // Hadamards on both wires exchange control and target.
            (middle, after) = (middle.map(|local| h * local), after.map(|local| local * h));
        }
        let (control, target) = (controls[0], 1 - controls[0]);
        // Rz · Rx · Rz on the control: the outer rotations pass the CX. The same on the target with X for Z.
        let [z_after, x, z_before] = zxz(middle[control]);
        let [x_after, z, x_before] = zxz(h * middle[target] * h);
        before[control] = Su2::rz(z_before) * before[control];
        before[target] = Su2::rx(x_before) * before[target];
        after[control] = after[control] * Su2::rz(z_after);
        after[target] = after[target] * Su2::rx(x_after);
        Rotations { control, before, angles: [x, z], after }
    }
}

/// `[a, b, c]` with the gate `Rz(a) · Rx(b) · Rz(c)`.
fn zxz(value: Su2) -> [f64; 3] {
    let [theta, phi, lambda] = value.u3_angles();
    [phi + FRAC_PI_2, theta, lambda - FRAC_PI_2]
}

/// The angle in `[−π/2, π/2]` that is left beyond half turns, and whether their number is odd.
fn beyond_half_turns(angle: f64) -> (f64, bool) {
    let n = (angle / PI).round();
    (angle - n * PI, n.rem_euclid(2.0) == 1.0)
}

/// Whether a rotation of two qubits by this angle is further from a local gate than the tolerance.
fn is_turning(angle: f64, tolerance: f64) -> bool {
    (beyond_half_turns(angle).0 / 2.0).sin().abs() > tolerance
}

/// Collects the gates of a run.
struct Writer<'a> {
    two: &'a TwoQubit,
    /// How near to a special value an angle is taken for it, in radians.
    snap: f64,
    items: Vec<Item>,
}

impl Writer<'_> {
    fn one(&mut self, wire: usize, value: Su2) {
        self.items.push(Item::One { wire, value });
    }

    fn both(&mut self, value: Su2) {
        [0, 1].into_iter().for_each(|wire| self.one(wire, value));
    }

    fn two(&mut self, gate: GateId, angles: [f64; 3], wires: [usize; 2]) {
        self.items.push(Item::Two { gate, angles, wires });
    }

    fn cx(&mut self, control: usize) {
        if let Some(CxLike { gate, control: of_gate, before, after }) = self.two.cx {
            let wires = if of_gate == 0 { [control, 1 - control] } else { [1 - control, control] };
            wires.into_iter().zip(before).for_each(|(wire, value)| self.one(wire, value));
            self.two(gate, [0.0; 3], wires);
            wires.into_iter().zip(after).for_each(|(wire, value)| self.one(wire, value));
        } else if let Some(zz) = self.two.zz {
            // CZ = (Rz(−π/2) ⊗ Rz(−π/2)) · exp(−iπ/4 ZZ), and CX = CZ between Hadamards on the target.
            self.one(1 - control, hadamard());
            self.zz(&zz, FRAC_PI_2, [control, 1 - control]);
            self.both(Su2::rz(-FRAC_PI_2));
            self.one(1 - control, hadamard());
        }
    }

    fn rotations(&mut self, zz: &Rotation, rotations: &Rotations, tolerance: f64) {
        let Rotations { control, before, angles, after } = *rotations;
        let wires = [control, 1 - control];
        [0, 1].into_iter().for_each(|wire| self.one(wire, before[wire]));
        // ZZ, and XX as ZZ between Hadamards.
        for (angle, is_xx) in [(angles[1], false), (angles[0], true)] {
            let (angle, is_odd) = beyond_half_turns(angle);
            if is_turning(angle, tolerance) {
                let h = if is_xx { hadamard() } else { Su2::IDENTITY };
                self.both(h);
                self.zz(zz, angle, wires);
                self.both(h);
            }
            if is_odd {
                self.both(if is_xx { Su2::rx(PI) } else { Su2::rz(PI) });
            }
        }
        [0, 1].into_iter().for_each(|wire| self.one(wire, after[wire]));
    }

    /// `exp(−iθ/2 ZZ)`, θ in `[−π/2, π/2]`; by a gate that is CX where θ is at an end and there is one.
    fn zz(&mut self, zz: &Rotation, angle: f64, wires: [usize; 2]) {
        if self.two.cx.is_some() && (angle.abs() - FRAC_PI_2).abs() < self.snap {
            // exp(∓iπ/4 ZZ) = CZ · (Rz(±π/2) ⊗ Rz(±π/2)).
            self.one(wires[1], hadamard());
            self.cx(wires[0]);
            self.one(wires[1], hadamard());
            return self.both(Su2::rz(angle.signum() * FRAC_PI_2));
        }
        let is_turned = zz.is_positive && angle < 0.0;
        if is_turned {
            self.one(wires[0], Su2::rx(PI));
            self.plain_zz(zz, -angle, wires);
            return self.one(wires[0], Su2::rx(PI));
        }
        self.plain_zz(zz, angle, wires);
    }

    fn plain_zz(&mut self, zz: &Rotation, angle: f64, wires: [usize; 2]) {
        match zz.frame {
            Frame::Plain => self.two(zz.gate, [angle, 0.0, 0.0], wires),
            Frame::Turned(turns) => {
                wires.into_iter().zip(turns).for_each(|(wire, turn)| self.one(wire, turn));
                self.two(zz.gate, [angle, 0.0, 0.0], wires);
                wires.into_iter().zip(turns).for_each(|(wire, turn)| self.one(wire, turn.dagger()));
            }
            Frame::Phased => {
                self.both(hadamard());
                // The other direction of the axis of one wire is the other sign of the angle.
                let phase = if angle < 0.0 { PI } else { 0.0 };
                self.two(zz.gate, [phase, 0.0, angle.abs()], wires);
                self.both(hadamard());
            }
            Frame::Controlled(factors) => {
                self.two(zz.gate, [-2.0 * angle, 0.0, 0.0], wires);
                wires.into_iter().zip(factors).for_each(|(wire, factor)| self.one(wire, Su2::rz(factor * angle)));
            }
        }
    }
}

fn cx_run(run: &[BlockGate]) -> CxRun {
    let gate = |gate: &BlockGate| match *gate {
        LoweredGate::One { wire, angles: [theta, phi, lambda] } => {
            // Not by the sum of φ and λ, which rounds where they are large.
            let value = Su2::rz(phi) * Su2::ry(theta) * Su2::rz(lambda);
            TwoQubitGate::One { wire: wire.index() as u8, value }
        }
        LoweredGate::Two { wires: [control, target], .. } => {
            TwoQubitGate::Cx { control: control.index() as u8, target: target.index() as u8 }
        }
    };
    run.iter().map(gate).collect()
}

fn one_qubit(gate: &TwoQubitGate) -> Option<Item> {
    match *gate {
        TwoQubitGate::One { wire, value } => Some(Item::One { wire: wire.into(), value }),
        TwoQubitGate::Cx { .. } => None,
    }
}

/// The run, or one of fewer CX that is within the tolerance.
fn fewest(run: CxRun, tolerance: f64) -> CxRun {
    let n = n_cx(&run);
    if n < 2 {
        return run;
    }
    let other = TwoQubitCircuit::synthesize(&matrix(&run), tolerance);
    other.filter(|other| other.n_cx() < n).map_or(run, |other| other.gates)
}

fn n_cx(run: &[TwoQubitGate]) -> usize {
    run.iter().filter(|gate| matches!(gate, TwoQubitGate::Cx { .. })).count()
}

fn matrix(run: &[TwoQubitGate]) -> Matrix4 {
    run.iter().fold(Matrix4::identity(), |product, gate| gate.matrix() * product)
}

/// What the gates make. None if one has a matrix of another size, which no gate of a set has.
fn product(items: &[Item]) -> Option<Matrix4> {
    items.iter().try_fold(Matrix4::identity(), |product, item| match *item {
        Item::One { wire, value } => Some(TwoQubitGate::One { wire: wire as u8, value }.matrix() * product),
        Item::Two { gate, angles, wires } => {
            let row = gate.row();
            let mut matrix = Matrix::identity(4);
            matrix.apply_gate(&(row.unitary)(&angles[..row.n_angles]), &wires);
            Some(Matrix4::from_matrix(&matrix)? * product)
        }
    })
}

fn swap() -> Matrix4 {
    let image = [0, 2, 1, 3];
    Matrix4::from_fn(|r, c| Complex64::new(f64::from(image[c] == r), 0.0))
}

fn n_two_qubit(items: &[Item]) -> usize {
    items.iter().filter(|item| matches!(item, Item::Two { .. })).count()
}
