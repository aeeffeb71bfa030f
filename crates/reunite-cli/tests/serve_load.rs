//! `reunite serve` with many clients at once: complete responses, slow clients, and memory.
#![cfg(target_os = "linux")]

mod harness;

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use harness::Place;

const SOON: Duration = Duration::from_secs(60);
/// The value of `--drain`.
const DRAIN: Duration = Duration::from_secs(10);

struct Serve {
    child: Child,
    address: String,
    /// Kept open, so that the server can write its last messages.
    _stderr: BufReader<std::process::ChildStderr>,
}

impl Serve {
    fn start(place: &Place, more: &[&str]) -> Self {
        let (child, address, stderr) = place.serve(more);
        Self {
            child,
            address,
            _stderr: stderr,
        }
    }

    fn connect(&self) -> TcpStream {
        connect(&self.address)
    }

    fn interrupt(&self) {
        let sent = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Returns the value of a line of `/proc/PID/status`, in kilobytes.
    fn kilobytes(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let words = line.unwrap_or_else(|| panic!("no {what} in {status}"));
        words
            .trim_matches([':', ' ', '\t', 'k', 'B'])
            .parse()
            .unwrap()
    }
}

fn connect(address: &str) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(SOON)).unwrap();
    client
}

/// The outcome of a request.
enum Answer {
    /// A complete response; `last` if it closes the connection.
    Whole { last: bool },
    /// No byte.
    None,
    /// An incomplete or wrong response.
    Wrong(String),
}

fn ask(client: &mut TcpStream, name: &str, body: &[u8]) -> Answer {
    let request = format!("GET /{name} HTTP/1.1\r\nHost: a\r\n\r\n");
    if client.write_all(request.as_bytes()).is_err() {
        return Answer::None;
    }
    let mut answer = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        match client.read(&mut piece) {
            Err(error) if answer.is_empty() && error.kind() == ErrorKind::ConnectionReset => {
                return Answer::None;
            }
            Ok(0) if answer.is_empty() => return Answer::None,
            Ok(0) => return Answer::Wrong(format!("{} bytes and the end", answer.len())),
            Err(error) => return Answer::Wrong(format!("{} bytes and {error}", answer.len())),
            Ok(count) => answer.extend_from_slice(&piece[..count]),
        }
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        if answer.len() < end + 4 + body.len() {
            continue;
        }
        let head = String::from_utf8_lossy(&answer[..end]);
        if !head.starts_with("HTTP/1.1 200 OK") || &answer[end + 4..] != body {
            return Answer::Wrong(head.into_owned());
        }
        return Answer::Whole {
            last: head.contains("Connection: close"),
        };
    }
}

/// A client that requests files until the server closes its connection.
struct LoadClient<'a> {
    number: usize,
    address: &'a str,
    small: &'a [u8],
    large: &'a [u8],
    /// True once the server was asked to stop.
    is_over: &'a AtomicBool,
    /// Receives a message when this client is in the middle of its requests.
    busy: mpsc::Sender<()>,
}

/// The answers that clients received.
#[derive(Default)]
struct AnswerCounts {
    whole: usize,
    unanswered: usize,
}

impl LoadClient<'_> {
    fn run(self) -> AnswerCounts {
        let mut answers = AnswerCounts::default();
        let mut client = connect(self.address);
        for turn in 0usize.. {
            let answer = match (turn + self.number) % 4 {
                0 => ask(&mut client, "large.bin", self.large),
                _ => ask(&mut client, "small.txt", self.small),
            };
            match answer {
                Answer::Whole { last } => {
                    answers.whole += 1;
                    if last {
                        break;
                    }
                }
                Answer::None => {
                    let is_over = self.is_over.load(Ordering::SeqCst);
                    assert!(is_over, "the server was not asked to stop yet");
                    answers.unanswered += 1;
                    break;
                }
                Answer::Wrong(what) => panic!("{what}"),
            }
            if turn == 20 {
                self.busy.send(()).unwrap();
            }
            // Some clients reconnect all the time.
            if self.number.is_multiple_of(4) && turn % 8 == 7 {
                match TcpStream::connect(self.address) {
                    Ok(next) => client = next,
                    Err(_) => break,
                }
                client.set_read_timeout(Some(SOON)).unwrap();
            }
        }
        answers
    }
}

