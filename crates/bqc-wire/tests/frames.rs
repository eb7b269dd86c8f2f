//! Frames: what goes in comes out, and no bytes make a decoder panic, wait for ever or keep more than a
//! frame.

use bqc_wire::frame::{FrameDecoder, FrameError, MAX_FRAME_BYTES, encode_frame};
use bqc_wire::unit::{GateForm, SolvedRecord};
use bqc_wire::{
    BlockForm, Build, DeviceTrouble, FromWorker, GpuList, GpuRecord, Hello, HelloError, Outcome, ToWorker, fuzz,
};
use proptest::prelude::*;

const BUILD: Build = Build::new("this-test");

fn solved(task: u64) -> FromWorker {
    let gates = vec![GateForm::Cx(0, 1), GateForm::U3(2, [0.1, -0.0, f64::MIN_POSITIVE])];
    let block = BlockForm { width: 3, gates };
    let (outcome, reason) = (Outcome::Improved, "improved".into());
    let result = SolvedRecord { block, distance: 1e-14, instantiations: 7, outcome, reason };
    FromWorker::Solved { task, is_whole: true, is_own: true, result: Box::new(result) }
}

fn decoder(bytes: &[u8]) -> FrameDecoder {
    let mut decoder = FrameDecoder::new();
    decoder.push(bytes);
    decoder
}

#[test]
fn messages_come_out_as_they_went_in() {
    let gpu = GpuRecord {
        ordinal: 1,
        uuid: "GPU-1".into(),
        name: "a GPU".into(),
        is_exclusive: true,
        opened: Ok(("cuda/a GPU".into(), 7 << 30)),
    };
    assert_eq!(gpu.label(), "GPU 1 (a GPU)");
    let broken = GpuRecord { opened: Err("taken".into()), ..gpu.clone() };
    let messages = [
        FromWorker::Hello(Hello::new("cpu", &BUILD)),
        FromWorker::Heartbeat,
        solved(3),
        FromWorker::Device { trouble: DeviceTrouble::Lost, reason: "a fault".into() },
        FromWorker::Gpus(Ok(GpuList { driver: "12.4".into(), gpus: vec![gpu, broken] })),
        FromWorker::Gpus(Err("no driver".into())),
        FromWorker::Heartbeat,
    ];
    let bytes: Vec<u8> = messages.iter().flat_map(|m| encode_frame(m).unwrap()).collect();
    for size in [1, 2, 7, bytes.len()] {
        let mut decoder = FrameDecoder::new();
        let mut found = Vec::new();
        for piece in bytes.chunks(size) {
            decoder.push(piece);
            while let Some(message) = decoder.next_message::<FromWorker>().unwrap() {
                found.push(message);
            }
        }
        assert_eq!(found, messages);
        assert_eq!(decoder.end(), Ok(()));
    }
}

#[test]
fn a_huge_length_is_refused_before_anything_is_kept() {
    for n_bytes in [MAX_FRAME_BYTES as u32 + 1, u32::MAX] {
        let mut bytes = n_bytes.to_le_bytes().to_vec();
        bytes.extend([0; 4]);
        let error = decoder(&bytes).next_message::<FromWorker>().unwrap_err();
        assert_eq!(error, FrameError::TooLong { n_bytes: n_bytes as usize, limit: MAX_FRAME_BYTES });
    }
    let reason = "x".repeat(MAX_FRAME_BYTES);
    assert!(matches!(encode_frame(&FromWorker::Failed { task: 0, reason }), Err(FrameError::TooLong { .. })));
}

#[test]
fn a_short_frame_waits_and_its_end_is_an_error() {
    let bytes = encode_frame(&solved(1)).unwrap();
    for n in 1..bytes.len() {
        let mut decoder = decoder(&bytes[..n]);
        assert_eq!(decoder.next_message::<FromWorker>(), Ok(None));
        assert_eq!(decoder.end(), Err(FrameError::Cut { n_bytes: n }));
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let bytes = encode_frame(&solved(1)).unwrap();
    for bit in 0..8 * bytes.len() {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        // A length that has become longer is still waited for, and then the checksum is wrong.
        damaged.resize(1 << 16, 0);
        let result = decoder(&damaged).next_message::<FromWorker>();
        assert!(!matches!(result, Ok(Some(_))), "bit {bit}: {result:?}");
    }
}

#[test]
fn a_right_checksum_over_nonsense_is_no_message() {
    let of = |payload: &[u8]| {
        let mut bytes = (payload.len() as u32).to_le_bytes().to_vec();
        bytes.extend(crc32c(payload).to_le_bytes());
        bytes.extend(payload);
        decoder(&bytes).next_message::<FromWorker>().unwrap_err()
    };
    assert!(matches!(of(&[]), FrameError::NoMessage { .. }));
    assert!(matches!(of(&[99, 1, 2]), FrameError::NoMessage { .. }));
    // A heartbeat with something behind it, and a text that claims to be longer than all memory.
    assert!(of(&[1, 0]).to_string().contains("1 bytes are left over"));
    assert!(matches!(
        of(&[4, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        FrameError::NoMessage { .. }
    ));
    // What the supervisor says is nothing that a worker may say.
    let bytes = encode_frame(&ToWorker::Cancel).unwrap();
    assert!(matches!(decoder(&bytes).next_message::<FromWorker>(), Err(FrameError::NoMessage { .. })));
}

/// Bit by bit, from the polynomial: not the code under test.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 })
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[test]
fn only_the_same_version_and_engine_work_together() {
    let hello = Hello::new("cpu", &BUILD);
    assert_eq!(hello.check("cpu", &BUILD), Ok(()));
    assert!(matches!(hello.check("gpu", &BUILD), Err(HelloError::OtherEngine { .. })));
    // The bytes of a greeting: kind, magic, protocol, version, build, engine.
    let bytes = encode_frame(&FromWorker::Hello(hello)).unwrap();
    let altered = |at: usize| {
        let mut payload = bytes[8..].to_vec();
        payload[at] ^= 1;
        let mut frame = bytes[..4].to_vec();
        frame.extend(crc32c(&payload).to_le_bytes());
        frame.extend(&payload);
        let Some(FromWorker::Hello(hello)) = decoder(&frame).next_message().unwrap() else { panic!("no greeting") };
        hello.check("cpu", &BUILD).unwrap_err()
    };
    assert_eq!(altered(1), HelloError::Stranger);
    assert!(matches!(altered(9), HelloError::OtherVersion { protocol: 4, .. }));
    assert!(altered(11).to_string().contains("the other side is bqc"));
    // Behind the version and the length of the build's name comes the build.
    let at = 11 + env!("CARGO_PKG_VERSION").len() + 1;
    let error = altered(at).to_string();
    assert!(error.contains("(build uhis-test)") && error.contains("(build this-test)"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_messages_up_to_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz::frames(&bytes);
    }

    #[test]
    fn damaged_messages_are_no_others(at in 0usize..200, byte in any::<u8>(), cut in 0usize..200) {
        let mut bytes: Vec<u8> = [solved(1), FromWorker::Heartbeat, solved(2)].iter()
            .flat_map(|m| encode_frame(m).unwrap()).collect();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
        fuzz::frames(&bytes);
    }
}
