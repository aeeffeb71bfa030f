//! Waits that any thread may end are refused only when every thread of the process waits. A test harness has
//! threads of its own, so these tests run in a process without one: this program starts itself, once for each
//! part, and ends that process if it hangs.

mod classic;
mod many_waits;
mod model;
mod partial_results;
mod program;
mod random;

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Far longer than any part takes.
const PATIENCE: Duration = Duration::from_secs(300);

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [flag, part] = &arguments[..]
        && flag == "--part"
    {
        run(part);
        return ExitCode::SUCCESS;
    }
    if !cfg!(target_os = "linux") {
        println!("0 passed, 0 failed: only Linux tells how many threads a process has");
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        parts().for_each(|part| println!("{part}: test"));
        return ExitCode::SUCCESS;
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let chosen = parts().filter(|part| filter.is_none_or(|filter| part.contains(filter.as_str())));
    let (mut passed, mut failed) = (0, 0);
    for part in chosen {
        let outcome = watch(part);
        println!(
            "test {part} ... {}",
            if outcome.is_ok() { "ok" } else { "FAILED" }
        );
        match outcome {
            Ok(()) => passed += 1,
            Err(why) => {
                println!("{why}");
                failed += 1;
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn parts() -> impl Iterator<Item = &'static str> {
    named().map(|(name, _)| *name).chain(["random_programs"])
}

fn named() -> impl Iterator<Item = &'static (&'static str, fn())> {
    classic::ALL
        .iter()
        .chain(many_waits::ALL)
        .chain(partial_results::ALL)
}

fn run(part: &str) {
    match named().find(|(name, _)| *name == part) {
        Some((_, test)) => test(),
        None => random::run(),
    }
}

/// Runs one part in a process of its own.
fn watch(part: &str) -> Result<(), String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(this)
        .args(["--part", part])
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let give_up = Instant::now() + PATIENCE;
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("{part}: {status}")),
            None if Instant::now() > give_up => {
                child.kill().map_err(|error| error.to_string())?;
                return Err(format!("{part} hangs"));
            }
            // Only the watching process waits with a time limit.
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}
