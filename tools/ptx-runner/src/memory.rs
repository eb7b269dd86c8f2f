//! Global memory: regions with an address each and gaps between them, so that nobody reaches a neighbour
//! unnoticed.

/// Who may do what with a region while a kernel runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Threads read it.
    Read,
    /// Threads write to it, and no two of them to one word, or one that another reads, without a barrier between.
    Written,
    /// Words for atomic accesses alone.
    Atomic,
}

/// Who touched a word last: epochs begin with every barrier and every block, and are numbered from 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Touched {
    written: u32,
    writer: u16,
    read: u32,
    reader: u16,
}

/// A word that several have read in one epoch.
const MANY: u16 = u16::MAX;

/// When and by whom a word is touched.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub thread: u16,
    pub epoch: u32,
    /// That with which the block began.
    pub block_began: u32,
}

impl Touched {
    /// Whether a thread of this launch has written it since the block began.
    pub fn is_written(self, now: Moment) -> bool {
        self.written >= now.block_began
    }

    /// Another thread's access that this one must not meet, if there is one.
    pub fn conflict(&mut self, now: Moment, is_write: bool) -> Option<&'static str> {
        let other = |epoch: u32, thread: u16| {
            epoch != 0 && (epoch < now.block_began || epoch == now.epoch && thread != now.thread)
        };
        let found = if other(self.written, self.writer) {
            Some(if is_write { "writes what another writes" } else { "reads what another writes" })
        } else if is_write && other(self.read, self.reader) {
            Some("writes what another reads")
        } else {
            None
        };
        if is_write {
            (self.written, self.writer) = (now.epoch, now.thread);
        } else {
            self.reader = if self.read == now.epoch && self.reader != now.thread { MANY } else { now.thread };
            self.read = now.epoch;
        }
        found
    }
}

#[derive(Clone, Debug)]
struct Region {
    address: u64,
    words: Vec<u32>,
    access: Access,
    touched: Vec<Touched>,
}

/// Global memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    regions: Vec<Region>,
}

/// Bytes between regions, and what addresses are multiples of.
const GAP: u64 = 1 << 12;

impl Memory {
    /// Adds a region; gives its address, a multiple of 4096.
    pub fn add(&mut self, words: Vec<u32>, access: Access) -> u64 {
        let end = self.regions.last().map_or(1 << 32, |last| last.address + 4 * last.words.len() as u64);
        let address = (end + 2 * GAP).next_multiple_of(GAP);
        self.regions.push(Region { address, words, access, touched: Vec::new() });
        address
    }

    /// What lies in the region with this address.
    ///
    /// # Panics
    /// If none begins there.
    pub fn words(&self, address: u64) -> &[u32] {
        &self.regions.iter().find(|region| region.address == address).expect("the address of a region").words
    }

    /// Forgets who touched what: a launch begins.
    pub(crate) fn begin(&mut self) {
        for region in self.regions.iter_mut().filter(|region| region.access == Access::Written) {
            region.touched = vec![Touched::default(); region.words.len()];
        }
    }

    /// The `n` words from an address on, all in one region that permits the access.
    pub(crate) fn at(
        &mut self,
        address: u64,
        n: usize,
        wanted: Wanted,
        now: Moment,
    ) -> Result<&mut [u32], &'static str> {
        let after = self.regions.partition_point(|region| region.address <= address);
        let region = after.checked_sub(1).map(|at| &mut self.regions[at]).ok_or("is outside of global memory")?;
        let first = ((address - region.address) / 4) as usize;
        if first + n > region.words.len() {
            return Err("is outside of global memory");
        }
        match (region.access, wanted) {
            (Access::Read, Wanted::Read | Wanted::Constant) | (Access::Atomic, Wanted::Atomic) => {}
            (Access::Written, Wanted::Read | Wanted::Write) => {
                for word in &mut region.touched[first..first + n] {
                    if let Some(conflict) = word.conflict(now, wanted == Wanted::Write) {
                        return Err(conflict);
                    }
                }
            }
            (Access::Read, Wanted::Write) => return Err("writes to a table"),
            (Access::Written, Wanted::Constant) => return Err("reads as constant what is written to"),
            (Access::Atomic, _) => return Err("is no atomic access"),
            (_, Wanted::Atomic) => return Err("is atomic where others are not"),
        }
        Ok(&mut region.words[first..first + n])
    }
}

/// What an instruction does with global memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Read,
    Constant,
    Write,
    Atomic,
}
