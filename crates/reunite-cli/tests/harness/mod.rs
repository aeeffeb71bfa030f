//! Runs the program as a user would, in a folder of its own, and captures its output and exit code.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A folder for one test.
pub(crate) struct Place(TempDir);

/// The output and the exit status of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(inside)
    }

    /// Returns a command that runs the program in this folder.
    pub(crate) fn command(&self, args: &[&dyn AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reunite"));
        command
            .args(args.iter().map(AsRef::as_ref))
            .current_dir(self.0.path());
        command.stdin(Stdio::null());
        // Removes settings of the user who runs the tests.
        for variable in [
            "REUNITE_FLIGHT",
            "REUNITE_PROFILE",
            "REUNITE_THREADS",
            "CLICOLOR_FORCE",
            "RUST_BACKTRACE",
        ] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&dyn AsRef<OsStr>]) -> Ran {
        self.command(args)
            .output()
            .expect("the program starts")
            .into()
    }

    /// Starts `serve www` on a free port with more arguments, and waits until it prints its address. Returns the address
    /// without `http://`, and standard error, which must stay open so that the server can write to it.
    pub(crate) fn serve(&self, more: &[&str]) -> (Child, String, BufReader<ChildStderr>) {
        let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"serve", &"www", &"--listen", &"127.0.0.1:0"];
        args.extend(more.iter().map(|arg| arg as &dyn AsRef<OsStr>));
        let mut child = self.start(&args);
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let (_, address) = line.split_once("://").unwrap_or_else(|| panic!("{line}"));
        let address = address.trim().trim_end_matches('/').to_owned();
        (child, address, stderr)
    }

    /// Starts the program and does not wait for it.
    pub(crate) fn start(&self, args: &[&dyn AsRef<OsStr>]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }

    pub(crate) fn write(&self, inside: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(inside);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, bytes).expect("a file");
        path
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }
    }
}

impl Ran {
    /// Returns the JSON lines.
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("a JSON line"))
            .collect()
    }

    /// Returns the last JSON line.
    pub(crate) fn summary(&self) -> serde_json::Value {
        let last = self.events().pop().expect("a summary");
        assert_eq!(last["event"], "summary");
        last
    }
}

/// Waits until `there` returns true, and fails after a minute.
pub(crate) fn until(what: &str, mut there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !there() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "waited in vain until {what}"
        );
        std::thread::yield_now();
    }
}

/// Returns the folder of sample photos in the repository.
pub(crate) fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/photos")
}

/// Returns a JPEG with enough detail to take some time to decode.
pub(crate) fn photo(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..width * height)
        .flat_map(|at| {
            let (x, y) = (at % width + seed * 7, at / width);
            [(x * y / 97) as u8, (x / 5 + y / 3) as u8, (x ^ y) as u8]
        })
        .collect();
    let image = image::RgbImage::from_raw(width, height, pixels).expect("enough pixels");
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 85)
        .encode_image(&image)
        .expect("a JPEG");
    bytes
}

/// Fails unless the file decodes completely.
pub(crate) fn assert_whole(path: &Path) {
    let bytes = std::fs::read(path).expect("a file");
    let wanted = reunite_images::Transform::default();
    if let Err(error) = reunite_images::transform(&bytes, &wanted) {
        panic!("{} is not whole: {error}", path.display());
    }
}

/// Lists every file below a folder, each with its path below that folder.
pub(crate) fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .expect("below")
                    .to_string_lossy()
                    .into_owned();
                found.push((name, path));
            }
        }
    }
    found.sort();
    found
}

/// Lists the files that are not hidden.
pub(crate) fn pictures(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = files(folder);
    found.retain(|(_, path)| {
        !path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .starts_with('.')
    });
    found
}

fn segment(file: &mut Vec<u8>, marker: u8, content: &[u8]) {
    file.extend([0xff, marker]);
    file.extend((content.len() as u16 + 2).to_be_bytes());
    file.extend(content);
}

/// Returns a grey progressive JPEG of 8191 × 8191 pixels that is one megabyte long and takes many seconds to decode: it
/// has eight thousand scans that add nothing to any block.
pub(crate) fn slow_photo() -> Vec<u8> {
    const SIDE: u16 = 8191;
    let blocks = usize::from(SIDE.div_ceil(8)).pow(2);
    let side = SIDE.to_be_bytes();
    let mut file = vec![0xff, 0xd8];
    segment(&mut file, 0xdb, &[&[0][..], &[1; 64]].concat());
    let frame = [&[8][..], &side, &side, &[1, 1, 0x11, 0]].concat();
    segment(&mut file, 0xc2, &frame);
    // One code of one bit in each table: a difference of zero, and the end of 16384 blocks.
    for (table, symbol) in [(0x00, 0x00), (0x10, 0xe0)] {
        let mut codes = [0; 18];
        (codes[0], codes[1], codes[17]) = (table, 1, symbol);
        segment(&mut file, 0xc4, &codes);
    }
    segment(&mut file, 0xda, &[1, 1, 0, 0, 0, 0]);
    file.resize(file.len() + blocks.div_ceil(8), 0);
    for _ in 0..8000 {
        segment(&mut file, 0xda, &[1, 1, 0, 1, 63, 0]);
        file.resize(file.len() + (blocks.div_ceil(16_384) * 15).div_ceil(8), 0);
    }
    file.extend([0xff, 0xd9]);
    file
}
