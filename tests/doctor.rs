//! `bqc doctor` without a driver and with drivers that are imitated: whatever the machine, the binary
//! starts, says what is there, and says why not more.

mod common;
#[cfg(target_os = "linux")]
#[path = "../crates/bqc-cuda/tests/fake/compile.rs"]
mod fake;

use common::*;
use std::path::Path;

#[test]
fn a_machine_without_a_driver_gets_an_answer_and_not_a_loader_error() {
    // The machine as it is, which may have one.
    let (code, stdout, stderr) = parts(&bqc(&["doctor"]).env_remove("LD_LIBRARY_PATH").output().unwrap());
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.starts_with("bqc "), "{stdout}");
    assert!(stdout.contains("engine   auto is "), "{stdout}");
    let driver = stdout.lines().find(|line| line.starts_with("driver   ")).unwrap();
    let has_driver = driver.contains("CUDA");
    let says_what_to_do = driver.contains("libcuda.so.1") && driver.contains("install NVIDIA's driver");
    assert!(has_driver || stdout.contains("engine   auto is cpu/"), "{stdout}");
    assert!(has_driver || says_what_to_do || cfg!(not(target_os = "linux")), "{driver}");
}

#[cfg(target_os = "linux")]
#[test]
fn every_kind_of_trouble_is_told_apart() {
    let folder = Folder::new();
    fake::compile(Path::new(env!("CARGO_MANIFEST_DIR")), &folder.path(""));
    for (scenario, expected) in [
        ("well", "usable: 3.0 GiB free, the test kernels ran"),
        ("well", "GPU 0    Imaginary GPU, compute capability 9.0, 7 multiprocessors, 3.0 GiB, compute mode default"),
        ("well", "driver   CUDA 12.4"),
        ("well", "auto is cuda/Imaginary GPU with cpu/"),
        ("well", "         GPU-10101010-1010-1010-1010-101010101010"),
        ("well", "workers by block size: "),
        ("well", "MPS      "),
        ("old", "driver   NVIDIA's driver is too old: it supports CUDA 10.2, and 11.0 is needed; update the driver"),
        ("no-device", "driver   NVIDIA's driver sees no GPU"),
        ("mismatch", "driver   NVIDIA's driver does not start: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)"),
        ("not-ready", "driver   NVIDIA's driver is not ready: CUDA_ERROR_SYSTEM_NOT_READY (802)"),
        ("one-broken", "GPU 0    not usable: GPU 0: asking what it is faulted"),
        ("one-broken", "GPU 1    Imaginary GPU"),
        ("one-broken", "auto is cuda/Imaginary GPU"),
        ("exclusive", "several workers need MPS on it; to do without: sudo nvidia-smi -i GPU-10101010-"),
        ("exclusive", "not usable: GPU 0 (Imaginary GPU): taken: CUDA_ERROR_DEVICE_UNAVAILABLE (46)"),
        ("ancient", "not usable: GPU 0 (Imaginary GPU): compute capability 6.0, and 8.0 is needed"),
        ("fault", "the device context is lost: CUDA_ERROR_ILLEGAL_ADDRESS (700)"),
        ("wrong-global", "bqc_lm_global gave a wrong result (after 1 iterations template 39 has cost"),
        ("wrong", "fma_f64 gave a wrong result (thread 0 found 137, not 136)"),
    ] {
        let mut command = bqc(&["doctor"]);
        command.env("FAKE_CUDA", scenario).env("LD_LIBRARY_PATH", folder.path(""));
        let (code, stdout, stderr) = parts(&command.output().unwrap());
        assert_eq!((code, stderr.as_str()), (0, ""), "{scenario}: {stdout}");
        assert!(stdout.contains(expected), "{scenario}:\n{stdout}");
        let has_gpu = ["well", "one-broken"].contains(&scenario);
        assert_eq!(stdout.contains("engine   auto is cpu/"), !has_gpu, "{scenario}:\n{stdout}");
    }
    let mut command = bqc(&["doctor", "--ceilings"]);
    command.env("FAKE_CUDA", "well").env("LD_LIBRARY_PATH", folder.path(""));
    let (code, stdout, _) = parts(&command.output().unwrap());
    assert!(code == 0 && stdout.contains("GFLOP/s in f64"), "{stdout}");
    compile_on(&folder);
}

