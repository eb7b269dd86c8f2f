//! Files by name in a fixed order, and digests of them that do not depend on where they lie.

use crate::PtxError;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// SHA-256 as 64 hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).as_slice())
}

/// SHA-256 over files below `folder`: for each its relative path, its length and its bytes.
pub(crate) fn digest_of(folder: &Path, files: &[PathBuf]) -> Result<String, PtxError> {
    let mut hash = Sha256::new();
    for file in files {
        let bytes = read(&folder.join(file))?;
        let name = file.to_string_lossy().replace('\\', "/");
        hash.update(format!("{name}\0{}\0", bytes.len()));
        hash.update(&bytes);
    }
    Ok(hex(hash.finalize().as_slice()))
}

/// All files below `folder/inside`, relative to `folder`, sorted.
pub(crate) fn files_below(folder: &Path, inside: &str) -> Result<Vec<PathBuf>, PtxError> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(inside)];
    while let Some(relative) = open.pop() {
        let at = folder.join(&relative);
        for entry in fs::read_dir(&at).map_err(PtxError::io(&at))? {
            let entry = entry.map_err(PtxError::io(&at))?;
            let path = relative.join(entry.file_name());
            if entry.path().is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, PtxError> {
    fs::read(path).map_err(PtxError::io(path))
}

pub(crate) fn read_text(path: &Path) -> Result<String, PtxError> {
    fs::read_to_string(path).map_err(PtxError::io(path))
}

/// Writes `text` under a temporary name in the same folder and renames it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), PtxError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(PtxError::io(folder))?;
    let temporary = tempfile::Builder::new().tempfile_in(folder).map_err(PtxError::io(folder))?;
    // What any new file gets, where a temporary one is the owner's alone.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let permissions = fs::Permissions::from_mode(0o644);
        fs::set_permissions(temporary.path(), permissions).map_err(PtxError::io(path))?;
    }
    fs::write(temporary.path(), text).map_err(PtxError::io(path))?;
    temporary.persist(path).map_err(|e| PtxError::Io { path: path.to_path_buf(), source: e.error })?;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
