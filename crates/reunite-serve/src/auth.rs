//! Basic authentication.

use crate::request::Request;

/// A name and its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    name: String,
    password: String,
}

impl Account {
    /// From `NAME:PASSWORD`.
    ///
    /// # Errors
    /// There is no colon, or no name before it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((name, password)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                password: password.to_owned(),
            }),
            _ => Err("give an account as NAME:PASSWORD".to_owned()),
        }
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({})", self.name)
    }
}

/// Who may come in; everybody, if empty.
#[derive(Clone, Debug, Default)]
pub struct Accounts(pub Vec<Account>);

impl Accounts {
    pub(crate) fn admit(&self, request: &Request) -> bool {
        self.0.is_empty() || self.user(request).is_some()
    }

    /// Who asks, if we know them.
    pub(crate) fn user(&self, request: &Request) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        let (scheme, rest) = request.text("authorization")?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let told = decode(rest.trim())?;
        let colon = told.iter().position(|&byte| byte == b':')?;
        let (name, password) = (&told[..colon], &told[colon + 1..]);
        // All are compared, whole, so that the time tells nothing.
        let mut found = None;
        for account in &self.0 {
            let same = is_same(account.name.as_bytes(), name)
                & is_same(account.password.as_bytes(), password);
            if same {
                found = Some(account.name.as_str());
            }
        }
        found
    }
}

/// Takes as long for what differs early as for what differs late.
fn is_same(ours: &[u8], theirs: &[u8]) -> bool {
    let mut differs = ours.len() ^ theirs.len();
    for (at, &byte) in theirs.iter().enumerate() {
        let own = ours.get(at).or(ours.first()).copied().unwrap_or(0);
        differs |= usize::from(own ^ byte);
    }
    std::hint::black_box(differs) == 0
}

/// Base64 (RFC 4648, section 4).
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut decoded = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push((bits >> count) as u8);
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded() {
        assert_eq!(
            decode("QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap(),
            b"Aladdin:open sesame"
        );
        assert_eq!(decode("YTpi").unwrap(), b"a:b");
        assert_eq!(decode("Y-I="), None);
    }

    #[test]
    fn only_the_same_is_the_same() {
        for (ours, theirs, same) in [
            ("a", "a", true),
            ("", "", true),
            ("a", "b", false),
            ("a", "", false),
            ("", "a", false),
            ("ab", "a", false),
            ("a", "aa", false),
        ] {
            assert_eq!(
                is_same(ours.as_bytes(), theirs.as_bytes()),
                same,
                "{ours} {theirs}"
            );
        }
    }
}
