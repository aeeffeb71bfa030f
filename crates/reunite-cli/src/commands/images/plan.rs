//! What was typed becomes what it means.

use std::path::Path;

use reunite_images::batch::{FindError, Job, Ledger, Options, find};
use reunite_images::{Fit, OutputFormat, Transform};

use crate::args::{FitArg, FormatArg, Images};

/// What is to be done.
pub(super) struct Plan {
    /// The pictures to make.
    pub(super) jobs: Vec<Job>,
    pub(super) options: Options,
    pub(super) ledger: Ledger,
    /// How many are up to date.
    pub(super) current: usize,
    /// How many files are no pictures.
    pub(super) ignored: usize,
    /// Arguments and files that cannot be used.
    pub(super) failed: Vec<FindError>,
}

impl Plan {
    pub(super) fn new(args: &Images) -> Result<Self, String> {
        let options = options(args);
        if !args.dry_run {
            usable(&args.out)?;
        }
        let found = find(&args.inputs, &args.out, options.transform.format);
        if found.jobs.is_empty() && found.failed.is_empty() {
            let inputs: Vec<_> = args
                .inputs
                .iter()
                .map(|input| input.display().to_string())
                .collect();
            return Err(format!(
                "no pictures in {} ({} other files); JPEG, PNG, WebP, GIF, TIFF and BMP are read",
                inputs.join(", "),
                found.ignored
            ));
        }
        if found.jobs.is_empty() {
            let all: Vec<_> = found.failed.iter().map(ToString::to_string).collect();
            return Err(all.join("\nreunite: "));
        }
        let ledger = Ledger::open(&args.out);
        let (current, jobs): (Vec<_>, Vec<_>) = found
            .jobs
            .into_iter()
            .partition(|job| !args.force && ledger.is_current(job, &options.transform));
        let (current, ignored, failed) = (current.len(), found.ignored, found.failed);
        Ok(Self {
            jobs,
            options,
            ledger,
            current,
            ignored,
            failed,
        })
    }
}

/// Makes the output folder if it is not there, so that a place where nothing can be written is told before
/// any work is done.
fn usable(out: &Path) -> Result<(), String> {
    if out.exists() && !out.is_dir() {
        return Err(format!("--out {} is a file, not a folder", out.display()));
    }
    std::fs::create_dir_all(out)
        .map_err(|error| format!("--out {} cannot be made: {error}", out.display()))
}

fn options(args: &Images) -> Options {
    let fit = match args.fit {
        FitArg::Fit => Fit::Fit,
        FitArg::Cover => Fit::Cover,
        FitArg::Exact => Fit::Exact,
    };
    let format = match args.format {
        FormatArg::Keep => None,
        FormatArg::Jpeg => Some(OutputFormat::Jpeg),
        FormatArg::Png => Some(OutputFormat::Png),
        FormatArg::Webp => Some(OutputFormat::WebP),
    };
    Options {
        transform: Transform {
            size: args.size,
            fit,
            enlarge: args.enlarge,
            format,
            quality: args.quality,
            strip: args.strip,
            max_pixels: args.max_pixels,
        },
        threads: args.jobs.map_or_else(cores, usize::from),
        memory: args.memory.unwrap_or_else(half_of_what_is_free),
        item_timeout: args.item_timeout,
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Of the machine's memory or the cgroup's, whichever is less; 256 MiB where nobody knows.
fn half_of_what_is_free() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let free = match system.cgroup_limits() {
        Some(limits) => limits.free_memory.min(system.available_memory()),
        None => system.available_memory(),
    };
    (free / 2).max(256 << 20)
}
