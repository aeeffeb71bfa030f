//! Joins: every value, error and payload arrives exactly once, whoever asks, whenever.

mod common;

use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use common::{Counted, LONG, payload_of, until_cancelled, watchdog};
use reunite::{Builder, JoinHandle, ScopeBuilder, scope, spawn, try_scope};

#[derive(Debug, PartialEq)]
struct Custom(Vec<u8>);

#[test]
fn every_payload_keeps_its_type() {
    let _watch = watchdog();
    let error = spawn(|| panic_any(Custom(vec![1, 2]))).join().unwrap_err();
    assert!(error.is_panic() && !error.is_error() && !error.is_refused() && !error.is_timeout());
    assert_eq!(error.panic_message(), Some("a payload that is not text"));
    assert_eq!(
        *error.into_panic().unwrap().downcast::<Custom>().unwrap(),
        Custom(vec![1, 2])
    );

    let error = spawn(|| panic!("literal")).join().unwrap_err();
    assert_eq!(error.panic_message(), Some("literal"));
    assert_eq!(
        *error.into_panic().unwrap().downcast::<&str>().unwrap(),
        "literal"
    );

    let n = 3;
    let error = spawn(move || panic!("formatted {n}")).join().unwrap_err();
    assert_eq!(error.panic_message(), Some("formatted 3"));
    assert!(error.to_string().contains("panicked: formatted 3"));
    assert_eq!(
        *error.into_panic().unwrap().downcast::<String>().unwrap(),
        "formatted 3"
    );
}

#[test]
fn resume_goes_on_with_the_payload_itself() {
    let _watch = watchdog();
    let error = spawn(|| panic_any(Custom(vec![9]))).join().unwrap_err();
    let payload = payload_of(|| error.resume());
    assert_eq!(*payload.downcast::<Custom>().unwrap(), Custom(vec![9]));

    let task = spawn(|| ());
    let error = spawn(until_cancelled);
    error.cancel();
    drop(task);
    let payload = payload_of(|| match error.join() {
        Ok(cancelled) => panic!("{cancelled}"),
        Err(error) => error.resume(),
    });
    assert!(
        payload
            .downcast::<String>()
            .unwrap()
            .contains("cancelled by task")
    );
}

