//! The help of every command can be read in a terminal of 80 columns, and its examples can be copied.
#![cfg(unix)]

mod harness;

use harness::Place;

const COMMANDS: [&[&str]; 10] = [
    &[],
    &["images"],
    &["bench"],
    &["bench", "table"],
    &["dump"],
    &["desk"],
    &["crawl"],
    &["crawl", "report"],
    &["serve"],
    &["completions"],
];

fn help(command: &[&str], flag: &str) -> String {
    let place = Place::new();
    let words = command.iter().chain([&flag]);
    let words: Vec<&dyn AsRef<std::ffi::OsStr>> = words.map(|word| word as _).collect();
    let output = place.command(&words).env_remove("COLUMNS").output();
    let ran: harness::Ran = output.expect("the program starts").into();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stderr, "");
    ran.stdout
}

#[test]
fn every_help_fits_a_terminal_of_80_columns() {
    for command in COMMANDS {
        for flag in ["-h", "--help"] {
            for line in help(command, flag).lines() {
                assert!(line.chars().count() <= 80, "{command:?} {flag}: {line}");
            }
        }
    }
}

#[test]
fn no_example_is_broken_inside_a_command() {
    for command in [&["images"], &["crawl"], &["serve"]] {
        let help = help(command, "--help");
        let (_, examples) = help.split_once("\nExamples:\n").expect("examples");
        let mut continues = false;
        for line in examples.lines().take_while(|line| !line.is_empty()) {
            let is_start = ["  reunite ", "  sqlite3 "]
                .iter()
                .any(|start| line.starts_with(start));
            assert_ne!(is_start, continues, "{command:?}: {line}");
            continues = line.ends_with(" \\");
        }
        assert!(!continues, "{command:?}");
    }
}
