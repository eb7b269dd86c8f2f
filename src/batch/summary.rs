//! `bqc batch --summary`: one table of all circuits, and whether anything is left to do.

use super::folder::ResultFolder;
use super::list::{self, Item};
use super::share;
use crate::args::{BatchArgs, Shard, TableArg};
use crate::exit::{Exit, Failure};
use crate::output::print;
use crate::progress::say;
use bqc_wire::batch::{batch_csv, batch_html, batch_markdown, batch_totals};
use bqc_wire::{BatchOutcome, BatchRecord, BatchRow, RowState};
use std::collections::HashSet;
use std::path::Path;

/// Prints the table of the circuits that the arguments name, or else of all that the folder knows.
pub fn summary(args: &BatchArgs, path: &Path) -> Result<Exit, Failure> {
    let folder = ResultFolder::open(path)?;
    let is_asked = args.list.is_some() || !args.inputs.is_empty();
    let listed = if is_asked { list::read(args)? } else { list::listed(folder.lists()?.concat())? };
    let n_listed = listed.len();
    // Where there are more shares than circuits some have nothing to do, and that is done.
    let mut items = folder.named(share::take(args.shard.unwrap_or(Shard { index: 0, count: 1 }), listed));
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(item.name.clone()));
    if !is_asked && args.shard.is_none() {
        // What was taken from a list is missing nowhere; if it was done before, it is there.
        items.extend(folder.recorded().into_iter().filter(|item| !seen.contains(&item.name) && folder.has_whole(item)));
    }
    if n_listed + items.len() == 0 {
        return Err(Failure::Usage(format!("`{}` holds no results of a batch", path.display())));
    }
    let rows: Vec<BatchRow> = items.into_iter().map(|item| row(&folder, item)).collect();
    let text = match args.format {
        TableArg::Csv => batch_csv(&rows),
        TableArg::Md => batch_markdown(&rows),
        TableArg::Html => batch_html(&rows),
    };
    print(&text)?;
    if !args.quiet {
        say(&batch_totals(&rows));
    }
    Ok(exit(&rows))
}

fn row(folder: &ResultFolder, item: Item) -> BatchRow {
    let input = item.input.display().to_string();
    let of_circuit = |record: &BatchRecord| item.is_of(record.input.as_ref());
    let Some(record) = folder.record(&item).filter(of_circuit) else {
        return BatchRow { name: item.name, input, state: RowState::Missing, error: None, figures: None };
    };
    let is_there = record.outcome == BatchOutcome::Refused || folder.has_output(&item, &record);
    let state = if is_there { RowState::Recorded(record.outcome) } else { RowState::Changed };
    BatchRow { name: item.name, input: record.input, state, error: record.error, figures: record.figures }
}

/// The same as if all had been one batch.
fn exit(rows: &[BatchRow]) -> Exit {
    let has = |outcome| rows.iter().any(|row| row.state == RowState::Recorded(outcome));
    if rows.iter().any(|row| row.state.is_left()) {
        Exit::Interrupted
    } else if has(BatchOutcome::Refused) {
        Exit::Refused
    } else if has(BatchOutcome::Degraded) {
        Exit::Degraded
    } else {
        Exit::Complete
    }
}
