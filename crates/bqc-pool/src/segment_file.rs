//! The one file that a journal writes, behind a trait so that tests can fill disks and break them.

use std::fs::File;
use std::io::{self, Write};

/// Where a segment's bytes go.
pub(crate) trait SegmentFile: Send {
    /// Hands bytes to the system, which keeps them even if this process dies.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Comes back when they would survive a loss of power.
    fn sync(&mut self) -> io::Result<()>;
}

impl SegmentFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
