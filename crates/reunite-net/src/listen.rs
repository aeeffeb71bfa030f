//! Where clients come from.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

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
        _file: Place,
    },
}

/// The file of a Unix socket, which goes with it.
#[derive(Debug)]
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        // Somebody may have cleaned up already.
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// Who connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Over the network.
    Tcp(SocketAddr),
    /// Through a file: a process of this machine.
    Unix,
}

impl Peer {
    /// What limits for each address count by.
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
    /// Listens at an address such as `127.0.0.1:8080`; port 0 for any that is free.
    ///
    /// # Errors
    /// The address cannot be found, is in use, or is not for everybody to have.
    pub fn tcp(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        lengthen(&listener);
        listener.set_nonblocking(true)?;
        Ok(Self::of(Kind::Tcp(listener)))
    }

    /// Listens at a file, which is removed at the end. A file that a killed server left behind is replaced.
    ///
    /// # Errors
    /// Somebody listens there already, or the file cannot be made.
    pub fn unix(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            other => other?,
        };
        lengthen(&listener);
        listener.set_nonblocking(true)?;
        let _file = Place(path.to_owned());
        Ok(Self::of(Kind::Unix { listener, _file }))
    }

    fn of(kind: Kind) -> Self {
        Self { kind, tls: None }
    }

    /// Whoever connects here speaks TLS. The handshake is the client's task's own, within
    /// [`Timeouts::header`](crate::Timeouts::header), and its connection counts from its beginning.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn secured(self, tls: Tls) -> Self {
        Self {
            tls: Some(tls),
            ..self
        }
    }

    /// Where it listens, if that has a number.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            Kind::Unix { .. } => None,
        }
    }

    /// The next client, if one is there.
    pub(crate) fn accept(&self) -> io::Result<(Socket, Peer)> {
        let (fd, peer) = self.take()?;
        let session = self.tls.as_ref().map(Tls::session).transpose()?;
        Ok((Socket::new(fd, session), peer))
    }

    fn take(&self) -> io::Result<(OwnedFd, Peer)> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, address) = listener.accept()?;
                stream.set_nonblocking(true)?;
                // Answers are written whole: there is nothing to wait for.
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

/// More clients may queue than the 128 of the standard library: one for whom there is no place tries again only after a
/// second.
fn lengthen(listener: &impl AsFd) {
    // The system takes it for what it allows at most; if it takes nothing, the queue is as it was.
    let _as_before = rustix::net::listen(listener, 4096);
}

/// A socket nobody answers at.
fn is_left_behind(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let is_socket =
        std::fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket());
    is_socket
        && std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
