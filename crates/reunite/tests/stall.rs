//! A wait that lasts suspiciously long reports itself, once. In a process of its own, because the threshold is global.

mod common;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use common::homes::{ALL, Place, in_homes};
use reunite::sync;
use reunite::{Event, Observer, Stall};

#[test]
fn a_wait_that_lasts_reports_itself_once() {
    let _watchdog = common::watchdog();
    let told: Arc<Mutex<Vec<Stall>>> = Arc::default();
    let ours = Arc::clone(&told);
    reunite::on_stall(move |stall| {
        ours.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(stall.clone());
        panic!("a reporter that fails must not end the wait");
    });
    struct Observed(Arc<Mutex<Vec<String>>>);
    impl Observer for Observed {
        fn on_event(&self, event: &Event<'_>) {
            if let Event::Stall { stall } = event {
                let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                seen.push(stall.to_string());
            }
        }
    }
    let observed: Arc<Mutex<Vec<String>>> = Arc::default();
    let _observing = reunite::observe(Observed(Arc::clone(&observed)));
    let all = || told.lock().unwrap_or_else(PoisonError::into_inner).clone();
    reunite::stall_after(Duration::from_millis(30));

    in_homes(ALL, |at| {
        let told = all().len();
        let text = reports_itself_once(at, &|| all().split_off(told));
        let seen = observed.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(seen.contains(&text), "observers are told, too: {seen:?}");
    });

    // A thread outside the library waits, and a thread of the library computes: that one may end the wait.
    let (tx, rx) = reunite::channel::bounded(1);
    let receives = |stall: &&Stall| stall.waits.starts_with("receives");
    reunite::scope(|s| {
        s.spawn(|| {
            common::until(|| all().iter().any(|stall| receives(&stall)));
            tx.send(()).unwrap();
        });
        rx.recv().unwrap();
    });
    let stalls = all();
    let idle = stalls.iter().find(receives).unwrap();
    assert!(idle.is_idle && !idle.is_suspected, "{idle}");

    // One call turns the reports off.
    let held = sync::Mutex::new(());
    reunite::stall_after(None);
    let before = all().len();
    reunite::scope(|s| {
        let guard = held.lock().unwrap();
        s.spawn(|| held.lock().map(drop));
        reunite::sleep(Duration::from_millis(100)).unwrap();
        drop(guard);
    });
    assert_eq!(all().len(), before);
}

/// The second of two tasks waits, with a lock of its own, for a lock that is held. Returns what is reported about it.
fn reports_itself_once(at: &Place, told: &(dyn Fn() -> Vec<Stall> + Sync)) -> String {
    let (held, other) = (sync::Mutex::new(()), sync::Mutex::new(()));
    let names = ["looks on", "patient"];
    let is_patient = |stall: &Stall| {
        let is_users = stall.task.spawned_at().file().ends_with("homes.rs");
        is_users && stall.waits.starts_with("locks a mutex")
    };
    let patient = || {
        let told = told().into_iter();
        told.filter(is_patient).collect::<Vec<_>>()
    };
    std::thread::scope(|threads| {
        let guard = held.lock().unwrap();
        let ran = threads.spawn(|| {
            at.run(&names, |n| {
                if n == 1 {
                    let _other = other.lock().unwrap();
                    drop(held.lock().unwrap());
                } else {
                    // In a pool the first half would keep its fork private.
                    reunite::blocking(|| common::until(|| !patient().is_empty()));
                }
            })
        });
        common::until(|| !patient().is_empty());
        // It has reported itself, and does not do so a second time.
        reunite::sleep(Duration::from_millis(100)).unwrap();
        drop(guard);
        let ran = ran.join().unwrap();
        assert!(ran.iter().all(Result::is_ok));
    });
    let patient = patient();
    assert_eq!(patient.len(), 1, "{patient:?}");
    let stall = &patient[0];
    assert!(stall.lasted >= Duration::from_millis(30));
    assert_eq!(stall.holds.len(), 1);
    assert!(!stall.is_idle);
    let text = stall.to_string();
    let name = at.home.names(1, "patient");
    for part in [&name, "locks a mutex", "stall.rs:", "holding a lock since"] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    text
}
