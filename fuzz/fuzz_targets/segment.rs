//! A file of any content is the longest valid prefix of a journal's segment.
//!
//! From the project's root: `cargo +nightly fuzz run segment -- -max_len=4096`
//! The tests of bqc-wire run the same function on a stable toolchain.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    bqc_wire::fuzz::segment(bytes);
});
