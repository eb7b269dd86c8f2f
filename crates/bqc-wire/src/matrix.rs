//! Matrices and vectors of complex numbers, as they come in: NumPy's `.npy` files, and JSON.
//!
//! JSON is either nested lists whose innermost are pairs, `[[[re, im], …], …]` for a matrix by rows and
//! `[[re, im], …]` for a vector, or an object `{"real": …, "imag": …}` of nested lists of numbers, where
//! `imag` may be missing. Which format it is, is told from the first bytes and not from a file's name.

use crate::npy;
use serde_json::Value;

/// Longest JSON text that is read: a matrix of ten qubits has half of it, and its tree in memory takes
/// some ten times as much.
pub const MAX_JSON_BYTES: usize = 64 << 20;

/// How accurate elements can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 24 bits.
    Single,
    /// 53 bits, or decimal text.
    Double,
}

/// One or two dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One dimension, of any length.
    Vector,
    /// Two dimensions.
    Matrix {
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        cols: usize,
    },
}

/// Complex numbers in one or two dimensions. Nothing is said about their values.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberArray {
    /// One or two dimensions.
    pub shape: Shape,
    /// `[re, im]` of every element, row by row.
    pub elements: Vec<[f64; 2]>,
    /// Of the file's element type.
    pub precision: Precision,
}

/// Why bytes are no array.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    /// A damaged or foreign `.npy` file.
    #[error("not a valid .npy file: {reason}")]
    Npy {
        /// What is wrong with it.
        reason: String,
    },
    /// An element type that is not read.
    #[error(
        "its elements are of type `{descr}`; float32, float64, complex64 and complex128 are read: save it with `.astype(complex)`"
    )]
    ElementType {
        /// NumPy's name of the type.
        descr: String,
    },
    /// The header and the data do not belong together.
    #[error(
        "not a valid .npy file: {found_bytes} bytes of data do not make an array of shape {shape:?} and type `{descr}`"
    )]
    NpyLength {
        /// The shape in the header.
        shape: Vec<usize>,
        /// NumPy's name of the type.
        descr: String,
        /// Bytes after the header.
        found_bytes: usize,
    },
    /// Neither a vector nor a matrix.
    #[error("an array of {found} dimensions is neither a state (one) nor a unitary (two)")]
    Dimensions {
        /// Number of dimensions.
        found: usize,
    },
    /// Not JSON at all.
    #[error("neither a .npy file nor JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON of another form.
    #[error("{place}: {reason}")]
    JsonForm {
        /// Where, as indices from the outermost list.
        place: String,
        /// What was found and what is expected.
        reason: String,
    },
    /// JSON text above [`MAX_JSON_BYTES`].
    #[error("{found_bytes} bytes of JSON are too many: at most {MAX_JSON_BYTES} are read, use a .npy file")]
    JsonTooLong {
        /// Bytes found.
        found_bytes: usize,
    },
}

impl NumberArray {
    /// Reads a `.npy` file or JSON text.
    pub fn read(bytes: &[u8]) -> Result<NumberArray, MatrixError> {
        if bytes.starts_with(npy::MAGIC) {
            return npy::read(bytes);
        }
        if bytes.len() > MAX_JSON_BYTES {
            return Err(MatrixError::JsonTooLong { found_bytes: bytes.len() });
        }
        match serde_json::from_slice(bytes)? {
            Value::Object(mut parts) => {
                let real = parts.remove("real").ok_or_else(|| form("the object", "it has no key `real`"))?;
                let imag = parts.remove("imag");
                if let Some(key) = parts.keys().next() {
                    return Err(form("the object", &format!("the key `{key}` is neither `real` nor `imag`")));
                }
                join(Grid::of(&real, "real", number)?, imag.map(|imag| Grid::of(&imag, "imag", number)).transpose()?)
            }
            list => Grid::of(&list, "the list", pair).map(Grid::into_array),
        }
    }
}

fn form(place: &str, reason: &str) -> MatrixError {
    MatrixError::JsonForm { place: place.to_string(), reason: reason.to_string() }
}

/// Rows of equal length, or one row that is a vector.
struct Grid<T> {
    is_vector: bool,
    n_rows: usize,
    cols: usize,
    elements: Vec<T>,
}

impl<T> Grid<T> {
    /// Lists of elements, or lists of lists of them: what the first element is decides.
    fn of(value: &Value, name: &str, element: impl Fn(&Value) -> Option<T>) -> Result<Grid<T>, MatrixError> {
        let list = |value: &Value, place: &str| match value {
            Value::Array(list) => Ok(list.clone()),
            _ => Err(form(place, "a list is expected here")),
        };
        let outer = list(value, name)?;
        let is_vector = outer.first().is_none_or(|first| element(first).is_some());
        let rows =
            if is_vector { vec![outer] } else { outer.iter().map(|row| list(row, name)).collect::<Result<_, _>>()? };
        let cols = rows.first().map_or(0, Vec::len);
        let mut elements = Vec::with_capacity(rows.len() * cols);
        for (r, row) in rows.iter().enumerate() {
            if row.len() != cols {
                let reason = format!("it has {} elements where row 0 has {cols}", row.len());
                return Err(form(&format!("{name}, row {r}"), &reason));
            }
            for (c, value) in row.iter().enumerate() {
                let place =
                    if is_vector { format!("{name}, element {c}") } else { format!("{name}, row {r}, column {c}") };
                let reason = "the elements of a list are pairs [re, im], those of `real` and `imag` numbers";
                elements.push(element(value).ok_or_else(|| form(&place, reason))?);
            }
        }
        Ok(Grid { is_vector, n_rows: rows.len(), cols, elements })
    }
}

impl Grid<[f64; 2]> {
    fn into_array(self) -> NumberArray {
        let Grid { is_vector, n_rows, cols, elements } = self;
        let shape = if is_vector { Shape::Vector } else { Shape::Matrix { rows: n_rows, cols } };
        NumberArray { shape, elements, precision: Precision::Double }
    }
}

/// Real and imaginary parts of the same shape.
fn join(real: Grid<f64>, imag: Option<Grid<f64>>) -> Result<NumberArray, MatrixError> {
    let shape = |g: &Grid<f64>| (g.is_vector, g.n_rows, g.cols);
    if imag.as_ref().is_some_and(|imag| shape(imag) != shape(&real)) {
        return Err(form("the object", "`real` and `imag` have different shapes"));
    }
    let Grid { is_vector, n_rows, cols, elements } = real;
    let imag = imag.map_or_else(|| vec![0.0; elements.len()], |imag| imag.elements);
    let elements = elements.into_iter().zip(imag).map(|(re, im)| [re, im]).collect();
    Ok(Grid { is_vector, n_rows, cols, elements }.into_array())
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

fn pair(value: &Value) -> Option<[f64; 2]> {
    match value.as_array()?.as_slice() {
        [re, im] => Some([re.as_f64()?, im.as_f64()?]),
        _ => None,
    }
}
