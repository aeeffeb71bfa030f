//! The window of a map: how many items may be pulled and not yet taken.
//!
//! The default is twice the number of threads, so that each thread finds its next item while the consumer
//! takes the last outcome. Items that are so short that threads would wait for the consumer after each one
//! get a wider window: as many items as all threads run in the time that one of them takes to wake up.

use super::options::MapOptions;
use crate::primitive::{Duration, available_parallelism};

/// The amount of work that each thread should have ahead of it. Zero where measured times mean nothing: then
/// the window keeps its size.
const AHEAD: Duration = if cfg!(any(reunite_model, reunite_no_looks)) {
    Duration::ZERO
} else {
    Duration::from_micros(40)
};

/// The largest window, if the user does not choose one.
const MOST: u64 = 1_024;

/// The least number of outcomes that the consumer may take at once, if the user does not choose a window. Two
/// under the model checker, for which measured times mean nothing, so that it also explores taking several.
const LEAST_AT_ONCE: u64 = if cfg!(reunite_model) { 2 } else { 1 };

#[derive(Debug)]
pub(super) struct Window {
    size: u64,
    /// The largest number of threads. The machine's cores are counted once, as counting reads files.
    threads: usize,
    /// The measurements that adapt the window; `None` if the user chose its size.
    fits: Option<Fits>,
}

#[derive(Debug)]
struct Fits {
    /// The smallest window: twice the number of threads.
    least: u64,
    /// The number of outcomes that the consumer has taken out and that do not count as taken yet.
    held: u64,
    /// The mean time of an item in nanoseconds; later items weigh more.
    mean: Option<u64>,
}

impl Window {
    pub(super) fn new(plan: &MapOptions) -> Self {
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

    /// Returns the size. A window that has narrowed stays open for the outcomes that the consumer holds, so
    /// that twice the number of threads are pulled ahead when the last of them is given away.
    pub(super) fn size(&self) -> u64 {
        let least = |fits: &Fits| fits.least.saturating_add(fits.held);
        self.fits
            .as_ref()
            .map_or(self.size, |fits| self.size.max(least(fits)))
    }

    /// Records that the consumer holds this many outcomes that do not count as taken.
    pub(super) fn hold(&mut self, outcomes: u64) {
        if let Some(fits) = &mut self.fits {
            fits.held = outcomes;
        }
    }

    /// Returns how many threads are of use.
    pub(super) fn threads(&self) -> usize {
        self.threads
            .min(usize::try_from(self.size()).unwrap_or(usize::MAX))
    }

    /// Returns how many outcomes the consumer may take out before it counts the first of them as taken; while
    /// it holds them, that many fewer items can be pulled. One, if the user chose the window; otherwise few
    /// enough that at least twice the number of threads can still be pulled.
    pub(super) fn at_once(&self) -> u64 {
        let spare = |fits: &Fits| self.size.saturating_sub(fits.least) / 2;
        self.fits
            .as_ref()
            .map_or(1, |fits| spare(fits).max(LEAST_AT_ONCE))
    }

    /// Returns true if the window needs the running times of items.
    pub(super) fn is_to_fit(plan: &MapOptions) -> bool {
        plan.window.is_none()
    }

    /// Adapts the window to an item that took `spent`.
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
        Window::new(&MapOptions {
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
    fn the_window_is_wide_for_short_items_and_twice_the_threads_for_long_ones() {
        assert_eq!(of(3, None).size(), 6);
        assert_eq!(after(of(3, None), Duration::from_nanos(1)), MOST);
        assert_eq!(after(of(2, None), Duration::from_micros(1)), 80);
        assert_eq!(after(of(3, None), Duration::from_millis(1)), 6);
        assert_eq!(after(of(3, None), Duration::MAX), 6);
        assert_eq!(after(of(usize::MAX, None), Duration::ZERO), u64::MAX);
    }

    #[test]
    fn the_window_narrows_when_items_become_long() {
        let mut window = of(2, None);
        (0..100).for_each(|_| window.fit(Duration::from_nanos(50)));
        window.fit(Duration::from_secs(1));
        assert_eq!(window.size(), 4);
    }

    #[test]
    fn the_consumer_takes_several_outcomes_only_if_items_are_short_and_the_user_chose_no_window() {
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
    fn a_narrowing_window_stays_open_for_the_outcomes_that_the_consumer_holds() {
        let mut window = after_items(of(2, None), Duration::from_micros(1));
        window.hold(37);
        assert_eq!(window.size(), 80);
        let mut window = after_items(window, Duration::from_millis(1));
        assert_eq!(window.size(), 41);
        window.hold(0);
        assert_eq!(window.size(), 4);
    }

    #[test]
    fn a_window_that_the_user_chose_keeps_its_size() {
        assert_eq!(after(of(3, Some(5)), Duration::from_nanos(1)), 5);
        assert_eq!(after(of(3, Some(5_000)), Duration::from_secs(1)), 5_000);
    }
}
