//! `reunite images` as a user runs it.

mod harness;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use harness::{Place, assert_whole, photo, pictures, samples};

fn size(path: &Path) -> (u32, u32) {
    let bytes = std::fs::read(path).expect("a file");
    let probe = reunite_images::Probe::read(&bytes).expect("a picture");
    (probe.size().width, probe.size().height)
}

fn changed(folder: &Path) -> BTreeMap<String, SystemTime> {
    let time = |path: &Path| {
        path.metadata()
            .and_then(|meta| meta.modified())
            .expect("a time")
    };
    pictures(folder)
        .into_iter()
        .map(|(name, path)| (name, time(&path)))
        .collect()
}

#[test]
fn the_samples_come_out_upright_and_the_broken_one_is_named() {
    let place = Place::new();
    let ran = place.run(&[&"images", &samples(), &"--out", &"thumbs"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("broken.jpg: damaged or truncated"),
        "{}",
        ran.stderr
    );
    let out = place.path("thumbs");
    let made = pictures(&out);
    let expected: Vec<String> = pictures(&samples())
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name != "broken.jpg")
        .collect();
    assert_eq!(
        made.iter()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>(),
        expected
    );
    for (name, path) in &made {
        let (width, height) = size(path);
        assert_eq!(width.max(height), 512, "{name}");
        assert_whole(path);
    }
    // Taken with the camera turned; one each way.
    for name in ["coast/lighthouse.jpg", "town/blue-door.jpg"] {
        let (width, height) = size(&out.join(name));
        assert!(height > width, "{name} is {width}x{height}");
    }
}

#[test]
fn a_second_run_writes_only_what_changed() {
    let place = Place::new();
    for n in 0..4 {
        place.write(&format!("in/{n}.jpg"), photo(300, 200, n));
    }
    let run = |more: &[&str]| {
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> =
            vec![&"images", &"in", &"--out", &"out", &"--json"];
        args.extend(more.iter().map(|arg| arg as &dyn AsRef<std::ffi::OsStr>));
        let summary = place.run(&args).summary();
        (
            summary["written"].as_u64().unwrap(),
            summary["current"].as_u64().unwrap(),
        )
    };
    let out = place.path("out");
    assert_eq!(run(&[]), (4, 0));
    let before = changed(&out);
    assert_eq!(run(&[]), (0, 4));
    assert_eq!(changed(&out), before);
    // Other settings, a changed input, a deleted result, a changed result, and --force.
    assert_eq!(run(&["--quality", "60"]), (4, 0));
    place.write("in/2.jpg", photo(310, 200, 9));
    assert_eq!(run(&["--quality", "60"]), (1, 3));
    std::fs::remove_file(place.path("out/1.jpg")).unwrap();
    assert_eq!(run(&["--quality", "60"]), (1, 3));
    place.write("out/3.jpg", b"something else");
    assert_eq!(run(&["--quality", "60"]), (1, 3));
    assert_eq!(run(&["--quality", "60", "--force"]), (4, 0));
}

