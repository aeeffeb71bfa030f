//! The bytes that were read from a connection and not consumed yet.

use std::io::{self, ErrorKind, Read as _};
use std::time::Instant;

use reunite_net::Connection;

/// The maximum length of a head, and of its first line.
const MAX_HEAD: usize = 32 * 1024;
const MAX_LINE: usize = 8 * 1024;
/// How many bytes are read at first, which is enough for most heads, and how many later.
const FIRST_READ: usize = 1024;
const READ_SIZE: usize = 4096;

/// A connection with a buffer.
pub(super) struct Buffer {
    pub(super) client: Connection,
    bytes: Vec<u8>,
    /// How many of the bytes are consumed.
    start: usize,
}

pub(super) enum Head {
    Bytes(Vec<u8>),
    TooLong(u16),
    End,
}

impl Buffer {
    pub(super) fn new(client: Connection) -> Self {
        Self {
            client,
            bytes: Vec::new(),
            start: 0,
        }
    }

    /// Reads up to and including the next empty line, and stores in `begun` when its first byte was there.
    pub(super) fn head(&mut self, begun: &mut Instant) -> io::Result<Head> {
        self.bytes.drain(..self.start);
        self.start = 0;
        if self.bytes.is_empty() {
            // An idle connection keeps only a small buffer.
            self.bytes.shrink_to(FIRST_READ);
            self.bytes.resize(FIRST_READ, 0);
            let more = self.client.more_into(&mut self.bytes);
            self.bytes.truncate(*more.as_ref().unwrap_or(&0));
            if more? == 0 {
                return Ok(Head::End);
            }
        } else {
            self.client.begin();
        }
        *begun = Instant::now();
        let mut searched = 0;
        loop {
            // Some old clients send empty lines before a request.
            while searched == 0 && self.bytes.starts_with(b"\r\n") {
                self.bytes.drain(..2);
            }
            if let Some(end) = end_of_head(&self.bytes, searched) {
                self.start = end;
                return Ok(Head::Bytes(self.bytes[..end].to_vec()));
            }
            if self.bytes.len() >= MAX_HEAD {
                return Ok(Head::TooLong(431));
            }
            if self.bytes.len() > MAX_LINE && !self.bytes[..MAX_LINE].contains(&b'\n') {
                return Ok(Head::TooLong(414));
            }
            searched = match self.bytes.as_slice() {
                [] | b"\r" => 0,
                bytes => bytes.len().saturating_sub(3),
            };
            if self.fill()? == 0 {
                return Ok(Head::End);
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let before = self.bytes.len();
        self.bytes.resize(before + READ_SIZE, 0);
        let read = self.client.read(&mut self.bytes[before..]);
        self.bytes.truncate(before + *read.as_ref().unwrap_or(&0));
        read
    }

    pub(super) fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.bytes.len() - self.start < count {
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let taken = self.bytes[self.start..self.start + count].to_vec();
        self.start += count;
        Ok(taken)
    }

    pub(super) fn skip(&mut self, mut count: u64) -> io::Result<()> {
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
