//! Where results go: raw lines as CSV, and a section of the folder's `SUMMARY.md`.

use crate::machine::Machine;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of records, one for a day and a machine.
pub struct Records {
    folder: PathBuf,
}

impl Records {
    /// Opens `folder`, or the machine's own below `benchmarks/records`.
    pub fn open(folder: Option<&Path>, machine: &Machine) -> io::Result<Records> {
        let own = || Path::new("benchmarks/records").join(machine.folder());
        let folder = folder.map_or_else(own, Path::to_owned);
        fs::create_dir_all(&folder)?;
        Ok(Records { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the raw lines of a suite, replacing those of an earlier run.
    pub fn write(&self, name: &str, table: &Csv) -> io::Result<()> {
        fs::write(self.folder.join(name), table.text())
    }

    /// Writes the section `## title` of the summary, in place of the one it had.
    pub fn summarise(&self, title: &str, machine: &Machine, body: &str) -> io::Result<()> {
        let path = self.folder.join("SUMMARY.md");
        let before = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => "# Summary\n".into(),
            Err(e) => return Err(e),
        };
        fs::write(path, with_section(&before, title, &format!("{}\n\n{body}", machine.text())))
    }
}

/// A Markdown text whose section `## title` is replaced, or added at the end.
fn with_section(text: &str, title: &str, body: &str) -> String {
    let mut sections: Vec<String> = vec![String::new()];
    for line in text.lines() {
        if line.starts_with("## ") {
            sections.push(String::new());
        }
        let section = sections.last_mut().expect("never empty");
        section.push_str(line);
        section.push('\n');
    }
    let heading = format!("## {title}");
    sections.retain(|s| s.lines().next() != Some(&heading));
    sections.push(format!("{heading}\n\n{body}"));
    let trimmed: Vec<&str> = sections.iter().map(|s| s.trim_end()).collect();
    trimmed.join("\n\n") + "\n"
}

/// Raw lines. Cells are numbers and plain names; a comma, quote or line feed in one is a bug.
#[derive(Clone, Debug)]
pub struct Csv {
    n_columns: usize,
    text: String,
}

impl Csv {
    /// A table with these columns.
    pub fn new(columns: &[&str]) -> Csv {
        let mut table = Csv { n_columns: columns.len(), text: String::new() };
        table.push(&columns.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>());
        table
    }

    /// Adds a row. Panics on a cell that would need quotes and on a wrong number of cells.
    pub fn push(&mut self, cells: &[String]) {
        assert_eq!(cells.len(), self.n_columns, "a row as long as the head");
        assert!(cells.iter().all(|c| !c.contains([',', '"', '\n'])), "plain cells: {cells:?}");
        self.text.push_str(&cells.join(","));
        self.text.push('\n');
    }

    /// Everything so far.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Rows of a CSV text whose first line is `head`, cells in the order of `head`; otherwise an error.
pub fn read_csv<'a>(text: &'a str, head: &str) -> Result<Vec<Vec<&'a str>>, String> {
    let mut lines = text.lines();
    if lines.next() != Some(head) {
        return Err(format!("the first line is not `{head}`"));
    }
    let n_columns = head.split(',').count();
    let split = |(i, line): (usize, &'a str)| {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let wrong = || format!("line {}: {} cells, expected {n_columns}", i + 2, cells.len());
        if cells.len() == n_columns { Ok(cells) } else { Err(wrong()) }
    };
    lines.enumerate().filter(|(_, line)| !line.trim().is_empty()).map(split).collect()
}

/// A Markdown table.
pub struct Markdown {
    text: String,
}

impl Markdown {
    /// A table with these columns.
    pub fn new(columns: &[&str]) -> Markdown {
        Markdown { text: format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len())) }
    }

    /// Adds a row.
    pub fn push(&mut self, cells: &[String]) {
        self.text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }

    /// Everything so far.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_replaces_its_predecessor_and_no_other() {
        let one = with_section("# Summary\n", "solver", "a\n");
        let two = with_section(&one, "search", "b\n");
        let three = with_section(&two, "solver", "c\n");
        assert_eq!(two, "# Summary\n\n## solver\n\na\n\n## search\n\nb\n");
        assert_eq!(three, "# Summary\n\n## search\n\nb\n\n## solver\n\nc\n");
        assert_eq!(with_section(&three, "solver", "c\n"), three);
    }

    #[test]
    fn tables_are_checked_when_read() {
        assert_eq!(read_csv("a,b\n1, 2\n\n", "a,b"), Ok(vec![vec!["1", "2"]]));
        assert!(read_csv("b,a\n1,2\n", "a,b").is_err());
        assert!(read_csv("a,b\n1\n", "a,b").is_err());
    }
}
