//! The live tree: which tasks run, what each waits for, and what each holds.

mod common;

use std::time::Duration;

use reunite::sync::Mutex;
use reunite::{Builder, ScopeBuilder};

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

            let mut own = dump.clone();
            own.scopes
                .retain(|open| open.scope.name() == Some("first floor"));
            let counts = own.counters();
            assert_eq!((counts.scopes, counts.blocked), (2, 3), "{text}");
            assert_eq!((counts.running, counts.queued), (0, 0), "{text}");

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

            drop(guard);
            s.cancel("seen enough");
            drop(parent);
        })
        .unwrap();
    let after = reunite::dump().to_string();
    assert!(!after.contains("first floor"), "{after}");
}
