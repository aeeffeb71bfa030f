//! The frontier: what is to be fetched, and what is not and why.
//!
//! An address is admitted whenever a link to it is stored. The first admission makes its row; later ones
//! may bring it closer to a seed, or queue what an earlier link was not reason enough to queue. Its depth
//! is so at all times the smallest over the links stored, in whatever order the pages came.

use std::fmt;

use rusqlite::{OptionalExtension, Row, params};
use url::Url;

use super::{MOST_SEEN, Seen, Store, StoreError};
use crate::address::{origin, shape};

pub(super) const QUEUED: i64 = 0;
pub(super) const AGAIN: i64 = 1;
pub(super) const DONE: i64 = 2;
pub(super) const SKIPPED: i64 = 3;

/// One address to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Of its row.
    pub id: i64,
    /// What to fetch.
    pub url: Url,
    /// Of its host's row.
    pub host: i64,
    /// What for.
    pub role: Role,
    /// How many redirects in a row led here.
    pub hops: i64,
    /// How often it was tried before.
    pub tries: i64,
}

/// What an address is fetched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It belongs to the site: kept, and its links followed.
    Page,
    /// It lists pages.
    Sitemap,
    /// It is somebody else's: looked at, because a page links to it.
    External,
}

impl Role {
    fn code(self) -> i64 {
        match self {
            Self::Page => 0,
            Self::Sitemap => 1,
            Self::External => 2,
        }
    }

    fn of(code: i64) -> Self {
        match code {
            1 => Self::Sitemap,
            2 => Self::External,
            _ => Self::Page,
        }
    }
}

/// Why an address is not fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skipped {
    /// Another site's.
    Scope,
    /// Kept out by a pattern.
    Excluded,
    /// Its host's robots.txt forbids it.
    Robots,
    /// The links to it ask not to follow them.
    Nofollow,
    /// Too many clicks from a seed.
    Depth,
    /// A path that runs in circles.
    Trap,
    /// One of too many that differ only in the values of their queries.
    Variants,
    /// Only linked from pages of which there are too many copies.
    Copy,
    /// A part of a page, such as a picture, and parts are not wanted.
    Part,
    /// At the end of too many redirects.
    Redirects,
}

impl Skipped {
    /// All of them, for tables.
    pub const ALL: [Self; 10] = [
        Self::Scope,
        Self::Excluded,
        Self::Robots,
        Self::Nofollow,
        Self::Depth,
        Self::Trap,
        Self::Variants,
        Self::Copy,
        Self::Part,
        Self::Redirects,
    ];

    /// As it is stored.
    pub fn word(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::Excluded => "excluded",
            Self::Robots => "robots",
            Self::Nofollow => "nofollow",
            Self::Depth => "depth",
            Self::Trap => "trap",
            Self::Variants => "variants",
            Self::Copy => "copy",
            Self::Part => "part",
            Self::Redirects => "redirects",
        }
    }

    /// Whether another link may be reason enough to fetch it.
    fn may_change(word: &str) -> bool {
        let by_link = [
            Self::Nofollow,
            Self::Depth,
            Self::Copy,
            Self::Part,
            Self::Redirects,
        ];
        by_link.iter().any(|reason| reason.word() == word)
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scope => "on other sites",
            Self::Excluded => "excluded",
            Self::Robots => "forbidden by robots.txt",
            Self::Nofollow => "marked nofollow",
            Self::Depth => "deeper than the limit",
            Self::Trap => "with paths that run in circles",
            Self::Variants => "beyond the limit of variants of a query",
            Self::Copy => "linked from copies only",
            Self::Part => "parts of pages",
            Self::Redirects => "behind too many redirects",
        })
    }
}

/// One link, as seen from its target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission<'a> {
    pub(crate) url: &'a Url,
    pub(crate) role: Role,
    pub(crate) depth: i64,
    pub(crate) hops: i64,
    /// Why this link is no reason to fetch it.
    pub(crate) skip: Option<Skipped>,
}

/// What an admission came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted {
    pub(crate) id: i64,
    /// The host that has more to do than before.
    pub(crate) work_for: Option<i64>,
}

impl Store {
    /// Notes a link to an address, and queues the address if that is due.
    pub(crate) fn admit(&mut self, link: &Admission<'_>) -> Result<Admitted, StoreError> {
        if let Some(seen) = self.seen.get(link.url.as_str())
            && seen.settled
            && seen.depth <= link.depth
        {
            let (id, work_for) = (seen.id, None);
            return Ok(Admitted { id, work_for });
        }
        let known = {
            let sql = "SELECT id, host, state, depth, hops, coalesce(reason, '') FROM urls WHERE url = ?1";
            let mut query = self.write()?.prepare_cached(sql)?;
            query.query_row([link.url.as_str()], Known::of).optional()?
        };
        let (admitted, settled, depth) = match known {
            None => self.first(link)?,
            Some(known) => self.another(link, known)?,
        };
        if self.seen.len() >= MOST_SEEN {
            self.seen.clear();
        }
        let id = admitted.id;
        let seen = Seen { id, depth, settled };
        self.seen.insert(link.url.as_str().to_owned(), seen);
        Ok(admitted)
    }

    fn first(&mut self, link: &Admission<'_>) -> Result<(Admitted, bool, i64), StoreError> {
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
        let work_for = skip.is_none().then_some(host);
        if work_for.is_some() {
            self.add_left(host, 1)?;
        }
        let settled = reason.is_none_or(|word| !Skipped::may_change(word));
        Ok((Admitted { id, work_for }, settled, link.depth))
    }

