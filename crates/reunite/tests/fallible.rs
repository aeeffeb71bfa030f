//! Scopes for tasks that cannot fail and for tasks that can, with errors of one type or of several; and both
//! the value and the failures of a scope that failed.

mod common;

use std::error::Error;
use std::fmt;
use std::num::ParseIntError;
use std::sync::mpsc;
use std::time::Duration;

use common::{LONG, payload_of, until_cancelled, watchdog};
use reunite::policy::{FirstSuccess, OnTimeout, Policy, Verdict, WaitAll};
use reunite::{
    Builder, Completion, Fallibility, Fallible, JoinError, JoinHandle, Label, Pool, Scope,
    ScopeBuilder, ScopeError, channel, scope, try_scope,
};

/// Spawns into scopes of both kinds.
fn named<'scope, K, T, F>(
    s: &'scope Scope<'scope, '_, K>,
    name: &str,
    f: F,
) -> JoinHandle<T, K::Error>
where
    K: Fallibility<Error: Send> + 'scope,
    T: Send + 'scope,
    F: FnOnce() -> K::Returns<T> + Send + 'scope,
{
    assert!(!s.is_cancelled());
    s.spawn_with(Builder::new().name(name), f)
}

#[test]
fn one_function_spawns_into_scopes_of_both_kinds() {
    let _watch = watchdog();
    let text = String::from("to be");
    let letters = scope(|s| named(s, "letters", || text.len()).join().unwrap());
    let words = try_scope(|s| {
        let words = named(s, "words", || {
            text.split(' ').map(str::parse::<char>).collect()
        });
        words.join().map(|words: Vec<char>| words.len())
    });
    assert_eq!(letters, 5);
    let error = words.unwrap_err();
    assert_eq!(error.root().unwrap().task().unwrap().name(), Some("words"));
}

#[test]
fn a_result_is_a_value_in_a_plain_scope_and_an_err_stops_no_task() {
    let _watch = watchdog();
    let outcomes = scope(|s| {
        let tasks = ["1", "x", "3"].map(|text| s.spawn(|| text.parse::<u8>()));
        tasks.map(|task| task.join().unwrap().ok())
    });
    assert_eq!(outcomes, [Some(1), None, Some(3)]);
}

#[derive(Debug)]
enum AppError {
    Number(ParseIntError),
    Text(std::str::Utf8Error),
    Said(&'static str),
}

impl From<ParseIntError> for AppError {
    fn from(error: ParseIntError) -> Self {
        Self::Number(error)
    }
}

impl From<std::str::Utf8Error> for AppError {
    fn from(error: std::str::Utf8Error) -> Self {
        Self::Text(error)
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(error) => write!(f, "{error}"),
            Self::Text(error) => write!(f, "{error}"),
            Self::Said(text) => f.write_str(text),
        }
    }
}

/// Names in its signature the error that the tasks' own errors convert into.
fn read(number: &str, text: &[u8]) -> Result<(u32, String), ScopeError<AppError>> {
    try_scope(|s| {
        let number = s.spawn(|| Ok(number.trim().parse()?));
        let text = s.spawn(|| Ok(str::from_utf8(text)?.to_owned()));
        let both = (number.join()?, text.join()?);
        if both.1.is_empty() {
            return Err(AppError::Said("no text").into());
        }
        Ok(both)
    })
}

#[test]
fn the_tasks_of_one_scope_fail_with_different_errors() {
    let _watch = watchdog();
    assert_eq!(read(" 7", b"to be").unwrap(), (7, "to be".to_owned()));
    let failed = |number, text| read(number, text).unwrap_err().into_error().unwrap();
    assert!(matches!(failed("x", b"to be"), AppError::Number(_)));
    assert!(matches!(failed("7", b"\xff"), AppError::Text(_)));
    assert_eq!(failed("7", b"").to_string(), "no text");
}

