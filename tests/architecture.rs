//! The invariants of `crates/README.md`, asserted on the sources. The tables there are the data here, so that the
//! page cannot go stale. `source` says what of a file is code, and what of that is for tests alone.

mod source;

use source::{Source, Word, lines_of};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Where `unsafe` may stand: vector instructions, and what talks to a GPU.
const UNSAFE_LEAVES: [&str; 6] = [
    "crates/bqc-linalg/src/lanes/",
    "crates/bqc-cuda/",
    "crates/bqc-cuda-shim/",
    "kernels-gpu/ceilings/",
    "kernels-gpu/src/cta/device.rs",
    "kernels-gpu/src/entry.rs",
];
/// Where a block becomes a verified one, and the one place that may build such types.
const VERIFIER: &str = "crates/bqc-verify/src/";
/// What only the verifier builds.
const VERIFIED: [&str; 4] = ["VerifiedBlock", "Composition", "VerifiedCircuit", "Output"];
/// Where processes are started, spoken to and given up.
const POOL: &str = "crates/bqc-pool/src/";
const MOST_LINES: usize = 600;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files of the repository by relative path with `/`, build products left out.
fn files() -> Vec<String> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name().into_string().unwrap();
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | ".git" | "artifacts" | "node_modules" | "__pycache__") {
                    walk(&path, root, found);
                }
            // In a second working tree `.git` is a file.
            } else if name != ".git" {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &root(), &mut found);
    found.retain(|path| path != "out.qasm");
    found.sort();
    assert!(found.len() > 50, "the walk found only {} files", found.len());
    found
}

fn read(path: &str) -> String {
    let bytes = fs::read(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    // Some inputs of tests are not UTF-8 on purpose.
    String::from_utf8_lossy(&bytes).into_owned()
}

fn rust_files() -> Vec<String> {
    files().into_iter().filter(|path| path.ends_with(".rs")).collect()
}

/// Sources of the library crates.
fn library_files() -> Vec<String> {
    let is_library = |path: &String| path.starts_with("crates/") && path.contains("/src/");
    rust_files().into_iter().filter(is_library).collect()
}

/// A file by its path.
type Named = (&'static str, &'static Source);

/// All Rust files, read once.
fn sources() -> impl Iterator<Item = Named> {
    static SOURCES: OnceLock<BTreeMap<String, Source>> = OnceLock::new();
    let read = |path: String| {
        let source = Source::new(Path::new(&path), &read(&path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        (path, source)
    };
    let sources = SOURCES.get_or_init(|| rust_files().into_iter().map(read).collect());
    sources.iter().map(|(path, source)| (path.as_str(), source))
}

/// What users run: not the files of tests, nor modules that a source compiles for tests alone.
fn products(is_wanted: impl Fn(&str) -> bool) -> Vec<Named> {
    let tests: Vec<&PathBuf> = sources().flat_map(|(_, source)| &source.test_modules).collect();
    let is_test = |path: &str| {
        let file = Path::new(path).with_extension("");
        path.starts_with("tests/") || path.contains("/tests/") || tests.iter().any(|test| file.starts_with(test))
    };
    let found: Vec<_> = sources().filter(|(path, _)| is_wanted(path) && !is_test(path)).collect();
    assert!(!found.is_empty());
    found
}

/// Sources of the library crates, read.
fn libraries(is_wanted: impl Fn(&str) -> bool) -> Vec<Named> {
    let files: BTreeSet<String> = library_files().into_iter().collect();
    products(|path| files.contains(path) && is_wanted(path))
}

/// Fails with every `path:line` that `find` gives.
fn assert_absent(sources: &[Named], what: &str, find: impl Fn(&Source) -> Vec<usize>) {
    let hits = sources.iter().flat_map(|(path, source)| find(source).into_iter().map(move |n| format!("{path}:{n}")));
    let hits: Vec<String> = hits.collect();
    assert!(hits.is_empty(), "{what}:\n{}", hits.join("\n"));
}

/// Lines of a source where one of the patterns stands.
fn any_of(source: &Source, patterns: &[&str]) -> Vec<usize> {
    patterns.iter().flat_map(|pattern| source.lines_of(pattern)).collect()
}

/// The keys of one table of a Cargo.toml, without `.workspace`.
fn manifest_keys(path: &str, table: &str) -> BTreeSet<String> {
    let text = read(path);
    let mut inside = false;
    let mut keys = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = !line.starts_with("[workspace")
                && line.trim_end_matches(']').rsplit('.').next().unwrap().trim_start_matches('[') == table;
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            keys.insert(line.split(['=', '.', ' ']).next().unwrap().to_string());
        }
    }
    keys
}

/// Folder of each crate of the table in `crates/README.md`, from top to bottom, with its arrows.
fn crate_table() -> Vec<(String, BTreeSet<String>)> {
    let page = read("crates/README.md");
    let mut table = Vec::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let arrows = cells[3].split(',').map(str::trim).filter(|c| !c.is_empty()).map(|c| format!("bqc-{c}")).collect();
        table.push((cells[1].trim_matches('`').to_string(), arrows));
    }
    table
}

