//! Secrets.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Compares a secret with what somebody claims it to be. The time depends on neither's content, nor on the length
/// they have in common: their digests are compared, in constant time.
///
/// ```
/// use reunite_base::secret::is_same;
///
/// assert!(is_same(b"secret", b"secret") && is_same(b"", b""));
/// assert!(!is_same(b"secret", b"secre") && !is_same(b"secret", b"") && !is_same(b"", b"secret"));
/// ```
pub fn is_same(secret: &[u8], claimed: &[u8]) -> bool {
    let (secret, claimed) = (Sha256::digest(secret), Sha256::digest(claimed));
    secret.as_slice().ct_eq(claimed.as_slice()).into()
}
