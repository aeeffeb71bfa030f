//! Whole files, and what killed runs leave behind.

use std::fs;
use std::io;
use std::path::Path;

use reunite_base::file::{Durability, is_abandoned, is_temporary, replace};

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
        assert!(is_temporary(&entry.path()) && !is_abandoned(&entry.path()));
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

#[cfg(target_os = "linux")]
#[test]
fn files_of_dead_processes_and_old_files_are_abandoned() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let path = dir.path().join(name);
        fs::write(&path, "half").unwrap();
        path
    };
    assert!(is_abandoned(&place(".4294967295-x.reunite-part")));
    assert!(!is_abandoned(&place(".1-x.reunite-part")));
    assert!(!is_abandoned(&place("1-x.reunite-part")));
    let own = place(&format!(".{}-x.reunite-part", std::process::id()));
    assert!(!is_abandoned(&own));
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 60 * 60);
    let file = fs::OpenOptions::new().write(true).open(&own).unwrap();
    file.set_modified(yesterday).unwrap();
    assert!(is_abandoned(&own), "of an earlier process of the same id");
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

#[cfg(target_os = "linux")]
#[test]
fn leftovers_of_killed_runs_are_removed_with_the_next_file_of_the_same_name() {
    let dir = tempfile::tempdir().unwrap();
    let left = |name: &str| fs::write(dir.path().join(name), "half").unwrap();
    left(".4294967295-Ab12Cd-out.txt.reunite-part");
    let own = format!(".{}-Ab12Cd-out.txt.reunite-part", std::process::id());
    left(&own);
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 60 * 60);
    let file = fs::OpenOptions::new()
        .write(true)
        .open(dir.path().join(&own))
        .unwrap();
    file.set_modified(yesterday).unwrap();
    write(&dir.path().join("out.txt"), "whole").unwrap();
    assert_eq!(names(dir.path()), ["out.txt"]);
}

#[cfg(target_os = "linux")]
#[test]
fn temporary_files_of_running_processes_and_of_other_files_stay() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = vec![
        ".1-Ab12Cd-out.txt.reunite-part".to_owned(),
        format!(".{}-Ab12Cd-out.txt.reunite-part", std::process::id()),
        ".4294967295-Ab12Cd-other.txt.reunite-part".to_owned(),
        ".4294967295-Ab12Cd-my-out.txt.reunite-part".to_owned(),
        ".4294967295-Ab12Cd.reunite-part".to_owned(),
    ];
    for name in &kept {
        fs::write(dir.path().join(name), "half").unwrap();
    }
    write(&dir.path().join("out.txt"), "whole").unwrap();
    kept.push("out.txt".to_owned());
    kept.sort();
    assert_eq!(names(dir.path()), kept);
}

#[cfg(target_os = "linux")]
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
        let left = dir.path().join(left);
        fs::write(&left, "half").unwrap();
        assert!(is_abandoned(&left));
        write(&path, "whole").unwrap();
        assert_eq!(names(dir.path()), [long]);
    }
}
