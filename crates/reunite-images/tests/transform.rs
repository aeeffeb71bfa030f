//! The transform of one picture: pixels, orientation, metadata, file formats.

use image::{DynamicImage, Rgb, RgbImage, Rgba, RgbaImage};
use img_parts::{DynImage, ImageEXIF, ImageICC};
use reunite_images::{Encoded, Fit, OutputFormat, Probe, Size, Transform, transform};

/// Returns a colour picture with large and fine shapes, and no symmetry.
fn scene(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (
            f64::from(x) / f64::from(width),
            f64::from(y) / f64::from(height),
        );
        let wave = |f: f64, p: f64| (f * u + p * v).sin() * 0.5 + 0.5;
        let disc = ((u - 0.25).powi(2) + (v - 0.3).powi(2)) < 0.03;
        let fine = if (x / 9 + y / 7) % 2 == 0 { 18.0 } else { 0.0 };
        let red = 90.0 * wave(9.0, 3.0) + 120.0 * u + fine;
        let green = 80.0 * wave(4.0, 21.0) + 120.0 * v + fine;
        let blue = if disc {
            230.0
        } else {
            60.0 + 90.0 * wave(15.0, 8.0)
        };
        Rgb([red as u8, green as u8, blue as u8])
    })
}

fn jpeg(
    image: &RgbImage,
    subsampling: libjpeg_turbo_rs::Subsampling,
    progressive: bool,
) -> Vec<u8> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let format = libjpeg_turbo_rs::PixelFormat::Rgb;
    let encoder = libjpeg_turbo_rs::Encoder::new(image.as_raw(), width, height, format);
    encoder
        .quality(95)
        .subsampling(subsampling)
        .progressive(progressive)
        .encode()
        .unwrap()
}

fn png(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    image
        .write_to(
            &mut std::io::Cursor::new(&mut bytes),
            image::ImageFormat::Png,
        )
        .unwrap();
    bytes
}

fn decode(encoded: &Encoded) -> RgbaImage {
    match encoded.format {
        OutputFormat::Jpeg => {
            let mut decoder = jpeg_decoder::Decoder::new(&encoded.bytes[..]);
            let pixels = decoder.decode().unwrap();
            let info = decoder.info().unwrap();
            let (width, height) = (info.width.into(), info.height.into());
            match info.pixel_format {
                jpeg_decoder::PixelFormat::L8 => DynamicImage::ImageLuma8(
                    image::GrayImage::from_raw(width, height, pixels).unwrap(),
                ),
                _ => DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, pixels).unwrap()),
            }
            .into_rgba8()
        }
        OutputFormat::WebP => webp::Decoder::new(&encoded.bytes)
            .decode()
            .unwrap()
            .to_image()
            .into_rgba8(),
        _ => image::load_from_memory(&encoded.bytes)
            .unwrap()
            .into_rgba8(),
    }
}

