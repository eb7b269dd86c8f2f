//! NumPy's `.npy` files, versions 1 to 3, of real and complex floating-point arrays.
//!
//! Magic bytes, version, length of the header, the header (a Python dictionary literal with the keys
//! `descr`, `fortran_order` and `shape`), then the elements: NEP 1 and the documentation of
//! `numpy.lib.format`. A reader of our own, because this is all that is needed of the format and
//! because sizes are to be checked against the bytes that are there before anything is reserved.

use crate::matrix::{MatrixError, NumberArray, Precision, Shape};

/// The first bytes of every file of this format.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header that is read. Those of plain arrays have 118 bytes.
const MAX_HEADER_BYTES: usize = 1 << 16;

/// Reads an array of one or two dimensions.
pub(crate) fn read(bytes: &[u8]) -> Result<NumberArray, MatrixError> {
    let bad = |reason: &str| MatrixError::Npy { reason: reason.to_string() };
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| bad("it does not begin with the magic bytes"))?;
    let (&[major, _], rest) = rest.split_first_chunk().ok_or_else(|| bad("it ends before the version"))?;
    let (header_len, rest) = match major {
        1 => rest.split_first_chunk().map(|(len, rest)| (usize::from(u16::from_le_bytes(*len)), rest)),
        2 | 3 => rest.split_first_chunk().map(|(len, rest)| (u32::from_le_bytes(*len) as usize, rest)),
        _ => return Err(bad(&format!("its version is {major}, and versions 1 to 3 are read"))),
    }
    .ok_or_else(|| bad("it ends before the header's length"))?;
    if header_len > MAX_HEADER_BYTES {
        return Err(bad(&format!("its header has {header_len} bytes, and at most {MAX_HEADER_BYTES} are read")));
    }
    let (header, data) = rest.split_at_checked(header_len).ok_or_else(|| bad("it ends within the header"))?;
    let header = std::str::from_utf8(header).map_err(|_| bad("its header is not text"))?;
    let header = Header::parse(header)?;
    header.elements(data)
}

/// What the dictionary says.
#[derive(Debug, PartialEq)]
struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    fn parse(text: &str) -> Result<Header, MatrixError> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        let mut literal = Literal { rest: text };
        literal.expect("{")?;
        while !literal.accept("}") {
            let key = literal.string()?;
            literal.expect(":")?;
            match key.as_str() {
                "descr" => descr = Some(literal.string()?),
                "fortran_order" => fortran_order = Some(literal.boolean()?),
                "shape" => shape = Some(literal.tuple()?),
                _ => return Err(literal.unexpected(&format!("the key `{key}`"))),
            }
            if !literal.accept(",") {
                literal.expect("}")?;
                break;
            }
        }
        if !literal.rest.trim().is_empty() {
            return Err(literal.unexpected("text after the dictionary"));
        }
        let missing = |key: &str| MatrixError::Npy { reason: format!("its header has no key `{key}`") };
        Ok(Header {
            descr: descr.ok_or_else(|| missing("descr"))?,
            fortran_order: fortran_order.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }

    /// The elements in row-major order.
    fn elements(&self, data: &[u8]) -> Result<NumberArray, MatrixError> {
        let (is_big_endian, kind) = match self.descr.split_at_checked(1) {
            Some(("<", kind)) => (false, kind),
            Some((">", kind)) => (true, kind),
            Some(("=", kind)) => (cfg!(target_endian = "big"), kind),
            _ => (false, self.descr.as_str()),
        };
        let (is_complex, float_bytes, precision) = match kind {
            "f4" => (false, 4, Precision::Single),
            "f8" => (false, 8, Precision::Double),
            "c8" => (true, 4, Precision::Single),
            "c16" => (true, 8, Precision::Double),
            _ => return Err(MatrixError::ElementType { descr: self.descr.clone() }),
        };
        let element_bytes = if is_complex { 2 * float_bytes } else { float_bytes };
        let n_elements = self.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let needed_bytes = n_elements.and_then(|n| n.checked_mul(element_bytes));
        if needed_bytes != Some(data.len()) {
            let shape = self.shape.clone();
            return Err(MatrixError::NpyLength { shape, descr: self.descr.clone(), found_bytes: data.len() });
        }
        let float = |bytes: &[u8]| read_float(bytes, is_big_endian);
        let element = |bytes: &[u8]| {
            let (re, im) = bytes.split_at(float_bytes);
            [float(re), if is_complex { float(im) } else { 0.0 }]
        };
        let elements: Vec<[f64; 2]> = data.chunks_exact(element_bytes).map(element).collect();
        let (shape, elements) = match self.shape[..] {
            [_] => (Shape::Vector, elements),
            [rows, cols] if self.fortran_order => {
                let transposed = |k: usize| elements[k % cols * rows + k / cols];
                (Shape::Matrix { rows, cols }, (0..elements.len()).map(transposed).collect())
            }
            [rows, cols] => (Shape::Matrix { rows, cols }, elements),
            _ => return Err(MatrixError::Dimensions { found: self.shape.len() }),
        };
        Ok(NumberArray { shape, elements, precision })
    }
}

/// One IEEE number of four or eight bytes.
fn read_float(bytes: &[u8], is_big_endian: bool) -> f64 {
    let mut word = [0; 8];
    let len = bytes.len();
    word[..len].copy_from_slice(bytes);
    if is_big_endian {
        word[..len].reverse();
    }
    let bits = u64::from_le_bytes(word);
    if len == 4 { f32::from_bits(bits as u32).into() } else { f64::from_bits(bits) }
}

/// What is left of a Python literal.
struct Literal<'a> {
    rest: &'a str,
}

impl Literal<'_> {
    fn accept(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), MatrixError> {
        if self.accept(token) { Ok(()) } else { Err(self.unexpected(&format!("something else than `{token}`"))) }
    }

    fn unexpected(&self, what: &str) -> MatrixError {
        let near: String = self.rest.trim_start().chars().take(20).collect();
        MatrixError::Npy { reason: format!("its header has {what} at `{}`", near.escape_debug()) }
    }

    fn string(&mut self) -> Result<String, MatrixError> {
        for quote in ["'", "\""] {
            if self.accept(quote) {
                let (text, rest) = self.rest.split_once(quote).ok_or_else(|| self.unexpected("an open string"))?;
                self.rest = rest;
                return Ok(text.to_string());
            }
        }
        // The type of a structured array is a list.
        Err(self.unexpected("something else than a string"))
    }

    fn boolean(&mut self) -> Result<bool, MatrixError> {
        for (word, value) in [("True", true), ("False", false)] {
            if self.accept(word) {
                return Ok(value);
            }
        }
        Err(self.unexpected("something else than True or False"))
    }

    fn tuple(&mut self) -> Result<Vec<usize>, MatrixError> {
        self.expect("(")?;
        let mut numbers = Vec::new();
        while !self.accept(")") {
            let text = self.rest.trim_start();
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let number = text[..end].parse().map_err(|_| self.unexpected("something else than a length"))?;
            numbers.push(number);
            self.rest = &text[end..];
            // Python 2 wrote long integers with a suffix.
            self.accept("L");
            if !self.accept(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(numbers)
    }
}
