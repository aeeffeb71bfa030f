//! Whole programs that fetch the same site: wall time compared with what the latencies allow, processor time,
//! memory, the requests as the server recorded them, and whether every page was stored, complete and once.

mod stored;

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use loopback_site::{Kind, Plan, Reply, Server, Site};
use reunite_base::units::counted;

use crate::images::{Run, measure};
use crate::rounds::median;

const ROUNDS: usize = 3;
const CONNECTIONS: usize = 16;
const SEED: u64 = 42;
/// The largest number of pages for programs that fetch one page at a time.
const MOST_FOR_ONE: usize = 2000;
/// The store of `reunite crawl`, beside the files that the other programs write.
const STORE: &str = "site.db";

/// The range of the pages' response times, in milliseconds.
const LATENCY: (usize, usize) = (20, 200);

type Make = Box<dyn Fn(&Path, &str) -> Command>;

struct Peer {
    name: &'static str,
    connections: usize,
    rounds: usize,
    command: Make,
}

/// The server's account of a run.
struct Account {
    /// Pages that were never fetched: not requested, or not again after a transient error.
    missing: usize,
    /// Requests for pages beyond those that were needed.
    again: usize,
    /// Requests for anything that is not a page: robots.txt, and links that were misread.
    strange: usize,
    /// The largest number of simultaneous requests.
    most: usize,
    /// The number of pages whose entries in the store differ from the manifest, if there is a store.
    wrong: Option<usize>,
}

pub(crate) fn run(program: &Path, pages: usize) -> Result<(), Box<dyn Error>> {
    let is_asked = |peer: &Peer| {
        let is_short = peer.connections > 1 || pages <= MOST_FOR_ONE;
        if !is_short {
            println!("{}: left out because it would take too long", peer.name);
        }
        is_short && is_there(peer)
    };
    let peers: Vec<Peer> = peers(program).into_iter().filter(is_asked).collect();
    let mut runs: Vec<Vec<(Run, Account)>> = peers.iter().map(|_| Vec::new()).collect();
    let mut latency = Duration::ZERO;
    for round in 0..ROUNDS {
        for turn in 0..peers.len() {
            let at = (round + turn) % peers.len();
            if round >= peers[at].rounds {
                continue;
            }
            let (site, server) = serve(pages, 1)?;
            latency = site.total_latency();
            let folder = tempfile::tempdir()?;
            let run = measure((peers[at].command)(folder.path(), &site.root()))?;
            runs[at].push((run, account(&site, &server, folder.path())?));
        }
    }
    println!(
        "{} of {}–{} ms each, {:.0} s in all; medians of up to {ROUNDS} rounds",
        counted(pages, "page"),
        LATENCY.0,
        LATENCY.1,
        latency.as_secs_f64()
    );
    println!(
        "{:24} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>9} {:>12}",
        "",
        "wall s",
        "of ideal",
        "CPU s",
        "peak MB",
        "missing",
        "again",
        "strange",
        "at a time",
        "stored wrong"
    );
    for (peer, runs) in peers.iter().zip(&runs) {
        let middle =
            |of: fn(&Run) -> f64| median(&runs.iter().map(|(run, _)| of(run)).collect::<Vec<_>>());
        let ideal = latency.as_secs_f64() / peer.connections as f64;
        let worst = |of: fn(&Account) -> usize| {
            runs.iter()
                .map(|(_, account)| of(account))
                .max()
                .unwrap_or(0)
        };
        println!(
            "{:24} {:9.2} {:8.0}% {:9.2} {:9.0} {:8} {:8} {:8} {:9} {:>12}",
            peer.name,
            middle(|run| run.wall),
            100.0 * ideal / middle(|run| run.wall),
            middle(|run| run.cpu),
            middle(|run| run.peak) / 1024.0,
            worst(|account| account.missing),
            worst(|account| account.again),
            worst(|account| account.strange),
            worst(|account| account.most),
            runs.iter()
                .filter_map(|(_, account)| account.wrong)
                .max()
                .map_or_else(|| "–".to_owned(), |wrong| wrong.to_string()),
        );
    }
    polite(program)?;
    memory(program)
}

/// Serves a new site for each run, so that the transient errors occur in every run.
fn serve(pages: usize, hosts: usize) -> Result<(Arc<Site>, Server), Box<dyn Error>> {
    let slot: Arc<OnceLock<Arc<Site>>> = Arc::default();
    let of_server = Arc::clone(&slot);
    let server = Server::start(hosts, move |request| match of_server.get() {
        Some(site) => site.reply(request),
        None => Reply::status(503),
    })?;
    let origins = (0..hosts).map(|host| format!("http://{}", server.address(host)));
    let site = Arc::new(Site::new(Plan {
        pages,
        seed: SEED,
        origins: origins.collect(),
        latency: LATENCY,
        words: (300, 2000),
        faults: true,
        // wget2 1.99.1 does not decode character references, and would have less to do.
        queries: false,
    }));
    let site = Arc::clone(slot.get_or_init(|| site));
    Ok((site, server))
}

fn account(site: &Site, server: &Server, folder: &Path) -> rusqlite::Result<Account> {
    let mut asked: HashMap<usize, usize> = HashMap::new();
    let mut strange = 0;
    for seen in server.seen() {
        match site.number(&seen.request) {
            Some(number) => *asked.entry(number).or_default() += 1,
            None => strange += 1,
        }
    }
    let needed = |kind| match kind {
        Kind::Heals(times) => times + 1,
        _ => 1,
    };
    let pages: Vec<Kind> = site.manifest().map(|page| page.kind).collect();
    let store = folder.join(STORE);
    let wrong = store.exists().then(|| stored::wrong(&store, site));
    Ok(Account {
        wrong: wrong.transpose()?,
        missing: (0..pages.len())
            .filter(|number| asked.get(number).copied().unwrap_or(0) < needed(pages[*number]))
            .count(),
        again: asked
            .iter()
            .map(|(&number, &count)| count.saturating_sub(needed(pages[number])))
            .sum(),
        strange,
        most: server.most_at_a_time(),
    })
}

