//! The live tree shows tasks wherever they run: their names and parents, what they wait for, and what they
//! hold.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "signal")]
use std::time::Duration;

use common::homes::{ALL, Home, NAMED, Place, in_homes};
use common::{LONG, shown, until};
use reunite::sync::Mutex;
use reunite::{Dump, DumpScope, DumpTask};

/// Runs these tests one at a time, as the live tree is that of the whole process.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn alone() -> impl Drop {
    ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Runs these tasks, each of which waits for a lock that is held, and calls `look` meanwhile.
fn while_they_wait(at: &Place, names: &[&str], look: impl FnOnce()) {
    let lock = Mutex::new(());
    let (let_go, lets_go) = reunite::channel::bounded::<()>(1);
    reunite::scope(|s| {
        let held = reunite::channel::bounded::<()>(1);
        let holder = s.spawn({
            let lock = &lock;
            move || {
                let _guard = lock.lock().unwrap();
                held.0.send(()).unwrap();
                lets_go.recv().unwrap();
            }
        });
        held.1.recv().unwrap();
        let ran = s.spawn(|| at.run(names, |_| lock.lock().map(drop)));
        look();
        let_go.send(()).unwrap();
        holder.join().unwrap();
        let outcomes = ran.join().unwrap();
        assert!(outcomes.iter().all(|it| matches!(it, Ok(Ok(())))));
    });
}

fn wants_a_lock(task: &DumpTask) -> bool {
    let waits = task.waits.as_ref().map_or("", |waits| &waits.what);
    waits.contains("locks a mutex") && task.task.spawned_at().file().ends_with("homes.rs")
}

#[test]
fn all_tasks_are_shown_with_what_they_wait_for() {
    let _alone = alone();
    in_homes(ALL, |at| {
        // Names of its own, as other tests run at the same time.
        let names = ["wants it", "wants it, too", "wants it as well"];
        while_they_wait(at, &names, || {
            // The first half of the outermost fork is a part of the task that forked.
            let expected = if at.home == Home::Forks { 2 } else { 3 };
            let mut seen = Vec::new();
            until(|| {
                let shown = shown().into_iter().map(|(_, task)| task);
                seen = shown.filter(wants_a_lock).collect();
                seen.len() >= expected
            });
            if at.home != Home::Forks {
                for (number, name) in names.iter().enumerate() {
                    let name = at.home.names(number, name);
                    let is_it = |task: &DumpTask| task.task.to_string().starts_with(&name);
                    assert!(seen.iter().any(is_it), "{name} in {seen:?}");
                }
            }
        });
    });
}

/// Names come from users: whatever they contain, the JSON can be read.
#[test]
fn json_of_odd_names_can_be_read() {
    let _alone = alone();
    in_homes(NAMED, |at| {
        let odd = "quote \" back\\slash \u{1} newline\n";
        while_they_wait(at, &[odd], || {
            until(|| {
                let json = reunite::dump().to_json();
                let json: serde_json::Value = serde_json::from_str(&json).unwrap();
                json.to_string().contains("back")
            });
        });
    });
}

#[cfg(feature = "signal")]
#[test]
fn another_process_can_request_a_dump() {
    let _alone = alone();
    reunite::answer_dump_requests().unwrap();
    in_homes(NAMED, |at| {
        while_they_wait(at, &["asked for"], || {
            let name = at.home.names(0, "asked for");
            until(|| {
                let told = reunite::request_dump(std::process::id(), Duration::from_secs(60));
                let (text, json) = told.unwrap();
                assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
                text.contains(&name)
            });
        });
    });
    let nobody = reunite::request_dump(u32::MAX / 2, Duration::from_secs(1)).unwrap_err();
    assert!(nobody.to_string().contains("process"), "{nobody}");
}

/// Returns the task of that name in one of these scopes, or below.
fn find<'a>(scopes: &'a [DumpScope], name: &str) -> Option<&'a DumpTask> {
    scopes.iter().flat_map(|scope| &scope.tasks).find_map(|it| {
        if it.task.name() == Some(name) {
            return Some(it);
        }
        find(&it.scopes, name)
    })
}

#[test]
fn the_tree_shows_scopes_in_tasks_in_scopes_and_their_waits() {
    let _alone = alone();
    in_homes(NAMED, |at| {
        let (outer, inner) = (&Mutex::new(()), &Mutex::new(()));
        let sleeps = &AtomicBool::new(false);
        at.scope(|s| {
            let guard = outer.lock().unwrap();
            let parent = s.spawn_named("parent", move || {
                at.scope(|s| {
                    let holder = s.spawn_named("holder", move || {
                        let _inner = inner.lock().unwrap();
                        outer.lock().map(drop).is_ok()
                    });
                    let sleeper = s.spawn_named("sleeper", move || {
                        sleeps.store(true, Ordering::SeqCst);
                        reunite::sleep(LONG).is_ok()
                    });
                    // Otherwise this thread might run it in its own place.
                    until(|| sleeps.load(Ordering::SeqCst));
                    let slept = sleeper.join();
                    (slept.is_ok_and(|slept| slept), holder.join().is_ok())
                })
            });
            let mut seen = None;
            until(|| {
                let dump = reunite::dump();
                let is_whole = |parent: &DumpTask| {
                    let holder = find(&parent.scopes, "holder");
                    let holds = holder.and_then(|it| it.waits.as_ref());
                    let sleeper = find(&parent.scopes, "sleeper");
                    holds.is_some_and(|it| it.holds.len() == 1)
                        && sleeper.is_some_and(|it| it.waits.is_some())
                        && parent.waits.is_some()
                };
                let is_seen = find(&dump.scopes, "parent").is_some_and(is_whole);
                seen = Some(dump);
                is_seen
            });
            let dump = seen.unwrap();
            let parent_seen = find(&dump.scopes, "parent").unwrap();
            let [holder, sleeper] = ["holder", "sleeper"].map(|it| find(&parent_seen.scopes, it));
            let waits = |task: &DumpTask| task.waits.as_ref().unwrap().what.clone();
            let joins = waits(parent_seen);
            assert!(
                joins.contains("joins task `sleeper`") || at.home.is_map(),
                "{joins}"
            );
            assert!(waits(sleeper.unwrap()).contains("sleeps"));
            assert!(waits(holder.unwrap()).contains("locks a mutex"));
            for task in [parent_seen, holder.unwrap(), sleeper.unwrap()] {
                assert!(task.has_begun && !task.is_detached);
                let line = task.waits.as_ref().unwrap().at;
                assert!(line.file().ends_with("homes_dump.rs"), "{line}");
                let name = at.home.names(0, task.task.name().unwrap());
                assert!(task.task.to_string().starts_with(&name), "{}", task.task);
            }
            assert_holder_in_json(&dump);
            s.cancel("seen enough");
            drop(guard);
            let _ended = reunite::shield(|| parent.join());
        });
        let after = reunite::dump().to_string();
        assert!(!after.contains("sleeper"), "{after}");
    });
}

fn assert_holder_in_json(dump: &Dump) {
    let json: serde_json::Value = serde_json::from_str(&dump.to_json()).unwrap();
    let containers = json["threadDump"]["threadContainers"].as_array().unwrap();
    let threads = containers
        .iter()
        .flat_map(|it| it["threads"].as_array().unwrap());
    let holder = threads.clone().find(|it| it["name"] == "holder").unwrap();
    assert_eq!(holder["state"], "WAITING");
    assert_eq!(holder["holds"].as_array().unwrap().len(), 1);
    let waits_for = holder["waitsFor"].as_str().unwrap();
    assert!(waits_for.starts_with("locks a mutex"), "{waits_for}");
}
