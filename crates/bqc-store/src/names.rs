//! What segments are called, and the segments that a process makes one after the other.

use crate::storage::{Appender, Storage};
use bqc_wire::segment::encode_head;
use std::io;
use std::sync::Arc;

/// Folder of the results in a shared folder.
pub const SEGMENTS: &str = "segments";
/// Folder of the checkpoints beside it.
pub const CHECKPOINTS: &str = "checkpoints";
/// Extension of numbered segments.
const EXTENSION: &str = "seg";
/// Numbers in a row that others may have taken. More is a fault of the file system.
const MAX_TAKEN: u32 = 10_000;

/// What the segments of a store are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// `00000017.seg`, in the folder itself, numbered across all processes: the number says which is newer.
    Numbered,
    /// `<writer>-<n>` in this folder, numbered for each writer.
    Signed(&'static str),
}

impl Names {
    /// The folder that they lie in.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Names::Numbered => "",
            Names::Signed(folder) => folder,
        }
    }

    /// The path of a name in that folder.
    pub(crate) fn path(self, name: &str) -> String {
        match self {
            Names::Numbered => name.into(),
            Names::Signed(folder) => format!("{folder}/{name}"),
        }
    }

    /// The number of a segment; none if the file is something else. File systems and people leave other files.
    pub(crate) fn number(self, name: &str) -> Option<u64> {
        match self {
            Names::Numbered => name.strip_suffix(EXTENSION)?.strip_suffix('.')?.parse().ok(),
            Names::Signed(_) if name.starts_with('.') => None,
            Names::Signed(_) => name.rsplit_once('-')?.1.parse::<u32>().ok().map(u64::from),
        }
    }

    /// Whether a segment is this writer's.
    pub(crate) fn is_of(self, name: &str, writer: &str) -> bool {
        self != Names::Numbered && name.strip_prefix(writer).is_some_and(|rest| rest.starts_with('-'))
    }
}

/// The segments that a process makes, one after the other.
#[derive(Clone)]
pub(crate) struct Coming {
    pub storage: Arc<dyn Storage>,
    pub plan: [u8; 32],
    pub names: Names,
    /// Name of the process, where segments are signed.
    pub writer: String,
    /// The number that comes next, if no other process has taken it.
    pub next: u64,
}

impl Coming {
    /// Begins a segment that no other process has, with these records. All of it is on the disk then, its name
    /// included.
    pub(crate) fn begin(&mut self, records: &[u8]) -> io::Result<(String, Arc<dyn Appender>)> {
        for _ in 0..MAX_TAKEN {
            let path = self.names.path(&match self.names {
                Names::Numbered => format!("{:08}.{EXTENSION}", self.next),
                Names::Signed(_) => format!("{}-{}", self.writer, self.next),
            });
            self.next += 1;
            let file = match self.storage.create(&path) {
                // Another process has it, or a request of this one was repeated.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other?,
            };
            file.append(&[&encode_head(&self.plan), records].concat())?;
            file.sync()?;
            self.storage.sync_folder(self.names.folder())?;
            return Ok((path, file.into()));
        }
        Err(io::Error::other(format!("{MAX_TAKEN} names of segments in a row are taken")))
    }
}
