//! A live view, requested as browsers do.

#![cfg(unix)]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reunite::{Builder, ScopeBuilder};
use reunite_live::{Live, MOST_OF_A_SCOPE, Options};
use serde_json::Value;

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Far longer than any step takes.
const LONG: Duration = Duration::from_secs(60);

fn start(cancel: impl Fn() -> bool + Send + Sync + 'static) -> Live {
    Live::start(ANY, Options::new("test"), cancel).unwrap()
}

/// Returns the address of the view, and the part of its URL after the slash.
fn parts(live: &Live) -> (&str, &str) {
    let rest = live.url().strip_prefix("http://").unwrap();
    rest.split_once('/').unwrap()
}

fn ask(live: &Live, method: &str, path: &str) -> BufReader<TcpStream> {
    let (address, query) = parts(live);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    write!(
        stream,
        "{method} /{path}{query} HTTP/1.1\r\nHost: {address}\r\n\r\n"
    )
    .unwrap();
    BufReader::new(stream)
}

fn answer(live: &Live, method: &str, path: &str) -> String {
    let mut text = String::new();
    ask(live, method, path).read_to_string(&mut text).unwrap();
    text
}

/// Returns the next snapshot of a stream; `None` at its end.
fn next(stream: &mut BufReader<TcpStream>) -> Option<Value> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).unwrap() == 0 || line == "event: end\n" {
            return None;
        }
        if let Some(data) = line.strip_prefix("data: ") {
            return Some(serde_json::from_str(data).unwrap());
        }
    }
}

fn scope<'a>(snapshot: &'a Value, name: &str) -> Option<&'a Value> {
    let scopes = snapshot["scopes"].as_array().unwrap();
    scopes.iter().find(|scope| scope["name"] == name)
}

#[test]
fn the_tree_is_streamed_until_the_view_ends() {
    let live = start(|| false);
    let mut stream = ask(&live, "GET", "events");
    let first = next(&mut stream).unwrap();
    assert!(scope(&first, "watched").is_none());
    ScopeBuilder::new()
        .name("watched")
        .scope(|s| {
            let queued = Builder::new().name("late");
            let sleeper =
                s.spawn_with(Builder::new().name("sleeper"), || reunite::sleep(60 * LONG));
            s.spawn_with(queued, || reunite::sleep(60 * LONG));
            let seen = loop {
                let snapshot = next(&mut stream).unwrap();
                let Some(scope) = scope(&snapshot, "watched") else {
                    continue;
                };
                let task = &scope["tasks"][0];
                if task["waits"]["what"] == "sleeps" {
                    assert_eq!(task["name"], "sleeper");
                    assert!(task["at"].as_str().unwrap().contains("view.rs:"));
                    break snapshot;
                }
            };
            assert!(seen["spawned"].as_u64() >= Some(2) && seen["blocked"].as_u64() >= Some(1));
            let of_the_view = r#""at":"crates/reunite-live/src"#;
            let shown = seen["scopes"].to_string();
            assert!(
                !shown.contains(of_the_view),
                "in the tree of the program: {seen}"
            );
            // Lists the views of all tests of this process.
            assert!(seen["own"].to_string().contains(of_the_view), "{seen}");
            sleeper.cancel();
            s.canceller().cancel("seen");
        })
        .unwrap_or_default();
    drop(live);
    while next(&mut stream).is_some() {}
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "data: end\n\n");
}

#[test]
fn tasks_that_are_left_out_are_counted() {
    let live = start(|| false);
    let many = MOST_OF_A_SCOPE + 50;
    ScopeBuilder::new()
        .name("many")
        .max_threads(1)
        .scope(|s| {
            for _ in 0..many {
                s.spawn(|| reunite::sleep(60 * LONG));
            }
            let mut stream = ask(&live, "GET", "events");
            let snapshot = loop {
                let snapshot = next(&mut stream).unwrap();
                if scope(&snapshot, "many")
                    .is_some_and(|many| many["tasks"][0]["state"] == "blocked")
                {
                    break snapshot;
                }
            };
            let seen = scope(&snapshot, "many").unwrap();
            assert_eq!(seen["tasks"].as_array().unwrap().len(), MOST_OF_A_SCOPE);
            assert_eq!(seen["left_off"], 50);
            s.canceller().cancel("seen");
        })
        .unwrap_or_default();
}

