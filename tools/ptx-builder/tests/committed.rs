//! The committed PTX: it belongs to its sources, it is what the compiler makes of them where that is
//! here, and it assembles for every architecture without spills.

use ptx_builder::{Arch, Comparison, Limits, PtxBuilder, PtxError, Ptxas, Toolchain, packages, root};
use std::path::Path;
use test_skips::{Need, skip};

/// Of the target folder, as `.ci/run` fills it.
const PTXAS_FOLDER: &str = "target/ptxas";

#[test]
fn committed_ptx_belongs_to_its_sources() {
    let packages = packages(&root());
    assert!(!packages.is_empty());
    for package in packages {
        package.check().unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn committed_ptx_is_what_the_compiler_makes() {
    let source = ptx_builder::core_archive(&root());
    let toolchain = match Toolchain::find(source.as_deref(), Path::new(env!("CARGO_TARGET_TMPDIR"))) {
        Ok(toolchain) => toolchain,
        Err(PtxError::NoToolchain(why)) => return skip(Need::Nvptx, &why),
        Err(error) => panic!("{error}"),
    };
    for package in packages(&root()) {
        match package.compare(&toolchain) {
            Ok(comparison) => assert_eq!(comparison, Comparison::Same, "{}", package.path().unwrap().display()),
            Err(PtxError::NoToolchain(why)) => return skip(Need::Nvptx, &why),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn committed_ptx_assembles_everywhere_without_spills() {
    let Some(ptxas) = Ptxas::find(&root().join(PTXAS_FOLDER)) else {
        return skip(Need::Ptxas, "there is no ptxas; .ci/ptxas installs it");
    };
    // Each takes some seconds and some memory.
    for package in packages(&root()) {
        let (package, ptxas) = (&package, &ptxas);
        let reports = std::thread::scope(|scope| {
            let jobs = Arch::ALL.map(|arch| scope.spawn(move || report(package, ptxas, arch)));
            jobs.map(|job| job.join().unwrap())
        });
        print!("{}", reports.concat());
    }
}

/// Assembles one file for one architecture; a line a kernel. Panics on spills and stack.
fn report(package: &PtxBuilder, ptxas: &Ptxas, arch: Arch) -> String {
    let (bounds, path) = (package.launch_bounds().unwrap(), package.path().unwrap());
    // PTX runs on its own architecture and on later ones.
    let own = Arch::ALL.iter().position(|a| path.to_string_lossy().contains(&format!(".{}.", a.name()))).unwrap();
    if Arch::ALL.iter().position(|a| *a == arch).unwrap() < own {
        return String::new();
    }
    let functions = ptxas.assemble(&path, arch).unwrap_or_else(|error| panic!("{error}"));
    let mut text = format!("{} on {}\n", path.file_name().unwrap().to_string_lossy(), arch.name());
    let tolerates = |f: &str| bounds.get(f).is_some_and(|b| b.may_spill);
    for f in &functions {
        let spills = f.stack_bytes + f.spill_store_bytes + f.spill_load_bytes;
        assert!(spills == 0 || tolerates(&f.name), "{} on {}: spills or stack: {f:?}", path.display(), arch.name());
    }
    for kernel in bounds.kernels() {
        let used = functions.iter().find(|f| f.name == kernel).unwrap_or_else(|| panic!("{kernel} is missing"));
        let (row, registers) = (bounds.get(kernel).unwrap(), used.registers.unwrap());
        let found = Limits::of(arch).occupancy(row.max_threads, registers, used.shared_bytes);
        assert!(found.blocks >= row.min_blocks, "{kernel} on {}: {found:?}, {row:?} asked for", arch.name());
        text += &format!(
            "    {kernel:<24} {registers:>3} registers, {} B stack, {} B spilled, {} B static shared; {} threads: \
             {} blocks, {:.0} % of the warps, up to {:.1} KiB of shared memory each\n",
            used.stack_bytes,
            used.spill_store_bytes,
            used.shared_bytes,
            row.max_threads,
            found.blocks,
            100.0 * found.fraction,
            f64::from(found.block_shared_bytes) / 1024.0,
        );
    }
    text
}
