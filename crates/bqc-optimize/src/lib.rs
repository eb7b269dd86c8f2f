//! Optimisation passes over blocks, and the verifier.
