//! The requests of one connection, in their order.

use std::io;
use std::time::Instant;

use reunite_net::{Connection, Peer};

use super::body::{self, Body};
use super::buffer::{Buffer, Head};
use super::head::{Framing, Request};

pub(crate) enum Read {
    Request(Request),
    Refused(Refused),
    End,
}

/// What cannot be answered as it wishes.
pub(crate) struct Refused {
    pub(crate) status: u16,
    /// If its head was in order.
    pub(crate) request: Option<Request>,
}

impl Refused {
    fn head(status: u16) -> Self {
        Self {
            status,
            request: None,
        }
    }
}

pub(crate) struct Reader {
    buffer: Buffer,
    /// The first line of the last head, for the log.
    line: Vec<u8>,
    begun: Instant,
    goes_on: bool,
}

impl Reader {
    pub(crate) fn new(client: Connection) -> Self {
        Self {
            buffer: Buffer::new(client),
            line: Vec::new(),
            begun: Instant::now(),
            goes_on: true,
        }
    }

    /// The next request, its body read.
    pub(crate) fn next(&mut self) -> io::Result<Read> {
        self.goes_on = false;
        let head = match self.buffer.head(&mut self.begun)? {
            Head::End => return Ok(Read::End),
            Head::TooLong(status) => {
                self.line.clear();
                return Ok(Read::Refused(Refused::head(status)));
            }
            Head::Bytes(head) => head,
        };
        self.buffer.client.head_is_read();
        let end = head.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        self.line.clear();
        self.line.extend(&head[..end.unwrap_or(head.len())]);
        let request = match Request::parse(&head) {
            Ok(request) => request,
            Err(status) => return Ok(Read::Refused(Refused::head(status))),
        };
        let has_body = request.framing != Framing::Length(0);
        if has_body && request.expects_continue {
            // It is told the answer instead, and whether it sends its body then nobody knows.
            return Ok(Read::Request(request));
        }
        let body = match request.framing {
            Framing::Length(0) => Body::Read,
            Framing::Length(length) => body::skip(&mut self.buffer, length)?,
            Framing::Chunked => body::skip_chunked(&mut self.buffer)?,
        };
        let status = match body {
            Body::Read => {
                self.goes_on = request.keep_alive;
                return Ok(Read::Request(request));
            }
            Body::Malformed => 400,
            Body::TooLong => 413,
        };
        Ok(Read::Refused(Refused {
            status,
            request: Some(request),
        }))
    }

    /// Whether another request may follow the last.
    pub(crate) fn goes_on(&self) -> bool {
        self.goes_on
    }

    pub(crate) fn client(&mut self) -> &mut Connection {
        &mut self.buffer.client
    }

    pub(crate) fn peer(&self) -> Peer {
        self.buffer.client.peer()
    }

    pub(crate) fn line(&self) -> &[u8] {
        &self.line
    }

    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    pub(crate) fn close(self) {
        self.buffer.client.close();
    }
}
