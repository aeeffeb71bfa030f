//! Barriers: an arrival that was given up does not count.

mod common;

use std::time::Duration;

use common::{LONG, watchdog};
use reunite::sync::Barrier;

#[test]
fn an_arrival_that_was_given_up_does_not_count() {
    let _watchdog = watchdog();
    let barrier = Barrier::new(2);
    for _ in 0..3 {
        let error = barrier.wait_timeout(Duration::ZERO).unwrap_err();
        assert!(error.is_timeout(), "{error}");
    }
    let led = reunite::scope(|s| {
        let other = s.spawn(|| barrier.wait().unwrap());
        [barrier.wait().unwrap(), other.join().unwrap()]
    });
    assert_ne!(led[0], led[1], "one of them led");
}

/// A thread that arrived before and still waits goes on with the others.
#[test]
fn giving_up_takes_back_no_other_arrival() {
    let _watchdog = watchdog();
    let barrier = Barrier::new(3);
    reunite::scope(|s| {
        let first = s.spawn(|| barrier.wait_timeout(LONG).unwrap());
        common::until(|| format!("{first:?}").contains("in wait"));
        let gives_up = s.spawn(|| barrier.wait().unwrap_err());
        common::until(|| format!("{gives_up:?}").contains("in wait"));
        gives_up.cancel();
        assert!(gives_up.join().unwrap().is_cancelled());
        let last = s.spawn(|| barrier.wait().unwrap());
        let here = barrier.wait().unwrap();
        let led = [here, last.join().unwrap(), first.join().unwrap()];
        assert_eq!(led.into_iter().filter(|led| *led).count(), 1);
    });
}
