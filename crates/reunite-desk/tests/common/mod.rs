//! Temporary folders of pictures, and the window without a screen.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod screen;

use std::path::{Path, PathBuf};
use std::time::Duration;

use image::{ImageFormat, Rgb, RgbImage};
use reunite_desk::Settings;
use tempfile::TempDir;

/// The time after which a test that waits has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn input(&self) -> PathBuf {
        self.path().join("in")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.path().join("out")
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            width: 32,
            height: 32,
            out: self.out(),
            ..Settings::default()
        }
    }

    /// Writes a picture; the longer its side, the longer it takes to process.
    pub(crate) fn picture(&self, name: &str, side: u32) -> PathBuf {
        let picture = RgbImage::from_fn(side, side, |x, y| {
            Rgb([(x * 7) as u8, (y * 5) as u8, (x ^ y) as u8])
        });
        let path = self.input().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.save_with_format(&path, ImageFormat::Png).unwrap();
        path
    }

    pub(crate) fn pictures(&self, count: usize, side: u32) {
        let first = self.picture("p0000.png", side);
        for number in 1..count {
            std::fs::copy(&first, self.input().join(format!("p{number:04}.png"))).unwrap();
        }
    }

    pub(crate) fn broken(&self, name: &str) -> PathBuf {
        let path = self.input().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, b"\x89PNG\r\n\x1a\nand then nothing").unwrap();
        path
    }

    /// Lists the results. Fails if one is incomplete or a temporary file is left.
    pub(crate) fn results(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.out()) else {
            return Vec::new();
        };
        let mut names: Vec<String> = files
            .map(|file| file.unwrap().path())
            .filter(|path| path.file_name().unwrap() != ".reunite-images.json")
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                assert!(!name.contains("reunite-part"), "{name} is a temporary file");
                image::open(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
                name
            })
            .collect();
        names.sort();
        names
    }
}
