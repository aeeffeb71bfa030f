//! The recorder: writes results to the store in batches, and tells of a page once its batch is committed.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use url::Url;

use super::event::{CrawlEvent, PageEvent, Progress};
use super::fetch_task::PageResult;
use super::robots::RobotsAnswer;
use super::settings::Settings;
use crate::address::{CrawlScope, Skipped, Target, is_trap, normal};
use crate::fetch::{Body, Failure};
use crate::html::Link;
use crate::store::{Admission, Counts, Job, Record, Role, Store, StoreError};

/// A batch is committed after this time or this many pages, whichever comes first.
const MAX_BATCH_TIME: Duration = Duration::from_millis(250);
pub(super) const MAX_BATCH_PAGES: usize = 256;
/// Links of a page are not followed if this many stored pages have the same content.
const MAX_COPIES: usize = 25;
/// Hosts listed in a progress event.
const PROGRESS_HOSTS: usize = 5;

/// The open transaction, and the events to send once it is committed.
#[derive(Default)]
struct Batch {
    since: Option<Instant>,
    pages: usize,
    events: Vec<PageEvent>,
}

pub(super) struct Recorder<'a, 'w> {
    pub(super) store: &'a mut Store,
    settings: &'a Settings,
    scope: &'a CrawlScope,
    watch: &'w mut dyn FnMut(CrawlEvent),
    batch: Batch,
    counts: Counts,
    started: Instant,
    /// Pages stored in this run.
    stored: u64,
}

impl<'a, 'w> Recorder<'a, 'w> {
    pub(super) fn new(
        store: &'a mut Store,
        settings: &'a Settings,
        scope: &'a CrawlScope,
        watch: &'w mut dyn FnMut(CrawlEvent),
    ) -> Result<Self, StoreError> {
        Ok(Self {
            counts: store.counts()?,
            store,
            settings,
            scope,
            watch,
            batch: Batch::default(),
            started: Instant::now(),
            stored: 0,
        })
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Queues a seed. Returns its host if that has more to fetch than before.
    pub(super) fn queue_seed(&mut self, url: &Url) -> Result<Option<i64>, StoreError> {
        let trap = is_trap(url).then_some(Skipped::Trap);
        let skip = self.scope.reason_to_skip(url).or(trap);
        self.queue(url, Role::Page, skip)
    }

    /// Queues the sitemaps that robots.txt names, or `/sitemap.xml` if it names none. Returns the hosts that
    /// have more to fetch than before.
    pub(super) fn queue_sitemaps(
        &mut self,
        origin: &str,
        named: &[String],
    ) -> Result<Vec<i64>, StoreError> {
        let mut hosts = Vec::new();
        let Ok(base) = Url::parse(origin) else {
            return Ok(hosts);
        };
        let usual = ["/sitemap.xml".to_owned()];
        let addresses = if named.is_empty() { &usual } else { named };
        for address in addresses {
            let sessions = self.settings.follow.session_ids();
            if let Target::Page { url, .. } = normal(&base, address, sessions)
                && self.scope.has_host(&url)
            {
                // A sitemap outside the crawled folder may list pages inside it: only a pattern excludes it.
                let skip = self.scope.is_excluded(&url).then_some(Skipped::Excluded);
                hosts.extend(self.queue(&url, Role::Sitemap, skip)?);
            }
        }
        Ok(hosts)
    }

    fn queue(
        &mut self,
        url: &Url,
        role: Role,
        skip: Option<Skipped>,
    ) -> Result<Option<i64>, StoreError> {
        let admitted = self.store.admit(&Admission {
            url,
            role,
            depth: 0,
            hops: 0,
            skip,
        })?;
        Ok(admitted.host_with_work)
    }

    /// Stores a page, which has failed if there is a `failure` or no answer. Returns the hosts that have more
    /// to fetch than before.
    pub(super) fn page(
        &mut self,
        job: &Job,
        page: &PageResult<'_>,
        failure: Option<&Failure>,
    ) -> Result<HashSet<i64>, StoreError> {
        self.begin_batch();
        let fetched = &*page.fetched;
        let answer = fetched.answer.as_ref();
        let body = answer.ok().and_then(|answer| answer.body.as_ref());
        let is_copy = self.has_too_many_copies(body, &page.links)?;
        let record = Record {
            job,
            method: page.method,
            fetched,
            failure,
            links: &page.links,
        };
        let (scope, settings) = (self.scope, self.settings);
        let stored = self.store.record(&record, |link| {
            reason_not_to_follow(scope, settings, &record, link, is_copy)
        })?;
        let failure = failure.or(answer.err());
        self.counts.done += 1;
        self.counts.failed += u64::from(failure.is_some() || stored.is_loop);
        self.counts.wire += body.map_or(0, |body| body.wire);
        self.stored += 1;
        self.batch.pages += 1;
        self.batch.events.push(PageEvent {
            url: job.url.to_string(),
            status: answer.ok().map(|answer| answer.status),
            failure: failure.cloned(),
            bytes: body.map_or(0, |body| body.size),
            milliseconds: u64::try_from(fetched.total.as_millis()).unwrap_or(u64::MAX),
        });
        Ok(stored.hosts_with_work)
    }

    fn has_too_many_copies(&self, body: Option<&Body>, links: &[Link]) -> Result<bool, StoreError> {
        match body {
            Some(body) if links.len() > 1 => Ok(self.store.copies(body, MAX_COPIES)? >= MAX_COPIES),
            _ => Ok(false),
        }
    }

    /// Stores what a host answered when it was asked for its robots.txt.
    pub(super) fn robots(&mut self, host: i64, answer: &RobotsAnswer) -> Result<(), StoreError> {
        let (said, text) = match answer {
            RobotsAnswer::Unavailable(why) => (why.as_str(), None),
            RobotsAnswer::Missing => ("none", None),
            RobotsAnswer::Text(text) => ("rules", Some(text.as_slice())),
        };
        self.store.set_robots(host, said, text)
    }

    /// Marks an address as skipped.
    pub(super) fn skip(&mut self, job: &Job, why: Skipped) -> Result<(), StoreError> {
        self.begin_batch();
        self.store.skip(job, why)
    }

    /// Marks an address to be tried again at `due`, in milliseconds since 1970.
    pub(super) fn postpone(&mut self, job: &Job, due: i64) -> Result<(), StoreError> {
        self.begin_batch();
        self.store.postpone(job, due)
    }

    pub(super) fn begin_batch(&mut self) {
        self.batch.since.get_or_insert_with(Instant::now);
    }

    /// Returns when the batch must be committed, if there is one.
    pub(super) fn commit_due(&self) -> Option<Instant> {
        self.batch.since.map(|since| since + MAX_BATCH_TIME)
    }

    pub(super) fn commit_if_due(&mut self) -> Result<(), StoreError> {
        let due = self
            .batch
            .since
            .is_some_and(|since| since.elapsed() >= MAX_BATCH_TIME);
        if due || self.batch.pages >= MAX_BATCH_PAGES {
            self.commit()?;
        }
        Ok(())
    }

    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        self.store.commit()?;
        let batch = std::mem::take(&mut self.batch);
        for event in batch.events {
            self.tell(CrawlEvent::Page(event));
        }
        Ok(())
    }

