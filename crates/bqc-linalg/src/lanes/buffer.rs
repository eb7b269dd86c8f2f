//! Memory for state batches: zeroed, 64-byte aligned, so that a vector never crosses a cache line.

use super::Real;
use std::ops::{Deref, DerefMut};

/// One cache line: a vector of either type fills it.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line<R: Real>(R::Row);

/// A growable slice of numbers that starts on a cache line.
#[derive(Clone, Debug)]
pub struct AlignedBuffer<R: Real = f64> {
    lines: Vec<Line<R>>,
    len: usize,
}

impl<R: Real> Default for AlignedBuffer<R> {
    fn default() -> AlignedBuffer<R> {
        AlignedBuffer { lines: Vec::new(), len: 0 }
    }
}

impl<R: Real> AlignedBuffer<R> {
    /// `len` zeros.
    pub fn zeroed(len: usize) -> AlignedBuffer<R> {
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
        self.lines.resize(len.div_ceil(R::LANES), Line(R::ZEROS));
        self.len = len;
        // The tail of a line that was cut off before may hold old values.
        if len > old_len {
            let end = len.min(old_len.next_multiple_of(R::LANES));
            self[old_len..end].fill(R::default());
        }
    }
}

impl<R: Real> Deref for AlignedBuffer<R> {
    type Target = [R];
    fn deref(&self) -> &[R] {
        // SAFETY: a `Line` is `R::LANES` numbers without padding, and all lines hold at least `len`.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<R: Real> DerefMut for AlignedBuffer<R> {
    fn deref_mut(&mut self) -> &mut [R] {
        // SAFETY: as above, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_aligned_and_zeroed_when_it_grows_again() {
        let mut b: AlignedBuffer = AlignedBuffer::zeroed(13);
        assert_eq!(b.as_ptr() as usize % 64, 0);
        b.fill(1.0);
        b.resize(5);
        b.resize(20);
        assert_eq!(&b[..5], &[1.0; 5]);
        assert_eq!(&b[5..], &[0.0; 15]);
    }
}