#[test]
fn unjoined_errors_of_all_kinds_arrive() {
    let _watch = watchdog();
    let latin = vec![0xff];
    let ended =
        ScopeBuilder::new()
            .policy(WaitAll)
            .try_scope(|s: &Scope<'_, '_, Fallible<AppError>>| {
                s.spawn(|| Ok("x".parse::<u8>().map(drop)?));
                s.spawn(|| Ok(str::from_utf8(&latin).map(drop)?));
                s.spawn(|| Ok("3".parse::<u8>().map(drop)?));
                s.spawn(|| Err::<(), _>(AppError::Said("last")));
                Ok(())
            });
    let (mut numbers, mut texts, mut said) = (0, 0, 0);
    for failure in ended.unwrap_err().into_failures() {
        match failure.into_error().unwrap() {
            AppError::Number(_) => numbers += 1,
            AppError::Text(_) => texts += 1,
            AppError::Said(_) => said += 1,
        }
    }
    assert_eq!((numbers, texts, said), (1, 1, 1));
}

#[test]
fn joins_of_other_tasks_fail_the_body_with_the_errors_they_had() {
    let _watch = watchdog();
    let never = |error: JoinError| error.map_error::<AppError>(|never| match never {});
    let outside = reunite::spawn(|| -> u8 { panic!("outside") });
    let error = try_scope(|s| {
        let inside = s.spawn(|| Ok::<_, AppError>(1_u8));
        let computed = Pool::global().scope(|pool| pool.spawn(|| 2).join());
        Ok(inside.join()? + computed.map_err(never)? + outside.join().map_err(never)?)
    });
    let error = error.unwrap_err();
    assert_eq!(error.root().unwrap().panic_message(), Some("outside"));
    assert_eq!(error.failures().len(), 1);

    // The error of a scope with another error type: it still names the task.
    let inner = try_scope(|s| s.spawn(|| "x".parse::<u8>()).join()).unwrap_err();
    let error = try_scope(|_| {
        let failure = inner.into_failures().remove(0);
        Err::<(), _>(failure.map_error(AppError::from))
    });
    let error = error.unwrap_err();
    assert!(error.root().unwrap().task().is_some());
    assert!(matches!(error.into_error(), Ok(AppError::Number(_))));
}

#[test]
fn the_error_of_a_task_may_borrow_what_outlives_the_scope() {
    let _watch = watchdog();
    fn misspelt<'a>(words: &[&'a str]) -> Result<(), ScopeError<&'a str>> {
        try_scope(|s| {
            for &word in words {
                s.spawn(move || if word.is_ascii() { Ok(()) } else { Err(word) });
            }
            Ok(())
        })
    }
    let text = String::from("to bé");
    let words: Vec<_> = text.split(' ').collect();
    assert_eq!(misspelt(&words).unwrap_err().into_error().unwrap(), "bé");
}

type AnyError = Box<dyn Error + Send + Sync>;

/// The tasks borrow what lives for less than `'static`, which is a lifetime of the error.
#[test]
fn the_error_may_be_any_error_and_what_the_tasks_borrow_may_die_earlier() {
    let _watch = watchdog();
    fn sum(left: &str, right: &str) -> Result<u32, ScopeError<AnyError>> {
        let both = [left, right].map(str::trim);
        try_scope(|s| {
            let left = s.spawn(|| Ok(both[0].parse::<u32>()?));
            let right = s.spawn(|| {
                let digits = both[1].as_bytes();
                try_scope(|inner| {
                    let text = inner.spawn(|| Ok(str::from_utf8(&digits[1..])?));
                    Ok(text.join()?.parse::<u32>().map_err(AnyError::from)?)
                })
                .map_err(|error| error.into_error().unwrap())
            });
            Ok(left.join()? + right.join()?)
        })
    }
    assert_eq!(sum("1 ", "+2").unwrap(), 3);
    let error = |left, right| sum(left, right).unwrap_err().into_error().unwrap();
    assert!(error("one", "+2").is::<ParseIntError>());
    assert!(error("1", "+two").is::<ParseIntError>());
}

