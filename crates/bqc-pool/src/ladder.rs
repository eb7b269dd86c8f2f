//! What becomes of a unit after a try at it came to nothing. Pure: what happened goes in, where and how to try next comes
//! out.
//!
//! A unit may cost three workers. The third begins at the beginning, lest it be the checkpoint that kills them. On GPUs
//! the second try is on another GPU, if there is one, and the third is on the CPU. What happens to a GPU itself is no
//! fault of the unit: it costs a try there and no worker. A block that has cost a worker is never tried in this
//! process; only where no worker comes as far as a hello, which says nothing about the block, is the work done here.

use crate::placement::Wish;
use std::time::Duration;

/// Workers that may fail at one unit.
const MAX_LOSSES: usize = 3;
/// Workers that may be killed from outside at one unit, which is no fault of the unit. Only so that it
/// ends: a unit of half a second survives a kill each tenth of a second once in a hundred tries.
const MAX_KILLS: usize = 200;
/// Workers that may lose their GPU, or units that may fail on one, before the CPU does a unit in its place.
const MAX_GPU_TRIES: usize = 2;

/// What has become of a unit's tries so far.
pub(crate) struct Ladder {
    /// What one unit may take: all kills together may cost no more. A limit on CPU time kills each worker anew, just
    /// before it is through.
    patience: Duration,
    /// Why workers were given up, or their results refused.
    reasons: Vec<String>,
    /// Workers that were killed from outside, and the time that they took.
    n_kills: usize,
    in_kills: Duration,
    /// Workers that had the unit and lost their GPU.
    n_devices: usize,
    /// Whether any worker had the unit: it may be to blame.
    had_unit: bool,
    /// Whether any was killed for want of memory.
    for_memory: bool,
}

/// How a try came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fall {
    /// The worker says that the unit failed, or its result was refused.
    Refused(String),
    /// A device is in trouble; whether a worker there had the unit.
    Device { had_unit: bool },
    /// The worker is of no more use, and whether it had the unit.
    Lost { had_unit: bool, end: Death, took: Duration, reason: String },
}

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// Killed by somebody.
    Killed,
    /// Killed by the system for want of memory, as far as one can tell.
    OutOfMemory,
    /// In any other way.
    Other,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another worker.
    Retry(Rung),
    /// This process: no worker can be had.
    Here,
    /// The block stays as it is.
    Keep,
}

/// How a unit is tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rung {
    pub wish: Wish,
    /// From the beginning, whatever is known of the unit.
    pub is_anew: bool,
    /// With no other worker beside it.
    pub is_alone: bool,
}

impl Ladder {
    pub(crate) fn new(patience: Duration) -> Ladder {
        let (reasons, n_kills, in_kills, n_devices, had_unit, for_memory) = Default::default();
        Ladder { patience, reasons, n_kills, in_kills, n_devices, had_unit, for_memory }
    }

    /// `gpu`: where the last try was.
    pub(crate) fn after(&mut self, fall: Fall, gpu: Option<usize>) -> Next {
        match fall {
            Fall::Device { had_unit } => self.n_devices += usize::from(had_unit),
            Fall::Refused(reason) => {
                self.had_unit = true;
                self.reasons.push(reason);
            }
            Fall::Lost { had_unit, end, took, reason } => {
                self.had_unit |= had_unit;
                self.for_memory |= end == Death::OutOfMemory;
                let is_borne = self.n_kills < MAX_KILLS && self.in_kills + took <= self.patience;
                if end == Death::Killed && is_borne {
                    self.n_kills += 1;
                    self.in_kills += took;
                } else if self.had_unit {
                    self.reasons.push(reason);
                } else {
                    return Next::Here;
                }
            }
        }
        if self.reasons.len() >= MAX_LOSSES {
            return Next::Keep;
        }
        let avoid = gpu.filter(|_| self.had_unit || self.n_devices > 0);
        let wish = Wish { avoid, on_cpu: self.reasons.len() + self.n_devices >= MAX_GPU_TRIES };
        let is_anew = self.reasons.len() + 1 == MAX_LOSSES;
        Next::Retry(Rung { wish, is_anew, is_alone: self.for_memory })
    }

