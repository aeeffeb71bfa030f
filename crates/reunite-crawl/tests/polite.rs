//! Politeness: which requests a host gets, and how often.

mod common;

use std::time::{Duration, Instant};

use common::{Place, settings};
use loopback_site::{Reply, Request, Server};
use reunite_crawl::{CrawlEnd, Limit, Settings};

/// Starts a site with this robots.txt, whose `/` links to `pages` pages.
fn site(robots: &'static str, pages: usize) -> Server {
    Server::start(1, move |request| match request.path.as_str() {
        "/robots.txt" => Reply::bytes("text/plain", robots),
        "/" => Reply::html(
            (0..pages)
                .map(|n| format!("<a href=/{n}>x</a>"))
                .collect::<String>(),
        ),
        _ => Reply::html("a page"),
    })
    .expect("a server")
}

fn of(server: &Server) -> Settings {
    settings(&server.url("/"))
}

/// Returns the times between requests, including those for robots.txt.
fn gaps(server: &Server) -> Vec<Duration> {
    let times: Vec<Instant> = server.seen().iter().map(|seen| seen.at).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn skipped(place: &Place, reason: &str) -> Vec<String> {
    place.all(&format!(
        "SELECT url FROM urls WHERE reason = '{reason}' ORDER BY url"
    ))
}

#[test]
fn pages_that_robots_txt_forbids_are_never_requested() {
    let server = site("User-agent: *\nDisallow: /1\nAllow: /12\n", 13);
    let place = Place::new();
    assert_eq!(place.crawl(&of(&server)).0, CrawlEnd::Done);
    let paths = server.paths(0);
    assert_eq!(paths[0], "/robots.txt", "before anything else");
    assert!(paths.contains(&"/12".to_owned()));
    assert!(
        !paths
            .iter()
            .any(|path| ["/1", "/10", "/11"].contains(&path.as_str()))
    );
    assert_eq!(skipped(&place, "robots").len(), 3);
}

#[test]
fn robots_txt_is_fetched_once_and_stored() {
    let server = site("User-agent: *\nDisallow: /3\n", 5);
    let place = Place::new();
    let mut settings = of(&server);
    settings.limits.pages = 2;
    place.crawl(&settings);
    settings.limits.pages = u64::MAX;
    place.crawl(&settings);
    assert_eq!(
        server
            .paths(0)
            .iter()
            .filter(|path| *path == "/robots.txt")
            .count(),
        1
    );
    assert!(!server.paths(0).contains(&"/3".to_owned()));
}

#[test]
fn a_host_whose_robots_txt_is_unavailable_gets_no_other_requests() {
    let server = Server::start(1, |request| match request.path.as_str() {
        "/robots.txt" => Reply::status(503),
        _ => Reply::html("never asked for"),
    })
    .expect("a server");
    let place = Place::new();
    let mut settings = of(&server);
    settings.pace.retries = 2;
    assert_eq!(place.crawl(&settings).0, CrawlEnd::Done);
    assert_eq!(server.paths(0), ["/robots.txt"; 3]);
    assert_eq!(place.one::<String>("SELECT failure FROM pages"), "robots");
}

#[test]
fn a_host_without_robots_txt_allows_all_pages() {
    for status in [400, 401, 403, 404, 410] {
        let server = Server::start(1, move |request| match request.path.as_str() {
            "/robots.txt" => {
                Reply::bytes("text/plain", "User-agent: *\nDisallow: /\n").with_status(status)
            }
            _ => Reply::html("a page"),
        })
        .expect("a server");
        let place = Place::new();
        place.crawl(&of(&server));
        assert_eq!(place.one::<i64>("SELECT status FROM pages"), 200);
    }
}

#[test]
fn redirects_of_robots_txt_are_followed_inside_the_scope_only() {
    let rules = "User-agent: *\nDisallow: /0\n";
    let other = Server::start(2, move |_| {
        Reply::bytes("text/plain", "User-agent: *\nDisallow: /\n")
    })
    .expect("a server");
    let away = format!("http://{}/robots.txt", other.address(1));
    for (target, forbidden) in [("/rules".to_owned(), 1), (away, 0)] {
        let server = Server::start(1, move |request| match request.path.as_str() {
            "/robots.txt" => Reply::redirect(301, &target),
            "/rules" => Reply::bytes("text/plain", rules),
            "/" => Reply::html("<a href=/0>x</a>"),
            _ => Reply::html("a page"),
        })
        .expect("a server");
        let place = Place::new();
        place.crawl(&of(&server));
        assert_eq!(skipped(&place, "robots").len(), forbidden);
    }
    assert_eq!(other.seen().len(), 0);
}

#[test]
fn nothing_is_sent_to_hosts_out_of_scope() {
    let other = Server::start(3, |_| Reply::html("never")).expect("a server");
    let (a, b) = (other.address(1), other.address(2));
    let server = Server::start(1, move |request| match request.path.as_str() {
        "/robots.txt" => Reply::bytes("text/plain", format!("Sitemap: http://{a}/sitemap.xml\n")),
        "/" => Reply::html(format!(
            "<base href='http://{b}/'><a href=x>x</a><img src=//{a}/i.png><link rel=canonical href=http://{a}/c>\
             <script src=http://{b}/s.js></script><meta http-equiv=refresh content='0;url=http://{a}/r'>\
             <iframe src=http://{b}/f></iframe><img srcset='http://{a}/1 1x, http://{b}/2 2x'>"
        ))
        .header("link", format!("<http://{a}/h>; rel=\"canonical\"")),
        _ => Reply::redirect(302, &format!("http://{a}/redirected")),
    })
    .expect("a server");
    let place = Place::new();
    let mut settings = of(&server);
    settings.follow.sitemaps = true;
    place.crawl(&settings);
    assert_eq!(other.seen().len(), 0, "{:?}", other.seen());
    assert_eq!(skipped(&place, "scope").len(), 9);
}

#[test]
fn parts_that_style_sheets_need_are_fetched() {
    for parts in [true, false] {
        let other = Server::start(3, |_| Reply::html("never")).expect("a server");
        let away = other.address(1);
        let server = Server::start(1, move |request| match request.path.as_str() {
            "/" => Reply::html(
                "<link rel=stylesheet href=/s/a.css><style>p{background:url(p.png)}</style>",
            ),
            "/s/a.css" => Reply::bytes(
                "text/css",
                format!("@import 'b.css'; i{{background:url(i.png),url(//{away}/x)}}"),
            ),
            "/s/b.css" => Reply::bytes("text/css", "b{background:url(i.png)}"),
            "/p.png" | "/s/i.png" => Reply::bytes("image/png", "p{background:url(no)}"),
            _ => Reply::status(404),
        })
        .expect("a server");
        let place = Place::new();
        let mut settings = of(&server);
        settings.follow.parts = parts;
        place.crawl(&settings);
        let mut asked: Vec<String> = server
            .seen()
            .into_iter()
            .map(|seen| seen.request.path)
            .collect();
        asked.sort_unstable();
        let expected: &[&str] = if parts {
            &[
                "/",
                "/p.png",
                "/robots.txt",
                "/s/a.css",
                "/s/b.css",
                "/s/i.png",
            ]
        } else {
            &["/", "/robots.txt"]
        };
        assert_eq!(asked, expected);
        assert_eq!(other.seen().len(), 0);
    }
}

#[test]
fn requests_to_a_host_are_a_delay_apart_with_any_number_of_threads() {
    let server = site("", 12);
    let mut settings = of(&server);
    settings.pace.delay = Duration::from_millis(40);
    let begun = Instant::now();
    Place::new().crawl(&settings);
    // Measured over the whole crawl, because the server may note a request long after it was sent.
    let whole = begun.elapsed();
    assert_eq!(server.seen().len(), 14);
    assert!(whole >= Duration::from_millis(40 * 13), "{whole:?}");
}

#[test]
fn the_crawl_delay_of_robots_txt_is_obeyed() {
    let server = site("User-agent: *\nCrawl-delay: 0.1\n", 4);
    let begun = Instant::now();
    Place::new().crawl(&of(&server));
    let whole = begun.elapsed();
    assert!(whole >= Duration::from_millis(4 * 100), "{whole:?}");
}

#[test]
fn concurrent_requests_to_a_host_are_limited() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let server = Server::start(1, |request: &Request| {
        MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(5));
        NOW.fetch_sub(1, Ordering::SeqCst);
        match request.path.as_str() {
            "/" => Reply::html(
                (0..60)
                    .map(|n| format!("<a href=/{n}>x</a>"))
                    .collect::<String>(),
            ),
            _ => Reply::html("a page"),
        }
    })
    .expect("a server");
    let mut settings = of(&server);
    settings.pace.per_host = 3;
    Place::new().crawl(&settings);
    assert_eq!(server.seen().len(), 62);
    assert_eq!(MOST.load(Ordering::SeqCst), 3);
}

