//! Frames: one message on a pipe between two processes of bqc.
//!
//! `u32` length of the payload, `u32` CRC-32C of the payload, both little-endian, then the payload in
//! postcard (its specification: postcard.jamesmunns.com). The reader trusts nothing: a length is
//! looked at before anything is kept for it, a payload is decoded only if its checksum is right, and
//! it must be used up by its message. After an error there is no way to find the next frame: the
//! pipe is done for, and so is the process behind it.

use crate::Message;

/// Longest payload, in bytes. A window of thousands of gates takes a tenth of it.
pub const MAX_FRAME_BYTES: usize = 4 << 20;

/// Length and checksum.
const HEAD_BYTES: usize = 8;

/// What is wrong with the bytes of a pipe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length cannot be right.
    #[error("a frame of {n_bytes} bytes is longer than the limit of {limit}")]
    TooLong {
        /// The length it names, or that the message has.
        n_bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The payload is not what was sent.
    #[error("a frame's checksum is {found:#010x} where it says {expected:#010x}")]
    Checksum {
        /// The one in the frame.
        expected: u32,
        /// That of the payload.
        found: u32,
    },
    /// The payload came through whole, but is no message that is expected here.
    #[error("a frame holds no message: {reason}")]
    NoMessage {
        /// The decoder's words.
        reason: String,
    },
    /// The pipe ended within a frame.
    #[error("the pipe ended within a frame, after {n_bytes} bytes of it")]
    Cut {
        /// What there was of it.
        n_bytes: usize,
    },
}

/// The bytes of a message with its head, to be written with one call.
///
/// Errors: [`FrameError::TooLong`].
pub fn encode_frame(message: &impl Message) -> Result<Vec<u8>, FrameError> {
    let frame = vec![0; HEAD_BYTES];
    let mut frame = postcard::to_extend(message, frame).map_err(|e| FrameError::NoMessage { reason: e.to_string() })?;
    let n_bytes = frame.len() - HEAD_BYTES;
    if n_bytes > MAX_FRAME_BYTES {
        return Err(FrameError::TooLong { n_bytes, limit: MAX_FRAME_BYTES });
    }
    let checksum = crc32c::crc32c(&frame[HEAD_BYTES..]);
    frame[..4].copy_from_slice(&(n_bytes as u32).to_le_bytes());
    frame[4..HEAD_BYTES].copy_from_slice(&checksum.to_le_bytes());
    Ok(frame)
}

/// Takes frames out of a stream of bytes that comes in pieces of any size.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    /// Bytes at the start of the buffer that have been decoded.
    n_used: usize,
}

impl FrameDecoder {
    /// Nothing read so far.
    pub fn new() -> FrameDecoder {
        FrameDecoder::default()
    }

    /// Adds bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.n_used);
        self.n_used = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message; none until more bytes come. To be called until it gives none, so that at most
    /// one frame is ever kept. The same error comes again if it is called again.
    pub fn next_message<M: Message>(&mut self) -> Result<Option<M>, FrameError> {
        let rest = &self.buffer[self.n_used..];
        let Some((head, rest)) = rest.split_first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        let [a, b, c, d, e, f, g, h] = *head;
        let n_bytes = u32::from_le_bytes([a, b, c, d]) as usize;
        let expected = u32::from_le_bytes([e, f, g, h]);
        if n_bytes > MAX_FRAME_BYTES {
            return Err(FrameError::TooLong { n_bytes, limit: MAX_FRAME_BYTES });
        }
        let Some(payload) = rest.get(..n_bytes) else { return Ok(None) };
        let found = crc32c::crc32c(payload);
        if found != expected {
            return Err(FrameError::Checksum { expected, found });
        }
        let message = decode(payload)?;
        self.n_used += HEAD_BYTES + n_bytes;
        Ok(Some(message))
    }

    /// What the end of the pipe means: an error if it came within a frame.
    pub fn end(&self) -> Result<(), FrameError> {
        match self.buffer.len() - self.n_used {
            0 => Ok(()),
            n_bytes => Err(FrameError::Cut { n_bytes }),
        }
    }
}

/// A message that fills its bytes.
pub(crate) fn decode<M: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<M, FrameError> {
    let no_message = |reason: String| FrameError::NoMessage { reason };
    let (message, rest) = postcard::take_from_bytes(payload).map_err(|e| no_message(e.to_string()))?;
    if rest.is_empty() { Ok(message) } else { Err(no_message(format!("{} bytes are left over", rest.len()))) }
}
