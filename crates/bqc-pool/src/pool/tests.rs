//! Want of memory, which no test can make without harm: the counter is imitated.

use super::*;
use bqc_circuit::{BlockCircuit, BlockQubit};
use bqc_instantiate::CpuEngine;
use bqc_optimize::BlockSettings;
use bqc_wire::{Build, Hello, Outcome, encode_frame};

const BUILD: Build = Build::new("test");

fn unit() -> Unit {
    let mut block = BlockCircuit::new(2);
    block.push_cx(BlockQubit(0), BlockQubit(1));
    Unit::new(&block, &BlockSettings::default(), 0, 0, CpuEngine::new().name())
}

/// Workers that say hello and are killed, with another death of the system's at each look.
#[test]
fn a_unit_that_takes_all_memory_is_tried_three_times_and_alone() {
    static N_KILLED: AtomicUsize = AtomicUsize::new(0);
    let engine = CpuEngine::new();
    let n = encode_frame(&ToWorker::Hello(Hello::new(engine.name(), &BUILD))).unwrap().len();
    let folder = tempfile::tempdir().unwrap();
    // Each says how many are there; the first two may be together.
    let script = format!(
        "dd bs=1 count={n} 2>/dev/null; cd {}; mkdir $$; sleep 0.1; ls -d [0-9]* | wc -l >>n; rmdir $$; kill -9 $$",
        folder.path().display()
    );
    let program = Program { path: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()], build: BUILD };
    let mut pool = Pool::new(program, Patience::default(), &engine, &|_| {}).unwrap();
    pool.n_oom_kills = || Some(N_KILLED.fetch_add(1, Ordering::Relaxed) as u64);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let solved = pool.solve(&unit(), &AtomicBool::new(false));
                assert_eq!(solved.outcome, Outcome::Failed);
                assert!(solved.reason.contains("3 workers failed: the worker ended: signal: 9"), "{}", solved.reason);
            });
        }
    });
    assert_eq!((pool.totals().started, pool.totals().lost), (6, 6));
    let at_once = std::fs::read_to_string(folder.path().join("n")).unwrap();
    let at_once: Vec<&str> = at_once.lines().map(str::trim).collect();
    assert_eq!(at_once[2..], ["1"; 4], "{at_once:?}");
}
