//! Damaged and malicious files: each is an error, within the estimated memory.
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Cursor;
use std::sync::Once;

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use img_parts::{DynImage, ImageEXIF, ImageICC};
use libjpeg_turbo_rs::{PixelFormat, Subsampling};
use reunite_images::{Fit, ImageError, OutputFormat, Probe, Size, Transform, transform};

/// The system's allocator, which counts the bytes each thread holds. It does not see what libwebp allocates.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    let held = HELD.get() + change;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

// SAFETY: every call is forwarded unchanged to `System`; counting allocates nothing and touches no allocated memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller upholds the contract of `GlobalAlloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller upholds the contract of `GlobalAlloc`, which is that of `System`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller upholds the contract of `GlobalAlloc`; the memory was allocated by `System`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: the caller upholds the contract of `GlobalAlloc`; the memory was allocated by `System`.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static MEASURING: Cell<bool> = const { Cell::new(false) };
}

/// Returns the value of `f`, and the most additional bytes that this thread held while it ran. The panic hook is
/// silenced, because its message and backtrace would be measured too.
fn measured<R>(f: impl FnOnce() -> R) -> (R, u64) {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !MEASURING.get() {
                tell(panic);
            }
        }));
    });
    let before = HELD.get();
    PEAK.set(before);
    MEASURING.set(true);
    let result = f();
    MEASURING.set(false);
    (result, (PEAK.get() - before) as u64)
}

fn scene(width: u32, height: u32) -> DynamicImage {
    let mut grain = 7u32;
    let image = RgbaImage::from_fn(width, height, |x, y| {
        grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (grain >> 28) as u8;
        Rgba([
            (x * 255 / width) as u8 / 2 + noise,
            (y * 255 / height) as u8 / 2 + noise,
            ((x / 5) ^ (y / 3)) as u8,
            255 - (x * y % 200) as u8,
        ])
    });
    DynamicImage::ImageRgba8(image)
}

fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    image
        .write_to(&mut Cursor::new(&mut bytes), format)
        .unwrap();
    bytes
}

fn jpeg(image: &DynamicImage, format: PixelFormat, progressive: bool) -> Vec<u8> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let pixels = match format {
        PixelFormat::Grayscale => image.to_luma8().into_raw(),
        PixelFormat::Rgb => image.to_rgb8().into_raw(),
        _ => image.to_rgba8().into_raw(),
    };
    libjpeg_turbo_rs::Encoder::new(&pixels, width, height, format)
        .subsampling(Subsampling::S420)
        .quality(90)
        .progressive(progressive)
        .encode()
        .unwrap()
}

fn webp(image: &DynamicImage, lossless: bool) -> Vec<u8> {
    let encoder = webp::Encoder::from_image(image).unwrap();
    encoder.encode_simple(lossless, 80.0).unwrap().to_vec()
}

/// Encodes the picture in every variant of a format.
fn files(format: &str, image: &DynamicImage) -> Vec<Vec<u8>> {
    let opaque = DynamicImage::ImageRgb8(image.to_rgb8());
    let gray = DynamicImage::ImageLuma8(image.to_luma8());
    match format {
        "JPEG" => vec![
            jpeg(image, PixelFormat::Rgb, false),
            jpeg(image, PixelFormat::Rgb, true),
            jpeg(image, PixelFormat::Grayscale, false),
            jpeg(image, PixelFormat::Cmyk, false),
        ],
        "PNG" => vec![
            written(image, ImageFormat::Png),
            written(&opaque, ImageFormat::Png),
            written(&gray, ImageFormat::Png),
            written(
                &DynamicImage::ImageRgba16(image.to_rgba16()),
                ImageFormat::Png,
            ),
        ],
        "WebP" => vec![webp(image, false), webp(&opaque, false), webp(image, true)],
        "GIF" => vec![written(image, ImageFormat::Gif)],
        "TIFF" => vec![
            written(image, ImageFormat::Tiff),
            written(&opaque, ImageFormat::Tiff),
            written(&gray, ImageFormat::Tiff),
            written(
                &DynamicImage::ImageRgb16(image.to_rgb16()),
                ImageFormat::Tiff,
            ),
        ],
        "BMP" => vec![
            written(image, ImageFormat::Bmp),
            written(&opaque, ImageFormat::Bmp),
            written(&gray, ImageFormat::Bmp),
        ],
        other => panic!("no format {other}"),
    }
}

const FORMATS: [&str; 6] = ["JPEG", "PNG", "WebP", "GIF", "TIFF", "BMP"];

