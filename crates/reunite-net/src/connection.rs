//! What a handler has of its client.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Peer;
use crate::drain::Drain;
use crate::limits::Timeouts;
use crate::manners::{LINGER, after, check, greet, late, linger, send_until};
use crate::socket::{Phase, Socket, Woken};

/// How many bytes must be taken within [`Timeouts::write`].
const PACE: u64 = 64 * 1024;
/// How much a system call moves from a file to a socket.
const AT_ONCE: u64 = 1 << 20;
/// A client: to be read from and written to as if that blocked, within the server's timeouts.
///
/// Reads end early with an error of kind [`TimedOut`](ErrorKind::TimedOut) at the instant that the state of the
/// connection has (see the [protocol](crate#protocol)), and with the reason if the task is cancelled.
pub struct Connection {
    socket: Arc<Socket>,
    drain: Arc<Drain>,
    timeouts: Timeouts,
    peer: Peer,
    /// When it could first say something.
    born: Instant,
    /// When the request under way began, and when what is read now must be there.
    begun: Instant,
    read_until: Option<Instant>,
    pace: Pace,
    /// A read has found the end.
    has_ended: bool,
}

/// What the client owes: since when it has been slow, and what it has taken since then.
#[derive(Clone, Copy, Default)]
struct Pace {
    since: Option<Instant>,
    taken: u64,
}

impl Connection {
    pub(crate) fn new(
        socket: Arc<Socket>,
        drain: Arc<Drain>,
        timeouts: Timeouts,
        peer: Peer,
    ) -> Self {
        Self {
            socket,
            drain,
            timeouts,
            peer,
            born: Instant::now(),
            begun: Instant::now(),
            read_until: None,
            pace: Pace::default(),
            has_ended: false,
        }
    }

    /// Speaks TLS if that is to be spoken. No, if the client does not.
    pub(crate) fn greet(&mut self) -> io::Result<bool> {
        self.socket.enter(Phase::Greeting);
        let until = after(self.timeouts.header);
        let quiet = Some((&*self.drain, self.timeouts.grace));
        let greeted = greet(&self.socket, until, quiet)?;
        self.socket.enter(Phase::Begun);
        self.born = Instant::now();
        Ok(greeted)
    }

    /// Who it is.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Whether the server is shutting down: what is answered now should say that it is the last.
    pub fn is_draining(&self) -> bool {
        self.drain.since().is_some()
    }

    /// Waits, between two requests, until there is something to read. No, if a read has found the end, or the client
    /// sent nothing for [`Timeouts::idle`], or the server shuts down. After a yes the clock of
    /// [`Timeouts::header`] runs.
    ///
    /// # Errors
    /// The task was cancelled, or the system has something to say.
    pub fn more(&mut self) -> io::Result<bool> {
        self.socket.enter(Phase::Idle);
        if self.has_ended {
            return Ok(false);
        }
        let woken = self.wait_idle(self.timeouts.idle)?;
        if woken != Woken::Ready {
            return Ok(false);
        }
        self.begin();
        Ok(true)
    }