#[test]
fn retry_after_is_obeyed_by_all_threads() {
    let server = Server::start(1, |request: &Request| match request.path.as_str() {
        "/robots.txt" => Reply::status(404),
        "/" => Reply::html(
            (0..6)
                .map(|n| format!("<a href=/{n}>x</a>"))
                .collect::<String>(),
        ),
        "/0" if request.before == 0 => Reply::status(429).header("retry-after", "1"),
        _ => Reply::html("a page").after(Duration::from_millis(30)),
    })
    .expect("a server");
    let place = Place::new();
    let mut settings = of(&server);
    settings.pace.per_host = 1;
    assert_eq!(place.crawl(&settings).0, CrawlEnd::Done);
    let paths = server.paths(0);
    let refused = paths
        .iter()
        .position(|path| path == "/0")
        .expect("it was asked for");
    assert!(gaps(&server)[refused] >= Duration::from_millis(990));
    assert_eq!(
        place.one::<i64>("SELECT count(*) FROM pages WHERE status = 200"),
        7
    );
}

#[test]
fn a_nofollow_link_is_skipped_unless_another_link_leads_to_the_page() {
    let server = Server::start(1, |request| match request.path.as_str() {
        "/" => Reply::html("<a rel=nofollow href=/no>x</a><a rel=nofollow href=/yes>x</a><a href=/yes>y</a><a href=/m>z</a>"),
        "/m" => Reply::html("<meta name=robots content=nofollow><a href=/from-m>x</a>"),
        "/yes" => Reply::html("<a href=/from-header>").header("x-robots-tag", "nofollow"),
        _ => Reply::status(404),
    })
    .expect("a server");
    let place = Place::new();
    place.crawl(&of(&server));
    let skipped = skipped(&place, "nofollow");
    assert_eq!(
        skipped,
        [
            server.url("/from-header"),
            server.url("/from-m"),
            server.url("/no")
        ]
    );
}