#[test]
fn panics_and_deadlocks_are_reported() {
    let live = start(|| false);
    let _panicked = reunite::spawn(|| panic!("on purpose")).join();
    let met = reunite::sync::Barrier::new(2);
    let locks = (reunite::sync::Mutex::new(()), reunite::sync::Mutex::new(()));
    reunite::scope(|s| {
        s.spawn(|| {
            let _a = locks.0.lock();
            met.wait().unwrap();
            let _b = locks.1.lock();
        });
        s.spawn(|| {
            let _b = locks.1.lock();
            met.wait().unwrap();
            let _a = locks.0.lock();
        });
    });
    let snapshot = next(&mut ask(&live, "GET", "events")).unwrap();
    let reports = snapshot["reports"].as_array().unwrap();
    let has = |kind: &str, text: &str| {
        let mut ours = reports.iter().filter(|report| report["kind"] == kind);
        ours.any(|report| report["text"].as_str().unwrap().contains(text))
    };
    assert!(has("panic", "panicked"), "{reports:?}");
    assert!(has("deadlock", "held since"), "{reports:?}");
}

#[test]
fn the_button_cancels_or_says_that_there_is_nothing_to_cancel() {
    let pressed = Arc::new(AtomicBool::new(false));
    let was_pressed = Arc::clone(&pressed);
    let live = start(move || {
        was_pressed.store(true, Ordering::Relaxed);
        true
    });
    assert!(answer(&live, "POST", "cancel").starts_with("HTTP/1.1 202 "));
    assert!(pressed.load(Ordering::Relaxed));
    let live = start(|| false);
    assert!(answer(&live, "POST", "cancel").starts_with("HTTP/1.1 409 "));
}

#[test]
fn a_request_without_the_token_reveals_nothing() {
    let live = start(|| panic!("cancelled by a stranger"));
    let (address, _) = parts(&live);
    for request in [
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "GET /events?token=00000000000000000000000000000000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "POST /cancel HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 403 "), "{text}");
        assert!(!text.contains("scopes"), "{text}");
    }
    let page = answer(&live, "GET", "");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("script-src 'nonce-"));
}

#[test]
fn a_client_that_reads_nothing_delays_neither_others_nor_the_end() {
    let live = start(|| false);
    ScopeBuilder::new()
        .name("wordy")
        .max_threads(1)
        .scope(|s| {
            // Snapshots so large that no socket buffer holds a few of them.
            for n in 0..MOST_OF_A_SCOPE {
                let name = format!("{n}{}", " and so on".repeat(2_000));
                s.spawn_with(Builder::new().name(name), || reunite::sleep(60 * LONG));
            }
            let slow = ask(&live, "GET", "events");
            let mut other = ask(&live, "GET", "events");
            let name = format!("client {}", slow.get_ref().local_addr().unwrap());
            let is_stuck = |client: &Value| {
                let waits = &client["waits"];
                client["name"] == *name
                    && waits["at"].as_str().is_some_and(|at| at.contains("raw.rs"))
                    && waits["seconds"].as_f64() > Some(0.5)
            };
            let stuck = |snapshot: &Value| {
                let servers = snapshot["own"].as_array().unwrap().iter();
                let clients = servers.flat_map(|server| server["scopes"][0]["tasks"].as_array());
                clients.flatten().any(is_stuck)
            };
            while !next(&mut other).is_some_and(|snapshot| stuck(&snapshot)) {}
            assert!(next(&mut other).is_some());
            let silent = TcpStream::connect(parts(&live).0).unwrap();
            drop(other);
            let begun = Instant::now();
            drop(live);
            // Less than the write timeout of the server.
            assert!(
                begun.elapsed() < Duration::from_secs(4),
                "{:?}",
                begun.elapsed()
            );
            drop((slow, silent));
            s.canceller().cancel("seen");
        })
        .unwrap_or_default();
}

#[test]
fn an_address_that_other_machines_can_reach_is_refused_unless_allowed() {
    let all = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let refused = Live::start(all, Options::new("test"), || false).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    let live = Live::start(all, Options::new("test").anywhere(true), || false).unwrap();
    assert!(live.url().starts_with("http://127.0.0.1:"));
    let first = start(|| false);
    let address = parts(&first).0.parse().unwrap();
    let in_use = Live::start(address, Options::new("test"), || false).unwrap_err();
    assert_eq!(in_use.kind(), ErrorKind::AddrInUse);
}
