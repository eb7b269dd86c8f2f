//! Launches of sweeps: where their tables lie in a [`Lane`], and whether what came back is possible.

use super::super::lane::{Lane, Placing, bytes_of, records};
use super::super::tables::BLOCK_THREADS;
use super::tables::{Shape, Tables};
use crate::gpu::Record;
use crate::{CudaError, Gpu, Kernels, Launch};
use bqc_instantiate::schedule::{Rules, Verdict};
use bqc_kernels::arguments::SweepArguments;
use bqc_kernels::complex::Complex;
use bqc_kernels::templates::{SweepResult, SweepRun, SweepStep, verdict};
use std::ops::Range;
use std::sync::atomic::AtomicBool;

// SAFETY: `repr(C)` of numbers without gaps: 17 u32.
unsafe impl Record for SweepRun {}
// SAFETY: five u32.
unsafe impl Record for SweepStep {}
// SAFETY: four f64, four u32.
unsafe impl Record for Rules {}
// SAFETY: two u32.
unsafe impl Record for SweepResult {}

/// The verdict of a result before a kernel has written it: none that a kernel knows.
const UNWRITTEN: u32 = u32::MAX;

/// What a launch gave back.
pub(crate) struct Returned {
    /// One a run: its verdict, its new points and its last values.
    pub runs: Vec<(u32, Vec<Complex>, Vec<Complex>)>,
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
    runs: Vec<SweepRun>,
}

/// Where the tables of a launch lie within its memory, in bytes.
struct Places {
    tables: [Range<usize>; 5],
    queue: Range<usize>,
    /// Copied in, with what is carried over, and out.
    points: Range<usize>,
    /// Copied in, so that a result which was never written can be told, and out.
    results: Range<usize>,
    /// Only copied out.
    found: Range<usize>,
    end: usize,
}

impl Places {
    fn of(tables: &Tables) -> Places {
        let mut placing = Placing::default();
        let tables_places = [
            placing.of::<SweepRun>(tables.runs.len()),
            placing.of::<SweepStep>(tables.steps.len()),
            placing.of::<Rules>(tables.rules.len()),
            placing.of::<Complex>(tables.states.len()),
            placing.of::<Complex>(tables.values.len()),
        ];
        let queue = placing.of::<u32>(1);
        let points = placing.of::<Complex>(tables.points.len());
        let results = placing.of::<SweepResult>(tables.runs.len());
        let found = placing.of::<Complex>(tables.values.len());
        Places { tables: tables_places, queue, points, results, found, end: placing.end }
    }
}

/// Bytes that a launch of these tables needs on both sides, and those of each block's work space.
pub(crate) fn bytes(tables: &Tables, shape: &Shape) -> (u64, u64) {
    let workspace = if shape.large_is_global { 8 * u64::from(shape.large_len) } else { 0 };
    (Places::of(tables).end as u64, workspace)
}

impl Session {
    pub(crate) fn new(gpu: &Gpu) -> Result<Session, CudaError> {
        Ok(Session { lane: Lane::new(gpu)?, in_flight: None })
    }

    /// What it runs in.
    pub(crate) fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Queues the copy of all tables, the kernel, and the copy of what it leaves.
    pub(crate) fn begin(&mut self, kernels: &Kernels, tables: Tables, shape: &Shape) -> Result<(), CudaError> {
        assert!(self.in_flight.is_none(), "a launch is finished before the next one");
        let (places, name) = (Places::of(&tables), shape.kernel_name());
        let kernel = kernels.kernel(name, shape.shared_bytes() as u32)?;
        let n = tables.runs.len() as u32;
        let multiprocessors = self.lane.gpu().info().n_multiprocessors;
        let n_blocks = n.min(kernel.blocks_per_multiprocessor(BLOCK_THREADS)?.max(1) * multiprocessors);
        let (memory, start) = self.lane.room(&format!("{n} candidates"), places.end)?;
        fill(memory, &tables, &places);
        let workspace = self.lane.workspace(if shape.large_is_global { shape.large_len } else { 0 }, n_blocks)?;
        let at = |place: &Range<usize>| start + place.start as u64;
        let [runs, steps, rules, states, values] = places.tables.each_ref().map(at);
        let arguments = SweepArguments {
            runs,
            steps,
            rules,
            states,
            values,
            results: at(&places.results),
            found: at(&places.found),
            points: at(&places.points),
            queue: at(&places.queue),
            stop: self.lane.stop_address(),
            workspace,
            n_runs: n,
            small_len: shape.small_len,
            large_len: shape.large_len,
            reserved: 0,
        };
        let (launch, outputs) = (Launch { n_blocks, block_threads: BLOCK_THREADS }, places.points.start..places.end);
        // SAFETY: the kernel takes this record by value; `Places` gives every table the room that the
        // counts say, the workspace has a part for every block, and shared memory is what the shape
        // says. All of it lives until the stream has been waited for.
        unsafe { self.lane.queue(&kernel, launch, &arguments, places.found.start, outputs)? };
        self.in_flight = Some(InFlight { places, kernel: name, runs: tables.runs });
        Ok(())
    }

