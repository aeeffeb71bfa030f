//! The ways, each run and timed round after round.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reunite::profile::{self, Profile};
use reunite_images::batch;

use super::fetch::Server;
use super::ways::{Job, Outcome, WAYS};
use crate::args::Table;

/// One way, measured.
pub(super) struct Measured {
    pub(super) name: &'static str,
    /// Seconds in the essay's table, if it is in there.
    pub(super) essay: Option<f64>,
    pub(super) walls: Vec<Duration>,
    pub(super) outcome: Outcome,
    pub(super) profile: Profile,
}

pub(super) fn measure(args: &Table) -> Result<Vec<Measured>, String> {
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
