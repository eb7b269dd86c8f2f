//! A block of threads that runs.

use crate::PtxError;
use crate::memory::{Memory, Moment, Touched, Wanted};
use crate::op::{self, CTAID, Kernel, NTID, Op, Place, Reg, Space, TID};

/// Threads of a warp.
const WARP: usize = 32;
/// What lies in registers and in shared memory before anybody writes there.
const GARBAGE: u64 = 0x7ff8_dead_7ff8_dead;

/// In which order threads run between two meetings. What a kernel computes must not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The first one first.
    Forward,
    /// The last one first.
    Backward,
    /// Another order each time, from this seed.
    Shuffled(u64),
}

/// The shape of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Blocks, which run one after the other.
    pub n_blocks: u32,
    /// Threads of a block, a multiple of 32 and less than 65535.
    pub n_threads: u32,
    /// Dynamic shared memory of a block.
    pub shared_bytes: u32,
    /// In which order threads run.
    pub order: Order,
}

/// What was done in a launch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Instructions of all threads.
    pub instructions: u64,
    /// Barriers of all blocks.
    pub barriers: u64,
    /// Which instructions of the kernel some thread has come to.
    pub has_run: Vec<bool>,
}

impl Kernel {
    /// Runs it. `parameters`: the record that it takes, in words.
    pub fn run(&self, parameters: &[u32], memory: &mut Memory, launch: Launch) -> Result<Counts, PtxError> {
        let Launch { n_blocks, n_threads, shared_bytes, order } = launch;
        memory.begin();
        let mut counts = Counts { has_run: vec![false; self.ops.len()], ..Counts::default() };
        let mut epoch = 0;
        let seed = if let Order::Shuffled(seed) = order { seed } else { 0 };
        let n_words = shared_bytes as usize / 4;
        let shared = (0..n_words).map(|at| (GARBAGE >> (32 * (at % 2))) as u32).collect::<Vec<u32>>();
        for index in 0..n_blocks {
            epoch += 1;
            let mut block = Block {
                kernel: self,
                parameters,
                memory,
                shared: shared.clone(),
                touched: vec![Touched::default(); n_words],
                threads: (0..n_threads).map(|thread| Thread::new(self, thread, n_threads, index)).collect(),
                index,
                now: Moment { thread: 0, epoch, block_began: epoch },
                order,
                seed: seed ^ u64::from(index),
                counts: &mut counts,
            };
            block.run()?;
            epoch = block.now.epoch;
        }
        Ok(counts)
    }
}

/// Where a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Runs,
    AtBarrier,
    /// It gives this value, and takes that of the lane whose number differs in `mask`.
    Shuffles {
        value: u32,
        mask: u32,
        d: Reg,
    },
    Ended,
}

struct Thread {
    registers: Vec<u64>,
    /// The next instruction.
    at: usize,
    state: State,
}

impl Thread {
    fn new(kernel: &Kernel, thread: u32, n_threads: u32, block: u32) -> Thread {
        let mut registers = vec![GARBAGE; kernel.n_registers];
        for (register, value) in &kernel.constants {
            registers[usize::from(*register)] = *value;
        }
        for (register, value) in [(TID, thread), (NTID, n_threads), (CTAID, block)] {
            registers[usize::from(register)] = value.into();
        }
        Thread { registers, at: 0, state: State::Runs }
    }

    fn get(&self, register: Reg) -> u64 {
        self.registers[usize::from(register)]
    }

    fn set(&mut self, register: Reg, value: u64) {
        self.registers[usize::from(register)] = value;
    }

    fn address(&self, place: Place) -> u64 {
        self.get(place.base).wrapping_add(i64::from(place.offset) as u64)
    }
}

struct Block<'a> {
    kernel: &'a Kernel,
    parameters: &'a [u32],
    memory: &'a mut Memory,
    shared: Vec<u32>,
    touched: Vec<Touched>,
    threads: Vec<Thread>,
    index: u32,
    now: Moment,
    order: Order,
    seed: u64,
    counts: &'a mut Counts,
}

