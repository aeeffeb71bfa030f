//! The rest of a map's batch goes to other threads if the item at hand blocks outside the library, or takes long.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::watchdog;
use reunite::{Pool, PoolBuilder};

fn builder(threads: usize) -> PoolBuilder {
    Pool::builder()
        .threads(threads)
        .spare_after(Duration::from_millis(1))
}

fn pool(threads: usize) -> Pool {
    builder(threads).build().unwrap()
}

/// The number of quick items before the first one that blocks, so that batches grow; the largest batch is a quarter of
/// the window.
const QUICK: usize = 10_000;
const WINDOW: usize = 2_000;

/// One item waits outside the library for a message of another item.
struct Pair {
    waits: usize,
    sends: usize,
    tx: Sender<usize>,
    rx: Mutex<Receiver<usize>>,
}

/// Determines what each item of a map does, and counts.
struct Items {
    pairs: Vec<Pair>,
    pulled: AtomicUsize,
    ran: Vec<AtomicUsize>,
}

impl Items {
    fn new(count: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let pair = |(waits, sends)| {
            let (tx, rx) = mpsc::channel();
            let rx = Mutex::new(rx);
            Pair {
                waits,
                sends,
                tx,
                rx,
            }
        };
        Self {
            pairs: pairs.into_iter().map(pair).collect(),
            pulled: AtomicUsize::new(0),
            ran: (0..count).map(|_| AtomicUsize::new(0)).collect(),
        }
    }

    fn source(&self) -> impl Iterator<Item = usize> {
        let pulls = |n: &usize| self.pulled.store(n + 1, Ordering::SeqCst);
        (0..self.ran.len()).inspect(pulls)
    }

    /// The thread that runs an item may be the one that pulls: no item waits for an item that was not pulled.
    fn is_pulled(&self, n: usize) -> bool {
        self.pulled.load(Ordering::SeqCst) > n
    }

    fn run(&self, n: usize) -> usize {
        self.ran[n].fetch_add(1, Ordering::Relaxed);
        for pair in &self.pairs {
            if pair.sends == n {
                pair.tx.send(n).unwrap();
            }
            if pair.waits == n && self.is_pulled(pair.sends) {
                assert_eq!(pair.rx.lock().unwrap().recv().unwrap(), pair.sends);
            }
        }
        n
    }

    /// Takes all outcomes of a map of `pool`.
    fn run_all(&self, pool: &Pool) {
        let count = self.ran.len();
        pool.scope(|s| {
            let outcomes = s.map(self.source(), |n| self.run(n)).window(WINDOW);
            assert!(outcomes.map(Result::unwrap).eq(0..count), "in their order");
        });
        let once = |ran: &AtomicUsize| ran.load(Ordering::Relaxed) == 1;
        assert!(self.ran.iter().all(once), "each once");
    }
}

#[test]
fn an_item_that_blocks_outside_the_library_gets_what_a_later_one_sends() {
    let _watch = watchdog();
    for threads in [1, 2, 3] {
        let pool = pool(threads);
        for distance in [1, 2, 50] {
            Items::new(QUICK + 5_000, [(QUICK, QUICK + distance)]).run_all(&pool);
        }
    }
}

/// Waits for a message, outside the library or in it.
type Wait = fn(&Receiver<usize>, &reunite::channel::Receiver<usize>) -> usize;

/// Also if no thread watches the pool; and it is not taken for a deadlock.
#[test]
fn an_item_that_waits_in_the_library_gets_what_a_later_one_sends() {
    let _watch = watchdog();
    let waits: [Wait; 4] = [
        |_, rx| rx.recv().unwrap(),
        |_, rx| rx.recv_timeout(common::LONG).unwrap(),
        |_, rx| {
            let scope = reunite::ScopeBuilder::new().timeout(common::LONG);
            scope.scope(|_| rx.recv().unwrap()).unwrap()
        },
        |rx, _| reunite::blocking(|| rx.recv().unwrap()),
    ];
    for threads in [1, 2] {
        let pool = builder(threads).spare_after(None).build().unwrap();
        for wait in waits.into_iter().cycle().take(20) {
            let items = Items::new(QUICK + 1_000, []);
            let (tx, rx) = reunite::channel::bounded(1);
            let (to_blocking, in_blocking) = mpsc::channel();
            let in_blocking = Mutex::new(in_blocking);
            pool.scope(|s| {
                let outcomes = s.map(items.source(), |n| {
                    if n == QUICK && items.is_pulled(QUICK + 2) {
                        assert_eq!(wait(&in_blocking.lock().unwrap(), &rx), QUICK + 2);
                    }
                    if n == QUICK + 2 {
                        to_blocking.send(n).unwrap();
                        tx.send(n).unwrap();
                    }
                    n
                });
                let outcomes = outcomes.window(WINDOW).map(Result::unwrap);
                assert!(outcomes.eq(0..QUICK + 1_000));
            });
        }
    }
}

