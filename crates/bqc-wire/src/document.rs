//! What all documents share: a schema name that is checked before anything else is read, and one
//! way to write JSON (two spaces, a line feed at the end).

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io::{self, Write};

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Another format or another version of it: read it with the version of bqc that wrote it.
    #[error("this is a `{found}` document, and this version of bqc reads `{expected}`")]
    Schema {
        /// The schema that the document names.
        found: String,
        /// The schema that was asked for.
        expected: &'static str,
    },
    /// Not JSON, or a key is missing or has the wrong type.
    #[error("not a valid document: {0}")]
    Json(#[from] serde_json::Error),
}

/// A piece is written when it has so many bytes.
const PIECE_BYTES: usize = 1 << 14;

/// Collects the many short texts of a document: what they are written to is known at run time alone, and each call of
/// it takes longer than to copy one of them.
struct Pieces<'a> {
    piece: Vec<u8>,
    out: &'a mut dyn Write,
}

impl Write for Pieces<'_> {
    #[inline]
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.write_all(text).map(|()| text.len())
    }

    #[inline]
    fn write_all(&mut self, text: &[u8]) -> io::Result<()> {
        self.piece.extend_from_slice(text);
        if self.piece.len() >= PIECE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.piece)?;
        self.piece.clear();
        Ok(())
    }
}

/// A versioned JSON document.
pub trait Document: Serialize + DeserializeOwned {
    /// Name and version, the value of the key `schema`.
    const SCHEMA: &'static str;

    /// The document as indented JSON that ends with a line feed.
    fn to_json(&self) -> String {
        // Serialising plain structs with string keys into memory has no way to fail.
        let mut text = serde_json::to_string_pretty(self).expect("plain data is always representable");
        text.push('\n');
        text
    }

    /// Writes the same, piece by piece: a report of many blocks takes more memory than the run.
    fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut pieces = Pieces { piece: Vec::with_capacity(2 * PIECE_BYTES), out };
        serde_json::to_writer_pretty(&mut pieces, self)?;
        pieces.write_all(b"\n")?;
        pieces.flush()
    }

    /// Reads a document of exactly this schema.
    fn from_json(text: &str) -> Result<Self, WireError> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let head: Head = serde_json::from_str(text)?;
        if head.schema != Self::SCHEMA {
            return Err(WireError::Schema { found: head.schema, expected: Self::SCHEMA });
        }
        Ok(serde_json::from_str(text)?)
    }
}
