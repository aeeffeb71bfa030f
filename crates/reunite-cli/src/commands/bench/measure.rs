//! Runs and times each way, round after round.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reunite::profile::{self, Profile};
use reunite_images::batch;

use super::error::BenchError;
use super::fetch::PhotoServer;
use super::ways::{PhotoJob, WAYS, WayOutcome};
use crate::args::Table;

/// The measurements of one way.
pub(super) struct Measured {
    pub(super) name: &'static str,
    /// Seconds in the essay's table, if the essay has this way.
    pub(super) essay: Option<f64>,
    pub(super) walls: Vec<Duration>,
    pub(super) outcome: WayOutcome,
    pub(super) profile: Profile,
}

pub(super) fn measure(args: &Table) -> Result<Vec<Measured>, BenchError> {
    let photos = photos(args)?;
    let server = PhotoServer::start(photos, args.pace).map_err(BenchError::Server)?;
    let out = tempfile::tempdir().map_err(BenchError::ResultsFolder)?;
    let job = PhotoJob::new(server.address(), args.items, out.path());
    let mut measured: Vec<Measured> = Vec::new();
    for round in 0..args.rounds {
        for step in 0..WAYS.len() {
            // Each round starts with another way, so that warm caches favour none.
            let way = &WAYS[(usize::from(round) + step) % WAYS.len()];
            let profiling = profile::start();
            let begin = Instant::now();
            let outcome = (way.run)(&job);
            let wall = begin.elapsed();
            reunite::checkpoint().map_err(BenchError::Cancelled)?;
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

/// Reads the photos for the server.
fn photos(args: &Table) -> Result<Vec<Vec<u8>>, BenchError> {
    let folder = args
        .photos
        .clone()
        .unwrap_or_else(|| PathBuf::from("samples/photos"));
    let nowhere = std::env::temp_dir().join("reunite-bench-table");
    let ledger = batch::Ledger::open(&nowhere);
    let found = batch::find(std::slice::from_ref(&folder), &nowhere, None, &ledger);
    let photos: Vec<_> = found.jobs.into_iter().map(|job| job.input).collect();
    if photos.is_empty() {
        return Err(BenchError::NoPhotos(folder));
    }
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|error| BenchError::ReadPhoto(path.clone(), error))
    };
    photos.iter().map(read).collect()
}
