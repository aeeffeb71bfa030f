//! Quantities in messages.

use std::fmt::Display;

/// Returns a count with its noun: `1 permit`, `2 permits`. The plural ends in `s`.
pub(crate) fn quantity(count: impl Display + From<u8> + PartialEq, noun: &str) -> String {
    let ending = plural(&count);
    format!("{count} {noun}{ending}")
}

fn plural<T: From<u8> + PartialEq>(count: &T) -> &'static str {
    if *count == T::from(1) { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::quantity;

    #[test]
    fn only_one_is_singular() {
        assert_eq!(quantity(0_u64, "permit"), "0 permits");
        assert_eq!(quantity(1_usize, "permit"), "1 permit");
        assert_eq!(quantity(2_u32, "permit"), "2 permits");
    }
}
