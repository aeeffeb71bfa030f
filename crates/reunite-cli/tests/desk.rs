//! `reunite desk`.
#![cfg(unix)]

mod harness;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use harness::Place;

/// Lets one test run at a time. A child process briefly inherits all open files, and a program that is open for writing
/// cannot be run.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies the program into a folder of its own.
fn moved(place: &Place) -> PathBuf {
    let program = place.path("reunite");
    std::fs::copy(env!("CARGO_BIN_EXE_reunite"), &program).expect("a copy of the program");
    program
}

fn run(place: &Place, program: &PathBuf) -> Output {
    Command::new(program)
        .args(["desk", "--profile", "run.html"])
        .args(["photos", "/tmp", "--", "-x.png"])
        .current_dir(place.path("."))
        .env("PATH", "/bin:/usr/bin")
        .output()
        .expect("it runs")
}

#[test]
fn it_runs_the_window_program_beside_it() {
    let _alone = one_at_a_time();
    let place = Place::new();
    let program = moved(&place);
    let window = place.write(
        "reunite-desk",
        "#!/bin/sh\necho \"$@\" $REUNITE_PROFILE\nexit 7\n",
    );
    let allowed = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(window, allowed).expect("permission");
    let output = run(&place, &program);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "./photos /tmp ./-x.png run.html\n"
    );
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn without_the_window_program_it_says_what_to_do() {
    let _alone = one_at_a_time();
    let place = Place::new();
    let output = run(&place, &moved(&place));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains("cargo build --package reunite-desk"),
        "{message}"
    );
    assert_eq!(output.status.code(), Some(2));
}
