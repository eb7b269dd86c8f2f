//! Time as far as this process was there to see it pass. A process that is stopped, whose machine sleeps or
//! whose container is paused mostly shares that fate with its workers: the clock has gone on, and nobody has
//! hung.

use std::time::{Duration, Instant};

/// Most that counts from one look to the next, ten times the pause between them: whoever looks later was
/// kept from looking.
const MAX_STEP: Duration = Duration::from_secs(1);

/// Adds up the time between looks.
pub(crate) struct Watch {
    last_look: Instant,
    seen: Duration,
}

impl Watch {
    pub(crate) fn start(now: Instant) -> Watch {
        Watch { last_look: now, seen: Duration::ZERO }
    }

    /// The time since the start that counts.
    pub(crate) fn look(&mut self, now: Instant) -> Duration {
        self.seen += now.saturating_duration_since(self.last_look).min(MAX_STEP);
        self.last_look = now;
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_of_this_process_counts_no_more_than_one_step() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut watch = Watch::start(start);
        assert_eq!(watch.look(at(100)), Duration::from_millis(100));
        assert_eq!(watch.look(at(300)), Duration::from_millis(300));
        // An hour on a closed lid.
        assert_eq!(watch.look(at(3_600_300)), Duration::from_millis(1300));
        assert_eq!(watch.look(at(3_600_400)), Duration::from_millis(1400));
        assert_eq!(watch.look(at(3_600_400)), Duration::from_millis(1400));
    }
}
