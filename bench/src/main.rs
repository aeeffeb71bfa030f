//! Measurements beside the peers: every candidate the same work, one sample of each in a round, in
//! rotating order; medians, ranges and ratios. The figures are this machine's, at this hour; only ratios
//! mean anything.
#![forbid(unsafe_code)]

mod busy;
mod channels;
mod crawl;
mod images;
mod latency;
mod pool;
mod profile;
mod rounds;
mod serve;
mod simulate;
mod sync;
mod table;

use std::error::Error;
use std::process::ExitCode;

use busy::Busy;

const USAGE: &str = "\
cargo run --release -p bench -- WHAT [--busy N] [--one-core]

  --busy N                while N other processes use the cores; results go into a folder `busy`
  --one-core              all threads, and the processes of --busy, on one core (Linux)

  latency                 spawns, messages and conditions from thread to thread, beside std, crossbeam and rayon
  pool [PART]             forks, computing, scopes, shapes, maps, waiting: beside plain recursion,
                          rayon, chili and others; writes target/bench/*.{csv,json,svg}, or into $BENCH_OUT
  sync                    locks and channels, beside std, parking_lot, crossbeam, kanal, flume
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
    let _others = Busy::start(count)?;
    let out = if count > 0 { out().join("busy") } else { out() };
    let on = if is_on_one_core { " on one core" } else { "" };
    match args
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["latency"] => latency::run(&out),
        [busy::COMMAND] => busy::use_a_core(),
        ["pool"] => pool::run(None, &out),
        ["pool", part] => pool::run(Some(part), &out),
        ["sync"] => sync::run(&out),
        ["channels"] => channels::run(&out, None, on),
        ["channels", capacity] => channels::run(&out, Some(number("CAPACITY", capacity)?), on),
        ["profile"] => profile::run(&out),
        ["crawl", program] => crawl::run(program.as_ref(), 2000),
        ["crawl", program, pages] => crawl::run(program.as_ref(), number("PAGES", pages)?),
        ["images", program, dir] => images::run(program.as_ref(), dir.as_ref()),
        ["simulate"] => simulate::run(&out),
        ["simulate", "calibrate"] => {
            simulate::calibrate();
            Ok(())
        }
        ["serve", program] => serve::run(program.as_ref(), &out),
        [] => Err(format!("WHAT is missing\n\n{USAGE}").into()),
        [what, ..] => Err(format!("`{what}` is not to be measured like that\n\n{USAGE}").into()),
    }
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
