//! A whole compile: lower, merge, cut into blocks, rebuild the blocks in parallel, join what was
//! verified, and again with other cuts until nothing is gained. On request, what is left of an error
//! budget is then spent on circuits that are near the input instead of equal to it. A run that keeps the input's angles
//! is rounds of exact passes alone (`kept`).
//!
//! What holds at every moment: the circuit at hand equals the input within the error bound so far,
//! and has no more two-qubit gates. A run can therefore stop anywhere and still answer. A block that
//! fails keeps its gates; a whole-circuit comparison that fails gives the input back.
//!
//! The result depends on the circuit, the settings and the engine, and not on the number of threads,
//! unless `stop` cuts the run short.

mod approximate;
mod compile;
mod exact;
mod finish;
mod kept;
mod native;
mod observer;
mod pass;
mod round;
mod settings;
mod strategy;
mod unit;
mod version;
mod walkers;
mod workshop;

pub use bqc_native::GateSet;
#[doc(hidden)]
pub use bqc_optimize::Sabotage;
pub use compile::{CompileError, Compiled, Ends, Settings, compile, compile_in};
pub use observer::{Event, Observer, Unobserved};
pub use settings::{Effort, MAX_CHECK_UPDATES, SettingsError};
pub use unit::{Refused, Solved, Unit, UnitError};
pub use workshop::{Bench, InProcess, Trail, Workshop};
