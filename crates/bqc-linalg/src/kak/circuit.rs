//! Circuits of at most three CX for a decomposed two-qubit gate.
//!
//! Which numbers of CX are possible is read off by trying: the circuit of each class, with the
//! coordinates that the class fixes, either is the gate or is not. The numbers are those of Shende,
//! Bullock and Markov, quant-ph/0308045; the circuit of three CX is Vatan and Williams',
//! quant-ph/0308006.

use super::{Kak, PAULI, tensor};
use crate::{Complex64, Matrix4, Su2};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

/// Fewer CX are used where that changes the unitary by at most this phase distance: the limit
/// below which bqc calls two unitaries the same.
pub const LOWER_COUNT_TOLERANCE: f64 = 1e-10;

/// One-qubit factors closer to the identity than this are left out: rounding of the decomposition.
const NEGLIGIBLE: f64 = 1e-14;

/// What the rounding of a trace, some 1e-16, makes of a distance at most, tenfold.
const CLASS_ROUNDING: f64 = 1e-6;

/// A gate of a two-qubit circuit on the wires 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TwoQubitGate {
    /// A one-qubit gate.
    One {
        /// Wire 0 or 1.
        wire: u8,
        /// The gate.
        value: Su2,
    },
    /// Controlled X.
    Cx {
        /// Wire 0 or 1.
        control: u8,
        /// The other wire.
        target: u8,
    },
}

/// Gates in the order in which they are applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TwoQubitCircuit {
    /// At most three CX, and at most one one-qubit gate between two of them on a wire.
    pub gates: Vec<TwoQubitGate>,
}

impl Kak {
    /// The circuit with `n_cx` CX gates (0 to 3) of the class nearest to this gate: the coordinates
    /// that the class fixes are set, the others kept. Exact for 3. Panics if `n_cx > 3`.
    ///
    /// Of six ways to write it (wires exchanged or not, one-qubit gates moved through CX or not) the
    /// one with the fewest gates.
    pub fn circuit(&self, n_cx: usize) -> TwoQubitCircuit {
        self.circuits(n_cx).min_by_key(|c| c.gates.len()).unwrap_or_default()
    }

    /// The six ways to write [`Kak::circuit`]. Panics if `n_cx > 3`.
    pub fn circuits(&self, n_cx: usize) -> impl Iterator<Item = TwoQubitCircuit> {
        assert!(n_cx <= 3, "no two-qubit gate needs more than three CX");
        let ways = [Forward::Nothing, Forward::Commuting, Forward::Normalizing];
        let ways = ways.into_iter().flat_map(|forward| [(forward, [0, 1]), (forward, [1, 0])]);
        ways.map(move |(forward, wires)| self.written(n_cx, forward, wires))
    }

    /// The phase distance of this gate from [`Kak::circuit`], to 1e-7, from the coordinates alone: both have the same
    /// local gates, and `|Tr exp(i(x XX + y YY + z ZZ))| / 4` is `|cos x cos y cos z + i sin x sin y sin z|`.
    fn distance_of_class(&self, n_cx: usize) -> f64 {
        let [x, y, z] = self.coordinates;
        let apart = match n_cx {
            0 => [x, y, z],
            1 => [x - FRAC_PI_4, y, z],
            2 => [0.0, 0.0, z],
            _ => [0.0; 3],
        };
        let overlap = apart.map(f64::cos).iter().product::<f64>().hypot(apart.map(f64::sin).iter().product());
        (1.0 - overlap).max(0.0).sqrt()
    }

    /// One way to write the circuit; the interaction is symmetric, so `[a, b]` may be either order.
    fn written(&self, n_cx: usize, forward: Forward, [a, b]: [usize; 2]) -> TwoQubitCircuit {
        let [x, y, z] = self.coordinates;
        let mut builder = Builder { forward, pending: self.right, gates: Vec::new() };
        let h = Su2::u3(FRAC_PI_2, 0.0, PI);
        match n_cx {
            0 => {}
            1 => {
                // exp(iπ/4 ZX) = Rz(−π/2) ⊗ Rx(−π/2) · CX, and H turns its Z into X.
                builder.one(a, h);
                builder.cx(a, b);
                builder.one(a, h * Su2::rz(-FRAC_PI_2));
                builder.one(b, Su2::rx(-FRAC_PI_2));
            }
            2 => {
                // CX · (exp(ixX) ⊗ exp(iyZ)) · CX = exp(i(x XX + y ZZ)); Rx(π/2) exchanges Y and Z.
                builder.both(Su2::rx(FRAC_PI_2));
                builder.cx(a, b);
                builder.one(a, Su2::rx(-2.0 * x));
                builder.one(b, Su2::rz(-2.0 * y));
                builder.cx(a, b);
                builder.both(Su2::rx(-FRAC_PI_2));
            }
            _ => {
                // Vatan and Williams, figure 6, with their signs turned to these conventions.
                builder.one(b, Su2::rz(FRAC_PI_2));
                builder.cx(b, a);
                builder.one(a, Su2::rz(FRAC_PI_2 - 2.0 * z));
                builder.one(b, Su2::ry(FRAC_PI_2 - 2.0 * x));
                builder.cx(a, b);
                builder.one(b, Su2::ry(2.0 * y - FRAC_PI_2));
                builder.cx(b, a);
                builder.one(a, Su2::rz(-FRAC_PI_2));
            }
        }
        builder.finish(self.left)
    }
}

