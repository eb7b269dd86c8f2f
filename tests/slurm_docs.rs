//! The commands of `docs/cluster.md`, one after the other, on a real Slurm with GPUs that are none.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/processes.rs"]
mod processes;
#[path = "common/slurm.rs"]
mod slurm;

use common::*;
use processes::wait_until;
use slurm::Slurm;
use std::path::Path;

/// The fenced blocks of commands, in order.
fn commands(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut inside = None;
    for line in page.lines() {
        match (line.trim_end(), &mut inside) {
            ("```sh", None) => inside = Some(String::new()),
            ("```", Some(_)) => blocks.extend(inside.take()),
            (line, Some(block)) => *block += &format!("{line}\n"),
            // A fence of any other kind would hide commands from the test.
            (line, None) => assert!(!line.starts_with("```"), "{line}"),
        }
    }
    blocks
}

#[test]
fn every_command_of_the_page_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let blocks = commands(&read(&root.join("docs/cluster.md")));
    assert!(blocks.len() >= 12, "{blocks:?}");
    let Some(slurm) = Slurm::up(4, 2, 2) else { return };
    std::fs::create_dir(slurm.path("circuits")).unwrap();
    for entry in std::fs::read_dir(root.join("circuits")).unwrap().flatten() {
        std::fs::copy(entry.path(), slurm.path("circuits").join(entry.file_name())).unwrap();
    }
    for block in &blocks {
        let (code, stdout, stderr) = parts(&slurm.output(&format!("set -e -o pipefail\n{block}")));
        assert_eq!(code, 0, "{block}\n{stdout}\n{stderr}\n{}", slurm.logs());
        wait_until(&format!("the end of the jobs of\n{block}"), || {
            std::thread::sleep(std::time::Duration::from_millis(100));
            slurm.bash("squeue --noheader").trim().is_empty()
        });
    }
    // What the page promises of the files.
    let names = slurm.folder().names();
    for name in ["qft_n5.out.qasm", "qft_n5.json", "grover.out.qasm", "results.html", "qft_n10.out.qasm", "summary.md"]
    {
        assert!(names.iter().any(|n| n == name), "{name}: {names:?}");
    }
    let summary = slurm.folder().read("summary.md");
    assert!(summary.contains(" 0 refused, 0 left to do"), "{summary}");
    let n_listed = slurm.folder().read("circuits.txt").lines().count();
    assert!(
        n_listed > 8 && summary.lines().filter(|line| line.contains("| complete |")).count() == n_listed,
        "{summary}"
    );
    // The job's output is that of the first way.
    let one = slurm.bash("bqc compile circuits/qft_n10.qasm --effort 1 --quiet");
    assert_eq!(slurm.folder().read("qft_n10.out.qasm"), one);
    for kind in ["queued again", "error:"] {
        assert!(!slurm.logs().contains(kind), "{}", slurm.logs());
    }
}
