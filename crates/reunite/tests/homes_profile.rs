//! The profiler's figures on programs with known answers, by a clock that only counts work, wherever the
//! tasks run.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::homes::{ALL, Home, NAMED, Place, SCOPES, in_homes_with};
use common::profile::{alone, ms, profile_of, work};
use reunite::Verb;
use reunite::profile::{self, HintKind, Profile};

/// Checks the profile of a program in each of these homes. The pool of a home is gone before its profile
/// ends; otherwise the next profile would see that.
fn profile_in(homes: &[Home], program: impl Fn(&Place), check: impl Fn(Home, Profile)) {
    for &home in homes {
        for threads in [1, 3] {
            let profile = profile_of(|| in_homes_with(threads, &[home], &program));
            let told = format!("{home:?}, {threads} threads");
            let result =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(home, profile)));
            assert!(result.is_ok(), "{told}");
        }
    }
}

/// Checks the work and span of a program in every home except maps of one item each: there an item that is done when
/// it is started is joined at once.
fn work_and_span(program: impl Fn(&Place), expected: (u64, u64)) {
    profile_in(SCOPES, program, |_, profile| {
        let (work, span) = expected;
        assert_eq!((profile.work, profile.span), (ms(work), ms(span)));
    });
}

#[test]
fn a_chain_has_as_much_span_as_work() {
    let program = |at: &Place| {
        at.scope(|s| {
            work(1);
            let outer = s.spawn(|| {
                work(2);
                at.scope(|s| s.spawn(|| work(3)).join().unwrap());
                work(4);
            });
            outer.join().unwrap();
            work(5);
        });
    };
    profile_in(NAMED, program, |_, profile| {
        assert_eq!((profile.work, profile.span), (ms(15), ms(15)));
        let steps = profile.critical_path.iter().map(|step| step.lasts);
        let steps: Vec<_> = steps.filter(|step| !step.is_zero()).collect();
        assert_eq!(steps, [1, 2, 3, 4, 5].map(ms));
    });
}

#[test]
fn a_fan_has_the_span_of_its_longest() {
    let program = |at: &Place| at.scope(|s| (1..=10).for_each(|n| drop(s.spawn(move || work(n)))));
    profile_in(SCOPES, program, |_, profile| {
        assert_eq!((profile.work, profile.span), (ms(55), ms(10)));
        assert!((profile.parallelism() - 5.5).abs() < 1e-9);
    });
}

#[test]
fn a_diamond_goes_by_its_longer_side() {
    let program = |at: &Place| {
        at.scope(|s| {
            work(1);
            let (left, right) = (s.spawn(|| work(10)), s.spawn(|| work(20)));
            work(2);
            left.join().unwrap();
            right.join().unwrap();
            work(3);
        });
    };
    work_and_span(program, (36, 24));
}

/// Each call works for 1; work is the number of calls, span the depth.
#[test]
fn fib_has_the_span_of_its_depth() {
    fn fib(at: &Place, n: u32) -> u64 {
        work(1);
        if n < 2 {
            return u64::from(n);
        }
        at.scope(|s| {
            let (a, b) = (s.spawn(|| fib(at, n - 1)), s.spawn(|| fib(at, n - 2)));
            a.join().unwrap() + b.join().unwrap()
        })
    }
    work_and_span(|at| assert_eq!(fib(at, 8), 21), (67, 8));
}

#[test]
fn tasks_side_by_side_have_the_span_of_the_longest() {
    let program = |at: &Place| {
        at.run_many(20, |n| work(n as u64 + 1));
    };
    profile_in(NAMED, program, |home, profile| {
        assert_eq!(profile.work, ms(210));
        if home == Home::PoolMap {
            // Only a few batches are pulled ahead: the last item comes after the first were taken.
            assert!(profile.span >= ms(20) && profile.span < profile.work);
        } else {
            assert_eq!(profile.span, ms(20));
        }
    });
}

#[test]
fn time_blocked_outside_the_library_is_part_of_the_chain_of_the_task() {
    let program = |at: &Place| {
        at.run_many(2, |_| {
            work(10);
            reunite::blocking(|| work(30));
        });
    };
    profile_in(NAMED, program, |_, profile| {
        assert_eq!((profile.work, profile.span), (ms(80), ms(40)));
        let runs = profile.tasks.iter().flat_map(|task| &task.runs);
        let ran: Duration = runs.map(|run| run.to - run.from).sum();
        assert_eq!(ran, ms(20), "no core was in use meanwhile");
    });
}

