//! `reunite images` with unusual file systems, terminals and users.

mod harness;

use harness::{Place, photo, pictures};

#[cfg(unix)]
use {
    harness::Ran,
    std::ffi::OsStr,
    std::os::unix::ffi::OsStrExt,
    std::process::{Command, Stdio},
};

/// Two file names that are not UTF-8 and look the same when printed.
#[cfg(unix)]
#[test]
fn file_names_that_are_not_utf8_are_kept_byte_for_byte() {
    let place = Place::new();
    let names = [
        OsStr::from_bytes(b"\xfe.jpg"),
        OsStr::from_bytes(b"\xff.jpg"),
    ];
    std::fs::create_dir(place.path("in")).unwrap();
    for (seed, name) in names.iter().enumerate() {
        let file = place.path("in").join(name);
        if let Err(error) = std::fs::write(file, photo(300, 200, seed as u32)) {
            eprintln!("not tested: this file system requires UTF-8 names ({error})");
            return;
        }
    }
    for (written, current) in [(2, 0), (0, 2)] {
        let ran = place.run(&[&"images", &"in", &"--out", &"out", &"--json"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let summary = ran.summary();
        assert_eq!(
            (summary["written"].as_u64(), summary["current"].as_u64()),
            (Some(written), Some(current))
        );
    }
    assert!(
        names
            .iter()
            .all(|name| place.path("out").join(name).is_file())
    );
    // Given as an argument, with the name in the error.
    let text = place.path("in").join(OsStr::from_bytes(b"\xfd.jpg"));
    std::fs::write(&text, "text").unwrap();
    let ran = place.run(&[&"images", &text, &"--out", &"out"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("\u{fffd}.jpg: "), "{}", ran.stderr);
}

#[cfg(unix)]
#[test]
fn circular_and_broken_links_are_reported_and_not_followed() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    let photo = place.write("in/deep/a.jpg", photo(300, 200, 1));
    // A folder that contains itself, a link to itself, a link to nothing, and one to a picture.
    symlink(place.path("in"), place.path("in/deep/again")).unwrap();
    symlink("round.jpg", place.path("in/round.jpg")).unwrap();
    symlink("nothing", place.path("in/gone.jpg")).unwrap();
    symlink(&photo, place.path("in/linked.jpg")).unwrap();
    symlink("nothing", place.path("in/notes.txt")).unwrap();
    let ran = place.run(&[&"images", &"in", &"--out", &"out", &"--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let summary = ran.summary();
    assert_eq!(
        ["written", "failed", "ignored"].map(|name| summary[name].as_u64()),
        [Some(2), Some(2), Some(2)],
        "{summary}"
    );
    // A broken link with a picture's extension is a failure.
    for name in ["in/round.jpg: ", "in/gone.jpg: a broken link"] {
        assert!(ran.stderr.contains(name), "{name}: {}", ran.stderr);
    }
    let made: Vec<_> = pictures(&place.path("out"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(made, ["deep/a.jpg", "linked.jpg"]);
    // Given as arguments, each is a failure, and the others are made all the same.
    let ran = place.run(&[
        &"images",
        &"in/round.jpg",
        &"in/gone.jpg",
        &"in/linked.jpg",
        &"--out",
        &"named",
        &"--json",
    ]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.summary()["written"], 1);
    for name in ["in/round.jpg: ", "in/gone.jpg: no such file or folder"] {
        assert!(ran.stderr.contains(name), "{name}: {}", ran.stderr);
    }
}

#[test]
fn a_folder_named_like_a_picture_is_a_folder() {
    let place = Place::new();
    place.write("in/album.jpg/a.png.jpg", photo(300, 200, 1));
    let ran = place.run(&[&"images", &"in", &"--out", &"out"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(place.path("out/album.jpg/a.png.jpg").is_file());
    let ran = place.run(&[&"images", &"in/album.jpg", &"--out", &"named"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(place.path("named/a.png.jpg").is_file());
    // If a folder is at the path of a result, that picture fails and the folder stays.
    std::fs::create_dir_all(place.path("taken/a.png.jpg")).unwrap();
    let ran = place.run(&[&"images", &"in/album.jpg", &"--out", &"taken"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("cannot write"), "{}", ran.stderr);
    assert!(place.path("taken/a.png.jpg").is_dir());
    assert_eq!(pictures(&place.path("taken")), []);
}

#[test]
fn results_with_the_same_path_are_renamed_or_refused() {
    let place = Place::new();
    for (seed, folder) in ["a", "b", "c"].into_iter().enumerate() {
        place.write(&format!("{folder}/x.jpg"), photo(300, 200, seed as u32));
    }
    let ran = place.run(&[
        &"images",
        &"a/x.jpg",
        &"b/x.jpg",
        &"c/x.jpg",
        &"./a/../a/x.jpg",
        &"--out",
        &"out",
        &"--json",
    ]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let summary = ran.summary();
    assert_eq!(
        (summary["written"].as_u64(), summary["failed"].as_u64()),
        (Some(2), Some(1)),
        "{summary}"
    );
    let refused = "c/x.jpg: its result out/x.jpg would replace that of a/x.jpg";
    let refused = refused.replace('/', std::path::MAIN_SEPARATOR_STR);
    assert!(
        ran.stderr
            .replace('/', std::path::MAIN_SEPARATOR_STR)
            .contains(&refused),
        "{}",
        ran.stderr
    );
    let results =
        ["out/x.jpg", "out/x.jpg.jpg"].map(|name| std::fs::read(place.path(name)).unwrap());
    assert_ne!(results[0], results[1]);
    // Each result is that of its own input.
    for (result, folder) in results.iter().zip(["a", "b"]) {
        place.run(&[&"images", &folder, &"--out", &format!("only-{folder}")]);
        let alone = std::fs::read(place.path(format!("only-{folder}/x.jpg"))).unwrap();
        assert!(*result == alone, "of {folder}");
    }
}

#[test]
fn a_picture_at_the_pixel_limit_is_made_and_one_pixel_more_is_refused() {
    let place = Place::new();
    place.write("in/a.jpg", photo(300, 200, 1));
    place.write("in/b.jpg", photo(299, 200, 1));
    let run =
        |limit: &str| place.run(&[&"images", &"in", &"--out", &"out", &"--max-pixels", &limit]);
    let ran = run("59999");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("a.jpg: ") && ran.stderr.contains("--max-pixels"),
        "{}",
        ran.stderr
    );
    assert_eq!(pictures(&place.path("out")).len(), 1);
    assert_eq!(run("60000").code, Some(0));
    assert_eq!(pictures(&place.path("out")).len(), 2);
}

#[test]
fn quiet_prints_only_failures() {
    let place = Place::new();
    place.write("in/a.jpg", photo(300, 200, 1));
    let run = |more: &str| place.run(&[&"images", &"in", &"--out", &"out", &"--quiet", &more]);
    for more in ["--force", "--dry-run"] {
        let ran = run(more);
        assert_eq!(
            (ran.code, &*ran.stdout, &*ran.stderr),
            (Some(0), "", ""),
            "{more}"
        );
    }
    place.write("in/b.jpg", "text");
    let ran = run("--force");
    assert_eq!((ran.code, &*ran.stdout), (Some(1), ""));
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("b.jpg: "), "{}", ran.stderr);
}

/// Returns a pipe whose reader is closed.
#[cfg(unix)]
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[cfg(unix)]
#[test]
fn a_closed_standard_output_does_not_stop_the_run() {
    let place = Place::new();
    place.write("in/bad.jpg", "text");
    for n in 0..5 {
        place.write(&format!("in/{n}.jpg"), photo(300, 200, n));
    }
    for (out, more) in [("json", "--json"), ("plain", "--force")] {
        let mut command = place.command(&[&"images", &"in", &"--out", &out, &more]);
        let ran: Ran = command.stdout(closed()).output().unwrap().into();
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert_eq!(pictures(&place.path(out)).len(), 5);
    }
    // With both closed, only the exit code shows the failure.
    let mut command = place.command(&[&"images", &"in", &"--out", &"deaf"]);
    let status = command.stdout(closed()).stderr(closed()).status().unwrap();
    assert_eq!(status.code(), Some(1));
    assert_eq!(pictures(&place.path("deaf")).len(), 5);
    let mut command = place.command(&[&"images", &"nowhere", &"--out", &"deaf"]);
    let status = command.stdout(closed()).stderr(closed()).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn help_and_completions_succeed_although_standard_output_is_closed() {
    let place = Place::new();
    for args in [["images", "--help"], ["completions", "bash"]] {
        let mut command = place.command(&[&args[0], &args[1]]);
        let ran: Ran = command.stdout(closed()).output().unwrap().into();
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{args:?}");
    }
}

/// Temporary files have new names, so an existing link is not written through.
#[cfg(unix)]
#[test]
fn results_are_not_written_through_links() {
    let place = Place::new();
    place.write("a.jpg", photo(300, 200, 1));
    let victim = place.write("victim", "precious");
    std::fs::create_dir(place.path("out")).unwrap();
    for name in [".a.jpg.reunite-part", "a.jpg"] {
        std::os::unix::fs::symlink(&victim, place.path("out").join(name)).unwrap();
    }
    let ran = place.run(&[&"images", &"a.jpg", &"--out", &"out", &"--force"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(std::fs::read_to_string(victim).unwrap(), "precious");
    assert!(!place.path("out/a.jpg").is_symlink());
}

/// An input that fails because its result has no path is still protected as an input.
#[test]
fn no_input_is_overwritten_even_if_it_cannot_be_used() {
    let place = Place::new();
    place.write("d1/a.jpg", photo(300, 200, 1));
    place.write("d2/a.jpg", photo(300, 200, 2));
    let original = place.write("a.jpg", photo(300, 200, 3));
    let before = std::fs::read(&original).unwrap();
    let ran = place.run(&[
        &"images",
        &"d1/a.jpg",
        &"d2/a.jpg",
        &"a.jpg",
        &"--out",
        &".",
    ]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(std::fs::read(original).unwrap(), before);
}

/// Eight pictures at a time, where the memory limit of the process has room for two.
#[cfg(target_os = "linux")]
#[test]
fn a_small_memory_budget_is_kept() {
    let place = Place::new();
    for n in 0..8 {
        // Enlarged, so that they are large in memory and small on disk.
        place.write(&format!("in/{n}.jpg"), photo(48, 48, n));
    }
    let program = env!("CARGO_BIN_EXE_reunite");
    let options = "--jobs 8 --memory 90M --enlarge --size 2000";
    let script = format!("ulimit -v 150000 && exec {program} images in --out out {options}");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .current_dir(place.path(""))
        // Otherwise the allocator reserves addresses for every thread.
        .env("MALLOC_ARENA_MAX", "1");
    let ran: Ran = shell.output().unwrap().into();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(pictures(&place.path("out")).len(), 8);
}

/// Opening a pipe would wait for a writer; a device may have no end.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_reported_and_not_opened() {
    let place = Place::new();
    place.write("in/a.jpg", photo(300, 200, 1));
    let pipe = place.path("in/pipe.jpg");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let ran = place.run(&[
        &"images",
        &pipe,
        &"/dev/zero",
        &"in/a.jpg",
        &"--out",
        &"out",
    ]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for name in ["pipe.jpg", "/dev/zero"] {
        let line = ran
            .stderr
            .lines()
            .chain(ran.stdout.lines())
            .find(|line| line.contains(name));
        assert!(
            line.is_some_and(|line| line.contains("neither a file nor a folder")),
            "{ran:?}"
        );
    }
    assert_eq!(pictures(&place.path("out")).len(), 1);
    // Found in a folder, they are ignored.
    let ran = place.run(&[&"images", &"in", &"--out", &"folder"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}
