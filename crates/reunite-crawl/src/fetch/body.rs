//! Reading bodies: bytes received are counted, content codings undone, sizes limited.

use std::io::{self, Read};

use reunite::sync::{Permit, Semaphore};

use super::Failure;

/// A body larger than this needs one of a few permits, so that concurrent large bodies cannot fill the memory.
/// The holder of a permit waits for no other permit, so the waits cannot form a cycle.
const LARGE: usize = 1 << 20;

/// A complete body.
pub(super) struct ReadBody<'a> {
    pub(super) bytes: Vec<u8>,
    pub(super) wire: u64,
    pub(super) permit: Option<Permit<'a>>,
}

/// Reads a body to its end and undoes the codings, which are listed in the order in which they were applied.
pub(super) fn read<'a>(
    reader: impl Read,
    codings: &[String],
    limit: u64,
    large: &'a Semaphore,
) -> Result<ReadBody<'a>, Failure> {
    let mut wire = 0;
    let counted = Counter {
        reader,
        count: &mut wire,
    };
    let mut decoded: Box<dyn Read + '_> = Box::new(counted);
    for coding in codings.iter().rev() {
        decoded = decoder(coding, decoded)?;
    }
    let mut bytes = Vec::new();
    let mut permit = None;
    let mut part = [0; 16 * 1024];
    loop {
        let count = match decoded.read(&mut part) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::of_reading(error, !codings.is_empty())),
        };
        if (bytes.len() + count) as u64 > limit {
            return Err(Failure::TooLarge(limit));
        }
        if permit.is_none() && bytes.len() + count > LARGE {
            permit = Some(large.acquire().map_err(|_| Failure::Stopped)?);
        }
        bytes.extend_from_slice(&part[..count]);
    }
    drop(decoded);
    bytes.shrink_to_fit();
    Ok(ReadBody {
        bytes,
        wire,
        permit,
    })
}

fn decoder<'a>(coding: &str, reader: Box<dyn Read + 'a>) -> Result<Box<dyn Read + 'a>, Failure> {
    const BUFFER: usize = 16 * 1024;
    Ok(match coding {
        "gzip" | "x-gzip" => Box::new(flate2::read::MultiGzDecoder::new(reader)),
        "deflate" => Box::new(flate2::read::ZlibDecoder::new(reader)),
        "br" => Box::new(brotli_decompressor::Decompressor::new(reader, BUFFER)),
        "zstd" => {
            let mut decoder =
                zstd::Decoder::new(reader).map_err(|error| Failure::Coding(error.to_string()))?;
            // The largest window that RFC 9659 allows.
            decoder
                .window_log_max(23)
                .map_err(|error| Failure::Coding(error.to_string()))?;
            Box::new(decoder)
        }
        "identity" | "" => reader,
        other => return Err(Failure::Coding(format!("unknown content coding `{other}`"))),
    })
}

/// Counts the bytes that are read.
struct Counter<'a, R> {
    reader: R,
    count: &'a mut u64,
}

impl<R: Read> Read for Counter<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        *self.count += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn decode(bytes: &[u8], codings: &[&str], limit: u64) -> Result<Vec<u8>, Failure> {
        let codings: Vec<String> = codings.iter().map(|&coding| coding.to_owned()).collect();
        let large = Semaphore::new(1);
        read(bytes, &codings, limit, &large).map(|read| {
            assert_eq!(read.wire, bytes.len() as u64);
            read.bytes
        })
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn codings_are_undone_in_reverse_order() {
        let text = b"some text ".repeat(100);
        let twice = zstd::encode_all(&gzip(&text)[..], 1).unwrap();
        assert_eq!(decode(&twice, &["gzip", "zstd"], 10_000).unwrap(), text);
        assert_eq!(decode(&text, &["identity"], 10_000).unwrap(), text);
    }

    #[test]
    fn bodies_that_are_too_large_or_damaged_are_refused() {
        let bomb = gzip(&vec![0; 10 << 20]);
        assert_eq!(
            decode(&bomb, &["gzip"], 1 << 20),
            Err(Failure::TooLarge(1 << 20))
        );
        assert!(matches!(
            decode(b"no gzip", &["gzip"], 100),
            Err(Failure::Coding(_))
        ));
        let mut short = gzip(b"text");
        short.truncate(15);
        assert!(matches!(
            decode(&short, &["gzip"], 100),
            Err(Failure::Coding(_))
        ));
        assert!(matches!(
            decode(b"", &["pack200"], 100),
            Err(Failure::Coding(_))
        ));
    }

    #[test]
    fn a_large_body_holds_a_permit() {
        let large = Semaphore::new(1);
        let bytes = vec![0; LARGE + 1];
        let held = read(&bytes[..], &[], u64::MAX, &large).unwrap();
        assert_eq!(large.available(), 0);
        drop(held);
        let small = read(&bytes[1..], &[], u64::MAX, &large).unwrap();
        assert!(small.permit.is_none());
    }
}