fn ours(program: &Path, more: &'static [&'static str]) -> Make {
    let program = program.to_owned();
    Box::new(move |folder, root| {
        let mut command = Command::new(&program);
        command.args(["crawl", root, "--quiet", "--no-sitemaps", "--store"]);
        command.arg(folder.join(STORE)).args(more);
        command
    })
}

fn peers(program: &Path) -> Vec<Peer> {
    let wget = |name: &'static str, more: &'static [&'static str]| -> Make {
        Box::new(move |folder, root| {
            let mut command = Command::new(name);
            command.args([
                "--recursive",
                "--level=0",
                "--quiet",
                "--tries=4",
                "--waitretry=0",
            ]);
            command.args(more).arg("-P").arg(folder).arg(root);
            command
        })
    };
    vec![
        Peer {
            name: "reunite, 16 at a time",
            connections: CONNECTIONS,
            rounds: ROUNDS,
            command: ours(
                program,
                &[
                    "--delay",
                    "0",
                    "--threads",
                    "16",
                    "--per-host",
                    "16",
                    "--ignore-robots",
                ],
            ),
        },
        Peer {
            name: "wget2, 16 at a time",
            connections: CONNECTIONS,
            rounds: ROUNDS,
            command: wget("wget2", &["--max-threads=16", "--robots=off"]),
        },
        // Its single round takes longer than all others together.
        Peer {
            name: "wget -r, 1 at a time",
            connections: 1,
            rounds: 1,
            command: wget("wget", &["-e", "robots=off", "--retry-on-http-error=500"]),
        },
    ]
}

fn is_there(peer: &Peer) -> bool {
    let command = (peer.command)(Path::new(""), "");
    let mut probe = Command::new(command.get_program());
    probe
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let there = probe.status().is_ok_and(|status| status.success());
    if !there {
        println!("{}: not installed", peer.name);
    }
    there
}

/// Crawls with delays: what the delays allow, and how much of that is reached.
fn polite(program: &Path) -> Result<(), Box<dyn Error>> {
    println!(
        "\nwith a delay between requests to one host; below 100 % of what the delay allows, time is lost"
    );
    for (hosts, pages, delay) in [(1, 400, 25), (50, 2000, 250)] {
        let (site, server) = serve(pages, hosts)?;
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command.args([
            "crawl",
            &site.root(),
            "--quiet",
            "--no-sitemaps",
            "--threads",
            "64",
        ]);
        command.args([
            "--per-host",
            "16",
            "--delay",
            &format!("{delay}ms"),
            "--store",
        ]);
        command.arg(folder.path().join(STORE));
        for host in 1..hosts {
            command.arg("--host").arg(server.address(host).to_string());
        }
        let run = measure(command)?;
        let allowed = allowed(&server, Duration::from_millis(delay)).as_secs_f64();
        let account = account(&site, &server, folder.path())?;
        println!(
            "{:>9}, {}, {delay} ms: {:.2} s, allowed {allowed:.2} s ({:.0}%), {} missing, {} again, \
             {} stored wrong",
            counted(hosts, "host"),
            counted(pages, "page"),
            run.wall,
            100.0 * allowed / run.wall,
            account.missing,
            account.again,
            account.wrong.unwrap_or(pages)
        );
    }
    Ok(())
}

/// Returns the time that a delay allows, from the first request to each host; before its first request a host was not
/// known.
fn allowed(server: &Server, delay: Duration) -> Duration {
    let seen = server.seen();
    let mut hosts: HashMap<usize, (Duration, u32)> = HashMap::new();
    for one in &seen {
        let since = one.at.saturating_duration_since(seen[0].at);
        hosts.entry(one.request.host).or_insert((since, 0)).1 += 1;
    }
    let ends = hosts
        .values()
        .map(|(first, count)| *first + delay * (count - 1));
    ends.max().unwrap_or_default()
}

/// A queue of a million addresses: 200 pages with 5,000 links each.
fn memory(program: &Path) -> Result<(), Box<dyn Error>> {
    println!("\nmemory while the queue grows");
    for hubs in [2usize, 20, 200] {
        let server = Server::start(1, move |request| {
            let mut page = String::new();
            match request.path.strip_prefix("/hub-") {
                Some(hub) => {
                    for link in 0..5000 {
                        let _into_memory =
                            write!(page, "<a href=/{hub}/some-page-{link}.html>x</a>");
                    }
                }
                None => {
                    for hub in 0..hubs {
                        let _into_memory = write!(page, "<a href=/hub-{hub}>x</a>");
                    }
                }
            }
            Reply::html(page)
        })?;
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command.args([
            "crawl",
            &server.url("/"),
            "--quiet",
            "--no-sitemaps",
            "--ignore-robots",
            "--delay",
            "0",
        ]);
        command.args(["--max-pages", &(hubs + 1).to_string(), "--store"]);
        command.arg(folder.path().join(STORE));
        let run = measure(command)?;
        println!(
            "{:9} queued: peak {:.0} MB, {:.1} s",
            hubs * 5000,
            run.peak / 1024.0,
            run.wall
        );
    }
    Ok(())
}
