//! Where results go: raw lines as CSV, and a section of the folder's `SUMMARY.md`.

use crate::machine::Machine;
use crate::measure::short;
use std::borrow::Cow;
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

/// Raw lines, quoted as RFC 4180 says: any text can be a cell.
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

    /// Adds a row. Panics on a wrong number of cells, which is a bug of the suite.
    pub fn push(&mut self, cells: &[String]) {
        assert_eq!(cells.len(), self.n_columns, "a row as long as the head");
        let cells: Vec<Cow<'_, str>> = cells.iter().map(|cell| quoted(cell)).collect();
        self.text.push_str(&cells.join(","));
        self.text.push('\n');
    }

    /// Everything so far.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A cell as it is written: in quotes if it holds a separator, a quote or a line end, or blanks that a reader strips.
fn quoted(cell: &str) -> Cow<'_, str> {
    if cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell {
        Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(cell)
    }
}

/// Rows of a CSV text whose first line is `head`, cells in the order of `head`; otherwise an error. Blanks around
/// cells without quotes are stripped, and lines without a cell skipped.
pub fn read_csv(text: &str, head: &str) -> Result<Vec<Vec<String>>, String> {
    if text.lines().next() != Some(head) {
        return Err(format!("the first line is not `{head}`"));
    }
    let n_columns = head.split(',').count();
    let (mut rows, mut rest, mut line) = (Vec::new(), text, 1);
    while !rest.is_empty() {
        let before = rest.len();
        let (cells, after) =
            read_row(rest).ok_or_else(|| format!("line {line}: a quote is not closed or not alone"))?;
        if cells.len() != n_columns && cells != [""] {
            return Err(format!("line {line}: {} cells, expected {n_columns}", cells.len()));
        }
        if cells.len() == n_columns && line > 1 {
            rows.push(cells);
        }
        line += rest[..before - after.len()].matches('\n').count();
        rest = after;
    }
    Ok(rows)
}

/// The cells of the first row, and the text behind it; none if its quotes are wrong.
fn read_row(text: &str) -> Option<(Vec<String>, &str)> {
    let (mut cells, mut rest) = (Vec::new(), text);
    loop {
        let (cell, behind) = match rest.trim_start_matches([' ', '\t']).strip_prefix('"') {
            Some(quoted) => read_quoted(quoted)?,
            None => {
                let (cell, behind) = rest.split_at(rest.find([',', '\n']).unwrap_or(rest.len()));
                (cell.trim().to_owned(), behind)
            }
        };
        cells.push(cell);
        match behind.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Some((cells, behind.strip_prefix('\n').unwrap_or(behind))),
        }
    }
}

/// The cell whose opening quote stands before `text`, and the separator behind it with all that follows.
fn read_quoted(text: &str) -> Option<(String, &str)> {
    let (mut cell, mut rest) = (String::new(), text);
    loop {
        let (part, behind) = rest.split_once('"')?;
        cell.push_str(part);
        match behind.strip_prefix('"') {
            Some(next) => {
                cell.push('"');
                rest = next;
            }
            None => {
                let behind = behind.trim_start_matches([' ', '\t', '\r']);
                return (behind.is_empty() || behind.starts_with([',', '\n'])).then_some((cell, behind));
            }
        }
    }
}

/// A figure of a record: exact for the raw lines, rounded for the summary.
#[derive(Clone, Debug, PartialEq)]
pub enum Figure {
    /// A name.
    Text(String),
    /// A number of things.
    Count(u64),
    /// A duration; NaN if it is not known.
    Seconds(f64),
    /// Memory; the summary gives MiB.
    Bytes(u64),
    /// An error bound.
    Bound(f64),
}

impl Figure {
    /// As it stands in the raw lines.
    pub fn exact(&self) -> String {
        match self {
            Figure::Text(text) => text.clone(),
            Figure::Count(count) => count.to_string(),
            Figure::Seconds(seconds) => seconds.to_string(),
            Figure::Bytes(bytes) => bytes.to_string(),
            Figure::Bound(bound) => format!("{bound:e}"),
        }
    }

