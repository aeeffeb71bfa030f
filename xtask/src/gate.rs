//! The gates: which checks run, in which order.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::metadata::Metadata;
use crate::shell::{self, step};
use crate::test_summary::{self, TestSummary};
use crate::{exports, layers, msrv, scaling, unsafe_census, words};

/// The crate that renders the sample photos. It changes rarely and takes long to compile.
const PAINTER: &str = "sample-painter";

/// The tests of the workspace. All test runs choose the same packages and features, as cargo compiles a dependency anew
/// for another choice.
const TEST_WORKSPACE: [&str; 7] = [
    "test",
    "--workspace",
    "--exclude",
    PAINTER,
    "--features",
    "reunite/tracing,reunite/signal",
    "--no-fail-fast",
];

/// Runs the fast checks, for all crates but the painter or for one. The checks that only read the source take a second, so
/// they read all of it.
pub(crate) fn check(package: Option<&str>) -> Result<(), String> {
    let formatted = package.map_or(vec!["--all"], |name| vec!["-p", name]);
    let compiled = package.map_or(vec!["--workspace", "--exclude", PAINTER], |name| {
        vec!["-p", name]
    });
    step("format", || {
        shell::run(
            shell::cargo()
                .arg("fmt")
                .args(formatted)
                .args(["--", "--check"]),
        )
    })?;
    step("clippy", || clippy(&compiled))?;
    step("rustdoc", || rustdoc(&compiled))?;
    step("unsafe census", unsafe_census::run)?;
    step("exports", exports::run)?;
    step("layers", layers::run)?;
    step("words", || {
        words::run(&words::Options {
            package,
            ..words::Options::default()
        })
    })
}

fn clippy(packages: &[&str]) -> Result<(), String> {
    shell::run(shell::cargo().arg("clippy").args(packages).args([
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))
}

fn rustdoc(packages: &[&str]) -> Result<(), String> {
    shell::run(
        shell::cargo()
            .arg("doc")
            .args(packages)
            .args(["--no-deps", "--all-features"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// Renders the sample photos, with optimisations.
pub(crate) fn samples(args: &[&str]) -> Result<(), String> {
    let here = std::env::current_dir().map_err(|why| why.to_string())?;
    shell::run(
        shell::cargo()
            .args(["run", "--release", "--package", PAINTER, "--"])
            .args(args)
            .current_dir(here),
    )
}

pub(crate) fn test() -> Result<(), String> {
    let summary = workspace_tests()?;
    println!("{summary}");
    Ok(())
}

pub(crate) fn model() -> Result<(), String> {
    match model_checks()? {
        Some(summary) => println!("{summary}"),
        None => println!("model: crates/reunite has no model checks"),
    }
    Ok(())
}

pub(crate) fn no_looks() -> Result<(), String> {
    println!("{}", tests_without_looks()?);
    Ok(())
}

/// Runs all that a change must pass.
pub(crate) fn ci() -> Result<(), String> {
    let start = Instant::now();
    check(None)?;
    step("painter", || {
        clippy(&["-p", PAINTER])?;
        rustdoc(&["-p", PAINTER])
    })?;
    step("msrv", msrv::run)?;
    let mut summary = step("tests", workspace_tests)?;
    summary += step("tests without looks", tests_without_looks)?;
    summary += step("browser", browser_checks)?;
    if let Some(more) = step("model checks", model_checks)? {
        summary += more;
    }
    step("scaling", || scaling::run(""))?;
    println!(
        "every check passed in {:.0} s",
        start.elapsed().as_secs_f64()
    );
    println!("{summary}");
    Ok(())
}

fn workspace_tests() -> Result<TestSummary, String> {
    test_summary::run(full_scale(&mut shell::cargo()).args(TEST_WORKSPACE))
}

/// Has tests that repeat something do so as often as fits into a run before a merge, unless the environment says otherwise.
fn full_scale(tests: &mut Command) -> &mut Command {
    const SCALE: &str = "REUNITE_TEST_SCALE";
    match std::env::var_os(SCALE) {
        Some(_) => tests,
        None => tests.env(SCALE, "0.7"),
    }
}

pub(crate) fn browser() -> Result<(), String> {
    println!("{}", browser_checks()?);
    Ok(())
}

/// Tests the generated pages in Chromium.
fn browser_checks() -> Result<TestSummary, String> {
    test_summary::run(shell::cargo().args(TEST_WORKSPACE).args([
        "--test",
        "browser",
        "--",
        "--ignored",
    ]))
}

/// Tests the library with waits that never look up again by themselves: a lost wake-up then hangs instead of being late.
/// The tests ran before, with more repetitions.
/// Without features, because `tracing` prepares each task for what it inherits, and would hide tasks that inherit nothing.
fn tests_without_looks() -> Result<TestSummary, String> {
    let metadata = Metadata::load()?;
    // A target directory of its own, because the flag changes every crate.
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
    test_summary::run(
        shell::cargo()
            .args(test)
            .env("RUSTFLAGS", "--cfg reunite_no_looks"),
    )
}

fn model_checks() -> Result<Option<TestSummary>, String> {
    let metadata = Metadata::load()?;
    let Some(package) = metadata.package("reunite") else {
        return Ok(None);
    };
    let manifest = Path::new(crate::metadata::text(&package["manifest_path"]));
    if !manifest.with_file_name("tests").join("model.rs").exists() {
        return Ok(None);
    }
    // A target directory of its own, because the flag changes every crate.
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
    test_summary::run(
        shell::cargo()
            .args(test)
            .env("RUSTFLAGS", "--cfg reunite_model"),
    )
    .map(Some)
}
