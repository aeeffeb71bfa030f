//! The settings of a site.

use std::time::Duration;

use crate::auth::Accounts;
use crate::gallery::Gallery;
use crate::root_dir::Links;

/// The options of a site.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The names of index files; the first one that exists is served for a folder.
    pub index: Vec<String>,
    /// Lists folders that have no index.
    pub listing: bool,
    /// Serves names that begin with a dot. `.well-known` is always served.
    pub hidden: bool,
    /// The targets that symbolic links may have.
    pub links: Links,
    /// Sends `page.html.br`, `page.html.zst` or `page.html.gz` for `page.html` to clients that accept the coding.
    pub precompressed: bool,
    /// Compresses text on the fly.
    pub compress: bool,
    /// The path, within the folder, of the page that is served instead of a 404 to clients that accept HTML.
    pub fallback: Option<String>,
    /// The time for which clients may cache answers without revalidation; `None` sends no `Cache-Control`.
    pub max_age: Option<Duration>,
    /// Shows folders that have no index as galleries of pictures instead of lists.
    pub gallery: Option<Gallery>,
    /// The accounts that may access the site; everyone may if there are none.
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
