//! The folder of a batch's results. For a circuit called `x` it holds `x.qasm`, `x.report.json` and, written
//! last, `x.batch.json`; below `runs`, the journals of circuits that are not finished; below `lists`, which
//! circuits there are.

use super::is_same_file;
use super::list::{Item, Listed, paths};
use crate::exit::Failure;
use crate::input::is_standard_stream;
use crate::output::Output;
use bqc_wire::batch::{content_hash, hexadecimal};
use bqc_wire::{BatchOutcome, BatchRecord, Document};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes of a plan in the name of a folder: enough to tell some settings apart.
const PLAN_BYTES: usize = 8;

/// What the names of results end with.
const CIRCUIT: &str = ".qasm";
const REPORT: &str = ".report.json";
const RECORD: &str = ".batch.json";

/// The folder.
pub struct ResultFolder(PathBuf);

impl ResultFolder {
    /// Makes it, if need be.
    pub fn make(path: &Path) -> Result<ResultFolder, Failure> {
        for folder in [path, &path.join("lists"), &path.join("runs")] {
            fs::create_dir_all(folder).map_err(|e| Failure::write(folder, e))?;
        }
        Ok(ResultFolder(path.to_path_buf()))
    }

    /// One that is there.
    pub fn open(path: &Path) -> Result<ResultFolder, Failure> {
        fs::read_dir(path).map_err(|source| Failure::Read { path: path.to_path_buf(), source })?;
        Ok(ResultFolder(path.to_path_buf()))
    }

    /// Names the results of circuits.
    pub fn named(&self, listed: Vec<Listed>) -> Vec<Item> {
        listed.into_iter().map(|one| one.named(|name| self.input_of(name))).collect()
    }

    /// The circuit whose results have this name. One without results needs no name.
    pub fn input_of(&self, name: &str) -> Option<PathBuf> {
        let record = self.record_of(name).filter(|record| record.output_sha256.is_some());
        record.map(|record| record.input.into())
    }

    /// Where a circuit goes.
    pub fn output(&self, item: &Item) -> PathBuf {
        self.0.join(format!("{}{CIRCUIT}", item.name))
    }

    /// Where its report goes.
    pub fn report(&self, item: &Item) -> PathBuf {
        self.0.join(format!("{}{REPORT}", item.name))
    }

