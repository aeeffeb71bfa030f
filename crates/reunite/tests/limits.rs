//! Limits: places in a scope, threads that the system refuses, policies, recycled threads.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use common::{LONG, payload_of, until_cancelled, watchdog};
use reunite::policy::{FirstSuccess, OnTimeout, Policy, Verdict};
use reunite::{Completion, ScopeBuilder, channel};

#[test]
fn ten_thousand_tasks_through_eight_places() {
    let _watchdog = watchdog();
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let sum: u64 = ScopeBuilder::new()
        .max_threads(8)
        .scope(|s| {
            let task = |n| {
                let (running, most) = (&running, &most);
                s.spawn(move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    running.fetch_sub(1, Ordering::SeqCst);
                    n
                })
            };
            let tasks: Vec<_> = (0..10_000u64).map(task).collect();
            tasks.into_iter().map(|task| task.join().unwrap()).sum()
        })
        .unwrap();
    assert_eq!(sum, 9_999 * 5_000);
    assert!((1..=8).contains(&most.into_inner()));
}

/// Each task joins the next, which queues behind it: far more than could run nested on one thread.
#[test]
fn a_chain_of_joins_through_one_place_does_not_starve() {
    let _watchdog = watchdog();
    const LENGTH: usize = 300;
    let handles: Vec<Mutex<Option<reunite::JoinHandle<usize>>>> =
        (0..=LENGTH).map(|_| Mutex::new(None)).collect();
    let (ready, go) = (std::sync::Barrier::new(2), &handles);
    let ready = &ready;
    let length = ScopeBuilder::new()
        .max_threads(1)
        .scope(|s| {
            let first = s.spawn(move || {
                ready.wait();
                go[1].lock().unwrap().take().unwrap().join().unwrap() + 1
            });
            for at in 1..=LENGTH {
                let task = s.spawn(move || match go.get(at + 1) {
                    Some(next) => next.lock().unwrap().take().unwrap().join().unwrap() + 1,
                    None => 1,
                });
                *go[at].lock().unwrap() = Some(task);
            }
            ready.wait();
            first.join().unwrap()
        })
        .unwrap();
    assert_eq!(length, LENGTH + 1);
}

#[test]
fn a_nested_scope_joins_what_queues_outside_it() {
    let _watchdog = watchdog();
    let value = ScopeBuilder::new().max_threads(1).scope(|s| {
        s.spawn(|| {
            let queued = s.spawn(|| 5);
            reunite::scope(|inner| inner.spawn(|| queued.join().unwrap()).join().unwrap())
        })
        .join()
        .unwrap()
    });
    assert_eq!(value.unwrap(), 5);
}

#[test]
fn a_thread_that_the_system_refuses_is_an_error() {
    let _watchdog = watchdog();
    let impossible = || reunite::Builder::new().stack_size(1 << 62);
    let error = impossible().spawn(|| 1).join().unwrap_err();
    assert!(error.is_refused() && error.io_error().is_some(), "{error}");
    assert!(
        impossible()
            .spawn_checked(|| 1)
            .unwrap_err()
            .io_error()
            .is_some()
    );
    reunite::scope(|s| {
        let sibling = s.spawn(|| 2);
        assert!(
            s.spawn_with(impossible(), || 1)
                .join()
                .unwrap_err()
                .is_refused()
        );
        assert_eq!(sibling.join().unwrap(), 2);
    });
    // The failure of a task that is not joined is the scope's failure.
    let ended = ScopeBuilder::new().scope(|s| drop(s.spawn_with(impossible(), || 1)));
    assert!(ended.unwrap_err().root().unwrap().is_refused());
    let ended: Result<(), _> = reunite::try_scope(|s| {
        drop(s.spawn(|| Err::<(), _>(until_cancelled().to_string())));
        s.spawn_with(impossible(), || Ok::<(), String>(())).join()
    });
    assert!(ended.unwrap_err().root().unwrap().is_refused());
}

