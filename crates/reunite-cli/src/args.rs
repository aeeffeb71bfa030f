//! The command line as typed.

#[cfg(unix)]
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use reunite_images::Size;

use crate::progress::Progress;
use crate::units;

/// The heading of the options that several commands have.
const COMMON: &str = "Common options";

/// Resize pictures, crawl web sites and serve folders, in parallel.
#[derive(Debug, Parser)]
#[command(name = "reunite", version, max_term_width = 80)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Write a profile of the run: what its threads did, and what they waited for
    ///
    /// The extension of FILE chooses the format: .html (a page with a timeline), .pftrace (for Perfetto), .json (for
    /// the trace viewer of Chrome), .folded (for flame graphs); any other, text.
    #[arg(long, global = true, value_name = "FILE", help_heading = COMMON)]
    pub(crate) profile: Option<PathBuf>,

    /// Progress display while the command runs
    #[arg(long, global = true, value_enum, default_value_t, help_heading = COMMON)]
    pub(crate) progress: Progress,

    /// Show the running program in a browser, at the printed URL
    ///
    /// For images, crawl, serve and bench. The page shows the tasks and what each waits for, how many complete per
    /// second, and problems such as deadlocks; a button cancels the program. The URL is printed to standard error. Port
    /// 0 chooses a free port.
    #[cfg(unix)]
    #[arg(long, global = true, value_name = "[ADDR:]PORT", value_parser = crate::live::address,
          help_heading = COMMON)]
    pub(crate) live: Option<SocketAddr>,

    /// Let --live listen on an address that other machines can reach
    ///
    /// Other machines need the token in the printed URL. Token and page cross the network unencrypted.
    #[cfg(unix)]
    #[arg(long, global = true, requires = "live", help_heading = COMMON)]
    pub(crate) live_anywhere: bool,
}

// The help of a command is the doc comment of its arguments; one on the variant would replace it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Images(Images),
    /// Compare ways to do a job on threads, on this machine
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    Dump(Dump),
    Desk(Desk),
    Crawl(Box<crate::commands::crawl::args::Crawl>),
    #[cfg(unix)]
    Serve(Box<crate::commands::serve::args::Serve>),
    /// Print a script that completes commands and options in a shell
    ///
    /// Load it when the shell starts. For bash, add this line to ~/.bashrc:
    ///
    /// source <(reunite completions bash)
    Completions {
        /// Shell that runs the script
        shell: clap_complete::Shell,
    },
}

/// Open a window that resizes pictures
///
/// Runs the program `reunite-desk`, which must be beside this one or on the PATH. Build it with
/// `cargo build --release --package reunite-desk`.
#[derive(Debug, clap::Args)]
pub(crate) struct Desk {
    /// Pictures and folders to list in the window at the start
    #[arg(value_name = "PHOTOS")]
    pub(crate) inputs: Vec<PathBuf>,
}

/// Resize pictures in parallel; a damaged file does not stop the others
///
/// Exit codes: 0 success, 1 some pictures failed (each is named), 2 nothing was started (a message says why), 124
/// stopped by --timeout, 130 stopped by Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Images {
    /// Pictures, or folders to search for JPEG, PNG, WebP, GIF, TIFF and BMP files
    #[arg(required = true, value_name = "PHOTOS")]
    pub(crate) inputs: Vec<PathBuf>,

    /// Output folder; subfolders of the inputs are recreated in it
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Size of the box for the results, in pixels: one side, or WIDTHxHEIGHT
    #[arg(short, long, value_name = "SIZE", default_value = "512", value_parser = size)]
    pub(crate) size: Size,

    /// Treatment of pictures whose proportions differ from those of the box
    #[arg(long, value_enum, default_value_t)]
    pub(crate) fit: FitArg,

    /// Also scale up pictures that are smaller than the box
    #[arg(long)]
    pub(crate) enlarge: bool,

    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) format: OutputFormatArg,

    /// Quality of JPEG and WebP output (1-100)
    #[arg(short, long, value_name = "1-100", default_value_t = 80,
          value_parser = units::number(1..=100_u8))]
    pub(crate) quality: u8,

    /// Remove EXIF metadata
    ///
    /// With or without --strip, the colour profile (ICC) is kept if it fits the colours of the result, and other
    /// metadata is removed.
    #[arg(long)]
    pub(crate) strip: bool,

    /// Number of pictures processed at a time [default: number of cores]
    #[arg(short, long, value_name = "N", value_parser = units::number(1..=1024_u16))]
    pub(crate) jobs: Option<u16>,

    /// Memory for pictures in progress, such as 2G [default: half of free memory]
    ///
    /// A single picture that needs more than this fails.
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    pub(crate) memory: Option<u64>,

    /// Largest number of pixels of a picture, according to its header
    ///
    /// A larger picture fails. The default is 16383 x 16383.
    #[arg(long, value_name = "N", default_value_t = 0x3fff * 0x3fff, value_parser = units::number(0..=u64::MAX))]
    pub(crate) max_pixels: u64,

    /// Time limit for each picture, such as 30s or 1m30s
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) item_timeout: Option<Duration>,

    /// Time limit for the whole run, such as 10m or 1h30m
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) timeout: Option<Duration>,

    /// Stop at the first picture that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,

    /// Make all pictures again, and replace files in the way of their results
    ///
    /// Without --force, results that are up to date are kept, and a file that is not known to be a result is not
    /// replaced. An input is never replaced.
    #[arg(long)]
    pub(crate) force: bool,

    /// Print what would be done without doing it
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,

    /// Print one JSON object per line
    ///
    /// There is one for each picture that was not up to date, and at the end a summary.
    #[arg(long)]
    pub(crate) json: bool,

    /// Print no progress bar and no summary; failures are still printed
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    Table(Table),
}

