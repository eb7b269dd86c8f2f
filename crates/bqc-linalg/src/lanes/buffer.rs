//! Memory for state batches: zeroed, 64-byte aligned, so that a vector never crosses a cache line.

use std::ops::{Deref, DerefMut};

/// One cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f64; 8]);

/// A growable slice of `f64` that starts on a cache line.
#[derive(Clone, Debug, Default)]
pub struct AlignedBuffer {
    lines: Vec<Line>,
    len: usize,
}

impl AlignedBuffer {
    /// `len` zeros.
    pub fn zeroed(len: usize) -> AlignedBuffer {
        let mut buffer = AlignedBuffer::default();
        buffer.resize(len);
        buffer
    }

    /// Makes the length at least `len`, without touching what is there: for memory that is used again
    /// and again with lengths that go up and down.
    pub fn ensure(&mut self, len: usize) {
        if len > self.len {
            self.resize(len);
        }
    }

    /// Changes the length; new elements are zero, capacity is kept when shrinking.
    pub fn resize(&mut self, len: usize) {
        let old_len = self.len;
        self.lines.resize(len.div_ceil(8), Line([0.0; 8]));
        self.len = len;
        // The tail of a line that was cut off before may hold old values.
        if len > old_len {
            let end = len.min(old_len.next_multiple_of(8));
            self[old_len..end].fill(0.0);
        }
    }
}

impl Deref for AlignedBuffer {
    type Target = [f64];
    fn deref(&self) -> &[f64] {
        // SAFETY: a `Line` is eight `f64` without padding, and `len ≤ 8 · lines.len()` always holds.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [f64] {
        // SAFETY: as above, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_aligned_and_zeroed_when_it_grows_again() {
        let mut b = AlignedBuffer::zeroed(13);
        assert_eq!(b.as_ptr() as usize % 64, 0);
        b.fill(1.0);
        b.resize(5);
        b.resize(20);
        assert_eq!(&b[..5], &[1.0; 5]);
        assert_eq!(&b[5..], &[0.0; 15]);
    }
}
