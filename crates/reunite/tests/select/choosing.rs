//! Choosing between operations on several channels: `select!` and `Select`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::{Counted, LONG, payload_of, until_waits, watchdog};
use reunite::channel::{Receiver, Select, bounded, never, rendezvous, unbounded};
use reunite::{Builder, select};

const SHORT: Duration = Duration::from_millis(1);

fn no_message() -> usize {
    panic!("no message")
}

fn named(name: &str) -> Builder {
    Builder::new().name(name)
}

#[test]
fn the_arm_that_is_ready_runs_whatever_the_types_are() {
    let (words, word) = unbounded::<String>();
    let (numbers, number) = bounded::<u64>(1);
    let (full, _kept) = bounded::<[u8; 3]>(0);
    let mut seen = Vec::new();
    for round in 0..3 {
        match round {
            0 => words.send("word".to_owned()).unwrap(),
            1 => numbers.send(7).unwrap(),
            _ => words.close(),
        }
        select! {
            recv(word) -> word => seen.push(word.unwrap_or("closed".to_owned())),
            recv(number) -> number => seen.push(number.unwrap().to_string()),
            send(full, [0; 3]) -> sent => panic!("{sent:?}"),
        }
    }
    assert_eq!(seen, ["word", "7", "closed"]);
}

#[test]
fn a_message_is_made_only_if_its_arm_is_chosen() {
    for capacity in [0, 1, 4, usize::MAX] {
        let (tx, rx) = bounded(capacity);
        let (other, from_other) = unbounded();
        let mut left = vec![2, 1];
        for _ in 0..2 {
            other.send(0).unwrap();
            select! {
                biased;
                recv(from_other) -> message => assert_eq!(message.unwrap(), 0),
                send(tx, left.pop().unwrap()) -> sent => sent.unwrap(),
            }
        }
        assert_eq!(left, [2, 1]);
        if capacity == 0 {
            continue;
        }
        select! {
            send(tx, left.pop().unwrap()) -> sent => sent.unwrap(),
            recv(from_other) -> message => panic!("{message:?}"),
        }
        assert_eq!((left, rx.recv().unwrap()), (vec![2], 1));
    }
}

/// Adds up until the channel is closed or a zero comes.
fn sum(rx: &Receiver<Result<u32, String>>) -> Result<u32, String> {
    let (mut sum, stop) = (0, never::<()>());
    loop {
        let n = select! {
            recv(rx) -> message => match message {
                Ok(Ok(0)) | Err(_) => break,
                Ok(Ok(n)) if n > 100 => return Ok(n),
                Ok(n) => n?,
            },
            recv(&stop) -> _ => continue,
        };
        sum += n;
    }
    Ok(sum)
}

#[test]
fn the_code_of_an_arm_may_leave_its_loop_or_function() {
    let (tx, rx) = unbounded();
    let all = [
        Ok(1),
        Ok(2),
        Ok(0),
        Ok(3),
        Ok(101),
        Err("an error".to_owned()),
        Ok(4),
    ];
    all.into_iter().for_each(|n| tx.send(n).unwrap());
    drop(tx);
    let sums = [(); 4].map(|()| sum(&rx));
    assert_eq!(sums, [Ok(3), Ok(101), Err("an error".to_owned()), Ok(4)]);
}

#[test]
fn the_syntax_allows_what_a_match_allows() {
    let (tx, rx) = unbounded();
    let (quiet, from_quiet) = unbounded::<()>();
    // The borrows end before the code of an arm runs.
    let rx = select! {
        recv(rx,) -> _ => { drop(rx); None }
        default() => Some(rx),
    };
    let mut rx = rx.unwrap();
    tx.send(1).unwrap();
    let taken = select! {
        default => 0,
        recv([&rx, &never()][0]) -> message => message.unwrap(),
    };
    assert_eq!(taken, 1);
    let sent = select!(send(&tx, 2,) -> sent => sent);
    assert!(sent.is_ok());
    let first = select! {
        recv(from_quiet) -> _ => { 0 },
        recv(rx) -> message => { rx = never(); message.unwrap() }
        default(LONG) => 5
    };
    assert_eq!(first, 2);
    assert!(rx.try_recv().unwrap_err().is_empty());
    let in_the_middle = select! {
        recv(rx) -> _ => 0,
        default => { 1 }
        recv(from_quiet) -> _ => 2,
        recv(rx) -> _ => 3,
    };
    assert_eq!(in_the_middle, 1);
    let nothing = select! { default => { "nothing" } };
    assert_eq!(nothing, "nothing");
    drop(quiet);
}