#[test]
fn the_first_success_decides_and_forgives_failures() {
    let _watchdog = watchdog();
    let ended = ScopeBuilder::new()
        .policy(FirstSuccess::new())
        .try_scope(|s| {
            drop(s.spawn(|| Err::<(), _>("down")));
            drop(
                s.spawn(|| Err::<(), _>(Box::leak(until_cancelled().to_string().into_boxed_str()))),
            );
            drop(s.spawn(|| Ok(())));
            Ok(())
        });
    assert!(ended.is_ok(), "{ended:?}");
    let lost = reunite::race([|| Err::<(), _>(1), || Err(2), || Err(3)]).unwrap_err();
    assert_eq!(lost.failures().len(), 3);
    let two = reunite::quorum(2, (|| Ok(1), || Err("no"), || Ok(3))).unwrap();
    assert_eq!(two, [1, 3]);
    assert!(reunite::quorum(4, (|| Ok::<_, ()>(1), || Ok(2))).is_err());
}

struct Partial;

impl Policy for Partial {
    fn on_complete(&self, _: &reunite::Label, _: Completion) -> Verdict {
        Verdict::Continue
    }

    fn on_timeout(&self) -> OnTimeout {
        OnTimeout::KeepPartial
    }
}

#[test]
fn a_timeout_fails_the_scope_or_keeps_partial_results() {
    let _watchdog = watchdog();
    let briefly = std::time::Duration::from_millis(10);
    let body = |done: &Mutex<Vec<u32>>, builder: ScopeBuilder| {
        builder.timeout(briefly).scope(|s| {
            s.spawn(|| done.lock().unwrap().push(1));
            s.spawn(|| drop(until_cancelled()));
        })
    };
    let done = Mutex::new(Vec::new());
    assert!(body(&done, ScopeBuilder::new()).unwrap_err().is_timeout());
    assert!(body(&done, ScopeBuilder::new().policy(Partial)).is_ok());
    assert!(done.into_inner().unwrap().len() <= 2);
}

/// A builder whose stack size is larger than the memory, so that the system refuses the thread.
fn refused() -> reunite::Builder {
    reunite::Builder::new().stack_size(isize::MAX as usize & !0xffff)
}

/// Its place is free for the next task. No task joins that one, which could run it in place of a thread.
#[test]
fn a_place_whose_thread_was_refused_is_given_to_the_next() {
    let _watchdog = watchdog();
    let (tell, told) = channel::bounded(1);
    let (end, ended) = mpsc::channel();
    let sum = ScopeBuilder::new().max_threads(2).scope(|s| {
        let waits = s.spawn(move || told.recv().unwrap());
        for _ in 0..3 {
            let task = s.spawn_with(refused(), || ());
            assert!(task.join().unwrap_err().is_refused());
        }
        let sends = s.spawn(move || {
            tell.send(7).unwrap();
            end.send(()).unwrap();
            8
        });
        ended.recv().unwrap();
        waits.join().unwrap() + sends.join().unwrap()
    });
    assert_eq!(sum.unwrap(), 15);
}

/// The task that holds the only place joins, with a time limit, a task that is to have a thread of its own.
#[test]
fn a_refused_thread_beyond_the_limit_fails_no_other_task() {
    let _watchdog = watchdog();
    let (give, given) = mpsc::channel::<reunite::JoinHandle<()>>();
    let values = ScopeBuilder::new().max_threads(1).scope(|s| {
        let holder = s.spawn(move || given.recv().unwrap().join_timeout(LONG));
        let (first, large) = (s.spawn(|| 1), s.spawn_with(refused(), || ()));
        let last = s.spawn(|| 2);
        give.send(large).unwrap();
        let joined = holder.join().unwrap();
        assert!(joined.unwrap_err().is_refused());
        (first.join().unwrap(), last.join().unwrap())
    });
    assert_eq!(values.unwrap(), (1, 2));
}

/// Tasks that the policy cancels need not wait for the destructor of a result.
#[test]
fn a_policy_is_called_before_an_untaken_result_is_dropped() {
    type Notes = Arc<Mutex<Vec<&'static str>>>;
    struct Asked(Notes);
    impl Policy for Asked {
        fn on_complete(&self, _: &reunite::Label, _: Completion) -> Verdict {
            self.0.lock().unwrap().push("asked");
            Verdict::Continue
        }
    }
    struct Dropped(Notes);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.lock().unwrap().push("dropped");
        }
    }
    let _watchdog = watchdog();
    let notes = Notes::default();
    let (go, wait) = mpsc::channel();
    let builder = ScopeBuilder::new().policy(Asked(Arc::clone(&notes)));
    let ended = builder.scope(|s| {
        let result = Dropped(Arc::clone(&notes));
        drop(s.spawn(move || {
            wait.recv().unwrap();
            result
        }));
        go.send(()).unwrap();
    });
    assert!(ended.is_ok());
    assert_eq!(*notes.lock().unwrap(), ["asked", "dropped"]);
}

