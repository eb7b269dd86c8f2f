//! Reading circuits from files and standard input.

use crate::args::ReadArgs;
use crate::exit::Failure;
use bqc_circuit::Circuit;
use bqc_native::GateSet;
use bqc_qasm::{Diagnostic, DirectoryIncludes, ParseOptions, Problem, SourceText};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The longest input in bytes: three times what the default limit of operations amounts to, and a
/// bound on what a device or an endless pipe can make the process swallow.
const MAX_INPUT_BYTES: u64 = 1 << 30;

/// Whether the path stands for standard input or output.
pub fn is_standard_stream(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads and checks the circuit at `path` (`-` is standard input).
pub fn read_circuit(path: &Path, args: &ReadArgs) -> Result<Circuit, Failure> {
    parse(path, read_bytes(path)?, args)
}

/// Checks the circuit that these bytes from `path` are.
pub fn parse(path: &Path, bytes: Vec<u8>, args: &ReadArgs) -> Result<Circuit, Failure> {
    let source = named(path, bytes);
    let options = ParseOptions { limits: args.limits(), includes: &includes(path, args) };
    bqc_qasm::parse(&source, &options).map_err(Failure::Diagnostic)
}

/// Where the circuit that these bytes from `path` are first has a gate that is not in the set.
pub fn first_offence(
    path: &Path,
    bytes: Vec<u8>,
    args: &ReadArgs,
    set: &GateSet,
) -> Result<Option<Box<Diagnostic>>, Failure> {
    let source = named(path, bytes);
    let options = ParseOptions { limits: args.limits(), includes: &includes(path, args) };
    let names: Vec<&str> = set.gates().iter().map(|gate| gate.row().qasm).collect();
    let words = match names.join(",") == set.name() {
        true => format!("the gate set {}", set.name()),
        false => format!("the gate set {} ({})", set.name(), names.join(", ")),
    };
    match bqc_qasm::check_gates(&source, &options, &words, &|gate| set.contains(gate)) {
        Ok(()) => Ok(None),
        Err(found) if matches!(found.problem(), Problem::ForeignGate { .. }) => Ok(Some(found)),
        Err(mistake) => Err(Failure::Diagnostic(mistake)),
    }
}

fn named(path: &Path, bytes: Vec<u8>) -> SourceText {
    let name = if is_standard_stream(path) { "<stdin>".to_owned() } else { path.display().to_string() };
    SourceText::new(name, bytes)
}

/// Reads all bytes at `path` (`-` is standard input).
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if is_standard_stream(path) {
        read_bounded(io::stdin().lock(), 0)
    } else {
        File::open(path).and_then(|file| {
            // What the system says of a device or a pipe means nothing.
            let n_expected = file.metadata().map_or(0, |known| known.len()).min(MAX_INPUT_BYTES);
            read_bounded(file, n_expected)
        })
    };
    bytes.map_err(|source| Failure::Read { path: path.to_path_buf(), source })
}

/// The input's own folder (the current one for standard input), then those of the flags.
fn includes(path: &Path, args: &ReadArgs) -> DirectoryIncludes {
    let own = if is_standard_stream(path) { PathBuf::new() } else { path.parent().unwrap_or(Path::new("")).into() };
    DirectoryIncludes::new([own].into_iter().chain(args.include_dir.iter().cloned()))
}

fn read_bounded(from: impl Read, n_expected: u64) -> io::Result<Vec<u8>> {
    // One more, so that the end is seen without more room.
    let mut bytes = Vec::with_capacity(n_expected as usize + 1);
    from.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {MAX_INPUT_BYTES} bytes")));
    }
    Ok(bytes)
}
