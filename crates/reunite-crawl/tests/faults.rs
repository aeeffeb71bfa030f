//! Faults of servers, disks and files.

mod common;

use std::time::{Duration, Instant};

use common::{Place, settings};
use loopback_site::{Reply, Request, Server, Step};
use reunite_crawl::store::Store;
use reunite_crawl::{CrawlEnd, CrawlError, Settings, crawl};

/// Starts a server whose `/` links to `/x`, and which answers all other requests with `answer`.
fn server(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(1, move |request| match request.path.as_str() {
        "/robots.txt" => Reply::status(404),
        "/" => Reply::html("<a href=/x>x</a>"),
        _ => answer(request),
    })
    .expect("a server")
}

fn quick(server: &Server) -> Settings {
    let mut settings = settings(&server.url("/"));
    settings.pace.retries = 1;
    settings
}

/// Crawls, checks that the crawl ends well, and returns the failure of `/x`.
fn failure(place: &Place, settings: &Settings) -> String {
    assert_eq!(place.crawl(settings).0, CrawlEnd::Done);
    assert_eq!(place.pages().len(), 2);
    let whole: i64 = place.one("SELECT count(*) FROM pages WHERE status = 200 AND failure IS NULL");
    assert_eq!(whole, 1);
    place.one("SELECT failure FROM pages JOIN urls USING (id) WHERE url LIKE '%/x'")
}

fn head(rest: &str) -> Step {
    Step::Send(format!("HTTP/1.1 200 OK\r\n{rest}\r\n\r\n").into_bytes())
}

#[test]
fn a_reset_in_the_middle_of_a_body_is_a_failure_after_the_retries() {
    let server = server(|_| {
        Reply::steps([
            head("Content-Length: 1000"),
            Step::Send(b"half".to_vec()),
            Step::Reset,
        ])
    });
    assert_eq!(failure(&Place::new(), &quick(&server)), "connection");
    assert_eq!(
        server.paths(0).iter().filter(|path| *path == "/x").count(),
        2
    );
}

#[test]
fn a_connection_that_ends_early_is_a_failure() {
    for length in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
        let server =
            server(move |_| Reply::steps([head(length), Step::Send(b"3e8\r\nhalf".to_vec())]));
        let failure = failure(&Place::new(), &quick(&server));
        assert!(
            ["connection", "protocol"].contains(&failure.as_str()),
            "{failure}"
        );
    }
}

#[test]
fn a_server_that_sends_slowly_for_ever_times_out() {
    let drip = |bytes: &[u8]| Step::Drip(bytes.to_vec(), Duration::from_millis(20));
    for steps in [
        vec![
            Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
            drip(b"x-y: z\r\n"),
        ],
        vec![Step::Send(b"HTTP/1.1 200 OK\r\nx: ".to_vec()), drip(b"y")],
        vec![head("Content-Length: 100000"), drip(b"x")],
        vec![Step::Hang],
    ] {
        let server = server(move |_| Reply::steps(steps.clone()));
        let mut settings = quick(&server);
        settings.agent.timeout = Duration::from_millis(400);
        settings.pace.retries = 0;
        let begun = Instant::now();
        let failure = failure(&Place::new(), &settings);
        assert!(
            ["timeout", "protocol"].contains(&failure.as_str()),
            "{failure}"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it drips on for ever"
        );
    }
}

#[test]
fn an_endless_body_is_too_large() {
    let server = server(|_| {
        Reply::steps([
            head("Content-Type: text/html"),
            Step::Drip(vec![b'x'; 65536], Duration::ZERO),
        ])
    });
    let mut settings = quick(&server);
    settings.agent.max_size = 1 << 20;
    assert_eq!(failure(&Place::new(), &settings), "too large");
    assert_eq!(
        server.paths(0).iter().filter(|path| *path == "/x").count(),
        1,
        "once is enough"
    );
}

#[test]
fn endless_headers_are_a_failure() {
    let server = server(|_| {
        Reply::steps([
            Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
            Step::Drip(b"a: b\r\n".repeat(1000), Duration::ZERO),
        ])
    });
    assert_eq!(failure(&Place::new(), &quick(&server)), "protocol");
}

#[test]
fn a_damaged_coding_is_a_failure() {
    for coding in ["gzip", "br", "zstd", "deflate", "no-such"] {
        let server =
            server(move |_| Reply::html("this is not packed").header("content-encoding", coding));
        assert_eq!(
            failure(&Place::new(), &quick(&server)),
            "coding",
            "{coding}"
        );
    }
}