#[test]
fn sitemaps_lead_to_pages_that_no_link_leads_to() {
    let server = Server::start(1, |request| match request.path.as_str() {
        "/robots.txt" => Reply::bytes("text/plain", "Sitemap: /index.xml\n"),
        "/index.xml" => Reply::bytes(
            "text/xml",
            "<sitemapindex><sitemap><loc>/s.xml</loc></sitemap></sitemapindex>",
        ),
        "/s.xml" => Reply::bytes("text/xml", "<urlset><url><loc>/hidden</loc></url></urlset>"),
        _ => Reply::html("a page"),
    })
    .expect("a server");
    let place = Place::new();
    let mut settings = of(&server);
    settings.follow.sitemaps = true;
    place.crawl(&settings);
    assert!(place.pages().contains(&server.url("/hidden")));
}

#[test]
fn traps_yield_a_limited_number_of_pages() {
    // Every page links deeper into itself, to the next month, and to a copy of itself with a session.
    let server = Server::start(1, |request| {
        let month: u32 = request.path.rsplit_once("month=").and_then(|(_, n)| n.parse().ok()).unwrap_or(0);
        Reply::html(format!(
            "<a href=deeper/>x</a><a href='/calendar?month={}'>y</a><a href='/a?PHPSESSID={:032x}'>z</a>{}",
            month + 1, request.path.len() * 31, request.path
        ))
    })
    .expect("a server");
    let place = Place::new();
    let mut settings = of(&server);
    settings.follow.max_variants = 10;
    assert_eq!(place.crawl(&settings).0, CrawlEnd::Done);
    let pages = place.pages();
    assert!(pages.len() < 30, "{pages:?}");
    assert_eq!(skipped(&place, "variants").len(), 1);
    assert!(!skipped(&place, "trap").is_empty());
    assert_eq!(pages.iter().filter(|url| url.ends_with("/a")).count(), 1);
}

