//! Launches of Levenberg–Marquardt: where the tables of one or more groups lie in a [`Lane`], and whether
//! what came back is possible. A launch is begun and finished apart; who has two sessions fills the one
//! while the other computes.

use super::lane::{Lane, N_STOPS, Placing, bytes_of, records};
use super::tables::{BLOCK_THREADS, Shape, Tables};
use crate::gpu::Record;
use crate::{CudaError, Footprint, Gpu, Kernels, Launch, N_SLOTS};
use bqc_kernels::arguments::LmArguments;
use bqc_kernels::complex::Complex;
use bqc_kernels::templates::{Base, Candidate, CxWord, Group, LmResult, LmSettings, NONE, status};
use std::ops::Range;

// SAFETY: `repr(C)` of numbers without gaps: five u32.
unsafe impl Record for Base {}
// SAFETY: one u32.
unsafe impl Record for CxWord {}
// SAFETY: nine u32.
unsafe impl Record for Candidate {}
// SAFETY: eight u32, one f64.
unsafe impl Record for Group {}
// SAFETY: four u32, two f64.
unsafe impl Record for LmSettings {}
// SAFETY: four f64, six u32, one u64.
unsafe impl Record for LmResult {}

/// The status of a result before a kernel has written it: none that a kernel knows.
const UNWRITTEN: u32 = u32::MAX;

/// What a launch gave back to one group, seen to be possible: every place is one that exists.
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
    /// What a group gets that is stopped before its launch: no candidate was begun.
    pub(crate) fn not_begun(tables: &Tables) -> Returned {
        let results = vec![LmResult::not_begun(status::STOPPED, 0); tables.candidates.len()];
        Returned { results, survivors: Vec::new(), first_place: 0, slots_len: 0 }
    }

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
    in_flight: Option<InFlight>,
}

