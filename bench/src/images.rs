//! Whole programs that make thumbnails of the same photos: CPU time, wall time, memory, similarity.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use image::imageops::FilterType;
use reunite_base::units::counted;

use crate::rounds::median;

const ROUNDS: usize = 5;

/// One run of a program: seconds of CPU time and of wall time, kilobytes of memory at the peak.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    pub(crate) cpu: f64,
    pub(crate) wall: f64,
    pub(crate) peak: f64,
}

struct Peer {
    name: &'static str,
    command: Box<dyn Fn(&Path) -> Command>,
}

pub(crate) fn run(program: &Path, dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut photos: Vec<PathBuf> = fs::read_dir(dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    photos.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    photos.sort();
    let first = photos
        .first()
        .ok_or("there are no .jpg files in that folder")?;
    let peers = peers(program, dir, &photos);
    let out = tempfile::tempdir()?;
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); peers.len()];
    for round in 0..=ROUNDS {
        for turn in 0..peers.len() {
            let at = (round + turn) % peers.len();
            let folder = out.path().join(peers[at].name.replace(' ', "-"));
            let _absent_at_first = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder)?;
            let run = measure((peers[at].command)(&folder))?;
            if round > 0 {
                runs[at].push(run);
            }
        }
    }
    let reference = reference(first)?;
    println!(
        "{}, {ROUNDS} rounds, medians; ratios to the first line",
        counted(photos.len(), "photo")
    );
    println!(
        "{:26} {:>22} {:>22} {:>20} {:>9}",
        "", "CPU ms a photo", "wall ms a photo", "peak MB", "PSNR dB"
    );
    let per = 1000.0 / photos.len() as f64;
    let middle =
        |runs: &[Run], of: fn(&Run) -> f64| median(&runs.iter().map(of).collect::<Vec<_>>());
    for (peer, ours) in peers.iter().zip(&runs) {
        let columns: Vec<String> = [
            (per, (|run| run.cpu) as fn(&Run) -> f64),
            (per, |run| run.wall),
            (1.0 / 1024.0, |run| run.peak),
        ]
        .iter()
        .map(|&(unit, of)| {
            let value = middle(ours, of);
            format!(
                "{:9.1} ({:5.2}×)",
                value * unit,
                value / middle(&runs[0], of)
            )
        })
        .collect();
        let folder = out.path().join(peer.name.replace(' ', "-"));
        let name = first.file_name().ok_or("a photo has no name")?;
        let likeness =
            psnr(&reference, &folder.join(name)).map_or("-".into(), |db| format!("{db:.1}"));
        println!(
            "{:26} {:>22} {:>22} {:>20} {likeness:>9}",
            peer.name, columns[0], columns[1], columns[2]
        );
    }
    Ok(())
}

fn peers(program: &Path, dir: &Path, photos: &[PathBuf]) -> Vec<Peer> {
    let ours = |jobs: &'static str| {
        let (program, dir) = (program.to_owned(), dir.to_owned());
        Box::new(move |out: &Path| {
            let mut command = Command::new(&program);
            command.arg("images").arg(&dir).arg("--out").arg(out);
            command.args(["--jobs", jobs, "--quiet", "--force"]);
            command
        })
    };
    let vips = |threads: &'static str| {
        let photos = photos.to_vec();
        Box::new(move |out: &Path| {
            let mut command = Command::new("vipsthumbnail");
            command
                .env("VIPS_CONCURRENCY", threads)
                .args(&photos)
                .args(["--size", "512"]);
            command.arg("-o").arg(out.join("%s.jpg[Q=80]"));
            command
        })
    };
    let (for_two, for_mogrify, for_pillow) = (photos.to_vec(), photos.to_vec(), photos.to_vec());
    let mut peers = vec![
        Peer {
            name: "vipsthumbnail",
            command: vips("1"),
        },
        Peer {
            name: "reunite --jobs 1",
            command: ours("1"),
        },
        Peer {
            name: "vipsthumbnail, 2 processes",
            command: Box::new(move |out| {
                let mut command = Command::new("sh");
                command.env("VIPS_CONCURRENCY", "1").env("OUT", out);
                command.args(["-c", "printf '%s\\0' \"$@\" | xargs -0 -P 2 -n 6 sh -c 'vipsthumbnail \"$@\" --size 512 -o \"$OUT/%s.jpg[Q=80]\"' sh", "sh"]);
                command.args(&for_two);
                command
            }),
        },
        Peer {
            name: "reunite --jobs 2",
            command: ours("2"),
        },
        Peer {
            name: "mogrify",
            command: Box::new(move |out| {
                let mut command = Command::new("mogrify");
                command
                    .env("MAGICK_THREAD_LIMIT", "1")
                    .arg("-path")
                    .arg(out);
                command
                    .args(["-resize", "512x512", "-quality", "80"])
                    .args(&for_mogrify);
                command
            }),
        },
        Peer {
            name: "Pillow (draft)",
            command: Box::new(move |out| {
                let script = "import sys, os\nfrom PIL import Image\nfor f in sys.argv[2:]:\n    im = Image.open(f); im.draft('RGB', (1024, 1024)); im.thumbnail((512, 512), Image.LANCZOS)\n    im.save(os.path.join(sys.argv[1], os.path.basename(f)), quality=80)";
                let mut command = Command::new("python3");
                command.args(["-c", script]).arg(out).args(&for_pillow);
                command
            }),
        },
    ];
    peers.retain(|peer| {
        let there = is_there(&(peer.command)(Path::new("")));
        if !there {
            println!("{}: not installed", peer.name);
        }
        there
    });
    peers
}

