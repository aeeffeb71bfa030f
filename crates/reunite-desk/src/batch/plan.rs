//! From files and folders to what is to be made.

use std::path::Path;

use reunite_base::machine::{cores, half_of_free_memory};
use reunite_images::batch::{Job, Ledger, Options, find, sweep};

use super::listing::{Entry, Listing, What};
use super::order::Order;
use crate::words::system;

/// What may run.
pub(super) struct Plan {
    pub(super) jobs: Vec<Job>,
    pub(super) options: Options,
    pub(super) ledger: Ledger,
}

/// Looks for the pictures. Nothing is changed on the disk.
///
/// # Errors
/// The output folder is none, in words for a person.
pub(crate) fn plan(order: &Order) -> Result<Listing, String> {
    Ok(looked_up(order)?.0)
}

/// [`plan`]; then makes the output folder and notes what is going to be written there.
pub(super) fn begin(order: &Order) -> Result<(Listing, Plan), String> {
    let out = &order.settings.out;
    let (listing, mut plan) = looked_up(order)?;
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

fn looked_up(order: &Order) -> Result<(Listing, Plan), String> {
    let settings = &order.settings;
    let (out, transform) = (&settings.out, settings.transform());
    is_folder(out)?;
    let ledger = Ledger::open(out);
    let found = find(&order.inputs, out, settings.format, &ledger);
    let mut jobs = Vec::new();
    let mut entries = Vec::with_capacity(found.jobs.len());
    for job in found.jobs {
        let (input, output) = (job.input.clone(), Some(job.output.clone()));
        let what = if ledger.is_current(&job, &transform) {
            What::Current
        } else if !settings.replace && ledger.is_in_the_way(&job) {
            What::Failed(format!(
                "{} is there already, and nothing says that it is this picture's result. Move it \
                 away, choose another output folder, or switch on \u{201c}Replace\u{201d}.",
                job.output.display()
            ))
        } else if order.only.as_ref().is_none_or(|only| only.contains(&input)) {
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
        format!("What was made earlier is not remembered any more, and is made again: {why}")
    });
    let listing = Listing {
        entries,
        ignored: found.ignored,
        warning,
    };
    let options = Options {
        transform,
        threads: cores(),
        polite: true,
        memory: half_of_free_memory(),
        // A person sees what lasts, and can cancel it.
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

fn is_folder(out: &Path) -> Result<(), String> {
    if out.as_os_str().is_empty() {
        return Err("Choose an output folder.".to_owned());
    }
    // The folder, or what it would be made in.
    let there = out.ancestors().find(|path| path.symlink_metadata().is_ok());
    match there.filter(|path| !path.is_dir()) {
        Some(file) => Err(format!(
            "The output folder {} cannot be there: {} is a file. Choose another one.",
            out.display(),
            file.display()
        )),
        None => Ok(()),
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}
