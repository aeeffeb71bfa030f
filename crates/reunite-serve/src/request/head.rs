//! A parsed request: its head, checked as RFC 9112 requires of a server.

use reunite_net::http::{Fields, RequestLine, StatusCode};

use super::method::Method;
use crate::target::{self, Target};

/// The way in which the end of a body is determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) target: Target,
    /// The minor version of HTTP/1.
    pub(crate) minor: u8,
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
    /// The client expects a `100 Continue` before it sends its body.
    pub(crate) expects_continue: bool,
    pub(crate) fields: Fields,
}

impl Request {
    /// Parses `head`, which ends with the empty line.
    ///
    /// # Errors
    /// Returns the status that refuses it.
    pub(crate) fn parse(head: &[u8]) -> Result<Self, StatusCode> {
        let (line, lines) = RequestLine::parse(head)?;
        let minor = line.minor;
        let method = Method::of(line.method).ok_or(StatusCode::NOT_IMPLEMENTED)?;
        let fields = Fields::parse(lines)?;

        let mut request = Self {
            method,
            target: Target::Anything,
            minor,
            framing: Framing::Length(0),
            keep_alive: minor > 0,
            expects_continue: false,
            fields,
        };
        request.check_host()?;
        request.framing = request.find_framing()?;
        request.target = target::parse(line.target, method)?;
        request.find_expectation()?;
        let connection = request.fields.list("connection");
        let says = |word: &str| {
            connection
                .iter()
                .any(|token| token.eq_ignore_ascii_case(word))
        };
        request.keep_alive = !says("close") && (minor > 0 || says("keep-alive"));
        Ok(request)
    }

    fn check_host(&self) -> Result<(), StatusCode> {
        let mut hosts = self.fields.values("host");
        match (hosts.next(), hosts.next()) {
            (None, _) if self.minor == 0 => Ok(()),
            (Some(host), None) if target::is_authority(host) => Ok(()),
            _ => Err(StatusCode::BAD_REQUEST),
        }
    }

    fn find_framing(&self) -> Result<Framing, StatusCode> {
        let lengths: Vec<_> = self.fields.values("content-length").collect();
        let codings: Vec<_> = self.fields.values("transfer-encoding").collect();
        match (lengths.as_slice(), codings.as_slice()) {
            ([], []) => Ok(Framing::Length(0)),
            ([length], []) => length_of(length)
                .map(Framing::Length)
                .ok_or(StatusCode::BAD_REQUEST),
            ([], [coding]) if self.minor > 0 => {
                if coding.eq_ignore_ascii_case(b"chunked") {
                    return Ok(Framing::Chunked);
                }
                let members = self.fields.list("transfer-encoding");
                let chunked = |member: &&str| member.eq_ignore_ascii_case("chunked");
                let is_last = members.last().is_some_and(chunked);
                let once = members.iter().filter(|member| chunked(member)).count() == 1;
                // If `chunked` comes last the end could be determined, but the other codings are not supported.
                Err(if is_last && once && members.len() > 1 {
                    StatusCode::NOT_IMPLEMENTED
                } else {
                    StatusCode::BAD_REQUEST
                })
            }
            _ => Err(StatusCode::BAD_REQUEST),
        }
    }

    fn find_expectation(&mut self) -> Result<(), StatusCode> {
        if self.minor == 0 {
            return Ok(());
        }
        let mut expects = false;
        for expected in self.fields.values("expect") {
            if !expected.eq_ignore_ascii_case(b"100-continue") {
                return Err(StatusCode::EXPECTATION_FAILED);
            }
            expects = true;
        }
        self.expects_continue = expects;
        Ok(())
    }
}

fn length_of(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
