//! Serves a site until standard input ends, then lists the requests:
//! `cargo run -p loopback-site --example serve -- 600`.

use std::sync::{Arc, OnceLock};

use loopback_site::{Plan, Reply, Server, Site};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pages = std::env::args()
        .nth(1)
        .map_or(Ok(200), |text| text.parse())?;
    let site: Arc<OnceLock<Site>> = Arc::default();
    let of_server = Arc::clone(&site);
    let server = Server::start(1, move |request| match of_server.get() {
        Some(site) => site.reply(request),
        None => Reply::status(503),
    })?;
    let site = site.get_or_init(|| {
        Site::new(Plan {
            pages,
            seed: 42,
            origins: vec![server.url("")],
            latency: (20, 200),
            words: (300, 2000),
            faults: true,
            queries: true,
        })
    });
    println!("{}", site.root());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    for seen in server.seen() {
        let request = &seen.request;
        match site.number(request) {
            Some(number) => println!(
                "{} {} {:?}",
                request.method,
                request.path,
                site.kind(number)
            ),
            None => println!("{} {} unknown page", request.method, request.path),
        }
    }
    println!("at most {} requests at a time", server.most_at_a_time());
    Ok(())
}
