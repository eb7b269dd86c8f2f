//! Sources of a corpus, changed at random: what a fuzzer does, without one.

use bqc_linalg::Stream;
use std::path::Path;

/// Sources above this length are cut, as a fuzzer would.
const MAX_BYTES: usize = 8192;

/// The files of a corpus of this crate's tests, accepted and refused.
pub fn corpus(name: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let files = |folder: &str| root.join(folder).read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files("accepted").chain(files("refused")).collect();
    files.sort();
    assert!(files.len() > 100, "the corpus is nearly empty");
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// A source of the corpus after some edits, number `i` of them: of bytes, or of whole lines.
pub fn mutant(corpus: &[Vec<u8>], pieces: &[&str], stream: &mut Stream, i: u64) -> Vec<u8> {
    let mut bytes = corpus[below(stream, corpus.len())].clone();
    let edit = if i.is_multiple_of(2) { mutate } else { mutate_lines };
    for _ in 0..1 + below(stream, 5) {
        edit(&mut bytes, corpus, pieces, stream);
    }
    bytes
}

/// A number below `n`, which is not 0.
pub fn below(stream: &mut Stream, n: usize) -> usize {
    ((stream.uniform() * n as f64) as usize).min(n - 1)
}

/// One edit: a piece in, bytes out, a byte changed, or a part of another source spliced in.
fn mutate(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], pieces: &[&str], stream: &mut Stream) {
    let at = below(stream, bytes.len() + 1);
    match below(stream, 5) {
        0 | 1 => {
            let piece = pieces[below(stream, pieces.len())];
            bytes.splice(at..at, piece.bytes());
        }
        2 => {
            let end = (at + 1 + below(stream, 8)).min(bytes.len());
            bytes.drain(at.min(end)..end);
        }
        3 if at < bytes.len() => bytes[at] = below(stream, 256) as u8,
        _ => {
            let other = &corpus[below(stream, corpus.len())];
            let from = below(stream, other.len() + 1);
            let to = (from + below(stream, 200)).min(other.len());
            bytes.splice(at..at, other[from..to].iter().copied());
        }
    }
    bytes.truncate(MAX_BYTES);
}

/// One edit that mostly keeps statements whole: a line removed, repeated, or taken from another source.
fn mutate_lines(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], pieces: &[&str], stream: &mut Stream) {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
    let other: Vec<&[u8]> = corpus[below(stream, corpus.len())].split_inclusive(|&b| b == b'\n').collect();
    let at = below(stream, lines.len() + 1);
    match below(stream, 4) {
        0 if at < lines.len() => drop(lines.remove(at)),
        1 if at < lines.len() => lines.insert(at, lines[at].clone()),
        2 if !other.is_empty() => lines.insert(at, other[below(stream, other.len())].to_vec()),
        _ => lines.insert(at, pieces[below(stream, pieces.len())].into()),
    }
    *bytes = lines.concat();
    bytes.truncate(MAX_BYTES);
}
