//! The bytes read from a connection and not yet used.

use std::io::{self, ErrorKind, Read as _};
use std::time::Instant;

use reunite_net::Connection;

/// The longest head, and the longest first line in it.
const LONGEST_HEAD: usize = 32 * 1024;
const LONGEST_LINE: usize = 8 * 1024;
/// How much is read at a time: at first, where most heads end, and then.
const AT_FIRST: usize = 1024;
const AT_ONCE: usize = 4096;

/// A connection and what was read of it beyond what was wanted.
pub(super) struct Buffer {
    pub(super) client: Connection,
    bytes: Vec<u8>,
    /// What of it is done with.
    from: usize,
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
            from: 0,
        }
    }

    /// Everything up to the next empty line.
    pub(super) fn head(&mut self, begun: &mut Instant) -> io::Result<Head> {
        self.bytes.drain(..self.from);
        self.from = 0;
        if self.bytes.is_empty() {
            // An idle connection holds next to no memory.
            self.bytes.shrink_to(AT_FIRST);
            self.bytes.resize(AT_FIRST, 0);
            let more = self.client.more_into(&mut self.bytes);
            self.bytes.truncate(*more.as_ref().unwrap_or(&0));
            if more? == 0 {
                return Ok(Head::End);
            }
        } else {
            self.client.begin();
        }
        *begun = Instant::now();
        let mut looked_at = 0;
        loop {
            // Empty lines before a request are some old clients' habit.
            while looked_at == 0 && self.bytes.starts_with(b"\r\n") {
                self.bytes.drain(..2);
            }
            if let Some(end) = end_of_head(&self.bytes, looked_at) {
                self.from = end;
                return Ok(Head::Bytes(self.bytes[..end].to_vec()));
            }
            if self.bytes.len() >= LONGEST_HEAD {
                return Ok(Head::TooLong(431));
            }
            if self.bytes.len() > LONGEST_LINE && !self.bytes[..LONGEST_LINE].contains(&b'\n') {
                return Ok(Head::TooLong(414));
            }
            looked_at = match self.bytes.as_slice() {
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
        self.bytes.resize(before + AT_ONCE, 0);
        let read = self.client.read(&mut self.bytes[before..]);
        self.bytes.truncate(before + *read.as_ref().unwrap_or(&0));
        read
    }

    pub(super) fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.bytes.len() - self.from < count {
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let taken = self.bytes[self.from..self.from + count].to_vec();
        self.from += count;
        Ok(taken)
    }

    pub(super) fn skip(&mut self, mut count: u64) -> io::Result<()> {
        loop {
            let there = (self.bytes.len() - self.from) as u64;
            let skipped = there.min(count);
            self.from += skipped as usize;
            count -= skipped;
            if count == 0 {
                return Ok(());
            }
            self.bytes.clear();
            self.from = 0;
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Where the empty line ends, whatever its lines end in: whether that is allowed is asked later.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    (from..bytes.len()).find_map(|at| match &bytes[at..] {
        [b'\n', b'\r', b'\n', ..] => Some(at + 3),
        [b'\n', b'\n', ..] => Some(at + 2),
        _ => None,
    })
}
