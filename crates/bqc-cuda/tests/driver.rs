//! What bqc does on the machines that others have: the driver's absence, its age, its refusals and
//! faults, on a driver that `fake/libcuda.rs` imitates. The loader reads its search path when a process
//! starts; so this program compiles the imitation and runs itself again for every case, with
//! `FAKE_CUDA` saying what goes wrong.

#![cfg_attr(not(target_os = "linux"), allow(unused))]

#[path = "fake/compile.rs"]
mod fake;
#[cfg(target_os = "linux")]
#[path = "cases/sweeps.rs"]
mod sweeps;

use std::path::Path;
use std::process::Command;

#[cfg(not(target_os = "linux"))]
fn main() {
    test_skips::skip(test_skips::Need::Linux, "GPUs are used on Linux only");
}

#[cfg(target_os = "linux")]
fn main() {
    if let Ok(name) = std::env::var("FAKE_CUDA") {
        let (_, case) = all().find(|(known, _)| *known == name).unwrap();
        return case();
    }
    let folder = tempfile::tempdir().unwrap();
    fake::compile(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), folder.path());
    for (name, _) in all() {
        let mut case = Command::new(std::env::current_exe().unwrap());
        case.env_remove("CUDA_VISIBLE_DEVICES").env_remove("CUDA_MPS_PIPE_DIRECTORY");
        let output = case.env("FAKE_CUDA", name).env("LD_LIBRARY_PATH", folder.path()).output().unwrap();
        assert!(output.status.success(), "{name}:\n{}", String::from_utf8_lossy(&output.stderr));
        println!("{name}: ok");
    }
}

/// A name that the imitation knows, and what must happen then.
#[cfg(target_os = "linux")]
fn all() -> impl Iterator<Item = &'static (&'static str, fn())> {
    cases::ALL.iter().chain(&sweeps::ALL)
}

#[cfg(target_os = "linux")]
mod cases {
    use bqc_cuda::*;
    use bqc_instantiate::*;
    use bqc_linalg::lanes::Level;
    use bqc_linalg::{Stream, Su2};
    use std::sync::atomic::AtomicBool;

    /// A name that the imitation knows, and what must happen then.
    pub static ALL: [(&str, fn()); 27] = [
        ("well", a_good_device_is_described_and_works),
        ("memory", no_room_is_said_with_numbers_and_harms_nothing),
        ("old", || {
            is(discover(), |e| matches!(e, CudaError::DriverTooOld { found: Version { major: 10, minor: 2 }, .. }))
        }),
        ("no-device", || is(discover(), |e| *e == CudaError::NoDevice)),
        ("mismatch", || is(discover(), |e| matches!(e, CudaError::DriverFailed { code: 803, .. }))),
        ("not-ready", || is(discover(), |e| matches!(e, CudaError::NotReady { code: 802, .. }))),
        ("one-broken", a_broken_device_hides_no_other),
        ("exclusive", a_taken_device_is_found_but_does_not_open),
        ("fault", a_fault_loses_the_context_once_and_for_all),
        ("engine", the_engine_answers_like_the_cpu),
        ("tight", chunks_shrink_until_they_fit),
        ("late-fault", a_fault_on_the_way_leaves_the_rest_to_the_cpu),
        ("full-retain", || is(open(), |e| is_full(e, "opening it"))),
        ("full-load", || is(open(), |e| is_full(e, "bqc-ceilings"))),
        ("full-stream", || is(open(), |e| is_full(e, "making a stream"))),
        ("full-launch", a_full_device_leaves_the_work_to_the_cpu_and_is_not_given_up),
        ("full-host", a_full_device_leaves_the_work_to_the_cpu_and_is_not_given_up),
        ("bad-ptx", || {
            is(open(), |e| {
                matches!(e, CudaError::KernelsRefused { code: 218, package: "bqc-ceilings", log, .. }
                    if log == "ptxas application ptx input, line 7; fatal : Unresolved extern")
            })
        }),
        ("silent-lm", || is(open(), |e| is_wrong(e, "bqc_lm_shared"))),
        ("wrong-global", || is(open(), |e| is_wrong(e, "bqc_lm_global"))),
        ("late-silent", a_wrong_result_on_the_way_leaves_the_rest_to_the_cpu),
        ("late-garbage", a_wrong_result_on_the_way_leaves_the_rest_to_the_cpu),
        ("late-lazy", a_wrong_result_on_the_way_leaves_the_rest_to_the_cpu),
        ("endless", a_stop_reaches_the_device),
        ("together", calls_of_many_threads_share_launches_and_nobody_can_tell),
        ("stopped-one", the_stop_of_one_caller_is_nobody_elses),
        ("wrong", || is(check_kernels(&Gpu::open(0).unwrap()), |e| matches!(e, CudaError::WrongResult { .. }))),
    ];

