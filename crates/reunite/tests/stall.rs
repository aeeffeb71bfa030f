//! A wait that lasts suspiciously long reports itself, once. A process of its own: the threshold is for all.

mod common;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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

    let (held, other) = (sync::Mutex::new(()), sync::Mutex::new(()));
    reunite::scope(|s| {
        let guard = held.lock().unwrap();
        let waits = s.spawn_with(reunite::Builder::new().name("patient"), || {
            let _other = other.lock().unwrap();
            held.lock().map(drop)
        });
        common::until(|| {
            all()
                .iter()
                .any(|stall| stall.task.name() == Some("patient"))
        });
        // It has reported itself; it does so no second time.
        reunite::sleep(Duration::from_millis(100)).unwrap();
        drop(guard);
        waits.join().unwrap().unwrap();
    });
    let patient: Vec<_> = all()
        .into_iter()
        .filter(|stall| stall.task.name() == Some("patient"))
        .collect();
    assert_eq!(patient.len(), 1, "{patient:?}");
    let stall = &patient[0];
    assert!(stall.lasted >= Duration::from_millis(30));
    assert_eq!(stall.holds.len(), 1);
    assert!(!stall.is_idle);
    let text = stall.to_string();
    for part in [
        "task `patient`",
        "locks a mutex",
        "stall.rs:",
        "holding a lock since",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }

    let seen = observed.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(seen.contains(&text), "observers are told, too: {seen:?}");
    drop(seen);

    // A thread of somebody else's waits, and one of the library's own computes: that may end it.
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

    // Off in one line.
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