/// Shapes with very different sides, because the resampler handles one direction first.
const SHAPES: [(u32, u32); 3] = [(320, 240), (1200, 30), (30, 1200)];

/// Settings for every path through the resampler: down, unchanged, up, cropped, and stretched.
fn transforms() -> Vec<Transform> {
    use OutputFormat::{Jpeg, Png, WebP};
    let square = |side| Size::new(side, side);
    let wanted = [
        (Fit::Fit, square(48), false, Png),
        (Fit::Fit, square(2000), false, WebP),
        (Fit::Fit, square(640), true, Jpeg),
        (Fit::Cover, square(160), true, Jpeg),
        (Fit::Exact, Size::new(60, 500), true, WebP),
        (Fit::Exact, Size::new(500, 60), true, Png),
    ];
    wanted
        .map(|(fit, size, enlarge, format)| Transform {
            fit,
            size,
            enlarge,
            format: Some(format),
            ..Transform::default()
        })
        .into()
}

/// Returns a little-endian EXIF block that contains only an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x01\0".to_vec();
    block.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    block.extend([0; 4]);
    block
}

/// Returns the file with an orientation that exchanges its sides, and with a colour profile.
fn on_its_side(file: &[u8]) -> Option<Vec<u8>> {
    let mut parts = DynImage::from_bytes(file.to_vec().into()).unwrap()?;
    parts.set_exif(Some(exif(6).into()));
    let mut profile = vec![1; 100_000];
    profile[16..20].copy_from_slice(b"RGB ");
    parts.set_icc_profile(Some(profile.into()));
    Some(parts.encoder().bytes().to_vec())
}

fn assert_within_the_estimate(format: &str) {
    for (width, height) in SHAPES {
        let mut files = files(format, &scene(width, height));
        files.extend(on_its_side(&files[0]));
        for (kind, file) in files.iter().enumerate() {
            for wanted in transforms() {
                let estimate = Probe::read(file).unwrap().peak_bytes(&wanted);
                let (made, peak) = measured(|| transform(file, &wanted));
                made.unwrap();
                assert!(
                    peak <= estimate,
                    "{format} {kind} of {width}x{height}: {peak} bytes, estimated {estimate}, {wanted:?}"
                );
            }
        }
    }
}

#[test]
fn jpegs_take_no_more_than_estimated() {
    assert_within_the_estimate("JPEG");
}

#[test]
fn pngs_take_no_more_than_estimated() {
    assert_within_the_estimate("PNG");
}

#[test]
fn webps_take_no_more_than_estimated() {
    assert_within_the_estimate("WebP");
}

#[test]
fn gifs_tiffs_and_bmps_take_no_more_than_estimated() {
    ["GIF", "TIFF", "BMP"]
        .iter()
        .for_each(|format| assert_within_the_estimate(format));
}

/// Only the system sees what libwebp allocates, so a child process reports its high-water mark.
#[cfg(target_os = "linux")]
#[test]
fn libwebp_takes_no_more_than_estimated() {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};
    const CHILD: &str = "REUNITE_TEST_HIGH_WATER";
    let wanted = Transform {
        size: Size::new(1600, 1600),
        format: Some(OutputFormat::WebP),
        quality: 95,
        ..Transform::default()
    };
    let high_water = || -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
        kilobytes.parse::<u64>().unwrap() * 1024
    };
    if std::env::var_os(CHILD).is_some() {
        let mut file = Vec::new();
        std::io::stdin().read_to_end(&mut file).unwrap();
        let before = high_water();
        transform(&file, &wanted).unwrap();
        println!("took {} bytes", high_water() - before);
        return;
    }
    let image = scene(1600, 1200);
    for (kind, file) in files("WebP", &image).iter().enumerate() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "libwebp_takes_no_more_than_estimated",
                "--exact",
                "--nocapture",
            ])
            .env(CHILD, "1")
            // Freed memory returns to the system at once, so it is not counted with later allocations.
            .env("MALLOC_MMAP_THRESHOLD_", "65536")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(file).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let after = text.split("took ").nth(1).expect("a child that tells");
        let took: u64 = after.split(' ').next().unwrap().parse().unwrap();
        let estimate = Probe::read(file).unwrap().peak_bytes(&wanted);
        assert!(took > image.as_bytes().len() as u64, "only {took} measured");
        // The pages of the program's code that are used for the first time.
        let slack = 6 << 20;
        assert!(
            took <= estimate + slack,
            "{kind}: {took} bytes, estimated {estimate}"
        );
    }
}