/// Resamples with a three-lobed Lanczos filter in double precision, one axis after the other.
fn lanczos(image: &RgbImage, width: u32, height: u32) -> Vec<[f64; 3]> {
    let kernel = |x: f64| match x.abs() {
        x if x < 1e-9 => 1.0,
        x if x < 3.0 => {
            let p = std::f64::consts::PI * x;
            3.0 * p.sin() * (p / 3.0).sin() / (p * p)
        }
        _ => 0.0,
    };
    let weights = |from: u32, to: u32| -> Vec<Vec<(usize, f64)>> {
        let ratio = f64::from(from) / f64::from(to);
        let support = ratio.max(1.0);
        (0..to)
            .map(|at| {
                let centre = (f64::from(at) + 0.5) * ratio;
                let range = (centre - 3.0 * support).floor().max(0.0) as usize
                    ..((centre + 3.0 * support).ceil() as usize).min(from as usize);
                let all: Vec<_> = range
                    .map(|i| (i, kernel((i as f64 + 0.5 - centre) / support)))
                    .collect();
                let sum: f64 = all.iter().map(|(_, weight)| weight).sum();
                all.into_iter()
                    .map(|(i, weight)| (i, weight / sum))
                    .collect()
            })
            .collect()
    };
    let (across, down) = (
        weights(image.width(), width),
        weights(image.height(), height),
    );
    let rows: Vec<Vec<[f64; 3]>> = (0..image.height())
        .map(|y| {
            let pixel = |i: usize| image.get_pixel(i as u32, y).0.map(f64::from);
            across.iter().map(|taps| mix(taps, pixel)).collect()
        })
        .collect();
    let column = |x: usize, taps: &[(usize, f64)]| mix(taps, |i| rows[i][x]);
    down.iter()
        .flat_map(|taps| {
            (0..width as usize)
                .map(|x| column(x, taps))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn mix(taps: &[(usize, f64)], pixel: impl Fn(usize) -> [f64; 3]) -> [f64; 3] {
    taps.iter().fold([0.0; 3], |sum, &(i, weight)| {
        let p = pixel(i);
        [0, 1, 2].map(|c| sum[c] + weight * p[c])
    })
}

fn psnr(reference: &[[f64; 3]], other: &RgbaImage) -> f64 {
    let squares: f64 = reference
        .iter()
        .zip(other.pixels())
        .flat_map(|(a, b)| [0, 1, 2].map(|c| (a[c].clamp(0.0, 255.0) - f64::from(b.0[c])).powi(2)))
        .sum();
    10.0 * (255f64.powi(2) * 3.0 * reference.len() as f64 / squares).log10()
}

fn wanted(side: u32, format: OutputFormat) -> Transform {
    let size = Size::new(side, side);
    Transform {
        size,
        format: Some(format),
        quality: 95,
        ..Transform::default()
    }
}

#[test]
fn pixels_are_those_of_an_independent_resampler() {
    use libjpeg_turbo_rs::Subsampling::{S420, S422, S444};
    let scene = scene(1203, 901);
    let reference = lanczos(&scene, 160, 120);
    let files = [
        ("4:2:0", jpeg(&scene, S420, false)),
        ("4:2:2", jpeg(&scene, S422, false)),
        ("4:4:4", jpeg(&scene, S444, false)),
        ("progressive", jpeg(&scene, S420, true)),
        ("PNG", png(&DynamicImage::ImageRgb8(scene.clone()))),
    ];
    for (name, file) in files {
        for format in [OutputFormat::Jpeg, OutputFormat::Png, OutputFormat::WebP] {
            let made = transform(&file, &wanted(160, format)).unwrap();
            assert_eq!(made.size, Size::new(160, 120), "{name}");
            let likeness = psnr(&reference, &decode(&made));
            assert!(likeness > 33.0, "{name} to {format}: {likeness:.1} dB");
        }
    }
}

#[test]
fn every_orientation_comes_out_upright_once() {
    let upright = scene(240, 160);
    let reference = lanczos(&upright, 120, 80);
    for code in 1..=8u8 {
        let image = DynamicImage::ImageRgb8(upright.clone());
        // The stored picture that `code` turns upright.
        let stored = match code {
            1 => image,
            2 => image.fliph(),
            3 => image.rotate180(),
            4 => image.flipv(),
            5 => image.rotate90().fliph(),
            6 => image.rotate270(),
            7 => image.rotate270().fliph(),
            _ => image.rotate90(),
        }
        .into_rgb8();
        let exif = exif(code);
        let plain = [
            jpeg(&stored, libjpeg_turbo_rs::Subsampling::S444, false),
            png(&DynamicImage::ImageRgb8(stored.clone())),
        ];
        for file in plain {
            let mut parts = DynImage::from_bytes(file.into()).unwrap().unwrap();
            parts.set_exif(Some(exif.clone().into()));
            let file = parts.encoder().bytes();
            let probe = Probe::read(&file).unwrap();
            assert_eq!(
                (probe.orientation(), probe.size()),
                (code, Size::new(240, 160))
            );
            for format in [OutputFormat::Jpeg, OutputFormat::Png, OutputFormat::WebP] {
                let made = transform(&file, &wanted(120, format)).unwrap();
                assert_eq!(made.size, Size::new(120, 80), "{code} {format}");
                let likeness = psnr(&reference, &decode(&made));
                assert!(likeness > 29.0, "{code} to {format}: {likeness:.1} dB");
                // A reader of the result does not turn it again.
                assert_eq!(
                    Probe::read(&made.bytes).unwrap().orientation(),
                    1,
                    "{code} {format}"
                );
            }
        }
    }
}

/// Returns a little-endian EXIF block that contains only an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x01\0".to_vec();
    block.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    block.extend([0; 4]);
    block
}

/// Returns the part of a colour profile that names its colour space.
fn profile(space: &[u8; 4]) -> Vec<u8> {
    let mut profile: Vec<u8> = (0..600u32).map(|n| n as u8).collect();
    profile[16..20].copy_from_slice(space);
    profile
}

/// Returns true if the result has a profile, for a file with a profile of this colour space.
fn carries(file: Vec<u8>, space: &[u8; 4], format: OutputFormat) -> bool {
    let mut parts = DynImage::from_bytes(file.into()).unwrap().unwrap();
    parts.set_icc_profile(Some(profile(space).into()));
    let made = transform(&parts.encoder().bytes(), &wanted(8, format)).unwrap();
    let parts = DynImage::from_bytes(made.bytes.into()).unwrap().unwrap();
    parts.icc_profile().is_some()
}

#[test]
fn a_profile_of_other_colours_than_the_results_is_left_out() {
    use OutputFormat::{Jpeg, Png, WebP};
    use libjpeg_turbo_rs::{Encoder, PixelFormat};
    let file = |format, channels: usize| {
        let pixels = vec![100; 16 * 16 * channels];
        Encoder::new(&pixels, 16, 16, format).encode().unwrap()
    };
    let cmyk = file(PixelFormat::Cmyk, 4);
    let gray = file(PixelFormat::Grayscale, 1);
    let rgb = file(PixelFormat::Rgb, 3);
    for format in [Jpeg, Png, WebP] {
        assert!(!carries(cmyk.clone(), b"CMYK", format), "{format}");
        assert!(carries(rgb.clone(), b"RGB ", format), "{format}");
        assert!(!carries(rgb.clone(), b"GRAY", format), "{format}");
        // WebP has no grey format.
        let kept = carries(gray.clone(), b"GRAY", format);
        assert_eq!(kept, format != WebP, "{format}");
    }
}

#[test]
fn profile_and_metadata_are_carried_or_stripped() {
    let profile = profile(b"RGB ");
    let file = jpeg(&scene(64, 48), libjpeg_turbo_rs::Subsampling::S420, false);
    let mut parts = DynImage::from_bytes(file.into()).unwrap().unwrap();
    parts.set_icc_profile(Some(profile.clone().into()));
    parts.set_exif(Some(exif(1).into()));
    let file = parts.encoder().bytes();
    for format in [OutputFormat::Jpeg, OutputFormat::Png, OutputFormat::WebP] {
        for strip in [false, true] {
            let made = transform(
                &file,
                &Transform {
                    strip,
                    ..wanted(32, format)
                },
            )
            .unwrap();
            let parts = DynImage::from_bytes(made.bytes.into()).unwrap().unwrap();
            assert_eq!(
                parts.icc_profile().as_deref(),
                Some(&profile[..]),
                "{format}"
            );
            assert_eq!(parts.exif().is_some(), !strip, "{format} strip {strip}");
        }
    }
}

#[test]
fn transparency_is_kept_or_laid_over_white_without_a_fringe() {
    // Red on the left, and fully transparent black on the right.
    let image = RgbaImage::from_fn(64, 64, |x, _| {
        if x < 32 {
            Rgba([255, 0, 0, 255])
        } else {
            Rgba([0, 0, 0, 0])
        }
    });
    let file = png(&DynamicImage::ImageRgba8(image));
    let made = decode(&transform(&file, &wanted(9, OutputFormat::Png)).unwrap());
    assert_eq!(made.get_pixel(0, 4).0, [255, 0, 0, 255]);
    assert_eq!(made.get_pixel(8, 4).0[3], 0);
    for pixel in made.pixels().filter(|pixel| pixel.0[3] > 8) {
        assert!(pixel.0[0] > 240, "a dark fringe: {pixel:?}");
    }
    let flat = decode(&transform(&file, &wanted(9, OutputFormat::Jpeg)).unwrap());
    let [red, green, blue, _] = flat.get_pixel(8, 4).0;
    assert!(
        red > 230 && green > 230 && blue > 230,
        "{red} {green} {blue}"
    );
}

#[test]
fn every_input_format_is_read() {
    let scene = scene(40, 30);
    let colour = DynamicImage::ImageRgb8(scene);
    let gray = DynamicImage::ImageLuma8(colour.to_luma8());
    let as_format = |image: &DynamicImage, format| {
        let mut bytes = Vec::new();
        image
            .write_to(&mut std::io::Cursor::new(&mut bytes), format)
            .unwrap();
        bytes
    };
    let mut gray_jpeg = libjpeg_turbo_rs::Encoder::new(
        gray.as_bytes(),
        40,
        30,
        libjpeg_turbo_rs::PixelFormat::Grayscale,
    )
    .encode()
    .unwrap();
    gray_jpeg.extend(b"rubbish after the end");
    let files = [
        ("gray JPEG", gray_jpeg),
        ("gray PNG", as_format(&gray, image::ImageFormat::Png)),
        (
            "16-bit PNG",
            as_format(
                &DynamicImage::ImageRgb16(colour.to_rgb16()),
                image::ImageFormat::Png,
            ),
        ),
        (
            "gray and alpha",
            as_format(
                &DynamicImage::ImageLumaA8(colour.to_luma_alpha8()),
                image::ImageFormat::Png,
            ),
        ),
        (
            "GIF",
            as_format(
                &DynamicImage::ImageRgba8(colour.to_rgba8()),
                image::ImageFormat::Gif,
            ),
        ),
        ("TIFF", as_format(&colour, image::ImageFormat::Tiff)),
        ("BMP", as_format(&colour, image::ImageFormat::Bmp)),
        (
            "WebP",
            webp::Encoder::from_image(&colour)
                .unwrap()
                .encode(90.0)
                .to_vec(),
        ),
    ];
    for (name, file) in files {
        assert_eq!(
            Probe::read(&file).unwrap().size(),
            Size::new(40, 30),
            "{name}"
        );
        for format in [OutputFormat::Jpeg, OutputFormat::Png, OutputFormat::WebP] {
            let made = transform(&file, &wanted(20, format));
            let made = made.unwrap_or_else(|error| panic!("{name} to {format}: {error}"));
            assert_eq!(decode(&made).dimensions(), (20, 15), "{name} to {format}");
        }
    }
}

#[test]
fn four_colour_jpegs_are_read() {
    // Inverted, as Adobe's programs write them: 255 means no ink.
    let pixels: Vec<u8> = (0..16 * 16).flat_map(|_| [255, 0, 0, 255]).collect();
    let file = libjpeg_turbo_rs::Encoder::new(&pixels, 16, 16, libjpeg_turbo_rs::PixelFormat::Cmyk)
        .quality(95)
        .encode()
        .unwrap();
    let made = decode(&transform(&file, &wanted(16, OutputFormat::Png)).unwrap());
    let [red, green, blue, _] = made.get_pixel(8, 8).0;
    assert!(red > 230 && green < 25 && blue < 25, "{red} {green} {blue}");
}

/// Returns a chunk of a RIFF file.
fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32).to_le_bytes();
    let padding = &[0][..content.len() % 2];
    [&name[..], &length, content, padding].concat()
}

