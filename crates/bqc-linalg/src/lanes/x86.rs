//! AVX-512 and AVX2 vectors. Methods may only run where the CPU has the instructions (see `Level`).

// SAFETY, for every block of this file: the trait's contract says that the instruction set is there
// and that pointers are valid for one vector; unaligned instructions ask for nothing more.
#![allow(clippy::undocumented_unsafe_blocks, reason = "one note above holds for all of them")]

use super::vector::{Lanes, Vector};
use std::arch::x86_64::*;

/// Eight `f64`.
#[derive(Clone, Copy)]
pub struct V512(__m512d);

/// Eight `f64`.
#[derive(Clone, Copy)]
pub struct V256x2(__m256d, __m256d);

/// Sixteen `f32`.
#[derive(Clone, Copy)]
pub struct W512(__m512);

/// Sixteen `f32`.
#[derive(Clone, Copy)]
pub struct W256x2(__m256, __m256);

/// A vector that is one register.
macro_rules! one_register {
    ($vector:ident, $real:ty, $set1:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $fma:ident,
        $fnma:ident, $sum:item) => {
        impl Vector for $vector {
            type Real = $real;
            const STRIP: usize = 3;
            #[inline(always)]
            unsafe fn splat(x: $real) -> Self {
                unsafe { $vector($set1(x)) }
            }
            #[inline(always)]
            unsafe fn load(p: *const $real) -> Self {
                unsafe { $vector($load(p)) }
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut $real) {
                unsafe { $store(p, self.0) }
            }
            #[inline(always)]
            unsafe fn add(self, b: Self) -> Self {
                unsafe { $vector($add(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn sub(self, b: Self) -> Self {
                unsafe { $vector($sub(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                unsafe { $vector($mul(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn fma(self, b: Self, c: Self) -> Self {
                unsafe { $vector($fma(self.0, b.0, c.0)) }
            }
            #[inline(always)]
            unsafe fn fnma(self, b: Self, c: Self) -> Self {
                unsafe { $vector($fnma(self.0, b.0, c.0)) }
            }
            #[inline(always)]
            $sum
        }
    };
}

/// A vector that is two registers.
macro_rules! two_registers {
    ($vector:ident, $real:ty, $half:expr, $set1:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident,
        $fma:ident, $fnma:ident, $sum:item) => {
        impl Vector for $vector {
            type Real = $real;
            const STRIP: usize = 1;
            #[inline(always)]
            unsafe fn splat(x: $real) -> Self {
                unsafe { $vector($set1(x), $set1(x)) }
            }
            #[inline(always)]
            unsafe fn load(p: *const $real) -> Self {
                unsafe { $vector($load(p), $load(p.add($half))) }
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut $real) {
                unsafe {
                    $store(p, self.0);
                    $store(p.add($half), self.1);
                }
            }
            #[inline(always)]
            unsafe fn add(self, b: Self) -> Self {
                unsafe { $vector($add(self.0, b.0), $add(self.1, b.1)) }
            }
            #[inline(always)]
            unsafe fn sub(self, b: Self) -> Self {
                unsafe { $vector($sub(self.0, b.0), $sub(self.1, b.1)) }
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                unsafe { $vector($mul(self.0, b.0), $mul(self.1, b.1)) }
            }
            #[inline(always)]
            unsafe fn fma(self, b: Self, c: Self) -> Self {
                unsafe { $vector($fma(self.0, b.0, c.0), $fma(self.1, b.1, c.1)) }
            }
            #[inline(always)]
            unsafe fn fnma(self, b: Self, c: Self) -> Self {
                unsafe { $vector($fnma(self.0, b.0, c.0), $fnma(self.1, b.1, c.1)) }
            }
            #[inline(always)]
            $sum
        }
    };
}

one_register!(
    V512,
    f64,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_add_pd,
    _mm512_sub_pd,
    _mm512_mul_pd,
    _mm512_fmadd_pd,
    _mm512_fnmadd_pd,
    unsafe fn sum(self) -> f64 {
        unsafe { sum4(_mm256_add_pd(_mm512_castpd512_pd256(self.0), _mm512_extractf64x4_pd::<1>(self.0))) }
    }
);
one_register!(
    W512,
    f32,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_fmadd_ps,
    _mm512_fnmadd_ps,
    unsafe fn sum(self) -> f32 {
        unsafe {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            sum8(_mm256_add_ps(_mm512_castps512_ps256(self.0), high))
        }
    }
);
two_registers!(
    V256x2,
    f64,
    4,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd,
    _mm256_fmadd_pd,
    _mm256_fnmadd_pd,
    unsafe fn sum(self) -> f64 {
        unsafe { sum4(_mm256_add_pd(self.0, self.1)) }
    }
);
two_registers!(
    W256x2,
    f32,
    8,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_fmadd_ps,
    _mm256_fnmadd_ps,
    unsafe fn sum(self) -> f32 {
        unsafe { sum8(_mm256_add_ps(self.0, self.1)) }
    }
);

/// `(0+4, 1+5, 2+6, 3+7)` → the trait's sum.
#[inline(always)]
unsafe fn sum4(v: __m256d) -> f64 {
    unsafe {
        let s = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd::<1>(v));
        _mm_cvtsd_f64(s) + _mm_cvtsd_f64(_mm_unpackhi_pd(s, s))
    }
}

/// The same of eight `f32`.
#[inline(always)]
unsafe fn sum8(v: __m256) -> f32 {
    unsafe {
        let four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(two) + _mm_cvtss_f32(_mm_shuffle_ps::<1>(two, two))
    }
}

impl Lanes for V512 {
    #[inline(always)]
    unsafe fn swap_halves(self) -> V512 {
        unsafe { V512(_mm512_shuffle_f64x2::<0b01_00_11_10>(self.0, self.0)) }
    }
    #[inline(always)]
    unsafe fn store_narrow(self, p: *mut f32) {
        unsafe { _mm256_storeu_ps(p, _mm512_cvtpd_ps(self.0)) }
    }
}

impl Lanes for V256x2 {
    #[inline(always)]
    unsafe fn swap_halves(self) -> V256x2 {
        V256x2(self.1, self.0)
    }
    #[inline(always)]
    unsafe fn store_narrow(self, p: *mut f32) {
        unsafe {
            _mm_storeu_ps(p, _mm256_cvtpd_ps(self.0));
            _mm_storeu_ps(p.add(4), _mm256_cvtpd_ps(self.1));
        }
    }
}
