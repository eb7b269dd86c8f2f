//! Why a folder cannot be used.

use bqc_wire::SegmentError;
use std::io;
use std::path::{Path, PathBuf};

/// A folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system's refusal.
    #[error("cannot use `{}`: {source}", .path.display())]
    Io {
        /// What was being read or written. In a shared folder, relative to it.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process writes to it.
    #[error("`{}` is in use by another run of bqc; wait for it, or choose another folder", .folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// It is the folder of a run where a cache should be, or a cache where that of a run should be.
    #[error("`{}` is {what}; choose another folder for {wanted}", .folder.display())]
    OtherUse {
        /// The folder.
        folder: PathBuf,
        /// What it is.
        what: &'static str,
        /// What it was to be.
        wanted: &'static str,
    },
    /// It belongs to another run.
    #[error("`{}` belongs to another run: {source}; choose another folder, or remove this one", .path.display())]
    Other {
        /// The segment that says so. In a shared folder, relative to it.
        path: PathBuf,
        /// What it says.
        source: SegmentError,
    },
}

impl StoreError {
    /// An [`StoreError::Io`] of this path.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.as_ref().to_path_buf();
        move |source| StoreError::Io { path, source }
    }

    /// The same with its path below `folder`.
    pub(crate) fn below(self, folder: &Path) -> StoreError {
        match self {
            StoreError::Io { path, source } => StoreError::Io { path: folder.join(path), source },
            StoreError::Other { path, source } => StoreError::Other { path: folder.join(path), source },
            other => other,
        }
    }
}

/// Whether there is no room on the disk, or none for this user.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
