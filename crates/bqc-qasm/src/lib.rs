//! OpenQASM 2 reader and writer of bqc, with diagnostics a person can act on.