    fn is<T>(result: Result<T, CudaError>, expected: impl Fn(&CudaError) -> bool) {
        match result {
            Err(error) => assert!(expected(&error), "{error:?}"),
            Ok(_) => panic!("no error"),
        }
    }

    pub fn open() -> Result<CudaEngine, CudaError> {
        CudaEngine::open(0, Level::detect())
    }

    fn is_full(error: &CudaError, expected: &str) -> bool {
        matches!(error, CudaError::DriverOutOfMemory { during, .. } if during == expected) && !error.is_fatal()
    }

    pub fn is_wrong(error: &CudaError, expected: &str) -> bool {
        matches!(error, CudaError::WrongResult { kernel, .. } if *kernel == expected)
    }

    fn a_good_device_is_described_and_works() {
        let found = discover().unwrap();
        assert_eq!((found.driver, found.devices.len()), (Version::new(12, 4), 1));
        let device = &found.devices[0];
        assert_eq!((device.to_string().as_str(), device.n_multiprocessors), ("GPU 0 (Imaginary GPU)", 7));
        assert_eq!((device.capability, device.block_shared_bytes), (Version::new(9, 0), 227 << 10));
        assert_eq!((device.total_bytes, device.compute_mode), (3 << 30, ComputeMode::Default));
        is(Gpu::open(1), |e| *e == CudaError::NoDevice);

        let gpu = Gpu::open(0).unwrap();
        check_kernels(&gpu).unwrap();
        let before = gpu.free_bytes().unwrap();
        assert_eq!(before, 3 << 30, "the check freed what it took");
        // The imitation says that everything takes two milliseconds.
        let ceilings = measure_ceilings(&gpu, 1 << 20).unwrap();
        assert!((ceilings.copy_bytes - 2.0 * f64::from(1 << 20) / 2e-3).abs() < 1e3, "{ceilings:?}");
        assert!(ceilings.f64_flops > 1e9 && ceilings.f64_flops == ceilings.f32_flops);
        let kernels = gpu.load(&CEILINGS).unwrap();
        is(kernels.kernel("ghost", 0), |e| matches!(e, CudaError::Refused { code: 500, .. }));
        // A smaller one that is asked for in between takes nothing from a larger one.
        let large = kernels.kernel("copy", 200 << 10).unwrap();
        let small = kernels.kernel("copy", 34 << 10).unwrap();
        let refused = kernels.kernel("copy", 228 << 10).unwrap();
        launch_nothing(&gpu, &small).unwrap();
        launch_nothing(&gpu, &large).unwrap();
        is(launch_nothing(&gpu, &refused), |e| matches!(e, CudaError::Refused { code: 1, .. }));

        // From another thread, and freed there.
        let other = gpu.clone();
        std::thread::spawn(move || drop(other.upload("numbers", &[1.0, 2.0]).unwrap())).join().unwrap();
        assert_eq!(gpu.free_bytes().unwrap(), before);
        let zeros = gpu.buffer::<u32>("numbers", 3).unwrap();
        let mut found = [9; 3];
        zeros.read(&mut found).unwrap();
        assert_eq!(found, [0; 3]);
    }

    /// Launches `copy` for no numbers.
    fn launch_nothing(gpu: &Gpu, copy: &Kernel<'_>) -> Result<(), CudaError> {
        let (numbers, stream) = (gpu.buffer::<f64>("numbers", 2)?, gpu.stream()?);
        let (pointer, n_pairs) = (numbers.pointer(), 0u64);
        let pointers = std::ptr::from_ref(&pointer).cast_mut().cast();
        let arguments = [pointers, pointers, std::ptr::from_ref(&n_pairs).cast_mut().cast()];
        // SAFETY: two pointers and a count, of memory that is not looked at.
        unsafe { copy.launch(&stream, Launch { n_blocks: 1, block_threads: 256 }, &arguments) }
    }

