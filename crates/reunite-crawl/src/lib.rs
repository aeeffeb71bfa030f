//! Sites fetched side by side, politely, each page once and whole, into one file.
//!
//! [`crawl`] takes [`Settings`] and an open [`store::Store`], and goes on where the store is, until nothing
//! is left, a limit is reached, or its task is cancelled. What is in the file is described in [`store`].
//!
//! # Protocol
//!
//! **Who has what.** One task, the *clerk*, has the store and the *desk*; no other touches either, so neither
//! has a lock. It hands out one errand at a time to a task on a thread of its own ([`reunite::Scope::spawn`]):
//! a request, the reading of the answer, the finding of its links. The errand's result stays in the task until
//! the clerk joins it; what a finished task sends through the bounded channel is only the number of its place.
//! There are as many places as threads and the channel has room for all of them, so a task never waits to be
//! heard, and the clerk, who waits at that channel and nowhere else, waits for nobody who waits for it. At
//! most as many answers exist as there are places; of large ones only a few ([`fetch`] has a semaphore of
//! permits that go along with the answer until it is stored).
//!
//! **Whose turn it is.** The desk keeps one clock for each host: the instant of its next request, whichever
//! thread makes it. A host with something to do and room for it waits in one queue, ordered by that instant.
//! It is taken out for its turn and put back, so hosts take turns. Starting a request moves the host's clock
//! on by the delay (its own or that of its robots.txt, whichever is longer). A refusal (429, 503) moves it on
//! by what `Retry-After` asks for, or by a time that doubles, halves the requests at a time and doubles the
//! delay; eight answers in a row that are none undo one such step. Before the first page of a host comes its
//! robots.txt; what it forbids is never asked for, and if nobody can say what it forbids, neither is anything
//! else there.
//!
//! **From queued to stored.** An address is one row, made when the first link to it is stored, and queued or
//! skipped with a reason. *In flight* is no state of the row: it is queued until it is stored, and that it was
//! taken is only remembered in memory, by the host's cursor. When its answer is there, the clerk writes in one
//! transaction: the page, its body unless there is the same one already, its links, the rows of the addresses
//! that are new, and that it is done. Transactions are committed for up to 256 pages or 250 ms together, and
//! told of after that. So at every moment a page with all that belongs to it is in the file, or nothing of it
//! is and its address is queued:
//!
//! * a *kill*, whenever it comes, takes back what was not committed, whole pages; the next run finds their
//!   addresses queued and asks again. A page cannot be there twice: its row's number is its address's, and a
//!   second insertion would be an error;
//! * a *passing failure* puts the address off, with the number of its tries and when it is due, in the file,
//!   so that the next run does not begin to count anew;
//! * a *permanent failure* is a page, too: with the failure instead of the answer;
//! * a *redirect* is a page with a link to the next address, which is an address like any other. So a chain is
//!   asked for once, whoever leads into it, and a loop ends by itself: it is noticed when its last step is
//!   stored, and all its steps are marked as failed;
//! * the *depth* of an address is the smallest over the links stored. A later, shorter way lowers it and all
//!   that follows from it, so that it does not depend on the order in which answers came.
//!
//! **Memory.** The frontier is in the file. A host at the desk holds at most 64 addresses and the number of
//! the last one it took, there are at most 4,096 hosts at the desk, and at most 65,536 addresses are remembered
//! to save questions. None of it grows with the number of queued addresses.
//!
//! **The end.** When the clerk's task is cancelled, it gives out nothing more, and out of the cancellation's
//! reach ([`reunite::shield_timeout`]) stores what still lands within the time to drain. Then it shuts all
//! connections, which ends all requests at once; their addresses stay queued. Its scope ends when the last
//! task is back, and nothing of the crawl outlives it. If the store fails, the same is done without storing.
#![forbid(unsafe_code)]

pub mod address;
mod crawl;
pub mod fetch;
pub mod html;
pub mod report;
pub mod store;
pub mod warc;

pub use crawl::{
    CrawlError, Ended, Event, Follow, Limit, Limits, Pace, PageEvent, Progress, Settings, crawl,
    rules_of,
};
