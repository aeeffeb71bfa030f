//! The search for pictures, and the output path of each.

use std::collections::HashMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use reunite_base::file::is_temporary;
use walkdir::{DirEntry, WalkDir};

use super::job::Job;
use super::ledger::{Ledger, Listed, is_ledger};
use super::stamp::Stamp;
use crate::format::{InputFormat, OutputFormat};

/// The result of a search for pictures.
#[derive(Debug, Default)]
pub struct Found {
    /// The pictures, in a stable order: arguments as given, the files of a folder by name.
    pub jobs: Vec<Job>,
    /// The number of files in folders whose extension is not that of a picture.
    pub ignored: usize,
    /// The paths that could not be used, each with the reason.
    pub failed: Vec<FindError>,
}

/// A path that could not be used.
#[derive(Debug)]
pub struct FindError {
    /// The path.
    pub path: PathBuf,
    /// The reason why the path could not be used.
    pub reason: String,
}

impl fmt::Display for FindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// Lists the pictures among `inputs` and gives each an output path below `out`.
///
/// A file goes directly into `out`. A folder is searched recursively and keeps its layout below `out`, or below
/// `out/<its name>` if there are several inputs. Inside folders, files count as pictures by their extension; a file that
/// is itself an input is always tried. If `out` is inside a searched folder, it is not searched. If `out` is a searched
/// folder, the files that `ledger` knows as results are left out. Links to folders are not followed.
///
/// If two pictures would get the same path, the later one gets its extension appended: `a.png` beside `a.jpg` becomes
/// `a.png.jpg`. If that path is taken too, the later one is an error. No result replaces another result or an input.
pub fn find(
    inputs: &[PathBuf],
    out: &Path,
    format: Option<OutputFormat>,
    ledger: &Ledger,
) -> Found {
    let mut found = Found::default();
    let mut finder = Finder {
        format,
        ledger,
        taken: HashMap::new(),
        found: &mut found,
    };
    let excluded = std::fs::canonicalize(out).ok();
    for input in inputs {
        match std::fs::metadata(input) {
            Err(error) => finder.fail(input, describe(&error)),
            Ok(meta) if meta.is_dir() => {
                let base = match (inputs.len(), input.canonicalize()) {
                    (2.., Ok(full)) => full
                        .file_name()
                        .map_or(out.to_owned(), |name| out.join(name)),
                    _ => out.to_owned(),
                };
                finder.folder(input, &base, excluded.as_deref());
            }
            // Opening a pipe would wait for a writer; reading a device might never end.
            Ok(meta) if !meta.is_file() => {
                finder.fail(input, "neither a file nor a folder".to_owned());
            }
            Ok(_) => match input.file_name() {
                Some(name) => finder.file(input, &out.join(name)),
                None => finder.fail(input, "no file name".to_owned()),
            },
        }
    }
    let inputs: std::collections::HashSet<PathBuf> = found
        .jobs
        .iter()
        .map(|job| &job.input)
        // An input that could not be used must not be overwritten either.
        .chain(found.failed.iter().map(|failed| &failed.path))
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    let (jobs, over_inputs): (Vec<_>, Vec<_>) = found.jobs.drain(..).partition(|job| {
        !job.output
            .canonicalize()
            .is_ok_and(|output| inputs.contains(&output))
    });
    found.jobs = jobs;
    found
        .failed
        .extend(over_inputs.into_iter().map(|job| FindError {
            reason: format!(
                "its result would replace the input {}; choose another output folder",
                job.output.display()
            ),
            path: job.input,
        }));
    found
}

/// The state of a search.
struct Finder<'a> {
    format: Option<OutputFormat>,
    ledger: &'a Ledger,
    /// The input of each output path that is taken.
    taken: HashMap<PathBuf, PathBuf>,
    found: &'a mut Found,
}

