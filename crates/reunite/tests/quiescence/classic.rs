//! The classic mistakes that hang a program on a queue, a semaphore, or a barrier.

use std::time::Duration;

use reunite::channel::{bounded, rendezvous, unbounded};
use reunite::sync::{Barrier, Condvar, Mutex, Semaphore, WaitGroup};

pub(crate) const ALL: &[(&str, fn())] = &[
    ("self_join_through_a_queue", self_join_through_a_queue),
    (
        "a_full_queue_whose_consumer_joined_the_producer",
        a_full_queue_whose_consumer_joined_the_producer,
    ),
    (
        "a_barrier_with_a_member_that_died",
        a_barrier_with_a_member_that_died,
    ),
    (
        "a_wait_group_whose_holders_all_wait",
        a_wait_group_whose_holders_all_wait,
    ),
    ("a_message_that_nobody_sends", a_message_that_nobody_sends),
    (
        "two_tasks_that_both_receive_first",
        two_tasks_that_both_receive_first,
    ),
    ("permits_in_opposite_order", permits_in_opposite_order),
    (
        "a_signal_that_was_given_before",
        a_signal_that_was_given_before,
    ),
    ("hand_to_hand_with_nobody", hand_to_hand_with_nobody),
    (
        "a_worker_that_ends_without_a_word",
        a_worker_that_ends_without_a_word,
    ),
    (
        "a_thread_of_somebody_else_may_still_send",
        a_thread_of_somebody_else_may_still_send,
    ),
    ("a_queue_in_a_pool", a_queue_in_a_pool),
    (
        "a_crowd_that_waits_for_nobody",
        a_crowd_that_waits_for_nobody,
    ),
    (
        "idle_receivers_and_a_sleeper_are_no_deadlock",
        idle_receivers_and_a_sleeper_are_no_deadlock,
    ),
];

/// A task keeps its clone while it waits for another group, whose holder waits for the first.
fn a_wait_group_whose_holders_all_wait() {
    let (one, two) = (WaitGroup::new(), WaitGroup::new());
    let (keeps_two, keeps_one) = (two.clone(), one.clone());
    let refused = reunite::scope(|s| {
        let tasks = [(one, keeps_two), (two, keeps_one)].map(|(waits, keeps)| {
            s.spawn(move || {
                let waited = waits.wait();
                drop(keeps);
                waited
            })
        });
        tasks.map(|task| task.join().unwrap())
    });
    let errors: Vec<_> = refused.into_iter().filter_map(Result::err).collect();
    // When the refused task has dropped its clone, the other wait ends.
    assert_eq!(errors.len(), 1);
    assert!(errors[0].is_deadlock(), "{}", errors[0]);
    let text = errors[0].to_string();
    assert!(text.contains("waits for a wait group"), "{text}");
}

/// A task receives its own handle through a queue, and joins it.
fn self_join_through_a_queue() {
    let (tx, rx) = bounded::<reunite::JoinHandle<String>>(1);
    let (told, tell) = bounded(1);
    let task = reunite::spawn(move || {
        let me = rx.recv().unwrap();
        let error = me.join().unwrap_err().to_string();
        told.send(error.clone()).unwrap();
        error
    });
    tx.send(task).unwrap();
    assert!(tell.recv().unwrap().contains("joins itself"));
    // It detached itself by dropping its own handle.
    reunite::shutdown(Duration::from_secs(60)).unwrap();
}

fn a_full_queue_whose_consumer_joined_the_producer() {
    for capacity in [1, 2, 5, 9] {
        let (tx, rx) = bounded(capacity);
        let sent = reunite::scope(|s| {
            let producer = s.spawn(move || (0..10).take_while(|n| tx.send(*n).is_ok()).count());
            // The consumer's mistake: it should have received first.
            match producer.join() {
                Ok(sent) => sent,
                Err(error) => {
                    assert!(error.is_deadlock(), "{error}");
                    assert!(
                        error.to_string().contains("sends into a channel"),
                        "{error}"
                    );
                    rx.iter().count()
                }
            }
        });
        assert!(sent == capacity || sent == 10, "{sent}");
    }
}

fn a_barrier_with_a_member_that_died() {
    let barrier = Barrier::new(3);
    reunite::scope(|s| {
        let dies = s.spawn(|| panic!("before it arrived"));
        let waits: Vec<_> = (0..2)
            .map(|_| s.spawn(|| barrier.wait().map(drop)))
            .collect();
        assert!(dies.join().unwrap_err().is_panic());
        for wait in waits {
            let error = wait.join().unwrap().unwrap_err();
            assert!(error.is_deadlock(), "{error}");
        }
    });
}

fn a_message_that_nobody_sends() {
    let (_tx, rx) = unbounded::<u8>();
    let error = rx.recv().unwrap_err();
    assert!(error.is_deadlock(), "{error}");
    assert!(
        error.to_string().contains("no other thread runs"),
        "{error}"
    );
    assert!(
        rx.recv_timeout(Duration::from_millis(2))
            .unwrap_err()
            .is_timeout()
    );
}

