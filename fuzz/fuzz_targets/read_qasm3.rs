//! Any bytes at all are read as OpenQASM 3 or refused, and what was read is written and read again as the same.
//!
//! `.ci/fuzz` runs it for a minute, with the tests' corpus as seeds; for longer: `.ci/fuzz 3600`.
//! The tests of bqc-qasm run the same function on a stable toolchain over the same seeds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    bqc_qasm::fuzz::read_version_3(bytes);
});
