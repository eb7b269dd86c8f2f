//! Every row as a sequence of `cx` and `u3`, up to global phase, with few `cx`.
//!
//! One-qubit gates are not merged here: that is the optimiser's work, and a gate that reads like
//! its definition is easier to trust. Only rotations by exactly zero are left out. Multi-controlled
//! gates are a multi-controlled phase between Hadamards, and that phase is the Gray-code network of
//! `Lowering::controlled_phase`: 2, 6, 14, 30 `cx` for 2 to 5 wires.

use super::GateId;
use crate::{BlockCircuit, BlockGate, BlockQubit, GateCall};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

/// Receives the gates of one lowered call. Wires are positions in the call's operand list.
pub struct Lowering<'a> {
    gates: &'a mut Vec<BlockGate>,
}

impl Lowering<'_> {
    fn cx(&mut self, control: usize, target: usize) {
        self.gates.push(BlockGate::cx(BlockQubit(control as u16), BlockQubit(target as u16)));
    }

    fn u3(&mut self, theta: f64, phi: f64, lambda: f64, wire: usize) {
        if (theta, phi, lambda) != (0.0, 0.0, 0.0) {
            self.gates.push(BlockGate::u3(BlockQubit(wire as u16), [theta, phi, lambda]));
        }
    }

    /// `diag(1, e^{iλ})`, which up to phase is also `rz(λ)`.
    fn p(&mut self, lambda: f64, wire: usize) {
        self.u3(0.0, 0.0, lambda, wire);
    }

    fn h(&mut self, wire: usize) {
        self.u3(FRAC_PI_2, 0.0, PI, wire);
    }

    fn x(&mut self, wire: usize) {
        self.u3(PI, 0.0, PI, wire);
    }

    fn rx(&mut self, theta: f64, wire: usize) {
        self.u3(theta, -FRAC_PI_2, FRAC_PI_2, wire);
    }

    /// `e^{iθ}` on the state in which all `wires` are one.
    ///
    /// With `m` wires, `x₁x₂⋯x_m = 2^{1−m} Σ_S (−1)^{|S|+1} ⊕_S x`, so the parity of every non-empty
    /// set `S` gets the angle `±θ/2^{m−1}`. The sets whose last wire is `k` are visited in the order
    /// of a cyclic Gray code, one `cx` onto `k` per step: `2^k` of them, `2^m − 2` altogether
    /// (Barenco et al., arXiv:quant-ph/9503016, section 7.1, with phases for the square roots).
    fn controlled_phase(&mut self, theta: f64, wires: &[usize]) {
        let angle = theta / (1u32 << (wires.len() - 1)) as f64;
        for (k, &target) in wires.iter().enumerate() {
            let mut set = 0u32;
            for step in 1..=1u32 << k {
                let sign = if set.count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
                self.p(sign * angle, target);
                if k > 0 {
                    // The last step closes the cycle by flipping the highest bit once more.
                    let flipped = step.trailing_zeros().min(k as u32 - 1);
                    set ^= 1 << flipped;
                    self.cx(wires[flipped as usize], target);
                }
            }
        }
    }

    /// `e^{iγ} u3(θ, φ, λ)` on wire 1 if wire 0 is one (arXiv:quant-ph/9503016, lemma 5.1).
    fn controlled_u3(&mut self, [theta, phi, lambda, gamma]: [f64; 4]) {
        self.p(gamma + (lambda + phi) / 2.0, 0);
        self.p((lambda - phi) / 2.0, 1);
        self.cx(0, 1);
        self.u3(-theta / 2.0, 0.0, -(phi + lambda) / 2.0, 1);
        self.cx(0, 1);
        self.u3(theta / 2.0, phi, 0.0, 1);
    }

    /// `exp(−iα/2 XX − iβ/2 ZZ)` on wires 0 and 1: between two `cx` the terms are X on the control
    /// and Z on the target.
    fn xx_zz(&mut self, alpha: f64, beta: f64) {
        self.cx(0, 1);
        self.rx(alpha, 0);
        self.p(beta, 1);
        self.cx(0, 1);
    }

    /// `exp(−iα/2 XX − iβ/2 YY)`: as above, with Y turned into Z on both wires.
    fn xx_yy(&mut self, alpha: f64, beta: f64) {
        self.rx(FRAC_PI_2, 0);
        self.rx(FRAC_PI_2, 1);
        self.xx_zz(alpha, beta);
        self.rx(-FRAC_PI_2, 0);
        self.rx(-FRAC_PI_2, 1);
    }

    /// A phase between Hadamards on the last wire: the multi-controlled power of X.
    fn controlled_x_power(&mut self, theta: f64, wires: &[usize]) {
        let target = wires[wires.len() - 1];
        self.h(target);
        self.controlled_phase(theta, wires);
        self.h(target);
    }
}

