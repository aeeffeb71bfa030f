//! Quantities as people read them.

use std::fmt::Display;

/// Writes a count with its noun: `1 page`, `2 pages`. The plural ends in `s`.
///
/// ```
/// use reunite_base::units::counted;
///
/// assert_eq!(counted(0_u64, "page"), "0 pages");
/// assert_eq!(counted(1_u64, "page"), "1 page");
/// assert_eq!(counted(2_usize, "page"), "2 pages");
/// ```
pub fn counted(count: impl Display + From<u8> + PartialEq, noun: &str) -> String {
    let ending = plural(&count);
    format!("{count} {noun}{ending}")
}

/// Returns the ending of a noun that follows the count: nothing for one, `s` for any other.
pub fn plural<T: From<u8> + PartialEq>(count: &T) -> &'static str {
    if *count == T::from(1) { "" } else { "s" }
}

/// Writes a number of bytes in the unit that people type, a power of 1024: `1 byte`, `1.5 KiB`, `312 MiB`. It is
/// rounded to a tenth below 100, and above to a whole number.
///
/// ```
/// use reunite_base::units::bytes;
///
/// assert_eq!(bytes(1000), "1000 bytes");
/// assert_eq!(bytes(1536), "1.5 KiB");
/// assert_eq!(bytes(200 << 20), "200 MiB");
/// ```
pub fn bytes(bytes: u64) -> String {
    in_units(bytes, |number, unit| (number + unit / 2) / unit)
}

/// Writes a number of bytes that is needed, rounded up, and the limit that it exceeds, rounded down. So the two differ,
/// and a limit of the first is enough. The form is that of [`bytes`].
///
/// ```
/// use reunite_base::units::need_and_limit;
///
/// let (needed, limit) = need_and_limit(1025, 1024);
/// assert_eq!((needed.as_str(), limit.as_str()), ("1.1 KiB", "1 KiB"));
/// ```
pub fn need_and_limit(needed: u64, limit: u64) -> (String, String) {
    let limit = in_units(limit, |number, unit| number / unit);
    (in_units(needed, u128::div_ceil), limit)
}

/// Writes a number of bytes in the largest unit in which it is at least 1. `round` divides it by the unit.
fn in_units(bytes: u64, round: impl Fn(u128, u128) -> u128) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return counted(bytes, "byte");
    }
    let exact = u128::from(bytes);
    let in_tenths = |at: usize| {
        let unit = 1 << (10 * (at + 1));
        match round(exact * 10, unit) {
            tenths @ 0..1000 => tenths,
            _ => round(exact, unit) * 10,
        }
    };
    // A number that is rounded to 1024 goes to the next unit.
    let mut at = 0;
    while in_tenths(at) >= 10_240 && at + 1 < UNITS.len() {
        at += 1;
    }
    let (tenths, unit) = (in_tenths(at), UNITS[at]);
    match tenths % 10 {
        0 => format!("{} {unit}", tenths / 10),
        tenth => format!("{}.{tenth} {unit}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_short_and_carry_into_the_next_unit() {
        for (count, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1100, "1.1 KiB"),
            (102_348, "99.9 KiB"),
            (102_349, "100 KiB"),
            (1_048_063, "1023 KiB"),
            (1_048_064, "1 MiB"),
            (3 << 29, "1.5 GiB"),
            (312 << 20, "312 MiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(bytes(count), text, "{count}");
        }
    }

    #[test]
    fn a_need_looks_larger_than_its_limit_and_is_enough_as_a_limit() {
        for (needed, limit, texts) in [
            (2, 1, ("2 bytes", "1 byte")),
            ((200 << 20) + 1, 200 << 20, ("201 MiB", "200 MiB")),
            ((8 << 20) + 1, (8 << 20) - 1, ("8.1 MiB", "7.9 MiB")),
            (1 << 20, (1 << 20) - 1, ("1 MiB", "1023 KiB")),
            (3 << 30, 200 << 20, ("3 GiB", "200 MiB")),
        ] {
            let (need, most) = need_and_limit(needed, limit);
            assert_eq!((need.as_str(), most.as_str()), texts);
        }
    }
}
