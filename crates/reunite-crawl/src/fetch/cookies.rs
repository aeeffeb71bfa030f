//! Cookies, kept in memory if the settings ask for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cookie_store::{CookieStore, RawCookie};
use url::Url;

/// The cookies of a crawl.
#[derive(Default)]
pub(super) struct Jar(Mutex<CookieStore>);

impl Jar {
    fn lock(&self) -> MutexGuard<'_, CookieStore> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the value of the `Cookie` header for an address, which is empty if there are no cookies for it.
    pub(super) fn for_request(&self, url: &Url) -> String {
        let jar = self.lock();
        let pairs = jar.get_request_values(url);
        let pairs: Vec<String> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    /// Stores the cookies of `Set-Cookie` headers from an address. Invalid ones are ignored.
    pub(super) fn store<'h>(&self, set: impl Iterator<Item = &'h str>, url: &Url) {
        let cookies = set.filter_map(|text| RawCookie::parse(text.to_owned()).ok());
        self.lock().store_response_cookies(cookies, url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_sent_only_to_the_host_and_path_they_are_for() {
        let jar = Jar::default();
        let url = |text| Url::parse(text).unwrap();
        jar.store(
            ["a=1; Path=/x", "b=2", "broken"].into_iter(),
            &url("http://h.test/"),
        );
        assert_eq!(jar.for_request(&url("http://h.test/y")), "b=2");
        assert_eq!(jar.for_request(&url("http://other.test/")), "");
    }
}
