//! A thread block emulated on the host, with everything checked that a GPU leaves to chance.
//!
//! The threads of a phase run one after the other in a chosen [`Order`]. All memory is bounds-checked
//! and filled with NaN; reading what nobody wrote is an error. With [`Watch::On`] every access is
//! recorded, and two threads that touch the same number in the same phase, one of them writing, are a
//! race and end the test. Shuffled orders find races too, without a record, by their results.
//! Not emulated: warp shuffles, inline assembly, and the memory model across blocks.

use super::{Cta, Flags, Global, Memory, Output, Table, WARP};
use crate::complex::Complex;
use core::cell::Cell;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, Ordering};
use std::vec::Vec;

/// The order in which the threads of a phase run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// First thread first.
    Forward,
    /// Last thread first.
    Reverse,
    /// Another order in every phase, from this seed.
    Shuffled(u64),
}

/// Whether accesses are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// A race panics.
    On,
    /// Races go unnoticed, as on a GPU.
    Off,
}

/// What fills memory that nobody has written: a NaN with a payload of its own.
const POISON: u64 = 0x7ff8_0bad_c0de_0bad;
/// Not a thread.
const NOBODY: u32 = u32::MAX;
/// More than one thread, or all of them between two phases.
const SEVERAL: u32 = u32::MAX - 1;

/// Who touched a number last, and in which phase.
#[derive(Clone, Copy)]
struct Touch {
    phase: u32,
    writer: u32,
    reader: u32,
}

/// The phase and the thread that run at present. Everything that takes part in a launch shares one.
#[derive(Debug)]
pub struct Clock {
    phase: Cell<u32>,
    thread: Cell<u32>,
    watch: Watch,
}

impl Clock {
    /// A clock before the first phase.
    pub fn new(watch: Watch) -> Clock {
        Clock { phase: Cell::new(0), thread: Cell::new(SEVERAL), watch }
    }
}

/// Memory of one block, shared or global, with the record of its use.
pub struct Arena<'a> {
    words: Vec<Cell<u64>>,
    touches: Vec<Cell<Touch>>,
    clock: &'a Clock,
}

impl<'a> Arena<'a> {
    /// `len` numbers that nobody has written.
    pub fn poisoned(len: usize, clock: &'a Clock) -> Arena<'a> {
        Arena::new((0..len).map(|_| POISON), clock)
    }

    /// Global memory with a content.
    pub fn filled(content: &[f64], clock: &'a Clock) -> Arena<'a> {
        Arena::new(content.iter().map(|x| x.to_bits()), clock)
    }

    fn new(words: impl Iterator<Item = u64>, clock: &'a Clock) -> Arena<'a> {
        let words: Vec<Cell<u64>> = words.map(Cell::new).collect();
        let touch = Touch { phase: u32::MAX, writer: NOBODY, reader: NOBODY };
        let touches = words.iter().map(|_| Cell::new(touch)).collect();
        Arena { words, touches, clock }
    }

    /// The whole of it.
    pub fn memory(&'a self) -> HostMemory<'a> {
        HostMemory { arena: self, start: 0 }
    }

    /// The content.
    pub fn content(&self) -> Vec<f64> {
        self.words.iter().map(|w| f64::from_bits(w.get())).collect()
    }

    fn at(&self, index: usize) -> (&Cell<u64>, &Cell<Touch>) {
        let len = self.words.len();
        assert!(index < len, "thread {}: index {index} of {len}", self.clock.thread.get());
        (&self.words[index], &self.touches[index])
    }

    fn read(&self, index: usize) -> u64 {
        let (word, touch) = self.at(index);
        assert!(word.get() != POISON, "thread {}: read of {index}, which nobody wrote", self.clock.thread.get());
        self.note(index, touch, false);
        word.get()
    }

    fn write(&self, index: usize, value: u64) {
        let (word, touch) = self.at(index);
        self.note(index, touch, true);
        word.set(value);
    }

    fn note(&self, index: usize, touch: &Cell<Touch>, is_write: bool) {
        if self.clock.watch == Watch::Off {
            return;
        }
        let (phase, thread) = (self.clock.phase.get(), self.clock.thread.get());
        let mut now = touch.get();
        if now.phase != phase {
            now = Touch { phase, writer: NOBODY, reader: NOBODY };
        }
        let is_other = |who: u32| who != NOBODY && (who != thread || who == SEVERAL);
        let races = is_other(now.writer) || is_write && is_other(now.reader);
        // Between phases every thread writes the same value or none: only reads are allowed there.
        let is_stray = is_write && thread == SEVERAL;
        assert!(
            !races && !is_stray,
            "race on {index} in phase {phase}: thread {thread}, {:?}",
            (now.writer, now.reader)
        );
        if is_write {
            now.writer = thread;
        } else {
            now.reader = if is_other(now.reader) { SEVERAL } else { thread };
        }
        touch.set(now);
    }
}

/// A part of an [`Arena`].
#[derive(Clone, Copy)]
pub struct HostMemory<'a> {
    arena: &'a Arena<'a>,
    start: usize,
}

impl Memory for HostMemory<'_> {
    fn offset(self, n_f64: u32) -> Self {
        HostMemory { start: self.start + n_f64 as usize, ..self }
    }

    fn f64(self, index: u32) -> f64 {
        f64::from_bits(self.arena.read(self.start + index as usize))
    }

    fn set_f64(self, index: u32, value: f64) {
        self.arena.write(self.start + index as usize, value.to_bits());
    }

    fn complex(self, index: u32) -> Complex {
        let at = self.start + 2 * index as usize;
        assert!(at.is_multiple_of(2), "a complex number at an odd offset");
        Complex::new(f64::from_bits(self.arena.read(at)), f64::from_bits(self.arena.read(at + 1)))
    }

    fn set_complex(self, index: u32, value: Complex) {
        let at = self.start + 2 * index as usize;
        assert!(at.is_multiple_of(2), "a complex number at an odd offset");
        self.arena.write(at, value.re.to_bits());
        self.arena.write(at + 1, value.im.to_bits());
    }
}

impl<T: Copy> Table<T> for &[T] {
    fn get(self, index: u32) -> T {
        self[index as usize]
    }
}

impl<T: Copy> Output<T> for &[Cell<T>] {
    fn set(self, index: u32, value: T) {
        self[index as usize].set(value);
    }
}

impl Flags for &[AtomicU32] {
    fn load(self, index: u32) -> u32 {
        self[index as usize].load(Ordering::Relaxed)
    }

    fn min(self, index: u32, value: u32) {
        self[index as usize].fetch_min(value, Ordering::Relaxed);
    }

    fn load_from_host(self, index: u32) -> u32 {
        self.load(index)
    }

    fn add(self, index: u32, value: u32) -> u32 {
        self[index as usize].fetch_add(value, Ordering::Relaxed)
    }
}

/// Global memory as slices of the host.
#[derive(Clone, Copy)]
pub struct HostGlobal<'a>(PhantomData<&'a ()>);

impl<'a> Global for HostGlobal<'a> {
    type Table<T: Copy + 'static> = &'a [T];
    type Numbers = &'a [Complex];
    type Output<T: Copy + 'static> = &'a [Cell<T>];
    type Flags = &'a [AtomicU32];
}

/// One emulated thread block.
pub struct HostCta<'a> {
    shared: &'a Arena<'a>,
    n_threads: u32,
    order: Order,
    /// Reused from phase to phase.
    threads: Vec<u32>,
}

