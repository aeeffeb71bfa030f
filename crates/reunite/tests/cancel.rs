//! Cancellation: which tasks it reaches, which it does not, and what they are told; and what happens when the
//! system is out of threads or standard error is not read.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use common::{Counted, LONG, until_cancelled, watchdog, with_time_enough};
use reunite::sync::Semaphore;
use reunite::{Cancelled, ScopeBuilder, scope};

#[test]
fn reason_and_source_reach_grandchildren() {
    let _watch = watchdog();
    let (there, all) = mpsc::channel::<()>();
    let told = Mutex::new(Vec::new());
    let tell = |who: &'static str, there: mpsc::Sender<()>| {
        there.send(()).unwrap();
        let cancelled = until_cancelled();
        told.lock().unwrap().push((who, cancelled));
    };
    let tell = &tell;
    let source = ScopeBuilder::new().name("top").scope(|top| {
        let (child, sibling) = (there.clone(), there.clone());
        top.spawn(move || {
            scope(|middle| {
                let grandchild = child.clone();
                middle.spawn(move || {
                    let items = middle.map([grandchild], |there| tell("in a map", there));
                    let _item = items.into_iter().next();
                });
                let great = child.clone();
                middle.spawn(move || {
                    scope(|s| drop(s.spawn(move || tell("great-grandchild", great))));
                });
                tell("body", child);
            });
        });
        top.spawn(move || tell("sibling", sibling));
        (0..4).for_each(|_| all.recv().unwrap());
        top.cancel("rain");
        until_cancelled().source().id()
    });
    // The scope was cancelled from inside, so its value counts.
    let source = source.unwrap();
    let told = told.into_inner().unwrap();
    assert_eq!(told.len(), 4, "{told:?}");
    for (who, cancelled) in told {
        assert_eq!(cancelled.reason(), "rain", "{who}");
        assert_eq!(cancelled.source().name(), Some("top"), "{who}");
        assert_eq!(cancelled.source().id(), source, "{who}");
        assert!(!cancelled.is_deadline(), "{who}");
    }
}

/// The body, which is woken first, drops a map, which cancels the item in it. The cancellation from above
/// reaches the item last, after all its siblings.
#[test]
fn a_cause_reaches_every_task_before_a_task_that_it_woke_cancels_one() {
    let _watch = watchdog();
    const SIBLINGS: usize = 50;
    for round in 0..20 {
        let (there, all) = mpsc::channel::<()>();
        let told = Mutex::new(None);
        scope(|s| {
            let (told, in_map) = (&told, there.clone());
            let mut items = s
                .map([in_map], move |there| {
                    there.send(()).unwrap();
                    let cancelled = until_cancelled();
                    *told.lock().unwrap() = Some(cancelled);
                })
                .into_iter();
            for there in vec![there; SIBLINGS] {
                s.spawn(move || {
                    there.send(()).unwrap();
                    until_cancelled()
                });
            }
            let canceller = s.canceller();
            s.spawn(move || {
                (0..=SIBLINGS).for_each(|_| all.recv().unwrap());
                canceller.cancel("rain");
            });
            drop(items.next());
            drop(items);
        });
        let told = told.into_inner().unwrap().unwrap();
        assert_eq!(told.reason(), "rain", "round {round}");
    }
}

#[test]
fn only_the_first_cancellation_is_reported() {
    let _watch = watchdog();
    let (first, again) = ScopeBuilder::new()
        .name("outer")
        .scope(|outer| {
            scope(|inner| {
                inner.cancel("first");
                let first = until_cancelled();
                // Once more on the same scope, and once from above.
                inner.cancel("second");
                outer.cancel("third");
                (first, until_cancelled())
            })
        })
        .unwrap();
    assert_eq!((first.reason(), again.reason()), ("first", "first"));
    assert_eq!(first.source().id(), again.source().id());
    assert_ne!(again.source().name(), Some("outer"));
}

#[test]
fn a_canceller_that_outlives_its_scope_has_no_effect() {
    let _watch = watchdog();
    let canceller = scope(|s| s.canceller());
    assert!(!canceller.is_cancelled());
    scope(|s| {
        canceller.cancel("too late");
        assert!(canceller.is_cancelled() && !s.is_cancelled());
        reunite::checkpoint().unwrap();
    });
}

