//! Runs the tools that the checks consist of, and prints each command and its duration.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

pub(crate) fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

pub(crate) fn cargo() -> Command {
    tool(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
}

pub(crate) fn tool(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace_root()).stdin(Stdio::null());
    command
}

/// Runs `body`, and prints its name before and its duration after.
pub(crate) fn step<T>(name: &str, body: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    println!("==> {name}");
    let start = Instant::now();
    let outcome = body();
    let word = if outcome.is_ok() { "ok" } else { "FAILED" };
    println!(
        "    {name}: {word} ({:.1} s)",
        start.elapsed().as_secs_f64()
    );
    outcome
}

pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let shown = line_of(command);
    println!("    {shown}");
    let status = command
        .status()
        .map_err(|why| format!("`{shown}` did not start: {why}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{shown}` failed ({status})"))
    }
}

/// Runs `command` and returns its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let shown = line_of(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|why| format!("`{shown}` did not start: {why}"))?;
    if !output.status.success() {
        return Err(format!("`{shown}` failed ({})", output.status));
    }
    String::from_utf8(output.stdout).map_err(|why| format!("`{shown}`: {why}"))
}

/// Returns the command line of `command`, as a person would type it.
pub(crate) fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let settings = command
        .get_envs()
        .filter_map(|(key, value)| Some((key, value?)))
        .map(|(key, value)| format!("{}=\"{}\"", key.to_string_lossy(), value.to_string_lossy()));
    let words = std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned());
    settings.chain(words).collect::<Vec<_>>().join(" ")
}