#[test]
fn a_select_may_have_many_arms() {
    let channels: Vec<_> = (0..32).map(|_| unbounded()).collect();
    channels[31].0.send(7).unwrap();
    let received = select! {
        recv(channels[0].1) -> message => message.unwrap(),
        recv(channels[1].1) -> message => message.unwrap(),
        recv(channels[2].1) -> message => message.unwrap(),
        recv(channels[3].1) -> message => message.unwrap(),
        recv(channels[4].1) -> message => message.unwrap(),
        recv(channels[5].1) -> message => message.unwrap(),
        recv(channels[6].1) -> message => message.unwrap(),
        recv(channels[7].1) -> message => message.unwrap(),
        recv(channels[8].1) -> message => message.unwrap(),
        recv(channels[9].1) -> message => message.unwrap(),
        recv(channels[10].1) -> message => message.unwrap(),
        recv(channels[11].1) -> message => message.unwrap(),
        recv(channels[12].1) -> message => message.unwrap(),
        recv(channels[13].1) -> message => message.unwrap(),
        recv(channels[14].1) -> message => message.unwrap(),
        recv(channels[15].1) -> message => message.unwrap(),
        recv(channels[16].1) -> message => message.unwrap(),
        recv(channels[17].1) -> message => message.unwrap(),
        recv(channels[18].1) -> message => message.unwrap(),
        recv(channels[19].1) -> message => message.unwrap(),
        recv(channels[20].1) -> message => message.unwrap(),
        recv(channels[21].1) -> message => message.unwrap(),
        recv(channels[22].1) -> message => message.unwrap(),
        recv(channels[23].1) -> message => message.unwrap(),
        recv(channels[24].1) -> message => message.unwrap(),
        recv(channels[25].1) -> message => message.unwrap(),
        recv(channels[26].1) -> message => message.unwrap(),
        recv(channels[27].1) -> message => message.unwrap(),
        recv(channels[28].1) -> message => message.unwrap(),
        recv(channels[29].1) -> message => message.unwrap(),
        recv(channels[30].1) -> message => message.unwrap(),
        recv(channels[31].1) -> message => message.unwrap(),
        default => 0,
    };
    assert_eq!(received, 7);
}

#[test]
fn if_several_arms_are_ready_each_gets_its_turn_unless_the_select_is_biased() {
    let channels: Vec<_> = (0..3).map(|_| unbounded()).collect();
    for (tx, _) in &channels {
        (0..1000).for_each(|n| tx.send(n).unwrap());
    }
    let (room, _held) = unbounded();
    let mut counts = [0; 4];
    for _ in 0..800 {
        let arm = select! {
            recv(channels[0].1) -> _ => 0,
            recv(channels[1].1) -> _ => 1,
            send(room, ()) -> _ => 2,
            recv(channels[2].1) -> _ => 3,
        };
        counts[arm] += 1;
    }
    assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
    for _ in 0..100 {
        select! {
            biased;
            send(room, ()) -> sent => sent.unwrap(),
            recv(channels[0].1) -> message => panic!("{message:?}"),
        }
    }
}

#[test]
fn a_cancelled_select_tells_the_first_arm_that_names_its_result() {
    let _watchdog = watchdog();
    let quiet = never::<u8>();
    let (full, _kept) = rendezvous();
    let cancelled = |run: &(dyn Fn() -> bool + Sync)| {
        reunite::scope(|s| {
            let task = s.spawn_with(named("to be cancelled"), run);
            until_waits("to be cancelled", "selects among channels");
            task.cancel();
            task.join()
        })
    };
    let receives = cancelled(&|| {
        select! {
            recv(quiet) -> _ => false,
            recv(quiet) -> message => message.unwrap_err().is_cancelled(),
            send(full, "a message") -> _ => false,
        }
    });
    assert!(receives.unwrap());
    let sends = cancelled(&|| {
        select! {
            send(full, "a message") -> sent => {
                let error = sent.unwrap_err();
                error.is_cancelled() && error.into_message() == "a message"
            }
            recv(quiet) -> _ => false,
            default(LONG) => false,
        }
    });
    assert!(sends.unwrap());
    let leaves = cancelled(&|| {
        select! {
            recv(quiet) -> _ => true,
            send(full, "a message") -> _ => true,
        }
    });
    assert!(leaves.unwrap_err().is_cancelled(), "no arm could tell");
    let built = cancelled(&|| {
        let mut select = Select::new();
        select.recv(&quiet);
        select.select().unwrap_err().is_cancelled()
    });
    assert!(built.unwrap());
}

