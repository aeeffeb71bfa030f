//! Missing anchors: links to a fragment that the target page does not have.
//!
//! Anchors are not stored. Each stored page that is the target of a link with a fragment is parsed again, one page
//! at a time.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension};

use super::findings::{Anchor, List};
use super::query::{referrers, rows};
use crate::fetch::unpack;
use crate::html;
use crate::store::StoreError;

/// Redirects that are followed to the page with the anchors.
const MAX_REDIRECTS: usize = 10;

/// Returns the links to anchors that the target page does not have.
pub(super) fn missing(db: &Connection, most: usize) -> Result<List<Anchor>, StoreError> {
    let sql = "SELECT DISTINCT target, url FROM links JOIN urls ON urls.id = target \
               WHERE fragment != '' AND kind IN ('a', 'area') ORDER BY url";
    let targets = rows(db, sql, [], |row| row.try_into())?;
    let mut list = List {
        count: 0,
        first: Vec::new(),
    };
    for (target, url) in targets {
        let url: String = url;
        let Some(anchors) = anchors(db, target)? else {
            continue;
        };
        let sql = "SELECT DISTINCT fragment FROM links WHERE target = ?1 AND fragment != '' \
                   AND kind IN ('a', 'area') ORDER BY fragment";
        let fragments: Vec<String> = rows(db, sql, [target], |row| row.get(0))?;
        for fragment in fragments {
            if has_anchor(&anchors, &fragment) {
                continue;
            }
            list.count += 1;
            if list.first.len() < most {
                list.first.push(Anchor {
                    url: url.clone(),
                    referrers: referrers(db, target, Some(&fragment))?,
                    fragment,
                });
            }
        }
    }
    Ok(list)
}

fn has_anchor(anchors: &HashSet<String>, fragment: &str) -> bool {
    // Every page has `#top`, and a fragment that starts with `:~:` is text to search for.
    fragment.eq_ignore_ascii_case("top")
        || fragment.starts_with(":~:")
        || anchors.contains(fragment)
}

/// Returns the anchors of the page at the end of the redirects, or `None` if there is no HTML page.
fn anchors(db: &Connection, target: i64) -> Result<Option<HashSet<String>>, StoreError> {
    let mut at = target;
    for _ in 0..MAX_REDIRECTS {
        let sql = "SELECT redirect, charset, status BETWEEN 200 AND 299, bodies.zstd, bodies.size, bodies.data \
                   FROM pages LEFT JOIN bodies ON bodies.id = body WHERE pages.id = ?1";
        let page = db
            .prepare_cached(sql)?
            .query_row([at], |row| {
                Ok((
                    row.get::<_, Option<i64>>(0)?,
                    row.get::<_, Option<String>>(1)?,
                    row.get::<_, Option<bool>>(2)?,
                    row.get::<_, Option<bool>>(3)?,
                    row.get::<_, Option<i64>>(4)?,
                    row.get::<_, Option<Vec<u8>>>(5)?,
                ))
            })
            .optional()?;
        match page {
            Some((Some(next), ..)) => at = next,
            Some((None, Some(charset), Some(true), Some(zstd), Some(size), Some(data))) => {
                let bytes =
                    unpack(&data, zstd, u64::try_from(size).unwrap_or(0)).map_err(|error| {
                        StoreError::other(format!("a stored page is damaged: {error}"))
                    })?;
                let (text, _) = html::decode(&bytes, Some(&charset));
                return Ok(Some(html::anchors(&text)));
            }
            _ => return Ok(None),
        }
    }
    Ok(None)
}
