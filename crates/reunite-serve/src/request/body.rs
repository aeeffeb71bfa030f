//! Bodies: found the end of, and thrown away.

use std::io;

use super::buffer::Buffer;

/// The most of a body, framing included, that is read for the sake of the next request.
pub(super) const MOST: u64 = 1 << 20;
/// The longest line of framing: a chunk's size with its extensions, or a trailer.
const LONGEST_LINE: usize = 4096;

/// How it went.
pub(super) enum Body {
    Read,
    /// It is not framed as it must be.
    Malformed,
    TooLong,
}

pub(super) fn skip(buffer: &mut Buffer, length: u64) -> io::Result<Body> {
    if length > MOST {
        return Ok(Body::TooLong);
    }
    buffer.skip(length)?;
    Ok(Body::Read)
}

pub(super) fn skip_chunked(buffer: &mut Buffer) -> io::Result<Body> {
    let mut total = 0u64;
    loop {
        let Some(line) = line(buffer)? else {
            return Ok(Body::Malformed);
        };
        let Some(size) = size_of(&line) else {
            return Ok(Body::Malformed);
        };
        total = total
            .saturating_add(size)
            .saturating_add(line.len() as u64 + 4);
        if total > MOST {
            return Ok(Body::TooLong);
        }
        if size == 0 {
            break;
        }
        buffer.skip(size)?;
        if buffer.take(2)? != *b"\r\n" {
            return Ok(Body::Malformed);
        }
    }
    // Trailers say nothing that a folder wants to know.
    loop {
        match line(buffer)? {
            None => return Ok(Body::Malformed),
            Some(line) if line.is_empty() => return Ok(Body::Read),
            Some(line) => {
                let is_field = line
                    .iter()
                    .position(|&byte| byte == b':')
                    .is_some_and(|at| at > 0);
                if !is_field || line[0] == b' ' || line[0] == b'\t' {
                    return Ok(Body::Malformed);
                }
                total += line.len() as u64 + 2;
                if total > MOST {
                    return Ok(Body::TooLong);
                }
            }
        }
    }
}

/// A line without its end; none, if it is too long or holds what no line may.
fn line(buffer: &mut Buffer) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        match buffer.take(1)?[0] {
            b'\r' => return Ok((buffer.take(1)?[0] == b'\n').then_some(line)),
            byte if (byte < b' ' && byte != b'\t') || byte == 0x7f => return Ok(None),
            byte => line.push(byte),
        }
        if line.len() > LONGEST_LINE {
            return Ok(None);
        }
    }
}

/// The size before the extensions.
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
    fn sizes_are_hexadecimal_and_nothing_else() {
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
