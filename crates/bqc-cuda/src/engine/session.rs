//! Launches of Levenberg–Marquardt: where their tables lie in a [`Lane`], and whether what came back is
//! possible. A launch is begun and finished apart; who has two sessions fills the one while the other
//! computes.

use super::lane::{Lane, Placing, bytes_of, records};
use super::tables::{BLOCK_THREADS, Shape, Tables};
use crate::gpu::Record;
use crate::{CudaError, Footprint, Gpu, Kernels, Launch, N_SLOTS};
use bqc_kernels::arguments::LmArguments;
use bqc_kernels::complex::Complex;
use bqc_kernels::templates::{Base, Candidate, CxWord, Group, LmResult, LmSettings, NONE, status};
use std::ops::Range;
use std::sync::atomic::AtomicBool;

// SAFETY: `repr(C)` of numbers without gaps: five u32.
unsafe impl Record for Base {}
// SAFETY: one u32.
unsafe impl Record for CxWord {}
// SAFETY: eight u32.
unsafe impl Record for Candidate {}
// SAFETY: eight u32, one f64.
unsafe impl Record for Group {}
// SAFETY: four u32, two f64.
unsafe impl Record for LmSettings {}
// SAFETY: four f64, six u32, one u64.
unsafe impl Record for LmResult {}

/// The status of a result before a kernel has written it: none that a kernel knows.
const UNWRITTEN: u32 = u32::MAX;

/// What a launch gave back, seen to be possible: every place is one that exists.
pub(crate) struct Returned {
    /// One a candidate.
    pub results: Vec<LmResult>,
    /// `[survivor][slots_len]` from `first_place` on: all if all are kept, else that of the lowest
    /// accepted candidate alone.
    survivors: Vec<Complex>,
    first_place: usize,
    slots_len: usize,
}

impl Returned {
    /// The slots that a candidate ended with, two complex numbers each. Panics for one without a place, and
    /// among competitors for all but the lowest that was accepted.
    pub(crate) fn slots(&self, index: usize) -> &[Complex] {
        let place = self.results[index].survivor as usize - self.first_place;
        &self.survivors[place * self.slots_len..][..self.slots_len]
    }
}

/// See the module.
pub(crate) struct Session {
    lane: Lane,
    /// What has been begun, until it is finished.
    in_flight: Option<(Places, &'static str)>,
    /// Whether every candidate of what has been begun keeps its slots at its own place.
    keeps_all: bool,
}

/// Where the tables of a launch lie within its memory, in bytes.
struct Places {
    tables: [Range<usize>; 7],
    winners: Range<usize>,
    queue: Range<usize>,
    /// Copied in, so that a result which was never written can be told, and out.
    results: Range<usize>,
    /// Up to here is copied in.
    inputs_end: usize,
    survivors: Range<usize>,
    /// Complex numbers of a survivor.
    slots_len: usize,
    end: usize,
}

impl Places {
    fn of(tables: &Tables, shape: &Shape) -> Places {
        let mut placing = Placing::default();
        let n = tables.candidates.len();
        let tables_places = [
            placing.of::<Base>(tables.bases.len()),
            placing.of::<CxWord>(tables.cx.len()),
            placing.of::<Complex>(tables.slots.len()),
            placing.of::<Complex>(tables.states.len()),
            placing.of::<Candidate>(n),
            placing.of::<Group>(tables.groups.len()),
            placing.of::<LmSettings>(tables.settings.len()),
        ];
        let winners = placing.of::<u32>(tables.groups.len() + 1);
        let queue = placing.of::<u32>(1);
        let results = placing.of::<LmResult>(n);
        let slots_len = 2 * shape.slots_per_survivor as usize;
        let survivors = placing.of::<Complex>(n * slots_len);
        Places {
            tables: tables_places,
            winners,
            queue,
            results,
            inputs_end: survivors.start,
            survivors,
            slots_len,
            end: placing.end,
        }
    }
}

/// What a launch of these tables needs on the device, the states being common to all candidates. Every
/// candidate is given a block's work space, although there are never more blocks than the device holds.
pub(crate) fn footprint(tables: &Tables, shape: &Shape) -> Footprint {
    let workspace = if shape.large_is_global { 8 * u64::from(shape.large_len) } else { 0 };
    let states = size_of_val(&tables.states[..]) as u64;
    let others = Places::of(tables, shape).end as u64 - states;
    Footprint {
        common_bytes: N_SLOTS as u64 * states,
        problem_bytes: others.div_ceil(tables.candidates.len().max(1) as u64) + workspace,
    }
}

impl Session {
    pub(crate) fn new(gpu: &Gpu) -> Result<Session, CudaError> {
        Ok(Session { lane: Lane::new(gpu)?, in_flight: None, keeps_all: false })
    }

    /// Queues the copy of all tables, the kernel, and the copy of what it leaves.
    pub(crate) fn begin(&mut self, kernels: &Kernels, tables: &Tables, shape: &Shape) -> Result<(), CudaError> {
        assert!(self.in_flight.is_none(), "a launch is finished before the next one");
        let places = Places::of(tables, shape);
        let name = shape.kernel_name();
        let kernel = kernels.kernel(name, shape.shared_bytes())?;
        let n = tables.candidates.len() as u32;
        let multiprocessors = self.lane.gpu().info().n_multiprocessors;
        let n_blocks = n.min(kernel.blocks_per_multiprocessor(BLOCK_THREADS)?.max(1) * multiprocessors);
        let (memory, start) = self.lane.room(&format!("{n} candidates"), places.end)?;
        fill(memory, tables, &places);
        let large_len = if shape.large_is_global { shape.large_len } else { 0 };
        let (workspace, stop) = (self.lane.workspace(large_len, n_blocks)?, self.lane.stop_address());
        let arguments = LmArguments { workspace, stop, ..arguments(start, &places, tables, shape) };
        self.keeps_all = tables.groups.iter().all(|group| group.keep_all != 0);
        // Of competitors only one survivor is wanted, which is fetched when it is known.
        let outputs_end = if self.keeps_all { places.end } else { places.inputs_end };
        let outputs = places.results.start..outputs_end;
        let launch = Launch { n_blocks, block_threads: BLOCK_THREADS };
        // SAFETY: the kernel takes this record by value; `Places` gives every table the room that the
        // counts say, the workspace has a part for every block, and shared memory is what the shape
        // says. All of it lives until the stream has been waited for.
        unsafe { self.lane.queue(&kernel, launch, &arguments, places.inputs_end, outputs)? };
        self.in_flight = Some((places, name));
        Ok(())
    }

