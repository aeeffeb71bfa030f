//! The plan of a batch: from inputs and settings to jobs.

use std::path::Path;

use reunite_base::machine::{cores, half_of_free_memory};
use reunite_images::batch::{Job, Ledger, Options, find, sweep};

use super::listing::{Entry, Listing, What};
use super::request::BatchRequest;
use crate::messages::system;

/// A batch that is ready to run.
pub(super) struct Plan {
    pub(super) jobs: Vec<Job>,
    pub(super) options: Options,
    pub(super) ledger: Ledger,
}

/// Finds the pictures. Changes nothing on disk.
///
/// # Errors
/// The output folder cannot be used; the message is for the user.
pub(crate) fn plan(request: &BatchRequest) -> Result<Listing, String> {
    Ok(find_pictures(request)?.0)
}

/// Does what [`plan`] does, then creates the output folder and records the results that are about to be written.
pub(super) fn begin(request: &BatchRequest) -> Result<(Listing, Plan), String> {
    let out = &request.settings.out;
    let (listing, mut plan) = find_pictures(request)?;
    let cannot = |error: std::io::Error| {
        format!(
            "Nothing can be written into {}: {}. Choose another output folder.",
            out.display(),
            system(&error)
        )
    };
    if !plan.jobs.is_empty() {
        std::fs::create_dir_all(out).map_err(cannot)?;
        sweep(out);
        plan.ledger.begin(&plan.jobs).map_err(cannot)?;
    }
    Ok((listing, plan))
}

/// Finds the pictures and decides what to do with each.
fn find_pictures(request: &BatchRequest) -> Result<(Listing, Plan), String> {
    let settings = &request.settings;
    let (out, transform) = (&settings.out, settings.transform());
    check_output(out)?;
    let ledger = Ledger::open(out);
    let found = find(&request.inputs, out, settings.format, &ledger);
    let mut jobs = Vec::new();
    let mut entries = Vec::with_capacity(found.jobs.len());
    for job in found.jobs {
        let (input, output) = (job.input.clone(), Some(job.output.clone()));
        let what = if ledger.is_current(&job, &transform) {
            What::Current
        } else if !settings.replace && ledger.is_in_the_way(&job) {
            What::Failed(format!(
                "{} already exists and is not a known result of this picture. Move it \
                 away, choose another output folder, or switch on \u{201c}Replace\u{201d}.",
                job.output.display()
            ))
        } else if request
            .only
            .as_ref()
            .is_none_or(|only| only.contains(&input))
        {
            jobs.push(job);
            What::Todo(Some(jobs.len() - 1))
        } else {
            What::Todo(None)
        };
        entries.push(Entry {
            input,
            output,
            what,
        });
    }
    entries.extend(found.failed.into_iter().map(|failed| Entry {
        input: failed.path,
        output: None,
        what: What::Failed(sentence(&failed.reason)),
    }));
    let warning = ledger.unreadable().map(|why| {
        format!("The record of earlier results cannot be read, so they are made again: {why}")
    });
    let listing = Listing {
        entries,
        ignored: found.ignored,
        warning,
    };
    let options = Options {
        transform,
        threads: cores(),
        low_priority: true,
        memory: half_of_free_memory(),
        // The user sees which pictures take long, and can cancel them.
        item_timeout: None,
    };
    Ok((
        listing,
        Plan {
            jobs,
            options,
            ledger,
        },
    ))
}

/// Fails if `out` cannot be a folder.
fn check_output(out: &Path) -> Result<(), String> {
    if out.as_os_str().is_empty() {
        return Err("Choose an output folder.".to_owned());
    }
    // The folder, or its nearest parent that exists.
    let existing = out.ancestors().find(|path| path.symlink_metadata().is_ok());
    match existing.filter(|path| !path.is_dir()) {
        Some(file) => Err(format!(
            "The output folder {} cannot be created: {} is a file. Choose another one.",
            out.display(),
            file.display()
        )),
        None => Ok(()),
    }
}

/// Capitalises the text and adds a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}
