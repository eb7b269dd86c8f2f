//! Who does the units of a pass.
//!
//! A pass asks a [`Workshop`] for each of its units: this process, a pool of others, a journal that has the result
//! already. What comes from outside this process counts only after [`Unit::check`] has checked it here. A [`Bench`]
//! takes the results of many units, a [`Trail`] the states from which anybody goes on with one.

use crate::unit::{Solved, Unit};
use bqc_instantiate::Engine;
use bqc_wire::CheckpointRecord;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Does units of work. Called from many threads at once, each of which waits for its answer.
pub trait Workshop: Sync {
    /// Whatever goes wrong, the unit's own block comes out and the reason with it. Comes back soon
    /// after `stop` is set.
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved;

    /// Asked before each step of a run: whether it goes on. `is_to_stop`: the caller's flag says that it shall not.
    ///
    /// A workshop may end a run that nothing stops, because something is missing. It may also go on for some seconds
    /// with answers that are there already, so that a run that is taken up comes to where it was before it ends.
    fn goes_on(&self, is_to_stop: bool) -> bool {
        !is_to_stop
    }

    /// The same as [`Workshop::solve`] along a trail. A workshop that knows of none begins at the beginning.
    fn solve_along(&self, unit: &Unit, _trail: Trail<'_>, stop: &AtomicBool) -> Solved {
        self.solve(unit, stop)
    }

    /// Does all units of one pass, all of them different, hardest first, and tells `bench` of each. Called
    /// from a thread of a rayon pool.
    ///
    /// Unless a workshop does better: every thread of the pool takes the hardest unit that is left, so that
    /// what is begun last is short and the threads end together.
    fn solve_all(&self, units: &[&Unit], stop: &AtomicBool, bench: &dyn Bench) {
        let next = AtomicUsize::new(0);
        rayon::broadcast(|_| {
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(unit) = units.get(i) else { break };
                bench.begun(i);
                bench.done(i, self.solve(unit, stop));
            }
        });
    }
}

/// Where the work at a unit begins, and who is told how far it has come.
pub struct Trail<'a> {
    /// Where somebody else has left it; none: at its beginning. What is no such state is left out.
    pub from: Option<CheckpointRecord>,
    /// Called with each state that somebody may go on from, from the thread that asked for the work.
    pub note: &'a mut dyn FnMut(CheckpointRecord),
}

/// Where the results of many units go; from any thread, in any order.
pub trait Bench: Sync {
    /// The unit in this place is begun here. Nobody says so of a result that was there already.
    fn begun(&self, index: usize);

    /// The unit in this place is done. Only the first result of each counts.
    fn done(&self, index: usize, solved: Solved);
}

/// Does them in this process, on the calling thread.
pub struct InProcess<'a>(pub &'a dyn Engine);

impl Workshop for InProcess<'_> {
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        unit.solve(self.0, stop)
    }

    fn solve_along(&self, unit: &Unit, trail: Trail<'_>, stop: &AtomicBool) -> Solved {
        unit.solve_along(self.0, trail, stop)
    }
}
