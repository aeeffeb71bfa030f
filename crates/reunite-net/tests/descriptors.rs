//! A server recovers from the system's limit on descriptors. A test binary of its own, because the limit is the
//! process's.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use reunite_net::{Event, Server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_server_without_descriptors_continues_when_some_are_free_again() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(128),
            maximum,
        },
    )
    .unwrap();

    let (report, events) = mpsc::channel();
    let server = Server::bind("127.0.0.1:0")
        .unwrap()
        .on_event(move |event| {
            if let Event::AcceptFailed { error } = event {
                report.send(error.raw_os_error()).unwrap();
            }
        })
        .start(|mut client| {
            let mut byte = [0];
            client.read_exact(&mut byte)?;
            client.write_all(&byte)?;
            Ok(())
        })
        .unwrap();
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    // One descriptor is free for the client's end, none for the server's.
    taken.pop();
    let mut client = TcpStream::connect(server.address().unwrap()).unwrap();
    client.set_read_timeout(Some(SOON)).unwrap();
    let error = events.recv_timeout(SOON).unwrap();
    assert_eq!(error, Some(rustix::io::Errno::MFILE.raw_os_error()));

    drop(taken);
    client.write_all(b"x").unwrap();
    let mut answer = [0];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"x");
    assert_eq!(server.shutdown(SOON).unwrap().connections, 1);
}
