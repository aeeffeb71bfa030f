//! Four ways to do the same job.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use reunite_images::{Transform, transform};

use super::fetch::fetch;

/// Fetch so many photos, make them smaller, save them.
#[derive(Clone)]
pub(super) struct Job {
    server: SocketAddr,
    items: usize,
    out: PathBuf,
}

/// What a way knows at its end.
pub(super) struct Outcome {
    /// Whether it has the results in the order of the items.
    pub(super) in_order: bool,
    /// What failed, as far as it knows.
    pub(super) errors: Vec<String>,
}

pub(super) struct Way {
    pub(super) name: &'static str,
    /// Seconds in the essay's table.
    pub(super) essay: Option<f64>,
    pub(super) run: fn(&Job) -> Outcome,
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

/// How many photos are fetched at a time, where somebody decides.
const SIDE_BY_SIDE: usize = 16;

impl Job {
    pub(super) fn new(server: SocketAddr, items: u16, out: &Path) -> Self {
        Self {
            server,
            items: items.into(),
            out: out.to_owned(),
        }
    }

    fn one(&self, item: usize) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("photo {item}: {error}");
        reunite::checkpoint().map_err(|error| failed(&error))?;
        let photo =
            reunite::blocking(|| fetch(self.server, item)).map_err(|error| failed(&error))?;
        let small = transform(&photo, &Transform::default()).map_err(|error| failed(&error))?;
        let name = format!("{item:04}.{}", small.format.extension());
        std::fs::write(self.out.join(name), small.bytes).map_err(|error| failed(&error))
    }
}

fn one_after_another(job: &Job) -> Outcome {
    let failed = (0..job.items).filter_map(|item| job.one(item).err());
    // In a scope of its own, so that the profile sees it as the others.
    let errors = reunite::scope(|_| failed.collect());
    Outcome {
        in_order: true,
        errors,
    }
}

/// Fire and forget. That all are done is found out for the measurement only; what failed, nobody hears.
fn without_coordination(job: &Job) -> Outcome {
    let (done, all_done) = reunite::channel::bounded::<()>(1);
    for item in 0..job.items {
        if reunite::checkpoint().is_err() {
            break;
        }
        let (job, done) = (job.clone(), done.clone());
        reunite::spawn(move || {
            let _unseen = job.one(item);
            drop(done);
        })
        .detach();
    }
    drop(done);
    // Ends when the last sender is gone, or when all is to end.
    let _closed = all_done.recv();
    Outcome {
        in_order: false,
        errors: Vec::new(),
    }
}

/// Two threads at a time, each joined in the loop that started it.
fn joined_where_started(job: &Job) -> Outcome {
    let mut errors = Vec::new();
    reunite::scope(|s| {
        for item in (0..job.items).step_by(2) {
            let first = s.spawn(move || job.one(item));
            let second = (item + 1 < job.items).then(|| s.spawn(move || job.one(item + 1)));
            for task in [Some(first), second].into_iter().flatten() {
                match task.join() {
                    Ok(outcome) => errors.extend(outcome.err()),
                    Err(error) => errors.push(error.to_string()),
                }
            }
        }
    });
    Outcome {
        in_order: true,
        errors,
    }
}

fn with_reunite(job: &Job) -> Outcome {
    let errors = reunite::scope(|s| {
        let map = s
            .try_map(0..job.items, |item| job.one(item))
            .threads(SIDE_BY_SIDE);
        let failed = map.into_iter().filter_map(Result::err);
        failed.map(|error| error.to_string()).collect()
    });
    Outcome {
        in_order: true,
        errors,
    }
}
