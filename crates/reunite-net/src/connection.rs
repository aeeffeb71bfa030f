//! The connection that a handler reads from and writes to.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Peer;
use crate::drain::Drain;
use crate::lifecycle::{LINGER, after, check, linger, perform_handshake, send_until, timed_out};
use crate::limits::Timeouts;
use crate::socket::{Phase, Socket, Woken};

/// The number of bytes that the client must accept within [`Timeouts::write`].
const MIN_PROGRESS: u64 = 64 * 1024;
/// The number of bytes that one system call moves from a file to the socket.
const MAX_CHUNK: u64 = 1 << 20;

/// A client's connection. Reads and writes block the calling task, within the server's timeouts.
///
/// A read fails with an error of kind [`TimedOut`](ErrorKind::TimedOut) at the deadline of the connection's state (see
/// the [protocol](crate#protocol)), and with the reason of the cancellation if the task is cancelled.
pub struct Connection {
    socket: Arc<Socket>,
    drain: Arc<Drain>,
    timeouts: Timeouts,
    peer: Peer,
    /// The first time at which the client could send a request.
    ready_at: Instant,
    /// The time at which the current request began.
    begun: Instant,
    /// The deadline of reads.
    read_until: Option<Instant>,
    progress: WriteProgress,
    /// A read has reached the end of the stream.
    has_ended: bool,
}

/// The client's progress in accepting what is written: since when it has been slow, and how many bytes it has accepted
/// since then.
#[derive(Clone, Copy, Default)]
struct WriteProgress {
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
            ready_at: Instant::now(),
            begun: Instant::now(),
            read_until: None,
            progress: WriteProgress::default(),
            has_ended: false,
        }
    }

    /// Performs the TLS handshake, if the listener uses TLS. Returns false if the client does not speak TLS.
    pub(crate) fn handshake(&mut self) -> io::Result<bool> {
        self.socket.enter(Phase::Handshake);
        let until = after(self.timeouts.header);
        let drain = Some((&*self.drain, self.timeouts.grace));
        let speaks_tls = perform_handshake(&self.socket, until, drain)?;
        self.socket.enter(Phase::Begun);
        self.ready_at = Instant::now();
        Ok(speaks_tls)
    }

    /// Returns the client's address.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Returns true if the server is shutting down. The current answer should tell the client that it is the last.
    pub fn is_draining(&self) -> bool {
        self.drain.since().is_some()
    }

    /// Waits for the first bytes of the next request. Returns true when they have arrived; [`Timeouts::header`] counts
    /// from then on. Returns false if a read has reached the end of the stream, the client sent nothing for
    /// [`Timeouts::idle`], or the server shuts down.
    ///
    /// # Errors
    /// Returns an error if the task is cancelled, or an I/O error.
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

    /// Waits like [`more`](Self::more) and reads the bytes into `into`. Returns how many bytes were read; 0 where
    /// `more` returns false. Takes fewer system calls if one read often holds a whole request.
    ///
    /// # Errors
    /// Returns the same errors as [`more`](Self::more).
    pub fn more_into(&mut self, into: &mut [u8]) -> io::Result<usize> {
        check()?;
        // Under load, other tasks run during this yield. The client's next request often arrives before it ends, so
        // that this thread need not sleep and be woken.
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

    /// Waits at most `time` for bytes to read; only for [`Timeouts::grace`] when the server shuts down.
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
            .and_then(|since| since.max(self.ready_at).checked_add(self.timeouts.grace));
        self.socket.wait_to_read(until.or(Some(Instant::now())))
    }

    /// Marks the beginning of a request, whose head must arrive within [`Timeouts::header`]. [`more`](Self::more) calls
    /// this; a handler calls it for a request that arrived together with the one before.
    pub fn begin(&mut self) {
        self.socket.enter(Phase::Reading);
        self.begun = Instant::now();
        self.read_until = self.begun.checked_add(self.timeouts.header);
        self.progress = WriteProgress::default();
    }

    /// Marks the head of the request as read. The rest of the request must arrive within [`Timeouts::request`] of its
    /// beginning.
    pub fn head_is_read(&mut self) {
        self.socket.enter(Phase::Answering);
        self.read_until = self.begun.checked_add(self.timeouts.request);
    }

    /// Sets the deadline of the next reads, for protocols with timeouts of their own.
    pub fn read_until(&mut self, until: Option<Instant>) {
        self.read_until = until;
    }

    /// Returns a handle to write to the client from other tasks. It does not keep the connection open: after the
    /// handler has returned, writing fails.
    pub fn sender(&self) -> ConnectionSender {
        ConnectionSender {
            socket: Arc::downgrade(&self.socket),
            timeout: self.timeouts.write,
        }
    }

    /// Writes all of `bytes` and waits until the system has accepted them.
    ///
    /// # Errors
    /// Returns an error if the client has closed the connection, or accepts less than 64 KiB within
    /// [`Timeouts::write`].
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.send_all(bytes, false)?;
        self.flush_all()
    }

    /// Writes all of `bytes`, before another write that follows at once and may share a packet with this one.
    ///
    /// # Errors
    /// Returns the same errors as [`send`](Self::send).
    pub fn send_more(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.send_all(bytes, true)
    }

    fn send_all(&mut self, bytes: &[u8], more: bool) -> io::Result<()> {
        let mut left = bytes;
        while !left.is_empty() {
            match self.socket.send(left, more) {
                Ok(count) => {
                    left = &left[count..];
                    self.progress.add(count);
                }
                Err(error) => self.wait_for_room(error)?,
            }
        }
        Ok(())
    }

    /// Waits until everything that was written has reached the socket.
    fn flush_all(&mut self) -> io::Result<()> {
        while let Err(error) = self.socket.flush() {
            self.wait_for_room(error)?;
        }
        Ok(())
    }

    /// Sends `count` bytes of `file`, beginning at offset `at`, without copying them through this process where the
    /// system supports it. Returns how many bytes were sent: fewer than `count` only if the file has become shorter.
    ///
    /// # Errors
    /// Returns the same errors as [`send`](Self::send), or an error if the file cannot be read.
    pub fn send_file(&mut self, file: &File, mut at: u64, count: u64) -> io::Result<u64> {
        let end = at.saturating_add(count);
        let start = at;
        while at < end {
            check()?;
            let count = usize::try_from((end - at).min(MAX_CHUNK)).unwrap_or(usize::MAX);
            match self.send_chunk(file, &mut at, count) {
                Ok(0) => break,
                Ok(count) => self.progress.add(count),
                Err(error) => self.wait_for_room(error)?,
            }
        }
        self.flush_all()?;
        Ok(at - start)
    }

    fn send_chunk(&self, file: &File, at: &mut u64, count: usize) -> io::Result<usize> {
        #[cfg(target_os = "linux")]
        if !self.socket.is_encrypted() {
            return self
                .socket
                .send_file(std::os::fd::AsFd::as_fd(file), at, count);
        }
        use std::os::unix::fs::FileExt;
        let mut chunk = vec![0; count.min(32 * 1024)];
        let count = file.read_at(&mut chunk, *at)?;
        if count == 0 {
            return Ok(0);
        }
        let sent = self.socket.send(&chunk[..count], false)?;
        *at += sent as u64;
        Ok(sent)
    }

    /// Closes the connection in such a way that the client can read everything that was written, even if it is still
    /// sending.
    pub fn close(self) {
        self.socket.enter(Phase::Idle);
        linger(&self.socket, LINGER);
    }

    /// Waits for room in the socket's send buffer if `error` says that it is full; returns any other error.
    fn wait_for_room(&mut self, error: io::Error) -> io::Result<()> {
        if error.kind() != ErrorKind::WouldBlock {
            return Err(error);
        }
        check()?;
        let since = *self.progress.since.get_or_insert_with(Instant::now);
        match self
            .socket
            .wait_to_write(since.checked_add(self.timeouts.write))?
        {
            Woken::TimedOut => Err(timed_out("the client accepts its answer too slowly")),
            _ => Ok(()),
        }
    }
}

