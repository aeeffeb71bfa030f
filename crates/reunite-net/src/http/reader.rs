//! Reading the heads and bodies of the requests of a connection.

use std::io::{self, ErrorKind, Read as _};
use std::time::Instant;

use super::StatusCode;
use crate::Connection;

/// The maximum length of a first line.
const MAX_LINE: usize = 8 * 1024;
/// The number of bytes that are read at first, which is enough for most heads, and later.
const FIRST_READ: usize = 1024;
const READ_SIZE: usize = 4096;

/// A connection with a buffer, from which the heads of requests are read.
#[derive(Debug)]
pub struct HeadReader {
    client: Connection,
    max_head: usize,
    bytes: Vec<u8>,
    /// The number of bytes that are consumed.
    start: usize,
    begun: Instant,
}

/// The result of [`HeadReader::next_head`].
#[derive(Debug)]
pub enum NextHead {
    /// The bytes of a head, up to and including the empty line. Its syntax is unchecked.
    Head(Vec<u8>),
    /// The head is too long; the status refuses it.
    TooLong(StatusCode),
    /// The end of the requests.
    End,
}

impl HeadReader {
    /// Reads from `client`, and refuses heads of more than about `max_head` bytes.
    pub fn new(client: Connection, max_head: usize) -> Self {
        Self {
            client,
            max_head,
            bytes: Vec::new(),
            start: 0,
            begun: Instant::now(),
        }
    }

    /// Returns the connection.
    pub fn connection(&self) -> &Connection {
        &self.client
    }

    /// Returns the connection, to write the answer.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.client
    }

    /// Returns the connection. Bytes that were read and not consumed are dropped.
    pub fn into_connection(self) -> Connection {
        self.client
    }

    /// Returns when the first bytes of the latest request were there.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Reads the head of the next request: everything up to and including an empty line.
    ///
    /// # Errors
    /// Returns the errors of [`Connection::more`] and of reads.
    pub fn next_head(&mut self) -> io::Result<NextHead> {
        self.bytes.drain(..self.start);
        self.start = 0;
        if self.bytes.is_empty() {
            // An idle connection keeps only a small buffer.
            self.bytes.shrink_to(FIRST_READ);
            self.bytes.resize(FIRST_READ, 0);
            let more = self.client.more_into(&mut self.bytes);
            self.bytes.truncate(*more.as_ref().unwrap_or(&0));
            if more? == 0 {
                return Ok(NextHead::End);
            }
        } else {
            self.client.begin();
        }
        self.begun = Instant::now();
        let mut searched = 0;
        loop {
            // Some old clients send empty lines before a request.
            while searched == 0 && self.bytes.starts_with(b"\r\n") {
                self.bytes.drain(..2);
            }
            if let Some(end) = end_of_head(&self.bytes, searched) {
                self.start = end;
                return Ok(NextHead::Head(self.bytes[..end].to_vec()));
            }
            if self.bytes.len() >= self.max_head {
                return Ok(NextHead::TooLong(
                    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                ));
            }
            if self.bytes.len() > MAX_LINE && !self.bytes[..MAX_LINE].contains(&b'\n') {
                return Ok(NextHead::TooLong(StatusCode::URI_TOO_LONG));
            }
            searched = match self.bytes.as_slice() {
                [] | b"\r" => 0,
                bytes => bytes.len().saturating_sub(3),
            };
            if self.fill()? == 0 {
                return Ok(NextHead::End);
            }
        }
    }

    /// Reads more bytes into the buffer; returns 0 at the end of the stream.
    fn fill(&mut self) -> io::Result<usize> {
        let before = self.bytes.len();
        self.bytes.resize(before + READ_SIZE, 0);
        let read = self.client.read(&mut self.bytes[before..]);
        self.bytes.truncate(before + *read.as_ref().unwrap_or(&0));
        read
    }

    /// Consumes and returns the next `count` bytes of the body.
    ///
    /// # Errors
    /// Returns the errors of reads; `UnexpectedEof` if the stream ends before.
    pub fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.bytes.len() - self.start < count {
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let taken = self.bytes[self.start..self.start + count].to_vec();
        self.start += count;
        Ok(taken)
    }

    /// Consumes the next `count` bytes of the body.
    ///
    /// # Errors
    /// Returns the errors of reads; `UnexpectedEof` if the stream ends before.
    pub fn skip(&mut self, mut count: u64) -> io::Result<()> {
        loop {
            let there = (self.bytes.len() - self.start) as u64;
            let skipped = there.min(count);
            self.start += skipped as usize;
            count -= skipped;
            if count == 0 {
                return Ok(());
            }
            self.bytes.clear();
            self.start = 0;
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Returns the end of the first empty line, searching from `from`. Accepts bare LFs, which the parser then refuses.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    (from..bytes.len()).find_map(|at| match &bytes[at..] {
        [b'\n', b'\r', b'\n', ..] => Some(at + 3),
        [b'\n', b'\n', ..] => Some(at + 2),
        _ => None,
    })
}
