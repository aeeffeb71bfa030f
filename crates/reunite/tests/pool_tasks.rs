//! A task is a task, wherever it runs: tasks of a pool's scope, items of maps and stolen halves of forks are named,
//! shown and reported as tasks on threads are.

mod common;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::mpsc;
use std::sync::{Barrier, Mutex as StdMutex};
use std::time::Duration;

use common::{shown, until, watchdog};
use reunite::prelude::*;
use reunite::sync::Mutex;
use reunite::{DumpTask, Pool, channel, checkpoint};

fn pool(threads: usize) -> Pool {
    Pool::builder().threads(threads).build().unwrap()
}

/// From whichever thread it is cancelled, and although nothing has made those scopes known before.
#[test]
fn the_cancellation_of_a_scope_reaches_the_checkpoints_of_the_scopes_inside_it() {
    let _watchdog = watchdog();
    let pool = pool(1);
    pool.scope(|outer| {
        pool.scope(|middle| {
            pool.scope(|inner| {
                let checked = || checkpoint().map_err(|cancelled| cancelled.reason().to_owned());
                assert_eq!(checked(), Ok(()));
                middle.cancel("a test's own");
                assert_eq!(checked(), Err("a test's own".to_owned()));
                // A task of that scope never begins.
                assert!(inner.spawn(|| ()).join().unwrap_err().is_cancelled());
            });
        });
        assert!(checkpoint().is_ok());
        pool.scope(|_| {
            std::thread::scope(|s| s.spawn(|| outer.cancel("another thread's")).join().unwrap());
            assert_eq!(checkpoint().unwrap_err().reason(), "another thread's");
        });
    });
    assert!(checkpoint().is_ok());
}

/// The tasks that were spawned at these lines of this file.
fn shown_of(lines: &Range<u32>) -> Vec<(String, DumpTask)> {
    let is_here = |task: &DumpTask| {
        let at = task.task.spawned_at();
        at.file() == file!() && lines.contains(&at.line())
    };
    let all = shown().into_iter();
    all.filter(|(_, task)| is_here(task)).collect()
}

fn waits(task: &DumpTask) -> &str {
    task.waits.as_ref().map_or("", |waits| &waits.what)
}

#[test]
fn two_pool_tasks_that_lock_crosswise_are_named_in_the_deadlock() {
    let _watchdog = watchdog();
    let (a, b) = (Mutex::new(()), Mutex::new(()));
    let both = Barrier::new(2);
    let lock = |mine: &Mutex<()>, other: &Mutex<()>| {
        let _mine = mine.lock().unwrap();
        reunite::blocking(|| both.wait());
        other.lock().map(drop).err()
    };
    let (first, second) = (line!() + 2, line!() + 3);
    let errors: Vec<_> = pool(2).scope(|s| {
        let one = s.spawn(|| lock(&a, &b));
        let two = s.spawn(|| lock(&b, &a));
        let ended = [one.join().unwrap(), two.join().unwrap()];
        ended.into_iter().flatten().collect()
    });
    let [error] = &errors[..] else {
        panic!("one is refused: {errors:?}");
    };
    let links = error.deadlock().unwrap().links();
    let lines: BTreeSet<_> = links
        .iter()
        .map(|link| link.task.spawned_at().line())
        .collect();
    assert_eq!(lines, BTreeSet::from([first, second]), "{error}");
    let ids: BTreeSet<_> = links.iter().map(|link| link.task.id()).collect();
    assert_eq!(ids.len(), 2, "{error}");
    assert!(!error.to_string().contains("thread `"), "{error}");
}

#[test]
fn the_tree_shows_pool_tasks_under_their_scope_with_what_they_wait_for() {
    let _watchdog = watchdog();
    let (tx, rx) = channel::bounded::<u32>(1);
    let opened = line!() + 1;
    pool(3).scope(|s| {
        let spawned = line!()..line!() + 2;
        let tasks: Vec<_> = (0..3).map(|_| s.spawn(|| rx.recv())).collect();
        until(|| {
            let shown = shown_of(&spawned);
            shown.len() == 3
                && shown
                    .iter()
                    .all(|(_, task)| waits(task).contains("receives from"))
        });
        let shown = shown_of(&spawned);
        for (scope, task) in &shown {
            assert!(scope.contains(&format!("{}:{opened}", file!())), "{scope}");
            assert!(task.has_begun);
        }
        let ids: BTreeSet<_> = shown.iter().map(|(_, task)| task.task.id()).collect();
        let handles: BTreeSet<_> = tasks.iter().map(reunite::PoolTask::id).collect();
        assert_eq!(ids, handles);
        drop(tx);
        tasks
            .into_iter()
            .for_each(|task| assert!(task.join().unwrap().is_err()));
    });
}