    /// Waits for what was begun, and has it end early once `stop` is set. Panics if nothing was begun.
    pub(crate) fn finish(&mut self, stop: &AtomicBool) -> Result<Returned, CudaError> {
        let (places, name) = self.in_flight.take().expect("a launch is begun before it is finished");
        let was_stopped = self.lane.wait(name, stop)?;
        let results: Vec<LmResult> = records(&self.lane.host_bytes()[places.results.clone()]);
        if let Some(what) = self.nonsense(&results, was_stopped) {
            return Err(CudaError::WrongResult { device: self.lane.gpu().info().to_string(), kernel: name, what });
        }
        let slots_len = places.slots_len;
        let (first_place, survivors) = if self.keeps_all {
            (0, records(&self.lane.host_bytes()[places.survivors]))
        } else {
            let lowest = results.iter().find(|result| result.status == status::ACCEPTED);
            let place = lowest.map(|result| result.survivor as usize);
            (place.unwrap_or(0), place.map_or(Ok(Vec::new()), |place| self.fetch(&places, place))?)
        };
        Ok(Returned { results, survivors, first_place, slots_len })
    }

    /// Copies the slots of one survivor.
    fn fetch(&mut self, places: &Places, place: usize) -> Result<Vec<Complex>, CudaError> {
        let start = places.survivors.start + place * places.slots_len * size_of::<Complex>();
        let bytes = start..start + places.slots_len * size_of::<Complex>();
        self.lane.fetch(bytes.clone())?;
        Ok(records(&self.lane.host_bytes()[bytes]))
    }

    /// What no run of the kernel leaves, if there is such a thing: from here on places may be trusted.
    fn nonsense(&self, results: &[LmResult], was_stopped: bool) -> Option<String> {
        let n = results.len() as u32;
        results.iter().zip(0..).find_map(|(result, index)| {
            let LmResult { status, survivor, .. } = *result;
            let is_stopped = was_stopped && status == status::STOPPED;
            let is_known = is_stopped || status <= status::BEATEN;
            let is_placed = match self.keeps_all {
                true => survivor == index || is_stopped && survivor == NONE,
                false => survivor < n || survivor == NONE && status != status::ACCEPTED,
            };
            let is_written = result.cost.is_finite() && result.cost >= 0.0;
            let what = || format!("candidate {index} of {n}: status {status}, place {survivor}, cost {}", result.cost);
            (!(is_known && is_placed && is_written)).then(what)
        })
    }
}

/// Writes all tables to their places, no winners, an empty queue, and results that no kernel wrote.
fn fill(memory: &mut [u8], tables: &Tables, places: &Places) {
    let contents = [
        bytes_of(&tables.bases),
        bytes_of(&tables.cx),
        bytes_of(&tables.slots),
        bytes_of(&tables.states),
        bytes_of(&tables.candidates),
        bytes_of(&tables.groups),
        bytes_of(&tables.settings),
    ];
    for (place, content) in places.tables.iter().zip(contents) {
        memory[place.clone()].copy_from_slice(content);
    }
    let mut winners = vec![NONE; tables.groups.len()];
    // The number of survivors so far.
    winners.push(0);
    memory[places.winners.clone()].copy_from_slice(bytes_of(&winners));
    memory[places.queue.clone()].copy_from_slice(bytes_of(&[0u32]));
    let unwritten = LmResult::not_begun(UNWRITTEN, 0);
    memory[places.results.clone()].copy_from_slice(bytes_of(&vec![unwritten; tables.candidates.len()]));
}

/// All but the addresses outside of the tables' memory.
fn arguments(start: u64, places: &Places, tables: &Tables, shape: &Shape) -> LmArguments {
    let at = |place: &Range<usize>| start + place.start as u64;
    let [bases, cx, slots, states, candidates, groups, settings] = places.tables.each_ref().map(at);
    let n_candidates = tables.candidates.len() as u32;
    LmArguments {
        bases,
        cx,
        slots,
        states,
        candidates,
        groups,
        settings,
        winners: at(&places.winners),
        results: at(&places.results),
        survivors: at(&places.survivors),
        queue: at(&places.queue),
        stop: 0,
        workspace: 0,
        n_candidates,
        n_groups: tables.groups.len() as u32,
        n_survivors: n_candidates,
        slots_per_survivor: shape.slots_per_survivor,
        small_len: shape.small_len,
        large_len: shape.large_len,
        samples_per_panel: shape.samples_per_panel,
        reserved: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_as_large_as_the_kernels_think() {
        let ptx = crate::LM.sm_80;
        for kernel in ["bqc_lm_shared", "bqc_lm_global"] {
            let parameter = format!("{kernel}_param_0[{}]", size_of::<LmArguments>());
            assert!(ptx.contains(&parameter), "{parameter}");
        }
    }
}
