//! `reunite images` run again: its ledger, and the files that it does not replace.

mod harness;

use std::time::{Duration, SystemTime};

use harness::{Place, Ran, files, photo, pictures, until};

const LEDGER: &str = "out/.reunite-images.json";

fn rerun(place: &Place) -> Ran {
    place.run(&[&"images", &"in", &"--out", &"out", &"--json"])
}

/// Returns how many pictures were written, were up to date, and failed.
fn counts(ran: &Ran) -> [u64; 3] {
    let summary = ran.summary();
    ["written", "current", "failed"].map(|name| summary[name].as_u64().unwrap())
}

/// Returns the number of results in the ledger.
fn recorded(place: &Place) -> usize {
    let text = std::fs::read(place.path(LEDGER)).unwrap_or_default();
    let ledger: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    ledger["results"]
        .as_object()
        .map_or(0, serde_json::Map::len)
}

#[test]
fn the_results_of_a_killed_run_are_not_made_again() {
    let place = Place::new();
    let photo = photo(2000, 1500, 1);
    for n in 0..400 {
        place.write(&format!("in/{n:03}.jpg"), &photo);
    }
    let mut child = place.start(&[
        &"images", &"in", &"--out", &"out", &"--json", &"--jobs", &"1",
    ]);
    until("some results are recorded", || recorded(&place) > 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let known = recorded(&place);
    let there = pictures(&place.path("out")).len();
    assert!(there < 400, "the run had ended before it was killed");
    // Results written after the ledger was last saved are recognised too.
    for n in there + 3..400 {
        std::fs::remove_file(place.path(format!("in/{n:03}.jpg"))).unwrap();
    }
    let ran = rerun(&place);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let [written, current, failed] = counts(&ran);
    assert_eq!((written + current, failed), (there as u64 + 3, 0));
    assert!(current >= known as u64, "{current} of {known}");
}

#[test]
fn two_runs_into_one_folder_record_the_results_of_both() {
    let place = Place::new();
    let large = photo(2000, 1500, 1);
    for n in 0..30 {
        place.write(&format!("long/l{n}.jpg"), &large);
    }
    for n in 0..3 {
        place.write(&format!("short/s{n}.jpg"), photo(300, 200, n));
    }
    let long = place.start(&[&"images", &"long", &"--out", &"out", &"--jobs", &"1"]);
    until("the first result", || {
        !pictures(&place.path("out")).is_empty()
    });
    let run = |input: &str| place.run(&[&"images", &input, &"--out", &"out", &"--json"]);
    assert_eq!(counts(&run("short")), [3, 0, 0]);
    let long: Ran = long.wait_with_output().unwrap().into();
    assert_eq!(long.code, Some(0), "{long:?}");
    assert_eq!(counts(&run("short")), [0, 3, 0]);
    assert_eq!(counts(&run("long")), [0, 30, 0]);
}

#[test]
fn runs_that_end_together_lose_no_record() {
    let place = Place::new();
    let names = ["a", "b", "c", "d"];
    for (seed, name) in (0..).zip(names) {
        place.write(&format!("{name}/{name}.jpg"), photo(64, 48, seed));
    }
    for round in 0..15 {
        let out = format!("out{round}");
        let runs = names.map(|name| place.start(&[&"images", &name, &"--out", &out]));
        for run in runs {
            let ran: Ran = run.wait_with_output().unwrap().into();
            assert_eq!(ran.code, Some(0), "{ran:?}");
        }
        for name in names {
            let ran = place.run(&[&"images", &name, &"--out", &out, &"--json"]);
            assert_eq!(counts(&ran), [0, 1, 0], "{name} in round {round}");
        }
    }
}

#[test]
fn results_beside_their_inputs_are_not_inputs() {
    let place = Place::new();
    place.write("in/a.jpg", photo(300, 200, 1));
    place.write("in/deep/b.jpg", photo(300, 200, 2));
    place.write("in/deep/b.jpeg", photo(300, 200, 3));
    let run = |more: &str| {
        place.run(&[
            &"images",
            &"in",
            &"--out",
            &"in",
            &"--format",
            &"webp",
            &"--json",
            &more,
        ])
    };
    assert_eq!(counts(&run("--strip")), [3, 0, 0]);
    let layout = files(&place.path("in"));
    assert_eq!(layout.len(), 7, "{layout:?}");
    let ran = run("--strip");
    assert_eq!(
        (counts(&ran), &ran.summary()["ignored"]),
        ([0, 3, 0], &0.into())
    );
    assert_eq!(counts(&run("--force")), [3, 0, 0]);
    assert_eq!(files(&place.path("in")), layout);
    // A result that was changed is neither read nor replaced.
    place.write("in/a.webp", "mine");
    let ran = run("--force");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("changed since"), "{}", ran.stderr);
    assert_eq!(std::fs::read(place.path("in/a.webp")).unwrap(), b"mine");
    assert_eq!(files(&place.path("in")), layout);
    // After it is deleted, as the message says, it is made again.
    std::fs::remove_file(place.path("in/a.webp")).unwrap();
    assert_eq!(counts(&run("--force")), [3, 0, 0]);
}

