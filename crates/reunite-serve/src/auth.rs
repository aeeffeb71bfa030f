//! Basic authentication.

use data_encoding::BASE64_NOPAD;
use reunite_base::secret::is_same;

use crate::request::Request;

/// A name and its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    name: String,
    password: String,
}

impl Account {
    /// Parses `NAME:PASSWORD`.
    ///
    /// # Errors
    /// Returns an error if there is no colon, or no name before it.
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

/// The accounts that may access a site; everyone may if there are none.
#[derive(Clone, Debug, Default)]
pub struct Accounts(pub Vec<Account>);

impl Accounts {
    pub(crate) fn admit(&self, request: &Request) -> bool {
        self.0.is_empty() || self.user(request).is_some()
    }

    /// Returns the name of the account that the request authenticates as.
    pub(crate) fn user(&self, request: &Request) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        let (scheme, rest) = request.fields.text("authorization")?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let credentials = decode(rest.trim())?;
        let colon = credentials.iter().position(|&byte| byte == b':')?;
        let (name, password) = (&credentials[..colon], &credentials[colon + 1..]);
        // All accounts are compared in full, so that the time reveals nothing about them.
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

/// Base64 (RFC 4648, section 4), with its padding or without.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    BASE64_NOPAD.decode(text.as_bytes()).ok()
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
}