    fn no_room_is_said_with_numbers_and_harms_nothing() {
        let gpu = Gpu::open(0).unwrap();
        match gpu.buffer::<f64>("64 problems", 1 << 30) {
            Err(CudaError::OutOfMemory { what, needed_bytes, free_bytes, .. }) => {
                assert_eq!((what.as_str(), needed_bytes, free_bytes), ("64 problems", 8 << 30, 3 << 30));
            }
            other => panic!("{:?}", other.err()),
        }
        check_kernels(&gpu).unwrap();
    }

    fn a_broken_device_hides_no_other() {
        let found = discover().unwrap();
        let is_lost = |e: &CudaError| matches!(e, CudaError::ContextLost { code: 719, .. });
        assert!(found.broken.len() == 1 && found.broken[0].0 == 0 && is_lost(&found.broken[0].1), "{found:?}");
        assert_eq!(found.devices.iter().map(|d| d.ordinal).collect::<Vec<_>>(), [1]);
        is(Gpu::open(0), is_lost);
        check_kernels(&Gpu::open(1).unwrap()).unwrap();
        is(Gpu::open(2), |e| *e == CudaError::NoDevice);
    }

    fn a_taken_device_is_found_but_does_not_open() {
        assert_eq!(discover().unwrap().devices[0].compute_mode, ComputeMode::ExclusiveProcess);
        is(
            Gpu::open(0),
            |e| matches!(e, CudaError::Busy { code: 46, name, .. } if name == "CUDA_ERROR_DEVICE_UNAVAILABLE"),
        );
    }

    fn a_fault_loses_the_context_once_and_for_all() {
        let gpu = Gpu::open(0).unwrap();
        let lost = |e: &CudaError| matches!(e, CudaError::ContextLost { code: 700, .. }) && e.is_fatal();
        is(check_kernels(&gpu), |e| lost(e) && e.to_string().contains("copy faulted"));
        is(check_kernels(&gpu), lost);
        is(gpu.free_bytes(), lost);
    }

    /// The template with every free slot turned by about `radians`.
    fn turned(t: &CxTemplate, radians: f64, s: &mut Stream) -> CxTemplate {
        let mut near = t.clone();
        for slot in t.slots().filter(|slot| !t.is_frozen(*slot)) {
            near.set(slot, t.value(slot) * Su2::exp([0; 3].map(|_| radians * s.gaussian())));
        }
        near
    }

    fn samples(n: u8, t: &CxTemplate, s: &mut Stream) -> StateBatch {
        StateBatch::sampled(t, sample_count(n.into(), 3 * usize::from(n) + 4 * t.n_cx()), s)
    }

    /// What both engines make of the same candidates, of which some fit and the first to fit is not the
    /// first.
    fn compare_refine(cuda: &CudaEngine, n: u8, n_cx: usize, n_candidates: usize, s: &mut Stream) {
        let go = AtomicBool::new(false);
        let target = CxTemplate::random(n, n_cx, s);
        let (batch, check) = (samples(n, &target, s), StateBatch::exact(&target));
        let candidates: Vec<CxTemplate> = (0..n_candidates)
            .map(|i| if i < n_candidates / 2 { CxTemplate::random(n, n_cx / 2, s) } else { turned(&target, 0.02, s) })
            .collect();
        let settings = LmSettings::default();
        let problem =
            RefineProblem { batch: &batch, check: &check, sweeps: None, settings: &settings, tolerance: 1e-10 };
        let make = |i: usize, t: &mut CxTemplate| t.copy_from(&candidates[i]);
        let [ours, theirs] =
            [cuda as &dyn Engine, &CpuEngine::default()].map(|e| e.refine(&problem, n_candidates, &make, &go));
        assert_eq!((ours.n_tried, ours.n_sweeps), (theirs.n_tried, 0), "n {n}");
        let ((i, found), (j, expected)) = (ours.winner.unwrap(), theirs.winner.unwrap());
        assert_eq!((i, j), (n_candidates / 2, n_candidates / 2), "n {n}");
        // Each in its own way, for the CPU takes its first steps in single precision; but both home.
        for t in [&found, &expected] {
            let distance = LmSolver::new(Level::detect()).distance(&check, t);
            assert!(distance < 1e-12, "n {n}: {distance:e}");
        }
    }

