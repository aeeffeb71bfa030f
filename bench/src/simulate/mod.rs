//! The pool on machines that are not available: its protocol as a discrete-event model, for 1 to 128 workers.
//!
//! # What is modelled
//! Workers go through the states of the library's protocol one step at a time. A step happens at one instant, and takes
//! as long as it costs. The files follow the library's: `compute` (`fork`, `this_thread`, `seat`), `search` (`member`,
//! `backlog`), `sleep` (`members`, `sleeper`), `join` (`member`, `wait`), `scope` (`scope_state`, `queue`,
//! `open_scopes`).
//!
//! 1. A thread's open forks form a private list. It reads its word when it makes a fork and when it ends one. If the
//!    word is raised, it lowers it, publishes the older half of its forks, eight at most, to its mailbox unless the
//!    mailbox has some, and wakes a sleeper if no thread searches and a place is free.
//! 2. A searching worker looks at the scopes and at all mailboxes, from the lowest seat on. It counts itself out before
//!    it takes from one, under its lock; it raises the word of a mailbox that it has emptied, and all words after every
//!    eighth round. After 48 rounds with growing pauses it rests: it joins the sleepers, counts itself out, raises all
//!    words, looks once more, and sleeps.
//! 3. The last searcher that finds something wakes another worker, if there is more.
//! 4. A joiner whose half was stolen helps with descendants of that half, for as many rounds. Then it publishes all its
//!    forks, gives up its place, and blocks until the thief wakes it. A spare is woken or started for it if there is
//!    work.
//! 5. A scope's tasks are in one queue under one lock. Batches double while they are short, and tasks that were taken
//!    and not begun can be taken by others.
//! 6. A lock is like std's: a thread that comes when it is free has it; a waiting thread spins for a while, then
//!    sleeps, and the thread that releases the lock pays for waking it.
//!
//! # What it costs
//! The times are in `costs`. `simulate calibrate` measures on this machine what can be measured on two cores: line
//! transfers within a complex, forks, hand-overs, wake-ups, starts, locks, pauses, spawns. Transfers across complexes
//! of eight cores, and across sockets, are published ones of the same family of processors: 107 ns and 197 ns between
//! cores of an EPYC 7R13 (<https://github.com/nviennot/core-to-core-latency>, "AMD EPYC 7R13", single and dual socket;
//! 23 ns within a complex, where 30 were measured here). A change of a line waits for other changes of that line; a
//! read of a line that another core has changed costs a transfer; four misses of a scan overlap. The parts of a program
//! compute for as long as it states.
//!
//! # What is not modelled
//! * Marks of the seats that have offers: looks go through all mailboxes, as at commit 4a0826f.
//! * Contention of reads: they do not delay each other, although a line's home serves them one after the other.
//! * Memory bandwidth, and cache misses of the computation: every core is as fast as any other.
//! * Shared cores: each worker has a core. In reality a joiner that comes back while all places are taken shares one.
//! * Deep idle states: an idle core takes as long to wake as here. On large machines some take ten times as long.
//! * Variable costs: publishing and taking a batch cost the same each time.
//!
//! The same arguments give the same result: one thread, no clock, and seeds for all random choices.

mod calibrate;
mod compute;
mod costs;
mod design;
mod join;
mod lines;
mod program;
mod real;
mod report;
mod run;
mod scope;
mod search;
mod shared;
mod sleep;
mod state;
mod sweep;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::time::Duration;

use reunite_base::units::counted;

use costs::{Costs, Topology};
use design::Design;
use real::Clock;
use sweep::Amount;

use crate::setting::Setting;
use crate::table::Table;

/// The time for which a program is run on this machine.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Compares the model with the pool on this machine, then draws the curves.
pub(crate) fn run(setting: &Setting) -> Result<(), Box<dyn Error>> {
    let costs = Costs::default();
    compare(&costs, setting)?;
    println!("\nspeed-up by the model, and the line that is used most");
    let points = sweep::sweep(&costs, report::print);
    let points = points.map_err(|stalled| format!("the model stalls at {} ps", stalled.at))?;
    report::write(&points, &setting.out)
}

/// Measures the costs of the model on this machine.
pub(crate) fn calibrate() {
    calibrate::run();
}

/// Compares small programs in the pool and in the model, with one and two workers.
fn compare(costs: &Costs, setting: &Setting) -> Result<(), Box<dyn Error>> {
    let clock = Clock::measure();
    let mut table = Table::new(setting);
    for program in sweep::programs(Amount::ForThisMachine) {
        let alone = clock.run(&program, None, PATIENCE);
        for workers in [1, 2] {
            let topology = Topology { workers, nodes: 1 };
            let model = run::run(&program, costs, Design::default(), topology, 1);
            let model = model.map_err(|stalled| format!("the model stalls: {stalled:?}"))?;
            let here = clock.run(&program, Some(workers), PATIENCE * 2);
            let (Some(alone), Some(real)) = (alone.least, here.least) else {
                println!(
                    "\n{}: other programs had the cores in all rounds",
                    program.name
                );
                continue;
            };
            let title = format!(
                "{}, {}: speed-up over one thread (best of {} rounds of {})",
                program.name,
                counted(workers, "worker"),
                here.counted,
                here.rounds
            );
            println!("\n{title}");
            let speed_ups = [
                ("the pool, here", alone as f64 / real as f64),
                ("the model", program.work().all as f64 / model.time as f64),
            ];
            let rows = speed_ups.map(|(name, speed_up)| (name, vec![speed_up]));
            table.add(&title, "×", rows.into_iter());
        }
    }
    table.write("simulate-here")
}
