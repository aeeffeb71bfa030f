//! The arguments of `reunite crawl`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};

use crate::units;

/// Crawl sites into one file, politely and in parallel; can be resumed
///
/// Run the same command again to continue a crawl, however it ended. Pages that cannot be fetched are stored with
/// the reason; `reunite crawl report` lists them.
///
/// Exit codes: 0 if the crawl is complete or a limit was reached, 1 if some pages could not be fetched (with
/// --check: if anything is broken), 2 if the crawl could not start, 124 after --timeout, 130 after Ctrl-C.
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
/// Exit codes: 0 if nothing is broken, 1 if something is broken, 2 if the store cannot be read.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// Store of the crawl
    #[arg(value_name = "FILE")]
    pub(crate) store: PathBuf,

    /// Format of the report
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) format: FormatArg,

    /// Output file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Largest number of entries per list
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

    /// Store (an SQLite file), created if it does not exist
    #[arg(short, long, required = true, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,

    /// Check links, also those to other sites, and list what is broken
    #[arg(long)]
    pub(crate) check: bool,

    /// Write a WARC file at the end (compressed if the name ends with .gz)
    #[arg(long, value_name = "FILE")]
    pub(crate) warc: Option<PathBuf>,

    /// Print one JSON object per line: stored pages, progress, a summary
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
    /// Crawl this host, too, given as NAME or NAME:PORT
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,

    /// Crawl subdomains of the hosts, too
    #[arg(long)]
    pub(crate) subdomains: bool,

    /// Crawl only addresses below the directories of the URLs
    #[arg(long)]
    pub(crate) below: bool,

    /// Crawl only addresses that match any of these regular expressions
    #[arg(long, value_name = "REGEX")]
    pub(crate) include: Vec<String>,

    /// Skip addresses that match any of these regular expressions
    #[arg(long, value_name = "REGEX")]
    pub(crate) exclude: Vec<String>,

    /// Skip images, scripts, styles and other parts of pages
    #[arg(long)]
    pub(crate) no_parts: bool,

    /// Follow links marked nofollow
    #[arg(long)]
    pub(crate) follow_nofollow: bool,

    /// Fetch pages that robots.txt forbids; ask the site's owner first
    #[arg(long)]
    pub(crate) ignore_robots: bool,

    /// Ignore sitemaps
    #[arg(long)]
    pub(crate) no_sitemaps: bool,

    /// Keep session IDs in addresses
    #[arg(long)]
    pub(crate) keep_session_ids: bool,

    /// Largest number of addresses that differ only in the values after ?
    ///
    /// Such as ?page=1 and ?page=2.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = units::number(0..=u32::MAX))]
    pub(crate) max_variants: u32,

    /// Largest number of redirects in a row
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

    /// Number of retries after a failure that may pass (timeouts, 429, 5xx)
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = units::number(0..=u32::MAX))]
    pub(crate) retries: u32,

    /// Longest Retry-After that is obeyed
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = units::duration)]
    pub(crate) max_wait: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LimitArgs {
    /// Stop when the store has this many pages, earlier runs included
    #[arg(long, value_name = "N", value_parser = units::number(0..=u64::MAX))]
    pub(crate) max_pages: Option<u64>,

    /// Largest number of clicks from a start address
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = units::number(0..=u32::MAX))]
    pub(crate) depth: u32,

    /// Largest number of received bytes, such as 2G
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    pub(crate) max_bytes: Option<u64>,

    /// Time after which the crawl stops, such as 2h
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) timeout: Option<Duration>,

    /// After a stop, wait this long for running requests
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = units::duration_or_none)]
    pub(crate) drain: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AgentArgs {
    /// Time limit per page
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::duration)]
    pub(crate) page_timeout: Duration,

    /// Size limit per page
    #[arg(long, value_name = "SIZE", default_value = "10M", value_parser = units::bytes)]
    pub(crate) max_size: u64,

    /// User-Agent header [default: reunite/VERSION]
    #[arg(long, value_name = "TEXT")]
    pub(crate) user_agent: Option<String>,

    /// Keep cookies until the run ends
    #[arg(long)]
    pub(crate) cookies: bool,
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
