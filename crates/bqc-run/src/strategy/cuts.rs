//! Where a pass cuts the circuit: a function of the settings and of the number of the pass.

use crate::compile::Settings;
use bqc_linalg::Stream;
use bqc_partition::{Options, RandomCuts};

/// By how many wires the blocks of successive deleting passes are narrower than the widest, down to three.
/// Mixed widths find what one width misses: on 19 circuits of 5 to 36 wires they left 2 % fewer CX
/// than equal widths in half the time.
const NARROWER: [usize; N_WIDTHS] = [0, 2, 1];

/// How many widths deleting passes take in turn.
pub(super) const N_WIDTHS: usize = 3;

/// Most wires and CX gates in the blocks of the deleting passes with which the search of a large circuit begins. On three
/// wires they take a fraction of a second; what needs more wires a search in windows finds faster: of `shor_15_7`'s
/// 4,907 CX one deleting pass on five wires left 2,718 in the time in which three searching passes left 1,935.
const DELETION_WIDTH: usize = 3;
const DELETION_CX: usize = 48;

/// Deleting passes make no block narrower than this, unless the settings do.
const NARROWEST: usize = 3;

/// Largest shift of the cuts of deleting passes, in CX gates. Blocks of up to five wires hold some
/// dozens. The windows of a search are shifted by anything up to their size.
const MAX_SHIFT: usize = 16;

/// Widths and most CX gates of the blocks of approximating passes; what one width does not offer
/// another may. Wide ones first leaves fewest gates, narrow ones take a tenth of the time: large
/// circuits begin with these.
const APPROXIMATE_WIDTHS: [usize; 3] = [5, 4, 3];
const APPROXIMATE_CX: usize = 24;

/// Purpose of the stream that shifts the cuts.
const CUTS: u64 = 0x4355_5453;

/// Purpose of the stream that gives every walker a seed of its own.
const WALKERS: u64 = 0x4953_4c41;

/// How a pass cuts the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cuts {
    /// Most wires of a block.
    pub width: usize,
    /// Most CX gates of a block.
    pub max_cx: usize,
    /// Largest shift of the cuts in CX gates, which are then left to chance. None: the best cuts that there are.
    pub max_shift: Option<usize>,
}

impl Cuts {
    /// The cuts of this pass: a function of the seed and the number of the pass.
    pub fn options(self, seed: u64, pass: u32) -> Options {
        let options = Options { max_cx: self.max_cx, ..Options::new(self.width) };
        let Some(max_shift) = self.max_shift else { return options };
        let mut stream = Stream::new(seed, pass.into(), CUTS);
        let shift = 1 + stream.below(self.max_cx.min(max_shift));
        Options { shift, random_cuts: Some(RandomCuts { seed: stream.bits() }), ..options }
    }
}

/// Windows of full size at the best cuts.
pub(crate) fn one_window(settings: &Settings) -> Cuts {
    Cuts { width: settings.block_size, max_cx: settings.max_block_cx, max_shift: None }
}

/// Runs on two wires, as long as they are.
pub(crate) const PAIRS: Cuts = Cuts { width: 2, max_cx: usize::MAX, max_shift: None };

/// Windows of a searching pass. Every pass but the first cuts at random, so that what lay on a border comes to lie
/// inside.
pub(super) fn searching(settings: &Settings, pass: u32) -> Cuts {
    Cuts { max_shift: (pass > 0).then_some(settings.max_block_cx), ..one_window(settings) }
}

/// Blocks of a deleting pass: each width in turn, the narrowest first if `narrow_first`.
pub(super) fn deleting(settings: &Settings, pass: u32, narrow_first: bool) -> Cuts {
    let Settings { block_size, max_block_cx, .. } = *settings;
    in_turn(block_size, max_block_cx, pass, narrow_first)
}

/// Blocks of the deleting passes with which the search of a large circuit begins.
pub(super) fn deleting_at_first(settings: &Settings, pass: u32) -> Cuts {
    let Settings { block_size, max_block_cx, .. } = *settings;
    in_turn(block_size.min(DELETION_WIDTH), max_block_cx.min(DELETION_CX), pass, true)
}

fn in_turn(widest: usize, max_cx: usize, pass: u32, narrow_first: bool) -> Cuts {
    let narrower = NARROWER[(usize::from(narrow_first) + pass as usize) % N_WIDTHS];
    let width = widest.saturating_sub(narrower).max(widest.min(NARROWEST));
    Cuts { width, max_cx, max_shift: (pass > 0).then_some(MAX_SHIFT) }
}

/// Blocks of approximating passes, widest first, each width once.
pub(super) fn approximating(settings: &Settings) -> Vec<Cuts> {
    let mut widths = APPROXIMATE_WIDTHS.map(|width| width.min(settings.block_size)).to_vec();
    widths.dedup();
    let cuts = |width| Cuts { width, max_cx: APPROXIMATE_CX, max_shift: Some(APPROXIMATE_CX) };
    widths.into_iter().map(cuts).collect()
}

/// Most wires and CX gates of the blocks in which gates become Clifford+T gates, in turn: each width does what others
/// leave. That takes a fraction of a millisecond for each CX.
const CLIFFORD_T: [(usize, usize); 3] = [(3, 24), (4, 40), (5, 60)];

/// Blocks in which gates become Clifford+T gates.
pub(super) fn clifford_t(settings: &Settings) -> [Cuts; 3] {
    CLIFFORD_T.map(|(width, max_cx)| Cuts { width: width.min(settings.block_size), max_cx, max_shift: Some(max_cx) })
}

/// The seed of one walker, and where it cuts a circuit of so many wires in this pass. Where one window has all wires,
/// it is cut by the number of gates alone and not shifted.
pub(crate) fn walk(settings: &Settings, pass: u32, walker: usize, n_qubits: usize) -> (u64, Options) {
    let seed = Stream::new(settings.block.seed, walker as u64, WALKERS).bits();
    let is_wide = n_qubits > settings.block_size;
    let max_shift = is_wide.then_some(settings.max_block_cx);
    (seed, Cuts { max_shift, ..one_window(settings) }.options(seed, pass))
}
