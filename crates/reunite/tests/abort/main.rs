//! Partial results in a program that is built with `panic=abort`, where nothing can unwind: its tasks complete cancelled
//! or deadlocked all the same, the process goes on, and where nobody would be told, it ends with a message.
//!
//! A test harness can only be built to unwind. So this builds the library, and a program with it, once more.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

fn run(command: &mut Command) -> Output {
    let output = command.output();
    output.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn succeed(command: &mut Command) {
    let output = run(command);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abort");
        let tool = |name: &str, variable| std::env::var_os(variable).unwrap_or_else(|| name.into());
        succeed(
            Command::new(tool("cargo", "CARGO"))
                .current_dir(here)
                .args(["build", "--quiet", "--package", "reunite", "--lib"])
                .args(["--config", "profile.dev.panic=\"abort\""])
                .args(["--config", "profile.dev.debug=false"])
                .arg("--target-dir")
                .arg(&target)
                .env_remove("RUSTFLAGS")
                .env_remove("CARGO_ENCODED_RUSTFLAGS"),
        );
        let built = target.join("debug");
        let mut library = std::ffi::OsString::from("reunite=");
        library.push(built.join("libreunite.rlib"));
        let program = target.join(format!("program{}", std::env::consts::EXE_SUFFIX));
        succeed(
            Command::new(tool("rustc", "RUSTC"))
                .arg(here.join("tests/abort/program.rs"))
                .args(["--edition", "2024", "-C", "panic=abort", "--extern"])
                .arg(library)
                .arg("-L")
                .arg(built.join("deps"))
                .arg("-o")
                .arg(&program),
        );
        program
    })
}

/// Returns the output of the program in this part, which must not end the process.
fn says(part: &str) -> String {
    let output = run(Command::new(program()).arg(part));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{part}: {told}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Returns the message with which this part ends the process.
fn dies_of(part: &str) -> String {
    let output = run(Command::new(program()).arg(part));
    assert!(!output.status.success(), "{part} went on");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_task_whose_iteration_is_cut_short_completes_cancelled_and_the_process_goes_on() {
    for part in [
        "task",
        "pool_task",
        "map_item",
        "pool_map_item",
        "nested",
        "own_half",
    ] {
        assert_eq!(says(part), "cancelled", "{part}");
    }
}

#[test]
fn a_scope_whose_body_is_cut_short_is_an_error() {
    assert_eq!(says("deadline"), "timeout");
    assert_eq!(says("tasks_that_never_began"), "cancelled");
}

#[test]
fn a_producer_that_was_cut_short_is_told_to_its_consumer() {
    assert_eq!(says("producer"), "cancelled");
    assert_eq!(says("relay"), "cut short");
}

#[test]
fn what_is_taken_from_a_closure_that_was_cut_short_is_no_part() {
    assert_eq!(says("race"), "Ok(100)");
    assert_eq!(says("forgiving_policy"), "an error");
    assert_eq!(says("ended"), "no value, an error");
    assert_eq!(says("once"), "cancelled\nNone");
}

#[test]
fn where_nobody_would_be_told_the_process_ends_with_a_message() {
    let told = dies_of("plain_scope");
    assert!(told.contains("was cut short: cancelled by scope"), "{told}");
    assert!(told.contains("Ctrl-C"), "{told}");
    let told = dies_of("stolen_half");
    assert!(told.contains("iteration over messages at"), "{told}");
    assert!(told.contains("program.rs"), "{told}");
    assert!(told.contains("cancelled through its handle"), "{told}");
    let told = dies_of("unwind");
    assert!(told.contains("cancelled through its handle"), "{told}");
    if cfg!(target_os = "linux") {
        let told = dies_of("refused");
        assert!(told.contains("was cut short: deadlock: "), "{told}");
    }
}
