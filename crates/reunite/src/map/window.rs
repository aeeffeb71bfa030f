//! How many items of a map may be pulled and not yet taken.
//!
//! If the user does not say, twice the threads, so that each finds its next item while the consumer takes the last. Items that
//! are so short that threads would wait for the consumer after each get more: as many as all threads run while one of them
//! wakes up.

use super::plan::Plan;
use crate::primitive::{Duration, available_parallelism};

/// What each thread should have ahead of it. Where time says nothing, the window stays as it is.
const AHEAD: Duration = if cfg!(any(reunite_model, reunite_no_looks)) {
    Duration::ZERO
} else {
    Duration::from_micros(40)
};

/// The most, if the user does not say.
const MOST: u64 = 1_024;

/// How many outcomes the consumer may have at once, at least, if the user does not say. Under the model checker, for which time
/// says nothing, two: so that it searches what several are.
const LEAST_AT_ONCE: u64 = if cfg!(reunite_model) { 2 } else { 1 };

#[derive(Debug)]
pub(super) struct Window {
    size: u64,
    /// How many threads there may be. The machine is asked once: that reads files.
    threads: usize,
    /// If the user did not say how large it is.
    fits: Option<Fits>,
}

#[derive(Debug)]
struct Fits {
    /// Twice the threads.
    least: u64,
    /// What the consumer has taken away and does not yet count as taken.
    held: u64,
    /// What an item takes, in nanoseconds: the later ones count for more.
    mean: Option<u64>,
}

impl Window {
    pub(super) fn new(plan: &Plan) -> Self {
        let threads = plan.threads.unwrap_or_else(available_parallelism);
        let least = u64::try_from(threads).unwrap_or(u64::MAX).saturating_mul(2);
        let told = plan
            .window
            .map(|items| u64::try_from(items).unwrap_or(u64::MAX));
        Self {
            size: told.unwrap_or(least),
            threads,
            fits: told.is_none().then_some(Fits {
                least,
                held: 0,
                mean: None,
            }),
        }
    }

    /// If it has narrowed, it opens for what the consumer holds: when the last of that is given away, twice the threads are
    /// pulled ahead.
    pub(super) fn size(&self) -> u64 {
        let least = |fits: &Fits| fits.least.saturating_add(fits.held);
        self.fits
            .as_ref()
            .map_or(self.size, |fits| self.size.max(least(fits)))
    }

    /// So many outcomes the consumer holds from now on that do not count as taken.
    pub(super) fn hold(&mut self, outcomes: u64) {
        if let Some(fits) = &mut self.fits {
            fits.held = outcomes;
        }
    }

    /// How many threads are of use.
    pub(super) fn threads(&self) -> usize {
        self.threads
            .min(usize::try_from(self.size()).unwrap_or(usize::MAX))
    }

    /// How many outcomes the consumer may have before it says that it took the first of them: so many items are not pulled
    /// meanwhile that could be. One, where the user has said how many those are; where not, twice the threads at least can be.
    pub(super) fn at_once(&self) -> u64 {
        let spare = |fits: &Fits| self.size.saturating_sub(fits.least) / 2;
        self.fits
            .as_ref()
            .map_or(1, |fits| spare(fits).max(LEAST_AT_ONCE))
    }

    /// Whether it is to be told what items take.
    pub(super) fn is_to_fit(plan: &Plan) -> bool {
        plan.window.is_none()
    }

    /// An item took so long.
    pub(super) fn fit(&mut self, spent: Duration) {
        let Some(fits) = &mut self.fits else { return };
        let spent = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        let mean = fits.mean.map_or(spent, |mean| mean / 8 * 7 + spent / 8);
        fits.mean = Some(mean);
        let ahead = u64::try_from(AHEAD.as_nanos()).unwrap_or(u64::MAX);
        let items = (fits.least / 2).saturating_mul(ahead) / mean.max(1);
        self.size = items.clamp(fits.least, fits.least.max(MOST));
    }
}

#[cfg(all(test, not(any(reunite_model, reunite_no_looks))))]
mod tests {
    use std::panic::Location;

    use super::*;

    fn of(threads: usize, window: Option<usize>) -> Window {
        Window::new(&Plan {
            at: Location::caller(),
            name: None,
            threads: Some(threads),
            window,
            item_timeout: None,
            ordered: true,
            fail_fast: false,
        })
    }

    fn after(window: Window, spent: Duration) -> u64 {
        after_items(window, spent).size()
    }

    fn after_items(mut window: Window, spent: Duration) -> Window {
        (0..100).for_each(|_| window.fit(spent));
        window
    }

    #[test]
    fn it_is_wide_for_short_items_and_twice_the_threads_for_others() {
        assert_eq!(of(3, None).size(), 6);
        assert_eq!(after(of(3, None), Duration::from_nanos(1)), MOST);
        assert_eq!(after(of(2, None), Duration::from_micros(1)), 80);
        assert_eq!(after(of(3, None), Duration::from_millis(1)), 6);
        assert_eq!(after(of(3, None), Duration::MAX), 6);
        assert_eq!(after(of(usize::MAX, None), Duration::ZERO), u64::MAX);
    }

    #[test]
    fn it_narrows_when_items_begin_to_last() {
        let mut window = of(2, None);
        (0..100).for_each(|_| window.fit(Duration::from_nanos(50)));
        window.fit(Duration::from_secs(1));
        assert_eq!(window.size(), 4);
    }

    #[test]
    fn the_consumer_takes_one_at_a_time_unless_items_are_short_and_nobody_said_how_many() {
        assert_eq!(of(3, None).at_once(), 1);
        assert_eq!(
            after_items(of(2, None), Duration::from_micros(1)).at_once(),
            38
        );
        assert_eq!(
            after_items(of(2, None), Duration::from_millis(1)).at_once(),
            1
        );
        assert_eq!(
            after_items(of(2, Some(1_000)), Duration::from_micros(1)).at_once(),
            1
        );
    }

    #[test]
    fn it_stays_open_for_what_the_consumer_holds_when_it_narrows() {
        let mut window = after_items(of(2, None), Duration::from_micros(1));
        window.hold(37);
        assert_eq!(window.size(), 80);
        let mut window = after_items(window, Duration::from_millis(1));
        assert_eq!(window.size(), 41);
        window.hold(0);
        assert_eq!(window.size(), 4);
    }

    #[test]
    fn what_the_user_says_stays() {
        assert_eq!(after(of(3, Some(5)), Duration::from_nanos(1)), 5);
        assert_eq!(after(of(3, Some(5_000)), Duration::from_secs(1)), 5_000);
    }
}
