//! An error with its place: file, line, column, the line itself and a caret.
//!
//! A [`Diagnostic`] owns what it shows, a window of one line, so it outlives the source and a line of
//! a megabyte does not reach the terminal. [`Diagnostic::render`] draws it with miette, without colour
//! and without asking anything of a terminal; its `Display` is one line for logs.

use crate::problem::Problem;
use crate::source::SourceText;
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteSpanContents, Severity, SourceCode, SourceSpan,
};
use std::fmt;
use std::ops::Range;

/// What the reader returns on its error path; boxed, because almost every statement succeeds.
pub(crate) type Failed = Box<Diagnostic>;

/// The most bytes of a line shown before the mark, of the mark, and after it.
const WINDOW_BYTES: usize = 40;
/// Columns of a rendered message's prose.
const WIDTH: usize = 100;

/// A mistake in a source, where it is and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    problem: Problem,
    excerpt: Excerpt,
    notes: Vec<Note>,
}

impl Diagnostic {
    /// `problem` at the place of `excerpt`.
    pub(crate) fn new(problem: Problem, excerpt: Excerpt) -> Diagnostic {
        Diagnostic { problem, excerpt, notes: Vec::new() }
    }

    /// Adds a second place, such as the call that led to an error inside a gate's body.
    pub(crate) fn note(mut self: Box<Self>, text: impl Into<String>, excerpt: Excerpt) -> Box<Diagnostic> {
        self.notes.push(Note { text: text.into(), excerpt });
        self
    }

    /// Whether it has a second place.
    pub(crate) fn is_noted(&self) -> bool {
        !self.notes.is_empty()
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The file's name as the caller gave it.
    pub fn file(&self) -> &str {
        &self.excerpt.file
    }

    /// Line of the mark, from 1.
    pub fn line(&self) -> u32 {
        self.excerpt.line
    }

    /// Column of the mark, from 1, in characters.
    pub fn column(&self) -> u32 {
        self.excerpt.column
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        self.problem.help()
    }

    /// The whole message for a terminal, a log or a pipe, ending with a newline:
    /// ```text
    ///   × expected a whole number, found `x`
    ///    ╭─[in.qasm:3:5]
    ///  3 │ h q[x];
    ///    ·     ┬
    ///    ·     ╰── this is in its place
    ///    ╰────
    /// ```
    pub fn render(&self) -> String {
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(WIDTH);
        let mut text = String::new();
        match handler.render_report(&mut text, &Drawing(self)) {
            Ok(()) => text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect(),
            // Only a formatter that fails gets here, and a `String` never does.
            Err(fmt::Error) => self.to_string(),
        }
    }
}

/// `file:line:column: message`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file(), self.line(), self.column(), self.problem)
    }
}

impl std::error::Error for Diagnostic {}

/// A diagnostic as miette draws it: the place stands above the excerpt and not in the title.
#[derive(Debug)]
struct Drawing<'d>(&'d Diagnostic);

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.problem.fmt(f)
    }
}

impl std::error::Error for Drawing<'_> {}

impl miette::Diagnostic for Drawing<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.problem.help().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.0.excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(self.0.excerpt.label(self.0.problem.label()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(self.0.notes.iter().map(|note| note as _)))
    }
}

/// A second place that an error concerns.
#[derive(Clone, Debug, PartialEq)]
struct Note {
    text: String,
    excerpt: Excerpt,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Note {}

impl miette::Diagnostic for Note {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(self.excerpt.label("here"))
    }
}

/// A window of one line around a mark.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Excerpt {
    file: String,
    line: u32,
    column: u32,
    text: String,
    /// Bytes of `text` under the caret.
    mark: Range<usize>,
}

impl Excerpt {
    /// The line of `source` in which `span` (bytes) begins. Spans that leave the line are cut at it.
    pub fn new(source: &SourceText, span: Range<usize>) -> Excerpt {
        let bytes = &source.bytes[..];
        let start = span.start.min(bytes.len());
        let line_start = bytes[..start].iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        let line_end = bytes[start..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |i| start + i);
        let end = span.end.clamp(start, line_end);

        let before = printable(&bytes[line_start..start]);
        let marked = printable(&bytes[start..end]);
        let after = printable(&bytes[end..line_end]);
        let mut text = last_bytes(&before);
        let mark_start = text.len();
        text += &first_bytes(&marked);
        let mut mark = mark_start..text.len();
        text += first_bytes(&after).trim_end();
        if mark.is_empty() {
            // A caret needs something to stand under, at the end of a line too.
            text.push(' ');
            mark.end += text[mark_start..].chars().next().map_or(0, char::len_utf8);
        }
        Excerpt {
            file: printable(source.name.as_bytes()),
            line: 1 + bytes[..line_start].iter().filter(|&&b| b == b'\n').count() as u32,
            column: 1 + before.chars().count() as u32,
            mark,
            text,
        }
    }

    /// One label on the mark.
    fn label(&self, text: &str) -> Box<dyn Iterator<Item = LabeledSpan> + '_> {
        let label = LabeledSpan::new_primary_with_span(Some(text.to_owned()), self.mark.clone());
        Box::new(std::iter::once(label))
    }
}

impl SourceCode for Excerpt {
    /// Always the whole window: its spans are bytes of the window, its line and column the file's.
    fn read_span<'a>(
        &'a self,
        _span: &SourceSpan,
        _lines_before: usize,
        _lines_after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        Ok(Box::new(MietteSpanContents::new_named(
            self.file.clone(),
            self.text.as_bytes(),
            SourceSpan::from(0..self.text.len()),
            self.line as usize - 1,
            self.column as usize - 1,
            1,
        )))
    }
}

/// Source bytes as a terminal may show them: control characters would move its cursor. A byte-order
/// mark has no width and no column.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown = text.chars().filter(|&c| c != '\u{feff}' && c != '\r');
    shown.map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// The beginning of `text`, with `…` if that is not all of it.
fn first_bytes(text: &str) -> String {
    if text.len() <= WINDOW_BYTES {
        return text.to_owned();
    }
    let cut = (0..=WINDOW_BYTES).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    format!("{}…", &text[..cut])
}

/// The end of `text`, with `…` if that is not all of it.
fn last_bytes(text: &str) -> String {
    if text.len() <= WINDOW_BYTES {
        return text.to_owned();
    }
    let cut = (text.len() - WINDOW_BYTES..=text.len()).find(|&i| text.is_char_boundary(i)).unwrap_or(text.len());
    format!("…{}", &text[cut..])
}
