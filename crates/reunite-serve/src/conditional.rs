//! Preconditions, evaluated in the order of RFC 9110, section 13.2.2.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use crate::request::{Method, Request};

/// The identity of a version of a file.
pub(crate) struct Version {
    /// The strong entity tag, with its quotes.
    pub(crate) etag: String,
    pub(crate) modified: Option<SystemTime>,
}

impl Version {
    /// Returns the version of a file; `form` distinguishes the forms in which it is sent.
    pub(crate) fn of(metadata: &Metadata, form: &str) -> Self {
        let (seconds, nanos) = (metadata.mtime(), metadata.mtime_nsec());
        let length = metadata.len();
        Self {
            etag: format!("\"{seconds:x}.{nanos:x}-{length:x}{form}\""),
            // A modification time in the future is reported as now.
            modified: metadata
                .modified()
                .ok()
                .map(|time| time.min(SystemTime::now())),
        }
    }
}

/// The comparison of entity tags (RFC 9110, section 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// A weak tag matches no other.
    Strong,
    Weak,
}

/// The result of a request's preconditions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Send the whole file.
    SendWhole,
    /// Send the requested range, if there is one.
    SendRange,
    /// Answer with a 304.
    Unchanged,
    /// Answer with a 412.
    Failed,
}

/// Evaluates the preconditions of a request, and `If-Range`.
pub(crate) fn decide(request: &Request, version: &Version) -> Decision {
    if request.fields.has("if-match") {
        if !matches_any(request, "if-match", version, Comparison::Strong) {
            return Decision::Failed;
        }
    } else if let Some(since) = date(request, "if-unmodified-since")
        && version
            .modified
            .is_some_and(|modified| seconds(modified) > seconds(since))
    {
        return Decision::Failed;
    }
    let unchanged = match request.method {
        Method::Get | Method::Head => Decision::Unchanged,
        _ => Decision::Failed,
    };
    if request.fields.has("if-none-match") {
        if matches_any(request, "if-none-match", version, Comparison::Weak) {
            return unchanged;
        }
    } else if let Some(since) = date(request, "if-modified-since")
        && version
            .modified
            .is_some_and(|modified| seconds(modified) <= seconds(since))
    {
        return unchanged;
    }
    if range_holds(request, version) {
        Decision::SendRange
    } else {
        Decision::SendWhole
    }
}

/// Returns true if the `If-Range` of the request, if any, matches this version.
fn range_holds(request: &Request, version: &Version) -> bool {
    if !request.fields.has("if-range") {
        return true;
    }
    let Some(value) = request.fields.text("if-range") else {
        return false;
    };
    if value.starts_with('"') || value.starts_with("W/") {
        return value == version.etag;
    }
    // A date identifies the bytes only if the file cannot change again within the same second.
    let (Ok(date), Some(modified)) = (httpdate::parse_http_date(value), version.modified) else {
        return false;
    };
    let settled = SystemTime::now()
        .duration_since(modified)
        .is_ok_and(|age| age >= Duration::from_secs(1));
    settled && seconds(date) == seconds(modified)
}

fn matches_any(request: &Request, name: &str, version: &Version, how: Comparison) -> bool {
    request.fields.values(name).any(|value| {
        let value = value.trim_ascii();
        value == b"*"
            || tags(value).any(|(weak, tag)| {
                tag == version.etag.as_bytes() && !(weak && how == Comparison::Strong)
            })
    })
}

/// Returns the entity tags of a list, each with whether it is weak. Tags may contain commas.
fn tags(value: &[u8]) -> impl Iterator<Item = (bool, &[u8])> {
    let mut left = value;
    std::iter::from_fn(move || {
        let start = left.iter().position(|byte| !b" \t,".contains(byte))?;
        left = &left[start..];
        let weak = left.starts_with(b"W/");
        let tag = if weak { &left[2..] } else { left };
        if tag.first() != Some(&b'"') {
            return None;
        }
        let end = tag[1..].iter().position(|&byte| byte == b'"')? + 2;
        left = &tag[end..];
        Some((weak, &tag[..end]))
    })
}

/// Returns the date in a field; a malformed date is ignored.
fn date(request: &Request, name: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(request.fields.text(name)?).ok()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
