//! How a command ends: the exit codes, and the errors that a user can cause.

use bqc_store::{StoreError, is_full};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The exit codes, which scripts depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Complete = 0,
    /// `verify` found a difference.
    Differs = 1,
    /// Wrong usage, input or output. clap uses the same number.
    Refused = 2,
    /// Done, but some blocks were kept because of a fault.
    Degraded = 3,
    /// A signal came; EX_TEMPFAIL of sysexits.h, which batch systems take for "try again".
    Interrupted = 75,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// What ends a command with [`Exit::Refused`].
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The input is no circuit: place and reason in one line; its own rendering has the excerpt, too.
    #[error(transparent)]
    Diagnostic(Box<bqc_qasm::Diagnostic>),
    /// Options that contradict each other or the input.
    #[error("{0}")]
    Usage(String),
    /// A signal or the time limit came before it was known what there is to work with.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "elsewhere no driver is asked"))]
    #[error("stopped before the driver was asked")]
    Stopped,
    /// The input cannot be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    Read {
        /// The input.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The output cannot be written; what was there before is untouched.
    #[error("cannot write `{}`: {reason}", .path.display())]
    Write {
        /// The output.
        path: PathBuf,
        /// The reason, and what to do.
        reason: String,
    },
    /// A run folder or a cache cannot be used.
    #[error(transparent)]
    Journal(#[from] StoreError),
    /// The folder that many machines share cannot be used.
    #[error("{}", folder_words(.path, .source))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What cannot be used in it.
        source: StoreError,
    },
    /// Signal handlers or threads cannot be set up.
    #[error("cannot set up {what}: {source}")]
    Setup {
        /// What was being set up.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

impl Failure {
    /// A [`Failure::Write`] for `path`.
    pub fn write(path: &Path, reason: impl ToString) -> Failure {
        Failure::Write { path: path.to_path_buf(), reason: reason.to_string() }
    }
}

/// Which file of a run folder cannot be used, and what to do.
fn folder_words(folder: &Path, error: &StoreError) -> String {
    match error {
        StoreError::Io { path, source } => {
            let wants_room = is_full(source) || source.kind() == io::ErrorKind::FileTooLarge;
            let mend = if wants_room { "make room" } else { "mend that" };
            let path = folder.join(path);
            format!(
                "cannot use `{}`: {source}; {mend} and start it again: what is in the folder counts",
                path.display()
            )
        }
        StoreError::Other { path, source } => {
            format!("`{}` belongs to another run: {source}", folder.join(path).display())
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_folder_that_cannot_be_used_is_named_with_what_to_do() {
        let words = |kind: io::ErrorKind| {
            let source = StoreError::Io { path: "segments".into(), source: kind.into() };
            Failure::Folder { path: "some/run".into(), source }.to_string()
        };
        let full = words(io::ErrorKind::StorageFull);
        assert!(full.starts_with("cannot use `some/run/segments`: no storage space; make room and start"), "{full}");
        let refused = words(io::ErrorKind::PermissionDenied);
        assert!(refused.contains("`some/run/segments`: permission denied; mend that and start"), "{refused}");
    }
}
