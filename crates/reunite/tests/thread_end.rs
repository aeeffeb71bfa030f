//! Destructors of thread-locals run when a thread ends, in the reverse order of their first use. So a destructor of the
//! user's may run when all or some of the library's are gone, and may use the library nevertheless.

mod common;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

use reunite::prelude::*;
use reunite::sync::{Condvar, Mutex, RwLock, Semaphore};

type Act = fn() -> u64;

/// The calls that a thread may make while it ends; each returns 42.
const ACTS: &[(&str, Act)] = &[
    ("join", || {
        let (a, b) = reunite::join(|| 40, || 2);
        a + b
    }),
    ("join, nested", || sum(1, 43) - 861),
    ("join that panics", || {
        let torn = catch_unwind(|| reunite::join(|| panic!("half"), || 1));
        42 * u64::from(torn.is_err())
    }),
    ("pool scope", || {
        reunite::Pool::global().scope(|s| {
            let tasks: Vec<_> = (0..42).map(|_| s.spawn(|| 1)).collect();
            tasks.into_iter().map(|task| task.join().unwrap()).sum()
        })
    }),
    ("pool map", || {
        reunite::Pool::global().scope(|s| s.map(0..42, |_| 1).map(Result::unwrap).sum())
    }),
    ("pool spawn", || {
        reunite::Pool::global().spawn(|| 42).join().unwrap()
    }),
    ("enter", || {
        reunite::Pool::global().enter(|| sum(1, 43) - 861)
    }),
    ("install", || {
        reunite::Pool::global().install(|| sum(1, 43) - 861)
    }),
    ("par", || {
        let items: Vec<u64> = (1..=42).collect();
        reunite::par(&items).sum::<u64>() - 861
    }),
    ("spawn", || reunite::spawn(|| 42).join().unwrap()),
    ("scope", || {
        reunite::scope(|s| s.spawn(|| 42).join().unwrap())
    }),
    ("map", || {
        reunite::map(0..42, |_| 1)
            .into_iter()
            .map(Result::unwrap)
            .sum()
    }),
    ("race", || reunite::race([|| Ok::<u64, ()>(42)]).unwrap()),
    ("channel", || {
        let (tx, rx) = reunite::channel::bounded(1);
        reunite::scope(|s| {
            s.spawn(move || (0..42).for_each(|_| tx.send(1).unwrap()));
            rx.iter().sum()
        })
    }),
    ("locks, more than fit a short list", || {
        let locks: Vec<_> = (0..42)
            .map(|_| (Mutex::new(()), RwLock::new(1_u64)))
            .collect();
        let held: Vec<_> = locks
            .iter()
            .map(|(lock, value)| (lock.lock().unwrap(), value.read().unwrap()))
            .collect();
        held.iter().map(|(_, value)| **value).sum()
    }),
    ("condition", || {
        let (lock, changed) = (Mutex::new(0), Condvar::new());
        reunite::scope(|s| {
            s.spawn(|| {
                *lock.lock().unwrap() = 42;
                changed.notify_one();
            });
            let mut guard = lock.lock().unwrap();
            changed.wait_while(&mut guard, |value| *value == 0).unwrap();
            *guard
        })
    }),
    ("permits", || {
        Semaphore::new(42).acquire_many(42).map_or(0, |_| 42)
    }),
    ("blocking", || reunite::blocking(|| 42)),
    ("sleep, checkpoint, shield", || {
        reunite::shield(|| reunite::sleep(Duration::from_millis(1))).unwrap();
        reunite::checkpoint().map_or(0, |()| 42)
    }),
    ("dump", || {
        let dump = reunite::dump().to_string();
        42 * u64::from(!dump.is_empty())
    }),
];

fn sum(from: u64, to: u64) -> u64 {
    if to - from == 1 {
        return from;
    }
    let middle = from.midpoint(to);
    let (a, b) = reunite::join(|| sum(from, middle), || sum(middle, to));
    a + b
}

/// Does something when the thread ends, twice, and sends the results.
struct AtTheEnd(Act, mpsc::Sender<Vec<Option<u64>>>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        let twice = (0..2).map(|_| catch_unwind(AssertUnwindSafe(self.0)).ok());
        let _gone = self.1.send(twice.collect());
    }
}

thread_local! {
    static LAST: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
}

/// On a thread that used the library, for `before`, before its own thread-local was first used, and, for `after`,
/// after that.
fn at_the_end_of_a_thread(before: &[Act], after: &[Act], act: Act) -> Vec<Option<u64>> {
    let (tell, told) = mpsc::channel();
    std::thread::scope(|s| {
        s.spawn(|| {
            before.iter().for_each(|act| assert_eq!(act(), 42));
            LAST.with(|last| *last.borrow_mut() = Some(AtTheEnd(act, tell)));
            after.iter().for_each(|act| assert_eq!(act(), 42));
        });
    });
    told.recv().expect("the destructor ran")
}

#[test]
fn the_library_works_when_its_thread_locals_are_gone() {
    let _watchdog = common::watchdog();
    let all: Vec<Act> = ACTS.iter().map(|(_, act)| *act).collect();
    for (name, act) in ACTS {
        let seen = at_the_end_of_a_thread(&[], &all, *act);
        assert_eq!(seen, [Some(42); 2], "{name}");
    }
}

#[test]
fn the_library_works_when_it_is_first_used_as_the_thread_ends() {
    let _watchdog = common::watchdog();
    for (name, act) in ACTS {
        let seen = at_the_end_of_a_thread(&[], &[], *act);
        assert_eq!(seen, [Some(42); 2], "{name}");
    }
}

/// Each use of the library touches some of its thread-locals and not others: so some are gone, and others are not.
#[test]
fn the_library_works_when_some_of_its_thread_locals_are_gone() {
    let _watchdog = common::watchdog();
    let uses: [Act; 6] = [
        || reunite::Pool::global().enter(|| 42),
        || reunite::checkpoint().map_or(0, |()| 42),
        || reunite::blocking(|| 42),
        || sum(1, 43) - 861,
        || reunite::Pool::global().scope(|s| s.spawn(|| 42).join().unwrap()),
        || *Mutex::new(42).lock().unwrap(),
    ];
    for before in 0..uses.len() {
        for after in 0..uses.len() {
            for (name, act) in &ACTS[..7] {
                let seen = at_the_end_of_a_thread(&[uses[before]], &[uses[after]], *act);
                assert_eq!(
                    seen,
                    [Some(42); 2],
                    "{name}, with {before}, without {after}"
                );
            }
        }
    }
}
