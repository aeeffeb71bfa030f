//! The command line of `reunite serve` as typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::units;

/// Serve a folder over HTTP
///
/// Anyone who can reach the address can read the folder; without --listen only this machine can. Ctrl-C stops accepting
/// connections, answers every request that was read, and names the clients that are not served in time; a second Ctrl-C
/// exits at once.
///
/// Exit codes: 0 all clients were answered in full, 1 some were not served within --drain, 2 the server could not start,
/// 130 a second Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Serve {
    /// Folder to serve
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Address to listen on: ADDRESS:PORT, a local PORT, or unix:PATH; repeatable
    #[arg(short, long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: Vec<String>,

    /// Access log on standard output, one line per response
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log: LogArg,

    /// Print nothing at the start and at the end
    #[arg(long)]
    pub(crate) quiet: bool,

    // The heading of a flattened group holds for every option declared after it.
    #[command(flatten, next_help_heading = "Content")]
    pub(crate) content: ContentArgs,

    #[command(flatten, next_help_heading = "Sending")]
    pub(crate) sending: SendingArgs,

    #[command(flatten, next_help_heading = "TLS")]
    pub(crate) tls: TlsArgs,

    #[command(flatten, next_help_heading = "Access and limits")]
    pub(crate) limits: AccessArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ContentArgs {
    /// File sent instead of a folder's listing, if present; repeatable
    #[arg(long, value_name = "NAME", default_values = ["index.html", "index.htm"])]
    pub(crate) index: Vec<String>,

    /// Do not list folders
    #[arg(long)]
    pub(crate) no_listing: bool,

    /// Show folders as galleries of thumbnails; a click enlarges a picture
    #[arg(long, conflicts_with = "no_listing")]
    pub(crate) gallery: bool,

    /// Memory for making thumbnails, such as 500M [default: half of what is free]
    ///
    /// A picture that needs more than this alone gets no thumbnail.
    #[arg(long, value_name = "SIZE", value_parser = units::bytes, requires = "gallery")]
    pub(crate) memory: Option<u64>,

    /// Also serve files and folders whose names start with a dot
    #[arg(long)]
    pub(crate) hidden: bool,

    /// Symbolic links to follow
    #[arg(long, value_enum, default_value_t)]
    pub(crate) links: LinksArg,

    /// File to send for missing pages, for single-page apps
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "index.html")]
    pub(crate) spa: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SendingArgs {
    /// Send files uncompressed, and ignore .br, .zst and .gz files beside them
    #[arg(long)]
    pub(crate) no_compress: bool,

    /// Time that clients may cache files, such as 10m; 0 to revalidate each time
    #[arg(long, value_name = "TIME", value_parser = units::duration_or_none)]
    pub(crate) max_age: Option<Duration>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TlsArgs {
    /// Use TLS with the certificates in this PEM file, the server's own first
    ///
    /// Unix sockets are not encrypted.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AccessArgs {
    /// Require this name and password; repeatable
    ///
    /// Other users of this machine can read command lines; --accounts avoids that.
    #[arg(long, value_name = "NAME:PASSWORD")]
    pub(crate) auth: Vec<String>,

    /// File of accounts, one NAME:PASSWORD per line
    #[arg(long, value_name = "FILE")]
    pub(crate) accounts: Option<PathBuf>,

    /// Maximum number of connections; further ones are answered 503
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = units::number(1..=u32::MAX))]
    pub(crate) connections: u32,

    /// Maximum number of connections from one address [default: --connections]
    #[arg(long, value_name = "N", value_parser = units::number(1..=u32::MAX))]
    pub(crate) per_address: Option<u32>,

    /// Time a connection may stay idle between two requests
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "60s")]
    pub(crate) idle: Duration,

    /// Time a client may take to send the head of a request
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "10s")]
    pub(crate) header: Duration,

    /// Time to finish responses after Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "10s")]
    pub(crate) drain: Duration,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LinksArg {
    /// No links
    Never,
    /// Only links to files in the folder
    #[default]
    Inside,
    /// All links
    Anywhere,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LogArg {
    /// No access log
    None,
    /// The common log format
    #[default]
    Common,
    /// One JSON object per line
    Json,
}

const EXAMPLES: &str = "\
Examples:
  reunite serve
  reunite serve public --listen 0.0.0.0:8000 --log json
  reunite serve dist --spa --max-age 1h
  reunite serve public --listen 0.0.0.0:8443 \\
    --tls-cert chain.pem --tls-key key.pem
  reunite serve photos --gallery
  reunite serve photos --accounts accounts.txt \\
    --listen '[::1]:8080' --listen unix:/run/photos.sock";
