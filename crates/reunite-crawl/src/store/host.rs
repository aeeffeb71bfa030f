//! Hosts, and the number of addresses left to fetch on each.

use rusqlite::{OptionalExtension, Row, params};

use super::{Store, StoreError};

/// The row of a host.
#[derive(Clone, Debug)]
pub(crate) struct HostRow {
    pub(crate) id: i64,
    pub(crate) origin: String,
    pub(crate) robots: Option<Vec<u8>>,
    /// `rules`, `none`, or why the robots.txt is unavailable.
    pub(crate) robots_said: Option<String>,
}

/// The totals of a crawl.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Addresses to fetch.
    pub queued: u64,
    /// Fetched addresses, each with an answer or a failure.
    pub done: u64,
    /// Fetched addresses that failed.
    pub failed: u64,
    /// Fetched addresses that were answered with a status of 400 or above.
    pub refused: u64,
    /// Bytes of bodies that came over the wire.
    pub wire: u64,
}

/// The queue of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCounts {
    /// Scheme, host and port.
    pub origin: String,
    /// Addresses to fetch.
    pub queued: u64,
}

/// Hosts whose row numbers are remembered.
const MAX_HOSTS: usize = 1 << 14;

impl Store {
    pub(super) fn host_id(&mut self, origin: &str) -> Result<i64, StoreError> {
        if let Some(&id) = self.hosts.get(origin) {
            return Ok(id);
        }
        let db = self.write()?;
        let sql = "SELECT id FROM hosts WHERE origin = ?1";
        let known = db
            .prepare_cached(sql)?
            .query_row([origin], |row| row.get(0));
        let id = match known.optional()? {
            Some(id) => id,
            None => {
                let sql = "INSERT INTO hosts (origin) VALUES (?1)";
                db.prepare_cached(sql)?.execute([origin])?;
                db.last_insert_rowid()
            }
        };
        if self.hosts.len() >= MAX_HOSTS {
            self.hosts.clear();
        }
        self.hosts.insert(origin.to_owned(), id);
        Ok(id)
    }

    pub(super) fn add_left(&mut self, host: i64, count: i64) -> Result<(), StoreError> {
        let sql = "UPDATE hosts SET left = left + ?2 WHERE id = ?1";
        self.write()?.prepare_cached(sql)?.execute([host, count])?;
        Ok(())
    }

    /// Returns up to `limit` hosts with addresses to fetch and row numbers above `after`.
    pub(crate) fn hosts_left(&self, after: i64, limit: usize) -> Result<Vec<HostRow>, StoreError> {
        let sql = "SELECT id, origin, robots, robots_said FROM hosts \
                   WHERE left > 0 AND id > ?1 ORDER BY id LIMIT ?2";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map(params![after, limit as i64], HostRow::from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(crate) fn host(&self, id: i64) -> Result<HostRow, StoreError> {
        let sql = "SELECT id, origin, robots, robots_said FROM hosts WHERE id = ?1";
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.query_row([id], HostRow::from_row)?)
    }

    /// Stores what a host answered when it was asked for its robots.txt.
    pub(crate) fn set_robots(
        &mut self,
        host: i64,
        said: &str,
        text: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE hosts SET robots_said = ?2, robots = ?3 WHERE id = ?1";
        let mut update = self.write()?.prepare_cached(sql)?;
        update.execute(params![host, said, text])?;
        Ok(())
    }

    /// Forgets that a robots.txt was unavailable, so that it is fetched again.
    pub(crate) fn forget_unavailable_robots(&mut self) -> Result<(), StoreError> {
        let sql = "UPDATE hosts SET robots_said = NULL WHERE robots_said NOT IN ('rules', 'none')";
        self.write()?.execute(sql, [])?;
        Ok(())
    }

    /// Returns the totals of the crawl.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        // A missing sitemap is not an error: `/sitemap.xml` is tried without a link to it.
        let sql = "SELECT count(*), count(failure), \
                   count(*) FILTER (WHERE failure IS NULL AND status >= 400 AND urls.role != 1), \
                   coalesce(sum(wire), 0) FROM pages JOIN urls USING (id)";
        let row =
            |row: &Row<'_>| Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
        let [done, failed, refused, wire] = self.db.query_row(sql, [], row)?;
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        Ok(Counts {
            queued: self.left()?,
            done: count(done),
            failed: count(failed),
            refused: count(refused),
            wire: count(wire),
        })
    }

    /// Returns the number of addresses to fetch.
    pub(crate) fn left(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(left), 0) FROM hosts WHERE left > 0";
        let mut query = self.db.prepare_cached(sql)?;
        let left: i64 = query.query_row([], |row| row.get(0))?;
        Ok(u64::try_from(left).unwrap_or(0))
    }

    /// Returns the hosts with the most addresses to fetch.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn busiest_hosts(&self, limit: usize) -> Result<Vec<HostCounts>, StoreError> {
        let sql = "SELECT origin, left FROM hosts WHERE left > 0 ORDER BY left DESC LIMIT ?1";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([limit as i64], |row| {
            Ok(HostCounts {
                origin: row.get(0)?,
                queued: u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the number of skipped addresses by reason.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn skipped(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let sql =
            "SELECT reason, count(*) FROM urls WHERE state = 3 GROUP BY reason ORDER BY 2 DESC, 1";
        let mut query = self.db.prepare_cached(sql)?;
        let rows = query.query_map([], |row| {
            Ok((
                row.get(0)?,
                u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
            ))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl HostRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            origin: row.get(1)?,
            robots: row.get(2)?,
            robots_said: row.get(3)?,
        })
    }
}
