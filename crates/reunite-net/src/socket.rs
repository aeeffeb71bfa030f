//! A socket of any family that does not block, and how to wait for it until an instant.

use std::fmt;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{Shutdown, shutdown};

use crate::handshake::Shake;
use crate::raw::Raw;
use crate::tls::Session;

pub(crate) struct Socket {
    fd: OwnedFd,
    /// Boxed, because most have none.
    session: Option<Box<Session>>,
    phase: AtomicU8,
}

/// What its handler is at: only told to people.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    Begun,
    Greeting,
    Idle,
    Reading,
    Answering,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begun => "in its handler",
            Self::Greeting => "in its handshake",
            Self::Idle => "between two requests",
            Self::Reading => "reading a request",
            Self::Answering => "answering a request",
        })
    }
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    Ready,
    Drained,
    TimedOut,
}

impl Socket {
    /// `fd` must not block.
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
            Phase::Greeting,
            Phase::Idle,
            Phase::Reading,
            Phase::Answering,
        ];
        all[usize::from(self.phase.load(Ordering::Relaxed))]
    }

    /// Nothing to do where there is no TLS.
    pub(crate) fn shake(&self) -> io::Result<Shake> {
        match &self.session {
            Some(session) => session.shake(Raw(&self.fd)),
            None => Ok(Shake::Done),
        }
    }

    /// Whether what is sent passes through a cipher.
    pub(crate) fn is_sealed(&self) -> bool {
        self.session.is_some()
    }

    pub(crate) fn receive(&self, into: &mut [u8]) -> io::Result<usize> {
        match &self.session {
            Some(session) => session.receive(Raw(&self.fd), into),
            None => Raw(&self.fd).read(into),
        }
    }

    /// Reads what nobody wants.
    pub(crate) fn waste(&self, into: &mut [u8]) -> io::Result<usize> {
        Raw(&self.fd).read(into)
    }

    /// `more`: what follows may go into the same packet.
    pub(crate) fn send(&self, bytes: &[u8], more: bool) -> io::Result<usize> {
        match &self.session {
            Some(session) => session.send(Raw(&self.fd), bytes),
            None => Raw(&self.fd).send(bytes, more),
        }
    }

    /// Whether all of what was taken is on its way; if there is no room for it, as `send`.
    pub(crate) fn flush(&self) -> io::Result<()> {
        match &self.session {
            Some(session) => session.flush(Raw(&self.fd)),
            None => Ok(()),
        }
    }

    /// What a client is sent as it is that does not speak TLS.
    pub(crate) fn plain(&self) -> &[u8] {
        self.session.as_ref().map_or(&[], |session| session.plain())
    }

    pub(crate) fn send_plain(&self, bytes: &[u8]) -> io::Result<usize> {
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
        self.wait_for_words(until, None)
    }

    /// For bytes of any kind, or the bell.
    pub(crate) fn wait_for_bytes(
        &self,
        until: Option<Instant>,
        bell: Option<BorrowedFd<'_>>,
    ) -> io::Result<Woken> {
        self.wait(PollFlags::IN, until, bell)
    }

    pub(crate) fn wait_to_write(&self, until: Option<Instant>) -> io::Result<Woken> {
        self.wait(PollFlags::OUT, until, None)
    }

    /// Bytes that are there count for more than the bell.
    pub(crate) fn wait_to_read_or(
        &self,
        bell: impl AsFd,
        until: Option<Instant>,
    ) -> io::Result<Woken> {
        self.wait_for_words(until, Some(bell.as_fd()))
    }

    /// For something that a read gives to its caller: what TLS says to itself is none.
    fn wait_for_words(
        &self,
        until: Option<Instant>,
        bell: Option<BorrowedFd<'_>>,
    ) -> io::Result<Woken> {
        let Some(session) = &self.session else {
            return self.wait(PollFlags::IN, until, bell);
        };
        loop {
            if session.is_ready(Raw(&self.fd)) {
                return Ok(Woken::Ready);
            }
            let woken = self.wait(PollFlags::IN, until, bell)?;
            if woken != Woken::Ready {
                return Ok(woken);
            }
        }
    }

    fn wait(
        &self,
        flags: PollFlags,
        until: Option<Instant>,
        bell: Option<BorrowedFd<'_>>,
    ) -> io::Result<Woken> {
        let own = PollFd::new(&self.fd, flags);
        match bell {
            None => Ok(match poll_until(&mut [own], until)? {
                0 => Woken::TimedOut,
                _ => Woken::Ready,
            }),
            Some(bell) => {
                let mut both = [own, PollFd::from_borrowed_fd(bell, PollFlags::IN)];
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

    /// Says the end in the words of TLS; they are on their way when it is flushed.
    pub(crate) fn say_end(&self) {
        if let Some(session) = &self.session {
            session.say_end();
        }
    }

    /// The other side reads the end after what was sent.
    pub(crate) fn finish(&self) {
        // It may be gone already, which is an end, too.
        let _gone = shutdown(&self.fd, Shutdown::Write);
    }

    /// Ends every read and write, of whichever thread.
    pub(crate) fn cut(&self) {
        let _gone = shutdown(&self.fd, Shutdown::Both);
    }
}

/// How many of `fds` have something to tell; none if the instant passed before.
pub(crate) fn poll_until(fds: &mut [PollFd<'_>], until: Option<Instant>) -> io::Result<usize> {
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        match reunite::blocking(|| poll(fds, timeout.as_ref())) {
            Err(rustix::io::Errno::INTR) => {}
            other => return other.map_err(Into::into),
        }
    }
}
