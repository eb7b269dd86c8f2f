//! Worker processes on GPUs, on an imitated driver: which GPUs they are on, how many of them, and what is left
//! of them when memory is short, a context is lost or nobody may use the device. Whatever happens, the circuit
//! is rebuilt and the exit code is 0.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/imitation.rs"]
mod imitation;
#[path = "common/processes.rs"]
mod processes;

use bqc_wire::{Document, Report, RunStatus, WorkerTotals};
use common::*;
use imitation::Machine;

/// Some blocks of three wires in one pass: emulated kernels are slow.
const FEW: [&str; 6] = ["--flow", "delete", "-k", "3", "--passes", "1"];

struct Run {
    code: i32,
    output: String,
    stderr: String,
    report: Option<Report>,
}

impl Run {
    fn workers(&self) -> WorkerTotals {
        self.report.as_ref().and_then(|report| report.workers).unwrap_or_else(|| panic!("{}", self.stderr))
    }
}

/// Compiles a circuit of some blocks on a machine.
fn compile(machine: &Machine, extra: &[&str]) -> Run {
    compile_circuit(&long(4, 2), machine, extra)
}

fn compile_circuit(circuit: &str, machine: &Machine, extra: &[&str]) -> Run {
    let folder = Folder::new();
    let input = folder.write("in.qasm", circuit);
    let (output, report) = (folder.arg("out.qasm"), folder.arg("report.json"));
    let mut args = vec!["compile", &input, "-o", &output, "--report", &report, "-v"];
    args.extend(FEW);
    args.extend(extra);
    let (code, _, stderr) = parts(&machine.host(bqc(&args)).output().unwrap());
    let read = |name: &str| std::fs::read_to_string(folder.path(name)).unwrap_or_default();
    Run { code, output: read("out.qasm"), stderr, report: Report::from_json(&read("report.json")).ok() }
}

/// What one process makes with one GPU.
fn undisturbed() -> &'static str {
    static OUTPUT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    OUTPUT.get_or_init(|| undisturbed_of(&long(4, 2)))
}

fn undisturbed_of(circuit: &str) -> String {
    let run = compile_circuit(circuit, &Machine::new(""), &["--engine", "cuda", "--workers", "off"]);
    assert!(run.code == 0 && run.report.is_some_and(|report| report.engine.starts_with("cuda/")), "{}", run.stderr);
    run.output
}

#[test]
fn workers_on_two_gpus_make_what_one_process_makes() {
    let machine = Machine::new("gpus=3");
    let run = compile(&machine, &["--gpus", "2,0", "--workers-per-gpu", "2", "--mps", "off"]);
    assert_eq!((run.code, run.output == undisturbed()), (0, true), "{}", run.stderr);
    let totals = run.workers();
    assert_eq!((totals.lost, totals.substituted, totals.in_process), (0, 0, 0), "{}", run.stderr);
    let gpus = machine.used_gpus();
    assert_eq!(gpus.iter().map(|(gpu, _)| *gpu).collect::<String>(), "02", "{gpus:?}");
    assert!(gpus.iter().all(|(_, n)| *n <= 2) && run.stderr.contains("GPU 2 (Imaginary GPU): 2 workers as asked for"));
    assert!(run.report.unwrap().engine.starts_with("cuda/Imaginary GPU with cpu/"));
}

#[test]
fn auto_takes_a_gpu_that_works_and_says_why_it_takes_none() {
    let run = compile(&Machine::new(""), &["--workers", "off"]);
    assert!(run.report.unwrap().engine.starts_with("cuda/") && !run.stderr.contains("no GPU"), "{}", run.stderr);
    for (scenario, workers, words) in [
        ("exclusive", "off", "bqc: no GPU: GPU 0 (Imaginary GPU): taken: CUDA_ERROR_DEVICE_UNAVAILABLE (46)"),
        ("exclusive", "2", "bqc: no GPU: GPU 0 (Imaginary GPU): taken: CUDA_ERROR_DEVICE_UNAVAILABLE (46)"),
        ("no-device", "2", "bqc: no GPU: NVIDIA's driver sees no GPU"),
        ("wrong", "2", "gave a wrong result"),
    ] {
        let run = compile(&Machine::new(scenario), &["--workers", workers]);
        assert!(run.code == 0 && run.report.unwrap().engine.starts_with("cpu/"), "{scenario}: {}", run.stderr);
        assert!(run.stderr.contains(words) && run.stderr.contains("going on with cpu/"), "{scenario}: {}", run.stderr);
    }
    // Most machines have no driver: that is told to those who want to know all.
    let input = Folder::new();
    let circuit = input.write("in.qasm", &redundant());
    let asked = ["--workers-per-gpu", "2"];
    let cuda = ["--engine", "cuda"];
    for (extra, code, is_told) in [(&[][..], 0, false), (&["-v"], 0, true), (&cuda, 2, true), (&asked, 0, true)] {
        let mut command = bqc(&[&["compile", &circuit], extra].concat());
        let empty = Folder::new();
        std::fs::write(empty.path("libcuda.so.1"), "no library").unwrap();
        let (found, _, stderr) = parts(&command.env("LD_LIBRARY_PATH", empty.path("")).output().unwrap());
        assert_eq!((found, stderr.contains("no GPU: no NVIDIA driver")), (code, is_told), "{extra:?}: {stderr}");
    }
}

