//! Any bytes from a pipe are messages up to an error, however they are cut into pieces.
//!
//! `.ci/fuzz` runs it for a minute; for longer: `.ci/fuzz 3600`.
//! The tests of bqc-wire run the same function on a stable toolchain.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    bqc_wire::fuzz::frames(bytes);
});
