//! Four ways to do the same job.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use reunite_images::{Transform, transform};

use super::error::PhotoError;
use super::fetch::fetch;

/// The job: to fetch a number of photos, resize them, and save them.
#[derive(Clone)]
pub(super) struct PhotoJob {
    server: SocketAddr,
    items: usize,
    out: PathBuf,
}

/// The knowledge that a way has of its results when it ends.
pub(super) struct WayOutcome {
    /// True if the results are in the order of the items.
    pub(super) in_order: bool,
    /// The errors that the way knows of.
    pub(super) errors: Vec<String>,
}

/// A way to do the job.
pub(super) struct Way {
    pub(super) name: &'static str,
    /// Seconds in the essay's table, if the essay has this way.
    pub(super) essay: Option<f64>,
    pub(super) run: fn(&PhotoJob) -> WayOutcome,
}

pub(super) const WAYS: &[Way] = &[
    Way {
        name: "one after another",
        essay: Some(35.0),
        run: one_after_another,
    },
    Way {
        name: "threads, no coordination",
        essay: Some(15.0),
        run: without_coordination,
    },
    Way {
        name: "threads, joined where started",
        essay: Some(22.0),
        run: joined_where_started,
    },
    Way {
        name: "reunite::map",
        essay: None,
        run: with_reunite,
    },
];

/// The number of photos that the fourth way fetches at a time.
const CONCURRENCY: usize = 16;

impl PhotoJob {
    pub(super) fn new(server: SocketAddr, items: u16, out: &Path) -> Self {
        Self {
            server,
            items: items.into(),
            out: out.to_owned(),
        }
    }

    fn one(&self, item: usize) -> Result<(), PhotoError> {
        self.make(item).map_err(|cause| PhotoError { item, cause })
    }

    fn make(&self, item: usize) -> Result<(), Box<dyn Error + Send + Sync>> {
        reunite::checkpoint()?;
        let photo = reunite::blocking(|| fetch(self.server, item))?;
        let small = transform(&photo, &Transform::default())?;
        let name = format!("{item:04}.{}", small.format.extension());
        Ok(std::fs::write(self.out.join(name), small.bytes)?)
    }
}

fn one_after_another(job: &PhotoJob) -> WayOutcome {
    let failed = (0..job.items).filter_map(|item| job.one(item).err());
    let failed = failed.map(|error| error.to_string());
    // In a scope, so that it appears in the profile as the other ways do.
    let errors = reunite::scope(|_| failed.collect());
    WayOutcome {
        in_order: true,
        errors,
    }
}

/// Fire and forget. Only the measurement waits for the end; errors are lost.
fn without_coordination(job: &PhotoJob) -> WayOutcome {
    let (done, all_done) = reunite::channel::bounded::<()>(1);
    for item in 0..job.items {
        if reunite::checkpoint().is_err() {
            break;
        }
        let (job, done) = (job.clone(), done.clone());
        reunite::spawn(move || {
            let _lost = job.one(item);
            drop(done);
        })
        .detach();
    }
    drop(done);
    // Returns when the last sender is dropped, or when the run is cancelled.
    let _closed = all_done.recv();
    WayOutcome {
        in_order: false,
        errors: Vec::new(),
    }
}

/// Two threads at a time, each joined in the loop that started it.
fn joined_where_started(job: &PhotoJob) -> WayOutcome {
    let mut errors = Vec::new();
    reunite::scope(|s| {
        for item in (0..job.items).step_by(2) {
            let first = s.spawn(move || job.one(item));
            let second = (item + 1 < job.items).then(|| s.spawn(move || job.one(item + 1)));
            for task in [Some(first), second].into_iter().flatten() {
                match task.join() {
                    Ok(outcome) => errors.extend(outcome.err().map(|error| error.to_string())),
                    Err(error) => errors.push(error.to_string()),
                }
            }
        }
    });
    WayOutcome {
        in_order: true,
        errors,
    }
}

fn with_reunite(job: &PhotoJob) -> WayOutcome {
    let errors = reunite::scope(|s| {
        let map = s
            .try_map(0..job.items, |item| job.one(item))
            .threads(CONCURRENCY);
        let failed = map.into_iter().filter_map(Result::err);
        failed.map(|error| error.to_string()).collect()
    });
    WayOutcome {
        in_order: true,
        errors,
    }
}
