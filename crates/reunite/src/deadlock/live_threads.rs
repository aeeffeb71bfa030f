//! Finds out whether any thread of the process still does something. Waits that any thread may end depend on that.
//!
//! Threads of this library are *idle* between two tasks. A thread that gives an idle thread something to do first
//! uncounts it, so a thread that is counted as idle does nothing. The counter of idle threads also counts its own
//! changes. It is read before and after the threads of the process are counted: if it did not change, no thread stopped
//! being idle in between.
//!
//! The system still counts a thread for a while after the last thing that the thread did. So a thread that ends leaves
//! its number here, and is subtracted from the system's count as long as the system shows it.

use std::cell::Cell;
use std::collections::VecDeque;

use crate::primitive::{
    Counter, Duration, Instant, Mutex, Ordering, is_thread, now, thread_local, threads_of_process,
};

const CHANGE: u64 = 1 << 32;

crate::primitive::global! {
    /// The number of idle threads in the lower half, and how often that number changed in the upper half.
    static IDLE: Counter = Counter::new(0);
    /// The number of threads that this library started and that have not ended.
    static ALIVE: Counter = Counter::new(0);
    static ENDED: Mutex<EndedThreads> = Mutex::new(EndedThreads { threads: VecDeque::new() });
}

/// Threads that have ended, and that the system may still show.
struct EndedThreads {
    /// The numbers of the threads and the instants at which they ended, oldest first.
    threads: VecDeque<(u32, Instant)>,
}

/// A time longer than a thread takes to vanish from the system. After it, a thread with that number is a new one.
const VANISHED: Duration = Duration::from_secs(1);

fn has_vanished(ended: Instant, now: Instant) -> bool {
    now.saturating_duration_since(ended) >= VANISHED
}

impl EndedThreads {
    /// Adds a thread. Does not query the system: thousands of threads may end at the same time, under one lock.
    fn push(&mut self, number: u32, now: Instant) {
        while self
            .threads
            .front()
            .is_some_and(|(_, ended)| has_vanished(*ended, now))
        {
            self.threads.pop_front();
        }
        self.threads.push_back((number, now));
    }

    /// Returns how many of these threads the system still shows.
    fn count_visible(&mut self) -> usize {
        let now = now();
        let is_there =
            |(number, ended): &(u32, Instant)| !has_vanished(*ended, now) && is_thread(*number);
        self.threads.retain(is_there);
        self.threads.len()
    }
}

/// Counts the calling thread as idle: it does nothing until another thread finds it in the place where it is listed.
pub(crate) fn count_idle() {
    IDLE.fetch_add(CHANGE + 1, Ordering::SeqCst);
}

/// Uncounts an idle thread, which was taken off its list and is about to get something to do.
pub(crate) fn uncount_idle() {
    IDLE.fetch_add(CHANGE - 1, Ordering::SeqCst);
}

/// Counts a thread that this library starts.
pub(super) fn count_started() {
    ALIVE.fetch_add(1, Ordering::SeqCst);
}

/// Uncounts a thread that has ended, or could not be started.
pub(super) fn count_ended(number: Option<u32>) {
    if let Some(number) = number {
        ENDED.lock().push(number, now());
    }
    ALIVE.fetch_sub(1, Ordering::SeqCst);
}

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// Records that this library started the calling thread.
pub(super) fn mark_started_here() {
    IS_OURS.with(|ours| ours.set(true));
}

/// Returns true if this library started the calling thread.
pub(super) fn is_started_here() -> bool {
    IS_OURS.with(Cell::get)
}

/// Returns true if all threads that this library started are idle or among these `waiting` ones. Other threads may run.
pub(super) fn are_all_waiting(waiting: impl TryInto<u64>) -> bool {
    let waiting = waiting.try_into().unwrap_or(u64::MAX);
    waiting + IDLE.load(Ordering::SeqCst) % CHANGE >= ALIVE.load(Ordering::SeqCst)
}

/// Returns true if each thread of the process is one of these `blocked` ones, is idle, or has ended. Returns false if
/// the system does not tell the number of threads.
pub(super) fn is_everyone(blocked: usize) -> bool {
    let before = IDLE.load(Ordering::SeqCst);
    let counted = blocked as u64 + before % CHANGE;
    // The library knows the threads that it started without asking the system.
    counted >= ALIVE.load(Ordering::SeqCst)
        && matches_process(counted)
        && IDLE.load(Ordering::SeqCst) == before
}

/// Returns true if the system shows exactly this many threads besides those that have ended.
fn matches_process(counted: u64) -> bool {
    loop {
        let ending = ENDED.lock().count_visible();
        let Some(threads) = threads_of_process() else {
            return false;
        };
        // If a thread has vanished in the meantime, it is not known whether the system's count included it.
        if ENDED.lock().count_visible() == ending {
            return threads as u64 == counted + ending as u64;
        }
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    #[test]
    fn of_threads_that_have_ended_those_of_the_last_second_are_kept() {
        let mut ended = EndedThreads {
            threads: VecDeque::new(),
        };
        let begun = now();
        for number in 0..1000 {
            ended.push(number, begun + VANISHED / 100 * number);
        }
        let kept: Vec<_> = ended.threads.iter().map(|(number, _)| *number).collect();
        assert_eq!(kept, Vec::from_iter(900..1000));
    }
}
