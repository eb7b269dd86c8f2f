//! Candidates of one target, written as the records that the kernels read, and the shape of their
//! launch. Pure: what fits where is known before any memory is taken.

use bqc_instantiate::{CxTemplate, LmSettings, Slot, StateBatch};
use bqc_kernels::arguments::QUEUE_LEN;
use bqc_kernels::complex::Complex;
use bqc_kernels::lm::layout::{Layout, Sizes};
use bqc_kernels::templates::{self, Base, COST_HISTORY, Candidate, CxWord, Group, StateSet};
use bqc_kernels::verify;
use bqc_linalg::lanes::two_qubit::amplitude;
use bqc_linalg::{Complex64, Su2};
use std::ops::RangeInclusive;

/// Threads of a block, as `launch-bounds.txt` has them.
pub(crate) const BLOCK_THREADS: u32 = 128;

/// Blocks that share a multiprocessor, as `launch-bounds.txt` has them.
pub(crate) const BLOCKS_PER_MULTIPROCESSOR: u32 = 4;

/// Wires that the kernels take.
const WIDTHS: RangeInclusive<usize> = 2..=8;

/// Shared memory that the system takes of each block.
const SYSTEM_SHARED_BYTES: u32 = 1024;

/// Host's side of one launch: one group of candidates, each with a base of its own.
#[derive(Default)]
pub(crate) struct Tables {
    pub bases: Vec<Base>,
    pub cx: Vec<CxWord>,
    pub slots: Vec<Complex>,
    pub states: Vec<Complex>,
    pub candidates: Vec<Candidate>,
    pub groups: Vec<Group>,
    pub settings: Vec<templates::LmSettings>,
}

/// Whether the kernels take problems of this kind at all.
pub(crate) fn is_supported(batch: &StateBatch, settings: &LmSettings) -> bool {
    WIDTHS.contains(&batch.n()) && settings.patience < COST_HISTORY as usize
}

impl Tables {
    /// Tables without candidates. They compete if `check` is given: the first one within the tolerance
    /// wins. Otherwise each goes as far as it can, and all results are kept.
    pub(crate) fn new(batch: &StateBatch, check: Option<(&StateBatch, f64)>, settings: &LmSettings) -> Tables {
        let mut tables = Tables::default();
        let states = tables.add_states(batch);
        let (check, tolerance) = match check {
            Some((check, tolerance)) => (tables.add_states(check), tolerance),
            // Nothing is judged.
            None => (states, f64::INFINITY),
        };
        let keep_all = u32::from(tolerance == f64::INFINITY);
        tables.groups.push(Group { batch: states, check, settings: 0, keep_all, tolerance });
        tables.settings.push(templates::LmSettings {
            max_iterations: u32::try_from(settings.max_iterations).unwrap_or(u32::MAX),
            patience: settings.patience as u32,
            first_judgement: u32::try_from(settings.first_judgement).unwrap_or(u32::MAX),
            reserved: 0,
            first_damping: settings.first_damping,
            give_up_ratio: settings.give_up_ratio,
        });
        tables
    }

    /// Adds a candidate; its rank is its place.
    pub(crate) fn push(&mut self, template: &CxTemplate) {
        let base = self.bases.len() as u32;
        let first_frozen = |q: usize| u32::from(template.is_frozen(Slot::First(q as u8))) << q;
        self.bases.push(Base {
            n: template.n() as u32,
            n_cx: template.n_cx() as u32,
            cx_at: self.cx.len() as u32,
            slots_at: (self.slots.len() / 2) as u32,
            frozen_first: (0..template.n()).map(first_frozen).sum(),
        });
        self.cx.extend(template.layers().iter().enumerate().map(|(i, layer)| {
            CxWord::new(layer.control.into(), layer.target.into())
                .with_frozen(template.is_frozen(Slot::OnControl(i)), template.is_frozen(Slot::OnTarget(i)))
        }));
        self.slots.extend(template.slots().flat_map(|slot| {
            let value = template.value(slot);
            [complex(value.a), complex(value.b)]
        }));
        self.candidates.push(Candidate::unchanged(base, 0, base));
    }