/// A generator of pseudo-random numbers with a fixed seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    /// Flips bits, overwrites a range, truncates, or several of these; half of the damage is in the first hundred
    /// bytes, where headers are.
    fn damage(&mut self, file: &[u8]) -> Vec<u8> {
        let mut damaged = file.to_vec();
        for _ in 0..=self.below(3) {
            let reach = if self.below(2) == 0 { 100 } else { usize::MAX };
            let at = self.below(damaged.len().min(reach));
            match self.below(8) {
                0 => damaged.truncate(at.max(16)),
                1 | 2 => {
                    let end = damaged.len().min(at + 1 + self.below(6));
                    let value = self.below(256) as u8;
                    damaged[at..end].fill(value);
                }
                _ => damaged[at] ^= 1 << self.below(8),
            }
        }
        damaged
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), step)
    })
}

/// Corrects the checksums of a PNG's chunks, so that decoders accept the damage.
fn with_right_checksums(mut png: Vec<u8>) -> Vec<u8> {
    let mut at = 8;
    while let Some(head) = png.get(at..at + 4) {
        let length = u32::from_be_bytes(head.try_into().unwrap()) as usize;
        let end = at.saturating_add(8).saturating_add(length);
        let Some(chunk) = png.get(at + 4..end) else {
            break;
        };
        let sum = crc(chunk).to_be_bytes();
        let Some(place) = png.get_mut(end..end + 4) else {
            break;
        };
        place.copy_from_slice(&sum);
        at = end + 4;
    }
    png
}

fn assert_explained(error: &ImageError, context: &str) {
    let kinds = [
        error.is_unsupported(),
        error.is_corrupt(),
        error.is_too_large(),
    ];
    let matching = kinds.iter().filter(|is| **is).count();
    assert_eq!(matching, 1, "{context}: {error:?}");
    assert!(error.to_string().len() > 20, "{context}: {error}");
}

/// The most pixels that the damaged files may declare.
const PIXELS: u64 = 1 << 16;

/// The bytes that a file may take before its header is read, or for a profile that it declares.
const ASIDE: u64 = 32 << 20;

/// Reads many damaged files. Each must be an error or a picture, within the memory estimated from its header.
fn assert_damage_is_survived(format: &str) {
    let small = Transform {
        size: Size::new(16, 16),
        format: Some(OutputFormat::Png),
        max_pixels: PIXELS,
        ..Transform::default()
    };
    let mut random = Random(format.len() as u64);
    let files = files(format, &scene(64, 48));
    let (mut read, mut refused) = (0, 0);
    let count = test_scale::rounds(2000);
    for n in 0..count {
        let mut file = random.damage(&files[n % files.len()]);
        if format == "PNG" && n % 4 != 0 {
            file = with_right_checksums(file);
        }
        let allowed = match Probe::read(&file) {
            Ok(probe)
                if u64::from(probe.size().width) * u64::from(probe.size().height) <= PIXELS =>
            {
                probe.peak_bytes(&small)
            }
            _ => ASIDE,
        };
        let (made, peak) = measured(|| transform(&file, &small));
        assert!(
            peak <= allowed,
            "{format} {n} of {} bytes took {peak}, not {allowed}: {made:?}",
            file.len()
        );
        match made {
            Ok(made) => {
                assert!(made.size.width.max(made.size.height) <= 16);
                read += 1;
            }
            Err(error) => {
                assert_explained(&error, &format!("{format} {n}"));
                refused += 1;
            }
        }
    }
    // Some files are refused and some are still read.
    assert!(
        read > count / 20 && refused > count / 4,
        "{format}: {read} read, {refused} refused"
    );
}

#[test]
fn damaged_jpegs_are_errors_within_their_memory() {
    assert_damage_is_survived("JPEG");
}

#[test]
fn damaged_pngs_are_errors_within_their_memory() {
    assert_damage_is_survived("PNG");
}

#[test]
fn damaged_webps_are_errors_within_their_memory() {
    assert_damage_is_survived("WebP");
}

#[test]
fn damaged_gifs_are_errors_within_their_memory() {
    assert_damage_is_survived("GIF");
}

#[test]
fn damaged_tiffs_are_errors_within_their_memory() {
    assert_damage_is_survived("TIFF");
}

#[test]
fn damaged_bmps_are_errors_within_their_memory() {
    assert_damage_is_survived("BMP");
}

/// Returns the position of `pattern`.
fn find(bytes: &[u8], pattern: &[u8]) -> usize {
    let found = bytes.windows(pattern.len()).position(|at| at == pattern);
    found.expect("the pattern is there")
}

