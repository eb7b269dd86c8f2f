//! The committed entry points are those of the bindings that the workspace builds with.

#[path = "../examples/generate/render.rs"]
mod render;

#[test]
fn the_entries_are_those_of_the_bindings() {
    let bindings = std::fs::read_to_string(render::bindings()).unwrap();
    let expected = render::render(&bindings);
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/entries.rs")).unwrap();
    assert!(committed == expected, "src/entries.rs is stale; mend it with `{}`", render::MEND);
    assert_eq!(committed.matches(");\n    cu").count() + 1, 353, "functions of the driver of CUDA 11.4");
}