    /// States sample by sample: the lanes of the CPU engine's layout are taken apart.
    fn add_states(&mut self, batch: &StateBatch) -> StateSet {
        let (n, n_samples) = (batch.n(), batch.n_samples());
        let mut add = |lanes: &[f64]| {
            let at = self.states.len() as u32;
            let samples = (0..n_samples).flat_map(|m| (0..1 << n).map(move |a| (m, a)));
            self.states.extend(samples.map(|(m, a)| complex(amplitude(n, lanes, m, a))));
            at
        };
        let (inputs_at, outputs_at) = (add(batch.inputs()), add(batch.outputs()));
        StateSet { n_samples: n_samples as u32, inputs_at, outputs_at }
    }
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

/// Operations of one candidate like the first, roughly: what a Gram matrix and a factor take, as often
/// as an average candidate lives.
pub(crate) fn flops(tables: &Tables) -> f64 {
    /// Iterations; most candidates are given up after five or six.
    const N_ITERATIONS: f64 = 6.0;
    let (Some(base), Some(group)) = (tables.bases.first(), tables.groups.first()) else { return 1.0 };
    let n_columns = f64::from(3 * base.n + 4 * base.n_cx + 2);
    // Real and imaginary parts.
    let n_rows = 2.0 * f64::from(group.batch.n_samples << base.n);
    N_ITERATIONS * n_columns * n_columns * (n_rows + n_columns / 3.0)
}

/// How the candidates of some tables are launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub small_len: u32,
    pub large_len: u32,
    pub samples_per_panel: u32,
    pub slots_per_survivor: u32,
    /// Whether the large memory is a block's part of global memory.
    pub large_is_global: bool,
}

impl Shape {
    /// The shape that puts most blocks on a multiprocessor with all of their memory shared; if not even
    /// one fits, with the large part in global memory. Of the panels that fit the largest, since every
    /// panel costs barriers. `None` if not even the small part fits.
    ///
    /// `block_shared_bytes`: the most that one block may have.
    pub(crate) fn choose(tables: &Tables, block_shared_bytes: u32) -> Option<Shape> {
        let n_samples = tables.groups.iter().map(|g| g.batch.n_samples).max()?;
        let all_bytes = block_shared_bytes + SYSTEM_SHARED_BYTES;
        let shared = (1..=BLOCKS_PER_MULTIPROCESSOR).rev().find_map(|n_blocks| {
            let share_bytes = all_bytes / n_blocks - SYSTEM_SHARED_BYTES;
            let panels = (1..=n_samples).rev().map(|panel| Shape::with_panel(tables, panel, false));
            panels.into_iter().find(|shape| shape.shared_bytes() <= share_bytes)
        });
        shared.or_else(|| Some(Shape::global(tables)).filter(|s| s.shared_bytes() <= block_shared_bytes))
    }

    /// The shape with the large part in global memory, where one panel holds all samples.
    pub(crate) fn global(tables: &Tables) -> Shape {
        let n_samples = tables.groups.iter().map(|g| g.batch.n_samples).max().unwrap_or(1);
        Shape::with_panel(tables, n_samples, true)
    }

    fn with_panel(tables: &Tables, samples_per_panel: u32, large_is_global: bool) -> Shape {
        let n_samples = tables.groups.iter().map(|g| g.batch.n_samples).max().unwrap_or(1);
        let mut shape = Shape { small_len: 0, large_len: 0, samples_per_panel, slots_per_survivor: 0, large_is_global };
        for base in &tables.bases {
            let Base { n, n_cx, .. } = *base;
            let layout = Layout::new(Sizes { n, n_cx, n_samples, samples_per_panel, n_threads: BLOCK_THREADS });
            shape.small_len = shape.small_len.max(layout.small_len.next_multiple_of(2));
            shape.large_len = shape.large_len.max(layout.large_len.max(verify::large_len(n)).next_multiple_of(2));
            shape.slots_per_survivor = shape.slots_per_survivor.max(n + 2 * n_cx);
        }
        shape
    }

