//! How long a journal of 100,000 blocks takes to write and to replay.
//!
//! `cargo run --release -p bqc-pool --example journal_speed`

use bqc_pool::{Journal, Use};
use bqc_wire::segment::Entry;
use bqc_wire::unit::GateForm;
use bqc_wire::{BlockForm, Ending, SolvedRecord, UnitKey};
use std::time::Instant;

const N_BLOCKS: u32 = 100_000;

/// A result of some 1.5 kB, as a block of five wires has.
fn solved(i: u32) -> Entry {
    let gate = |k: u32| match k % 3 {
        0 => GateForm::Cx((k % 5) as u8, ((k + 1) % 5) as u8),
        _ => GateForm::U3((k % 5) as u8, [f64::from(i), f64::from(k), 0.5]),
    };
    let block = BlockForm { width: 5, gates: (0..80).map(gate).collect() };
    let (ending, reason) = (Ending::Improved, "improved".into());
    let record = SolvedRecord { block, distance: 1e-14, instantiations: 1, ending, reason };
    let mut key = [0; 32];
    key[..4].copy_from_slice(&i.to_le_bytes());
    Entry::Solved(UnitKey(key), Box::new(record))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let open = || Journal::open(folder.path(), &[0; 32], Use::Run);
    let start = Instant::now();
    let journal = open()?;
    (0..N_BLOCKS).for_each(|i| journal.append(&solved(i)));
    if let Some(failure) = journal.failure() {
        return Err(failure.into());
    }
    drop(journal);
    let write_seconds = start.elapsed().as_secs_f64();
    let n_bytes = std::fs::metadata(folder.path().join("00000000.seg"))?.len();
    let start = Instant::now();
    let n_known = open()?.n_known();
    let replay_seconds = start.elapsed().as_secs_f64();
    assert_eq!(n_known, N_BLOCKS as usize);
    println!("{n_known} blocks, {n_bytes} bytes: written in {write_seconds:.2} s, replayed in {replay_seconds:.2} s");
    Ok(())
}
