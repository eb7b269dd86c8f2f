//! Operations on `f64` that `core` lacks, one instruction each on a GPU, and quotients that cannot panic:
//! a kernel has nobody to report to, and a call that might panic does not link.
//!
//! Multiply-adds are written out because a compiler for GPUs does not contract them by itself, and so
//! that the host rounds as the GPU does. Square roots and quotients are correctly rounded on both.

/// `a · b + c`, rounded once.
#[inline(always)]
pub fn fma(a: f64, b: f64, c: f64) -> f64 {
    #[cfg(target_arch = "nvptx64")]
    return core::intrinsics::fmaf64(a, b, c);
    #[cfg(not(target_arch = "nvptx64"))]
    return a.mul_add(b, c);
}

/// `√a`.
#[inline(always)]
pub fn sqrt(a: f64) -> f64 {
    #[cfg(target_arch = "nvptx64")]
    return core::intrinsics::sqrtf64(a);
    #[cfg(not(target_arch = "nvptx64"))]
    return a.sqrt();
}

/// `1/√a` for positive normal `a`.
#[inline(always)]
pub fn rsqrt(a: f64) -> f64 {
    1.0 / sqrt(a)
}

/// `⌊a/b⌋`, zero for `b = 0`.
#[inline(always)]
pub fn quotient(a: u32, b: u32) -> u32 {
    a.checked_div(b).unwrap_or(0)
}

/// `a mod b`, zero for `b = 0`.
#[inline(always)]
pub fn remainder(a: u32, b: u32) -> u32 {
    a.checked_rem(b).unwrap_or(0)
}
