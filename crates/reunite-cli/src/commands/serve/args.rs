//! The command line of `reunite serve` as typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::units;

/// Serve a folder over HTTP
///
/// Anyone who can reach the address can read the folder, unless --auth or --accounts is given. Without --listen, only
/// programs on this machine can reach it. After Ctrl-C the server accepts no more connections, answers every request
/// that it has read, and names the clients that it could not answer within --drain. A second Ctrl-C ends it at once.
///
/// Exit codes: 0 all clients were answered in full, 1 some were not answered within --drain, 2 the server could not
/// start, 130 stopped by a second Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Serve {
    /// Folder to serve
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Where to listen: PORT on this machine, ADDRESS:PORT or unix:PATH; repeatable
    #[arg(short, long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: Vec<String>,

    /// Access log on standard output, one line per response
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log: LogArg,

    /// Print no addresses at the start and no summary at the end
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
    /// File that is sent for a folder that contains it; repeatable
    #[arg(long, value_name = "NAME", default_values = ["index.html", "index.htm"])]
    pub(crate) index: Vec<String>,

    /// Do not list folders: one without an index file is answered with 404
    #[arg(long)]
    pub(crate) no_listing: bool,

    /// Show folders as thumbnails of their pictures; a click enlarges one
    #[arg(long, conflicts_with = "no_listing")]
    pub(crate) gallery: bool,

    /// Memory for making thumbnails, such as 500M [default: half of free memory]
    ///
    /// A single picture that needs more than this gets no thumbnail.
    #[arg(long, value_name = "SIZE", value_parser = units::bytes, requires = "gallery")]
    pub(crate) memory: Option<u64>,

    /// Also serve files and folders whose names start with a dot
    ///
    /// .well-known is always served.
    #[arg(long)]
    pub(crate) hidden: bool,

    /// Symbolic links to follow
    #[arg(long, value_enum, default_value_t)]
    pub(crate) links: LinksArg,

    /// Send FILE for missing pages, as single-page apps need
    ///
    /// FILE is in the served folder; if it is not given, it is index.html. Other missing files, such as pictures, are
    /// still answered with 404.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "index.html")]
    pub(crate) spa: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SendingArgs {
    /// Send files as they are, and ignore .br, .zst and .gz files beside them
    #[arg(long)]
    pub(crate) no_compress: bool,

    /// Time that clients may use a cached copy without asking, such as 10m
    ///
    /// With 0, they ask each time. Without this option, no time is sent.
    #[arg(long, value_name = "TIME", value_parser = units::duration_or_none)]
    pub(crate) max_age: Option<Duration>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TlsArgs {
    /// Use TLS with the certificates in this PEM file, that of the server first
    ///
    /// Connections to a Unix socket stay unencrypted.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// PEM file with the private key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AccessArgs {
    /// Require this name and password; repeatable
    ///
    /// Other users of this machine can see the password in the list of processes; use --accounts to avoid that.
    #[arg(long, value_name = "NAME:PASSWORD")]
    pub(crate) auth: Vec<String>,

    /// Require a name and password from this file of lines NAME:PASSWORD
    #[arg(long, value_name = "FILE")]
    pub(crate) accounts: Option<PathBuf>,

    /// Largest number of connections; more are answered with 503
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = units::number(1..=u32::MAX))]
    pub(crate) connections: u32,

    /// Largest number of connections from one address [default: --connections]
    #[arg(long, value_name = "N", value_parser = units::number(1..=u32::MAX))]
    pub(crate) per_address: Option<u32>,

    /// Longest time between two requests of a connection
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "60s")]
    pub(crate) idle: Duration,

    /// Longest time for a client to send the head of a request (all but its body)
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "10s")]
    pub(crate) header: Duration,

    /// Longest time to finish answers after Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "10s")]
    pub(crate) drain: Duration,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LinksArg {
    /// None
    Never,
    /// Those that lead to files and folders in the served folder
    #[default]
    Inside,
    /// All; files outside the served folder can then be read
    Anywhere,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LogArg {
    /// No access log
    None,
    /// The Common Log Format of web servers
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