/// The folder of a crate of the table, with a `/` unless it is the root.
fn folder_of(name: &str) -> String {
    match name {
        "bqc" => String::new(),
        "bqc-kernels" => "kernels-gpu/".into(),
        _ if name.starts_with("ptx-") || name == "test-skips" => format!("tools/{name}/"),
        _ => format!("crates/{name}/"),
    }
}

fn manifest_of(name: &str) -> String {
    format!("{}Cargo.toml", folder_of(name))
}

#[test]
fn arrows_are_those_of_the_table_and_point_down() {
    let table = crate_table();
    for parent in ["crates", "tools"] {
        let folders: BTreeSet<String> = fs::read_dir(root().join(parent))
            .unwrap()
            .map(Result::unwrap)
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        let is_below = |name: &String| folder_of(name).starts_with(&format!("{parent}/"));
        let named: BTreeSet<String> = table.iter().map(|(name, _)| name.clone()).filter(is_below).collect();
        assert_eq!(named, folders, "the table and the folders under {parent}/");
    }

    let height: BTreeMap<&str, usize> = table.iter().enumerate().map(|(i, (name, _))| (name.as_str(), i)).collect();
    for (name, arrows) in &table {
        let ours = |keys: BTreeSet<String>| keys.into_iter().filter(|k| k.starts_with("bqc")).collect::<BTreeSet<_>>();
        let manifest = manifest_of(name);
        assert_eq!(&ours(manifest_keys(&manifest, "dependencies")), arrows, "dependencies of {name}");
        for arrow in arrows.iter().chain(&ours(manifest_keys(&manifest, "dev-dependencies"))) {
            assert!(height[arrow.as_str()] > height[name.as_str()], "{name} → {arrow} points up");
        }
        // An arrow that no source follows is a lie of the table.
        let prefix = format!("{}src/", folder_of(name));
        let sources = products(|path| path.starts_with(&prefix));
        for arrow in arrows {
            let module = arrow.replace('-', "_");
            let used = sources.iter().any(|(_, source)| !source.lines_of(&module).is_empty());
            assert!(used, "{name} does not use {arrow}");
        }
    }
}

#[test]
fn serde_is_used_by_wire_alone() {
    for (name, _) in crate_table().iter().filter(|(name, _)| name != "bqc-wire") {
        let keys = manifest_keys(&manifest_of(name), "dependencies");
        assert!(!keys.iter().any(|key| key.starts_with("serde")), "{name} depends on serde");
    }
    assert!(manifest_keys("crates/bqc-wire/Cargo.toml", "dependencies").contains("serde"));
}

#[test]
fn unsafe_stands_only_in_the_leaves() {
    let is_elsewhere = |path: &str| !UNSAFE_LEAVES.iter().any(|leaf| path.starts_with(leaf));
    let elsewhere: Vec<_> = sources().filter(|(path, _)| is_elsewhere(path)).collect();
    assert_absent(&elsewhere, "unsafe outside its leaves", |source| lines_of(&source.all, "unsafe"));
}

/// Clocks, environment, terminal, chance, network and processes, by every way to name them.
/// `is_x86_feature_detected!` and compile-time `env!` do not depend on who runs the program.
const OUTSIDE: [&str; 20] = [
    "Instant",
    "SystemTime",
    "std :: time :: *",
    "std :: env",
    "env :: var…",
    "env :: args…",
    "env :: current_…",
    "IsTerminal",
    "println !",
    "eprintln !",
    "print !",
    "eprint !",
    "dbg !",
    "std :: process",
    "process :: exit",
    "thread_rng",
    "rand ::",
    "std :: net",
    "stdin (",
    "stderr (",
];

#[test]
fn libraries_leave_the_outside_world_to_the_binary() {
    let (pool, others): (Vec<_>, Vec<_>) = libraries(|_| true).into_iter().partition(|(p, _)| p.starts_with(POOL));
    let of_others = [&OUTSIDE[..], &["stdout ("]].concat();
    assert_absent(&others, "a library reaches outside", |source| any_of(source, &of_others));
    let of_pool = ["Instant", "std :: process", "process :: exit", "stdin (", "stderr ("];
    let not_of_pool: Vec<&str> = OUTSIDE.into_iter().filter(|pattern| !of_pool.contains(pattern)).collect();
    assert_absent(&pool, "the pool reaches too far outside", |source| any_of(source, &not_of_pool));
}