    /// One step from so near that the CPU takes it in double precision too: costs agree to rounding,
    /// which the step multiplies by the condition of its system.
    fn compare_descend(cuda: &CudaEngine, n: u8, n_cx: usize, n_templates: usize, s: &mut Stream) {
        let go = AtomicBool::new(false);
        let target = CxTemplate::random(n, n_cx, s);
        let batch = samples(n, &target, s);
        let settings = LmSettings { max_iterations: 1, ..LmSettings::default() };
        let mut ours: Vec<CxTemplate> = (0..n_templates).map(|_| turned(&target, 0.002, s)).collect();
        ours[1].set_frozen(Slot::First(1), true);
        let mut theirs = ours.clone();
        let found = cuda.descend(&batch, &settings, &mut ours, &go);
        let expected = CpuEngine::default().descend(&batch, &settings, &mut theirs, &go);
        assert_eq!(found.len(), n_templates);
        for (a, b) in found.iter().zip(&expected) {
            assert_eq!((a.iterations, a.found), (b.iterations, b.found), "n {n}");
            assert!((a.cost - b.cost).abs() <= 1e-10 * b.cost + 1e-15, "n {n}: {} {}", a.cost, b.cost);
        }
        assert_eq!(ours[1].value(Slot::First(1)), theirs[1].value(Slot::First(1)));
        let distance = |t: &CxTemplate| LmSolver::new(Level::detect()).distance(&batch, t).powi(2);
        for (t, a) in ours.iter().zip(&found) {
            assert!((distance(t) - a.cost).abs() <= 1e-12, "the template is the one with that cost");
        }
    }

    /// From afar the CPU's first steps are in single precision, and single verdicts may differ; how many
    /// succeed may not. Twice the standard deviation of the difference of two counts, were they independent.
    fn compare_statistics(cuda: &CudaEngine, s: &mut Stream) {
        const N: usize = 150;
        let go = AtomicBool::new(false);
        let target = CxTemplate::random(3, 5, s);
        let batch = samples(3, &target, s);
        let begun: Vec<CxTemplate> = (0..N).map(|_| turned(&target, 0.3, s)).collect();
        let count = |engine: &dyn Engine| {
            let outcomes = engine.descend(&batch, &LmSettings::default(), &mut begun.clone(), &go);
            outcomes.iter().filter(|o| o.found).count() as f64
        };
        let [ours, theirs] = [cuda as &dyn Engine, &CpuEngine::default()].map(count);
        let share = theirs / N as f64;
        assert!((0.1..0.9).contains(&share), "a fair test: {share}");
        let deviation = (2.0 * N as f64 * share * (1.0 - share)).sqrt();
        println!("{ours} and {theirs} of {N} are found");
        assert!((ours - theirs).abs() <= 2.0 * deviation, "{ours} and {theirs} of {N}");
    }