#[test]
fn a_long_queue_is_shown_by_its_first_tasks_and_counted() {
    let _watchdog = watchdog();
    // The caller has the only place.
    pool(1).scope(|s| {
        let lines = line!()..line!() + 9;
        (0..1_000).for_each(|n| drop(s.spawn(move || n)));
        let shown = shown_of(&lines);
        assert_eq!(shown.len(), 100);
        assert!(shown.iter().all(|(_, task)| !task.has_begun));
        let text = reunite::dump().to_string();
        assert!(
            text.contains("and 900 more that have not started"),
            "{text}"
        );
        let json = reunite::dump().to_json();
        assert!(json.contains(r#""moreQueued":900"#), "{json}");
    });
}

#[test]
fn all_errors_of_a_pool_task_show_its_line_its_age_and_one_number() {
    let _watchdog = watchdog();
    let (go, gate) = mpsc::channel::<()>();
    let gate = StdMutex::new(gate);
    pool(2).scope(|s| {
        let lines = line!()..line!() + 9;
        let mut task = s.spawn(|| {
            let _closed = gate.lock().unwrap().recv();
            panic!("at last")
        });
        let label = task.label();
        assert_eq!(label.id(), task.id());
        assert!(lines.contains(&label.spawned_at().line()));
        until(|| shown_of(&lines).iter().any(|(_, task)| task.has_begun));
        let late = |task: &mut reunite::PoolTask<'_, ()>| {
            let late = task.join_timeout(Duration::from_millis(120)).unwrap_err();
            assert!(late.is_timeout());
            assert_eq!(late.task().unwrap().id(), label.id());
            late.to_string()
        };
        let text = late(&mut task);
        assert!(text.contains("still running after 0."), "{text}");
        assert!(!text.contains("after 0.0 s"), "{text}");
        drop(go);
        let error = task.join().unwrap_err();
        assert_eq!(error.task().unwrap().id(), label.id());
        assert!(lines.contains(&error.task().unwrap().spawned_at().line()));
        assert!(error.to_string().ends_with("panicked: at last"), "{error}");
    });
}

#[test]
fn a_pool_task_cannot_be_joined_twice() {
    pool(1).scope(|s| {
        let mut task = s.spawn(|| 1);
        assert_eq!(task.join_timeout(Duration::from_secs(60)).unwrap(), 1);
        let error = task.join().unwrap_err();
        assert!(error.to_string().contains("already joined"), "{error}");
    });
}

#[test]
fn a_cancelled_pool_task_stops_alone() {
    let _watchdog = watchdog();
    let (begun, has_begun) = mpsc::channel();
    pool(3).scope(|s| {
        let looping = s.spawn({
            let begun = begun.clone();
            move || {
                begun.send(()).unwrap();
                while reunite::checkpoint().is_ok() {
                    std::hint::spin_loop();
                }
                reunite::checkpoint().unwrap_err().reason().to_owned()
            }
        });
        let (stop, other) = mpsc::channel::<()>();
        let other = s.spawn({
            let begun = begun.clone();
            move || {
                begun.send(()).unwrap();
                while other.try_recv() == Err(mpsc::TryRecvError::Empty) {
                    reunite::checkpoint().unwrap();
                }
            }
        });
        let sleeping = s.spawn(move || {
            begun.send(()).unwrap();
            reunite::sleep(common::LONG).is_err()
        });
        (0..3).for_each(|_| has_begun.recv().unwrap());
        looping.cancel();
        sleeping.cancel();
        assert_eq!(looping.join().unwrap(), "cancelled through its handle");
        assert!(sleeping.join().unwrap());
        stop.send(()).unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_pool_task_that_is_cancelled_before_it_began_never_does() {
    let _watchdog = watchdog();
    let (go, gate) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    pool(1).scope(|s| {
        let first = s.spawn(move || {
            begun.send(()).unwrap();
            gate.recv().unwrap();
        });
        has_begun.recv().unwrap();
        let second = s.spawn(|| panic!("it was cancelled"));
        let third = s.spawn(|| 3);
        second.cancel();
        go.send(()).unwrap();
        first.join().unwrap();
        let error = second.join().map(|never: u32| never).unwrap_err();
        assert!(error.is_cancelled() && !error.is_interrupted(), "{error}");
        assert_eq!(third.join().unwrap(), 3);
    });
}

#[test]
fn a_pool_task_calls_back_when_its_result_is_there() {
    let _watchdog = watchdog();
    let (go, gate) = mpsc::channel::<()>();
    let (done, is_done) = mpsc::channel();
    let told = done.clone();
    pool(1).scope(|s| {
        let mut task = s.spawn(move || gate.recv().unwrap());
        task.on_complete(move || done.send("before").unwrap());
        task.on_complete(|| panic!("a callback's panic is its own"));
        go.send(()).unwrap();
        assert_eq!(is_done.recv().unwrap(), "before");
        task.try_join().expect("it has completed").unwrap();
        task.on_complete(move || told.send("after").unwrap());
        assert_eq!(is_done.try_recv(), Ok("after"));
    });
}

#[test]
fn items_of_a_map_on_threads_are_shown_with_what_they_wait_for() {
    let _watchdog = watchdog();
    let lock = Mutex::new(());
    let guard = lock.lock().unwrap();
    reunite::scope(|s| {
        let lines = line!()..line!() + 9;
        let mut outcomes = s
            .map(0..3, |n| {
                if n == 1 {
                    drop(lock.lock());
                } else {
                    let _cancelled = reunite::sleep(common::LONG);
                }
            })
            .threads(3)
            .into_iter();
        let consumer = s.spawn(move || outcomes.next().map(|_| ()));
        let item = |n: u32| {
            let shown = shown_of(&lines);
            shown
                .into_iter()
                .find(|(_, it)| it.task.to_string().starts_with(&format!("item {n} ")))
        };
        until(|| {
            item(0).is_some_and(|(_, it)| waits(&it).contains("sleeps"))
                && item(2).is_some_and(|(_, it)| waits(&it).contains("sleeps"))
                && item(1).is_some_and(|(_, it)| waits(&it).contains("locks a mutex"))
        });
        // The map's threads run nothing else, and are not shown beside the items.
        assert_eq!(shown_of(&lines).len(), 3);
        s.cancel("seen");
        drop(guard);
        drop(consumer);
    });
}

#[test]
fn items_of_a_pools_map_are_shown_named_and_told_apart() {
    let _watchdog = watchdog();
    let (tx, rx) = channel::bounded::<u32>(1);
    pool(3).scope(|s| {
        let lines = line!()..line!() + 9;
        let outcomes = s
            .map(["a", "b", "c"], |file| (file, rx.recv().is_err()))
            .label(|file| format!("{file}.txt"));
        let lines = lines.start..line!();
        let look = s.spawn(move || {
            until(|| {
                let shown = shown_of(&lines);
                let mut names: Vec<_> = shown.iter().filter_map(|(_, it)| it.task.name()).collect();
                names.sort_unstable();
                names.len() >= 2
                    && shown
                        .iter()
                        .all(|(_, it)| waits(it).contains("receives from"))
            });
            let shown = shown_of(&lines);
            drop(tx);
            shown
        });
        let all: Vec<_> = outcomes.map(Result::unwrap).collect();
        assert_eq!(all, [("a", true), ("b", true), ("c", true)]);
        for (_, item) in look.join().unwrap() {
            let label = item.task.to_string();
            assert!(
                label.starts_with("item ") && label.contains(".txt` ("),
                "{label}"
            );
        }
    });
}

#[test]
fn the_errors_of_a_pools_map_tell_which_item_it_was() {
    let failed: Vec<_> = pool(2).scope(|s| {
        let outcomes = s.map(0..100_u32, |n| assert!(n % 40 != 39, "no {n}"));
        outcomes
            .window(100)
            .filter_map(Result::err)
            .map(|error| error.to_string())
            .collect()
    });
    assert_eq!(failed.len(), 2);
    assert!(
        failed[0].starts_with("item 39 of map (") && failed[0].ends_with("panicked: no 39"),
        "{failed:?}"
    );
    assert!(failed[1].starts_with("item 79 of map ("), "{failed:?}");
}

#[test]
fn a_stolen_half_is_a_task_of_its_own_at_the_line_of_the_user() {
    let _watchdog = watchdog();
    let (tx, rx) = channel::bounded::<u32>(1);
    let pool = pool(2);
    let lines = line!()..line!() + 9;
    let (found, ended) = pool.enter(|| {
        reunite::join(
            || {
                let found = with_stolen(&lines);
                drop(tx);
                found
            },
            || rx.recv().is_err(),
        )
    });
    let (scope, task) = found;
    assert!(
        scope.starts_with("fork #") && waits(&task).contains("receives from"),
        "{scope} {task:?}"
    );
    assert!(ended);
}

/// Waits until the half that was forked there waits for something.
fn with_stolen(lines: &Range<u32>) -> (String, DumpTask) {
    loop {
        // Requests of other threads are answered at the next fork.
        reunite::join(|| (), || ());
        let waiting = |(_, task): &(String, DumpTask)| !waits(task).is_empty();
        if let Some(found) = shown_of(lines).into_iter().find(waiting) {
            return found;
        }
        std::thread::yield_now();
    }
}

#[test]
fn items_of_par_that_another_thread_runs_are_shown_at_the_line_of_the_user() {
    let _watchdog = watchdog();
    let (tx, rx) = channel::bounded::<u32>(1);
    let tx = StdMutex::new(Some(tx));
    pool(2).enter(|| {
        let lines = line!()..line!() + 9;
        reunite::par(0..2_u32).for_each(|n| {
            if n == 1 {
                assert!(rx.recv().is_err());
            } else {
                with_stolen(&lines);
                tx.lock().unwrap().take();
            }
        });
    });
}

/// The consumer gets the error, and the items before it; no item after it is skipped silently.
#[test]
fn a_map_whose_items_cannot_be_named_ends_there() {
    let _watchdog = watchdog();
    pool(1).scope(|s| {
        let mut outcomes = s.map(0..10, |n| n).label(|n| {
            assert_ne!(*n, 3, "no name for it");
            n.to_string()
        });
        let (mut values, mut panics) = (Vec::new(), 0);
        loop {
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| outcomes.next())) {
                Ok(Some(outcome)) => values.push(outcome.unwrap()),
                Ok(None) => break,
                Err(_) => panics += 1,
            }
        }
        assert_eq!((values, panics), (vec![0, 1, 2], 1));
    });
}

struct Refuses;

impl reunite::Inherit for Refuses {
    fn capture(&self) -> Box<dyn FnOnce() -> Box<dyn std::any::Any> + Send> {
        assert!(!REFUSES.get(), "nothing is passed on");
        Box::new(|| Box::new(()))
    }
}

thread_local! {
    static REFUSES: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[test]
fn a_hook_that_panics_does_so_in_the_spawn_and_breaks_nothing() {
    let _watchdog = watchdog();
    reunite::inherit(Refuses);
    pool(2).scope(|s| {
        let refused = |f: &dyn Fn()| {
            REFUSES.set(true);
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
            REFUSES.set(false);
            caught.unwrap_err();
        };
        refused(&|| drop(s.spawn(|| ())));
        refused(&|| {
            reunite::join(|| (), || ());
        });
        refused(&|| {
            s.map(0..3, |n| n).next();
        });
        refused(&|| pool(1).install(|| ()));
        assert_eq!(s.spawn(|| 1).join().unwrap(), 1);
        assert_eq!(reunite::join(|| 1, || 2), (1, 2));
    });
}

/// An item that is no longer to run is dropped by the thread that has taken it, in the middle of its batch.
#[test]
fn items_that_panic_when_they_are_dropped_leave_the_thread_as_it_was() {
    struct Item(u32);

    impl Drop for Item {
        fn drop(&mut self) {
            assert!(self.0 < 3 || std::thread::panicking(), "dropped undone");
        }
    }

    let _watchdog = watchdog();
    for _ in 0..50 {
        let pool = pool(2);
        let ended = std::panic::catch_unwind(|| {
            pool.scope(|s| {
                let mut outcomes = s
                    .map((0..200).map(Item), |item| {
                        std::hint::black_box((0..500).sum::<u32>());
                        let number = item.0;
                        std::mem::forget(item);
                        number
                    })
                    .window(200);
                for _ in 0..40 {
                    outcomes.next().unwrap().unwrap();
                }
                drop(outcomes);
            });
        });
        // Afterwards the threads run other tasks, and look at their identities.
        drop(ended);
        let sums = pool.scope(|s| {
            let tasks: Vec<_> = (0..20_u32)
                .map(|n| {
                    s.spawn(move || {
                        reunite::join(|| n, || reunite::checkpoint().map_or(0, |()| n)).1
                    })
                })
                .collect();
            tasks
                .into_iter()
                .map(|task| task.join().unwrap())
                .sum::<u32>()
        });
        assert_eq!(sums, 190);
    }
}

/// A thief may take items that a thread was about to begin.
#[test]
fn batches_that_others_take_from_can_be_looked_at() {
    let _watchdog = watchdog();
    let pool = pool(4);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    drop(reunite::dump());
                }
            });
        }
        let looked = std::panic::catch_unwind(|| {
            for _ in 0..test_scale::rounds(400) {
                pool.scope(|s| (0..2_000_u32).for_each(|n| drop(s.spawn(move || n))));
            }
        });
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        looked.unwrap();
    });
}

