//! Counts every `unsafe` of the crates by file. Only the files on the list may have any.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use crate::shell;
use crate::source;

/// The files that may use `unsafe`, and why each must.
const ALLOWED: &[(&str, &str)] = &[
    (
        "crates/reunite/src/channel/lock.rs",
        "gives the holder of the lock its state, at half the cost of a lock that can sleep",
    ),
    (
        "crates/reunite/src/channel/ring.rs",
        "gives a slot of a channel to the one thread that writes or reads it, without a lock",
    ),
    (
        "crates/reunite/src/par/sort/bits.rs",
        "copies elements out of a slice and back in another order, while the slice owns them; safe code could only swap them, at several times the cost of a merge",
    ),
    (
        "crates/reunite/src/par/sort/cached_key.rs",
        "declares that its permutation has each element once",
    ),
    (
        "crates/reunite/src/par/sort/merge.rs",
        "declares that a merge has copied each element once",
    ),
    (
        "crates/reunite/src/part.rs",
        "refers to one field of a counted struct, so that a task is one allocation; std's references need two counts and two allocations",
    ),
    (
        "crates/reunite/src/par/owned.rs",
        "hands out the items of a vector and writes results in place; a vector per part costs a copy of all items",
    ),
    (
        "crates/reunite/src/pool/cells.rs",
        "reuses the memory of a scope's tasks, without an allocation per task",
    ),
    (
        "crates/reunite/src/pool/claim.rs",
        "gives an item of a batch to the one thread that claims it or cuts it off, at the cost of a store and a load",
    ),
    (
        "crates/reunite/src/pool/execute.rs",
        "runs a taken job in the frame of its forker",
    ),
    (
        "crates/reunite/src/pool/fork.rs",
        "runs the closure of a fork in its stack frame, within nanoseconds",
    ),
    (
        "crates/reunite/src/pool/handle.rs",
        "lists a task that runs in its joiner's frame, and queues a task again that does not outlive its scope",
    ),
    (
        "crates/reunite/src/pool/this_thread.rs",
        "follows the list of a thread's forks through their frames, and lists the pieces of work there",
    ),
    (
        "crates/reunite/src/pool/install.rs",
        "hands a closure that borrows its caller's frame to a queue without lifetimes; a scope of the pool would run it on the caller's stack",
    ),
    (
        "crates/reunite/src/pool/job.rs",
        "lets a thief run a closure in another thread's frame",
    ),
    (
        "crates/reunite/src/pool/lineage.rs",
        "follows the links from a job or scope to what waits for it, through the frames of other threads",
    ),
    (
        "crates/reunite/src/pool/member_state.rs",
        "lists what is in the frame of its member",
    ),
    (
        "crates/reunite/src/pool/piece.rs",
        "keeps the identity of a piece of work, made on demand, in one word; a cell of std takes two",
    ),
    (
        "crates/reunite/src/pool/queue.rs",
        "releases the references to tasks that are over",
    ),
    (
        "crates/reunite/src/pool/task_batch.rs",
        "releases the references to tasks of a completed batch",
    ),
    (
        "crates/reunite/src/pool/task_traits.rs",
        "erases the lifetime of a queued task, and lists one that runs in its joiner's frame",
    ),
    (
        "crates/reunite/src/pool/scope.rs",
        "hands tasks that borrow their scope to a queue without lifetimes",
    ),
    (
        "crates/reunite/src/pool/scope_state.rs",
        "borrows the pool from the opener of a scope; a count would cost half as much as the rest of a scope",
    ),
    (
        "crates/reunite/src/pool/scope_work.rs",
        "follows the links from a scope to what waits for it",
    ),
    (
        "crates/reunite/src/pool/seat.rs",
        "follows the links from a published job to what waits for it",
    ),
    (
        "crates/reunite/src/pool/scope_cache.rs",
        "reuses the state of a scope for another while it keeps two references to it; counting them for each scope takes longer than the rest",
    ),
    (
        "crates/reunite/src/pool/task.rs",
        "keeps a closure and then its result in one place without a lock",
    ),
    (
        "crates/reunite/src/scope/frame.rs",
        "hands a closure that borrows its scope to a thread, for which std demands `'static`",
    ),
    (
        "crates/reunite/src/sync/mapped.rs",
        "gives the holder of a lock a part of its value; a reference in the guard would have to be valid until the guard's drop returns, when the lock is released already",
    ),
    (
        "crates/reunite/src/sync/mutex.rs",
        "gives the holder of the lock its value",
    ),
    (
        "crates/reunite/src/sync/rwlock.rs",
        "gives the holder of the lock its value",
    ),
];

