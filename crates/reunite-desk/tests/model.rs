//! The state of the window, without a window.

mod common;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use common::{Folder, PATIENCE};
use reunite_desk::{Desk, Phase, Settings, State};

/// A desk with a simple event loop.
struct Loop {
    desk: Desk,
    woken: Receiver<()>,
}

impl Loop {
    fn new(settings: Settings) -> Self {
        let (wake, woken) = channel();
        let wake = Arc::new(move || {
            let _over = wake.send(());
        });
        Self {
            desk: Desk::new(settings, wake),
            woken,
        }
    }

    fn of(folder: &Folder) -> Self {
        let mut this = Self::new(folder.settings());
        this.desk.add([folder.input()]);
        this.until(|desk| !desk.is_looking());
        this
    }

    /// Runs until `done` returns true. Calls `tick` only when woken or when due, never in a busy loop.
    fn until(&mut self, done: impl Fn(&Desk) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let again = self.desk.tick(Instant::now());
            if done(&self.desk) {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "this does not come: {:?}", self.desk);
            let _time_is_up = self
                .woken
                .recv_timeout(again.map_or(left, |again| again.min(left)));
        }
    }

    fn work(&mut self) {
        self.until(|desk| !desk.is_working());
    }

    fn state(&self, name: &str) -> &State {
        let row = self
            .desk
            .rows()
            .iter()
            .find(|row| row.input.ends_with(name));
        &row.unwrap_or_else(|| panic!("{name} is not there")).state
    }

    fn row(&self, name: &str) -> usize {
        let place = self
            .desk
            .rows()
            .iter()
            .position(|row| row.input.ends_with(name));
        place.unwrap()
    }
}

#[test]
fn a_folder_is_listed_then_made_then_up_to_date() {
    let folder = Folder::new();
    folder.pictures(5, 64);
    std::fs::write(folder.input().join("notes.txt"), "").unwrap();
    let mut this = Loop::of(&folder);
    assert_eq!((this.desk.counts().queued, this.desk.ignored()), (5, 1));
    assert!(this.desk.can_start() && !folder.out().exists());
    this.desk.start();
    assert_eq!(this.desk.phase(), Phase::Working);
    this.work();
    assert_eq!(this.desk.counts().done, 5);
    assert!(matches!(this.state("p0003.png"), State::Done(made) if made.width == 32));
    assert_eq!(folder.results().len(), 5);
    assert_eq!(this.desk.elapsed(Instant::now()).1, 5);

    let mut later = Loop::of(&folder);
    assert_eq!(later.desk.counts().current, 5);
    assert!(!later.desk.can_start());
    // With other settings they are queued again.
    let smaller = Settings {
        width: 16,
        ..folder.settings()
    };
    later.desk.set_settings(smaller);
    later.until(|desk| !desk.is_looking());
    assert_eq!(later.desk.counts().queued, 5);
}

#[test]
fn a_failed_picture_has_a_reason_and_can_be_retried() {
    let folder = Folder::new();
    folder.picture("good.png", 64);
    folder.broken("bad.png");
    let mut this = Loop::of(&folder);
    this.desk.start();
    this.work();
    let State::Failed(why) = this.state("bad.png") else {
        panic!("{:?}", this.desk.rows());
    };
    assert!(
        why.starts_with("The picture is damaged or truncated"),
        "{why}"
    );
    assert_eq!(folder.results(), ["good.png"]);

    folder.picture("bad.png", 64);
    assert!(this.desk.can_retry());
    this.desk.retry();
    this.work();
    assert_eq!(this.desk.counts().done, 2);
    assert_eq!(folder.results(), ["bad.png", "good.png"]);
    assert!(!this.desk.can_retry());
}

#[test]
fn during_a_pause_no_picture_starts_and_one_can_be_cancelled() {
    let folder = Folder::new();
    folder.pictures(40, 200);
    let mut this = Loop::of(&folder);
    this.desk.start();
    this.desk.pause();
    this.until(|desk| desk.counts().running == 0);
    assert_eq!(this.desk.phase(), Phase::Paused);
    assert!(this.desk.counts().queued > 30, "{:?}", this.desk.counts());
    let last = this.row("p0039.png");
    // The picture can be cancelled when the batch has sent its listing.
    this.until(|desk| desk.can_cancel(last));
    this.desk.cancel(last);
    assert_eq!(this.state("p0039.png"), &State::Cancelled);
    this.desk.resume();
    this.work();
    assert_eq!(this.state("p0039.png"), &State::Cancelled);
    assert_eq!(this.desk.counts().done, 39);
    assert!(!folder.out().join("p0039.png").exists());
}

#[test]
fn a_running_picture_is_cancelled_at_once() {
    let folder = Folder::new();
    folder.picture("slow.png", 4_000);
    folder.picture("z.png", 32);
    let mut this = Loop::of(&folder);
    this.desk.start();
    this.until(|desk| desk.rows()[0].state == State::Running);
    let asked = Instant::now();
    this.desk.cancel(0);
    assert_eq!(this.state("slow.png"), &State::Stopping);
    this.until(|desk| desk.rows()[0].state == State::Cancelled);
    let took = asked.elapsed();
    this.work();
    assert_eq!(folder.results(), ["z.png"]);

    let begun = Instant::now();
    this.desk.retry();
    this.work();
    assert_eq!(folder.results(), ["slow.png", "z.png"]);
    let whole = begun.elapsed();
    assert!(took < whole, "{took:?}, and {whole:?} to make it");
}

