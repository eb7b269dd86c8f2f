//! Faults on request, so that tests can see what a supervisor does about them. Hidden options of the
//! binary name them; nothing else does.

use bqc_instantiate::{Engine, MakeCandidate, RefineProblem, Refined};
use bqc_run::Sabotage;
use bqc_wire::unit::GateForm;
use bqc_wire::{SolvedRecord, UnitKey};
use nix::sys::signal::{Signal, raise};
use std::io::Write;
use std::str::FromStr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What a want of memory takes at once, in bytes, and how often at most.
const PIECE_BYTES: usize = 16 << 20;
const MOST_TAKEN: usize = 128;

/// What goes wrong in a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It is killed.
    Kill,
    /// It touches memory that it has not.
    Segv,
    /// It aborts.
    Abort,
    /// It ends as if all were well.
    Exit,
    /// Its engine panics, if it is called.
    Panic,
    /// It works for ever, and lives.
    Hang,
    /// It is stopped, so that not even its heart beats.
    Freeze,
    /// It sends bytes that are no frame.
    Garbage,
    /// It sends half a frame and ends.
    Short,
    /// It sends the head of a frame of four gigabytes.
    Huge,
    /// It answers another question.
    Unasked,
    /// Something in it prints on standard output, and on standard error.
    Print,
    /// It answers with another unitary.
    Wrong,
    /// It takes memory until it is refused more, or killed.
    Memory,
    /// It sends a checkpoint as soon as there is one, and aborts.
    Later,
    /// Its searches join the blocks of a round in another order.
    Reorder,
}

/// When it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    /// At the task of this number in each worker's life, from 1.
    Task(u64),
    /// For the units whose stream key this divides, whichever worker has them.
    Units(u64),
}

/// A fault and its time: `kill`, `kill@3` (the third task of each worker) or `kill%3` (a third of the
/// units, always the same).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    when: When,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Fault, String> {
        let at = text.find(['@', '%']).unwrap_or(text.len());
        let (name, rest) = text.split_at(at);
        let number = || rest[1..].parse().ok().filter(|&n| n > 0).ok_or(format!("`{rest}` names no number above 0"));
        let when = match rest.chars().next() {
            None => When::Always,
            Some('@') => When::Task(number()?),
            Some(_) => When::Units(number()?),
        };
        let kind = match name {
            "kill" => FaultKind::Kill,
            "segv" => FaultKind::Segv,
            "abort" => FaultKind::Abort,
            "exit" => FaultKind::Exit,
            "panic" => FaultKind::Panic,
            "hang" => FaultKind::Hang,
            "freeze" => FaultKind::Freeze,
            "garbage" => FaultKind::Garbage,
            "short" => FaultKind::Short,
            "huge" => FaultKind::Huge,
            "unasked" => FaultKind::Unasked,
            "print" => FaultKind::Print,
            "wrong" => FaultKind::Wrong,
            "memory" => FaultKind::Memory,
            "later" => FaultKind::Later,
            "reorder" => FaultKind::Reorder,
            _ => return Err(format!("`{name}` is no fault")),
        };
        Ok(Fault { kind, when })
    }
}

impl Fault {
    /// Whether it is to happen at this task (from 0) with this unit.
    pub(crate) fn hits(self, task: u64, key: UnitKey) -> bool {
        match self.when {
            When::Always => true,
            When::Task(n) => task + 1 == n,
            When::Units(n) => key.stream_key().is_multiple_of(n),
        }
    }

    /// Lets it happen before the work, as far as it is one of those. `send` puts bytes into the pipe.
    pub(crate) fn strike(self, send: impl Fn(&[u8])) {
        let signal = match self.kind {
            FaultKind::Kill => Some(Signal::SIGKILL),
            FaultKind::Segv => Some(Signal::SIGSEGV),
            FaultKind::Freeze => Some(Signal::SIGSTOP),
            _ => None,
        };
        if let Some(signal) = signal {
            // Twice, because Rust's own handler of SIGSEGV takes the first for a full stack. A signal that
            // cannot be sent is a fault that does not happen, and the test sees it.
            _ = raise(signal);
            _ = raise(signal);
        }
        match self.kind {
            FaultKind::Abort => std::process::abort(),
            FaultKind::Exit => std::process::exit(0),
            FaultKind::Hang => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            FaultKind::Garbage => send(&[0x5a; 64]),
            FaultKind::Huge => send(&[0xff; 8]),
            FaultKind::Short => {
                send(&[40, 0, 0, 0, 1, 2, 3, 4, 5]);
                std::process::exit(0);
            }
            FaultKind::Memory => {
                // Touched, so that it is there. Without a limit it ends all the same, as one would end it.
                let taken: Vec<Vec<u8>> = (0..MOST_TAKEN).map(|_| vec![1; PIECE_BYTES]).collect();
                std::hint::black_box(taken);
                std::process::abort();
            }
            FaultKind::Print => {
                _ = writeln!(std::io::stdout(), "a library prints");
                _ = writeln!(std::io::stderr(), "and complains");
            }
            _ => {}
        }
    }

    /// Whether the work is to be done with [`Panicking`].
    pub(crate) fn is_panic(self) -> bool {
        self.kind == FaultKind::Panic
    }

    /// Whether the first checkpoint is to be the last.
    pub(crate) fn is_later(self) -> bool {
        self.kind == FaultKind::Later
    }

    /// What goes wrong inside the work, if it is that.
    pub(crate) fn sabotage(self) -> Option<Sabotage> {
        (self.kind == FaultKind::Reorder).then_some(Sabotage::ReorderRound)
    }

    /// The number that the answer names.
    pub(crate) fn number(self, task: u64) -> u64 {
        if self.kind == FaultKind::Unasked { task + 1 } else { task }
    }

    /// Changes the result, if it is that fault.
    pub(crate) fn spoil(self, result: &mut SolvedRecord) {
        if self.kind == FaultKind::Wrong {
            result.block.gates.push(GateForm::U3(0, [1e-6, 0.0, 0.0]));
        }
    }
}

/// An engine of this name that fails as a mistake in one would.
pub(crate) struct Panicking<'a>(pub &'a str);

impl Panicking<'_> {
    fn fail(&self) -> ! {
        std::panic::panic_any("a fault on request")
    }
}

impl Engine for Panicking<'_> {
    fn name(&self) -> &str {
        self.0
    }

    fn refine(&self, _: &RefineProblem<'_>, _: usize, _: &MakeCandidate<'_>, _: &AtomicBool) -> Refined {
        self.fail()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_have_a_name_and_a_time() {
        let key = |n: u8| UnitKey([n; 32]);
        let kill: Fault = "kill@3".parse().unwrap();
        assert!(kill.hits(2, key(0)) && !kill.hits(1, key(0)));
        let wrong: Fault = "wrong%2".parse().unwrap();
        assert!(wrong.hits(7, key(2)) && !wrong.hits(0, key(3)));
        assert!("hang".parse::<Fault>().unwrap().hits(0, key(5)));
        for text in ["", "kill@", "kill@0", "kill@x", "nothing", "kill%-1"] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }
}
