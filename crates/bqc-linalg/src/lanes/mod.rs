//! The SIMD leaf: eight `f64` or sixteen `f32` at a time, chosen at run time, with the same bits everywhere.
//!
//! Kernels are generic functions over the trait `Vector` (or `Lanes`, if they are for `f64` alone) and are compiled once per instruction set inside a
//! `#[target_feature]` wrapper; a [`Level`] is the proof that the CPU has it. All levels use fused
//! multiply-add and the same order of lanes, so their results are bit-equal: a test asserts it.
//! `unsafe` lives here alone: public functions check every length and index before they enter it.
//!
//! A *state batch* is `[group][amplitude 2^n][re 8 lanes, im 8 lanes]` of `f64`, 64-byte aligned; what
//! the lanes are (samples, or tangents) is said where the batch is made.

#![allow(
    clippy::needless_range_loop,
    reason = "closures around vectors are not compiled for the level: kernels use loops"
)]

mod buffer;
pub mod environment;
pub mod gram;
pub mod jacobian;
pub mod layer;
mod panel;
pub mod pauli;
mod plain;
pub mod schulz;
pub mod states;
pub mod two_qubit;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use buffer::AlignedBuffer;
pub use panel::Panel;
pub use vector::Real;
pub(crate) use vector::{Lanes, Vector};

/// Number of `f64` in one vector, on every level.
pub const LANES: usize = 8;

/// Distance between the same component of neighbouring amplitudes in a state batch.
pub const AMPLITUDE_STRIDE: usize = 2 * LANES;

/// An instruction set that this CPU has. Only [`Level::detect`] and [`Level::available`] make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The fastest level of this CPU.
    pub fn detect() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Level(Kind::Avx512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Level(Kind::Avx2);
            }
        }
        Level(Kind::Plain)
    }

    /// All levels of this CPU, slowest first.
    pub fn available() -> Vec<Level> {
        #[allow(unused_mut, reason = "other architectures have the plain level only")]
        let mut levels = vec![Level(Kind::Plain)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Level(Kind::Avx2));
            }
            if is_x86_feature_detected!("avx512f") {
                levels.push(Level(Kind::Avx512));
            }
        }
        levels
    }

    /// For reports: `plain`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Plain => "plain",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        }
    }

    pub(crate) fn kind(self) -> Kind {
        self.0
    }
}

/// Calls `generic::<L>(args)` compiled for the level's instruction set.
///
/// `multiversion!(level, R, generic(arg: Type, …))` does so for vectors of the number type `R`, a type
/// parameter of the function around it; without it they are of `f64`.
///
/// `multiversion!(level, generic(arg: Type, …) -> Ret)`; `generic` is an `#[inline(always)] unsafe fn`
/// over `L: Lanes`. An optional list of constants per level comes after the name, as in
/// `generic[3, 1, 1](…)`: the values for AVX-512, AVX2 and plain.
macro_rules! multiversion {
    ($level:expr, $generic:ident $([$c512:expr, $c256:expr, $cplain:expr])? ($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?) => {
        $crate::lanes::multiversion!(@emit $level, [], [], f64, $generic $([$c512, $c256, $cplain])? ($($arg: $ty),*) $(-> $ret)?)
    };
    ($level:expr, $real:ident, $generic:ident ($($arg:ident: $ty:ty),* $(,)?)) => {
        $crate::lanes::multiversion!(
            @emit $level, [<$real: $crate::lanes::Real>], [::<$real>], $real, $generic ($($arg: $ty),*)
        )
    };
    // The wrappers' type parameter and its argument, if they have one, and the type of the numbers.
    (@emit $level:expr, [$($parameter:tt)*], [$($argument:tt)*], $real:ident,
        $generic:ident $([$c512:expr, $c256:expr, $cplain:expr])? ($($arg:ident: $ty:ty),*) $(-> $ret:ty)?) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f")]
        #[allow(clippy::too_many_arguments, reason = "a kernel's operands are what they are")]
        unsafe fn on_avx512 $($parameter)* ($($arg: $ty),*) $(-> $ret)? {
            // SAFETY: the caller's contract is the kernel's, and the features are enabled here.
            unsafe { $generic::<<$real as $crate::lanes::Real>::Avx512 $(, $c512)?>($($arg),*) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        #[allow(clippy::too_many_arguments, reason = "a kernel's operands are what they are")]
        unsafe fn on_avx2 $($parameter)* ($($arg: $ty),*) $(-> $ret)? {
            // SAFETY: as above.
            unsafe { $generic::<<$real as $crate::lanes::Real>::Avx2 $(, $c256)?>($($arg),*) }
        }
        match $crate::lanes::Level::kind($level) {
            // SAFETY: a `Level` exists only on a CPU that has it; operands were checked by the caller.
            $crate::lanes::Kind::Plain => unsafe {
                $generic::<<$real as $crate::lanes::Real>::Plain $(, $cplain)?>($($arg),*)
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            $crate::lanes::Kind::Avx2 => unsafe { on_avx2 $($argument)* ($($arg),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            $crate::lanes::Kind::Avx512 => unsafe { on_avx512 $($argument)* ($($arg),*) },
        }
    }};
}
pub(crate) use multiversion;