fn is_there(command: &Command) -> bool {
    let program = command.get_program().to_string_lossy().into_owned();
    let probe = if program == "sh" {
        Command::new("vipsthumbnail").arg("--version").output()
    } else if program == "python3" {
        Command::new("python3").args(["-c", "import PIL"]).output()
    } else {
        Command::new(&program).arg("--version").output()
    };
    probe.is_ok_and(|output| output.status.success())
}

/// Runs the command to its end and records the peak memory of the process and its children.
pub(crate) fn measure(mut command: Command) -> Result<Run, Box<dyn Error>> {
    let before = cpu_of_children()?;
    let start = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut peak = 0f64;
    while child.try_wait()?.is_none() {
        peak = peak.max(memory(child.id()));
        std::thread::sleep(Duration::from_millis(2));
    }
    let wall = start.elapsed().as_secs_f64();
    Ok(Run {
        cpu: cpu_of_children()? - before,
        wall,
        peak,
    })
}

/// The seconds of CPU time of all children that were waited for.
fn cpu_of_children() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat
        .rsplit_once(')')
        .ok_or("cannot parse /proc/self/stat")?
        .1;
    let ticks: Vec<f64> = after_name
        .split_whitespace()
        .skip(13)
        .take(2)
        .filter_map(|text| text.parse().ok())
        .collect();
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// The memory in kilobytes of the process and its children together.
fn memory(process: u32) -> f64 {
    let own = fs::read_to_string(format!("/proc/{process}/status"))
        .ok()
        .and_then(|status| {
            let line = status
                .lines()
                .find(|line| line.starts_with("VmRSS:"))?
                .to_owned();
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        });
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let below = children.unwrap_or_default();
    own.unwrap_or(0.0)
        + below
            .split_whitespace()
            .filter_map(|id| id.parse().ok())
            .map(memory)
            .sum::<f64>()
}

/// The reference: every pixel decoded, then scaled with Lanczos.
fn reference(photo: &Path) -> Result<image::RgbImage, Box<dyn Error>> {
    let full =
        image::DynamicImage::ImageRgb8(decode(photo).ok_or("the first photo cannot be read")?);
    Ok(full.resize(512, 512, FilterType::Lanczos3).into_rgb8())
}

fn decode(photo: &Path) -> Option<image::RgbImage> {
    let mut decoder = jpeg_decoder::Decoder::new(fs::File::open(photo).ok()?);
    let pixels = decoder.decode().ok()?;
    let info = decoder.info()?;
    image::RgbImage::from_raw(info.width.into(), info.height.into(), pixels)
}

fn psnr(reference: &image::RgbImage, other: &Path) -> Option<f64> {
    let other = decode(other)?;
    if other.dimensions() != reference.dimensions() {
        return None;
    }
    let squares: f64 = reference
        .as_raw()
        .iter()
        .zip(other.as_raw())
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
        .sum();
    Some(10.0 * (255f64.powi(2) / (squares / reference.as_raw().len() as f64)).log10())
}