    fn the_engine_answers_like_the_cpu() {
        let cuda = CudaEngine::open(0, Level::detect()).unwrap();
        compare_statistics(&cuda, &mut Stream::new(1, 77, 30));
        assert!(cuda.name().starts_with("cuda/Imaginary GPU with cpu/"), "{}", cuda.name());
        let report = conformance::run_refine(&cuda);
        assert!(report.failures.is_empty() && report.n_cases == 16, "{:?}", report.failures);
        let mut s = Stream::new(1, 77, 0);
        // More than the first chunk, which is 28 on seven multiprocessors; and one for the global kernel.
        for (n, n_cx, n_candidates) in [(2, 2, 3), (3, 6, 40), (4, 6, 9), (5, 8, 6), (6, 30, 2)] {
            compare_refine(&cuda, n, n_cx, n_candidates, &mut s);
        }
        // The kernels have no room for the fourth: it and what comes after are the CPU's, those before it are not.
        let (small, mut large) = (CxTemplate::random(3, 2, &mut s), CxTemplate::random(3, 2000, &mut s));
        let slots: Vec<Slot> = large.slots().collect();
        slots.into_iter().for_each(|slot| large.set_frozen(slot, true));
        let (batch, settings) = (StateBatch::exact(&CxTemplate::random(3, 6, &mut s)), LmSettings::default());
        let problem =
            RefineProblem { check: &batch, batch: &batch, sweeps: None, settings: &settings, tolerance: 1e-10 };
        let make = |i: usize, t: &mut CxTemplate| t.copy_from(if i == 3 { &large } else { &small });
        let (go, before) = (AtomicBool::new(false), cuda.n_on_device());
        assert_eq!(cuda.refine(&problem, 5, &make, &go).n_tried, 5);
        assert_eq!(cuda.n_on_device() - before, 3);
        // Launches of very different sizes at the same time.
        in_threads(3, |i| {
            let (n, n_cx) = [(3, 4), (5, 16), (4, 6)][i];
            compare_refine(&cuda, n, n_cx, 4, &mut Stream::new(1, 77, 10 + i as u64));
        });
        // A batch has at most 112 here: three of them, two at a time.
        for (n, n_cx, n_templates) in [(2, 3, 300), (4, 8, 5), (5, 6, 5), (6, 30, 2)] {
            compare_descend(&cuda, n, n_cx, n_templates, &mut s);
        }
        let is_stopped = AtomicBool::new(true);
        let t = CxTemplate::random(3, 3, &mut s);
        let batch = StateBatch::exact(&t);
        let outcomes = cuda.descend(&batch, &LmSettings::default(), &mut [t.clone()], &is_stopped);
        assert_eq!(outcomes.len(), 1);
        assert_eq!(cuda.fault(), None);
        let before = cuda.n_on_device();
        compare_descend(&cuda, 4, 8, 5, &mut s);
        assert_eq!((cuda.n_on_device() - before, cuda.n_substituted()), (5, 0));
        let shape = cuda.launch_shape(&batch, &LmSettings::default(), &[t]).unwrap().unwrap();
        assert!(!shape.large_is_global && shape.blocks_per_multiprocessor == 4, "{shape:?}");
    }

    /// The device gives 64 KiB at a time: enough for some dozen candidates.
    fn chunks_shrink_until_they_fit() {
        let cuda = CudaEngine::open(0, Level::detect()).unwrap();
        let mut s = Stream::new(1, 77, 2);
        compare_refine(&cuda, 3, 4, 300, &mut s);
        assert!(cuda.n_on_device() > 100, "{}", cuda.n_on_device());
        // What rests gives way to what comes: many at the same time, more than fit, then one that needs all
        // there is.
        in_threads(6, |i| compare_refine(&cuda, 3, 4, 40, &mut Stream::new(1, 77, 20 + i as u64)));
        // Not even one fits here: the CPU does it, and the device is still good.
        let before = cuda.n_on_device();
        compare_refine(&cuda, 6, 30, 2, &mut s);
        assert_eq!(cuda.n_on_device(), before);
        // How much fits is known by now.
        compare_descend(&cuda, 3, 4, 200, &mut s);
        assert_eq!((cuda.fault(), cuda.n_on_device()), (None, before + 200));
        compare_refine(&cuda, 3, 4, 20, &mut s);
    }

    fn a_fault_on_the_way_leaves_the_rest_to_the_cpu() {
        let cuda = CudaEngine::open(0, Level::detect()).unwrap();
        let mut s = Stream::new(1, 77, 1);
        // Two launches on the device, the third is lost, and with it the parts of whoever shares it: a caller has
        // three chunks at least.
        in_threads(3, |i| compare_refine(&cuda, 3, 4, 300, &mut Stream::new(1, 77, 60 + i as u64)));
        assert!(matches!(cuda.fault(), Some(CudaError::ContextLost { code: 700, .. })), "{:?}", cuda.fault());
        let before = cuda.n_substituted();
        compare_refine(&cuda, 4, 6, 9, &mut s);
        assert!(before > 0 && cuda.n_substituted() > before);
        compare_descend(&cuda, 3, 4, 5, &mut s);
    }

    /// Launches are refused after the engine has been opened, or pinned memory is.
    fn a_full_device_leaves_the_work_to_the_cpu_and_is_not_given_up() {
        let cuda = open().unwrap();
        let mut s = Stream::new(1, 77, 4);
        let before = cuda.n_on_device();
        // The pinned memory that the check has left behind is enough for a few.
        compare_refine(&cuda, 5, 8, 60, &mut s);
        let after = cuda.n_on_device();
        compare_descend(&cuda, 5, 8, 90, &mut s);
        assert_eq!((cuda.fault(), cuda.n_on_device()), (None, after));
        assert!(after - before <= 28 && cuda.n_substituted() >= 2, "{}", after - before);
        in_threads(4, |i| compare_refine(&cuda, 5, 8, 30, &mut Stream::new(1, 77, 50 + i as u64)));
        assert_eq!(cuda.fault(), None);
    }

