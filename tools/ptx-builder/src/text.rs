//! PTX as text: what must not be in it, and what the compiler leaves out of it. Assumes the form that
//! LLVM prints: one directive a line, `.entry name(` with the parameters up to a line `)`.

use crate::PtxError;
use crate::builder::Arch;
use std::collections::BTreeMap;

/// How a kernel is launched at most, from `launch-bounds.txt` of its package. One line a kernel, `#`
/// opens a comment:
///
/// ```text
/// # kernel  most threads of a block  least blocks on a multiprocessor
/// lm_c16    128  3
/// explain   128  1  may-spill
/// ```
///
/// The numbers go into the PTX as `.maxntid` and `.minnctapersm`: without them the assembler takes up to
/// 255 registers a thread, and a block may not fit. `may-spill` excuses a kernel that is not hot from
/// the check for spills and stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaunchBounds(BTreeMap<String, KernelBounds>);

/// One row of [`LaunchBounds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelBounds {
    /// Threads of a block, at most.
    pub max_threads: u32,
    /// Blocks that must fit on a multiprocessor together.
    pub min_blocks: u32,
    /// Whether spills and stack are tolerated.
    pub may_spill: bool,
}

impl LaunchBounds {
    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<LaunchBounds, PtxError> {
        let mut rows = BTreeMap::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split('#').next().unwrap_or("").split_whitespace().collect();
            if words.is_empty() {
                continue;
            }
            let row = parse_row(&words).ok_or_else(|| {
                PtxError::Bounds(format!("`{line}` is no row: write a kernel, its threads and its blocks"))
            })?;
            if rows.insert(words[0].to_string(), row).is_some() {
                return Err(PtxError::Bounds(format!("`{}` stands there twice", words[0])));
            }
        }
        Ok(LaunchBounds(rows))
    }

    /// The row of a kernel.
    pub fn get(&self, kernel: &str) -> Option<KernelBounds> {
        self.0.get(kernel).copied()
    }

    /// The kernels, sorted.
    pub fn kernels(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// `ptx` with the bounds of every kernel after its parameters.
    fn put_into(&self, ptx: &str) -> Result<String, PtxError> {
        let mut unused = self.0.clone();
        let mut out = String::with_capacity(ptx.len() + 64 * unused.len());
        let mut waiting: Option<KernelBounds> = None;
        for line in ptx.lines() {
            if let Some(kernel) = entry_name(line) {
                let row = unused.remove(kernel);
                waiting = Some(row.ok_or_else(|| PtxError::Bounds(format!("the kernel `{kernel}` has no row")))?);
            }
            out.push_str(line);
            out.push('\n');
            // A kernel without parameters closes them on its first line.
            if line.ends_with(')')
                && let Some(row) = waiting.take()
            {
                out.push_str(&format!(".maxntid {}, 1, 1\n.minnctapersm {}\n", row.max_threads, row.min_blocks));
            }
        }
        match unused.keys().next() {
            Some(kernel) => Err(PtxError::Bounds(format!("there is no kernel `{kernel}`"))),
            None => Ok(out),
        }
    }
}

fn parse_row(words: &[&str]) -> Option<KernelBounds> {
    let (numbers, may_spill) = match words {
        [_, threads, blocks] => ([threads, blocks], false),
        [_, threads, blocks, "may-spill"] => ([threads, blocks], true),
        _ => return None,
    };
    let [max_threads, min_blocks] = numbers.map(|word| word.parse().ok().filter(|&n: &u32| n > 0));
    Some(KernelBounds { max_threads: max_threads?, min_blocks: min_blocks?, may_spill })
}

/// The kernel that begins on this line.
fn entry_name(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(".entry ")?;
    rest.split(['(', ' ']).next()
}

