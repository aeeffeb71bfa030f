//! Joins of tasks that have a thread: handles outside scopes, and errors of fallible tasks, in addition to what
//! `homes_joins.rs` tests wherever tasks run.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use common::watchdog;
use reunite::{Builder, JoinHandle, ScopeBuilder, scope, spawn, try_scope};

#[derive(Debug, PartialEq)]
struct Custom(Vec<u8>);

#[test]
fn an_error_asked_for_another_kind_is_given_back_whole() {
    let _watch = watchdog();
    let error = Builder::new()
        .name("b")
        .spawn(|| panic!("kept"))
        .join()
        .unwrap_err();
    let error = error.into_error().unwrap_err();
    assert_eq!(
        (error.panic_message(), error.task().unwrap().name()),
        (Some("kept"), Some("b"))
    );

    let _ = try_scope::<(), _, _>(|s| {
        let error = s
            .spawn(|| Err::<(), _>(Custom(vec![7])))
            .join()
            .unwrap_err();
        let error = error.into_panic().unwrap_err();
        assert_eq!(error.error(), Some(&Custom(vec![7])));
        assert_eq!(error.into_error().unwrap(), Custom(vec![7]));
        Ok(())
    });
}

#[test]
fn a_failure_that_the_scope_took_is_not_returned_twice() {
    let _watch = watchdog();
    let escaped = Mutex::new(None);
    let error = ScopeBuilder::new()
        .scope(|s| *escaped.lock().unwrap() = Some(s.spawn(|| panic!("told by the scope"))))
        .unwrap_err();
    assert_eq!(error.failures().len(), 1);
    let escaped: JoinHandle<()> = escaped.into_inner().unwrap().unwrap();
    assert!(escaped.join().unwrap_err().is_refused());
}

#[test]
fn a_handle_outlives_its_scope_with_the_value() {
    let _watch = watchdog();
    let handle = scope(|s| s.spawn(|| vec![1, 2, 3]));
    assert!(handle.is_finished());
    assert_eq!(handle.join().unwrap(), [1, 2, 3]);
}

#[test]
fn a_failure_arrives_exactly_once_whatever_the_timeouts() {
    let _watch = watchdog();
    for round in 0..2000_u64 {
        let result = try_scope::<_, u64, _>(|s| {
            let mut task = s.spawn(move || Err::<(), _>(round));
            let joined = task.join_timeout(Duration::from_nanos(round % 37 * 500));
            Ok(joined.unwrap_err().into_error().ok())
        });
        match result {
            // The body took it.
            Ok(taken) => assert_eq!(taken, Some(round)),
            // The join timed out, so the scope returns the failure.
            Err(error) => {
                assert_eq!(error.failures().len(), 1);
                assert_eq!(error.into_error().unwrap(), round);
            }
        }
    }
}

#[test]
fn timeouts_beyond_the_clock_are_joins_without_limit() {
    let _watch = watchdog();
    let (go, gone) = mpsc::channel();
    let mut task = spawn(move || gone.recv().unwrap());
    std::thread::spawn(move || go.send(3).unwrap());
    assert_eq!(task.join_timeout(Duration::MAX).unwrap(), 3);
}

#[test]
fn a_handle_dropped_by_its_own_task_does_not_wait_for_itself() {
    let _watch = watchdog();
    let (give, take) = mpsc::channel::<JoinHandle<()>>();
    let (tell, told) = mpsc::channel();
    let task = spawn(move || {
        drop(take.recv().unwrap());
        tell.send(reunite::checkpoint().is_err()).unwrap();
    });
    give.send(task).unwrap();
    assert!(
        told.recv().unwrap(),
        "dropping it asked the task to stop, and did not wait for itself"
    );

    scope(|s| {
        let (give, take) = mpsc::channel::<JoinHandle<()>>();
        let task = s.spawn(move || {
            drop(take.recv().unwrap());
            reunite::checkpoint().unwrap();
        });
        give.send(task).unwrap();
    });
}

#[test]
fn a_callback_runs_once_before_or_after_completion() {
    let _watch = watchdog();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = || {
        let calls = Arc::clone(&calls);
        move || {
            calls.fetch_add(1, Ordering::SeqCst);
        }
    };
    let (go, gone) = mpsc::channel::<()>();
    let task = spawn(move || gone.recv().is_err());
    task.on_complete(count());
    task.on_complete(count());
    assert_eq!(
        calls.load(Ordering::SeqCst),
        0,
        "called before the task has completed"
    );
    let (seen, see) = mpsc::channel();
    task.on_complete(move || seen.send(std::thread::current().id()).unwrap());
    drop(go);
    assert_ne!(
        see.recv().unwrap(),
        std::thread::current().id(),
        "called on the joiner's thread"
    );
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    let (seen, see) = mpsc::channel();
    task.on_complete(move || seen.send(std::thread::current().id()).unwrap());
    assert_eq!(
        see.try_recv().unwrap(),
        std::thread::current().id(),
        "not called on this thread at once"
    );
    task.on_complete(count());
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert!(task.join().unwrap());
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[test]
fn a_callback_can_take_the_result() {
    let _watch = watchdog();
    let (tell, told) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let handle = Arc::new(Mutex::new(spawn(move || gone.recv().is_err())));
    let inside = Arc::clone(&handle);
    handle
        .lock()
        .unwrap()
        .on_complete(move || tell.send(inside.lock().unwrap().try_join()).unwrap());
    drop(go);
    assert!(told.recv().unwrap().expect("it has completed").unwrap());
}

#[test]
fn a_callback_that_panics_affects_nothing_else() {
    let _watch = watchdog();
    let (tell, told) = mpsc::channel();
    let value = scope(|s| {
        let (go, gone) = mpsc::channel::<()>();
        let task = s.spawn(move || gone.recv().is_err());
        task.on_complete(|| panic!("in a callback"));
        let tell_after = tell.clone();
        task.on_complete(move || tell_after.send("next").unwrap());
        drop(go);
        task.join().unwrap()
    });
    assert!(value);
    assert_eq!(told.recv().unwrap(), "next");

    let task = spawn(|| 1);
    while !task.is_finished() {
        std::thread::yield_now();
    }
    task.on_complete(|| panic!("in a callback that came late"));
    assert_eq!(task.join().unwrap(), 1);
}

#[test]
fn a_window_takes_the_result_when_it_is_notified() {
    let _watch = watchdog();
    let (repaint, repaints) = mpsc::channel();
    let mut task = spawn(|| "painted");
    task.on_complete(move || repaint.send(()).unwrap());
    repaints.recv().unwrap();
    assert_eq!(task.try_join().unwrap().unwrap(), "painted");
}
