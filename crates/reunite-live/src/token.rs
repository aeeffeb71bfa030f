//! Secrets that nobody guesses.

use std::io;

use data_encoding::HEXLOWER;

/// 128 random bits in hexadecimal digits.
pub(crate) fn make() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(HEXLOWER.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_new_each_time() {
        let (one, two) = (make().unwrap(), make().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, two);
    }
}
