//! Finding the end of a request's body, which is discarded.

use std::io;

use reunite_net::http::HeadReader;

/// The maximum length of a body, framing included, that is read to get to the next request.
pub(super) const MAX_BODY: u64 = 1 << 20;
/// The maximum length of a line of framing: a chunk's size with its extensions, or a trailer.
const MAX_LINE: usize = 4096;

/// The result of reading a body.
pub(super) enum BodyOutcome {
    /// The whole body was read.
    Read,
    /// The framing is malformed.
    Malformed,
    /// The body is longer than `MAX_BODY`.
    TooLong,
}

pub(super) fn skip(client: &mut HeadReader, length: u64) -> io::Result<BodyOutcome> {
    if length > MAX_BODY {
        return Ok(BodyOutcome::TooLong);
    }
    client.skip(length)?;
    Ok(BodyOutcome::Read)
}

pub(super) fn skip_chunked(client: &mut HeadReader) -> io::Result<BodyOutcome> {
    let mut total = 0u64;
    loop {
        let Some(line) = line(client)? else {
            return Ok(BodyOutcome::Malformed);
        };
        let Some(size) = size_of(&line) else {
            return Ok(BodyOutcome::Malformed);
        };
        total = total
            .saturating_add(size)
            .saturating_add(line.len() as u64 + 4);
        if total > MAX_BODY {
            return Ok(BodyOutcome::TooLong);
        }
        if size == 0 {
            break;
        }
        client.skip(size)?;
        if client.take(2)? != *b"\r\n" {
            return Ok(BodyOutcome::Malformed);
        }
    }
    // Trailers are checked and ignored.
    loop {
        match line(client)? {
            None => return Ok(BodyOutcome::Malformed),
            Some(line) if line.is_empty() => return Ok(BodyOutcome::Read),
            Some(line) => {
                let is_field = line
                    .iter()
                    .position(|&byte| byte == b':')
                    .is_some_and(|at| at > 0);
                if !is_field || line[0] == b' ' || line[0] == b'\t' {
                    return Ok(BodyOutcome::Malformed);
                }
                total += line.len() as u64 + 2;
                if total > MAX_BODY {
                    return Ok(BodyOutcome::TooLong);
                }
            }
        }
    }
}

/// Returns a line without its end; `None` if it is too long or contains control characters.
fn line(client: &mut HeadReader) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        match client.take(1)?[0] {
            b'\r' => return Ok((client.take(1)?[0] == b'\n').then_some(line)),
            byte if (byte < b' ' && byte != b'\t') || byte == 0x7f => return Ok(None),
            byte => line.push(byte),
        }
        if line.len() > MAX_LINE {
            return Ok(None);
        }
    }
}

/// Parses the size of a chunk, before its extensions.
fn size_of(line: &[u8]) -> Option<u64> {
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit());
    let (digits, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_ascii_start();
    if digits.is_empty() || digits.len() > 16 || !(rest.is_empty() || rest.starts_with(b";")) {
        return None;
    }
    if rest.is_empty() && end.is_some() {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::size_of;

    #[test]
    fn chunk_sizes_are_hexadecimal_digits_only() {
        for (line, size) in [("0", 0), ("a", 10), ("FF", 255), ("5;x=y", 5), ("5 ;x", 5)] {
            assert_eq!(size_of(line.as_bytes()), Some(size), "{line}");
        }
        for line in [
            "",
            ";x",
            "-1",
            "+1",
            "0x5",
            " 5",
            "5 ",
            "5 5",
            "g",
            "11111111111111111",
        ] {
            assert_eq!(size_of(line.as_bytes()), None, "{line}");
        }
    }
}
