//! Benchmarks against other libraries and programs. Every candidate does the same work; each round takes one sample of
//! each, in rotating order. Results are medians, ranges and ratios. The absolute figures depend on the machine and the
//! hour; only the ratios are meaningful.
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
mod selects;
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

  --busy N                measure while N other processes compute; results go
                          into the folder `busy`
  --one-core              run all threads, and the processes of --busy, on one
                          core (Linux)

Results are written to target/bench, or to $BENCH_OUT, as csv, json and svg.

  all                     latency, pool, sync and channels with a third of the
                          rounds, in some ten minutes; then all rows with
                          minima, medians and ratios, and summary.md, which
                          compares them with the goals
  latency                 spawns, messages and notifications between threads;
                          compared with std, crossbeam and rayon
  pool [PART]             forks, computing, scopes, shapes, maps, waiting;
                          compared with plain recursion, rayon, chili and others
  sync                    locks, permits and timeouts; compared with std,
                          parking_lot, tokio and crossbeam
  channels [CAPACITY]     channels of all capacities, or of one, with 1:1, 2:2,
                          4:1 and 1:4 threads; compared with std, crossbeam,
                          kanal and flume
  profile                 the cost and the accuracy of the profiler
  crawl PROGRAM [PAGES]   `PROGRAM crawl` of a site on loopback addresses, with
                          delays, and with a million queued addresses; compared
                          with wget2 and wget -r if they are installed
  images PROGRAM DIR      `PROGRAM images` on the JPEGs in DIR; compared with
                          vipsthumbnail, mogrify and Pillow if installed
  serve PROGRAM           `PROGRAM serve` on loopback addresses under wrk;
                          compared with nginx and miniserve if installed
  simulate [calibrate]    a model of the pool with 1 to 128 workers, compared
                          with small programs on this machine; with calibrate,
                          measures the costs of the model's steps
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
        [what, ..] => {
            Err(format!("cannot measure `{what}` with these arguments\n\n{USAGE}").into())
        }
    }
}

/// Runs everything that is measured within one program, with fewer rounds.
fn all(setting: &Setting) -> Result<(), Box<dyn Error>> {
    let Load { busy, average } = setting.load;
    let average = average.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
    let minutes = if busy > 0 { 20 } else { 10 };
    println!("about {minutes} minutes; load average {average}, with {busy} busy processes");
    let mut table = Table::new(setting);
    table.append(latency::run(setting)?);
    table.append(pool::run(None, setting)?);
    table.append(sync::run(setting)?);
    table.append(channels::run(setting, None)?);
    table.print();
    table.write("all")?;
    let path = setting.out.join("summary.md");
    std::fs::write(&path, summary::page(&table)?)?;
    println!("comparison with the goals: {}", path.display());
    Ok(())
}

fn number(what: &str, text: &str) -> Result<usize, String> {
    let number = text.parse();
    number.map_err(|_| format!("{what} must be a whole number, and is `{text}`"))
}

/// Takes `--one-core` out of the arguments and obeys it, before there are other threads or processes, which inherit it.
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

/// The folder for results.
fn out() -> std::path::PathBuf {
    std::env::var_os("BENCH_OUT").map_or_else(|| "target/bench".into(), Into::into)
}
