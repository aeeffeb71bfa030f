//! Compares what a crawl has stored with the site's own manifest: every page once, with every field.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use loopback_site::{Page, Site};
use rusqlite::{Connection, Result, Row};

const PAGES: &str = "SELECT urls.id, urls.url, pages.status, title, bodies.hash, target.url, \
     method, began, wait, total, version, json_array_length(headers) > 0, media, wire \
     FROM pages JOIN urls USING (id) \
     LEFT JOIN bodies ON bodies.id = body LEFT JOIN urls AS target ON target.id = redirect";

/// The columns that every response fills, whatever it contains.
const ALWAYS: std::ops::Range<usize> = 6..14;

/// The number of pages that are missing, stored twice, not part of the site, or different in a field.
pub(super) fn wrong(store: &Path, site: &Site) -> Result<usize> {
    let db = Connection::open(store)?;
    let mut links: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    let mut query = db.prepare("SELECT source, url FROM links JOIN urls ON urls.id = target")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        links.entry(row.get(0)?).or_default().insert(row.get(1)?);
    }
    let mut left: BTreeMap<String, Page> = site
        .manifest()
        .map(|page| (page.url.clone(), page))
        .collect();
    let mut wrong = 0;
    let mut query = db.prepare(PAGES)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let page = left.remove(&row.get::<_, String>(1)?);
        let links = links.remove(&row.get(0)?).unwrap_or_default();
        let is_right = match page {
            Some(page) => is_whole(row)? && is_same(row, &page)? && links == page.links,
            None => false,
        };
        wrong += usize::from(!is_right);
    }
    Ok(wrong + left.len())
}

fn is_whole(row: &Row<'_>) -> Result<bool> {
    for column in ALWAYS {
        if row.get_ref(column)? == rusqlite::types::ValueRef::Null {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_same(row: &Row<'_>, page: &Page) -> Result<bool> {
    Ok(row.get::<_, Option<u16>>(2)? == Some(page.status)
        && row.get::<_, Option<String>>(3)? == page.title
        && row.get::<_, Option<Vec<u8>>>(4)?.as_deref() == Some(&page.hash[..])
        && row.get::<_, Option<String>>(5)? == page.redirect)
}
