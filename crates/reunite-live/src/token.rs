//! Secrets: made so that nobody guesses them, compared so that nobody learns them.

use std::io;

/// 128 random bits in hexadecimal digits.
pub(crate) fn make() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether they are the same, in a time that does not tell how much of them is.
pub(crate) fn is_same(token: &str, other: &str) -> bool {
    let differ = token
        .bytes()
        .zip(other.bytes())
        .fold(0, |differ, (a, b)| differ | (a ^ b));
    token.len() == other.len() && std::hint::black_box(differ) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_new_each_time_and_only_the_same_is_the_same() {
        let (one, two) = (make().unwrap(), make().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, two);
        assert!(is_same(&one, &one));
        assert!(!is_same(&one, &two) && !is_same(&one, &one[..31]) && !is_same(&one, ""));
    }
}