#[test]
fn several_items_of_a_batch_may_block() {
    let _watch = watchdog();
    for threads in [1, 2] {
        let pool = pool(threads);
        // Each item sends before it waits for the next; the last one sends to none.
        let chain = (0..6).map(|n| (QUICK + n, QUICK + n + 1));
        Items::new(QUICK + 3_000, chain).run_all(&pool);
        // Nested: all of them wait at the same time.
        let nested = (0..6).map(|n| (QUICK + n, QUICK + 20 - n));
        Items::new(QUICK + 3_000, nested).run_all(&pool);
        // Repeatedly, with quick items between them.
        let many = (0..10).map(|n| (QUICK + n * 300, QUICK + n * 300 + 7));
        Items::new(QUICK + 3_000, many).run_all(&pool);
    }
}

/// A worker, or the consumer, has the last batch, and no thread has anything else to do.
#[test]
fn the_last_items_may_block() {
    let _watch = watchdog();
    for threads in [1, 2] {
        let pool = pool(threads);
        for _ in 0..10 {
            let last = QUICK + 20;
            Items::new(last + 1, [(last - 1, last)]).run_all(&pool);
        }
    }
}

#[test]
fn the_consumer_may_block_outside_for_an_item_behind_one_that_waits_for_it() {
    let _watch = watchdog();
    let consumer = std::thread::current().id();
    for threads in [1, 2] {
        let pool = pool(threads);
        for _ in 0..20 {
            let (to_item, item) = mpsc::channel();
            let (to_consumer, answer) = mpsc::channel();
            let (item, to_consumer) = (Mutex::new(item), Mutex::new(to_consumer));
            let pulled = AtomicUsize::new(0);
            pool.scope(|s| {
                let source = (0..QUICK + 1_000).inspect(|n| pulled.store(*n, Ordering::Relaxed));
                let map = s.map(source, |n| {
                    if n == QUICK && std::thread::current().id() != consumer {
                        item.lock().unwrap().recv().unwrap();
                    }
                    if n == QUICK + 1 {
                        to_consumer.lock().unwrap().send(()).unwrap();
                    }
                    n
                });
                let mut outcomes = map.window(WINDOW).map(Result::unwrap);
                let mut taken = 0;
                while pulled.load(Ordering::Relaxed) <= QUICK + 1 {
                    assert_eq!(outcomes.next(), Some(taken));
                    taken += 1;
                }
                answer.recv().unwrap();
                to_item.send(()).unwrap();
                assert!(outcomes.eq(taken..QUICK + 1_000));
            });
        }
    }
}

