//! A non-blocking socket of any family, and waiting for it until a deadline.

use std::fmt;
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};

use crate::handshake::HandshakeStep;
use crate::raw::{Raw, poll_until};
use crate::tls::Session;

pub(crate) struct Socket {
    fd: OwnedFd,
    /// Boxed, because most sockets have none.
    session: Option<Box<Session>>,
    phase: AtomicU8,
}

/// The activity of a connection's task; only used in messages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    Begun,
    Handshake,
    Idle,
    Reading,
    Answering,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begun => "in its handler",
            Self::Handshake => "in its TLS handshake",
            Self::Idle => "between two requests",
            Self::Reading => "reading a request",
            Self::Answering => "answering a request",
        })
    }
}

/// The reason why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The socket is ready.
    Ready,
    /// The server shuts down.
    Drained,
    /// The deadline passed.
    TimedOut,
}

impl Socket {
    /// Wraps `fd`, which must be non-blocking.
    pub(crate) fn new(fd: OwnedFd, session: Option<Session>) -> Self {
        Self {
            fd,
            session: session.map(Box::new),
            phase: AtomicU8::new(Phase::Begun as u8),
        }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn phase(&self) -> Phase {
        let all = [
            Phase::Begun,
            Phase::Handshake,
            Phase::Idle,
            Phase::Reading,
            Phase::Answering,
        ];
        all[usize::from(self.phase.load(Ordering::Relaxed))]
    }

    /// Continues the TLS handshake; done at once on a socket without TLS.
    pub(crate) fn handshake(&self) -> io::Result<HandshakeStep> {
        match &self.session {
            Some(session) => session.handshake(Raw(&self.fd)),
            None => Ok(HandshakeStep::Done),
        }
    }

    /// Returns true if what is sent is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.session.is_some()
    }

    pub(crate) fn receive(&self, into: &mut [u8]) -> io::Result<usize> {
        match &self.session {
            Some(session) => session.receive(Raw(&self.fd), into),
            None => Raw(&self.fd).read(into),
        }
    }

    /// Reads bytes as they come from the network, without decrypting them.
    pub(crate) fn read_raw(&self, into: &mut [u8]) -> io::Result<usize> {
        Raw(&self.fd).read(into)
    }

    /// Sends some of `bytes` and returns how many. If `more` is true, what follows may share a packet with them.
    pub(crate) fn send(&self, bytes: &[u8], more: bool) -> io::Result<usize> {
        match &self.session {
            Some(session) => session.send(Raw(&self.fd), bytes),
            None => Raw(&self.fd).send(bytes, more),
        }
    }

    /// Passes everything that `send` accepted to the system; fails with `WouldBlock` if there is no room for it.
    pub(crate) fn flush(&self) -> io::Result<()> {
        match &self.session {
            Some(session) => session.flush(Raw(&self.fd)),
            None => Ok(()),
        }
    }

    /// Returns the unencrypted answer to a client that does not speak TLS.
    pub(crate) fn plain_answer(&self) -> &[u8] {
        self.session
            .as_ref()
            .map_or(&[], |session| session.plain_answer())
    }

    pub(crate) fn send_raw(&self, bytes: &[u8]) -> io::Result<usize> {
        Raw(&self.fd).send(bytes, false)
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn send_file(
        &self,
        file: BorrowedFd<'_>,
        at: &mut u64,
        count: usize,
    ) -> io::Result<usize> {
        Raw(&self.fd).send_file(file, at, count)
    }

    pub(crate) fn wait_to_read(&self, until: Option<Instant>) -> io::Result<Woken> {
        self.wait_for_data(until, None)
    }

    /// Waits for bytes of any kind, or for `drain`.
    pub(crate) fn wait_for_bytes(
        &self,
        until: Option<Instant>,
        drain: Option<BorrowedFd<'_>>,
    ) -> io::Result<Woken> {
        self.wait(PollFlags::IN, until, drain)
    }

    pub(crate) fn wait_to_write(&self, until: Option<Instant>) -> io::Result<Woken> {
        self.wait(PollFlags::OUT, until, None)
    }

    /// Waits for data to read, or for `drain`; ready if both are there.
    pub(crate) fn wait_to_read_or(
        &self,
        drain: &impl AsFd,
        until: Option<Instant>,
    ) -> io::Result<Woken> {
        self.wait_for_data(until, Some(drain.as_fd()))
    }

    /// Waits for data that a read returns to its caller; messages of the TLS protocol do not count.
    fn wait_for_data(
        &self,
        until: Option<Instant>,
        drain: Option<BorrowedFd<'_>>,
    ) -> io::Result<Woken> {
        let Some(session) = &self.session else {
            return self.wait(PollFlags::IN, until, drain);
        };
        loop {
            if session.is_ready(Raw(&self.fd)) {
                return Ok(Woken::Ready);
            }
            let woken = self.wait(PollFlags::IN, until, drain)?;
            if woken != Woken::Ready {
                return Ok(woken);
            }
        }
    }

    fn wait(
        &self,
        flags: PollFlags,
        until: Option<Instant>,
        drain: Option<BorrowedFd<'_>>,
    ) -> io::Result<Woken> {
        let own = PollFd::new(&self.fd, flags);
        match drain {
            None => Ok(match poll_until(&mut [own], until)? {
                0 => Woken::TimedOut,
                _ => Woken::Ready,
            }),
            Some(drain) => {
                let mut both = [own, PollFd::from_borrowed_fd(drain, PollFlags::IN)];
                let count = poll_until(&mut both, until)?;
                Ok(if !both[0].revents().is_empty() {
                    Woken::Ready
                } else if count > 0 {
                    Woken::Drained
                } else {
                    Woken::TimedOut
                })
            }
        }
    }

    /// Queues the message that ends a TLS session; a flush sends it.
    pub(crate) fn queue_close(&self) {
        if let Some(session) = &self.session {
            session.queue_close();
        }
    }

    /// Shuts down the sending side: the client reads the end of the stream after what was sent.
    pub(crate) fn finish(&self) {
        // Fails if the client has closed the connection already.
        let _gone = Raw(&self.fd).shutdown(Shutdown::Write);
    }

    /// Shuts the socket down in both directions, which ends the reads and writes of all threads.
    pub(crate) fn cut(&self) {
        let _gone = Raw(&self.fd).shutdown(Shutdown::Both);
    }
}
