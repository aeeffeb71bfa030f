//! The live tree on request from another process, by `SIGQUIT`, as in Java's virtual machine.
//!
//! A program that opted in has a thread that waits for the signal and then writes the tree to standard error. A process
//! that requests the tree with [`request_dump`] first makes a file whose name contains the id of the asked process;
//! then the thread writes the tree there instead, followed by a line that marks the end. The file belongs to the
//! requesting process, which removes it, and no other user's file is ever written to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write, stderr};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use signal_hook::consts::SIGQUIT;
use signal_hook::iterator::Signals;

use super::dump;
use crate::deadline;
use crate::deadlock::{count_idle, look_again};
use crate::primitive::{Duration, OnceLock};
use crate::profile::write_flight_if_asked;
use crate::thread::start_helper;
use crate::wait::sleep;

const WHOLE: &str = "\n-- end of the dump --\n";

/// Makes a `SIGQUIT` (`kill -QUIT`, Ctrl-\) write the live tree of this process to standard error from now on, instead
/// of ending the process. [`request_dump`] in another process then gets an answer. Costs one sleeping thread.
///
/// # Errors
/// The system refused the signal or the thread.
pub fn answer_dump_requests() -> io::Result<()> {
    static BEGUN: OnceLock<()> = OnceLock::new();
    if BEGUN.set(()).is_err() {
        return Ok(());
    }
    let mut signals = Signals::new([SIGQUIT])?;
    start_helper("reunite-dump", move || {
        // The thread never waits for another thread, and no thread waits for it.
        count_idle();
        look_again();
        for _ in signals.forever() {
            let dump = dump();
            let told = match open_request(std::process::id()) {
                Ok(mut file) => write!(file, "{dump}\0{}{WHOLE}", dump.to_json()),
                Err(_) => write!(stderr(), "{dump}"),
            };
            // The file may be gone: the requesting process no longer waits.
            let _gone = told;
            write_flight_if_asked();
        }
    })
}

fn path_of(pid: u32) -> PathBuf {
    std::env::temp_dir().join(format!("reunite-dump-{pid}"))
}

/// Opens the file of the requesting process: a plain file of the same user, not a link, and empty.
fn open_request(pid: u32) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let file = OpenOptions::new()
        .write(true)
        .custom_flags(flags)
        .open(path_of(pid))?;
    let facts = file.metadata()?;
    let is_ours = facts.is_file() && facts.len() == 0 && facts.uid() == geteuid().as_raw();
    if is_ours {
        Ok(file)
    } else {
        Err(io::Error::other("the file belongs to another user"))
    }
}

/// A request file; removed when dropped.
struct RequestFile(PathBuf);

impl Drop for RequestFile {
    fn drop(&mut self) {
        // The file is gone already, or cannot be removed. In both cases there is nothing more to do.
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// Requests the live tree of another process: as text and as JSON.
///
/// # Errors
/// There is no such process; it belongs to another user; it has not called [`answer_dump_requests`] (it is then not
/// sent the signal); or it does not answer within `patience`.
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// let (text, _json) = reunite::request_dump(4711, std::time::Duration::from_secs(2))?;
/// println!("{text}");
/// # Ok(())
/// # }
/// ```
pub fn request_dump(pid: u32, patience: Duration) -> io::Result<(String, String)> {
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let Some(process) = process else {
        return Err(io::Error::other(format!("{pid} is not a process id")));
    };
    if !catches_quit(pid)? {
        return Err(io::Error::other(format!(
            "process {pid} does not answer dump requests: it has to call `reunite::answer_dump_requests`"
        )));
    }
    let path = path_of(pid);
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path);
    drop(made.map_err(|error| {
        let why = format!(
            "{}: {error}; is another request in progress?",
            path.display()
        );
        io::Error::new(error.kind(), why)
    })?);
    let request = RequestFile(path);
    kill_process(process, Signal::QUIT)?;
    let give_up = deadline::after(patience);
    loop {
        if let Some(answer) = answer(&request.0)? {
            return Ok(answer);
        }
        if deadline::has_passed(give_up) {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("process {pid} did not answer in time"),
            ));
        }
        sleep(Duration::from_millis(5))?;
    }
}

fn answer(path: &Path) -> io::Result<Option<(String, String)>> {
    let mut text = String::new();
    File::open(path)?.read_to_string(&mut text)?;
    let both = text
        .strip_suffix(WHOLE)
        .and_then(|text| text.split_once('\0'));
    Ok(both.map(|(text, json)| (text.to_owned(), json.to_owned())))
}

/// Returns true if the process handles the signal, which would otherwise end it.
#[cfg(target_os = "linux")]
fn catches_quit(pid: u32) -> io::Result<bool> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    let status = status.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("there is no process {pid}, or it is hidden: {error}"),
        )
    })?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    Ok(mask.is_some_and(|mask| mask & (1 << (SIGQUIT - 1)) != 0))
}

/// Other systems do not tell: the signal could end a process that does not expect it.
#[cfg(not(target_os = "linux"))]
fn catches_quit(_: u32) -> io::Result<bool> {
    Err(io::Error::other(
        "dump requests need Linux; send SIGQUIT by hand",
    ))
}
