//! Errors of a map's items that were not taken are reported when the map is dropped.

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, OnceLock};

use common::{until_cancelled, watchdog};
use reunite::{Pool, UnjoinedError, scope};

static TOLD: Mutex<Vec<UnjoinedError>> = Mutex::new(Vec::new());

/// Records the reports from now on.
fn listen() {
    static REPORTER: OnceLock<()> = OnceLock::new();
    REPORTER.get_or_init(|| {
        reunite::on_unjoined_error(|unjoined| TOLD.lock().unwrap().push(unjoined.clone()));
    });
}

/// The items of maps of this name that were reported, each once.
fn told(name: &str) -> BTreeSet<usize> {
    let told = TOLD.lock().unwrap();
    let of_it = told.iter().filter(|it| it.task.name() == Some(name));
    let numbers: Vec<_> = of_it.map(|it| it.task.item().unwrap()).collect();
    let distinct: BTreeSet<_> = numbers.iter().copied().collect();
    assert_eq!(distinct.len(), numbers.len(), "{name}: {numbers:?}");
    distinct
}

fn fails(n: usize) -> Result<usize, String> {
    Err(format!("item {n}"))
}

#[test]
fn errors_of_a_map_on_threads_are_reported() {
    let _watch = watchdog();
    listen();
    let all = Barrier::new(3);
    // All three have begun when the first outcome is taken.
    let meets = |n| {
        all.wait();
        fails(n)
    };
    scope(|s| {
        let fallible = s.try_map(0..3, meets).name("fallible").threads(3).window(3);
        let first = fallible.into_iter().next().unwrap();
        assert!(first.unwrap_err().is_error());
        let values = s.map(0..3, meets).name("values").threads(3).window(3);
        assert!(values.into_iter().next().unwrap().unwrap().is_err());
    });
    assert_eq!(told("fallible"), BTreeSet::from([1, 2]));
    assert_eq!(told("values"), BTreeSet::from([1, 2]));
}

/// Also errors that the consumer has taken from the map's threads, and its user not yet from the consumer.
#[test]
fn errors_are_reported_in_the_order_of_the_items() {
    let _watch = watchdog();
    listen();
    let pulled = AtomicUsize::new(0);
    scope(|s| {
        let source = (0..5_000).inspect(|_| {
            pulled.fetch_add(1, Ordering::SeqCst);
        });
        let map = s.try_map(source, fails).name("many").threads(2);
        let mut outcomes = map.into_iter();
        for _ in 0..1_000 {
            assert!(outcomes.next().unwrap().is_err());
        }
    });
    let told = TOLD.lock().unwrap();
    let of_it = told.iter().filter(|it| it.task.name() == Some("many"));
    let numbers: Vec<_> = of_it.map(|it| it.task.item().unwrap()).collect();
    assert!(
        numbers.is_sorted() && numbers.first().is_none_or(|first| *first >= 1_000),
        "{numbers:?}"
    );
    // Each thread may have had one item that was cancelled before it began.
    let untold = pulled.into_inner() - 1_000 - numbers.len();
    assert!(untold <= 2, "{untold} of {numbers:?}");
}

#[test]
fn errors_of_a_map_in_a_pool_are_reported() {
    let _watch = watchdog();
    listen();
    let pool = Pool::builder().threads(2).build().unwrap();
    let both = Barrier::new(2);
    pool.scope(|s| {
        // The first batches have one item each, and these two wait for each other.
        let meets = |n| {
            both.wait();
            fails(n)
        };
        let name = |_: &usize| "in a pool".to_owned();
        let mut outcomes = s.map(0..2, meets).label(name);
        assert!(outcomes.next().unwrap().unwrap().is_err());
    });
    assert_eq!(told("in a pool"), BTreeSet::from([1]));
}

#[test]
fn taken_outcomes_values_and_cancelled_items_are_not_reported() {
    let _watch = watchdog();
    listen();
    let all = Barrier::new(3);
    scope(|s| {
        let map = s.try_map(0..8, fails).name("taken").threads(2).window(4);
        assert_eq!(map.into_iter().count(), 8);
        let values = s.map(0..8, |n| n).name("no errors").threads(2).window(4);
        assert!(values.into_iter().next().is_some());
        let cancelled = s.try_map(0..3, |n| {
            all.wait();
            if n == 0 {
                return Ok(0);
            }
            Err(until_cancelled())
        });
        let mut outcomes = cancelled.name("cancelled").threads(3).window(3).into_iter();
        assert_eq!(outcomes.next().unwrap().unwrap(), 0);
        drop(outcomes);
    });
    Pool::global().scope(|s| {
        let name = |_: &usize| "taken in a pool".to_owned();
        assert_eq!(s.map(0..100, fails).label(name).count(), 100);
        let name = |_: &usize| "no errors in a pool".to_owned();
        assert!(s.map(0..100, Ok::<_, ()>).label(name).next().is_some());
    });
    let in_pool = ["taken in a pool", "no errors in a pool"];
    for name in ["taken", "no errors", "cancelled"]
        .into_iter()
        .chain(in_pool)
    {
        assert_eq!(told(name), BTreeSet::new(), "{name}");
    }
}