/// Returns a small file whose header declares this many pixels per side.
fn bomb(format: &str, side: u16) -> Vec<u8> {
    let little = side.to_le_bytes();
    let big = side.to_be_bytes();
    let long = u32::from(side).to_le_bytes();
    // The variant without transparency, if the format has two.
    let mut files = files(format, &scene(64, 48));
    let mut file = files.swap_remove(usize::from(files.len() > 1));
    match format {
        "JPEG" => {
            file = files.swap_remove(0);
            let frame = find(&file, &[0xff, 0xc0]);
            file[frame + 5..frame + 9].copy_from_slice(&[big, big].concat());
        }
        "PNG" => {
            let side = u32::from(side).to_be_bytes();
            file[16..24].copy_from_slice(&[side, side].concat());
            file = with_right_checksums(file);
        }
        "WebP" => {
            let frame = find(&file, &[0x9d, 0x01, 0x2a]);
            file[frame + 3..frame + 7].copy_from_slice(&[little, little].concat());
        }
        "GIF" => {
            let frame = find(&file, &[0x2c, 0, 0, 0, 0, 64, 0, 48, 0]);
            for at in [6, frame + 5] {
                file[at..at + 4].copy_from_slice(&[little, little].concat());
            }
        }
        "TIFF" => {
            let directory = u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize;
            // Width, height, and rows per strip, as long integers.
            for tag in [256u16, 257, 278] {
                let entry = directory + find(&file[directory..], &tag.to_le_bytes());
                file[entry + 2..entry + 4].copy_from_slice(&[4, 0]);
                file[entry + 8..entry + 12].copy_from_slice(&long);
            }
        }
        _ => file[18..26].copy_from_slice(&[long, long].concat()),
    }
    file
}

#[test]
fn headers_that_declare_too_many_pixels_are_refused_before_allocation() {
    for format in FORMATS {
        // WebP stores a side in fourteen bits.
        let side = if format == "WebP" { 16_383 } else { 65_000 };
        let file = bomb(format, side);
        let wanted = Transform {
            max_pixels: 100_000_000,
            ..Transform::default()
        };
        let (made, peak) = measured(|| transform(&file, &wanted));
        assert!(file.len() < 20_000);
        let error = made.unwrap_err();
        assert!(error.is_too_large(), "{format}: {error}");
        assert!(peak < 1 << 20, "{format} took {peak} bytes");
    }
}

/// A tag of a few bytes declares a profile of 400 megabytes.
#[test]
fn no_memory_is_allocated_for_a_missing_profile() {
    let file = files("TIFF", &scene(64, 48)).swap_remove(1);
    let directory = u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize;
    let count = u16::from_le_bytes(file[directory..directory + 2].try_into().unwrap());
    let end = directory + 2 + usize::from(count) * 12;
    // Appends a copy of the directory with one more entry.
    let mut bomb = file.clone();
    let place = bomb.len() as u32;
    bomb[4..8].copy_from_slice(&place.to_le_bytes());
    bomb.extend((count + 1).to_le_bytes());
    bomb.extend(&file[directory + 2..end]);
    bomb.extend(34_675u16.to_le_bytes());
    bomb.extend(7u16.to_le_bytes());
    bomb.extend(400_000_000u32.to_le_bytes());
    bomb.extend(8u32.to_le_bytes());
    bomb.extend([0; 4]);
    let (made, peak) = measured(|| transform(&bomb, &Transform::default()));
    assert_eq!(made.unwrap().size, Size::new(64, 48));
    assert!(peak < ASIDE, "{peak} bytes");
}

/// A profile of a few kilobytes unpacks to sixty-four megabytes.
#[test]
fn a_profile_that_unpacks_to_too_much_is_left_out() {
    let png = files("PNG", &scene(8, 8)).swap_remove(1);
    let mut parts = DynImage::from_bytes(png.into()).unwrap().unwrap();
    parts.set_icc_profile(Some(vec![0; 64 << 20].into()));
    let file = parts.encoder().bytes();
    assert!(file.len() < 1 << 20);
    let (made, peak) = measured(|| transform(&file, &Transform::default()));
    assert_eq!(made.unwrap().size, Size::new(8, 8));
    // It is unpacked up to the limit, and then dropped.
    assert!(peak < 48 << 20, "{peak} bytes");
}

/// The frame has 12000 × 12000 pixels on a screen of 64 × 48.
#[test]
fn a_frame_far_larger_than_its_screen_is_refused() {
    let mut file = bomb("GIF", 12_000);
    file[6..10].copy_from_slice(&[64, 0, 48, 0]);
    let (made, peak) = measured(|| transform(&file, &Transform::default()));
    assert!(made.unwrap_err().is_corrupt());
    assert!(peak < 1 << 20, "{peak} bytes");
}
