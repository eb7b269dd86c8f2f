//! The build of this program, computed by `build.rs` and handed down to everything that keeps results.

use bqc_wire::Build;

/// Names the sources, dependencies and compiler that decide results, as listed in `build.rs`.
pub static BUILD: Build = Build::new(env!("BQC_BUILD"));
