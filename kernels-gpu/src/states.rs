//! Sample states pushed through a template by the threads of a block.
//!
//! States are `[sample][2^n]` complex numbers, so a gate acts on an array of `samples << n` amplitudes
//! as it does on one state. A thread takes *quads*: the four amplitudes that differ in two bits. A
//! layer is one CX and the two one-qubit gates after it: one pass, one barrier.

use crate::complex::{Complex, Su2};
use crate::cta::{Cta, Memory, total};
use crate::templates::CxWord;

/// Complex numbers by index, wherever they lie.
pub trait Amplitudes: Copy {
    /// Reads one.
    fn amplitude(self, index: u32) -> Complex;
    /// Writes one.
    fn set_amplitude(self, index: u32, value: Complex);
}

/// One after the other.
impl<M: Memory> Amplitudes for M {
    #[inline(always)]
    fn amplitude(self, index: u32) -> Complex {
        self.complex(index)
    }

    #[inline(always)]
    fn set_amplitude(self, index: u32, value: Complex) {
        self.set_complex(index, value);
    }
}

/// The quads of two wires.
#[derive(Clone, Copy)]
pub struct Quads {
    low_mask: u32,
    high_mask: u32,
    /// The bit that doubles the quad's index.
    pub control: u32,
    /// The bit that adds one to it.
    pub target: u32,
}

/// Four amplitudes, index `control bit · 2 + target bit`.
pub type Quad = [Complex; 4];

impl Quads {
    /// The quads of two different wires.
    #[inline(always)]
    pub fn new(control: u32, target: u32) -> Quads {
        let (low, high) = if control < target { (control, target) } else { (target, control) };
        Quads { low_mask: (1 << low) - 1, high_mask: (1 << high) - 1, control: 1 << control, target: 1 << target }
    }

    /// The amplitude of quad `i` with both bits zero.
    #[inline(always)]
    pub fn base(self, i: u32) -> u32 {
        let x = (i & !self.low_mask) << 1 | i & self.low_mask;
        (x & !self.high_mask) << 1 | x & self.high_mask
    }

    /// Reads a quad, through the CX if asked for.
    #[inline(always)]
    pub fn load(self, from: impl Amplitudes, i: u32, cx: bool) -> Quad {
        let (base, c, t) = (self.base(i), self.control, self.target);
        let flip = if cx { t } else { 0 };
        [
            from.amplitude(base),
            from.amplitude(base | t),
            from.amplitude((base | c) ^ flip),
            from.amplitude((base | c | t) ^ flip),
        ]
    }

    /// Reads the two amplitudes of a quad whose bit of the control is `bit`, through the CX if asked for.
    #[inline(always)]
    pub fn load_half<M: Memory>(self, from: M, i: u32, bit: u32, cx: bool) -> [Complex; 2] {
        let first = self.base(i) | (self.control * bit);
        let flip = if cx { self.target * bit } else { 0 };
        [from.complex(first ^ flip), from.complex((first | self.target) ^ flip)]
    }

    /// Writes a quad, through the CX if asked for.
    #[inline(always)]
    pub fn store(self, to: impl Amplitudes, i: u32, cx: bool, quad: Quad) {
        let (base, c, t) = (self.base(i), self.control, self.target);
        let flip = if cx { t } else { 0 };
        to.set_amplitude(base, quad[0]);
        to.set_amplitude(base | t, quad[1]);
        to.set_amplitude((base | c) ^ flip, quad[2]);
        to.set_amplitude((base | c | t) ^ flip, quad[3]);
    }
}

/// Both one-qubit gates on a quad: 64 multiply-adds.
#[inline(always)]
pub fn apply_local(on_control: Su2, on_target: Su2, quad: Quad) -> Quad {
    let (x0, x1) = on_target.apply(quad[0], quad[1]);
    let (x2, x3) = on_target.apply(quad[2], quad[3]);
    let (y0, y2) = on_control.apply(x0, x2);
    let (y1, y3) = on_control.apply(x1, x3);
    [y0, y1, y2, y3]
}

/// A template in memory that the block can reach.
#[derive(Clone, Copy)]
pub struct Circuit<M> {
    /// Wires.
    pub n: u32,
    /// CX gates.
    pub n_cx: u32,
    /// One [`CxWord`] each.
    pub cx: M,
    /// The slots, `n + 2·n_cx` of [`Su2`].
    pub gates: M,
}

