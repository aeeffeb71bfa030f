//! `reunite bench table`: the essay's experiment on this machine.
//!
//! Its table: a job takes 35 s one step after another, 15 s on threads without coordination, 22 s if every thread is
//! joined where it is started. Here the job is photos: fetched from a paced server on this machine, made smaller,
//! saved. The fourth way is ours: as fast as without coordination, in order, no error lost.

mod fetch;
mod report;
mod ways;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reunite::ScopeBuilder;
use reunite::profile::{self, Profile};
use reunite_images::batch;

use crate::args::Table;
use crate::complain::complain;
use crate::exit::Exit;
use crate::interrupt;
use fetch::Server;
use ways::{Job, Outcome, WAYS};

/// One way, measured.
struct Measured {
    name: &'static str,
    /// Seconds in the essay's table, if it is in there.
    essay: Option<f64>,
    walls: Vec<Duration>,
    outcome: Outcome,
    profile: Profile,
}

pub(crate) fn table(args: &Table) -> Exit {
    let ended = ScopeBuilder::new().name("bench").scope_ended(|scope| {
        interrupt::cancel_on_ctrl_c(scope.canceller());
        measure(args)
    });
    match ended.value {
        Some(Ok(measured)) => match report::tell(args, &measured) {
            Ok(()) => Exit::Done,
            Err(error) => {
                complain(&error);
                Exit::SomeFailed
            }
        },
        _ if interrupt::was_interrupted() => {
            complain("interrupted before all was measured");
            Exit::Interrupted
        }
        Some(Err(error)) => {
            complain(&error);
            Exit::CouldNotBegin
        }
        // Only an interruption leaves the body.
        None => Exit::CouldNotBegin,
    }
}

fn measure(args: &Table) -> Result<Vec<Measured>, String> {
    let photos = photos(args)?;
    let server = Server::start(photos, args.pace)
        .map_err(|error| format!("the server of photos: {error}"))?;
    let out = tempfile::tempdir().map_err(|error| format!("a folder for the results: {error}"))?;
    let job = Job::new(server.address(), args.items, out.path());
    let mut measured: Vec<Measured> = Vec::new();
    for round in 0..args.rounds {
        for turn in 0..WAYS.len() {
            // Beginning with another each time: what is warm is warm for all.
            let way = &WAYS[(usize::from(round) + turn) % WAYS.len()];
            let profiling = profile::start();
            let begin = Instant::now();
            let outcome = (way.run)(&job);
            let wall = begin.elapsed();
            reunite::checkpoint().map_err(|cancelled| cancelled.to_string())?;
            let profile = profiling.finish();
            match measured
                .iter_mut()
                .find(|measured| measured.name == way.name)
            {
                Some(known) => {
                    known.walls.push(wall);
                    known.profile = profile;
                }
                None => measured.push(Measured {
                    name: way.name,
                    essay: way.essay,
                    walls: vec![wall],
                    outcome,
                    profile,
                }),
            }
        }
    }
    measured.sort_by_key(|measured| WAYS.iter().position(|way| way.name == measured.name));
    Ok(measured)
}

/// What the server serves.
fn photos(args: &Table) -> Result<Vec<Vec<u8>>, String> {
    let folder = args
        .photos
        .clone()
        .unwrap_or_else(|| PathBuf::from("samples/photos"));
    let nowhere = std::env::temp_dir().join("reunite-bench-table");
    let ledger = batch::Ledger::open(&nowhere);
    let found = batch::find(std::slice::from_ref(&folder), &nowhere, None, &ledger);
    let photos: Vec<_> = found.jobs.into_iter().map(|job| job.input).collect();
    if photos.is_empty() {
        return Err(format!(
            "there are no photos in {}: name a folder with --photos",
            folder.display()
        ));
    }
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    photos.iter().map(read).collect()
}
