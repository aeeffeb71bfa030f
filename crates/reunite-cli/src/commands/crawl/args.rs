//! The arguments of `reunite crawl`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use reunite_crawl::fetch::AgentSettings;

use crate::units;

/// Store web sites in one file, many pages at a time
///
/// The crawl obeys robots.txt and limits the requests to each host. Run the same command again to continue a crawl that
/// was stopped or killed. A page that cannot be fetched is stored with the reason; `reunite crawl report` lists these
/// pages.
///
/// Exit codes: 0 the crawl is complete or has reached a limit, 1 some pages could not be fetched (with --check also: a
/// page, link or anchor is broken), 2 the crawl could not start, 124 stopped by --timeout, 130 stopped by Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Crawl {
    #[command(subcommand)]
    pub(crate) command: Option<CrawlCommand>,

    #[command(flatten)]
    pub(crate) run: Run,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CrawlCommand {
    Report(ReportArgs),
}

/// Report broken, slow, duplicate, orphaned and redirecting pages
///
/// A page is orphaned if no other page links to it, and it is known only from a sitemap.
///
/// Exit codes: 0 nothing is broken, 1 something is broken, 2 the store cannot be read, or the report not written.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// The --store file of the crawl
    #[arg(value_name = "FILE")]
    pub(crate) store: PathBuf,

    /// Format of the report
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) format: FormatArg,

    /// Output file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Largest number of entries in each list of the report
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = units::number(0..=usize::MAX))]
    pub(crate) most: usize,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum FormatArg {
    #[default]
    Text,
    Json,
    Junit,
    Html,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Addresses to start from; their hosts are crawled
    #[arg(required = true, value_name = "URL")]
    pub(crate) seeds: Vec<String>,

    /// File for the pages (an SQLite database); created if it does not exist
    #[arg(short, long, required = true, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,

    /// Also check anchors and links to other sites, and print what is broken
    #[arg(long)]
    pub(crate) check: bool,

    /// Write a WARC file at the end, compressed if its name ends with .gz
    ///
    /// A crawl that is stopped by Ctrl-C or --timeout writes none.
    #[arg(long, value_name = "FILE")]
    pub(crate) warc: Option<PathBuf>,

    /// Print JSON, one object per line: stored pages, progress, and a summary
    #[arg(long)]
    pub(crate) json: bool,

    /// Print no progress and no summary
    #[arg(long)]
    pub(crate) quiet: bool,

    // The heading of a flattened group holds for every option declared after it.
    #[command(flatten, next_help_heading = "Scope")]
    pub(crate) scope: ScopeArgs,

    #[command(flatten, next_help_heading = "Speed")]
    pub(crate) pace: PaceArgs,

    #[command(flatten, next_help_heading = "Limits")]
    pub(crate) limits: LimitArgs,

    #[command(flatten, next_help_heading = "Requests")]
    pub(crate) agent: AgentArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ScopeArgs {
    /// Crawl this host, too (NAME or NAME:PORT); repeatable
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,

    /// Crawl the subdomains of all these hosts, too
    #[arg(long)]
    pub(crate) subdomains: bool,

    /// On the hosts of the URLs, crawl only the folders of the URLs
    ///
    /// For example.org/docs/intro, that is all below example.org/docs/.
    #[arg(long)]
    pub(crate) below: bool,

    /// Crawl only addresses that match this regular expression; repeatable
    ///
    /// With several, one match is enough.
    #[arg(long, value_name = "REGEX")]
    pub(crate) include: Vec<String>,

    /// Skip addresses that match this regular expression; repeatable
    #[arg(long, value_name = "REGEX")]
    pub(crate) exclude: Vec<String>,

    /// Skip images, scripts, style sheets and other parts of pages
    #[arg(long)]
    pub(crate) no_parts: bool,

    /// Follow links marked nofollow
    #[arg(long)]
    pub(crate) follow_nofollow: bool,

    /// Also fetch what robots.txt forbids; ask the owner of the site first
    #[arg(long)]
    pub(crate) ignore_robots: bool,

    /// Ignore sitemaps
    #[arg(long)]
    pub(crate) no_sitemaps: bool,

    /// Keep session IDs in addresses; otherwise they are removed
    #[arg(long)]
    pub(crate) keep_session_ids: bool,

    /// Largest number of addresses that differ only in the values of the query
    ///
    /// Examples: list?page=1 and list?page=2.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = units::number(0..=u32::MAX))]
    pub(crate) max_variants: u32,

    /// Largest number of redirects that are followed in a row
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = units::number(0..=u32::MAX))]
    pub(crate) max_redirects: u32,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PaceArgs {
    /// Largest number of concurrent requests
    #[arg(short = 'j', long, value_name = "N", default_value_t = 16,
          value_parser = units::number(1..=1024_u16))]
    pub(crate) threads: u16,

    /// Largest number of concurrent requests to one host
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = units::number(1..=1024_u16))]
    pub(crate) per_host: u16,

    /// Shortest time between the starts of two requests to one host
    ///
    /// The robots.txt of the host may ask for more.
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = units::duration_or_none)]
    pub(crate) delay: Duration,

    /// Number of retries after a failure that may be temporary
    ///
    /// Examples: a timeout, or an answer with status 429 or 5xx.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = units::number(0..=u32::MAX))]
    pub(crate) retries: u32,

    /// Longest wait before a retry, whatever Retry-After says
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = units::duration)]
    pub(crate) max_wait: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LimitArgs {
    /// Stop when the store has this many pages, those of earlier runs included
    #[arg(long, value_name = "N", value_parser = units::number(0..=u64::MAX))]
    pub(crate) max_pages: Option<u64>,

    /// Skip pages that are more clicks than this from a start address
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = units::number(0..=u32::MAX))]
    pub(crate) depth: u32,

    /// Stop after this many received bytes, such as 2G, earlier runs included
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    pub(crate) max_bytes: Option<u64>,

    /// Stop after this time, such as 2h
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) timeout: Option<Duration>,

    /// Longest wait for the requests in progress when the crawl is stopped
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = units::duration_or_none)]
    pub(crate) drain: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AgentArgs {
    /// Time limit for each page
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::duration)]
    pub(crate) page_timeout: Duration,

    /// Size limit for each page; a larger one is stored as failed
    #[arg(long, value_name = "SIZE", default_value = "10M", value_parser = units::bytes)]
    pub(crate) max_size: u64,

    /// User-Agent header [default: reunite/VERSION]
    #[arg(long, value_name = "TEXT", value_parser = user_agent)]
    pub(crate) user_agent: Option<String>,

    /// Send the cookies that sites set, until the run ends
    #[arg(long)]
    pub(crate) cookies: bool,
}

fn user_agent(text: &str) -> Result<String, String> {
    match AgentSettings::is_user_agent(text) {
        true => Ok(text.to_owned()),
        false => Err("use no line ends or other control characters".to_owned()),
    }
}

const EXAMPLES: &str = "\
Examples:
  reunite crawl https://example.org/ --store site.db
  reunite crawl https://example.org/docs/ --below --store docs.db \\
    --max-pages 5000
  reunite crawl https://example.org/ --store site.db --check \\
    --warc site.warc.gz
  reunite crawl report site.db --format html --out report.html
  sqlite3 site.db \\
    \"SELECT url, status FROM pages JOIN urls USING (id) WHERE status >= 400\"";
