//! Channels into which the clock sends, and one that never delivers anything.

use std::time::{Duration, Instant};

use crate::common::{LONG, until_waits, watchdog};
use reunite::channel::{Receiver, after, at, never, tick};
use reunite::{Builder, select};

const SHORT: Duration = Duration::from_millis(2);

#[test]
fn the_message_comes_when_it_is_due_and_only_once() {
    let _watchdog = watchdog();
    let due = Instant::now() + SHORT;
    let ways: [fn(&Receiver<Instant>) -> Instant; 5] = [
        |rx| rx.recv().unwrap(),
        |rx| rx.recv_timeout(LONG).unwrap(),
        |rx| rx.iter().next().unwrap(),
        |rx| select! { recv(rx) -> due => due.unwrap() },
        |rx| loop {
            if let Ok(due) = rx.try_recv() {
                return due;
            }
        },
    ];
    for way in ways {
        let rx = at(due);
        assert_eq!(rx.capacity(), Some(1));
        assert_eq!(way(&rx), due);
        assert!(Instant::now() >= due);
        assert!(rx.is_empty() && rx.try_recv().unwrap_err().is_empty());
        assert!(rx.recv_timeout(SHORT).unwrap_err().is_timeout());
    }
}

#[test]
fn a_wait_that_ends_before_the_message_is_due_takes_nothing() {
    let _watchdog = watchdog();
    let rx = after(LONG);
    assert!(rx.recv_timeout(SHORT).unwrap_err().is_timeout());
    assert!(rx.recv_deadline(Instant::now()).unwrap_err().is_timeout());
    let is_late = select! {
        recv(rx) -> due => panic!("{due:?}"),
        default(SHORT) => true,
    };
    assert!(is_late && rx.is_empty() && !rx.is_full());
    let beyond_the_clock = after(Duration::MAX);
    assert!(beyond_the_clock.try_recv().unwrap_err().is_empty());
}

#[test]
fn each_tick_comes_a_period_after_the_last_one_was_received() {
    let _watchdog = watchdog();
    let begun = Instant::now();
    let rx = tick(SHORT);
    let mut last = rx.recv().unwrap();
    assert!(last >= begun + SHORT);
    for due in rx.iter().take(5) {
        assert!(due >= last + SHORT && Instant::now() >= due);
        last = due;
    }
    // Several periods without a receive.
    let late = Instant::now() + 5 * SHORT;
    while Instant::now() < late {}
    assert_eq!((rx.len(), rx.is_full()), (1, true));
    assert_eq!(rx.try_iter().count(), 1);
}

#[test]
fn each_message_goes_to_one_of_the_clones() {
    let _watchdog = watchdog();
    for _ in 0..test_scale::rounds(20) {
        let rx = after(SHORT);
        let taken = reunite::scope(|s| {
            let receivers = [(); 3].map(|()| s.spawn(|| rx.recv_timeout(4 * SHORT).is_ok()));
            receivers.map(|it| it.join().unwrap())
        });
        assert_eq!(taken.iter().filter(|it| **it).count(), 1);
    }
}

#[test]
fn closing_or_cancelling_ends_the_waits() {
    let _watchdog = watchdog();
    for make in [|| after(LONG), || tick(LONG), never] {
        let rx = make();
        reunite::scope(|s| {
            let [closed, selects, cancelled] = ["closed", "selects", "cancelled"].map(|name| {
                let rx = &rx;
                s.spawn_with(Builder::new().name(name), move || match name {
                    "selects" => select! { recv(rx) -> due => due },
                    _ => rx.recv(),
                })
            });
            until_waits("cancelled", "receives from a channel");
            cancelled.cancel();
            assert!(cancelled.join().unwrap().unwrap_err().is_cancelled());
            until_waits("closed", "receives from a channel");
            until_waits("selects", "selects among channels");
            rx.close();
            assert!(closed.join().unwrap().unwrap_err().is_closed());
            assert!(selects.join().unwrap().unwrap_err().is_closed());
        });
        assert!(rx.recv().unwrap_err().is_closed());
    }
}

#[test]
fn the_message_that_was_due_when_the_channel_closed_comes() {
    for rx in [at(Instant::now()), tick(Duration::ZERO)] {
        rx.close();
        assert!(rx.recv().is_ok());
        assert!(rx.recv().unwrap_err().is_closed());
    }
}

#[test]
fn a_deadline_of_the_clock_is_shared_by_many_selects() {
    let _watchdog = watchdog();
    let (tx, rx) = reunite::channel::bounded(1);
    let end = after(5 * SHORT);
    let mut received = 0_u64;
    let ended = loop {
        select! {
            recv(rx) -> message => received += message.unwrap(),
            send(tx, 1) -> sent => sent.unwrap(),
            recv(end) -> due => break due,
        }
    };
    assert!(ended.is_ok() && received > 0);
}
