//! Where text comes from: a named source, and the rule by which `include` finds more.
//!
//! The reader itself opens nothing. It asks an [`Includes`], and only after it has refused every path
//! that could leave the places which that was given. [`DirectoryIncludes`] looks in directories.

use std::io::Read;
use std::path::{Path, PathBuf};

/// A piece of OpenQASM with the name that messages use for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    /// How messages name it, normally the path as the user typed it.
    pub name: String,
    /// Its content. Anything that is not UTF-8 is refused at its position.
    pub bytes: Vec<u8>,
}

impl SourceText {
    /// A source from its name and content.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> SourceText {
        SourceText { name: name.into(), bytes: bytes.into() }
    }
}

/// Finds the files that `include` names. Paths are relative and free of `..` when they arrive here,
/// and `qelib1.inc` and `stdgates.inc` never do: they are built in.
pub trait Includes {
    /// The file at `path`.
    ///
    /// # Errors
    /// [`IncludeError`] says whether it is absent or cannot be read.
    fn find(&self, path: &str) -> Result<SourceText, IncludeError>;
}

/// Why an include could not be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncludeError {
    /// It is in none of these places.
    NotFound {
        /// Where it was looked for; empty if this reader looks nowhere.
        searched: Vec<String>,
    },
    /// It exists but cannot be read.
    Unreadable {
        /// The operating system's reason, or the size bound.
        reason: String,
    },
}

/// Finds nothing: only the built-in libraries can be included.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoIncludes;

impl Includes for NoIncludes {
    fn find(&self, _path: &str) -> Result<SourceText, IncludeError> {
        Err(IncludeError::NotFound { searched: Vec::new() })
    }
}

/// Looks in directories, in order: the input's own directory first, then each `--include-dir`. A link that leads out of
/// all of them is refused.
#[derive(Clone, Debug, Default)]
pub struct DirectoryIncludes {
    directories: Vec<PathBuf>,
}

impl DirectoryIncludes {
    /// The largest file that is read, in bytes. A library of gates has a few thousand.
    pub const MAX_FILE_BYTES: u64 = 256 << 20;

    /// Looks in `directories` in this order. An empty path is the current directory.
    pub fn new(directories: impl IntoIterator<Item = PathBuf>) -> DirectoryIncludes {
        DirectoryIncludes { directories: directories.into_iter().collect() }
    }

    /// Whether a file is, after all links, in one of the directories.
    fn contains(&self, file: &Path) -> std::io::Result<bool> {
        let file = file.canonicalize()?;
        let here = |directory: &PathBuf| if directory.as_os_str().is_empty() { ".".into() } else { directory.clone() };
        let mut real = self.directories.iter().filter_map(|directory| here(directory).canonicalize().ok());
        Ok(real.any(|directory| file.starts_with(directory)))
    }
}

impl Includes for DirectoryIncludes {
    fn find(&self, path: &str) -> Result<SourceText, IncludeError> {
        for directory in &self.directories {
            let file = directory.join(path);
            // Devices and pipes may never end; only regular files count.
            if !file.metadata().is_ok_and(|m| m.is_file()) {
                continue;
            }
            let unreadable = |reason: String| IncludeError::Unreadable { reason };
            if !self.contains(&file).map_err(|e| unreadable(e.to_string()))? {
                let reason = "it is a link to a file elsewhere; name the folder of that file with --include-dir";
                return Err(unreadable(reason.into()));
            }
            let handle = std::fs::File::open(&file).map_err(|e| unreadable(e.to_string()))?;
            let mut bytes = Vec::new();
            handle.take(Self::MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|e| unreadable(e.to_string()))?;
            if bytes.len() as u64 > Self::MAX_FILE_BYTES {
                return Err(unreadable(format!("it has more than {} bytes", Self::MAX_FILE_BYTES)));
            }
            return Ok(SourceText::new(file.display().to_string(), bytes));
        }
        Err(IncludeError::NotFound { searched: self.directories.iter().map(|d| d.display().to_string()).collect() })
    }
}

/// Whether an include's path stays inside the directory that it is looked for in. Backslashes and
/// drive letters are judged on every system, so that a source means the same everywhere.
pub(crate) fn stays_inside(path: &str) -> bool {
    let absolute = path.starts_with(['/', '\\']) || path.as_bytes().get(1) == Some(&b':');
    let climbs = path.split(['/', '\\']).any(|part| part == "..");
    !path.is_empty() && !absolute && !climbs && !path.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_all_directories_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [inside, outside] = ["inside", "outside"].map(|name| folder.path().join(name));
        for directory in [&inside, &outside] {
            std::fs::create_dir(directory).unwrap();
        }
        std::fs::write(outside.join("secret"), "precious").unwrap();
        std::os::unix::fs::symlink(outside.join("secret"), inside.join("link.inc")).unwrap();
        std::os::unix::fs::symlink(&inside, folder.path().join("way")).unwrap();
        let found = |directories: &[&PathBuf]| {
            DirectoryIncludes::new(directories.iter().map(|directory| (*directory).clone())).find("link.inc")
        };
        let refused = found(&[&inside]).unwrap_err();
        assert!(
            matches!(&refused, IncludeError::Unreadable { reason } if reason.contains("--include-dir")),
            "{refused:?}"
        );
        assert_eq!(found(&[&inside, &outside]).unwrap().bytes, b"precious");
        // A directory that is itself reached by a link is one like others.
        std::fs::write(inside.join("own.inc"), "own").unwrap();
        assert!(DirectoryIncludes::new([folder.path().join("way")]).find("own.inc").is_ok());
    }

    #[test]
    fn only_paths_below_the_directory_pass() {
        for good in ["a.inc", "lib/a.inc", "..a.inc", "a..inc", "./a.inc"] {
            assert!(stays_inside(good), "{good}");
        }
        for bad in ["", "/etc/passwd", "\\a", "C:\\a", "C:a", "..", "../a", "lib/../../a", "lib\\..\\a", "a\0b"] {
            assert!(!stays_inside(bad), "{bad:?}");
        }
    }
}
