//! Callbacks of tasks that complete, wherever the tasks run.

mod common;

use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use common::homes::{SCOPES, in_homes};
use common::{Bomb, until, until_cancelled};

/// Checks both orders: callback first and completion first.
#[test]
fn callbacks_run_once_after_completion_and_a_join_does_not_wait_for_them() {
    in_homes(SCOPES, |at| {
        let calls = Arc::new(std::sync::Mutex::new(Vec::new()));
        let count = |n: u32| {
            let calls = Arc::clone(&calls);
            move || calls.lock().unwrap().push(n)
        };
        let (go, gone) = mpsc::channel();
        at.scope(|s| {
            let begin = Arc::new(AtomicBool::new(false));
            let begun = Arc::clone(&begin);
            let task = s.spawn(move || until(|| begun.load(Ordering::SeqCst)));
            // A callback may do anything, such as waiting for the joiner.
            task.on_complete(move || gone.recv().unwrap());
            task.on_complete(|| panic_any("in a callback"));
            task.on_complete(count(1));
            task.on_complete(count(2));
            assert!(calls.lock().unwrap().is_empty());
            begin.store(true, Ordering::SeqCst);
            until(|| task.is_finished());
            task.on_complete(count(0));
            assert_eq!(*calls.lock().unwrap(), [0], "here and now");
            task.join().unwrap();
            assert_eq!(*calls.lock().unwrap(), [0]);
            go.send(()).unwrap();
        });
        // The end of the scope waits for the callbacks.
        assert_eq!(*calls.lock().unwrap(), [0, 1, 2]);
    });
}

#[test]
fn callbacks_race_with_completion_and_none_is_lost() {
    in_homes(SCOPES, |at| {
        let calls = Arc::new(AtomicUsize::new(0));
        at.scope(|s| {
            for round in 0..1000 {
                let task = s.spawn(move || (0..round % 50).for_each(|_| std::hint::spin_loop()));
                for _ in 0..3 {
                    let calls = Arc::clone(&calls);
                    task.on_complete(move || {
                        calls.fetch_add(1, Ordering::SeqCst);
                    });
                }
                task.join().unwrap();
            }
        });
        assert_eq!(calls.load(Ordering::SeqCst), 3000);
        assert_eq!(Arc::strong_count(&calls), 1);
    });
}

#[test]
fn failed_tasks_call_back_too() {
    in_homes(SCOPES, |at| {
        let (tell, told) = mpsc::channel();
        at.scope(|s| {
            for kind in 0..3 {
                let task = s.spawn(move || match kind {
                    0 => (),
                    1 => panic!("kind 1"),
                    _ => until_cancelled().unwind(),
                });
                let tell = tell.clone();
                task.on_complete(move || tell.send(kind).unwrap());
                if kind == 2 {
                    task.cancel();
                }
                let _ = task.join();
            }
        });
        let mut kinds: Vec<_> = told.try_iter().collect();
        kinds.sort_unstable();
        assert_eq!(kinds, [0, 1, 2]);
    });
}

#[test]
fn a_callback_whose_panic_payload_panics_does_not_keep_its_scope_from_ending() {
    in_homes(SCOPES, |at| {
        at.scope(|s| {
            let task = s.spawn(|| ());
            task.on_complete(|| panic_any(Bomb));
            task.join().unwrap();
        });
    });
}