/// The errors live longer than what else is borrowed, or the other way round.
#[test]
fn the_errors_may_borrow_for_another_lifetime_than_the_tasks() {
    let _watch = watchdog();
    fn first<'a>(lines: &[&'a str], marks: &[char]) -> Result<usize, ScopeError<&'a str>> {
        try_scope(|s| {
            let tasks = lines
                .iter()
                .map(|line| s.spawn(|| line.find(marks).ok_or(*line)));
            let tasks: Vec<_> = tasks.collect();
            tasks.into_iter().map(JoinHandle::join).sum()
        })
    }
    let text = String::from("a,b\nc");
    let lines: Vec<_> = text.lines().collect();
    let error = first(&lines, &[',']).unwrap_err().into_error().unwrap();
    drop(lines);
    assert_eq!(error, "c");
}

#[test]
fn a_value_that_borrows_and_is_not_send_needs_only_a_question_mark() {
    let _watch = watchdog();
    fn words(text: &str) -> Result<std::rc::Rc<[&str]>, AnyError> {
        let words = try_scope(|s| {
            let count = s.spawn(|| text.split(' ').count().to_string().parse::<usize>());
            let count = count.join()?;
            Ok(text.split(' ').take(count).collect())
        })?;
        let last = ScopeBuilder::new().scope(|_| std::rc::Rc::clone(&words))?;
        Ok(last)
    }
    assert_eq!(*words("to be").unwrap(), ["to", "be"]);
}

#[test]
fn maps_live_in_scopes_whose_tasks_can_fail_and_their_items_fail_alone() {
    let _watch = watchdog();
    let texts = ["1", "x", "3"].map(String::from);
    let sums = try_scope(|s| {
        let squares = s.map(&texts, |text| text.len() * 2).threads(2);
        let squares: usize = squares.into_iter().map(Result::unwrap).sum();
        let parsed = s.try_map(&texts, |text| text.parse::<usize>()).threads(2);
        let (values, errors): (Vec<_>, Vec<_>) = parsed.into_iter().partition(Result::is_ok);
        let bonus = s.spawn(|| Ok::<_, String>(100)).join()?;
        let values: usize = values.into_iter().map(Result::unwrap).sum();
        Ok((squares, values + bonus, errors.len()))
    });
    assert_eq!(sums.unwrap(), (6, 104, 1));
}

#[test]
fn a_service_that_fails_before_it_is_ready_fails_with_its_own_error() {
    let _watch = watchdog();
    let error = try_scope(|s| {
        let (port, server) = s.spawn_ready(Builder::new().name("server"), |ready| {
            let port = "eighty".parse::<u16>()?;
            ready.up(port);
            Ok(())
        })?;
        server.join()?;
        Ok(port)
    });
    let root = error.unwrap_err().into_failures().remove(0);
    assert_eq!(root.task().unwrap().name(), Some("server"));
    let _: ParseIntError = root.into_error().unwrap();
}

#[test]
fn a_scope_that_fails_still_returns_the_value_of_its_body() {
    let _watch = watchdog();
    let ended = ScopeBuilder::new().scope_ended(|s| {
        s.spawn(|| panic!("unjoined"));
        vec![1, 2]
    });
    assert_eq!(ended.value, Some(vec![1, 2]));
    let error = ended.error.unwrap();
    assert_eq!(error.root().unwrap().panic_message(), Some("unjoined"));

    let ended = ScopeBuilder::new().try_scope_ended(|s| {
        let tasks = [1, 2, 3].map(|n| s.spawn(move || if n == 2 { Err(n) } else { Ok(n) }));
        let [first, _, third] = tasks;
        // Either may be cancelled by the failure of the second task.
        Ok([first.join().ok(), third.join().ok()])
    });
    assert!(ended.value.is_some());
    assert_eq!(ended.error.unwrap().into_error().unwrap(), 2);
}

