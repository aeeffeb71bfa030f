//! Text that would steer a terminal is escaped, whichever command shows it.
#![cfg(target_os = "linux")]

mod harness;

use std::io::{BufRead, BufReader};

use harness::{Place, Ran};
use loopback_site::{Reply, Server};

/// U+202E turns the direction of what follows, U+200E is invisible, U+001B begins a command of the terminal.
const NAME: &str = "photo\u{202e}gpj\u{200e}\u{1b}[2J.jpg";

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