/// `bqc compile --engine cuda` on the imitated device, on one that is taken, and on one that fails on
/// the way: always a circuit, always the same, and a line where the GPU was not used.
#[cfg(target_os = "linux")]
fn compile_on(folder: &Folder) {
    let circuit = concat!(env!("CARGO_MANIFEST_DIR"), "/circuits/adder_n4.qasm");
    let begun = |engine: &str, scenario: &str| {
        let mut command =
            bqc(&["compile", circuit, "--engine", engine, "--flow", "delete", "-k", "3", "--passes", "2"]);
        command.env("FAKE_CUDA", scenario).env("LD_LIBRARY_PATH", folder.path(""));
        parts(&command.output().unwrap())
    };
    let compile = |engine: &str, scenario: &str| {
        let (code, stdout, stderr) = begun(engine, scenario);
        assert_eq!(code, 0, "{engine}, {scenario}: {stderr}");
        let n_cx = stdout.lines().filter(|line| line.starts_with("cx ")).count();
        (n_cx, stderr)
    };
    let (expected, silent) = compile("cpu", "well");
    assert!(!silent.contains("GPU"), "{silent}");
    for (scenario, line) in [
        ("well", None),
        ("full-launch", Some("; the CPU did what ")),
        ("late-fault", Some("the device context is lost: CUDA_ERROR_ILLEGAL_ADDRESS (700)")),
    ] {
        let (n_cx, stderr) = compile("cuda", scenario);
        assert_eq!(n_cx, expected, "{scenario}: {stderr}");
        assert_eq!(stderr.contains("GPU 0"), line.is_some(), "{scenario}: {stderr}");
        assert!(line.is_none_or(|line| stderr.contains(line)), "{scenario}: {stderr}");
    }
    // A GPU that was asked for and is not to be had ends the run before it begins.
    let taken = "no GPU: GPU 0 (Imaginary GPU): taken: CUDA_ERROR_DEVICE_UNAVAILABLE (46)";
    let (code, stdout, stderr) = begun("cuda", "exclusive");
    assert!(code == 2 && stdout.is_empty() && stderr.contains(taken) && stderr.contains("--engine auto"), "{stderr}");
    let (n_cx, stderr) = compile("auto", "exclusive");
    assert!(n_cx == expected && stderr.contains(taken), "{stderr}");
}

/// What the driver does not tell, `nvidia-smi` does, if it is there and answers.
#[cfg(target_os = "linux")]
#[test]
fn what_the_driver_does_not_tell_comes_from_nvidia_smi() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, programs) = (Folder::new(), Folder::new());
    fake::compile(Path::new(env!("CARGO_MANIFEST_DIR")), &folder.path(""));
    let uuid = "GPU-10101010-1010-1010-1010-101010101010";
    for (script, expected, is_there) in [
        (format!("echo '{uuid}, 535.261.03, Enabled'"), ", packages 535.261.03\n", true),
        (format!("echo '{uuid}, 535.261.03, Enabled'"), ", divided (MIG)\n", true),
        (format!("echo '{uuid}, 535.261.03, Enabled'"), "name one: CUDA_VISIBLE_DEVICES=MIG-...", true),
        (format!("echo '{uuid}, 470.1, Disabled'"), "not divided (MIG is off)", true),
        (format!("echo '{uuid}, 470.1, [N/A]'"), "MIG", false),
        ("echo no GPU was found; exit 9".into(), "packages", false),
    ] {
        let smi = folder.write("nvidia-smi", &format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(&smi, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(&smi, programs.path("nvidia-smi")).unwrap();
        let mut command = bqc(&["doctor"]);
        command.env("FAKE_CUDA", "well").env("LD_LIBRARY_PATH", folder.path("")).env("PATH", programs.path(""));
        let (code, stdout, _) = parts(&command.output().unwrap());
        assert_eq!((code, stdout.contains(expected)), (0, is_there), "{script}:\n{stdout}");
        assert!(stdout.contains("`nvidia-cuda-mps-control` is not in the PATH"), "{stdout}");
    }
}
