//! Servers as a user would write them, with TCP and Unix clients on this machine.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use common::echo;
use reunite_net::{Limits, Listener, Server, Timeouts};

const SOON: Duration = Duration::from_secs(30);

fn connect(server: &Server) -> TcpStream {
    let client = TcpStream::connect(server.address().unwrap()).unwrap();
    client.set_read_timeout(Some(SOON)).unwrap();
    client
}

fn ask(client: &mut TcpStream, word: &str) -> String {
    client.write_all(word.as_bytes()).unwrap();
    let mut answer = vec![0; word.len()];
    client.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn clients_are_served_side_by_side() {
    let server = Server::bind("127.0.0.1:0").unwrap().start(echo).unwrap();
    let mut first = connect(&server);
    let mut second = connect(&server);
    assert_eq!(ask(&mut second, "two"), "two");
    assert_eq!(ask(&mut first, "one"), "one");
    assert_eq!(ask(&mut second, "three"), "three");
    drop((first, second));
    assert_eq!(server.shutdown(SOON).unwrap().connections, 2);
}

#[test]
fn a_unix_socket_serves_and_its_file_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.sock");
    let server = Server::on(Listener::unix(&path).unwrap())
        .start(echo)
        .unwrap();
    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(b"hello").unwrap();
    let mut answer = [0; 5];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"hello");
    assert!(Listener::unix(&path).is_err(), "another listener is there");
    server.shutdown(SOON).unwrap();
    assert!(!path.exists());
}

#[test]
fn a_socket_file_that_was_left_behind_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("left.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    Listener::unix(&path).unwrap();
    std::fs::write(&path, "no socket").unwrap();
    assert!(Listener::unix(&path).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "no socket");
}

#[test]
fn a_panic_ends_only_its_connection_and_is_reported() {
    let (report, events) = mpsc::channel();
    let server = Server::bind("127.0.0.1:0")
        .unwrap()
        .on_event(move |event| report.send(event.to_string()).unwrap())
        .start(|mut client| {
            let mut byte = [0];
            client.read_exact(&mut byte)?;
            assert_ne!(byte, *b"!", "the client shouted");
            client.write_all(&byte)?;
            Ok(())
        })
        .unwrap();
    let mut calm = connect(&server);
    let mut loud = connect(&server);
    loud.write_all(b"!").unwrap();
    assert_eq!(loud.read(&mut [0]).unwrap(), 0);
    let message = events.recv_timeout(SOON).unwrap();
    assert!(message.contains("the client shouted"), "{message}");
    assert!(
        message.contains(&loud.local_addr().unwrap().to_string()),
        "{message}"
    );
    assert_eq!(ask(&mut calm, "."), ".");
    let served = server.shutdown(SOON).unwrap();
    assert_eq!(
        (served.connections, served.panicked, served.failed),
        (2, 1, 0)
    );
}

#[test]
fn clients_beyond_the_limit_are_sent_the_refusal() {
    let server = Server::bind("127.0.0.1:0")
        .unwrap()
        .limits(Limits {
            connections: 2,
            ..Limits::default()
        })
        .refuse_with("full\n")
        .start(echo)
        .unwrap();
    let mut first = connect(&server);
    let mut second = connect(&server);
    assert_eq!(ask(&mut first, "a") + &ask(&mut second, "b"), "ab");
    let mut third = connect(&server);
    // It receives the refusal although the server has not read what it sent.
    third.write_all(&[b'x'; 4000]).unwrap();
    let mut answer = String::new();
    third.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "full\n");
    drop(first);
    // The slot is free once the server has noticed that the client is gone.
    let start = Instant::now();
    while server.connected() > 1 && start.elapsed() < SOON {
        std::thread::yield_now();
    }
    assert_eq!(ask(&mut connect(&server), "c"), "c");
    assert_eq!(server.shutdown(SOON).unwrap().refused, 1);
}

