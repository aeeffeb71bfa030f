//! The error of a task that was not joined is never dropped silently.

mod common;

use std::num::ParseIntError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, mpsc};

use common::{payload_of, until, until_cancelled, watchdog};
use reunite::{Builder, JoinHandle, ScopeBuilder, UnjoinedError, scope, try_scope};

static TOLD: Mutex<Vec<UnjoinedError>> = Mutex::new(Vec::new());

/// The reports about tasks of this name.
fn told(name: &str) -> Vec<UnjoinedError> {
    let told = TOLD.lock().unwrap();
    let of_it = |it: &&UnjoinedError| it.task.name() == Some(name);
    told.iter().filter(of_it).cloned().collect()
}

fn named(name: &str) -> Builder {
    static REPORTER: OnceLock<()> = OnceLock::new();
    REPORTER.get_or_init(|| {
        reunite::on_unjoined_error(|unjoined| TOLD.lock().unwrap().push(unjoined.clone()));
    });
    Builder::new().name(name)
}

fn fails() -> Result<u32, ParseIntError> {
    "x".parse()
}

#[test]
fn the_err_of_an_unjoined_task_of_a_plain_scope_is_reported() {
    let _watch = watchdog();
    let line = line!() + 2;
    scope(|s| {
        s.spawn_with(named("statement"), fails);
    });
    let told_of_it = told("statement");
    assert_eq!(told_of_it.len(), 1);
    assert_eq!(told_of_it[0].task.spawned_at().line(), line);
    assert!(told_of_it[0].returned.contains("ParseIntError"));
    let text = told_of_it[0].to_string();
    assert!(
        text.contains("`statement`") && text.contains("unjoined.rs"),
        "{text}"
    );

    // Its handle is dropped before the scope ends, or after that.
    for _ in 0..200 {
        let (go, gone) = mpsc::channel::<()>();
        scope(|s| {
            drop(s.spawn_with(named("first"), move || gone.recv().map_err(|_| "first")));
            drop(go);
            let late = s.spawn_with(named("late"), fails);
            until(|| late.is_finished());
            drop(late);
            // Dropped at once.
            s.spawn_with(named("at once"), fails);
        });
    }
    for name in ["first", "late", "at once"] {
        assert_eq!(told(name).len(), 200, "{name}");
    }
}

#[test]
fn the_err_of_a_task_whose_handle_outlives_the_scope_is_reported() {
    let _watch = watchdog();
    let handle = scope(|s| s.spawn_with(named("outlives"), fails));
    assert!(told("outlives").is_empty());
    drop(handle);
    assert_eq!(told("outlives").len(), 1);
}

#[test]
fn the_err_of_an_unjoined_task_outside_any_scope_is_reported() {
    let _watch = watchdog();
    // Reported by the thread that drops the handle, also while the task is still in a callback and has not dropped its
    // result.
    let (end_callback, callback_ends) = mpsc::channel::<()>();
    let (go, gone) = mpsc::channel::<()>();
    let task = named("dropped").spawn(move || gone.recv());
    task.on_complete(move || {
        let _ended = callback_ends.recv();
    });
    drop(go);
    until(|| task.is_finished());
    assert!(told("dropped").is_empty());
    drop(task);
    assert_eq!(told("dropped").len(), 1);
    drop(end_callback);

    let (go, gone) = mpsc::channel::<()>();
    named("detached").spawn(move || gone.recv()).detach();
    drop(go);
    until(|| !told("detached").is_empty());
    assert_eq!(told("detached").len(), 1);
}

#[test]
fn the_err_of_an_unjoined_task_of_a_pool_is_reported() {
    let _watch = watchdog();
    let _reporter = named("of a pool");
    for threads in [1, 3] {
        let pool = reunite::Pool::builder().threads(threads).build().unwrap();
        let before = told("of a pool").len();
        let told_since = || told("of a pool").len() - before;
        pool.scope(|s| {
            for _ in 0..100 {
                drop(s.spawn_named("of a pool", fails));
                let late = s.spawn_named("of a pool", fails);
                until(|| late.is_finished() || threads == 1);
                drop(late);
            }
        });
        assert_eq!(told_since(), 200);
        let line = line!() + 1;
        let forgotten = pool.scope(|s| s.spawn_named("of a pool", fails).id());
        let of_it = told("of a pool").pop().unwrap();
        assert_eq!(
            (of_it.task.id(), of_it.task.spawned_at().line()),
            (forgotten, line)
        );
        pool.scope(|s| {
            let taken = s.spawn_named("of a pool", fails).join().unwrap();
            assert!(taken.is_err());
            s.spawn_named("of a pool", || Ok::<_, ()>(1));
            s.spawn_named("of a pool", || reunite::sleep(common::LONG))
                .cancel();
        });
        assert_eq!(
            told_since(),
            201,
            "taken, no error, or told of a cancellation"
        );
    }
}

