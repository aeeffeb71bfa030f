//! The end of the program: one test, because it concerns every task of the process.

mod common;

use std::sync::mpsc;
use std::time::Duration;

use common::{until_cancelled, watchdog};

#[test]
fn shutdown_stops_what_stops_and_names_what_does_not() {
    let _watchdog = watchdog();
    let (go, wait) = mpsc::channel::<()>();
    let (started, starting) = mpsc::channel::<()>();
    let builder = |name| reunite::Builder::new().name(name);
    builder("obedient").spawn(until_cancelled).detach();
    let ours = started.clone();
    builder("deaf")
        .spawn(move || {
            ours.send(()).unwrap();
            wait.recv().unwrap();
        })
        .detach();
    let held = builder("held").spawn(until_cancelled);
    starting.recv().unwrap();
    let names = |list: &[reunite::Straggler]| -> Vec<String> {
        list.iter()
            .map(|late| late.task.name().unwrap_or("?").to_owned())
            .collect()
    };
    assert!(names(&reunite::detached()).contains(&"deaf".to_owned()));

    let late = reunite::shutdown(Duration::from_millis(200)).unwrap_err();
    let named: Vec<_> = late.iter().cloned().collect();
    assert_eq!(names(&named), ["deaf"], "{late}");
    assert!(late.to_string().contains("task `deaf`"), "{late}");
    assert!(held.is_finished());

    go.send(()).unwrap();
    reunite::shutdown(Duration::from_secs(50)).unwrap();
    assert!(reunite::detached().is_empty());
    // Not final.
    assert_eq!(reunite::spawn(|| 1).join().unwrap(), 1);
}
