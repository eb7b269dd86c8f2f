//! NVIDIA's Multi-Process Service: what lets several processes compute on one GPU at the same time.
//!
//! A daemon (`nvidia-cuda-mps-control`) is reached through a folder with a socket. One that runs already is
//! somebody's: it is used and never told to end. Otherwise each GPU gets a daemon of its own, so that a fault
//! on one GPU stops no other. A guard process keeps it: it outlives the supervisor however that ends, by
//! a moment, in which it ends the daemon and removes the folder. Compute mode, MIG, persistence and clocks are
//! never touched. Manual: "Multi-Process Service", NVIDIA, chapter "Interfaces".

use crate::process::Program;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// The daemon, and the program that speaks to one.
pub const CONTROL: &str = "nvidia-cuda-mps-control";
/// Where a daemon is unless somebody says otherwise.
pub const DEFAULT_FOLDER: &str = "/tmp/nvidia-mps";
/// Names the folder, to daemons and to everybody who uses CUDA.
pub const FOLDER_VARIABLE: &str = "CUDA_MPS_PIPE_DIRECTORY";
/// A folder in which no daemon can be: CUDA does without one there.
pub const NO_FOLDER: &str = "/dev/null";
/// Files that a server of the daemon must be allowed to open, by the manual.
pub const NEEDED_FILES: u64 = 16384;

/// Longest path of the folder, so that those of the sockets in it fit the system's 108 bytes.
const MAX_FOLDER_BYTES: usize = 80;
/// A command is answered in milliseconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A daemon is there after some.
const START_WITHIN: Duration = Duration::from_secs(10);
/// What servers are given to end, by `quit -t 10`, and a little more.
const QUIT_WITHIN: Duration = Duration::from_secs(12);
/// From SIGTERM to SIGKILL.
const TERM_WITHIN: Duration = Duration::from_secs(2);
/// All that a guard may take to end.
const GUARD_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// What a guard says when the daemon answers; anything else is why not.
const READY: &str = "ready";

/// Why there is no MPS.
#[derive(Debug, thiserror::Error)]
pub enum MpsError {
    /// It is not installed.
    #[error(
        "`nvidia-cuda-mps-control` is not in the PATH; it comes with NVIDIA's driver, on Debian and Ubuntu in the \
         package nvidia-cuda-mps or nvidia-compute-utils"
    )]
    NotInstalled,
    /// The daemon does not come up.
    #[error("the MPS daemon does not start: {0}")]
    Failed(String),
}

/// Sends one command to the daemon of a folder; none if there is no answer in time.
fn tell(folder: &Path, command: &str, within: Duration) -> io::Result<Option<ExitStatus>> {
    let mut control = Command::new(CONTROL);
    control.env(FOLDER_VARIABLE, folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = control.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // It may have ended by itself already, which its status tells.
        _ = writeln!(stdin, "{command}");
    }
    let ended = wait(&mut child, within)?;
    if ended.is_none() {
        _ = child.kill();
        _ = child.wait();
    }
    Ok(ended)
}

/// Waits until a process has ended; none if it has not within this time.
pub(crate) fn wait(child: &mut Child, within: Duration) -> io::Result<Option<ExitStatus>> {
    let end = Instant::now() + within;
    loop {
        match child.try_wait()? {
            None if Instant::now() < end => thread::sleep(LOOK_EVERY),
            ended => return Ok(ended),
        }
    }
}

/// Whether a daemon answers in this folder.
pub fn answers(folder: &Path) -> bool {
    match tell(folder, "get_server_list", ANSWER_WITHIN) {
        Ok(status) => status.is_some_and(|status| status.success()),
        // A container may have the folder and not the program.
        Err(_) => UnixStream::connect(folder.join("control")).is_ok(),
    }
}

/// The user id of whoever has started the daemon of a folder, if one answers there.
pub fn find(folder: &Path) -> Option<u32> {
    let socket = fs::metadata(folder.join("control")).ok()?;
    (socket.file_type().is_socket() && answers(folder)).then(|| socket.uid())
}

