//! Building packages that the tests write: good ones, and ones that must be refused. Needs the nightly
//! toolchain and a source of `core`, and says so where they are missing.

use ptx_builder::{Comparison, PtxBuilder, PtxError, Toolchain, core_archive, root};
use std::fs;
use std::path::Path;
use test_skips::{Need, skip};

const OPENING: &str = "\
#![no_std]
#![feature(abi_ptx, stdarch_nvptx)]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
";

fn toolchain() -> Option<Toolchain> {
    let source = core_archive(&root());
    match Toolchain::find(source.as_deref(), Path::new(env!("CARGO_TARGET_TMPDIR"))) {
        Ok(toolchain) => Some(toolchain),
        Err(PtxError::NoToolchain(why)) => {
            skip(Need::Nvptx, &why);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// A package with one kernel, `work(p, n)`.
fn package(folder: &Path, body: &str) -> PtxBuilder {
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("Cargo.toml"), "[package]\nname = \"some-kernels\"\n").unwrap();
    fs::write(folder.join("launch-bounds.txt"), "work 64 2\n").unwrap();
    let signature = "pub unsafe extern \"ptx-kernel\" fn work(p: *mut f64, n: usize)";
    let kernel = format!("#[unsafe(no_mangle)]\n{signature} {{ unsafe {{ {body} }} }}\n");
    fs::write(folder.join("src/lib.rs"), format!("{OPENING}{kernel}")).unwrap();
    PtxBuilder::new(folder)
}

#[test]
fn a_build_is_checked_until_something_changes() {
    let Some(toolchain) = toolchain() else { return };
    let folder = tempfile::tempdir().unwrap();
    let body = "*p.add(core::arch::nvptx::_thread_idx_x() as usize) = n as f64";
    let builder = package(folder.path(), body).arch("sm_90").copy_to(folder.path().join("made"));
    let stale = |words: &str| {
        let error = builder.check().unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(ptx_builder::MEND), "{error}");
    };
    stale("some-kernels.sm_90.key");

    let built = builder.build(&toolchain).unwrap();
    assert!(built.path.ends_with("made/some-kernels.sm_90.ptx"));
    assert!(built.text.contains(".target sm_90\n") && built.text.contains(".maxntid 64, 1, 1\n.minnctapersm 2\n"));
    assert_eq!(builder.check().unwrap(), built.key);
    assert_eq!(builder.compare(&toolchain).unwrap(), Comparison::Same);

    fs::write(&built.path, built.text.replace("ret;", "exit;")).unwrap();
    stale("the PTX itself was edited");
    fs::write(&built.path, &built.text).unwrap();
    fs::write(folder.path().join("src/unused.rs"), "// one more file\n").unwrap();
    stale("the sources of its package changed");
    fs::remove_file(folder.path().join("src/unused.rs")).unwrap();
    builder.check().unwrap();
    fs::write(folder.path().join("launch-bounds.txt"), "work 32 2\n").unwrap();
    stale("the sources of its package changed");

    // A file and key that agree with each other but with no compiler.
    fs::write(folder.path().join("launch-bounds.txt"), "work 64 2\n").unwrap();
    let forged = built.text.replace("ret;", "exit;");
    fs::write(&built.path, &forged).unwrap();
    let other = PtxBuilder::new(folder.path()).arch("sm_90").copy_to(folder.path().join("other"));
    let honest = other.build(&toolchain).unwrap();
    let key = ptx_builder::Key { text: sha256(&forged), ..honest.key };
    fs::write(built.path.with_extension("key"), key.to_text()).unwrap();
    builder.check().unwrap();
    assert!(matches!(builder.compare(&toolchain).unwrap(), Comparison::Differs { line } if line > 1));
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_kernel_that_calls_what_no_gpu_has_is_refused() {
    let Some(toolchain) = toolchain() else { return };
    let folder = tempfile::tempdir().unwrap();
    let body = "unsafe extern \"C\" { fn puts(text: *const f64); } puts(p.add(n))";
    match package(folder.path(), body).build(&toolchain) {
        Err(PtxError::Externs { package, names }) => {
            assert_eq!((package.as_str(), names), ("some-kernels", vec!["puts".to_string()]));
        }
        other => panic!("{other:?}"),
    }
    // Bounds checks leave nothing behind.
    let body = "let s = core::slice::from_raw_parts_mut(p, n); s[n / 2] = s[3]";
    package(folder.path(), body).build(&toolchain).unwrap();
}

#[test]
fn what_does_not_compile_is_shown() {
    let Some(toolchain) = toolchain() else { return };
    let folder = tempfile::tempdir().unwrap();
    match package(folder.path(), "no_such_function(p)").build(&toolchain) {
        Err(PtxError::Compile { what, output }) => {
            assert_eq!(what, "some-kernels");
            assert!(output.contains("no_such_function"), "{output}");
        }
        other => panic!("{other:?}"),
    }
    let unknown = package(folder.path(), "").arch("sm_7").build(&toolchain);
    assert!(matches!(unknown, Err(PtxError::UnknownArch(name)) if name == "sm_7"));
    assert!(!folder.path().join("ptx").exists(), "a refused build writes nothing");
}
