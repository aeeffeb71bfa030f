//! Storing a page: its row, its body, its links and the addresses they lead to, in one transaction.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reunite_base::units::counted;
use rusqlite::{OptionalExtension, params};

use super::{Admission, Job, Role, Store, StoreError};
use crate::address::Skipped;
use crate::fetch::{Answer, Body, Failure, Fetched, Method};
use crate::html::Link;

/// Redirects in a row that are followed to find a loop.
const MAX_LOOP: usize = 32;

/// The data to store of one fetched address.
pub(crate) struct Record<'a> {
    pub(crate) job: &'a Job,
    pub(crate) method: Method,
    pub(crate) fetched: &'a Fetched<'a>,
    /// A failure despite an answer.
    pub(crate) failure: Option<&'a Failure>,
    /// The links, including a redirect and the entries of a sitemap.
    pub(crate) links: &'a [Link],
}

/// The result of storing a page.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// Hosts that have more addresses to fetch than before.
    pub(crate) hosts_with_work: HashSet<i64>,
    /// True if the page redirects to itself, directly or through others.
    pub(crate) is_loop: bool,
}

impl Store {
    /// Stores a page. `reason_to_skip` returns why a link does not queue its target.
    pub(crate) fn record(
        &mut self,
        record: &Record<'_>,
        mut reason_to_skip: impl FnMut(&Link) -> Option<Skipped>,
    ) -> Result<Stored, StoreError> {
        let job = record.job;
        let sql = "UPDATE urls SET state = 2, due = NULL WHERE id = ?1 RETURNING depth, hops";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let (depth, hops) = self
            .write()?
            .prepare_cached(sql)?
            .query_row([job.id], row)?;
        self.add_left(job.host, -1)?;

        let mut stored = Stored::default();
        let mut redirect = None;
        for link in record.links {
            let is_redirect = link.kind == "redirect";
            let role = match (job.role, link.kind.as_str()) {
                (Role::External, _) => Role::External,
                (Role::Sitemap, "redirect" | "sitemapindex") => Role::Sitemap,
                _ => Role::Page,
            };
            let admitted = self.admit(&Admission {
                url: &link.url,
                role,
                depth: if is_redirect { depth } else { depth + 1 },
                hops: if is_redirect { hops + 1 } else { 0 },
                skip: reason_to_skip(link),
            })?;
            stored.hosts_with_work.extend(admitted.host_with_work);
            if is_redirect {
                redirect = Some(admitted.id);
            }
            let sql = "INSERT OR IGNORE INTO links VALUES (?1, ?2, ?3, ?4, ?5)";
            let fragment = link.fragment.as_deref().unwrap_or("");
            let row = params![job.id, admitted.id, link.kind, fragment, link.nofollow];
            self.write()?.prepare_cached(sql)?.execute(row)?;
        }
        self.insert_page(record, redirect)?;
        if let Some(target) = redirect {
            stored.is_loop = self.mark_loop(job.id, target)?;
        }
        Ok(stored)
    }

    fn insert_page(
        &mut self,
        record: &Record<'_>,
        redirect: Option<i64>,
    ) -> Result<(), StoreError> {
        let fetched = record.fetched;
        let answer = fetched.answer.as_ref().ok();
        let failure = record.failure.or(fetched.answer.as_ref().err());
        let body = match answer.and_then(|answer| answer.body.as_ref()) {
            Some(body) => Some(self.body(body)?),
            None => None,
        };
        let page = answer.and_then(|answer| answer.page.as_ref());
        let broken = page
            .map(|page| &page.broken)
            .filter(|broken| !broken.is_empty());
        let sql = "INSERT INTO pages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
                   ?15, ?16, ?17, ?18, ?19, ?20, ?21)";
        let mut insert = self.write()?.prepare_cached(sql)?;
        insert.execute(params![
            record.job.id,
            record.method.as_str(),
            milliseconds(fetched.began),
            fetched.wait.map(microseconds),
            microseconds(fetched.total),
            failure.map(Failure::kind),
            failure.map(ToString::to_string),
            answer.map(|answer| answer.status),
            answer.map(|answer| answer.version.as_str()),
            answer.map(headers),
            answer.and_then(|answer| answer.media.as_deref()),
            answer.and_then(|answer| answer.charset),
            answer
                .and_then(|answer| answer.body.as_ref())
                .map(|body| body.wire as i64),
            body,
            page.and_then(|page| page.title.as_deref()),
            page.and_then(|page| page.canonical.as_ref())
                .map(url::Url::as_str),
            redirect,
            answer.map(|answer| answer.nofollow),
            answer.map(|answer| answer.noindex),
            broken.and_then(|broken| serde_json::to_string(broken).ok()),
            page.map(|page| page.cut as i64).filter(|&cut| cut > 0),
        ])?;
        Ok(())
    }

    /// Returns the row number of a body. Inserts it unless it is already stored.
    fn body(&mut self, body: &Body) -> Result<i64, StoreError> {
        if let Some(id) = self.body_id(&body.hash)? {
            return Ok(id);
        }
        let db = self.write()?;
        let sql = "INSERT INTO bodies (hash, size, zstd, data) VALUES (?1, ?2, ?3, ?4)";
        let row = params![body.hash, body.size as i64, body.zstd, body.data];
        db.prepare_cached(sql)?.execute(row)?;
        Ok(db.last_insert_rowid())
    }

    fn body_id(&self, hash: &[u8; 32]) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT id FROM bodies WHERE hash = ?1";
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.query_row([hash], |row| row.get(0)).optional()?)
    }

    /// Returns the number of pages with this body, at most `most`.
    pub(crate) fn copies(&self, body: &Body, most: usize) -> Result<usize, StoreError> {
        let Some(id) = self.body_id(&body.hash)? else {
            return Ok(0);
        };
        let sql = "SELECT count(*) FROM (SELECT 1 FROM pages WHERE body = ?1 LIMIT ?2)";
        let mut query = self.db.prepare_cached(sql)?;
        let count: i64 = query.query_row([id, most as i64], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// Marks all pages of a loop as failed if the redirects from `target` lead back to `start`. Returns true if
    /// they do.
    fn mark_loop(&mut self, start: i64, target: i64) -> Result<bool, StoreError> {
        let mut ring = vec![start];
        let mut at = target;
        while at != start {
            ring.push(at);
            let sql = "SELECT redirect FROM pages WHERE id = ?1";
            let mut query = self.db.prepare_cached(sql)?;
            let next: Option<Option<i64>> = query.query_row([at], |row| row.get(0)).optional()?;
            match next.flatten() {
                Some(next) if ring.len() < MAX_LOOP => at = next,
                _ => return Ok(false),
            }
        }
        let failure = Failure::Redirects(format!("a loop of {}", counted(ring.len(), "redirect")));
        for id in ring {
            let sql = "UPDATE pages SET failure = ?2, message = ?3 WHERE id = ?1";
            let row = params![id, failure.kind(), failure.to_string()];
            self.write()?.prepare_cached(sql)?.execute(row)?;
        }
        Ok(true)
    }
}

fn headers(answer: &Answer<'_>) -> Option<String> {
    serde_json::to_string(&answer.headers).ok()
}

/// Converts a time to milliseconds since 1970.
pub(crate) fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
