//! Text that would steer a terminal is escaped, whichever command shows it.
#![cfg(target_os = "linux")]

mod harness;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use harness::{Place, Ran};
use loopback_site::{Reply, Server};

/// U+202E turns the direction of what follows, U+200E is invisible, U+001B begins a command of the terminal.
const NAME: &str = "photo\u{202e}gpj\u{200e}\u{1b}[2J.jpg";

/// JSON allows these in its strings, and U+009B begins a command as U+001B does.
const NAME_IN_JSON: &str = "photo\u{202e}gpj\u{9b}2J.jpg";

/// Fails unless the output steers no terminal.
fn assert_json_escaped(ran: &Ran) {
    for steering in ['\u{202e}', '\u{9b}'] {
        assert!(!ran.stdout.contains(steering), "{ran:?}");
    }
    assert!(ran.stdout.contains("gpj\\u009b2J"), "not shown: {ran:?}");
}

fn assert_escaped(shown: &str) {
    assert!(shown.contains("\\u{202e}"), "not shown: {shown}");
    for steering in ['\u{202e}', '\u{200e}', '\u{1b}'] {
        assert!(!shown.contains(steering), "{shown:?}");
    }
}

fn shown(ran: &Ran) -> String {
    format!("{}{}", ran.stdout, ran.stderr)
}

#[test]
fn images_escapes_the_names_of_files() {
    let place = Place::new();
    place.write(&format!("in/{NAME}"), harness::photo(8, 8, 1));
    let dry = place.run(&[&"images", &"in", &"--out", &"out", &"--dry-run"]);
    assert_escaped(&shown(&dry));
    place.write(&format!("in/{NAME}"), b"no picture");
    let failed = place.run(&[&"images", &"in", &"--out", &"out"]);
    assert_escaped(&shown(&failed));
}

#[test]
fn crawl_escapes_links_and_addresses() {
    let server = Server::start(1, |request| match request.path.as_str() {
        "/" => Reply::html("<a href='http://a b\u{202e}\u{200e}/'>a</a>"),
        _ => Reply::status(404),
    })
    .expect("a server");
    let place = Place::new();
    let url = server.url("/");
    let ran = place.run(&[
        &"crawl",
        &url,
        &"--store",
        &"s.db",
        &"--no-sitemaps",
        &"--check",
    ]);
    assert_escaped(&shown(&ran));
    let refused = place.run(&[&"crawl", &format!("http://{NAME} /"), &"--store", &"t.db"]);
    assert_escaped(&shown(&refused));
}

#[test]
fn images_escapes_names_in_json_and_their_values_stay() {
    let place = Place::new();
    let name = format!("in/{NAME_IN_JSON}");
    for content in [harness::photo(8, 8, 1), b"no picture".to_vec()] {
        place.write(&name, content);
        let ran = place.run(&[&"images", &"in", &"--out", &"out", &"--json", &"--force"]);
        assert_json_escaped(&ran);
        assert_eq!(ran.events()[0]["input"], *name, "{ran:?}");
    }
}

#[test]
fn crawl_escapes_messages_and_links_in_json_and_their_values_stay() {
    let server = Server::start(1, |request| match request.path.as_str() {
        "/" => Reply::html(format!("<a href='http://a b{NAME_IN_JSON}/'>a</a>")),
        _ => Reply::status(404),
    })
    .expect("a server");
    let (place, url) = (Place::new(), server.url("/"));
    let store = format!("{NAME_IN_JSON}/s.db");
    let failed = place.run(&[&"crawl", &url, &"--store", &store, &"--json"]);
    assert_json_escaped(&failed);
    let summary = failed.summary();
    let message = summary["error"].as_str().expect("a message");
    assert!(message.contains(NAME_IN_JSON), "{message:?}");

    place.run(&[&"crawl", &url, &"--store", &"s.db", &"--no-sitemaps"]);
    let report = place.run(&[&"crawl", &"report", &"s.db", &"--format", &"json"]);
    assert_json_escaped(&report);
    let read: serde_json::Value = serde_json::from_str(&report.stdout).expect("JSON");
    let link = format!("http://a b{NAME_IN_JSON}/");
    assert_eq!(read["malformed"]["first"][0]["link"], *link);
}

#[test]
fn serve_escapes_the_name_of_the_folder() {
    let place = Place::new();
    place.write(&format!("{NAME}/a"), b"a");
    let mut running = place.start(&[&"serve", &NAME, &"--listen", &"127.0.0.1:0"]);
    let mut first = String::new();
    let mut told = BufReader::new(running.stderr.take().expect("a pipe"));
    told.read_line(&mut first).expect("text");
    running.kill().expect("it can be ended");
    running.wait().expect("it ends");
    assert_escaped(&first);
}

#[test]
fn arguments_that_make_no_sense_are_escaped() {
    let place = Place::new();
    let ran = place.run(&[&"images", &"in", &"--out", &"out", &"--jobs", &NAME]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_escaped(&shown(&ran));
}

/// Runs `reunite images ARGUMENT` on a terminal of its own, made by `script` of util-linux, and returns what the
/// terminal receives.
fn on_terminal(place: &Place, argument: &str) -> String {
    let output = Command::new("script")
        .args([
            "-q",
            "-e",
            "-c",
            r#""$REUNITE" images "$ARGUMENT""#,
            "/dev/null",
        ])
        .env("REUNITE", env!("CARGO_BIN_EXE_reunite"))
        .env("ARGUMENT", argument)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .current_dir(place.path(""))
        .stdin(Stdio::null())
        .output()
        .expect("`script` of util-linux");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn arguments_are_escaped_on_a_terminal() {
    let place = Place::new();
    let shown = on_terminal(&place, "--x\u{1b}[2J\u{7}");
    assert!(shown.contains("--x\\u{1b}[2J\\u{7}"), "{shown:?}");
    assert!(
        !shown.contains("\u{1b}[2J") && !shown.contains('\u{7}'),
        "{shown:?}"
    );
    assert!(shown.contains("\u{1b}[0m"), "it is coloured: {shown:?}");
}

#[test]
fn a_line_end_in_an_argument_forges_no_line() {
    let place = Place::new();
    let forged = "--x\nreunite: 40 pictures written";
    let ran = place.run(&[&"images", &forged]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("--x\\nreunite: 40"), "{ran:?}");
    assert!(!on_terminal(&place, forged).contains("\nreunite:"));
}

#[test]
fn every_steering_character_of_an_argument_is_shown() {
    let place = Place::new();
    let ran = place.run(&[&"images", &format!("--{NAME}")]);
    assert!(ran.stderr.contains("\\u{1b}[2J"), "{ran:?}");
    assert_escaped(&shown(&ran));
}
