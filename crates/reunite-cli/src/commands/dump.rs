//! What a running program is doing, and what it waits for.

use std::io::{Write, stdout};

#[cfg(unix)]
use reunite_base::escape::terminal;

use crate::args::Dump;
use crate::complain::complain;
use crate::exit::Exit;

#[cfg(unix)]
pub(crate) fn run(args: &Dump) -> Exit {
    let (text, json) = match reunite::request_dump(args.pid, args.wait) {
        Ok(answer) => answer,
        Err(error) => {
            complain(&error.to_string());
            return Exit::CouldNotBegin;
        }
    };
    let shown = if args.json {
        json + "\n"
    } else {
        text.lines()
            .map(|line| format!("{}\n", terminal(line)))
            .collect()
    };
    match stdout().write_all(shown.as_bytes()) {
        Ok(()) => Exit::Done,
        Err(error) => {
            complain(&format!("the dump cannot be written: {error}"));
            Exit::SomeFailed
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn run(_: &Dump) -> Exit {
    complain("this system has no signals to ask another program with");
    Exit::CouldNotBegin
}

/// From now on this program answers `reunite dump`, and shows its live tree on `SIGQUIT` (Ctrl-\).
pub(crate) fn answer() {
    #[cfg(unix)]
    if let Err(error) = reunite::answer_dump_requests() {
        complain(&format!("`reunite dump` will have no answer: {error}"));
    }
}