#[test]
fn an_unknown_file_is_replaced_only_with_force() {
    let place = Place::new();
    for n in 0..3 {
        place.write(&format!("in/{n}.jpg"), photo(300, 200, n));
    }
    place.write("out/1.jpg", "mine");
    let ran = rerun(&place);
    assert_eq!((ran.code, counts(&ran)), (Some(1), [2, 0, 1]), "{ran:?}");
    for word in ["1.jpg", "already exists", "--force"] {
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
    assert_eq!(std::fs::read(place.path("out/1.jpg")).unwrap(), b"mine");
    let ran = place.run(&[&"images", &"in", &"--out", &"out", &"--json", &"--force"]);
    assert_eq!((ran.code, counts(&ran)), (Some(0), [3, 0, 0]), "{ran:?}");
    assert_eq!(counts(&rerun(&place)), [0, 3, 0]);
    // The ledger is lost; the message says what to do.
    std::fs::remove_file(place.path(LEDGER)).unwrap();
    let ran = rerun(&place);
    assert_eq!((ran.code, counts(&ran)), (Some(2), [0, 0, 3]), "{ran:?}");
    assert!(ran.stderr.contains("--force"), "{}", ran.stderr);
    place.write(LEDGER, "{ rubbish");
    place.write("in/new.jpg", photo(300, 200, 9));
    let ran = rerun(&place);
    assert_eq!((ran.code, counts(&ran)), (Some(1), [1, 0, 3]), "{ran:?}");
    assert!(
        ran.stderr.contains("cannot be read and is ignored"),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_input_from_before_1970_is_up_to_date_the_second_time() {
    let place = Place::new();
    let path = place.write("in/old.jpg", photo(300, 200, 1));
    let then = SystemTime::UNIX_EPOCH - Duration::from_secs(864_000);
    let file = std::fs::File::options().write(true).open(path).unwrap();
    if let Err(error) = file.set_modified(then) {
        eprintln!("not tested: this file system has no such time ({error})");
        return;
    }
    drop(file);
    assert_eq!(counts(&rerun(&place)), [1, 0, 0]);
    assert_eq!(counts(&rerun(&place)), [0, 1, 0]);
}

#[test]
fn keep_goes_by_the_content_of_the_file() {
    let place = Place::new();
    place.write("in/a.jpg", photo(300, 200, 1));
    assert_eq!(
        place
            .run(&[&"images", &"in", &"--out", &"png", &"--format", &"png"])
            .code,
        Some(0)
    );
    std::fs::rename(place.path("png/a.png"), place.path("in/lies.jpg")).unwrap();
    assert_eq!(counts(&rerun(&place)), [2, 0, 0]);
    let made: Vec<_> = pictures(&place.path("out"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(made, ["a.jpg", "lies.png"]);
    assert_eq!(counts(&rerun(&place)), [0, 2, 0]);
}