#[test]
fn a_select_waits_no_longer_than_it_may() {
    let _watchdog = watchdog();
    let (full, quiet) = rendezvous::<u8>();
    let other = never::<()>();
    let late = select! {
        recv(quiet) -> _ => false,
        send(full, 1) -> _ => false,
        recv(other) -> _ => false,
        default(SHORT) => true,
    };
    assert!(late, "and a select does not meet itself");
    let mut select = Select::new();
    select.send(&full);
    select.recv(&quiet);
    assert!(select.try_select().unwrap_err().is_busy());
    assert!(select.select_timeout(SHORT).unwrap_err().is_timeout());
    let past = Instant::now();
    assert!(select.select_deadline(past).unwrap_err().is_timeout());
}

#[test]
fn on_a_rendezvous_all_ways_of_sending_meet_all_ways_of_receiving() {
    let _watchdog = watchdog();
    let quiet = never::<u8>();
    for way in 0..4 * test_scale::rounds(50) {
        let (tx, rx) = rendezvous();
        reunite::scope(|s| {
            let sender = s.spawn(|| match way & 1 {
                0 => tx.send(way).unwrap(),
                _ => select! {
                    recv(quiet) -> message => panic!("{message:?}"),
                    send(tx, way) -> sent => sent.unwrap(),
                },
            });
            if way % 3 == 0 {
                std::thread::yield_now();
            }
            let received = match way & 2 {
                0 => rx.recv().unwrap(),
                _ => select! {
                    recv(rx) -> message => message.unwrap(),
                    recv(quiet) -> message => panic!("{message:?}"),
                },
            };
            assert_eq!(received, way);
            sender.join().unwrap();
        });
    }
}

#[test]
fn a_receiver_that_was_claimed_waits_on_if_the_message_is_not_made() {
    let _watchdog = watchdog();
    let (tx, rx) = rendezvous();
    reunite::scope(|s| {
        for is_select in [false, true] {
            let rx = rx.clone();
            let receiver = s.spawn_with(named("to be claimed"), move || match is_select {
                false => rx.recv().unwrap(),
                true => select! { recv(rx) -> message => message.unwrap() },
            });
            until_waits(
                "to be claimed",
                if is_select { "selects" } else { "receives" },
            );
            let panic = payload_of(|| {
                select! {
                    send(tx, no_message()) -> sent => sent.unwrap(),
                }
            });
            assert_eq!(panic.downcast_ref(), Some(&"no message"));
            tx.send(8).unwrap();
            assert_eq!(receiver.join().unwrap(), 8);
        }
    });
}

#[test]
fn room_that_was_kept_for_a_message_is_free_if_the_message_is_not_made() {
    let _watchdog = watchdog();
    for capacity in [1, 2, 4] {
        let (tx, rx) = bounded(capacity);
        (1..capacity).for_each(|n| tx.send(n).unwrap());
        let panic = payload_of(|| {
            select! {
                send(tx, {
                    assert!(tx.try_send(0).unwrap_err().is_full(), "its room is kept");
                    no_message()
                }) -> sent => sent.unwrap(),
            }
        });
        assert_eq!(panic.downcast_ref(), Some(&"no message"));
        tx.try_send(capacity).unwrap();
        assert!(rx.try_iter().eq(1..=capacity));
    }
}

/// Also of a channel that was a ring before.
#[test]
fn a_channel_keeps_its_messages_and_its_order_when_a_select_sends_into_it() {
    for capacity in [1, 2, 4, 7, 64] {
        for is_closed in [false, true] {
            let (tx, rx) = bounded(capacity);
            // The ring has been around.
            (0..3).for_each(|n| {
                tx.send(n).unwrap();
                assert_eq!(rx.recv().unwrap(), n);
            });
            (1..capacity).for_each(|n| tx.send(n).unwrap());
            assert_eq!((tx.len(), tx.is_full()), (capacity - 1, false));
            let sent = select! { send(tx, capacity) -> sent => sent, default => panic!() };
            sent.unwrap();
            assert_eq!((tx.len(), tx.is_full()), (capacity, true));
            assert_eq!(rx.capacity(), Some(capacity));
            assert!(tx.try_send(0).unwrap_err().is_full());
            let is_late = select! { send(tx, 0) -> _ => false, default => true };
            assert!(is_late && !tx.is_closed());
            if is_closed {
                tx.close();
                let error = select! { send(tx, 9) -> sent => sent.unwrap_err() };
                assert_eq!((error.is_closed(), error.into_message()), (true, 9));
            }
            assert!(rx.try_iter().eq(1..=capacity));
            assert_eq!((rx.len(), tx.try_send(5).is_err()), (0, is_closed));
        }
    }
}

