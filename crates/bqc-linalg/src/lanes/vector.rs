//! What kernels are written in: vectors of 512 bits on every level, of `f64` or of `f32`.

use super::AlignedBuffer;
use super::plain::Plain;
#[cfg(target_arch = "x86_64")]
use super::x86::{V256x2, V512};
use super::{Level, multiversion};
use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number type that kernels come in: `f64`, or `f32` where a step need not be exact.
pub trait Real:
    Copy
    + Default
    + Debug
    + Into<f64>
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Send
    + Sync
    + 'static
{
    /// Values in one vector, on every level.
    const LANES: usize;
    /// One vector in memory.
    type Row: Copy + Debug + AsRef<[Self]> + AsMut<[Self]>;
    /// A vector of zeros.
    const ZEROS: Self::Row;
    /// Below it a pivot of a matrix of unit diagonal is rounding error.
    const SMALLEST_PIVOT: Self;
    /// One.
    const ONE: Self;
    /// The nearest number of this type.
    fn from_f64(x: f64) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// The same numbers in this type: `values` themselves, or converted into `room`.
    fn converted<'a>(level: Level, values: &'a [f64], room: &'a mut AlignedBuffer<Self>) -> &'a [Self];
    #[doc(hidden)]
    type Plain: Vector<Real = Self>;
    #[doc(hidden)]
    #[cfg(target_arch = "x86_64")]
    type Avx2: Vector<Real = Self>;
    #[doc(hidden)]
    #[cfg(target_arch = "x86_64")]
    type Avx512: Vector<Real = Self>;
}

/// Numbers that are worked on together.
///
/// # Safety
/// Every method may use instructions of the implementing level: call them only where that level's
/// [`Level`] exists, that is, inside the wrappers of `multiversion!`. Pointers must be valid for
/// [`Vector::N`] numbers.
pub trait Vector: Copy {
    /// The type of the numbers.
    type Real: Real;
    /// How many they are.
    const N: usize = <Self::Real as Real>::LANES;
    /// Vectors in a strip of the Gram kernel: as many as the level's registers hold beside 8 rows.
    const STRIP: usize;
    unsafe fn splat(x: Self::Real) -> Self;
    unsafe fn load(p: *const Self::Real) -> Self;
    unsafe fn store(self, p: *mut Self::Real);
    unsafe fn add(self, b: Self) -> Self;
    unsafe fn sub(self, b: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    /// `self · b + c`, rounded once.
    unsafe fn fma(self, b: Self, c: Self) -> Self;
    /// `c − self · b`, rounded once.
    unsafe fn fnma(self, b: Self, c: Self) -> Self;
    /// Sum of the lanes, halves added first: of eight `((0+4)+(2+6))+((1+5)+(3+7))`.
    unsafe fn sum(self) -> Self::Real;
    /// All lanes zero.
    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller's contract.
        unsafe { Self::splat(Self::Real::default()) }
    }
}

/// Vectors of eight `f64`, and what only they are needed for.
///
/// # Safety
/// As for [`Vector`].
pub trait Lanes: Vector<Real = f64> {
    /// Lanes 4..8, then lanes 0..4.
    unsafe fn swap_halves(self) -> Self;
    /// Writes the lanes as `f32`, rounded to nearest.
    unsafe fn store_narrow(self, p: *mut f32);
}

impl Real for f64 {
    const LANES: usize = super::LANES;
    type Row = [f64; super::LANES];
    const ZEROS: Self::Row = [0.0; super::LANES];
    const SMALLEST_PIVOT: f64 = 5.0 * f64::EPSILON;
    const ONE: f64 = 1.0;
    #[inline(always)]
    fn from_f64(x: f64) -> f64 {
        x
    }
    #[inline(always)]
    fn sqrt(self) -> f64 {
        self.sqrt()
    }
    fn converted<'a>(_level: Level, values: &'a [f64], _room: &'a mut AlignedBuffer) -> &'a [f64] {
        values
    }
    type Plain = Plain<f64, { super::LANES }>;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = V256x2;
    #[cfg(target_arch = "x86_64")]
    type Avx512 = V512;
}

impl Real for f32 {
    const LANES: usize = 2 * super::LANES;
    type Row = [f32; 2 * super::LANES];
    const ZEROS: Self::Row = [0.0; 2 * super::LANES];
    const SMALLEST_PIVOT: f32 = 5.0 * f32::EPSILON;
    const ONE: f32 = 1.0;
    #[inline(always)]
    fn from_f64(x: f64) -> f32 {
        x as f32
    }
    #[inline(always)]
    fn sqrt(self) -> f32 {
        self.sqrt()
    }
    fn converted<'a>(level: Level, values: &'a [f64], room: &'a mut AlignedBuffer<f32>) -> &'a [f32] {
        room.ensure(values.len().next_multiple_of(f64::LANES));
        let (n_whole, to) = (values.len() / f64::LANES * f64::LANES, room.as_mut_ptr());
        let from = values.as_ptr();
        multiversion!(level, narrow(n_whole: usize, from: *const f64, to: *mut f32));
        for i in n_whole..values.len() {
            room[i] = values[i] as f32;
        }
        &room[..values.len()]
    }
    type Plain = Plain<f32, { 2 * super::LANES }>;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = super::x86::W256x2;
    #[cfg(target_arch = "x86_64")]
    type Avx512 = super::x86::W512;
}

#[inline(always)]
unsafe fn narrow<L: Lanes>(count: usize, from: *const f64, to: *mut f32) {
    for i in (0..count).step_by(L::N) {
        // SAFETY: `converted` made room for as many numbers as there are.
        unsafe { L::load(from.add(i)).store_narrow(to.add(i)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    #[test]
    fn numbers_are_rounded_to_the_nearest_on_every_level() {
        let mut s = Stream::new(1, 2, 3);
        let values: Vec<f64> = (0..45).map(|_| s.gaussian()).collect();
        for level in Level::available() {
            let mut room = AlignedBuffer::default();
            let narrow = f32::converted(level, &values, &mut room);
            assert!(narrow.iter().zip(&values).all(|(a, b)| *a == *b as f32) && narrow.len() == values.len());
            assert_eq!(f64::converted(level, &values, &mut AlignedBuffer::default()), &values[..]);
        }
    }
}
