//! The name of a build. The program that starts a run computes it and hands it down: no library knows which sources
//! it is linked with.

use std::borrow::Cow;
use std::fmt;

/// Names the build of a program: sources, dependencies and compiler, as far as they may decide a result. Two builds
/// of the same sources by the same compiler share it; results of different builds are kept apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build(Cow<'static, str>);

impl Build {
    /// The build of this name.
    pub const fn new(name: &'static str) -> Build {
        Build(Cow::Borrowed(name))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Build {
    fn from(name: String) -> Build {
        Build(Cow::Owned(name))
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
