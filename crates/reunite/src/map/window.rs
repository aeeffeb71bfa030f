//! How many items of a map may be pulled and not yet taken.
//!
//! If the user does not say, twice the threads, so that each finds its next item while the consumer takes the last. Items that
//! are so short that threads would wait for the consumer after each get more: as many as all threads run while one of them
//! wakes up.

use super::plan::Plan;
use crate::primitive::Duration;

/// What each thread should have ahead of it. Where time says nothing, the window stays as it is.
const AHEAD: Duration = if cfg!(any(reunite_model, reunite_no_looks)) {
    Duration::ZERO
} else {
    Duration::from_micros(40)
};

/// The most, if the user does not say.
const MOST: u64 = 1_024;

#[derive(Debug)]
pub(super) struct Window {
    size: u64,
    /// If the user did not say how large it is.
    fits: Option<Fits>,
}

#[derive(Debug)]
struct Fits {
    threads: u64,
    /// What an item takes, in nanoseconds: the later ones count for more.
    mean: Option<u64>,
}

impl Window {
    pub(super) fn new(plan: &Plan) -> Self {
        let threads = u64::try_from(plan.threads()).unwrap_or(u64::MAX);
        let told = plan
            .window
            .map(|items| u64::try_from(items).unwrap_or(u64::MAX));
        Self {
            size: told.unwrap_or(threads.saturating_mul(2)),
            fits: told.is_none().then_some(Fits {
                threads,
                mean: None,
            }),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
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
        let items = fits.threads.saturating_mul(ahead) / mean.max(1);
        let least = fits.threads.saturating_mul(2);
        self.size = items.clamp(least, least.max(MOST));
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

    fn after(mut window: Window, spent: Duration) -> u64 {
        (0..100).for_each(|_| window.fit(spent));
        window.size()
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
    fn what_the_user_says_stays() {
        assert_eq!(after(of(3, Some(5)), Duration::from_nanos(1)), 5);
        assert_eq!(after(of(3, Some(5_000)), Duration::from_secs(1)), 5_000);
    }
}
