//! Kernels written in Rust become PTX here, with the shape of `cuda_builder` and without its compiler:
//! rustc's own `nvptx64-nvidia-cuda` target does it, and needs a nightly toolchain and the source of
//! `core`. The PTX is committed, with a [`Key`] beside it that says what it was made from; so a user's
//! build needs neither, and a change of the sources that is not followed by a rebuild fails a test.
//!
//! ```no_run
//! # fn main() -> Result<(), ptx_builder::PtxError> {
//! use ptx_builder::{PtxBuilder, Toolchain};
//! let toolchain = Toolchain::find(None, "target/ptx-builder".as_ref())?;
//! let built = PtxBuilder::new("kernels-gpu").arch("sm_80").copy_to("kernels-gpu/ptx").build(&toolchain)?;
//! println!("{}: {} bytes", built.path.display(), built.text.len());
//! # Ok(())
//! # }
//! ```
//!
//! A kernel package is `no_std`, depends at most on packages like it that depend on none, and holds a `launch-bounds.txt`; see
//! [`LaunchBounds`]. This crate is a tool of the workspace: it starts processes and reads files, and no
//! library depends on it.

mod builder;
mod error;
mod files;
mod key;
mod occupancy;
mod project;
mod ptxas;
mod text;
mod toolchain;

pub use builder::{Arch, Built, Comparison, PtxBuilder};
pub use error::PtxError;
pub use key::Key;
pub use occupancy::{Limits, Occupancy};
pub use project::{MEND, PTX_FOLDER, core_archive, packages, root};
pub use ptxas::{FunctionUse, Ptxas};
pub use text::{KernelBounds, LaunchBounds};
pub use toolchain::Toolchain;
