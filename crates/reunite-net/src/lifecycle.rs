//! The beginning and end of a connection: the TLS handshake, sending the whole response, closing without data loss.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::drain::Drain;
use crate::handshake::HandshakeStep;
use crate::socket::{Socket, Woken};

/// The time for which data that a client still sends is read from a connection that is being closed.
pub(crate) const LINGER: Duration = Duration::from_secs(2);
/// The maximum number of such bytes that are read.
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
                    return Err(timed_out("the client accepts data too slowly"));
                }
            }
            Err(error) => return Err(error),
        }
    }
    flush_until(socket, until)
}

fn flush_until(socket: &Socket, until: Option<Instant>) -> io::Result<()> {
    while let Err(error) = socket.flush() {
        if error.kind() != ErrorKind::WouldBlock {
            return Err(error);
        }
        check()?;
        if socket.wait_to_write(until)? == Woken::TimedOut {
            return Err(timed_out("the client accepts data too slowly"));
        }
    }
    Ok(())
}

/// Performs the TLS handshake, which must complete before `until`. Once the server shuts down, the client must send
/// its next part within the duration given with `drain`. Returns false if the client does not speak TLS.
pub(crate) fn perform_handshake(
    socket: &Socket,
    until: Option<Instant>,
    drain: Option<(&Drain, Duration)>,
) -> io::Result<bool> {
    loop {
        check()?;
        let woken = match (socket.handshake()?, drain) {
            (HandshakeStep::Done, _) => return Ok(true),
            (HandshakeStep::Plain, _) => {
                // Short enough to fit into the send buffer; if it does not fit, it is not worth a wait.
                let _gone = socket.send_raw(socket.plain_answer());
                discard_input(socket, after(LINGER));
                return Ok(false);
            }
            (HandshakeStep::Write, _) => socket.wait_to_write(until)?,
            (HandshakeStep::Read, Some((drain, grace))) if drain.since().is_some() => {
                let soon = after(grace).into_iter().chain(until).min();
                socket.wait_for_bytes(soon, None)?
            }
            (HandshakeStep::Read, drain) => {
                socket.wait_for_bytes(until, drain.map(|(drain, _)| drain.as_fd()))?
            }
        };
        if woken == Woken::TimedOut {
            return Err(timed_out("the TLS handshake did not complete in time"));
        }
    }
}

/// Tells the client that no more data follows, then reads for at most `time`: if the socket were closed with unread
/// bytes, the system would discard the data that the client has not received yet.
pub(crate) fn linger(socket: &Socket, time: Duration) {
    let until = after(time);
    socket.queue_close();
    // If there is no room for it, the client sees a truncated connection.
    let _truncated = flush_until(socket, until);
    discard_input(socket, until);
}

/// Shuts down the sending side and discards what the client still sends.
fn discard_input(socket: &Socket, until: Option<Instant>) {
    socket.finish();
    let mut discarded = [0; 4096];
    let mut read = 0;
    while read < LINGER_BYTES && check().is_ok() {
        match socket.read_raw(&mut discarded) {
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

/// Returns an error if the task is cancelled.
pub(crate) fn check() -> io::Result<()> {
    reunite::checkpoint().map_err(io::Error::other)
}

pub(crate) fn after(time: Duration) -> Option<Instant> {
    Instant::now().checked_add(time)
}

pub(crate) fn timed_out(what: &str) -> io::Error {
    io::Error::new(ErrorKind::TimedOut, what)
}
