//! Lists of circuits to search: which, for how long, and what is known of them.

use crate::record::read_csv;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The first line of a list. Counts are CX gates after translation to {CX, U3}; an empty cell means
/// that nothing is known. `circuit` is a path below the folder of circuits.
pub const HEADER: &str = "circuit,seconds,goal_cx,best_known_cx,best_peer_cx";

/// One circuit of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// File name without its ending.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// How long it is searched.
    pub limit: Duration,
    /// What the median should reach.
    pub goal_cx: Option<u64>,
    /// The fewest that anything of this project ever reached.
    pub best_known_cx: Option<u64>,
    /// The fewest of other programs and publications.
    pub best_peer_cx: Option<u64>,
}

/// Reads a list of circuits below `folder`.
pub fn read_list(file: &Path, folder: &Path) -> Result<Vec<Task>, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("cannot read `{}`: {e}", file.display()))?;
    let rows = read_csv(&text, HEADER).map_err(|e| format!("`{}`: {e}", file.display()))?;
    rows.iter().map(|row| task(row, folder).map_err(|e| format!("`{}`: {e}", file.display()))).collect()
}

fn task(row: &[String], folder: &Path) -> Result<Task, String> {
    let stem = Path::new(&row[0]).file_stem().and_then(|s| s.to_str());
    let (name, path) = (stem.ok_or_else(|| format!("`{}` is no file", row[0]))?, folder.join(&row[0]));
    let seconds: f64 = row[1].parse().map_err(|_| format!("`{}` is no time in seconds", row[1]))?;
    let limit = Duration::try_from_secs_f64(seconds).map_err(|e| format!("`{}`: {e}", row[1]))?;
    let count = |cell: &str| match cell {
        "" => Ok(None),
        _ => cell.parse().map(Some).map_err(|_| format!("`{cell}` is no count")),
    };
    let (goal_cx, best_known_cx, best_peer_cx) = (count(&row[2])?, count(&row[3])?, count(&row[4])?);
    Ok(Task { name: name.to_owned(), path, limit, goal_cx, best_known_cx, best_peer_cx })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The committed lists.
    const LISTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/search");

    #[test]
    fn cells_may_be_empty_but_not_wrong() {
        let read = |line: &str| task(&line.split(',').map(String::from).collect::<Vec<_>>(), Path::new("c"));
        let found = read("blocks/a.qasm,2.5,22,,44").unwrap();
        assert_eq!((found.name.as_str(), found.path), ("a", PathBuf::from("c/blocks/a.qasm")));
        assert_eq!((found.limit.as_millis(), found.goal_cx, found.best_known_cx), (2500, Some(22), None));
        for bad in ["a,x,,,", "a,-1,,,", "a,1,2.5,,", ",1,,,"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn committed_lists_can_be_read_and_their_own_circuits_exist() {
        let mut n_tasks = 0;
        for file in fs::read_dir(LISTS).unwrap().map(|entry| entry.unwrap().path()) {
            let is_own = file.file_stem().is_some_and(|s| s == "own");
            let circuits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../circuits");
            let tasks = read_list(&file, &circuits).unwrap();
            assert!(!tasks.is_empty() && (!is_own || tasks.iter().all(|t| t.path.is_file())), "{}", file.display());
            n_tasks += tasks.len();
        }
        assert!(n_tasks > 20);
    }
}
