//! The files of a folder of segments: their names, who may write, and what goes when there are too many.

use crate::journal::{JournalError, Use};
use bqc_wire::segment::{HEAD_BYTES, check_head, encode_head};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Name of the file that the one process that writes to a run's folder has locked.
pub(crate) const LOCK_NAME: &str = "lock";
/// How often a folder that is being removed is made again. Each try but the last has lost a race.
const LOCK_TRIES: usize = 100;
/// From one look at a lock that somebody has to the next: fewer looks than tries fit any patience.
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Extension of segments. Their names are numbers.
const EXTENSION: &str = "seg";

/// The segments that a process makes, one after the other.
#[derive(Clone)]
pub(crate) struct Coming {
    pub folder: PathBuf,
    pub plan: [u8; 32],
    /// The number that comes next, if no other process has taken it.
    pub number: u64,
}

impl Coming {
    /// A segment of a number that no other process has, with its head, on the disk.
    pub(crate) fn next(&mut self) -> io::Result<(PathBuf, File)> {
        loop {
            let path = self.folder.join(format!("{:08}.{EXTENSION}", self.number));
            self.number += 1;
            let mut file = match OpenOptions::new().append(true).create_new(true).open(&path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other?,
            };
            file.write_all(&encode_head(&self.plan))?;
            file.sync_data()?;
            // Only then does the name itself survive a loss of power. Elsewhere folders are no files.
            #[cfg(unix)]
            File::open(&self.folder)?.sync_all()?;
            return Ok((path, file));
        }
    }
}

/// Tells runs' folders and caches apart before anything is written: the first kind has a lock, the second segments of
/// no plan. One of either that was used as the other would be of no use any more.
pub(crate) fn refuse_other_use(folder: &Path, of_caches: &[u8; 32], usage: Use) -> Result<(), JournalError> {
    let has_lock = folder.join(LOCK_NAME).exists();
    let is_cache = || {
        let paths = segments(folder).into_iter().flatten().map(|(_, path)| path);
        paths.filter_map(|path| read_head(&path).ok()).any(|head| check_head(&head, of_caches) == Ok(true))
    };
    let (what, wanted) = match usage {
        Use::Cache { .. } if has_lock => ("the run folder of a run", "--cache"),
        Use::Run if !has_lock && is_cache() => ("a cache", "--run-dir"),
        _ => return Ok(()),
    };
    Err(JournalError::OtherUse { folder: folder.to_path_buf(), what, wanted })
}

fn read_head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// A run's folder that is this process's, for as long as this lives.
pub(crate) struct Held {
    _file: File,
    /// Whether that keeps others out. Some file systems know no locks.
    keeps_out: bool,
}

