//! The output of `reunite images`: JSON lines, messages, exit codes and full disks.

mod harness;

use harness::{Place, photo, pictures};

#[cfg(target_os = "linux")]
use {harness::Ran, std::process::Stdio};

#[test]
fn json_has_a_summary_even_if_the_run_cannot_start() {
    let place = Place::new();
    place.write("empty/readme.txt", "text");
    place.write("file", "text");
    let cases: [(&[&str], u64); 5] = [
        (&["missing", "--out", "out"], 1),
        (&["empty", "--out", "out"], 0),
        (&["empty", "--out", "file"], 0),
        (&["empty", "--out", "out", "--size", "none"], 0),
        (&["empty"], 0),
    ];
    for (args, failed) in cases {
        let mut all: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"images", &"--json"];
        all.extend(args.iter().map(|arg| arg as &dyn AsRef<std::ffi::OsStr>));
        let ran = place.run(&all);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert_eq!(ran.summary()["failed"], failed, "{args:?}");
        assert_eq!(ran.events().len() as u64, failed + 1, "{args:?}");
    }
    // Without --json standard output is empty.
    assert_eq!(
        place.run(&[&"images", &"missing", &"--out", &"out"]).stdout,
        ""
    );
}

#[test]
fn an_unusable_output_folder_is_reported_before_any_work() {
    let place = Place::new();
    place.write("in/a.jpg", photo(300, 200, 1));
    place.write("file", "text");
    for (out, why) in [
        ("file", "--out file is a file, not a folder"),
        ("file/deeper", "file is a file, not a folder"),
    ] {
        for more in ["--dry-run", "--json"] {
            let ran = place.run(&[&"images", &"in", &"--out", &out, &more]);
            assert_eq!(ran.code, Some(2), "{ran:?}");
            assert!(ran.stderr.contains(why), "{}", ran.stderr);
        }
    }
    // A folder in which no file can be created.
    let locked = std::path::Path::new("/proc/fs");
    if !locked.is_dir() {
        eprintln!("not tested: there is no {}", locked.display());
        return;
    }
    let ran = place.run(&[&"images", &"in", &"--out", &locked, &"--json"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let why = "cannot write to --out /proc/fs";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_standard_output_is_an_error() {
    let place = Place::new();
    place.write("in/a.jpg", photo(300, 200, 1));
    let full = || {
        Stdio::from(
            std::fs::File::options()
                .write(true)
                .open("/dev/full")
                .unwrap(),
        )
    };
    for (args, made) in [
        (&["images", "in", "--out", "a", "--json"][..], "a"),
        (&["images", "in", "--out", "b"], "b"),
        (&["images", "in", "--out", "c", "--dry-run"], "c"),
        (&["images", "--help"], "d"),
        (&["completions", "bash"], "d"),
    ] {
        let args: Vec<_> = args
            .iter()
            .map(|arg| arg as &dyn AsRef<std::ffi::OsStr>)
            .collect();
        let ran: Ran = place.command(&args).stdout(full()).output().unwrap().into();
        assert_eq!(ran.code, Some(1), "{made}: {ran:?}");
        let messages = ran.stderr.matches("standard output: ").count();
        assert_eq!(messages, 1, "{}", ran.stderr);
        // The pictures are still made.
        let pictures = pictures(&place.path(made)).len();
        assert_eq!(pictures, usize::from("ab".contains(made)), "{made}");
    }
}

/// A file name that would clear the screen if it were printed unescaped.
#[cfg(unix)]
#[test]
fn control_characters_in_file_names_are_escaped() {
    let place = Place::new();
    for (name, seed) in [("in/\u{1b}[2Jgood.jpg", 1), ("in/two\nlines.jpg", 2)] {
        place.write(name, photo(300, 200, seed));
    }
    place.write("in/\u{1b}[31mbad.jpg", "text");
    let ran = place.run(&[&"images", &"in", &"--out", &"out"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("\\u{1b}[31mbad.jpg: "),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    let ran = place.run(&[&"images", &"in", &"--out", &"dry", &"--dry-run"]);
    assert!(
        ran.stdout.contains("\\u{1b}[2Jgood.jpg -> "),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("two\\nlines.jpg -> "), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    // JSON has the names unchanged.
    let ran = place.run(&[&"images", &"in", &"--out", &"dry", &"--dry-run", &"--json"]);
    let inputs: Vec<_> = ran
        .events()
        .iter()
        .map(|event| event["input"].clone())
        .collect();
    assert!(inputs.contains(&"in/two\nlines.jpg".into()), "{inputs:?}");
}

/// A run that stops early reports each picture once.
#[test]
fn every_unfinished_picture_is_reported_once() {
    let place = Place::new();
    place.write("in/000.jpg", "no picture");
    for n in 1..40 {
        place.write(&format!("in/{n:03}.jpg"), photo(300, 200, n));
    }
    let run = |more: &str| {
        place.run(&[
            &"images",
            &"in",
            &"--out",
            &"out",
            &"--fail-fast",
            &"--jobs",
            &"1",
            &more,
        ])
    };
    let ran = run("--json");
    let mut inputs: Vec<_> = ran
        .events()
        .iter()
        .filter_map(|event| event["input"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(inputs.len(), 40, "{inputs:?}");
    inputs.sort();
    inputs.dedup();
    assert_eq!(inputs.len(), 40);
    let left = ran
        .events()
        .iter()
        .filter(|event| event["event"] == "left")
        .count();
    assert_eq!(ran.summary()["left"], left);
    let ran = run("--strip");
    assert!(ran.stderr.contains("not done: in"), "{}", ran.stderr);
    assert!(ran.stderr.contains(" more\n"), "{}", ran.stderr);
}
