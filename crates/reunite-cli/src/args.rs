//! The command line as typed.

#[cfg(unix)]
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use reunite_images::Size;

use crate::progress::Progress;
use crate::units;

/// The heading of the options that every command has.
const ALL_COMMANDS: &str = "Options of all commands";

/// Concurrent tools that lose no task and no error.
#[derive(Debug, Parser)]
#[command(name = "reunite", version, max_term_width = 80)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Write a profile: critical path, and the source lines that limit parallelism
    ///
    /// The extension chooses the format: html (a timeline), pftrace (Perfetto), json (Chrome), folded (flame graphs),
    /// anything else text.
    #[arg(long, global = true, value_name = "FILE", help_heading = ALL_COMMANDS)]
    pub(crate) profile: Option<PathBuf>,

    /// Progress display while the command runs
    #[arg(long, global = true, value_enum, default_value_t, help_heading = ALL_COMMANDS)]
    pub(crate) progress: Progress,

    /// Serve a live view of the running program for a browser
    ///
    /// The view shows the tasks, what each waits for, rates and reports, and has a button that cancels the program. Its
    /// URL is printed to standard error; port 0 chooses a free port.
    #[cfg(unix)]
    #[arg(long, global = true, value_name = "[ADDR:]PORT", value_parser = crate::live::address,
          help_heading = ALL_COMMANDS)]
    pub(crate) live: Option<SocketAddr>,

    /// Let --live listen on an address that other machines can reach
    ///
    /// They need the token in the URL, which travels over the network unencrypted.
    #[cfg(unix)]
    #[arg(long, global = true, requires = "live", help_heading = ALL_COMMANDS)]
    pub(crate) live_anywhere: bool,
}

// The help of a command is the doc comment of its arguments; one on the variant would replace it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Images(Images),
    /// Measure what joining threads costs and saves on this machine
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    Dump(Dump),
    Desk(Desk),
    Crawl(Box<crate::commands::crawl::args::Crawl>),
    #[cfg(unix)]
    Serve(Box<crate::commands::serve::args::Serve>),
    /// Print shell completions
    Completions {
        /// Shell to print completions for
        shell: clap_complete::Shell,
    },
}

/// Open a window that resizes pictures (runs the program `reunite-desk`)
#[derive(Debug, clap::Args)]
pub(crate) struct Desk {
    /// Pictures and folders to list in the window at the start
    #[arg(value_name = "PHOTOS")]
    pub(crate) inputs: Vec<PathBuf>,
}

/// Resize pictures in parallel; a damaged file does not stop the others
///
/// Exit codes: 0 success, 1 some pictures failed (each is named), 2 nothing could be started, 124 stopped by --timeout,
/// 130 interrupted by Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Images {
    /// Pictures, or folders to search for JPEG, PNG, WebP, GIF, TIFF and BMP files
    #[arg(required = true, value_name = "PHOTOS")]
    pub(crate) inputs: Vec<PathBuf>,

    /// Output folder; subfolders of the inputs are recreated in it
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Box to scale to, in pixels: one length for a square, or WIDTHxHEIGHT
    #[arg(short, long, value_name = "SIZE", default_value = "512", value_parser = size)]
    pub(crate) size: Size,

    /// Way to fit pictures into the box
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
    /// The colour profile (ICC) is always kept; other metadata is always removed, with or without --strip.
    #[arg(long)]
    pub(crate) strip: bool,

    /// Number of pictures processed at a time [default: number of cores]
    #[arg(short, long, value_name = "N", value_parser = units::number(1..=1024_u16))]
    pub(crate) jobs: Option<u16>,

    /// Memory for pictures in progress, such as 2G [default: half of what is free]
    ///
    /// A picture that needs more than this alone is refused.
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    pub(crate) memory: Option<u64>,

    /// Refuse pictures whose header declares more pixels than this
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

    /// Redo pictures that are up to date, and overwrite unknown files in --out
    ///
    /// Unknown files are those that this program did not write.
    #[arg(long)]
    pub(crate) force: bool,

    /// Print what would be done without doing it
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,

    /// Print one JSON object per line
    ///
    /// One for each picture that was not up to date, then a summary.
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

/// Time one job done in four ways
///
/// The job: fetch photos from a slow server on this machine, resize them, and save them into a temporary folder. The
/// ways: one after another; on threads without coordination; on threads that are joined where they are started; with
/// reunite.
#[derive(Debug, clap::Args)]
pub(crate) struct Table {
    /// Folder of photos [default: samples/photos]
    #[arg(long, value_name = "DIR")]
    pub(crate) photos: Option<PathBuf>,

    /// Number of photos to fetch; the photos of the folder are repeated
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = units::number(1..=10_000_u16))]
    pub(crate) items: u16,

    /// Simulated response time of the server
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "100ms")]
    pub(crate) pace: Duration,

    /// Number of times each way is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = units::number(1..=1000_u16))]
    pub(crate) rounds: u16,

    /// Write an HTML page with the four timelines
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Print one JSON object per line, one for each way
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show the tasks of a running program, and what each waits for and holds
///
/// The program must have opted in by calling the library's `answer_dump_requests`, as every command of `reunite` does.
/// Other programs are not disturbed.
#[derive(Debug, clap::Args)]
pub(crate) struct Dump {
    /// Process ID
    #[arg(value_parser = units::number(0..=u32::MAX))]
    pub(crate) pid: u32,

    /// Print JSON: a list of scopes with parent, owner and tasks
    #[arg(long)]
    pub(crate) json: bool,

    /// Time to wait for the answer
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