    /// Waits for what was begun, and has it end early once `stop` is set. Panics if nothing was begun.
    pub(crate) fn finish(&mut self, stop: &AtomicBool) -> Result<Returned, CudaError> {
        let InFlight { places, kernel, runs } = self.in_flight.take().expect("begun before it is finished");
        let was_stopped = self.lane.wait(kernel, stop)?;
        let memory = self.lane.host_bytes();
        let [points, found] = [&places.points, &places.found].map(|place| records::<Complex>(&memory[place.clone()]));
        let results: Vec<SweepResult> = records(&memory[places.results]);
        let mut returned = Returned { runs: Vec::with_capacity(runs.len()) };
        for (index, (run, result)) in runs.iter().zip(results).enumerate() {
            if !is_possible(run, result, was_stopped) {
                let what = format!("candidate {index} of {}: {result:?} in {} rounds", runs.len(), run.n_rounds);
                return Err(CudaError::WrongResult { device: self.lane.gpu().info().to_string(), kernel, what });
            }
            let new = &points[(run.points_at + run.n_carried) as usize..][..result.n_points as usize];
            let values = &found[run.values_at as usize..][..run.n_values as usize];
            returned.runs.push((result.verdict, new.to_vec(), values.to_vec()));
        }
        Ok(returned)
    }
}

/// Whether the kernel can have left this: from here on counts may be trusted.
fn is_possible(run: &SweepRun, result: SweepResult, was_stopped: bool) -> bool {
    let begins = run.n_points == 0;
    let most = run.n_rounds + u32::from(begins);
    let SweepResult { verdict, n_points } = result;
    let least = match verdict {
        verdict::UNDECIDED => most,
        verdict::STOPPED if was_stopped => u32::from(begins),
        verdict if Verdict::from_code(verdict).is_some_and(|v| v != Verdict::Stopped) => 1,
        _ => return false,
    };
    (least..=most).contains(&n_points)
}

/// Writes all tables to their places, an empty queue, and results that no kernel wrote.
fn fill(memory: &mut [u8], tables: &Tables, places: &Places) {
    let contents = [
        bytes_of(&tables.runs),
        bytes_of(&tables.steps),
        bytes_of(&tables.rules),
        bytes_of(&tables.states),
        bytes_of(&tables.values),
    ];
    for (place, content) in places.tables.iter().zip(contents) {
        memory[place.clone()].copy_from_slice(content);
    }
    memory[places.queue.clone()].copy_from_slice(bytes_of(&[0u32]));
    memory[places.points.clone()].copy_from_slice(bytes_of(&tables.points));
    let unwritten = SweepResult { verdict: UNWRITTEN, n_points: 0 };
    memory[places.results.clone()].copy_from_slice(bytes_of(&vec![unwritten; tables.runs.len()]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_kernels::templates::StateSet;

    #[test]
    fn the_arguments_are_as_large_as_the_kernels_think() {
        for kernel in ["bqc_sweep_shared", "bqc_sweep_global"] {
            let parameter = format!("{kernel}_param_0[{}]", size_of::<SweepArguments>());
            assert!(crate::SWEEPS.sm_80.contains(&parameter), "{parameter}");
        }
        assert_eq!((size_of::<SweepRun>(), size_of::<Rules>()), (68, 48));
    }

    #[test]
    fn what_no_kernel_leaves_is_noticed() {
        let none = StateSet { n_samples: 0, inputs_at: 0, outputs_at: 0 };
        let mut run = SweepRun {
            n: 2,
            n_steps: 1,
            steps_at: 0,
            values_at: 0,
            n_values: 1,
            rules: 0,
            first_sweeps: 0,
            n_points: 0,
            n_carried: 0,
            points_at: 0,
            n_rounds: 3,
            training: none,
            validation: none,
        };
        let is = |run: &SweepRun, verdict, n_points| is_possible(run, SweepResult { verdict, n_points }, false);
        let [plateau, converged] = [Verdict::Plateau, Verdict::Converged].map(|verdict| verdict as u32);
        assert!(is(&run, verdict::UNDECIDED, 4) && is(&run, plateau, 1) && is(&run, plateau, 4));
        assert!(!is(&run, verdict::UNDECIDED, 3) && !is(&run, converged, 0) && !is(&run, 7, 1));
        assert!(!is(&run, UNWRITTEN, 0) && !is(&run, verdict::TOO_LARGE, 0) && !is(&run, verdict::STOPPED, 1));
        assert!(!is(&run, plateau, 5) && !is(&run, 0x5a5a_5a5a, 0x5a5a_5a5a));
        assert!(is_possible(&run, SweepResult { verdict: verdict::STOPPED, n_points: 1 }, true));
        run.n_points = 2;
        assert!(is(&run, verdict::UNDECIDED, 3) && !is(&run, verdict::UNDECIDED, 4));
    }
}
