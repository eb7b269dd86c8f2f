//! Candidates of one target, written as the records that the kernels read, and the shape of their
//! launch. Pure: what fits where is known before any memory is taken.
//!
//! Shapes and panels follow from what a multiprocessor of the device has; digits do not. The kernels make every sum
//! in one order whatever the panel, the place of the memory and the company in the launch, from operations that
//! are rounded as IEEE 754 says, so all devices find the same.

use bqc_instantiate::{CxTemplate, LmSettings, Slot, StateBatch};
use bqc_kernels::arguments::QUEUE_LEN;
use bqc_kernels::complex::Complex;
use bqc_kernels::lm::layout::{Layout, Sizes};
use bqc_kernels::templates::{self, Base, COST_HISTORY, Candidate, CxWord, Group, StateSet};
use bqc_linalg::lanes::two_qubit::amplitude;
use bqc_linalg::{Complex64, Su2};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Threads of a block, as `launch-bounds.txt` has them.
pub(crate) const BLOCK_THREADS: u32 = 128;

/// Blocks that share a multiprocessor, as `launch-bounds.txt` has them.
pub(crate) const BLOCKS_PER_MULTIPROCESSOR: u32 = 4;

/// Wires that the kernels take.
const WIDTHS: RangeInclusive<usize> = 2..=8;

/// The shared memory of a block on the smallest device that the kernels run on (compute capability 8.6, 8.9 or 12.0).
/// What cannot do with that is done by the CPU on every device, or results would depend on which one there is.
pub(crate) const LEAST_SHARED_BYTES: u32 = 99 << 10;

/// Shared memory that the system takes of each block.
const SYSTEM_SHARED_BYTES: u32 = 1024;

/// The sample states of one problem as the kernels read them: made once, for all of its chunks.
pub(crate) struct States {
    pub values: Vec<Complex>,
    batch: StateSet,
    check: StateSet,
}

/// What all candidates of one problem have in common.
#[derive(Clone)]
pub(crate) struct Target {
    pub states: Arc<States>,
    /// Its sets count from the beginning of its own states; its settings are number 0.
    pub group: Group,
    pub settings: templates::LmSettings,
    /// The shared memory that one block may have.
    block_shared_bytes: u32,
}

/// The host's side of one group of candidates, each with a base of its own. Numbers count from the
/// beginning of these tables; who joins several adds what comes before.
pub(crate) struct Tables {
    pub target: Target,
    pub bases: Vec<Base>,
    pub cx: Vec<CxWord>,
    pub slots: Vec<Complex>,
    pub candidates: Vec<Candidate>,
    /// None without candidates.
    shape: Option<Shape>,
    /// What a candidate of the last sizes needs: the next one is likely to have them too.
    last: Option<((u32, u32), Fit)>,
}

/// Whether the kernels take problems of this kind at all.
pub(crate) fn is_supported(batch: &StateBatch, settings: &LmSettings) -> bool {
    WIDTHS.contains(&batch.n()) && settings.patience < COST_HISTORY as usize
}

impl Target {
    /// Candidates compete if `check` is given: the first one within the tolerance wins. Otherwise each goes
    /// as far as it can, and all results are kept. `block_shared_bytes`: the most that one block may have.
    pub(crate) fn new(
        batch: &StateBatch,
        check: Option<(&StateBatch, f64)>,
        settings: &LmSettings,
        block_shared_bytes: u32,
    ) -> Target {
        let mut values = Vec::new();
        let batch_set = add_states(&mut values, batch);
        let (check, tolerance) = match check {
            // All columns may be both.
            Some((same, tolerance)) if std::ptr::eq(same, batch) => (batch_set, tolerance),
            Some((check, tolerance)) => (add_states(&mut values, check), tolerance),
            // Nothing is judged.
            None => (batch_set, f64::INFINITY),
        };
        let keep_all = u32::from(tolerance == f64::INFINITY);
        let settings = templates::LmSettings {
            max_iterations: u32::try_from(settings.max_iterations).unwrap_or(u32::MAX),
            patience: settings.patience as u32,
            first_judgement: u32::try_from(settings.first_judgement).unwrap_or(u32::MAX),
            reserved: 0,
            first_damping: settings.first_damping,
            give_up_ratio: settings.give_up_ratio,
        };
        Target {
            states: Arc::new(States { values, batch: batch_set, check }),
            group: Group { batch: batch_set, check, settings: 0, keep_all, tolerance },
            settings,
            block_shared_bytes,
        }
    }

