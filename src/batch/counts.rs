//! What a batch has come to, in numbers, in words, and as an exit code.

use crate::exit::Exit;

/// How the circuits of a share ended.
#[derive(Default)]
pub struct Counts {
    pub done: usize,
    pub known: usize,
    pub degraded: usize,
    pub refused: usize,
    pub left: usize,
}

impl Counts {
    pub fn words(&self) -> String {
        let Counts { done, known, degraded, refused, left } = self;
        format!("{done} done ({degraded} with faults), {known} were done before, {refused} refused, {left} left to do")
    }

    /// What is most urgent for whoever asks.
    pub fn exit(&self) -> Exit {
        match self {
            Counts { left: 1.., .. } => Exit::Interrupted,
            Counts { refused: 1.., .. } => Exit::Refused,
            Counts { degraded: 1.., .. } => Exit::Degraded,
            _ => Exit::Complete,
        }
    }
}