#[test]
fn the_consequence_of_a_cancellation_is_not_reported() {
    let _watch = watchdog();
    let waits = AtomicBool::new(false);
    scope(|s| {
        s.spawn_with(named("cancelled"), || {
            waits.store(true, Ordering::SeqCst);
            Err::<(), _>(until_cancelled())
        });
        until(|| waits.load(Ordering::SeqCst));
        s.cancel("enough");
    });
    drop(named("cancelled").spawn(|| Err::<(), _>(until_cancelled())));
    assert!(told("cancelled").is_empty(), "{:?}", told("cancelled"));
}

#[test]
fn a_scope_whose_tasks_can_fail_returns_the_error_and_nothing_is_reported() {
    let _watch = watchdog();
    let error = try_scope(|s| {
        s.spawn_with(named("returned"), fails);
        Ok(())
    });
    let _: ParseIntError = error.unwrap_err().into_error().unwrap();
    let ended = ScopeBuilder::new().try_scope_ended(|s| {
        s.spawn_with(named("returned"), fails);
        Ok(1)
    });
    assert!(ended.error.is_some());
    assert!(told("returned").is_empty());
}

#[test]
fn the_errors_that_a_panic_of_the_body_displaces_are_reported() {
    let _watch = watchdog();
    let waits = AtomicBool::new(false);
    let payload = payload_of(|| {
        try_scope::<(), _, _>(|s| {
            s.spawn_with(named("consequence"), || {
                waits.store(true, Ordering::SeqCst);
                until_cancelled();
                fails()
            });
            until(|| waits.load(Ordering::SeqCst));
            let task: JoinHandle<u32, _> = s.spawn_with(named("displaced"), fails);
            until(|| task.is_finished());
            std::panic::panic_any(5_u8)
        })
    });
    assert_eq!(*payload.downcast::<u8>().unwrap(), 5);
    assert_eq!(told("displaced").len(), 1);
    assert!(told("displaced")[0].returned.contains("ParseIntError"));
    assert!(told("consequence").is_empty());
}

/// Run by the next test, in a process of its own in which the reporter was not replaced.
#[test]
#[ignore = "the next test runs it"]
fn a_line_goes_to_standard_error_alone() {
    scope(|s| {
        s.spawn_with(Builder::new().name("save"), fails);
    });
}

#[test]
fn a_line_goes_to_standard_error() {
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program)
        .args([
            "--ignored",
            "--exact",
            "a_line_goes_to_standard_error_alone",
        ])
        .arg("--nocapture")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(
        told.contains("reunite: task `save` (crates/reunite/tests/unjoined.rs:"),
        "{told}"
    );
    assert!(
        told.contains("returned an error that was not taken"),
        "{told}"
    );
}

#[test]
fn a_reporter_may_panic_and_use_the_library() {
    let _watch = watchdog();
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program)
        .args(["--ignored", "--exact", "a_reporter_panics_alone"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// Run by the previous test, because it replaces the reporter.
#[test]
#[ignore = "the one before runs it"]
fn a_reporter_panics_alone() {
    let _watch = watchdog();
    static CALLS: Mutex<u32> = Mutex::new(0);
    reunite::on_unjoined_error(|_| {
        *CALLS.lock().unwrap() += 1;
        // What the reporter drops itself goes to standard error.
        scope(|s| drop(s.spawn(fails)));
        reunite::checkpoint().unwrap();
        panic!("a reporter's");
    });
    let value = scope(|s| {
        s.spawn(fails);
        s.spawn(|| 3).join().unwrap()
    });
    assert_eq!((value, *CALLS.lock().unwrap()), (3, 1));
}
