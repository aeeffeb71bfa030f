//! The features that environment variables turn on: a profile that is complete at the end, and a flight recorder that
//! reports the events before a failure. A test harness runs nothing on its main thread, so this program has no
//! harness: it runs itself.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use reunite::sync::{Barrier, Mutex};

/// The number of scopes of the profiled program, one after another.
const SCOPES: usize = 300;

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        println!("what_the_environment_asks_for: test");
        return;
    }
    if let Some(part) = std::env::var_os("REUNITE_TEST_PART") {
        return play(part.to_str().unwrap());
    }
    let _watchdog = common::watchdog();
    what_goes_wrong_is_told_with_what_led_to_it();
    nothing_is_told_when_all_goes_well();
    a_profile_is_whole_when_the_program_ends();
    a_program_that_uses_only_a_pool_is_profiled();
    a_profile_that_cannot_be_written_is_told();
    deadlocks_are_refused_only_if_that_is_wanted();
    println!("6 passed, 0 failed");
}

/// Runs the part of the process whose output is checked.
fn play(part: &str) {
    match part {
        "panic" => {
            assert!(reunite::spawn(|| panic!("on purpose")).join().is_err());
        }
        "deadline" => {
            let hurry = reunite::ScopeBuilder::new().timeout(Duration::from_millis(1));
            let late = hurry.scope(|_| reunite::sleep(Duration::from_secs(60)));
            assert!(late.is_err() || late.unwrap().is_err());
        }
        "deadlock" => {
            let lock = Mutex::new(());
            let guard = lock.lock().unwrap();
            let refused = reunite::scope(|s| s.spawn(|| lock.lock().is_err()).join());
            assert_ne!(
                refused.ok(),
                Some(false),
                "the join or the lock was refused"
            );
            drop(guard);
        }
        "panic_in_a_pool" => {
            let task = reunite::Pool::global().spawn(|| panic!("on purpose"));
            assert!(task.join().is_err());
        }
        "pool" => {
            let task = reunite::Pool::global().spawn(|| ());
            task.join().unwrap();
        }
        "scope_of_a_pool" => {
            reunite::Pool::global().scope(|s| drop(s.spawn(|| ())));
            // The main thread does not end.
            std::process::exit(0);
        }
        "scopes" => {
            (0..SCOPES).for_each(|_| reunite::scope(|s| drop(s.spawn(|| ()))));
        }
        "off" => {
            reunite::refuse_deadlocks(false);
            reunite::stall_after(Duration::from_millis(20));
            let (tell, told) = std::sync::mpsc::channel();
            let tell = std::sync::Mutex::new(tell);
            reunite::on_stall(move |_| {
                let _ = tell.lock().unwrap().send(());
            });
            let (a, b) = (Mutex::new(()), Mutex::new(()));
            let met = Barrier::new(2);
            let both = |first: &Mutex<()>, second: &Mutex<()>| {
                let _first = first.lock().unwrap();
                met.wait().unwrap();
                let cancelled = second.lock().is_err_and(|refused| refused.is_cancelled());
                // This lock is given up only after the wait of the other task has ended.
                reunite::shield(|| met.wait().unwrap());
                cancelled
            };
            let ended = reunite::scope(|s| {
                let tasks = [s.spawn(|| both(&a, &b)), s.spawn(|| both(&b, &a))];
                // Both stall: neither wait was refused.
                (0..2).for_each(|_| told.recv().unwrap());
                s.canceller().cancel("enough");
                reunite::shield(|| tasks.map(|task| task.join().unwrap()))
            });
            assert_eq!(ended, [true, true]);
        }
        other => panic!("no part {other}"),
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("reunite-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn run(part: &str, variable: &str, file: &Path) -> (Output, String) {
    let ran = Command::new(std::env::current_exe().unwrap())
        // One variable and not the other, regardless of the environment of the tests.
        .env_remove("REUNITE_FLIGHT")
        .env_remove("REUNITE_PROFILE")
        .env("REUNITE_TEST_PART", part)
        .env(variable, file)
        .output()
        .unwrap();
    let told = String::from_utf8(ran.stderr.clone()).unwrap();
    assert!(ran.status.success(), "{part}: {told}");
    (ran, told)
}

fn what_goes_wrong_is_told_with_what_led_to_it() {
    for (part, why) in [
        ("panic", "panicked"),
        ("panic_in_a_pool", "panicked"),
        ("deadline", "its deadline passed"),
        ("deadlock", "deadlock"),
    ] {
        let folder = Folder::new(part);
        let file = folder.0.join("flight.txt");
        let (_, told) = run(part, "REUNITE_FLIGHT", &file);
        let whole = format!("the events before it are in {}", file.display());
        assert!(
            told.contains(why) && told.contains(&whole),
            "{part}: {told}"
        );
        let held = std::fs::read_to_string(&file).unwrap();
        assert!(held.contains("parallelism"), "{held}");
    }
}

fn deadlocks_are_refused_only_if_that_is_wanted() {
    let folder = Folder::new("off");
    let file = folder.0.join("flight.txt");
    let (_, told) = run("off", "REUNITE_FLIGHT", &file);
    assert!(!told.contains("deadlock"), "{told}");
}

fn nothing_is_told_when_all_goes_well() {
    let folder = Folder::new("well");
    let file = folder.0.join("flight.txt");
    let (_, told) = run("scopes", "REUNITE_FLIGHT", &file);
    assert_eq!(told, "");
    assert!(!file.exists());
}

fn a_profile_is_whole_when_the_program_ends() {
    let folder = Folder::new("profile");
    let file = folder.0.join("profile.json");
    let (_, told) = run("scopes", "REUNITE_PROFILE", &file);
    assert_eq!(told, "");
    let trace = std::fs::read_to_string(&file).unwrap();
    let runs = trace.matches(r#""cat":"run""#).count();
    assert!(runs >= SCOPES, "{runs} runs");
    let files = std::fs::read_dir(&folder.0).unwrap().count();
    assert_eq!(files, 1, "no part is left");
}

fn a_program_that_uses_only_a_pool_is_profiled() {
    for part in ["pool", "scope_of_a_pool"] {
        let folder = Folder::new(part);
        let file = folder.0.join("profile.json");
        let (_, told) = run(part, "REUNITE_PROFILE", &file);
        assert_eq!(told, "");
        let trace = std::fs::read_to_string(&file).unwrap();
        assert!(trace.contains(r#""cat":"run""#), "{part}: {trace}");
    }
}

fn a_profile_that_cannot_be_written_is_told() {
    let folder = Folder::new("nowhere");
    let file = folder.0.join("missing").join("profile.html");
    let (_, told) = run("scopes", "REUNITE_PROFILE", &file);
    let named = file.to_str().unwrap();
    assert!(
        told.contains("cannot write the profile") && told.contains(named),
        "{told}"
    );
}
