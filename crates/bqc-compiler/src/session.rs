//! One compile of a circuit, wherever the work is done and whatever is kept of it.

use bqc_circuit::Circuit;
use bqc_instantiate::{CpuEngine, Engine};
use bqc_pool::Kept;
use bqc_run::{CompileError, Compiled, Ends, Event, InProcess, Observer, Settings, Unobserved, Workshop, compile_in};
use bqc_store::Journal;
use bqc_wire::unit::plan_hash;
use bqc_wire::{Build, Entry, KnownTotals};
use std::sync::atomic::{AtomicBool, Ordering};

/// For sessions that nothing stops.
static NEVER: AtomicBool = AtomicBool::new(false);

/// A compile that is ready to run. Unless told otherwise it runs on threads of this process with the CPU engine, keeps
/// nothing, tells nobody, and ends when nothing is gained any more.
pub struct Session<'a> {
    settings: Settings,
    place: Place<'a>,
    journal: Option<&'a Journal>,
    cache: Option<&'a Journal>,
    ends: Ends<'a>,
    observer: &'a dyn Observer,
}

/// Where blocks are rebuilt.
enum Place<'a> {
    /// Here, by the CPU.
    Cpu(CpuEngine),
    /// Here.
    Engine(&'a dyn Engine),
    /// By engines of the family of this name, in processes of this machine.
    Workshop(&'a dyn Workshop, &'a str),
    /// The same where many machines work together, which keep a store of their own.
    Shared(&'a dyn Workshop, &'a str),
}

/// What a session has made of a circuit.
#[derive(Debug)]
pub struct Finished {
    /// The circuit, its error bound, and how it was found.
    pub compiled: Compiled,
    /// What was taken from journal and cache.
    pub known: KnownTotals,
    /// Whether the run was stopped before it had taken all that its journal knows: the run before had more.
    pub is_behind: bool,
}