#[test]
fn all_pictures_are_cancelled_at_once_and_can_be_retried() {
    let folder = Folder::new();
    folder.pictures(12, 1_500);
    let mut this = Loop::of(&folder);
    this.desk.start();
    this.until(|desk| desk.counts().running > 0);
    let asked = Instant::now();
    this.desk.cancel_all();
    assert_eq!(this.desk.phase(), Phase::Stopping);
    this.work();
    let took = asked.elapsed();
    let counts = this.desk.counts();
    assert_eq!((counts.done + counts.cancelled, counts.open()), (12, 0));
    assert_eq!(folder.results().len(), counts.done);

    let begun = Instant::now();
    this.desk.retry();
    this.work();
    let whole = begun.elapsed();
    assert!(took < whole, "{took:?}, and {whole:?} to make them");
    assert_eq!(this.desk.counts().done, 12);
    assert_eq!(folder.results().len(), 12);
}

#[test]
fn closing_asks_then_drains_and_leaves_complete_files() {
    let folder = Folder::new();
    folder.pictures(60, 600);
    let mut this = Loop::of(&folder);
    this.desk.start();
    this.until(|desk| desk.counts().done > 0);
    assert!(!this.desk.close() && this.desk.asks());
    this.desk.keep_working();
    assert!(!this.desk.asks() && this.desk.is_working());

    assert!(!this.desk.close());
    let now = Instant::now();
    this.desk.drain(now);
    assert_eq!(this.desk.drains_for(now), Some(reunite_desk::DRAIN));
    this.until(Desk::is_closed);
    assert!(this.desk.close());
    let counts = this.desk.counts();
    assert!(counts.done > 0 && counts.cancelled > 0, "{counts:?}");
    assert_eq!(counts.open(), 0);
    assert_eq!(folder.results().len(), counts.done);
}

#[test]
fn a_drain_ends_at_its_deadline() {
    let folder = Folder::new();
    folder.pictures(3, 4_000);
    let mut this = Loop::of(&folder);
    this.desk.start();
    this.until(|desk| desk.counts().running > 0);
    assert!(!this.desk.close());
    // The answer was so long ago that the deadline has passed.
    this.desk.drain(Instant::now() - reunite_desk::DRAIN);
    this.until(Desk::is_closed);
    assert_eq!(this.desk.counts().open(), 0);
    assert_eq!(folder.results().len(), this.desk.counts().done);
}

#[test]
fn an_unusable_output_folder_is_reported() {
    let folder = Folder::new();
    folder.pictures(2, 32);
    std::fs::write(folder.out(), "a file").unwrap();
    let this = Loop::of(&folder);
    let notice = this.desk.notice().unwrap();
    assert!(
        notice.contains("is a file. Choose another one."),
        "{notice}"
    );
    assert!(!this.desk.can_start());
}

#[test]
fn an_unknown_file_is_replaced_only_if_allowed() {
    let folder = Folder::new();
    folder.pictures(1, 64);
    std::fs::create_dir(folder.out()).unwrap();
    std::fs::write(folder.out().join("p0000.png"), "mine").unwrap();
    let mut this = Loop::of(&folder);
    assert!(matches!(this.state("p0000.png"), State::Failed(why) if why.contains("Replace")));
    this.desk.set_settings(Settings {
        replace: true,
        ..folder.settings()
    });
    this.until(|desk| !desk.is_looking());
    this.desk.retry();
    this.work();
    assert_eq!(folder.results(), ["p0000.png"]);
}

#[test]
fn the_thread_of_the_window_never_waits() {
    let folder = Folder::new();
    folder.pictures(30, 400);
    folder.broken("bad.png");
    let profiling = reunite::profile::start();
    let mut this = Loop::new(Settings {
        watching: true,
        ..folder.settings()
    });
    this.desk.add([folder.input()]);
    this.until(|desk| !desk.is_looking());
    this.desk.start();
    this.until(|desk| desk.counts().done > 3);
    this.desk.pause();
    this.desk.cancel(29);
    this.desk.resume();
    this.until(|desk| desk.insight().is_some());
    this.work();
    this.desk.retry();
    this.desk.cancel_all();
    this.work();
    drop(this);
    let profile = profiling.finish();
    let me = std::thread::current();
    let mine = |thread: usize| Some(profile.threads[thread].name.as_str()) == me.name();
    let waits: Vec<_> = profile.tasks.iter().flat_map(|task| &task.waits).collect();
    assert!(
        !waits.is_empty(),
        "the tasks of the batch wait, and that is seen"
    );
    let waited: Vec<_> = waits.iter().filter(|wait| mine(wait.thread)).collect();
    assert!(waited.is_empty(), "{waited:?}");
    // The profile covers this thread: it is the parent of the tasks that it started.
    let parents = profile
        .tasks
        .iter()
        .filter(|task| task.task.name() == Some("batch"));
    assert!(parents.count() >= 2);
}

#[test]
fn settings_are_saved_and_invalid_ones_reported() {
    let folder = Folder::new();
    let place = folder.path().join("config/desk.json");
    assert_eq!(Settings::load(&place), (Settings::default(), None));
    let settings = Settings {
        quality: 55,
        replace: true,
        ..folder.settings()
    };
    settings.save(&place).unwrap();
    assert_eq!(Settings::load(&place), (settings, None));
    std::fs::write(&place, r#"{"width": 0, "quality": 200}"#).unwrap();
    let (bounded, _) = Settings::load(&place);
    assert_eq!((bounded.width, bounded.quality), (1, 100));
    std::fs::write(&place, "{").unwrap();
    let (settings, notice) = Settings::load(&place);
    assert_eq!(settings, Settings::default());
    assert!(notice.unwrap().contains("desk.json"));
}