/// Returns an animation of these still files, each at its position on a canvas.
fn animation(canvas: (u32, u32), frames: &[((u32, u32), Vec<u8>)]) -> Vec<u8> {
    let three = |number: u32| number.to_le_bytes()[..3].to_vec();
    let mut content = b"WEBP".to_vec();
    let size = [three(canvas.0 - 1), three(canvas.1 - 1)].concat();
    content.extend(chunk(b"VP8X", &[&[0x12, 0, 0, 0][..], &size].concat()));
    content.extend(chunk(b"ANIM", &[0; 6]));
    for ((x, y), file) in frames {
        let (width, height) = Probe::read(file)
            .map(|probe| (probe.size().width, probe.size().height))
            .unwrap();
        let mut frame = [x / 2, y / 2, width - 1, height - 1, 100]
            .map(three)
            .concat();
        frame.push(0);
        // Skips the headers before the picture's chunks, with or without the extended header.
        let extended = if file[12..16] == *b"VP8X" { 18 } else { 0 };
        frame.extend(&file[12 + extended..]);
        content.extend(chunk(b"ANMF", &frame));
    }
    chunk(b"RIFF", &content)
}

#[test]
fn an_animation_is_read_as_its_first_frame() {
    let red = DynamicImage::ImageRgb8(RgbImage::from_pixel(40, 30, Rgb([220, 10, 10])));
    let thin = RgbaImage::from_pixel(20, 10, Rgba([10, 220, 10, 128]));
    let thin = DynamicImage::ImageRgba8(thin);
    let still = |image: &DynamicImage, lossless| {
        let encoder = webp::Encoder::from_image(image).unwrap();
        encoder.encode_simple(lossless, 90.0).unwrap().to_vec()
    };
    for lossless in [false, true] {
        let (red, thin) = (still(&red, lossless), still(&thin, lossless));
        let whole = animation((40, 30), &[((0, 0), red.clone()), ((10, 10), thin.clone())]);
        let made = decode(&transform(&whole, &wanted(40, OutputFormat::Png)).unwrap());
        assert_eq!(made.dimensions(), (40, 30));
        let [r, g, _, a] = made.get_pixel(15, 12).0;
        assert!(r > 190 && g < 40 && a == 255, "{r} {g} {a}");
        // A frame smaller than its canvas is drawn at its position, and the rest is transparent.
        let part = animation((40, 30), &[((10, 16), thin), ((0, 0), red)]);
        let made = decode(&transform(&part, &wanted(40, OutputFormat::Png)).unwrap());
        assert_eq!(made.dimensions(), (40, 30));
        let [r, g, _, a] = made.get_pixel(15, 20).0;
        assert!(r < 40 && g > 190 && a.abs_diff(128) < 4, "{r} {g} {a}");
        for (x, y) in [(8, 20), (31, 20), (15, 14), (15, 27)] {
            assert_eq!(made.get_pixel(x, y).0[3], 0, "{x} {y}");
        }
        // A frame outside its canvas, or of another size than declared, is damaged.
        let out = part.windows(4).position(|at| at == b"ANMF").unwrap() + 8;
        for at in [out, out + 3, out + 6, out + 9] {
            let mut damaged = part.clone();
            damaged[at] = 90;
            let error = transform(&damaged, &wanted(40, OutputFormat::Png)).unwrap_err();
            assert!(error.is_corrupt(), "{error}");
        }
    }
}

