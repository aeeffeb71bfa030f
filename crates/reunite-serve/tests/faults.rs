//! Clients that disconnect, stall or send garbage, and files that shrink.

mod common;

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use common::{SOON, TestSite, rest};
use reunite_net::Timeouts;
use reunite_serve::Settings;

const WHOLE: &str = "GET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Asserts that the server still serves, that all connections end, and that no handler panicked.
fn still_serves(site: TestSite) {
    assert!(site.ask(WHOLE.as_bytes()).ends_with("0123456789"));
    let served = site.server.shutdown(SOON).unwrap();
    assert_eq!(served.panicked, 0);
}

#[test]
fn a_client_may_disconnect_within_its_request() {
    let site = TestSite::new();
    for end in 1..WHOLE.len() {
        site.connect().write_all(&WHOLE.as_bytes()[..end]).unwrap();
    }
    still_serves(site);
}

#[test]
fn a_client_may_disconnect_within_its_answer() {
    let site = TestSite::new();
    let big = File::create(site.path("big.bin")).unwrap();
    big.set_len(64 << 20).unwrap();
    for _ in 0..20 {
        let mut client = site.connect();
        client
            .write_all(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        client.read_exact(&mut [0; 100]).unwrap();
    }
    still_serves(site);
}

#[test]
fn a_slow_client_is_closed_at_the_deadline_while_others_are_served() {
    // On a busy machine the shorter deadline may pass before a normal client has sent its head.
    let in_time = [400, 8_000].map(Duration::from_millis);
    assert!(in_time.into_iter().any(slow_clients));
}

/// Returns false if another client was not served.
fn slow_clients(header: Duration) -> bool {
    let site = TestSite::with(Settings::default(), |builder| {
        builder.timeouts(Timeouts {
            header,
            ..Timeouts::default()
        })
    });
    let mut slow: Vec<_> = (0..100).map(|_| site.connect()).collect();
    let start = Instant::now();
    for client in &mut slow {
        client
            .set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap();
    }
    let mut left = slow;
    while !left.is_empty() {
        assert!(start.elapsed() < SOON, "{} are still there", left.len());
        left.retain_mut(|client| {
            let sent = client.write_all(b"x");
            match client.read(&mut [0]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => sent.is_ok(),
                _ => false,
            }
        });
        if !site.ask(WHOLE.as_bytes()).ends_with("0123456789") {
            return false;
        }
    }
    site.server.shutdown(SOON).unwrap().panicked == 0
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_ends_the_connection() {
    let site = TestSite::new();
    let big = File::create(site.path("big.bin")).unwrap();
    big.set_len(64 << 20).unwrap();
    let mut client = site.connect();
    client
        .write_all(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    client.read_exact(&mut [0; 1000]).unwrap();
    // The server cannot have sent all of it: the client has read only the beginning.
    big.set_len(1000).unwrap();
    let answer = rest(client);
    assert!(answer.len() < 64 << 20, "{}", answer.len());
    still_serves(site);
}

#[test]
fn a_long_file_arrives_complete() {
    let site = TestSite::new();
    let text: Vec<u8> = (0..10_000_000u32).map(|at| (at % 251) as u8).collect();
    std::fs::write(site.path("long.bin"), &text).unwrap();
    let mut client = site.connect();
    client
        .write_all(b"GET /long.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(&text));
    still_serves(site);
}

/// Sends requests like those of the table with bytes changed, removed, doubled and swapped. Every answer must be HTTP
/// and contain nothing that is hidden or outside of the folder.
#[test]
fn mutated_requests_get_http_answers() {
    const SEEDS: &[&str] = &[
        WHOLE,
        "POST /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nT: u\r\n\r\n",
        "GET /sub/../%2e%2e/secret.txt?x HTTP/1.1\r\nHost: [::1]:80\r\nRange: bytes=0-1,4-,-2\r\nIf-Range: \"x\"\r\n\r\n",
        "GET http://a:80/sub HTTP/1.0\r\nConnection: keep-alive\r\nAccept-Encoding: br;q=0.5, *;q=0\r\n\r\n",
        "HEAD /long.txt HTTP/1.1\r\nHost: a\r\nIf-None-Match: W/\"x\", \"y\"\r\nIf-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\nContent-Length: 3\r\n\r\nabc",
    ];
    const BYTES: &[u8] = b"\r\n\0 \t:/.%,;=-*\"0aZ\x7f\xff";
    let seed = std::env::var("REUNITE_FUZZ_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let mut state: u64 = seed.unwrap_or(7);
    let mut chance = move |below: usize| {
        // xorshift64*, Vigna 2016.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below.max(1)
    };
    let site = TestSite::new();
    for round in 0..test_scale::rounds(2000) {
        let mut raw = SEEDS[chance(SEEDS.len())].as_bytes().to_vec();
        if chance(3) == 0 {
            raw.extend_from_slice(SEEDS[chance(SEEDS.len())].as_bytes());
        }
        for _ in 0..=chance(6) {
            let at = chance(raw.len());
            match chance(5) {
                0 => raw[at] = BYTES[chance(BYTES.len())],
                1 => raw.insert(at, BYTES[chance(BYTES.len())]),
                2 => drop(raw.remove(at)),
                3 => {
                    let end = (at + chance(20)).min(raw.len());
                    let piece = raw[at..end].to_vec();
                    raw.splice(at..at, piece);
                }
                _ => {
                    let other = chance(raw.len());
                    raw.swap(at, other);
                }
            }
        }
        let answer = site.ask(&raw);
        let sent = String::from_utf8_lossy(&raw);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 "),
            "round {round}: {sent:?}\n{answer}"
        );
        assert!(
            !answer.contains("secret!"),
            "round {round}: {sent:?}\n{answer}"
        );
        assert!(
            !answer.starts_with("HTTP/1.1 500"),
            "round {round}: {sent:?}\n{answer}"
        );
    }
    still_serves(site);
}
