//! Proofs come back as they were written, and no other bytes are a proof.

use bqc_circuit::{BlockCircuit, BlockQubit, Edit, Move, PieceEdit, Qubit};
use bqc_wire::{Proof, ProofError, digest_of, encode_proof, fuzz};

/// A region of three hundred wires.
fn wide() -> PieceEdit {
    let mut by = BlockCircuit::new(300);
    by.push_cx(BlockQubit(299), BlockQubit(127));
    by.push_u3(BlockQubit(256), [0.1, 0.2, 0.3]);
    PieceEdit::Replaced { wires: (0..300).map(Qubit).collect(), steps: vec![1, 2], by, distance: 0.0 }
}

fn edits() -> Vec<Edit> {
    let mut by = BlockCircuit::new(3);
    by.push_cx(BlockQubit(0), BlockQubit(2));
    by.push_u3(BlockQubit(1), [0.1, -0.0, 1e300]);
    let replaced = PieceEdit::Replaced {
        wires: vec![Qubit(2), Qubit(70), Qubit(3_000_000)],
        steps: vec![9, 4],
        by,
        distance: 1e-14,
    };
    let [moved, product] = [[0.0, 0.0, 0.5], [1.0, 2.0, 3.0]];
    vec![
        Edit::Pieces(vec![PieceEdit::Kept(vec![0, 1, 2, u32::MAX - 1, 3]), replaced, PieceEdit::Kept(vec![])]),
        Edit::Moves(vec![
            Move::Drop { place: 7 },
            Move::Turn { place: 3, angles: moved },
            Move::Fuse { place: 4, is_forth: true, n_hops: 2, moved: Some(moved), product },
            Move::Fuse { place: 0, is_forth: false, n_hops: 0, moved: None, product },
            Move::Cancel { place: 5, twin: 4_000_000_000 },
        ]),
        Edit::Pieces(vec![wide()]),
        Edit::Exchanges(vec![[0, 1, 2], [7, 4_000_000_000, 9]]),
    ]
}

#[test]
fn edits_come_back() {
    let (input, output) = (digest_of(b"in"), digest_of(b"out"));
    let edits = edits();
    let bytes = encode_proof(&input, &output, &edits.iter().collect::<Vec<_>>());
    let proof = Proof::read(&bytes, &input, &output).unwrap();
    assert_eq!(proof.n_passes(), 4);
    assert_eq!(proof.collect::<Result<Vec<_>, _>>().unwrap(), edits);
    assert_eq!(Proof::read(&bytes, &output, &output).unwrap_err(), ProofError::OtherInput);
    assert_eq!(Proof::read(&bytes, &input, &input).unwrap_err(), ProofError::OtherOutput);
}

#[test]
fn the_version_before_is_read() {
    let (input, output) = (digest_of(b"in"), digest_of(b"out"));
    let edits = edits();
    let bytes = encode_proof(&input, &output, &edits.iter().collect::<Vec<_>>());
    let of_version = |version: u32| {
        let mut bytes = bytes[..bytes.len() - 32].to_vec();
        bytes[8..12].copy_from_slice(&version.to_le_bytes());
        let digest = digest_of(&bytes);
        bytes.extend(digest);
        Proof::read(&bytes, &input, &output).map(|proof| proof.collect::<Result<Vec<_>, _>>())
    };
    for version in [2, 3] {
        assert_eq!(of_version(version).unwrap(), Ok(edits.clone()));
    }
    for found in [1, 4] {
        assert_eq!(of_version(found).unwrap_err(), ProofError::Version { found });
    }
}

#[test]
fn other_bytes_are_refused() {
    let digest = digest_of(b"");
    let good = encode_proof(&digest, &digest, &edits().iter().collect::<Vec<_>>());
    let read = |bytes: &[u8]| Proof::read(bytes, &digest, &digest).map(|proof| proof.n_passes());
    for bit in 0..8 * good.len() {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&bad).is_err(), "bit {bit}");
    }
    for n in 0..good.len() {
        assert!(read(&good[..n]).is_err(), "{n} bytes");
    }
    fuzz::proof(&good);
    fuzz::proof(&[0xff; 300]);
}
