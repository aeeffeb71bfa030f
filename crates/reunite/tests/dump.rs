//! The live tree: which tasks run, what each waits for, and what each holds.

mod common;

use std::time::Duration;

use reunite::sync::Mutex;
use reunite::{Builder, Dump, ScopeBuilder};

fn named(name: &str) -> Builder {
    Builder::new().name(name)
}

#[test]
fn the_tree_shows_scopes_in_tasks_in_scopes_and_their_waits() {
    let _watchdog = common::watchdog();
    let (outer, inner) = (Mutex::new(()), Mutex::new(()));
    ScopeBuilder::new()
        .name("first floor")
        .scope(|s| {
            let guard = outer.lock().unwrap();
            let parent = s.spawn_with(named("parent"), || {
                ScopeBuilder::new()
                    .name("second floor")
                    .scope(|s| {
                        s.spawn_with(named("holder"), || {
                            let _inner = inner.lock().unwrap();
                            outer.lock().map(drop)
                        });
                        s.spawn_with(named("sleeper"), || {
                            reunite::sleep(Duration::from_secs(3600))
                        })
                        .join()
                        .is_ok()
                    })
                    .is_ok()
            });
            common::until(|| {
                let text = reunite::dump().to_string();
                let sleeper = text
                    .lines()
                    .find(|shown| shown.trim_start().starts_with("task `sleeper`"));
                sleeper.is_some_and(|shown| shown.contains("sleeps at"))
                    && text.contains("holding a lock since")
                    && text.contains("joins task `sleeper`")
            });
            let dump = reunite::dump();
            assert_nested_in_text(&dump);
            let mut own = dump.clone();
            own.scopes
                .retain(|open| open.scope.name() == Some("first floor"));
            let counts = own.counters();
            assert_eq!((counts.scopes, counts.blocked), (2, 3), "{dump}");
            assert_eq!((counts.running, counts.queued), (0, 0), "{dump}");
            assert_nested_in_json(&dump);

            drop(guard);
            s.cancel("seen enough");
            drop(parent);
        })
        .unwrap();
    let after = reunite::dump().to_string();
    assert!(!after.contains("first floor"), "{after}");
}

fn assert_nested_in_text(dump: &Dump) {
    let text = dump.to_string();
    let depth = |line: &str| {
        let shown = text
            .lines()
            .find(|shown| shown.trim_start().starts_with(line))
            .expect(line);
        shown.len() - shown.trim_start().len()
    };
    assert!(depth("scope `first floor`") < depth("task `parent`"));
    assert!(depth("task `parent`") < depth("scope `second floor`"));
    assert!(depth("scope `second floor`") < depth("task `holder`"));
}

fn assert_nested_in_json(dump: &Dump) {
    let json: serde_json::Value = serde_json::from_str(&dump.to_json()).unwrap();
    let containers = json["threadDump"]["threadContainers"].as_array().unwrap();
    let container = |name: &str| containers.iter().find(|c| c["name"] == name).unwrap();
    let second = container("second floor");
    assert_eq!(second["parent"], container("first floor")["container"]);
    let threads = second["threads"].as_array().unwrap();
    let holder = threads
        .iter()
        .find(|thread| thread["name"] == "holder")
        .unwrap();
    assert_eq!(holder["state"], "WAITING");
    assert_eq!(holder["holds"].as_array().unwrap().len(), 1);
    assert!(
        holder["waitsFor"]
            .as_str()
            .unwrap()
            .starts_with("locks a mutex")
    );
}

/// A name and a reason as a stranger may choose them: U+202E reverses the text after it, U+200E is invisible, and
/// U+001B begins a command of the terminal.
const STEERING: &str = "photo\u{202e}gpj\u{200e}\u{1b}[2J\n.jpg";

const ESCAPED: &str = "photo\\u{202e}gpj\\u{200e}\\u{1b}[2J\\n.jpg";

fn assert_escaped(text: &str) {
    assert!(text.contains(ESCAPED), "{text:?}");
    for steering in ['\u{202e}', '\u{200e}', '\u{1b}'] {
        assert!(!text.contains(steering), "{text:?}");
    }
}

#[test]
fn text_that_would_steer_a_terminal_is_escaped_in_the_tree() {
    let _watchdog = common::watchdog();
    let lock = Mutex::new(());
    ScopeBuilder::new()
        .name(STEERING)
        .scope(|s| {
            let guard = lock.lock().unwrap();
            let waiter = s.spawn_with(named(STEERING), || lock.lock().map(drop));
            common::until(|| reunite::dump().to_string().contains("locks a mutex"));
            let dump = reunite::dump();
            let text = dump.to_string();
            let lines: Vec<_> = text.lines().filter(|line| line.contains("gpj")).collect();
            assert!(lines.len() >= 2, "a scope and its task: {text}");
            lines.iter().for_each(|line| assert_escaped(line));
            let json: serde_json::Value = serde_json::from_str(&dump.to_json()).unwrap();
            let containers = json["threadDump"]["threadContainers"].as_array().unwrap();
            assert!(containers.iter().any(|c| c["name"] == STEERING), "{json}");
            s.cancel(STEERING);
            let text = reunite::dump().to_string();
            let cancelled = text
                .lines()
                .find(|line| line.starts_with("scope `photo") && line.contains("cancel"));
            assert_escaped(cancelled.expect("a cancelled scope"));
            assert!(!text.contains('\u{1b}'), "{text:?}");
            drop(guard);
            drop(waiter);
        })
        .unwrap();
}

#[test]
fn errors_escape_the_names_that_they_contain() {
    let _watchdog = common::watchdog();
    let mut task = named(STEERING).spawn(|| reunite::sleep(Duration::from_secs(3600)));
    assert_escaped(&task.label().to_string());
    let late = task.join_timeout(Duration::from_millis(1)).unwrap_err();
    assert_escaped(&late.to_string());
    task.cancel();
    drop(task.join());
}

#[test]
fn joiners_inside_words_and_emoji_stay_in_the_tree() {
    let name = "\u{645}\u{6cc}\u{200c}\u{62e} \u{1f468}\u{200d}\u{1f469}";
    let task = named(name).spawn(|| ());
    assert!(task.label().to_string().contains(name));
    task.join().unwrap();
    let task = named("a\u{200d}b").spawn(|| ());
    assert!(task.label().to_string().contains("a\\u{200d}b"));
    task.join().unwrap();
}
