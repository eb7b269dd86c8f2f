//! How much a source may ask for before it is refused.
//!
//! A few lines of OpenQASM can declare a billion wires or expand to 2⁴⁰ operations. Every such
//! quantity has a bound, counted before anything is allocated, and every message about a bound names
//! the flag that raises it.

/// Bounds on one source and everything that it includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nesting of an expression, and of gates that call gates. `--max-depth`, default 200, and never
    /// above [`Limits::DEPTH_CEILING`] because both are read by recursion.
    pub max_depth: u32,
    /// Wires over all registers. `--max-qubits`, default 1,000,000.
    pub max_qubits: u32,
    /// Classical bits over all registers. `--max-clbits`, default 1,000,000.
    pub max_clbits: u32,
    /// Operations after inlining and broadcast. `--max-operations`, default 10,000,000, which is
    /// about 1 GB of circuit. What takes more memory counts more: a barrier or a gate without
    /// definition once more per wire and angle, a conditional operation twice and once more per 16
    /// digits of its number.
    pub max_operations: u64,
    /// Files open inside each other. `--max-include-depth`, default 16.
    pub max_include_depth: u32,
    /// Files read in all, with repetitions. `--max-includes`, default 256, and never above 65,536,
    /// because room for them is set aside.
    pub max_includes: u32,
}

impl Limits {
    /// The deepest nesting that any setting allows: the reader recurses with less than 1 KiB a level,
    /// which leaves half of the 2 MiB stack of a worker thread.
    pub const DEPTH_CEILING: u32 = 1000;

    /// Steps of inlining (calls, angles, operands) allowed for each allowed operation. An ordinary
    /// gate needs three to ten; only gates built to waste time need more.
    pub(crate) const STEPS_PER_OPERATION: u64 = 32;

    /// The bound on files in force.
    pub(crate) fn includes(&self) -> usize {
        self.max_includes.min(1 << 16) as usize
    }

    /// The bound on nesting in force.
    pub(crate) fn depth(&self) -> u32 {
        self.max_depth.min(Self::DEPTH_CEILING)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_depth: 200,
            max_qubits: 1_000_000,
            max_clbits: 1_000_000,
            max_operations: 10_000_000,
            max_include_depth: 16,
            max_includes: 256,
        }
    }
}
