//! The plan of a run that many machines share: what it is about and all that decides its output. Written
//! once and never changed: the segments of the run carry its hash.

use crate::build_id::Build;
use crate::document::{Document, WireError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `bqc.plan/2`.
    pub schema: String,
    /// Version of bqc that has made it.
    pub version: String,
    /// Its build, which alone works on it: another one may have other results.
    pub build: String,
    /// Where the input was, as it was typed.
    pub input: String,
    /// SHA-256 of the circuit as it was understood, in hexadecimal digits.
    pub circuit_sha256: String,
    /// Family of the engine that does the arithmetic.
    pub engine: String,
    /// All settings that decide the output, as one line of names and values.
    pub settings: String,
    /// Name of the effort, of a search. The settings have what it stands for.
    pub effort: Option<String>,
    /// Shards that each pass is divided into, where it has as many units.
    pub shards: u64,
    /// What there is to do at first; how many passes follow shows only then.
    pub first_pass: PlanPass,
    /// SHA-256 of this document with nothing in this place, in hexadecimal digits.
    pub checksum: String,
}

/// A pass in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanPass {
    /// Units that are different from each other.
    pub units: u64,
    /// Shards that they are divided into.
    pub shards: u64,
    /// CX gates of the hardest.
    pub most_cx: u64,
}

impl Document for Plan {
    const SCHEMA: &'static str = "bqc.plan/2";
}

/// A plan cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// No plan, or one of another version of the format.
    #[error(transparent)]
    Document(#[from] WireError),
    /// Somebody has changed it.
    #[error("it has been changed since it was made")]
    Changed,
}

impl Plan {
    /// The document with its checksum.
    pub fn seal(self) -> String {
        let open = Plan { checksum: String::new(), ..self };
        let checksum = sha256(open.to_json().as_bytes());
        Plan { checksum, ..open }.to_json()
    }

    /// Reads a document that nobody has changed.
    pub fn unseal(text: &str) -> Result<Plan, PlanError> {
        let plan = Plan::from_json(text)?;
        if plan.clone().seal() == text { Ok(plan) } else { Err(PlanError::Changed) }
    }

    /// What the segments of its run carry.
    pub fn hash(&self) -> [u8; 32] {
        crate::unit::plan_hash(&Build::from(self.build.clone()), &[self.clone().seal().as_bytes()])
    }
}

/// In hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            schema: Plan::SCHEMA.into(),
            version: "1".into(),
            build: "b".into(),
            input: "a.qasm".into(),
            circuit_sha256: sha256(b"circuit"),
            engine: "cpu".into(),
            settings: "flow: search, starts: 4".into(),
            effort: Some("3".into()),
            shards: 1024,
            first_pass: PlanPass { units: 7, shards: 7, most_cx: 200 },
            checksum: String::new(),
        }
    }

    #[test]
    fn a_sealed_plan_comes_back_and_a_changed_one_does_not() {
        let text = plan().seal();
        let back = Plan::unseal(&text).unwrap();
        assert_eq!((back.settings.clone(), back.hash()), (plan().settings, plan().hash()));
        for (from, to) in [("starts: 4", "starts: 5"), ("a.qasm", "b.qasm"), ("}\n", "} \n")] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            assert!(matches!(Plan::unseal(&changed), Err(PlanError::Changed)), "{from}");
        }
        assert!(matches!(Plan::unseal(&text[..text.len() - 5]), Err(PlanError::Document(_))));
    }
}