/// Whether the program is there at all.
pub fn is_installed() -> bool {
    // Without a daemon it says so and fails; that is enough.
    tell(Path::new(NO_FOLDER), "get_server_list", ANSWER_WITHIN).is_ok()
}

/// A daemon that may be used.
pub struct Mps {
    folder: PathBuf,
    /// What it takes to start it again; none if it is somebody else's.
    own: Option<Own>,
}

struct Own {
    program: Program,
    uuid: String,
    guard: Child,
}

impl Mps {
    /// Somebody else's, if it answers.
    pub fn running(folder: &Path) -> Option<Mps> {
        find(folder).map(|_| Mps { folder: folder.into(), own: None })
    }

    /// One for this GPU alone, in a new folder below `base`. `program` is what guards it: it calls [`guard`] with
    /// the arguments that follow, the folder and the GPU.
    pub fn start(program: &Program, base: &Path, uuid: &str) -> Result<Mps, MpsError> {
        let failed = |e: io::Error| MpsError::Failed(format!("no folder for it below `{}`: {e}", base.display()));
        let mode = Permissions::from_mode(0o700);
        let folder =
            tempfile::Builder::new().prefix("bqc-mps-").permissions(mode).tempdir_in(base).map_err(failed)?.keep();
        let guard = start_guard(program, &folder, uuid).inspect_err(|_| _ = fs::remove_dir_all(&folder))?;
        Ok(Mps { folder, own: Some(Own { program: program.clone(), uuid: uuid.into(), guard }) })
    }

    /// Where it is reached.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it is ours.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Sees that it answers, and starts it again if it does not and is ours.
    pub fn revive(&mut self) -> Result<(), MpsError> {
        if answers(&self.folder) {
            return Ok(());
        }
        let Some(own) = &self.own else {
            return Err(MpsError::Failed(format!("the one in `{}` does not answer any more", self.folder.display())));
        };
        let (program, uuid) = (own.program.clone(), own.uuid.clone());
        let base = self.folder.parent().unwrap_or(Path::new("/tmp")).to_owned();
        // The old one goes first, and its folder with it.
        self.stop();
        *self = Mps::start(&program, &base, &uuid)?;
        Ok(())
    }

