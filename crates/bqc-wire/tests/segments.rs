//! Segments of a journal: the longest valid prefix, whatever happened to the file.

use bqc_wire::checkpoint::{PathSumForm, PauliGateForm, WalkGateForm};
use bqc_wire::segment::{
    Entry, HEAD_BYTES, MAX_RECORD_BYTES, Replay, SEGMENT_VERSION, SegmentError, encode_head, encode_record,
};
use bqc_wire::unit::{GateForm, SolvedRecord, UnitKey};
use bqc_wire::{
    BlockForm, CheckpointRecord, Outcome, PassRecord, PauliCheckpoint, WalkCheckpoint, WindowCheckpoint, WriterRecord,
    fuzz,
};
use proptest::prelude::*;

const PLAN: [u8; 32] = [7; 32];

fn solved(i: u8) -> Entry {
    let gates = vec![GateForm::Cx(0, 1), GateForm::U3(1, [f64::from(i), 0.5, -0.5])];
    let block = BlockForm { width: 2, gates };
    let (outcome, reason) = (Outcome::Unchanged, "unchanged: no smaller circuit was found".into());
    let record = SolvedRecord { block, distance: 0.0, instantiations: i.into(), outcome, reason };
    Entry::Solved { key: UnitKey([i; 32]), result: Box::new(record), is_settled: i.is_multiple_of(2), seconds: 0.25 }
}

fn checkpoint(i: u8) -> Entry {
    let block = BlockForm { width: 2, gates: vec![GateForm::Cx(0, 1)] };
    let (last_good, rescan) = (i.is_multiple_of(2).then(|| (block.clone(), 0.5)), i > 1);
    let counts = [1, 2, 3, 4, u64::MAX];
    let state = WindowCheckpoint { n_rounds: 3, block, bound: 1e-14, last_good, rescan, counts, stream: 1 << 63 };
    Entry::Checkpoint(UnitKey([i; 32]), Box::new(CheckpointRecord::Window(state)))
}

/// States of the exact searches.
fn exact_checkpoints() -> [Entry; 2] {
    let gates = vec![PauliGateForm::Pair([0, 1], [1, 3]), PauliGateForm::Turn(1, 2, -0.5)];
    let circuit = (gates, vec![(1, [(1, false), (2, true)]), (0, [(3, true), (1, false)])]);
    let [done, coming, best] = [(); 3].map(|()| circuit.clone());
    let (n_moves, size, stream) = (500, [2, 3], u64::MAX);
    let paulis = PauliCheckpoint { n_moves, done, coming, is_under_way: true, size, n_syntheses: 7, stream, best };
    let gates = vec![(0, WalkGateForm::Cx(0, 1)), (4, WalkGateForm::Hadamard(1, 0, u128::MAX - 1, true))];
    let (signs, rotations) = (vec![(true, false); 2], vec![(1 << 100, 7, 0.25)]);
    let sum = PathSumForm { n_places: 9, gates, signs, rotations };
    let walk = WalkCheckpoint {
        n_proposals: 1 << 40,
        now: sum.clone(),
        best: sum,
        least: 1,
        n_since: 3,
        cycle: 5,
        most_hadamards: 4,
        n_rotations: 1,
        held: [true, false],
        stream,
    };
    let entry = |i, state| Entry::Checkpoint(UnitKey([i; 32]), Box::new(state));
    [entry(1, CheckpointRecord::Paulis(paulis)), entry(2, CheckpointRecord::PathSums(walk))]
}

fn cut_short(i: u8) -> Entry {
    match solved(i) {
        Entry::Solved { key, result, .. } => Entry::CutShort(key, result),
        other => other,
    }
}

