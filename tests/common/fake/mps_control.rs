//! An `nvidia-cuda-mps-control` that serves nobody: a daemon with a socket, and the program that speaks to it.
//! Every start and end of a daemon is a line in the file that `FAKE_MPS_LOG` names. `FAKE_MPS` says what goes
//! wrong.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::exit;

fn main() {
    let folder = PathBuf::from(std::env::var_os("CUDA_MPS_PIPE_DIRECTORY").unwrap_or("/tmp/nvidia-mps".into()));
    if std::env::args().nth(1).is_some_and(|argument| argument == "-f") {
        serve(&folder.join("control"));
    }
    let Ok(mut daemon) = UnixStream::connect(folder.join("control")) else {
        println!("Cannot find MPS control daemon process");
        exit(1)
    };
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    daemon.write_all(text.as_bytes()).unwrap();
    daemon.shutdown(std::net::Shutdown::Write).unwrap();
    daemon.read_to_string(&mut text).unwrap();
}

fn is_so(what: &str) -> bool {
    std::env::var("FAKE_MPS").is_ok_and(|value| value == what)
}

fn log(what: &str) {
    let gpu = std::env::var("CUDA_VISIBLE_DEVICES").unwrap_or_default();
    if let Some(path) = std::env::var_os("FAKE_MPS_LOG") {
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "{what} {gpu}").unwrap();
    }
}

fn serve(socket: &std::path::Path) -> ! {
    if is_so("broken") {
        eprintln!("[Control] no permission to do that");
        exit(1);
    }
    if is_so("slow") {
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    // A killed daemon leaves its socket behind, over which a new one starts; a living one keeps it.
    if UnixStream::connect(socket).is_ok() {
        eprintln!("[Control] an instance of this daemon is already running");
        exit(1);
    }
    _ = std::fs::remove_file(socket);
    let listener = UnixListener::bind(socket).unwrap();
    log("start");
    for client in listener.incoming() {
        let Ok(mut client) = client else { continue };
        let mut command = String::new();
        _ = client.read_to_string(&mut command);
        if command.starts_with("quit") && !is_so("stubborn") {
            log("quit");
            _ = std::fs::remove_file(socket);
            exit(0);
        }
    }
    exit(1)
}