    fn another(
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
        let skipped = known.state == SKIPPED && Skipped::may_change(&known.reason);
        let wanted = skipped && link.skip.is_none() && depth <= self.max_depth;
        let mut work_for = None;
        if wanted {
            self.queue_again(id, host)?;
            work_for = Some(host);
        } else if known.state == DONE && depth < known.depth {
            work_for = self.come_closer(id, depth)?;
        }
        let settled = !skipped || wanted;
        Ok((Admitted { id, work_for }, settled, depth))
    }

    /// Queues an address whose number the host may have passed: it is due at once.
    fn queue_again(&mut self, id: i64, host: i64) -> Result<(), StoreError> {
        let sql = "UPDATE urls SET state = ?2, due = 0, reason = NULL WHERE id = ?1";
        let mut update = self.write()?.prepare_cached(sql)?;
        update.execute([id, AGAIN])?;
        drop(update);
        self.add_left(host, 1)
    }

    /// A stored page turns out to be closer to a seed: so does what it links to, and so on.
    fn come_closer(&mut self, id: i64, depth: i64) -> Result<Option<i64>, StoreError> {
        let mut work_for = None;
        let mut closer = vec![(id, depth)];
        while let Some((id, depth)) = closer.pop() {
            let sql = "SELECT links.target, links.kind = 'redirect', urls.host, urls.state, urls.depth, \
                       coalesce(urls.reason, ''), urls.url FROM links JOIN urls ON urls.id = links.target \
                       WHERE links.source = ?1 AND links.nofollow = 0";
            type Target = (i64, bool, i64, i64, i64, String, String);
            let targets: Vec<Target> = {
                let mut query = self.write()?.prepare_cached(sql)?;
                let row = |row: &Row<'_>| {
                    Ok((
                        row.get(0)?,
                        row.get(1)?,
                        row.get(2)?,
                        row.get(3)?,
                        row.get(4)?,
                        row.get(5)?,
                        row.get(6)?,
                    ))
                };
                query.query_map([id], row)?.collect::<Result<_, _>>()?
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
                    self.queue_again(target, host)?;
                    work_for = Some(host);
                }
            }
        }
        Ok(work_for)
    }

    /// Whether there is room for one more of this shape.
    fn count_shape(&mut self, shape: &str) -> Result<bool, StoreError> {
        let most = self.max_variants;
        let sql = "INSERT INTO shapes VALUES (?1, 1) \
                   ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count";
        let mut update = self.write()?.prepare_cached(sql)?;
        let count: i64 = update.query_row([shape], |row| row.get(0))?;
        Ok(count <= most)
    }

    /// Up to `limit` queued addresses of a host with numbers above `after`, in order.
    pub(crate) fn queued(
        &self,
        host: i64,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Job>, StoreError> {
        let sql = "SELECT id, url, host, role, hops, tries FROM urls \
                   WHERE state = 0 AND host = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        let mut query = self.db.prepare_cached(sql)?;
        let jobs = query.query_map(params![host, after, limit as i64], Job::of)?;
        Ok(jobs.collect::<Result<_, _>>()?)
    }

    /// Up to `limit` addresses of a host whose next try is due, which are ordinary queued ones from now on;
    /// and when the one after that is due.
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
            let jobs = query.query_map(params![host, now, limit as i64], Job::of)?;
            jobs.collect::<Result<_, _>>()?
        };
        for job in &jobs {
            let sql = "UPDATE urls SET state = 0 WHERE id = ?1";
            self.write()?.prepare_cached(sql)?.execute([job.id])?;
        }
        Ok((jobs, self.next_due(host)?))
    }

    /// When the next address of a host is due that waits for another try.
    pub(crate) fn next_due(&self, host: i64) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT min(due) FROM urls WHERE state = 1 AND host = ?1";
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.query_row([host], |row| row.get(0))?)
    }

    /// Puts an address off.
    pub(crate) fn put_off(&mut self, job: &Job, due: i64) -> Result<(), StoreError> {
        let sql = "UPDATE urls SET state = 1, due = ?2, tries = ?3 WHERE id = ?1";
        let mut update = self.write()?.prepare_cached(sql)?;
        update.execute([job.id, due, job.tries + 1])?;
        Ok(())
    }

    /// An address is not to be fetched after all.
    pub(crate) fn skip(&mut self, job: &Job, why: Skipped) -> Result<(), StoreError> {
        let sql = "UPDATE urls SET state = 3, reason = ?2 WHERE id = ?1";
        let mut update = self.write()?.prepare_cached(sql)?;
        update.execute(params![job.id, why.word()])?;
        drop(update);
        self.add_left(job.host, -1)
    }

    /// Queues what was too deep for an earlier run and is not for this one.
    pub(crate) fn queue_deeper(&mut self) -> Result<(), StoreError> {
        let most = self.max_depth;
        self.queue_where(
            "state = 3 AND reason = 'depth' AND depth <= ?1",
            "role",
            most,
        )
    }

    /// Queues everything that pages link to on other sites, to be looked at.
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

    /// Whether any link leads to a place inside this page.
    pub(crate) fn has_fragments(&self, id: i64) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM links WHERE target = ?1 AND fragment != '')";
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.query_row([id], |row| row.get(0))?)
    }
}

struct Known {
    id: i64,
    host: i64,
    state: i64,
    depth: i64,
    hops: i64,
    reason: String,
}

impl Known {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
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

impl Job {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let url: String = row.get(1)?;
        let url = Url::parse(&url).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                1,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        })?;
        Ok(Self {
            id: row.get(0)?,
            url,
            host: row.get(2)?,
            role: Role::of(row.get(3)?),
            hops: row.get(4)?,
            tries: row.get(5)?,
        })
    }
}