/// Appends the lowered form of a call, on the positions of its operand list.
pub fn lower_call(call: &GateCall, gates: &mut Vec<BlockGate>) {
    (call.row().lower)(call.angles(), &mut Lowering { gates });
}

/// The lowered form of one row on wires `0..arity`.
pub fn lowered(gate: GateId, angles: &[f64]) -> BlockCircuit {
    let row = gate.row();
    let mut block = BlockCircuit::new(row.arity as u16);
    (row.lower)(angles, &mut Lowering { gates: &mut block.gates });
    block
}

pub(super) fn nothing(_: &[f64], _: &mut Lowering) {}

pub(super) fn u3(a: &[f64], l: &mut Lowering) {
    // Written out even if all angles are zero: `u3` lowers to itself.
    l.gates.push(BlockGate::u3(BlockQubit(0), [a[0], a[1], a[2]]));
}

pub(super) fn u2(a: &[f64], l: &mut Lowering) {
    l.u3(FRAC_PI_2, a[0], a[1], 0);
}

pub(super) fn p(a: &[f64], l: &mut Lowering) {
    l.p(a[0], 0);
}

pub(super) fn x(_: &[f64], l: &mut Lowering) {
    l.x(0);
}

pub(super) fn y(_: &[f64], l: &mut Lowering) {
    l.u3(PI, FRAC_PI_2, FRAC_PI_2, 0);
}

pub(super) fn z(_: &[f64], l: &mut Lowering) {
    l.p(PI, 0);
}

pub(super) fn h(_: &[f64], l: &mut Lowering) {
    l.h(0);
}

pub(super) fn s(_: &[f64], l: &mut Lowering) {
    l.p(FRAC_PI_2, 0);
}

pub(super) fn sdg(_: &[f64], l: &mut Lowering) {
    l.p(-FRAC_PI_2, 0);
}

pub(super) fn t(_: &[f64], l: &mut Lowering) {
    l.p(FRAC_PI_4, 0);
}

pub(super) fn tdg(_: &[f64], l: &mut Lowering) {
    l.p(-FRAC_PI_4, 0);
}

pub(super) fn sx(_: &[f64], l: &mut Lowering) {
    l.rx(FRAC_PI_2, 0);
}

pub(super) fn sxdg(_: &[f64], l: &mut Lowering) {
    l.rx(-FRAC_PI_2, 0);
}

pub(super) fn rx(a: &[f64], l: &mut Lowering) {
    if a[0] != 0.0 {
        l.rx(a[0], 0);
    }
}

pub(super) fn ry(a: &[f64], l: &mut Lowering) {
    l.u3(a[0], 0.0, 0.0, 0);
}

pub(super) fn r(a: &[f64], l: &mut Lowering) {
    l.u3(a[0], a[1] - FRAC_PI_2, FRAC_PI_2 - a[1], 0);
}

pub(super) fn cx(_: &[f64], l: &mut Lowering) {
    l.cx(0, 1);
}

