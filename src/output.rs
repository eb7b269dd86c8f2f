//! Where results go. A file appears whole or not at all: the text is written to a temporary file in
//! the same folder, synchronised, and renamed over the target, so that a crash, a full disk or an
//! error leaves what was there before. Devices and pipes are written to directly.

use crate::cluster::is_of_plan;
use crate::exit::Failure;
use crate::input::is_standard_stream;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// A place that was found writable before any work began.
pub struct Output {
    path: PathBuf,
    place: Place,
}

enum Place {
    Stdout,
    /// A device or a pipe that exists: nothing to replace.
    Device,
    /// A file, which exists if it has permissions to keep.
    File {
        target: PathBuf,
        permissions: Option<Permissions>,
    },
}

impl Output {
    /// Checks that `path` (`-` is standard output) can be written, and touches nothing.
    pub fn prepare(path: &Path) -> Result<Output, Failure> {
        Output::prepare_beside(path, None)
    }

    /// The same where `other` was found writable already: its folder is not tried again.
    pub fn prepare_beside(path: &Path, other: Option<&Output>) -> Result<Output, Failure> {
        let place = if path == Path::new("-") { Place::Stdout } else { place_of(path)? };
        if let Place::File { target, .. } = &place {
            if is_of_plan(target) {
                return Err(Failure::write(path, "it belongs to a plan; choose another file"));
            }
            if other.and_then(Output::folder).is_none_or(|known| target.parent() != Some(known)) {
                // Created and dropped: the only test of a folder that also covers read-only mounts.
                temporary_beside(target).map_err(|e| Failure::write(path, e))?;
            }
        }
        Ok(Output { path: path.to_path_buf(), place })
    }

    /// Whether both would end up in the same place.
    pub fn is_same_as(&self, other: &Output) -> bool {
        match (&self.place, &other.place) {
            (Place::Stdout, Place::Stdout) => true,
            (Place::File { target: a, .. }, Place::File { target: b, .. }) => a == b,
            _ => false,
        }
    }

    /// Whether it is a file that is there.
    pub fn is_there(&self) -> bool {
        matches!(&self.place, Place::File { target, .. } if target.exists())
    }

    /// The folder of a file.
    fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::File { target, .. } => target.parent(),
            _ => None,
        }
    }

    /// Writes what `fill` produces. A closed pipe is no error: its reader has seen enough.
    pub fn write(&self, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        self.put(fill)?;
        Output::settle([self])
    }

    /// The same without waiting until the disk knows a file's name: see [`Output::settle`].
    pub fn put(&self, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        let result = match &self.place {
            Place::Stdout => fill_buffered(io::stdout().lock(), fill).map(drop),
            Place::Device => {
                File::options().write(true).open(&self.path).and_then(|f| fill_buffered(f, fill)).map(drop)
            }
            Place::File { target, permissions } => replace(target, permissions.clone(), fill),
        };
        match result {
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|e| Failure::write(&self.path, e)),
        }
    }

    /// Makes the names of files durable that were [put](Output::put), each folder once.
    pub fn settle<'a>(outputs: impl IntoIterator<Item = &'a Output>) -> Result<(), Failure> {
        let mut settled: Vec<&Path> = Vec::new();
        for output in outputs {
            if let Some(folder) = output.folder().filter(|folder| !settled.contains(folder)) {
                sync_folder(folder).map_err(|e| Failure::write(&output.path, e))?;
                settled.push(folder);
            }
        }
        Ok(())
    }
}

/// Prints to standard output. Whether there is a reader: one that has closed it has seen enough.
pub fn print(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
        other => other.map(|()| true).map_err(|e| Failure::write(Path::new("-"), e)),
    }
}

/// Whether two paths lead to one file, which need not be there yet. Standard streams are none.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    if is_standard_stream(a) || is_standard_stream(b) {
        return false;
    }
    match (place_of(a), place_of(b)) {
        (Ok(Place::File { target: a, .. }), Ok(Place::File { target: b, .. })) => a == b,
        _ => false,
    }
}

