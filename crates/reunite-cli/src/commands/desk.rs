//! `reunite desk` runs `reunite-desk`, a separate program, so that `reunite` does not link a graphical toolkit.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Desk;
use crate::complain::complain;
use crate::exit::Exit;

const PROGRAM: &str = "reunite-desk";

/// Runs the window, which writes its profile into the file `profile`, if there is one.
pub(crate) fn run(args: &Desk, profile: Option<PathBuf>) -> Exit {
    let program = beside_this_program().unwrap_or_else(|| PathBuf::from(PROGRAM));
    let mut command = Command::new(&program);
    // A relative path gets `./` in front, so that no file name is taken for an option.
    command.args(args.inputs.iter().map(|input| with_folder(input)));
    if let Some(file) = profile {
        command.env("REUNITE_PROFILE", file);
    }
    match run_in_place(command) {
        Ok(exit) => exit,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            complain(&format!(
                "{PROGRAM} is neither beside this program nor on the PATH; build it with `cargo build \
                 --package {PROGRAM}` (with --release if this program was built so)"
            ));
            Exit::CouldNotBegin
        }
        Err(error) => {
            complain(&format!("cannot start {}: {error}", program.display()));
            Exit::CouldNotBegin
        }
    }
}

/// Returns the path of `reunite-desk` if it is in the folder of this program.
fn beside_this_program() -> Option<PathBuf> {
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    let program = std::env::current_exe().ok()?.with_file_name(name);
    program.is_file().then_some(program)
}

fn with_folder(input: &Path) -> PathBuf {
    if input.is_relative() {
        Path::new(".").join(input)
    } else {
        input.to_owned()
    }
}

/// Replaces this process by the command. Returns only on failure.
#[cfg(unix)]
fn run_in_place(mut command: Command) -> io::Result<Exit> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

/// Runs the command and returns its outcome.
#[cfg(not(unix))]
fn run_in_place(mut command: Command) -> io::Result<Exit> {
    Ok(match command.status()?.success() {
        true => Exit::Done,
        false => Exit::SomeFailed,
    })
}
