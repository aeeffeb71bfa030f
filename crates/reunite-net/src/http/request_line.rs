//! The first line of a request.

use super::StatusCode;

/// The first line of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine<'a> {
    /// The method: a token of at least one byte.
    pub method: &'a [u8],
    /// The target: at least one byte, none of them a space, otherwise unchecked.
    pub target: &'a [u8],
    /// The minor version of HTTP/1.
    pub minor: u8,
}

impl<'a> RequestLine<'a> {
    /// Parses the first line of `head`, which ends with an empty line. Returns it with the rest of the head, for
    /// [`Fields::parse`](super::Fields::parse).
    ///
    /// # Errors
    /// Returns the status that refuses the request: 505 for another major version, 400 for a malformed line or a line
    /// end other than CRLF anywhere in the head.
    pub fn parse(head: &'a [u8]) -> Result<(Self, &'a [u8]), StatusCode> {
        if has_bare_ends(head) {
            return Err(StatusCode::BAD_REQUEST);
        }
        let end = head
            .windows(2)
            .position(|two| two == b"\r\n")
            .ok_or(StatusCode::BAD_REQUEST)?;
        Ok((Self::parse_line(&head[..end])?, &head[end + 2..]))
    }

    fn parse_line(line: &'a [u8]) -> Result<Self, StatusCode> {
        let mut parts = line.split(|&byte| byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(StatusCode::BAD_REQUEST);
        };
        if method.is_empty() || !method.iter().copied().all(is_token) || target.is_empty() {
            return Err(StatusCode::BAD_REQUEST);
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
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
                return Err(StatusCode::HTTP_VERSION_NOT_SUPPORTED);
            }
            _ => return Err(StatusCode::BAD_REQUEST),
        };
        Ok(Self {
            method,
            target,
            minor,
        })
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

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_three_parts_and_ends_in_crlf() {
        let (line, rest) = RequestLine::parse(b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(
            (line.method, line.target, line.minor),
            (&b"GET"[..], &b"/a?b"[..], 1)
        );
        assert_eq!(rest, b"Host: a\r\n\r\n");
        for (head, status) in [
            (
                "GET / HTTP/2.0\r\n\r\n",
                StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            ),
            ("GET / HTTP/1.1\n\n", StatusCode::BAD_REQUEST),
            ("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", StatusCode::BAD_REQUEST),
            ("GET  / HTTP/1.1\r\n\r\n", StatusCode::BAD_REQUEST),
            ("G(T / HTTP/1.1\r\n\r\n", StatusCode::BAD_REQUEST),
            ("GET /\r\n\r\n", StatusCode::BAD_REQUEST),
        ] {
            assert_eq!(RequestLine::parse(head.as_bytes()), Err(status), "{head}");
        }
    }
}
