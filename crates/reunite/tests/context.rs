//! A parent's context reaches its children, unless they are spawned without it.

use reunite::prelude::*;
use std::any::Any;
use std::cell::Cell;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

thread_local! {
    static REQUEST: Cell<u64> = const { Cell::new(0) };
}

struct Request;

struct Back(u64);

impl Drop for Back {
    fn drop(&mut self) {
        REQUEST.set(self.0);
    }
}

impl reunite::Inherit for Request {
    fn capture(&self) -> Box<dyn FnOnce() -> Box<dyn Any> + Send> {
        let id = REQUEST.get();
        // A hook may itself fork, also when it is called for a fork.
        assert_eq!(reunite::join(|| 1, || 2), (1, 2));
        Box::new(move || Box::new(Back(REQUEST.replace(id))))
    }
}

#[test]
fn a_value_of_the_parent_reaches_its_children_and_stays_with_them() {
    reunite::inherit(Request);
    for request in 1..50 {
        REQUEST.set(request);
        let inherited = reunite::scope(|s| {
            let grandchild = s.spawn(|| reunite::spawn(|| REQUEST.get()).join().unwrap());
            grandchild.join().unwrap()
        });
        assert_eq!(inherited, request);
        let without = reunite::Builder::new().without_context();
        assert_eq!(without.spawn(|| REQUEST.get()).join().unwrap(), 0);
    }
}

/// Returns what tasks in all places of a pool see, when at least two threads run them.
fn seen_in_the_pool<T: Send + PartialEq + std::fmt::Debug>(
    see: impl Fn() -> T + Send + Sync,
    expected: &T,
) {
    let pool = reunite::Pool::builder().threads(3).build().unwrap();
    let both = &Barrier::new(2);
    let meet = |n: u32| {
        if n < 2 {
            reunite::blocking(|| both.wait());
        }
        see()
    };
    let of_scope: Vec<_> = pool.scope(|s| {
        let tasks: Vec<_> = (0..40).map(|n| s.spawn(move || meet(n))).collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    let of_map: Vec<_> =
        pool.scope(|s| s.map(0..40, meet).window(40).map(Result::unwrap).collect());
    let named = pool.scope(|s| s.spawn_named("named", &see).join().unwrap());
    // The second half begins before the first ends, so on another thread.
    let fork = |_| {
        let begun = AtomicBool::new(false);
        let (here, there) = pool.enter(|| {
            reunite::join(
                || {
                    while !begun.load(Ordering::Acquire) {
                        reunite::join(|| (), || ());
                        std::thread::yield_now();
                    }
                    see()
                },
                || {
                    begun.store(true, Ordering::Release);
                    see()
                },
            )
        });
        [here, there]
    };
    let of_join: Vec<_> = (0..20).flat_map(fork).collect();
    let begun = AtomicBool::new(false);
    let of_par: Vec<_> = pool.enter(|| {
        let seen = reunite::par(0..40_u32).map(|n| {
            if n == 39 {
                begun.store(true, Ordering::Release);
            }
            // The last one begins before the first ends, so on another thread.
            while n == 0 && !begun.load(Ordering::Acquire) {
                reunite::join(|| (), || ());
                std::thread::yield_now();
            }
            see()
        });
        seen.collect()
    });
    for (place, seen) in [
        ("scope", of_scope),
        ("map", of_map),
        ("join", of_join),
        ("par", of_par),
    ] {
        assert_eq!(seen.len(), 40);
        assert!(seen.iter().all(|it| it == expected), "{place}: {seen:?}");
    }
    assert_eq!(named, *expected);
}

#[test]
fn a_value_of_the_parent_reaches_all_that_a_pool_runs_for_it() {
    reunite::inherit(Request);
    REQUEST.set(50);
    seen_in_the_pool(|| REQUEST.get(), &50);
    REQUEST.set(0);
}

#[test]
fn a_fork_inherits_the_context_at_the_time_it_is_made() {
    reunite::inherit(Request);
    let pool = reunite::Pool::builder().threads(2).build().unwrap();
    REQUEST.set(60);
    let begun = AtomicBool::new(false);
    let (_, seen) = pool.enter(|| {
        reunite::join(
            || {
                // Published only from here on.
                REQUEST.set(61);
                while !begun.load(Ordering::Acquire) {
                    reunite::join(|| (), || ());
                    std::thread::yield_now();
                }
            },
            || {
                begun.store(true, Ordering::Release);
                REQUEST.get()
            },
        )
    });
    assert_eq!(seen, 60);
}

/// In any order of their frames, or of their places in one frame.
#[test]
fn nested_forks_each_inherit_the_context_at_the_time_they_are_made() {
    reunite::inherit(Request);
    let pool = reunite::Pool::builder().threads(2).build().unwrap();
    let begun = AtomicU64::new(0);
    let begun = &begun;
    // Closures of several words are passed differently from small ones.
    let words = [1; 4];
    let see = move || {
        begun.fetch_add(words[0], Ordering::Release);
        REQUEST.get()
    };
    let wait = move || {
        while begun.load(Ordering::Acquire) < 3 * words[3] {
            reunite::blocking(std::thread::yield_now);
        }
    };
    let (((_, third), second), first) = pool.enter(|| {
        REQUEST.set(70);
        let third = move || {
            REQUEST.set(72);
            reunite::join(wait, see)
        };
        let second = move || {
            REQUEST.set(71);
            reunite::join(third, see)
        };
        reunite::join(second, see)
    });
    assert_eq!((first, second, third), (70, 71, 72));
    REQUEST.set(0);
}

#[cfg(feature = "tracing")]
#[test]
fn a_span_reaches_all_that_a_pool_runs_in_it() {
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry());
    // A subscriber for the whole process, as a pool's threads do not have that of the test's thread.
    let _before = tracing::dispatcher::set_global_default(dispatch);
    let span = tracing::info_span!("pool request");
    let entered = span.enter();
    let has_span = || {
        tracing::Span::current()
            .with_subscriber(|(id, subscriber)| {
                let registry = subscriber
                    .downcast_ref::<tracing_subscriber::Registry>()
                    .unwrap();
                let span = tracing_subscriber::registry::LookupSpan::span(registry, id).unwrap();
                span.scope().any(|span| span.name() == "pool request")
            })
            .unwrap_or(false)
    };
    seen_in_the_pool(has_span, &true);
    drop(entered);
}

#[cfg(feature = "tracing")]
#[test]
fn a_task_has_a_span_of_its_own_within_that_of_its_spawner() {
    use tracing_subscriber::registry::{LookupSpan, Registry};

    /// Returns the current span and those around it.
    fn spans() -> Vec<&'static str> {
        let names = tracing::Span::current().with_subscriber(|(id, subscriber)| {
            let registry = subscriber.downcast_ref::<Registry>().unwrap();
            let span = registry.span(id).unwrap();
            span.scope().map(|span| span.name()).collect()
        });
        names.unwrap_or_default()
    }
    let _before = tracing::subscriber::set_global_default(tracing_subscriber::registry());
    let span = tracing::info_span!("request");
    let entered = span.enter();
    assert_eq!(reunite::spawn(spans).join().unwrap(), ["task", "request"]);
    let inner = || reunite::scope(|s| s.spawn(spans).join().unwrap());
    assert_eq!(
        reunite::spawn(inner).join().unwrap(),
        ["task", "task", "request"]
    );
    let without = reunite::Builder::new().without_context();
    assert!(without.spawn(spans).join().unwrap().is_empty());
    drop(entered);
    assert_eq!(reunite::spawn(spans).join().unwrap(), ["task"]);
}