/// Checks that the captures of a closure that never began are dropped as undone, even if its task was looked at
/// meanwhile.
#[test]
fn a_channel_of_a_task_that_never_began_is_cut_short_however_often_it_is_looked_at() {
    let _watchdog = watchdog();
    let pool = pool(2);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                drop(reunite::dump());
            }
        });
        let closed = std::panic::catch_unwind(|| {
            for _ in 0..test_scale::rounds(400) {
                let receivers: Vec<_> = pool.scope(|s| {
                    let receivers = (0..20).map(|_| {
                        let (tx, rx) = channel::bounded::<u32>(1);
                        drop(s.spawn(move || tx.try_send(1).unwrap()));
                        rx
                    });
                    let receivers = receivers.collect();
                    s.cancel("not needed any more");
                    receivers
                });
                for rx in receivers {
                    // Sent before the cancellation, or cut short by it.
                    let first = rx.recv();
                    assert!(first.is_ok() || first.unwrap_err().is_cut_short());
                }
            }
        });
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        closed.unwrap();
    });
}

/// A task that was not told is not cut short by the fact that others of its scope never begin.
#[test]
fn a_task_that_finishes_in_a_cancelled_scope_has_sent_all() {
    let _watchdog = watchdog();
    let (go, gate) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let (tx, rx) = channel::bounded::<u32>(2);
    pool(1).scope(|s| {
        let whole = s.spawn(move || {
            begun.send(()).unwrap();
            gate.recv().unwrap();
            tx.try_send(1).unwrap();
        });
        has_begun.recv().unwrap();
        let never = s.spawn(|| ());
        s.cancel("too late for the first");
        reunite::shield(|| {
            assert!(never.join().unwrap_err().is_cancelled());
            go.send(()).unwrap();
            whole.join().unwrap();
        });
    });
    assert_eq!(rx.recv().unwrap(), 1);
    assert!(rx.recv().unwrap_err().is_closed());
}

