//! Callbacks and values of users may panic when they are called or dropped, and the payload of that panic may
//! panic again when it is dropped. The library contains both.

mod common;

use std::panic::panic_any;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use common::{Bomb, until, until_cancelled, watchdog, with_time_enough};

#[test]
fn a_detached_task_whose_panic_payload_panics_is_gone_afterwards() {
    let _watchdog = watchdog();
    let bomber = reunite::Builder::new().name("bomber");
    bomber.spawn(|| panic_any(Bomb)).detach();
    until(|| {
        let detached = reunite::detached();
        !detached
            .iter()
            .any(|late| late.task.name() == Some("bomber"))
    });
}

#[test]
fn a_late_map_value_whose_panic_payload_panics_costs_no_thread() {
    struct Value;
    impl Drop for Value {
        fn drop(&mut self) {
            panic_any(Bomb);
        }
    }
    let _watchdog = watchdog();
    with_time_enough(|time| {
        let (timed_out, told) = mpsc::channel::<()>();
        let told = Mutex::new(told);
        let ended = reunite::ScopeBuilder::new().scope(|s| {
            let outcomes = s
                .map(0..4, |n| {
                    (n == 1).then(|| {
                        until_cancelled();
                        told.lock().unwrap().recv().unwrap();
                        Value
                    })
                })
                .threads(2)
                .item_timeout(time);
            let mut late = Vec::new();
            for (n, outcome) in outcomes.into_iter().enumerate() {
                if outcome.is_err_and(|error| error.is_timeout()) {
                    late.push(n);
                    timed_out.send(()).unwrap();
                }
            }
            late
        });
        let late = ended.unwrap();
        assert!(late.contains(&1), "{late:?}");
        (late == [1]).then_some(())
    });
}

#[test]
fn a_scope_in_the_destructor_of_a_thread_local_works() {
    struct Last(mpsc::Sender<u32>);
    impl Drop for Last {
        fn drop(&mut self) {
            let in_scope = reunite::scope(|s| s.spawn(|| 1).join().unwrap());
            let alone = reunite::spawn(|| 2).join().unwrap();
            let mapped: u32 = reunite::map(3..5, |n| n).into_iter().flatten().sum();
            reunite::shield(|| reunite::sleep(Duration::from_millis(1)).unwrap());
            self.0.send(in_scope + alone + mapped).unwrap();
        }
    }
    thread_local! {
        static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) };
    }
    let _watchdog = watchdog();
    // Used before the library's own thread-locals, or after, so that they are destroyed in either order.
    for library_first in [true, false] {
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            if library_first {
                reunite::scope(|_| ());
            }
            LAST.set(Some(Last(tell)));
            reunite::scope(|_| ());
        });
        thread.join().unwrap();
        assert_eq!(told.recv().unwrap(), 10);
    }
}
