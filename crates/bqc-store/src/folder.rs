//! Journals and caches as folders: which process may write, what kind of folder it is, and what goes when there is too
//! much.

use crate::error::StoreError;
use crate::journal::Use;
use crate::names::Names;
use crate::private::make_folder;
use crate::storage::{Folder, Storage};
use bqc_wire::segment::{HEAD_BYTES, check_head};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Name of the file that the one process that writes to a run's folder has locked.
pub(crate) const LOCK_NAME: &str = "lock";
/// How often a folder that is being removed is made again. Each try but the last has lost a race.
const LOCK_TRIES: usize = 100;
/// From one look at a lock that another process has to the next.
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Looks at the lock of a run's folder. A supervisor that was killed as it started a worker leaves the lock to a process
/// that has not begun yet, and that lets go of it as it does: half a second is enough.
pub(crate) const LOCK_LOOKS: usize = 25;

/// Tells runs' folders and caches apart before anything is written: the first kind has a lock, the second segments of
/// no plan. One of either that was used as the other would be of no use any more.
pub(crate) fn refuse_other_use(folder: &Path, of_caches: &[u8; 32], usage: Use) -> Result<(), StoreError> {
    let has_lock = folder.join(LOCK_NAME).exists();
    let is_cache = || {
        let names = segments(folder).into_iter().flatten();
        let heads = names.filter_map(|name| Folder::new(folder).read_from(&name, 0, HEAD_BYTES).ok());
        heads.into_iter().any(|head| check_head(&head, of_caches) == Ok(true))
    };
    let (what, wanted) = match usage {
        Use::Cache { .. } if has_lock => ("the run folder of a run", "--cache"),
        Use::Run if !has_lock && is_cache() => ("a cache", "--run-dir"),
        _ => return Ok(()),
    };
    Err(StoreError::OtherUse { folder: folder.to_path_buf(), what, wanted })
}

/// A run's folder that is this process's, for as long as this lives.
pub(crate) struct Held {
    _file: File,
    /// Whether that keeps others out. Some file systems know no locks.
    keeps_out: bool,
}

/// Makes the folder, if need be, and locks it. If another process has it, it looks so often again.
pub(crate) fn lock(folder: &Path, n_looks: usize) -> Result<Held, StoreError> {
    let path = folder.join(LOCK_NAME);
    let mut n_looks_left = n_looks;
    for _ in 0..LOCK_TRIES {
        match make_folder(folder) {
            // It was there, and is not any more.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && !folder.exists() => continue,
            other => other.map_err(StoreError::io(folder))?,
        }
        let file = match OpenOptions::new().create(true).truncate(false).write(true).open(&path) {
            // The run that had it has removed the folder since.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(StoreError::io(&path))?,
        };
        match file.try_lock() {
            Ok(()) if is_at(&file, &path) => return Ok(Held { _file: file, keeps_out: true }),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if n_looks_left > 0 => {
                n_looks_left -= 1;
                thread::sleep(LOCK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => break,
            // Nothing but time depends on the lock: processes that share the folder have segments of their own.
            Err(TryLockError::Error(source)) if has_no_locks(&source) => {
                return Ok(Held { _file: file, keeps_out: false });
            }
            Err(TryLockError::Error(source)) => return Err(StoreError::Io { path, source }),
        }
    }
    Err(StoreError::Busy { folder: folder.to_path_buf() })
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
    remove_oldest(runs, n_kept, |path| lock(path, 0).ok());
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
    for name in segments(folder)? {
        fs::remove_file(folder.join(name))?;
    }
    // From here on another process may begin a run of its own in what is left, and then it stays.
    fs::remove_file(folder.join(LOCK_NAME))?;
    match fs::remove_dir(folder) {
        Err(e) if e.kind() != io::ErrorKind::DirectoryNotEmpty => Err(e),
        _ => Ok(()),
    }
}

/// Names of the segments of a folder, oldest first. Other files are left alone.
pub(crate) fn segments(folder: &Path) -> io::Result<Vec<String>> {
    let mut segments = Folder::new(folder).list("")?;
    segments.retain(|name| Names::Numbered.number(name).is_some());
    segments.sort_by_key(|name| Names::Numbered.number(name));
    Ok(segments)
}

/// Deletes the oldest segments, so that the others fit.
pub(crate) fn delete_oldest(folder: &Path, max_bytes: u64) -> io::Result<()> {
    let mut total = 0u64;
    for name in segments(folder)?.iter().rev() {
        let path = folder.join(name);
        total = total.saturating_add(fs::metadata(&path).map_or(0, |m| m.len()));
        if total > max_bytes {
            // A cache that cannot be made smaller is still a cache.
            _ = fs::remove_file(path);
        }
    }
    Ok(())
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
        let without_locks = |path: &Path| Some(Held { keeps_out: false, ..lock(path, 0).ok()? });
        remove_oldest(runs.path(), 1, without_locks);
        assert_eq!(n_left(), 3);
        remove_oldest_runs(runs.path(), 1);
        assert_eq!(n_left(), 1);
    }
}
