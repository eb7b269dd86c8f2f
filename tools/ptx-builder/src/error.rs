//! What can go wrong, split by what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no PTX, or why the committed PTX is not good.
#[derive(Debug, thiserror::Error)]
pub enum PtxError {
    /// Install what is missing. A user's build does not need it.
    #[error("cannot build PTX here: {0}")]
    NoToolchain(String),
    /// Correct the name.
    #[error("`{0}` is no architecture that ptx-builder knows; it knows sm_80, sm_90 and sm_100")]
    UnknownArch(String),
    /// Correct the kernels.
    #[error("{what} does not compile:\n{output}")]
    Compile {
        /// Which crate.
        what: String,
        /// What the compiler said.
        output: String,
    },
    /// Find what the kernels call: a panic, a formatter, a function of the C library.
    #[error("the PTX of {package} calls functions that no GPU has: {}", .names.join(", "))]
    Externs {
        /// The package.
        package: String,
        /// As they stand in the PTX.
        names: Vec<String>,
    },
    /// Correct `launch-bounds.txt` or the kernels, so that each has the other.
    #[error("launch bounds: {0}")]
    Bounds(String),
    /// The compiler's text is not what this crate expects: probably a newer compiler.
    #[error("the PTX of {package} says `{found}` where `{expected}` was expected")]
    Unexpected {
        /// The package.
        package: String,
        /// What it says.
        found: String,
        /// What it should say.
        expected: String,
    },
    /// Run the command.
    #[error("{}: stale: {why}; mend it with `{command}`", .path.display())]
    Stale {
        /// The committed PTX.
        path: PathBuf,
        /// What changed.
        why: String,
        /// What mends it.
        command: &'static str,
    },
    /// A file or a process.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl PtxError {
    /// For `map_err`: the system's reason, with the path.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> PtxError + '_ {
        |source| PtxError::Io { path: path.to_path_buf(), source }
    }
}
