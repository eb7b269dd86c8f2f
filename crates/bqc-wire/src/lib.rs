//! Every byte that leaves the process: the report.