impl WriteProgress {
    fn add(&mut self, count: usize) {
        self.taken += count as u64;
        if self.taken >= MIN_PROGRESS {
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
                    self.progress = WriteProgress::default();
                    return other;
                }
            }
            check()?;
            if self.socket.wait_to_read(self.read_until)? == Woken::TimedOut {
                return Err(timed_out("the request did not arrive in time"));
            }
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.socket.send(bytes, false) {
                Ok(count) => {
                    self.progress.add(count);
                    self.flush_all()?;
                    return Ok(count);
                }
                Err(error) => self.wait_for_room(error)?,
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

/// A handle to write to a client from other tasks than its handler's: see [`Connection::sender`].
#[derive(Clone)]
pub struct ConnectionSender {
    socket: std::sync::Weak<Socket>,
    timeout: Duration,
}

impl ConnectionSender {
    /// Writes all of `bytes`. Concurrent writers must take turns, or their bytes are interleaved.
    ///
    /// # Errors
    /// Returns an error if the client has closed the connection, or does not accept all of `bytes` within
    /// [`Timeouts::write`].
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let gone = || io::Error::new(ErrorKind::BrokenPipe, "the connection has ended");
        let socket = self.socket.upgrade().ok_or_else(gone)?;
        send_until(&socket, bytes, after(self.timeout))
    }
}

impl std::fmt::Debug for ConnectionSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectionSender")
    }
}