fn place_of(path: &Path) -> Result<Place, Failure> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(Failure::write(path, "it is a folder; name a file")),
        Ok(found) if !found.is_file() => Ok(Place::Device),
        Ok(found) => {
            // Through a symbolic link, so that the link stays one.
            let target = fs::canonicalize(path).map_err(|e| Failure::write(path, e))?;
            Ok(Place::File { target, permissions: Some(found.permissions()) })
        }
        Err(e) if e.kind() == ErrorKind::NotFound => new_file(path),
        Err(e) => Err(Failure::write(path, e)),
    }
}

fn new_file(path: &Path) -> Result<Place, Failure> {
    let name = path.file_name().ok_or_else(|| Failure::write(path, "it names no file"))?;
    if path.to_string_lossy().ends_with('/') {
        return Err(Failure::write(path, "it is a folder's name; name a file"));
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let folder = fs::canonicalize(folder)
        .map_err(|e| Failure::write(path, format!("the folder `{}`: {e}", folder.display())))?;
    Ok(Place::File { target: folder.join(name), permissions: None })
}

fn replace(
    target: &Path,
    permissions: Option<Permissions>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut temporary = temporary_beside(target)?;
    fill_buffered(temporary.as_file_mut(), fill)?;
    if let Some(permissions) = permissions {
        temporary.as_file().set_permissions(permissions)?;
    }
    temporary.as_file().sync_all()?;
    temporary.persist(target).map_err(|e| e.error)?;
    Ok(())
}

/// A temporary file in `target`'s folder, so that the rename stays on one file system.
fn temporary_beside(target: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".bqc-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What any new file gets: the umask still applies.
        builder.permissions(Permissions::from_mode(0o666));
    }
    builder.tempfile_in(target.parent().unwrap_or(Path::new(".")))
}

/// Makes renames in a folder durable.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems have no handle on a folder to synchronise.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn fill_buffered<W: Write>(to: W, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<W> {
    let mut buffered = BufWriter::with_capacity(1 << 16, to);
    fill(&mut buffered)?;
    buffered.flush()?;
    buffered.into_inner().map_err(|e| e.into_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn preparing_touches_nothing_and_writing_replaces_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.qasm");
        let output = Output::prepare(&path).unwrap();
        assert!(listing(folder.path()).is_empty());
        output.write(|w| w.write_all(b"one")).unwrap();
        Output::prepare(&path).unwrap().write(|w| w.write_all(b"2")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2");
        assert_eq!(listing(folder.path()), ["out.qasm"]);
    }

    #[test]
    fn an_error_half_way_leaves_the_old_file_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.qasm");
        fs::write(&path, "old").unwrap();
        let failed = Output::prepare(&path).unwrap().write(|w| {
            w.write_all(b"half")?;
            Err(io::Error::other("disk on fire"))
        });
        assert!(failed.unwrap_err().to_string().contains("disk on fire"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(listing(folder.path()), ["out.qasm"]);
    }

    #[test]
    fn hopeless_places_are_refused_before_any_work() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &Path| Output::prepare(path).err().unwrap().to_string();
        assert!(refused(folder.path()).contains("it is a folder"));
        assert!(refused(&folder.path().join("missing/out.qasm")).contains("missing`: No such file"));
        assert!(refused(&folder.path().join("missing/")).contains("folder"));
        assert!(refused(Path::new("")).contains("names no file"));
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_survive_and_devices_are_written_in_place() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        let (through_link, direct) = (Output::prepare(&link).unwrap(), Output::prepare(&file).unwrap());
        assert!(through_link.is_same_as(&direct));
        through_link.write(|w| w.write_all(b"new")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);

        Output::prepare(Path::new("/dev/null")).unwrap().write(|w| w.write_all(b"gone")).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
