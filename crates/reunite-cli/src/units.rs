//! Quantities as people type them.

use std::time::Duration;

/// `512` bytes, `100K`, `1.5G`, `2GiB`, `300MB`: powers of 1024.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
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
        _ => return Err(format!("`{unit}` is no unit of memory; try 500M or 2G")),
    };
    let number: f64 = number.parse().map_err(|_| "try 500M or 2G".to_owned())?;
    let bytes = number * 1024f64.powi(exponent);
    if bytes < 1.0 || bytes > u64::MAX as f64 {
        return Err("it must be at least one byte".to_owned());
    }
    Ok(bytes as u64)
}

/// [`duration`], or `0` for none.
pub(crate) fn duration_or_none(text: &str) -> Result<Duration, String> {
    let (number, _) = split(text);
    if number.parse() == Ok(0.0) {
        return Ok(Duration::ZERO);
    }
    duration(text)
}

/// `30` or `30s` seconds, `500ms`, `10m`, `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let seconds = match unit.to_ascii_lowercase().as_str() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => {
            return Err(format!(
                "`{unit}` is no unit of time; try 30s, 10m or 500ms"
            ));
        }
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "try 30s, 10m or 500ms".to_owned())?;
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("it must be longer than nothing".to_owned()),
    }
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

/// `1.5 GB` and the like, for people.
pub(crate) fn readable(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_people_write_it() {
        assert_eq!(bytes("512"), Ok(512));
        assert_eq!(bytes("2G"), Ok(2 << 30));
        assert_eq!(bytes("1.5 GiB"), Ok(3 << 29));
        assert_eq!(bytes("300mb"), Ok(300 << 20));
        for wrong in ["", "G", "-1", "0", "5 apples", "1e3"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn time_is_read_as_people_write_it() {
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_secs(5400)));
        for none in ["0", "0s", "0.0ms"] {
            assert_eq!(duration_or_none(none), Ok(Duration::ZERO));
        }
        assert_eq!(duration_or_none("10m"), duration("10m"));
        assert!(duration_or_none("s").is_err());
        for wrong in ["", "s", "-1s", "0", "3 days", "99999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
