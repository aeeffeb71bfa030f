//! Whole files, and what killed runs leave behind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use reunite_base::file::{Durability, is_temporary, remove_leftover, replace};

fn write(path: &Path, text: &str) -> io::Result<()> {
    replace(path, Durability::PowerFailure, |out| {
        out.write_all(text.as_bytes())
    })
}

#[test]
fn a_leftover_of_the_same_process_id_does_not_block() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.txt");
    let id = std::process::id();
    // The names that versions of this program have used.
    for name in [
        format!("out.txt.{id}.reunite-part"),
        format!("out.json.{id}"),
        format!(".{id}-0.reunite-part"),
        format!(".{id}-part"),
    ] {
        fs::write(dir.path().join(name), "half").unwrap();
    }
    write(&path, "whole").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5);
}

#[test]
fn the_file_is_invisible_until_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.txt");
    replace(&path, Durability::Process, |out| {
        out.write_all(b"half")?;
        out.flush()?;
        assert!(!path.exists());
        let entry = fs::read_dir(dir.path())?.next().expect("the part")?;
        assert!(is_temporary(&entry.path()));
        assert!(!remove_leftover(&entry.path()), "it is being written");
        Ok::<_, io::Error>(())
    })
    .unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.txt");
    let run = || replace::<io::Error>(&path, Durability::Process, |_| panic!("no"));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn an_error_names_no_temporary_file() {
    let dir = tempfile::tempdir().unwrap();
    let error = write(&dir.path().join("missing/out.txt"), "x").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.raw_os_error().is_some(), "{error:?}");
}

#[test]
fn a_name_of_the_greatest_length_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("n".repeat(255));
    write(&path, "whole").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
}

#[cfg(unix)]
#[test]
fn the_file_has_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (plain, whole) = (dir.path().join("plain"), dir.path().join("whole"));
    fs::write(&plain, "").unwrap();
    write(&whole, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&plain), mode(&whole));
}

#[cfg(unix)]
#[test]
fn a_link_is_replaced_and_its_target_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (target, link) = (dir.path().join("target"), dir.path().join("link"));
    fs::write(&target, "before").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    write(&link, "after").unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "before");
    assert!(link.symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read_to_string(&link).unwrap(), "after");
}

fn place(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, "half").unwrap();
    path
}

fn make_a_day_old(path: &Path) {
    let yesterday = SystemTime::now() - Duration::from_secs(25 * 60 * 60);
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_modified(yesterday).unwrap();
}

/// In a container, processes have other numbers, and another container may share the folder.
#[cfg(unix)]
#[test]
fn a_file_that_another_process_writes_is_no_leftover_whatever_its_process_id() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.txt");
    let foreign = dir.path().join(".4294967295-Ab12Cd-out.txt.reunite-part");
    replace(&path, Durability::Process, |_| {
        let temporary = fs::read_dir(dir.path())?.next().expect("the part")?;
        fs::hard_link(temporary.path(), &foreign)?;
        make_a_day_old(&foreign);
        assert!(!remove_leftover(&foreign));
        write(&path, "of another run")?;
        assert!(foreign.exists());
        Ok::<_, io::Error>(())
    })
    .unwrap();
    assert!(remove_leftover(&foreign), "its writer has ended");
}

#[cfg(unix)]
#[test]
fn a_file_that_no_process_writes_is_a_leftover_whatever_its_process_id() {
    let dir = tempfile::tempdir().unwrap();
    for id in [1, std::process::id(), u32::MAX] {
        let left = place(dir.path(), &format!(".{id}-Ab12Cd-x.reunite-part"));
        assert!(remove_leftover(&left), "{id}");
    }
    let other = place(dir.path(), "1-Ab12Cd-x.reunite-part");
    assert!(!remove_leftover(&other) && other.exists());
    let link = dir.path().join(".1-Ab12Cd-x.reunite-part");
    std::os::unix::fs::symlink(&other, &link).unwrap();
    assert!(!remove_leftover(&link));
}