#[test]
fn a_run_that_cannot_start_says_why() {
    let place = Place::new();
    place.write("file.txt", "text");
    place.write("empty/readme.txt", "text");
    let cases: [(&[&str], &str); 8] = [
        (&["images"], "PHOTOS"),
        (&["images", "file.txt"], "--out"),
        (&["images", "empty", "--out", "out"], "no pictures in empty"),
        (
            &["images", "missing", "--out", "out"],
            "missing: no such file or folder",
        ),
        (
            &["images", "empty", "--out", "file.txt"],
            "is a file, not a folder",
        ),
        (
            &["images", "empty", "--out", "out", "--size", "0"],
            "WIDTHxHEIGHT",
        ),
        (
            &["images", "empty", "--out", "out", "--quality", "101"],
            "use a number from 1 to 100",
        ),
        (
            &["images", "empty", "--out", "out", "--memory", "much"],
            "unknown size unit `much`",
        ),
    ];
    for (args, message) in cases {
        let args: Vec<_> = args
            .iter()
            .map(|arg| arg as &dyn AsRef<std::ffi::OsStr>)
            .collect();
        let ran = place.run(&args);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(message), "{message}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
}

#[test]
fn a_bad_file_does_not_stop_the_others() {
    let place = Place::new();
    place.write("in/good.jpg", photo(300, 200, 1));
    place.write("in/empty.png", "");
    place.write("in/text.jpg", "not a picture at all");
    place.write("in/cut.jpg", &photo(300, 200, 2)[..4000]);
    std::fs::create_dir_all(place.path("in/folder.jpg")).unwrap();
    let ran = place.run(&[
        &"images",
        &"in",
        &"missing.jpg",
        &"--out",
        &"out",
        &"--json",
    ]);
    assert_eq!(ran.code, Some(1));
    let summary = ran.summary();
    assert_eq!(
        (summary["written"].as_u64(), summary["failed"].as_u64()),
        (Some(1), Some(4))
    );
    for name in ["empty.png", "text.jpg", "cut.jpg", "missing.jpg"] {
        let told = |event: &serde_json::Value| {
            event["event"] == "failed" && event["input"].as_str().unwrap().ends_with(name)
        };
        assert!(ran.events().iter().any(told), "{name}: {}", ran.stdout);
        assert!(ran.stderr.contains(name), "{name}: {}", ran.stderr);
    }
    assert_eq!(pictures(&place.path("out")).len(), 1);
}

#[test]
fn no_result_replaces_another_result_or_an_input() {
    let place = Place::new();
    let one = place.write("in/a.jpg", photo(300, 200, 1));
    let two = place.write("in/a.jpeg", photo(200, 300, 2));
    let ran = place.run(&[&"images", &"in", &"--out", &"out", &"--format", &"webp"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(pictures(&place.path("out")).len(), 2);
    // Output into the input folder is refused, and the inputs are unchanged.
    let before = (std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
    let ran = place.run(&[&"images", &"in", &"--out", &"in"]);
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        before,
        (std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap())
    );
}

#[test]
fn results_inside_the_input_folder_are_not_inputs() {
    let place = Place::new();
    place.write("in/a.jpg", photo(300, 200, 1));
    for written in [1, 0] {
        let ran = place.run(&[&"images", &"in", &"--out", &"in/small", &"--json"]);
        assert_eq!(ran.summary()["written"], written);
    }
    assert_eq!(pictures(&place.path("in/small")).len(), 1);
}

#[test]
fn a_dry_run_writes_nothing() {
    let place = Place::new();
    place.write("in/a b é.jpg", photo(300, 200, 1));
    let ran = place.run(&[&"images", &"in", &"--out", &"out", &"--dry-run"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stdout.contains("a b é.jpg -> "), "{}", ran.stdout);
    assert!(!place.path("out").exists());
}

#[test]
fn a_decompression_bomb_is_refused_by_its_header() {
    let place = Place::new();
    let mut bomb = photo(64, 64, 1);
    // The frame header's height and width.
    let frame = bomb
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .expect("a frame");
    bomb[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    place.write("in/bomb.jpg", bomb);
    let ran = place.run(&[&"images", &"in", &"--out", &"out"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("megapixels"), "{}", ran.stderr);
}

#[test]
fn results_do_not_depend_on_threads_and_memory() {
    let place = Place::new();
    for n in 0..12 {
        place.write(&format!("in/{n}.jpg"), photo(400 + n, 300, n));
    }
    let results = |out: &str, more: [&str; 4]| -> Vec<Vec<u8>> {
        let [a, b, c, d] = more;
        let ran = place.run(&[&"images", &"in", &"--out", &out, &a, &b, &c, &d]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let made = pictures(&place.path(out));
        made.iter()
            .map(|(_, path)| std::fs::read(path).unwrap())
            .collect()
    };
    let one = results("one", ["--jobs", "1", "--memory", "1G"]);
    assert_eq!(one.len(), 12);
    assert_eq!(one, results("many", ["--jobs", "8", "--memory", "1G"]));
    assert_eq!(one, results("little", ["--jobs", "8", "--memory", "5M"]));
}

#[test]
fn fail_fast_stops_at_the_first_failure() {
    let place = Place::new();
    place.write("in/000.jpg", "no picture");
    for n in 1..60 {
        place.write(&format!("in/{n:03}.jpg"), photo(300, 200, n));
    }
    let ran = place.run(&[
        &"images",
        &"in",
        &"--out",
        &"out",
        &"--json",
        &"--fail-fast",
        &"--jobs",
        &"1",
    ]);
    assert_eq!(ran.code, Some(1));
    let summary = ran.summary();
    assert_eq!(summary["failed"], 1);
    assert!(summary["left"].as_u64().unwrap() > 30, "{summary}");
}

#[test]
fn fail_fast_does_not_report_the_outcomes_that_it_drops() {
    let place = Place::new();
    for n in 0..60 {
        place.write(&format!("in/{n:03}.jpg"), "no picture");
    }
    let ran = place.run(&[&"images", &"in", &"--out", &"out", &"--fail-fast"]);
    assert_eq!(ran.code, Some(1));
    assert!(!ran.stderr.contains("not taken"), "{ran:?}");
    assert!(!ran.stderr.contains("reunite_images"), "{ran:?}");
}

#[test]
fn time_limits_apply_to_a_picture_or_to_the_run() {
    let place = Place::new();
    let photo = photo(3000, 2000, 0);
    for n in 0..8 {
        place.write(&format!("in/{n}.jpg"), &photo);
    }
    let item = place.run(&[
        &"images",
        &"in",
        &"--out",
        &"a",
        &"--json",
        &"--item-timeout",
        &"1ms",
    ]);
    assert_eq!(item.code, Some(1));
    assert!(item.summary()["failed"].as_u64().unwrap() > 0);
    assert!(item.stderr.contains("--item-timeout"), "{}", item.stderr);
    let all = place.run(&[
        &"images",
        &"in",
        &"--out",
        &"b",
        &"--json",
        &"--timeout",
        &"1ms",
    ]);
    assert_eq!(all.code, Some(124), "{all:?}");
    assert!(all.summary()["left"].as_u64().unwrap() > 0);
}

#[test]
fn completions_and_help_are_printed() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = place.run(&[&"completions", &shell]);
        assert_eq!(ran.code, Some(0));
        assert!(ran.stdout.contains("images"), "{shell}");
    }
    let help = place.run(&[&"images", &"--help"]);
    assert_eq!(help.code, Some(0));
    assert!(help.stdout.contains("--item-timeout") && help.stdout.contains("Examples:"));
}