    /// Tables without candidates.
    pub(crate) fn tables(&self) -> Tables {
        Tables {
            target: self.clone(),
            bases: Vec::new(),
            cx: Vec::new(),
            slots: Vec::new(),
            candidates: Vec::new(),
            shape: None,
            last: None,
        }
    }

    /// This group with its states at `states_at` and its settings in place `settings`.
    pub(crate) fn group_at(&self, states_at: u32, settings: u32) -> Group {
        let moved = |set: StateSet| StateSet {
            inputs_at: set.inputs_at + states_at,
            outputs_at: set.outputs_at + states_at,
            ..set
        };
        Group { batch: moved(self.states.batch), check: moved(self.states.check), settings, ..self.group }
    }
}

impl Tables {
    /// Adds a candidate, whose rank is its place. False, and nothing is added, if the kernels have no room
    /// for one like it.
    pub(crate) fn push(&mut self, template: &CxTemplate) -> bool {
        let sizes @ (n, n_cx) = (template.n() as u32, template.n_cx() as u32);
        let fit = match self.last {
            Some((same, fit)) if same == sizes => Some(fit),
            _ => Fit::of(n, n_cx, self.target.group.batch.n_samples, self.target.block_shared_bytes),
        };
        let Some(fit) = fit else { return false };
        let joined = match self.shape {
            Some(shape) => shape.joined(fit.shape, self.target.block_shared_bytes),
            None => Some(fit.shape),
        };
        if joined.is_none() {
            return false;
        }
        (self.shape, self.last) = (joined, Some((sizes, fit)));
        let base = self.bases.len() as u32;
        let first_frozen = |q: usize| u32::from(template.is_frozen(Slot::First(q as u8))) << q;
        self.bases.push(Base {
            n,
            n_cx,
            cx_at: self.cx.len() as u32,
            slots_at: (self.slots.len() / 2) as u32,
            frozen_first: (0..template.n()).map(first_frozen).sum(),
        });
        for value in template.first() {
            self.slots.extend_from_slice(&slot(value));
        }
        for (i, layer) in template.layers().iter().enumerate() {
            let word = CxWord::new(layer.control.into(), layer.target.into());
            let frozen = [Slot::OnControl(i), Slot::OnTarget(i)].map(|slot| template.is_frozen(slot));
            self.cx.push(word.with_frozen(frozen[0], frozen[1]));
            self.slots.extend_from_slice(&slot(&layer.on_control));
            self.slots.extend_from_slice(&slot(&layer.on_target));
        }
        let samples_per_panel = fit.samples_per_panel;
        self.candidates.push(Candidate { samples_per_panel, ..Candidate::unchanged(base, 0, base) });
        true
    }

    /// How they are launched; `None` without candidates.
    pub(crate) fn shape(&self) -> Option<Shape> {
        self.shape
    }

    /// The panel of the first candidate.
    pub(crate) fn samples_per_panel(&self) -> u32 {
        self.candidates.first().map_or(0, |candidate| candidate.samples_per_panel)
    }

    /// Whether candidates do not compete.
    pub(crate) fn keeps_all(&self) -> bool {
        self.target.group.keep_all != 0
    }

    /// Operations of all candidates, roughly, if they are like the first: what a Gram matrix and a factor take,
    /// as often as an average candidate lives.
    pub(crate) fn flops(&self) -> f64 {
        /// Iterations; most candidates are given up after five or six.
        const N_ITERATIONS: f64 = 6.0;
        let Some(base) = self.bases.first() else { return 0.0 };
        let n_columns = f64::from(3 * base.n + 4 * base.n_cx + 2);
        // Real and imaginary parts.
        let n_rows = 2.0 * f64::from(self.target.group.batch.n_samples << base.n);
        self.candidates.len() as f64 * N_ITERATIONS * n_columns * n_columns * (n_rows + n_columns / 3.0)
    }
}

