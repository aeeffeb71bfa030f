//! User code (observers, reporters, policies, hooks, destructors, callbacks) may do whatever other code may,
//! wherever the library calls it. In debug builds every call below checks that no lock of the library is held.

mod common;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use common::{LONG, until_cancelled, watchdog};
use reunite::policy::{Policy, Verdict};
use reunite::{
    Builder, Completion, Event, Label, Observer, Observing, Pool, ScopeBuilder, channel, sync,
};

/// Panics without a message.
fn throw(what: impl Any + Send) -> ! {
    resume_unwind(Box::new(what))
}

/// Uses almost everything that the library has. Fails if it is called under a lock or a borrow.
fn use_the_library() {
    let _cancelled_or_not = reunite::checkpoint();
    let lock = sync::Mutex::new(0);
    *lock.lock().unwrap() += 1;
    let (tx, rx) = channel::bounded(1);
    tx.send(1).unwrap();
    assert_eq!(rx.try_recv().unwrap(), 1);
    let task = reunite::shield(|| reunite::spawn(|| reunite::sleep(Duration::ZERO)).join());
    task.unwrap().unwrap();
    reunite::shield(|| {
        reunite::scope(|s| {
            s.canceller().cancel("no more");
            drop(s.spawn(|| 2).join());
        });
        let (one, two) = reunite::join(|| 1, || 2);
        assert_eq!(one + two, 3);
        // Another thread can take the half meanwhile, and mostly does.
        reunite::join(|| reunite::sleep(Duration::from_micros(200)), || ())
            .0
            .unwrap();
        let sum: i32 = reunite::map(0..3, |n| n)
            .into_iter()
            .map(Result::unwrap)
            .sum();
        assert_eq!(sum, 3);
        reunite::sleep(Duration::from_micros(1)).unwrap();
    });
    assert!(!reunite::dump().to_string().is_empty());
    let _counted = reunite::counters();
    drop(reunite::observe(Deaf));
}

struct Deaf;