/// What the compiler wrote, checked, with the launch bounds in it.
pub(crate) fn finish(package: &str, arch: Arch, ptx: &str, bounds: &LaunchBounds) -> Result<String, PtxError> {
    let names = externs(ptx);
    if !names.is_empty() {
        return Err(PtxError::Externs { package: package.into(), names });
    }
    for expected in [format!(".version {}", arch.isa()), format!(".target {}", arch.name())] {
        let directive = expected.split(' ').next().unwrap_or_default();
        let found = ptx.lines().find(|line| line.starts_with(directive)).unwrap_or("nothing");
        if found.trim() != expected {
            return Err(PtxError::Unexpected { package: package.into(), found: found.into(), expected });
        }
    }
    bounds.put_into(ptx)
}

/// Everything that the PTX expects from elsewhere. Dynamic shared memory is declared as `.extern` too,
/// and is the launch's own.
fn externs(ptx: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut lines = ptx.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((_, rest)) = line.split_once(".extern ") else { continue };
        if rest.trim_start().starts_with(".shared") {
            continue;
        }
        // `.extern .func (.param .b32 result) name` or, with no result, `.extern .func name`.
        let after_result = rest.rsplit_once(')').map_or(rest, |(_, name)| name);
        let word = |text: &str| text.split_whitespace().last().map(|w| w.trim_matches(['(', ';']).to_string());
        let name = word(after_result).or_else(|| lines.peek().and_then(|next| word(next)));
        names.push(name.unwrap_or_else(|| rest.trim().into()));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const PTX: &str = "\
.version 7.0
.target sm_80
.address_size 64
.extern .shared .align 16 .b8 memory[];
.visible .entry copy(
\t.param .u64 copy_param_0
)
{
\tret;
}
.visible .entry idle()
{
\tret;
}
";

    fn bounds() -> LaunchBounds {
        LaunchBounds::parse("# a comment\ncopy 256 4 # more\n\nidle 32 1 may-spill\n").unwrap()
    }

    #[test]
    fn bounds_stand_between_the_parameters_and_the_body() {
        let text = finish("p", Arch::Sm80, PTX, &bounds()).unwrap();
        assert!(text.contains("copy_param_0\n)\n.maxntid 256, 1, 1\n.minnctapersm 4\n{"), "{text}");
        assert!(text.contains("idle()\n.maxntid 32, 1, 1\n.minnctapersm 1\n{"), "{text}");
        assert!(bounds().get("idle").unwrap().may_spill && !bounds().get("copy").unwrap().may_spill);
    }

    #[test]
    fn every_kernel_has_a_row_and_every_row_a_kernel() {
        let refused = |rows: &str| {
            let bounds = LaunchBounds::parse(rows)?;
            finish("p", Arch::Sm80, PTX, &bounds)
        };
        for rows in ["copy 256 4\n", "copy 256 4\nidle 32 1\nghost 32 1\n", "copy 256 4\ncopy 256 4\n"] {
            assert!(matches!(refused(rows), Err(PtxError::Bounds(_))), "{rows}");
        }
        for row in ["copy", "copy 1", "copy 0 1", "copy 1 -1", "copy 1 1 fast", "copy 1 1 may-spill more"] {
            assert!(LaunchBounds::parse(row).is_err(), "{row}");
        }
    }

    #[test]
    fn functions_from_elsewhere_are_refused_by_name() {
        let foreign = "\
.extern .func panic_bounds_check
(
\t.param .b64 index
);
.extern .func  (.param .b32 func_retval0) vprintf
(
);
";
        let error = finish("p", Arch::Sm80, &format!("{PTX}{foreign}"), &bounds()).unwrap_err();
        match error {
            PtxError::Externs { names, .. } => assert_eq!(names, ["panic_bounds_check", "vprintf"]),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn another_target_or_instruction_set_is_noticed() {
        for (from, to) in [("sm_80", "sm_86"), ("7.0", "7.1"), (".version 7.0\n", "")] {
            let error = finish("p", Arch::Sm80, &PTX.replace(from, to), &bounds()).unwrap_err();
            assert!(matches!(error, PtxError::Unexpected { .. }), "{error}");
        }
    }
}
