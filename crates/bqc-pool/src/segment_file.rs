//! The one file that a journal writes, behind a trait so that tests can fill disks and break them.

use std::fs::File;
use std::io::{self, Write};

/// Where a segment's bytes go. Syncing takes as long as the disk likes, and nobody who appends waits for it.
pub(crate) trait SegmentFile: Send + Sync {
    /// Hands bytes to the system, which keeps them even if this process dies. One call at a time.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Comes back when all that was appended before the call would survive a loss of power.
    fn sync(&self) -> io::Result<()>;
}

impl SegmentFile for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