    /// Why the block stays as it is.
    pub(crate) fn words(mut self) -> String {
        self.reasons.dedup();
        format!("{MAX_LOSSES} workers failed: {}", self.reasons.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GPU: Option<usize> = Some(4);

    fn refused() -> Fall {
        Fall::Refused("wrong".into())
    }

    /// A worker that took so many seconds.
    fn lost(had_unit: bool, end: Death, seconds: u64) -> Fall {
        Fall::Lost { had_unit, end, took: Duration::from_secs(seconds), reason: "dead".into() }
    }

    fn device(had_unit: bool) -> Fall {
        Fall::Device { had_unit }
    }

    fn retry(avoid: Option<usize>, on_cpu: bool, is_anew: bool, is_alone: bool) -> Next {
        Next::Retry(Rung { wish: Wish { avoid, on_cpu }, is_anew, is_alone })
    }

    /// One row a rule: what happened, all on the same GPU, and what comes after the last of it. A unit may take ten
    /// seconds.
    #[test]
    fn each_fall_has_its_next_step() {
        use Death::{Killed, Other, OutOfMemory};
        for (why, falls, expected) in [
            ("the second worker is elsewhere", vec![lost(true, Other, 1)], retry(GPU, false, false, false)),
            ("a wrong result is as a dead worker", vec![refused()], retry(GPU, false, false, false)),
            ("the third is the CPU's and begins anew", vec![refused(), refused()], retry(GPU, true, true, false)),
            ("three are enough", vec![refused(), lost(true, Other, 1), refused()], Next::Keep),
            ("where no worker says hello this process works", vec![lost(false, Other, 1)], Next::Here),
            (
                "but not at a unit that has cost one",
                vec![refused(), lost(false, Other, 1)],
                retry(GPU, true, true, false),
            ),
            ("a kill is no fault of the unit", vec![lost(true, Killed, 1); 5], retry(GPU, false, false, false)),
            ("nor is a kill before the hello", vec![lost(false, Killed, 1); 5], retry(None, false, false, false)),
            ("kills may take what a unit may take", vec![lost(true, Killed, 5); 3], retry(GPU, false, false, false)),
            ("and then count", vec![lost(true, Killed, 5); 4], retry(GPU, true, true, false)),
            ("200 kills at most", vec![lost(true, Killed, 0); 200 + 3], Next::Keep),
            ("without memory it is alone", vec![lost(true, OutOfMemory, 1)], retry(GPU, false, false, true)),
            ("and stays so", vec![lost(true, OutOfMemory, 1), refused()], retry(GPU, true, true, true)),
            ("a device that fails costs no worker", vec![device(true)], retry(GPU, false, false, false)),
            ("the third try is the CPU's", vec![device(true), device(true)], retry(GPU, true, false, false)),
            ("whoever failed before", vec![device(true), refused()], retry(GPU, true, false, false)),
            ("a device without the unit is tried again", vec![device(false); 9], retry(None, false, false, false)),
        ] {
            let mut ladder = Ladder::new(Duration::from_secs(10));
            let nexts: Vec<Next> = falls.into_iter().map(|fall| ladder.after(fall, GPU)).collect();
            assert_eq!(nexts.last(), Some(&expected), "{why}");
        }
    }

    #[test]
    fn the_reasons_are_told_once_each() {
        let mut ladder = Ladder::new(Duration::ZERO);
        for fall in [refused(), lost(true, Death::Other, 1), lost(true, Death::Killed, 1)] {
            ladder.after(fall, None);
        }
        assert_eq!(ladder.words(), "3 workers failed: wrong; dead");
    }
}
