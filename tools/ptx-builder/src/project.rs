//! This workspace's own kernel packages, for the command and the tests.

use crate::{Arch, PtxBuilder};
use std::path::{Path, PathBuf};

/// What builds the committed PTX anew.
pub const MEND: &str = "cargo run -p ptx-builder -- rebuild";

/// Where the committed PTX lies, from the workspace's root.
pub const PTX_FOLDER: &str = "kernels-gpu/ptx";

/// Kernel packages, from the workspace's root.
const PACKAGES: [&str; 2] = ["kernels-gpu", "kernels-gpu/ceilings"];

/// What the first of them depends on.
const SCHEDULE: &str = "crates/bqc-schedule";

/// Architectures that PTX is committed for: the first runs on all later ones, the second has
/// instructions of its own.
const ARCHES: [Arch; 2] = [Arch::Sm80, Arch::Sm90];

/// The workspace's root.
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap_or(root)
}

/// A builder for each committed PTX file.
pub fn packages(root: &Path) -> Vec<PtxBuilder> {
    let builder = |package: &str, arch: Arch| {
        let builder = PtxBuilder::new(root.join(package)).arch(arch.name()).copy_to(root.join(PTX_FOLDER));
        if package == PACKAGES[0] { builder.library(root.join(SCHEDULE)) } else { builder }
    };
    PACKAGES.iter().flat_map(|package| ARCHES.map(|arch| builder(package, arch))).collect()
}

/// Where an archive of the source of `core` may lie, from the workspace's root.
const CORE_FOLDER: &str = "target/rust-core";

/// The archive of the source of `core` in the target folder, for machines whose nightly toolchain lacks the component
/// `rust-src`; `.ci/rust-core` puts one there. Of several, the last by name.
pub fn core_archive(root: &Path) -> Option<PathBuf> {
    let folder = root.join(CORE_FOLDER).read_dir().ok()?;
    let mut archives: Vec<PathBuf> = folder.filter_map(|entry| Some(entry.ok()?.path())).collect();
    archives.retain(|path| path.to_string_lossy().ends_with(".tar.xz"));
    archives.sort();
    archives.pop()
}