struct Panicking;

impl Policy for Panicking {
    fn on_complete(&self, _: &reunite::Label, _: Completion) -> Verdict {
        panic!("the policy")
    }
}

#[test]
fn a_policy_that_panics_is_a_failure_of_the_scope() {
    let _watchdog = watchdog();
    let ended = ScopeBuilder::new()
        .policy(Panicking)
        .scope(|s| drop(s.spawn(|| 1)));
    assert_eq!(
        ended.unwrap_err().root().unwrap().panic_message(),
        Some("the policy")
    );
}

/// The panic arrives at the spawn: the task is not started, and the scope is cancelled.
#[test]
fn a_policy_that_panics_before_a_task_starts_panics_in_the_spawn() {
    struct Refuses;

    impl Policy for Refuses {
        fn on_spawn(&self, _: &reunite::Label) -> Verdict {
            panic!("not this one")
        }

        fn on_complete(&self, _: &reunite::Label, _: Completion) -> Verdict {
            Verdict::Continue
        }
    }

    let _watchdog = watchdog();
    let ran = AtomicUsize::new(0);
    let was_cancelled = ScopeBuilder::new().policy(Refuses).scope(|s| {
        let payload = payload_of(|| drop(s.spawn(|| ran.fetch_add(1, Ordering::SeqCst))));
        assert_eq!(payload.downcast_ref(), Some(&"not this one"));
        s.is_cancelled()
    });
    assert!(was_cancelled.unwrap());
    assert_eq!(ran.into_inner(), 0);
    let payload = payload_of(|| {
        let scope = ScopeBuilder::new().policy(Refuses);
        scope.scope(|s| drop(s.spawn(|| 1)))
    });
    assert_eq!(payload.downcast_ref(), Some(&"not this one"));
}

#[test]
fn tasks_that_a_policy_cancels_learn_whether_a_result_or_a_failure_decided() {
    struct Decides;

    impl Policy for Decides {
        fn on_complete(&self, _: &reunite::Label, _: Completion) -> Verdict {
            Verdict::Cancel
        }
    }

    let _watchdog = watchdog();
    for (ending, reason) in [(Ok(()), "its result was enough"), (Err(7), "it failed")] {
        let both = std::sync::Barrier::new(2);
        let told = Mutex::new(None);
        let _ended = ScopeBuilder::new().policy(Decides).try_scope(|s| {
            s.spawn(|| {
                both.wait();
                *told.lock().unwrap() = Some(until_cancelled().reason().to_owned());
                Ok(())
            });
            s.spawn(|| {
                both.wait();
                ending
            });
            Ok(())
        });
        assert_eq!(told.into_inner().unwrap().unwrap(), reason);
    }
}

/// Hundreds of tasks on a few recycled threads: none finds what an earlier one left.
#[test]
fn a_recycled_thread_remembers_nothing() {
    let _watchdog = watchdog();
    for round in 0..200 {
        let cancelled = reunite::spawn(until_cancelled);
        cancelled.cancel();
        let _told = cancelled.join();
        let named = reunite::Builder::new()
            .name(format!("task {round}"))
            .spawn(thread_name);
        let (anonymous, checked) =
            reunite::spawn(|| (thread_name(), reunite::checkpoint().is_ok()))
                .join()
                .unwrap();
        assert!(checked);
        assert_ne!(anonymous, format!("task {round}"));
        if cfg!(target_os = "linux") {
            assert_eq!(named.join().unwrap(), format!("task {round}"));
            assert_eq!(anonymous, "reunite");
        }
    }
}

/// The thread's name as debuggers see it.
fn thread_name() -> String {
    std::fs::read_to_string("/proc/thread-self/comm")
        .unwrap_or_default()
        .trim_end()
        .to_owned()
}