impl<'a> Session<'a> {
    /// A session with these settings.
    pub fn new(settings: Settings) -> Session<'a> {
        let place = Place::Cpu(CpuEngine::default());
        Session { settings, place, journal: None, cache: None, ends: (&NEVER).into(), observer: &Unobserved }
    }

    /// The same with this engine, on threads of this process.
    pub fn on(self, engine: &'a dyn Engine) -> Session<'a> {
        Session { place: Place::Engine(engine), ..self }
    }

    /// The same with blocks rebuilt in `workshop`, by engines of this family: a pool of worker processes.
    pub fn within(self, workshop: &'a dyn Workshop, family: &'a str) -> Session<'a> {
        Session { place: Place::Workshop(workshop, family), ..self }
    }

    /// The same as one of many machines: `workshop` is the run's supervisor, reader or survey of `bqc-cluster`, and
    /// keeps in the run's folder what is found. Journal and cache mean nothing to it.
    pub fn share(self, workshop: &'a dyn Workshop, family: &'a str) -> Session<'a> {
        Session { place: Place::Shared(workshop, family), ..self }
    }

    /// The same, going on from what the journal knows, and keeping there what is found. The journal has to be that of
    /// [`Session::name`].
    pub fn resume(self, journal: Option<&'a Journal>) -> Session<'a> {
        Session { journal, ..self }
    }

    /// The same with results of all runs that have used this cache.
    pub fn cache(self, cache: Option<&'a Journal>) -> Session<'a> {
        Session { cache, ..self }
    }

    /// The same, ending soon after `stop` is set, with the best circuit so far.
    pub fn stop(self, stop: &'a AtomicBool) -> Session<'a> {
        Session { ends: Ends { search: stop, ..self.ends }, ..self }
    }

    /// The same, with no comparison of whole circuits after `stop` is set. It changes nothing of the error bound.
    pub fn stop_check(self, stop: &'a AtomicBool) -> Session<'a> {
        Session { ends: Ends { check: stop, ..self.ends }, ..self }
    }

    /// The same, telling `observer` what happens, from all threads.
    pub fn observe(self, observer: &'a dyn Observer) -> Session<'a> {
        Session { observer, ..self }
    }

    /// Names the compile of this circuit by all that decides its output: the circuit as it was understood, the
    /// settings, the family of the engine and the build.
    pub fn name(&self, circuit: &Circuit, build: &Build) -> [u8; 32] {
        let (circuit, settings) = (crate::to_qasm(circuit), self.settings.to_line());
        plan_hash(build, &[circuit.as_bytes(), settings.as_bytes(), self.family().as_bytes()])
    }

    fn family(&self) -> &str {
        match &self.place {
            Place::Cpu(engine) => engine.family(),
            Place::Engine(engine) => engine.family(),
            Place::Workshop(_, family) | Place::Shared(_, family) => family,
        }
    }

    /// Rewrites the circuit with fewer two-qubit gates. The same circuit, settings and family of engines give the same
    /// output, unless it is stopped.
    pub fn compile(&self, circuit: &Circuit) -> Result<Finished, CompileError> {
        match &self.place {
            Place::Cpu(engine) => self.keep(&InProcess(engine), circuit),
            Place::Engine(engine) => self.keep(&InProcess(*engine), circuit),
            Place::Workshop(workshop, _) => self.keep(*workshop, circuit),
            Place::Shared(workshop, family) => {
                let compiled = compile_in(*workshop, circuit, &self.settings, family, self.ends, self.observer)?;
                Ok(Finished { compiled, known: KnownTotals::default(), is_behind: false })
            }
        }
    }

    /// The same, and nothing that journal or cache know is done again.
    fn keep(&self, workshop: &dyn Workshop, circuit: &Circuit) -> Result<Finished, CompileError> {
        let kept = Kept::new(workshop, self.journal, self.cache);
        let marking = Marking { session: self, has_told: Default::default() };
        let compiled = compile_in(&kept, circuit, &self.settings, self.family(), self.ends, &marking)?;
        if let Some(journal) = self.journal.filter(|_| !compiled.was_stopped) {
            journal.append(&Entry::RunDone);
        }
        marking.tell_failures();
        Ok(Finished { compiled, known: kept.totals(), is_behind: kept.is_behind() })
    }
}

/// Writes a marker into the journal at the end of each pass, and says when one of the folders fails: a user who counts
/// on it has to know before the run is over.
struct Marking<'a> {
    session: &'a Session<'a>,
    /// Whether the failure of journal and cache was told.
    has_told: [AtomicBool; 2],
}

impl Marking<'_> {
    fn tell_failures(&self) {
        for (folder, has_told) in [self.session.journal, self.session.cache].into_iter().zip(&self.has_told) {
            if let Some(failure) = folder.and_then(Journal::failure)
                && !has_told.swap(true, Ordering::Relaxed)
            {
                self.session.observer.event(Event::FolderFailed(&failure));
            }
        }
    }
}

impl Observer for Marking<'_> {
    fn seconds(&self) -> f64 {
        self.session.observer.seconds()
    }

    fn event(&self, event: Event<'_>) {
        if let (Event::PassFinished { pass, .. }, Some(journal)) = (event, self.session.journal) {
            journal.append(&Entry::PassDone(pass));
        }
        self.tell_failures();
        self.session.observer.event(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_circuit::{GateCall, Qubit};
    use bqc_store::Use;

    fn circuit() -> Circuit {
        let mut circuit = Circuit::with_qubits(3);
        for (a, b) in [(0, 1), (1, 2), (0, 1), (1, 2), (0, 2), (0, 1)] {
            circuit.push(GateCall::cx(Qubit(a), Qubit(b)));
            circuit.push(GateCall::u3([0.3, 0.2, f64::from(a)], Qubit(b)));
        }
        circuit
    }

    #[test]
    fn a_session_goes_on_from_its_journal() {
        let (folder, circuit, build) = (tempfile::tempdir().unwrap(), circuit(), Build::new("a"));
        let settings = || Settings { patience: 1, ..Settings::deletion() };
        let name = Session::new(settings()).name(&circuit, &build);
        let run = || {
            let journal = Journal::open(&folder.path().join("run"), &name, &build, Use::Run).unwrap();
            Session::new(settings()).resume(Some(&journal)).compile(&circuit).unwrap()
        };
        let (first, second) = (run(), run());
        assert_eq!(first.known.taken, 0);
        assert!(second.known.taken > 0 && second.known.refused == 0 && !second.is_behind);
        assert_eq!(first.compiled.circuit(), second.compiled.circuit());
        assert!(Journal::open(&folder.path().join("run"), &[1; 32], &build, Use::Run).is_err(), "another run's");
    }

    #[test]
    fn all_that_decides_is_in_the_name() {
        let (circuit, build) = (circuit(), Build::new("a"));
        let name = |settings: Settings| Session::new(settings).name(&circuit, &build);
        let default = name(Settings::default());
        assert_eq!(name(Settings { n_threads: 7, ..Settings::default() }), default);
        assert_ne!(name(Settings::deletion()), default);
        assert_ne!(Session::new(Settings::default()).name(&circuit, &Build::new("b")), default);
        assert_ne!(Session::new(Settings::default()).name(&Circuit::with_qubits(3), &build), default);
    }

    #[test]
    fn a_session_stops_with_what_it_has() {
        let (circuit, stop) = (circuit(), AtomicBool::new(true));
        let finished = Session::new(Settings::default()).stop(&stop).compile(&circuit).unwrap();
        assert!(finished.compiled.was_stopped);
        assert_eq!(bqc_circuit::Stats::of(finished.compiled.circuit()).n_two_qubit, 6);
    }
}
