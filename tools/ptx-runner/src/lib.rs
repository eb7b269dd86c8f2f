//! Runs PTX on the host: the very text that a GPU is given, one thread after the other between barriers and
//! shuffles, in any order. It is slow, and it tells what a GPU does not: a race on shared or global memory, an
//! access outside of it or to what nobody has written, a table that is written to, threads that wait at
//! different barriers.
//!
//! It knows the part of the PTX ISA (7.0) that rustc's nvptx64 target makes of this project's kernels, and says
//! so where a kernel has something else. Rounding is IEEE 754's to nearest, as PTX has it for the `.rn`
//! instructions of `f64`, so that numbers are those of a GPU bit by bit. What it cannot tell: what ptxas makes
//! of the text, and the order in which blocks see each other's writes; blocks run one after the other.
//!
//! ```
//! use ptx_runner::{Access, Kernel, Launch, Memory, Order};
//!
//! let text = ".visible .entry double(.param .b64 double_param_0)\n{\n\
//!     ld.param.b64 %rd1, [double_param_0];\nmov.u32 %r1, %tid.x;\nmul.wide.u32 %rd2, %r1, 8;\n\
//!     add.s64 %rd3, %rd1, %rd2;\nld.b64 %rd4, [%rd3];\nadd.rn.f64 %rd5, %rd4, %rd4;\n\
//!     st.b64 [%rd3], %rd5;\nret;\n}\n";
//! let kernel = Kernel::parse(text, "double").unwrap();
//! let mut memory = Memory::default();
//! let words = |x: f64| [x.to_bits() as u32, (x.to_bits() >> 32) as u32];
//! let numbers = (0..32).flat_map(|k| words(f64::from(k))).collect();
//! let at = memory.add(numbers, Access::Written);
//! let launch = Launch { n_blocks: 1, n_threads: 32, shared_bytes: 0, order: Order::Backward };
//! kernel.run(&[at as u32, (at >> 32) as u32], &mut memory, launch).unwrap();
//! assert_eq!(memory.words(at)[6..8], words(6.0));
//! ```

#![forbid(unsafe_code)]

mod block;
mod memory;
mod op;
mod parse;

pub use block::{Counts, Launch, Order};
pub use memory::{Access, Memory};
pub use op::Kernel;

/// Why a kernel cannot be read, or what it did that it must not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PtxError {
    /// There is no such entry in the text.
    #[error("no entry is called `{0}`")]
    NoEntry(String),
    /// Text that is not understood.
    #[error("line {line}: `{text}` is not known here")]
    Unknown {
        /// Counted from 1.
        line: u32,
        /// The instruction.
        text: String,
    },
    /// What would be wrong on a GPU too.
    #[error("line {line}, block {block}, thread {thread}: {what}")]
    Fault {
        /// The instruction's line in the text, counted from 1.
        line: u32,
        /// The block.
        block: u32,
        /// The thread of the block that was the last to take part.
        thread: u32,
        /// What it did.
        what: String,
    },
}