struct InFlight {
    places: Places,
    kernel: &'static str,
    /// Whether every candidate keeps its slots at its own place.
    keeps_all: bool,
    /// Candidates of each group.
    lens: Vec<usize>,
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
    fn of(parts: &[&Tables], shape: &Shape) -> Places {
        let mut placing = Placing::default();
        let sum = |len: fn(&Tables) -> usize| parts.iter().map(|part| len(part)).sum();
        let n: usize = sum(|t| t.candidates.len());
        let tables_places = [
            placing.of::<Base>(sum(|t| t.bases.len())),
            placing.of::<CxWord>(sum(|t| t.cx.len())),
            placing.of::<Complex>(sum(|t| t.slots.len())),
            placing.of::<Complex>(sum(|t| t.target.states.values.len())),
            placing.of::<Candidate>(n),
            placing.of::<Group>(parts.len()),
            placing.of::<LmSettings>(parts.len()),
        ];
        let winners = placing.of::<u32>(parts.len() + 1);
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

/// What a launch of these tables alone needs on the device, the states being common to all candidates. Every
/// candidate is given a block's work space, although there are never more blocks than the device holds.
pub(crate) fn footprint(tables: &Tables, shape: &Shape) -> Footprint {
    let workspace = if shape.large_is_global() { 8 * u64::from(shape.large_len) } else { 0 };
    let states = size_of_val(&tables.target.states.values[..]) as u64;
    let others = Places::of(&[tables], shape).end as u64 - states;
    Footprint {
        common_bytes: N_SLOTS as u64 * states,
        problem_bytes: others.div_ceil(tables.candidates.len().max(1) as u64) + workspace,
    }
}

impl Session {
    pub(crate) fn new(gpu: &Gpu) -> Result<Session, CudaError> {
        Ok(Session { lane: Lane::new(gpu)?, in_flight: None })
    }

    /// What it runs in.
    pub(crate) fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Queues the copy of all tables, the kernel, and the copy of what it leaves. Either all candidates
    /// compete within their groups, or none does; there are at most [`N_STOPS`] groups.
    pub(crate) fn begin(&mut self, kernels: &Kernels, parts: &[&Tables], shape: &Shape) -> Result<(), CudaError> {
        assert!(self.in_flight.is_none(), "a launch is finished before the next one");
        let keeps_all = parts.iter().all(|part| part.keeps_all());
        assert!(parts.len() <= N_STOPS && (keeps_all || !parts.iter().any(|part| part.keeps_all())));
        let places = Places::of(parts, shape);
        let name = shape.kernel_name();
        let kernel = kernels.kernel(name, shape.shared_bytes())?;
        let lens: Vec<usize> = parts.iter().map(|part| part.candidates.len()).collect();
        let n = lens.iter().sum::<usize>() as u32;
        let multiprocessors = self.lane.gpu().info().n_multiprocessors;
        let n_blocks = n.min(kernel.blocks_per_multiprocessor(BLOCK_THREADS)?.max(1) * multiprocessors);
        let (memory, start) = self.lane.room(&format!("{n} candidates"), places.end)?;
        fill(memory, parts, &places);
        let large_len = if shape.large_is_global() { shape.large_len } else { 0 };
        let (workspace, stop) = (self.lane.workspace(large_len, n_blocks)?, self.lane.stop_address());
        let arguments = LmArguments { workspace, stop, ..arguments(start, &places, n, parts.len() as u32, shape) };
        // Of competitors only one survivor a group is wanted, which is fetched when it is known.
        let outputs_end = if keeps_all { places.end } else { places.inputs_end };
        let outputs = places.results.start..outputs_end;
        let launch = Launch { n_blocks, block_threads: BLOCK_THREADS };
        // SAFETY: the kernel takes this record by value; `Places` gives every table the room that the
        // counts say, the workspace has a part for every block, there is a word for every group's stop, and
        // shared memory is what the shape says. All of it lives until the stream has been waited for.
        unsafe { self.lane.queue(&kernel, launch, &arguments, places.inputs_end, outputs)? };
        self.in_flight = Some(InFlight { places, kernel: name, keeps_all, lens });
        Ok(())
    }

    /// Waits for what was begun, and has the candidates of a group end early once `is_stopped` says so, which is
    /// asked again and again with the group's number. Gives what came back, one a group. Panics if nothing
    /// was begun.
    pub(crate) fn finish(&mut self, is_stopped: impl Fn(usize) -> bool) -> Result<Vec<Returned>, CudaError> {
        let launch = self.in_flight.take().expect("a launch is begun before it is finished");
        let mut stopped = vec![false; launch.lens.len()];
        self.lane.wait_looking(launch.kernel, || {
            for (group, was_stopped) in stopped.iter_mut().enumerate() {
                if !*was_stopped && is_stopped(group) {
                    *was_stopped = true;
                    self.lane.set_stop(group, true);
                }
            }
            stopped.iter().all(|was_stopped| *was_stopped)
        })?;
        let results: Vec<LmResult> = records(&self.lane.host_bytes()[launch.places.results.clone()]);
        if let Some(what) = nonsense(&results, &launch, &stopped).or_else(|| beaten_by_nobody(&results, &launch)) {
            let device = self.lane.gpu().info().to_string();
            return Err(CudaError::WrongResult { device, kernel: launch.kernel, what });
        }
        self.divide(results, &launch)
    }

    /// Gives every group its results and survivors.
    fn divide(&mut self, results: Vec<LmResult>, launch: &InFlight) -> Result<Vec<Returned>, CudaError> {
        let slots_len = launch.places.slots_len;
        let groups = launch.groups().map(|range| &results[range]);
        let winner = |results: &[LmResult]| {
            results.iter().find(|r| r.status == status::ACCEPTED).map(|result| result.survivor as usize)
        };
        let n_survivors = match launch.keeps_all {
            true => results.len(),
            // Places are given in the order of time, so those of the winners are among the first.
            false => groups.clone().filter_map(winner).map(|place| place + 1).max().unwrap_or(0),
        };
        let start = launch.places.survivors.start;
        let place = |place: usize| start + place * slots_len * size_of::<Complex>();
        if !launch.keeps_all && n_survivors > 0 {
            self.lane.fetch(start..place(n_survivors))?;
        }
        let bytes = self.lane.host_bytes();
        let returned = groups.zip(launch.groups()).map(|(results, range)| {
            let kept = match launch.keeps_all {
                true => range,
                false => winner(results).map_or(0..0, |place| place..place + 1),
            };
            let survivors = records(&bytes[place(kept.start)..place(kept.end)]);
            Returned { results: results.to_vec(), survivors, first_place: kept.start, slots_len }
        });
        Ok(returned.collect())
    }
}

impl InFlight {
    /// The candidates of each group.
    fn groups(&self) -> impl Iterator<Item = Range<usize>> + Clone {
        self.lens.iter().scan(0, |start, len| {
            *start += len;
            Some(*start - len..*start)
        })
    }
}

/// What no run of the kernel leaves, if there is such a thing: from here on places may be trusted.
fn nonsense(results: &[LmResult], launch: &InFlight, stopped: &[bool]) -> Option<String> {
    let n = results.len() as u32;
    let was_stopped = launch.groups().zip(stopped).flat_map(|(range, stopped)| range.map(|_| *stopped));
    results.iter().zip(was_stopped).zip(0..).find_map(|((result, was_stopped), index)| {
        let LmResult { status, survivor, .. } = *result;
        let is_stopped = was_stopped && status == status::STOPPED;
        let is_known = is_stopped || status <= status::BEATEN;
        let is_placed = match launch.keeps_all {
            true => survivor == index || is_stopped && survivor == NONE,
            false => survivor < n || survivor == NONE && status != status::ACCEPTED,
        };
        let is_written = result.cost.is_finite() && result.cost >= 0.0;
        let what = || format!("candidate {index} of {n}: status {status}, place {survivor}, cost {}", result.cost);
        (!(is_known && is_placed && is_written)).then(what)
    })
}

/// Somebody who is said to be beaten, with nobody accepted before it in its group, if there is one.
fn beaten_by_nobody(results: &[LmResult], launch: &InFlight) -> Option<String> {
    launch.groups().find_map(|range| {
        let of_group = &results[range.clone()];
        let first = |wanted| of_group.iter().position(|result| result.status == wanted);
        let beaten = first(status::BEATEN)?;
        let is_beaten = first(status::ACCEPTED).is_some_and(|accepted| accepted < beaten);
        (!is_beaten).then(|| format!("candidate {} was beaten by nobody", range.start + beaten))
    })
}

/// Writes the tables of all groups to their places, each behind those before it, no winners, an empty queue,
/// and results that no kernel wrote.
fn fill(memory: &mut [u8], parts: &[&Tables], places: &Places) {
    let mut next = places.tables.each_ref().map(|place| place.start);
    let mut put = |memory: &mut [u8], table: usize, content: &[u8]| {
        memory[next[table]..][..content.len()].copy_from_slice(content);
        next[table] += content.len();
    };
    let (mut n_bases, mut n_cx, mut n_slots, mut n_states) = (0, 0, 0, 0);
    for (group, part) in (0..).zip(parts) {
        let base = |b: &Base| Base { cx_at: b.cx_at + n_cx, slots_at: b.slots_at + n_slots, ..*b };
        let candidate = |c: &Candidate| Candidate { base: c.base + n_bases, group, ..*c };
        let states = &part.target.states.values;
        put(memory, 0, bytes_of(&part.bases.iter().map(base).collect::<Vec<_>>()));
        put(memory, 1, bytes_of(&part.cx));
        put(memory, 2, bytes_of(&part.slots));
        put(memory, 3, bytes_of(states));
        put(memory, 4, bytes_of(&part.candidates.iter().map(candidate).collect::<Vec<_>>()));
        put(memory, 5, bytes_of(&[part.target.group_at(n_states, group)]));
        put(memory, 6, bytes_of(&[part.target.settings]));
        n_bases += part.bases.len() as u32;
        n_cx += part.cx.len() as u32;
        // A slot is two complex numbers.
        n_slots += part.slots.len() as u32 / 2;
        n_states += states.len() as u32;
    }
    let mut winners = vec![NONE; parts.len()];
    // The number of survivors so far.
    winners.push(0);
    memory[places.winners.clone()].copy_from_slice(bytes_of(&winners));
    memory[places.queue.clone()].copy_from_slice(bytes_of(&[0u32]));
    let unwritten = LmResult::not_begun(UNWRITTEN, 0);
    memory[places.results.clone()].copy_from_slice(bytes_of(&vec![unwritten; n_bases as usize]));
}

/// All but the addresses outside of the tables' memory.
fn arguments(start: u64, places: &Places, n_candidates: u32, n_groups: u32, shape: &Shape) -> LmArguments {
    let at = |place: &Range<usize>| start + place.start as u64;
    let [bases, cx, slots, states, candidates, groups, settings] = places.tables.each_ref().map(at);
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
        n_groups,
        n_survivors: n_candidates,
        slots_per_survivor: shape.slots_per_survivor,
        small_len: shape.small_len,
        large_len: shape.large_len,
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
