//! The window without a screen: clicks, keys, closing.

mod common;

use common::Folder;
use common::screen::Screen;
use eframe::egui::Key;
use egui_kittest::kittest::{NodeT, Queryable};
use reunite_desk::Desk;

#[test]
fn a_batch_is_started_and_its_results_shown() {
    let folder = Folder::new();
    folder.pictures(4, 100);
    let mut screen = Screen::of(&folder);
    assert!(screen.shows("p0002.png") && screen.shows("4 queued"));
    screen.click("Start");
    screen.until(|desk| !desk.is_working());
    screen.harness.step();
    assert!(screen.shows("4 done") && screen.shows("32 × 32"));
    assert_eq!(folder.results().len(), 4);
}

#[test]
fn a_failure_shows_its_reason_and_can_be_retried() {
    let folder = Folder::new();
    folder.picture("good.png", 50);
    folder.broken("bad.png");
    let mut screen = Screen::of(&folder);
    screen.press(Key::Enter);
    screen.until(|desk| !desk.is_working());
    screen.harness.step();
    assert!(screen.shows("1 failed") && screen.shows("damaged or truncated"));
    folder.picture("bad.png", 50);
    screen.click("Retry");
    screen.until(|desk| !desk.is_working());
    screen.harness.step();
    assert!(screen.shows("2 done") && !screen.shows("failed"));
}

#[test]
fn a_batch_is_paused_then_one_picture_cancelled_then_all() {
    let folder = Folder::new();
    folder.pictures(30, 700);
    let mut screen = Screen::of(&folder);
    screen.click("Start");
    screen.until(|desk| desk.counts().running > 0);
    screen.click("Pause");
    screen.until(|desk| desk.can_cancel(5) && desk.counts().running == 0);
    screen.harness.step();
    assert!(screen.shows("Paused"));
    screen.click("Cancel p0005.png");
    assert!(screen.shows("1 cancelled"));
    screen.click("Resume");
    screen.click("Cancel all");
    screen.until(|desk| !desk.is_working());
    screen.harness.step();
    let counts = screen.desk().counts();
    assert!(counts.cancelled >= 1 && counts.open() == 0);
    assert_eq!(folder.results().len(), counts.done);
    assert!(screen.shows("Retry") && screen.shows("Cancelled"));
}

#[test]
fn closing_asks_and_then_drains() {
    let folder = Folder::new();
    folder.pictures(40, 600);
    let mut screen = Screen::of(&folder);
    screen.click("Start");
    screen.until(|desk| desk.counts().done > 0);
    screen.close();
    assert!(screen.shows("Pictures are still being made"));
    screen.click("Keep working");
    assert!(!screen.shows("Pictures are still being made") && screen.desk().is_working());
    screen.close();
    screen.click("Quit");
    screen.until(Desk::is_closed);
    let counts = screen.desk().counts();
    assert_eq!(folder.results().len(), counts.done);
    assert!(counts.cancelled > 0);
}

#[test]
fn a_list_of_ten_thousand_pictures_draws_only_visible_rows() {
    let folder = Folder::new();
    folder.pictures(1, 8);
    let first = folder.input().join("p0000.png");
    for number in 1..10_000 {
        std::fs::hard_link(&first, folder.input().join(format!("p{number:04}.png"))).unwrap();
    }
    let mut screen = Screen::of(&folder);
    assert_eq!(screen.desk().rows().len(), 10_000);
    assert!(screen.shows("p0000.png") && !screen.shows("p5000.png"));
    let names = screen.harness.query_all_by_label_contains(".png").count();
    assert!(names < 40, "{names}");
    // The End key selects the last row.
    screen.harness.get_by_label("10000 pictures").focus();
    screen.harness.step();
    screen.harness.step();
    screen.harness.key_press(Key::End);
    screen.harness.step();
    screen.harness.step();
    screen.harness.step();
    assert!(screen.shows("p9999.png") && !screen.shows("p0000.png"));
}

#[test]
fn every_button_can_be_reached_by_the_keyboard() {
    let folder = Folder::new();
    folder.pictures(2, 8);
    let mut screen = Screen::of(&folder);
    let mut reached = std::collections::BTreeSet::new();
    for _ in 0..40 {
        screen.harness.key_press(Key::Tab);
        screen.harness.step();
        let root = screen.harness.root();
        let focused = root
            .children_recursive()
            .find(egui_kittest::Node::is_focused);
        let label = focused.and_then(|node| node.accesskit_node().label());
        reached.extend(label);
    }
    for name in [
        "Add pictures…",
        "Start",
        "Clear list",
        "Tasks",
        "Dark",
        "Choose folder…",
        "2 pictures",
    ] {
        assert!(reached.contains(name), "{name} is not among {reached:?}");
    }
}
