//! From the arguments to a plan: which pictures, with which options.

use std::path::Path;

use reunite_base::machine::{cores, half_of_free_memory};
use reunite_images::batch::{FindError, Found, Job, Ledger, Options, find, sweep};
use reunite_images::{Fit, OutputFormat, Transform};

use crate::args::{FitArg, Images, OutputFormatArg};

/// The work of a run: its pictures and settings.
pub(super) struct ImagesPlan {
    /// The pictures to make.
    pub(super) jobs: Vec<Job>,
    pub(super) options: Options,
    pub(super) ledger: Ledger,
    /// The number of pictures that are up to date.
    pub(super) current: usize,
    /// The number of files that are not pictures.
    pub(super) ignored: usize,
    /// Arguments and files that cannot be used.
    pub(super) failed: Vec<FindError>,
}

/// The reasons why a run cannot start.
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

impl ImagesPlan {
    /// Finds the pictures. Unless this is a dry run, also creates the output folder and checks that it is writable.
    pub(super) fn new(args: &Images) -> Result<Self, Refusal> {
        let options = options(args);
        check_output(&args.out)?;
        if !args.dry_run {
            create_output(&args.out)?;
        }
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
                "no pictures in {inputs} ({ignored} other {}); name JPEG, PNG, WebP, GIF, TIFF or BMP \
                 files, or folders that contain some",
                if ignored == 1 { "file" } else { "files" }
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
                "{} already exists and is not a known result of this picture; move it away, or replace \
                 it with --force",
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
                format!("cannot write to --out {}: {error}", args.out.display())
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

/// Fails if the output folder cannot exist because a file is in the way.
fn check_output(out: &Path) -> Result<(), String> {
    // The folder, or the nearest parent that exists.
    let existing = out.ancestors().find(|path| path.symlink_metadata().is_ok());
    if let Some(file) = existing.filter(|path| !path.is_dir()) {
        return Err(match file == out {
            true => format!("--out {} is a file, not a folder", out.display()),
            false => format!(
                "cannot create --out {}: {} is a file, not a folder",
                out.display(),
                file.display()
            ),
        });
    }
    Ok(())
}

/// Creates the output folder, so that a folder that cannot be created is reported before any work is done.
fn create_output(out: &Path) -> Result<(), String> {
    std::fs::create_dir_all(out)
        .map_err(|error| format!("cannot create --out {}: {error}", out.display()))
}

fn options(args: &Images) -> Options {
    let fit = match args.fit {
        FitArg::Fit => Fit::Fit,
        FitArg::Cover => Fit::Cover,
        FitArg::Exact => Fit::Exact,
    };
    let format = match args.format {
        OutputFormatArg::Keep => None,
        OutputFormatArg::Jpeg => Some(OutputFormat::Jpeg),
        OutputFormatArg::Png => Some(OutputFormat::Png),
        OutputFormatArg::Webp => Some(OutputFormat::WebP),
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
