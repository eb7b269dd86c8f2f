//! How many workers a GPU has room for, and what becomes of that number when something goes wrong. Pure: what
//! happened goes in, how many may be there comes out.
//!
//! Processes that share a GPU through MPS share its faults: one of them loses the context of all, and the GPU
//! takes no other until all of them have ended. Then the first comes alone, to see whether it works again.

/// Faults in a row, with nothing done in between, after which a GPU is left alone. Each costs a process and
/// what it had done.
const MAX_FAULTS: usize = 3;
/// Workers in a row that ended before they said hello or what is wrong.
const MAX_VAIN: usize = 3;

/// The places for workers on one GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seats {
    /// Workers that may be there at once; 0 once the GPU is left alone.
    limit: usize,
    /// Workers that are there, whatever their generation.
    n_taken: usize,
    /// Whether a fault of one is a fault of all.
    is_shared: bool,
    /// Goes up when all that are there have to end.
    generation: u64,
    /// Whether some of a former generation are still there.
    is_draining: bool,
    /// Whether nobody has said hello since the last fault of all.
    is_probing: bool,
    /// Faults that all shared.
    n_common_faults: usize,
    /// Faults since a unit was last done.
    n_faults: usize,
    /// Starts since the last worker that said hello.
    n_vain: usize,
}

/// One taken seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub generation: u64,
    /// Whether it is the first after a fault of all.
    pub is_probe: bool,
}

