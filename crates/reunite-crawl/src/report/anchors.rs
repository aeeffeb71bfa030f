//! Links to places: whether the page they lead to has them.
//!
//! Places are not stored; the pages that some link leads into are read again. One page at a time is in
//! memory.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension};

use super::findings::{Anchor, List};
use super::query::{referrers, rows};
use crate::fetch::unpack;
use crate::html;
use crate::store::StoreError;

/// How far redirects are followed; the fragment goes along.
const FARTHEST: usize = 10;

pub(super) fn missing(db: &Connection, most: usize) -> Result<List<Anchor>, StoreError> {
    let sql = "SELECT DISTINCT target, url FROM links JOIN urls ON urls.id = target \
               WHERE fragment != '' AND kind IN ('a', 'area') ORDER BY url";
    let targets = rows(db, sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut list = List {
        count: 0,
        first: Vec::new(),
    };
    for (target, url) in targets {
        let url: String = url;
        let Some(places) = places(db, target)? else {
            continue;
        };
        let sql = "SELECT DISTINCT fragment FROM links WHERE target = ?1 AND fragment != '' \
                   AND kind IN ('a', 'area') ORDER BY fragment";
        let fragments: Vec<String> = rows(db, sql, [target], |row| row.get(0))?;
        for fragment in fragments {
            if is_there(&fragment, &places) {
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

fn is_there(fragment: &str, places: &HashSet<String>) -> bool {
    // The top of a page needs no mark, and what begins like this is words to look for in the text.
    fragment.eq_ignore_ascii_case("top") || fragment.starts_with(":~:") || places.contains(fragment)
}

/// The places of the page at the end of the redirects; none if that is no page to look into.
fn places(db: &Connection, target: i64) -> Result<Option<HashSet<String>>, StoreError> {
    let mut at = target;
    for _ in 0..FARTHEST {
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
