//! The clerk: the one task that has the store and the desk. See the protocol in the crate's documentation.

use std::time::{Duration, Instant};

use reunite::channel::{Receiver, Sender};
use reunite::{Builder, JoinError, JoinHandle, Scope as Tasks};

use super::desk::{Desk, Turn};
use super::host::Went;
use super::land::{self, Landed};
use super::robots::{Asked, Robots};
use super::settings::Settings;
use super::watch::{Ended, Event, Limit, PageEvent, Progress};
use crate::address::{Scope, is_trap};
use crate::fetch::{Failure, Fetched, Fetcher, header};
use crate::html::Link;
use crate::store::{Admission, Counts, Job, Record, Role, Skipped, Store, StoreError};

/// A transaction is made lasting after so long or so many pages, whichever comes first.
const BATCH_TIME: Duration = Duration::from_millis(250);
const BATCH_PAGES: usize = 256;
const TICK: Duration = Duration::from_millis(500);
/// Links on copies of one page beyond this many copies are not followed.
const MOST_COPIES: usize = 25;

/// What a task is doing.
enum Errand {
    Page(Job),
    Robots { host: i64, origin: String },
}

struct Flight<'a> {
    handle: JoinHandle<Landed<'a>>,
    errand: Errand,
}

/// What there is to tell when the transaction is lasting.
#[derive(Default)]
struct Batch {
    since: Option<Instant>,
    pages: usize,
    events: Vec<PageEvent>,
}

pub(super) struct Clerk<'a, 'w> {
    store: &'a mut Store,
    desk: Desk,
    settings: &'a Settings,
    scope: &'a Scope,
    fetcher: &'a Fetcher,
    watch: &'w mut dyn FnMut(Event),
    flights: Vec<Option<Flight<'a>>>,
    free: Vec<usize>,
    landed: (Sender<usize>, Receiver<usize>),
    batch: Batch,
    counts: Counts,
    /// Whether a page has landed and is not stored yet: it counts.
    landing: bool,
    /// Pages stored in this run.
    stored: u64,
    began: Instant,
    next_tick: Instant,
    checking: bool,
    chance: Chance,
}

impl<'a, 'w> Clerk<'a, 'w> {
    pub(super) fn new(
        store: &'a mut Store,
        settings: &'a Settings,
        scope: &'a Scope,
        fetcher: &'a Fetcher,
        watch: &'w mut dyn FnMut(Event),
    ) -> Result<Self, StoreError> {
        let threads = settings.pace.threads.max(1);
        let now = Instant::now();
        Ok(Self {
            desk: Desk::new(settings.pace.clone(), !settings.follow.forbidden),
            counts: store.counts()?,
            store,
            settings,
            scope,
            fetcher,
            watch,
            flights: std::iter::repeat_with(|| None).take(threads).collect(),
            free: (0..threads).rev().collect(),
            // Each task under way has room for its one message, so none ever waits to be heard.
            landed: reunite::channel::bounded(threads),
            batch: Batch::default(),
            landing: false,
            stored: 0,
            began: now,
            next_tick: now,
            checking: false,
            chance: Chance::new(),
        })
    }

    /// Queues the seeds, and what a run with other limits left out.
    pub(super) fn prepare(&mut self) -> Result<(), StoreError> {
        for seed in self.scope.seeds() {
            self.seed(seed, Role::Page)?;
        }
        self.store.queue_deeper()?;
        self.store.forget_lost_robots()?;
        self.store.commit()
    }

    fn seed(&mut self, url: &url::Url, role: Role) -> Result<(), StoreError> {
        let skip = self
            .scope
            .judge(url)
            .or(is_trap(url).then_some(Skipped::Trap));
        let admitted = self.store.admit(&Admission {
            url,
            role,
            depth: 0,
            hops: 0,
            skip,
        })?;
        if let Some(host) = admitted.work_for {
            self.desk.work_for(host, self.store, Instant::now())?;
        }
        Ok(())
    }

    fn in_flight(&self) -> usize {
        self.flights.len() - self.free.len()
    }

