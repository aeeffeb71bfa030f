//! Many distinct photos to measure with: crops of a few large pictures, each with light and grain of its own.

use std::path::Path;
use std::sync::Mutex;
use std::thread;

use crate::canvas::Canvas;
use crate::encode::{Picture, save};
use crate::noise::chance;
use crate::scenes::{Scene, canal, lighthouse, poppies};

const WIDTH: usize = 4000;
const HEIGHT: usize = 3000;
/// The number of pixels by which the source pictures are larger than the crops, in each direction.
const ROOM: usize = 400;
const QUALITY: u8 = 90;
/// Fine detail, soft gradients, texture.
const MASTERS: [Scene; 3] = [canal::picture, lighthouse::picture, poppies::picture];

/// A master, developed: three bytes a pixel.
struct Master {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

pub(crate) fn write(count: usize, out: &Path) -> Result<(), String> {
    let masters: Vec<Master> = MASTERS
        .iter()
        .take(count)
        .zip(40..)
        .map(|(scene, seed)| Master::paint(*scene, seed))
        .collect();
    let next = Mutex::new(0..count);
    let write_some = || {
        while let Some(number) = { next.lock().map_err(|why| why.to_string())?.next() } {
            let picture = crop(&masters[number % masters.len()], number as u32);
            let path = out.join(format!("photo-{number:04}.jpg"));
            save(&path, &picture.jpeg(QUALITY, None, None)?)?;
        }
        Ok(())
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..cores).map(|_| scope.spawn(write_some)).collect();
        writers.into_iter().try_for_each(|writer| {
            writer
                .join()
                .unwrap_or_else(|_| Err("a writer panicked".to_owned()))
        })
    })?;
    println!("photos of {WIDTH}x{HEIGHT} in {}: {count}", out.display());
    Ok(())
}

impl Master {
    fn paint(scene: Scene, seed: u32) -> Self {
        let (width, height) = (WIDTH + ROOM, HEIGHT + ROOM);
        let canvas: Canvas = scene(width, height, seed);
        Self {
            width,
            height,
            rgb: canvas.develop(1.0, 0.0, seed),
        }
    }
}

fn crop(master: &Master, number: u32) -> Picture {
    let left = (chance(1, 0, number) * (master.width - WIDTH) as f32) as usize;
    let top = (chance(2, 0, number) * (master.height - HEIGHT) as f32) as usize;
    let gain = 0.85 + 0.3 * chance(3, 0, number);
    let flip = chance(4, 0, number) < 0.5;
    let curve: Vec<f32> = (0..=255).map(|level| level as f32 * gain).collect();
    let mut rgb = vec![0; WIDTH * HEIGHT * 3];
    for (row, line) in rgb.chunks_exact_mut(WIDTH * 3).enumerate() {
        for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
            let from = if flip { WIDTH - 1 - column } else { column };
            let at = ((top + row) * master.width + left + from) * 3;
            let grain = (chance(column as i32, row as i32, number) - 0.5) * 12.0;
            for (out, level) in pixel.iter_mut().zip(&master.rgb[at..at + 3]) {
                *out = (curve[usize::from(*level)] + grain) as u8;
            }
        }
    }
    Picture {
        width: WIDTH,
        height: HEIGHT,
        rgb,
    }
}
