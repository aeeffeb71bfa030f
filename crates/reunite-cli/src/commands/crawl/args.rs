//! What was typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};

use crate::units;

/// Pages that cannot be fetched are rows in the store, not lines on the screen; `reunite crawl report` lists
/// them. Run the same command again to go on where a run ended, however it ended.
///
/// The exit code is 0 if nothing is left or a limit was reached, 1 if some pages could not be fetched (with
/// --check: if anything is broken), 2 if nothing could begin, 124 after --timeout, 130 after Ctrl-C.
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
    /// Say what a crawl found: what is broken, slow, duplicated, orphaned, redirecting, by host
    Report(ReportArgs),
}

/// The exit code is 0 if nothing is broken, 1 if something is, 2 if the store cannot be read.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// The store of the crawl
    #[arg(value_name = "FILE")]
    pub(crate) store: PathBuf,

    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) format: FormatArg,

    /// Where to write it [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Entries in each list
    #[arg(long, value_name = "N", default_value_t = 1000)]
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
    /// Where to begin; their hosts are what is crawled
    #[arg(required = true, value_name = "URL")]
    pub(crate) seeds: Vec<String>,

    /// The file for everything; it is made, or gone on with (SQLite)
    #[arg(short, long, required = true, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,

    /// Check links: look at what pages link to on other sites, too (once each, HEAD or GET), and at places
    /// in pages; tell what is broken
    #[arg(long)]
    pub(crate) check: bool,

    /// When nothing is left, write a WARC file, too (compressed if its name ends with .gz)
    #[arg(long, value_name = "FILE")]
    pub(crate) warc: Option<PathBuf>,

    #[command(flatten, next_help_heading = "What belongs")]
    pub(crate) scope: ScopeArgs,

    #[command(flatten, next_help_heading = "How fast")]
    pub(crate) pace: PaceArgs,

    #[command(flatten, next_help_heading = "When to stop")]
    pub(crate) limits: LimitArgs,

    #[command(flatten, next_help_heading = "Requests")]
    pub(crate) agent: AgentArgs,

    /// One JSON object a line: pages as they are stored, progress, then a summary
    #[arg(long)]
    pub(crate) json: bool,

    /// No progress, no summary
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ScopeArgs {
    /// Another host that belongs, as NAME or NAME:PORT
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,

    /// Subdomains of the hosts belong, too
    #[arg(long)]
    pub(crate) subdomains: bool,

    /// Only what lies below the folders of the URLs
    #[arg(long)]
    pub(crate) below: bool,

    /// Only addresses that match (a regular expression; several: any of them)
    #[arg(long, value_name = "REGEX")]
    pub(crate) include: Vec<String>,

    /// No addresses that match
    #[arg(long, value_name = "REGEX")]
    pub(crate) exclude: Vec<String>,

    /// Pages only: no pictures, scripts, styles
    #[arg(long)]
    pub(crate) no_parts: bool,

    /// Follow links marked nofollow, too
    #[arg(long)]
    pub(crate) follow_nofollow: bool,

    /// Fetch what robots.txt forbids, too; ask the owner first
    #[arg(long)]
    pub(crate) ignore_robots: bool,

    /// Do not look for sitemaps
    #[arg(long)]
    pub(crate) no_sitemaps: bool,

    /// Addresses with other session numbers are other pages
    #[arg(long)]
    pub(crate) keep_session_ids: bool,

    /// At most so many addresses that differ only in the values of their queries
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) max_variants: u32,

    /// At most so many redirects in a row
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) max_redirects: u32,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PaceArgs {
    /// Requests at a time
    #[arg(short = 'j', long, value_name = "N", default_value_t = 16,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: u16,

    /// Requests at a time to one host
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) per_host: u16,

    /// Between two requests to one host, at least; longer if its robots.txt says so
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = units::duration_or_none)]
    pub(crate) delay: Duration,

    /// How often to try again what may go better next time
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) retries: u32,

    /// However long a server asks to wait, no longer than this
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = units::duration)]
    pub(crate) max_wait: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LimitArgs {
    /// Addresses in the store
    #[arg(long, value_name = "N")]
    pub(crate) max_pages: Option<u64>,

    /// Clicks from a URL
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) depth: u32,

    /// Bytes over the wire in all, such as 2G
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    pub(crate) max_bytes: Option<u64>,

    /// Stop after this long, such as 2h
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) timeout: Option<Duration>,

    /// When stopped, wait this long for what is under way
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = units::duration_or_none)]
    pub(crate) drain: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AgentArgs {
    /// Give up on a page after this long
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::duration)]
    pub(crate) page_timeout: Duration,

    /// Give up on a page larger than this
    #[arg(long, value_name = "SIZE", default_value = "10M", value_parser = units::bytes)]
    pub(crate) max_size: u64,

    /// What to call itself [default: reunite/VERSION]
    #[arg(long, value_name = "TEXT")]
    pub(crate) user_agent: Option<String>,

    /// Keep cookies for the length of the run
    #[arg(long)]
    pub(crate) cookies: bool,
}

const EXAMPLES: &str = "\
Examples:
  reunite crawl https://example.org/ --store site.db
  reunite crawl https://example.org/docs/ --below --store docs.db --max-pages 5000
  reunite crawl https://example.org/ --store site.db --check --warc site.warc.gz
  reunite crawl report site.db --format html --out report.html
  sqlite3 site.db \"SELECT url, status FROM pages JOIN urls USING (id) WHERE status >= 400\"";
