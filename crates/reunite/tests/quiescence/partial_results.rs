//! Results when a wait that they need is refused: they never look complete.

use std::panic::{AssertUnwindSafe, catch_unwind};

use reunite::channel::{Receiver, Sender, bounded, unbounded};
use reunite::{JoinError, ScopeBuilder};

pub(crate) const ALL: &[(&str, fn())] = &[
    ("two_stages_with_loops_over_messages", || {
        two_stages(&with_loops);
    }),
    ("two_stages_that_return_when_a_message_is_refused", || {
        two_stages(&with_returns);
    }),
    (
        "an_iteration_outside_any_task_panics_with_the_whole_story",
        an_iteration_outside_any_task_panics_with_the_whole_story,
    ),
    (
        "an_iteration_in_a_task_completes_it_deadlocked",
        an_iteration_in_a_task_completes_it_deadlocked,
    ),
    ("results_end_with_the_refusal", results_end_with_the_refusal),
    (
        "a_fresh_thread_and_its_keeper",
        a_fresh_thread_and_its_keeper,
    ),
    (
        "a_fresh_thread_that_ends_with_a_wait",
        a_fresh_thread_that_ends_with_a_wait,
    ),
];

type Stage = dyn Fn(Receiver<u64>, Sender<u64>, Sender<u64>) + Sync;

fn with_loops(rx: Receiver<u64>, tx: Sender<u64>, out: Sender<u64>) {
    for n in &rx {
        // Two for each: the queues are soon full.
        if tx.send(n + 1).is_err() || tx.send(n + 1).is_err() || out.send(n).is_err() {
            return;
        }
    }
}

fn with_returns(rx: Receiver<u64>, tx: Sender<u64>, out: Sender<u64>) {
    while let Ok(n) = rx.recv() {
        if tx.send(n + 1).is_err() || tx.send(n + 1).is_err() || out.send(n).is_err() {
            return;
        }
    }
}

/// Two stages that feed each other. Whichever wait is refused, the consumer of their output gets no count.
fn two_stages(stage: &Stage) {
    for _ in 0..10 {
        let counted = catch_unwind(AssertUnwindSafe(|| {
            feed_each_other(stage, |out| out.iter().count())
        }));
        let payload = counted.expect_err("a count that looks whole");
        let message = payload.downcast::<String>().expect("a message");
        assert!(message.contains("deadlock: "), "{message}");

        let in_a_task = reunite::scope(|s| {
            let task = s.spawn(|| feed_each_other(stage, |out| out.iter().count()));
            task.join().unwrap_err()
        });
        assert!(in_a_task.is_deadlock(), "{in_a_task}");

        let last = feed_each_other(stage, |out| out.results().last());
        last.expect("an end that is told").expect_err("an error");
    }
}

fn feed_each_other<R>(stage: &Stage, consume: impl FnOnce(&Receiver<u64>) -> R) -> R {
    let (to_first, first) = bounded(4);
    let (to_second, second) = bounded(4);
    let (out_tx, out) = bounded(4);
    reunite::scope(|s| {
        to_first.send(0).unwrap();
        let out_too = out_tx.clone();
        s.spawn(move || stage(first, to_second, out_too));
        s.spawn(move || stage(second, to_first, out_tx));
        consume(&out)
    })
}

fn an_iteration_outside_any_task_panics_with_the_whole_story() {
    let (_tx, rx) = unbounded::<u8>();
    let line = line!() + 1;
    let ended = catch_unwind(AssertUnwindSafe(|| for _ in &rx {}));
    let message = ended.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("deadlock: "), "{message}");
    assert!(
        message.contains(&format!("partial_results.rs:{line}")),
        "{message}"
    );
}

fn an_iteration_in_a_task_completes_it_deadlocked() {
    // It is not a panic: the panic hook is not called.
    std::panic::set_hook(Box::new(|_| std::process::abort()));
    let (_tx, rx) = unbounded::<u8>();
    let lock = reunite::sync::Mutex::new(());
    let iteration = || {
        let _held = lock.lock().unwrap();
        rx.iter().count()
    };
    let error = reunite::scope(|s| s.spawn(iteration).join().unwrap_err());
    assert!(!lock.is_poisoned());
    assert!(error.is_deadlock() && !error.is_panic(), "{error}");
    assert!(error.deadlock().is_some());
    let text = error.to_string();
    assert!(text.contains("was cut short: deadlock: "), "{text}");

    // For a body, and for a task that is not joined.
    let ended = ScopeBuilder::new().scope(|_| rx.iter().count());
    assert!(
        ended
            .unwrap_err()
            .root()
            .is_some_and(JoinError::is_deadlock)
    );
    let ended = reunite::try_scope(|s| {
        s.spawn(|| Ok::<_, String>(rx.iter().count()));
        Ok(())
    });
    let error = ended.unwrap_err();
    assert!(error.root().is_some_and(JoinError::is_deadlock), "{error}");
}

fn results_end_with_the_refusal() {
    let (tx, rx) = unbounded();
    tx.send(1).unwrap();
    let got: Vec<_> = rx.results().collect();
    assert_eq!(got.len(), 2);
    assert!(got[1].as_ref().unwrap_err().is_deadlock());
}

/// Such a task has two threads. The keeper, which waits for the end of the other one, does nothing itself.
fn a_fresh_thread_and_its_keeper() {
    for _ in 0..20 {
        let (tx, rx) = reunite::channel::bounded::<()>(1);
        let receiver = rx.clone();
        let task = reunite::Builder::new()
            .fresh_threads(true)
            .spawn(move || receiver.recv());
        let told = task.join();
        let is_refused = told.as_ref().is_err_and(reunite::JoinError::is_deadlock);
        assert!(is_refused || told.unwrap().unwrap_err().is_deadlock());
        drop((tx, rx));
    }
}

/// The destructor of its thread-local waits for something that no thread sends.
fn a_fresh_thread_that_ends_with_a_wait() {
    use std::cell::RefCell;
    struct Receives(reunite::channel::Receiver<()>);
    impl Drop for Receives {
        fn drop(&mut self) {
            assert!(self.0.recv().is_err());
        }
    }
    thread_local! { static LAST: RefCell<Option<Receives>> = const { RefCell::new(None) } }
    let (tx, rx) = reunite::channel::bounded::<()>(1);
    let task = reunite::Builder::new().fresh_threads(true).spawn(move || {
        LAST.with(|last| *last.borrow_mut() = Some(Receives(rx)));
        7
    });
    let joined = task.join();
    assert!(joined.as_ref().is_err_and(reunite::JoinError::is_deadlock) || joined.unwrap() == 7);
    drop(tx);
}
