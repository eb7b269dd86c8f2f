//! Runs a whole compile: plan, workers, join.