/// Shuts down a server under load. The responses that clients received and those that the server logged must agree.
fn shut_down_under_load(rounds: usize) {
    const CLIENTS: usize = 16;
    let place = Place::new();
    let small = b"hello".as_slice();
    let large: Vec<u8> = (0..300_000u32).map(|at| (at % 251) as u8).collect();
    place.write("www/small.txt", small);
    place.write("www/large.bin", &large);
    for round in 0..rounds {
        let mut serve = Serve::start(&place, &["--drain", "10s", "--idle", "60s"]);
        let mut log = serve.child.stdout.take().unwrap();
        let logged = std::thread::spawn(move || {
            let mut lines = String::new();
            log.read_to_string(&mut lines).unwrap();
            lines
        });
        let is_over = AtomicBool::new(false);
        let (busy, busy_clients) = mpsc::channel();
        let answers = std::thread::scope(|scope| {
            let client = |number| LoadClient {
                number,
                address: &serve.address,
                small,
                large: &large,
                is_over: &is_over,
                busy: busy.clone(),
            };
            let clients: Vec<_> = (0..CLIENTS)
                .map(client)
                .map(|client| scope.spawn(|| client.run()))
                .collect();
            for _ in 0..CLIENTS {
                busy_clients.recv_timeout(SOON).unwrap();
            }
            is_over.store(true, Ordering::SeqCst);
            let begun = Instant::now();
            serve.interrupt();
            assert_eq!(serve.child.wait().unwrap().code(), Some(0), "round {round}");
            assert!(begun.elapsed() < DRAIN, "round {round}");
            let all = clients.into_iter().map(|client| client.join().unwrap());
            all.fold(AnswerCounts::default(), |all, one| AnswerCounts {
                whole: all.whole + one.whole,
                unanswered: all.unanswered + one.unanswered,
            })
        });
        let logged = logged.join().unwrap();
        let sent = logged.lines().filter(|line| line.contains("\" 200 "));
        let AnswerCounts { whole, unanswered } = answers;
        assert_eq!(sent.count(), whole, "round {round}: sent and received");
        println!("round {round}: {whole} answers, {unanswered} requests that were not read");
    }
}

#[test]
fn shutting_down_under_load_leaves_no_answer_unfinished() {
    shut_down_under_load(10);
}

#[test]
#[ignore = "takes minutes"]
fn shutting_down_under_load_a_hundred_times() {
    shut_down_under_load(100);
}

#[test]
fn slow_clients_are_disconnected_at_the_deadline_while_others_are_served() {
    // On a busy machine the shorter deadline may pass before another client was served.
    let others_were_served = [3, 16].into_iter().any(slow_clients);
    assert!(others_were_served, "only when the slow ones were gone");
}

/// Returns true if another client was served while all slow clients were connected.
fn slow_clients(seconds: u64) -> bool {
    let place = Place::new();
    place.write("www/a.txt", "hello");
    let header = format!("{seconds}s");
    let mut serve = Serve::start(&place, &["--header", &header, "--log", "none"]);
    let begun = Instant::now();
    let mut slow: Vec<_> = (0..300).map(|_| serve.connect()).collect();
    for client in &mut slow {
        // The first clients may be disconnected already.
        let _gone = client.write_all(b"G");
        client.set_nonblocking(true).unwrap();
    }
    let (mut served, mut while_all_were_there) = (0, false);
    while !slow.is_empty() {
        assert!(begun.elapsed() < SOON, "{} are still there", slow.len());
        let answer = ask(&mut serve.connect(), "a.txt", b"hello");
        assert!(matches!(answer, Answer::Whole { .. }));
        served += 1;
        // Byte by byte, so that no single read takes long.
        slow.retain_mut(|client| {
            client.write_all(b"x").is_ok()
                && client
                    .read(&mut [0])
                    .is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        });
        while_all_were_there |= slow.len() == 300;
    }
    let gone = begun.elapsed();
    println!("gone after {gone:?}; {served} others were served");
    assert!(gone >= Duration::from_secs(seconds));
    serve.interrupt();
    assert_eq!(serve.child.wait().unwrap().code(), Some(0));
    while_all_were_there
}

#[test]
fn two_thousand_idle_clients_take_little_memory() {
    const CLIENTS: usize = 2000;
    let place = Place::new();
    place.write("www/a.txt", "hello");
    let allowed = reunite_net::Limits::raise_descriptors().unwrap();
    if allowed.is_some_and(|allowed| allowed < CLIENTS as u64 + 100) {
        println!("skipped: the system allows {allowed:?} descriptors");
        return;
    }
    let mut serve = Serve::start(&place, &["--log", "none"]);
    let before = serve.kilobytes("VmRSS");
    // Each client was served once.
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut client = serve.connect();
            let answer = ask(&mut client, "a.txt", b"hello");
            assert!(matches!(answer, Answer::Whole { last: false }));
            client
        })
        .collect();
    let after = serve.kilobytes("VmRSS");
    println!("{before} kB with no clients, {after} kB with {CLIENTS}");
    assert!(after <= 100 * 1024, "{after} kB");
    serve.interrupt();
    assert_eq!(serve.child.wait().unwrap().code(), Some(0));
    drop(clients);
}
