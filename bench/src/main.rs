//! Measurements beside the peers: every candidate the same work, one sample of each in a round, in
//! rotating order; medians, ranges and ratios. The figures are this machine's, at this hour; only ratios
//! mean anything.
#![forbid(unsafe_code)]

mod allocations;
mod busy;
mod channels;
mod crawl;
mod images;
mod latency;
mod pool;
mod profile;
mod rounds;
mod serve;
mod setting;
mod simulate;
mod summary;
mod sync;
mod table;

use std::error::Error;
use std::process::ExitCode;

use busy::Busy;
use setting::{Length, Load, Setting};
use table::Table;

const USAGE: &str = "\
cargo run --release -p bench -- WHAT [--busy N] [--one-core]

  --busy N                while N other processes use the cores; results go into a folder `busy`
  --one-core              all threads, and the processes of --busy, on one core (Linux)

  all                     latency, pool, sync and channels with a third of the rounds, one after the other, in some
                          ten minutes; all rows once more at the end, with minima, medians and ratios; writes
                          target/bench/*.{csv,json,svg} and summary.md, which holds the rows against
                          what was aimed at, or into $BENCH_OUT
  latency                 spawns, messages and conditions from thread to thread, beside std, crossbeam and rayon
  pool [PART]             forks, computing, scopes, shapes, maps, waiting: beside plain recursion,
                          rayon, chili and others; writes target/bench/*.{csv,json,svg}, or into $BENCH_OUT
  sync                    locks, permits and timeouts, beside std, parking_lot, tokio, crossbeam
  channels [CAPACITY]     channels of all capacities, or one, between one thread and one, two and two, four
                          and one, one and four, beside std, crossbeam, kanal, flume
  profile                 what being profiled costs
  crawl PROGRAM [PAGES]   `PROGRAM crawl` of a site on loopback addresses, beside wget2 and wget -r where
                          they are installed; with delays; with a million addresses queued
  images PROGRAM DIR      `PROGRAM images` on the JPEGs in DIR, beside vipsthumbnail, mogrify and
                          Pillow where they are installed
  serve PROGRAM           `PROGRAM serve` on loopback addresses, beside nginx and miniserve where they
                          are installed, asked by wrk; writes target/bench/serve.*, or into $BENCH_OUT
  simulate [calibrate]    a model of the pool with 1 to 128 workers, and small programs beside it; writes
                          target/bench/simulate.*, or into $BENCH_OUT; calibrate: what its steps cost here
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: Vec<String>) -> Result<(), Box<dyn Error>> {
    let is_on_one_core = on_one_core(&mut args)?;
    let count = busy_processes(&mut args)?;
    let mut setting = Setting {
        out: if count > 0 { out().join("busy") } else { out() },
        load: Load::now(count),
        length: Length::Full,
        on: if is_on_one_core { " on one core" } else { "" },
    };
    let _others = Busy::start(count)?;
    match args
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["all"] => {
            setting.length = Length::Short;
            all(&setting)
        }
        ["latency"] => latency::run(&setting).map(drop),
        [busy::COMMAND] => busy::use_a_core(),
        [allocations::COMMAND, home, count] => {
            allocations::spawn_and_join(home, number("COUNT", count)?)
        }
        ["pool"] => pool::run(None, &setting).map(drop),
        ["pool", part] => pool::run(Some(part), &setting).map(drop),
        ["sync"] => sync::run(&setting).map(drop),
        ["channels"] => channels::run(&setting, None).map(drop),
        ["channels", capacity] => match number("CAPACITY", capacity)? {
            capacity @ 0..=1_000_000 => channels::run(&setting, Some(capacity)).map(drop),
            capacity => Err(format!("CAPACITY must be at most 1000000, and is {capacity}").into()),
        },
        ["profile"] => profile::run(&setting),
        ["crawl", program] => crawl::run(program.as_ref(), 2000),
        ["crawl", program, pages] => crawl::run(program.as_ref(), number("PAGES", pages)?),
        ["images", program, dir] => images::run(program.as_ref(), dir.as_ref()),
        ["simulate"] => simulate::run(&setting),
        ["simulate", "calibrate"] => {
            simulate::calibrate();
            Ok(())
        }
        ["serve", program] => serve::run(program.as_ref(), &setting),
        [] => Err(format!("WHAT is missing\n\n{USAGE}").into()),
        [what, ..] => Err(format!("`{what}` is not to be measured like that\n\n{USAGE}").into()),
    }
}

/// Everything that is measured in one program, with fewer rounds.
fn all(setting: &Setting) -> Result<(), Box<dyn Error>> {
    let Load { busy, average } = setting.load;
    let average = average.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
    let minutes = if busy > 0 { 20 } else { 10 };
    println!("some {minutes} minutes; load average {average}, beside {busy} busy processes");
    let mut table = Table::new(setting);
    table.append(latency::run(setting)?);
    table.append(pool::run(None, setting)?);
    table.append(sync::run(setting)?);
    table.append(channels::run(setting, None)?);
    table.print();
    table.write("all")?;
    let path = setting.out.join("summary.md");
    std::fs::write(&path, summary::page(&table)?)?;
    println!("what was aimed at: {}", path.display());
    Ok(())
}

fn number(what: &str, text: &str) -> Result<usize, String> {
    let number = text.parse();
    number.map_err(|_| format!("{what} must be a whole number, and is `{text}`"))
}

/// Takes `--one-core` out of the arguments, and obeys it: before there are other threads or processes, which inherit it.
fn on_one_core(args: &mut Vec<String>) -> Result<bool, Box<dyn Error>> {
    let Some(at) = args.iter().position(|arg| arg == "--one-core") else {
        return Ok(false);
    };
    args.remove(at);
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

        let all = sched_getaffinity(None)?;
        let first = (0..CpuSet::MAX_CPU).find(|core| all.is_set(*core));
        let mut one = CpuSet::new();
        one.set(first.ok_or("no core to run on")?);
        sched_setaffinity(None, &one)?;
        Ok(true)
    }
    #[cfg(not(target_os = "linux"))]
    Err("--one-core needs Linux".into())
}

/// Takes `--busy N` out of the arguments.
fn busy_processes(args: &mut Vec<String>) -> Result<usize, Box<dyn Error>> {
    let Some(at) = args.iter().position(|arg| arg == "--busy") else {
        return Ok(0);
    };
    let count = args
        .get(at + 1)
        .ok_or("--busy needs a number of processes")?;
    let count = number("--busy", count)?;
    args.drain(at..at + 2);
    Ok(count)
}

/// Where results are written.
fn out() -> std::path::PathBuf {
    std::env::var_os("BENCH_OUT").map_or_else(|| "target/bench".into(), Into::into)
}
