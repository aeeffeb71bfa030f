//! The sweep of an output folder: what it removes, and what stays.
#![cfg(unix)]

use std::fs;
use std::io::Error;

use reunite_base::file::{Durability, replace};
use reunite_images::batch::sweep;

#[test]
fn leftovers_are_removed_and_files_that_another_container_writes_stay() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("below");
    fs::create_dir(&below).unwrap();
    let left = below.join(".1-Ab12Cd-b.jpg.reunite-part");
    fs::write(&left, "half").unwrap();
    let foreign = below.join(".4294967295-Ab12Cd-a.jpg.reunite-part");
    replace(&below.join("a.jpg"), Durability::Process, |_| {
        let mut entries = fs::read_dir(&below)?.map(Result::unwrap);
        let own = format!(".{}-", std::process::id());
        let written = entries.find(|entry| entry.file_name().to_string_lossy().starts_with(&own));
        // In another container the process has another number.
        fs::hard_link(written.expect("the part").path(), &foreign)?;
        assert_eq!(sweep(dir.path()), 1);
        Ok::<_, Error>(())
    })
    .unwrap();
    assert!(!left.exists() && foreign.exists());
    assert_eq!(sweep(dir.path()), 1);
    assert!(!foreign.exists() && below.join("a.jpg").exists());
}