#[test]
fn processes_are_started_by_the_pool_alone() {
    // Build scripts and generators, like all of `tools/`, are not part of what users run.
    let is_tool = |path: &str| path.ends_with("/build.rs") || path.contains("/examples/");
    let is_product = |path: &str| (path.starts_with("src/") || path.starts_with("crates/")) && !is_tool(path);
    let others = products(|path| is_product(path) && !path.starts_with(POOL));
    assert_absent(&others, "a process is started outside the pool", |source| {
        any_of(source, &["Command :: new", "process :: Command", "std :: process :: *", "fork (", "unistd :: exec…"])
    });
}

#[test]
fn the_verifier_shares_nothing_with_the_engines() {
    let verifier = libraries(|path| path.starts_with(VERIFIER));
    assert_absent(&verifier, "the verifier names a kernel of the engines", |source| {
        any_of(source, &["bqc_instantiate", "bqc_linalg :: lanes", "lanes ::"])
    });
    let elsewhere = libraries(|path| !path.starts_with(VERIFIER));
    for name in VERIFIED {
        assert_absent(&elsewhere, "a verified circuit is built outside the verifier", |source| {
            source.lines_that_build(name)
        });
    }
}

#[test]
fn no_stub_ignored_test_or_debugging_print_is_left() {
    let patterns = ["todo !", "unimplemented !", "# [ ignore", "dbg !", "assert ! ( true"];
    let find = |words: &[Word]| patterns.iter().flat_map(|pattern| lines_of(words, pattern)).collect();
    let sources: Vec<Named> = sources().collect();
    assert_absent(&sources, "a stub, an ignored test or a debugging print", |source| find(&source.all));
}

#[test]
fn sources_are_short_and_open_with_what_they_are() {
    for path in rust_files() {
        let text = read(&path);
        let n_lines = text.lines().count();
        assert!(n_lines <= MOST_LINES, "{path} has {n_lines} lines, more than {MOST_LINES}");
        assert!(opens_with_what_it_is(&text), "{path} does not open with what it is");
    }
}

/// Whether the first line is documentation of the file with something in it.
fn opens_with_what_it_is(text: &str) -> bool {
    let first = text.lines().next().and_then(|line| line.strip_prefix("//!"));
    first.is_some_and(|words| words.trim().len() > 10)
}

#[test]
fn an_attribute_or_an_empty_line_is_no_opening() {
    assert!(opens_with_what_it_is("//! What this file holds.\n"));
    for text in ["", "#![no_std]\n//! What this file holds.\n", "//!\n//! Text", "// What this file holds", "use a;"] {
        assert!(!opens_with_what_it_is(text), "{text}");
    }
}

#[test]
fn no_text_names_a_path_of_somebodys_machine() {
    // Assembled, so that this file does not find itself.
    let homes = ["root", "home", "Users", "work"].map(|folder| format!("/{folder}/"));
    for path in files() {
        let bytes = fs::read(root().join(&path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        // What is no text is made by programs that write no paths.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        for (i, line) in text.lines().enumerate() {
            let starts_path = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-".contains(c));
            let hit = homes.iter().any(|home| line.match_indices(home.as_str()).any(|(at, _)| starts_path(at)));
            assert!(!hit, "{path}:{}: {line}", i + 1);
        }
    }
}

#[test]
fn shared_dependencies_say_why_they_are_there() {
    let text = read("Cargo.toml");
    let section = text.split("[workspace.dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let mut previous = "";
    let mut n_external = 0;
    for line in section.lines().filter(|line| !line.is_empty()) {
        if !line.starts_with('#') && !line.starts_with("bqc") {
            n_external += 1;
            assert!(previous.starts_with("# "), "no reason above `{line}`");
        }
        previous = line;
    }
    assert!(n_external > 5);
    let is_member = |path: &String| path.starts_with("crates/") || path.starts_with("tools/");
    for path in files().iter().filter(|p| p.ends_with("Cargo.toml") && is_member(p)) {
        assert!(read(path).contains("[lints]\nworkspace = true"), "{path} does not use the workspace's lints");
    }
}

#[test]
fn the_readme_commands_stand_on_lines_of_their_own_and_run_in_ci() {
    let (readme, ci) = (read("README.md"), read(".ci/run"));
    let lines: Vec<&str> = readme.lines().map(str::trim).collect();
    let compile = lines
        .iter()
        .find(|line| {
            line.starts_with("cargo run --release -- compile circuits/") && line.ends_with(".qasm -o out.qasm")
        })
        .expect("the README's compile command");
    for command in [*compile, "cargo test --release --workspace"] {
        assert!(lines.contains(&command), "`{command}` stands on no line of its own");
        assert!(ci.lines().any(|line| line.trim_start_matches("step ") == command), "`{command}` is not in .ci/run");
    }
    let circuit = compile.split_whitespace().find(|word| word.starts_with("circuits/")).unwrap();
    assert!(root().join(circuit).is_file(), "{circuit} does not exist");
}
