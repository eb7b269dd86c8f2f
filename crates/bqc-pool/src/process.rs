//! One worker process as its supervisor sees it: three pipes and a process id.
//!
//! Nothing here can wait for ever. Pipes are polled, writing does not block, and every wait has an end.
//! What the process says on standard error is kept in a ring, because it is mostly the only trace of
//! how it died.

use crate::placement::Launch;
use bqc_wire::{Build, DeviceTrouble, FrameDecoder, FrameError, FromWorker, HelloError, ToWorker, encode_frame};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What is kept of a worker's standard error, in bytes.
const STDERR_BYTES: usize = 4096;
/// What a pipe holds, in bytes.
const PIPE_BYTES: usize = 1 << 16;
/// A killed process is gone in milliseconds, unless it waits for a device that does not answer.
const STUCK_AFTER: Duration = Duration::from_secs(5);
/// What is read at once, in bytes: most answers.
const READ_BYTES: usize = 1 << 13;

/// How workers are started.
#[derive(Clone, Debug)]
pub struct Program {
    /// The binary, mostly this one. On Linux that is best `/proc/self/exe`.
    pub path: PathBuf,
    /// What makes it a worker.
    pub arguments: Vec<OsString>,
    /// The build of this side. A worker of another build is refused.
    pub build: Build,
}

/// A worker is of no more use, and why.
#[derive(Debug, thiserror::Error)]
pub enum Loss {
    /// It could not be started.
    #[error("cannot start a worker: {0}")]
    Start(io::Error),
    /// It ended without being asked to.
    #[error("the worker ended: {status}{stderr}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// Its last words, if any, as a clause.
        stderr: String,
    },
    /// What it sent is damaged.
    #[error("the worker sent nonsense: {error}{stderr}")]
    Frame {
        /// What is wrong with it.
        error: FrameError,
        /// Its last words, if any, as a clause.
        stderr: String,
    },
    /// It is not of this version.
    #[error(transparent)]
    Hello(HelloError),
    /// It sent what nobody asked for.
    #[error("the worker answered something that it was not asked")]
    Unasked,
    /// Nothing came from it for this long, not even a heartbeat.
    #[error("the worker said nothing for {:.1} s", .0.as_secs_f64())]
    Silent(Duration),
    /// It was at work for this long.
    #[error("the worker took more than {:.1} s", .0.as_secs_f64())]
    Late(Duration),
    /// The device under it is in trouble.
    #[error("{reason}")]
    Device {
        /// What to do about it.
        trouble: DeviceTrouble,
        /// In words.
        reason: String,
    },
    /// The pipes do not work.
    #[error("cannot speak to the worker: {0}")]
    Pipe(io::Error),
}

impl Loss {
    /// Whether somebody else ended it: no process sends itself SIGKILL. People do, and the system when memory
    /// is short.
    pub fn was_killed(&self) -> bool {
        matches!(self, Loss::Ended { status, .. } if status.signal() == Some(Signal::SIGKILL as i32))
    }
}

/// A running worker. It is killed when this is dropped.
pub struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    /// None once it has been closed.
    stderr: Option<ChildStderr>,
    stderr_tail: VecDeque<u8>,
    decoder: FrameDecoder,
    /// When it last said anything.
    last_heard: Instant,
    /// Number of the next task in its life.
    pub next_task: u64,
}