/// Adds states sample by sample: the lanes of the CPU engine's layout are taken apart.
fn add_states(values: &mut Vec<Complex>, batch: &StateBatch) -> StateSet {
    let (n, n_samples) = (batch.n(), batch.n_samples());
    let mut add = |lanes: &[f64]| {
        let at = values.len() as u32;
        let samples = (0..n_samples).flat_map(|m| (0..1 << n).map(move |a| (m, a)));
        values.extend(samples.map(|(m, a)| complex(amplitude(n, lanes, m, a))));
        at
    };
    let (inputs_at, outputs_at) = (add(batch.inputs()), add(batch.outputs()));
    StateSet { n_samples: n_samples as u32, inputs_at, outputs_at }
}

fn slot(value: &Su2) -> [Complex; 2] {
    [complex(value.a), complex(value.b)]
}

fn complex(z: Complex64) -> Complex {
    Complex::new(z.re, z.im)
}

/// Writes a survivor's slots, two complex numbers each, into the template that it was made from.
pub(crate) fn set_slots(template: &mut CxTemplate, slots: &[Complex]) {
    for (slot, ab) in template.slots().zip(slots.chunks_exact(2)) {
        if !template.is_frozen(slot) {
            let [a, b] = [ab[0], ab[1]].map(|z| Complex64::new(z.re, z.im));
            template.set(slot, Su2::new(a, b));
        }
    }
}

/// What one candidate needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fit {
    shape: Shape,
    samples_per_panel: u32,
}

impl Fit {
    /// The shape that puts most blocks on a multiprocessor with all of their memory shared; if not even
    /// one fits, with the large part in global memory, where one panel holds all samples. Of the panels that
    /// fit the largest, since every panel costs barriers. `None` if not even the small part fits into
    /// [`LEAST_SHARED_BYTES`].
    fn of(n: u32, n_cx: u32, n_samples: u32, block_shared_bytes: u32) -> Option<Fit> {
        let with = |samples_per_panel: u32, blocks: u32| {
            let layout = Layout::new(Sizes { n, n_cx, n_samples, samples_per_panel, n_threads: BLOCK_THREADS });
            let [small_len, large_len] = [layout.small_len, layout.large_len].map(|len| len.next_multiple_of(2));
            let shape = Shape { small_len, large_len, slots_per_survivor: n + 2 * n_cx, blocks };
            Some(Fit { shape, samples_per_panel }).filter(|fit| fit.shape.fits(block_shared_bytes))
        };
        let mut classes = (1..=BLOCKS_PER_MULTIPROCESSOR).rev();
        let shared = classes.find_map(|blocks| (1..=n_samples).rev().find_map(|panel| with(panel, blocks)));
        let global = with(n_samples, 0).filter(|fit| fit.shape.shared_bytes() <= LEAST_SHARED_BYTES)?;
        Some(shared.unwrap_or(global))
    }
}

/// How candidates are launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub small_len: u32,
    pub large_len: u32,
    pub slots_per_survivor: u32,
    /// Blocks whose shared memory a multiprocessor holds at once; 0: the large memory is a block's part of
    /// global memory.
    pub blocks: u32,
}

impl Shape {
    /// The shape that has room for the candidates of both: of so few blocks that it fits. `None` if none does.
    pub(crate) fn joined(self, other: Shape, block_shared_bytes: u32) -> Option<Shape> {
        let most = Shape {
            small_len: self.small_len.max(other.small_len),
            large_len: self.large_len.max(other.large_len),
            slots_per_survivor: self.slots_per_survivor.max(other.slots_per_survivor),
            blocks: self.blocks.min(other.blocks),
        };
        let fewer = (0..=most.blocks).rev().map(|blocks| Shape { blocks, ..most });
        fewer.into_iter().find(|shape| shape.fits(block_shared_bytes))
    }

    /// The same with the large part in global memory.
    pub(crate) fn global(self) -> Shape {
        Shape { blocks: 0, ..self }
    }

    /// Whether the large memory is a block's part of global memory.
    pub(crate) fn large_is_global(&self) -> bool {
        self.blocks == 0
    }