#[test]
fn gpus_that_are_not_there_are_refused_with_a_list() {
    let named = ["--gpus", "7"];
    let in_two = |extra: &[&'static str]| [&["--workers", "2"], extra].concat();
    for (machine, extra, words) in [
        (
            Machine::new("gpus=2"),
            in_two(&named),
            "no GPU is called `7`; among those that CUDA_VISIBLE_DEVICES leaves visible, GPU 0 (Imaginary GPU) is GPU-10101010-",
        ),
        (Machine::new("gpus=2"), vec!["--gpus", "7", "--workers", "off"], "no GPU is called `7`"),
        (
            Machine::new("gpus=2").and("CUDA_VISIBLE_DEVICES", "1"),
            in_two(&["--gpus", "1"]),
            "GPU 0 (Imaginary GPU) is GPU-11111111-",
        ),
        (Machine::new("no-device"), in_two(&["--gpus", "0"]), "--gpus 0: NVIDIA's driver sees no GPU"),
        (Machine::new(""), in_two(&["--gpus", "0", "--engine", "cpu"]), "mean nothing to --engine cpu"),
        (Machine::new("gpus=2"), vec!["--gpus", "0,1", "--workers", "off"], "leave out --workers off"),
        (Machine::new(""), in_two(&["--workers-per-gpu", "2"]), "leave out one of them"),
        (Machine::new("no-device"), vec!["--mps", "require"], "--mps require: no GPU: NVIDIA's driver sees no GPU"),
        (Machine::new(""), vec!["--mps", "require"], "`nvidia-cuda-mps-control` is not in the PATH"),
    ] {
        let run = compile(&machine, &extra);
        assert!(run.code == 2 && run.output.is_empty(), "{extra:?}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{extra:?}: {}", run.stderr);
    }
    // What a batch system has left visible is counted from 0.
    let machine = Machine::new("gpus=2").and("CUDA_VISIBLE_DEVICES", "1");
    let run = compile(&machine, &["--gpus", "0", "--workers", "1"]);
    assert_eq!((run.code, machine.used_gpus()), (0, vec![('1', 1)]), "{}", run.stderr);
}

#[test]
fn want_of_memory_means_fewer_workers_and_no_failure() {
    // At the start: there is room for two contexts.
    let machine = Machine::new("room=2");
    let run = compile(&machine, &["--workers-per-gpu", "4", "--mps", "off"]);
    assert_eq!((run.code, run.output == undisturbed()), (0, true), "{}", run.stderr);
    assert!(
        run.stderr.contains("GPU 0 (Imaginary GPU): out of memory: opening it found no room")
            && run.stderr.contains("from now on instead of"),
        "{}",
        run.stderr
    );
    assert_eq!(run.workers().substituted, 0, "{}", run.stderr);
    // At work: launches find no room, and the CPU does them.
    let run = compile(&Machine::new("full-launch"), &["--workers-per-gpu", "2", "--mps", "off"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("it has 1 worker from now on instead of 2"), "{}", run.stderr);
    let totals = run.workers();
    assert!(totals.substituted > 0 && totals.cut_short == 0, "{totals:?}");
    // Not even for one.
    let run = compile(&Machine::new("room=0"), &["--workers-per-gpu", "2", "--mps", "off"]);
    assert!(run.code == 0 && run.stderr.contains("going on with cpu/"), "{}", run.stderr);
}

#[test]
fn a_gpu_for_one_process_has_one_worker() {
    let machine = Machine::new("exclusive-process");
    let run = compile(&machine, &["--workers-per-gpu", "3", "--mps", "off"]);
    assert_eq!((run.code, run.workers().started, run.workers().lost), (0, 1, 0), "{}", run.stderr);
    assert!(run.stderr.contains("1 workers as asked for, in exclusive mode without MPS"), "{}", run.stderr);
    // Through MPS it is for many.
    let run = compile(&Machine::with_mps("exclusive-process"), &["--workers-per-gpu", "3"]);
    assert_eq!((run.code, run.workers().lost), (0, 0), "{}", run.stderr);
    assert!(run.stderr.contains("3 workers as asked for, through an MPS daemon of their own"), "{}", run.stderr);
}

#[test]
fn a_fault_ends_all_workers_of_its_gpu_and_half_of_them_come_back() {
    let machine = Machine::with_mps("gpus=2,one-fault");
    let run = compile(&machine, &["--gpus", "1", "--workers-per-gpu", "4"]);
    assert_eq!((run.code, run.output == undisturbed()), (0, true), "{}", run.stderr);
    assert!(
        run.stderr.contains("bqc: GPU 1 (Imaginary GPU): bqc_lm_shared faulted")
            && run.stderr.contains("it has 2 workers from now on instead of 4"),
        "{}",
        run.stderr
    );
    let totals = run.workers();
    assert!(totals.lost >= 1 && totals.substituted == 0, "{totals:?} {}", run.stderr);
    let gpu = "GPU-11111111-1111-1111-1111-111111111111";
    assert_eq!(machine.mps_events(), [format!("start {gpu}"), format!("quit {gpu}")]);
    assert!(machine.mps_folders().is_empty());
}

#[test]
fn a_gpu_that_faults_again_and_again_is_left_to_the_cpu() {
    let lost = "the device context is lost";
    for (machine, mps, words) in [
        (Machine::with_mps("faults"), "auto", lost),
        (Machine::new("faults"), "off", lost),
        (Machine::new("late-garbage"), "off", "is not used any more: the CPU does its work"),
    ] {
        let run = compile(&machine, &["--workers-per-gpu", "2", "--mps", mps]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stderr.contains(words), "{}", run.stderr);
        assert!(run.workers().substituted > 0 && run.report.unwrap().blocks.failed == 0, "{}", run.stderr);
        assert!(count(&run.output, "cx") < count(&long(4, 2), "ccx") * 6, "the CPU has done it");
    }
}

/// What the CPU does in a GPU's place is not kept under the GPU's name.
#[test]
fn a_stand_ins_results_are_not_kept() {
    let cache = Folder::new();
    let folder = cache.arg("cache");
    let options = ["--workers-per-gpu", "1", "--cache", &folder, "--mps", "off"];
    let run = compile(&Machine::new("full-launch"), &options);
    assert!(run.code == 0 && run.workers().substituted > 0, "{}", run.stderr);
    let run = compile(&Machine::new(""), &options);
    let known = run.report.as_ref().unwrap().known;
    assert!(
        known.taken < run.report.as_ref().unwrap().blocks.total && run.output == undisturbed(),
        "{known:?} {}",
        run.stderr
    );
}

/// A folder with a plan of [`compile`]'s circuit for GPUs in `run`.
fn planned(circuit: &str) -> Folder {
    let folder = Folder::new();
    let (input, run_dir) = (folder.write("in.qasm", circuit), folder.arg("run"));
    let (code, _, stderr) =
        parts(&run(&[&["plan", &input, "--run-dir", &run_dir, "--engine", "cuda"], &FEW[..]].concat()));
    assert_eq!(code, 0, "{stderr}");
    folder
}

/// The circuit that was found by all who worked on a plan, and what the folder says of them.
fn merged(folder: &Folder) -> (String, RunStatus) {
    let (run_dir, output) = (folder.arg("run"), folder.arg("out.qasm"));
    let (code, _, stderr) = parts(&run(&["merge", &run_dir, "-o", &output]));
    assert_eq!(code, 0, "{stderr}");
    let (_, status, _) = parts(&run(&["status", &run_dir, "--json"]));
    (folder.read("out.qasm"), RunStatus::from_json(&status).unwrap())
}

#[test]
fn two_supervisors_with_gpus_of_their_own_make_what_one_process_makes() {
    // Enough blocks for one that comes later.
    let circuit = long(4, 8);
    let folder = planned(&circuit);
    let machines = [Machine::new("gpus=2").and("CUDA_VISIBLE_DEVICES", "1"), Machine::new("gpus=2")];
    let work = |(machine, rank): (&Machine, usize)| {
        let mut command = bqc(&["work", &folder.arg("run"), "--workers-per-gpu", "1", "--mps", "off", "-v"]);
        command.envs([("SLURM_JOB_ID", "1"), ("SLURM_NTASKS", "2")]).env("SLURM_PROCID", rank.to_string());
        command.stderr(std::process::Stdio::piped());
        machine.host(command).spawn().unwrap()
    };
    let both: Vec<_> = machines.iter().zip(0..).map(work).collect();
    for child in both {
        let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
        assert!(code == 0 && stderr.contains("1 workers as asked for"), "{stderr}");
    }
    let gpus: Vec<_> = machines.iter().map(|machine| machine.used_gpus()).collect();
    assert_eq!(gpus, [vec![('1', 1)], vec![('0', 1), ('1', 1)]]);
    let (output, status) = merged(&folder);
    assert!(output == undisturbed_of(&circuit), "{status:?}");
    assert!(status.supervisors.iter().all(|s| s.done > 0), "{status:?}");
}

/// Each block is tried twice, as one that fails is: a GPU may come meanwhile.
#[test]
fn a_plan_for_gpus_comes_to_its_end_without_any() {
    for workers in ["2", "off"] {
        let folder = planned(&long(4, 2));
        let work = || {
            let command = bqc(&["work", &folder.arg("run"), "--workers", workers]);
            parts(&Machine::new("no-device").host(command).output().unwrap())
        };
        let (code, _, stderr) = work();
        let is_told =
            stderr.contains("bqc: no GPU: NVIDIA's driver sees no GPU;") && stderr.contains("going on with cpu/");
        assert!(code == 0 && is_told && stderr.lines().count() == 2, "{stderr}");
        let (output, status) = merged(&folder);
        // All but the light pass, which no engine has to do with.
        assert!(
            count(&output, "cx") < count(&long(4, 2), "ccx") * 6 && status.done_twice + 1 == status.done,
            "{status:?}"
        );
        // Whoever comes later finds the run complete.
        let (code, _, stderr) = work();
        assert!(code == 0 && stderr.contains("complete: 0 blocks done here"), "{stderr}");
    }
    // GPUs that were named are not done without.
    let folder = planned(&long(4, 2));
    let command = bqc(&["work", &folder.arg("run"), "--gpus", "0"]);
    let (code, _, stderr) = parts(&Machine::new("no-device").host(command).output().unwrap());
    assert!(code == 2 && stderr.contains("--gpus 0: NVIDIA's driver sees no GPU"), "{stderr}");
    // A limit that comes while the driver is asked is no want of a GPU.
    let command = bqc(&["work", &folder.arg("run"), "--time-limit", "1s"]);
    let (code, _, stderr) = parts(&Machine::new("slow").host(command).output().unwrap());
    assert!(code == 75 && stderr.contains("stopped before it began"), "{stderr}");
}

/// A signal or the limit that comes while the driver is asked leaves open which engine it would have been.
#[test]
fn a_run_that_is_stopped_before_its_gpus_are_known_leaves_its_folder_to_the_next() {
    let folder = Folder::new();
    let (input, output) = (folder.write("in.qasm", &long(4, 2)), folder.arg("out.qasm"));
    let run = folder.arg("run");
    let on = |machine: &Machine, extra: &[&str]| {
        let mut args =
            vec!["compile", &input, "-o", &output, "--workers", "1", "--mps", "off", "--run-dir", &run, "-v"];
        args.extend(FEW);
        args.extend(extra);
        machine.host(bqc(&args))
    };
    let (code, _, stderr) = parts(&on(&Machine::new(""), &[]).output().unwrap());
    assert_eq!(code, 0, "{stderr}");
    let slow = Machine::new("slow");
    let (code, _, stderr) = parts(&on(&slow, &["--time-limit", "1s"]).output().unwrap());
    assert!(code == 0 && folder.read("out.qasm").contains("OPENQASM"), "{stderr}");
    let mut child = on(&slow, &[]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    processes::wait_until("a process that asks", || !processes::children(child.id()).is_empty());
    processes::send(&child, nix::sys::signal::Signal::SIGTERM);
    let stderr = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert!(child.wait().unwrap().code() == Some(75) && folder.read("out.qasm").contains("OPENQASM"), "{stderr}");
    let (code, _, stderr) = parts(&on(&Machine::new(""), &[]).output().unwrap());
    assert!(code == 0 && stderr.contains("results were taken as known, 0 refused"), "{stderr}");
    assert_eq!(folder.read("out.qasm"), undisturbed());
}

/// What a batch has made before is not replaced by what an interrupted run without an engine comes to.
#[test]
fn a_batch_that_is_stopped_before_its_gpus_are_known_replaces_nothing() {
    let folder = Folder::new();
    let list = folder.write("list", &format!("{}\n", folder.write("one.qasm", &long(4, 1))));
    let out = folder.arg("out");
    let args = [&["batch", "--list", &list, "--out-dir", &out, "--workers", "off"], &FEW[..]].concat();
    let (code, _, stderr) = parts(&Machine::new("").host(bqc(&args)).output().unwrap());
    assert_eq!(code, 0, "{stderr}");
    let made = folder.read("out/one.qasm");
    let mut child = Machine::new("slow").host(bqc(&args)).spawn().unwrap();
    processes::wait_until("a process that asks", || !processes::children(child.id()).is_empty());
    processes::send(&child, nix::sys::signal::Signal::SIGTERM);
    assert_eq!((child.wait().unwrap().code(), folder.read("out/one.qasm") == made), (Some(75), true));
    let (code, _, stderr) = parts(&Machine::new("").host(bqc(&args)).output().unwrap());
    assert!(code == 0 && stderr.contains("1 were done before"), "{stderr}");
}
