//! Quantities as people type them.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

const TRY_BYTES: &str = "use a size such as 500M or 2G";
/// The longest duration. Clocks of the system and of dependencies overflow far beyond it.
const MAX_DURATION: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);
const TRY_TIME: &str = "use a time such as 30s, 10m, 1h30m or 500ms";

/// Returns a parser of the whole numbers in `range`, whose error names the range.
pub(crate) fn number<T: FromStr + PartialOrd + Display + Clone>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let wrong = || format!("use a number from {} to {}", range.start(), range.end());
        number.ok_or_else(wrong)
    }
}

/// Parses a number of bytes such as `512`, `100K`, `1.5G`, `2GiB` or `300MB`; units are powers of 1024.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit, rest) = piece(text.trim());
    let exponent = match unit
        .to_ascii_lowercase()
        .trim_end_matches('b')
        .trim_end_matches('i')
    {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(format!("unknown size unit `{unit}` (use K, M, G, T)")),
    };
    let number: f64 = number.parse().map_err(|_| TRY_BYTES.to_owned())?;
    if !rest.is_empty() {
        return Err(TRY_BYTES.to_owned());
    }
    let bytes = number * 1024f64.powi(exponent);
    if bytes < 1.0 {
        Err("must be at least one byte".to_owned())
    } else if bytes >= u64::MAX as f64 {
        Err(format!("too large for any machine; {TRY_BYTES}"))
    } else {
        Ok(bytes as u64)
    }
}

/// Parses a duration such as `30` or `30s` (seconds), `500ms`, `10m` or `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match duration_or_none(text)? {
        Duration::ZERO => Err("must be greater than zero".to_owned()),
        duration => Ok(duration),
    }
}

/// Parses a duration as [`duration`] does, and also accepts zero.
pub(crate) fn duration_or_none(text: &str) -> Result<Duration, String> {
    let too_long = || format!("too long; {TRY_TIME}");
    let whole = text.trim();
    let mut left = whole;
    let mut sum = Duration::ZERO;
    loop {
        let (number, unit, rest) = piece(left);
        let seconds = match unit.to_ascii_lowercase().as_str() {
            "ms" => 0.001,
            // Only a number on its own may have no unit.
            "" if number == whole => 1.0,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "" => return Err(TRY_TIME.to_owned()),
            _ => return Err(format!("unknown time unit `{unit}` (use ms, s, m, h)")),
        };
        let number: f64 = number.parse().map_err(|_| TRY_TIME.to_owned())?;
        sum = Duration::try_from_secs_f64(number * seconds)
            .ok()
            .and_then(|piece| sum.checked_add(piece))
            .filter(|sum| *sum <= MAX_DURATION)
            .ok_or_else(too_long)?;
        if rest.is_empty() {
            return Ok(sum);
        }
        left = rest;
    }
}

/// Splits off a number and its unit. Returns both, and the rest.
fn piece(text: &str) -> (&str, &str, &str) {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let end =
        |text: &str, go: &dyn Fn(char) -> bool| text.find(|c: char| !go(c)).unwrap_or(text.len());
    let (number, rest) = text.split_at(end(text, &is_number));
    let (unit, rest) = rest.split_at(end(rest, &|c| !is_number(c)));
    (number, unit.trim(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed_as_people_write_them() {
        assert_eq!(bytes("512"), Ok(512));
        assert_eq!(bytes("2G"), Ok(2 << 30));
        assert_eq!(bytes("1.5 GiB"), Ok(3 << 29));
        assert_eq!(bytes("300mb"), Ok(300 << 20));
        for wrong in ["", "G", "-1", "0", "5 apples", "1e3", "1G500M", "0.1.2M"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert!(
            bytes("5 apples")
                .unwrap_err()
                .contains("unknown size unit `apples`")
        );
        let error = bytes("99999999999T").unwrap_err();
        assert!(error.contains("too large"), "{error}");
    }

    #[test]
    fn a_number_outside_its_range_is_answered_with_the_range() {
        let parse = number(1..=1024_u16);
        assert_eq!((parse("1"), parse("1024")), (Ok(1), Ok(1024)));
        for wrong in ["0", "1025", "99999", "-1", "1.5", "", "two"] {
            assert_eq!(parse(wrong).unwrap_err(), "use a number from 1 to 1024");
        }
    }

    #[test]
    fn durations_are_parsed_as_people_write_them() {
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_secs(5400)));
        for none in ["0", "0s", "0.0ms"] {
            assert_eq!(duration_or_none(none), Ok(Duration::ZERO));
        }
        assert_eq!(duration_or_none("10m"), duration("10m"));
        assert_eq!(duration_or_none("0h30m"), Ok(Duration::from_secs(1800)));
        for wrong in ["", "s", "0 apples", "0x5", "0-", "0h30"] {
            assert!(duration_or_none(wrong).is_err(), "{wrong}");
        }
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration(" 1m 2s 3ms "), Ok(Duration::from_millis(62_003)));
        for wrong in [
            "", "s", "-1s", "0", "0m0s", "3 days", "1h30", "0h30", "1h m",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        for long in ["99999999999999999999h", "5000000000000000h", "1000000h"] {
            let error = duration(long).unwrap_err();
            assert!(error.contains("too long"), "{error}");
        }
    }
}