impl Process {
    /// Starts one, in a process group of its own: Ctrl-C is for the supervisor.
    ///
    /// The worker dies with the *thread* that calls this, so that must be one that lives long.
    pub fn start_with(program: &Program, launch: &Launch) -> Result<Process, Loss> {
        let mut command = Command::new(&program.path);
        command.args(&program.arguments).args(&launch.arguments).process_group(0);
        command.envs(launch.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Loss::Start)?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Loss::Start(io::ErrorKind::BrokenPipe.into()));
        };
        let unblocked = fcntl(&stdin, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        let process = Process {
            child,
            stdin,
            stdout,
            stderr: Some(stderr),
            stderr_tail: VecDeque::new(),
            decoder: FrameDecoder::new(),
            last_heard: Instant::now(),
            next_task: 0,
        };
        match unblocked {
            Ok(_) => Ok(process),
            Err(e) => Err(Loss::Start(e.into())),
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a message, if the worker takes it before `until`.
    pub fn send(&mut self, message: &ToWorker, until: Instant) -> Result<(), Loss> {
        let frame = encode_frame(message).map_err(|e| Loss::Pipe(io::Error::other(e)))?;
        let mut rest = &frame[..];
        while !rest.is_empty() {
            match self.stdin.write(rest) {
                Ok(n) => rest = &rest[n..],
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(Loss::Silent(self.last_heard.elapsed()));
                    }
                    let mut pipe = [PollFd::new(self.stdin.as_fd(), PollFlags::POLLOUT)];
                    wait(&mut pipe, left)?;
                }
                Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Err(self.broken()),
                Err(e) => return Err(Loss::Pipe(e)),
            }
        }
        Ok(())
    }

    /// The next message; none if nothing has come before `until`.
    pub fn receive(&mut self, until: Instant) -> Result<Option<FromWorker>, Loss> {
        loop {
            match self.decoder.next_message() {
                Ok(Some(message)) => return Ok(Some(message)),
                Ok(None) => {}
                Err(error) => return Err(Loss::Frame { error, stderr: self.last_words() }),
            }
            let left = until.saturating_duration_since(Instant::now());
            if !self.read(left)? && left.is_zero() {
                return Ok(None);
            }
        }
    }

    /// Waits for bytes on either pipe and takes them. Returns whether standard output had any: no end of
    /// complaints makes a message.
    fn read(&mut self, left: Duration) -> Result<bool, Loss> {
        let out = PollFd::new(self.stdout.as_fd(), PollFlags::POLLIN);
        let (has_out, has_err) = match &self.stderr {
            None => {
                let mut pipes = [out];
                wait(&mut pipes, left)?;
                (is_ready(&pipes[0]), false)
            }
            Some(stderr) => {
                let mut pipes = [out, PollFd::new(stderr.as_fd(), PollFlags::POLLIN)];
                wait(&mut pipes, left)?;
                (is_ready(&pipes[0]), is_ready(&pipes[1]))
            }
        };
        if has_err {
            self.read_stderr();
        }
        if has_out {
            let mut buffer = [0; READ_BYTES];
            match self.stdout.read(&mut buffer) {
                Ok(0) => return Err(self.end_of_pipe()),
                Ok(n) => {
                    self.decoder.push(&buffer[..n]);
                    self.last_heard = Instant::now();
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Loss::Pipe(e)),
            }
        }
        Ok(has_out)
    }

    /// Takes what is there, and keeps the end of it.
    fn read_stderr(&mut self) {
        let Some(stderr) = &mut self.stderr else { return };
        let mut buffer = [0; STDERR_BYTES];
        match stderr.read(&mut buffer) {
            Ok(n) if n > 0 => {
                self.stderr_tail.extend(&buffer[..n]);
                let n_over = self.stderr_tail.len().saturating_sub(STDERR_BYTES);
                self.stderr_tail.drain(..n_over);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            _ => self.stderr = None,
        }
    }

    /// It does not listen any more. What it had to say before tells more than that; its pipes close one
    /// after the other.
    fn broken(&mut self) -> Loss {
        let until = Instant::now() + Duration::from_millis(200);
        loop {
            match self.receive(until) {
                Ok(Some(FromWorker::Device { trouble, reason })) => return Loss::Device { trouble, reason },
                Ok(Some(_)) => {}
                Ok(None) => return self.ended(),
                Err(loss) => return loss,
            }
        }
    }

    /// Standard output was closed: within a frame, or between two.
    fn end_of_pipe(&mut self) -> Loss {
        match self.decoder.end() {
            Ok(()) => self.ended(),
            Err(error) => match self.ended() {
                // How it died says more than what it was saying.
                loss @ Loss::Ended { status, .. } if !status.success() => loss,
                _ => Loss::Frame { error, stderr: self.last_words() },
            },
        }
    }

    /// The pipes are closed, so the process is at its end; one that is not is helped.
    fn ended(&mut self) -> Loss {
        for _ in 0..100 {
            match self.child.try_wait() {
                Ok(Some(status)) => return Loss::Ended { status, stderr: self.last_words() },
                Ok(None) => thread::sleep(Duration::from_millis(5)),
                Err(e) => return Loss::Pipe(e),
            }
        }
        // Not `was_killed`: it is this side that kills it.
        self.kill();
        Loss::Pipe(io::ErrorKind::BrokenPipe.into())
    }

    /// The last lines that it said on standard error, as a clause; empty if there are none.
    pub fn last_words(&mut self) -> String {
        // As much as a pipe holds may still be there.
        for _ in 0..PIPE_BYTES / STDERR_BYTES {
            let Some(stderr) = &self.stderr else { break };
            let mut pipe = [PollFd::new(stderr.as_fd(), PollFlags::POLLIN)];
            if wait(&mut pipe, Duration::ZERO).is_err() || !is_ready(&pipe[0]) {
                break;
            }
            self.read_stderr();
        }
        let bytes: Vec<u8> = self.stderr_tail.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = &lines[lines.len().saturating_sub(3)..];
        if last.is_empty() { String::new() } else { format!("; it said: {}", last.join(" / ")) }
    }

    /// Asks it for what it has, as a cancellation does.
    pub fn terminate(&self) {
        // One that is gone has nothing to be asked.
        _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM);
    }

    /// Lets it end by itself, for this long.
    pub fn end(&mut self, within: Duration) {
        let end = Instant::now() + within;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it. One that the system cannot end, because it is stuck in a driver, is left behind.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        _ = self.child.kill();
        let (end, mut pause) = (Instant::now() + STUCK_AFTER, Duration::from_micros(50));
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            thread::sleep(pause);
            pause = (2 * pause).min(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for any of the pipes, at most this long.
fn wait(pipes: &mut [PollFd<'_>], left: Duration) -> Result<(), Loss> {
    // Rounded up, so that a wait of less than a millisecond is none of zero over and over.
    let milliseconds = left.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32;
    match poll(pipes, PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(e) => Err(Loss::Pipe(e.into())),
    }
}

/// Whether there is something to read, an end included.
fn is_ready(pipe: &PollFd<'_>) -> bool {
    pipe.any().unwrap_or(true)
}
