//! The settings of a site.

use std::time::Duration;

use crate::auth::Accounts;
use crate::disk::Links;
use crate::gallery::Gallery;

/// Choices about a site.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is served for a folder, the first that is there.
    pub index: Vec<String>,
    /// Whether folders without an index are listed.
    pub listing: bool,
    /// Whether names that begin with a dot are there. `.well-known` is in any case.
    pub hidden: bool,
    /// Where links may lead.
    pub links: Links,
    /// Whether `page.html.br`, `.zst` or `.gz` is sent for `page.html` to those who take it.
    pub precompressed: bool,
    /// Whether text is compressed on the fly.
    pub compress: bool,
    /// What is served to browsers for what is not there, such as `index.html`, by its path in the folder.
    pub fallback: Option<String>,
    /// How long answers may be kept without asking again; `None` says nothing about it.
    pub max_age: Option<Duration>,
    /// Whether folders without an index are shown as pictures, rather than listed.
    pub gallery: Option<Gallery>,
    /// Who may come in; everybody, if there are no accounts.
    pub accounts: Accounts,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            index: vec!["index.html".to_owned(), "index.htm".to_owned()],
            listing: true,
            hidden: false,
            links: Links::Inside,
            precompressed: true,
            compress: true,
            fallback: None,
            max_age: None,
            gallery: None,
            accounts: Accounts::default(),
        }
    }
}
