//! Ends in many ways, with `panic=abort`. See `main.rs`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reunite::channel::{Receiver, Sender, bounded};
use reunite::policy::FirstSuccess;
use reunite::sync::OnceCell;
use reunite::{JoinError, Pool, ScopeBuilder};

fn main() {
    let part = std::env::args().nth(1).unwrap_or_default();
    match &*part {
        "task" => say(cancelled_in(count)),
        "pool_task" => say(cancelled_in(|rx, waits| {
            let joined = Pool::global().scope(|s| s.spawn(|| count(rx, waits)).join());
            assert!(joined.is_err());
            count(rx, waits)
        })),
        "map_item" => say(cancelled_in(|rx, waits| {
            let outcomes = reunite::scope(|s| {
                let items = s.map(0..1, |_| count(rx, waits)).threads(1).into_iter();
                items.collect::<Vec<_>>()
            });
            assert!(outcomes.iter().all(|outcome| outcome.is_err()));
            count(rx, waits)
        })),
        "pool_map_item" => say(cancelled_in(|rx, waits| {
            let outcomes = Pool::global().scope(|s| {
                let items = s.map(0..1, |_| count(rx, waits));
                items.collect::<Vec<_>>()
            });
            assert!(outcomes.iter().all(|outcome| outcome.is_err()));
            count(rx, waits)
        })),
        "nested" => say(cancelled_in(|rx, waits| {
            reunite::scope(|_| Pool::global().scope(|_| count(rx, waits)))
        })),
        "own_half" => say(cancelled_in(|rx, waits| {
            let counted = reunite::join(|| count(rx, waits), || 0);
            counted.0 + counted.1
        })),
        "deadline" => deadline(),
        "tasks_that_never_began" => say(cancelled_in(|_, waits| {
            waits.store(true, Ordering::SeqCst);
            until_cancelled();
            reunite::scope(|s| {
                s.spawn(|| println!("this never is"));
            });
            0
        })),
        "producer" => producer(),
        "relay" => relay(),
        "race" => race(),
        "forgiving_policy" => forgiving_policy(),
        "ended" => ended(),
        "once" => once(),
        "plain_scope" => plain_scope(),
        "stolen_half" => say(cancelled_in(|rx, waits| {
            let stolen = AtomicBool::new(false);
            let counted = reunite::join(
                || until(&stolen),
                || {
                    stolen.store(true, Ordering::SeqCst);
                    count(rx, waits)
                },
            );
            counted.1
        })),
        "unwind" => say(cancelled_in(|_, waits| {
            waits.store(true, Ordering::SeqCst);
            reunite::sleep(Duration::from_secs(3600)).unwrap_err().unwind()
        })),
        "refused" => {
            let (_tx, rx) = open();
            println!("{}", rx.iter().count());
        }
        part => panic!("no part {part}"),
    }
}

fn open() -> (Sender<u64>, Receiver<u64>) {
    let (tx, rx) = bounded(4);
    tx.send(1).unwrap();
    (tx, rx)
}

/// Drops it in a task that is told of its cancellation.
fn cut_short(tx: Sender<u64>) {
    reunite::scope(|s| {
        let task = s.spawn(move || {
            until_cancelled();
            drop(tx);
        });
        task.cancel();
        let _cancelled = task.join();
    });
}

fn count(rx: &Receiver<u64>, waits: &AtomicBool) -> usize {
    waits.store(true, Ordering::SeqCst);
    rx.iter().count()
}

fn until(flag: &AtomicBool) {
    while !flag.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
}

fn until_cancelled() {
    reunite::sleep(Duration::from_secs(3600)).unwrap_err();
}

/// Returns the result of a task that is cancelled once it waits, or is about to.
fn cancelled_in(
    work: impl FnOnce(&Receiver<u64>, &AtomicBool) -> usize + Send,
) -> Result<usize, JoinError> {
    let (_tx, rx) = open();
    let waits = AtomicBool::new(false);
    let (rx, waits) = (&rx, &waits);
    reunite::scope(|s| {
        let task = s.spawn(move || work(rx, waits));
        until(waits);
        task.cancel();
        task.join()
    })
}

fn say(joined: Result<usize, JoinError>) {
    match joined {
        Ok(count) => println!("a count of {count}"),
        Err(error) if error.is_cancelled() => println!("cancelled"),
        Err(error) => println!("{error}"),
    }
}

/// A task whose iteration was cut short drops a sender, under its own value.
fn relay() {
    let (tx, rx) = bounded(4);
    let (out_tx, out) = bounded(4);
    reunite::scope(|s| {
        let relay = s.spawn(move || {
            for n in &rx {
                out_tx.send(n).unwrap();
            }
        });
        let producer = s.spawn(move || {
            tx.send(1_u64).unwrap();
            until_cancelled();
        });
        assert_eq!(out.recv().unwrap(), 1);
        producer.cancel();
        let ended = out.results().last().unwrap().unwrap_err();
        println!("{}", if ended.is_cut_short() { "cut short" } else { "else" });
        assert!(relay.join().is_err());
    });
}

fn producer() {
    let (tx, rx) = bounded::<u64>(4);
    let joined = reunite::scope(|s| {
        let consumer = s.spawn(move || rx.iter().count());
        let producer = s.spawn(move || {
            until_cancelled();
            drop(tx);
        });
        producer.cancel();
        consumer.join()
    });
    say(joined);
}

fn race() {
    let left = AtomicBool::new(false);
    let contender = |is_left: bool| {
        let left = &left;
        move || {
            if !is_left {
                until(left);
                return Ok::<_, String>(100);
            }
            let (tx, rx) = open();
            cut_short(tx);
            let part = rx.iter().count();
            left.store(true, Ordering::SeqCst);
            Ok(part)
        }
    };
    println!("{:?}", reunite::race([contender(true), contender(false)]));
}

fn forgiving_policy() {
    let scope = ScopeBuilder::new().policy(FirstSuccess::new());
    let (tx, rx) = open();
    cut_short(tx);
    let ended = scope.try_scope(|s| {
        drop(s.spawn(|| Err::<(), _>("broken")));
        s.spawn(|| Ok(())).join()?;
        Ok(rx.iter().count())
    });
    println!("{}", if ended.is_ok() { "a part" } else { "an error" });
}

fn ended() {
    let (tx, rx) = open();
    cut_short(tx);
    let ended = ScopeBuilder::new().scope_ended(|_| rx.iter().count());
    let value = ended.value.map_or("no value", |_| "a part");
    let error = ended.error.map_or("no error", |_| "an error");
    println!("{value}, {error}");
}

fn once() {
    let cell = OnceCell::new();
    say(cancelled_in(|rx, waits| {
        let part = cell.get_or_init(|| count(rx, waits));
        assert!(part.unwrap_err().is_cancelled());
        0
    }));
    println!("{:?}", cell.get());
}

fn plain_scope() {
    let (_tx, rx) = open();
    let counted = reunite::scope(|s| {
        s.cancel("Ctrl-C");
        rx.iter().count()
    });
    println!("{counted}");
}

fn deadline() {
    let (_tx, rx) = open();
    let scope = ScopeBuilder::new().timeout(Duration::from_millis(5));
    let error = scope.scope(|_| rx.iter().count()).unwrap_err();
    println!("{}", if error.is_timeout() { "timeout" } else { "else" });
}
