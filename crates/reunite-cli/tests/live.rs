//! The option `--live` of the long-running commands.
#![cfg(unix)]

mod harness;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr};
use std::time::Duration;

use harness::{Place, photo};
use loopback_site::{Reply, Server};

/// A command with a live view.
struct Watched {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// The address of the view, and the query with its token.
    address: String,
    query: String,
}

fn watch(place: &Place, args: &[&dyn AsRef<OsStr>]) -> Watched {
    let mut args = args.to_vec();
    args.extend([&"--live" as &dyn AsRef<OsStr>, &"0"]);
    let mut child = place.start(&args);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let url = line
        .trim()
        .strip_prefix("live view: http://")
        .unwrap_or_else(|| panic!("{line:?}"));
    let (address, query) = url.split_once('/').unwrap();
    Watched {
        address: address.to_owned(),
        query: query.to_owned(),
        child,
        stderr,
    }
}

impl Watched {
    fn ask(&self, method: &str, path: &str) -> TcpStream {
        let mut client = TcpStream::connect(&self.address).unwrap();
        let patience = Some(Duration::from_secs(60));
        client.set_read_timeout(patience).unwrap();
        let (address, query) = (&self.address, &self.query);
        let head = format!("{method} /{path}{query} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        client.write_all(head.as_bytes()).unwrap();
        client
    }

    /// Reads the stream of events until it contains `text`.
    fn sees(&self, text: &str) {
        let stream = BufReader::new(self.ask("GET", "events"));
        let mut lines = stream.lines().map(|line| line.unwrap());
        assert!(lines.any(|line| line.contains(text)), "no {text:?}");
    }

    fn cancel(&self) -> String {
        let mut answer = String::new();
        let mut client = self.ask("POST", "cancel");
        client.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Waits for the end. Returns the exit code and standard error.
    fn ends(mut self) -> (Option<i32>, String) {
        let mut told = String::new();
        self.stderr.read_to_string(&mut told).unwrap();
        (self.child.wait().unwrap().code(), told)
    }
}

#[test]
fn serve_is_shown_and_stopped_as_by_ctrl_c() {
    let place = Place::new();
    place.write("www/a.txt", "hello");
    let watched = watch(&place, &[&"serve", &"www", &"--listen", &"127.0.0.1:0"]);
    watched.sees(r#""name":"clients""#);
    assert!(watched.cancel().starts_with("HTTP/1.1 202 "));
    let (code, told) = watched.ends();
    assert_eq!(code, Some(0), "{told}");
}

#[test]
fn images_is_shown_and_cancelled() {
    let place = Place::new();
    let one = photo(2000, 1500, 1);
    for n in 0..200 {
        place.write(&format!("in/{n}.jpg"), &one);
    }
    let watched = watch(&place, &[&"images", &"in", &"--out", &"out", &"--json"]);
    watched.sees(r#""state":"running""#);
    assert!(watched.cancel().starts_with("HTTP/1.1 202 "));
    let output = watched.child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stdout).contains(r#""event":"left""#));
}

#[test]
fn a_crawl_is_shown_and_cancelled() {
    let place = Place::new();
    let page = |_: &_| Reply::html("<a href=/a>a</a><a href=/b>b</a>");
    let server = Server::start(1, page).expect("a server");
    let address = server.url("/");
    let watched = watch(
        &place,
        &[&"crawl", &address, &"--store", &"s.db", &"--delay", &"1h"],
    );
    watched.sees(r#""name":"crawl"#);
    assert!(watched.cancel().starts_with("HTTP/1.1 202 "));
    let (code, told) = watched.ends();
    assert_eq!(code, Some(130), "{told}");
}

#[test]
fn a_bench_is_shown_and_cancelled_in_any_of_its_ways() {
    let place = Place::new();
    let photos = harness::samples();
    let endless: [&dyn AsRef<OsStr>; 8] = [
        &"bench",
        &"table",
        &"--photos",
        &photos,
        &"--items",
        &"10000",
        &"--pace",
        &"1s",
    ];
    let watched = watch(&place, &endless);
    watched.sees(r#""name":"bench""#);
    assert!(watched.cancel().starts_with("HTTP/1.1 202 "));
    assert!(watched.cancel().starts_with("HTTP/1.1 202 "), "once more");
    let (code, told) = watched.ends();
    assert_eq!(code, Some(130), "{told}");
    assert!(told.contains("interrupted"), "{told}");
}

#[test]
fn commands_that_end_at_once_refuse_live() {
    let place = Place::new();
    for command in ["desk", "completions"] {
        let out = place.run(&[&command, &"bash", &"--live", &"0"]);
        assert_eq!((out.code, out.stdout.as_str()), (Some(2), ""), "{out:?}");
        assert!(out.stderr.contains("nothing to watch"), "{out:?}");
    }
}

#[test]
fn public_and_occupied_addresses_are_refused_with_advice() {
    let place = Place::new();
    let open = "0.0.0.0:0";
    let out = place.run(&[
        &"images", &"in", &"--out", &"out", &"--live", &open, &"--json",
    ]);
    assert_eq!(
        out.summary()["failed"],
        0,
        "the summary is printed although nothing was started"
    );
    assert_eq!(out.code, Some(2));
    assert!(out.stderr.contains("--live-anywhere"), "{}", out.stderr);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let out = place.run(&[&"images", &"in", &"--out", &"out", &"--live", &address]);
    assert_eq!(out.code, Some(2));
    assert!(out.stderr.contains("another port"), "{}", out.stderr);
}
