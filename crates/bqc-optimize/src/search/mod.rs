//! The search: random cuts, deletion, and moves that keep the number of CX gates.
//!
//! Deletion alone stops early. Taking one CX out and putting one in elsewhere, refined back to the
//! same unitary, is a step on a plateau: the count stays, the circuit changes, and what could not be
//! deleted before often can be now. A round cuts a window at random places into blocks of three to
//! five wires and tries some dozens of such moves in each; the next round cuts elsewhere.

mod block;
mod moves;
mod window;

pub use block::{ScanShare, SearchCounts, Tries, search_block, search_problem};
pub use window::{WindowResult, WindowSettings, WindowState, search_window, search_window_from};