    /// Goes on until nothing is left, a limit is reached, or the task is cancelled.
    pub(super) fn run<'scope>(
        &mut self,
        tasks: &'scope Tasks<'scope, 'a>,
    ) -> Result<Ended, StoreError>
    where
        'a: 'scope,
    {
        loop {
            let limit = self.give_out(tasks)?;
            self.commit_if_due()?;
            if self.in_flight() == 0 {
                if let Some(limit) = limit {
                    self.commit()?;
                    return Ok(Ended::Limit(limit));
                }
                if self.desk.is_idle(self.store, Instant::now())? && !self.begin_checking()? {
                    self.commit()?;
                    return Ok(Ended::Done);
                }
            }
            // Also when a turn is due already: a cancellation is noticed here.
            let received = self.landed.1.recv_deadline(self.wake_up(limit.is_some()));
            match received {
                Ok(place) => self.receive(place, Some(tasks))?,
                Err(error) if error.is_timeout() => {}
                Err(_) => {
                    self.drain()?;
                    return Ok(Ended::Stopped);
                }
            }
            self.tick()?;
        }
    }

    /// When to look again if nothing lands before.
    fn wake_up(&self, at_limit: bool) -> Instant {
        let turn = self
            .desk
            .next_time()
            .filter(|_| !self.free.is_empty() && !at_limit);
        let commit = self.batch.since.map(|since| since + BATCH_TIME);
        let times = [turn, commit, Some(self.next_tick)];
        times.into_iter().flatten().min().unwrap_or(self.next_tick)
    }

    /// Starts tasks while there are turns that are due, and threads for them. Returns the limit that keeps
    /// it from starting more.
    fn give_out<'scope>(
        &mut self,
        tasks: &'scope Tasks<'scope, 'a>,
    ) -> Result<Option<Limit>, StoreError>
    where
        'a: 'scope,
    {
        // Turns that need no thread are many if a robots.txt forbids a whole site: not all in one go.
        for _ in 0..BATCH_PAGES {
            if self.free.is_empty() {
                return Ok(None);
            }
            let limits = &self.settings.limits;
            let begun = self.in_flight() as u64 + u64::from(self.landing);
            if self.counts.done + begun >= limits.pages {
                return Ok(Some(Limit::Pages));
            }
            if self.counts.wire >= limits.bytes {
                return Ok(Some(Limit::Bytes));
            }
            match self.desk.next(self.store, Instant::now())? {
                None => return Ok(None),
                Some(Turn::Robots { host, origin }) => {
                    let (fetcher, scope, of) = (self.fetcher, self.scope, origin.clone());
                    self.start(tasks, Errand::Robots { host, origin }, move || {
                        land::robots(fetcher, &of, scope)
                    });
                }
                Some(Turn::Fetch(job)) => {
                    let (fetcher, sessions) = (self.fetcher, self.settings.follow.sessions);
                    let head = job.role == Role::External && !self.store.has_fragments(job.id)?;
                    let asked = job.clone();
                    self.start(tasks, Errand::Page(job), move || {
                        land::page(fetcher, &asked, head, sessions)
                    });
                }
                Some(Turn::Skip(job, why)) => {
                    self.begin_batch();
                    self.store.skip(&job, why)?;
                }
                Some(Turn::Fail(job, failure)) => {
                    let fetched = Fetched::without_asking(failure);
                    self.store_page(&job, "GET", &fetched, None, &[])?;
                }
            }
        }
        Ok(None)
    }

    fn start<'scope>(
        &mut self,
        tasks: &'scope Tasks<'scope, 'a>,
        errand: Errand,
        run: impl FnOnce() -> Landed<'a> + Send + 'scope,
    ) where
        'a: 'scope,
    {
        let Some(place) = self.free.pop() else {
            return;
        };
        let name = match &errand {
            Errand::Page(job) => job.url.to_string(),
            Errand::Robots { origin, .. } => format!("{origin}/robots.txt"),
        };
        let handle = tasks.spawn_with(Builder::new().name(name), run);
        let landed = self.landed.0.clone();
        handle.on_complete(move || {
            // There is room for it, and the clerk listens until the last has landed.
            let _heard = landed.try_send(place);
        });
        self.flights[place] = Some(Flight { handle, errand });
    }

    /// A task has completed. Its thread gets the next turn before what it brought is stored.
    fn receive<'scope>(
        &mut self,
        place: usize,
        tasks: Option<&'scope Tasks<'scope, 'a>>,
    ) -> Result<(), StoreError>
    where
        'a: 'scope,
    {
        let Some(Flight { mut handle, errand }) = self.flights[place].take() else {
            return Ok(());
        };
        self.free.push(place);
        let landed = handle.try_join().unwrap_or_else(|| handle.join());
        let now = Instant::now();
        match (errand, landed) {
            (Errand::Robots { host, origin }, Ok(Landed::Robots(asked, robots))) => {
                let went = match asked {
                    Asked::Lost(_) => Went::Unknown,
                    _ => Went::Well,
                };
                self.desk.finish(host, now, went);
                self.robots(host, &origin, asked, robots)
            }
            (
                Errand::Page(job),
                Ok(Landed::Page {
                    method,
                    fetched,
                    links,
                }),
            ) => {
                let patience = self.settings.pace.longest_wait;
                self.desk.finish(job.host, now, went(&fetched, patience));
                if let Some(tasks) = tasks {
                    self.landing = true;
                    self.give_out(tasks)?;
                    self.landing = false;
                }
                self.page(job, method, &fetched, links)
            }
            (Errand::Page(job), Err(error)) => {
                self.desk.finish(job.host, now, Went::Unknown);
                self.lost(job, &error)
            }
            (Errand::Robots { host, origin }, Err(error)) => {
                self.desk.finish(host, now, Went::Unknown);
                let why = error.to_string();
                let lost = Robots::Lost(why.clone());
                self.robots(host, &origin, Asked::Lost(why), lost)?;
                self.tell_refusal(&error)
            }
            // A task brings what its errand was.
            (Errand::Robots { .. }, Ok(Landed::Page { .. }))
            | (Errand::Page(_), Ok(Landed::Robots(..))) => Ok(()),
        }
    }

    /// A task without a result: it panicked, was cancelled, or got no thread.
    fn lost(&mut self, job: Job, error: &JoinError) -> Result<(), StoreError> {
        if error.is_panic() {
            let what = error.panic_message().unwrap_or("for an unknown reason");
            let fetched = Fetched::without_asking(Failure::Panic(what.to_owned()));
            return self.store_page(&job, "GET", &fetched, None, &[]);
        }
        self.desk.put_back(job);
        self.tell_refusal(error)
    }

    /// With fewer threads than asked for it goes on; with none it cannot.
    fn tell_refusal(&mut self, error: &JoinError) -> Result<(), StoreError> {
        if !error.is_refused() {
            return Ok(());
        }
        if self.in_flight() == 0 {
            return Err(StoreError::other(format!(
                "no thread can be started: {error}"
            )));
        }
        self.free.pop();
        let threads = self.in_flight();
        (self.watch)(Event::Warning(format!(
            "{error}: going on with {threads} threads"
        )));
        Ok(())
    }

    fn robots(
        &mut self,
        host: i64,
        origin: &str,
        asked: Asked,
        robots: Robots,
    ) -> Result<(), StoreError> {
        self.begin_batch();
        match asked {
            Asked::Lost(why) => {
                let tries = self.desk.robots_tries(host);
                let wait = self.chance.backoff(self.settings.pace.patience, tries);
                if self.desk.ask_robots_again(host, Instant::now(), wait) {
                    return Ok(());
                }
                self.store.set_robots(host, &why, None)?;
            }
            Asked::None => self.store.set_robots(host, "none", None)?,
            Asked::Text(text) => self.store.set_robots(host, "rules", Some(&text))?,
        }
        if self.settings.follow.sitemaps && !matches!(robots, Robots::Lost(_)) {
            self.sitemaps(origin, robots.sitemaps())?;
        }
        self.desk.set_robots(host, robots);
        Ok(())
    }

    /// Those that robots.txt names, or else the place where one would be expected.
    fn sitemaps(&mut self, origin: &str, named: &[String]) -> Result<(), StoreError> {
        let Ok(base) = url::Url::parse(origin) else {
            return Ok(());
        };
        let usual = ["/sitemap.xml".to_owned()];
        let addresses = if named.is_empty() { &usual } else { named };
        for address in addresses {
            let sessions = self.settings.follow.sessions;
            if let crate::address::Target::Page { url, .. } =
                crate::address::normal(&base, address, sessions)
                && self.scope.has_host(&url)
            {
                self.seed_sitemap(&url)?;
            }
        }
        Ok(())
    }

    /// A sitemap need not lie below the folder that is crawled to list pages that do.
    fn seed_sitemap(&mut self, url: &url::Url) -> Result<(), StoreError> {
        let admitted = self.store.admit(&Admission {
            url,
            role: Role::Sitemap,
            depth: 0,
            hops: 0,
            skip: self.scope.is_excluded(url).then_some(Skipped::Excluded),
        })?;
        if let Some(host) = admitted.work_for {
            self.desk.work_for(host, self.store, Instant::now())?;
        }
        Ok(())
    }

    fn page(
        &mut self,
        job: Job,
        method: &'static str,
        fetched: &Fetched<'_>,
        links: Vec<Link>,
    ) -> Result<(), StoreError> {
        if matches!(fetched.answer, Err(Failure::Stopped)) {
            self.desk.put_back(job);
            return Ok(());
        }
        if is_passing(fetched) && job.tries < i64::from(self.settings.pace.retries) {
            let tries = u32::try_from(job.tries).unwrap_or(u32::MAX);
            let own = self.chance.backoff(self.settings.pace.patience, tries);
            let asked = retry_after(fetched).unwrap_or_default();
            let wait = own.max(asked).min(self.settings.pace.longest_wait);
            let due = self.desk.wall_clock(Instant::now() + wait);
            self.begin_batch();
            self.store.put_off(&job, due)?;
            self.desk.put_off(&job, due);
            return Ok(());
        }
        let most = i64::from(self.settings.follow.max_redirects);
        let too_far = links.iter().any(|link| link.kind == "redirect") && job.hops >= most;
        let failure =
            too_far.then(|| Failure::Redirects(format!("more than {most} redirects in a row")));
        self.store_page(&job, method, fetched, failure.as_ref(), &links)
    }

    fn store_page(
        &mut self,
        job: &Job,
        method: &'static str,
        fetched: &Fetched<'_>,
        failure: Option<&Failure>,
        links: &[Link],
    ) -> Result<(), StoreError> {
        self.begin_batch();
        let body = fetched
            .answer
            .as_ref()
            .ok()
            .and_then(|answer| answer.body.as_ref());
        let is_copy = match body {
            Some(body) if links.len() > 1 => self.store.copies(body, MOST_COPIES)? >= MOST_COPIES,
            _ => false,
        };
        let (scope, follow) = (self.scope, &self.settings.follow);
        let judge = |link: &Link| {
            if job.role == Role::External {
                return scope.is_excluded(&link.url).then_some(Skipped::Excluded);
            }
            let because = [
                (is_trap(&link.url), Skipped::Trap),
                (
                    link.kind == "redirect" && failure.is_some(),
                    Skipped::Redirects,
                ),
                (link.nofollow && !follow.nofollow, Skipped::Nofollow),
                (link.is_part() && !follow.parts, Skipped::Part),
                (is_copy, Skipped::Copy),
            ];
            let mut because = because.into_iter().filter(|(is, _)| *is);
            scope
                .judge(&link.url)
                .or_else(|| because.next().map(|(_, why)| why))
        };
        let record = Record {
            job,
            method,
            fetched,
            failure,
            links,
        };
        let stored = self.store.record(&record, judge)?;
        let now = Instant::now();
        for host in stored.work_for {
            self.desk.work_for(host, self.store, now)?;
        }
        let answer = fetched.answer.as_ref();
        let why = failure.or(answer.as_ref().err().copied());
        self.counts.done += 1;
        self.counts.failed += u64::from(why.is_some() || stored.is_loop);
        self.counts.wire += body.map_or(0, |body| body.wire);
        self.stored += 1;
        self.batch.pages += 1;
        self.batch.events.push(PageEvent {
            url: job.url.to_string(),
            status: answer.ok().map(|answer| answer.status),
            failure: why.map(ToString::to_string),
            bytes: body.map_or(0, |body| body.size),
            milliseconds: u64::try_from(fetched.total.as_millis()).unwrap_or(u64::MAX),
        });
        Ok(())
    }

    /// When all pages are done: what they link to elsewhere. Whether there is anything.
    fn begin_checking(&mut self) -> Result<bool, StoreError> {
        if !self.settings.check || self.checking {
            return Ok(false);
        }
        self.checking = true;
        self.begin_batch();
        self.store.queue_external()?;
        self.desk.look_again();
        Ok(true)
    }

    fn begin_batch(&mut self) {
        self.batch.since.get_or_insert_with(Instant::now);
    }

    fn commit_if_due(&mut self) -> Result<(), StoreError> {
        let due = self
            .batch
            .since
            .is_some_and(|since| since.elapsed() >= BATCH_TIME);
        if due || self.batch.pages >= BATCH_PAGES {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.store.commit()?;
        let batch = std::mem::take(&mut self.batch);
        for event in batch.events {
            (self.watch)(Event::Page(event));
        }
        Ok(())
    }

    fn tick(&mut self) -> Result<(), StoreError> {
        let now = Instant::now();
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            let progress = self.progress()?;
            (self.watch)(Event::Progress(progress));
        }
        Ok(())
    }

    fn progress(&self) -> Result<Progress, StoreError> {
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        Ok(Progress {
            done: self.counts.done,
            failed: self.counts.failed,
            queued: self.store.left()?,
            in_flight: self.in_flight(),
            rate: self.stored as f64 / seconds,
            hosts: self.store.busiest_hosts(5)?,
        })
    }

    /// Cancelled: what is under way may still land, for a while; then connections are shut. What has not
    /// landed stays queued.
    fn drain(&mut self) -> Result<(), StoreError> {
        let patience = self.settings.limits.drain;
        reunite::shield_timeout(patience, || self.land_all())?;
        if self.in_flight() > 0 {
            self.fetcher.stop();
            reunite::shield(|| self.land_all())?;
        }
        self.commit()
    }

    /// Until all have landed, or the waiting is over.
    fn land_all(&mut self) -> Result<(), StoreError> {
        while self.in_flight() > 0 {
            let Ok(place) = self.landed.1.recv() else {
                return Ok(());
            };
            self.receive(place, None)?;
        }
        Ok(())
    }
}

