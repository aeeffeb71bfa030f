//! Queries that several parts of a report use.

use rusqlite::{Connection, Params, Row};

use super::findings::List;
use crate::store::StoreError;

/// Referrers or copies listed per entry.
pub(super) const MAX_LISTED: usize = 10;

/// Returns the rows of a query.
pub(super) fn rows<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut query = db.prepare_cached(sql)?;
    let rows = query.query_map(params, row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn number(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Returns the pages that link to an address, or to a fragment of it.
pub(super) fn referrers(
    db: &Connection,
    id: i64,
    fragment: Option<&str>,
) -> Result<List<String>, StoreError> {
    let which = "FROM links WHERE target = ?1 AND (?2 IS NULL OR fragment = ?2)";
    let sql = format!("SELECT count(DISTINCT source) {which}");
    let count: i64 = db
        .prepare_cached(&sql)?
        .query_row((id, fragment), |row| row.get(0))?;
    let sql = format!(
        "SELECT url FROM urls WHERE id IN (SELECT source {which}) ORDER BY url LIMIT {MAX_LISTED}"
    );
    let first = rows(db, &sql, (id, fragment), |row| row.get(0))?;
    let count = number(count);
    Ok(List { count, first })
}