/// The item before them computes, and makes no calls of the library.
#[test]
fn the_items_behind_one_that_computes_are_taken_by_others() {
    let _watch = watchdog();
    let pool = pool(2);
    for _ in 0..5 {
        let count = QUICK + 10;
        let items = Items::new(count, []);
        let done = AtomicUsize::new(0);
        pool.scope(|s| {
            let outcomes = s.map(items.source(), |n| {
                if n == QUICK && items.is_pulled(count - 1) {
                    while done.load(Ordering::SeqCst) < count - 1 {
                        std::hint::spin_loop();
                    }
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
            let outcomes = outcomes.window(WINDOW);
            assert_eq!(outcomes.filter(Result::is_ok).count(), count);
        });
    }
}

/// The item that blocks is inside a map, inside an item of the outer map, for which it waits.
#[test]
fn an_item_in_a_map_in_an_item_may_wait_for_an_item_of_the_outer_map() {
    let _watch = watchdog();
    for threads in [1, 2] {
        let pool = pool(threads);
        let outer = Items::new(QUICK + 1_000, [(QUICK, QUICK + 3)]);
        pool.scope(|s| {
            let outcomes = s.map(outer.source(), |n| {
                if n != QUICK {
                    return outer.run(n);
                }
                pool.scope(|s| {
                    let inner = s.map([n], |n| outer.run(n));
                    inner.map(Result::unwrap).sum()
                })
            });
            let outcomes = outcomes.window(WINDOW);
            assert!(outcomes.map(Result::unwrap).eq(0..QUICK + 1_000));
        });
    }
}

#[test]
fn a_panic_behind_an_item_that_blocks_is_its_items_outcome() {
    let _watch = watchdog();
    let pool = pool(1);
    let items = Items::new(QUICK + 1_000, [(QUICK, QUICK + 2)]);
    let failed: Vec<usize> = pool.scope(|s| {
        let outcomes = s.map(items.source(), |n| {
            assert!(n != QUICK + 1 && n != QUICK + 3, "no");
            items.run(n)
        });
        let outcomes = outcomes.window(WINDOW).enumerate();
        let failed = outcomes.filter_map(|(n, outcome)| match outcome {
            Ok(m) => {
                assert_eq!(m, n);
                None
            }
            Err(error) => error.into_panic().ok().map(|_| n),
        });
        failed.collect()
    });
    assert_eq!(failed, [QUICK + 1, QUICK + 3]);
}

/// Held by an item that never runs: dropping it frees the item that blocks.
struct Frees {
    n: usize,
    _sender: Option<Sender<()>>,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Frees {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// The way in which a map is left while one of its items blocks.
#[derive(Clone, Copy)]
enum Leave {
    Drop,
    Forget,
    Cancel,
}

#[test]
fn a_map_that_is_left_drops_the_items_behind_one_that_blocks() {
    let _watch = watchdog();
    for threads in [1, 2] {
        for leave in [Leave::Drop, Leave::Forget, Leave::Cancel] {
            let pool = pool(threads);
            let dropped = Arc::new(AtomicUsize::new(0));
            let pulled = AtomicUsize::new(0);
            let (tx, rx) = mpsc::channel();
            let (rx, tx) = (Mutex::new(rx), Mutex::new(Some(tx)));
            let (begins, begun) = mpsc::channel();
            let begins = Mutex::new(begins);
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                pool.scope(|s| {
                    let source = (0..QUICK + 1_000).map(|n| {
                        pulled.fetch_add(1, Ordering::SeqCst);
                        Frees {
                            n,
                            _sender: tx.lock().unwrap().take_if(|_| n == QUICK + 1),
                            dropped: Arc::clone(&dropped),
                        }
                    });
                    let outcomes = s.map(source, |item: Frees| {
                        if item.n == QUICK {
                            begins.lock().unwrap().send(()).unwrap();
                            // Blocks until the sender is dropped, with the item that holds it.
                            if pulled.load(Ordering::SeqCst) > QUICK + 1 {
                                rx.lock().unwrap().recv().unwrap_err();
                            }
                        }
                    });
                    let mut outcomes = outcomes.window(WINDOW);
                    // Another thread runs the item that blocks; or the consumer does, and is freed.
                    while begun.try_recv().is_err() && outcomes.next().is_some() {}
                    match leave {
                        Leave::Drop => drop(outcomes),
                        Leave::Forget => std::mem::forget(outcomes),
                        Leave::Cancel => {
                            s.cancel("enough");
                            outcomes.for_each(drop);
                        }
                    }
                    // In case its item was not pulled.
                    drop(tx.lock().unwrap().take());
                });
            }));
            assert!(ended.is_ok() || matches!(leave, Leave::Cancel));
            let pulled = pulled.into_inner();
            assert_eq!(dropped.load(Ordering::SeqCst), pulled);
        }
    }
}

#[test]
fn an_outcome_that_is_not_there_in_time_comes_later() {
    let _watchdog = watchdog();
    let (go, wait) = reunite::channel::unbounded::<()>();
    let gated = |n: u32| {
        wait.recv().unwrap();
        n
    };
    for threads in [1, 3] {
        pool(threads).scope(|s| {
            let mut outcomes = s.map(0..3, gated);
            for n in 0..3 {
                let late = outcomes.next_timeout(Duration::from_millis(1)).unwrap_err();
                assert!(late.is_timeout(), "{late}");
                let late = outcomes.next_deadline(Instant::now()).unwrap_err();
                assert!(late.is_timeout(), "{late}");
                go.send(()).unwrap();
                let next = outcomes.next_timeout(Duration::MAX).unwrap();
                assert_eq!(next.unwrap().unwrap(), n);
            }
            assert!(outcomes.next_timeout(Duration::MAX).unwrap().is_none());
        });
    }
}

/// It could not stop them when its time is up.
#[test]
fn a_consumer_that_waits_with_a_limit_runs_no_items() {
    let _watchdog = watchdog();
    let here = std::thread::current().id();
    pool(1).scope(|s| {
        let mut ran_on = s.map(0..100, |_| std::thread::current().id());
        while let Some(ran_on) = ran_on.next_timeout(Duration::MAX).unwrap() {
            assert_ne!(ran_on.unwrap(), here);
        }
    });
}

#[test]
fn a_consumer_that_waits_with_a_limit_is_told_of_its_cancellation() {
    let _watchdog = watchdog();
    let (begin, begun) = reunite::channel::bounded(1);
    pool(2).scope(|s| {
        let mut outcomes = s.map(0..1000, |_| {
            let _told = begin.try_send(());
            common::until_cancelled();
        });
        let late = outcomes.next_timeout(Duration::ZERO).unwrap_err();
        assert!(late.is_timeout(), "{late}");
        begun.recv().unwrap();
        s.cancel("enough");
        // Items that run have values; an item that a thread has taken and not begun is cancelled.
        let error = loop {
            match outcomes.next_timeout(common::LONG).unwrap().unwrap() {
                Ok(()) => {}
                Err(item) if item.item().is_some() => assert!(item.is_cancelled(), "{item}"),
                Err(error) => break error,
            }
        };
        assert!(error.is_interrupted(), "{error}");
        // As in a map on threads: at the user's line, and not as if the batch were a task.
        let told = error.to_string();
        assert!(
            told.contains("scope #") && told.contains("pool_map.rs"),
            "{told}"
        );
        assert!(outcomes.next_timeout(common::LONG).unwrap().is_none());
    });
}
