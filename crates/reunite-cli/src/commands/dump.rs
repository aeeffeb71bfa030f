//! `reunite dump`: the tasks of a running program, and what each waits for.

use std::io::{Write, stdout};

#[cfg(unix)]
use reunite_base::escape;

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
        escape::json(&json).into_owned() + "\n"
    } else {
        text.lines()
            .map(|line| format!("{}\n", escape::terminal(line)))
            .collect()
    };
    match stdout().write_all(shown.as_bytes()) {
        Ok(()) => Exit::Done,
        Err(error) => {
            complain(&format!("cannot write the dump: {error}"));
            Exit::SomeFailed
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn run(_: &Dump) -> Exit {
    complain("`reunite dump` needs Unix signals, which this system does not have");
    Exit::CouldNotBegin
}

/// Makes this program answer `reunite dump`, and print its tree of tasks on `SIGQUIT` (Ctrl-\).
pub(crate) fn answer() {
    #[cfg(unix)]
    if let Err(error) = reunite::answer_dump_requests() {
        complain(&format!(
            "this program will not answer `reunite dump`: {error}"
        ));
    }
}