    fn a_wrong_result_on_the_way_leaves_the_rest_to_the_cpu() {
        let cuda = open().unwrap();
        let mut s = Stream::new(1, 77, 3);
        compare_refine(&cuda, 3, 4, 300, &mut s);
        assert!(cuda.fault().is_some_and(|e| is_wrong(&e, "bqc_lm_shared")), "{:?}", cuda.fault());
        compare_descend(&cuda, 3, 4, 5, &mut s);
    }

    /// Runs `work(i)` in so many threads.
    fn in_threads(n_threads: usize, work: impl Fn(usize) + Sync) {
        let work = &work;
        std::thread::scope(|scope| (0..n_threads).for_each(|i| drop(scope.spawn(move || work(i)))));
    }

    /// A search problem with some candidates, none of which fits by itself.
    struct Case {
        batch: StateBatch,
        check: StateBatch,
        candidates: Vec<CxTemplate>,
    }

    impl Case {
        fn new(i: usize) -> Case {
            let mut s = Stream::new(1, 77, 1000 + i as u64);
            let (n, n_cx) = [(2, 3), (3, 4), (3, 7), (4, 5)][i % 4];
            let target = CxTemplate::random(n, n_cx, &mut s);
            let (batch, check) = (samples(n, &target, &mut s), StateBatch::exact(&target));
            // In every third case nobody wins.
            let near = if i.is_multiple_of(3) { 99 } else { 3 + i % 5 };
            let one = |k: usize, s: &mut Stream| match k < near {
                true => CxTemplate::random(n, n_cx / 2, s),
                false => turned(&target, 0.02, s),
            };
            let candidates = (0..9).map(|k| one(k, &mut s)).collect();
            Case { batch, check, candidates }
        }

        fn refine(&self, engine: &dyn Engine, stop: &AtomicBool, before: &(dyn Fn() + Sync)) -> Refined {
            let settings = LmSettings::default();
            let (batch, check) = (&self.batch, &self.check);
            let problem = RefineProblem { batch, check, sweeps: None, settings: &settings, tolerance: 1e-10 };
            let make = |i: usize, t: &mut CxTemplate| {
                before();
                t.copy_from(&self.candidates[i]);
            };
            engine.refine(&problem, self.candidates.len(), &make, stop)
        }
    }

