//! A strict parser for the head of a request (RFC 9112).

use super::method::Method;
use crate::target::{self, Target};

/// The maximum number of fields in a head.
const MAX_FIELDS: usize = 100;
/// The number of fields that are tried first, to initialise less memory for most requests.
const USUAL_FIELDS: usize = 16;

/// How the end of a body is determined.
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
    fields: Vec<(String, Vec<u8>)>,
}

impl Request {
    /// Parses `head`, which ends with the empty line.
    ///
    /// # Errors
    /// Returns the status that refuses it.
    pub(crate) fn parse(head: &[u8]) -> Result<Self, u16> {
        if has_bare_ends(head) {
            return Err(400);
        }
        let end = head
            .windows(2)
            .position(|two| two == b"\r\n")
            .ok_or(400u16)?;
        let (line, rest) = (&head[..end], &head[end + 2..]);
        let (method, target, minor) = request_line(line)?;

        let fields = match fields::<USUAL_FIELDS>(rest) {
            Err(431) => fields::<MAX_FIELDS>(rest)?,
            usual => usual?,
        };

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
        request.target = target::parse(target, method, line.starts_with(b"CONNECT "))?;
        request.find_expectation()?;
        let connection = request.list("connection");
        let says = |word: &str| {
            connection
                .iter()
                .any(|token| token.eq_ignore_ascii_case(word))
        };
        request.keep_alive = !says("close") && (minor > 0 || says("keep-alive"));
        Ok(request)
    }

    /// Returns the values of a field, in order. `name` must be in lower case.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value.as_slice())
    }

    /// Returns the value of a field that occurs once and is UTF-8.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(field, _)| field == name);
        let (_, value) = values.next()?;
        match values.next() {
            None => std::str::from_utf8(value).ok(),
            Some(_) => None,
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// Returns the members of a list, which may span several fields of that name.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(field, _)| field == name)
            .filter_map(|(_, value)| std::str::from_utf8(value).ok())
            .flat_map(|value| value.split(','))
            .map(|member| member.trim_matches([' ', '\t']))
            .filter(|member| !member.is_empty())
            .collect()
    }

    fn check_host(&self) -> Result<(), u16> {
        let mut hosts = self.values("host");
        match (hosts.next(), hosts.next()) {
            (None, _) if self.minor == 0 => Ok(()),
            (Some(host), None) if target::is_authority(host) => Ok(()),
            _ => Err(400),
        }
    }

    fn find_framing(&self) -> Result<Framing, u16> {
        let lengths: Vec<_> = self.values("content-length").collect();
        let codings: Vec<_> = self.values("transfer-encoding").collect();
        match (lengths.as_slice(), codings.as_slice()) {
            ([], []) => Ok(Framing::Length(0)),
            ([length], []) => length_of(length).map(Framing::Length).ok_or(400),
            ([], [coding]) if self.minor > 0 => {
                if coding.eq_ignore_ascii_case(b"chunked") {
                    return Ok(Framing::Chunked);
                }
                let members = self.list("transfer-encoding");
                let chunked = |member: &&str| member.eq_ignore_ascii_case("chunked");
                let is_last = members.last().is_some_and(chunked);
                let once = members.iter().filter(|member| chunked(member)).count() == 1;
                // If `chunked` comes last the end could be determined, but the other codings are not supported.
                Err(if is_last && once && members.len() > 1 {
                    501
                } else {
                    400
                })
            }
            _ => Err(400),
        }
    }

    fn find_expectation(&mut self) -> Result<(), u16> {
        if self.minor == 0 {
            return Ok(());
        }
        let mut expects = false;
        for expected in self.values("expect") {
            if !expected.eq_ignore_ascii_case(b"100-continue") {
                return Err(417);
            }
            expects = true;
        }
        self.expects_continue = expects;
        Ok(())
    }
}

/// Parses at most `MOST` fields; their names are returned in lower case.
fn fields<const MOST: usize>(text: &[u8]) -> Result<Vec<(String, Vec<u8>)>, u16> {
    let mut slots = [httparse::EMPTY_HEADER; MOST];
    match httparse::parse_headers(text, &mut slots) {
        Ok(httparse::Status::Complete((_, fields))) => Ok(fields
            .iter()
            .map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec()))
            .collect()),
        Err(httparse::Error::TooManyHeaders) => Err(431),
        Ok(httparse::Status::Partial) | Err(_) => Err(400),
    }
}

/// Returns true if there is a CR without an LF, or an LF without a CR, which parsers interpret differently.
fn has_bare_ends(head: &[u8]) -> bool {
    head.iter().enumerate().any(|(at, byte)| match byte {
        b'\r' => head.get(at + 1) != Some(&b'\n'),
        b'\n' => at == 0 || head[at - 1] != b'\r',
        _ => false,
    })
}

fn request_line(line: &[u8]) -> Result<(Method, &[u8], u8), u16> {
    let mut parts = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(400);
    };
    if method.is_empty() || !method.iter().copied().all(is_token) || target.is_empty() {
        return Err(400);
    }
    let minor = match version {
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            minor @ b'0'..=b'9',
        ] => minor - b'0',
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => return Err(505),
        _ => return Err(400),
    };
    let method = Method::of(method).ok_or(501u16)?;
    Ok((method, target, minor))
}

fn length_of(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
