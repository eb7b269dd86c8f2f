//! One circuit over many machines: the commands around `bqc-cluster`. The folder of a run holds the plan, the
//! circuit and everything that was found.

pub mod merge;
pub mod plan;
mod slurm;
pub mod status;
pub mod work;

use crate::build_id::BUILD;
use crate::exit::Failure;
use bqc_circuit::Circuit;
use bqc_cluster::{CIRCUIT_NAME, OWN_NAMES, PLAN_NAME};
use bqc_compiler::Settings;
use bqc_qasm::{Limits, ParseOptions, SourceText};
use bqc_store::{Clock, Folder, Ledger, Status, Storage, StoreError};
use bqc_wire::{Plan, plan::sha256};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A plan on the disk.
struct RunDir {
    path: PathBuf,
    storage: Folder,
    plan: Plan,
    circuit: Circuit,
}

/// This process's own clock.
struct Monotonic(Instant);

impl Clock for Monotonic {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl RunDir {
    /// Reads a plan that nobody has changed, and its circuit.
    fn open(path: &Path) -> Result<RunDir, Failure> {
        let storage = Folder::new(path);
        let refused = |words: String| Failure::Usage(format!("`{}` {words}", path.display()));
        let text = read_whole(&storage, PLAN_NAME).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => refused("holds no plan; make one with `bqc plan IN --run-dir DIR`".into()),
            _ => refused(format!("cannot be read: {e}")),
        })?;
        let plan = Plan::unseal(&String::from_utf8_lossy(&text));
        let advice = "make a new plan in another folder";
        let plan = plan.map_err(|e| refused(format!("holds an unusable {PLAN_NAME}: {e}; {advice}")))?;
        let (version, build) = (env!("CARGO_PKG_VERSION"), BUILD.as_str());
        if (plan.version.as_str(), plan.build.as_str()) != (version, build) {
            return Err(refused(format!(
                "was planned by bqc {} (build {}), and this is bqc {version} (build {build}): use that one, or {advice}",
                plan.version, plan.build
            )));
        }
        let text = read_whole(&storage, CIRCUIT_NAME).map_err(|e| refused(format!("lacks its {CIRCUIT_NAME}: {e}")))?;
        if sha256(&text) != plan.circuit_sha256 {
            return Err(refused(format!(
                "holds a {CIRCUIT_NAME} that has been changed since it was planned; {advice}"
            )));
        }
        let circuit = parse(text)?;
        Ok(RunDir { path: path.to_path_buf(), storage, plan, circuit })
    }

    /// Says of what goes wrong in the folder which one it is.
    fn failure(&self, source: StoreError) -> Failure {
        Failure::Folder { path: self.path.clone(), source }
    }

    /// How far it is. For a moment there is a file of a name that nobody else has.
    fn status(&self, ledger: &Ledger<'_>) -> Result<Status, Failure> {
        let name = format!("clock-{}-{:x}", std::process::id(), moment());
        ledger.status(&name).map_err(|e| self.failure(e))
    }

    /// The settings of its compile here.
    fn settings(&self, n_threads: usize, max_check_updates: f64) -> Result<Settings, Failure> {
        let unknown =
            |e| Failure::Usage(format!("`{}` asks for what this bqc does not know: {e}", self.path.display()));
        let settings = Settings::from_line(&self.plan.settings).map_err(unknown)?;
        Ok(Settings { n_threads, max_check_updates, ..settings })
    }
}

/// Whether a file at this place would destroy what a plan needs: itself, its circuit, or what was found for it.
pub fn is_of_plan(target: &Path) -> bool {
    // The deepest is `claims/<pass>/<shard>.<n>`.
    target.ancestors().skip(1).take(3).any(|folder| {
        let inner = target.strip_prefix(folder).ok().and_then(|inner| inner.components().next());
        let is_own = inner.is_some_and(|inner| OWN_NAMES.iter().any(|own| inner.as_os_str() == *own));
        is_own && holds_plan(folder)
    })
}

/// Whether there is a plan, of any build.
fn holds_plan(folder: &Path) -> bool {
    let text = read_whole(&Folder::new(folder), PLAN_NAME).unwrap_or_default();
    Plan::unseal(&String::from_utf8_lossy(&text)).is_ok()
}

/// For names that nobody else has or had.
fn moment() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// A circuit that this program has written, as large as it may be.
fn parse(text: Vec<u8>) -> Result<Circuit, Failure> {
    let limits = Limits {
        max_qubits: u32::MAX,
        max_clbits: u32::MAX,
        max_operations: u64::MAX,
        max_depth: Limits::DEPTH_CEILING,
        ..Limits::default()
    };
    let options = ParseOptions { limits, ..ParseOptions::default() };
    bqc_qasm::parse(&SourceText::new(CIRCUIT_NAME, text), &options).map_err(Failure::Diagnostic)
}

fn read_whole(storage: &Folder, name: &str) -> std::io::Result<Vec<u8>> {
    storage.read_from(name, 0, usize::MAX)
}
