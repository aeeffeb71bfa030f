//! The frontier: the addresses to fetch, and those to skip with the reason.
//!
//! An address is admitted each time a link to it is stored. The first admission inserts its row. A later one may
//! lower its depth, or queue an address that was skipped because of an earlier link. So its depth is at all times
//! the smallest over the stored links, in whatever order the pages were stored.

use rusqlite::{OptionalExtension, Row, params};
use url::Url;

use super::{Job, MAX_SEEN, Role, Seen, Store, StoreError};
use crate::address::{Skipped, origin, shape};

// Values of `urls.state`.
const QUEUED: i64 = 0;
const POSTPONED: i64 = 1;
const DONE: i64 = 2;
const SKIPPED: i64 = 3;

/// A link to an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission<'a> {
    pub(crate) url: &'a Url,
    pub(crate) role: Role,
    pub(crate) depth: i64,
    pub(crate) hops: i64,
    /// The reason why this link does not queue the address.
    pub(crate) skip: Option<Skipped>,
}

/// The result of an admission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted {
    pub(crate) id: i64,
    /// The host, if it has more addresses to fetch than before.
    pub(crate) host_with_work: Option<i64>,
}

impl Store {
    /// Stores a link to an address: inserts or updates its row, and queues it if the link is a reason to.
    pub(crate) fn admit(&mut self, link: &Admission<'_>) -> Result<Admitted, StoreError> {
        if let Some(seen) = self.seen.get(link.url.as_str())
            && seen.settled
            && seen.depth <= link.depth
        {
            return Ok(Admitted {
                id: seen.id,
                host_with_work: None,
            });
        }
        let known = {
            let sql = "SELECT id, host, state, depth, hops, coalesce(reason, '') FROM urls WHERE url = ?1";
            let mut query = self.write()?.prepare_cached(sql)?;
            query
                .query_row([link.url.as_str()], Known::from_row)
                .optional()?
        };
        let (admitted, settled, depth) = match known {
            None => self.admit_new(link)?,
            Some(known) => self.admit_known(link, known)?,
        };
        if self.seen.len() >= MAX_SEEN {
            self.seen.clear();
        }
        let id = admitted.id;
        let seen = Seen { id, depth, settled };
        self.seen.insert(link.url.as_str().to_owned(), seen);
        Ok(admitted)
    }

    fn admit_new(&mut self, link: &Admission<'_>) -> Result<(Admitted, bool, i64), StoreError> {
        let host = self.host_id(&origin(link.url))?;
        let mut skip = link.skip;
        if skip.is_none() && link.depth > self.max_depth {
            skip = Some(Skipped::Depth);
        }
        if skip.is_none()
            && let Some(shape) = shape(link.url)
            && !self.count_shape(&shape)?
        {
            skip = Some(Skipped::Variants);
        }
        let reason = skip.map(Skipped::word);
        let state = if skip.is_some() { SKIPPED } else { QUEUED };
        let db = self.write()?;
        let sql = "INSERT INTO urls (url, host, state, role, depth, hops, reason) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let (url, role) = (link.url.as_str(), link.role.code());
        let row = params![url, host, state, role, link.depth, link.hops, reason];
        db.prepare_cached(sql)?.execute(row)?;
        let id = db.last_insert_rowid();
        let host_with_work = skip.is_none().then_some(host);
        if host_with_work.is_some() {
            self.add_left(host, 1)?;
        }
        let settled = reason.is_none_or(|word| !Skipped::depends_on_link(word));
        let admitted = Admitted { id, host_with_work };
        Ok((admitted, settled, link.depth))
    }

    fn admit_known(
        &mut self,
        link: &Admission<'_>,
        known: Known,
    ) -> Result<(Admitted, bool, i64), StoreError> {
        let Known { id, host, .. } = known;
        let depth = known.depth.min(link.depth);
        let hops = known.hops.min(link.hops);
        if (depth, hops) != (known.depth, known.hops) {
            let sql = "UPDATE urls SET depth = ?2, hops = ?3 WHERE id = ?1";
            let mut update = self.write()?.prepare_cached(sql)?;
            update.execute([id, depth, hops])?;
        }
        let skipped = known.state == SKIPPED && Skipped::depends_on_link(&known.reason);
        let queued = skipped && link.skip.is_none() && depth <= self.max_depth;
        let mut host_with_work = None;
        if queued {
            self.queue_skipped(id, host)?;
            host_with_work = Some(host);
        } else if known.state == DONE && depth < known.depth {
            host_with_work = self.lower_depths(id, depth)?;
        }
        let settled = !skipped || queued;
        let admitted = Admitted { id, host_with_work };
        Ok((admitted, settled, depth))
    }

    /// Queues a skipped address as a retry that is due at once, because the host's cursor may be beyond it.
    fn queue_skipped(&mut self, id: i64, host: i64) -> Result<(), StoreError> {
        let sql = "UPDATE urls SET state = ?2, due = 0, reason = NULL WHERE id = ?1";
        let mut update = self.write()?.prepare_cached(sql)?;
        update.execute([id, POSTPONED])?;
        drop(update);
        self.add_left(host, 1)
    }