pub(super) fn cy(_: &[f64], l: &mut Lowering) {
    l.p(-FRAC_PI_2, 1);
    l.cx(0, 1);
    l.p(FRAC_PI_2, 1);
}

pub(super) fn cz(_: &[f64], l: &mut Lowering) {
    l.h(1);
    l.cx(0, 1);
    l.h(1);
}

/// H is X with its axis turned by π/4 about Y.
pub(super) fn ch(_: &[f64], l: &mut Lowering) {
    l.u3(FRAC_PI_4, 0.0, 0.0, 1);
    l.cx(0, 1);
    l.u3(-FRAC_PI_4, 0.0, 0.0, 1);
}

pub(super) fn cs(_: &[f64], l: &mut Lowering) {
    l.controlled_phase(FRAC_PI_2, &[0, 1]);
}

pub(super) fn csdg(_: &[f64], l: &mut Lowering) {
    l.controlled_phase(-FRAC_PI_2, &[0, 1]);
}

pub(super) fn csx(_: &[f64], l: &mut Lowering) {
    l.controlled_x_power(FRAC_PI_2, &[0, 1]);
}

pub(super) fn cp(a: &[f64], l: &mut Lowering) {
    l.controlled_phase(a[0], &[0, 1]);
}

pub(super) fn crx(a: &[f64], l: &mut Lowering) {
    l.controlled_u3([a[0], -FRAC_PI_2, FRAC_PI_2, 0.0]);
}

pub(super) fn cry(a: &[f64], l: &mut Lowering) {
    l.controlled_u3([a[0], 0.0, 0.0, 0.0]);
}

pub(super) fn crz(a: &[f64], l: &mut Lowering) {
    l.p(a[0] / 2.0, 1);
    l.cx(0, 1);
    l.p(-a[0] / 2.0, 1);
    l.cx(0, 1);
}

pub(super) fn cu3(a: &[f64], l: &mut Lowering) {
    l.controlled_u3([a[0], a[1], a[2], 0.0]);
}

pub(super) fn cu(a: &[f64], l: &mut Lowering) {
    l.controlled_u3([a[0], a[1], a[2], a[3]]);
}

pub(super) fn swap(_: &[f64], l: &mut Lowering) {
    l.cx(0, 1);
    l.cx(1, 0);
    l.cx(0, 1);
}

/// `swap` after `cz` after `s` on both wires, with one `cx` of each cancelled.
pub(super) fn iswap(_: &[f64], l: &mut Lowering) {
    l.p(FRAC_PI_2, 0);
    l.p(FRAC_PI_2, 1);
    l.h(0);
    l.cx(0, 1);
    l.cx(1, 0);
    l.h(1);
}

pub(super) fn sqrt_iswap(_: &[f64], l: &mut Lowering) {
    l.xx_yy(-FRAC_PI_4, -FRAC_PI_4);
}

/// `rxx` with the axis of each wire turned about Z.
pub(super) fn ms(a: &[f64], l: &mut Lowering) {
    l.p(-a[0], 0);
    l.p(-a[1], 1);
    rxx(&a[2..], l);
    l.p(a[0], 0);
    l.p(a[1], 1);
}

pub(super) fn gpi(a: &[f64], l: &mut Lowering) {
    l.u3(PI, a[0], PI - a[0], 0);
}

pub(super) fn gpi2(a: &[f64], l: &mut Lowering) {
    r(&[FRAC_PI_2, a[0]], l);
}

pub(super) fn phxz(a: &[f64], l: &mut Lowering) {
    l.u3(a[0], a[1] + a[2] - FRAC_PI_2, FRAC_PI_2 - a[2], 0);
}

pub(super) fn dcx(_: &[f64], l: &mut Lowering) {
    l.cx(0, 1);
    l.cx(1, 0);
}

pub(super) fn ecr(_: &[f64], l: &mut Lowering) {
    l.p(FRAC_PI_2, 0);
    l.rx(FRAC_PI_2, 1);
    l.cx(0, 1);
    l.x(0);
}

