//! A file of any content is a proof or is refused, and its passes are edits or are refused.
//!
//! `.ci/fuzz` runs it for a minute; for longer: `.ci/fuzz 3600`.
//! The tests of bqc-wire run the same function on a stable toolchain.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    bqc_wire::fuzz::proof(bytes);
});
