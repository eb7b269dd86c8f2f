//! Names for the gates that the constructions use. All of them stand in the `qelib1.inc` of the
//! OpenQASM 2 paper, so that every reader reads the files.

use bqc_circuit::{Circuit, GateCall, GateId, Qubit};
use std::f64::consts::{FRAC_PI_2, PI};

/// Appends gates to a circuit; wires are plain numbers, angles radians.
pub struct Builder {
    circuit: Circuit,
}

impl Builder {
    /// No gate yet on `n` wires.
    pub fn new(n: usize) -> Builder {
        Builder { circuit: Circuit::with_qubits(n as u32) }
    }

    /// The finished circuit.
    pub fn finish(self) -> Circuit {
        self.circuit
    }

    fn gate(&mut self, name: &str, angles: &[f64], wires: &[usize]) {
        let gate = GateId::from_name(name).expect("the table has every gate of the paper");
        let wires: Vec<Qubit> = wires.iter().map(|&w| Qubit(w as u32)).collect();
        self.circuit.push(GateCall::new(gate, angles, &wires));
    }

    /// `h`.
    pub fn h(&mut self, wire: usize) {
        self.gate("h", &[], &[wire]);
    }

    /// `x`.
    pub fn x(&mut self, wire: usize) {
        self.gate("x", &[], &[wire]);
    }

    /// `rx(theta)`.
    pub fn rx(&mut self, theta: f64, wire: usize) {
        self.gate("rx", &[theta], &[wire]);
    }

    /// `ry(theta)`.
    pub fn ry(&mut self, theta: f64, wire: usize) {
        self.gate("ry", &[theta], &[wire]);
    }

    /// `rz(theta)`.
    pub fn rz(&mut self, theta: f64, wire: usize) {
        self.gate("rz", &[theta], &[wire]);
    }

    /// `u3(theta, phi, lambda)`.
    pub fn u3(&mut self, angles: [f64; 3], wire: usize) {
        self.gate("u3", &angles, &[wire]);
    }

    /// `cx`.
    pub fn cx(&mut self, control: usize, target: usize) {
        self.gate("cx", &[], &[control, target]);
    }

    /// `cz`.
    pub fn cz(&mut self, a: usize, b: usize) {
        self.gate("cz", &[], &[a, b]);
    }

    /// `ccx`.
    pub fn ccx(&mut self, a: usize, b: usize, target: usize) {
        self.gate("ccx", &[], &[a, b, target]);
    }

    /// `cu1(lambda)`.
    pub fn cu1(&mut self, lambda: f64, a: usize, b: usize) {
        self.gate("cu1", &[lambda], &[a, b]);
    }

    /// Exchanges two wires by three `cx`.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.cx(a, b);
        self.cx(b, a);
        self.cx(a, b);
    }

    /// `exp(−iθ/2 ZZ)`.
    pub fn zz(&mut self, theta: f64, a: usize, b: usize) {
        self.cx(a, b);
        self.rz(theta, b);
        self.cx(a, b);
    }

    /// `exp(−iθ/2 XX)`: H turns X into Z.
    pub fn xx(&mut self, theta: f64, a: usize, b: usize) {
        [a, b].into_iter().for_each(|w| self.h(w));
        self.zz(theta, a, b);
        [a, b].into_iter().for_each(|w| self.h(w));
    }

    /// `exp(−iθ/2 YY)`: a quarter turn about X turns Y into Z.
    pub fn yy(&mut self, theta: f64, a: usize, b: usize) {
        [a, b].into_iter().for_each(|w| self.rx(FRAC_PI_2, w));
        self.zz(theta, a, b);
        [a, b].into_iter().for_each(|w| self.rx(-FRAC_PI_2, w));
    }
}

/// An angle as it is written in a file: nothing below 1e-10 survives, so that the last bit of a
/// platform's arithmetic cannot change a committed file.
pub fn rounded(angle: f64) -> f64 {
    (angle * 1e10).round() / 1e10
}

/// A uniform angle in `[0, 2π)`, rounded.
pub fn random_angle(stream: &mut bqc_linalg::Stream) -> f64 {
    rounded(2.0 * PI * stream.uniform())
}
