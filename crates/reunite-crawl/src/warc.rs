//! WARC files (ISO 28500, version 1.1), the format of web archives.
//!
//! Each answer is one record. An answer with the content of an earlier one is a *revisit* record that refers to it.
//! Content and transfer codings were undone when the page was fetched, so the headers about them get names that
//! start with `X-Archive-Orig-`, as is usual in archives.

use std::io::{self, Write};

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use rusqlite::Row;
use sha2::{Digest, Sha256};

use crate::fetch::unpack;
use crate::store::{Store, StoreError};

/// The reason why a WARC file could not be written.
#[derive(Debug)]
pub enum WarcError {
    /// The store cannot be read.
    Store(StoreError),
    /// The file cannot be written.
    Io(io::Error),
}

/// The compression of a WARC file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// No compression.
    None,
    /// Each record is compressed with gzip.
    Gzip,
}

/// A stored answer.
struct StoredAnswer {
    url: String,
    date: String,
    status: u16,
    version: String,
    headers: String,
    size: u64,
    /// SHA-256 of the content.
    hash: Option<Vec<u8>>,
    zstd: bool,
    data: Option<Vec<u8>>,
    /// The address and date of an earlier record with the same content.
    before: Option<(String, String)>,
}

/// Writes all answers in the store, in the order of their row numbers.
///
/// # Errors
/// The store cannot be read, or `out` cannot be written.
pub fn write(
    store: &Store,
    compression: Compression,
    out: &mut dyn Write,
) -> Result<(), WarcError> {
    let date = "strftime('%Y-%m-%dT%H:%M:%fZ', %.began / 1000.0, 'unixepoch')";
    let sql = format!(
        "SELECT urls.url, {}, pages.status, pages.version, pages.headers, bodies.size, bodies.hash, bodies.zstd, \
         CASE WHEN first.id IS NULL THEN bodies.data END, first_url.url, {} \
         FROM pages JOIN urls USING (id) LEFT JOIN bodies ON bodies.id = pages.body \
         LEFT JOIN pages AS first ON first.id = (SELECT min(other.id) FROM pages AS other \
             WHERE other.body = pages.body AND other.status IS NOT NULL) AND first.id != pages.id \
         LEFT JOIN urls AS first_url ON first_url.id = first.id \
         WHERE pages.status IS NOT NULL AND pages.method = 'GET' ORDER BY pages.id",
        date.replace("%.began", "pages.began"),
        date.replace("%.began", "first.began"),
    );
    let db = store.db();
    let began: Option<String> = db
        .query_row(
            "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', min(began) / 1000, 'unixepoch') FROM pages",
            [],
            |row| row.get(0),
        )
        .map_err(StoreError::from)?;
    record(
        out,
        compression,
        &info(&began.unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned())),
    )?;
    let mut query = db.prepare(&sql).map_err(StoreError::from)?;
    let mut rows = query.query([]).map_err(StoreError::from)?;
    while let Some(row) = rows.next().map_err(StoreError::from)? {
        let answer = StoredAnswer::from_row(row).map_err(StoreError::from)?;
        record(out, compression, &answer.record()?)?;
    }
    Ok(())
}

fn record(out: &mut dyn Write, compression: Compression, bytes: &[u8]) -> io::Result<()> {
    if compression == Compression::None {
        return out.write_all(bytes);
    }
    let mut encoder = GzEncoder::new(out, Level::default());
    encoder.write_all(bytes)?;
    encoder.finish().map(drop)
}

/// Returns the `warcinfo` record.
fn info(date: &str) -> Vec<u8> {
    let fields = concat!(
        "software: reunite/",
        env!("CARGO_PKG_VERSION"),
        "\r\nformat: WARC File Format 1.1\r\n"
    );
    let head = [
        ("WARC-Type", "warcinfo".to_owned()),
        ("WARC-Date", date.to_owned()),
        ("WARC-Record-ID", record_id(&["warcinfo", date])),
        ("Content-Type", "application/warc-fields".to_owned()),
    ];
    block(&head, fields.as_bytes())
}

/// Returns a record with these fields and this content.
fn block(head: &[(&str, String)], content: &[u8]) -> Vec<u8> {
    let mut bytes = b"WARC/1.1\r\n".to_vec();
    for (name, value) in head {
        bytes.extend(format!("{name}: {value}\r\n").bytes());
    }
    bytes.extend(format!("Content-Length: {}\r\n\r\n", content.len()).bytes());
    bytes.extend(content);
    bytes.extend(b"\r\n\r\n");
    bytes
}

/// Returns the ID of a record, which is the same each time it is written: a name-based UUID of version 8.
fn record_id(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    format!("<urn:uuid:{}>", parts.join("-"))
}

/// Returns a digest in Base32 with padding, because readers compare digests as text.
fn digest(hash: &[u8]) -> String {
    format!("sha256:{}", data_encoding::BASE32.encode(hash))
}

impl StoredAnswer {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let before: (Option<String>, Option<String>) = (row.get(9)?, row.get(10)?);
        Ok(Self {
            url: row.get(0)?,
            date: row.get(1)?,
            status: row.get(2)?,
            version: row.get(3)?,
            headers: row.get(4)?,
            size: u64::try_from(row.get::<_, Option<i64>>(5)?.unwrap_or(0)).unwrap_or(0),
            hash: row.get(6)?,
            zstd: row.get::<_, Option<bool>>(7)?.unwrap_or(false),
            data: row.get(8)?,
            before: before.0.zip(before.1),
        })
    }

    fn record(&self) -> Result<Vec<u8>, WarcError> {
        let body = match &self.data {
            Some(data) => unpack(data, self.zstd, self.size)?,
            None => Vec::new(),
        };
        let kind = if self.before.is_some() {
            "revisit"
        } else {
            "response"
        };
        let mut head = vec![
            ("WARC-Type", kind.to_owned()),
            ("WARC-Target-URI", self.url.clone()),
            ("WARC-Date", self.date.clone()),
            ("WARC-Record-ID", record_id(&[kind, &self.url, &self.date])),
            (
                "Content-Type",
                "application/http;msgtype=response".to_owned(),
            ),
        ];
        if let Some(hash) = &self.hash {
            head.push(("WARC-Payload-Digest", digest(hash)));
        }
        if let Some((url, date)) = &self.before {
            let profile = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest";
            head.push(("WARC-Profile", profile.to_owned()));
            head.push(("WARC-Refers-To", record_id(&["response", url, date])));
            head.push(("WARC-Refers-To-Target-URI", url.clone()));
            head.push(("WARC-Refers-To-Date", date.clone()));
        }
        let mut content = self.head()?;
        content.extend(body);
        Ok(block(&head, &content))
    }

    /// Returns the status line and the headers as they would be without codings.
    fn head(&self) -> Result<Vec<u8>, WarcError> {
        let headers: Vec<(String, String)> =
            serde_json::from_str(&self.headers).map_err(io::Error::from)?;
        let mut head = format!("{} {} \r\n", self.version, self.status);
        for (name, value) in &headers {
            let coding = ["content-encoding", "transfer-encoding", "content-length"];
            let prefix = if coding.contains(&name.as_str()) {
                "X-Archive-Orig-"
            } else {
                ""
            };
            head.push_str(&format!("{prefix}{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", self.size));
        Ok(head.into_bytes())
    }
}

impl From<StoreError> for WarcError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for WarcError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl std::fmt::Display for WarcError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => write!(f, "{error}"),
            Self::Io(error) => write!(f, "cannot write the WARC file: {error}"),
        }
    }
}

impl std::error::Error for WarcError {}
