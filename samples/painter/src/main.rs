//! `cargo xtask samples`: renders the sample photos and writes them as cameras and editors would.

#![forbid(unsafe_code)]

mod canvas;
mod encode;
mod exif;
mod icc;
mod many;
mod noise;
mod scenes;
mod terrain;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use canvas::Canvas;
use encode::{Picture, save};
use exif::Exif;
use scenes::{Scene, blue_door, canal, dunes, lake, lighthouse, milky_way, poppies, sunflower};

/// The format of a stored sample.
enum Stored {
    Jpeg { quality: u8 },
    Camera { quality: u8 },
    OnItsSide { quality: u8, orientation: u16 },
    WideGamut { quality: u8 },
    Webp { quality: f32 },
    Cutout,
    CutShort { quality: u8 },
}

struct Sample {
    path: &'static str,
    scene: Scene,
    /// Upright.
    size: (usize, usize),
    seed: u32,
    grain: f32,
    stored: Stored,
}

const SAMPLES: &[Sample] = &[
    Sample {
        path: "mountains/lake.jpg",
        scene: lake::picture,
        size: (4000, 3000),
        seed: 11,
        grain: 2.0,
        stored: Stored::Camera { quality: 84 },
    },
    Sample {
        path: "mountains/milky-way.jpg",
        scene: milky_way::picture,
        size: (3000, 2000),
        seed: 3,
        grain: 3.0,
        stored: Stored::Jpeg { quality: 80 },
    },
    Sample {
        path: "coast/lighthouse.jpg",
        scene: lighthouse::picture,
        size: (2000, 3000),
        seed: 5,
        grain: 2.0,
        stored: Stored::OnItsSide {
            quality: 80,
            orientation: 6,
        },
    },
    Sample {
        path: "coast/dunes.webp",
        scene: dunes::picture,
        size: (2400, 1600),
        seed: 8,
        grain: 1.5,
        stored: Stored::Webp { quality: 88.0 },
    },
    Sample {
        path: "town/canal.jpg",
        scene: canal::picture,
        size: (3000, 2000),
        seed: 21,
        grain: 2.0,
        stored: Stored::Jpeg { quality: 80 },
    },
    Sample {
        path: "town/blue-door.jpg",
        scene: blue_door::picture,
        size: (1600, 2400),
        seed: 9,
        grain: 1.5,
        stored: Stored::OnItsSide {
            quality: 78,
            orientation: 8,
        },
    },
    Sample {
        path: "garden/poppies.jpg",
        scene: poppies::picture,
        size: (3000, 2000),
        seed: 14,
        grain: 1.5,
        stored: Stored::WideGamut { quality: 82 },
    },
    Sample {
        path: "garden/sunflower.png",
        scene: sunflower::picture,
        size: (900, 900),
        seed: 2,
        grain: 0.0,
        stored: Stored::Cutout,
    },
    Sample {
        path: "broken.jpg",
        scene: dunes::picture,
        size: (1500, 1000),
        seed: 77,
        grain: 1.5,
        stored: Stored::CutShort { quality: 78 },
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("samples: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<(), String> {
    match args {
        [] => paint(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../photos")),
        ["--draft", out] => draft(Path::new(out)),
        ["--many", count, "--out", out] | ["--out", out, "--many", count] => {
            let count = count
                .parse()
                .map_err(|_| format!("invalid number of photos `{count}`"))?;
            many::write(count, Path::new(out))
        }
        _ => Err("usage: cargo xtask samples [--many N --out DIR | --draft DIR]".to_owned()),
    }
}

fn paint(photos: &Path) -> Result<(), String> {
    let mut total = 0;
    for sample in SAMPLES {
        let start = Instant::now();
        let (width, height) = sample.size;
        let bytes = sample.encode(&(sample.scene)(width, height, sample.seed))?;
        let path = photos.join(sample.path);
        save(&path, &bytes)?;
        total += bytes.len();
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{:>8} kB  {} ({seconds:.1} s)",
            bytes.len() / 1000,
            sample.path
        );
    }
    println!("{:>8} kB  in all", total / 1000);
    Ok(())
}

/// Renders all scenes upright at a third of their size, to look at while working on one.
fn draft(out: &Path) -> Result<(), String> {
    for sample in SAMPLES {
        let (width, height) = (sample.size.0 / 3, sample.size.1 / 3);
        let canvas = (sample.scene)(width, height, sample.seed);
        let path = out
            .join(sample.path.replace('/', "-"))
            .with_extension("png");
        save(
            &path,
            &encode::png(width, height, &canvas.develop_cutout())?,
        )?;
    }
    Ok(())
}

impl Sample {
    fn encode(&self, canvas: &Canvas) -> Result<Vec<u8>, String> {
        let (width, height) = self.size;
        if let Stored::Cutout = self.stored {
            return encode::png(width, height, &canvas.develop_cutout());
        }
        let picture = Picture {
            width,
            height,
            rgb: canvas.develop(1.0, self.grain, self.seed),
        };
        match self.stored {
            Stored::Jpeg { quality } => picture.jpeg(quality, None, None),
            Stored::Camera { quality } => picture.jpeg(quality, Some(Exif::Camera), None),
            Stored::OnItsSide {
                quality,
                orientation,
            } => {
                let exif = Exif::Turned(orientation);
                picture
                    .laid_on_its_side(orientation)
                    .jpeg(quality, Some(exif), None)
            }
            Stored::WideGamut { quality } => picture.jpeg(quality, None, Some(&icc::display_p3())),
            Stored::CutShort { quality } => {
                let mut bytes = picture.jpeg(quality, None, None)?;
                bytes.truncate(bytes.len() * 2 / 5);
                Ok(bytes)
            }
            Stored::Webp { quality } => Ok(picture.webp(quality)),
            Stored::Cutout => unreachable!("written above"),
        }
    }
}
