//! `reunite crawl` as a user runs it, on loopback servers.

mod harness;

use std::ffi::OsStr;
use std::process::Child;
use std::time::{Duration, Instant};

use harness::{Place, Ran};
use loopback_site::{Reply, Server, Step};

fn crawl(place: &Place, url: &str, more: &[&str]) -> Ran {
    place.run(
        &args(url, more)
            .iter()
            .map(|arg| arg as _)
            .collect::<Vec<_>>(),
    )
}

fn start(place: &Place, url: &str, more: &[&str]) -> Child {
    place.start(
        &args(url, more)
            .iter()
            .map(|arg| arg as _)
            .collect::<Vec<_>>(),
    )
}

fn args(url: &str, more: &[&str]) -> Vec<String> {
    let fixed = [
        "crawl",
        url,
        "--store",
        "site.db",
        "--delay",
        "0",
        "--no-sitemaps",
        "--retries",
        "0",
    ];
    fixed
        .iter()
        .chain(more)
        .map(|&arg| arg.to_owned())
        .collect()
}

/// Starts a site of three pages, one of which is missing.
fn three_pages() -> Server {
    Server::start(1, |request| match request.path.as_str() {
        "/" => Reply::html("<a href=/a>a</a><a href=/gone>b</a>"),
        "/a" => Reply::html("<title>A</title>"),
        _ => Reply::status(404),
    })
    .expect("a server")
}

#[test]
fn a_site_is_stored_and_summarised() {
    let (server, place) = (three_pages(), Place::new());
    let ran = crawl(&place, &server.url("/"), &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.starts_with("3 pages stored"), "{ran:?}");
    assert!(
        ran.stdout.contains("1 answered with status 400 or above"),
        "{ran:?}"
    );
    assert_eq!(ran.stderr, "");
    let db = rusqlite::Connection::open(place.path("site.db")).expect("a database");
    let title = "SELECT title FROM pages JOIN urls USING (id) WHERE url LIKE '%/a'";
    let title: String = db.query_row(title, [], |row| row.get(0)).expect("a page");
    assert_eq!(title, "A");
}