    /// Lowers the depths of all addresses that a stored page leads to, after its own depth has become `depth`.
    /// Queues those that were too deep before.
    fn lower_depths(&mut self, id: i64, depth: i64) -> Result<Option<i64>, StoreError> {
        let mut host_with_work = None;
        let mut closer = vec![(id, depth)];
        while let Some((id, depth)) = closer.pop() {
            let sql = "SELECT links.target, links.kind = 'redirect', urls.host, urls.state, urls.depth, \
                       coalesce(urls.reason, ''), urls.url FROM links JOIN urls ON urls.id = links.target \
                       WHERE links.source = ?1 AND links.nofollow = 0";
            type LinkTarget = (i64, bool, i64, i64, i64, String, String);
            let targets: Vec<LinkTarget> = {
                let mut query = self.write()?.prepare_cached(sql)?;
                query
                    .query_map([id], |row| row.try_into())?
                    .collect::<Result<_, _>>()?
            };
            for (target, is_redirect, host, state, old, reason, url) in targets {
                let new = if is_redirect { depth } else { depth + 1 };
                if new >= old {
                    continue;
                }
                let sql = "UPDATE urls SET depth = ?2 WHERE id = ?1";
                self.write()?.prepare_cached(sql)?.execute([target, new])?;
                self.seen.remove(&url);
                if state == DONE {
                    closer.push((target, new));
                } else if state == SKIPPED
                    && reason == Skipped::Depth.word()
                    && new <= self.max_depth
                {
                    self.queue_skipped(target, host)?;
                    host_with_work = Some(host);
                }
            }
        }
        Ok(host_with_work)
    }

    /// Counts an address of this shape. Returns false if there are too many.
    fn count_shape(&mut self, shape: &str) -> Result<bool, StoreError> {
        let most = self.max_variants;
        let sql = "INSERT INTO shapes VALUES (?1, 1) \
                   ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count";
        let mut update = self.write()?.prepare_cached(sql)?;
        let count: i64 = update.query_row([shape], |row| row.get(0))?;
        Ok(count <= most)
    }

    /// Returns up to `limit` queued addresses of a host with row numbers above `after`, in order.
    pub(crate) fn queued(
        &self,
        host: i64,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Job>, StoreError> {
        let sql = "SELECT id, url, host, role, hops, tries FROM urls \
                   WHERE state = 0 AND host = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        let mut query = self.db.prepare_cached(sql)?;
        let jobs = query.query_map(params![host, after, limit as i64], Job::from_row)?;
        Ok(jobs.collect::<Result<_, _>>()?)
    }

    /// Queues up to `limit` postponed addresses of a host that are due. Returns them, and when the next one is
    /// due.
    pub(crate) fn due(
        &mut self,
        host: i64,
        now: i64,
        limit: usize,
    ) -> Result<(Vec<Job>, Option<i64>), StoreError> {
        let sql = "SELECT id, url, host, role, hops, tries FROM urls \
                   WHERE state = 1 AND host = ?1 AND due <= ?2 ORDER BY due LIMIT ?3";
        let jobs: Vec<Job> = {
            let mut query = self.db.prepare_cached(sql)?;
            let jobs = query.query_map(params![host, now, limit as i64], Job::from_row)?;
            jobs.collect::<Result<_, _>>()?
        };
        for job in &jobs {
            let sql = "UPDATE urls SET state = 0 WHERE id = ?1";
            self.write()?.prepare_cached(sql)?.execute([job.id])?;
        }
        Ok((jobs, self.next_due(host)?))
    }

    /// Returns when the next postponed address of a host is due.
    pub(crate) fn next_due(&self, host: i64) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT min(due) FROM urls WHERE state = 1 AND host = ?1";
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.query_row([host], |row| row.get(0))?)
    }

    /// Marks an address to be tried again at `due`, in milliseconds since 1970.
    pub(crate) fn postpone(&mut self, job: &Job, due: i64) -> Result<(), StoreError> {
        let sql = "UPDATE urls SET state = 1, due = ?2, tries = ?3 WHERE id = ?1";
        let mut update = self.write()?.prepare_cached(sql)?;
        update.execute([job.id, due, job.tries + 1])?;
        Ok(())
    }

    /// Marks a queued address as skipped.
    pub(crate) fn skip(&mut self, job: &Job, why: Skipped) -> Result<(), StoreError> {
        let sql = "UPDATE urls SET state = 3, reason = ?2 WHERE id = ?1";
        let mut update = self.write()?.prepare_cached(sql)?;
        update.execute(params![job.id, why.word()])?;
        drop(update);
        self.add_left(job.host, -1)
    }

    /// Queues the addresses that were too deep for an earlier run but are not for this one.
    pub(crate) fn queue_deeper(&mut self) -> Result<(), StoreError> {
        let most = self.max_depth;
        self.queue_where(
            "state = 3 AND reason = 'depth' AND depth <= ?1",
            "role",
            most,
        )
    }

    /// Queues the links to other sites, to be checked.
    pub(crate) fn queue_external(&mut self) -> Result<(), StoreError> {
        self.queue_where("state = 3 AND reason = 'scope' AND ?1 > 0", "2", 1)
    }

    fn queue_where(&mut self, which: &str, role: &str, value: i64) -> Result<(), StoreError> {
        let db = self.write()?;
        db.execute(
            &format!(
                "UPDATE hosts SET left = left + found.count FROM \
                 (SELECT host, count(*) AS count FROM urls WHERE {which} GROUP BY host) AS found \
                 WHERE hosts.id = found.host"
            ),
            [value],
        )?;
        let sql = format!("UPDATE urls SET state = 0, reason = NULL, role = {role} WHERE {which}");
        db.execute(&sql, [value])?;
        self.seen.clear();
        Ok(())
    }

    /// Returns true if any link leads to a place inside this page.
    pub(crate) fn has_fragments(&self, id: i64) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM links WHERE target = ?1 AND fragment != '')";
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.query_row([id], |row| row.get(0))?)
    }
}

/// The row of an address.
struct Known {
    id: i64,
    host: i64,
    state: i64,
    depth: i64,
    hops: i64,
    reason: String,
}

impl Known {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            host: row.get(1)?,
            state: row.get(2)?,
            depth: row.get(3)?,
            hops: row.get(4)?,
            reason: row.get(5)?,
        })
    }
}
