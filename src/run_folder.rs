//! What is kept of a compile: the journal in its run folder, and the cache of all runs. A run folder is named by the
//! user, asked for with `--resume`, or made without being asked for where the work takes long enough to be worth going
//! on with. Who has asked for it decides what stays of it when the run ends.

use crate::args::RunFolderArgs;
use crate::build_id::BUILD;
use crate::exit::Failure;
use crate::log;
use crate::progress::Progress;
use bqc_store::{Journal, Use};
use std::path::{Path, PathBuf};

/// Folders of other runs in the user's state folder that are kept at most, the newest of them.
const MAX_RUNS: usize = 16;

/// Largest cache: it is read into memory as a whole.
const MAX_CACHE_BYTES: u64 = 256 << 20;

/// The folder of a run's journal, if it has one. Until it ends, no other process writes to it.
pub struct RunFolder {
    journal: Option<Journal>,
    asked: Asked,
}

/// Who has asked for a journal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The user, for this folder, or for none: it stays.
    ByName,
    /// The user, to be able to go on with the run: it stays until the run is complete.
    ToResume,
    /// Nobody: it stays where a run did not come to its end, be that a limit that it was given.
    ByNobody,
}

/// How a run has ended, as far as its folder is concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was interrupted, or its output is not written, or a fault cost it something: it may be worth going on.
    Undone,
    /// All is well and written, up to the limit that the run was given.
    Limited,
    /// All is well, written, and done.
    Complete,
}

impl RunFolder {
    /// For a run that comes to nothing.
    pub fn none() -> RunFolder {
        RunFolder { journal: None, asked: Asked::ByName }
    }

    /// Opens the folder of a run with the name that `plan` gives, which is asked for only where a journal is kept: it
    /// takes the whole circuit. A journal that nobody has asked for is done without where it cannot be kept.
    pub fn open(
        args: &RunFolderArgs,
        plan: impl FnOnce() -> [u8; 32],
        has_workers: bool,
        progress: &Progress,
    ) -> Result<RunFolder, Failure> {
        let (journal, asked) = match &args.run_dir {
            Some(off) if off.as_os_str() == "off" => return Ok(RunFolder::none()),
            Some(folder) => (Some(Journal::open(folder, &plan(), &BUILD, Use::Run)?), Asked::ByName),
            None if args.resume => (Some(open_of_user(&plan())?), Asked::ToResume),
            None if has_workers => (open_unasked(&plan(), progress), Asked::ByNobody),
            None => (None, Asked::ByNobody),
        };
        Ok(RunFolder { journal, asked })
    }

    /// The journal, if one is kept: there is something to go on from.
    pub fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// True if no journal is kept and the user did not ask for none.
    pub fn is_missed(&self) -> bool {
        self.journal.is_none() && self.asked == Asked::ByNobody
    }

    /// Lets go of the folder once there is nothing more to write. Says where the same command goes on if it can.
    pub fn end(self, ending: Ending, progress: &Progress) {
        let Some(journal) = self.journal else { return };
        let folder = journal.folder().display().to_string();
        let is_wanted = match self.asked {
            Asked::ByName => true,
            Asked::ToResume => ending != Ending::Complete,
            Asked::ByNobody => ending == Ending::Undone,
        };
        if !is_wanted && let Err(e) = journal.remove() {
            progress.warn(&format!("cannot remove `{folder}`: {e}"));
        } else if is_wanted && ending != Ending::Complete {
            progress.warn(&format!("the same command goes on from `{folder}`"));
        }
    }
}

/// Results of all runs; none if the folder is `off`. To be opened after the run folder, which cannot be a cache.
pub fn cache(folder: &Path) -> Result<Option<Journal>, Failure> {
    if folder.as_os_str() == "off" {
        return Ok(None);
    }
    Ok(Some(Journal::open(folder, &[0; 32], &BUILD, Use::Cache { max_bytes: MAX_CACHE_BYTES })?))
}

/// Tells what was found in a folder that was opened.
pub fn tell_of(folder: Option<&Journal>, what: &str, progress: &Progress) {
    let Some(folder) = folder else { return };
    let (n_known, n_under_way) = (folder.n_known(), folder.n_under_way());
    progress.tell(&format!("{n_known} results are known from {what}, {n_under_way} blocks under way"));
    log::folder_opened(what, folder.folder(), n_known, n_under_way);
}

/// The user's journal of a run, for a user who has not asked for it: none, and a warning, if it cannot be opened.
fn open_unasked(plan: &[u8; 32], progress: &Progress) -> Option<Journal> {
    let warn = |why: &Failure| {
        let elsewhere = if matches!(why, Failure::Usage(_)) { "" } else { "; --run-dir DIR keeps one there" };
        progress.warn(&format!("no journal is kept: {why}{elsewhere}"));
    };
    let journal = open_of_user(plan).inspect_err(warn).ok()?;
    let n_known = journal.n_known();
    if n_known > 0 {
        let line = "the same command was interrupted before and goes on";
        progress.warn(&format!("{line}: {n_known} results are known (--run-dir off begins anew)"));
    }
    Some(journal)
}

/// The journal of a run in the user's state folder. Folders of runs that are older than many others go: nobody has
/// come back for them.
fn open_of_user(plan: &[u8; 32]) -> Result<Journal, Failure> {
    let folder = state_folder(plan)?;
    let journal = Journal::open(&folder, plan, &BUILD, Use::Run)?;
    // Only now that this one is in use: it is not among those that go, whenever it was begun.
    folder.parent().iter().for_each(|runs| bqc_store::remove_oldest_runs(runs, MAX_RUNS + 1));
    Ok(journal)
}

/// The folder of a run's journal in the user's state folder, named by what the run is about.
fn state_folder(plan: &[u8; 32]) -> Result<PathBuf, Failure> {
    let name: String = plan[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let home = |variable: &str| std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from);
    let state = home("XDG_STATE_HOME").or_else(|| Some(home("HOME")?.join(".local/state")));
    let no_home = || Failure::Usage("there is no home folder for a journal; --run-dir DIR keeps one there".into());
    Ok(state.ok_or_else(no_home)?.join("bqc/runs").join(name))
}