fn two_tasks_that_both_receive_first() {
    for capacity in [1, 2, 5, 9] {
        let ((to_b, from_a), (to_a, from_b)) = (bounded::<u8>(capacity), bounded::<u8>(capacity));
        let (a, b) = reunite::scope(|s| {
            let a = s.spawn(|| {
                from_b
                    .recv()
                    .map(drop)
                    .and_then(|()| to_b.send(1).map_err(|_| unreachable!()))
            });
            let b = s.spawn(|| {
                let got = from_a.recv().map(drop);
                to_a.send(1).unwrap();
                got
            });
            (a.join().unwrap(), b.join().unwrap())
        });
        // Either may be refused first. If a is, b sends and a goes on; or a ends without sending, and b is refused,
        // too.
        assert!(b.as_ref().unwrap_err().is_deadlock());
        assert!(a.is_ok() || a.unwrap_err().is_deadlock());
    }
}

fn permits_in_opposite_order() {
    let (left, right) = (Semaphore::new(1), Semaphore::new(1));
    let both = Barrier::new(2);
    let refused = reunite::scope(|s| {
        let cross = |first, second| {
            let (both, first, second): (_, &Semaphore, &Semaphore) = (&both, first, second);
            s.spawn(move || {
                let _first = first.acquire().unwrap();
                both.wait().unwrap();
                second.acquire().is_err()
            })
        };
        let (one, two) = (cross(&left, &right), cross(&right, &left));
        [one.join().unwrap(), two.join().unwrap()]
    });
    assert_eq!(refused.iter().filter(|refused| **refused).count(), 1);
}

fn a_signal_that_was_given_before() {
    let (flag, changed) = (Mutex::new(()), Condvar::new());
    changed.notify_all();
    let mut guard = flag.lock().unwrap();
    // The mistake: it checks no condition.
    assert!(changed.wait(&mut guard).unwrap_err().is_deadlock());
}

fn hand_to_hand_with_nobody() {
    let (tx, _rx) = rendezvous();
    let error = tx.send("lost").unwrap_err();
    assert!(error.is_deadlock(), "{error}");
    assert_eq!(error.into_message(), "lost");
}

/// The last thread that could send ends, and no wait begins after that: the end itself must look for a deadlock.
fn a_worker_that_ends_without_a_word() {
    let (tx, rx) = unbounded::<u8>();
    let (go, wait) = unbounded::<()>();
    let refused = reunite::scope(|s| {
        let waits = s.spawn(|| rx.recv().map(drop));
        let ends = s.spawn(move || wait.recv().unwrap());
        // Long enough for the other waits to be filed.
        reunite::sleep(Duration::from_millis(20)).unwrap();
        go.send(()).unwrap();
        let refused = waits.join();
        ends.join().unwrap();
        refused
    });
    match refused {
        Ok(outcome) => assert!(outcome.unwrap_err().is_deadlock()),
        Err(error) => {
            // The join was the newer wait; then the scope's end cancelled the receiver.
            assert!(error.is_deadlock(), "{error}");
        }
    }
    drop(tx);
}

/// A thread that this library has never seen counts: the receiver waits for it.
fn a_thread_of_somebody_else_may_still_send() {
    let (tx, rx) = bounded(1);
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        tx.send(1).unwrap();
    });
    assert_eq!(rx.recv().unwrap(), 1);
    thread.join().unwrap();
}

/// All are refused, one after the other. Each error lists only a few others; otherwise the errors of many tasks would
/// grow with the square of their number.
fn a_crowd_that_waits_for_nobody() {
    const CROWD: usize = 100;
    let (_tx, rx) = unbounded::<u8>();
    let more_waits: usize = reunite::scope(|s| {
        let tasks: Vec<_> = (0..CROWD).map(|_| s.spawn(|| rx.recv())).collect();
        let errors = tasks.into_iter().map(|task| task.join().unwrap());
        let more_waits = errors.map(|error| {
            let error = error.unwrap_err();
            let deadlock = error.deadlock().unwrap();
            assert!(deadlock.links().len() <= 8, "{error}");
            let tells = format!("and {} more wait as well", deadlock.more_waits());
            assert!(deadlock.more_waits() == 0 || error.to_string().contains(&tells));
            deadlock.more_waits()
        });
        more_waits.sum()
    });
    assert!(more_waits > CROWD, "{more_waits}");
}

fn a_queue_in_a_pool() {
    let pool = reunite::Pool::builder().threads(2).build().unwrap();
    let (_tx, rx) = unbounded::<u8>();
    let refused = pool.scope(|s| {
        let tasks: Vec<_> = (0..3).map(|_| s.spawn(|| rx.recv().map(drop))).collect();
        tasks
            .into_iter()
            .map(|task| task.join())
            .filter(|outcome| match outcome {
                Ok(received) => received.is_err(),
                Err(error) => error.is_deadlock(),
            })
            .count()
    });
    assert_eq!(refused, 3);
}

fn idle_receivers_and_a_sleeper_are_no_deadlock() {
    let (tx, rx) = bounded(1);
    reunite::scope(|s| {
        let receivers: Vec<_> = (0..3).map(|_| s.spawn(|| rx.recv().unwrap())).collect();
        reunite::sleep(Duration::from_millis(30)).unwrap();
        (0..3).for_each(|n| tx.send(n).unwrap());
        let mut got: Vec<_> = receivers
            .into_iter()
            .map(|task| task.join().unwrap())
            .collect();
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2]);
    });
}
