//! A socket of any family that does not block, and how to wait for it until an instant.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SendFlags, Shutdown, send, shutdown};

pub(crate) struct Socket {
    fd: OwnedFd,
    phase: AtomicU8,
}

/// What its handler is at: only told to people.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    Begun,
    Idle,
    Reading,
    Answering,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begun => "in its handler",
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
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self {
            fd,
            phase: AtomicU8::new(Phase::Begun as u8),
        }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn phase(&self) -> Phase {
        let all = [Phase::Begun, Phase::Idle, Phase::Reading, Phase::Answering];
        all[usize::from(self.phase.load(Ordering::Relaxed))]
    }

    pub(crate) fn receive(&self, into: &mut [u8]) -> io::Result<usize> {
        again(|| rustix::io::read(&self.fd, &mut *into))
    }

    /// `more`: what follows may go into the same packet.
    pub(crate) fn send(&self, bytes: &[u8], more: bool) -> io::Result<usize> {
        again(|| send(&self.fd, bytes, flags(more)))
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn send_file(
        &self,
        file: BorrowedFd<'_>,
        at: &mut u64,
        count: usize,
    ) -> io::Result<usize> {
        again(|| rustix::fs::sendfile(&self.fd, file, Some(&mut *at), count))
    }

    pub(crate) fn wait_to_read(&self, until: Option<Instant>) -> io::Result<Woken> {
        self.wait(PollFlags::IN, until, None)
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
        self.wait(PollFlags::IN, until, Some(bell.as_fd()))
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

/// Where the flag is missing the socket was told at its birth.
fn flags(more: bool) -> SendFlags {
    let mut flags = SendFlags::empty();
    #[cfg(not(target_vendor = "apple"))]
    {
        flags |= SendFlags::NOSIGNAL;
    }
    #[cfg(target_os = "linux")]
    if more {
        flags |= SendFlags::MORE;
    }
    #[cfg(not(target_os = "linux"))]
    let _no_such_flag = more;
    flags
}

fn again<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            other => return other.map_err(Into::into),
        }
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
