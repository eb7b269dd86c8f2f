//! Where one candidate's numbers lie. Host and device compute the same layout from the same sizes, so
//! that the memory of a launch is known before it.

use crate::complex::Complex;
use crate::cta::{Cta, Memory, WARP};
use crate::states::Amplitudes;
use crate::templates::COST_HISTORY;
use crate::verify;
use core::marker::PhantomData;

/// Edge of the tiles of the Gram matrix and its factor.
pub const TILE: u32 = 8;
/// Numbers in a tile, `[row][column]`.
pub const TILE_LEN: u32 = TILE * TILE;
/// Words and numbers of [`Part::Control`]: the mask of frozen first slots, whether the matrix is singular,
/// what others ask of the run, the survivor's place, the first cost, the number of systems solved,
/// and for each copy the phase of its mean overlap.
pub const CONTROL_LEN: u32 = 10;
/// Sums made at once.
const MAX_SUMS: u32 = 2;
/// States of the walk that follow the tangents: two copies each, forward and backward.
const STATE_COLUMNS: u32 = 4;

/// Sizes that a layout follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "nvptx64"), derive(Hash))]
pub struct Sizes {
    /// Wires.
    pub n: u32,
    /// CX gates.
    pub n_cx: u32,
    /// Samples.
    pub n_samples: u32,
    /// Samples whose tangents are in memory at once: more of them need fewer barriers.
    pub samples_per_panel: u32,
    /// Threads of the block.
    pub n_threads: u32,
}

impl Sizes {
    /// The same with as many samples in a panel as fit into `len` numbers of small and large memory
    /// together; `None` if not even one does.
    pub fn fitting(self, len: u32) -> Option<Sizes> {
        let fits = |samples_per_panel: &u32| {
            let layout = Layout::new(Sizes { samples_per_panel: *samples_per_panel, ..self });
            layout.small_len.next_multiple_of(2) + layout.large_len <= len
        };
        let samples_per_panel = (1..=self.n_samples).rev().find(fits)?;
        Some(Sizes { samples_per_panel, ..self })
    }
}

/// Offsets in `f64` from the start of the *small* memory (always shared), and of the *large* one.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Columns of the Jacobian: tangents, phase, residual, zeros up to whole tiles.
    pub n_columns: u32,
    /// Distance between columns of a panel by column, in complex numbers: odd, so that neighbouring columns
    /// lie in different banks. A panel by row takes no more room.
    pub column_stride: u32,
    /// See [`CONTROL_LEN`].
    pub control: u32,
    /// `[warp][2]`, twice: sums in turn.
    pub partials: u32,
    /// The last [`COST_HISTORY`] costs, as a ring.
    pub costs: u32,
    /// The step, one number a column.
    pub step: u32,
    /// The right-hand side that is worked on.
    pub right: u32,
    /// Words `slot << 2 | pauli` of each tangent.
    pub of_column: u32,
    /// Words: the first tangent of each slot, and the number of tangents.
    pub first_column: u32,
    /// CX words.
    pub cx: u32,
    /// Gates, the present ones and those of the trial.
    pub gates: [u32; 2],
    /// `[sample][2^n]`.
    pub inputs: u32,
    /// `[sample][2^n]`.
    pub outputs: u32,
    /// States after the first slots, present and trial.
    pub after_first: [u32; 2],
    /// States at the end, present and trial.
    pub at_end: [u32; 2],
    /// Numbers in the small memory.
    pub small_len: u32,
    /// In the large memory, after the Gram matrix (a lower triangle of tiles): the panel
    /// `[column][column_stride]` or `[row][column]`, and in its place the factor.
    pub panel: u32,
    /// In the large memory, in place of the panel: the factor's diagonal tiles.
    pub diagonal: u32,
    /// Numbers in the large memory: these, and at least what the check of one column takes.
    pub large_len: u32,
}

/// Number of tile `(row, column)`, `column ≤ row`, of a lower triangle.
#[inline(always)]
pub fn tile_at(row: u32, column: u32) -> u32 {
    (row * (row + 1) / 2 + column) * TILE_LEN
}

#[inline(always)]
fn larger(a: u32, b: u32) -> u32 {
    if a > b { a } else { b }
}

/// Numbers in one half of the partial sums.
#[inline(always)]
pub fn partials_len(n_threads: u32) -> u32 {
    n_threads / WARP * MAX_SUMS
}

