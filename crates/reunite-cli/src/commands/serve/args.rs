//! What was typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::units;

/// Everybody who can reach the address can read the folder; without --listen only this machine can. Ctrl-C stops
/// accepting, answers every request that was read, and names the clients that are not done in time; a second
/// one ends it at once.
///
/// The exit code is 0 if all clients were answered in full, 1 if some were not done within --drain, 2 if it could
/// not begin, 130 after a second Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Serve {
    /// The folder
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,

    /// Where to listen: ADDRESS:PORT, a port on this machine, or unix:PATH; several times for several
    #[arg(short, long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: Vec<String>,

    #[command(flatten, next_help_heading = "What is there")]
    pub(crate) content: ContentArgs,

    #[command(flatten, next_help_heading = "How it is sent")]
    pub(crate) sending: SendingArgs,

    #[command(flatten, next_help_heading = "Encrypted")]
    pub(crate) tls: TlsArgs,

    #[command(flatten, next_help_heading = "Who may come")]
    pub(crate) limits: LimitArgs,

    /// A line for each answer, on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log: LogArg,

    /// Say nothing at the start and at the end
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ContentArgs {
    /// What is sent for a folder, if it is there; several times for several
    #[arg(long, value_name = "NAME", default_values = ["index.html", "index.htm"])]
    pub(crate) index: Vec<String>,

    /// Do not list folders
    #[arg(long)]
    pub(crate) no_listing: bool,

    /// Show folders as pictures: thumbnails, each large at a click
    #[arg(long, conflicts_with = "no_listing")]
    pub(crate) gallery: bool,

    /// How much memory thumbnails in work may take together, such as 500M; pictures that need more have none
    /// [default: half of what is free]
    #[arg(long, value_name = "SIZE", value_parser = units::bytes, requires = "gallery")]
    pub(crate) memory: Option<u64>,

    /// Names that begin with a dot are there, too
    #[arg(long)]
    pub(crate) hidden: bool,

    /// Where symbolic links may lead
    #[arg(long, value_enum, default_value_t)]
    pub(crate) links: LinksArg,

    /// What browsers get for a page that is not there, for apps of a single page
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "index.html")]
    pub(crate) spa: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SendingArgs {
    /// Send text as it is, and no .br, .zst or .gz that lies beside a file
    #[arg(long)]
    pub(crate) no_compress: bool,

    /// For how long clients need not ask again, such as 10m; 0 to ask each time
    #[arg(long, value_name = "TIME", value_parser = units::duration_or_none)]
    pub(crate) max_age: Option<Duration>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TlsArgs {
    /// Speak TLS with the certificates in this PEM file, the server's own first; not at sockets that are files
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LimitArgs {
    /// Ask for a name and a password; several times for several (others on this machine can read arguments:
    /// see --accounts)
    #[arg(long, value_name = "NAME:PASSWORD")]
    pub(crate) auth: Vec<String>,

    /// A file of NAME:PASSWORD lines
    #[arg(long, value_name = "FILE")]
    pub(crate) accounts: Option<PathBuf>,

    /// How many clients at a time; more are told to come back later
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,

    /// How many from one address [default: as many as there may be]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) per_address: Option<u32>,

    /// How long a client may be silent between two requests
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "60s")]
    pub(crate) idle: Duration,

    /// How long a client may take for the head of a request, all of it
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "10s")]
    pub(crate) header: Duration,

    /// How long clients have at the end
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "10s")]
    pub(crate) drain: Duration,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LinksArg {
    /// Nowhere
    Never,
    /// To what is in the folder
    #[default]
    Inside,
    /// Anywhere
    Anywhere,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LogArg {
    /// None
    None,
    /// The common log format
    #[default]
    Common,
    /// One JSON object a line
    Json,
}

const EXAMPLES: &str = "\
Examples:
  reunite serve
  reunite serve public --listen 0.0.0.0:8000 --log json
  reunite serve dist --spa --max-age 1h
  reunite serve public --listen 0.0.0.0:8443 --tls-cert chain.pem --tls-key key.pem
  reunite serve photos --gallery
  reunite serve photos --accounts accounts.txt --listen '[::1]:8080' --listen unix:/run/photos.sock";
