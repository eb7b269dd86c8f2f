//! Memory of the matrices that the solver works on: the panel of a Jacobian, its Gram matrix, and the factor of that.
//!
//! A [`Panel`] is `[row][ld]` of `f64` or `f32`: the columns of one row are contiguous, and `ld` is the distance
//! between two rows. Its first `n_columns` columns count; they are whole vectors. A panel that is reshaped keeps
//! its memory, so the solver allocates only while its problems grow.

use super::{AlignedBuffer, Real};

/// See the module.
#[derive(Clone, Debug)]
pub struct Panel<R: Real = f64> {
    data: AlignedBuffer<R>,
    n_rows: usize,
    n_columns: usize,
    ld: usize,
}

impl<R: Real> Default for Panel<R> {
    fn default() -> Panel<R> {
        Panel { data: AlignedBuffer::default(), n_rows: 0, n_columns: 0, ld: 0 }
    }
}

impl<R: Real> Panel<R> {
    /// Bytes of one row of `n_columns` columns.
    pub fn row_bytes(n_columns: usize) -> usize {
        leading_dimension::<R>(n_columns) * size_of::<R>()
    }

    /// Gives the panel this shape. What it holds afterwards is not specified. Panics unless the columns are
    /// whole vectors of `R`.
    pub fn reshape(&mut self, n_rows: usize, n_columns: usize) {
        assert!(n_columns.is_multiple_of(R::LANES), "{n_columns} columns are not whole vectors");
        (self.n_rows, self.n_columns, self.ld) = (n_rows, n_columns, leading_dimension::<R>(n_columns));
        self.data.ensure(n_rows * self.ld);
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns that count.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The columns of one row.
    pub fn row(&self, row: usize) -> &[R] {
        &self.data[row * self.ld..][..self.n_columns]
    }

    /// The columns of one row.
    pub fn row_mut(&mut self, row: usize) -> &mut [R] {
        &mut self.data[row * self.ld..][..self.n_columns]
    }

    pub(super) fn view(&self) -> View<*const R> {
        let Panel { data, n_rows, n_columns, ld } = self;
        View { start: data.as_ptr(), n_rows: *n_rows, n_columns: *n_columns, ld: *ld }
    }

    pub(super) fn view_mut(&mut self) -> View<*mut R> {
        let Panel { data, n_rows, n_columns, ld } = self;
        View { start: data.as_mut_ptr(), n_rows: *n_rows, n_columns: *n_columns, ld: *ld }
    }
}

/// A panel as kernels see it: `n_rows · ld` numbers from `start` on belong to it.
#[derive(Clone, Copy)]
pub(super) struct View<P> {
    pub(super) start: P,
    pub(super) n_rows: usize,
    pub(super) n_columns: usize,
    pub(super) ld: usize,
}

/// A distance between rows of `n_columns` columns: whole vectors, and not a multiple of 64 columns, so that
/// the rows of a strip fall into different sets of the first-level cache.
fn leading_dimension<R: Real>(n_columns: usize) -> usize {
    let ld = n_columns.next_multiple_of(R::LANES);
    if ld.is_multiple_of(64) { ld + R::LANES } else { ld }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_apart_and_keep_off_multiples_of_64() {
        let mut panel: Panel = Panel::default();
        panel.reshape(3, 64);
        assert_eq!((panel.view().ld, Panel::<f64>::row_bytes(64)), (72, 576));
        (0..3).for_each(|i| panel.row_mut(i).fill(i as f64));
        assert!((0..3).all(|i| panel.row(i).len() == 64 && panel.row(i).iter().all(|x| *x == i as f64)));
        panel.reshape(5, 24);
        assert_eq!((panel.n_rows(), panel.n_columns(), panel.view().ld), (5, 24, 24));
        assert_eq!(Panel::<f32>::row_bytes(32), 128);
    }
}
