//! The level that every CPU has: an array of scalars. `mul_add` keeps its bits equal to the others'.

use super::vector::{Lanes, Real, Vector};
use std::array::from_fn;

#[derive(Clone, Copy)]
pub struct Plain<R, const N: usize>([R; N]);

macro_rules! plain {
    ($real:ty, $n:expr) => {
        impl Vector for Plain<$real, { $n }> {
            type Real = $real;
            const STRIP: usize = 1;
            #[inline(always)]
            unsafe fn splat(x: $real) -> Self {
                Plain([x; $n])
            }
            #[inline(always)]
            unsafe fn load(p: *const $real) -> Self {
                // SAFETY: the caller gives a pointer to a vector.
                Plain(unsafe { p.cast::<[$real; $n]>().read_unaligned() })
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut $real) {
                // SAFETY: as above.
                unsafe { p.cast::<[$real; $n]>().write_unaligned(self.0) }
            }
            #[inline(always)]
            unsafe fn add(self, b: Self) -> Self {
                Plain(from_fn(|i| self.0[i] + b.0[i]))
            }
            #[inline(always)]
            unsafe fn sub(self, b: Self) -> Self {
                Plain(from_fn(|i| self.0[i] - b.0[i]))
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                Plain(from_fn(|i| self.0[i] * b.0[i]))
            }
            #[inline(always)]
            unsafe fn fma(self, b: Self, c: Self) -> Self {
                Plain(from_fn(|i| self.0[i].mul_add(b.0[i], c.0[i])))
            }
            #[inline(always)]
            unsafe fn fnma(self, b: Self, c: Self) -> Self {
                Plain(from_fn(|i| (-self.0[i]).mul_add(b.0[i], c.0[i])))
            }
            #[inline(always)]
            unsafe fn sum(self) -> $real {
                let (mut v, mut half) = (self.0, $n / 2);
                while half > 0 {
                    for i in 0..half {
                        v[i] += v[i + half];
                    }
                    half /= 2;
                }
                v[0]
            }
        }
    };
}
plain!(f64, f64::LANES);
plain!(f32, f32::LANES);

impl Lanes for Plain<f64, { f64::LANES }> {
    #[inline(always)]
    unsafe fn swap_halves(self) -> Self {
        let [a, b, c, d, e, f, g, h] = self.0;
        Plain([e, f, g, h, a, b, c, d])
    }
    #[inline(always)]
    unsafe fn store_narrow(self, p: *mut f32) {
        for (i, x) in self.0.into_iter().enumerate() {
            // SAFETY: the caller gives a pointer to as many `f32`.
            unsafe { *p.add(i) = x as f32 };
        }
    }
}
