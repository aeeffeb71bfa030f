//! The profiler's figures for programs with known answers, by a clock that only counts work. `homes_profile.rs` has
//! those of tasks wherever they run.

mod common;

use common::profile::{alone, ms, profile_of, work};
use reunite::profile::{self, HintKind, Profile};

/// The profile of a program in a pool. The pool is dropped afterwards, because the next profile would see its end.
fn profile_in_pool(threads: usize, program: &dyn Fn(&reunite::Pool)) -> Profile {
    profile_of(|| {
        let pool = reunite::Pool::builder().threads(threads).build().unwrap();
        program(&pool);
    })
}

#[test]
fn a_map_has_the_span_of_its_longest_item() {
    let _watchdog = common::watchdog();
    let profile = profile_of(|| {
        let map = reunite::map(1..=20_u64, work).threads(4).window(20);
        assert_eq!(map.into_iter().filter(Result::is_ok).count(), 20);
    });
    assert_eq!((profile.work, profile.span), (ms(210), ms(20)));
}

/// The half continues the chain from where it was forked, and the forking task continues it from where the half ended.
#[test]
fn a_half_that_another_thread_runs_is_on_the_longest_chain() {
    let _watchdog = common::watchdog();
    let profile = profile_in_pool(2, &|pool| {
        let (begun, has_begun) = reunite::channel::bounded(1);
        pool.scope(|_| {
            work(1);
            // The forking task has its work counted up to here, whatever the other thread's clock says.
            pool.scope(|_| ());
            reunite::join(
                || {
                    has_begun.recv().unwrap();
                    work(4);
                },
                || {
                    begun.send(()).unwrap();
                    work(24);
                },
            );
            work(32);
        });
    });
    assert_eq!((profile.work, profile.span), (ms(61), ms(57)));
    let half = profile.tasks.iter().find(|task| task.joined.is_some());
    let half = half.expect("the half is joined");
    assert!(half.parent.is_some() && half.completed.is_some());
    assert!(profile.hints.is_empty(), "{:?}", profile.hints);
}

/// The half that another thread runs, and that waits there, is a task with its own work.
#[test]
fn the_work_of_a_half_that_another_thread_runs_is_counted_once() {
    let _watchdog = common::watchdog();
    let profile = profile_in_pool(2, &|pool| {
        let (begun, has_begun) = reunite::channel::bounded(1);
        let (go, gate) = reunite::channel::bounded(1);
        pool.scope(|_| {
            work(1);
            reunite::join(
                || {
                    work(2);
                    // Waits, so that the other half is taken.
                    has_begun.recv().unwrap();
                    go.send(()).unwrap();
                    work(4);
                },
                || {
                    work(8);
                    begun.send(()).unwrap();
                    gate.recv().unwrap();
                    work(16);
                },
            );
            work(32);
        });
    });
    assert_eq!(profile.work, ms(63));
}

/// Every join is where the task is spawned.
#[test]
fn a_join_that_came_too_early_is_pointed_out_with_what_it_costs() {
    let _watchdog = common::watchdog();
    let profile = profile_of(|| {
        reunite::scope(|s| {
            for _ in 0..4 {
                let task = s.spawn(|| work(10));
                drop(task.join());
            }
        });
    });
    assert_eq!((profile.work, profile.span), (ms(40), ms(40)));
    // By the counting clock no task waits, so the site is found with a real one. One of the four may be kept from the
    // processor for longer than it takes: then the test is repeated with longer and longer ones.
    common::with_time_enough(|time| {
        let real = {
            let _alone = alone();
            let profiling = profile::start();
            reunite::scope(|s| {
                for _ in 0..4 {
                    let task = s.spawn(|| std::thread::sleep(time));
                    drop(task.join());
                }
            });
            profiling.finish()
        };
        let mut hints = real.hints.iter();
        let hint = hints.find(|hint| hint.kind == HintKind::PrematureJoin)?;
        assert!(hint.at.file().ends_with("profile.rs"));
        // Three of the four could have run at the same time as the first.
        (hint.saves > real.span / 2).then_some(())
    });
}

#[test]
fn a_full_buffer_discards_the_oldest_events_and_reports_it() {
    let _watchdog = common::watchdog();
    let _alone = alone();
    let recorder = profile::flight_recorder(16, |trouble, _| panic!("{trouble}"));
    reunite::scope(|s| (0..100).for_each(|_| s.spawn(|| ()).join().unwrap()));
    let profile = recorder.look();
    assert!(profile.forgotten > 0);
    assert!(profile.to_string().contains("discarded"));
    drop(recorder);
}
