//! The gate sets: one set, one row. Names, help and tests come from the table.

use crate::basis::Basis;
use bqc_circuit::GateId;
use std::fmt;
use std::sync::Arc;

/// A row of the table.
#[derive(Debug)]
pub struct NamedSet {
    /// As it is typed and reported.
    pub name: &'static str,
    /// Its gates, names of the gate table.
    pub gates: &'static [&'static str],
    /// Whether pulses about X are quarter and half turns alone, although `rx` has an angle.
    pub has_quarter_turns_only: bool,
    /// Whether two-qubit rotations have angles from 0 to π/2 alone.
    pub has_positive_angles_only: bool,
    /// Where the set comes from.
    pub source: &'static str,
}

/// Gates and source; further columns are rare and stand as fields.
const fn row(name: &'static str, gates: &'static [&'static str], source: &'static str) -> NamedSet {
    NamedSet { name, gates, has_quarter_turns_only: false, has_positive_angles_only: false, source }
}

/// All sets with names. The first is the default, in which bqc works.
pub static SETS: &[NamedSet] = &[
    row(DEFAULT, &["cx", "u3"], "the form in which bqc searches"),
    row("ibm-eagle", &["ecr", "rz", "sx", "x"], "IBM Eagle: basis gates of Qiskit's backends"),
    row("ibm-heron", &["cz", "rz", "sx", "x"], "IBM Heron: basis gates of Qiskit's backends"),
    NamedSet {
        has_positive_angles_only: true,
        ..row("ibm-fractional", &["cz", "rzz", "rx", "rz", "sx", "x"], "IBM Heron with fractional gates")
    },
    row("quantinuum", &["rzz", "u1q", "rz"], "Quantinuum H series: arXiv:2003.01293"),
    row("ionq", &["ms", "gpi", "gpi2"], "IonQ Aria: native gates of its documentation"),
    row("ionq-forte", &["zz", "gpi", "gpi2"], "IonQ Forte: native gates of its documentation"),
    NamedSet {
        has_quarter_turns_only: true,
        ..row("rigetti", &["iswap", "cz", "rx", "rz"], "Rigetti Ankaa: pulses are rx of multiples of pi/2")
    },
    row("google", &["cz", "phxz"], "Google: cz and Cirq's PhasedXZGate"),
    row("google-sqrt-iswap", &["sqrt_iswap", "phxz"], "Google: square roots of iswap, arXiv:2105.06074"),
    row("iqm", &["cz", "prx"], "IQM: arXiv:2408.12433"),
];

/// Name of the first row.
const DEFAULT: &str = "cx,u3";

/// Gates that a circuit may be made of.
#[derive(Clone)]
pub struct GateSet(Arc<Inner>);

struct Inner {
    /// The name of a row, or names of gates in the order of the gate table.
    text: String,
    gates: Vec<GateId>,
    basis: Basis,
}

/// A text is not the name of a set, or a list that makes every circuit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateSetError {
    /// A name is neither a set nor a gate.
    #[error(
        "`{name}` is neither a gate set ({}) nor a gate that bqc knows",
        SETS.iter().map(|row| row.name).collect::<Vec<_>>().join(" | ")
    )]
    Unknown {
        /// The name.
        name: String,
    },
    /// A list has no names.
    #[error("the list of gates is empty; name the gates of the machine, as in cz,rz,sx,x")]
    Empty,
    /// A name in a list is that of a set.
    #[error("`{name}` is a gate set, and a list holds gates; name the set alone, or its gates: {gates}")]
    SetInList {
        /// The name.
        name: String,
        /// The gates of the set.
        gates: String,
    },
    /// No two-qubit gate of the list can be written.
    #[error(
        "`{list}` has no two-qubit gate in which circuits can be written; add one of {}",
        crate::basis::TWO_QUBIT_NAMES
    )]
    NoTwoQubitGate {
        /// The list.
        list: String,
    },
    /// The one-qubit gates of the list do not make every one-qubit gate.
    #[error("the one-qubit gates of `{list}` do not make all others; add one of {}", crate::basis::ONE_QUBIT_NAMES)]
    FewOneQubitGates {
        /// The list.
        list: String,
    },
}

