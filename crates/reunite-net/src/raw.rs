//! The system calls that read and write a socket.

use std::io::{self, Read, Write};
#[cfg(target_os = "linux")]
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;

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
