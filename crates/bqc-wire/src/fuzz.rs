//! What must hold for any bytes at all, as functions that fuzz targets and tests share. They panic
//! where it does not. Chance finds no checksums, so the bytes are also tried under right ones: what comes then is
//! what a worker of another mind might say, or a disk that lies.

use crate::frame::{FrameDecoder, MAX_FRAME_BYTES, encode_frame};
use crate::segment::{Entry, HEAD_BYTES, Replay, encode_head, encode_record};
use crate::{FromWorker, Message, Proof, ToWorker, digest_of, encode_proof};

/// Bytes from a pipe are messages up to the first error, however they are cut into pieces, and each
/// message is encoded to bytes that decode to it.
pub fn frames(bytes: &[u8]) {
    let mut framed = (bytes.len() as u32).to_le_bytes().to_vec();
    framed.extend(crc32c::crc32c(bytes).to_le_bytes());
    framed.extend(bytes);
    for bytes in [bytes, &framed] {
        both_ways::<FromWorker>(bytes);
        both_ways::<ToWorker>(bytes);
    }
}

/// Any bytes are a proof or are refused, and any passes under a right head and checksum are edits or are refused.
pub fn proof(bytes: &[u8]) {
    let digest = digest_of(b"");
    if let Ok(proof) = Proof::read(bytes, &digest, &digest) {
        _ = proof.count();
    }
    let mut sealed = encode_proof(&digest, &digest, &[]);
    sealed.truncate(sealed.len() - digest.len());
    sealed[12..16].copy_from_slice(&(1 + bytes.len() as u32 % 5).to_le_bytes());
    sealed.extend((bytes.len() as u32).to_le_bytes());
    sealed.extend(bytes);
    sealed.extend(digest_of(&sealed));
    let proof = Proof::read(&sealed, &digest, &digest).expect("head and checksum are right");
    let edits: Vec<_> = proof.map_while(Result::ok).collect();
    let again = encode_proof(&digest, &digest, &edits.iter().collect::<Vec<_>>());
    let proof = Proof::read(&again, &digest, &digest).expect("it has just been written");
    let read: Result<Vec<_>, _> = proof.collect();
    // By their text, because angles may be NaN.
    assert_eq!(format!("{:?}", read.expect("what was read can be written")), format!("{edits:?}"));
}

fn both_ways<M: Message + std::fmt::Debug>(bytes: &[u8]) {
    let whole = messages::<M>([bytes]);
    let piece = bytes.first().map_or(1, |&b| usize::from(b) % 13 + 1);
    let pieces = messages::<M>(bytes.chunks(piece));
    // By their text, because angles may be NaN.
    assert_eq!(format!("{whole:?}"), format!("{pieces:?}"), "the pieces make a difference");
    for message in &whole {
        let frame = encode_frame(message).expect("what came in a frame fits one");
        assert!(frame.len() <= MAX_FRAME_BYTES + 8);
        assert_eq!(format!("{:?}", messages::<M>([&frame[..]])), format!("{:?}", [message]));
    }
}

fn messages<'a, M: Message>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<M> {
    let mut decoder = FrameDecoder::new();
    let mut messages = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(_) => return messages,
            }
        }
    }
    messages
}

/// A file of any content is a list of entries, the valid prefix is no longer than the file, and the
/// entries written again are read as the same ones.
pub fn segment(bytes: &[u8]) {
    one_segment(bytes);
    // Kind and payload of one record.
    let mut sealed = encode_head(&[0; 32]).to_vec();
    sealed.extend((bytes.len().saturating_sub(1) as u32).to_le_bytes());
    sealed.extend(crc32c::crc32c(bytes).to_le_bytes());
    sealed.extend(bytes);
    one_segment(&sealed);
}

fn one_segment(bytes: &[u8]) {
    let plan: [u8; 32] = bytes.get(12..44).and_then(|b| b.try_into().ok()).unwrap_or([0; 32]);
    let Ok(mut replay) = Replay::new(bytes, &plan) else { return };
    let entries: Vec<Entry> = replay.by_ref().collect();
    assert!(replay.n_valid_bytes() <= bytes.len());
    let mut again = encode_head(&plan).to_vec();
    for entry in &entries {
        again.extend(encode_record(entry).expect("what came in a record fits one"));
    }
    let mut replay = Replay::new(&again, &plan).expect("a head of this version and plan");
    let second: Vec<Entry> = replay.by_ref().collect();
    assert_eq!(format!("{entries:?}"), format!("{second:?}"));
    assert!(replay.n_valid_bytes() == again.len() && again.len() >= HEAD_BYTES);
}