    pub(super) fn tell(&mut self, event: CrawlEvent) {
        (self.watch)(event);
    }

    pub(super) fn tell_progress(&mut self, in_flight: usize) -> Result<(), StoreError> {
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        let progress = Progress {
            done: self.counts.done,
            failed: self.counts.failed,
            queued: self.store.left()?,
            in_flight,
            rate: self.stored as f64 / seconds,
            hosts: self.store.busiest_hosts(PROGRESS_HOSTS)?,
        };
        self.tell(CrawlEvent::Progress(progress));
        Ok(())
    }
}

/// Returns why the target of a link is not fetched because of this link, or `None` if it is.
fn reason_not_to_follow(
    scope: &CrawlScope,
    settings: &Settings,
    record: &Record<'_>,
    link: &Link,
    is_copy: bool,
) -> Option<Skipped> {
    if record.job.role == Role::External {
        return scope.is_excluded(&link.url).then_some(Skipped::Excluded);
    }
    let follow = &settings.follow;
    let too_many_redirects = link.kind == "redirect" && record.failure.is_some();
    let reasons = [
        (is_trap(&link.url), Skipped::Trap),
        (too_many_redirects, Skipped::Redirects),
        (link.nofollow && !follow.nofollow, Skipped::Nofollow),
        (link.is_part() && !follow.parts, Skipped::Part),
        (is_copy, Skipped::Copy),
    ];
    let found = reasons.into_iter().find(|(applies, _)| *applies);
    scope
        .reason_to_skip(&link.url)
        .or(found.map(|(_, reason)| reason))
}
