//! Which circuits there are, and what their results are called.

use super::is_same_file;
use crate::args::BatchArgs;
use crate::exit::Failure;
use crate::input::{is_standard_stream, read_bytes};
use bqc_wire::batch::content_hash;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest name of results, so that those of all their files are short enough for file systems (255 bytes).
const MAX_STEM_BYTES: usize = 200;

/// A circuit of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where it lies, as it was given.
    pub input: PathBuf,
    /// The name of its file without the extension.
    stem: String,
    /// Whether no other one of the list has this name.
    is_alone: bool,
}

/// One whose results have a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it lies, as it was given.
    pub input: PathBuf,
    /// What its files are called.
    pub name: String,
}

impl Listed {
    /// Names its results: by its file, and where several files have that name, with something that tells them apart.
    /// What has a name keeps it, whatever comes to a list. `recorded`: the input of the results of a name.
    pub fn named(self, recorded: impl Fn(&str) -> Option<PathBuf>) -> Item {
        let Listed { input, stem, is_alone } = self;
        let end = (0..=stem.len().min(MAX_STEM_BYTES)).rfind(|&i| stem.is_char_boundary(i)).unwrap_or(0);
        let apart = format!("{}-{}", &stem[..end], &content_hash(input.as_os_str().as_encoded_bytes())[..8]);
        let is_stem = match recorded(&stem) {
            Some(of) => is_same_circuit(&of, &input),
            None => is_alone && stem.len() <= MAX_STEM_BYTES && recorded(&apart).is_none(),
        };
        Item { name: if is_stem { stem } else { apart }, input }
    }
}

impl Item {
    /// Whether results of this circuit are its own.
    pub fn is_of(&self, input: &Path) -> bool {
        is_same_circuit(input, &self.input)
    }
}

/// Whether two paths as they were given mean the same, whether or not there is a file.
fn is_same_circuit(a: &Path, b: &Path) -> bool {
    a == b || is_same_file(a, b)
}

/// The circuits of the arguments or of the list they name, in order. A folder stands for the circuits in it.
pub fn read(args: &BatchArgs) -> Result<Vec<Listed>, Failure> {
    let Some(list) = &args.list else { return listed(without_folders(args.inputs.clone())?) };
    let text = String::from_utf8(read_bytes(list)?);
    let text = text.map_err(|_| Failure::Usage(format!("`{}` is no list: it is not UTF-8", list.display())))?;
    listed(without_folders(paths(&text))?)
}

/// The paths with those of folders replaced by the `.qasm` files in them, in the order of their names.
fn without_folders(inputs: Vec<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
    let mut all = Vec::with_capacity(inputs.len());
    for input in inputs {
        if !input.is_dir() {
            all.push(input);
            continue;
        }
        let read = |source| Failure::Read { path: input.clone(), source };
        let files: Result<Vec<PathBuf>, _> = fs::read_dir(&input).map_err(read)?.map(|e| e.map(|e| e.path())).collect();
        let mut circuits = files.map_err(read)?;
        circuits.retain(|path| path.extension().is_some_and(|ending| ending == "qasm") && path.is_file());
        if circuits.is_empty() {
            return Err(Failure::Usage(format!("there is no `.qasm` file in the folder `{}`", input.display())));
        }
        circuits.sort();
        all.append(&mut circuits);
    }
    Ok(all)
}

/// The paths in a list.
pub fn paths(text: &str) -> Vec<PathBuf> {
    // Some editors begin a file with a byte order mark.
    let lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(PathBuf::from).collect()
}

/// The circuits of these paths. One that is there twice counts once.
pub fn listed(inputs: Vec<PathBuf>) -> Result<Vec<Listed>, Failure> {
    let mut seen = HashSet::new();
    let mut n_of_stem: HashMap<String, usize> = HashMap::new();
    let mut listed = Vec::with_capacity(inputs.len());
    for input in inputs {
        if seen.insert(input.clone()) {
            let stem = stem(&input)?;
            *n_of_stem.entry(stem.clone()).or_default() += 1;
            listed.push(Listed { input, stem, is_alone: true });
        }
    }
    for one in &mut listed {
        one.is_alone = n_of_stem[&one.stem] == 1;
    }
    Ok(listed)
}

fn stem(input: &Path) -> Result<String, Failure> {
    let stem = input.file_stem().filter(|_| !is_standard_stream(input));
    let stem = stem.ok_or_else(|| Failure::Usage(format!("`{}` names no file", input.display())))?;
    Ok(stem.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of the results of these paths where others have names already.
    fn names(inputs: &[&str], recorded: &[(&str, &str)]) -> Vec<String> {
        let recorded = |name: &str| recorded.iter().find(|(of, _)| *of == name).map(|(_, input)| input.into());
        let all = listed(inputs.iter().map(PathBuf::from).collect()).unwrap();
        all.into_iter().map(|one| one.named(recorded).name).collect()
    }

    #[test]
    fn a_folder_stands_for_its_circuits() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["b.qasm", "a.qasm", "notes.txt", "sub.qasm/c.qasm"] {
            fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            fs::write(path(name), "").unwrap();
        }
        let given = vec!["x.qasm".into(), folder.path().to_path_buf()];
        assert_eq!(without_folders(given).unwrap(), ["x.qasm".into(), path("a.qasm"), path("b.qasm")]);
        fs::create_dir(path("empty")).unwrap();
        let refused = without_folders(vec![path("empty")]).unwrap_err().to_string();
        assert!(refused.contains("no `.qasm` file in the folder"), "{refused}");
    }

    #[test]
    fn lists_have_comments_and_results_have_names_of_their_own() {
        let inputs = paths("# all\n\n a/x.qasm \r\nb/x.qasm\na/x.qasm\ny.qasm\nb/two.dots.qasm\n");
        let inputs: Vec<&str> = inputs.iter().map(|path| path.to_str().unwrap()).collect();
        let names = names(&inputs, &[]);
        assert_eq!(names.len(), 4);
        assert_eq!((names[2].as_str(), names[3].as_str()), ("y", "two.dots"));
        assert!(names[0].starts_with("x-") && names[1].starts_with("x-"));
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_path() {
        assert_eq!(paths("\u{feff}a.qasm\r\nb.qasm"), [Path::new("a.qasm"), Path::new("b.qasm")]);
        assert!(paths("\u{feff}# none\n").is_empty());
    }

    #[test]
    fn a_name_that_was_given_once_stays() {
        let both = names(&["a/x.qasm", "b/x.qasm"], &[]);
        // It was alone when it was done, and is not any more; or the other way about.
        let recorded = [("x", "a/x.qasm")];
        assert_eq!(names(&["a/x.qasm", "b/x.qasm"], &recorded), ["x", both[1].as_str()]);
        assert_eq!(names(&["b/x.qasm"], &recorded), both[1..]);
        assert_eq!(names(&["a/x.qasm"], &[(&both[0], "a/x.qasm")]), both[..1]);
        let long = "ä".repeat(120) + ".qasm";
        let short = names(&[&long], &[]);
        assert!(short[0].len() < 220 && short[0].starts_with("ää"), "{short:?}");
        // The same file by another way.
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("x.qasm"), "").unwrap();
        assert_eq!(names(&[&path("./x.qasm")], &[("x", &path("x.qasm"))]), ["x"]);
    }

    #[test]
    fn what_names_no_file_is_refused() {
        for bad in ["-", "..", "/"] {
            assert!(listed(vec![bad.into()]).is_err(), "{bad}");
        }
    }
}
