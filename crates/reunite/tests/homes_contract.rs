//! The programs that the library is for, each run as a whole inside a task: on a thread, in a pool, as an
//! item, as the half of a fork. The other `homes_*.rs` also spawn by the scope of each home.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::homes::{ALL, in_homes};
use common::{LONG, until};
use reunite::channel::bounded;
use reunite::sync::{Barrier, Mutex};
use reunite::{JoinError, ScopeError};

/// Runs three of the same program side by side in each home.
fn everywhere(program: impl Fn() + Send + Sync) {
    in_homes(ALL, |at| {
        at.run_many(3, |_| program()).into_iter().collect()
    });
}

#[test]
fn tasks_borrow_and_return_values() {
    everywhere(|| {
        let text = String::from("to be\nor not to be");
        let (words, lines) = reunite::scope(|s| {
            let words = s.spawn(|| text.split_whitespace().count());
            let lines = s.spawn(|| text.lines().count());
            (words.join(), lines.join())
        });
        assert_eq!((words.unwrap(), lines.unwrap()), (6, 2));
    });
}

#[test]
fn the_first_error_stops_the_rest_and_all_errors_arrive() {
    everywhere(|| {
        let failed: Result<(), ScopeError<String>> = reunite::try_scope(|s| {
            let both = Arc::new(Barrier::new(2));
            let orders = Arc::clone(&both);
            let user = s.spawn(move || {
                both.wait().map_err(|e| e.to_string())?;
                Err::<u32, _>("no such user".to_owned())
            });
            let orders = s.spawn(move || {
                orders.wait().map_err(|e| e.to_string())?;
                // Ends early, as the other fails.
                let stopped = reunite::sleep(LONG).expect_err("nobody waits so long");
                Err::<u32, _>(stopped.to_string())
            });
            let (_user, _orders) = (user.join()?, orders.join()?);
            Ok(())
        });
        let failed = failed.unwrap_err();
        assert!(failed.to_string().contains("no such user"), "{failed}");
        assert_eq!(failed.into_error().unwrap(), "no such user");
    });
}

#[test]
fn a_join_with_a_timeout_keeps_the_handle() {
    everywhere(|| {
        let (jobs, job) = bounded::<u32>(1);
        let mut task = reunite::spawn(move || job.recv().unwrap());
        let late = task.join_timeout(Duration::from_millis(5)).unwrap_err();
        assert!(late.is_timeout() && late.to_string().contains("homes_contract.rs"));
        jobs.send(7).unwrap();
        assert_eq!(task.join_timeout(LONG).unwrap(), 7);
    });
}

#[test]
fn one_bad_item_does_not_ruin_a_batch() {
    everywhere(|| {
        let outcomes = reunite::map(0..4_u32, |n| match n {
            1 => panic!("a bad item"),
            2 => drop(reunite::sleep(LONG)),
            _ => {}
        });
        let outcomes = outcomes.threads(4).item_timeout(Duration::from_millis(50));
        let how = |outcome: Result<(), JoinError>| match outcome {
            Ok(()) => "done",
            Err(error) if error.is_panic() => "panic",
            Err(error) if error.is_timeout() => "late",
            Err(error) => panic!("{error}"),
        };
        let how: Vec<_> = outcomes.into_iter().map(how).collect();
        // On a busy machine the others may be late as well; and the third may itself notice the timeout, and
        // complete.
        let may_be = [
            ["done", "late"],
            ["panic", "late"],
            ["late", "done"],
            ["done", "late"],
        ];
        assert_eq!(how.len(), may_be.len());
        let fits = how
            .iter()
            .zip(&may_be)
            .all(|(is, may_be)| may_be.contains(is));
        assert!(fits, "{how:?}");
    });
}

#[test]
fn the_first_success_wins_a_race() {
    everywhere(|| {
        let slow = || {
            reunite::sleep(LONG)
                .map(|()| "slow")
                .map_err(|e| e.to_string())
        };
        let broken = || Err("broken".to_owned());
        assert_eq!(
            reunite::race((slow, broken, || Ok("quick"))).unwrap(),
            "quick"
        );
    });
}

#[test]
fn divide_and_conquer() {
    fn sum(of: &[u64]) -> u64 {
        match of {
            [] => 0,
            [one] => *one,
            more => {
                let (left, right) = more.split_at(more.len() / 2);
                let (left, right) = reunite::join(|| sum(left), || sum(right));
                left + right
            }
        }
    }
    let numbers: Vec<_> = (1..=1_000).collect();
    everywhere(|| assert_eq!(sum(&numbers), 500_500));
}

#[test]
fn a_queue_drains_and_ends() {
    everywhere(|| {
        let (tx, rx) = bounded(4);
        let sum = reunite::scope(|s| {
            s.spawn(move || (1..=100).for_each(|n| tx.send(n).unwrap()));
            rx.iter().sum::<u32>()
        });
        assert_eq!(sum, 5_050);
    });
}

#[test]
fn a_deadlock_is_an_error_that_names_both() {
    everywhere(|| {
        let (locks, both) = ([Mutex::new(()), Mutex::new(())], Barrier::new(2));
        let (locks, both) = (&locks, &both);
        let crosswise = |n: usize| {
            move || {
                let _mine = locks[n].lock()?;
                both.wait()?;
                locks[1 - n].lock().map(drop)
            }
        };
        let refused = reunite::scope(|s| {
            let [a, b] = [0, 1].map(|n| s.spawn(crosswise(n)));
            let ended = [a.join().unwrap(), b.join().unwrap()];
            let refused: Vec<_> = ended.into_iter().filter_map(Result::err).collect();
            assert_eq!(refused.len(), 1);
            refused[0].deadlock().unwrap().links().len()
        });
        assert_eq!(refused, 2);
    });
}

#[test]
fn a_callback_reports_the_completion_of_a_task() {
    everywhere(|| {
        let repaint = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&repaint);
        let mut task = reunite::spawn(|| 6 * 7);
        task.on_complete(move || asked.store(true, Ordering::SeqCst));
        until(|| repaint.load(Ordering::SeqCst));
        assert_eq!(task.try_join().expect("it has completed").unwrap(), 42);
    });
}
