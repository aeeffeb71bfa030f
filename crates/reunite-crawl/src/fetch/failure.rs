//! Reasons why a request has no answer.

use std::fmt;
use std::io;

use reunite_base::units::bytes;

/// The reason why a page could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host name could not be resolved.
    Name(String),
    /// The connection was refused or broke.
    Connection(String),
    /// The certificate is invalid, or the server does not support TLS.
    Tls(String),
    /// The time limit was reached, in this phase of the request.
    Timeout(&'static str),
    /// The answer is not valid HTTP, or shorter than announced.
    Protocol(String),
    /// The content coding is unknown or damaged.
    Coding(String),
    /// The decoded body is larger than this limit in bytes.
    TooLarge(u64),
    /// The redirects form a loop, or there are too many in a row.
    Redirects(String),
    /// The robots.txt of the host is unavailable, so no page of the host may be fetched.
    Robots(String),
    /// This program panicked on the page.
    Panic(String),
    /// The crawl was stopped. The page is still to be fetched.
    Stopped,
}

impl Failure {
    /// Returns the kind of failure as the store spells it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Name(_) => "name",
            Self::Connection(_) => "connection",
            Self::Tls(_) => "tls",
            Self::Timeout(_) => "timeout",
            Self::Protocol(_) => "protocol",
            Self::Coding(_) => "coding",
            Self::TooLarge(_) => "too large",
            Self::Redirects(_) => "redirects",
            Self::Robots(_) => "robots",
            Self::Panic(_) => "panic",
            Self::Stopped => "stopped",
        }
    }

    /// Returns true if another try may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Name(_)
                | Self::Connection(_)
                | Self::Timeout(_)
                | Self::Protocol(_)
                | Self::Coding(_)
        )
    }

    /// Converts an error of reading a body, which may contain an error of the HTTP client.
    pub(crate) fn of_reading(error: io::Error, coding: bool) -> Self {
        if error
            .get_ref()
            .is_some_and(|inner| inner.is::<ureq::Error>())
        {
            return Self::from(ureq::Error::from(error));
        }
        match error.kind() {
            _ if coding => Self::Coding(error.to_string()),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                Self::Timeout("reading the body")
            }
            _ => Self::Connection(error.to_string()),
        }
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        use ureq::Error;
        match error {
            Error::HostNotFound => Self::Name("unknown host".to_owned()),
            Error::Timeout(which) => Self::Timeout(match which {
                ureq::Timeout::Resolve => "looking up the host",
                ureq::Timeout::Connect => "connecting",
                ureq::Timeout::RecvResponse => "waiting for the answer",
                _ => "the time limit of the page",
            }),
            Error::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::Name(error.to_string())
            }
            Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self::Tls(error.to_string())
            }
            Error::Io(error) => Self::Connection(error.to_string()),
            Error::ConnectionFailed => Self::Connection("no answer".to_owned()),
            Error::Tls(what) => Self::Tls(what.to_owned()),
            Error::Rustls(error) => Self::Tls(error.to_string()),
            error => Self::Protocol(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(what) => write!(f, "cannot resolve the host name: {what}"),
            Self::Connection(what) => write!(f, "the connection failed: {what}"),
            Self::Tls(what) => write!(f, "the TLS handshake failed: {what}"),
            Self::Timeout(when) => write!(f, "timed out ({when})"),
            Self::Protocol(what) => write!(f, "invalid HTTP: {what}"),
            Self::Coding(what) => write!(f, "the compressed body cannot be decoded: {what}"),
            Self::TooLarge(limit) => {
                write!(f, "larger than the limit of {}", bytes(*limit))
            }
            Self::Redirects(what) => f.write_str(what),
            Self::Robots(what) => write!(f, "robots.txt is unavailable: {what}"),
            Self::Panic(what) => write!(f, "internal error: {what}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_one_byte_is_not_plural() {
        let large = |limit| Failure::TooLarge(limit).to_string();
        assert_eq!(large(1), "larger than the limit of 1 byte");
        assert_eq!(large(2), "larger than the limit of 2 bytes");
    }
}
