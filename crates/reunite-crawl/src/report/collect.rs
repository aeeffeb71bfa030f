//! Collecting the data of a report from the store.

use rusqlite::Connection;
use rusqlite::types::FromSql;

use super::anchors;
use super::findings::{Broken, Copies, HostLine, List, Malformed, Redirect, SiteReport, Slow};
use super::query::{MAX_LISTED, number, referrers, rows};
use crate::crawl::rules_of;
use crate::store::{Store, StoreError};

/// A condition for broken pages. A missing sitemap is not broken: `/sitemap.xml` is tried without a link to it.
const BROKEN: &str = "(pages.failure IS NOT NULL OR pages.status >= 400) AND coalesce(pages.status, 0) != 429 \
    AND NOT (urls.role = 1 AND pages.failure IS NULL)";

impl SiteReport {
    /// Collects a report from a store. Each list holds at most `most` entries.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn of(store: &Store, most: usize) -> Result<Self, StoreError> {
        let db = store.db();
        let counts = store.counts()?;
        let unknown = "pages.status = 429 AND pages.failure IS NULL";
        Ok(Self {
            seeds: rules_of(store)?
                .map(|rules| rules.seeds)
                .unwrap_or_default(),
            pages: counts.done,
            queued: counts.queued,
            broken: broken(db, BROKEN, most)?,
            anchors: anchors::missing(db, most)?,
            malformed: malformed(db, most)?,
            unknown: broken(db, unknown, most)?,
            redirects: redirects(db, most)?,
            slow: slow(db, most)?,
            copies: copies(db, most)?,
            orphans: orphans(db, most)?,
            hosts: hosts(db, most)?,
            skipped: store.skipped()?,
        })
    }
}

/// Returns the value of a query with one row and one column.
fn one<T: FromSql>(db: &Connection, sql: &str) -> Result<T, StoreError> {
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

fn broken(db: &Connection, which: &str, most: usize) -> Result<List<Broken>, StoreError> {
    let from = format!("FROM pages JOIN urls USING (id) WHERE {which}");
    let count: i64 = one(db, &format!("SELECT count(*) {from}"))?;
    let sql = format!(
        "SELECT urls.id, urls.url, pages.status, coalesce(pages.message, pages.failure), pages.failure {from} \
         ORDER BY urls.url LIMIT {most}"
    );
    let found = rows(db, &sql, [], |row| row.try_into())?;
    let mut first = Vec::with_capacity(found.len());
    for (id, url, status, failure, kind) in found {
        let referrers = referrers(db, id, None)?;
        first.push(Broken {
            url,
            status,
            failure,
            kind,
            referrers,
        });
    }
    let count = number(count);
    Ok(List { count, first })
}

fn malformed(db: &Connection, most: usize) -> Result<List<Malformed>, StoreError> {
    let from = "FROM pages JOIN urls USING (id), json_each(pages.broken) AS link";
    let count: i64 = one(db, &format!("SELECT count(*) {from}"))?;
    let sql = format!("SELECT urls.url, link.value {from} ORDER BY urls.url LIMIT {most}");
    let first = rows(db, &sql, [], |row| {
        Ok(Malformed {
            url: row.get(0)?,
            link: row.get(1)?,
        })
    })?;
    let count = number(count);
    Ok(List { count, first })
}

fn redirects(db: &Connection, most: usize) -> Result<List<Redirect>, StoreError> {
    let count: i64 = one(db, "SELECT count(*) FROM pages WHERE redirect IS NOT NULL")?;
    let sql = format!(
        "SELECT urls.url, pages.status, target.url, \
         (SELECT count(*) FROM links WHERE links.target = urls.id) AS linked \
         FROM pages JOIN urls USING (id) JOIN urls AS target ON target.id = pages.redirect \
         ORDER BY linked DESC, urls.url LIMIT {most}"
    );
    let first = rows(db, &sql, [], |row| {
        Ok(Redirect {
            url: row.get(0)?,
            status: row.get(1)?,
            to: row.get(2)?,
            links: number(row.get(3)?),
        })
    })?;
    let count = number(count);
    Ok(List { count, first })
}

fn slow(db: &Connection, most: usize) -> Result<List<Slow>, StoreError> {
    let count: i64 = one(db, "SELECT count(*) FROM pages WHERE total >= 1000000")?;
    let sql = format!(
        "SELECT url, total / 1000, coalesce(size, 0) FROM pages JOIN urls USING (id) \
         LEFT JOIN bodies ON bodies.id = body WHERE total >= 1000000 ORDER BY total DESC LIMIT {most}"
    );
    let first = rows(db, &sql, [], |row| {
        Ok(Slow {
            url: row.get(0)?,
            milliseconds: number(row.get(1)?),
            bytes: number(row.get(2)?),
        })
    })?;
    let count = number(count);
    Ok(List { count, first })
}

fn copies(db: &Connection, most: usize) -> Result<List<Copies>, StoreError> {
    // Empty bodies and the bodies of redirects and errors do not count as content.
    let from = "FROM pages JOIN bodies ON bodies.id = body WHERE size > 0 AND status BETWEEN 200 AND 299 \
                GROUP BY body HAVING count(*) > 1";
    let count: i64 = one(db, &format!("SELECT count(*) FROM (SELECT 1 {from})"))?;
    let sql =
        format!("SELECT body, size, count(*) {from} ORDER BY count(*) DESC, body LIMIT {most}");
    let found = rows(db, &sql, [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
    })?;
    let mut first = Vec::with_capacity(found.len());
    for (body, size, count) in found {
        let sql = format!(
            "SELECT url FROM pages JOIN urls USING (id) WHERE body = ?1 AND status BETWEEN 200 AND 299 \
             ORDER BY url LIMIT {MAX_LISTED}"
        );
        let count = number(count);
        let urls = rows(db, &sql, [body], |row| row.get(0))?;
        first.push(Copies {
            bytes: number(size),
            urls: List { count, first: urls },
        });
    }
    let count = number(count);
    Ok(List { count, first })
}

fn orphans(db: &Connection, most: usize) -> Result<List<String>, StoreError> {
    let from = "FROM pages JOIN urls USING (id) WHERE role = 0 AND depth > 0 AND NOT EXISTS \
                (SELECT 1 FROM links WHERE target = urls.id AND source != urls.id \
                 AND kind NOT IN ('sitemap', 'canonical'))";
    let count: i64 = one(db, &format!("SELECT count(*) {from}"))?;
    let sql = format!("SELECT url {from} ORDER BY url LIMIT {most}");
    let first = rows(db, &sql, [], |row| row.get(0))?;
    let count = number(count);
    Ok(List { count, first })
}

fn hosts(db: &Connection, most: usize) -> Result<List<HostLine>, StoreError> {
    let from = "FROM pages JOIN urls USING (id) JOIN hosts ON hosts.id = host";
    let count: i64 = one(db, &format!("SELECT count(DISTINCT host) {from}"))?;
    let sql = format!(
        "SELECT origin, count(*), count(*) FILTER (WHERE {BROKEN}), coalesce(sum(wire), 0), \
         CAST(avg(total) / 1000 AS INTEGER) {from} GROUP BY host ORDER BY 2 DESC, 1 LIMIT {most}"
    );
    let first = rows(db, &sql, [], |row| {
        Ok(HostLine {
            origin: row.get(0)?,
            pages: number(row.get(1)?),
            broken: number(row.get(2)?),
            bytes: number(row.get(3)?),
            milliseconds: number(row.get(4)?),
        })
    })?;
    let count = number(count);
    Ok(List { count, first })
}
