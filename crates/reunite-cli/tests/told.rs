//! What `reunite images` tells programs, terminals and full disks.

mod harness;

use harness::{Place, photo, pictures};

#[cfg(unix)]
use {
    harness::{Ran, until},
    std::process::{Command, Stdio},
};

#[test]
fn a_program_hears_a_summary_even_if_nothing_can_begin() {
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
    // Without --json there is nothing to read.
    assert_eq!(
        place.run(&[&"images", &"missing", &"--out", &"out"]).stdout,
        ""
    );
}

#[test]
fn an_output_folder_that_cannot_be_is_told_before_anything_is_done() {
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
    // A folder in which nobody can make a file.
    let locked = std::path::Path::new("/proc/fs");
    if !locked.is_dir() {
        eprintln!("not tested: there is no {}", locked.display());
        return;
    }
    let ran = place.run(&[&"images", &"in", &"--out", &locked, &"--json"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let why = "--out /proc/fs cannot be written to";
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
        let told = ran.stderr.matches("standard output: ").count();
        assert_eq!(told, 1, "{}", ran.stderr);
        // The pictures are made all the same.
        let pictures = pictures(&place.path(made)).len();
        assert_eq!(pictures, usize::from("ab".contains(made)), "{made}");
    }
}

/// A name that would clear the screen, if the terminal got it.
#[cfg(unix)]
#[test]
fn names_give_the_terminal_no_orders() {
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
    // Programs get it whole.
    let ran = place.run(&[&"images", &"in", &"--out", &"dry", &"--dry-run", &"--json"]);
    let inputs: Vec<_> = ran
        .events()
        .iter()
        .map(|event| event["input"].clone())
        .collect();
    assert!(inputs.contains(&"in/two\nlines.jpg".into()), "{inputs:?}");
}

/// Whether this process was started by somebody who ignores a hang-up: what it starts does so, too.
#[cfg(target_os = "linux")]
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The signals are counted from one, and this is the first.
    u64::from_str_radix(mask.unwrap().trim(), 16).unwrap() & 1 != 0
}

/// As `nohup` starts it.
#[cfg(target_os = "linux")]
#[test]
fn a_hang_up_that_is_ignored_stops_nothing_and_else_stops_in_order() {
    let place = Place::new();
    let photo = photo(1200, 900, 1);
    for n in 0..40 {
        place.write(&format!("in/{n}.jpg"), &photo);
    }
    let program = env!("CARGO_BIN_EXE_reunite");
    // The tests may have been started by `nohup` themselves, which no shell can take back.
    let heeded = if is_hang_up_ignored() {
        "exec env --default-signal=HUP"
    } else {
        "exec"
    };
    for (exec, code) in [("trap '' HUP; exec", 0), (heeded, 130)] {
        let out = place.path(format!("out{code}"));
        let script = format!("{exec} {program} images in --out out{code} --jobs 1 --json");
        let child = Command::new("sh")
            .args(["-c", &script])
            .current_dir(place.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        until("the first result", || !pictures(&out).is_empty());
        let id = child.id().to_string();
        let told = Command::new("kill").args(["-HUP", &id]).status().unwrap();
        assert!(told.success());
        let ran: Ran = child.wait_with_output().unwrap().into();
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert_eq!(ran.summary()["interrupted"], code == 130);
    }
}

/// Whatever stops it, each picture is told of once.
#[test]
fn what_was_left_is_told_picture_by_picture() {
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