impl<M: Memory> Circuit<M> {
    /// A CX.
    #[inline(always)]
    pub fn layer(self, i: u32) -> CxWord {
        CxWord(self.cx.word(i))
    }

    /// The values of the slots after a CX, on control and target.
    #[inline(always)]
    pub fn layer_gates(self, i: u32) -> (Su2, Su2) {
        (Su2::load(self.gates, self.n + 2 * i), Su2::load(self.gates, self.n + 2 * i + 1))
    }
}

/// `to ← first gates · from`, `n_states` states.
#[inline(always)]
pub fn push_first<B: Cta>(cta: &mut B, circuit: Circuit<B::Memory>, n_states: u32, from: B::Memory, to: B::Memory) {
    let mut source = from;
    let mut q = 0;
    while q < circuit.n {
        if q + 1 < circuit.n {
            // Two wires in one pass.
            let quads = Quads::new(q + 1, q);
            cta.each(n_states << (circuit.n - 2), |i| {
                let (upper, lower) = (Su2::load(circuit.gates, q + 1), Su2::load(circuit.gates, q));
                let quad = quads.load(source, i, false);
                quads.store(to, i, false, apply_local(upper, lower, quad));
            });
        } else {
            cta.each(n_states << (circuit.n - 1), |i| {
                let mask = (1 << q) - 1;
                let low = (i & !mask) << 1 | i & mask;
                let high = low | 1 << q;
                let (y0, y1) = Su2::load(circuit.gates, q).apply(source.complex(low), source.complex(high));
                to.set_complex(low, y0);
                to.set_complex(high, y1);
            });
        }
        source = to;
        q += 2;
    }
}

/// `to ← layers · from`, `n_states` states.
#[inline(always)]
pub fn push_layers<B: Cta>(cta: &mut B, circuit: Circuit<B::Memory>, n_states: u32, from: B::Memory, to: B::Memory) {
    if circuit.n_cx == 0 {
        cta.each(n_states << circuit.n, |i| to.set_complex(i, from.complex(i)));
        return;
    }
    let mut source = from;
    let mut layer = 0;
    while layer < circuit.n_cx {
        let word = circuit.layer(layer);
        let quads = Quads::new(word.control(), word.target());
        cta.each(n_states << (circuit.n - 2), |i| {
            let (on_control, on_target) = circuit.layer_gates(layer);
            let quad = quads.load(source, i, true);
            quads.store(to, i, false, apply_local(on_control, on_target, quad));
        });
        source = to;
        layer += 1;
    }
}

/// `Σ ⟨y|v⟩` over `len` amplitudes. `partials` holds two numbers a warp.
#[inline(always)]
pub fn overlap<B: Cta>(
    cta: &mut B,
    y: impl Fn(u32) -> Complex,
    v: B::Memory,
    len: u32,
    partials: B::Memory,
) -> Complex {
    let n_threads = cta.n_threads();
    let mut parts = cta.local([0.0; 2]);
    cta.phase_with(&mut parts, |thread, part| {
        let mut sum = Complex::ZERO;
        let mut i = thread;
        while i < len {
            sum = sum.add_product(y(i).conj(), v.complex(i));
            i += n_threads;
        }
        *part = [sum.re, sum.im];
    });
    cta.sum(&parts, partials);
    Complex::new(total::<2, _>(partials, n_threads, 0), total::<2, _>(partials, n_threads, 1))
}

/// `Σ |v − phase·y|²` over `len` amplitudes: the residual form of a distance, which does not cancel.
/// `partials` holds one number a warp.
#[inline(always)]
pub fn residual<B: Cta>(
    cta: &mut B,
    y: impl Fn(u32) -> Complex,
    v: B::Memory,
    len: u32,
    phase: Complex,
    partials: B::Memory,
) -> f64 {
    let n_threads = cta.n_threads();
    let mut parts = cta.local([0.0]);
    cta.phase_with(&mut parts, |thread, part| {
        let mut sum = 0.0;
        let mut i = thread;
        while i < len {
            sum += v.complex(i).minus(phase.times(y(i))).norm_sqr();
            i += n_threads;
        }
        *part = [sum];
    });
    cta.sum(&parts, partials);
    total::<1, _>(partials, n_threads, 0)
}
