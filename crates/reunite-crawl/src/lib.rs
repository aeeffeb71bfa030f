//! A web crawler that fetches sites concurrently, obeys robots.txt, limits its requests to each host, and stores each
//! page once, in one file.
//!
//! [`crawl`] takes [`Settings`] and an open [`store::Store`]. It continues where the store stands, until no address
//! is left, a limit is reached, or its task is cancelled. The tables of the file are described in [`store`].
//!
//! # Protocol
//!
//! **Ownership.** One task, the *coordinator*, owns the store and the *scheduler*. No other task uses them, so neither
//! needs a lock. Each fetch task runs on a thread of its own ([`reunite::Scope::spawn`]): it makes a request, reads
//! the answer and finds the links. Its result stays in the task until the coordinator joins it.
//!
//! A fetch task occupies a *slot*, and there is one slot per thread. When the task completes, it sends the number of
//! its slot through a bounded channel with room for one message per slot. Therefore a completed task never waits to
//! send. The coordinator waits at this channel and nowhere else, so no cycle of waits can form. There are at most as
//! many answers in memory as slots, and only a few large ones: [`fetch`] has a semaphore whose permit a large answer
//! holds until it is stored.
//!
//! **A page's way.** The coordinator repeats these steps:
//!
//! 1. While a slot is free and no limit is reached, take the next turn from the scheduler and start its task.
//! 2. Commit the open batch if it is due.
//! 3. Wait until a task completes, a turn or a commit is due, or the crawl is cancelled.
//! 4. Join the completed task, free its slot and tell the scheduler how the request went.
//! 5. If it fetched a page, do step 1, so that its thread works while the page is stored.
//! 6. Store the result, and tell the scheduler which hosts have more addresses to fetch.
//!
//! **Turns.** The scheduler has one clock per host: the earliest instant of its next request, whichever thread makes
//! it. A host that has addresses to fetch and may have another concurrent request waits in one queue, ordered by that
//! instant. It is taken out for its turn and put back, so hosts take turns. Starting a request moves the host's clock
//! on by the delay (that of the settings or of its robots.txt, whichever is longer). A refusal (429, 503) moves the
//! clock on by the time that `Retry-After` asks for, or by a time that doubles with each refusal; it also halves the
//! number of concurrent requests and doubles the delay. Every eight other answers in a row undo one refusal. The
//! robots.txt of a host is fetched before its first page. Pages that it forbids are never requested. If it is
//! unavailable, no page of the host is requested.
//!
//! **States of an address.** An address is one row, inserted when the first link to it is stored. Its state is
//! queued, postponed, done or skipped. There is no state for *in flight*: an address stays queued until its page is
//! stored, and only the host's cursor, in memory, records that it was taken. When its answer has arrived, the
//! coordinator writes in one transaction: the page, its body unless the same body is already stored, its links, the
//! rows of new addresses, and the state *done*. A transaction is committed after 256 pages or 250 ms, and events are
//! sent after the commit. So at any moment either the page and everything that belongs to it is in the file, or none
//! of it is and the address is queued:
//!
//! * A *kill* loses whole pages that were not committed. The next run finds their addresses queued and fetches them
//!   again. A page cannot be stored twice: its row number is that of its address, so a second insertion would fail.
//! * A *transient failure* postpones the address. The number of tries and the time of the next one are in the file,
//!   so the next run does not start to count anew.
//! * A *permanent failure* is stored as a page with the failure instead of the answer.
//! * A *redirect* is stored as a page with a link to the next address, which is an address like any other. So a chain
//!   of redirects is fetched once, however many links lead into it. A loop is found when its last step is stored, and
//!   all its steps are marked as failed.
//! * The *depth* of an address is the smallest one over the stored links. A shorter way found later lowers the depth
//!   and those of all addresses behind it, so the depth does not depend on the order in which answers arrive.
//!
//! **Memory.** The frontier is in the file. A host in memory holds at most 64 addresses and the number of the last
//! one it took. At most 4,096 hosts and 65,536 known addresses are in memory. None of this grows with the number of
//! queued addresses.
//!
//! **The end.** When its task is cancelled, the coordinator starts no more tasks. Shielded from the cancellation
//! ([`reunite::shield_timeout`]), it stores the results that arrive within [`Limits::drain`]. Then it shuts down all
//! connections, which ends all requests at once; their addresses stay queued. Its scope ends when the last task has
//! completed, so nothing of the crawl outlives it. If the store fails, the connections are shut down and nothing
//! more is stored.
#![forbid(unsafe_code)]

pub mod address;
mod crawl;
pub mod fetch;
pub mod html;
pub mod report;
pub mod store;
pub mod warc;

pub use crawl::{
    CrawlEnd, CrawlError, CrawlEvent, Difference, Follow, Limit, Limits, Pace, PageEvent, Progress,
    Settings, crawl, rules_of,
};
