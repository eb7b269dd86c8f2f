//! Sets of places, a row of bits for each wire: which gates touch it, which have it as their target. The next gate on a
//! wire is found a word of 64 places at a time.

/// Rows of bits, all as long.
#[derive(Clone)]
pub(super) struct Board {
    words: Vec<u64>,
    n_words: usize,
}

/// One row, or a combination of rows word by word.
pub(super) trait Row {
    fn word(&self, k: usize) -> u64;
    fn n_words(&self) -> usize;

    /// The first place at `from` or later.
    #[inline]
    fn next(&self, from: usize) -> Option<usize> {
        let mut k = from / 64;
        if k >= self.n_words() {
            return None;
        }
        let mut word = self.word(k) & (!0 << (from % 64));
        while word == 0 {
            k += 1;
            if k == self.n_words() {
                return None;
            }
            word = self.word(k);
        }
        Some(64 * k + word.trailing_zeros() as usize)
    }

    /// The last place before `end`, which is not beyond the row's.
    #[inline]
    fn previous(&self, end: usize) -> Option<usize> {
        let mut k = end / 64;
        let mut word = if end.is_multiple_of(64) { 0 } else { self.word(k) & !(!0 << (end % 64)) };
        while word == 0 {
            if k == 0 {
                return None;
            }
            k -= 1;
            word = self.word(k);
        }
        Some(64 * k + 63 - word.leading_zeros() as usize)
    }
}

impl Row for &[u64] {
    #[inline]
    fn word(&self, k: usize) -> u64 {
        self[k]
    }

    #[inline]
    fn n_words(&self) -> usize {
        self.len()
    }
}

/// Places of either row.
pub(super) struct Either<'a>(pub(super) &'a [u64], pub(super) &'a [u64]);

impl Row for Either<'_> {
    #[inline]
    fn word(&self, k: usize) -> u64 {
        self.0[k] | self.1[k]
    }

    #[inline]
    fn n_words(&self) -> usize {
        self.0.len().min(self.1.len())
    }
}

/// Places of the first row that are not in the second, or are in the third.
pub(super) struct Without<'a>(pub(super) &'a [u64], pub(super) &'a [u64], pub(super) &'a [u64]);

impl Row for Without<'_> {
    #[inline]
    fn word(&self, k: usize) -> u64 {
        self.0[k] & (!self.1[k] | self.2[k])
    }

    #[inline]
    fn n_words(&self) -> usize {
        self.0.len().min(self.1.len()).min(self.2.len())
    }
}

impl Board {
    /// Empty rows of so many places.
    pub(super) fn new(n_rows: usize, n_places: usize) -> Board {
        let n_words = n_places.div_ceil(64).max(1);
        Board { words: vec![0; n_rows * n_words], n_words }
    }

    /// Becomes the other, in the memory that is there.
    pub(super) fn copy_from(&mut self, other: &Board) {
        self.words.clone_from(&other.words);
        self.n_words = other.n_words;
    }

    #[inline]
    pub(super) fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.n_words..][..self.n_words]
    }

    #[inline]
    pub(super) fn has(&self, row: usize, at: usize) -> bool {
        self.words[row * self.n_words + at / 64] >> (at % 64) & 1 == 1
    }

    #[inline]
    pub(super) fn set(&mut self, row: usize, at: usize) {
        self.words[row * self.n_words + at / 64] |= 1 << (at % 64);
    }

    #[inline]
    pub(super) fn clear(&mut self, row: usize, at: usize) {
        self.words[row * self.n_words + at / 64] &= !(1 << (at % 64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_from_any_place() {
        let places = [0, 3, 63, 64, 127, 190];
        let mut board = Board::new(2, 200);
        places.iter().for_each(|&at| board.set(1, at));
        board.set(1, 100);
        board.clear(1, 100);
        assert!(places.iter().all(|&at| board.has(1, at)) && !board.has(1, 100));
        for from in 0..200 {
            assert_eq!(board.row(1).next(from), places.into_iter().find(|&at| at >= from), "from {from}");
            assert_eq!(board.row(1).previous(from), places.into_iter().rfind(|&at| at < from), "before {from}");
            assert_eq!(board.row(0).next(from).or(board.row(0).previous(from)), None);
        }
        board.set(0, 70);
        board.set(0, 3);
        assert_eq!(Either(board.row(0), board.row(1)).next(65), Some(70));
        assert_eq!(Without(board.row(1), board.row(0), board.row(0)).next(1), Some(3));
        let none = Board::new(1, 200);
        assert_eq!(Without(board.row(1), board.row(0), none.row(0)).next(1), Some(63));
    }
}
