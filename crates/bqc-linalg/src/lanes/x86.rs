//! AVX-512 and AVX2 vectors. Methods may only run where the CPU has the instructions (see `Level`).

// SAFETY, for every block of this file: the trait's contract says that the instruction set is there
// and that pointers are valid for eight `f64`; unaligned instructions ask for nothing more.
#![allow(clippy::undocumented_unsafe_blocks, reason = "one note above holds for all of them")]

use super::Lanes;
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(crate) struct V512(__m512d);

#[derive(Clone, Copy)]
pub(crate) struct V256x2(__m256d, __m256d);

/// `(0+4, 1+5, 2+6, 3+7)` → the trait's sum.
#[inline(always)]
unsafe fn sum4(v: __m256d) -> f64 {
    unsafe {
        let s = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd::<1>(v));
        _mm_cvtsd_f64(s) + _mm_cvtsd_f64(_mm_unpackhi_pd(s, s))
    }
}

impl Lanes for V512 {
    const STRIP: usize = 3;
    #[inline(always)]
    unsafe fn splat(x: f64) -> V512 {
        unsafe { V512(_mm512_set1_pd(x)) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f64) -> V512 {
        unsafe { V512(_mm512_loadu_pd(p)) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f64) {
        unsafe { _mm512_storeu_pd(p, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, b: V512) -> V512 {
        unsafe { V512(_mm512_add_pd(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn sub(self, b: V512) -> V512 {
        unsafe { V512(_mm512_sub_pd(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, b: V512) -> V512 {
        unsafe { V512(_mm512_mul_pd(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn fma(self, b: V512, c: V512) -> V512 {
        unsafe { V512(_mm512_fmadd_pd(self.0, b.0, c.0)) }
    }
    #[inline(always)]
    unsafe fn fnma(self, b: V512, c: V512) -> V512 {
        unsafe { V512(_mm512_fnmadd_pd(self.0, b.0, c.0)) }
    }
    #[inline(always)]
    unsafe fn swap_halves(self) -> V512 {
        unsafe { V512(_mm512_shuffle_f64x2::<0b01_00_11_10>(self.0, self.0)) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        unsafe { sum4(_mm256_add_pd(_mm512_castpd512_pd256(self.0), _mm512_extractf64x4_pd::<1>(self.0))) }
    }
}

impl Lanes for V256x2 {
    const STRIP: usize = 1;
    #[inline(always)]
    unsafe fn splat(x: f64) -> V256x2 {
        unsafe { V256x2(_mm256_set1_pd(x), _mm256_set1_pd(x)) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f64) -> V256x2 {
        unsafe { V256x2(_mm256_loadu_pd(p), _mm256_loadu_pd(p.add(4))) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f64) {
        unsafe {
            _mm256_storeu_pd(p, self.0);
            _mm256_storeu_pd(p.add(4), self.1);
        }
    }
    #[inline(always)]
    unsafe fn add(self, b: V256x2) -> V256x2 {
        unsafe { V256x2(_mm256_add_pd(self.0, b.0), _mm256_add_pd(self.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn sub(self, b: V256x2) -> V256x2 {
        unsafe { V256x2(_mm256_sub_pd(self.0, b.0), _mm256_sub_pd(self.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn mul(self, b: V256x2) -> V256x2 {
        unsafe { V256x2(_mm256_mul_pd(self.0, b.0), _mm256_mul_pd(self.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn fma(self, b: V256x2, c: V256x2) -> V256x2 {
        unsafe { V256x2(_mm256_fmadd_pd(self.0, b.0, c.0), _mm256_fmadd_pd(self.1, b.1, c.1)) }
    }
    #[inline(always)]
    unsafe fn fnma(self, b: V256x2, c: V256x2) -> V256x2 {
        unsafe { V256x2(_mm256_fnmadd_pd(self.0, b.0, c.0), _mm256_fnmadd_pd(self.1, b.1, c.1)) }
    }
    #[inline(always)]
    unsafe fn swap_halves(self) -> V256x2 {
        V256x2(self.1, self.0)
    }
    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        unsafe { sum4(_mm256_add_pd(self.0, self.1)) }
    }
}
