//! `reunite desk`: the window, which is a program of its own, as most who have a terminal have no need of it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Desk;
use crate::complain::complain;
use crate::exit::Exit;

const PROGRAM: &str = "reunite-desk";

pub(crate) fn run(args: &Desk) -> Exit {
    let program = beside().unwrap_or_else(|| PathBuf::from(PROGRAM));
    let mut command = Command::new(&program);
    // Whatever a file is called, it is no option.
    command.args(args.inputs.iter().map(|input| plain(input)));
    match become_it(command) {
        Ok(exit) => exit,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            complain(&format!(
                "{PROGRAM} is neither beside this program nor on the PATH: it is built by `cargo build \
                 --package {PROGRAM}`"
            ));
            Exit::CouldNotBegin
        }
        Err(error) => {
            complain(&format!("{} cannot be started: {error}", program.display()));
            Exit::CouldNotBegin
        }
    }
}

/// Where it is if both were put into the same folder.
fn beside() -> Option<PathBuf> {
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    let program = std::env::current_exe().ok()?.with_file_name(name);
    program.is_file().then_some(program)
}

fn plain(input: &Path) -> PathBuf {
    if input.is_relative() {
        Path::new(".").join(input)
    } else {
        input.to_owned()
    }
}

/// Returns only if that cannot be.
#[cfg(unix)]
fn become_it(mut command: Command) -> io::Result<Exit> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> io::Result<Exit> {
    Ok(match command.status()?.success() {
        true => Exit::Done,
        false => Exit::SomeFailed,
    })
}
