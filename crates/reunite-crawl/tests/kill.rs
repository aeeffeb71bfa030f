//! A crawl that is killed at any moment continues where it stopped, and ends with the same store.

#[allow(unused)]
mod common;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Place, assert_complete, contents, settings, site};
use reunite_crawl::CrawlEnd;
use reunite_crawl::store::Store;

const ROLE: &str = "CRAWL_OF";
const FILE: &str = "CRAWL_INTO";

/// The process that is killed. It runs this test, which does nothing in any other process.
#[test]
fn child() {
    let (Ok(seed), Ok(file)) = (std::env::var(ROLE), std::env::var(FILE)) else {
        return;
    };
    let mut store = Store::open(file.as_ref()).expect("a store");
    reunite_crawl::crawl(&mut store, &settings(&seed), &mut |_| {}).expect("a crawl");
}

fn start(seed: &str, place: &Place) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "child"])
        .env(ROLE, seed)
        .env(FILE, place.file())
        .stdout(Stdio::null())
        .spawn()
        .expect("a process")
}

#[test]
fn kills_do_not_change_the_result() {
    let (site, _server) = site(3000, 1, 30, (10, 30));
    let whole = Place::new();
    assert_eq!(whole.crawl(&settings(&site.root())).0, CrawlEnd::Done);
    let expected = contents(&whole.db());
    assert_complete(&site, &expected);

    let place = Place::new();
    let (mut stored, mut moved) = (0, 0);
    let kills = test_scale::rounds(30) as u64;
    for kill in 0..kills.max(300) {
        if kill >= kills && moved >= 5 {
            break;
        }
        let mut child = start(&site.root(), &place);
        // The kills come at different moments, from before the file exists to after a few transactions. On a busy
        // machine the first transaction may take longer.
        let most = 500_000 * (1 + kill / 30);
        std::thread::sleep(Duration::from_micros((kill * 379_721) % most));
        child.kill().expect("a kill");
        child.wait().expect("its end");
        if place.file().exists() {
            let db = place.db();
            let check: String = db
                .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                .expect("a check");
            assert_eq!(check, "ok");
            let tables: i64 = db
                .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
                .expect("a count");
            if tables > 0 {
                let there = contents(&db);
                assert!(there.len() >= stored, "nothing that was stored is lost");
                moved += usize::from(there.len() > stored && there.len() < expected.len());
                stored = there.len();
                for (url, mut row) in there {
                    // A shorter way to the page may not be stored yet.
                    assert!(row.depth >= expected[&url].depth);
                    row.depth = expected[&url].depth;
                    assert_eq!(expected[&url], row, "{url}: whole or absent");
                }
            }
        }
    }
    assert!(moved >= 5, "{moved} kills came in the middle");
    assert!(
        start(&site.root(), &place)
            .wait()
            .expect("its end")
            .success()
    );
    assert_eq!(contents(&place.db()), expected);
    let queued: i64 = place.one("SELECT count(*) FROM urls WHERE state IN (0, 1)");
    let left: i64 = place.one("SELECT sum(left) FROM hosts");
    assert_eq!((queued, left), (0, 0));
}
