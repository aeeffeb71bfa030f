//! The page that lists a folder.

use std::cmp::Ordering;
use std::fmt::Write;
use std::fs::Metadata;
use std::time::SystemTime;

use reunite_base::escape::html;
use reunite_base::units::{bytes, counted};

use crate::target::encode;

/// The content security policy: no scripts, no resources.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2024;--soft:#60646c;--line:#e4e6ea;--paper:#fcfcfd;--link:#0b68cb;--over:#f0f3f7}\
@media(prefers-color-scheme:dark){:root{--ink:#edeef0;--soft:#9aa0a8;--line:#2b2f36;--paper:#141619;--link:#70b8ff;--over:#1e2227}}\
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}\
main{max-width:60rem;margin:0 auto;padding:2.5rem 1.25rem}.wide{max-width:90rem}\
h1{font-size:1.35rem;font-weight:600;margin:0 0 1.25rem;overflow-wrap:anywhere}\
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}\
h1 i{color:var(--soft);font-style:normal;font-weight:400;margin:0 .3em}\
table{width:100%;border-collapse:collapse}th{text-align:left;font-weight:500;font-size:.85rem;border-bottom:1px solid var(--line)}\
th a{color:var(--soft)}th,td{padding:.45rem .6rem}td{border-bottom:1px solid var(--line)}\
td:first-child{overflow-wrap:anywhere;width:100%}td a{display:block}\
.n{text-align:right;padding-left:2rem;color:var(--soft);white-space:nowrap;font-variant-numeric:tabular-nums}\
tbody tr:hover{background:var(--over)}.d a{font-weight:600}footer,.e{color:var(--soft);font-size:.85rem;margin-top:1rem}\
@media(max-width:34rem){.t{display:none}}";

/// A name in a folder, with its metadata.
pub(crate) type Named = (String, Metadata);

/// The column that a listing is sorted by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Name,
    Size,
    Time,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

pub(crate) fn page(segments: &[String], mut entries: Vec<Named>, query: Option<&str>) -> String {
    let has = |word: &str| query.is_some_and(|query| query.split('&').any(|part| part == word));
    let order = match (has("sort=size"), has("sort=time")) {
        (true, _) => Order::Size,
        (_, true) => Order::Time,
        _ => Order::Name,
    };
    let direction = if has("down") {
        Direction::Descending
    } else {
        Direction::Ascending
    };
    entries.sort_by(|a, b| compare(a, b, order, direction));

    let mut page = begun(segments, "", "");
    page.push_str("<table><thead><tr>");
    for (label, word, own, class) in [
        ("Name", "name", Order::Name, ""),
        ("Size", "size", Order::Size, " class=n"),
        ("Changed", "time", Order::Time, " class=\"n t\""),
    ] {
        // The link of the current column reverses its direction.
        let (mark, down) = match (own == order, direction) {
            (true, Direction::Ascending) => (" ↑", "&amp;down"),
            (true, Direction::Descending) => (" ↓", ""),
            (false, _) => ("", ""),
        };
        let _ = write!(
            page,
            "<th{class}><a href=\"?sort={word}{down}\">{label}{mark}</a>"
        );
    }
    page.push_str("</thead><tbody>");
    if !segments.is_empty() {
        page.push_str("<tr class=d><td><a href=\"../\">..</a><td class=n><td class=\"n t\">");
    }
    let (mut files, mut folders, mut size) = (0_u64, 0_u64, 0);
    for (name, found) in &entries {
        row(&mut page, name, found);
        if found.is_dir() {
            folders += 1;
        } else {
            files += 1;
            // Sparse files may have any size.
            size = u64::saturating_add(size, found.len());
        }
    }
    page.push_str("</tbody></table>");
    if entries.is_empty() {
        page.push_str("<p class=e>This folder is empty.</p>");
    }
    let _ = writeln!(
        page,
        "<footer>{}, {}, {}</footer></main></body></html>",
        counted(folders, "folder"),
        counted(files, "file"),
        bytes(size)
    );
    page
}

/// Returns the beginning of a page, up to and including its heading.
pub(crate) fn begun(segments: &[String], more_style: &str, class: &str) -> String {
    let title = segments.last().map_or("/", String::as_str);
    let mut page = format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <title>{}</title><style>{STYLE}{more_style}</style></head><body><main class=\"{class}\"><h1>",
        html(title)
    );
    crumbs(&mut page, segments);
    page.push_str("</h1>");
    page
}

/// Sorts by name, folders first.
pub(crate) fn sort(entries: &mut [Named]) {
    entries.sort_by(|a, b| compare(a, b, Order::Name, Direction::Ascending));
}

fn compare(
    (a, first): &Named,
    (b, second): &Named,
    order: Order,
    direction: Direction,
) -> Ordering {
    let by_name = || {
        a.to_lowercase()
            .cmp(&b.to_lowercase())
            .then_with(|| a.cmp(b))
    };
    let own = match order {
        Order::Name => by_name(),
        Order::Size => first.len().cmp(&second.len()).then_with(by_name),
        Order::Time => first
            .modified()
            .ok()
            .cmp(&second.modified().ok())
            .then_with(by_name),
    };
    let own = match direction {
        Direction::Ascending => own,
        Direction::Descending => own.reverse(),
    };
    // Folders come first in either direction.
    second.is_dir().cmp(&first.is_dir()).then(own)
}

fn crumbs(page: &mut String, segments: &[String]) {
    page.push_str("<a href=\"/\">home</a>");
    let mut path = String::from("/");
    for (at, segment) in segments.iter().enumerate() {
        path.push_str(&encode(segment));
        path.push('/');
        let name = html(segment);
        let _ = if at + 1 == segments.len() {
            write!(page, "<i>/</i>{name}")
        } else {
            write!(page, "<i>/</i><a href=\"{}\">{name}</a>", html(&path))
        };
    }
}

pub(crate) fn row(page: &mut String, name: &str, found: &Metadata) {
    let is_folder = found.is_dir();
    let (class, slash) = if is_folder {
        (" class=d", "/")
    } else {
        ("", "")
    };
    // `./` because a name may look like a URL scheme.
    let link = format!("./{}{slash}", encode(name));
    let size = if is_folder {
        "–".to_owned()
    } else {
        bytes(found.len())
    };
    let time = found.modified().map_or(String::new(), when);
    let _ = write!(
        page,
        "<tr{class}><td><a href=\"{}\">{}{slash}</a><td class=n>{size}<td class=\"n t\">{time}",
        html(&link),
        html(name)
    );
}

/// Formats a time as in `23 Nov 2026 16:18`.
fn when(time: SystemTime) -> String {
    let date = httpdate::fmt_http_date(time);
    date.get(5..22).unwrap_or_default().to_owned()
}