impl Seats {
    pub fn new(limit: usize, is_shared: bool) -> Seats {
        Seats {
            limit,
            is_shared,
            n_taken: 0,
            generation: 0,
            is_draining: false,
            is_probing: false,
            n_common_faults: 0,
            n_faults: 0,
            n_vain: 0,
        }
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    pub fn n_taken(&self) -> usize {
        self.n_taken
    }

    pub fn is_current(&self, ticket: Ticket) -> bool {
        self.generation == ticket.generation
    }

    /// Whether somebody could be sent away.
    pub fn is_overfull(&self) -> bool {
        self.n_taken > self.limit
    }

    /// A seat for one more, if there is one now.
    pub fn take(&mut self) -> Option<Ticket> {
        let is_kept_free = self.is_draining || self.is_probing && self.n_taken > 0;
        if is_kept_free || self.n_taken >= self.limit {
            return None;
        }
        self.n_taken += 1;
        Some(Ticket { generation: self.generation, is_probe: self.is_probing })
    }

    /// A worker has ended.
    pub fn leave(&mut self) {
        self.n_taken -= 1;
        self.is_draining &= self.n_taken > 0;
    }

    /// A worker has opened the GPU.
    pub fn greeted(&mut self, ticket: Ticket) {
        if self.is_current(ticket) {
            (self.is_probing, self.n_vain) = (false, 0);
        }
    }

    /// A worker has done a unit.
    pub fn done(&mut self, ticket: Ticket) {
        if self.is_current(ticket) {
            self.n_faults = 0;
        }
    }

    /// There was no room for the worker that has just been started: as many as are there without it. None
    /// at all if it was alone.
    pub fn refuse_last(&mut self) {
        self.limit = self.limit.min(self.n_taken.saturating_sub(1));
    }

    /// Memory ran short at work. The last one stays: it leaves to the CPU what does not fit.
    pub fn shrink(&mut self) {
        if self.limit > 1 {
            self.limit -= 1;
        }
    }

    /// A worker ended before it said hello, for whatever reason.
    pub fn start_in_vain(&mut self) {
        self.n_vain += 1;
        if self.n_vain >= MAX_VAIN {
            self.limit = 0;
        }
    }

    /// A worker has lost its context. Gives false if this is a fault that is known already.
    pub fn fault(&mut self, ticket: Ticket) -> bool {
        if !self.is_current(ticket) {
            return false;
        }
        self.n_faults += 1;
        if !self.is_shared {
            if self.n_faults >= MAX_FAULTS {
                self.limit = 0;
            }
            return true;
        }
        self.generation += 1;
        (self.is_draining, self.is_probing) = (self.n_taken > 0, true);
        self.limit = match (self.limit, self.n_common_faults) {
            (0..=1, _) if self.n_faults > 1 => 0,
            (limit, 0) => limit.div_ceil(2),
            _ => 1,
        };
        self.n_common_faults += 1;
        true
    }

    /// There will be no worker there any more.
    pub fn close(&mut self) {
        self.limit = 0;
    }

    /// What they shared is gone: one at a time from now on.
    pub fn stop_sharing(&mut self) {
        (self.is_shared, self.limit) = (false, self.limit.min(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(limit: usize, is_shared: bool) -> (Seats, Vec<Ticket>) {
        let mut seats = Seats::new(limit, is_shared);
        let tickets: Vec<Ticket> = std::iter::from_fn(|| seats.take()).collect();
        assert_eq!((tickets.len(), seats.n_taken()), (limit, limit));
        (seats, tickets)
    }

    #[test]
    fn want_of_memory_takes_one_seat_after_the_other() {
        let (mut seats, tickets) = full(4, false);
        // The last two found no room.
        for expected in [3, 2] {
            seats.refuse_last();
            seats.leave();
            assert_eq!(seats.limit(), expected);
        }
        tickets[..2].iter().for_each(|ticket| seats.greeted(*ticket));
        seats.shrink();
        assert!(seats.is_overfull());
        seats.leave();
        assert!(seats.limit() == 1 && !seats.is_overfull() && seats.take().is_none());
        seats.shrink();
        assert_eq!(seats.limit(), 1, "the last one stays");
        // Not even the first found room.
        let (mut seats, _) = full(1, false);
        seats.refuse_last();
        assert_eq!(seats.limit(), 0);
    }

    #[test]
    fn a_fault_of_all_ends_all_and_half_of_them_come_back_after_one_alone() {
        let (mut seats, tickets) = full(7, true);
        assert!(seats.fault(tickets[3]) && seats.limit() == 4);
        assert!(!seats.fault(tickets[1]) && seats.limit() == 4, "the same fault once more");
        for _ in 0..7 {
            assert!(seats.take().is_none(), "nobody before all have gone");
            seats.leave();
        }
        let probe = seats.take().unwrap();
        assert!(probe.is_probe && seats.take().is_none());
        seats.greeted(probe);
        assert!(!seats.take().unwrap().is_probe);
        seats.done(probe);
        // Then one, for ever if it works.
        for _ in 0..5 {
            let ticket = Ticket { generation: seats.generation, is_probe: false };
            seats.done(ticket);
            assert!(seats.fault(ticket) && seats.limit() == 1);
        }
        // Then none, if it does not.
        seats.leave();
        seats.leave();
        let probe = seats.take().unwrap();
        assert!(seats.fault(probe) && seats.limit() == 0);
    }

    #[test]
    fn a_fault_of_one_is_borne_until_nothing_else_happens() {
        let (mut seats, tickets) = full(4, false);
        for _ in 0..10 {
            assert!(seats.fault(tickets[0]) && seats.fault(tickets[0]) && seats.limit() == 4);
            seats.done(tickets[1]);
        }
        (0..3).for_each(|_| _ = seats.fault(tickets[0]));
        assert_eq!(seats.limit(), 0);
    }

    #[test]
    fn what_starts_in_vain_is_not_started_for_ever() {
        let mut seats = Seats::new(2, false);
        seats.start_in_vain();
        seats.start_in_vain();
        let ticket = seats.take().unwrap();
        seats.greeted(ticket);
        seats.start_in_vain();
        seats.start_in_vain();
        assert_eq!(seats.limit(), 2);
        seats.start_in_vain();
        assert_eq!(seats.limit(), 0);
    }
}
