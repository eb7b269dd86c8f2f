//! Which circuits there are, and what their results are called.

use crate::args::BatchArgs;
use crate::exit::Failure;
use crate::input::{is_standard_stream, read_bytes};
use bqc_wire::batch::content_hash;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// One circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it lies, as it was given.
    pub input: PathBuf,
    /// What its files are called: the name of its own without the extension, and if there are several of that
    /// name, with something that tells them apart.
    pub name: String,
}

/// The circuits of the arguments or of the list they name, in order.
pub fn read(args: &BatchArgs) -> Result<Vec<Item>, Failure> {
    let Some(list) = &args.list else { return items(args.inputs.clone()) };
    let text = String::from_utf8(read_bytes(list)?);
    let text = text.map_err(|_| Failure::Usage(format!("`{}` is no list: it is not UTF-8", list.display())))?;
    items(paths(&text))
}

/// The paths in a list.
pub fn paths(text: &str) -> Vec<PathBuf> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(PathBuf::from).collect()
}

/// Names them. A path that is there twice counts once.
pub fn items(inputs: Vec<PathBuf>) -> Result<Vec<Item>, Failure> {
    let mut seen = HashSet::new();
    let inputs: Vec<PathBuf> = inputs.into_iter().filter(|path| seen.insert(path.clone())).collect();
    let mut n_of_stem: HashMap<String, usize> = HashMap::new();
    let mut stems = Vec::with_capacity(inputs.len());
    for input in &inputs {
        let stem = stem(input)?;
        *n_of_stem.entry(stem.clone()).or_default() += 1;
        stems.push(stem);
    }
    let named = inputs.into_iter().zip(stems).map(|(input, stem)| {
        let name = match n_of_stem[&stem] {
            1 => stem,
            _ => format!("{stem}-{}", &content_hash(input.as_os_str().as_encoded_bytes())[..8]),
        };
        Item { input, name }
    });
    Ok(named.collect())
}

fn stem(input: &Path) -> Result<String, Failure> {
    let stem = input.file_stem().filter(|_| !is_standard_stream(input));
    let stem = stem.ok_or_else(|| Failure::Usage(format!("`{}` names no file", input.display())))?;
    Ok(stem.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_comments_and_results_have_names_of_their_own() {
        let inputs = paths("# all\n\n a/x.qasm \r\nb/x.qasm\na/x.qasm\ny.qasm\nb/two.dots.qasm\n");
        let items = items(inputs).unwrap();
        assert_eq!(items.len(), 4);
        assert_eq!((items[2].name.as_str(), items[3].name.as_str()), ("y", "two.dots"));
        assert!(items[0].name.starts_with("x-") && items[1].name.starts_with("x-"));
        assert_ne!(items[0].name, items[1].name);
    }

    #[test]
    fn what_names_no_file_is_refused() {
        for bad in ["-", "..", "/"] {
            assert!(items(vec![bad.into()]).is_err(), "{bad}");
        }
    }
}
