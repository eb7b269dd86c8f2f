//! Any bytes at all are read or refused, and what was read is written and read again as the same.
//!
//! From the project's root, with the tests' corpus as seeds:
//! `cargo +nightly fuzz run read_qasm fuzz/corpus/read_qasm crates/bqc-qasm/tests/corpus/accepted
//! crates/bqc-qasm/tests/corpus/refused -- -max_len=4096 -dict=fuzz/qasm.dict`
//! The tests of bqc-qasm run the same function on a stable toolchain over the same seeds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    bqc_qasm::fuzz::read(bytes);
});