#[test]
fn each_fit_fills_the_box_as_described() {
    let file = jpeg(&scene(300, 200), libjpeg_turbo_rs::Subsampling::S420, false);
    let cases = [
        (Fit::Fit, Size::new(90, 90), Size::new(90, 60)),
        (Fit::Cover, Size::new(90, 90), Size::new(90, 90)),
        (Fit::Exact, Size::new(31, 77), Size::new(31, 77)),
        (Fit::Fit, Size::new(900, 900), Size::new(300, 200)),
    ];
    for (fit, size, expected) in cases {
        let made = transform(
            &file,
            &Transform {
                fit,
                size,
                ..Transform::default()
            },
        )
        .unwrap();
        assert_eq!(made.size, expected, "{fit:?} {size:?}");
        let (width, height) = decode(&made).dimensions();
        assert_eq!(Size::new(width, height), expected);
    }
}

#[test]
fn unusual_sizes_are_resized() {
    for (width, height) in [(1, 1), (1, 40), (40, 1), (7, 5), (17, 16)] {
        let image = scene(width, height);
        for file in [
            jpeg(&image, libjpeg_turbo_rs::Subsampling::S420, false),
            png(&DynamicImage::ImageRgb8(image.clone())),
        ] {
            for side in [1, 3, 16] {
                let made = transform(&file, &wanted(side, OutputFormat::Png)).unwrap();
                assert!(made.size.width <= side && made.size.height <= side);
            }
        }
    }
}

