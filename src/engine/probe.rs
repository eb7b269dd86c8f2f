//! What came of looking for GPUs. That a machine has none is not a failure: the CPU does the work, and the user is told
//! why. A [`Failure`] is what ends the command: GPUs that were asked for by name, or a signal while the driver was
//! asked. So a search for GPUs gives `Result<Probe<T>, Failure>`.

#[cfg(target_os = "linux")]
use crate::exit::Failure;

/// What was looked for, or the reason why it is not there.
#[derive(Clone)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "elsewhere no GPU is found"))]
pub enum Probe<T> {
    Found(T),
    /// In words.
    None(String),
}

impl<T> From<Result<T, String>> for Probe<T> {
    fn from(found: Result<T, String>) -> Probe<T> {
        found.map_or_else(Probe::None, Probe::Found)
    }
}

#[cfg(target_os = "linux")]
impl<T> Probe<T> {
    /// What `next` makes of what was found, or its reason why it makes nothing.
    pub fn and_then<U>(self, next: impl FnOnce(T) -> Result<U, String>) -> Probe<U> {
        match self {
            Probe::Found(found) => next(found).into(),
            Probe::None(why) => Probe::None(why),
        }
    }

    /// The same where what goes wrong ends the command.
    pub fn try_map<U>(self, next: impl FnOnce(T) -> Result<U, Failure>) -> Result<Probe<U>, Failure> {
        Ok(match self {
            Probe::Found(found) => Probe::Found(next(found)?),
            Probe::None(why) => Probe::None(why),
        })
    }
}