    /// The kernel of this shape.
    pub(crate) fn kernel_name(&self) -> &'static str {
        if self.large_is_global { "bqc_lm_global" } else { "bqc_lm_shared" }
    }

    /// Dynamic shared memory of a block.
    pub(crate) fn shared_bytes(&self) -> u32 {
        let large = if self.large_is_global { 0 } else { self.large_len };
        8 * (QUEUE_LEN + self.small_len + large)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_linalg::Stream;

    /// One candidate on `n` wires with `n_cx` CX gates.
    fn tables(n: u8, n_cx: usize, n_samples: usize) -> Tables {
        let mut template = CxTemplate::new(n);
        (0..n_cx).for_each(|i| template.push(i as u8 % n, (i as u8 + 1) % n, Su2::IDENTITY, Su2::IDENTITY));
        let batch = StateBatch::sampled(&template, n_samples, &mut Stream::new(1, 1, 1));
        let mut tables = Tables::new(&batch, None, &LmSettings::default());
        tables.push(&template);
        tables
    }

    #[test]
    fn what_fits_stays_in_shared_memory() {
        // H200: 227 KiB a block.
        let shape = |n, n_cx, n_samples| Shape::choose(&tables(n, n_cx, n_samples), 227 << 10);
        let small = shape(3, 6, 8).unwrap();
        assert!(!small.large_is_global && small.samples_per_panel > 2, "{small:?}");
        assert!(small.shared_bytes() <= 56 << 10);
        // With 16 CX two candidates share a multiprocessor, with 24 one has it for itself.
        let usual = shape(5, 16, 3).unwrap();
        assert!(!usual.large_is_global && usual.samples_per_panel == 1, "{usual:?}");
        assert!(usual.shared_bytes() <= 113 << 10, "{usual:?}");
        let longer = shape(5, 24, 3).unwrap();
        assert!(!longer.large_is_global && longer.samples_per_panel == 2, "{longer:?}");
        let large = shape(6, 60, 5).unwrap();
        assert!(large.large_is_global && large.shared_bytes() <= 227 << 10, "{large:?}");
        assert_eq!(shape(8, 10, 256), None);
    }

    #[test]
    fn the_arithmetic_of_a_candidate_grows_with_its_size() {
        // Five wires, 24 CX, three samples: 113 columns of 192 numbers.
        let usual = flops(&tables(5, 24, 3));
        assert!((1.5e7..2e7).contains(&usual), "{usual:e}");
        assert!(flops(&tables(6, 60, 5)) > 10.0 * usual);
        assert!(flops(&Tables::default()) > 0.0);
    }

    #[test]
    fn blocks_are_those_that_the_ptx_was_made_for() {
        let rows = include_str!("../../../../kernels-gpu/launch-bounds.txt").lines();
        let row = rows.map(|row| row.split_whitespace().collect::<Vec<_>>()).find(|row| row[0] == "bqc_lm_shared");
        let expected = [BLOCK_THREADS, BLOCKS_PER_MULTIPROCESSOR].map(|n| n.to_string());
        assert_eq!(row.unwrap()[1..], expected);
    }

    #[test]
    fn states_and_slots_are_laid_out_sample_by_sample() {
        let tables = tables(3, 4, 11);
        let batch = tables.groups[0].batch;
        assert_eq!((batch.n_samples, batch.inputs_at, batch.outputs_at), (11, 0, 88));
        assert_eq!((tables.states.len(), tables.slots.len(), tables.cx.len()), (176, 22, 4));
        let norm: f64 = tables.states[8 * 10..8 * 11].iter().map(|z| z.re * z.re + z.im * z.im).sum();
        assert!((norm - 1.0).abs() < 1e-12, "the last sample is a state");
    }
}
