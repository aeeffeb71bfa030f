//! The `Range` field: the requested bytes.

use crate::request::{Method, Request};

/// The maximum number of ranges; a request for more, which may be an attack, is answered with the whole file.
const MAX_RANGES: usize = 32;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// The whole file: no range is requested, or the field is malformed.
    All,
    /// None of the requested ranges overlaps the file.
    None,
    /// A start, and an end that is not included.
    One(u64, u64),
    Several(Vec<(u64, u64)>),
}

pub(crate) fn of(request: &Request, length: u64) -> Ranges {
    if request.method != Method::Get {
        return Ranges::All;
    }
    request
        .fields
        .text("range")
        .map_or(Ranges::All, |value| parse(value, length))
}

fn parse(value: &str, length: u64) -> Ranges {
    let Some((unit, list)) = value.split_once('=') else {
        return Ranges::All;
    };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Ranges::All;
    }
    let members: Vec<&str> = list
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']))
        .filter(|member| !member.is_empty())
        .collect();
    if members.is_empty() || members.len() > MAX_RANGES {
        return Ranges::All;
    }
    let mut ranges = Vec::new();
    for member in members {
        match one(member, length) {
            None => return Ranges::All,
            Some(None) => {}
            Some(Some(range)) => ranges.push(range),
        }
    }
    match ranges.as_slice() {
        [] => Ranges::None,
        &[(at, end)] => Ranges::One(at, end),
        several => {
            // If the ranges are longer than the file in total, the whole file is the shorter answer.
            let sum: u64 = several
                .iter()
                .map(|(at, end)| end - at)
                .fold(0, u64::saturating_add);
            if sum > length {
                Ranges::All
            } else {
                Ranges::Several(ranges)
            }
        }
    }
}

/// Parses one range. Returns `None` if it is malformed, `Some(None)` if it does not overlap the file.
fn one(member: &str, length: u64) -> Option<Option<(u64, u64)>> {
    let (first, last) = member.split_once('-')?;
    let number = |text: &str| -> Option<u64> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // A number that overflows is beyond the end of every file.
        Some(text.parse().unwrap_or(u64::MAX))
    };
    if first.is_empty() {
        let count = number(last)?.min(length);
        return Some((count > 0).then_some((length - count, length)));
    }
    let at = number(first)?;
    let end = if last.is_empty() {
        length
    } else {
        let last = number(last)?;
        if last < at {
            return None;
        }
        last.saturating_add(1).min(length)
    };
    Some((at < length).then_some((at, end)))
}

/// Returns the boundary of a multipart answer: the same for the same version of a file, and unpredictable, so that a
/// file does not contain it.
pub(crate) fn boundary(etag: &str) -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    static SECRET: std::sync::OnceLock<RandomState> = std::sync::OnceLock::new();
    let mut hasher = SECRET.get_or_init(RandomState::new).build_hasher();
    hasher.write(etag.as_bytes());
    format!("reunite-{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_parsed_as_in_the_rfc() {
        let cases = [
            ("bytes=0-0", Ranges::One(0, 1)),
            ("bytes=0-", Ranges::One(0, 10)),
            ("bytes=9-", Ranges::One(9, 10)),
            ("bytes=5-100", Ranges::One(5, 10)),
            ("bytes=-3", Ranges::One(7, 10)),
            ("bytes=-30", Ranges::One(0, 10)),
            ("Bytes=1-2", Ranges::One(1, 3)),
            ("bytes=10-", Ranges::None),
            ("bytes=-0", Ranges::None),
            ("bytes=99999999999999999999999-", Ranges::None),
            ("bytes=0-99999999999999999999999", Ranges::One(0, 10)),
            ("bytes=0-1,4-5", Ranges::Several(vec![(0, 2), (4, 6)])),
            ("bytes=0-1, ,-1", Ranges::Several(vec![(0, 2), (9, 10)])),
            ("bytes=0-1,20-", Ranges::One(0, 2)),
            ("bytes=0-9,0-9", Ranges::All),
            ("bytes=5-4", Ranges::All),
            ("bytes=", Ranges::All),
            ("bytes=a-b", Ranges::All),
            ("bytes=--1", Ranges::All),
            ("bytes=+1-2", Ranges::All),
            ("bytes", Ranges::All),
            ("lines=0-1", Ranges::All),
        ];
        for (value, expected) in cases {
            assert_eq!(parse(value, 10), expected, "{value}");
        }
        assert_eq!(parse("bytes=0-", 0), Ranges::None);
        assert_eq!(
            parse(&format!("bytes={}", vec!["0-0"; 33].join(",")), 100),
            Ranges::All
        );
    }
}