#[test]
fn what_an_error_is_not_gives_it_back_whole() {
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
fn a_result_is_taken_only_once() {
    let _watch = watchdog();
    let mut task = Builder::new().name("once").spawn(|| String::from("only"));
    while !task.is_finished() {
        std::thread::yield_now();
    }
    assert_eq!(task.try_join().unwrap().unwrap(), "only");
    assert!(task.try_join().is_none());
    assert!(task.is_finished());
    for error in [
        task.join_timeout(Duration::ZERO).unwrap_err(),
        task.join_timeout(LONG).unwrap_err(),
        task.join_deadline(Instant::now()).unwrap_err(),
        task.join().unwrap_err(),
    ] {
        assert!(error.is_refused() && !error.is_timeout());
        let text = error.to_string();
        assert!(
            text.contains("`once`") && text.contains("was joined before"),
            "{text}"
        );
    }
}

#[test]
fn a_taken_failure_is_taken_too() {
    let _watch = watchdog();
    let mut task = spawn(|| panic!("taken"));
    assert!(task.join_timeout(LONG).unwrap_err().is_panic());
    assert!(task.join().unwrap_err().is_refused());
}

#[test]
fn a_failure_that_the_scope_took_is_not_found_twice() {
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
fn a_task_cannot_join_itself() {
    let _watch = watchdog();
    let (give, take) = mpsc::channel::<JoinHandle<String>>();
    let (tell, told) = mpsc::channel();
    let task = Builder::new().name("me").spawn(move || {
        let mut me = take.recv().unwrap();
        let error = me.join_timeout(LONG).unwrap_err();
        assert!(error.is_refused() && !error.is_timeout());
        tell.send(error.to_string()).unwrap();
        let error = me.join().unwrap_err();
        assert!(error.is_refused());
        tell.send("went on".to_owned()).unwrap();
        String::new()
    });
    give.send(task).unwrap();
    let text = told.recv().unwrap();
    assert!(
        text.contains("task `me`") && text.contains("joins itself"),
        "{text}"
    );
    assert_eq!(told.recv().unwrap(), "went on");
}

#[test]
fn a_scopes_task_cannot_join_itself() {
    let _watch = watchdog();
    let own: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);
    let told = scope(|s| {
        let (tell, told) = mpsc::channel();
        let own = &own;
        let guard = own.lock().unwrap();
        let handle = s.spawn(move || {
            let me = own.lock().unwrap().take().unwrap();
            tell.send(me.join().unwrap_err()).unwrap();
        });
        { guard }.replace(handle);
        told.recv().unwrap()
    });
    assert!(told.is_refused());
}

/// The innermost of `depth` nested scopes, each in a task of the one around, joins the outermost task.
fn join_from_below(depth: usize, target: &Mutex<Option<JoinHandle<()>>>) -> String {
    if depth == 0 {
        let mut target = target.lock().unwrap();
        return target
            .as_mut()
            .unwrap()
            .join_timeout(LONG)
            .unwrap_err()
            .to_string();
    }
    scope(|s| {
        s.spawn(|| join_from_below(depth - 1, target))
            .join()
            .unwrap()
    })
}

#[test]
fn nobody_joins_a_task_that_waits_for_it() {
    let _watch = watchdog();
    for depth in 1..4 {
        let target: Arc<Mutex<Option<JoinHandle<()>>>> = Arc::default();
        let (tell, told) = mpsc::channel();
        let mut guard = target.lock().unwrap();
        let inside = Arc::clone(&target);
        *guard = Some(Builder::new().name("outermost").spawn(move || {
            tell.send(join_from_below(depth, &inside)).unwrap();
        }));
        drop(guard);
        let text = told.recv().unwrap();
        assert!(
            text.contains("deadlock") && text.contains("task `outermost`"),
            "{text}"
        );
        assert!(text.contains("join.rs:"), "{text}");
        target.lock().unwrap().take().unwrap().join().unwrap();
    }
}

#[test]
fn a_sibling_may_join_a_sibling() {
    let _watch = watchdog();
    let sum = scope(|s| {
        let mut last = s.spawn(|| 0_u64);
        for n in 1..=100 {
            last = s.spawn(move || last.join().unwrap() + n);
        }
        last.join().unwrap()
    });
    assert_eq!(sum, 5050);
}

#[test]
fn a_timed_out_join_keeps_the_handle_and_says_what_the_task_does() {
    let _watch = watchdog();
    let (asleep, is_asleep) = mpsc::channel();
    let mut job = Builder::new().name("job").spawn(move || {
        asleep.send(()).unwrap();
        until_cancelled().reason().to_owned()
    });
    let spawned_at = job.spawned_at();
    is_asleep.recv().unwrap();
    let error = loop {
        let error = job.join_timeout(Duration::from_millis(2)).unwrap_err();
        assert!(error.is_timeout() && !error.is_refused() && !error.is_cancelled());
        if error.doing().unwrap().starts_with("in sleep") {
            break error;
        }
        assert_eq!(error.doing(), Some("running"));
    };
    assert!(error.age().unwrap() >= Duration::from_millis(2));
    let text = error.to_string();
    let line = format!(
        "task `job` ({}:{}) still running after ",
        file!(),
        spawned_at.line()
    );
    assert!(text.starts_with(&line), "{text}");
    assert!(text.contains("in sleep for"), "{text}");
    job.cancel();
    assert_eq!(job.join().unwrap(), "cancelled through its handle");
}

#[test]
fn a_timeout_says_what_a_blocked_joiner_waits_for() {
    let _watch = watchdog();
    let (held, hold) = mpsc::channel::<()>();
    let result = scope(|s| {
        let (started, has_started) = mpsc::channel();
        let inner = s.spawn_with(Builder::new().name("inner"), move || {
            started.send(()).unwrap();
            hold.recv().is_err()
        });
        has_started.recv().unwrap();
        let mut outer = s.spawn_with(Builder::new().name("outer"), || inner.join().unwrap());
        loop {
            let error = outer.join_timeout(Duration::from_millis(1)).unwrap_err();
            if error
                .doing()
                .unwrap()
                .starts_with("in join of task `inner`")
            {
                break;
            }
        }
        drop(held);
        outer.join().unwrap()
    });
    assert!(result);
}

#[test]
fn a_result_that_is_there_beats_every_limit() {
    let _watch = watchdog();
    for _ in 0..200 {
        let mut task = spawn(|| 5);
        while !task.is_finished() {
            std::thread::yield_now();
        }
        assert_eq!(task.join_timeout(Duration::ZERO).unwrap(), 5);
        let mut task = spawn(|| 6);
        while !task.is_finished() {
            std::thread::yield_now();
        }
        assert_eq!(
            task.join_deadline(Instant::now() - Duration::from_millis(1))
                .unwrap(),
            6
        );
    }
}

/// Results and timeouts race: the value arrives once, in the first join that does not time out.
#[test]
fn a_value_arrives_exactly_once_whatever_the_timeouts() {
    let _watch = watchdog();
    let (drops, mut timeouts) = (AtomicUsize::new(0), 0);
    const ROUNDS: usize = 5000;
    scope(|s| {
        for round in 0..ROUNDS {
            let drops = &drops;
            let mut task = s.spawn(move || {
                (0..round % 97).for_each(|_| std::hint::spin_loop());
                (round, Counted(drops))
            });
            let mut timeout = Duration::from_nanos((round % 61) as u64 * 300);
            let value = loop {
                match task.join_timeout(timeout) {
                    Ok(value) => break value,
                    Err(error) => {
                        assert!(error.is_timeout(), "{error}");
                        timeouts += 1;
                        timeout += Duration::from_micros(1);
                    }
                }
            };
            assert_eq!((value.0, drops.load(Ordering::SeqCst)), (round, round));
            assert!(task.try_join().is_none());
            drop(value);
            assert_eq!(drops.load(Ordering::SeqCst), round + 1);
        }
    });
    assert!(timeouts > 0, "the race was never lost");
    assert_eq!(drops.into_inner(), ROUNDS);
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
            // The join timed out, so the scope tells it.
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
fn a_handle_may_be_joined_on_any_thread() {
    let _watch = watchdog();
    let task = spawn(|| 11);
    assert_eq!(
        std::thread::spawn(move || task.join().unwrap())
            .join()
            .unwrap(),
        11
    );

    let (give, take) = mpsc::channel::<JoinHandle<usize>>();
    let sum = scope(|s| {
        let collector =
            s.spawn(move || take.iter().map(|task| task.join().unwrap()).sum::<usize>());
        (0..50).for_each(|n| give.send(s.spawn(move || n)).unwrap());
        drop(give);
        collector.join().unwrap()
    });
    assert_eq!(sum, 49 * 25);
}

#[test]
fn a_handle_dropped_by_its_own_task_stops_nobody() {
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
fn a_cancelled_joiner_is_interrupted_and_the_task_goes_on() {
    let _watch = watchdog();
    let (go, gone) = mpsc::channel::<()>();
    let value = scope(|s| {
        let (give_back, taken_back) = mpsc::channel();
        let (joining, is_joining) = mpsc::channel();
        let mut task = s.spawn_with(Builder::new().name("steady"), move || gone.recv().is_err());
        let joiner = s.spawn(move || {
            joining.send(()).unwrap();
            let error = task.join_timeout(LONG).unwrap_err();
            give_back.send(task).unwrap();
            error
        });
        is_joining.recv().unwrap();
        joiner.cancel();
        let error = joiner.join().unwrap();
        assert!(error.is_interrupted() && error.is_cancelled() && !error.is_timeout());
        let text = error.to_string();
        assert!(
            text.contains("the join of task `steady`") && text.contains("interrupted"),
            "{text}"
        );
        drop(go);
        taken_back.recv().unwrap().join().unwrap()
    });
    assert!(value);
}

#[test]
fn a_result_beats_the_cancellation_of_the_joiner() {
    let _watch = watchdog();
    scope(|s| {
        let task = s.spawn(|| 1);
        while !task.is_finished() {
            std::thread::yield_now();
        }
        s.cancel("everything");
        assert_eq!(task.join().unwrap(), 1);
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
    assert_eq!(calls.load(Ordering::SeqCst), 0, "not before it completes");
    let (seen, see) = mpsc::channel();
    task.on_complete(move || seen.send(std::thread::current().id()).unwrap());
    drop(go);
    assert_ne!(
        see.recv().unwrap(),
        std::thread::current().id(),
        "on the task's thread"
    );
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    let (seen, see) = mpsc::channel();
    task.on_complete(move || seen.send(std::thread::current().id()).unwrap());
    assert_eq!(
        see.try_recv().unwrap(),
        std::thread::current().id(),
        "here and now"
    );
    task.on_complete(count());
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert!(task.join().unwrap());
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[test]
fn callbacks_race_with_completion_and_none_is_lost() {
    let _watch = watchdog();
    let calls = Arc::new(AtomicUsize::new(0));
    for round in 0..3000 {
        let task = spawn(move || (0..round % 50).for_each(|_| std::hint::spin_loop()));
        for _ in 0..3 {
            let calls = Arc::clone(&calls);
            task.on_complete(move || {
                calls.fetch_add(1, Ordering::SeqCst);
            });
        }
        task.join().unwrap();
    }
    // A join wakes before the callbacks of the task have all run: wait for the last.
    while calls.load(Ordering::SeqCst) < 9000 {
        std::thread::yield_now();
    }
    assert_eq!(Arc::strong_count(&calls), 1);
}

#[test]
fn a_callback_finds_the_result_there() {
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

/// It may do anything, such as waiting for what the joiner does.
#[test]
fn a_join_does_not_wait_for_a_callback() {
    let _watch = watchdog();
    let ((begin, begun), (go, gone)) = (mpsc::channel::<()>(), mpsc::channel());
    let task = spawn(move || begun.recv().is_err());
    task.on_complete(move || gone.recv().unwrap());
    drop(begin);
    assert!(task.join().unwrap());
    go.send(()).unwrap();
}

#[test]
fn the_end_of_a_scope_waits_for_callbacks_one_after_the_other() {
    let _watch = watchdog();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let (go, gone) = mpsc::channel();
    scope(|s| {
        let (begin, begun) = mpsc::channel::<()>();
        let task = s.spawn(move || begun.recv().is_err());
        let first = Arc::clone(&calls);
        task.on_complete(move || {
            gone.recv().unwrap();
            first.lock().unwrap().push(1);
        });
        let second = Arc::clone(&calls);
        task.on_complete(move || second.lock().unwrap().push(2));
        drop(begin);
        task.join().unwrap();
        assert!(calls.lock().unwrap().is_empty());
        go.send(()).unwrap();
    });
    assert_eq!(*calls.lock().unwrap(), [1, 2]);
}

#[test]
fn a_callback_that_panics_harms_nobody() {
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
fn a_window_takes_the_result_when_it_is_told() {
    let _watch = watchdog();
    let (repaint, repaints) = mpsc::channel();
    let mut task = spawn(|| "painted");
    task.on_complete(move || repaint.send(()).unwrap());
    repaints.recv().unwrap();
    assert_eq!(task.try_join().unwrap().unwrap(), "painted");
}

#[test]
fn every_task_that_failed_calls_back_too() {
    let _watch = watchdog();
    let (tell, told) = mpsc::channel();
    scope(|s| {
        for kind in 0..3 {
            let (go, gone) = mpsc::channel::<()>();
            let task = s.spawn(move || {
                let _ = gone.recv();
                match kind {
                    0 => (),
                    1 => panic!("kind 1"),
                    _ => until_cancelled().unwind(),
                }
            });
            let tell = tell.clone();
            task.on_complete(move || tell.send(kind).unwrap());
            drop(go);
            if kind == 2 {
                task.cancel();
            }
            let _ = task.join();
        }
    });
    let mut kinds: Vec<_> = told.try_iter().collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [0, 1, 2]);
}

#[test]
fn nothing_that_a_task_owned_is_left_after_its_join() {
    let _watch = watchdog();
    let owned = Arc::new(());
    for round in 0..3000 {
        let inside = Arc::clone(&owned);
        let task = spawn(move || {
            assert!(round % 3 != 1, "some panic");
            inside
        });
        if round % 3 == 2 {
            task.cancel();
        }
        let _ = task.join();
        assert_eq!(Arc::strong_count(&owned), 1);
    }
}

#[test]
fn labels_tell_name_number_and_line() {
    let _watch = watchdog();
    let (first, second) = (spawn(|| ()), Builder::new().name("named").spawn(|| ()));
    assert!(first.id() < second.id());
    assert_eq!((first.name(), second.name()), (None, Some("named")));
    assert_eq!(second.spawned_at().line(), first.spawned_at().line());
    assert_eq!(second.spawned_at().file(), file!());
    assert_eq!(
        first.label().to_string(),
        format!(
            "task {} ({}:{})",
            first.id(),
            file!(),
            first.spawned_at().line()
        )
    );
    first.join().unwrap();
    second.join().unwrap();
}

/// Each unwraps the join of the next; the texts of nested errors once doubled with every task.
#[test]
fn the_message_of_a_deep_failure_stays_short_and_tells_what_happened() {
    fn nested(depth: usize) {
        assert!(depth > 0, "on purpose: ü");
        reunite::spawn(move || nested(depth - 1)).join().unwrap();
    }
    let _watchdog = watchdog();
    let error = reunite::spawn(|| nested(40)).join().unwrap_err();
    let message = error.panic_message().unwrap();
    assert!(message.len() < 2_000, "{} bytes", message.len());
    assert!(message.contains("on purpose: ü"), "{message}");
}
