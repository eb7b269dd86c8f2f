//! Writes `src/entries.rs` anew: `cargo run -p bqc-cuda-shim --example generate`.

mod render;

fn main() -> std::io::Result<()> {
    let bindings = std::fs::read_to_string(render::bindings())?;
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/src/entries.rs");
    std::fs::write(target, render::render(&bindings))?;
    println!("wrote {target}; `{}` did it", render::MEND);
    Ok(())
}