/// The numbers of the tasks that waited, by line of the wait.
struct Waits(std::sync::Arc<StdMutex<Vec<(u32, reunite::TaskId)>>>);

impl reunite::Observer for Waits {
    fn on_event(&self, event: &reunite::Event<'_>) {
        if let reunite::Event::Block { task, at, .. } = event {
            self.0.lock().unwrap().push((at.line(), task.id()));
        }
    }
}

#[test]
fn what_a_pool_task_calls_back_waits_as_that_task() {
    let _watchdog = watchdog();
    let waits = std::sync::Arc::new(StdMutex::new(Vec::new()));
    let _observing = reunite::observe(Waits(std::sync::Arc::clone(&waits)));
    let line = std::sync::Arc::new(StdMutex::new(0));
    let (done, is_done) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let id = pool(2).scope(|s| {
        let task = s.spawn(move || gate.recv().unwrap());
        let here = std::sync::Arc::clone(&line);
        task.on_complete(move || {
            *here.lock().unwrap() = line!() + 1;
            reunite::sleep(Duration::from_millis(2)).unwrap();
            done.send(()).unwrap();
        });
        go.send(()).unwrap();
        is_done.recv().unwrap();
        task.id()
    });
    let line = *line.lock().unwrap();
    let waits = waits.lock().unwrap();
    let of_callback = waits.iter().filter(|(at, _)| *at == line);
    assert_eq!(of_callback.map(|(_, task)| *task).collect::<Vec<_>>(), [id]);
}

