//! Phases and `x` under any number of controls, as rows of the table.
//!
//! A phase on up to six wires is a network of parities in the order of a Gray code (Barenco et al.,
//! arXiv:quant-ph/9503016, section 7.1); on more, two wires are split off between two `x` that borrow one of them
//! (lemmas 7.2, 7.3 and 7.5), so that n wires take some 16 n² gates. No other wires are touched.

use crate::v3::leaf::call;
use bqc_circuit::{GateCall, Qubit};
use std::f64::consts::{FRAC_PI_2, PI};

/// Up to this many wires the Gray code takes fewer `cx` than the split.
const MOST_BY_GRAY_CODE: usize = 6;

/// Gates being written, up to a limit.
pub(crate) struct Rows {
    pub gates: Vec<GateCall>,
    limit: usize,
    is_full: bool,
}

impl Rows {
    pub fn new(limit: usize) -> Rows {
        Rows { gates: Vec::new(), limit, is_full: false }
    }

    /// Whether there were more gates than the limit allows, and some are missing.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    pub fn push(&mut self, gate: GateCall) {
        if self.gates.len() < self.limit { self.gates.push(gate) } else { self.is_full = true }
    }

    pub fn gate(&mut self, name: &str, angles: &[f64], qubits: &[Qubit]) {
        self.push(call(name, angles, qubits));
    }

    /// A rotation, unless it is by nothing.
    pub fn rotation(&mut self, name: &str, angle: f64, qubit: Qubit) {
        if angle != 0.0 {
            self.gate(name, &[angle], &[qubit]);
        }
    }

    /// What `inner` writes, between gates on `qubit` that undo each other.
    pub fn between(
        &mut self,
        before: &[(&str, f64)],
        after: &[(&str, f64)],
        qubit: Qubit,
        inner: impl FnOnce(&mut Rows),
    ) {
        let write = |rows: &mut Rows, gates: &[(&str, f64)]| {
            for &(name, angle) in gates {
                let angles = if matches!(name, "rx" | "ry" | "rz") { &[angle][..] } else { &[] };
                rows.gate(name, angles, &[qubit]);
            }
        };
        write(self, before);
        inner(self);
        write(self, after);
    }

    /// `e^{iλ}` on the state in which all `wires` are one.
    pub fn phase(&mut self, lambda: f64, wires: &[Qubit]) {
        if lambda == 0.0 {
            return;
        }
        match *wires {
            // A phase of everything.
            [] => return,
            [wire] => return self.named_phase(lambda, wire),
            [_, _] if lambda == PI => return self.gate("cz", &[], wires),
            [_, _] if lambda == FRAC_PI_2 => return self.gate("cs", &[], wires),
            [_, _] if lambda == -FRAC_PI_2 => return self.gate("csdg", &[], wires),
            [_, _] => return self.gate("cp", &[lambda], wires),
            [_, _, _] if lambda == PI => return self.gate("ccz", &[], wires),
            _ => {}
        }
        let (mut lambda, mut wires) = (lambda, wires.to_vec());
        while wires.len() > MOST_BY_GRAY_CODE && !self.is_full {
            let (c, t) = (wires[wires.len() - 2], wires[wires.len() - 1]);
            let rest = wires[..wires.len() - 2].to_vec();
            for sign in [1.0, -1.0] {
                self.gate("cp", &[sign * lambda / 2.0], &[c, t]);
                self.x_borrowing(&rest, c, t);
            }
            lambda /= 2.0;
            wires.remove(wires.len() - 2);
        }
        self.gray_code(lambda, &wires);
    }

    /// The phase on one wire, by its name if it has one.
    fn named_phase(&mut self, lambda: f64, wire: Qubit) {
        let names = [(PI, "z"), (FRAC_PI_2, "s"), (-FRAC_PI_2, "sdg"), (PI / 4.0, "t"), (-PI / 4.0, "tdg")];
        match names.iter().find(|(angle, _)| *angle == lambda) {
            Some((_, name)) => self.gate(name, &[], &[wire]),
            None => self.gate("p", &[lambda], &[wire]),
        }
    }

    /// A phase on all wires: every parity of a set of them gets `±λ/2^{m−1}`.
    fn gray_code(&mut self, lambda: f64, wires: &[Qubit]) {
        if self.is_full || wires.len() > MOST_BY_GRAY_CODE {
            return;
        }
        let angle = lambda / f64::from(1u32 << (wires.len() - 1));
        for (k, &target) in wires.iter().enumerate() {
            let mut set = 0u32;
            for step in 1..=1u32 << k {
                let sign = if set.count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
                self.gate("p", &[sign * angle], &[target]);
                if k > 0 {
                    // The last step closes the circle.
                    let flipped = step.trailing_zeros().min(k as u32 - 1);
                    set ^= 1 << flipped;
                    self.gate("cx", &[], &[wires[flipped as usize], target]);
                }
            }
        }
    }

    /// `x` on `target` under at least one control.
    pub fn x(&mut self, controls: &[Qubit], target: Qubit) {
        let mut all = controls.to_vec();
        all.push(target);
        if !self.small_x(&all) {
            self.between(&[("h", 0.0)], &[("h", 0.0)], target, |rows| rows.phase(PI, &all));
        }
    }

    /// The row for up to four controls; false if there are more.
    fn small_x(&mut self, all: &[Qubit]) -> bool {
        let name = match all.len() {
            1 => "x",
            2 => "cx",
            3 => "ccx",
            4 => "c3x",
            5 => "c4x",
            _ => return false,
        };
        self.gate(name, &[], all);
        true
    }

    /// `x` on `target` with a wire in any state that may be used on the way and is left as it was.
    fn x_borrowing(&mut self, controls: &[Qubit], target: Qubit, borrowed: Qubit) {
        let mut all = controls.to_vec();
        all.push(target);
        if self.small_x(&all) {
            return;
        }
        let (first, second) = controls.split_at(controls.len().div_ceil(2));
        let mut pool = second.to_vec();
        pool.push(target);
        let mut with_borrowed = second.to_vec();
        with_borrowed.push(borrowed);
        for _ in 0..2 {
            self.x_by_chain(first, borrowed, &pool);
            self.x_by_chain(&with_borrowed, target, first);
        }
    }

    /// `x` on `target` with at least two fewer borrowed wires than controls, in any state: two chains of `ccx`.
    fn x_by_chain(&mut self, controls: &[Qubit], target: Qubit, borrowed: &[Qubit]) {
        let mut all = controls.to_vec();
        all.push(target);
        if self.small_x(&all) {
            return;
        }
        let n = controls.len();
        // `links[i]` flips wire i of borrowed and target, the target last.
        let line: Vec<Qubit> = borrowed[..n - 2].iter().copied().chain([target]).collect();
        let link = |rows: &mut Rows, i: usize| rows.gate("ccx", &[], &[controls[i + 1], line[i - 1], line[i]]);
        for last in [n - 2, n - 3] {
            (1..=last).rev().for_each(|i| link(self, i));
            self.gate("ccx", &[], &[controls[0], controls[1], line[0]]);
            (1..=last).for_each(|i| link(self, i));
        }
    }
}
