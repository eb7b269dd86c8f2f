//! The name of the build follows from what decides results and from nothing else: the lists in `build.rs` cover the
//! workspace, and a change counts exactly where the lists say so.

#[allow(dead_code, reason = "its `main` runs in Cargo")]
#[path = "../build.rs"]
mod build_script;

use build_script::{DECIDING, NOT_DECIDING, name};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Folders of all packages of the repository, the root's as an empty text. The fuzz targets are no member.
fn packages(folder: &str, found: &mut BTreeSet<String>) {
    if root().join(folder).join("Cargo.toml").is_file() && folder != "fuzz" {
        found.insert(folder.to_owned());
    }
    for entry in fs::read_dir(root().join(folder)).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let is_product = matches!(name.as_str(), "target" | "src" | "tests") || name.starts_with('.');
        if entry.path().is_dir() && !is_product {
            packages(format!("{folder}/{name}").trim_start_matches('/'), found);
        }
    }
}

#[test]
fn each_crate_is_in_exactly_one_list() {
    let mut there = BTreeSet::new();
    packages("", &mut there);
    assert!(there.len() > 10, "{there:?}");
    let decides = |package: &String| {
        let inside = |path: &&str| path.strip_prefix(package.as_str()).is_some_and(|rest| rest.starts_with('/'));
        !package.is_empty() && DECIDING.iter().any(inside)
    };
    // `kernels-gpu/ceilings` is inside `kernels-gpu`, and none of its files is in the list.
    let decides_not: BTreeSet<String> = NOT_DECIDING.iter().map(|(folder, _)| folder.to_string()).collect();
    for package in &there {
        let (yes, no) = (decides(package), decides_not.contains(package));
        assert!(yes != no, "build.rs lists the package in `{package}` {}", if yes { "twice" } else { "nowhere" });
    }
    let gone: Vec<&String> = decides_not.difference(&there).collect();
    assert!(gone.is_empty(), "build.rs lists what is not there: {gone:?}");
    assert!(DECIDING.iter().all(|path| root().join(path).exists()));
    assert!(NOT_DECIDING.iter().all(|(_, reason)| reason.len() > 10), "a reason is missing");
}

#[test]
fn a_change_counts_where_it_decides_and_nowhere_else() {
    let tree = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for path in DECIDING {
        if path == "Cargo.lock" { write(path, "lock") } else { write(&format!("{path}/lib.rs"), "code") }
    }
    let name_of = |compiler: &str| name(tree.path(), &[compiler.as_bytes().to_vec()]).unwrap();
    let mut names = vec![name_of("rustc 1")];
    assert_eq!(names[0].len(), 16);
    // Files that are not in the list, and files of no kind that is compiled.
    for path in ["src/main.rs", "crates/bqc-cluster/src/lib.rs", "crates/bqc-run/tests/a.rs", "crates/bqc-run/src/a.md"]
    {
        write(path, "// A comment");
        assert_eq!(name_of("rustc 1"), names[0], "{path}");
    }
    for path in ["Cargo.lock", "crates/bqc-optimize/src/lib.rs", "crates/bqc-run/src/a/b.rs", "kernels-gpu/ptx/a.ptx"] {
        write(path, "changed");
        names.push(name_of("rustc 1"));
    }
    fs::rename(tree.path().join("crates/bqc-run/src/a/b.rs"), tree.path().join("crates/bqc-run/src/a/c.rs")).unwrap();
    names.push(name_of("rustc 1"));
    names.push(name_of("rustc 2"));
    let n = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), n, "{names:?}");
    // In the repository nothing that is listed may be missing.
    fs::remove_dir_all(tree.path().join("crates/bqc-optimize")).unwrap();
    assert!(name(tree.path(), &[]).is_err_and(|e| e.to_string().contains("crates/bqc-optimize/src")));
    // A package from a registry has its lock file, and libraries elsewhere.
    for folder in ["crates", "kernels-gpu"] {
        fs::remove_dir_all(tree.path().join(folder)).unwrap();
    }
    write("crates/README.md", "text");
    assert_eq!(name(tree.path(), &[]).unwrap().len(), 16);
}

#[test]
fn no_library_has_a_build_script_that_reads_upwards() {
    let mut folders = BTreeSet::new();
    packages("", &mut folders);
    for folder in folders.iter().filter(|folder| !folder.is_empty()) {
        let script = root().join(folder).join("build.rs");
        let text = fs::read_to_string(script).unwrap_or_default();
        assert!(!text.contains(".."), "{folder}/build.rs names what is above it");
    }
}
