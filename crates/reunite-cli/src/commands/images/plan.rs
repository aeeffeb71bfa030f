//! What was typed becomes what it means.

use std::path::Path;

use reunite_base::machine::{cores, half_of_free_memory};
use reunite_images::batch::{FindError, Found, Job, Ledger, Options, find, sweep};
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

/// Why nothing can be done.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    pub(super) message: Option<String>,
    pub(super) failed: Vec<FindError>,
    pub(super) ignored: usize,
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self {
            message: Some(message),
            ..Self::default()
        }
    }
}

impl Plan {
    /// Unless this is a dry run the output folder is there then, and can be written to.
    pub(super) fn new(args: &Images) -> Result<Self, Refusal> {
        let options = options(args);
        usable(&args.out, args.dry_run)?;
        let mut ledger = Ledger::open(&args.out);
        let found = find(&args.inputs, &args.out, options.transform.format, &ledger);
        let Found {
            jobs,
            ignored,
            mut failed,
        } = found;
        if jobs.is_empty() && failed.is_empty() {
            let inputs = args.inputs.iter().map(|input| input.display().to_string());
            let inputs = inputs.collect::<Vec<_>>().join(", ");
            let message = format!(
                "no pictures in {inputs} ({ignored} other files); JPEG, PNG, WebP, GIF, TIFF and \
                 BMP are read"
            );
            return Err(Refusal {
                message: Some(message),
                failed,
                ignored,
            });
        }
        let is_current = |job: &Job| !args.force && ledger.is_current(job, &options.transform);
        let (current, jobs): (Vec<_>, Vec<_>) = jobs.into_iter().partition(is_current);
        let in_the_way = |job: &Job| !args.force && ledger.is_in_the_way(job);
        let (refused, jobs): (Vec<_>, Vec<_>) = jobs.into_iter().partition(in_the_way);
        failed.extend(refused.into_iter().map(|job| FindError {
            reason: format!(
                "{} is there already, and nothing says that it is its result: move it away, or \
                 replace it by --force",
                job.output.display()
            ),
            path: job.input,
        }));
        if jobs.is_empty() && current.is_empty() {
            return Err(Refusal {
                message: None,
                failed,
                ignored,
            });
        }
        if !args.dry_run {
            sweep(&args.out);
            ledger.begin(&jobs).map_err(|error| {
                format!("--out {} cannot be written to: {error}", args.out.display())
            })?;
        }
        Ok(Self {
            jobs,
            options,
            ledger,
            current: current.len(),
            ignored,
            failed,
        })
    }
}

/// Makes the output folder if it is not there, so that a place where nothing can be written is told before
/// any work is done.
fn usable(out: &Path, dry_run: bool) -> Result<(), String> {
    // The folder, or what it would be made in.
    let there = out.ancestors().find(|path| path.symlink_metadata().is_ok());
    if let Some(file) = there.filter(|path| !path.is_dir()) {
        return Err(match file == out {
            true => format!("--out {} is a file, not a folder", out.display()),
            false => format!(
                "--out {} cannot be made: {} is a file, not a folder",
                out.display(),
                file.display()
            ),
        });
    }
    if dry_run {
        return Ok(());
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
        low_priority: false,
        memory: args.memory.unwrap_or_else(half_of_free_memory),
        item_timeout: args.item_timeout,
    }
}