impl TwoQubitCircuit {
    /// The circuit of `u` with the fewest CX that is within `tolerance` (phase distance) of it; the
    /// count for three CX is never refused. [`LOWER_COUNT_TOLERANCE`] is the usual tolerance.
    ///
    /// `None` if `u` is not unitary to 1e-9 or not finite.
    pub fn synthesize(u: &Matrix4, tolerance: f64) -> Option<TwoQubitCircuit> {
        let kak = Kak::decompose(u)?;
        let may_do = |n_cx: &usize| kak.distance_of_class(*n_cx) <= tolerance + CLASS_ROUNDING;
        let mut circuits = (0..3).filter(may_do).map(|n_cx| kak.circuit(n_cx));
        let fewer = circuits.find(|c| distance(&c.matrix(), u) <= tolerance);
        Some(fewer.unwrap_or_else(|| kak.circuit(3)))
    }

    /// Number of CX.
    pub fn n_cx(&self) -> usize {
        self.gates.iter().filter(|g| matches!(g, TwoQubitGate::Cx { .. })).count()
    }

    /// The product of the gates.
    pub fn matrix(&self) -> Matrix4 {
        self.gates.iter().fold(Matrix4::identity(), |u, gate| gate.matrix() * u)
    }
}

impl TwoQubitGate {
    /// The gate on both wires.
    pub fn matrix(&self) -> Matrix4 {
        match *self {
            TwoQubitGate::One { wire: 0, value } => tensor([value, Su2::IDENTITY]),
            TwoQubitGate::One { value, .. } => tensor([Su2::IDENTITY, value]),
            TwoQubitGate::Cx { control, target } => Matrix4::from_fn(|r, c| {
                let image = if c >> control & 1 == 1 { c ^ 1 << target } else { c };
                Complex64::new(f64::from(image == r), 0.0)
            }),
        }
    }
}

/// Which one-qubit gates a CX lets pass instead of being written before it.
#[derive(Clone, Copy)]
enum Forward {
    /// None.
    Nothing,
    /// Z rotations on the control and X rotations on the target, which commute with CX.
    Commuting,
    /// Also those times X on the control, which leave an X on the target, and those times Z on the
    /// target, which leave a Z on the control.
    Normalizing,
}

/// Collects gates, one-qubit gates of a wire as one.
struct Builder {
    forward: Forward,
    pending: [Su2; 2],
    gates: Vec<TwoQubitGate>,
}

impl Builder {
    fn one(&mut self, wire: usize, value: Su2) {
        self.pending[wire] = value * self.pending[wire];
    }

    fn both(&mut self, value: Su2) {
        (0..2).for_each(|wire| self.one(wire, value));
    }

    fn flush(&mut self, wire: usize) {
        let value = std::mem::replace(&mut self.pending[wire], Su2::IDENTITY).normalized();
        if value.distance_to_identity() > NEGLIGIBLE {
            self.gates.push(TwoQubitGate::One { wire: wire as u8, value });
        }
    }

    fn cx(&mut self, control: usize, target: usize) {
        let small = |x: f64, y: f64| x.hypot(y) <= NEGLIGIBLE;
        let (c, t) = (self.pending[control], self.pending[target]);
        // A Z rotation has b = 0, an X rotation Im a = Re b = 0; times X or Z the other two vanish.
        let commute = !matches!(self.forward, Forward::Nothing);
        let normalize = matches!(self.forward, Forward::Normalizing);
        let (z_passes, x_passes) = (commute && small(c.b.re, c.b.im), commute && small(t.a.im, t.b.re));
        let (zx_passes, xz_passes) = (normalize && small(c.a.re, c.a.im), normalize && small(t.a.re, t.b.im));
        if !(z_passes || zx_passes) {
            self.flush(control);
        }
        if !(x_passes || xz_passes) {
            self.flush(target);
        }
        self.gates.push(TwoQubitGate::Cx { control: control as u8, target: target as u8 });
        if zx_passes {
            self.one(target, PAULI[0]);
        }
        if xz_passes {
            self.one(control, PAULI[2]);
        }
    }

    fn finish(mut self, last: [Su2; 2]) -> TwoQubitCircuit {
        for wire in [0, 1] {
            self.one(wire, last[wire]);
            self.flush(wire);
        }
        TwoQubitCircuit { gates: self.gates }
    }
}

/// The phase distance in residual form, on the stack.
pub(super) fn distance(u: &Matrix4, v: &Matrix4) -> f64 {
    let overlap = v.dagger().trace_of_product(u);
    let phase = if overlap.norm() == 0.0 { Complex64::ONE } else { overlap / overlap.norm() };
    (u.plus(&v.scaled(-phase)).norm_sqr() / 8.0).sqrt()
}
