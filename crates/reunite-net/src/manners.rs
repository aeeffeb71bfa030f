//! How a connection begins and ends, with whomever: greeting, saying all of it, hearing the other out.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::drain::Drain;
use crate::handshake::Shake;
use crate::socket::{Socket, Woken};

/// How long, and how much, is read of what a client still sends to a connection that ends.
pub(crate) const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

pub(crate) fn send_until(
    socket: &Socket,
    mut bytes: &[u8],
    until: Option<Instant>,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match socket.send(bytes, false) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                check()?;
                if socket.wait_to_write(until)? == Woken::TimedOut {
                    return Err(late("the client does not take what it is sent"));
                }
            }
            Err(error) => return Err(error),
        }
    }
    settle_until(socket, until)
}

fn settle_until(socket: &Socket, until: Option<Instant>) -> io::Result<()> {
    while let Err(error) = socket.flush() {
        if error.kind() != ErrorKind::WouldBlock {
            return Err(error);
        }
        check()?;
        if socket.wait_to_write(until)? == Woken::TimedOut {
            return Err(late("the client does not take what it is sent"));
        }
    }
    Ok(())
}

/// The handshake of TLS, before the instant; when the server shuts down, each word of the client within the span.
pub(crate) fn greet(
    socket: &Socket,
    until: Option<Instant>,
    drain: Option<(&Drain, Duration)>,
) -> io::Result<bool> {
    loop {
        check()?;
        let woken = match (socket.shake()?, drain) {
            (Shake::Done, _) => return Ok(true),
            (Shake::Plain, _) => {
                // Short enough to find room at once, or not worth the wait.
                let _gone = socket.send_plain(socket.plain());
                hear_out(socket, after(LINGER));
                return Ok(false);
            }
            (Shake::Write, _) => socket.wait_to_write(until)?,
            (Shake::Read, Some((drain, grace))) if drain.since().is_some() => {
                let soon = after(grace).into_iter().chain(until).min();
                socket.wait_for_bytes(soon, None)?
            }
            (Shake::Read, drain) => {
                socket.wait_for_bytes(until, drain.map(|(drain, _)| drain.as_fd()))?
            }
        };
        if woken == Woken::TimedOut {
            return Err(late("the client is late with its handshake"));
        }
    }
}

/// Says the end and reads on for a while: closing over bytes that were not read would make the system throw away
/// what the client has not read.
pub(crate) fn linger(socket: &Socket, time: Duration) {
    let until = after(time);
    socket.say_end();
    // If that finds no room the client learns it from the cut.
    let _cut = settle_until(socket, until);
    hear_out(socket, until);
}

/// Ends what is sent, and throws away what still comes.
fn hear_out(socket: &Socket, until: Option<Instant>) {
    socket.finish();
    let mut waste = [0; 4096];
    let mut read = 0;
    while read < LINGER_BYTES && check().is_ok() {
        match socket.waste(&mut waste) {
            Ok(0) => return,
            Ok(count) => read += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if !matches!(socket.wait_for_bytes(until, None), Ok(Woken::Ready)) {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

pub(crate) fn check() -> io::Result<()> {
    reunite::checkpoint().map_err(io::Error::other)
}

pub(crate) fn after(time: Duration) -> Option<Instant> {
    Instant::now().checked_add(time)
}

pub(crate) fn late(what: &str) -> io::Error {
    io::Error::new(ErrorKind::TimedOut, what)
}