/// Counts what was captured and is still kept.
struct Kept;

static KEPT: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);

struct Captured;

impl Drop for Captured {
    fn drop(&mut self) {
        KEPT.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
    }
}

thread_local! {
    static COUNTS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

impl reunite::Inherit for Kept {
    fn capture(&self) -> Box<dyn FnOnce() -> Box<dyn std::any::Any> + Send> {
        // Of this test's thread only.
        let captured = COUNTS.get().then(|| {
            KEPT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Captured
        });
        Box::new(move || Box::new(captured))
    }
}

#[test]
fn what_forks_have_captured_is_dropped_with_them() {
    fn deep(left: u32) {
        if left > 0 {
            reunite::join(|| deep(left - 1), || ());
        }
    }
    let _watchdog = watchdog();
    reunite::inherit(Kept);
    COUNTS.set(true);
    let pool = pool(1);
    pool.enter(|| {
        deep(500);
        assert!(
            KEPT.load(std::sync::atomic::Ordering::SeqCst) > 0,
            "the hook is called"
        );
    });
    assert_eq!(KEPT.load(std::sync::atomic::Ordering::SeqCst), 0);
    // Outside a pool each fork is a visit of its own.
    deep(500);
    assert_eq!(KEPT.load(std::sync::atomic::Ordering::SeqCst), 0);
    COUNTS.set(false);
}

/// A task that is cancelled with its scope has no identity until it is asked for.
#[test]
fn joins_of_tasks_that_never_began_tell_which_task_that_was() {
    let _watchdog = watchdog();
    // The caller has the only place.
    let pool = pool(1);
    pool.enter(|| {
        pool.scope(|s| {
            let line = line!() + 1;
            let mut tasks: Vec<_> = (0..100_u32).map(|n| s.spawn(move || n)).collect();
            s.cancel("not needed any more");
            let mut known = BTreeSet::new();
            reunite::shield(|| {
                // The scope's end runs the tasks, or the joins of the later tasks run the earlier ones.
                tasks.swap_remove(50).join().unwrap_err();
                for task in tasks.drain(..80) {
                    let id = task.id();
                    let error = task.join().unwrap_err();
                    let why = error.as_cancelled().unwrap();
                    assert_eq!(why.reason(), "not needed any more");
                    let label = error.task().unwrap();
                    assert_eq!((label.id(), label.spawned_at().line()), (id, line));
                    assert!(known.insert(id));
                }
            });
            drop(tasks);
        });
    });
}

/// Checks this whether or not a thread of the pool has dropped the undone tasks before.
#[test]
fn a_scope_leaves_for_a_cancellation_above_unless_all_undone_tasks_were_joined() {
    let _watchdog = watchdog();
    let pool = pool(1);
    for (joined, is_cancelled) in [(10, false), (9, true)] {
        let ended = reunite::scope(|outer| {
            let task = outer.spawn(|| {
                pool.scope(|s| {
                    let mut tasks: Vec<_> = (0..10).map(|n| s.spawn(move || n)).collect();
                    outer.cancel("a test's own");
                    reunite::shield(|| {
                        for task in tasks.drain(..joined) {
                            assert!(task.join().unwrap_err().is_cancelled());
                        }
                    });
                });
            });
            reunite::shield(|| task.join())
        });
        match ended {
            Ok(()) => assert!(!is_cancelled),
            Err(error) => assert!(is_cancelled && error.is_cancelled(), "{error}"),
        }
    }
}

#[test]
fn what_an_unstarted_task_held_is_dropped_as_if_the_task_had_been_told() {
    struct Asks(mpsc::Sender<bool>, Drops);

    #[derive(Clone, Copy)]
    enum Drops {
        Quietly,
        WithPanic,
    }

    impl Drop for Asks {
        fn drop(&mut self) {
            self.0.send(reunite::checkpoint().is_err()).unwrap();
            assert!(matches!(self.1, Drops::Quietly), "a test's own");
        }
    }

    let _watchdog = watchdog();
    let pool = pool(1);
    let (tx, rx) = mpsc::channel();
    pool.enter(|| {
        pool.scope(|s| {
            let spawn = |drops| {
                let asks = Asks(tx.clone(), drops);
                s.spawn(move || drop(asks))
            };
            let (quiet, panics) = (spawn(Drops::Quietly), spawn(Drops::WithPanic));
            s.cancel("not needed any more");
            reunite::shield(|| {
                assert!(quiet.join().unwrap_err().is_cancelled());
                assert!(panics.join().unwrap_err().is_panic());
            });
        });
    });
    drop(tx);
    assert_eq!(rx.iter().collect::<Vec<_>>(), [true, true]);
}
