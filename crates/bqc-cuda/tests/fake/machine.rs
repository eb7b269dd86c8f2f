//! The imagined machine, which several processes share: how many GPUs there are, which of them a process may
//! see, and what the contexts of others do to one's own. `FAKE_CUDA` names what is so, with commas between;
//! `FAKE_CUDA_DIR` is a folder in which each context has a file, `<gpu>-<process>`, locked while its process lives.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Mutex;

/// Digits of the first GPU's name; the others follow.
const FIRST_UUID: u8 = 0x10;

/// This process's contexts: the GPU, and its file, whose lock ends with the process, however that ends.
static CONTEXTS: Mutex<Vec<(usize, File, PathBuf)>> = Mutex::new(Vec::new());

/// Whether this is so.
pub fn scenario(name: &str) -> bool {
    std::env::var("FAKE_CUDA").is_ok_and(|value| value.split(',').any(|word| word == name))
}

fn number(name: &str) -> Option<usize> {
    let all = std::env::var("FAKE_CUDA").ok()?;
    all.split(',').find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

/// GPUs of the machine: `gpus=N`.
fn n_gpus() -> usize {
    number("gpus").unwrap_or(if scenario("one-broken") { 2 } else { 1 })
}

/// The sixteen bytes that name a GPU.
pub fn uuid(gpu: usize) -> [u8; 16] {
    [FIRST_UUID + gpu as u8; 16]
}

fn uuid_text(gpu: usize) -> String {
    let byte = format!("{:02x}", uuid(gpu)[0]);
    let group = |n: usize| byte.repeat(n);
    format!("GPU-{}-{}-{}-{}-{}", group(4), group(2), group(2), group(2), group(6))
}

/// GPUs that this process sees, by CUDA_VISIBLE_DEVICES: numbers or names; the first that is neither ends the
/// list.
pub fn visible() -> Vec<usize> {
    let all: Vec<usize> = (0..n_gpus()).collect();
    let Ok(names) = std::env::var("CUDA_VISIBLE_DEVICES") else { return all };
    let known = |name: &str| all.iter().copied().find(|gpu| name == gpu.to_string() || name == uuid_text(*gpu));
    names.split(',').map_while(known).collect()
}

fn folder() -> Option<PathBuf> {
    std::env::var_os("FAKE_CUDA_DIR").map(PathBuf::from)
}

/// Whether this process's GPU is shared through a daemon: one that answers has its socket there.
fn has_mps() -> bool {
    std::env::var_os("CUDA_MPS_PIPE_DIRECTORY").is_some_and(|folder| PathBuf::from(folder).join("control").exists())
}

/// Contexts of living processes on a GPU, this one's too.
fn n_contexts(gpu: usize) -> usize {
    let Some(folder) = folder() else { return 0 };
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_of_gpu = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(&format!("{gpu}-"));
    let is_alive = |path: &PathBuf| match File::open(path) {
        Ok(file) => file.try_lock().is_err(),
        Err(_) => false,
    };
    names.filter(is_of_gpu).filter(is_alive).count()
}

/// The code that a new context on a GPU gets: 2 beyond `room=N`, 46 beside another in exclusive mode without a
/// daemon, 807 while those of a fault are still there.
pub fn open_context(gpu: usize) -> u32 {
    let Some(folder) = folder() else { return 0 };
    let _one_at_a_time = gate(&folder);
    let fault = folder.join(format!("fault-{gpu}"));
    let n_others = n_contexts(gpu);
    if n_others == 0 {
        _ = fs::remove_file(&fault);
    }
    if has_mps() && fault.exists() {
        return 807;
    }
    if scenario("exclusive-process") && !has_mps() && n_others > 0 {
        return 46;
    }
    if number("room").is_some_and(|room| n_others >= room) {
        return 2;
    }
    let path = folder.join(format!("{gpu}-{}", std::process::id()));
    let file = File::create(&path).unwrap();
    file.lock().unwrap();
    CONTEXTS.lock().unwrap().push((gpu, file, path));
    0
}

/// Nobody counts contexts while another comes.
fn gate(folder: &std::path::Path) -> File {
    let gate = File::create(folder.join("gate")).unwrap();
    gate.lock().unwrap();
    gate
}

pub fn close_context(gpu: usize) {
    CONTEXTS.lock().unwrap().retain(|(of, _, path)| {
        if *of == gpu {
            _ = fs::remove_file(path);
        }
        *of != gpu
    });
}

/// This process's GPU faults, and takes the contexts of all who share it with it.
pub fn fault() {
    if let (Some(folder), true, Some(gpu)) = (folder(), has_mps(), visible().first()) {
        File::create(folder.join(format!("fault-{gpu}"))).unwrap();
    }
}

/// Whether another process's fault has taken this one's context.
pub fn is_lost_with_others() -> bool {
    let (Some(folder), true) = (folder(), has_mps()) else { return false };
    !CONTEXTS.lock().unwrap().is_empty() && visible().first().is_some_and(|gpu| folder.join(format!("fault-{gpu}")).exists())
}

/// Whether this is the first of all processes that asks for this to happen.
pub fn is_first(what: &str) -> bool {
    folder().is_none_or(|folder| File::create_new(folder.join(what)).is_ok())
}