/// A segment, and where each of its records ends.
fn example() -> (Vec<u8>, Vec<Entry>, Vec<usize>) {
    let writer = WriterRecord { name: "host-1".into(), job: Some("7".into()), pid: 1, ..WriterRecord::default() };
    let pass = PassRecord { key: [3; 16], pass: 0, n_units: 9, n_shards: 2, seconds: 0.5 };
    let entries: Vec<Entry> = [Entry::Writer(writer), Entry::Pass(pass)]
        .into_iter()
        .chain((0..9).map(solved))
        .chain([Entry::Beat { seconds: 1.5 }, Entry::PassDone(0), checkpoint(9), checkpoint(10)])
        .chain(exact_checkpoints())
        .chain((9..12).map(solved))
        .chain([Entry::PassDone(1), cut_short(12), Entry::RunDone])
        .chain([Entry::Ended { seconds: 2.5, is_complete: true }])
        .collect();
    let mut bytes = encode_head(&PLAN).to_vec();
    let mut ends = vec![HEAD_BYTES];
    for entry in &entries {
        bytes.extend(encode_record(entry).unwrap());
        ends.push(bytes.len());
    }
    (bytes, entries, ends)
}

fn replay(bytes: &[u8]) -> (Vec<Entry>, usize) {
    let mut replay = Replay::new(bytes, &PLAN).unwrap();
    let entries = replay.by_ref().collect();
    (entries, replay.n_valid_bytes())
}

#[test]
fn what_was_written_is_read() {
    let (bytes, entries, _) = example();
    assert_eq!(replay(&bytes), (entries, bytes.len()));
    assert_eq!(replay(&bytes[..HEAD_BYTES]), (vec![], HEAD_BYTES));
}

#[test]
fn truncation_at_every_byte_leaves_the_records_that_are_whole() {
    let (bytes, entries, ends) = example();
    for n in 0..bytes.len() {
        let n_whole = ends.iter().filter(|&&end| end <= n).count().saturating_sub(1);
        let (found, n_valid) = replay(&bytes[..n]);
        assert_eq!(found, entries[..n_whole], "{n} bytes");
        assert_eq!(n_valid, if n < HEAD_BYTES { 0 } else { ends[n_whole] });
        // A disk may leave zeros where the tail should be.
        let mut zeros = bytes[..n].to_vec();
        zeros.resize(bytes.len() + 100, 0);
        let expected = if n < HEAD_BYTES { 0 } else { n_whole };
        assert!(replay(&zeros).0.len() >= expected && entries.starts_with(&replay(&zeros).0), "{n} bytes and zeros");
    }
}

#[test]
fn a_flipped_bit_ends_the_segment_at_its_record() {
    let (bytes, entries, ends) = example();
    for bit in (0..8 * bytes.len()).step_by(97).chain(0..8 * HEAD_BYTES) {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let n_whole = ends.iter().filter(|&&end| end <= bit / 8).count();
        let expected = &entries[..n_whole.saturating_sub(1)];
        assert_eq!(replay(&damaged).0, expected, "bit {bit}");
    }
}

#[test]
fn other_versions_and_plans_are_refused_by_name() {
    let (bytes, ..) = example();
    assert_eq!(Replay::new(&bytes, &[8; 32]).unwrap_err(), SegmentError::OtherPlan);
    let mut newer = bytes.clone();
    newer[8] = SEGMENT_VERSION as u8 + 1;
    let checksum = newer[..44].iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 })
    });
    newer[44..48].copy_from_slice(&(!checksum).to_le_bytes());
    assert_eq!(Replay::new(&newer, &PLAN).unwrap_err(), SegmentError::Version { found: SEGMENT_VERSION + 1 });
}

#[test]
fn a_record_that_no_reader_takes_is_not_written() {
    let Entry::Solved { key, mut result, .. } = solved(1) else { panic!("it is solved") };
    result.reason = "x".repeat(MAX_RECORD_BYTES);
    assert!(matches!(encode_record(&Entry::CutShort(key, result)), Err(SegmentError::TooLong { .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_a_prefix(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        fuzz::segment(&bytes);
        let mut with_head = encode_head(&PLAN).to_vec();
        with_head.extend(&bytes);
        fuzz::segment(&with_head);
    }

    #[test]
    fn damage_anywhere_leaves_a_prefix(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (mut bytes, entries, _) = example();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        fuzz::segment(&bytes);
        if let Ok(replay) = Replay::new(&bytes, &PLAN) {
            assert!(entries.starts_with(&replay.collect::<Vec<_>>()));
        }
    }
}
