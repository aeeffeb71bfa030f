//! Why there is no answer.

use std::fmt;
use std::io;

/// Why a page could not be had. What is worth another try says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host's name leads nowhere.
    Name(String),
    /// Nobody answers there, or the connection broke.
    Connection(String),
    /// The other side is not whom it says it is, or speaks no TLS.
    Tls(String),
    /// It took too long.
    Late(&'static str),
    /// What came is no HTTP, or less of it than announced.
    Protocol(String),
    /// The content coding is unknown or damaged.
    Coding(String),
    /// There is more of it than allowed.
    TooLarge(u64),
    /// Redirects that lead back to where they began, or on for ever.
    Redirects(String),
    /// The robots.txt of its host cannot be had, so nothing of that host may be.
    Robots(String),
    /// Reading the page failed in this program.
    Panic(String),
    /// The crawl was stopped; the page is still to be fetched.
    Stopped,
}

impl Failure {
    /// One word for tables.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Name(_) => "name",
            Self::Connection(_) => "connection",
            Self::Tls(_) => "tls",
            Self::Late(_) => "timeout",
            Self::Protocol(_) => "protocol",
            Self::Coding(_) => "coding",
            Self::TooLarge(_) => "too large",
            Self::Redirects(_) => "redirects",
            Self::Robots(_) => "robots",
            Self::Panic(_) => "panic",
            Self::Stopped => "stopped",
        }
    }

    /// Whether it may go better next time.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Name(_)
                | Self::Connection(_)
                | Self::Late(_)
                | Self::Protocol(_)
                | Self::Coding(_)
        )
    }

    /// Of an error while a body was read: the client's own error may be inside.
    pub(crate) fn of_reading(error: io::Error, coding: bool) -> Self {
        if error
            .get_ref()
            .is_some_and(|inner| inner.is::<ureq::Error>())
        {
            return Self::from(ureq::Error::from(error));
        }
        match error.kind() {
            _ if coding => Self::Coding(error.to_string()),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::Late("reading the body"),
            _ => Self::Connection(error.to_string()),
        }
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        use ureq::Error;
        match error {
            Error::HostNotFound => Self::Name("the host is not known".to_owned()),
            Error::Timeout(which) => Self::Late(match which {
                ureq::Timeout::Resolve => "looking up the host",
                ureq::Timeout::Connect => "connecting",
                ureq::Timeout::RecvResponse => "waiting for the answer",
                _ => "in all",
            }),
            Error::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::Name(error.to_string())
            }
            Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self::Tls(error.to_string())
            }
            Error::Io(error) => Self::Connection(error.to_string()),
            Error::ConnectionFailed => Self::Connection("nobody answers".to_owned()),
            Error::Tls(what) => Self::Tls(what.to_owned()),
            Error::Rustls(error) => Self::Tls(error.to_string()),
            error => Self::Protocol(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(what) => write!(f, "the host's name cannot be looked up: {what}"),
            Self::Connection(what) => write!(f, "connection: {what}"),
            Self::Tls(what) => write!(f, "TLS: {what}"),
            Self::Late(when) => write!(f, "it took too long ({when})"),
            Self::Protocol(what) => write!(f, "no proper HTTP: {what}"),
            Self::Coding(what) => write!(f, "the content coding is damaged: {what}"),
            Self::TooLarge(limit) => write!(f, "larger than the limit of {limit} bytes"),
            Self::Redirects(what) => f.write_str(what),
            Self::Robots(what) => write!(f, "robots.txt cannot be had: {what}"),
            Self::Panic(what) => write!(f, "reading it failed: {what}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

impl std::error::Error for Failure {}