#[test]
fn an_answer_that_is_not_http_is_a_failure() {
    let server = server(|_| Reply::steps([Step::Send(b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec())]));
    assert_eq!(failure(&Place::new(), &quick(&server)), "protocol");
}

#[test]
fn bytes_beyond_the_content_length_are_ignored() {
    let server = server(|_| {
        Reply::steps([
            head("Content-Length: 4\r\nContent-Type: text/plain"),
            Step::Send(b"this and more".to_vec()),
        ])
    });
    let place = Place::new();
    assert_eq!(place.crawl(&quick(&server)).0, CrawlEnd::Done);
    let sql = "SELECT size FROM bodies JOIN pages ON body = bodies.id WHERE media = 'text/plain'";
    let size: i64 = place.one(sql);
    assert_eq!(size, 4);
}

#[test]
fn transient_errors_are_retried_until_the_page_is_fetched() {
    let server = server(|request| {
        if request.before < 2 {
            Reply::status(500)
        } else {
            Reply::html("well again")
        }
    });
    let mut settings = quick(&server);
    settings.pace.retries = 3;
    let place = Place::new();
    assert_eq!(place.crawl(&settings).0, CrawlEnd::Done);
    let statuses: Vec<i64> = place.all("SELECT status FROM pages");
    assert_eq!(statuses, [200, 200]);
    assert_eq!(
        place.all::<i64>("SELECT tries FROM urls ORDER BY id"),
        [0, 2]
    );
}

#[test]
fn lasting_errors_are_stored_with_their_status() {
    let server = server(|_| Reply::html("<p>out of order").with_status(500));
    let place = Place::new();
    assert_eq!(place.crawl(&quick(&server)).0, CrawlEnd::Done);
    let row: (i64, Option<String>) = place
        .db()
        .query_row(
            "SELECT status, failure FROM pages WHERE status != 200",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("a row");
    assert_eq!(row, (500, None));
}

#[test]
fn unknown_host_names_are_failures() {
    let place = Place::new();
    let mut settings = settings("http://nowhere.invalid/");
    settings.pace.retries = 1;
    assert_eq!(place.crawl(&settings).0, CrawlEnd::Done);
    let message: String = place.one("SELECT message FROM pages");
    assert!(
        message.contains("nowhere.invalid is not known"),
        "{message}"
    );
}

#[test]
fn a_refused_connection_is_a_failure() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let place = Place::new();
    let mut settings = settings(&format!("http://127.0.0.1:{port}/"));
    settings.follow.forbidden = true;
    settings.pace.retries = 1;
    assert_eq!(place.crawl(&settings).0, CrawlEnd::Done);
    assert_eq!(
        place.one::<String>("SELECT failure FROM pages"),
        "connection"
    );
}

#[test]
fn redirect_loops_are_found_and_each_step_is_requested_once() {
    let server = server(|request| match request.path.as_str() {
        "/x" => Reply::redirect(302, "/y"),
        "/y" => Reply::redirect(301, "/z"),
        "/z" => Reply::redirect(307, "/x"),
        _ => Reply::status(404),
    });
    let place = Place::new();
    assert_eq!(place.crawl(&quick(&server)).0, CrawlEnd::Done);
    let failures: Vec<String> = place.all("SELECT message FROM pages WHERE failure = 'redirects'");
    assert_eq!(failures, ["a loop of 3 redirects"; 3]);
    assert_eq!(server.seen().len(), 5);
}

#[test]
fn endless_redirects_are_a_failure() {
    let server = server(|request| {
        let step: u32 = request.path.trim_start_matches("/x").parse().unwrap_or(0);
        Reply::redirect(302, &format!("/x{}", step + 1))
    });
    for (most, failure) in [
        (5, "more than 5 redirects in a row"),
        (1, "more than 1 redirect in a row"),
    ] {
        let place = Place::new();
        let mut settings = quick(&server);
        settings.follow.max_redirects = most;
        assert_eq!(place.crawl(&settings).0, CrawlEnd::Done);
        let message: String = place.one("SELECT message FROM pages WHERE failure IS NOT NULL");
        assert_eq!(message, failure);
        assert_eq!(place.pages().len(), most as usize + 2);
    }
}