    fn fits(&self, block_shared_bytes: u32) -> bool {
        let share = (block_shared_bytes + SYSTEM_SHARED_BYTES) / self.blocks.max(1) - SYSTEM_SHARED_BYTES;
        self.shared_bytes() <= share
    }

    /// The kernel of this shape.
    pub(crate) fn kernel_name(&self) -> &'static str {
        if self.large_is_global() { "bqc_lm_global" } else { "bqc_lm_shared" }
    }

    /// Dynamic shared memory of a block.
    pub(crate) fn shared_bytes(&self) -> u32 {
        let large = if self.large_is_global() { 0 } else { self.large_len };
        8 * (QUEUE_LEN + self.small_len + large)
    }

    /// Blocks that a device works on at once.
    pub(crate) fn resident(&self, n_multiprocessors: u32) -> usize {
        let of_each = if self.large_is_global() { BLOCKS_PER_MULTIPROCESSOR } else { self.blocks };
        (of_each * n_multiprocessors) as usize
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use bqc_linalg::Stream;

    /// H200.
    const SHARED_BYTES: u32 = 227 << 10;

    /// One candidate on `n` wires with `n_cx` CX gates; `None` if it is too large.
    pub(crate) fn tables(n: u8, n_cx: usize, n_samples: usize) -> Option<Tables> {
        let mut template = CxTemplate::new(n);
        (0..n_cx).for_each(|i| template.push(i as u8 % n, (i as u8 + 1) % n, Su2::IDENTITY, Su2::IDENTITY));
        let batch = StateBatch::sampled(&template, n_samples, &mut Stream::new(1, 1, 1));
        let mut tables = Target::new(&batch, None, &LmSettings::default(), SHARED_BYTES).tables();
        tables.push(&template).then_some(tables)
    }

    fn shape(n: u8, n_cx: usize, n_samples: usize) -> (Shape, u32) {
        let tables = tables(n, n_cx, n_samples).unwrap();
        (tables.shape().unwrap(), tables.samples_per_panel())
    }

    #[test]
    fn what_fits_stays_in_shared_memory() {
        let (small, panel) = shape(3, 6, 8);
        assert!(!small.large_is_global() && panel > 2, "{small:?}");
        assert!(small.shared_bytes() <= 56 << 10 && small.resident(132) == 528);
        // With 16 CX two candidates share a multiprocessor, with 24 one has it for itself.
        let (usual, panel) = shape(5, 16, 3);
        assert!(usual.blocks == 2 && panel == 1, "{usual:?}");
        assert!(usual.shared_bytes() <= 113 << 10, "{usual:?}");
        let (longer, panel) = shape(5, 24, 3);
        assert!(longer.blocks == 1 && panel == 2, "{longer:?}");
        let (large, panel) = shape(6, 60, 5);
        assert!(large.large_is_global() && panel == 5 && large.shared_bytes() <= SHARED_BYTES, "{large:?}");
        assert!(tables(8, 10, 256).is_none());
    }

    #[test]
    fn the_readme_says_when_a_block_is_alone() {
        let readme = include_str!("../../../../kernels-gpu/README.md");
        let first = |n: u32, most_blocks: u32| {
            let n_samples = |n_cx| bqc_instantiate::sample_count(n as usize, (3 * n + 4 * n_cx) as usize) as u32;
            let blocks = |n_cx: &u32| Fit::of(n, *n_cx, n_samples(*n_cx), SHARED_BYTES).unwrap().shape.blocks;
            (1..200).find(|n_cx| blocks(n_cx) <= most_blocks).unwrap()
        };
        for n in 3..=7 {
            let row = format!("| {n} | {} | {} | {} |", first(n, 2), first(n, 1), first(n, 0));
            assert!(readme.contains(&row), "not in the README: {row}");
        }
    }

    #[test]
    fn every_device_takes_the_same_candidates() {
        let is_taken = |n, n_cx, bytes| Fit::of(n, n_cx, 2, bytes).is_some();
        for n in 2..=8 {
            let first_refused = |bytes| (0..3000).find(|n_cx| !is_taken(n, *n_cx, bytes));
            assert!(first_refused(LEAST_SHARED_BYTES).is_some(), "a fair test");
            assert_eq!(first_refused(LEAST_SHARED_BYTES), first_refused(SHARED_BYTES), "{n} wires");
        }
    }

    #[test]
    fn a_joined_shape_has_room_for_both() {
        let [(a, _), (b, _), (c, _)] = [shape(3, 6, 8), shape(5, 16, 3), shape(6, 60, 5)];
        let joined = a.joined(b, SHARED_BYTES).unwrap();
        assert_eq!((joined.large_len, joined.blocks), (b.large_len, 2));
        assert!(a.joined(c, SHARED_BYTES).unwrap().large_is_global());
        // Small memory of the one and large memory of the other: fewer blocks than either has.
        let [tall, wide] = [(8000, 8), (8, 8000)].map(|(small_len, large_len)| Shape { small_len, large_len, ..a });
        let both = tall.joined(wide, SHARED_BYTES).unwrap();
        assert!(both.blocks == 1 && both.shared_bytes() > 113 << 10, "{both:?}");
        assert_eq!(Shape { small_len: 30_000, ..a }.joined(a, SHARED_BYTES), None);
    }

    #[test]
    fn the_panel_of_a_candidate_is_its_own() {
        let mut s = Stream::new(1, 1, 2);
        let [small, large] = [6, 24].map(|n_cx| CxTemplate::random(5, n_cx, &mut s));
        let batch = StateBatch::sampled(&large, 3, &mut s);
        let target = Target::new(&batch, None, &LmSettings::default(), SHARED_BYTES);
        let panels = |templates: &[&CxTemplate]| {
            let mut tables = target.tables();
            assert!(templates.iter().all(|t| tables.push(t)));
            tables.candidates.iter().map(|c| c.samples_per_panel).collect::<Vec<_>>()
        };
        assert_eq!(
            panels(&[&small, &large, &small]),
            [panels(&[&small])[0], panels(&[&large])[0], panels(&[&small])[0]]
        );
        assert_ne!(panels(&[&small]), panels(&[&large]), "a fair test");
    }

    #[test]
    fn the_arithmetic_of_a_candidate_grows_with_its_size() {
        // Five wires, 24 CX, three samples: 113 columns of 192 numbers.
        let usual = tables(5, 24, 3).unwrap().flops();
        assert!((1.5e7..2e7).contains(&usual), "{usual:e}");
        assert!(tables(6, 60, 5).unwrap().flops() > 10.0 * usual);
    }

    #[test]
    fn blocks_are_those_that_the_ptx_was_made_for() {
        let rows = include_str!("../../../../kernels-gpu/launch-bounds.txt").lines();
        let rows: Vec<Vec<&str>> = rows.map(|row| row.split_whitespace().collect()).collect();
        for kernel in ["bqc_lm_shared", "bqc_lm_global"] {
            let row = rows.iter().find(|row| row[0] == kernel).unwrap();
            assert_eq!(row[1..], [BLOCK_THREADS, BLOCKS_PER_MULTIPROCESSOR].map(|n| n.to_string()));
        }
    }

    #[test]
    fn states_and_slots_are_laid_out_sample_by_sample() {
        let tables = tables(3, 4, 11).unwrap();
        let batch = tables.target.group.batch;
        assert_eq!((batch.n_samples, batch.inputs_at, batch.outputs_at), (11, 0, 88));
        let states = &tables.target.states.values;
        assert_eq!((states.len(), tables.slots.len(), tables.cx.len()), (176, 22, 4));
        let norm: f64 = states[8 * 10..8 * 11].iter().map(|z| z.re * z.re + z.im * z.im).sum();
        assert!((norm - 1.0).abs() < 1e-12, "the last sample is a state");
        let batch = StateBatch::exact(&CxTemplate::new(2));
        let [once, twice] = [&batch, &batch.clone()].map(|check| {
            let target = Target::new(&batch, Some((check, 1e-10)), &LmSettings::default(), SHARED_BYTES);
            target.states.values.len()
        });
        assert_eq!((once, twice), (32, 64));
        let moved = tables.target.group_at(1000, 7);
        assert_eq!((moved.batch.inputs_at, moved.check.outputs_at, moved.settings), (1000, 1088, 7));
    }
}