/// The essay's table: every join where the task is spawned.
#[test]
fn a_join_that_came_too_early_is_pointed_out_with_its_cost() {
    profile_in(
        SCOPES,
        |at| {
            at.scope(|s| (0..4).for_each(|_| drop(s.spawn(|| work(10)).join())));
        },
        |_, profile| assert_eq!((profile.work, profile.span), (ms(40), ms(40))),
    );
}

#[test]
fn time_lost_in_a_join_is_reported_separately() {
    for &home in SCOPES {
        let _alone = alone();
        // A thread that is kept from the processor begins to wait later than it should; then try again, with
        // longer waits.
        common::with_time_enough(|time| {
            let profiling = profile::start();
            in_homes_with(4, &[home], |at| join_under_a_lock(at, time));
            let profile = profiling.finish();
            let waits = profile.tasks.iter().flat_map(|task| &task.waits);
            let locks = waits.filter(|wait| wait.verb == Verb::Lock);
            let locked = locks.map(|wait| wait.to - wait.from).max()?;
            let site = profile.sites.iter().find(|site| site.verb == Verb::Join)?;
            assert!(site.at.file().ends_with("homes_profile.rs"), "{}", site.at);
            let mut hints = profile.hints.iter().map(|hint| hint.kind);
            let enough = time / 2;
            let told = locked >= enough && site.lost >= enough && site.blocked >= enough;
            (told && hints.any(|kind| kind == HintKind::LockAcrossJoin)).then_some(())
        });
    }
}

/// The joiner waits while the task runs; then holds the lock that the task wants.
fn join_under_a_lock(at: &Place, time: Duration) {
    let lock = reunite::sync::Mutex::new(());
    at.scope(|s| {
        let guard = lock.lock().unwrap();
        let (waits, told) = reunite::channel::bounded(1);
        let (begin, begun) = reunite::channel::bounded(2);
        let (lock, also_begin) = (&lock, begin.clone());
        let task = s.spawn(move || {
            begin.send(()).unwrap();
            std::thread::sleep(time);
            waits.send(()).unwrap();
            drop(lock.lock().unwrap());
        });
        let held = s.spawn(move || {
            also_begin.send(()).unwrap();
            told.recv().unwrap();
        });
        // Otherwise the joiner of one might run it.
        (0..2).for_each(|_| begun.recv().unwrap());
        held.join().unwrap();
        std::thread::sleep(time);
        drop(guard);
        task.join().unwrap();
    });
}

#[test]
fn two_profiles_at_a_time_see_the_same() {
    const NAPS: usize = 50;
    for &home in ALL {
        let _alone = alone();
        let (one, other) = (profile::start(), profile::start());
        in_homes_with(2, &[home], |at| {
            at.run_many(2, |_| {
                (0..NAPS).for_each(|_| reunite::sleep(Duration::from_micros(50)).unwrap());
            });
        });
        for profile in [one.finish(), other.finish()] {
            let waits = profile.tasks.iter().flat_map(|task| &task.waits);
            let naps = waits.filter(|wait| wait.verb == Verb::Sleep).count();
            assert_eq!(naps, 2 * NAPS, "{home:?}");
            // One for each thread, not for each event.
            assert!(profile.threads.len() < NAPS, "{}", profile.threads.len());
        }
    }
}

#[test]
fn an_observer_that_panics_is_removed() {
    struct Fails(Arc<AtomicUsize>);
    impl reunite::Observer for Fails {
        fn on_event(&self, _: &reunite::Event<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("an observer that fails");
        }
    }
    for &home in NAMED {
        let _alone = alone();
        let called = Arc::default();
        let observing = reunite::observe(Fails(Arc::clone(&called)));
        in_homes_with(2, &[home], |at| {
            let sum: usize =
                at.scope(|s| (0..10).map(|n| s.spawn(move || n).join().unwrap()).sum());
            assert_eq!(sum, 45, "the program does not notice");
        });
        // Other threads may have been calling it at the moment when it was removed.
        assert!((1..5).contains(&called.load(Ordering::SeqCst)));
        drop(observing);
    }
}