impl Observer for Deaf {
    fn on_event(&self, _: &Event<'_>) {}
}

/// Uses the library at every event, and counts the events.
struct Busy(Arc<AtomicUsize>);

impl Observer for Busy {
    fn on_event(&self, event: &Event<'_>) {
        use_the_library();
        if let Event::Cancel { .. } = event {
            // Again, for the same reason and for another one.
            reunite::shield(|| reunite::scope(|s| s.cancel("in turn")));
        }
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        use_the_library();
    }
}

/// A program that causes every kind of event.
fn work() {
    reunite::scope(|s| {
        let tasks: Vec<_> = (0..3).map(|n| s.spawn(move || n)).collect();
        tasks
            .into_iter()
            .for_each(|task| assert!(task.join().unwrap() < 3));
    });
    let ended = ScopeBuilder::new()
        .timeout(Duration::from_millis(1))
        .scope(|s| {
            let checks = s.spawn(|| {
                while reunite::checkpoint().is_ok() {
                    std::thread::yield_now();
                }
            });
            let waits = s.spawn(|| until_cancelled().is_deadline());
            (checks.join().is_ok(), waits.join().is_ok())
        });
    assert!(ended.unwrap_err().is_timeout());
    let lock = sync::Mutex::new(());
    let guard = lock.lock().unwrap();
    assert!(lock.lock().unwrap_err().is_deadlock());
    drop(guard);
    let panicked = reunite::spawn(|| throw(1)).join();
    assert!(panicked.is_err());
    let mut mapped = reunite::map(0..20, |n| n).threads(2).into_iter();
    assert!(mapped.next().unwrap().is_ok());
    drop(mapped);
    let cancelled = ScopeBuilder::new().scope(|s| {
        s.cancel("enough");
        s.map(0..3, |n| n).into_iter().filter(Result::is_ok).count()
    });
    drop(cancelled);
    let pool = Pool::builder().threads(2).build().unwrap();
    assert_eq!(pool.spawn(|| 5).join().unwrap(), 5);
    assert_eq!(pool.scope(|s| s.spawn(|| 6).join().unwrap()), 6);
}

#[test]
fn an_observer_may_do_anything_and_stays() {
    let _watchdog = watchdog();
    let told = Arc::new(AtomicUsize::new(0));
    let observing = reunite::observe(Busy(Arc::clone(&told)));
    let mut before = 0;
    for _ in 0..3 {
        work();
        let now = told.load(Ordering::SeqCst);
        assert!(now > before + 20, "removed after {before} of {now}");
        before = now;
    }
    drop(observing);
}

#[test]
fn an_observer_may_remove_itself_and_add_others() {
    struct Once(Arc<Mutex<Option<Observing>>>, AtomicUsize);

    impl Observer for Once {
        fn on_event(&self, _: &Event<'_>) {
            self.1.fetch_add(1, Ordering::SeqCst);
            let mine = self.0.lock().unwrap().take();
            drop(mine);
            drop(reunite::observe(Deaf));
        }
    }

    impl Drop for Once {
        fn drop(&mut self) {
            use_the_library();
            throw("the destructor of an observer");
        }
    }

    let _watchdog = watchdog();
    let slot = Arc::new(Mutex::new(None));
    let once = Once(Arc::clone(&slot), AtomicUsize::new(0));
    let observing = reunite::observe(once);
    *slot.lock().unwrap() = Some(observing);
    work();
    assert!(slot.lock().unwrap().is_none());
}

/// An observer whose wait leaves the task, because the task is cancelled, is not at fault.
#[test]
fn an_observer_that_leaves_with_its_task_stays() {
    struct Leaves(Arc<AtomicUsize>);

    impl Observer for Leaves {
        fn on_event(&self, event: &Event<'_>) {
            if let Event::Cancel { cause, .. } = event
                && cause.reason() == "leave"
            {
                self.0.fetch_add(1, Ordering::SeqCst);
                let cancelled: reunite::Cancelled = (*cause).clone();
                cancelled.unwind();
            }
        }
    }

    let _watchdog = watchdog();
    let told = Arc::new(AtomicUsize::new(0));
    let _observing = reunite::observe(Leaves(Arc::clone(&told)));
    for _ in 0..2 {
        reunite::scope(|s| s.cancel("leave"));
    }
    assert_eq!(told.load(Ordering::SeqCst), 2);
}

/// The same for an observer whose iteration over messages leaves, because a wait of the sender was refused.
#[test]
fn an_observer_whose_iteration_is_cut_short_by_a_refusal_stays() {
    struct Iterates(channel::Receiver<()>, Arc<AtomicUsize>);

    impl Observer for Iterates {
        fn on_event(&self, event: &Event<'_>) {
            if let Event::Cancel { cause, .. } = event
                && cause.reason() == "iterate"
            {
                self.1.fetch_add(1, Ordering::SeqCst);
                self.0.iter().for_each(drop);
                unreachable!("that was not all");
            }
        }
    }

    let _watchdog = watchdog();
    let (tx, rx) = channel::unbounded();
    let sender = Builder::new().spawn(move || {
        let lock = sync::Mutex::new(tx);
        let _held = lock.lock().unwrap();
        assert!(lock.lock().unwrap_err().is_deadlock());
    });
    sender.join().unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    let _observing = reunite::observe(Iterates(rx, Arc::clone(&told)));
    for _ in 0..2 {
        reunite::scope(|s| s.cancel("iterate"));
    }
    assert_eq!(told.load(Ordering::SeqCst), 2);
}

#[test]
fn a_checkpoint_that_finds_the_deadline_passed_tells_observers_outside_its_borrow() {
    struct Spawns(AtomicBool, Arc<AtomicUsize>);

    impl Observer for Spawns {
        fn on_event(&self, event: &Event<'_>) {
            if let Event::Cancel { cause, .. } = event
                && cause.is_deadline()
                && !self.0.swap(true, Ordering::SeqCst)
            {
                use_the_library();
                self.1.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    let _watchdog = watchdog();
    let done = Arc::new(AtomicUsize::new(0));
    let _observing = reunite::observe(Spawns(AtomicBool::new(false), Arc::clone(&done)));
    let ended = ScopeBuilder::new()
        .timeout(Duration::from_millis(1))
        .scope(|_| while reunite::checkpoint().is_ok() {});
    assert!(ended.unwrap_err().is_timeout());
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

/// Uses the library when it is dropped.
#[derive(Clone)]
struct Nosy(Arc<AtomicUsize>);

impl Drop for Nosy {
    fn drop(&mut self) {
        use_the_library();
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Runs `f` with a value that has a destructor, and checks that every copy was dropped, including that of `f`.
fn dropped(f: impl FnOnce(&dyn Fn() -> Nosy)) {
    let _watchdog = watchdog();
    let (made, gone) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    f(&|| {
        made.fetch_add(1, Ordering::SeqCst);
        Nosy(Arc::clone(&gone))
    });
    assert!(made.load(Ordering::SeqCst) > 0);
    while gone.load(Ordering::SeqCst) < made.load(Ordering::SeqCst) {
        // The thread of a task drops the last parts of its closure after the join.
        std::thread::yield_now();
    }
}

#[test]
fn messages_may_use_the_library_when_they_are_dropped() {
    for capacity in [0, 1, 8, 5000] {
        dropped(|new| {
            let (tx, rx) = channel::bounded(capacity.max(1));
            tx.try_send(new()).unwrap();
            drop(tx.try_send(new()));
            rx.close_now();
            assert!(tx.send(new()).is_err());
        });
        dropped(|new| {
            let (tx, rx) = channel::bounded(capacity.max(1));
            tx.try_send(new()).unwrap();
            drop((rx, tx));
        });
    }
    dropped(|new| {
        let (tx, rx) = channel::unbounded();
        (0..3).for_each(|_| tx.send(new()).unwrap());
        drop(rx);
        drop(tx.send(new()).unwrap_err());
    });
    dropped(|new| {
        let (tx, rx) = channel::rendezvous();
        let message = new();
        assert!(tx.send_timeout(message, Duration::ZERO).is_err());
        drop(rx);
    });
    // A message whose destructor uses its own channel.
    struct Returns(Option<channel::Sender<Option<Returns>>>);
    impl Drop for Returns {
        fn drop(&mut self) {
            let tx = self.0.take().unwrap();
            drop(tx.try_send(None));
            assert!(tx.is_closed() && tx.len() <= 8);
            tx.close();
        }
    }
    let _watchdog = watchdog();
    for capacity in [1, 8, 5000] {
        let (tx, rx) = channel::bounded(capacity);
        tx.send(Some(Returns(Some(tx.clone()))))
            .unwrap_or_else(|_| panic!("there is room"));
        rx.close_now();
    }
}

#[test]
fn results_closures_and_payloads_may_use_the_library_when_they_are_dropped() {
    // Results that are not taken.
    dropped(|new| {
        let result = new();
        reunite::scope(|s| drop(s.spawn(move || result)));
        let result = new();
        reunite::spawn(move || result).detach();
        let result = new();
        drop(reunite::spawn(move || result));
        let pool = Pool::builder().threads(1).build().unwrap();
        let result = new();
        pool.spawn(move || result).detach();
        let (one, two) = (new(), new());
        pool.scope(|s| {
            let task = s.spawn(move || one);
            drop(s.spawn(move || two));
            drop(task.join().unwrap());
        });
    });
    // Closures that never run.
    dropped(|new| {
        let (a, b, c) = (new(), new(), new());
        let pool = Pool::builder().threads(1).build().unwrap();
        reunite::scope(|s| {
            s.cancel("before");
            drop(s.spawn(move || drop(a)));
        });
        pool.scope(|s| {
            s.cancel("before");
            drop(s.spawn(move || drop(b)));
        });
        let refused = Builder::new().stack_size(1 << 62).spawn(move || drop(c));
        assert!(refused.join().is_err());
        let (d, e) = (new(), new());
        let limited = ScopeBuilder::new().max_threads(1).scope(|s| {
            drop(s.spawn(|| drop(until_cancelled())));
            drop(s.spawn(move || drop(d)));
            s.cancel("the queue");
        });
        limited.unwrap();
        let torn = catch_unwind(AssertUnwindSafe(|| {
            reunite::join(|| throw(1), move || drop(e))
        }));
        assert!(torn.is_err());
    });
    // Payloads and errors.
    dropped(|new| {
        let (a, b, c) = (new(), new(), new());
        {
            drop(reunite::spawn(move || throw(a)).join());
            reunite::spawn(move || throw(b)).detach();
            let ended = ScopeBuilder::new().scope(|s| drop(s.spawn(move || throw(c))));
            assert!(ended.is_err());
        }
        let (d, e, f) = (new(), new(), new());
        let ended: Result<(), _> = reunite::try_scope(|s| {
            drop(s.spawn(move || Err::<(), _>(d)));
            drop(s.spawn(move || Err::<(), _>(e)));
            Err(f.into())
        });
        drop(ended);
    });
}

#[test]
fn items_of_maps_and_races_may_use_the_library_when_they_are_dropped() {
    dropped(|new| {
        let items: Vec<_> = (0..8).map(|_| new()).collect();
        let mut outcomes = reunite::map(items, |item| item).threads(2).into_iter();
        drop(outcomes.next());
        drop(outcomes);
        let items: Vec<_> = (0..8).map(|_| new()).collect();
        reunite::scope(|s| {
            let mut outcomes = s
                .try_map(items, Err::<(), _>)
                .threads(2)
                .fail_fast()
                .into_iter();
            drop(outcomes.next());
        });
        let items: Vec<_> = (0..8).map(|_| new()).collect();
        Pool::global().scope(|s| drop(s.map(items, |item| item).next()));
    });
    // One that is too late.
    dropped(|new| {
        let items = [new(), new()];
        let late = reunite::map(items, |item| {
            drop(reunite::sleep(LONG));
            item
        });
        let late = late.item_timeout(Duration::from_millis(1)).threads(2);
        // Whether the item notices first is not determined.
        assert_eq!(late.into_iter().count(), 2);
    });
    dropped(|new| {
        let (a, b, c) = (new(), new(), new());
        let winner = reunite::race((move || Ok(a), move || Ok(b), move || Err(c)));
        drop(winner);
    });
    // The payload of a source that panics.
    dropped(|new| {
        let mut thrown = Some(new());
        {
            let source = std::iter::from_fn(move || -> Option<()> { throw(thrown.take()) });
            let mut outcomes = reunite::map(source, |()| ()).threads(1).into_iter();
            assert!(catch_unwind(AssertUnwindSafe(|| outcomes.next())).is_err());
        }
        let thrown = Mutex::new(Some(new()));
        {
            let source = (0..3).map(move |n| match n {
                2 => throw(thrown.lock().unwrap_or_else(PoisonError::into_inner).take()),
                n => n,
            });
            let mut outcomes = reunite::map(source, |n| n).threads(1).into_iter();
            drop(outcomes.next());
            drop(outcomes);
        }
    });
}

#[test]
fn locked_values_cells_and_predicates_may_use_the_library() {
    dropped(|new| {
        let cell = sync::OnceCell::new();
        cell.get_or_init(|| {
            use_the_library();
            new()
        })
        .unwrap();
        let lazy = sync::Lazy::new(|| {
            use_the_library();
            new()
        });
        lazy.force().unwrap();
        let (lock, changed) = (sync::Mutex::new(Some(new())), sync::Condvar::new());
        let mut guard = lock.lock().unwrap();
        let mut rounds = 0;
        let waited = changed.wait_while_timeout(
            &mut guard,
            |value| {
                use_the_library();
                rounds += 1;
                value.take();
                rounds < 3
            },
            Duration::from_millis(1),
        );
        drop(waited);
        *guard = Some(new());
        let written = sync::RwLock::new(new());
        *written.write().unwrap() = new();
    });
}

#[test]
fn callbacks_and_hooks_may_use_the_library() {
    struct Hook;

    impl reunite::Inherit for Hook {
        fn capture(&self) -> Box<dyn FnOnce() -> Box<dyn Any> + Send> {
            let (_asked, _seen) = (reunite::checkpoint(), reunite::dump());
            Box::new(|| {
                let _cancelled_or_not = reunite::checkpoint();
                Box::new(())
            })
        }
    }

    let _watchdog = watchdog();
    reunite::inherit(Hook);
    dropped(|new| {
        let (called, value) = (Arc::new(AtomicBool::new(false)), new());
        let told = Arc::clone(&called);
        let task = reunite::spawn(until_cancelled);
        task.on_complete(move || {
            use_the_library();
            drop(value);
            told.store(true, Ordering::SeqCst);
        });
        task.cancel();
        drop(task.join());
        while !called.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let done = reunite::spawn(|| 1);
        while !done.is_finished() {
            std::thread::yield_now();
        }
        let value = new();
        done.on_complete(move || {
            use_the_library();
            drop(value);
        });
        let hook = (new(), new());
        let (start, exit) = hook;
        let builder = Pool::builder().threads(1).on_start(move || {
            let _kept = &start;
            use_the_library();
        });
        let builder = builder.on_exit(move || {
            let _kept = &exit;
            use_the_library();
        });
        drop(builder.build().unwrap());
    });
}

struct Inquisitive(#[expect(dead_code, reason = "its destructor counts")] Nosy);

impl Policy for Inquisitive {
    fn on_spawn(&self, _: &Label) -> Verdict {
        use_the_library();
        Verdict::Continue
    }

    fn on_complete(&self, _: &Label, _: Completion) -> Verdict {
        use_the_library();
        Verdict::Continue
    }

    fn is_satisfied(&self) -> bool {
        use_the_library();
        false
    }
}

#[test]
fn policies_may_use_the_library() {
    dropped(|new| {
        let builder = ScopeBuilder::new()
            .policy(Inquisitive(new()))
            .max_threads(1);
        let sum = builder.scope(|s| {
            let tasks: Vec<_> = (0..3).map(|n| s.spawn(move || n)).collect();
            tasks
                .into_iter()
                .map(|task| task.join().unwrap())
                .sum::<i32>()
        });
        assert_eq!(sum.unwrap(), 3);
    });
}

/// It is dropped with the last reference to its scope, which may be held by a thread that has more to do.
#[test]
fn a_policy_whose_destructor_panics_ends_nothing() {
    struct Bursts;

    impl Policy for Bursts {
        fn on_complete(&self, _: &Label, _: Completion) -> Verdict {
            Verdict::Continue
        }
    }

    impl Drop for Bursts {
        fn drop(&mut self) {
            throw("the destructor of a policy");
        }
    }

    let _watchdog = watchdog();
    {
        for _ in 0..50 {
            let ended = ScopeBuilder::new()
                .policy(Bursts)
                .scope(|s| s.spawn(|| 1).join().unwrap());
            assert_eq!(ended.unwrap(), 1);
        }
    }
}

/// Its destructor replaces it once more: under the lock of the registry, that would never end.
#[test]
fn reporters_may_use_the_library_and_their_destructors_too() {
    struct Replaces;

    impl Drop for Replaces {
        fn drop(&mut self) {
            use_the_library();
            reunite::on_stall(|_| ());
            reunite::on_stragglers(|_, _| ());
        }
    }

    let _watchdog = watchdog();
    let (one, two) = (Replaces, Replaces);
    reunite::on_stragglers(move |_, _| {
        let _kept = &one;
    });
    reunite::on_stall(move |_| {
        let _kept = &two;
    });
    // The old ones are dropped.
    reunite::on_stragglers(|_, _| ());
    reunite::on_stall(|_| ());
    let told = Arc::new(AtomicUsize::new(0));
    let reported = Arc::clone(&told);
    reunite::on_stall(move |stall| {
        if stall.task.name() != Some("stalls") {
            return;
        }
        // Longer than the threshold at which every wait reports itself.
        reunite::sleep(Duration::from_millis(20)).unwrap();
        let (_tx, rx) = channel::bounded::<()>(1);
        assert!(
            rx.recv_timeout(Duration::from_millis(20))
                .unwrap_err()
                .is_timeout()
        );
        reported.fetch_add(1, Ordering::SeqCst);
    });
    reunite::stall_after(Duration::from_millis(5));
    let (tx, rx) = channel::bounded(1);
    let waits = Builder::new()
        .name("stalls")
        .spawn(move || rx.recv().unwrap());
    while told.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    tx.send(7).unwrap();
    assert_eq!(waits.join().unwrap(), 7);
    reunite::stall_after(None);
    reunite::on_stall(|_| ());
    assert_eq!(told.load(Ordering::SeqCst), 1);
}
