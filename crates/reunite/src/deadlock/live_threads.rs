//! Finds out whether any thread is left that could do anything: needed for waits that any thread may end.
//!
//! Threads of this library are idle between two tasks. A thread that gives an idle thread something to do counts it
//! as no longer idle first, so a thread that is counted as idle does nothing. The counter also counts its changes: the
//! process's threads are counted between two reads of it, and if it did not change, none of the idle threads left.
//!
//! The system still counts a thread that ends for a while after its last action. So the thread leaves its number, and
//! is subtracted from the count as long as the system shows it.

use std::cell::Cell;
use std::collections::VecDeque;

use crate::primitive::{
    Counter, Duration, Instant, Mutex, Ordering, is_thread, now, thread_local, threads_of_process,
};

const CHANGE: u64 = 1 << 32;

crate::primitive::global! {
    /// The number of idle threads in the lower half, the number of its changes in the upper half.
    static IDLE: Counter = Counter::new(0);
    /// The number of threads that this library started and that have not ended.
    static ALIVE: Counter = Counter::new(0);
    static ENDED: Mutex<EndedThreads> = Mutex::new(EndedThreads { threads: VecDeque::new() });
}

/// Threads that have ended, and that the system may still show.
struct EndedThreads {
    /// Their numbers, and when they ended; the oldest first.
    threads: VecDeque<(u32, Instant)>,
}

/// Longer than a thread takes to vanish. After this time, the number is taken for that of another thread.
const VANISHED: Duration = Duration::from_secs(1);

fn has_vanished(ended: Instant, now: Instant) -> bool {
    now.saturating_duration_since(ended) >= VANISHED
}

impl EndedThreads {
    /// Does not query the system: thousands of threads may end at the same time, under one lock.
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

    /// The number of threads that the system still shows.
    fn count_visible(&mut self) -> usize {
        let now = now();
        let is_there =
            |(number, ended): &(u32, Instant)| !has_vanished(*ended, now) && is_thread(*number);
        self.threads.retain(is_there);
        self.threads.len()
    }
}

/// Counts the calling thread as idle: it has nothing to do, unless another thread finds it where it has left its
/// address.
pub(crate) fn count_idle() {
    IDLE.fetch_add(CHANGE + 1, Ordering::SeqCst);
}

/// Counts one idle thread less: it was taken from where it had left its address, and is about to have something to do.
pub(crate) fn uncount_idle() {
    IDLE.fetch_add(CHANGE - 1, Ordering::SeqCst);
}

/// Counts a thread that this library starts.
pub(super) fn count_started() {
    ALIVE.fetch_add(1, Ordering::SeqCst);
}

/// Counts a thread less that has ended, or could not be started.
pub(super) fn count_ended(number: Option<u32>) {
    if let Some(number) = number {
        ENDED.lock().push(number, now());
    }
    ALIVE.fetch_sub(1, Ordering::SeqCst);
}

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// Notes that this library started the calling thread.
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

/// Returns true if every thread of the process is one of these `blocked` ones, idle, or at its end. False if the system
/// does not tell the number of threads.
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
        // If one has vanished in the meantime, it is not known whether it was still counted.
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
