//! The profiler's figures on programs with known answers, by a clock that only counts work.

mod common;

use std::cell::Cell;
use std::time::Duration;

use reunite::Verb;
use reunite::profile::{self, HintKind, Profile};

thread_local! {
    static WORKED: Cell<u64> = const { Cell::new(0) };
}

fn work(ms: u64) {
    WORKED.set(WORKED.get() + ms);
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// One at a time: every observer is told of the whole process.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn profile_of(program: impl FnOnce()) -> Profile {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    WORKED.set(0);
    let profiling = profile::start_by(|| ms(WORKED.get()));
    program();
    profiling.finish()
}

/// The profile of a program in a pool, which is gone afterwards: its end would be seen by the next profile.
fn profile_in_pool(threads: usize, program: &dyn Fn(&reunite::Pool)) -> Profile {
    profile_of(|| {
        let pool = reunite::Pool::builder().threads(threads).build().unwrap();
        program(&pool);
    })
}

#[test]
fn a_chain_has_as_much_span_as_work() {
    let _watchdog = common::watchdog();
    let profile = profile_of(|| {
        reunite::scope(|s| {
            work(1);
            s.spawn(|| {
                work(2);
                reunite::scope(|s| s.spawn(|| work(3)).join().unwrap());
                work(4);
            })
            .join()
            .unwrap();
            work(5);
        });
    });
    assert_eq!((profile.work, profile.span), (ms(15), ms(15)));
    let lasts: Vec<_> = profile
        .critical_path
        .iter()
        .map(|step| step.lasts)
        .collect();
    assert_eq!(lasts, [ms(1), ms(2), ms(3), ms(4), ms(5)]);
}

#[test]
fn a_fan_has_the_span_of_its_longest() {
    let _watchdog = common::watchdog();
    let profile = profile_of(|| {
        reunite::scope(|s| (1..=10).for_each(|n| drop(s.spawn(move || work(n)))));
    });
    assert_eq!((profile.work, profile.span), (ms(55), ms(10)));
    assert!((profile.parallelism() - 5.5).abs() < 1e-9);
}

#[test]
fn a_diamond_goes_by_its_longer_side() {
    let _watchdog = common::watchdog();
    let profile = profile_of(|| {
        reunite::scope(|s| {
            work(1);
            let (left, right) = (s.spawn(|| work(10)), s.spawn(|| work(20)));
            work(2);
            left.join().unwrap();
            right.join().unwrap();
            work(3);
        });
    });
    assert_eq!((profile.work, profile.span), (ms(36), ms(24)));
}

