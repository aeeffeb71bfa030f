//! A crawl of a whole site, compared with the manifest of the site.

mod common;

use std::collections::HashMap;

use common::{Place, assert_complete, contents, settings, site};
use reunite_crawl::{CrawlEnd, CrawlEvent};

#[test]
fn each_page_of_a_site_is_stored_once() {
    let (site, server) = site(1500, 1, 7, (0, 4));
    let place = Place::new();
    let (ended, events) = place.crawl(&settings(&site.root()));
    assert_eq!(ended, CrawlEnd::Done);
    assert_complete(&site, &contents(&place.db()));

    let told: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            CrawlEvent::Page(page) => Some(page.url.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 1500, "each page is told of once");

    // Pages that fail at first are requested again, all others exactly once.
    let mut asked: HashMap<String, usize> = HashMap::new();
    for path in server.paths(0) {
        *asked.entry(path).or_default() += 1;
    }
    let heals = site.manifest().map(|page| match page.kind {
        loopback_site::Kind::Heals(times) => times,
        _ => 0,
    });
    let expected = 1500 + heals.sum::<usize>() + usize::from(asked.contains_key("/robots.txt"));
    assert_eq!(asked.values().sum::<usize>(), expected);
}

#[test]
fn each_page_of_a_site_on_many_hosts_is_stored_once() {
    let (site, server) = site(600, 5, 8, (0, 4));
    let place = Place::new();
    let mut settings = settings(&site.root());
    settings.scope.hosts = (1..5)
        .map(|host| server.address(host).to_string())
        .collect();
    assert_eq!(place.crawl(&settings).0, CrawlEnd::Done);
    assert_complete(&site, &contents(&place.db()));
}

#[test]
fn stored_bodies_are_those_of_the_site() {
    let (site, _server) = site(100, 1, 9, (0, 0));
    let place = Place::new();
    place.crawl(&settings(&site.root()));
    let db = place.db();
    let mut query = db
        .prepare("SELECT hash, size, zstd, data FROM bodies")
        .unwrap();
    let rows = query
        .query_map([], |row| {
            Ok((
                row.get::<_, Vec<u8>>(0)?,
                row.get::<_, u32>(1)?,
                row.get::<_, bool>(2)?,
                row.get::<_, Vec<u8>>(3)?,
            ))
        })
        .unwrap();
    let mut count = 0;
    for row in rows {
        let (hash, size, packed, data) = row.unwrap();
        let bytes = if packed {
            zstd::bulk::decompress(&data, size as usize).unwrap()
        } else {
            data
        };
        assert_eq!(bytes.len(), size as usize);
        use sha2::Digest;
        assert_eq!(sha2::Sha256::digest(&bytes)[..], hash[..]);
        count += 1;
    }
    assert!(count > 50);
}