pub(super) fn rxx(a: &[f64], l: &mut Lowering) {
    l.cx(0, 1);
    l.rx(a[0], 0);
    l.cx(0, 1);
}

pub(super) fn ryy(a: &[f64], l: &mut Lowering) {
    l.xx_yy(0.0, a[0]);
}

pub(super) fn rzz(a: &[f64], l: &mut Lowering) {
    l.cx(0, 1);
    l.p(a[0], 1);
    l.cx(0, 1);
}

pub(super) fn rzx(a: &[f64], l: &mut Lowering) {
    l.h(1);
    rzz(a, l);
    l.h(1);
}

pub(super) fn xx_minus_yy(a: &[f64], l: &mut Lowering) {
    l.p(-a[1], 1);
    l.xx_yy(a[0] / 2.0, -a[0] / 2.0);
    l.p(a[1], 1);
}

pub(super) fn xx_plus_yy(a: &[f64], l: &mut Lowering) {
    l.p(a[1], 0);
    l.xx_yy(a[0] / 2.0, a[0] / 2.0);
    l.p(-a[1], 0);
}

pub(super) fn ccz(_: &[f64], l: &mut Lowering) {
    l.controlled_phase(PI, &[0, 1, 2]);
}

pub(super) fn ccx(_: &[f64], l: &mut Lowering) {
    l.controlled_x_power(PI, &[0, 1, 2]);
}

/// Three `cx` with a Toffoli in the place of the middle one would be eight. This form of seven is what
/// bqc made of those, with the angles rounded to multiples of π/4.
pub(super) fn cswap(_: &[f64], l: &mut Lowering) {
    l.p(FRAC_PI_4, 0);
    l.cx(2, 1);
    l.h(2);
    l.p(FRAC_PI_4, 2);
    l.cx(0, 1);
    l.p(-FRAC_PI_4, 1);
    l.cx(0, 1);
    l.cx(0, 2);
    l.p(-FRAC_PI_4, 2);
    l.cx(1, 2);
    l.p(FRAC_PI_4, 2);
    l.cx(0, 2);
    l.p(-FRAC_PI_4, 2);
    l.p(3.0 * FRAC_PI_4, 1);
    l.h(1);
    l.cx(1, 2);
    l.h(1);
    l.p(-FRAC_PI_2, 1);
    l.h(2);
    l.p(FRAC_PI_2, 2);
}

pub(super) fn rccx(_: &[f64], l: &mut Lowering) {
    l.h(2);
    l.p(FRAC_PI_4, 2);
    for (control, sign) in [(1, -1.0), (0, 1.0), (1, -1.0)] {
        l.cx(control, 2);
        l.p(sign * FRAC_PI_4, 2);
    }
    l.h(2);
}

/// One `cx` from the third control around an `rccx`-like core of the other two.
pub(super) fn rc3x(_: &[f64], l: &mut Lowering) {
    let outer = |l: &mut Lowering| {
        l.h(3);
        l.p(FRAC_PI_4, 3);
        l.cx(2, 3);
        l.p(-FRAC_PI_4, 3);
        l.h(3);
    };
    outer(l);
    for (control, sign) in [(0, 1.0), (1, -1.0), (0, 1.0), (1, -1.0)] {
        l.cx(control, 3);
        l.p(sign * FRAC_PI_4, 3);
    }
    outer(l);
}

pub(super) fn c3x(_: &[f64], l: &mut Lowering) {
    l.controlled_x_power(PI, &[0, 1, 2, 3]);
}

pub(super) fn c3sx(_: &[f64], l: &mut Lowering) {
    l.controlled_x_power(FRAC_PI_2, &[0, 1, 2, 3]);
}

pub(super) fn c4x(_: &[f64], l: &mut Lowering) {
    l.controlled_x_power(PI, &[0, 1, 2, 3, 4]);
}
