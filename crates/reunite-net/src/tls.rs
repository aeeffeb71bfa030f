//! TLS on a socket that does not block.
//!
//! What goes out is sealed into a buffer of the session and from there to the socket, as far as that takes it;
//! nothing new is sealed before the buffer is empty, so it stays small. Whoever has written everything flushes. What
//! comes in is opened as soon as it is read: bytes may be there for the reader although the socket has none, which
//! is why waiting asks here first. The lock is held for one call, never while anybody waits.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::handshake::Shake;
use crate::raw::Raw;

/// As much is sealed at a time: two records.
const AT_ONCE: usize = 32 * 1024;
/// How a client that speaks TLS begins.
const HANDSHAKE: u8 = 22;

/// How a listener speaks TLS.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    plain: Arc<[u8]>,
}

impl Tls {
    /// With the certificates of one PEM file, the server's own first, and the key of another.
    ///
    /// # Errors
    /// A file cannot be read, or has not in it what it should.
    pub fn open(certificates: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, TlsError> {
        let (chain, key) = (certificates.as_ref(), key.as_ref());
        let wrong =
            |path: &Path, why: &dyn fmt::Display| TlsError(format!("{}: {why}", path.display()));
        let certificates: Vec<_> = CertificateDer::pem_file_iter(chain)
            .and_then(Iterator::collect)
            .map_err(|error| wrong(chain, &told(error)))?;
        if certificates.is_empty() {
            let advice =
                "there is no certificate in it; give the chain as PEM, the server's own first";
            return Err(wrong(chain, &advice));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| {
            let is_locked = std::fs::read_to_string(key)
                .is_ok_and(|text| text.contains("BEGIN ENCRYPTED PRIVATE KEY"));
            match error {
                pem::Error::NoItemsFound if is_locked => wrong(
                    key,
                    &"the key is encrypted; decrypt it, for example by `openssl pkey`",
                ),
                pem::Error::NoItemsFound => {
                    wrong(key, &"there is no private key in it; give one as PEM")
                }
                error => wrong(key, &told(error)),
            }
        })?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(certificates, private))
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => {
                    let why = format!(
                        "it is not the key of the certificate in {}",
                        chain.display()
                    );
                    wrong(key, &why)
                }
                error => wrong(chain, &error),
            })?;
        Ok(Self::from(Arc::new(config)))
    }

    /// Speaks these protocols, such as `http/1.1`, and refuses clients that ask for others alone.
    #[must_use]
    pub fn protocols(mut self, names: &[&str]) -> Self {
        let config = Arc::make_mut(&mut self.config);
        config.alpn_protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    /// What a client that does not speak TLS is sent, as it is, before it is closed. Unless said, nothing.
    #[must_use]
    pub fn answer_plain(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.plain = bytes.into().into();
        self
    }

    pub(crate) fn session(&self) -> io::Result<Session> {
        let state = ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
        Ok(Session {
            state: Mutex::new(state),
            has_heard: AtomicBool::new(false),
            plain: Arc::clone(&self.plain),
        })
    }
}

/// With choices of one's own.
impl From<Arc<ServerConfig>> for Tls {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self {
            config,
            plain: Arc::default(),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Why certificates and key cannot be used; it names the file.
#[derive(Debug)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

fn told(error: pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        error => format!("it is not PEM as it should be: {error}"),
    }
}

/// One connection's.
pub(crate) struct Session {
    state: Mutex<ServerConnection>,
    /// The first byte has come, and was one of TLS.
    has_heard: AtomicBool,
    plain: Arc<[u8]>,
}

impl Session {
    fn lock(&self) -> MutexGuard<'_, ServerConnection> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a client is sent that does not speak TLS.
    pub(crate) fn plain(&self) -> &[u8] {
        &self.plain
    }

    /// Goes on with the handshake as far as that is possible without waiting.
    pub(crate) fn shake(&self, mut raw: Raw<'_>) -> io::Result<Shake> {
        let mut state = self.lock();
        loop {
            match push(&mut state, &mut raw) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Shake::Write),
                other => other?,
            }
            if !state.is_handshaking() {
                return Ok(Shake::Done);
            }
            if !self.has_heard.load(Ordering::Relaxed) {
                match raw.first() {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Shake::Read),
                    Ok(Some(byte)) if byte != HANDSHAKE => return Ok(Shake::Plain),
                    other => drop(other?),
                }
                self.has_heard.store(true, Ordering::Relaxed);
            }
            match open(&mut state, &mut raw) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Shake::Read),
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                other => drop(other?),
            }
        }
    }

    pub(crate) fn receive(&self, mut raw: Raw<'_>, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.lock();
        loop {
            match state.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            open(&mut state, &mut raw)?;
        }
    }

    /// Whether a read would not have to wait; takes what the socket has to find out.
    pub(crate) fn is_ready(&self, mut raw: Raw<'_>) -> bool {
        let mut state = self.lock();
        loop {
            // An error is found again by whoever reads.
            match state.process_new_packets() {
                Ok(found) if found.plaintext_bytes_to_read() == 0 && !found.peer_has_closed() => {}
                _ => return true,
            }
            match open(&mut state, &mut raw) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Ok(0) | Err(_) => return true,
                Ok(_) => {}
            }
        }
    }

    /// Takes some of `bytes`; they are on their way when it is flushed.
    pub(crate) fn send(&self, mut raw: Raw<'_>, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.lock();
        push(&mut state, &mut raw)?;
        let count = state.writer().write(&bytes[..bytes.len().min(AT_ONCE)])?;
        match push(&mut state, &mut raw) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(count),
        }
    }

    pub(crate) fn flush(&self, mut raw: Raw<'_>) -> io::Result<()> {
        push(&mut self.lock(), &mut raw)
    }

    /// Nothing more follows, on purpose: without this the client takes what it has for cut short.
    pub(crate) fn say_end(&self) {
        self.lock().send_close_notify();
    }
}

/// Reads once and opens what came. What the other side must be told about it goes out as far as it can.
fn open(state: &mut ServerConnection, raw: &mut Raw<'_>) -> io::Result<usize> {
    let count = state.read_tls(raw)?;
    let opened = state.process_new_packets();
    match push(state, raw) {
        Err(error) if opened.is_ok() && error.kind() != ErrorKind::WouldBlock => return Err(error),
        _ => {}
    }
    opened.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
    Ok(count)
}

fn push(state: &mut ServerConnection, raw: &mut Raw<'_>) -> io::Result<()> {
    while state.wants_write() {
        state.write_tls(raw)?;
    }
    Ok(())
}
