//! Code as people write it at first: each of these failed to compile once.

use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reunite::{JoinError, ScopeError};

type AnyError = Box<dyn Error + Send + Sync>;

fn root(error: ScopeError<AnyError>) -> AnyError {
    error.into_error().expect("the root cause is an error")
}

/// Errors of different types, in the tasks and in the body.
fn sizes(file: &str, port: &str) -> Result<usize, ScopeError<AnyError>> {
    reunite::try_scope(|s| {
        let port = s.spawn(|| Ok(port.parse::<usize>()?));
        let text = std::fs::read_to_string(file)?;
        if text.is_empty() {
            return Err(format!("{file} is empty").into());
        }
        reunite::checkpoint()?;
        Ok(port.join()? + text.len())
    })
}

#[test]
fn a_body_takes_errors_of_std_by_the_question_mark() {
    let error = root(sizes("no such file", "80").unwrap_err());
    let error = error.downcast::<io::Error>().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(sizes("Cargo.toml", "80").unwrap() > 80);
    let error = root(sizes("Cargo.toml", "eighty").unwrap_err());
    assert!(error.is::<std::num::ParseIntError>());
    let error = root(sizes("/dev/null", "80").unwrap_err());
    assert_eq!(error.to_string(), "/dev/null is empty");
}

#[test]
fn a_body_takes_the_errors_of_waits_and_of_inner_scopes() {
    let waits = || -> Result<(), ScopeError<AnyError>> {
        reunite::try_scope(|s| {
            let (tx, rx) = reunite::channel::bounded::<u8>(1);
            drop(tx);
            s.spawn(|| Ok(reunite::sleep(Duration::ZERO)?)).join()?;
            rx.recv()?;
            Ok(())
        })
    };
    assert!(root(waits().unwrap_err()).is::<reunite::channel::RecvError>());

    let inner = || -> Result<(), ScopeError<AnyError>> {
        reunite::try_scope(|_| {
            reunite::try_scope(|inner| inner.spawn(|| Err::<(), _>("inner")).join())?;
            Ok(())
        })
    };
    let inner = root(inner().unwrap_err());
    let inner = inner.downcast::<ScopeError<&str>>().unwrap();
    assert_eq!(inner.into_error().unwrap(), "inner");
}

#[test]
fn the_join_of_a_task_outside_keeps_its_panic() {
    let joined = reunite::try_scope::<(), AnyError, _>(|_| {
        reunite::spawn(|| panic!("outside")).join()?;
        Ok(())
    });
    let error = joined.unwrap_err();
    assert_eq!(error.root().unwrap().panic_message(), Some("outside"));
}

#[test]
fn a_main_function_with_any_error_names_the_error_type_of_its_scope_once() {
    let main = || -> Result<(String, u16), Box<dyn Error>> {
        let both = reunite::try_scope::<_, AnyError, _>(|s| {
            let text = s.spawn(|| Ok(std::fs::read_to_string("Cargo.toml")?));
            let port = s.spawn(|| Ok("80".parse()?));
            Ok((text.join()?, port.join()?))
        })?;
        Ok(both)
    };
    assert_eq!(main().unwrap().1, 80);
}

#[test]
fn the_errors_of_scopes_and_joins_convert_into_io_errors_of_the_same_kind() {
    let read = || -> io::Result<String> {
        let text = reunite::try_scope(|s| s.spawn(|| std::fs::read_to_string("no file")).join())?;
        Ok(text)
    };
    assert_eq!(read().unwrap_err().kind(), io::ErrorKind::NotFound);
    let read_boxed = || -> io::Result<usize> { Ok(sizes("no file", "80")?) };
    assert_eq!(read_boxed().unwrap_err().kind(), io::ErrorKind::NotFound);

    let late = || -> io::Result<()> {
        reunite::ScopeBuilder::new()
            .timeout(Duration::ZERO)
            .scope(|s| drop(s.spawn(|| reunite::sleep(Duration::MAX))))?;
        Ok(())
    };
    assert_eq!(late().unwrap_err().kind(), io::ErrorKind::TimedOut);

    let joined = || -> io::Result<()> { Ok(reunite::spawn(|| panic!("no disk")).join()?) };
    let error = joined().unwrap_err();
    let error = error.into_inner().unwrap().downcast::<JoinError>().unwrap();
    assert_eq!(error.panic_message(), Some("no disk"));
}

#[test]
fn a_map_is_collected_without_into_iter() {
    let outcomes: Vec<Result<i32, _>> = reunite::map([1, 2], |n| n * 2).threads(4).collect();
    assert_eq!(outcomes.into_iter().flatten().collect::<Vec<_>>(), [2, 4]);
    let parsed: Result<Vec<u8>, _> = reunite::try_map(["1", "x"], str::parse).collect();
    assert_eq!(parsed.unwrap_err().item(), Some(1));
    let mut indices = Vec::new();
    let map = reunite::map(["a", "b"], str::len).threads(2).unordered();
    map.for_each(|outcome| indices.push(outcome.unwrap().0));
    indices.sort_unstable();
    assert_eq!(indices, [0, 1]);
    let borrowed = String::from("!");
    let shouted = reunite::scope(|s| {
        s.map(["to"], |word| format!("{word}{borrowed}"))
            .collect_values()
    });
    assert_eq!(shouted.unwrap(), ["to!"]);
}

#[test]
fn a_closure_without_a_result_is_called_for_each_item() {
    let sum = AtomicUsize::new(0);
    let add = |n| {
        sum.fetch_add(n, Ordering::Relaxed);
    };
    reunite::for_each(1..=10, add).unwrap();
    assert_eq!(sum.into_inner(), 55);
    let panicked = reunite::for_each([1, 2, 3], |n| assert_ne!(n, 2, "two"));
    let error = panicked.unwrap_err();
    assert_eq!(error.root().unwrap().item(), Some(1));
    assert!(
        error
            .root()
            .unwrap()
            .panic_message()
            .unwrap()
            .contains("two")
    );
}

/// The deadline stops the task first, or the join in the body. If the task ends before the join looks, nothing failed.
#[test]
fn the_kind_of_an_io_error_tells_that_the_time_was_over() {
    let mut failures = 0;
    for _ in 0..200 {
        let ended = reunite::ScopeBuilder::new()
            .timeout(Duration::from_millis(1))
            .try_scope(|s| {
                let sleeps = s.spawn(|| {
                    let _over = reunite::sleep(Duration::MAX);
                    Ok::<_, io::Error>(())
                });
                sleeps.join()
            });
        if let Err(error) = ended {
            assert!(error.is_timeout(), "{error}");
            assert_eq!(io::Error::from(error).kind(), io::ErrorKind::TimedOut);
            failures += 1;
        }
        if failures == 20 {
            break;
        }
    }
    assert!(failures > 0);
}
