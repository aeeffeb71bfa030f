//! What was typed.

#[cfg(unix)]
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use reunite_images::Size;

use crate::progress::Progress;
use crate::units;

/// Tools that do many things at a time and lose none of them.
#[derive(Debug, Parser)]
#[command(name = "reunite", version, about, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Write a profile: how parallel it was, how parallel it could be, which line holds it back. The extension
    /// decides the form: html (a timeline), pftrace (Perfetto), json (Chrome), folded (flame graphs), else text
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,

    /// What to show while it runs
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) progress: Progress,

    /// Show the program at work in a browser: its tasks, what each waits for, rates, reports, and a button that cancels
    /// it. Where to look is printed; port 0 takes a free one
    #[cfg(unix)]
    #[arg(long, global = true, value_name = "[ADDR:]PORT", value_parser = crate::live::address)]
    pub(crate) live: Option<SocketAddr>,

    /// Let --live listen at an address that others can reach; they need the token, which goes over the network in the
    /// clear
    #[cfg(unix)]
    #[arg(long, global = true, requires = "live")]
    pub(crate) live_anywhere: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make pictures smaller: whole folders, side by side, one bad file ruining nothing
    Images(Images),
    /// Measure what joining costs and saves on this machine
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Show what a running program is doing: its scopes and tasks, what each waits for, holding what
    Dump(Dump),
    /// Open a window in which pictures are made smaller (the program `reunite-desk`)
    Desk(Desk),
    /// Crawl sites into one file: side by side, politely, each page once and whole; stop and go on at will
    Crawl(Box<crate::commands::crawl::args::Crawl>),
    /// Serve a folder over HTTP: to many at a time, nothing outside of it, every answer whole
    #[cfg(unix)]
    Serve(Box<crate::commands::serve::args::Serve>),
    /// Print completions for a shell
    Completions {
        /// The shell to print them for
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Desk {
    /// Pictures and folders that are in its list from the beginning
    #[arg(value_name = "PHOTOS")]
    pub(crate) inputs: Vec<PathBuf>,
}

/// The exit code is 0 if all was done, 1 if some pictures failed (each is named), 2 if nothing could
/// begin, 124 after --timeout, 130 after Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Images {
    /// Pictures, and folders to search for pictures (JPEG, PNG, WebP, GIF, TIFF, BMP)
    #[arg(required = true, value_name = "PHOTOS")]
    pub(crate) inputs: Vec<PathBuf>,

    /// The folder for the results; folders inside the inputs are kept
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// The box to scale to: one length for a square, or WIDTHxHEIGHT
    #[arg(short, long, value_name = "SIZE", default_value = "512", value_parser = size)]
    pub(crate) size: Size,

    /// How a picture fills the box
    #[arg(long, value_enum, default_value_t)]
    pub(crate) fit: FitArg,

    /// Scale small pictures up, too
    #[arg(long)]
    pub(crate) enlarge: bool,

    /// The format of the results; `keep` writes what is JPEG, PNG or WebP by its content as that, and the rest
    /// as PNG
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) format: FormatArg,

    /// Of JPEG and WebP
    #[arg(short, long, value_name = "1-100", default_value_t = 80,
          value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) quality: u8,

    /// Leave out the camera's EXIF, which is kept otherwise; the colour profile (ICC) stays, other
    /// metadata is never kept
    #[arg(long)]
    pub(crate) strip: bool,

    /// How many pictures at a time [default: as many as there are cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,

    /// How much memory the pictures in work may take together, such as 500M or 2G; one that needs more
    /// is refused [default: half of what is free]
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    pub(crate) memory: Option<u64>,

    /// Refuse pictures whose header announces more pixels than this
    #[arg(long, value_name = "N", default_value_t = 0x3fff * 0x3fff)]
    pub(crate) max_pixels: u64,

    /// Give up on a picture after this long, such as 30s or 1m30s
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) item_timeout: Option<Duration>,

    /// Stop everything after this long, such as 10m or 1h30m
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) timeout: Option<Duration>,

    /// Stop at the first picture that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,

    /// Make pictures again that are up to date, and replace files in --out that are no known results
    #[arg(long)]
    pub(crate) force: bool,

    /// Say what would be done, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,

    /// One JSON object a line: one for each picture that was not up to date, then a summary
    #[arg(long)]
    pub(crate) json: bool,

    /// No progress bar, no summary; failures are still told
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// One job done in four ways: one after another; on threads without coordination; on threads that are joined
    /// where they are started; with reunite
    Table(Table),
}

/// The job: photos, each fetched from a server on this machine that takes its time, made smaller, saved into a
/// temporary folder.
#[derive(Debug, clap::Args)]
pub(crate) struct Table {
    /// The folder of photos [default: samples/photos]
    #[arg(long, value_name = "DIR")]
    pub(crate) photos: Option<PathBuf>,

    /// How many photos are fetched, the same ones again and again
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) items: u16,

    /// How long the server takes for a photo
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "100ms")]
    pub(crate) pace: Duration,

    /// How often each way is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) rounds: u16,

    /// Write a page with the four timelines
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// One JSON object a line for each way
    #[arg(long)]
    pub(crate) json: bool,
}

/// The program asked must have opted in, as every command of `reunite` does (library: `answer_dump_requests`);
/// others are not disturbed.
#[derive(Debug, clap::Args)]
pub(crate) struct Dump {
    /// The number of the process
    pub(crate) pid: u32,

    /// As JSON: a list of scopes with parent, owner and tasks
    #[arg(long)]
    pub(crate) json: bool,

    /// How long to wait for the answer
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "5s")]
    pub(crate) wait: Duration,
}

const EXAMPLES: &str = "\
Examples:
  reunite images ~/Pictures --out thumbs
  reunite images *.jpg --out web --size 1920x1080 --format webp --strip
  reunite images scans --out small --fit cover --size 256 --jobs 2 --memory 500M";

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum FitArg {
    /// All of the picture inside the box
    #[default]
    Fit,
    /// All of the box filled, what protrudes cut off
    Cover,
    /// Exactly the box, proportions ignored
    Exact,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum FormatArg {
    #[default]
    Keep,
    Jpeg,
    Png,
    Webp,
}

fn size(text: &str) -> Result<Size, String> {
    let side = |text: &str| match text.trim().parse() {
        Ok(length @ 1..=65_500) => Ok(length),
        _ => Err("give one length such as 512, or WIDTHxHEIGHT, up to 65500 pixels".to_owned()),
    };
    match text.split_once(['x', 'X', '×']) {
        Some((width, height)) => Ok(Size::new(side(width)?, side(height)?)),
        None => side(text).map(|length| Size::new(length, length)),
    }
}
