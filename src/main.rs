//! `bqc`: arguments, terminal, clock, signals and files. What it does with them is in `crates/`.

mod args;
mod exit;
mod output;
mod resources;
mod stop;

fn main() {}
