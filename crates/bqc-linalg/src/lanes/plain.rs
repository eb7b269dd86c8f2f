//! The level that every CPU has: eight scalars. `mul_add` keeps its bits equal to the others'.

use super::Lanes;

#[derive(Clone, Copy)]
pub(crate) struct Plain([f64; 8]);

impl Plain {
    #[inline(always)]
    fn zip(self, b: Plain, f: impl Fn(f64, f64) -> f64) -> Plain {
        Plain(std::array::from_fn(|i| f(self.0[i], b.0[i])))
    }
}

impl Lanes for Plain {
    const STRIP: usize = 1;
    #[inline(always)]
    unsafe fn splat(x: f64) -> Plain {
        Plain([x; 8])
    }
    #[inline(always)]
    unsafe fn load(p: *const f64) -> Plain {
        // SAFETY: the caller gives a pointer to eight `f64`.
        Plain(unsafe { p.cast::<[f64; 8]>().read() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f64) {
        // SAFETY: as above.
        unsafe { p.cast::<[f64; 8]>().write(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, b: Plain) -> Plain {
        self.zip(b, |x, y| x + y)
    }
    #[inline(always)]
    unsafe fn sub(self, b: Plain) -> Plain {
        self.zip(b, |x, y| x - y)
    }
    #[inline(always)]
    unsafe fn mul(self, b: Plain) -> Plain {
        self.zip(b, |x, y| x * y)
    }
    #[inline(always)]
    unsafe fn fma(self, b: Plain, c: Plain) -> Plain {
        Plain(std::array::from_fn(|i| self.0[i].mul_add(b.0[i], c.0[i])))
    }
    #[inline(always)]
    unsafe fn fnma(self, b: Plain, c: Plain) -> Plain {
        Plain(std::array::from_fn(|i| (-self.0[i]).mul_add(b.0[i], c.0[i])))
    }
    #[inline(always)]
    unsafe fn swap_halves(self) -> Plain {
        let [a, b, c, d, e, f, g, h] = self.0;
        Plain([e, f, g, h, a, b, c, d])
    }
    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        let v = self.0;
        ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
    }
}