/// Makes the folder, if need be, and locks it, within this time if somebody has it.
pub(crate) fn lock(folder: &Path, patience: Duration) -> Result<Held, JournalError> {
    let end = Instant::now() + patience;
    let path = folder.join(LOCK_NAME);
    let io = |source| JournalError::Io { path: path.clone(), source };
    for _ in 0..LOCK_TRIES {
        match fs::create_dir_all(folder) {
            // It was there, and is not any more.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && !folder.exists() => continue,
            other => other.map_err(|source| JournalError::Io { path: folder.to_path_buf(), source })?,
        }
        let file = match OpenOptions::new().create(true).truncate(false).write(true).open(&path) {
            // The run that had it has removed the folder since.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(io)?,
        };
        match file.try_lock() {
            Ok(()) if is_at(&file, &path) => return Ok(Held { _file: file, keeps_out: true }),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => break,
            // Nothing but time depends on the lock: whoever shares the folder has segments of its own.
            Err(TryLockError::Error(source)) if has_no_locks(&source) => {
                return Ok(Held { _file: file, keeps_out: false });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
    }
    Err(JournalError::Busy { folder: folder.to_path_buf() })
}

/// Whether it is the file system that knows no locks, as Lustre does unless it is mounted so.
fn has_no_locks(error: &io::Error) -> bool {
    /// ENOLCK of Linux: the server has none, or cannot be asked.
    const NO_LOCKS: i32 = 37;
    error.kind() == io::ErrorKind::Unsupported || cfg!(target_os = "linux") && error.raw_os_error() == Some(NO_LOCKS)
}

/// Whether the path still leads to this file: a lock on one that was deleted keeps nobody out.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |a: fs::Metadata, b: fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    file.metadata().is_ok_and(|a| fs::metadata(path).is_ok_and(|b| same(a, b)))
}

/// Elsewhere a file that is open is not deleted.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Deletes folders of runs below `runs`, all but the `n_kept` newest and those that are in use. What is no
/// folder of a run stays, and what cannot be deleted too. So does everything where there are no locks: nobody can tell
/// who is at work.
pub fn remove_oldest_runs(runs: &Path, n_kept: usize) {
    remove_oldest(runs, n_kept, |path| lock(path, Duration::ZERO).ok());
}

fn remove_oldest(runs: &Path, n_kept: usize, hold: impl Fn(&Path) -> Option<Held>) {
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    let time = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
    let mut folders: Vec<_> = entries.filter_map(|e| Some((time(&e.path())?, e.path()))).collect();
    folders.retain(|(_, path)| path.join(LOCK_NAME).is_file());
    folders.sort();
    let n_old = folders.len().saturating_sub(n_kept);
    for (_, path) in folders.drain(..n_old) {
        if let Some(_held) = hold(&path).filter(|held| held.keeps_out) {
            _ = remove(&path);
        }
    }
}

/// Deletes a run's folder, whose lock is held. What somebody else has put there stays.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    for (_, path) in segments(folder)? {
        fs::remove_file(path)?;
    }
    // From here on another process may begin a run of its own in what is left, and then it stays.
    fs::remove_file(folder.join(LOCK_NAME))?;
    match fs::remove_dir(folder) {
        Err(e) if e.kind() != io::ErrorKind::DirectoryNotEmpty => Err(e),
        _ => Ok(()),
    }
}

/// The segments of a folder with their numbers, oldest first. Other files are nobody's business.
pub(crate) fn segments(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let (Some(number), true) = (number, path.extension().is_some_and(|e| e == EXTENSION)) {
            segments.push((number, path));
        }
    }
    segments.sort();
    Ok(segments)
}

/// Keeps the newest segments that fit.
pub(crate) fn delete_oldest(segments: &mut Vec<(u64, PathBuf)>, max_bytes: u64) {
    let mut total = 0u64;
    let n_kept = segments.iter().rev().take_while(|(_, path)| {
        total = total.saturating_add(fs::metadata(path).map_or(0, |m| m.len()));
        total <= max_bytes
    });
    let n_deleted = segments.len() - n_kept.count();
    for (_, path) in segments.drain(..n_deleted) {
        // A cache that cannot be made smaller is still a cache.
        _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_system_without_locks_is_told_from_one_that_fails() {
        // ENOLCK, ENOSYS, EOPNOTSUPP; EIO, EACCES, EBADF.
        let of = |code| has_no_locks(&io::Error::from_raw_os_error(code));
        assert_eq!([37, 38, 95].map(of), [true; 3]);
        assert_eq!([5, 13, 9].map(of), [false; 3]);
    }

    #[test]
    fn where_there_are_no_locks_no_run_is_taken_for_an_old_one() {
        let runs = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            fs::create_dir(runs.path().join(name)).unwrap();
            fs::write(runs.path().join(name).join(LOCK_NAME), "").unwrap();
        }
        let n_left = || fs::read_dir(runs.path()).unwrap().count();
        let without_locks = |path: &Path| Some(Held { keeps_out: false, ..lock(path, Duration::ZERO).ok()? });
        remove_oldest(runs.path(), 1, without_locks);
        assert_eq!(n_left(), 3);
        remove_oldest_runs(runs.path(), 1);
        assert_eq!(n_left(), 1);
    }
}