    /// As it stands in the summary.
    pub fn rounded(&self) -> String {
        match self {
            Figure::Seconds(seconds) => short(*seconds),
            Figure::Bytes(bytes) => (bytes >> 20).to_string(),
            Figure::Bound(bound) => format!("{bound:.1e}"),
            Figure::Text(_) | Figure::Count(_) => self.exact(),
        }
    }
}

/// A column of a record with rows of type `R`: its two headings, and where its figure is found.
pub struct Column<R> {
    /// Heading in the raw lines.
    pub raw: &'static str,
    /// Heading in the summary.
    pub title: &'static str,
    /// Its figure.
    pub figure: fn(&R) -> Figure,
}

/// The summary and the raw lines of the same rows.
pub fn tabulate<R>(columns: &[Column<R>], rows: &[R]) -> (Markdown, Csv) {
    let mut raw = Csv::new(&columns.iter().map(|c| c.raw).collect::<Vec<_>>());
    let mut table = Markdown::new(&columns.iter().map(|c| c.title).collect::<Vec<_>>());
    for row in rows {
        let figures: Vec<Figure> = columns.iter().map(|c| (c.figure)(row)).collect();
        raw.push(&figures.iter().map(Figure::exact).collect::<Vec<_>>());
        table.push(&figures.iter().map(Figure::rounded).collect::<Vec<_>>());
    }
    (table, raw)
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
        assert_eq!(read_csv("a,b\n1, 2\n\n", "a,b"), Ok(vec![vec!["1".to_owned(), "2".to_owned()]]));
        assert!(read_csv("b,a\n1,2\n", "a,b").is_err());
        assert_eq!(read_csv("a,b\n\n1\n", "a,b"), Err("line 3: 1 cells, expected 2".into()));
        assert_eq!(read_csv("a,b\n\"x\n\",2\n3\n", "a,b"), Err("line 4: 1 cells, expected 2".into()));
        for wrong in ["\"1,2\n", "\"1\"x,2\n"] {
            assert!(read_csv(&format!("a,b\n{wrong}"), "a,b").unwrap_err().starts_with("line 2"), "{wrong}");
        }
    }

    #[test]
    fn every_cell_comes_back_as_it_was_written() {
        let cells = ["plain", "", "1,5", "say \"so\"", "\"", "two\nlines", " blank ", "\r", "–"].map(String::from);
        let mut raw = Csv::new(&["a", "b"]);
        let rows: Vec<Vec<String>> =
            cells.iter().flat_map(|a| cells.iter().map(|b| vec![a.clone(), b.clone()])).collect();
        rows.iter().for_each(|row| raw.push(row));
        assert_eq!(read_csv(raw.text(), "a,b"), Ok(rows));
        // What needs no quotes has none: records stay as they were.
        assert!(raw.text().starts_with("a,b\nplain,plain\nplain,\nplain,\"1,5\"\n"), "{}", raw.text());
    }

    #[test]
    fn both_tables_are_made_from_the_same_rows() {
        const COLUMNS: [Column<(&str, f64)>; 3] = [
            Column { raw: "name", title: "circuit", figure: |row| Figure::Text(row.0.into()) },
            Column { raw: "wall_seconds", title: "wall s", figure: |row| Figure::Seconds(row.1) },
            Column { raw: "peak_bytes", title: "MiB", figure: |_| Figure::Bytes(5 << 20) },
        ];
        let (table, raw) = tabulate(&COLUMNS, &[("a", 1.23456), ("b, c", 2.0)]);
        assert_eq!(raw.text(), "name,wall_seconds,peak_bytes\na,1.23456,5242880\n\"b, c\",2,5242880\n");
        assert_eq!(table.text(), "| circuit | wall s | MiB |\n|---|---|---|\n| a | 1.23 | 5 |\n| b, c | 2 | 5 |\n");
    }
}
