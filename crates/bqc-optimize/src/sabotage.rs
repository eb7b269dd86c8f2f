//! Faults that tests plant in a compile, to see that the verifier finds them. Nothing else sets one.

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A pass joins a window with two of its wires exchanged.
    SwapWires,
    /// A merge drops a gate that is not the identity.
    DropGate,
    /// A round of a window joins its blocks in another order.
    ReorderRound,
}

impl std::str::FromStr for Sabotage {
    type Err = String;

    fn from_str(text: &str) -> Result<Sabotage, String> {
        match text {
            "swap-wires" => Ok(Sabotage::SwapWires),
            "drop-gate" => Ok(Sabotage::DropGate),
            "reorder-round" => Ok(Sabotage::ReorderRound),
            _ => Err(format!("no sabotage is called `{text}`: swap-wires, drop-gate, reorder-round")),
        }
    }
}
