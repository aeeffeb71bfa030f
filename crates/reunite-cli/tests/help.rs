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

#[test]
fn every_help_says_what_the_command_does_and_how_it_ends() {
    let summary = "Resize pictures, crawl web sites and serve folders, in parallel\n";
    assert!(help(&[], "--help").starts_with(summary));
    let commands: [&[&str]; 4] = [&["images"], &["crawl"], &["crawl", "report"], &["serve"]];
    for command in commands {
        assert!(
            help(command, "--help").contains("Exit codes: 0 "),
            "{command:?}"
        );
    }
    assert!(help(&["crawl"], "--help").contains("command again to continue a crawl"));
    assert!(help(&["serve"], "--help").contains("can read the folder"));
    assert!(help(&["bench", "table"], "--help").contains("The job: fetch photos"));
    assert!(help(&["dump"], "--help").contains("must have opted in"));
}

/// Returns the heading above the line of an option.
fn heading<'a>(help: &'a str, option: &str) -> &'a str {
    let is_option = |line: &&str| {
        let mut words = line.split([' ', ',']);
        line.starts_with("  ") && words.any(|word| word == option)
    };
    let at = help
        .lines()
        .position(|line| is_option(&line))
        .expect("an option");
    let above: Vec<&str> = help.lines().take(at).collect();
    let headings = above.into_iter().rev();
    let mut headings = headings.filter(|line| !line.is_empty() && !line.starts_with(' '));
    headings.next().expect("a heading")
}

#[test]
fn options_are_under_the_heading_that_they_belong_to() {
    for (command, options) in [
        ("crawl", ["--json", "--quiet"]),
        ("serve", ["--log", "--quiet"]),
    ] {
        let help = help(&[command], "--help");
        for option in options {
            assert_eq!(heading(&help, option), "Options:", "{command} {option}");
        }
        for option in ["--profile", "--progress", "--live"] {
            assert_eq!(
                heading(&help, option),
                "Common options:",
                "{command} {option}"
            );
        }
    }
    assert_eq!(
        heading(&help(&["crawl"], "--help"), "--cookies"),
        "Requests:"
    );
}