/// Returns the cancellation that each kind of blocking call reports.
fn every_wait(pending: &mut reunite::JoinHandle<()>, taken: &Semaphore) -> Vec<Option<Cancelled>> {
    let soon = Instant::now() + LONG;
    let service = scope(|s| {
        let builder = reunite::Builder::new();
        s.spawn_ready::<(), _, _>(builder, |_ready| drop(until_cancelled()))
            .err()
            .and_then(|error| error.as_cancelled().cloned())
    });
    vec![
        reunite::checkpoint().err(),
        reunite::sleep(LONG).err(),
        reunite::sleep_deadline(soon).err(),
        pending
            .join_timeout(LONG)
            .err()
            .filter(reunite::JoinError::is_interrupted)
            .and_then(|error| error.as_cancelled().cloned()),
        pending
            .join_deadline(soon)
            .err()
            .filter(reunite::JoinError::is_interrupted)
            .and_then(|error| error.as_cancelled().cloned()),
        taken
            .acquire()
            .err()
            .and_then(|error| error.as_cancelled().cloned()),
        taken
            .acquire_many_timeout(1, LONG)
            .err()
            .and_then(|error| error.as_cancelled().cloned()),
        reunite::map([()], |()| until_cancelled())
            .into_iter()
            .next()
            .and_then(Result::err)
            .and_then(|error| error.as_cancelled().cloned()),
        scope(|s| s.spawn(|| ()).join())
            .err()
            .and_then(|error| error.as_cancelled().cloned()),
        service,
    ]
}

#[test]
fn every_later_wait_fails_too() {
    let _watch = watchdog();
    let (finish, pending) = mpsc::channel::<()>();
    // Outside the scope: its cancellation does not reach this task, so it goes on.
    let mut pending = reunite::spawn(move || pending.recv().unwrap());
    let taken = Semaphore::new(1);
    let _permit = taken.acquire().unwrap();
    scope(|s| {
        s.cancel("enough");
        for round in 0..3 {
            for (call, told) in every_wait(&mut pending, &taken).into_iter().enumerate() {
                let reason = told.as_ref().map(Cancelled::reason);
                assert_eq!(reason, Some("enough"), "call {call} of round {round}");
            }
        }
    });
    // Only the scope was cancelled.
    reunite::checkpoint().unwrap();
    finish.send(()).unwrap();
    pending.join().unwrap();
}

#[test]
fn a_shield_covers_what_is_spawned_inside_and_ends_with_it() {
    let _watch = watchdog();
    let (inside, cancelled) = (mpsc::channel::<()>(), mpsc::channel::<()>());
    let seen = scope(|s| {
        let task = s.spawn(move || {
            let saved = reunite::shield(|| {
                inside.0.send(()).unwrap();
                // This arrives after the task was cancelled.
                cancelled.1.recv().unwrap();
                let nested = ScopeBuilder::new().scope(|clean_up| {
                    let mut saved = clean_up.spawn(|| {
                        reunite::sleep(Duration::from_millis(1))?;
                        reunite::checkpoint().map(|()| "saved")
                    });
                    saved.join_timeout(LONG).unwrap()
                });
                // Inside a shield, handles and scopes cancel as everywhere.
                let own = scope(|s| {
                    s.cancel("its own");
                    until_cancelled().reason().to_owned()
                });
                (nested.unwrap().unwrap(), own)
            });
            (saved, until_cancelled().reason().to_owned())
        });
        inside.1.recv().unwrap();
        s.cancel("outside");
        cancelled.0.send(()).unwrap();
        // The body is cancelled as well.
        reunite::shield(|| task.join()).unwrap()
    });
    assert_eq!(
        seen,
        (("saved", "its own".to_owned()), "outside".to_owned())
    );
}

#[test]
fn the_deadline_of_an_outer_scope_cuts_the_inner_ones() {
    let _watch = watchdog();
    let told = with_time_enough(|time| {
        let told = Mutex::new(Vec::new());
        let ended = ScopeBuilder::new()
            .name("outer")
            .timeout(time)
            .scope(|outer| {
                let told = &told;
                let (ended, until_then) = mpsc::channel::<()>();
                outer.spawn(move || {
                    let _ended = ended;
                    waits_below_a_deadline(told);
                });
                // Not through this library, so only the tasks below read the clock.
                let _gone = until_then.recv();
                until_cancelled()
            });
        assert!(ended.unwrap_err().is_timeout());
        let told = told.into_inner().unwrap();
        (told.len() == 3).then_some(told)
    });
    for cancelled in told {
        assert!(cancelled.is_deadline());
        assert_eq!(cancelled.source().name(), Some("outer"), "{cancelled}");
    }
}

