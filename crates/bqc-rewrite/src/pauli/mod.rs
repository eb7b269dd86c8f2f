//! Circuits as Pauli rotations and a Clifford.
mod angle;
mod axis;
mod columns;
mod frame;
mod op;
#[cfg(test)]
mod test_support;
