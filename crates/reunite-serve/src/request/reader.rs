//! The requests of one connection, in order.

use std::io;
use std::time::Instant;

use reunite_net::http::{HeadReader, NextHead, StatusCode};
use reunite_net::{Connection, Peer};

use super::body::{self, BodyOutcome};
use super::head::{Framing, Request};

/// The maximum length of a head, in bytes.
const MAX_HEAD: usize = 32 * 1024;

/// The result of [`Reader::next`].
pub(crate) enum NextRequest {
    Request(Request),
    Refused(Refused),
    End,
}

/// A malformed request.
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    /// The request, if its head was well-formed.
    pub(crate) request: Option<Request>,
}

impl Refused {
    fn head(status: StatusCode) -> Self {
        Self {
            status,
            request: None,
        }
    }
}

pub(crate) struct Reader {
    client: HeadReader,
    /// The first line of the last head, for the log.
    line: Vec<u8>,
    can_continue: bool,
}

impl Reader {
    pub(crate) fn new(client: Connection) -> Self {
        Self {
            client: HeadReader::new(client, MAX_HEAD),
            line: Vec::new(),
            can_continue: true,
        }
    }

    /// Reads the next request and discards its body.
    pub(crate) fn next(&mut self) -> io::Result<NextRequest> {
        self.can_continue = false;
        let head = match self.client.next_head()? {
            NextHead::End => return Ok(NextRequest::End),
            NextHead::TooLong(status) => {
                self.line.clear();
                return Ok(NextRequest::Refused(Refused::head(status)));
            }
            NextHead::Head(head) => head,
        };
        self.client.connection_mut().head_is_read();
        let end = head.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        self.line.clear();
        self.line.extend(&head[..end.unwrap_or(head.len())]);
        let request = match Request::parse(&head) {
            Ok(request) => request,
            Err(status) => return Ok(NextRequest::Refused(Refused::head(status))),
        };
        let has_body = request.framing != Framing::Length(0);
        if has_body && request.expects_continue {
            // The client gets the answer at once, and may or may not send its body then, so the connection ends.
            return Ok(NextRequest::Request(request));
        }
        let body = match request.framing {
            Framing::Length(0) => BodyOutcome::Read,
            Framing::Length(length) => body::skip(&mut self.client, length)?,
            Framing::Chunked => body::skip_chunked(&mut self.client)?,
        };
        let status = match body {
            BodyOutcome::Read => {
                self.can_continue = request.keep_alive;
                return Ok(NextRequest::Request(request));
            }
            BodyOutcome::Malformed => StatusCode::BAD_REQUEST,
            BodyOutcome::TooLong => StatusCode::CONTENT_TOO_LARGE,
        };
        Ok(NextRequest::Refused(Refused {
            status,
            request: Some(request),
        }))
    }

    /// Returns true if another request can follow on this connection.
    pub(crate) fn can_continue(&self) -> bool {
        self.can_continue
    }

    pub(crate) fn client(&mut self) -> &mut Connection {
        self.client.connection_mut()
    }

    pub(crate) fn peer(&self) -> Peer {
        self.client.connection().peer()
    }

    pub(crate) fn line(&self) -> &[u8] {
        &self.line
    }

    pub(crate) fn begun(&self) -> Instant {
        self.client.begun()
    }

    pub(crate) fn close(self) {
        self.client.into_connection().close();
    }
}