/// Each call works for 1; work is the number of calls, span the depth.
#[test]
fn fib_has_the_span_of_its_depth() {
    fn fib(n: u32) -> u64 {
        work(1);
        if n < 2 {
            return u64::from(n);
        }
        reunite::scope(|s| {
            let (a, b) = (s.spawn(move || fib(n - 1)), s.spawn(move || fib(n - 2)));
            a.join().unwrap() + b.join().unwrap()
        })
    }
    let _watchdog = common::watchdog();
    let profile = profile_of(|| assert_eq!(fib(8), 21));
    assert_eq!((profile.work, profile.span), (ms(67), ms(8)));
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

/// The same programs in a pool: whoever runs a task, and whether a joiner runs it in its own place.
#[test]
fn tasks_of_a_pool_have_the_span_that_those_on_threads_have() {
    fn fib(pool: &reunite::Pool, n: u32) -> u64 {
        work(1);
        if n < 2 {
            return u64::from(n);
        }
        pool.scope(|s| {
            let (a, b) = (
                s.spawn(move || fib(pool, n - 1)),
                s.spawn(move || fib(pool, n - 2)),
            );
            a.join().unwrap() + b.join().unwrap()
        })
    }
    let _watchdog = common::watchdog();
    for threads in [1, 3] {
        let profile_of = |program: &dyn Fn(&reunite::Pool)| profile_in_pool(threads, program);
        let chain = profile_of(&|pool| {
            pool.scope(|s| {
                work(1);
                let outer = s.spawn(|| {
                    work(2);
                    pool.scope(|s| s.spawn(|| work(3)).join().unwrap());
                    work(4);
                });
                outer.join().unwrap();
                work(5);
            });
        });
        assert_eq!((chain.work, chain.span), (ms(15), ms(15)));
        let fan = profile_of(&|pool| {
            pool.scope(|s| (1..=10).for_each(|n| drop(s.spawn(move || work(n)))));
        });
        assert_eq!((fan.work, fan.span), (ms(55), ms(10)));
        let diamond = profile_of(&|pool| {
            pool.scope(|s| {
                work(1);
                let (left, right) = (s.spawn(|| work(10)), s.spawn(|| work(20)));
                work(2);
                left.join().unwrap();
                right.join().unwrap();
                work(3);
            });
        });
        assert_eq!((diamond.work, diamond.span), (ms(36), ms(24)));
        let deep = profile_of(&|pool| assert_eq!(fib(pool, 8), 21));
        assert_eq!((deep.work, deep.span), (ms(67), ms(8)));
        let map = profile_of(&|pool| {
            let done = pool.scope(|s| {
                s.map(1..=20_u64, work)
                    .window(20)
                    .filter(Result::is_ok)
                    .count()
            });
            assert_eq!(done, 20);
        });
        // It is pulled a few batches ahead only: the last item comes after the first were taken.
        assert_eq!(map.work, ms(210));
        assert!(map.span >= ms(20) && map.span < map.work, "{:?}", map.span);
    }
}

/// The half that another thread runs, and waits in, is a task whose work is its own.
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
                    // Waits, so the other half is taken.
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

/// The essay's table: every join where the task is spawned.
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
    // By the counting clock nobody waits, so the site is told by a real one. One of the four may be kept from the
    // processor for longer than it takes: then again, with ever longer ones.
    common::with_time_enough(|time| {
        let real = {
            let _alone = ALONE
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
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
        // Three of four could have run beside the first.
        (hint.saves > real.span / 2).then_some(())
    });
}

#[test]
fn time_lost_in_a_join_is_told_apart() {
    let _watchdog = common::watchdog();
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    // Kept from the processor, a thread begins to wait later than it should: then again, with longer waits.
    common::with_time_enough(|time| {
        let profile = profile_of_a_join_under_a_lock(time);
        let waits = profile.tasks.iter().flat_map(|task| &task.waits);
        let locks = waits.filter(|wait| wait.verb == Verb::Lock);
        let locked = locks.map(|wait| wait.to - wait.from).max()?;
        let site = profile.sites.iter().find(|site| site.verb == Verb::Join)?;
        let hints = profile.hints.iter().map(|hint| hint.kind);
        let enough = time / 2;
        let told = locked >= enough && site.lost >= enough && site.blocked >= enough;
        (told
            && hints
                .collect::<Vec<_>>()
                .contains(&HintKind::LockAcrossJoin))
        .then_some(())
    });
}

/// The joiner waits while the task runs; then holds the lock that the task wants.
fn profile_of_a_join_under_a_lock(time: Duration) -> Profile {
    let lock = reunite::sync::Mutex::new(());
    let profiling = profile::start();
    reunite::scope(|s| {
        let guard = lock.lock().unwrap();
        let (waits, told) = reunite::channel::bounded(1);
        let lock = &lock;
        let task = s.spawn(move || {
            std::thread::sleep(time);
            waits.send(()).unwrap();
            drop(lock.lock().unwrap());
        });
        let held = s.spawn(move || {
            told.recv().unwrap();
        });
        held.join().unwrap();
        std::thread::sleep(time);
        drop(guard);
        task.join().unwrap();
    });
    profiling.finish()
}

#[test]
fn what_a_task_is_blocked_for_elsewhere_is_part_of_its_chain() {
    let _watchdog = common::watchdog();
    let profile = profile_of(|| {
        reunite::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    work(10);
                    reunite::blocking(|| work(30));
                });
            }
        });
    });
    assert_eq!((profile.work, profile.span), (ms(80), ms(40)));
    let runs = profile.tasks.iter().flat_map(|task| &task.runs);
    let ran: Duration = runs.map(|run| run.to - run.from).sum();
    assert_eq!(ran, ms(20), "no core was in use meanwhile");
}

#[test]
fn two_profiles_at_a_time_see_the_same() {
    const NAPS: usize = 100;
    let _watchdog = common::watchdog();
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let (one, other) = (profile::start(), profile::start());
    reunite::scope(|s| {
        s.spawn(|| (0..NAPS).for_each(|_| reunite::sleep(Duration::from_micros(50)).unwrap()));
    });
    for profile in [one.finish(), other.finish()] {
        let waits = profile.tasks.iter().flat_map(|task| &task.waits);
        let naps = waits.filter(|wait| wait.verb == Verb::Sleep).count();
        assert_eq!(naps, NAPS);
        // One for each thread, not for each event.
        assert!(profile.threads.len() < NAPS, "{}", profile.threads.len());
    }
}

#[test]
fn a_ring_forgets_the_oldest_and_says_so() {
    let _watchdog = common::watchdog();
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let recorder = profile::flight_recorder(16, |trouble, _| panic!("{trouble}"));
    reunite::scope(|s| (0..100).for_each(|_| s.spawn(|| ()).join().unwrap()));
    let profile = recorder.look();
    assert!(profile.forgotten > 0);
    assert!(profile.to_string().contains("forgotten"));
    drop(recorder);
}

#[test]
fn an_observer_that_panics_is_removed() {
    struct Fails(std::sync::Arc<std::sync::atomic::AtomicUsize>);
    impl reunite::Observer for Fails {
        fn on_event(&self, _: &reunite::Event<'_>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            panic!("an observer that fails");
        }
    }
    let _watchdog = common::watchdog();
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let called = std::sync::Arc::default();
    let observing = reunite::observe(Fails(std::sync::Arc::clone(&called)));
    let sum = reunite::scope(|s| {
        (0..10)
            .map(|n| s.spawn(move || n).join().unwrap())
            .sum::<i32>()
    });
    assert_eq!(sum, 45, "the program does not notice");
    // Others may have been calling it at the moment when it was removed.
    assert!((1..5).contains(&called.load(std::sync::atomic::Ordering::SeqCst)));
    drop(observing);
}
