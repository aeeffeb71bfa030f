//! Listening sockets and the addresses of clients.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::raw::lengthen_queue;
use crate::socket::Socket;
use crate::tls::Tls;

/// A socket that clients connect to.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    tls: Option<Tls>,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        _file: SocketFile,
    },
}

/// The file of a Unix socket; removed when dropped.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // The file may have been removed already.
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// The address of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A client that connected over TCP.
    Tcp(SocketAddr),
    /// A process on this machine that connected through a Unix socket.
    Unix,
}

impl Peer {
    /// Returns the IP address, by which [`Limits::per_address`](crate::Limits::per_address) counts.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip().to_canonical()),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix => f.write_str("unix"),
        }
    }
}

impl Listener {
    /// Listens at an address such as `127.0.0.1:8080`; port 0 picks a free port.
    ///
    /// # Errors
    /// Returns an error if the address cannot be resolved, is in use, or needs privileges.
    pub fn tcp(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        lengthen_queue(&listener);
        listener.set_nonblocking(true)?;
        Ok(Self::of(Kind::Tcp(listener)))
    }

    /// Listens at a Unix socket, whose file is removed when the listener is dropped. A socket file that a killed server
    /// left behind is replaced.
    ///
    /// # Errors
    /// Returns an error if another process listens there, or the file cannot be created.
    pub fn unix(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            other => other?,
        };
        lengthen_queue(&listener);
        listener.set_nonblocking(true)?;
        let _file = SocketFile(path.to_owned());
        Ok(Self::of(Kind::Unix { listener, _file }))
    }

    fn of(kind: Kind) -> Self {
        Self { kind, tls: None }
    }

    /// Serves TLS. The handshake runs in the client's task, within [`Timeouts::header`](crate::Timeouts::header), and
    /// the connection counts towards the limits from its beginning.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn secured(self, tls: Tls) -> Self {
        Self {
            tls: Some(tls),
            ..self
        }
    }

    /// Returns the address of a TCP listener; `None` for a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            Kind::Unix { .. } => None,
        }
    }

    /// Accepts the next queued client; fails with `WouldBlock` if there is none.
    pub(crate) fn accept(&self) -> io::Result<(Socket, Peer)> {
        let (fd, peer) = self.accept_raw()?;
        let session = self.tls.as_ref().map(Tls::session).transpose()?;
        Ok((Socket::new(fd, session), peer))
    }

    fn accept_raw(&self) -> io::Result<(OwnedFd, Peer)> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, address) = listener.accept()?;
                stream.set_nonblocking(true)?;
                // Answers are written as a whole, so delaying small packets gains nothing.
                stream.set_nodelay(true)?;
                Ok((OwnedFd::from(stream), Peer::Tcp(address)))
            }
            Kind::Unix { listener, .. } => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok((OwnedFd::from(stream), Peer::Unix))
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.kind {
            Kind::Tcp(listener) => listener.as_fd(),
            Kind::Unix { listener, .. } => listener.as_fd(),
        }
    }
}

/// Returns true if `path` is a socket file at which no process listens.
fn is_left_behind(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let is_socket =
        std::fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket());
    is_socket
        && std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
