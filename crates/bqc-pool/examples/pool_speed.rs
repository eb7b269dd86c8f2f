//! What a pool costs: 100,000 empty blocks over 1000 worker processes.
//!
//! `cargo run --release -p bqc-pool --example pool_speed [WORKERS [BLOCKS]]`; the workers are this program
//! too. Prints the blocks per second, the start of the workers included, and the peak memory of the
//! supervisor.

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use bqc_circuit::BlockCircuit;
    use bqc_instantiate::{CpuEngine, Engine};
    use bqc_optimize::BlockSettings;
    use bqc_pool::{Patience, Pool, Program};
    use bqc_run::{Unit, Workshop};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
    use std::time::Instant;

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let engine = CpuEngine::new();
    if arguments.first().is_some_and(|word| word == "worker") {
        match bqc_pool::serve(Arc::new(engine), &AtomicBool::new(false), None)? {}
    }
    let number = |i: usize, default: u64| arguments.get(i).map_or(Ok(default), |text| text.parse());
    let (n_workers, n_blocks) = (number(0, 1000)?, number(1, 100_000)?);

    let program = Program { path: std::env::current_exe()?, arguments: vec!["worker".into()] };
    let warn = |line: &str| eprintln!("{line}");
    let pool = Pool::new(program, Patience::default(), &engine, &warn)?;
    let (next, n_failed) = (AtomicU64::new(0), AtomicUsize::new(0));
    let (block, go) = (BlockCircuit::new(2), AtomicBool::new(false));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..n_workers {
            scope.spawn(|| {
                loop {
                    // Another seed makes another unit.
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= n_blocks {
                        break;
                    }
                    let settings = BlockSettings { seed, ..BlockSettings::default() };
                    let solved = pool.solve(&Unit::new(&block, &settings, 0, 0, engine.name()), &go);
                    n_failed.fetch_add(usize::from(!solved.is_final), Ordering::Relaxed);
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    let (totals, rate) = (pool.totals(), n_blocks as f64 / seconds);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim();
    println!(
        "{} workers, {n_blocks} blocks in {seconds:.2} s with their start, {rate:.0} a second; \
         {} lost, {} failed; peak memory {peak}",
        totals.started,
        totals.lost,
        n_failed.load(Ordering::Relaxed)
    );
    Ok(())
}

#[cfg(not(unix))]
fn main() {
    println!("worker processes need a Unix system");
}