/// Earlier versions of this program did not lock these.
#[test]
fn a_file_of_an_earlier_version_is_a_leftover_after_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.txt");
    for name in [
        ".4294967295-Ab12Cd.reunite-part",
        ".1-Ab12Cd.reunite-part",
        ".my-own-photo.jpg.reunite-part",
    ] {
        let left = place(dir.path(), name);
        assert!(!remove_leftover(&left), "{name}");
        write(&path, "whole").unwrap();
        assert!(left.exists(), "{name}");
        make_a_day_old(&left);
        write(&path, "whole").unwrap();
        assert!(!left.exists(), "{name}");
    }
}

/// A file is not locked yet at the moment when it is created.
#[test]
fn no_file_is_lost_while_another_process_removes_leftovers() {
    let dir = tempfile::tempdir().unwrap();
    let rounds = test_scale::rounds(400);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                for entry in fs::read_dir(dir.path()).unwrap().flatten() {
                    remove_leftover(&entry.path());
                }
            }
        });
        for round in 0..rounds {
            let path = dir.path().join(format!("{}.txt", round % 8));
            let text = round.to_string();
            let written = replace(&path, Durability::Process, |out| {
                out.write_all(text.as_bytes())
            });
            let read = fs::read_to_string(&path);
            is_done.store(written.is_err() || read.is_err(), Ordering::Relaxed);
            written.unwrap();
            assert_eq!(read.unwrap(), text);
        }
        is_done.store(true, Ordering::Relaxed);
    });
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Replaces `path` and returns the name of the temporary file meanwhile.
fn temporary_name(path: &Path) -> String {
    let mut name = None;
    replace(path, Durability::Process, |out| {
        out.write_all(b"whole")?;
        let entries = fs::read_dir(path.parent().unwrap())?;
        let temporary = entries
            .map(|entry| entry.unwrap().path())
            .find(|path| is_temporary(path));
        name = temporary.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        Ok::<_, io::Error>(())
    })
    .unwrap();
    name.expect("a temporary file")
}

#[test]
fn the_name_of_the_temporary_file_contains_that_of_its_target() {
    let dir = tempfile::tempdir().unwrap();
    let name = temporary_name(&dir.path().join("crawl.warc"));
    assert!(name.ends_with("-crawl.warc.reunite-part"), "{name}");
}

#[cfg(unix)]
#[test]
fn leftovers_of_killed_runs_are_removed_with_the_next_file_of_the_same_name() {
    let dir = tempfile::tempdir().unwrap();
    place(dir.path(), ".4294967295-Ab12Cd-out.txt.reunite-part");
    let own = format!(".{}-Ab12Cd-out.txt.reunite-part", std::process::id());
    place(dir.path(), &own);
    write(&dir.path().join("out.txt"), "whole").unwrap();
    assert_eq!(names(dir.path()), ["out.txt"]);
}

#[test]
fn leftovers_of_other_files_stay() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = vec![
        ".4294967295-Ab12Cd-other.txt.reunite-part".to_owned(),
        ".4294967295-Ab12Cd-my-out.txt.reunite-part".to_owned(),
    ];
    for name in &kept {
        place(dir.path(), name);
    }
    write(&dir.path().join("out.txt"), "whole").unwrap();
    kept.push("out.txt".to_owned());
    kept.sort();
    assert_eq!(names(dir.path()), kept);
}

#[cfg(unix)]
#[test]
fn leftovers_of_files_with_long_names_are_removed() {
    for long in [
        "n".repeat(255),
        "\u{20ac}".repeat(85),
        format!("n{}", "\u{e9}".repeat(127)),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(&long);
        let left =
            temporary_name(&path).replace(&format!(".{}-", std::process::id()), ".4294967295-");
        // Some file systems do not allow more.
        assert!(left.len() <= 143, "{left}");
        place(dir.path(), &left);
        write(&path, "whole").unwrap();
        assert_eq!(names(dir.path()), [long]);
    }
}
