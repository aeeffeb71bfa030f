//! The panel of tasks. Its snapshots show the whole process, so it has a process of its own.

mod common;

use common::Folder;
use common::screen::Screen;
use eframe::egui::Key;

#[test]
fn the_tasks_of_a_batch_are_shown() {
    let folder = Folder::new();
    folder.pictures(20, 600);
    let mut screen = Screen::of(&folder);
    screen.press(Key::T);
    assert!(screen.shows("Tasks are shown"));
    screen.click("Start");
    // A paused batch cannot end before a snapshot shows it.
    screen.click("Pause");
    screen.until(|desk| {
        desk.insight().is_some_and(|insight| {
            let scopes = insight.tree.iter().filter(|line| line.is_scope);
            scopes.into_iter().any(|scope| scope.name == "images")
                && insight.lanes.iter().any(|lane| lane.name == "commands")
        })
    });
    screen.harness.step();
    assert!(screen.shows("Live tasks") && screen.shows("Timeline") && screen.shows("of work in"));
    screen.click("Resume");
    screen.until(|desk| !desk.is_working());
}
