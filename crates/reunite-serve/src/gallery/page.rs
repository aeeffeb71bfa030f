//! The page of a gallery.

use std::fmt::Write;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use reunite_base::escape::html;
use reunite_base::units::{bytes, counted};

use super::display::{DisplayMode, display_of};
use crate::listing::{self, Named};
use crate::target::encode;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The content security policy: the page's own script, by its digest, and pictures of this site.
pub(crate) const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; \
     script-src 'sha256-WNbQl47cWywNNZWqoc9mVgRivMONY3B37nq+G1afS7Q='";

pub(crate) fn page(segments: &[String], mut entries: Vec<Named>) -> String {
    listing::sort(&mut entries);
    let kind = |(name, found): &Named| match found.is_dir() {
        true => DisplayMode::Not,
        false => display_of(Path::new(name)),
    };
    let (pictures, others): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .partition(|entry| kind(entry) != DisplayMode::Not);
    let (folders, others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|(_, found)| found.is_dir());

    let mut page = listing::begun(segments, STYLE, "wide");
    page.push_str("<p class=s>");
    // Sparse files may have any size.
    let sizes = pictures.iter().map(|(_, found)| found.len());
    let size = sizes.fold(0, u64::saturating_add);
    let _ = write!(
        page,
        "{}, {}</p>",
        counted(pictures.len(), "picture"),
        bytes(size)
    );
    if !folders.is_empty() || !segments.is_empty() {
        page.push_str("<nav>");
        if !segments.is_empty() {
            page.push_str("<a href=\"../\">↑ up</a>");
        }
        for (name, _) in &folders {
            let link = format!("./{}/", encode(name));
            let _ = write!(page, "<a href=\"{}\">{}/</a>", html(&link), html(name));
        }
        page.push_str("</nav>");
    }
    page.push_str("<ul class=g>");
    for (name, found) in &pictures {
        tile(&mut page, name, found);
    }
    page.push_str("</ul>");
    if pictures.is_empty() {
        page.push_str("<p class=s>No pictures in this folder.</p>");
    }
    if !others.is_empty() {
        page.push_str("<table><tbody>");
        for (name, found) in &others {
            listing::row(&mut page, name, found);
        }
        page.push_str("</tbody></table>");
    }
    let _ = writeln!(
        page,
        "<dialog tabindex=-1 aria-label=\"Picture\"><img alt=\"\"><p></p>\
         <button class=p title=\"Previous (←)\">‹</button><button class=n title=\"Next (→)\">›</button>\
         <button class=x title=\"Close (Esc)\">×</button></dialog></main><script>{SCRIPT}</script></body></html>"
    );
    page
}

fn tile(page: &mut String, name: &str, found: &Metadata) {
    let link = format!("./{}", encode(name));
    // Changes with the file, so that browsers need not revalidate.
    let version = format!(
        "{:x}.{:x}-{:x}",
        found.mtime(),
        found.mtime_nsec(),
        found.len()
    );
    let (small, large) = match display_of(Path::new(name)) {
        DisplayMode::Itself => (link.clone(), link.clone()),
        DisplayMode::Converted => (
            format!("{link}?thumb={version}"),
            format!("{link}?view={version}"),
        ),
        _ => (format!("{link}?thumb={version}"), link.clone()),
    };
    let name = html(name);
    let _ = write!(
        page,
        "<li><a href=\"{}\" data-view=\"{}\" title=\"{name}\"><img src=\"{}\" alt=\"\" loading=lazy decoding=async \
         width=400 height=400><span>{name}</span></a>",
        html(&link),
        html(&large),
        html(&small)
    );
}

/// The placeholder for a picture that cannot be displayed.
pub(crate) const BROKEN: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 400 400\"><style>\
     rect{fill:#e4e6ea}path{fill:none;stroke:#8b8f97;stroke-width:10;stroke-linejoin:round;stroke-linecap:round}\
     @media(prefers-color-scheme:dark){rect{fill:#24282e}}</style><rect width=\"400\" height=\"400\"/>\
     <path d=\"M185 145h-55v110h40M215 145h55v110h-70M205 130l-20 45 25 20-25 50\"/></svg>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_only_the_script() {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(SCRIPT);
        let in_policy = POLICY
            .split("sha256-")
            .nth(1)
            .and_then(|rest| rest.strip_suffix('\''));
        let in_policy = crate::auth::decode(in_policy.expect("a digest")).expect("Base64");
        assert_eq!(
            in_policy,
            digest.as_slice(),
            "openssl dgst -sha256 -binary page.js | base64"
        );
    }
}