#[test]
fn redirects_to_other_hosts_are_stored_and_not_followed() {
    let other = Server::start(2, |_| Reply::html("never")).expect("a server");
    let there = format!("http://{}/", other.address(1));
    let target = there.clone();
    let server = server(move |_| Reply::redirect(301, &target));
    let place = Place::new();
    assert_eq!(place.crawl(&quick(&server)).0, CrawlEnd::Done);
    assert_eq!(other.seen().len(), 0);
    let noted: String = place.one(
        "SELECT url FROM urls WHERE id = (SELECT redirect FROM pages WHERE redirect IS NOT NULL)",
    );
    assert_eq!(noted, there);
}

#[test]
fn a_full_disk_is_reported_and_stored_pages_are_intact() {
    let (site, _server) = common::site(400, 1, 5, (0, 2));
    let place = Place::new();
    {
        let mut few = settings(&site.root());
        few.limits.pages = 60;
        place.crawl(&few);
    }
    // SQLite reports a file that may not grow like a full disk.
    let pages: i64 = place.one("PRAGMA page_count");
    let mut store = Store::open(&place.file()).expect("a store");
    store.set_largest(pages + 40).expect("a limit");
    let error = crawl(&mut store, &settings(&site.root()), &mut |_| {}).expect_err("no room");
    drop(store);
    assert!(
        matches!(&error, CrawlError::Store(error) if error.is_full()),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("Free some space and run the same command again")
    );
    assert_eq!(place.one::<String>("PRAGMA integrity_check"), "ok");
    let there = place.pages().len();
    assert!((60..400).contains(&there), "{there}");

    assert_eq!(place.crawl(&settings(&site.root())).0, CrawlEnd::Done);
    common::assert_complete(&site, &common::contents(&place.db()));
}

#[test]
fn a_store_that_is_open_elsewhere_is_refused() {
    let place = Place::new();
    let _first = Store::open(&place.file()).expect("a store");
    let error = Store::open(&place.file()).expect_err("it is open");
    assert!(error.is_busy(), "{error}");
    assert!(error.to_string().contains("another process"));
}

/// Returns all files of the directory with their bytes, except empty ones: SQLite may leave an empty journal.
fn snapshot(place: &Place) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(place.0.path())
        .expect("a folder")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).expect("a file"))
        })
        .collect();
    files.retain(|(_, bytes)| !bytes.is_empty());
    files.sort();
    files
}

#[test]
fn a_damaged_store_is_reported_and_left_unchanged() {
    let (site, _server) = common::site(200, 1, 6, (0, 0));
    for place_of_damage in [3, 7, 20] {
        let place = Place::new();
        place.crawl(&settings(&site.root()));
        let mut bytes = std::fs::read(place.file()).expect("a file");
        let from = place_of_damage * 4096;
        bytes[from..from + 2048].fill(0x5a);
        std::fs::write(place.file(), &bytes).expect("a file");
        let before = snapshot(&place);
        let error = Store::open(&place.file()).expect_err("it is damaged");
        assert!(error.is_damaged(), "{error}");
        assert!(error.to_string().contains("left unchanged"), "{error}");
        assert_eq!(snapshot(&place), before);
    }
}

#[test]
fn a_file_that_is_not_a_store_is_left_unchanged() {
    let place = Place::new();
    rusqlite::Connection::open(place.file())
        .expect("a database")
        .execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)")
        .expect("a table");
    let before = snapshot(&place);
    let error = Store::open(&place.file()).expect_err("not a store");
    assert!(
        error.is_damaged() && error.to_string().contains("not a store of a crawl"),
        "{error}"
    );
    assert_eq!(snapshot(&place), before);
}

#[test]
fn many_concurrent_large_pages_fit_into_memory() {
    let server = Server::start(1, |request| match request.path.as_str() {
        "/robots.txt" => Reply::status(404),
        "/" => Reply::html(
            (0..24)
                .map(|n| format!("<a href=/{n}>x</a>"))
                .collect::<String>(),
        ),
        path => Reply::bytes("text/plain", path.repeat(2 << 20)),
    })
    .expect("a server");
    let place = Place::new();
    assert_eq!(place.crawl(&settings(&server.url("/"))).0, CrawlEnd::Done);
    assert_eq!(
        place.one::<i64>("SELECT count(*) FROM pages WHERE failure IS NULL"),
        25
    );
}