/// Do one job in four ways, and compare their times
///
/// The job: fetch photos from a slow server on this machine, resize them, and save them into a temporary folder. The
/// ways: one photo after another; one thread per photo, whose result is lost; two threads at a time, each waited for
/// before the next two start; and a parallel map of the library reunite.
///
/// In the table, "essay's" are the figures of an essay on joining threads, which did another job in the first three
/// ways. Work is the time of all tasks together, span the longest chain of what had to happen one after another, and
/// parallelism is work divided by span.
#[derive(Debug, clap::Args)]
pub(crate) struct Table {
    /// Folder of photos [default: samples/photos]
    #[arg(long, value_name = "DIR")]
    pub(crate) photos: Option<PathBuf>,

    /// Number of photos to fetch; those of the folder are used again if it has fewer
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = units::number(1..=10_000_u16))]
    pub(crate) items: u16,

    /// Time that the server takes to answer
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "100ms")]
    pub(crate) pace: Duration,

    /// Number of times that each way is measured; the table shows medians
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = units::number(1..=1000_u16))]
    pub(crate) rounds: u16,

    /// Write an HTML page with the four timelines
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Print one JSON object per line, one for each way
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show the tasks of a running program, their locks, and what they wait for
///
/// The program must have opted in by calling `answer_dump_requests` of the library reunite, as the commands of
/// `reunite` do. For a program that has not, this command fails, and sends it nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Dump {
    /// Process ID of the running program
    #[arg(value_parser = units::number(0..=u32::MAX))]
    pub(crate) pid: u32,

    /// Print JSON: a list of scopes, each with its parent, owner and tasks
    #[arg(long)]
    pub(crate) json: bool,

    /// Longest time to wait for the answer of the program
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "5s")]
    pub(crate) wait: Duration,
}

const EXAMPLES: &str = "\
Examples:
  reunite images ~/Pictures --out thumbs
  reunite images *.jpg --out web --size 1920x1080 --format webp --strip
  reunite images scans --out small --fit cover --size 256 \\
    --jobs 2 --memory 500M";

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum FitArg {
    /// Keep the whole picture inside the box
    #[default]
    Fit,
    /// Fill the box; crop what does not fit
    Cover,
    /// Fill the box exactly; proportions may change
    Exact,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum OutputFormatArg {
    /// The input's format if it is JPEG, PNG or WebP, else PNG
    #[default]
    Keep,
    /// JPEG
    Jpeg,
    /// PNG
    Png,
    /// WebP
    Webp,
}

fn size(text: &str) -> Result<Size, String> {
    let side = |text: &str| match text.trim().parse() {
        Ok(length @ 1..=65_500) => Ok(length),
        _ => Err("use one length such as 512, or WIDTHxHEIGHT, up to 65500 pixels".to_owned()),
    };
    match text.split_once(['x', 'X', '×']) {
        Some((width, height)) => Ok(Size::new(side(width)?, side(height)?)),
        None => side(text).map(|length| Size::new(length, length)),
    }
}