/// What an answer says about the host's pace.
fn went(fetched: &Fetched<'_>, longest: Duration) -> Went {
    match &fetched.answer {
        Ok(answer) if matches!(answer.status, 429 | 503) => {
            Went::Strained(retry_after(fetched).map(|asked| asked.min(longest)))
        }
        Ok(_) => Went::Well,
        Err(_) => Went::Unknown,
    }
}

/// Whether it may go better next time.
fn is_passing(fetched: &Fetched<'_>) -> bool {
    match &fetched.answer {
        Ok(answer) => matches!(answer.status, 408 | 425 | 429 | 500 | 502 | 503 | 504),
        Err(failure) => failure.is_passing(),
    }
}

/// How long the server asks to wait: in seconds, or until a date.
fn retry_after(fetched: &Fetched<'_>) -> Option<Duration> {
    let answer = fetched.answer.as_ref().ok()?;
    let value = header(&answer.headers, "retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(
        date.duration_since(std::time::SystemTime::now())
            .unwrap_or_default(),
    )
}

/// Enough of it that those who failed together do not come back together.
struct Chance(fastrand::Rng);

impl Chance {
    fn new() -> Self {
        Self(fastrand::Rng::new())
    }

    /// `first`, doubled for every try before, half as much more or less.
    fn backoff(&mut self, first: Duration, tries: u32) -> Duration {
        let part = self.0.f64();
        first.saturating_mul(1 << tries.min(16)).mul_f64(0.5 + part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_differ() {
        let mut chance = Chance::new();
        let first = Duration::from_millis(100);
        let waits: Vec<Duration> = (0..100).map(|_| chance.backoff(first, 3)).collect();
        assert!(
            waits
                .iter()
                .all(|wait| (400..1200).contains(&wait.as_millis()))
        );
        assert!(waits.iter().any(|wait| wait != &waits[0]));
    }
}
