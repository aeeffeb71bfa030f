//! What being profiled costs.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::rounds::Candidate;
use crate::table::Table;

pub(crate) fn run(out: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut table = Table::default();
    let tasks = || {
        let start = Instant::now();
        let ended = reunite::ScopeBuilder::new().max_threads(2).scope(|s| {
            for _ in 0..5_000 {
                s.spawn(|| busy(Duration::from_micros(10)));
            }
        });
        ended.expect("nobody fails");
        start.elapsed().as_secs_f64() * 1e6 / 5_000.0
    };
    let candidates: Vec<Candidate<'_>> = vec![
        ("unwatched", Box::new(tasks)),
        (
            "profiled",
            Box::new(move || {
                let profiling = reunite::profile::start();
                let spent = tasks();
                drop(profiling);
                spent
            }),
        ),
    ];
    table.measure(
        "5,000 tasks of 10 µs on 2 threads: wall time of one",
        "µs",
        31,
        candidates,
    );
    table.write(out, "profile")
}

fn busy(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}
