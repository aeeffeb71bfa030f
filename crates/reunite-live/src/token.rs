//! Random secret tokens.

use std::io;

use data_encoding::HEXLOWER;

/// Returns 128 random bits as hexadecimal digits.
pub(crate) fn make() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(HEXLOWER.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_random() {
        let (one, two) = (make().unwrap(), make().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, two);
    }
}