impl<'a> HostCta<'a> {
    /// A block of `n_threads` threads. Panics if that is no multiple of a warp.
    pub fn new(shared: &'a Arena<'a>, n_threads: u32, order: Order) -> HostCta<'a> {
        assert!(n_threads > 0 && n_threads.is_multiple_of(WARP), "{n_threads} threads are no whole warps");
        HostCta { shared, n_threads, order, threads: (0..n_threads).collect() }
    }

    fn arrange(&mut self) {
        let clock = self.shared.clock;
        match self.order {
            Order::Forward => (),
            Order::Reverse => self.threads.iter_mut().zip((0..self.n_threads).rev()).for_each(|(a, b)| *a = b),
            Order::Shuffled(seed) => {
                let mut state = seed ^ u64::from(clock.phase.get());
                for left in (1..self.threads.len()).rev() {
                    // A linear congruence (Knuth's MMIX constants); its high bits choose.
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    self.threads.swap(left, (state >> 33) as usize % (left + 1));
                }
            }
        }
    }

    fn run(&mut self, mut f: impl FnMut(u32)) {
        self.arrange();
        let clock = self.shared.clock;
        for &thread in &self.threads {
            clock.thread.set(thread);
            f(thread);
        }
        clock.thread.set(SEVERAL);
        clock.phase.set(clock.phase.get() + 1);
    }
}

impl<'a> Cta for HostCta<'a> {
    type Memory = HostMemory<'a>;
    type Local<T: Copy> = Vec<T>;

    fn n_threads(&self) -> u32 {
        self.n_threads
    }

    fn shared(&self) -> HostMemory<'a> {
        self.shared.memory()
    }

    fn local<T: Copy>(&self, value: T) -> Vec<T> {
        std::vec![value; self.n_threads as usize]
    }

    fn phase(&mut self, f: impl FnMut(u32)) {
        self.run(f);
    }

    fn phase_with<T: Copy>(&mut self, local: &mut Vec<T>, mut f: impl FnMut(u32, &mut T)) {
        self.run(|thread| f(thread, &mut local[thread as usize]));
    }

    fn sum<const K: usize>(&mut self, parts: &Vec<[f64; K]>, partials: HostMemory<'a>) {
        self.run(|thread| {
            if !thread.is_multiple_of(WARP) {
                return;
            }
            for k in 0..K {
                // The tree that exchanges with lane ^ 16, 8, 4, 2, 1 make.
                let mut lanes: [f64; WARP as usize] = core::array::from_fn(|lane| parts[thread as usize + lane][k]);
                for step in [16, 8, 4, 2, 1] {
                    let before = lanes;
                    lanes.iter_mut().enumerate().for_each(|(lane, x)| *x += before[lane ^ step]);
                }
                partials.set_f64(thread / WARP * K as u32 + k as u32, lanes[0]);
            }
        });
    }
}
