//! Circuit generator and benchmark suites of bqc.