#[test]
fn a_store_that_cannot_be_opened_is_refused_with_the_reason() {
    let place = Place::new();
    std::fs::create_dir(place.path("emp")).expect("a folder");
    let url = "http://127.0.0.1:1/";
    let ran = place.run(&[&"crawl", &url, &"--store", &"emp"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(
        ran.stderr,
        "reunite: emp is a folder; name a file for --store\n"
    );
    let ran = place.run(&[&"crawl", &url, &"--store", &"no/dir/q.db"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(
        ran.stderr,
        "reunite: no such folder: no/dir; create it first\n"
    );
    let ran = place.run(&[&"crawl", &"report", &"emp"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(
        ran.stderr,
        "reunite: emp is a folder; name the store of a crawl\n"
    );
}

#[test]
fn a_second_run_has_nothing_to_do() {
    let (server, place) = (three_pages(), Place::new());
    crawl(&place, &server.url("/"), &[]);
    let before = server.seen().len();
    let ran = crawl(&place, &server.url("/"), &[]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stdout.starts_with("0 pages stored"), "{ran:?}");
    assert_eq!(server.seen().len(), before);
}

#[test]
fn events_are_json_lines() {
    let (server, place) = (three_pages(), Place::new());
    let ran = crawl(&place, &server.url("/"), &["--json"]);
    let pages: Vec<_> = ran
        .events()
        .into_iter()
        .filter(|event| event["event"] == "page")
        .collect();
    assert_eq!(pages.len(), 3);
    assert!(pages.iter().any(|page| page["status"] == 404));
    let summary = ran.summary();
    assert_eq!(
        (&summary["stored"], &summary["left"]),
        (&3.into(), &0.into())
    );
    assert!(
        ran.events()
            .iter()
            .any(|event| event["event"] == "progress")
    );
}

#[test]
fn a_page_that_cannot_be_fetched_is_stored_and_sets_the_exit_code() {
    let place = Place::new();
    let server = Server::start(1, |request| match request.path.as_str() {
        "/robots.txt" => Reply::status(404),
        _ => Reply::steps([Step::Reset]),
    })
    .expect("a server");
    let ran = crawl(&place, &server.url("/"), &[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("1 failed"), "{ran:?}");
    let db = rusqlite::Connection::open(place.path("site.db")).expect("a database");
    let failure: String = db
        .query_row("SELECT failure FROM pages", [], |row| row.get(0))
        .expect("a row");
    assert_eq!(failure, "connection");
}

#[test]
fn pages_beyond_a_limit_are_left_for_the_next_run() {
    let (server, place) = (three_pages(), Place::new());
    let ran = crawl(&place, &server.url("/"), &["--max-pages", "1"]);
    assert_eq!(ran.code, Some(0));
    assert!(
        ran.stdout.contains("2 left: raise --max-pages to continue"),
        "{ran:?}"
    );
    let ran = crawl(&place, &server.url("/"), &[]);
    assert!(ran.stdout.starts_with("2 pages stored"), "{ran:?}");
}

#[test]
fn other_settings_for_the_same_store_are_refused() {
    let (server, place) = (three_pages(), Place::new());
    crawl(&place, &server.url("/"), &[]);
    let ran = crawl(&place, &server.url("/"), &["--exclude", "x"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("other settings"), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    assert!(!ran.stderr.contains(['{', '"']), "{ran:?}");
}

#[test]
fn a_report_names_the_option_that_avoids_a_failure() {
    let place = Place::new();
    let server = Server::start(1, |request| match request.path.as_str() {
        "/" => Reply::html("x".repeat(5000)),
        _ => Reply::status(404),
    })
    .expect("a server");
    let ran = crawl(&place, &server.url("/"), &["--max-size", "1K", "--check"]);
    let expected = "larger than the limit of 1 KiB; raise the limit with --max-size";
    assert!(ran.stdout.contains(expected), "{ran:?}");
    for format in ["text", "html", "junit"] {
        let ran = place.run(&[&"crawl", &"report", &"site.db", &"--format", &format]);
        assert!(ran.stdout.contains(expected), "{ran:?}");
    }
}

/// The stacks are so large that the address space has room for a few threads only.
#[cfg(target_os = "linux")]
#[test]
fn too_few_threads_are_told_once_at_first_and_once_at_the_end() {
    let place = Place::new();
    let links: String = (0..40)
        .map(|page| format!("<a href=/{page}>a</a>"))
        .collect();
    let server = Server::start(1, move |request| match request.path.as_str() {
        "/" => Reply::html(links.clone()),
        "/robots.txt" => Reply::status(404),
        _ => Reply::html("").after(Duration::from_millis(300)),
    })
    .expect("a server");
    let (program, url) = (env!("CARGO_BIN_EXE_reunite"), server.url("/"));
    let script = format!(
        "ulimit -v 3000000; exec {program} crawl {url} --store s.db --delay 0 --per-host 40 -j 40 --no-sitemaps"
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .env("RUST_MIN_STACK", (256 << 20).to_string())
        .current_dir(place.path(""))
        .output();
    let ran: Ran = output.expect("it runs").into();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.starts_with("41 pages stored"), "{ran:?}");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{ran:?}");
    assert!(
        lines[0].starts_with("reunite: cannot start more threads ("),
        "{ran:?}"
    );
    assert!(
        lines[1].starts_with("reunite: the system had no more than "),
        "{ran:?}"
    );
}

#[test]
fn invalid_arguments_are_refused_before_a_file_is_created() {
    let place = Place::new();
    for more in [&["--include", "("][..], &["--host", "a/b"]] {
        let ran = crawl(&place, "http://127.0.0.1:9/", more);
        assert_eq!(ran.code, Some(2), "{ran:?}");
    }
    let ran = crawl(&place, "ftp://127.0.0.1/", &[]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("cannot crawl"), "{ran:?}");
    assert!(!place.path("site.db").exists());
    let ran = place.run(&[&"crawl" as &dyn AsRef<OsStr>, &"http://127.0.0.1:9/"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--store"));
}

#[test]
fn a_file_that_is_not_a_store_is_left_unchanged() {
    let (server, place) = (three_pages(), Place::new());
    let text = "my only copy of a novel ".repeat(100);
    place.write("site.db", &text);
    let ran = crawl(&place, &server.url("/"), &[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("left unchanged"), "{ran:?}");
    assert_eq!(
        std::fs::read_to_string(place.path("site.db")).expect("it"),
        text
    );
}

#[test]
fn the_time_limit_has_its_own_exit_code() {
    let place = Place::new();
    let server = Server::start(1, |request| match request.path.as_str() {
        "/" => Reply::html("<a href=/slow>"),
        "/robots.txt" => Reply::status(404),
        _ => Reply::steps([Step::Hang]),
    })
    .expect("a server");
    let begun = Instant::now();
    let ran = crawl(
        &place,
        &server.url("/"),
        &["--timeout", "500ms", "--drain", "100ms"],
    );
    assert_eq!(ran.code, Some(124), "{ran:?}");
    assert!(ran.stdout.contains("1 left"), "{ran:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

/// Sends the signal of Ctrl-C.
#[cfg(unix)]
fn interrupt(child: &Child) {
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(sent.expect("kill").success());
}

#[cfg(unix)]
#[test]
fn ctrl_c_stores_pages_that_arrive_in_time_and_leaves_the_rest() {
    let place = Place::new();
    let server = Server::start(1, |request| match request.path.as_str() {
        "/" => Reply::html("<a href=/soon>a</a><a href=/never>b</a>"),
        "/robots.txt" => Reply::status(404),
        "/soon" => Reply::html("in time").after(Duration::from_millis(100)),
        _ => Reply::steps([Step::Hang]),
    })
    .expect("a server");
    let child = start(&place, &server.url("/"), &["--drain", "5s", "--json"]);
    server.wait_for(4);
    interrupt(&child);
    let ran: Ran = child.wait_with_output().expect("its end").into();
    assert_eq!(ran.code, Some(130), "{ran:?}");
    let summary = ran.summary();
    assert_eq!(
        (&summary["stored"], &summary["left"]),
        (&2.into(), &1.into()),
        "{ran:?}"
    );
    assert_eq!(summary["interrupted"], true);
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_ends_the_crawl_at_once_and_the_store_is_intact() {
    let place = Place::new();
    let server = Server::start(1, |request| match request.path.as_str() {
        "/" => Reply::html("<a href=/never>b</a>"),
        "/robots.txt" => Reply::status(404),
        _ => Reply::steps([Step::Hang]),
    })
    .expect("a server");
    let mut child = start(&place, &server.url("/"), &["--drain", "10m"]);
    server.wait_for(3);
    interrupt(&child);
    harness::until("it has ended", || {
        interrupt(&child);
        child.try_wait().expect("a child").is_some()
    });
    let ran: Ran = child.wait_with_output().expect("its end").into();
    assert_eq!(ran.code, Some(130), "{ran:?}");
    let db = rusqlite::Connection::open(place.path("site.db")).expect("a database");
    let check: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a check");
    assert_eq!(check, "ok");
}

#[test]
fn two_crawls_cannot_share_a_store() {
    let place = Place::new();
    let server = Server::start(1, |request| match request.path.as_str() {
        "/robots.txt" => Reply::status(404),
        _ => Reply::steps([Step::Hang]),
    })
    .expect("a server");
    let mut first = start(&place, &server.url("/"), &[]);
    server.wait_for(2);
    let ran = crawl(&place, &server.url("/"), &[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("another process"), "{ran:?}");
    first.kill().expect("a kill");
    first.wait().expect("its end");
}

#[test]
fn a_check_and_a_report_list_what_is_broken() {
    let (server, place) = (three_pages(), Place::new());
    let ran = crawl(
        &place,
        &server.url("/"),
        &["--check", "--warc", "site.warc.gz"],
    );
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stdout.contains("broken: 1") && ran.stdout.contains("/gone  status 404"),
        "{ran:?}"
    );
    assert!(place.path("site.warc.gz").exists());
    let report = |more: &[&str]| {
        let args: Vec<&str> = ["crawl", "report", "site.db"]
            .iter()
            .chain(more)
            .copied()
            .collect();
        place.run(&args.iter().map(|arg| arg as _).collect::<Vec<_>>())
    };
    let ran = report(&["--format", "json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["pages"], 3);
    let ran = report(&["--format", "html", "--out", "report.html"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    let html = std::fs::read_to_string(place.path("report.html")).expect("a page");
    assert!(html.contains("1 fault."));
    let ran = report(&["--out", "missing/report.txt"]);
    assert_eq!(ran.code, Some(2));
    let message = "cannot write the report to --out missing/report.txt: No such file";
    assert!(ran.stderr.contains(message), "{ran:?}");
    let ran = place.run(&[&"crawl" as &dyn AsRef<OsStr>, &"report", &"other.db"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("no such file"), "{ran:?}");
    assert!(!place.path("other.db").exists());
}

#[test]
fn a_user_agent_that_cannot_be_sent_is_refused() {
    let place = Place::new();
    for text in ["two\nlines", "\u{7f}"] {
        let ran = crawl(&place, "http://127.0.0.1:9/", &["--user-agent", text]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("use no line ends"), "{ran:?}");
        assert!(!place.path("site.db").exists());
    }
}

#[test]
fn a_site_without_faults_passes_the_check() {
    let place = Place::new();
    let server = Server::start(1, |request| match request.path.as_str() {
        "/robots.txt" => Reply::status(404),
        "/" => Reply::html("<a href='#x'>x</a><p id=x>"),
        _ => Reply::status(500),
    })
    .expect("a server");
    let ran = crawl(&place, &server.url("/"), &["--check"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn the_json_summary_says_why_a_crawl_could_not_start() {
    let place = Place::new();
    place.write("site.db", "no store");
    let ran = crawl(&place, "http://127.0.0.1:9/", &["--json"]);
    assert_eq!(ran.code, Some(2));
    let error = ran.summary()["error"]
        .as_str()
        .expect("an error")
        .to_owned();
    assert!(error.contains("not a store of a crawl"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_sets_the_exit_code() {
    let (server, place) = (three_pages(), Place::new());
    crawl(&place, &server.url("/"), &["--max-pages", "1"]);
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let mut command = place.command(&[&"crawl" as &dyn AsRef<OsStr>, &"report", &"site.db"]);
    let ran: Ran = command.stdout(full).output().expect("it runs").into();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("standard output"), "{ran:?}");
}
