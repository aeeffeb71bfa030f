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
