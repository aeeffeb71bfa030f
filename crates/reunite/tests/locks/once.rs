//! Once cells: values that are stored, and waits for them.

use std::time::{Duration, Instant};

use crate::common::{LONG, watchdog};
use reunite::sync::{Barrier, OnceCell};

#[test]
fn all_that_wait_get_the_value_that_is_set() {
    let _watchdog = watchdog();
    let cell = OnceCell::new();
    reunite::scope(|s| {
        let tasks = [(); 3].map(|()| s.spawn(|| *cell.wait_timeout(LONG).unwrap()));
        for task in &tasks {
            crate::common::until(|| format!("{task:?}").contains("in wait"));
        }
        cell.set(1).unwrap();
        assert_eq!(tasks.map(|task| task.join().unwrap()), [1; 3]);
    });
    assert_eq!(cell.set(2), Err(2));
    assert_eq!(*cell.wait_timeout(LONG).unwrap(), 1);
    assert_eq!(*cell.wait_deadline(Instant::now()).unwrap(), 1);
}

#[test]
fn all_that_wait_get_the_value_that_is_made() {
    let _watchdog = watchdog();
    let cell = OnceCell::new();
    reunite::scope(|s| {
        let waits = s.spawn(|| *cell.wait_timeout(LONG).unwrap());
        crate::common::until(|| format!("{waits:?}").contains("in wait"));
        assert_eq!(*cell.get_or_init(|| 1).unwrap(), 1);
        assert_eq!(waits.join().unwrap(), 1);
    });
}

#[test]
fn a_wait_that_gives_up_leaves_the_others_waiting() {
    let _watchdog = watchdog();
    let cell = OnceCell::new();
    let error = cell.wait_timeout(Duration::ZERO).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    reunite::scope(|s| {
        let cancelled = s.spawn(|| cell.wait().unwrap_err());
        let waits = s.spawn(|| *cell.wait_timeout(LONG).unwrap());
        crate::common::until(|| format!("{cancelled:?}").contains("in wait"));
        crate::common::until(|| format!("{waits:?}").contains("in wait"));
        cancelled.cancel();
        assert!(cancelled.join().unwrap().is_cancelled());
        cell.set(1).unwrap();
        assert_eq!(waits.join().unwrap(), 1);
    });
}

/// The value that is made meanwhile is dropped, and all see the one that was stored first.
#[test]
fn a_value_that_is_set_while_another_is_made_is_the_value() {
    let _watchdog = watchdog();
    let (cell, met) = (OnceCell::new(), Barrier::new(2));
    reunite::scope(|s| {
        let makes = s.spawn(|| {
            let made = cell.get_or_init(|| {
                met.wait().unwrap();
                met.wait().unwrap();
                String::from("made")
            });
            made.unwrap().clone()
        });
        met.wait().unwrap();
        cell.set(String::from("set")).unwrap();
        assert_eq!(cell.wait().unwrap(), "set");
        met.wait().unwrap();
        assert_eq!(makes.join().unwrap(), "set");
    });
}

#[test]
fn a_cell_whose_value_was_taken_is_empty() {
    let mut cell = OnceCell::new();
    assert!(cell.get_mut().is_none() && cell.take().is_none());
    cell.set(1).unwrap();
    *cell.get_mut().unwrap() += 1;
    assert_eq!(cell.take(), Some(2));
    assert_eq!(*cell.get_or_init(|| 3).unwrap(), 3);
    assert_eq!(cell.into_inner(), Some(3));
}

/// The task that makes a value is slower than one that sets it.
#[test]
fn a_wait_for_the_maker_returns_a_value_that_was_set_meanwhile() {
    let _watchdog = watchdog();
    let cell = OnceCell::new();
    let made = std::sync::Barrier::new(2);
    reunite::scope(|s| {
        let maker = s.spawn(|| {
            *cell
                .get_or_init(|| {
                    made.wait();
                    made.wait();
                    1
                })
                .unwrap()
        });
        made.wait();
        let waits = s.spawn_with(reunite::Builder::new().name("waits"), || {
            cell.get_or_init_timeout(|| 2, Duration::from_millis(30))
                .copied()
        });
        crate::common::until_waits("waits", "once cell");
        cell.set(3).unwrap();
        // Its time runs out, because the maker goes on only after that.
        assert_eq!(waits.join().unwrap().unwrap(), 3);
        made.wait();
        assert_eq!(maker.join().unwrap(), 3);
    });
}