    /// As [`more`](Self::more), and reads it at once: how many bytes, none where `more` says no. For protocols of which one
    /// read often holds a request, this takes fewer system calls.
    ///
    /// # Errors
    /// As there.
    pub fn more_into(&mut self, into: &mut [u8]) -> io::Result<usize> {
        check()?;
        // Where many are served, others can go on meanwhile, this client's next words come in that time, and nobody
        // has to be put to sleep and woken for them.
        reunite::yield_briefly();
        let count = match self.socket.receive(into) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if !self.more()? {
                    return Ok(0);
                }
                self.read(into)?
            }
            other => {
                let count = other?;
                self.has_ended |= count == 0 && !into.is_empty();
                self.begin();
                count
            }
        };
        Ok(count)
    }

    /// Until there is something to read, or for so long; for less when the server shuts down.
    fn wait_idle(&self, time: Duration) -> io::Result<Woken> {
        if !self.is_draining() {
            check()?;
            let woken = self.socket.wait_to_read_or(&*self.drain, after(time))?;
            if woken != Woken::Drained {
                return Ok(woken);
            }
        }
        let until = self
            .drain
            .since()
            .and_then(|since| since.max(self.born).checked_add(self.timeouts.grace));
        self.socket.wait_to_read(until.or(Some(Instant::now())))
    }

    /// A request has begun: its head must be here within [`Timeouts::header`]. [`more`](Self::more) calls this; a
    /// handler does for a request that came along with the one before.
    pub fn begin(&mut self) {
        self.socket.enter(Phase::Reading);
        self.begun = Instant::now();
        self.read_until = self.begun.checked_add(self.timeouts.header);
        self.pace = Pace::default();
    }

    /// The rest of the request has until [`Timeouts::request`] after its beginning.
    pub fn head_is_read(&mut self) {
        self.socket.enter(Phase::Answering);
        self.read_until = self.begun.checked_add(self.timeouts.request);
    }

    /// For protocols with clocks of their own: when the next reads must be done.
    pub fn read_until(&mut self, until: Option<Instant>) {
        self.read_until = until;
    }

    /// A way to write to the client from other tasks. It does not keep the connection open: when the handler
    /// has returned, writing fails.
    pub fn sender(&self) -> Sender {
        Sender {
            socket: Arc::downgrade(&self.socket),
            timeout: self.timeouts.write,
        }
    }

    /// Writes all of `bytes`, and says whether more follows at once, which may then share a packet with it.
    ///
    /// # Errors
    /// The client is gone, or takes less than it must within [`Timeouts::write`].
    pub fn send(&mut self, bytes: &[u8], more: bool) -> io::Result<()> {
        let mut left = bytes;
        while !left.is_empty() {
            match self.socket.send(left, more) {
                Ok(count) => {
                    left = &left[count..];
                    self.pace.took(count);
                }
                Err(error) => self.blocked(error)?,
            }
        }
        if more { Ok(()) } else { self.settle() }
    }

    /// Until all that was taken is on its way.
    fn settle(&mut self) -> io::Result<()> {
        while let Err(error) = self.socket.flush() {
            self.blocked(error)?;
        }
        Ok(())
    }

    /// Sends `count` bytes of `file` from `at` on, where the system can without them passing through here. Returns
    /// how many it sent: fewer only if the file has become shorter.
    ///
    /// # Errors
    /// As [`send`](Self::send); or the file cannot be read.
    pub fn send_file(&mut self, file: &File, mut at: u64, count: u64) -> io::Result<u64> {
        let end = at.saturating_add(count);
        let start = at;
        while at < end {
            check()?;
            let count = usize::try_from((end - at).min(AT_ONCE)).unwrap_or(usize::MAX);
            match self.send_piece(file, &mut at, count) {
                Ok(0) => break,
                Ok(count) => self.pace.took(count),
                Err(error) => self.blocked(error)?,
            }
        }
        self.settle()?;
        Ok(at - start)
    }

    fn send_piece(&self, file: &File, at: &mut u64, count: usize) -> io::Result<usize> {
        #[cfg(target_os = "linux")]
        if !self.socket.is_sealed() {
            return self
                .socket
                .send_file(std::os::fd::AsFd::as_fd(file), at, count);
        }
        use std::os::unix::fs::FileExt;
        let mut piece = vec![0; count.min(32 * 1024)];
        let count = file.read_at(&mut piece, *at)?;
        if count == 0 {
            return Ok(0);
        }
        let sent = self.socket.send(&piece[..count], false)?;
        *at += sent as u64;
        Ok(sent)
    }

    /// Ends the connection so that the client reads all of what was written, even if it is still sending.
    pub fn close(self) {
        self.socket.enter(Phase::Idle);
        linger(&self.socket, LINGER);
    }

    /// Waits for room if that is what is missing.
    fn blocked(&mut self, error: io::Error) -> io::Result<()> {
        if error.kind() != ErrorKind::WouldBlock {
            return Err(error);
        }
        check()?;
        let since = *self.pace.since.get_or_insert_with(Instant::now);
        match self
            .socket
            .wait_to_write(since.checked_add(self.timeouts.write))?
        {
            Woken::TimedOut => Err(late("the client does not take its answer")),
            _ => Ok(()),
        }
    }
}

impl Pace {
    fn took(&mut self, count: usize) {
        self.taken += count as u64;
        if self.taken >= PACE {
            *self = Self::default();
        }
    }
}

impl Read for Connection {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.socket.receive(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => {
                    self.has_ended |= !into.is_empty() && matches!(other, Ok(0));
                    self.pace = Pace::default();
                    return other;
                }
            }
            check()?;
            if self.socket.wait_to_read(self.read_until)? == Woken::TimedOut {
                return Err(late("the client is late with its request"));
            }
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.socket.send(bytes, false) {
                Ok(count) => {
                    self.pace.took(count);
                    self.settle()?;
                    return Ok(count);
                }
                Err(error) => self.blocked(error)?,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({}, {})", self.peer, self.socket.phase())
    }
}

/// Writes to a client from other tasks than its handler's: see [`Connection::sender`].
#[derive(Clone)]
pub struct Sender {
    socket: std::sync::Weak<Socket>,
    timeout: Duration,
}

impl Sender {
    /// Writes all of `bytes`. Two writers must agree on who is first, or their bytes mix.
    ///
    /// # Errors
    /// The client is gone, or does not take `bytes` within [`Timeouts::write`].
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let gone = || io::Error::new(ErrorKind::BrokenPipe, "the connection has ended");
        let socket = self.socket.upgrade().ok_or_else(gone)?;
        send_until(&socket, bytes, after(self.timeout))
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender")
    }
}