impl GateSet {
    /// The set with this name, or of the gates in this list with commas.
    pub fn parse(text: &str) -> Result<GateSet, GateSetError> {
        if let Some(row) = SETS.iter().find(|row| row.name == text) {
            return GateSet::of(row, row.name.into(), row.gates.iter().copied());
        }
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        match names[..] {
            [""] => Err(GateSetError::Empty),
            _ => GateSet::of_gates(&names),
        }
    }

    /// The set of these gates, which are no names of sets.
    pub fn of_gates(names: &[&str]) -> Result<GateSet, GateSetError> {
        if names.is_empty() {
            return Err(GateSetError::Empty);
        }
        let plain = row(DEFAULT, &[], "");
        let named = |name: &str| SETS.iter().find(|row| row.name == name && row.name != DEFAULT);
        let ids = names.iter().map(|name| match (GateId::from_name(name), named(name)) {
            (Some(gate), _) => Ok(gate),
            (None, Some(row)) => Err(GateSetError::SetInList { name: row.name.into(), gates: row.gates.join(",") }),
            (None, None) => Err(GateSetError::Unknown { name: (*name).into() }),
        });
        let mut ids = ids.collect::<Result<Vec<GateId>, _>>()?;
        ids.sort_unstable();
        ids.dedup();
        let names: Vec<&str> = ids.iter().map(|id| id.row().qasm).collect();
        GateSet::of(&plain, names.join(","), names.into_iter())
    }

    fn of<'a>(row: &NamedSet, text: String, names: impl Iterator<Item = &'a str>) -> Result<GateSet, GateSetError> {
        let gates: Vec<GateId> = names.filter_map(GateId::from_name).collect();
        let basis = Basis::of(&gates, row, &text)?;
        Ok(GateSet(Arc::new(Inner { text, gates, basis })))
    }

    /// Its name, or its gates with commas: [`GateSet::parse`] reads both.
    pub fn name(&self) -> &str {
        &self.0.text
    }

    /// The gates.
    pub fn gates(&self) -> &[GateId] {
        &self.0.gates
    }

    /// Whether the gate is in the set.
    pub fn contains(&self, gate: GateId) -> bool {
        self.0.gates.contains(&gate)
    }

    /// Whether this is {CX, U3}, in which bqc works: then there is nothing to write anew.
    pub fn is_default(&self) -> bool {
        self.name() == DEFAULT
    }

    pub(crate) fn basis(&self) -> &Basis {
        &self.0.basis
    }
}

impl Default for GateSet {
    fn default() -> GateSet {
        GateSet::parse(DEFAULT).expect("the first row is a set")
    }
}

impl PartialEq for GateSet {
    fn eq(&self, other: &GateSet) -> bool {
        self.name() == other.name()
    }
}

impl fmt::Debug for GateSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GateSet({})", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_set_with_all_its_gates() {
        for row in SETS {
            let set = GateSet::parse(row.name).unwrap_or_else(|e| panic!("{}: {e}", row.name));
            let names: Vec<&str> = set.gates().iter().map(|id| id.row().qasm).collect();
            assert_eq!((set.name(), &names[..]), (row.name, row.gates));
            assert_eq!(set.is_default(), row.name == "cx,u3");
        }
    }

    #[test]
    fn lists_are_sets_in_one_order() {
        let set = GateSet::parse("rz, sx,cz,x,sx").unwrap();
        assert_eq!(set.name(), "x,rz,cz,sx");
        assert_eq!(GateSet::parse(set.name()).unwrap(), set);
        assert!(GateSet::parse("u3,cx").unwrap().is_default());
        assert_ne!(set, GateSet::parse("ibm-heron").unwrap());
    }

    #[test]
    fn what_makes_no_set_says_what_is_missing() {
        let words = |text| GateSet::parse(text).unwrap_err().to_string();
        assert!(words("cz,magic").contains("`magic` is neither a gate set"));
        assert!(words("rz,sx").contains("no two-qubit gate"));
        assert!(words("swap,u3").contains("no two-qubit gate"));
        assert!(words("cz,rz").contains("do not make all others"));
        assert!(words("").contains("the list of gates is empty"));
        assert!(words("cz,").contains("``"));
        assert!(
            words("rz,iqm")
                .contains("`iqm` is a gate set, and a list holds gates; name the set alone, or its gates: cz,prx")
        );
        assert!(GateSet::of_gates(&["iqm"]).is_err() && GateSet::of_gates(&[]) == Err(GateSetError::Empty));
        assert!(GateSet::of_gates(&["cz,rz", "sx"]).is_err());
    }
}
