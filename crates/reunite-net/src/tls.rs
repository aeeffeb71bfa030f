//! TLS on a non-blocking socket.
//!
//! *Sending*: plaintext is encrypted into a buffer of the session, and the buffer is written to the socket as far as
//! there is room. No more plaintext is encrypted before the buffer is empty, so the buffer stays small. A sender that
//! has written everything flushes.
//!
//! *Receiving*: bytes are decrypted as soon as they are read. There may be plaintext for the reader although the socket
//! has no bytes, which is why every wait asks the session first.
//!
//! The lock of the session is held for one call, never during a wait.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::handshake::HandshakeStep;
use crate::raw::Raw;

/// The maximum number of bytes that are encrypted at a time: two records.
const MAX_PLAINTEXT: usize = 32 * 1024;
/// The first byte that a TLS client sends.
const HANDSHAKE_RECORD: u8 = 22;

/// The TLS configuration of a listener.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    plain_answer: Arc<[u8]>,
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, from one PEM file and the private key from another.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read, does not contain what it should, or the key does not belong to the
    /// certificate.
    pub fn open(certificates: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, TlsError> {
        let (chain, key) = (certificates.as_ref(), key.as_ref());
        let invalid =
            |path: &Path, why: &dyn fmt::Display| TlsError(format!("{}: {why}", path.display()));
        let certificates: Vec<_> = CertificateDer::pem_file_iter(chain)
            .and_then(Iterator::collect)
            .map_err(|error| invalid(chain, &pem_error(error)))?;
        if certificates.is_empty() {
            let advice = "contains no certificate; give the chain as PEM, the server's own first";
            return Err(invalid(chain, &advice));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| {
            let is_locked = std::fs::read_to_string(key)
                .is_ok_and(|text| text.contains("BEGIN ENCRYPTED PRIVATE KEY"));
            match error {
                pem::Error::NoItemsFound if is_locked => invalid(
                    key,
                    &"the key is encrypted; decrypt it, for example with `openssl pkey`",
                ),
                pem::Error::NoItemsFound => {
                    invalid(key, &"contains no private key; give one as PEM")
                }
                error => invalid(key, &pem_error(error)),
            }
        })?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(certificates, private))
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => {
                    let why = format!("does not belong to the certificate in {}", chain.display());
                    invalid(key, &why)
                }
                error => invalid(chain, &error),
            })?;
        Ok(Self::from(Arc::new(config)))
    }

    /// Sets the ALPN protocols, such as `http/1.1`. Clients that offer only other protocols are refused.
    #[must_use]
    pub fn protocols(mut self, names: &[&str]) -> Self {
        let config = Arc::make_mut(&mut self.config);
        config.alpn_protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    /// Sets the unencrypted answer to a client that does not speak TLS; by default it is closed without one.
    #[must_use]
    pub fn answer_plain(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.plain_answer = bytes.into().into();
        self
    }

    pub(crate) fn session(&self) -> io::Result<Session> {
        let state = ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
        Ok(Session {
            state: Mutex::new(state),
            saw_tls: AtomicBool::new(false),
            plain_answer: Arc::clone(&self.plain_answer),
        })
    }
}

/// Uses a configuration of the caller's own.
impl From<Arc<ServerConfig>> for Tls {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self {
            config,
            plain_answer: Arc::default(),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// The reason why a certificate or key cannot be used. The message names the file.
#[derive(Debug)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

fn pem_error(error: pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        error => format!("malformed PEM: {error}"),
    }
}

/// The TLS session of one connection.
pub(crate) struct Session {
    state: Mutex<ServerConnection>,
    /// The first byte has arrived and is that of a TLS client.
    saw_tls: AtomicBool,
    plain_answer: Arc<[u8]>,
}

impl Session {
    fn lock(&self) -> MutexGuard<'_, ServerConnection> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the unencrypted answer to a client that does not speak TLS.
    pub(crate) fn plain_answer(&self) -> &[u8] {
        &self.plain_answer
    }

    /// Continues the handshake as far as possible without waiting.
    pub(crate) fn handshake(&self, mut raw: Raw<'_>) -> io::Result<HandshakeStep> {
        let mut state = self.lock();
        loop {
            match push(&mut state, &mut raw) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(HandshakeStep::Write);
                }
                other => other?,
            }
            if !state.is_handshaking() {
                return Ok(HandshakeStep::Done);
            }
            if !self.saw_tls.load(Ordering::Relaxed) {
                match raw.first() {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        return Ok(HandshakeStep::Read);
                    }
                    Ok(Some(byte)) if byte != HANDSHAKE_RECORD => return Ok(HandshakeStep::Plain),
                    other => drop(other?),
                }
                self.saw_tls.store(true, Ordering::Relaxed);
            }
            match open(&mut state, &mut raw) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(HandshakeStep::Read);
                }
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

    /// Returns true if a read would not have to wait. Reads from the socket to find out.
    pub(crate) fn is_ready(&self, mut raw: Raw<'_>) -> bool {
        let mut state = self.lock();
        loop {
            // An error is reported by the read that follows.
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

    /// Encrypts some of `bytes` and returns how many; a flush sends them.
    pub(crate) fn send(&self, mut raw: Raw<'_>, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.lock();
        push(&mut state, &mut raw)?;
        let count = state
            .writer()
            .write(&bytes[..bytes.len().min(MAX_PLAINTEXT)])?;
        match push(&mut state, &mut raw) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(count),
        }
    }

    pub(crate) fn flush(&self, mut raw: Raw<'_>) -> io::Result<()> {
        push(&mut self.lock(), &mut raw)
    }

    /// Queues the `close_notify` alert, without which the client takes the data for truncated.
    pub(crate) fn queue_close(&self) {
        self.lock().send_close_notify();
    }
}

/// Reads once and decrypts what was read. Sends the protocol's answers to it as far as there is room.
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
