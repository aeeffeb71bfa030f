//! The cost of being profiled, and how accurate the profiler is.

use std::time::{Duration, Instant};

use crate::rounds::Candidate;
use crate::setting::Setting;
use crate::table::Table;

pub(crate) fn run(setting: &Setting) -> Result<(), Box<dyn std::error::Error>> {
    let mut table = Table::new(setting);
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
    known(&mut table);
    table.write("profile")
}

/// Programs with known answers, on real clocks: the profiler's figure divided by the true one.
fn known(table: &mut Table) {
    const PART: Duration = Duration::from_millis(20);
    let chain = || {
        reunite::scope(|s| {
            busy(PART);
            s.spawn(|| busy(PART)).join().expect("it does not fail");
            busy(PART);
        });
    };
    let fan = || {
        reunite::scope(|s| {
            s.spawn(|| busy(PART));
            s.spawn(|| busy(PART * 2));
        });
    };
    let waits = || {
        reunite::scope(|s| {
            for _ in 0..8 {
                s.spawn(|| reunite::sleep(PART));
            }
        });
    };
    type Program = (&'static str, fn(), u32, u32);
    let programs: [Program; 3] = [
        ("a chain of three", chain, 3, 3),
        ("a fan of one and two", fan, 3, 2),
        ("eight that sleep", waits, 8, 1),
    ];
    for (name, program, work, span) in programs {
        let measured = move |of: fn(&reunite::profile::Profile) -> Duration, parts: u32| {
            let profiling = reunite::profile::start();
            program();
            of(&profiling.finish()).as_secs_f64() / (PART * parts).as_secs_f64()
        };
        let candidates: Vec<Candidate<'_>> = vec![
            (
                "work",
                Box::new(move || measured(|profile| profile.work, work)),
            ),
            (
                "span",
                Box::new(move || measured(|profile| profile.span, span)),
            ),
        ];
        let title = format!("{name}: what the profiler says over what is so");
        table.measure(&title, "", 11, candidates);
    }
}

fn busy(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}
