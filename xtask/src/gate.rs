//! The gates: which checks run, in which order.

use std::path::Path;
use std::time::Instant;

use crate::metadata::Metadata;
use crate::shell::{self, step};
use crate::tally::{self, Tally};
use crate::{exports, layers, msrv, scaling, unsafe_census};

/// The fast gate.
pub(crate) fn check() -> Result<(), String> {
    step("format", || {
        shell::run(shell::cargo().args(["fmt", "--all", "--", "--check"]))
    })?;
    step("clippy", || {
        shell::run(shell::cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    step("rustdoc", || {
        shell::run(
            shell::cargo()
                .args(["doc", "--workspace", "--no-deps", "--all-features"])
                .env("RUSTDOCFLAGS", "-D warnings"),
        )
    })?;
    step("unsafe census", unsafe_census::run)?;
    step("exports", exports::run)?;
    step("layers", layers::run)
}

pub(crate) fn test() -> Result<(), String> {
    let tally = workspace_tests()?;
    println!("{tally}");
    Ok(())
}

pub(crate) fn model() -> Result<(), String> {
    match model_checks()? {
        Some(tally) => println!("{tally}"),
        None => println!("model: crates/reunite has no model checks"),
    }
    Ok(())
}

pub(crate) fn no_looks() -> Result<(), String> {
    println!("{}", tests_without_looks()?);
    Ok(())
}

/// All that a change must pass.
pub(crate) fn ci() -> Result<(), String> {
    let start = Instant::now();
    check()?;
    step("msrv", msrv::run)?;
    let mut tally = step("tests", workspace_tests)?;
    tally += step("tests without looks", tests_without_looks)?;
    tally += step("browser", browser_checks)?;
    if let Some(more) = step("model checks", model_checks)? {
        tally += more;
    }
    step("scaling", || scaling::run(""))?;
    println!(
        "every check passed in {:.0} s",
        start.elapsed().as_secs_f64()
    );
    println!("{tally}");
    Ok(())
}

fn workspace_tests() -> Result<Tally, String> {
    tally::run(shell::cargo().args([
        "test",
        "--workspace",
        "--features",
        "reunite/tracing,reunite/signal",
        "--no-fail-fast",
    ]))
}

pub(crate) fn browser() -> Result<(), String> {
    println!("{}", browser_checks()?);
    Ok(())
}

/// The pages that the program makes, in Chromium.
fn browser_checks() -> Result<Tally, String> {
    tally::run(shell::cargo().args([
        "test",
        "-p",
        "reunite-cli",
        "--test",
        "browser",
        "--",
        "--ignored",
    ]))
}

/// Waits look up again now and then, so a wake-up that was lost would only be late. Here they do not, so it hangs. Without
/// features, as `tracing` has each task prepared for what it inherits, which hides how tasks are that inherit nothing.
fn tests_without_looks() -> Result<Tally, String> {
    let metadata = Metadata::load()?;
    // Another target directory, as the flag would have every build undo the other's work.
    let target = format!("{}/no-looks", metadata.target_directory());
    let test = [
        "test",
        "-p",
        "reunite",
        "--lib",
        "--tests",
        "--no-fail-fast",
        "--target-dir",
        &target,
    ];
    tally::run(
        shell::cargo()
            .args(test)
            .env("RUSTFLAGS", "--cfg reunite_no_looks"),
    )
}

fn model_checks() -> Result<Option<Tally>, String> {
    let metadata = Metadata::load()?;
    let Some(package) = metadata.package("reunite") else {
        return Ok(None);
    };
    let manifest = Path::new(crate::metadata::text(&package["manifest_path"]));
    if !manifest.with_file_name("tests").join("model.rs").exists() {
        return Ok(None);
    }
    // Another target directory, as the flag would have every build undo the other's work.
    let target = format!("{}/model", metadata.target_directory());
    let test = [
        "test",
        "-p",
        "reunite",
        "--release",
        "--lib",
        "--test",
        "model",
        "--test",
        "model_sync",
        "--test",
        "model_wakeups",
        "--test",
        "model_cells",
        "--target-dir",
        &target,
    ];
    tally::run(
        shell::cargo()
            .args(test)
            .env("RUSTFLAGS", "--cfg reunite_model"),
    )
    .map(Some)
}