impl Finder<'_> {
    fn fail(&mut self, path: &Path, reason: String) {
        self.found.failed.push(FindError {
            path: path.to_owned(),
            reason,
        });
    }

    /// Searches a folder; its files go below `base`.
    fn folder(&mut self, folder: &Path, base: &Path, out: Option<&Path>) {
        let walk = WalkDir::new(folder)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| {
                // The results of earlier runs are not inputs.
                !(entry.depth() > 0
                    && entry.file_type().is_dir()
                    && out.is_some_and(|out| {
                        entry.path().canonicalize().is_ok_and(|path| path == out)
                    }))
            });
        for entry in walk {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_owned();
                    let reason = error.io_error().map_or_else(|| error.to_string(), describe);
                    self.fail(&path, reason);
                    continue;
                }
            };
            let path = entry.path();
            if entry.file_type().is_dir() || is_temporary(path) || is_ledger(path) {
                continue;
            }
            // Follows a link to a file.
            let is_file = match path.metadata() {
                Ok(meta) => meta.is_file(),
                Err(error) if InputFormat::from_path(path).is_some() => {
                    self.fail(path, why_unreadable(&entry, &error));
                    continue;
                }
                Err(_) => false,
            };
            match path.strip_prefix(folder) {
                Ok(inside) if is_file => self.found_file(path, &base.join(inside)),
                _ => self.found.ignored += 1,
            }
        }
    }

    /// Adds a file of a searched folder if it is a picture.
    fn found_file(&mut self, input: &Path, target: &Path) {
        if InputFormat::from_path(input).is_none() {
            self.found.ignored += 1;
            return;
        }
        match self.ledger.lists(input) {
            Listed::No => self.file(input, target),
            // The results of earlier runs are not inputs.
            Listed::Result => {}
            Listed::Changed => self.fail(
                input,
                "this is the result of an earlier run, and was changed since then; move it to another folder \
                 to keep it, or delete it to have it made again"
                    .to_owned(),
            ),
        }
    }

    /// Adds a picture. `target` is its output path with the input's extension.
    fn file(&mut self, input: &Path, target: &Path) {
        // Goes by the content. If that is unknown, the decoder reports the error later.
        let format = self.format.unwrap_or_else(|| {
            sniff(input)
                .or_else(|| InputFormat::from_path(input))
                .map_or(OutputFormat::Jpeg, InputFormat::kept)
        });
        let replaced = if format.is_extension_of(target) {
            target.to_owned()
        } else {
            target.with_extension(format.extension())
        };
        let mut appended = target.to_owned().into_os_string();
        appended.push(".");
        appended.push(format.extension());
        for output in [replaced.clone(), PathBuf::from(appended)] {
            let key = normal(&output);
            match self.taken.get(&key) {
                // The same file twice gets one result.
                Some(other) if same_file(other, input) => return,
                Some(_) => {}
                None => {
                    self.taken.insert(key, input.to_owned());
                    self.found.jobs.push(Job {
                        found: Stamp::of(input),
                        input: input.to_owned(),
                        output,
                        format,
                    });
                    return;
                }
            }
        }
        let other = self
            .taken
            .get(&normal(&replaced))
            .map_or_else(String::new, |other| format!(" of {}", other.display()));
        let reason = format!(
            "its result {} would replace that{other}",
            replaced.display()
        );
        self.fail(input, reason);
    }
}

/// Removes `.` components, so that two spellings of one path are one key.
fn normal(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| !matches!(part, Component::CurDir))
        .collect()
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn sniff(path: &Path) -> Option<InputFormat> {
    use std::io::Read;
    let mut first = Vec::new();
    std::fs::File::open(path)
        .ok()?
        .take(16)
        .read_to_end(&mut first)
        .ok()?;
    InputFormat::sniff(&first)
}

/// Describes why a file that was just listed cannot be read.
fn why_unreadable(entry: &DirEntry, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound if entry.path_is_symlink() => "a broken link".to_owned(),
        _ => describe(error),
    }
}

fn describe(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "no permission to read it".to_owned(),
        _ => error.to_string(),
    }
}
