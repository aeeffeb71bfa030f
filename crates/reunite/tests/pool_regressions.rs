//! What once broke the pool, each named after what broke.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use common::watchdog;
use reunite::{Pool, PoolScope, channel};

fn pool(threads: usize) -> Pool {
    Pool::builder().threads(threads).build().unwrap()
}

/// The scope had waited, and dropped what its tasks left: a destructor among that spawned once more, and
/// the task ran when what it borrowed was gone.
#[test]
fn a_task_spawned_by_the_destructor_of_a_result_outlived_its_scope() {
    let _watch = watchdog();
    struct Spawns<'scope, 'env>(&'scope PoolScope<'scope, 'env>, &'scope AtomicUsize, u32);
    impl Drop for Spawns<'_, '_> {
        fn drop(&mut self) {
            let Self(s, ran, again) = *self;
            s.spawn(move || {
                ran.fetch_add(1, Ordering::SeqCst);
                (again > 0).then(|| Spawns(s, ran, again - 1))
            });
        }
    }
    let pool = pool(2);
    for _ in 0..100 {
        let ran = AtomicUsize::new(0);
        pool.scope(|s| {
            let ran = &ran;
            for _ in 0..3 {
                s.spawn(move || Spawns(s, ran, 4));
            }
        });
        assert_eq!(ran.load(Ordering::SeqCst), 15);
    }
}

/// Short tasks are taken many at a time; a task that waited for one of the same batch waited for ever.
#[test]
fn a_task_was_hidden_behind_one_that_waits_for_it() {
    let _watch = watchdog();
    for threads in [1, 2] {
        let pool = pool(threads);
        for _ in 0..5 {
            let (tx, rx) = channel::bounded::<u32>(0);
            pool.scope(|s| {
                // So that batches grow.
                for _ in 0..20_000 {
                    s.spawn(|| ());
                }
                for n in 0..50 {
                    let (tx, rx) = (tx.clone(), rx.clone());
                    s.spawn(move || rx.recv().unwrap());
                    s.spawn(move || tx.send(n).unwrap());
                }
            });
        }
    }
}