impl Layout {
    /// The layout for these sizes.
    #[inline(always)]
    pub fn new(sizes: Sizes) -> Layout {
        let Sizes { n, n_cx, n_samples, samples_per_panel, n_threads } = sizes;
        let n_slots = n + 2 * n_cx;
        let n_columns = (3 * n + 4 * n_cx + 2).next_multiple_of(TILE);
        let n_tiles = n_columns / TILE;
        let column_stride = (samples_per_panel << n) + 1;
        let states = 2 * (n_samples << n);

        let control = HEADER_LEN;
        let costs = control + CONTROL_LEN;
        let step = costs + COST_HISTORY;
        let right = step + n_columns;
        let of_column = right + n_columns;
        let first_column = of_column + n_columns;
        let cx = first_column + n_slots + 1;
        // Complex numbers follow: an even offset.
        let gates = (cx + n_cx).next_multiple_of(2);
        let inputs = gates + 8 * n_slots;
        let partials = inputs + 6 * states;
        let gram_len = tile_at(n_tiles, 0);
        let panel_len = 2 * (n_columns + STATE_COLUMNS) * column_stride;
        let factor_len = gram_len + n_tiles * TILE_LEN;
        Layout {
            n_columns,
            column_stride,
            control,
            partials,
            costs,
            step,
            right,
            of_column,
            first_column,
            cx,
            gates: [gates, gates + 4 * n_slots],
            inputs,
            outputs: inputs + states,
            after_first: [inputs + 2 * states, inputs + 3 * states],
            at_end: [inputs + 4 * states, inputs + 5 * states],
            small_len: partials + 2 * partials_len(n_threads),
            panel: gram_len,
            diagonal: gram_len + gram_len,
            large_len: larger(gram_len + larger(panel_len, factor_len), verify::large_len(n)),
        }
    }
}

/// Places of a layout's offsets in the header that opens the small memory.
///
/// A block reads an offset from there in the phase that needs it. Kept in registers from the start, the
/// offsets alone would take more of them than the arithmetic.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Part {
    /// See the [`Layout`]'s field of the same name, here and below.
    Control,
    /// Sums in turn.
    Partials,
    /// Ring of costs.
    Costs,
    /// Step.
    Step,
    /// Right-hand side.
    Right,
    /// Tangents by column.
    OfColumn,
    /// Columns by slot.
    FirstColumn,
    /// CX words.
    Cx,
    /// Gates of the two copies.
    Gates,
    /// The second copy.
    OtherGates,
    /// Inputs.
    Inputs,
    /// Outputs.
    Outputs,
    /// States after the first slots.
    AfterFirst,
    /// The second copy.
    OtherAfterFirst,
    /// States at the end.
    AtEnd,
    /// The second copy.
    OtherAtEnd,
    /// Factor and panel.
    Panel,
    /// Diagonal tiles of the factor.
    Diagonal,
    /// Number of columns: a size, not an offset.
    NColumns,
    /// Distance between columns: a size.
    ColumnStride,
    /// Wires: a size.
    N,
    /// CX gates: a size.
    NCx,
    /// Samples: a size.
    NSamples,
    /// Samples in a panel: a size.
    SamplesPerPanel,
    /// Numbers in the large memory: a size.
    LargeLen,
}

/// Numbers in the header; even, since complex numbers follow at even places.
pub const HEADER_LEN: u32 = 26;

/// The memory of one candidate, by name. Parts and sizes can be asked for once the header is written.
#[derive(Clone, Copy)]
pub struct Workspace<M, A> {
    /// Shared memory.
    pub small: M,
    /// Shared memory behind the small part, or this block's part of global memory.
    pub large: M,
    /// How the panel lies in the large memory: [`ByColumn`] where that is shared, [`ByRow`] where it is global.
    pub arrangement: A,
}

