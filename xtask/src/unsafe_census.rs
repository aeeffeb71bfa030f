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
        "gives the state behind the lock to whoever holds it, at half the cost of a lock that can sleep",
    ),
    (
        "crates/reunite/src/channel/ring.rs",
        "gives a slot of a channel to the one thread that puts into it or takes from it, without a lock",
    ),
    (
        "crates/reunite/src/part.rs",
        "refers to a part of what is counted as a whole, so that a task is one allocation: two references as std has them cost two counts and two allocations",
    ),
    (
        "crates/reunite/src/pool/cells.rs",
        "keeps the tasks of a scope in memory that is used again, without an allocation a task",
    ),
    (
        "crates/reunite/src/pool/claim.rs",
        "gives an item of a batch to the one thread that claims it or cuts it off, for a store and a load",
    ),
    (
        "crates/reunite/src/pool/execute.rs",
        "runs a taken job in the frame of its forker",
    ),
    (
        "crates/reunite/src/pool/fork.rs",
        "runs a fork's closure where it lies in the frame, at nanoseconds",
    ),
    (
        "crates/reunite/src/pool/handle.rs",
        "lists a task that runs in its joiner's frame, and queues one again that outlives no scope",
    ),
    (
        "crates/reunite/src/pool/here.rs",
        "follows a thread's list of forks through their frames, and lists the pieces of work in its frames",
    ),
    (
        "crates/reunite/src/pool/install.rs",
        "hands a closure that borrows its caller's frame to a queue that knows no lifetimes; a scope of the pool's would run it on the caller's stack",
    ),
    (
        "crates/reunite/src/pool/job.rs",
        "lets a thief run a closure in another thread's frame",
    ),
    (
        "crates/reunite/src/pool/life.rs",
        "lists what lies in the frame of its member",
    ),
    (
        "crates/reunite/src/pool/piece.rs",
        "keeps in one word what a piece of work has of its own once somebody has asked: a cell of std's takes two",
    ),
    (
        "crates/reunite/src/pool/queue.rs",
        "gives up the references to tasks of a batch that is over",
    ),
    (
        "crates/reunite/src/pool/run.rs",
        "forgets the lifetime of a queued task, and lists one that runs in its joiner's frame",
    ),
    (
        "crates/reunite/src/pool/scope.rs",
        "hands tasks that borrow their scope to a queue that knows no lifetimes",
    ),
    (
        "crates/reunite/src/pool/scope_state.rs",
        "follows the links from a scope to those that wait for it, and has its pool from whoever opened it: a count would cost as much as half of all else",
    ),
    (
        "crates/reunite/src/pool/seat.rs",
        "follows the links from a published job to those that wait for it",
    ),
    (
        "crates/reunite/src/pool/spares.rs",
        "makes a scope's state that of another while it keeps two references to it: to count them anew for each scope takes longer than all else",
    ),
    (
        "crates/reunite/src/pool/task.rs",
        "keeps a closure and then its result in one place without a lock",
    ),
    (
        "crates/reunite/src/scope/frame.rs",
        "hands a closure that borrows its scope to a thread that std takes for immortal",
    ),
    (
        "crates/reunite/src/sync/mutex.rs",
        "gives the value behind the lock to whoever holds it",
    ),
    (
        "crates/reunite/src/sync/rwlock.rs",
        "gives the value behind the lock to whoever holds it",
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
                "  {file} is on the list and needs no `unsafe`: take it off"
            )),
            None => Some(format!(
                "  {file} is on the list and does not exist: take it off"
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
