//! What a committed PTX file was made from: a small text file beside it, one fact a line, so that a
//! difference says what changed.

use crate::PtxError;

/// The first line of the file; the number changes with the meaning of the lines.
const VERSION: &str = "ptx-key 1";

/// What PTX was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The kernel package.
    pub package: String,
    /// As in `.target`.
    pub arch: String,
    /// `rustc --version` of the compiler.
    pub compiler: String,
    /// SHA-256 over the source of `core`.
    pub core: String,
    /// Flags of the compiler, and the version of what is done to its output.
    pub recipe: String,
    /// SHA-256 over the sources of the package.
    pub sources: String,
    /// SHA-256 of the PTX.
    pub text: String,
}

impl Key {
    const NAMES: [&'static str; 7] = ["package", "arch", "compiler", "core", "recipe", "sources", "text"];

    fn values(&self) -> [&str; 7] {
        [&self.package, &self.arch, &self.compiler, &self.core, &self.recipe, &self.sources, &self.text]
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        let rows: String =
            Key::NAMES.iter().zip(self.values()).map(|(name, value)| format!("{name} {value}\n")).collect();
        format!("{VERSION}\n{rows}")
    }

    /// Reads [`Key::to_text`]; `None` if it is anything else.
    pub fn parse(text: &str) -> Option<Key> {
        let mut lines = text.lines();
        if lines.next() != Some(VERSION) {
            return None;
        }
        let mut next = |name: &str| Some(lines.next()?.strip_prefix(name)?.strip_prefix(' ')?.to_string());
        let key = Key {
            package: next("package")?,
            arch: next("arch")?,
            compiler: next("compiler")?,
            core: next("core")?,
            recipe: next("recipe")?,
            sources: next("sources")?,
            text: next("text")?,
        };
        lines.next().is_none().then_some(key)
    }

    /// In words, what of `self` is not as in `other`; the compiler and its `core` are left out, because
    /// a machine without them checks as well.
    pub(crate) fn difference(&self, other: &Key) -> Option<String> {
        let what = [
            (self.package != other.package, "it is of another package"),
            (self.arch != other.arch, "it is of another architecture"),
            (self.sources != other.sources, "the sources of its package changed"),
            (self.recipe != other.recipe, "the flags or the launch bounds' form changed"),
            (self.text != other.text, "the PTX itself was edited"),
        ];
        let hits: Vec<&str> = what.iter().filter(|(differs, _)| *differs).map(|(_, words)| *words).collect();
        (!hits.is_empty()).then(|| hits.join(", "))
    }

    /// Whether both were made by the same compiler from the same `core`.
    pub(crate) fn has_toolchain_of(&self, other: &Key) -> Result<(), PtxError> {
        let differs = |what: &str, ours: &str, theirs: &str| {
            Err(PtxError::NoToolchain(format!("the committed PTX was made with {what} {theirs}, here is {ours}")))
        };
        if self.compiler != other.compiler {
            return differs("the compiler", &self.compiler, &other.compiler);
        }
        if self.core != other.core {
            return differs("the source of core with digest", &self.core, &other.core);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        let [package, arch, compiler, core] = ["p", "sm_80", "rustc 1.2.3-nightly (a b)", "c"].map(String::from);
        let [recipe, sources, text] = ["-C x=3 -C y", "s", "t"].map(String::from);
        Key { package, arch, compiler, core, recipe, sources, text }
    }

    #[test]
    fn the_text_comes_back() {
        assert_eq!(Key::parse(&key().to_text()), Some(key()));
        let text = key().to_text();
        for bad in [text.replace("ptx-key 1", "ptx-key 2"), text.replace("core c\n", ""), format!("{text}more\n")] {
            assert_eq!(Key::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn differences_are_named() {
        assert_eq!(key().difference(&key()), None);
        let newer = Key { compiler: "rustc 9".into(), core: "d".into(), ..key() };
        assert_eq!(newer.difference(&key()), None);
        assert!(newer.has_toolchain_of(&key()).unwrap_err().to_string().contains("here is rustc 9"));
        let edited = Key { sources: "x".into(), text: "y".into(), ..key() };
        let words = edited.difference(&key()).unwrap();
        assert!(words.contains("sources") && words.contains("edited"), "{words}");
    }
}
