//! From the arguments to a plan: which pictures, with which options.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use reunite_base::machine::{cores, half_of_free_memory};
use reunite_base::units::counted;
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
    /// `None` if the failures are the reason.
    pub(super) error: Option<ImagesPlanError>,
    pub(super) failed: Vec<FindError>,
    pub(super) ignored: usize,
}

/// An error that concerns the whole run.
#[derive(Debug)]
pub(super) enum ImagesPlanError {
    /// The output folder is a file.
    OutputIsFile(PathBuf),
    /// The output folder would be below a file.
    OutputBelowFile { out: PathBuf, file: PathBuf },
    /// The output folder cannot be created.
    CreateOutput(PathBuf, io::Error),
    /// The ledger cannot be written into the output folder.
    WriteOutput(PathBuf, io::Error),
    /// There is no picture among the inputs.
    NoPictures {
        inputs: Vec<PathBuf>,
        ignored: usize,
    },
}

impl fmt::Display for ImagesPlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutputIsFile(out) => write!(f, "--out {} is a file, not a folder", out.display()),
            Self::OutputBelowFile { out, file } => write!(
                f,
                "cannot create --out {}: {} is a file, not a folder",
                out.display(),
                file.display()
            ),
            Self::CreateOutput(out, error) => {
                write!(f, "cannot create --out {}: {error}", out.display())
            }
            Self::WriteOutput(out, error) => {
                write!(f, "cannot write to --out {}: {error}", out.display())
            }
            Self::NoPictures { inputs, ignored } => {
                let inputs = inputs.iter().map(|input| input.display().to_string());
                let inputs = inputs.collect::<Vec<_>>().join(", ");
                let others = counted(*ignored, "other file");
                write!(
                    f,
                    "no pictures in {inputs} ({others}); name JPEG, PNG, WebP, GIF, TIFF or BMP files, \
                     or folders that contain some"
                )
            }
        }
    }
}

impl std::error::Error for ImagesPlanError {}

impl From<ImagesPlanError> for Refusal {
    fn from(error: ImagesPlanError) -> Self {
        Self {
            error: Some(error),
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
            let inputs = args.inputs.clone();
            return Err(Refusal {
                error: Some(ImagesPlanError::NoPictures { inputs, ignored }),
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
                error: None,
                failed,
                ignored,
            });
        }
        if !args.dry_run {
            sweep(&args.out);
            ledger
                .begin(&jobs)
                .map_err(|error| ImagesPlanError::WriteOutput(args.out.clone(), error))?;
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
fn check_output(out: &Path) -> Result<(), ImagesPlanError> {
    // The folder, or the nearest parent that exists.
    let existing = out.ancestors().find(|path| path.symlink_metadata().is_ok());
    if let Some(file) = existing.filter(|path| !path.is_dir()) {
        return Err(match file == out {
            true => ImagesPlanError::OutputIsFile(out.to_owned()),
            false => ImagesPlanError::OutputBelowFile {
                out: out.to_owned(),
                file: file.to_owned(),
            },
        });
    }
    Ok(())
}

/// Creates the output folder, so that a folder that cannot be created is reported before any work is done.
fn create_output(out: &Path) -> Result<(), ImagesPlanError> {
    std::fs::create_dir_all(out)
        .map_err(|error| ImagesPlanError::CreateOutput(out.to_owned(), error))
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