/// The number of uses of `unsafe` in each file under `crates/*/src`.
type Census = BTreeMap<String, usize>;

pub(crate) fn run() -> Result<(), String> {
    let census = take(&shell::workspace_root())?;
    for (file, count) in census.iter().filter(|(_, count)| **count > 0) {
        let reason = reason_for(ALLOWED, file).unwrap_or("NOT ON THE LIST");
        println!("{count:5}  {file}  ({reason})");
    }
    let faults = faults(&census, ALLOWED);
    if faults.is_empty() {
        println!(
            "unsafe census: {} uses; files read: {}",
            total(&census),
            census.len()
        );
        Ok(())
    } else {
        Err(format!("unsafe census:\n{}", faults.join("\n")))
    }
}

fn take(root: &Path) -> Result<Census, String> {
    let crates = root.join("crates");
    let mut census = Census::new();
    let entries = fs::read_dir(&crates).map_err(|why| format!("{}: {why}", crates.display()))?;
    for entry in entries {
        let src = entry
            .map_err(|why| format!("{}: {why}", crates.display()))?
            .path()
            .join("src");
        if !src.is_dir() {
            continue;
        }
        for file in source::rust_files(&src)? {
            let name = file
                .strip_prefix(root)
                .unwrap_or(&file)
                .to_string_lossy()
                .into_owned();
            census.insert(name.replace('\\', "/"), count(source::read_tokens(&file)?));
        }
    }
    Ok(census)
}

fn count(tokens: TokenStream) -> usize {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Group(group) => count(group.stream()),
            TokenTree::Ident(word) => usize::from(word == "unsafe"),
            _ => 0,
        })
        .sum()
}

fn total(census: &Census) -> usize {
    census.values().sum()
}

fn reason_for<'a>(allowed: &[(&str, &'a str)], file: &str) -> Option<&'a str> {
    allowed
        .iter()
        .find(|(name, _)| *name == file)
        .map(|(_, reason)| *reason)
}

fn faults(census: &Census, allowed: &[(&str, &str)]) -> Vec<String> {
    let strangers = census
        .iter()
        .filter(|(file, count)| **count > 0 && reason_for(allowed, file).is_none())
        .map(|(file, count)| {
            format!("  {file} uses `unsafe` ({count}) and is not on the list in xtask/src/unsafe_census.rs")
        });
    let stale = allowed
        .iter()
        .filter_map(|(file, _)| match census.get(*file) {
            Some(0) => Some(format!(
                "  {file} is on the list and has no `unsafe`: remove it"
            )),
            None => Some(format!(
                "  {file} is on the list and does not exist: remove it"
            )),
            Some(_) => None,
        });
    strangers.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::{Census, count, faults};

    fn uses(source: &str) -> usize {
        count(source.parse().unwrap())
    }

    #[test]
    fn every_kind_of_use_counts() {
        assert_eq!(
            uses("unsafe fn f() { unsafe { g() } } unsafe impl Send for T {}"),
            3
        );
        assert_eq!(uses("#[unsafe(no_mangle)] fn f() {}"), 1);
        assert_eq!(uses("macro_rules! m { () => { unsafe { g() } } }"), 1);
    }

    #[test]
    fn comments_strings_and_lint_names_do_not_count() {
        assert_eq!(
            uses("#![forbid(unsafe_code)] #![deny(unsafe_op_in_unsafe_fn)]"),
            0
        );
        assert_eq!(
            uses("// unsafe\n/* unsafe /* unsafe */ */ /// unsafe { x }\n fn f() {}"),
            0
        );
        assert_eq!(
            uses(r##"const A: &str = "unsafe"; const B: &str = r#"unsafe { "x" }"#;"##),
            0
        );
        assert_eq!(
            uses("const C: &[u8] = b\"unsafe\"; const Q: char = '\"'; fn r#unsafe_() {}"),
            0
        );
    }

    #[test]
    fn a_file_off_the_list_and_a_stale_entry_are_faults() {
        let census = Census::from([
            ("good.rs".to_owned(), 2),
            ("stranger.rs".to_owned(), 1),
            ("tamed.rs".to_owned(), 0),
        ]);
        let allowed = [("good.rs", ""), ("tamed.rs", ""), ("moved.rs", "")];
        let faults = faults(&census, &allowed);
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[0].contains("stranger.rs"));
        assert!(faults[1].contains("tamed.rs"));
        assert!(faults[2].contains("moved.rs"));
    }
}
