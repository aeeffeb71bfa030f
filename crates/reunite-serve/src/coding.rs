//! Content codings: negotiation and compression.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use reunite::sync::Semaphore;

use crate::request::Request;

/// The lengths of files that are compressed: shorter ones gain nothing, longer ones take too much time and memory.
const SHORTEST: u64 = 512;
const LONGEST: u64 = 4 << 20;
/// The maximum number of bytes of compressed text in the cache.
const KEPT: usize = 32 << 20;

/// A content coding, in order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

impl Coding {
    const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }

    fn encode(self, text: &[u8]) -> io::Result<Vec<u8>> {
        let mut coded = Vec::new();
        match self {
            Self::Brotli => {
                let mut writer = brotli::CompressorWriter::new(&mut coded, 16 * 1024, 5, 20);
                writer.write_all(text)?;
            }
            Self::Zstd => coded = zstd::bulk::compress(text, 3)?,
            Self::Gzip => {
                let level = flate2::Compression::new(5);
                let mut writer = flate2::write::GzEncoder::new(&mut coded, level);
                writer.write_all(text)?;
                writer.finish()?;
            }
        }
        Ok(coded)
    }
}

pub(crate) fn fits(length: u64) -> bool {
    (SHORTEST..=LONGEST).contains(&length)
}

/// Returns the codings that the client prefers to none, best first.
pub(crate) fn accepted(request: &Request) -> Vec<Coding> {
    if !request.fields.has("accept-encoding") {
        return Vec::new();
    }
    let members = request.fields.list("accept-encoding");
    let weight = |names: &[&str]| {
        members.iter().find_map(|member| {
            let (name, parameters) = member.split_once(';').unwrap_or((member, ""));
            let named = names
                .iter()
                .any(|other| name.trim().eq_ignore_ascii_case(other));
            named.then(|| quality(parameters))
        })
    };
    let others = weight(&["*"]);
    let none = weight(&["identity"]).unwrap_or(0);
    let mut accepted: Vec<(u16, Coding)> = Coding::ALL
        .into_iter()
        .map(|coding| {
            let own = match coding {
                Coding::Gzip => weight(&["gzip", "x-gzip"]),
                coding => weight(&[coding.name()]),
            };
            (own.or(others).unwrap_or(0), coding)
        })
        .filter(|&(weight, _)| weight > 0 && weight >= none)
        .collect();
    accepted.sort_by_key(|&(weight, _)| std::cmp::Reverse(weight));
    accepted.into_iter().map(|(_, coding)| coding).collect()
}

/// Returns the weight of a member in thousandths; 0 if it is malformed.
fn quality(parameters: &str) -> u16 {
    for parameter in parameters.split(';') {
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("q")
        {
            let value: f32 = value.trim().parse().unwrap_or(0.0);
            return if (0.0..=1.0).contains(&value) {
                (value * 1000.0) as u16
            } else {
                0
            };
        }
    }
    1000
}

/// Compresses text, few files at a time, and caches the result.
pub(crate) struct Coder {
    turns: Semaphore,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    texts: HashMap<String, Arc<[u8]>>,
    bytes: usize,
}

impl Coder {
    pub(crate) fn new() -> Self {
        Self {
            turns: Semaphore::new(4),
            kept: Mutex::default(),
        }
    }

    /// `None` if it cannot be coded: then the file itself will do.
    pub(crate) fn code(
        &self,
        file: &File,
        length: u64,
        coding: Coding,
        etag: &str,
    ) -> Option<Arc<[u8]>> {
        use std::os::unix::fs::MetadataExt;
        let found = file.metadata().ok()?;
        let key = format!("{}:{}:{etag}", found.dev(), found.ino());
        if let Some(coded) = self.kept().texts.get(&key) {
            return Some(Arc::clone(coded));
        }
        let _turn = self.turns.acquire().ok()?;
        let mut text = vec![0; usize::try_from(length).ok()?];
        file.read_exact_at(&mut text, 0).ok()?;
        let coded: Arc<[u8]> = coding.encode(&text).ok()?.into();
        let mut kept = self.kept();
        if kept.bytes + coded.len() > KEPT {
            *kept = Kept::default();
        }
        if kept.texts.insert(key, Arc::clone(&coded)).is_none() {
            kept.bytes += coded.len();
        }
        Some(coded)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
