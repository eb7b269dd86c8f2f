//! Folders of one user: the system's rules for state and caches (XDG) ask that others see nothing of them.

use std::fs::DirBuilder;
use std::io;
use std::path::Path;

/// Makes a folder and those above it that are not there, for this user alone. One that is there stays as it is.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn others_see_nothing_of_a_new_folder() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("a/b");
        make_folder(&new).unwrap();
        for made in [&new, &folder.path().join("a")] {
            assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
        make_folder(&new).unwrap();
        assert_eq!(new.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    }
}
