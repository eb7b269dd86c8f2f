//! `--gates`: a name, a list, or a file with a list; and what stands in its way.

use crate::exit::Failure;
use crate::input::read_bytes;
use crate::progress::say;
use bqc_circuit::gates::Library;
use bqc_circuit::{Circuit, Directive, GateId, Operation};
use bqc_compiler::Compiled;
use bqc_native::{GateSet, SETS};
use bqc_wire::{Document, GateFile};
use std::path::Path;

/// The gate set that a command line names.
pub fn gate_set(text: &str) -> Result<GateSet, Failure> {
    let unusable = |why: String| Failure::Usage(format!("--gates {text}: {why}"));
    let set = match Path::new(text).extension().is_some_and(|end| end == "json") {
        true => {
            let bytes = read_bytes(Path::new(text))?;
            let file = GateFile::from_json(&String::from_utf8_lossy(&bytes)).map_err(|e| unusable(e.to_string()))?;
            let names: Vec<&str> = file.gates.iter().map(|name| name.as_str()).collect();
            GateSet::of_gates(&names)
        }
        false => GateSet::parse(text),
    };
    set.map_err(|e| unusable(e.to_string()))
}

/// The sets with names, for help.
pub fn help() -> String {
    let rows = SETS.iter().map(|row| format!("  {:<18} {:<24} {}", row.name, row.gates.join(","), row.source));
    format!("Gate sets:\n{}", rows.collect::<Vec<_>>().join("\n"))
}

/// Refuses a circuit with a register that has the name of a gate which the output may define: OpenQASM 2 has one
/// namespace for both. Other gates come from qelib1.inc, in whose names the input has no registers either.
pub fn refuse_registers(path: &Path, input: &Circuit, set: &GateSet) -> Result<(), Failure> {
    if set.is_default() {
        return Ok(());
    }
    let conditional = input.operations.iter().filter_map(conditional);
    let mut gates = set.gates().iter().copied().chain(conditional).map(GateId::row);
    let registers = || input.qregs.iter().chain(&input.cregs);
    let taken = gates.find(|row| row.library != Library::Paper && registers().any(|r| r.name == row.qasm));
    match taken {
        None => Ok(()),
        Some(row) => Err(Failure::Usage(format!(
            "`{}` has a register `{name}`, and --gates {} may need the gate `{name}`: OpenQASM 2 gives a name to one of \
             them; rename the register in the input",
            path.display(),
            set.name(),
            name = row.qasm,
        ))),
    }
}

/// Says that an output is not in the gates that were asked for, which is a fault.
pub fn tell_if_not_in_the_set(set: &GateSet, compiled: &Compiled) {
    if !set.is_default() && !compiled.is_native() {
        say(&not_in_the_set(set, compiled.difference.is_some()));
    }
}

fn not_in_the_set(set: &GateSet, is_input: bool) -> String {
    let what = if is_input { "the input unchanged" } else { "in cx,u3" };
    format!("bqc: the output is {what}, not in {name}: internal error. Please report this.", name = set.name())
}

/// The gate under a condition, which stays as it is.
fn conditional(mut operation: &Operation) -> Option<GateId> {
    let mut is_conditional = false;
    loop {
        match operation {
            Operation::Gate(call) => return is_conditional.then(|| call.gate()),
            Operation::Directive(directive) => match &**directive {
                Directive::Conditional { operation: inner, .. } => (operation, is_conditional) = (inner, true),
                _ => return None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_in_other_gates_is_told_of() {
        let set = GateSet::parse("iqm").unwrap();
        assert!(not_in_the_set(&set, false).starts_with("bqc: the output is in cx,u3, not in iqm: internal error"));
        assert!(not_in_the_set(&set, true).contains("the input unchanged, not in iqm"));
    }
}