#[test]
fn a_scope_that_is_cut_short_still_returns_the_value_of_its_body() {
    let _watch = watchdog();
    let ended = ScopeBuilder::new()
        .timeout(Duration::from_millis(5))
        .scope_ended(|s| {
            s.spawn(until_cancelled);
            assert!(until_cancelled().is_deadline());
            "as far as it came"
        });
    assert_eq!(ended.value, Some("as far as it came"));
    assert!(ended.error.unwrap().is_timeout());

    // Cancelled from above.
    scope(|above| {
        let ended = ScopeBuilder::new().try_scope_ended(|s| {
            let task = s.spawn(|| Err::<(), _>(until_cancelled().reason().to_owned()));
            above.cancel("Ctrl-C");
            until_cancelled();
            drop(task);
            Ok(1)
        });
        assert_eq!(ended.value, Some(1));
        let error = ended.error.unwrap();
        assert_eq!(error.cancelled().unwrap().reason(), "Ctrl-C");
        assert_eq!(ended.value.unwrap(), 1);
    });
}

#[test]
fn a_scope_that_does_not_fail_has_a_value_and_no_error() {
    let _watch = watchdog();
    let ended = ScopeBuilder::new().scope_ended(|s| s.spawn(|| 1).join().unwrap());
    assert!(ended.error.is_none());
    assert_eq!(ended.into_result().unwrap(), 1);

    // A scope whose policy forgives.
    let ended = ScopeBuilder::new()
        .policy(FirstSuccess::new())
        .try_scope_ended(|s| {
            let failed = s.spawn(|| Err::<(), _>("forgiven"));
            while !failed.is_finished() {
                std::thread::yield_now();
            }
            s.spawn(|| Ok(2)).join()
        });
    assert!(ended.error.is_none());
    assert_eq!(ended.value, Some(2));

    struct KeepPartial;
    impl Policy for KeepPartial {
        fn on_complete(&self, _: &Label, _: Completion) -> Verdict {
            Verdict::Continue
        }
        fn on_timeout(&self) -> OnTimeout {
            OnTimeout::KeepPartial
        }
    }
    let ended = ScopeBuilder::new()
        .policy(KeepPartial)
        .timeout(Duration::from_millis(5))
        .scope_ended(|_| until_cancelled().is_deadline());
    assert!(ended.error.is_none());
    assert_eq!(ended.value, Some(true));
}

#[test]
fn a_body_that_fails_or_is_left_has_no_value_to_return() {
    let _watch = watchdog();
    let ended = ScopeBuilder::new().try_scope_ended::<(), &str, _>(|s| {
        s.spawn(|| Ok(()));
        Err::<(), _>("the body".into())
    });
    assert!(ended.value.is_none());
    assert_eq!(ended.error.unwrap().into_error().unwrap(), "the body");

    let (_tx, rx) = channel::bounded::<u64>(1);
    let ended = ScopeBuilder::new()
        .timeout(Duration::from_millis(5))
        .scope_ended(|_| rx.iter().sum::<u64>());
    assert!(ended.value.is_none());
    let error = ended.into_result().unwrap_err();
    assert!(error.is_timeout() && error.root().unwrap().is_cancelled());

    // And no value if it panics.
    let payload = payload_of(|| {
        ScopeBuilder::new().scope_ended(|s| {
            s.spawn(until_cancelled);
            std::panic::panic_any(7_u8)
        })
    });
    assert_eq!(*payload.downcast::<u8>().unwrap(), 7);
}

#[test]
fn reported_lines_are_those_of_the_user() {
    let _watch = watchdog();
    let (tell, told) = mpsc::channel();
    let line = line!() + 1;
    let ended = ScopeBuilder::new().try_scope_ended(|s| {
        let task = s.spawn(|| Ok::<_, String>(reunite::sleep(LONG).is_err()));
        tell.send(task.spawned_at().line()).unwrap();
        task.cancel();
        task.join()
    });
    assert_eq!(told.recv().unwrap(), line + 1);
    // Cancelled in its sleep, or before.
    if let Some(error) = ended.error {
        assert_eq!(error.scope().spawned_at().line(), line);
        assert_eq!(error.scope().spawned_at().file(), file!());
    }
    let error = ScopeBuilder::new().scope_ended(|s| {
        drop(s.spawn(|| panic!("told with its line")));
    });
    let error = error.error.unwrap();
    assert_eq!(error.scope().spawned_at().file(), file!());
    let task = error.root().unwrap().task().unwrap().spawned_at();
    assert_eq!(task.file(), file!());
}
