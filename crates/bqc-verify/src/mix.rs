//! A hash of whole words for tables inside the verifier, several times as fast as the standard library's.
//!
//! One multiplication a word, whose upper half is folded onto the lower (as in wyhash and in rustc's own tables). It
//! does not withstand an adversary: what collides here makes a table slow and no answer wrong.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// An odd number without a pattern: the fraction of the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// See the head of the file.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mix(u64);

/// A table that is hashed by [`Mix`].
pub(crate) type MixMap<K, V> = HashMap<K, V, BuildHasherDefault<Mix>>;
/// A set that is hashed by [`Mix`].
pub(crate) type MixSet<K> = HashSet<K, BuildHasherDefault<Mix>>;

impl Mix {
    fn word(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ FACTOR) * u128::from(FACTOR);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    fn write_u16(&mut self, n: u16) {
        self.word(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.word(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.word(n as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::Hash;

    #[test]
    fn words_that_differ_in_any_bit_fall_apart() {
        let hash = |words: &[u64]| {
            let mut mix = Mix::default();
            words.hash(&mut mix);
            mix.finish()
        };
        // Single bits and pairs of them in two words: Paulis are of this kind. Both ends of a hash choose a place.
        let bits: Vec<u64> = (0..64).map(|bit| 1 << bit).chain([0]).collect();
        let hashes: Vec<u64> = bits.iter().flat_map(|a| bits.iter().map(|b| hash(&[*a, *b]))).collect();
        let distinct = |of: &dyn Fn(u64) -> u64| hashes.iter().map(|hash| of(*hash)).collect::<HashSet<_>>().len();
        assert_eq!(distinct(&|hash| hash), 65 * 65);
        assert_eq!(distinct(&|hash| hash >> 57), 128);
        assert!(distinct(&|hash| hash & 0xffff) > 3900, "{}", distinct(&|hash| hash & 0xffff));
    }
}
