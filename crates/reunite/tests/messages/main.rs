//! Tests of the messages of the compiler for common mistakes: they name the cause and the remedy.
//!
//! Each file in `programs` has a mistake. Lines that begin with `//~` are texts that the compiler's message must contain.
//! With `--cfg mended` the program follows the message, and must compile.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(command: &mut Command) -> Output {
    let output = command.output();
    output.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn tool(name: &str, variable: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| name.into())
}

/// Builds the library; returns the folder with what was built.
fn library() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("messages");
    let output = run(Command::new(tool("cargo", "CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--package", "reunite", "--lib"])
        .args(["--config", "profile.dev.debug=false"])
        .arg("--target-dir")
        .arg(&target)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS"));
    assert!(output.status.success(), "{}", told(&output));
    target.join("debug")
}

fn compile(program: &Path, built: &Path) -> Command {
    let mut library = OsString::from("reunite=");
    library.push(built.join("libreunite.rlib"));
    let mut rustc = Command::new(tool("rustc", "RUSTC"));
    rustc
        .arg(program)
        .args([
            "--edition",
            "2024",
            "--emit",
            "metadata",
            "--color",
            "never",
        ])
        .args(["--check-cfg", "cfg(mended)", "--extern"])
        .arg(library)
        .arg("-L")
        .arg(built.join("deps"))
        .arg("--out-dir")
        .arg(built);
    rustc
}

/// Returns what is wrong with the messages for this program.
fn faults(program: &Path, built: &Path) -> Option<String> {
    let text = std::fs::read_to_string(program).unwrap();
    let expected: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("//~ "))
        .collect();
    assert!(
        !expected.is_empty(),
        "{} expects no text",
        program.display()
    );
    let output = run(&mut compile(program, built));
    // The compiler breaks long notes into lines.
    let said = told(&output)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let missing = expected.iter().find(|text| !said.contains(**text));
    let mended = run(compile(program, built).args(["--cfg", "mended"]));
    let fault = match missing {
        Some(text) => format!(
            "the compiler does not say {text:?}, but:\n{}",
            told(&output)
        ),
        None if output.status.success() => "it compiles with the mistake".to_owned(),
        None if !mended.status.success() => {
            format!("it does not compile when mended:\n{}", told(&mended))
        }
        None => return None,
    };
    Some(format!("{}: {fault}", program.display()))
}

#[test]
fn messages_of_the_compiler_name_the_cause_and_the_remedy() {
    let built = library();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages/programs");
    let programs = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let programs: Vec<PathBuf> = programs.collect();
    assert!(programs.len() >= 10);
    let faults: Vec<String> = programs
        .iter()
        .filter_map(|it| faults(it, &built))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}