impl<M: Memory, A: Arrangement> Workspace<M, A> {
    /// Writes the header.
    #[inline(always)]
    pub fn write_header<B: Cta<Memory = M>>(self, cta: &mut B, sizes: Sizes) {
        let (layout, small) = (Layout::new(sizes), self.small);
        cta.once(|| {
            let write = |part: Part, value: u32| small.set_word(part as u32, value);
            write(Part::Control, layout.control);
            write(Part::Partials, layout.partials);
            write(Part::Costs, layout.costs);
            write(Part::Step, layout.step);
            write(Part::Right, layout.right);
            write(Part::OfColumn, layout.of_column);
            write(Part::FirstColumn, layout.first_column);
            write(Part::Cx, layout.cx);
            write(Part::Gates, layout.gates[0]);
            write(Part::OtherGates, layout.gates[1]);
            write(Part::Inputs, layout.inputs);
            write(Part::Outputs, layout.outputs);
            write(Part::AfterFirst, layout.after_first[0]);
            write(Part::OtherAfterFirst, layout.after_first[1]);
            write(Part::AtEnd, layout.at_end[0]);
            write(Part::OtherAtEnd, layout.at_end[1]);
            write(Part::Panel, layout.panel);
            write(Part::Diagonal, layout.diagonal);
            write(Part::NColumns, layout.n_columns);
            write(Part::ColumnStride, layout.column_stride);
            write(Part::N, sizes.n);
            write(Part::NCx, sizes.n_cx);
            write(Part::NSamples, sizes.n_samples);
            write(Part::SamplesPerPanel, sizes.samples_per_panel);
            write(Part::LargeLen, layout.large_len);
        });
    }

    /// A part of the small memory.
    #[inline(always)]
    pub fn part(self, part: Part) -> M {
        self.small.offset(self.size(part))
    }

    /// Copy 0 or 1 of a part that has two: the parts of copies follow each other in the header.
    #[inline(always)]
    pub fn copy_of(self, first: Part, copy: u32) -> M {
        self.small.offset(self.small.word(first as u32 + copy))
    }

    /// A number of the header.
    #[inline(always)]
    pub fn size(self, part: Part) -> u32 {
        self.small.word(part as u32)
    }

    /// The columns of the panel.
    #[inline(always)]
    pub fn columns(self) -> Columns<M, A> {
        let distance =
            if A::BY_ROW { self.size(Part::NColumns) + STATE_COLUMNS } else { self.size(Part::ColumnStride) };
        Columns { start: self.factor(), distance, arrangement: PhantomData }
    }

    /// The Gram matrix.
    #[inline(always)]
    pub fn gram(self) -> M {
        self.large
    }

    /// The factor, in place of the panel.
    #[inline(always)]
    pub fn factor(self) -> M {
        self.large.offset(self.size(Part::Panel))
    }

    /// The factor's diagonal tiles.
    #[inline(always)]
    pub fn diagonal(self) -> M {
        self.large.offset(self.size(Part::Diagonal))
    }
}

/// How the columns of the panel lie.
pub trait Arrangement: Copy {
    /// Whether the columns' numbers of one row follow each other, instead of one column's.
    const BY_ROW: bool;
}

/// Column after column: for shared memory, where an odd distance puts neighbouring columns into different banks.
#[derive(Clone, Copy, Debug)]
pub struct ByColumn;

impl Arrangement for ByColumn {
    const BY_ROW: bool = false;
}

/// Row after row: for global memory, where neighbouring threads, which take neighbouring columns, then share
/// their transactions.
#[derive(Clone, Copy, Debug)]
pub struct ByRow;

impl Arrangement for ByRow {
    const BY_ROW: bool = true;
}

/// The columns of the panel.
#[derive(Clone, Copy)]
pub struct Columns<M, A> {
    start: M,
    /// From column to column or from row to row, in complex numbers.
    distance: u32,
    arrangement: PhantomData<A>,
}

impl<M: Memory, A: Arrangement> Columns<M, A> {
    /// One column.
    #[inline(always)]
    pub fn at(self, index: u32) -> Column<M, A> {
        let Columns { start, distance, arrangement } = self;
        match A::BY_ROW {
            // An index for each column and one address for all take fewer registers than an address for each.
            true => Column { start, first: index, distance, arrangement },
            false => Column { start: start.offset(2 * index * distance), first: 0, distance, arrangement },
        }
    }
}

/// One column of the panel, its rows by index.
#[derive(Clone, Copy)]
pub struct Column<M, A> {
    start: M,
    /// Its first number from there.
    first: u32,
    /// See [`Columns`].
    distance: u32,
    arrangement: PhantomData<A>,
}

impl<M: Memory, A: Arrangement> Column<M, A> {
    #[inline(always)]
    fn place(self, row: u32) -> u32 {
        if A::BY_ROW { self.first + row * self.distance } else { row }
    }
}

impl<M: Memory, A: Arrangement> Amplitudes for Column<M, A> {
    #[inline(always)]
    fn amplitude(self, row: u32) -> Complex {
        self.start.complex(self.place(row))
    }

    #[inline(always)]
    fn set_amplitude(self, row: u32, value: Complex) {
        self.start.set_complex(self.place(row), value);
    }
}