impl Block<'_> {
    fn run(&mut self) -> Result<(), PtxError> {
        let mut order: Vec<usize> = (0..self.threads.len()).collect();
        if self.order == Order::Backward {
            order.reverse();
        }
        loop {
            if let Order::Shuffled(_) = self.order {
                self.shuffle(&mut order);
            }
            for &thread in &order {
                self.now.thread = thread as u16;
                while self.threads[thread].state == State::Runs {
                    self.step(thread)?;
                }
            }
            if self.threads.iter().all(|thread| thread.state == State::Ended) {
                return Ok(());
            }
            self.meet()?;
        }
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for i in (1..order.len()).rev() {
            self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            order.swap(i, (self.seed >> 33) as usize % (i + 1));
        }
    }

    /// All threads wait: warps that shuffle go on, or all are at the same barrier.
    fn meet(&mut self) -> Result<(), PtxError> {
        let mut has_shuffled = false;
        for first in (0..self.threads.len()).step_by(WARP) {
            let warp = &mut self.threads[first..first + WARP];
            let values: Vec<u32> = warp
                .iter()
                .filter_map(|t| if let State::Shuffles { value, .. } = t.state { Some(value) } else { None })
                .collect();
            if values.is_empty() {
                continue;
            }
            if values.len() < WARP || warp.iter().any(|thread| thread.at != warp[0].at) {
                return Err(self.fault(first, "its warp does not shuffle as one"));
            }
            for (lane, thread) in warp.iter_mut().enumerate() {
                if let State::Shuffles { mask, d, .. } = thread.state {
                    thread.set(d, values[(lane ^ mask as usize) % WARP].into());
                    thread.state = State::Runs;
                }
            }
            has_shuffled = true;
        }
        if has_shuffled {
            return Ok(());
        }
        let at = self.threads[0].at;
        if let Some(other) = self.threads.iter().position(|t| t.state != State::AtBarrier || t.at != at) {
            return Err(self.fault(other, "is not at the barrier that others wait at"));
        }
        self.threads.iter_mut().for_each(|thread| thread.state = State::Runs);
        self.now.epoch += 1;
        self.counts.barriers += 1;
        Ok(())
    }

    fn fault(&self, thread: usize, what: &str) -> PtxError {
        let at = self.threads[thread].at.saturating_sub(1);
        let line = self.kernel.lines.get(at).copied().unwrap_or(0);
        PtxError::Fault { line, block: self.index, thread: thread as u32, what: what.to_owned() }
    }

    /// One instruction of one thread.
    fn step(&mut self, thread: usize) -> Result<(), PtxError> {
        let t = &mut self.threads[thread];
        let Some(op) = self.kernel.ops.get(t.at).copied() else {
            t.state = State::Ended;
            return Ok(());
        };
        self.counts.has_run[t.at] = true;
        self.counts.instructions += 1;
        t.at += 1;
        match op {
            Op::One(f, d, a) => t.set(d, op::one(f, t.get(a))),
            Op::Two(f, d, a, b) => t.set(d, op::two(f, t.get(a), t.get(b))),
            Op::Three(f, d, of) => t.set(d, op::three(f, of.map(|a| t.get(a)))),
            Op::Jump(to) => t.at = to as usize,
            Op::JumpIf { predicate, is_wanted, to } => {
                if (t.get(predicate) != 0) == is_wanted {
                    t.at = to as usize;
                }
            }
            Op::Barrier => t.state = State::AtBarrier,
            Op::Shuffle { d, of, mask } => {
                t.state = State::Shuffles { value: t.get(of) as u32, mask: t.get(mask) as u32, d };
            }
            Op::Return => t.state = State::Ended,
            Op::JumpTable { index, table } => {
                let to = self.kernel.tables[table as usize].get(t.get(index) as u32 as usize).copied();
                let to = to.ok_or_else(|| self.fault(thread, "leaves its table of jumps"))?;
                self.threads[thread].at = to as usize;
            }
            Op::Parameter { d, offset, is_long } => {
                let words = self.parameters.get(usize::from(offset) / 4..).filter(|w| w.len() > usize::from(is_long));
                let value = words.map(|words| value(words, is_long));
                let value = value.ok_or_else(|| self.fault(thread, "reads beyond its parameters"))?;
                self.threads[thread].set(d, value);
            }
            Op::Load { .. } | Op::Store { .. } | Op::AtomicAdd { .. } | Op::AtomicMin { .. } => {
                self.access(thread, op).map_err(|what| self.fault(thread, &what))?;
            }
        }
        Ok(())
    }

    fn access(&mut self, thread: usize, op: Op) -> Result<(), String> {
        match op {
            Op::Load { space, is_long, d, n, from } => {
                let (address, size) = (self.threads[thread].address(from), 1 + usize::from(is_long));
                let words = self.words(space, address, size * usize::from(n), false)?;
                let values = [value(words, is_long), if n == 2 { value(&words[size..], is_long) } else { 0 }];
                for (register, value) in d.into_iter().zip(values).take(n.into()) {
                    self.threads[thread].set(register, value);
                }
            }
            Op::Store { space, is_long, of, n, to } => {
                let t = &self.threads[thread];
                let (address, values, size) = (t.address(to), of.map(|a| t.get(a)), 1 + usize::from(is_long));
                let words = self.words(space, address, size * usize::from(n), true)?;
                for (word, value) in words.chunks_exact_mut(size).zip(values) {
                    word[0] = value as u32;
                    if is_long {
                        word[1] = (value >> 32) as u32;
                    }
                }
            }
            Op::AtomicAdd { d, at, of } => {
                let t = &self.threads[thread];
                let (address, more) = (t.address(at), t.get(of) as u32);
                let word = &mut self.words(Space::Atomic, address, 1, true)?[0];
                let before = *word;
                *word = before.wrapping_add(more);
                self.threads[thread].set(d, before.into());
            }
            Op::AtomicMin { at, of } => {
                let t = &self.threads[thread];
                let (address, other) = (t.address(at), t.get(of) as u32);
                let word = &mut self.words(Space::Atomic, address, 1, true)?[0];
                *word = other.min(*word);
            }
            _ => {}
        }
        Ok(())
    }

    /// Words of a space, if this thread may access them now. Accesses are aligned to their length.
    fn words(&mut self, space: Space, address: u64, n: usize, is_write: bool) -> Result<&mut [u32], String> {
        let told = |what: &str| format!("{what} ({n} words at {address:#x} of {space:?} memory)").to_lowercase();
        if !address.is_multiple_of(4 * n as u64) {
            return Err(told("is not aligned"));
        }
        let wanted = match space {
            Space::Shared => return self.shared_words(address, n, is_write).map_err(told),
            Space::Global if is_write => Wanted::Write,
            Space::Global => Wanted::Read,
            Space::Constant => Wanted::Constant,
            Space::Atomic => Wanted::Atomic,
        };
        self.memory.at(address, n, wanted, self.now).map_err(told)
    }

    fn shared_words(&mut self, address: u64, n: usize, is_write: bool) -> Result<&mut [u32], &'static str> {
        let first = usize::try_from(address / 4).unwrap_or(usize::MAX);
        let range = first..first.saturating_add(n);
        let touched = self.touched.get_mut(range.clone()).ok_or("is outside of shared memory")?;
        for word in touched {
            if !is_write && !word.is_written(self.now) {
                return Err("reads what nobody has written");
            }
            if let Some(conflict) = word.conflict(self.now, is_write) {
                return Err(conflict);
            }
        }
        Ok(&mut self.shared[range])
    }
}

fn value(words: &[u32], is_long: bool) -> u64 {
    u64::from(words[0]) | if is_long { u64::from(words[1]) << 32 } else { 0 }
}