#[test]
fn a_service_reports_that_it_is_ready_or_its_error() {
    let _watchdog = watchdog();
    let builder = || reunite::Builder::new().name("service");
    reunite::scope(|s| {
        let (port, service) = s
            .spawn_ready(builder(), |ready| {
                ready.up(8080);
                until_cancelled();
            })
            .unwrap();
        assert_eq!(port, 8080);
        service.cancel();
        let failed = s.spawn_ready::<u16, (), _>(builder(), |_ready| panic!("no port"));
        assert_eq!(failed.unwrap_err().panic_message(), Some("no port"));
        let silent = s.spawn_ready::<u16, _, _>(builder(), |_ready| ());
        assert!(silent.unwrap_err().is_refused());
    });
}

#[test]
fn a_service_that_is_not_ready_in_time_is_cancelled() {
    let _watchdog = watchdog();
    let builder = || reunite::Builder::new().name("service");
    let short = std::time::Duration::from_millis(2);
    reunite::scope(|s| {
        let never = |_ready| drop(until_cancelled());
        let late = s.spawn_ready_timeout::<u16, _, _>(builder(), never, short);
        let late = late.unwrap_err();
        assert!(late.is_timeout(), "{late}");
        assert!(late.to_string().contains("task `service`"), "{late}");
        let soon = std::time::Instant::now() + short;
        let late = s.spawn_ready_deadline::<u16, _, _>(builder(), never, soon);
        assert!(late.unwrap_err().is_timeout());
        let up = |ready: reunite::Ready<u16>| ready.up(8080);
        let (port, service) = s
            .spawn_ready_timeout(builder(), up, std::time::Duration::MAX)
            .unwrap();
        assert_eq!(port, 8080);
        service.join().unwrap();
    });
}

/// Tasks that `Pool::spawn` starts belong to a scope of the pool, shown at the line that built the pool.
#[test]
fn the_scope_of_a_pool_is_shown_at_the_line_of_its_builder() {
    let _watchdog = watchdog();
    let name = "shown at its line";
    let pool = reunite::Pool::builder().threads(1).name(name);
    let pool = pool.build().unwrap();
    let task = pool.spawn(until_cancelled);
    let scopes = reunite::dump().scopes;
    let scope = scopes.iter().find(|it| it.scope.name() == Some(name));
    let at = scope.unwrap().scope.spawned_at();
    assert_eq!(at.file(), file!());
    task.cancel();
    drop(task);
}

#[test]
fn a_shield_keeps_cancellation_out_and_only_there() {
    let _watchdog = watchdog();
    reunite::scope(|s| {
        s.cancel("now");
        assert!(reunite::checkpoint().is_err());
        reunite::shield(|| {
            assert!(reunite::checkpoint().is_ok());
            assert_eq!(reunite::scope(|inner| inner.spawn(|| 3).join().unwrap()), 3);
        });
        assert_eq!(reunite::checkpoint().unwrap_err().reason(), "now");
        let late = reunite::shield_timeout(std::time::Duration::from_millis(1), until_cancelled);
        assert!(late.is_deadline());
    });
}

#[test]
fn a_cancelled_joiner_does_not_run_what_it_joins() {
    let _watchdog = watchdog();
    let interrupted = ScopeBuilder::new().max_threads(1).scope(|s| {
        let (hand, over) = mpsc::channel::<reunite::JoinHandle<()>>();
        let (up, is_up) = mpsc::channel();
        let joiner = s.spawn(move || {
            up.send(()).unwrap();
            over.recv().unwrap().join().unwrap_err().is_interrupted()
        });
        is_up.recv().unwrap();
        let queued = s.spawn(|| drop(until_cancelled()));
        joiner.cancel();
        hand.send(queued).unwrap();
        let interrupted = joiner.join().unwrap();
        s.cancel("seen");
        interrupted
    });
    assert!(interrupted.unwrap());
}

#[test]
fn a_quorum_of_too_few_keeps_the_name_it_was_given() {
    let few = [|| Ok::<_, String>(1)];
    let error = ScopeBuilder::new()
        .name("votes")
        .quorum(2, few)
        .unwrap_err();
    assert_eq!(error.scope().name(), Some("votes"));
}
