//! The system calls on sockets.

use std::io::{self, Read, Write};
use std::net::Shutdown;
#[cfg(target_os = "linux")]
use std::os::fd::BorrowedFd;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::event::{PollFd, Timespec, poll};
#[cfg(feature = "tls")]
use rustix::net::{RecvFlags, recv};
use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};

/// A socket, without TLS.
pub(crate) struct Raw<'a>(pub(crate) &'a OwnedFd);

impl Raw<'_> {
    /// Sends some of `bytes` and returns how many. If `more` is true, what follows may share a packet with them.
    pub(crate) fn send(&self, bytes: &[u8], more: bool) -> io::Result<usize> {
        retry(|| send(self.0, bytes, flags(more)))
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn send_file(
        &self,
        file: BorrowedFd<'_>,
        at: &mut u64,
        count: usize,
    ) -> io::Result<usize> {
        retry(|| rustix::fs::sendfile(self.0, file, Some(&mut *at), count))
    }

    /// Returns the byte that is read next, without reading it; `None` at the end of the stream.
    #[cfg(feature = "tls")]
    pub(crate) fn first(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        let (count, _) = retry(|| recv(self.0, &mut byte[..], RecvFlags::PEEK))?;
        Ok((count > 0).then_some(byte[0]))
    }

    /// Shuts the socket down.
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => rustix::net::Shutdown::Read,
            Shutdown::Write => rustix::net::Shutdown::Write,
            Shutdown::Both => rustix::net::Shutdown::Both,
        };
        rustix::net::shutdown(self.0, how).map_err(Into::into)
    }
}

impl Read for Raw<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        retry(|| rustix::io::read(self.0, &mut *into))
    }
}

impl Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes, false)
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let mut nothing = SendAncillaryBuffer::default();
        retry(|| sendmsg(self.0, parts, &mut nothing, flags(false)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the flags of a send. Systems without `NOSIGNAL` have a socket option instead, set when the socket is
/// created.
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

/// Repeats `call` until no signal interrupts it.
fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            other => return other.map_err(Into::into),
        }
    }
}

/// Polls `fds` until at least one is ready, and returns how many are; 0 if the deadline passes first.
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

/// Lengthens the queue of clients that wait to be accepted beyond the standard library's 128: a client that finds the
/// queue full tries again only after a second.
pub(crate) fn lengthen_queue(listener: &impl AsFd) {
    // The system caps the length at its own maximum; if the call fails, the queue keeps its length.
    let _unchanged = rustix::net::listen(listener, 4096);
}