#[test]
fn the_limit_for_each_address_leaves_room_for_others() {
    let server = Server::bind("127.0.0.1:0")
        .unwrap()
        .limits(Limits {
            per_address: 1,
            ..Limits::default()
        })
        .start(echo)
        .unwrap();
    let mut first = connect(&server);
    assert_eq!(ask(&mut first, "a"), "a");
    assert_eq!(connect(&server).read(&mut [0]).unwrap(), 0);
    drop(server);
    assert_eq!(first.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_head_sent_byte_by_byte_has_one_deadline() {
    let header = Duration::from_millis(300);
    let (report, events) = mpsc::channel();
    let server = Server::bind("127.0.0.1:0")
        .unwrap()
        .timeouts(Timeouts {
            header,
            ..Timeouts::default()
        })
        .on_event(move |event| report.send(event.to_string()).unwrap())
        .start(|mut client| {
            client.more()?;
            client.read_exact(&mut [0; 1000])?;
            Ok(())
        })
        .unwrap();
    // Taken before the server can have seen the client.
    let start = Instant::now();
    let mut client = connect(&server);
    client
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    // One byte every 20 ms: each byte arrives early, all of them together too late.
    let ended = loop {
        let _gone = client.write_all(b"x");
        match client.read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            _ => break start.elapsed(),
        }
        assert!(start.elapsed() < SOON);
    };
    assert!(ended >= header, "{ended:?}");
    assert!(
        events
            .recv_timeout(SOON)
            .unwrap()
            .contains("the request did not arrive in time")
    );
    server.shutdown(SOON).unwrap();
}

#[test]
fn a_client_that_reads_nothing_is_closed() {
    let (report, events) = mpsc::channel();
    let server = Server::bind("127.0.0.1:0")
        .unwrap()
        .timeouts(Timeouts {
            write: Duration::from_millis(200),
            ..Timeouts::default()
        })
        .on_event(move |event| report.send(event.to_string()).unwrap())
        .start(|mut client| {
            let piece = vec![0; 1 << 20];
            loop {
                client.send(&piece)?;
            }
        })
        .unwrap();
    let _client = connect(&server);
    let message = events.recv_timeout(SOON).unwrap();
    assert!(
        message.contains("accepts its answer too slowly"),
        "{message}"
    );
    assert_eq!(server.shutdown(SOON).unwrap().failed, 1);
}

#[test]
fn idle_clients_do_not_hold_up_a_shutdown() {
    let server = Server::bind("127.0.0.1:0").unwrap().start(echo).unwrap();
    let mut idle: Vec<_> = (0..20).map(|_| connect(&server)).collect();
    for client in &mut idle {
        assert_eq!(ask(client, "x"), "x");
    }
    let start = Instant::now();
    assert_eq!(server.shutdown(SOON).unwrap().connections, 20);
    assert!(start.elapsed() < SOON / 2);
    for client in &mut idle {
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn stragglers_are_returned_by_name_and_cut() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let (report, begun) = mpsc::channel();
    let server = Server::bind("127.0.0.1:0")
        .unwrap()
        .start(move |mut client| {
            client.read_exact(&mut [0])?;
            client.head_is_read();
            report.send(())?;
            let _over = wait.lock().unwrap().recv();
            Ok(())
        })
        .unwrap();
    let mut client = connect(&server);
    client.write_all(b"x").unwrap();
    begun.recv_timeout(SOON).unwrap();
    let error = server.shutdown(Duration::from_millis(100)).unwrap_err();
    let name = format!("client {}", client.local_addr().unwrap());
    let late: Vec<_> = error.iter().collect();
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].task.name(), Some(name.as_str()));
    assert!(error.to_string().contains("answering a request"), "{error}");
    assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
    drop(go);
}

/// The clients together receive as many answers as the server has read requests.
#[test]
fn shutdown_under_load_answers_every_request_that_was_read() {
    for _ in 0..10 {
        let read = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&read);
        let server = Server::bind("127.0.0.1:0")
            .unwrap()
            .start(move |mut client| {
                let mut request = [0; 64];
                while client.more()? {
                    client.read_exact(&mut request)?;
                    client.head_is_read();
                    count.fetch_add(1, Ordering::Relaxed);
                    let last = client.is_draining();
                    let answer = [if last { b'L' } else { b'.' }; 20_000];
                    client.send(&answer)?;
                    if last {
                        break;
                    }
                }
                client.close();
                Ok(())
            })
            .unwrap();
        let (busy, under_load) = mpsc::channel();
        let (answered, served) = reunite::scope(|s| {
            let clients: Vec<_> = (0..16)
                .map(|_| {
                    let busy = busy.clone();
                    let mut client = connect(&server);
                    s.spawn(move || {
                        let mut answered = 0;
                        let mut answer = [0; 20_000];
                        loop {
                            client
                                .write_all(&[b'?'; 64])
                                .expect("the connection is open");
                            client.read_exact(&mut answer).expect("the whole answer");
                            answered += 1;
                            if answered == 20 {
                                busy.send(()).unwrap();
                            }
                            if answer[0] == b'L' {
                                assert_eq!(client.read(&mut [0]).unwrap(), 0);
                                return answered;
                            }
                        }
                    })
                })
                .collect();
            for _ in 0..4 {
                under_load.recv_timeout(SOON).unwrap();
            }
            let served = server.shutdown(SOON).unwrap();
            let answered: u64 = clients
                .into_iter()
                .map(|client| client.join().unwrap())
                .sum();
            (answered, served)
        });
        assert_eq!(answered, read.load(Ordering::Relaxed));
        assert_eq!((served.connections, served.failed), (16, 0));
    }
}

#[test]
fn a_sender_that_outlives_its_connection_fails_to_write() {
    let (give, take) = mpsc::channel();
    let server = Server::bind("127.0.0.1:0")
        .unwrap()
        .start(move |mut client| {
            give.send(client.sender())?;
            client.read_exact(&mut [0])?;
            Ok(())
        })
        .unwrap();
    let mut client = connect(&server);
    let sender = take.recv_timeout(SOON).unwrap();
    sender.send(b"news").unwrap();
    let mut answer = [0; 4];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"news");
    client.write_all(b"x").unwrap();
    assert_eq!(client.read(&mut answer).unwrap(), 0);
    server.shutdown(SOON).unwrap();
    assert!(sender.send(b"more").is_err());
}

/// Checks that no client is accepted before the server is started: all of them wait in the queue.
#[test]
fn hundreds_of_clients_can_queue() {
    let most: usize = std::fs::read_to_string("/proc/sys/net/core/somaxconn")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(128);
    let listener = Listener::tcp("127.0.0.1:0").unwrap();
    let address = listener.address().unwrap();
    let clients: Vec<_> = (0..most.min(400))
        .map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(900)).unwrap())
        .collect();
    let server = Server::on(listener).start(echo).unwrap();
    for mut client in clients {
        client.set_read_timeout(Some(SOON)).unwrap();
        assert_eq!(ask(&mut client, "x"), "x");
    }
    server.shutdown(SOON).unwrap();
}
