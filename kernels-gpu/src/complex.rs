//! Complex numbers and one-qubit gates as a GPU holds them: two `f64` in one 16-byte access.

use crate::cta::Memory;
use crate::real::{fma, rsqrt, sqrt};

/// A complex number.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(16))]
pub struct Complex {
    /// Real part.
    pub re: f64,
    /// Imaginary part.
    pub im: f64,
}

impl Complex {
    /// Zero.
    pub const ZERO: Complex = Complex::new(0.0, 0.0);
    /// One.
    pub const ONE: Complex = Complex::new(1.0, 0.0);

    /// `re + i·im`.
    #[inline(always)]
    pub const fn new(re: f64, im: f64) -> Complex {
        Complex { re, im }
    }

    /// One of two, number by number: a choice between records would go through a GPU's stack.
    #[inline(always)]
    pub fn choose(condition: bool, yes: Complex, no: Complex) -> Complex {
        Complex::new(if condition { yes.re } else { no.re }, if condition { yes.im } else { no.im })
    }

    /// The complex conjugate.
    #[inline(always)]
    pub fn conj(self) -> Complex {
        Complex::new(self.re, -self.im)
    }

    /// `i` times the number.
    #[inline(always)]
    pub fn times_i(self) -> Complex {
        Complex::new(-self.im, self.re)
    }

    /// The number times a real one.
    #[inline(always)]
    pub fn scaled(self, s: f64) -> Complex {
        Complex::new(self.re * s, self.im * s)
    }

    /// The sum.
    #[inline(always)]
    pub fn plus(self, b: Complex) -> Complex {
        Complex::new(self.re + b.re, self.im + b.im)
    }

    /// The difference.
    #[inline(always)]
    pub fn minus(self, b: Complex) -> Complex {
        Complex::new(self.re - b.re, self.im - b.im)
    }

    /// The product.
    #[inline(always)]
    pub fn times(self, b: Complex) -> Complex {
        Complex::new(fma(-self.im, b.im, self.re * b.re), fma(self.im, b.re, self.re * b.im))
    }

    /// `self + a·b`: four multiply-adds.
    #[inline(always)]
    pub fn add_product(self, a: Complex, b: Complex) -> Complex {
        let (re, im) = (fma(a.re, b.re, self.re), fma(a.re, b.im, self.im));
        Complex::new(fma(-a.im, b.im, re), fma(a.im, b.re, im))
    }

    /// `|self|²`.
    #[inline(always)]
    pub fn norm_sqr(self) -> f64 {
        fma(self.re, self.re, self.im * self.im)
    }

    /// `|self|`, of moderate size.
    #[inline(always)]
    pub fn modulus(self) -> f64 {
        sqrt(self.norm_sqr())
    }

    /// `self/|self|`, and one for zero.
    #[inline(always)]
    pub fn phase(self) -> Complex {
        let r = self.modulus();
        Complex::choose(r > 0.0, Complex::new(self.re / r, self.im / r), Complex::ONE)
    }
}

/// A one-qubit gate up to phase: the matrix `[[a, −b*], [b, a*]]`, `|a|² + |b|² = 1`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(16))]
pub struct Su2 {
    /// Upper left element.
    pub a: Complex,
    /// Lower left element.
    pub b: Complex,
}

impl Su2 {
    /// Length in memory, in `f64`.
    pub const LEN: u32 = 4;
    /// The identity.
    pub const IDENTITY: Su2 = Su2 { a: Complex::ONE, b: Complex::ZERO };

    /// Gate `index` of an array of gates.
    #[inline(always)]
    pub fn load<M: Memory>(gates: M, index: u32) -> Su2 {
        Su2 { a: gates.complex(2 * index), b: gates.complex(2 * index + 1) }
    }

    /// Writes gate `index` of an array of gates.
    #[inline(always)]
    pub fn store<M: Memory>(self, gates: M, index: u32) {
        gates.set_complex(2 * index, self.a);
        gates.set_complex(2 * index + 1, self.b);
    }

    /// The inverse.
    #[inline(always)]
    pub fn dagger(self) -> Su2 {
        Su2 { a: self.a.conj(), b: Complex::new(-self.b.re, -self.b.im) }
    }

    /// The inverse if asked for.
    #[inline(always)]
    pub fn dagger_if(self, inverse: bool) -> Su2 {
        let u = self.dagger();
        Su2 { a: Complex::choose(inverse, u.a, self.a), b: Complex::choose(inverse, u.b, self.b) }
    }

    /// The product: `v` acts first.
    #[inline(always)]
    pub fn times(self, v: Su2) -> Su2 {
        let minus_b_conj = Complex::new(-self.b.re, self.b.im);
        Su2 {
            a: self.a.times(v.a).add_product(minus_b_conj, v.b),
            b: self.b.times(v.a).add_product(self.a.conj(), v.b),
        }
    }

    /// Scaled back to determinant one.
    #[inline(always)]
    pub fn normalized(self) -> Su2 {
        let s = rsqrt(self.a.norm_sqr() + self.b.norm_sqr());
        Su2 { a: self.a.scaled(s), b: self.b.scaled(s) }
    }

    /// The gate on the two amplitudes that differ in its bit: 16 multiply-adds.
    #[inline(always)]
    pub fn apply(self, x0: Complex, x1: Complex) -> (Complex, Complex) {
        let Su2 { a, b } = self;
        // y0 = a·x0 − b*·x1, y1 = b·x0 + a*·x1
        (a.times(x0).add_product(Complex::new(-b.re, b.im), x1), b.times(x0).add_product(a.conj(), x1))
    }
}
