//! The view's own tasks are in no figure. A test binary of its own, because the figures are the process's.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reunite::sync;
use reunite_live::{Live, Options};
use serde_json::Value;

struct Stream(Lines<BufReader<TcpStream>>);

impl Stream {
    fn of(live: &Live) -> Self {
        let rest = live.url().strip_prefix("http://").unwrap();
        let (address, query) = rest.split_once('/').unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        let patience = Some(Duration::from_secs(60));
        client.set_read_timeout(patience).unwrap();
        let head = format!("GET /events{query} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        client.write_all(head.as_bytes()).unwrap();
        Self(BufReader::new(client).lines())
    }

    fn next(&mut self) -> Value {
        let mut lines = self.0.by_ref().map(Result::unwrap);
        let data = lines.find_map(|line| Some(line.strip_prefix("data: ")?.to_owned()));
        serde_json::from_str(&data.expect("a snapshot")).unwrap()
    }
}

#[test]
fn watching_is_in_no_figure_and_replaces_no_hook() {
    let stalls = Arc::new(Mutex::new(Vec::new()));
    let stalls_of_hook = Arc::clone(&stalls);
    reunite::on_stall(move |stall| {
        let mut stalls = stalls_of_hook
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        stalls.push(stall.to_string());
    });
    let here = "127.0.0.1:0".parse().unwrap();
    let live = Live::start(here, Options::new("alone"), || false).unwrap();

    // Three streams that end, and one that stays open.
    (0..3).for_each(|_| drop(Stream::of(&live).next()));
    let mut stream = Stream::of(&live);
    let last = (0..6).map(|_| stream.next()).last().unwrap();
    for figure in ["spawned", "completed", "running", "blocked"] {
        assert_eq!(last[figure], 0, "{figure} of {last}");
    }
    let waited = last["blocked_seconds"].as_f64().unwrap();
    assert!(
        waited < 0.1,
        "a second of watching is {waited} s of waiting"
    );
    assert!(last["own"].to_string().contains("accept"), "{last}");

    reunite::stall_after(Duration::from_millis(30));
    let lock = sync::Mutex::new(());
    let reported = reunite::scope(|s| {
        let held = lock.lock();
        let waits = reunite::Builder::new().name("patient");
        s.spawn_with(waits, || lock.lock().is_ok());
        let is_stall =
            |report: &&Value| report["kind"] == "stall" && report.to_string().contains("patient");
        loop {
            let snapshot = stream.next();
            let reports = snapshot["reports"].as_array().unwrap();
            if let Some(report) = reports.iter().find(is_stall) {
                drop(held);
                return report["text"].as_str().unwrap().to_owned();
            }
        }
    });
    let stalls = stalls.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(
        stalls.contains(&reported),
        "{reported} is not in {stalls:?}"
    );
}