    /// One, four and sixteen threads: the same answers to the last digit, in fewer launches. A caller that panics
    /// while it writes its candidates keeps nobody waiting.
    fn calls_of_many_threads_share_launches_and_nobody_can_tell() {
        let cuda = open().unwrap();
        let cases: Vec<Case> = (0..32).map(Case::new).collect();
        let go = AtomicBool::new(false);
        let all = |n_threads: usize| {
            let next = std::sync::atomic::AtomicUsize::new(0);
            let answers: Vec<_> = cases.iter().map(|_| std::sync::Mutex::new(None)).collect();
            let (launches, groups) = cuda.n_launches();
            in_threads(n_threads, |_| {
                while let i @ 0..32 = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                    let found = cases[i].refine(&cuda, &go, &|| ());
                    *answers[i].lock().unwrap() =
                        Some((found.winner, found.n_tried, found.n_iterations, found.n_overfit));
                }
            });
            let (more_launches, more_groups) = cuda.n_launches();
            let answers: Vec<_> = answers.into_iter().map(|answer| answer.into_inner().unwrap().unwrap()).collect();
            (answers, more_launches - launches, more_groups - groups)
        };
        let (alone, n_launches, n_groups) = all(1);
        assert_eq!(n_launches, n_groups, "there was nobody to share with");
        for (case, (winner, n_tried, ..)) in cases.iter().zip(&alone) {
            let cpu = case.refine(&CpuEngine::default(), &go, &|| ());
            assert_eq!((winner.as_ref().map(|w| w.0), *n_tried), (cpu.winner.map(|w| w.0), cpu.n_tried));
        }
        for n_threads in [4, 16] {
            let (together, n_launches, n_groups) = all(n_threads);
            println!("{n_threads} threads: {n_groups} chunks in {n_launches} launches");
            assert!(together == alone && n_launches < n_groups, "{n_threads} threads, {n_launches} launches");
        }
        in_threads(4, |i| {
            let panics = || assert!(i != 2, "on purpose");
            let refined = std::panic::catch_unwind(|| cases[i].refine(&cuda, &go, &panics).n_tried);
            assert_eq!(refined.ok(), (i != 2).then_some(alone[i].1));
        });
        assert_eq!((cuda.fault(), cuda.n_substituted()), (None, 0));
    }

    /// Every launch lasts until some group of it is told to stop. While the first is under way three more callers
    /// share the second; one of them is stopped, and the others have their answers.
    fn the_stop_of_one_caller_is_nobody_elses() {
        let cuda = open().unwrap();
        let cases: Vec<Case> = (1..5).map(Case::new).collect();
        let stops: Vec<AtomicBool> = (0..4).map(|_| AtomicBool::new(false)).collect();
        let (before, n_before) = (cuda.n_launches(), cuda.n_on_device());
        let launched = |n: u64| {
            while cuda.n_launches().0 - before.0 < n {
                std::thread::yield_now();
            }
        };
        let all_there = std::sync::Barrier::new(3);
        in_threads(5, |i| match i {
            0 => {
                let refined = cases[0].refine(&cuda, &stops[0], &|| ());
                assert!(refined.n_tried == 0 && refined.winner.is_none(), "{refined:?}");
            }
            1..4 => {
                launched(1);
                // All are writing before the first has done so.
                let is_first = AtomicBool::new(true);
                let together = || {
                    if is_first.swap(false, std::sync::atomic::Ordering::Relaxed) {
                        all_there.wait();
                    }
                };
                let refined = cases[i].refine(&cuda, &stops[i], &together);
                let cpu = cases[i].refine(&CpuEngine::default(), &AtomicBool::new(false), &|| ());
                let expected = if i == 2 { 0 } else { cpu.n_tried };
                assert_eq!(refined.n_tried, expected, "caller {i}");
                assert_eq!(refined.winner.map(|w| w.0), cpu.winner.map(|w| w.0).filter(|_| i != 2));
                if i == 1 {
                    // The first launch has been waiting for nothing else.
                    stops[0].store(true, std::sync::atomic::Ordering::Relaxed);
                }
            }
            _ => {
                launched(2);
                stops[2].store(true, std::sync::atomic::Ordering::Relaxed);
            }
        });
        let (launches, groups) = cuda.n_launches();
        assert_eq!((launches - before.0, groups - before.1), (2, 4));
        assert!(cuda.n_on_device() > n_before && cuda.fault().is_none() && cuda.n_substituted() == 0);
    }

    /// A launch that ends only when it is told to.
    fn a_stop_reaches_the_device() {
        let cuda = open().unwrap();
        let mut s = Stream::new(1, 77, 5);
        let target = CxTemplate::random(3, 4, &mut s);
        let batch = samples(3, &target, &mut s);
        let settings = LmSettings::default();
        let problem =
            RefineProblem { batch: &batch, check: &batch, sweeps: None, settings: &settings, tolerance: 1e-10 };
        let begun: Vec<CxTemplate> = (0..300).map(|_| turned(&target, 0.1, &mut s)).collect();
        let make = |i: usize, t: &mut CxTemplate| t.copy_from(&begun[i]);
        let stopping = |work: &dyn Fn(&AtomicBool)| {
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    stop.store(true, std::sync::atomic::Ordering::Relaxed);
                });
                work(&stop);
            });
        };
        stopping(&|stop| {
            let refined = cuda.refine(&problem, begun.len(), &make, stop);
            assert!(refined.winner.is_none() && refined.n_tried == 0, "{}", refined.n_tried);
        });
        stopping(&|stop| {
            let mut templates = begun.clone();
            let outcomes = cuda.descend(&batch, &settings, &mut templates, stop);
            assert!(outcomes.len() == begun.len() && outcomes.iter().all(|o| o.iterations == 0 && !o.found));
            assert_eq!(templates[299].slots().count(), begun[299].slots().count());
        });
        assert_eq!((cuda.fault(), cuda.n_on_device()), (None, 0));
    }
}
