//! The coordinator: starts fetch tasks, receives their results, and passes them on to be stored.
//!
//! It runs in one task, which alone uses the store and the scheduler. The protocol is described at the top of
//! the crate.

use std::time::{Duration, Instant};

use reunite::{JoinError, Scope as Tasks};
use reunite_base::units::counted;

use super::event::{CrawlEnd, CrawlEvent, Limit};
use super::fetch_task::{self, FetchResult, PageResult};
use super::host::RequestOutcome;
use super::in_flight::{InFlight, Purpose};
use super::retry::{self, Backoff};
use super::robots::{Robots, RobotsAnswer};
use super::scheduler::{Scheduler, Turn};
use super::settings::Settings;
use super::storing::{MAX_BATCH_PAGES, Recorder};
use crate::address::CrawlScope;
use crate::fetch::{Failure, Fetched, Fetcher, Method};
use crate::store::{Job, Role, Store, StoreError};

/// Time between two progress events.
const TICK: Duration = Duration::from_millis(500);

/// A completed fetch task whose result is not stored yet.
struct Completed<'a> {
    purpose: Purpose,
    result: Result<FetchResult<'a>, JoinError>,
}

/// Pages whose fetch task has completed but that are not stored yet. They count against the page limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unstored {
    None,
    OnePage,
}

pub(super) struct Coordinator<'a, 'w> {
    settings: &'a Settings,
    scope: &'a CrawlScope,
    fetcher: &'a Fetcher,
    scheduler: Scheduler,
    recorder: Recorder<'a, 'w>,
    in_flight: InFlight<'a>,
    backoff: Backoff,
    next_tick: Instant,
    /// Set once links to other sites have been queued (see [`Settings::check`]).
    checking: bool,
}

impl<'a, 'w> Coordinator<'a, 'w> {
    pub(super) fn new(
        store: &'a mut Store,
        settings: &'a Settings,
        scope: &'a CrawlScope,
        fetcher: &'a Fetcher,
        watch: &'w mut dyn FnMut(CrawlEvent),
    ) -> Result<Self, StoreError> {
        Ok(Self {
            settings,
            scope,
            fetcher,
            scheduler: Scheduler::new(settings.pace.clone(), settings.follow.robots_policy()),
            recorder: Recorder::new(store, settings, scope, watch)?,
            in_flight: InFlight::new(settings.pace.threads.max(1)),
            backoff: Backoff::new(),
            next_tick: Instant::now(),
            checking: false,
        })
    }

    /// Queues the seeds, and the addresses that an earlier run with other limits left out.
    pub(super) fn prepare(&mut self) -> Result<(), StoreError> {
        for seed in self.scope.seeds() {
            let host = self.recorder.queue_seed(seed)?;
            self.add_work(host)?;
        }
        self.recorder.store.queue_deeper()?;
        self.recorder.store.forget_unavailable_robots()?;
        self.recorder.store.commit()
    }

    /// Tells the scheduler of hosts that have more addresses to fetch than before.
    fn add_work(&mut self, hosts: impl IntoIterator<Item = i64>) -> Result<(), StoreError> {
        let now = Instant::now();
        for host in hosts {
            self.scheduler.add_work(host, self.recorder.store, now)?;
        }
        Ok(())
    }