#[test]
fn a_cancelled_task_stops_between_the_steps() {
    let file = jpeg(&scene(64, 48), libjpeg_turbo_rs::Subsampling::S420, false);
    let stopped = reunite::scope(|s| {
        s.cancel("enough");
        transform(&file, &Transform::default())
    });
    assert!(stopped.unwrap_err().is_cancelled());
}

#[test]
fn damaged_files_are_errors_and_never_panics() {
    let image = scene(48, 32);
    let files = [
        jpeg(&image, libjpeg_turbo_rs::Subsampling::S420, false),
        jpeg(&image, libjpeg_turbo_rs::Subsampling::S420, true),
        png(&DynamicImage::ImageRgb8(image.clone())),
        webp::Encoder::from_rgb(image.as_raw(), 48, 32)
            .encode(80.0)
            .to_vec(),
    ];
    let small = Transform {
        max_pixels: 1 << 22,
        ..wanted(16, OutputFormat::Png)
    };
    let mut seed = 1u64;
    let mut random = move || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    for (kind, file) in files.iter().enumerate() {
        // Truncated by more than the end marker.
        for end in 0..file.len() - 16 {
            assert!(
                transform(&file[..end], &small).is_err(),
                "file {kind} cut at {end}"
            );
        }
        for _ in 0..1500 {
            let mut damaged = file.clone();
            for _ in 0..=random() % 4 {
                let at = random() % damaged.len();
                damaged[at] ^= 1 << (random() % 8);
            }
            // Any result but a panic is right.
            let _any = transform(&damaged, &small);
        }
    }
}

#[test]
fn files_that_are_not_pictures_are_refused_with_a_reason() {
    for (bytes, word) in [(&b""[..], "empty"), (b"hello, world", "not JPEG")] {
        let error = transform(bytes, &Transform::default()).unwrap_err();
        assert!(
            error.is_unsupported() && error.to_string().contains(word),
            "{error}"
        );
    }
    let mut bomb = png(&DynamicImage::ImageRgb8(scene(8, 8)));
    bomb[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
    // The header's checksum is wrong, so the error may be corruption; the size must not be accepted.
    assert!(transform(&bomb, &Transform::default()).is_err());
}