#[test]
fn the_depth_is_that_of_the_shortest_way() {
    // The long way answers first.
    let server = Server::start(1, |request| {
        let link = |to: &str| Reply::html(format!("<a href={to}>x</a>"));
        match request.path.as_str() {
            "/robots.txt" => Reply::status(404),
            "/" => Reply::html("<a href=/slow>x</a><a href=/1>y</a>"),
            "/1" => link("/2"),
            "/2" => link("/3"),
            "/3" => link("/goal"),
            "/slow" => link("/goal").after(Duration::from_millis(300)),
            "/goal" => link("/beyond"),
            "/beyond" => link("/too-far"),
            _ => Reply::html("a page"),
        }
    })
    .expect("a server");
    let place = Place::new();
    let mut settings = of(&server);
    settings.limits.depth = 4;
    place.crawl(&settings);
    let depth = |path: &str| -> i64 {
        place.one(&format!("SELECT depth FROM urls WHERE url LIKE '%{path}'"))
    };
    assert_eq!(
        (depth("/goal"), depth("/beyond"), depth("/too-far")),
        (2, 3, 4)
    );
    assert!(place.pages().contains(&server.url("/too-far")));
    assert!(skipped(&place, "depth").is_empty());
}

#[test]
fn cookies_are_kept_only_on_request() {
    for asked in [false, true] {
        let server = Server::start(1, |request| match request.path.as_str() {
            "/" => Reply::html("<a href=/x>x</a>").header("set-cookie", "taste=sweet"),
            _ => Reply::status(404),
        })
        .expect("a server");
        let mut settings = of(&server);
        settings.agent.cookies = asked;
        Place::new().crawl(&settings);
        let seen = server.seen();
        let last = seen
            .iter()
            .find(|seen| seen.request.path == "/x")
            .expect("it");
        let expected = asked.then(|| "taste=sweet".to_owned());
        assert_eq!(last.request.headers.get("cookie").cloned(), expected);
        assert!(last.request.headers["user-agent"].starts_with("reunite/"));
    }
}

#[test]
fn limits_of_bytes_and_pages_leave_the_rest_queued() {
    let server = site("", 50);
    let place = Place::new();
    let mut settings = of(&server);
    settings.limits.pages = 20;
    assert_eq!(place.crawl(&settings).0, CrawlEnd::Limit(Limit::Pages));
    assert_eq!(place.pages().len(), 20);
    settings.limits.pages = u64::MAX;
    settings.limits.bytes = 1;
    assert_eq!(place.crawl(&settings).0, CrawlEnd::Limit(Limit::Bytes));
    settings.limits.bytes = u64::MAX;
    assert_eq!(place.crawl(&settings).0, CrawlEnd::Done);
    assert_eq!(place.pages().len(), 51);
}
