//! What a store needs of a folder: files that are made once, appended to by one writer, read by all, and listed.
//! There are no locks, and no clock but the one that stamps the files.
//!
//! What a shared file system may do, and what is built on this trait has to bear: a listing is old; what
//! was appended is seen late, and not all at once; making a file succeeds and is reported as
//! [`AlreadyExists`](io::ErrorKind::AlreadyExists), because the answer was lost and the request repeated;
//! any call fails for a while (`ESTALE`, `EIO`). Tests do all of that.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Temporary files that may lie about.
const MOST_TEMPORARY: u32 = 100;

/// A folder that many machines see. Names are relative to it and use `/`.
pub trait Storage: Send + Sync {
    /// Makes a folder and those above it; one that is there is fine.
    fn make_folder(&self, name: &str) -> io::Result<()>;
    /// Makes a file, to be appended to by the caller alone. One of that name is an error of the kind
    /// `AlreadyExists`, which may also come after success.
    fn create(&self, name: &str) -> io::Result<Box<dyn Appender>>;
    /// Names of the files in a folder, in any order; none if the folder is not there (yet).
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// At most `max_bytes` of a file from `offset` on; none behind its end.
    fn read_from(&self, name: &str, offset: u64, max_bytes: usize) -> io::Result<Vec<u8>>;
    /// Puts a whole file in place of whatever is there, so that nobody ever sees a part of it.
    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()>;
    /// Brings the names of a folder's files to the disk.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;
    /// Deletes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// How much later, in seconds, `later` was changed than `earlier`, by the stamps of the file system.
    fn seconds_between(&self, earlier: &str, later: &str) -> io::Result<f64>;
}

/// The end of a file of one's own.
pub trait Appender: Send + Sync {
    /// Hands bytes to the file system. After an error any part of them may be in the file.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Comes back when all that was appended would survive the loss of this machine.
    fn sync(&self) -> io::Result<()>;
}

/// A real folder.
#[derive(Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// At `root`, which need not be there.
    pub fn new(root: &Path) -> Folder {
        Folder { root: root.to_path_buf() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

impl Storage for Folder {
    fn make_folder(&self, name: &str) -> io::Result<()> {
        fs::create_dir_all(self.path(name))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Appender>> {
        Ok(Box::new(OpenOptions::new().append(true).create_new(true).open(self.path(name))?))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(folder)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            // A name that is not text was not given here. A file may go meanwhile.
            if entry.file_type().is_ok_and(|kind| !kind.is_dir())
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Opens the file anew each time: that is when a network file system asks its server what is new.
    fn read_from(&self, name: &str, offset: u64, max_bytes: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(name))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(max_bytes as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        for n in 0..MOST_TEMPORARY {
            let temporary = self.path(&format!("{name}.{n}.tmp"));
            let mut file = match OpenOptions::new().write(true).create_new(true).open(&temporary) {
                // Somebody else's, perhaps of long ago.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other?,
            };
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            return path.parent().map_or(Ok(()), sync_names);
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{MOST_TEMPORARY} temporary files lie beside it")))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        sync_names(&self.path(folder))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn seconds_between(&self, earlier: &str, later: &str) -> io::Result<f64> {
        let changed = |name| fs::metadata(self.path(name))?.modified();
        let (earlier, later) = (changed(earlier)?, changed(later)?);
        Ok(later.duration_since(earlier).map_or_else(|e| -e.duration().as_secs_f64(), |d| d.as_secs_f64()))
    }
}

impl Appender for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Brings the names in a folder to the disk.
#[cfg(unix)]
fn sync_names(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems have no handle on a folder to synchronise.
#[cfg(not(unix))]
fn sync_names(_: &Path) -> io::Result<()> {
    Ok(())
}