#[test]
fn a_closed_channel_stays_closed_when_a_select_sends_into_it() {
    for capacity in [0, 1, 4, usize::MAX] {
        let (tx, rx) = bounded(capacity);
        let held = capacity.min(1);
        (0..held).for_each(|n| tx.send(n).unwrap());
        tx.close();
        let error = select! { send(tx, 8) -> sent => sent.unwrap_err() };
        assert!(error.is_closed() && tx.is_closed());
        assert!(rx.try_iter().eq(0..held));
        assert!(rx.recv().unwrap_err().is_closed());
    }
}

/// Threads that start alike do not choose alike.
#[test]
fn each_thread_has_an_order_of_its_own() {
    let ((tx, rx), (other, from_other)) = (unbounded(), unbounded());
    (0..64).for_each(|n| {
        tx.send(n).unwrap();
        other.send(n).unwrap();
    });
    let choose = || {
        select! {
            recv(rx) -> _ => 1,
            recv(from_other) -> _ => 0,
        }
    };
    let first: i32 = std::thread::scope(|s| {
        let threads = [(); 64].map(|()| s.spawn(choose));
        threads.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert!(first > 0 && first < 64);
}

#[test]
fn an_operation_that_is_not_completed_is_not_made() {
    let drops = AtomicUsize::new(0);
    let (tx, rx) = bounded(1);
    let mut send = Select::new();
    assert_eq!(send.send(&tx), 0);
    drop(send.select().unwrap());
    tx.try_send(Counted(&drops)).unwrap();
    let mut receive = Select::new();
    receive.recv(&rx);
    drop(receive.clone().select().unwrap());
    assert_eq!(drops.load(Ordering::SeqCst), 1, "the message was taken");
    assert!(receive.try_select().unwrap_err().is_busy());
}

#[test]
fn an_operation_is_completed_at_its_own_channel_only() {
    let ((tx, rx), (other, from_other)) = (bounded(1), bounded::<u8>(1));
    tx.send(1).unwrap();
    let mut select = Select::new();
    select.recv(&rx);
    let operation = select.select().unwrap();
    payload_of(|| operation.recv(&from_other));
    tx.send(2).unwrap();
    let operation = select.select().unwrap();
    payload_of(|| operation.send(&tx, 3));
    let mut select = Select::new();
    select.send(&other);
    let operation = select.select().unwrap();
    payload_of(|| operation.send(&tx, 3));
    let operation = select.select().unwrap();
    payload_of(|| operation.recv(&from_other));
    assert!(rx.is_empty() && from_other.is_empty());
}

#[test]
fn a_removed_operation_is_not_chosen_and_the_others_keep_their_indices() {
    let channels: Vec<_> = (0..3).map(|_| unbounded()).collect();
    channels.iter().for_each(|(tx, _)| tx.send(1).unwrap());
    let mut select = Select::new();
    for (index, (_, rx)) in channels.iter().enumerate() {
        assert_eq!(select.recv(rx), index);
    }
    select.remove(1);
    payload_of(|| select.remove(1));
    let mut seen = Vec::new();
    while let Ok(operation) = select.try_select() {
        let index = operation.index();
        seen.push((index, operation.recv(&channels[index].1).unwrap()));
    }
    seen.sort_unstable();
    assert_eq!(seen, [(0, 1), (2, 1)]);
}

#[test]
fn a_select_that_starves_its_pool_is_told_so() {
    let _watchdog = watchdog();
    let pool = reunite::Pool::builder().threads(1).spares(0);
    let pool = pool.build().unwrap();
    let quiet = never::<u8>();
    let select = pool.spawn(move || {
        select! { recv(quiet) -> message => message.unwrap_err().is_starved() }
    });
    let queued = pool.spawn(|| ());
    // A join would run it.
    crate::common::until(|| queued.is_finished());
    assert!(select.join().unwrap());
    queued.join().unwrap();
}