/// Waits, and records the cancellation of the waits and of the end of the scope between: three if all had
/// begun.
fn waits_below_a_deadline(told: &Mutex<Vec<reunite::Cancelled>>) {
    let inner = ScopeBuilder::new().name("inner").timeout(LONG).scope(|s| {
        s.spawn(|| {
            // A wait without a deadline of its own, and one with a later deadline.
            let mut nobody = reunite::spawn(until_cancelled);
            let late = scope(|_| nobody.join_timeout(LONG).unwrap_err());
            assert!(late.is_interrupted() && !late.is_timeout(), "{late}");
            told.lock()
                .unwrap()
                .push(late.as_cancelled().unwrap().clone());
        });
        let cancelled = until_cancelled();
        told.lock().unwrap().push(cancelled);
    });
    let inner = inner.unwrap_err();
    assert!(inner.is_timeout());
    let mut told = told.lock().unwrap();
    told.push(inner.cancelled().unwrap().clone());
}

/// Runs this test alone in a process of its own, prepared by a shell command. Returns true in that process.
#[cfg(target_os = "linux")]
fn in_a_process_of_its_own(test: &str, prepare: &str) -> bool {
    const CHILD: &str = "REUNITE_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("{prepare} exec \"$0\" \"$@\"")])
        .arg(program)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        // Stacks so large that the result does not depend on other memory; and no further arenas for the
        // heap, so that memory for threads is all that runs out.
        .env("RUST_MIN_STACK", (64 << 20).to_string())
        .env("MALLOC_ARENA_MAX", "1")
        .env("MALLOC_TOP_PAD_", (8 << 20).to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{:?}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    false
}

/// Limits memory to some twenty threads of 64 megabytes.
#[cfg(target_os = "linux")]
const LITTLE: &str = "ulimit -v 1500000 &&";

#[cfg(target_os = "linux")]
#[test]
fn when_the_system_is_out_of_threads_a_spawn_is_an_error_and_nothing_is_lost() {
    let test = "when_the_system_is_out_of_threads_a_spawn_is_an_error_and_nothing_is_lost";
    if !in_a_process_of_its_own(test, LITTLE) {
        return;
    }
    let _watch = watchdog();
    // Tasks outside scopes need `'static` borrows.
    static RUN: AtomicUsize = AtomicUsize::new(0);
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    static RELEASE: AtomicBool = AtomicBool::new(false);
    let spawn_one = |n: usize| {
        let owned = Counted(&DROPPED);
        reunite::Builder::new().spawn_checked(move || {
            let _owned = owned;
            RUN.fetch_add(1, Ordering::SeqCst);
            while !RELEASE.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            n
        })
    };
    let mut running = Vec::new();
    let refused = loop {
        assert!(running.len() < 1000, "the system refuses nothing");
        match spawn_one(running.len()) {
            Ok(task) => running.push(task),
            Err(error) => break error,
        }
    };
    assert!(refused.is_refused(), "{refused}");
    assert!(refused.io_error().is_some(), "{refused}");
    assert!(running.len() > 4, "only {}", running.len());
    // What the refused closure owned is gone, and it never ran.
    assert_eq!(DROPPED.load(Ordering::SeqCst), 1);

    // Plain spawns, in a scope or outside, report it at the join.
    assert!(reunite::spawn(|| 1).join().unwrap_err().is_refused());
    let own = 7;
    scope(|s| assert!(s.spawn(|| own).join().unwrap_err().is_refused()));
    let ended = reunite::try_scope::<(), String, _>(|s| {
        drop(s.spawn(|| Ok(())));
        Ok(())
    });
    assert!(ended.unwrap_err().root().unwrap().is_refused());

    // Every task that was started returns its own value.
    RELEASE.store(true, Ordering::SeqCst);
    let count = running.len();
    for (n, task) in running.into_iter().enumerate() {
        assert_eq!(task.join().unwrap(), n);
    }
    assert_eq!(RUN.load(Ordering::SeqCst), count);
    assert_eq!(DROPPED.load(Ordering::SeqCst), count + 1);
    // And the threads that were used can be used again.
    assert_eq!(reunite::spawn(|| 1).join().unwrap(), 1);
}