    fn record_path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}{RECORD}"))
    }

    /// Refuses to write a result over the circuit itself.
    pub fn spares(&self, item: &Item) -> Result<(), Failure> {
        match is_same_file(&item.input, &self.output(item)) {
            true => {
                Err(Failure::write(&item.input, "the result would take the input's place; choose another --out-dir"))
            }
            false => Ok(()),
        }
    }

    /// Whether a file lies where results do, and is called like one.
    pub fn is_result(&self, path: &Path) -> bool {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.to_string_lossy();
        is_same_file(parent, &self.0) && [CIRCUIT, REPORT, RECORD].iter().any(|end| name.ends_with(end))
    }

    /// What is recorded of a circuit, if anything that can be read.
    pub fn record(&self, item: &Item) -> Option<BatchRecord> {
        self.record_of(&item.name)
    }

    fn record_of(&self, name: &str) -> Option<BatchRecord> {
        BatchRecord::from_json(&fs::read_to_string(self.record_path(name)).ok()?).ok()
    }

    /// Records what became of a circuit.
    pub fn write_record(&self, item: &Item, record: &BatchRecord) -> Result<(), Failure> {
        Output::prepare(&self.record_path(&item.name))?.write(|out| out.write_all(record.to_json().as_bytes()))
    }

    /// The circuit that was written.
    pub fn read_output(&self, item: &Item) -> Result<Vec<u8>, Failure> {
        let path = self.output(item);
        fs::read(&path).map_err(|source| Failure::Read { path, source })
    }

    /// Whether the circuit that a record speaks of is there, and its report.
    pub fn has_output(&self, item: &Item, record: &BatchRecord) -> bool {
        let hash = fs::read(self.output(item)).map(|bytes| content_hash(&bytes));
        hash.is_ok_and(|hash| record.output_sha256 == Some(hash)) && self.report(item).is_file()
    }

    /// Whether there is a circuit of which nothing is missing, whatever its settings were.
    pub fn has_whole(&self, item: &Item) -> bool {
        let is_whole = |outcome| !matches!(outcome, BatchOutcome::Unfinished | BatchOutcome::Refused);
        self.record(item).is_some_and(|record| is_whole(record.outcome) && self.has_output(item, &record))
    }

    /// Where a circuit's journal is, if others hold `n_held` folders of its runs.
    pub fn run_dir(&self, item: &Item, plan: &[u8; 32], n_held: usize) -> PathBuf {
        let mut name = format!("{}-{}", item.name, hexadecimal(&plan[..PLAN_BYTES]));
        if n_held > 0 {
            name += &format!(".{n_held}");
        }
        self.0.join("runs").join(name)
    }

    /// Brings what the holder of the folder before has found into the next one. What cannot be copied is found
    /// again; half a copy counts as far as it is whole.
    pub fn copy_runs(&self, item: &Item, plan: &[u8; 32], n_held: usize) {
        let (from, to) = (self.run_dir(item, plan, n_held - 1), self.run_dir(item, plan, n_held));
        if to.exists() || fs::create_dir_all(&to).is_err() {
            return;
        }
        for path in fs::read_dir(from).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if let (Some(name), true) = (path.file_name(), path.extension().is_some_and(|e| e == "seg")) {
                _ = fs::copy(&path, to.join(name));
            }
        }
    }

    /// Removes the journals of a circuit that is done. Whoever is at it too loses nothing but time.
    pub fn remove_runs(&self, item: &Item, plan: &[u8; 32]) {
        let folders = (0..).map(|n_held| self.run_dir(item, plan, n_held)).take_while(|folder| folder.exists());
        for folder in folders.collect::<Vec<_>>() {
            // What stays is in nobody's way.
            _ = fs::remove_dir_all(folder);
        }
    }

    /// Keeps the list of circuits, so that a summary knows what is missing. A list that is a file takes the place of
    /// what that file was before; all tasks write the same. `list`: where they were listed, if they were.
    pub fn keep_list(&self, list: Option<&Path>, circuits: &[Listed]) -> Result<(), Failure> {
        // One that was typed and is not there was mistyped, and comes on no better list.
        let is_kept = |one: &&Listed| list.is_some() || one.input.exists();
        let lines = circuits.iter().filter(is_kept).map(|one| format!("{}\n", one.input.display()));
        let text: String = lines.collect();
        let file = list.filter(|list| !is_standard_stream(list)).and_then(|list| fs::canonicalize(list).ok());
        let of = file.as_ref().map_or(text.as_bytes(), |file| file.as_os_str().as_encoded_bytes());
        let path = self.0.join("lists").join(format!("{}.txt", &content_hash(of)[..2 * PLAN_BYTES]));
        let is_there = fs::read(&path).is_ok_and(|there| there == text.as_bytes());
        if is_there { Ok(()) } else { Output::prepare(&path)?.write(|out| out.write_all(text.as_bytes())) }
    }

    /// Circuits that have results, whether or not they are on a list, by name.
    pub fn recorded(&self) -> Vec<Item> {
        let names = fs::read_dir(&self.0).into_iter().flatten().flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_suffix(RECORD).map(str::to_owned)
        });
        let mut items: Vec<Item> = names.filter_map(|name| Some(Item { input: self.input_of(&name)?, name })).collect();
        items.sort_by(|a, b| a.name.cmp(&b.name));
        items
    }

    /// The lists that were kept.
    pub fn lists(&self) -> Result<Vec<Vec<PathBuf>>, Failure> {
        let folder = self.0.join("lists");
        let entries = fs::read_dir(&folder).map_err(|source| Failure::Read { path: folder, source })?;
        let is_list = |path: &PathBuf| path.extension().is_some_and(|e| e == "txt");
        let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_list).collect();
        found.sort();
        let read = |path: PathBuf| {
            fs::read_to_string(&path).map(|text| paths(&text)).map_err(|source| Failure::Read { path, source })
        };
        found.into_iter().map(read).collect()
    }
}

/// The files of a folder, to be compared with those of another time. Nothing depends on whose clock it was.
#[derive(PartialEq, Eq)]
pub struct Snapshot(Vec<(OsString, u64, Option<SystemTime>)>);

impl Snapshot {
    /// That of now.
    pub fn of(folder: &Path) -> Snapshot {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let metadata = entry.metadata().ok()?;
                Some((entry.file_name(), metadata.len(), metadata.modified().ok()))
            })
            .collect();
        files.sort();
        Snapshot(files)
    }
}
