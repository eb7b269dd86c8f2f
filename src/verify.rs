//! `bqc verify`: are two circuits the same up to global phase?

use crate::args::VerifyArgs;
use crate::exit::{Exit, Failure};
use crate::input::{is_standard_stream, parse, read_bytes, read_circuit};
use crate::output::Output;
use crate::permutation::{asked, comment, hint};
use crate::progress::say;
use bqc_verify::{CompareOptions, Comparison, Method, compare_permuted};
use std::path::Path;

/// Prints the distance and how it was found; the exit code says whether it is small enough.
pub fn verify(args: &VerifyArgs) -> Result<Exit, Failure> {
    if let Some(proof) = &args.proof {
        return crate::proof::check(args, proof);
    }
    if is_standard_stream(&args.left) && is_standard_stream(&args.right) {
        return Err(Failure::Usage("only one of the two circuits can come from standard input".into()));
    }
    let left = read_circuit(&args.left, &args.read)?;
    let bytes = read_bytes(&args.right)?;
    let comment = comment(&bytes);
    let right = parse(&args.right, bytes, &args.read)?;
    let (moved, hint) = (asked(args, &comment, &right)?, hint(args, &comment));
    let options = CompareOptions { seed: args.seed, with_algebra: true, ..CompareOptions::default() };
    let comparison = compare_permuted(&left, &right, &moved, &options).map_err(|reason| {
        hint.as_deref().into_iter().for_each(say);
        let [a, b] = [&args.left, &args.right].map(|path| path.display());
        Failure::Usage(format!("`{a}` and `{b}` cannot be compared: {reason}"))
    })?;
    let is_same = comparison.distance <= args.epsilon;
    if comparison.method.is_bound() && !is_same {
        let [a, b] = [&args.left, &args.right].map(|path| path.display());
        let Comparison { distance, n_qubits, .. } = comparison;
        return Err(Failure::Usage(format!(
            "`{a}` and `{b}` use {n_qubits} wires, where only Pauli forms and path sums compare circuits; these show a \
             distance of at most {distance:.3e}, which does not tell whether it is at most {:e}",
            args.epsilon
        )));
    }
    if !is_same {
        hint.as_deref().into_iter().for_each(say);
    }
    let Comparison { distance, method, .. } = comparison;
    let words = match (method, is_same) {
        (Method::Algebra, _) => format!("distance 0 ({method}): the same"),
        (_, true) => format!("distance {distance:.3e} ({method}): the same up to {:e}", args.epsilon),
        (_, false) => format!("distance {distance:.3e} ({method}): different up to {:e}", args.epsilon),
    };
    Output::prepare(Path::new("-"))?.write(|out| writeln!(out, "{words}"))?;
    Ok(if is_same { Exit::Complete } else { Exit::Differs })
}