/// A map uses the threads that it gets; a scope reports which of its tasks were refused.
#[cfg(target_os = "linux")]
#[test]
fn maps_and_scopes_work_with_the_threads_they_get() {
    let test = "maps_and_scopes_work_with_the_threads_they_get";
    if !in_a_process_of_its_own(test, LITTLE) {
        return;
    }
    let _watch = watchdog();
    let values: Vec<u64> = reunite::map(0..2000u64, |n| n * n)
        .threads(500)
        .into_iter()
        .map(|value| value.unwrap())
        .collect();
    assert!(values.iter().zip(0..).all(|(value, n)| *value == n * n));
    assert_eq!(values.len(), 2000);
    let (mut done, mut refused) = (0, 0);
    let hold = AtomicBool::new(true);
    scope(|s| {
        let hold = &hold;
        let tasks: Vec<_> = (0..500)
            .map(|_| {
                s.spawn(move || {
                    while hold.load(Ordering::SeqCst) {
                        std::thread::yield_now();
                    }
                })
            })
            .collect();
        hold.store(false, Ordering::SeqCst);
        for task in tasks {
            match task.join() {
                Ok(()) => done += 1,
                Err(error) if error.is_refused() => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
    });
    assert!(done > 4 && refused > 100, "{done} done, {refused} refused");
    assert_eq!(done + refused, 500);
}

/// Standard error is a pipe that is not read, so the report of a straggler cannot be written.
#[cfg(unix)]
#[test]
fn a_straggler_is_waited_for_even_if_it_cannot_be_reported() {
    const CHILD: &str = "REUNITE_TEST_DEAF";
    if std::env::var_os(CHILD).is_some() {
        let back = AtomicBool::new(false);
        let (started, starting) = mpsc::channel();
        scope(|s| {
            s.spawn(|| {
                started.send(()).unwrap();
                // Ignores its cancellation for longer than the five seconds after which it is reported.
                std::thread::sleep(Duration::from_millis(5500));
                back.store(true, Ordering::SeqCst);
            });
            starting.recv().unwrap();
            s.cancel("stop");
        });
        println!("back: {}", back.into_inner());
        return;
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["a_straggler_is_waited_for_even_if_it_cannot_be_reported"])
        .args(["--exact", "--nocapture"])
        .env(CHILD, "1")
        .stderr(writer)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{:?}: {text}", output.status);
    assert!(text.contains("back: true"), "{text}");
}

#[test]
fn being_told_in_an_inner_scope_hides_no_failure_of_another_task() {
    let _watchdog = watchdog();
    let error = ScopeBuilder::new()
        .policy(reunite::policy::WaitAll)
        .try_scope(|s| {
            let (up, is_up) = mpsc::channel();
            let told = s.spawn(move || {
                up.send(()).unwrap();
                scope(|_| reunite::sleep(LONG)).map_err(|_| "a consequence")
            });
            is_up.recv().unwrap();
            told.cancel();
            common::until(|| told.is_finished());
            drop(s.spawn(|| Err::<(), _>("a failure")));
            Ok(())
        })
        .unwrap_err();
    let errors: Vec<_> = error
        .failures()
        .iter()
        .map(|e| *e.error().unwrap())
        .collect();
    assert_eq!(errors, ["a failure", "a consequence"]);
    assert!(error.failures()[1].is_after_cancel());
}

#[test]
fn no_task_begins_after_another_of_its_scope_was_told_of_a_cancellation() {
    let _watchdog = watchdog();
    for _ in 0..500 {
        let (is_told, begun_later) = (AtomicBool::new(false), AtomicUsize::new(0));
        let ended = ScopeBuilder::new().max_threads(1).try_scope(|s| {
            let (up, is_up) = mpsc::channel();
            let (is_told, begun_later) = (&is_told, &begun_later);
            drop(s.spawn(move || {
                up.send(()).unwrap();
                let told = reunite::sleep(LONG);
                is_told.store(told.is_err(), Ordering::SeqCst);
                told
            }));
            for _ in 0..20 {
                drop(s.spawn(move || {
                    if is_told.load(Ordering::SeqCst) {
                        begun_later.fetch_add(1, Ordering::SeqCst);
                    }
                    Ok(())
                }));
            }
            is_up.recv().unwrap();
            s.cancel("enough");
            Ok(())
        });
        assert!(ended.is_err());
        assert!(is_told.into_inner());
        assert_eq!(begun_later.into_inner(), 0);
    }
}
