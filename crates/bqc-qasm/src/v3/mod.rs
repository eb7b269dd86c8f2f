//! OpenQASM 3: what the version statement `OPENQASM 3;`, `3.0;` or `3.1;` chooses.
//!
//! The source is carried out as it is read: values are computed, loops unrolled, gates and subroutines inlined, and
//! what is left is a [`bqc_circuit::Circuit`]. So nothing may depend on what only a run knows, except a condition on
//! one register of measured bits. Specification: openqasm.com/versions/3.0 and 3.1; Cross et al., arXiv:2104.14722.
//!
//! | file | holds |
//! |---|---|
//! | `token`, `expressions`, `statements`, `definitions`, `tree` | from text to a tree, with spans |
//! | `fast` | plain lines such as `cx q[0], q[1];`, without a tree |
//! | `value`, `operators`, `numbers`, `scope`, `evaluate`, `division` | known values and names |
//! | `reader`, `execute`, `declare`, `classical` | statements carried out |
//! | `apply`, `leaf`, `power`, `control`, `rows` | gates, their modifiers, their phases |
//! | `operands`, `measured`, `condition`, `domain`, `subroutine` | wires, results, conditions, `def` |
//! | `problem` | what can be wrong |

mod apply;
mod classical;
mod condition;
mod control;
mod declare;
mod definitions;
mod division;
mod domain;
mod evaluate;
mod execute;
mod expressions;
mod fast;
mod leaf;
mod measured;
mod numbers;
mod operands;
mod operators;
mod power;
mod problem;
mod reader;
mod rows;
mod scope;
mod statements;
mod subroutine;
mod token;
mod tree;
mod value;

pub use problem::Problem3;
pub(crate) use reader::{check, is_version_3, read};