    /// Runs until no address is left, a limit is reached, or the task is cancelled. Then tells how many threads there
    /// were, if the system refused some.
    pub(super) fn run<'scope>(
        &mut self,
        tasks: &'scope Tasks<'scope, 'a>,
    ) -> Result<CrawlEnd, StoreError>
    where
        'a: 'scope,
    {
        let end = self.run_to_end(tasks)?;
        if let Some(threads) = self.in_flight.reduced_slots() {
            let threads = counted(threads as u64, "thread");
            self.recorder.tell(CrawlEvent::Warning(format!(
                "the system had no more than {threads} for this crawl"
            )));
        }
        Ok(end)
    }

    fn run_to_end<'scope>(
        &mut self,
        tasks: &'scope Tasks<'scope, 'a>,
    ) -> Result<CrawlEnd, StoreError>
    where
        'a: 'scope,
    {
        loop {
            let limit = self.start_due(tasks, Unstored::None)?;
            self.recorder.commit_if_due()?;
            if self.in_flight.count() == 0
                && let Some(end) = self.end(limit)?
            {
                self.recorder.commit()?;
                return Ok(end);
            }
            // Entered even when a turn is due already: this wait is where a cancellation is noticed.
            match self.in_flight.wait_until(self.wake_up(limit.is_some())) {
                Ok(slot) => self.receive(slot, tasks)?,
                Err(error) if error.is_timeout() => {}
                Err(_) => {
                    self.drain()?;
                    return Ok(CrawlEnd::Stopped);
                }
            }
            self.tick()?;
        }
    }

    /// Returns how the crawl ends now that no task is in flight, or `None` if it goes on.
    fn end(&mut self, limit: Option<Limit>) -> Result<Option<CrawlEnd>, StoreError> {
        if let Some(limit) = limit {
            return Ok(Some(CrawlEnd::Limit(limit)));
        }
        let idle = self
            .scheduler
            .is_idle(self.recorder.store, Instant::now())?;
        Ok((idle && !self.begin_checking()?).then_some(CrawlEnd::Done))
    }

    /// Queues the links to other sites, once, after all pages are done. Returns false if there is nothing to
    /// check.
    fn begin_checking(&mut self) -> Result<bool, StoreError> {
        if !self.settings.check || self.checking {
            return Ok(false);
        }
        self.checking = true;
        self.recorder.begin_batch();
        self.recorder.store.queue_external()?;
        self.scheduler.reset();
        Ok(true)
    }

    /// Returns the instant at which the loop must run again even if no task completes before.
    fn wake_up(&self, at_limit: bool) -> Instant {
        let turn = self
            .scheduler
            .next_time()
            .filter(|_| self.in_flight.has_room() && !at_limit);
        let times = [turn, self.recorder.commit_due()];
        times
            .into_iter()
            .flatten()
            .fold(self.next_tick, Instant::min)
    }

    /// Starts a task for each turn that is due while there are free threads. Returns the limit that keeps it
    /// from starting more.
    fn start_due<'scope>(
        &mut self,
        tasks: &'scope Tasks<'scope, 'a>,
        unstored: Unstored,
    ) -> Result<Option<Limit>, StoreError>
    where
        'a: 'scope,
    {
        // Bounded, because a robots.txt that forbids a whole site yields many turns that need no thread.
        for _ in 0..MAX_BATCH_PAGES {
            if !self.in_flight.has_room() {
                return Ok(None);
            }
            if let Some(limit) = self.limit_reached(unstored) {
                return Ok(Some(limit));
            }
            let store = &mut *self.recorder.store;
            match self.scheduler.next(store, Instant::now())? {
                None => return Ok(None),
                Some(Turn::Robots { host, origin }) => {
                    let (fetcher, scope, site) = (self.fetcher, self.scope, origin.clone());
                    let purpose = Purpose::Robots { host, origin };
                    self.in_flight.start(tasks, purpose, move || {
                        fetch_task::robots(fetcher, &site, scope)
                    });
                }
                Some(Turn::Fetch(job)) => self.start_page(tasks, job)?,
                Some(Turn::Skip(job, why)) => self.recorder.skip(&job, why)?,
                Some(Turn::Fail(job, failure)) => {
                    self.store_failure(&job, failure)?;
                }
            }
        }
        Ok(None)
    }

    fn start_page<'scope>(
        &mut self,
        tasks: &'scope Tasks<'scope, 'a>,
        job: Job,
    ) -> Result<(), StoreError>
    where
        'a: 'scope,
    {
        let (fetcher, sessions) = (self.fetcher, self.settings.follow.session_ids());
        // The body of an external page is needed only if a link leads to a place inside it.
        let only_headers =
            job.role == Role::External && !self.recorder.store.has_fragments(job.id)?;
        let method = if only_headers {
            Method::Head
        } else {
            Method::Get
        };
        let asked = job.clone();
        self.in_flight.start(tasks, Purpose::Page(job), move || {
            fetch_task::page(fetcher, &asked, method, sessions)
        });
        Ok(())
    }

    fn limit_reached(&self, unstored: Unstored) -> Option<Limit> {
        let limits = &self.settings.limits;
        let counts = self.recorder.counts();
        let begun = self.in_flight.count() as u64 + u64::from(unstored == Unstored::OnePage);
        if counts.done + begun >= limits.pages {
            Some(Limit::Pages)
        } else if counts.wire >= limits.bytes {
            Some(Limit::Bytes)
        } else {
            None
        }
    }

    /// Takes the result of a completed task, starts the next task on its thread, then stores the result.
    fn receive<'scope>(
        &mut self,
        slot: usize,
        tasks: &'scope Tasks<'scope, 'a>,
    ) -> Result<(), StoreError>
    where
        'a: 'scope,
    {
        let Some(completed) = self.collect(slot) else {
            return Ok(());
        };
        if matches!(completed.result, Ok(FetchResult::Page(_))) {
            self.start_due(tasks, Unstored::OnePage)?;
        }
        self.store(completed)
    }

    /// Joins a completed task, frees its slot, and tells the scheduler how its request went.
    fn collect(&mut self, slot: usize) -> Option<Completed<'a>> {
        let (purpose, result) = self.in_flight.take(slot)?;
        let longest = self.settings.pace.longest_wait;
        let (host, outcome) = match (&purpose, &result) {
            (Purpose::Page(job), Ok(FetchResult::Page(page))) => {
                (job.host, retry::request_outcome(&page.fetched, longest))
            }
            (Purpose::Robots { host, .. }, Ok(FetchResult::Robots(answer, _))) => {
                let outcome = match answer {
                    RobotsAnswer::Unavailable(_) => RequestOutcome::Unknown,
                    _ => RequestOutcome::Answered,
                };
                (*host, outcome)
            }
            (Purpose::Page(job), _) => (job.host, RequestOutcome::Unknown),
            (Purpose::Robots { host, .. }, _) => (*host, RequestOutcome::Unknown),
        };
        self.scheduler.finish(host, Instant::now(), outcome);
        Some(Completed { purpose, result })
    }

    fn store(&mut self, completed: Completed<'a>) -> Result<(), StoreError> {
        match (completed.purpose, completed.result) {
            (Purpose::Robots { host, origin }, Ok(FetchResult::Robots(answer, robots))) => {
                self.store_robots(host, &origin, answer, robots)
            }
            (Purpose::Page(job), Ok(FetchResult::Page(page))) => self.store_page(job, &page),
            (Purpose::Page(job), Err(error)) => self.store_lost_page(job, &error),
            (Purpose::Robots { host, origin }, Err(error)) => {
                let why = error.to_string();
                let unavailable = Robots::Unavailable(why.clone());
                let answer = RobotsAnswer::Unavailable(why);
                self.store_robots(host, &origin, answer, unavailable)?;
                self.use_fewer_threads(&error)
            }
            // Impossible: a task returns the kind of result that it was started for.
            (Purpose::Robots { .. }, Ok(FetchResult::Page(_)))
            | (Purpose::Page(_), Ok(FetchResult::Robots(..))) => Ok(()),
        }
    }

    /// Stores a page, or postpones its address if the failure is transient and tries are left.
    fn store_page(&mut self, job: Job, page: &PageResult<'_>) -> Result<(), StoreError> {
        let fetched = &page.fetched;
        if matches!(fetched.answer, Err(Failure::Stopped)) {
            self.scheduler.requeue(job);
            return Ok(());
        }
        let pace = &self.settings.pace;
        if retry::is_transient(fetched) && job.tries < i64::from(pace.retries) {
            let tries = u32::try_from(job.tries).unwrap_or(u32::MAX);
            let own = self.backoff.delay(pace.first_retry_delay, tries);
            let asked = retry::retry_after(fetched).unwrap_or_default();
            let wait = own.max(asked).min(pace.longest_wait);
            let due = self.scheduler.wall_clock(Instant::now() + wait);
            self.recorder.postpone(&job, due)?;
            self.scheduler.postpone(&job, due);
            return Ok(());
        }
        let most = self.settings.follow.max_redirects;
        let is_redirect = page.links.iter().any(|link| link.kind == "redirect");
        let failure = (is_redirect && job.hops >= i64::from(most)).then(|| {
            Failure::Redirects(format!("more than {} in a row", counted(most, "redirect")))
        });
        let hosts = self.recorder.page(&job, page, failure.as_ref())?;
        self.add_work(hosts)
    }

    /// Handles a page task without a result: it panicked, was cancelled, or no thread could be started for it.
    fn store_lost_page(&mut self, job: Job, error: &JoinError) -> Result<(), StoreError> {
        if error.is_panic() {
            let what = error.panic_message().unwrap_or("for an unknown reason");
            return self.store_failure(&job, Failure::Panic(what.to_owned()));
        }
        self.scheduler.requeue(job);
        self.use_fewer_threads(error)
    }

    /// Stores a page that failed without a request.
    fn store_failure(&mut self, job: &Job, failure: Failure) -> Result<(), StoreError> {
        let page = PageResult {
            method: Method::Get,
            fetched: Box::new(Fetched::without_request(failure)),
            links: Vec::new(),
        };
        let hosts = self.recorder.page(job, &page, None)?;
        self.add_work(hosts)
    }

    /// Lowers the limit of threads by one if `error` says that a thread could not be started. Warns the first time
    /// only: the number of threads is known at the end of the crawl.
    ///
    /// # Errors
    /// No thread runs at all.
    fn use_fewer_threads(&mut self, error: &JoinError) -> Result<(), StoreError> {
        if !error.is_refused() {
            return Ok(());
        }
        if self.in_flight.count() == 0 {
            return Err(StoreError::other(format!(
                "no thread could be started: {error}"
            )));
        }
        if self.in_flight.reduced_slots().is_none() {
            let reason = error
                .io_error()
                .map_or_else(|| error.to_string(), ToString::to_string);
            self.recorder.tell(CrawlEvent::Warning(format!(
                "cannot start more threads ({reason}); continuing with fewer"
            )));
        }
        self.in_flight.give_up_slot();
        Ok(())
    }

    /// Stores a host's robots.txt and queues its sitemaps, or asks again later if it is unavailable.
    fn store_robots(
        &mut self,
        host: i64,
        origin: &str,
        answer: RobotsAnswer,
        robots: Robots,
    ) -> Result<(), StoreError> {
        self.recorder.begin_batch();
        if let RobotsAnswer::Unavailable(_) = answer {
            let tries = self.scheduler.robots_tries(host);
            let first = self.settings.pace.first_retry_delay;
            let wait = self.backoff.delay(first, tries);
            if self.scheduler.retry_robots(host, Instant::now(), wait) {
                return Ok(());
            }
        }
        self.recorder.robots(host, &answer)?;
        if self.settings.follow.sitemaps && !matches!(robots, Robots::Unavailable(_)) {
            let hosts = self.recorder.queue_sitemaps(origin, robots.sitemaps())?;
            self.add_work(hosts)?;
        }
        self.scheduler.set_robots(host, robots);
        Ok(())
    }

    fn tick(&mut self) -> Result<(), StoreError> {
        let now = Instant::now();
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.recorder.tell_progress(self.in_flight.count())?;
        }
        Ok(())
    }

    /// Ends a cancelled crawl: tasks in flight may complete within [`Limits::drain`], then all connections are
    /// shut. Addresses whose task has not completed stay queued.
    ///
    /// [`Limits::drain`]: super::Limits::drain
    fn drain(&mut self) -> Result<(), StoreError> {
        let patience = self.settings.limits.drain;
        reunite::shield_timeout(patience, || self.store_remaining())?;
        if self.in_flight.count() > 0 {
            self.fetcher.stop();
            reunite::shield(|| self.store_remaining())?;
        }
        self.recorder.commit()
    }

    /// Stores results until no task is in flight or the wait is cut short.
    fn store_remaining(&mut self) -> Result<(), StoreError> {
        while self.in_flight.count() > 0 {
            let Ok(slot) = self.in_flight.wait() else {
                return Ok(());
            };
            if let Some(completed) = self.collect(slot) {
                self.store(completed)?;
            }
        }
        Ok(())
    }
}
