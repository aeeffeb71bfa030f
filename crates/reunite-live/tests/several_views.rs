//! Views that run at the same time or one after the other. A test binary of its own, because the figures are the
//! process's.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reunite::channel::bounded;
use reunite_live::{Live, Options};
use serde_json::Value;

/// Far longer than any step takes.
const LONG: Duration = Duration::from_secs(60);

/// Lets one test run at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start() -> Live {
    let here = "127.0.0.1:0".parse().unwrap();
    Live::start(here, Options::new("one of several"), || false).unwrap()
}

fn ask_for_events(live: &Live) -> TcpStream {
    let rest = live.url().strip_prefix("http://").unwrap();
    let (address, query) = rest.split_once('/').unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    let head = format!("GET /events{query} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    client.write_all(head.as_bytes()).unwrap();
    client
}

struct Stream(Lines<BufReader<TcpStream>>);

impl Stream {
    fn of(live: &Live) -> Self {
        Self(BufReader::new(ask_for_events(live)).lines())
    }

    fn next(&mut self) -> Value {
        let mut lines = self.0.by_ref().map(Result::unwrap);
        let data = lines.find_map(|line| Some(line.strip_prefix("data: ")?.to_owned()));
        serde_json::from_str(&data.expect("a snapshot")).unwrap()
    }
}

/// Returns how much a figure in seconds grew between two snapshots.
fn growth(figure: &str, before: &Value, after: &Value) -> f64 {
    after[figure].as_f64().unwrap() - before[figure].as_f64().unwrap()
}

#[test]
fn views_at_the_same_time_are_in_no_figure_of_each_other() {
    let _alone = alone();
    let views = [start(), start(), start()];
    let mut streams = views.each_ref().map(Stream::of);
    let before = streams.each_mut().map(Stream::next);
    let after = (0..5).map(|_| streams.each_mut().map(Stream::next)).last();
    for (before, after) in before.iter().zip(after.unwrap()) {
        for figure in ["spawned", "completed", "running", "blocked"] {
            assert_eq!(after[figure], 0, "{figure} of {after}");
        }
        let watched = growth("seconds", before, &after);
        let waited = growth("blocked_seconds", before, &after);
        // Three views wait for longer than one is watched.
        assert!(
            waited < watched / 2.0,
            "{watched} s of watching is {waited} s of waiting"
        );
        assert_eq!(after["own"].as_array().unwrap().len(), views.len());
    }
}

#[test]
fn a_later_view_leaves_out_no_task_on_a_thread_of_an_earlier_one() {
    let _alone = alone();
    let first = start();
    drop(Stream::of(&first).next());
    drop(first);
    // The threads of the first view become idle. Those that do not are not reused, and then hide the fault.
    std::thread::sleep(Duration::from_millis(100));
    let (go, gate) = bounded::<()>(4);
    reunite::scope(|s| {
        let tasks = [(); 4].map(|()| {
            s.spawn(|| {
                gate.recv().unwrap();
                reunite::scope(|s| s.spawn(|| ()).join().unwrap());
            })
        });
        while reunite::counters().blocked < tasks.len() {
            std::thread::yield_now();
        }
        let second = start();
        (0..tasks.len()).for_each(|_| go.send(()).unwrap());
        tasks.into_iter().for_each(|task| task.join().unwrap());
        let snapshot = Stream::of(&second).next();
        assert_eq!(snapshot["spawned"], 4, "{snapshot}");
        assert_eq!(snapshot["completed"], 8, "{snapshot}");
    });
}

#[test]
fn viewers_that_are_refused_are_in_no_figure() {
    let _alone = alone();
    let live = start();
    let mut streams: Vec<_> = (0..32).map(|_| Stream::of(&live)).collect();
    for stream in &mut streams {
        stream.next();
    }
    for _ in 0..3 {
        let mut refusal = String::new();
        ask_for_events(&live).read_to_string(&mut refusal).unwrap();
        assert!(refusal.contains("Too many viewers"), "{refusal}");
    }
    let snapshot = (0..3).map(|_| streams[0].next()).last().unwrap();
    for figure in ["spawned", "completed"] {
        assert_eq!(snapshot[figure], 0, "{figure} of {snapshot}");
    }
}