    /// Ends it if it is ours.
    fn stop(&mut self) {
        let Some(mut own) = self.own.take() else { return };
        // The end of its input tells the guard.
        drop(own.guard.stdin.take());
        let ended = wait(&mut own.guard, GUARD_WITHIN);
        if matches!(ended, Ok(Some(status)) if status.success()) {
            return;
        }
        // Somebody has killed the guard, or it hangs.
        _ = own.guard.kill();
        _ = own.guard.wait();
        _ = tell(&self.folder, "quit -t 10", QUIT_WITHIN);
        _ = fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Mps {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts a guard and waits until the daemon answers.
fn start_guard(program: &Program, folder: &Path, uuid: &str) -> Result<Child, MpsError> {
    if folder.as_os_str().len() > MAX_FOLDER_BYTES {
        let path = folder.display();
        return Err(MpsError::Failed(format!(
            "the path `{path}` is too long for its sockets; set TMPDIR to a shorter one"
        )));
    }
    let failed = |e: io::Error| MpsError::Failed(e.to_string());
    let mut command = Command::new(&program.path);
    // In a group of its own: Ctrl-C is for the supervisor.
    command.args(&program.arguments).arg(folder).arg(uuid).process_group(0);
    let mut guard =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?;
    let (line, said) = channel();
    let Some(stdout) = guard.stdout.take() else { return Err(MpsError::Failed("no pipe to its guard".into())) };
    thread::spawn(move || {
        let mut text = String::new();
        let read = BufReader::new(stdout).read_line(&mut text);
        // Whoever has stopped waiting does not need it.
        _ = line.send(read.map(|_| text.trim().to_string()));
    });
    let reason = match said.recv_timeout(START_WITHIN + ANSWER_WITHIN) {
        Ok(Ok(text)) if text == READY => return Ok(guard),
        Ok(Ok(text)) if text == MpsError::NotInstalled.to_string() => MpsError::NotInstalled,
        Ok(Ok(text)) if !text.is_empty() => MpsError::Failed(text),
        Ok(Ok(_)) => MpsError::Failed("its guard ended".into()),
        Ok(Err(e)) => MpsError::Failed(e.to_string()),
        Err(_) => MpsError::Failed(format!("nothing came from it for {} s", START_WITHIN.as_secs())),
    };
    drop(guard.stdin.take());
    if !matches!(wait(&mut guard, GUARD_WITHIN), Ok(Some(_))) {
        _ = guard.kill();
        _ = guard.wait();
    }
    Err(reason)
}

/// What a guard does: starts the daemon of one GPU in `folder`, says so on standard output, waits for the end
/// of standard input, and ends the daemon. The folder goes with a daemon that was there. Signals that would end it before are the
/// caller's to ignore.
pub fn guard(folder: &Path, uuid: &str) -> io::Result<()> {
    let started = start_daemon(folder, uuid);
    let mut out = io::stdout();
    let line = match &started {
        Ok(_) => READY.to_string(),
        Err(reason) => reason.to_string(),
    };
    // Whoever does not listen any more has ended, and so has standard input.
    _ = writeln!(out, "{line}").and_then(|()| out.flush());
    if let Ok(mut daemon) = started {
        let mut rest = Vec::new();
        _ = io::stdin().read_to_end(&mut rest);
        stop_daemon(&mut daemon, folder);
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

/// Starts the daemon in the foreground of its own process group, and waits until it answers.
fn start_daemon(folder: &Path, uuid: &str) -> Result<Child, MpsError> {
    let failed = |e: io::Error| MpsError::Failed(e.to_string());
    raise_open_files();
    let (logs, words) = (folder.join("logs"), folder.join("words"));
    DirBuilder::new().mode(0o700).create(&logs).map_err(failed)?;
    let stderr = File::create(&words).map_err(failed)?;
    let mut control = Command::new(CONTROL);
    control.arg("-f").process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    control.env(FOLDER_VARIABLE, folder).env("CUDA_MPS_LOG_DIRECTORY", logs).env("CUDA_VISIBLE_DEVICES", uuid);
    let mut daemon = control.spawn().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => MpsError::NotInstalled,
        _ => MpsError::Failed(e.to_string()),
    })?;
    let end = Instant::now() + START_WITHIN;
    while !answers(folder) {
        let ended = daemon.try_wait().map_err(failed)?;
        if ended.is_none() && Instant::now() < end {
            thread::sleep(LOOK_EVERY);
            continue;
        }
        let how = ended.map_or("it does not answer".into(), |status| format!("it ended: {status}"));
        stop_daemon(&mut daemon, folder);
        let said = fs::read(&words).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        return Err(MpsError::Failed(last.map_or(how.clone(), |last| format!("{how}; it said: {last}"))));
    }
    Ok(daemon)
}

/// As the manual has it; then as any process. Its servers are of its process group.
fn stop_daemon(daemon: &mut Child, folder: &Path) {
    if !matches!(daemon.try_wait(), Ok(None)) {
        return;
    }
    let group = Pid::from_raw(daemon.id() as i32);
    let has_quit = matches!(tell(folder, "quit -t 10", QUIT_WITHIN), Ok(Some(_)));
    for (within, signal) in [(QUIT_WITHIN, Signal::SIGTERM), (TERM_WITHIN, Signal::SIGKILL)] {
        let within = if has_quit || signal == Signal::SIGKILL { within } else { Duration::ZERO };
        if matches!(wait(daemon, within), Ok(Some(_))) {
            break;
        }
        _ = killpg(group, signal);
    }
    _ = daemon.wait();
    // A server that has outlived its daemon serves nobody.
    _ = killpg(group, Signal::SIGKILL);
}

/// As far as it is allowed to: servers open files for each of their clients.
fn raise_open_files() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < NEEDED_FILES
    {
        _ = setrlimit(Resource::RLIMIT_NOFILE, NEEDED_FILES.min(hard), hard);
    }
}

/// Files that this process, and with it a daemon, may open at most.
pub fn max_open_files() -> Option<u64> {
    getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(_, hard)| hard)
}
