//! The pool beside its peers.

mod computing;
mod forks;
mod maps;
mod scopes;
mod waiting;

use std::error::Error;
use std::path::Path;
use std::sync::mpsc;
use std::time::Instant;

use crate::table::Table;

type Part = (&'static str, fn(&mut Table));

pub(crate) fn run(only: Option<&str>, dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut table = Table::default();
    let parts: [Part; 5] = [
        ("forks", forks::run),
        ("computing", computing::run),
        ("scopes", scopes::run),
        ("maps", maps::run),
        ("waiting", waiting::run),
    ];
    for (name, part) in parts {
        if only.is_none_or(|only| only == name) {
            part(&mut table);
        }
    }
    table.write(dir, only.unwrap_or("pool"))
}

fn pool(threads: usize) -> reunite::Pool {
    let builder = reunite::Pool::builder().threads(threads);
    builder.build().expect("a pool of ours")
}

fn rayon(threads: usize) -> rayon::ThreadPool {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
    builder.build().expect("a pool of rayon's")
}

fn chili(threads: usize) -> chili::ThreadPool {
    chili::ThreadPool::with_config(chili::Config {
        thread_count: std::num::NonZero::new(threads),
        ..chili::Config::default()
    })
}

/// Runs `f` on a worker of `pool`, while the caller sleeps and takes no part.
fn on_worker<R: Send + 'static>(pool: &reunite::Pool, f: impl FnOnce() -> R + Send + 'static) -> R {
    let (tell, told) = mpsc::channel();
    pool.spawn(move || tell.send(f()).expect("somebody waits"))
        .detach();
    told.recv().expect("the task ran")
}

fn seconds(f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    start.elapsed().as_secs_f64()
}

/// Processor time of the whole process.
fn cpu() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 * 1e-9
}

fn cpu_seconds(f: impl FnOnce()) -> f64 {
    let start = cpu();
    f();
    cpu() - start
}

/// The end of a result that is made only to be made.
fn consume<T>(_: T) {}
