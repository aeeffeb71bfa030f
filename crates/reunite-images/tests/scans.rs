//! JPEGs whose data is missing although their end marker is present, and JPEGs with the least possible data.

use libjpeg_turbo_rs::{Encoder, PixelFormat, Subsampling};
use reunite_images::{ImageError, OutputFormat, Size, Transform, transform};

fn small() -> Transform {
    Transform {
        size: Size::new(16, 16),
        format: Some(OutputFormat::Png),
        ..Transform::default()
    }
}

fn segment(file: &mut Vec<u8>, marker: u8, content: &[u8]) {
    file.extend([0xff, marker]);
    file.extend((content.len() as u16 + 2).to_be_bytes());
    file.extend(content);
}

/// Returns a grey picture in the fewest bits: for each block, one bit for a difference of zero and one for its end.
fn plain(width: u16, height: u16, bytes: usize) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    segment(&mut file, 0xdb, &[&[0][..], &[1; 64]].concat());
    let (down, across) = (height.to_be_bytes(), width.to_be_bytes());
    let frame = [&[8][..], &down, &across, &[1, 1, 0x11, 0]].concat();
    segment(&mut file, 0xc0, &frame);
    for table in [0x00, 0x10] {
        // A code of one bit for the symbol 0.
        let mut codes = [0; 18];
        (codes[0], codes[1]) = (table, 1);
        segment(&mut file, 0xc4, &codes);
    }
    segment(&mut file, 0xda, &[1, 1, 0, 0, 63, 0]);
    file.resize(file.len() + bytes, 0);
    file.extend([0xff, 0xd9]);
    file
}

fn refusal(file: &[u8]) -> ImageError {
    let error = transform(file, &small()).expect_err("it has no data");
    assert!(error.is_corrupt(), "{error}");
    error
}

#[test]
fn the_shortest_possible_data_is_read_and_one_byte_less_is_refused() {
    let side = 16_383u16;
    let blocks = usize::from(side).div_ceil(8).pow(2);
    let enough = blocks * 2 / 8;
    let made = transform(&plain(side, side, enough), &small()).unwrap();
    assert_eq!(made.size, Size::new(16, 16));
    let error = refusal(&plain(side, side, enough - 1)).to_string();
    assert!(error.contains("16383x16383"), "{error}");
}

/// Returns the position of `pattern`.
fn find(bytes: &[u8], pattern: &[u8]) -> usize {
    let found = bytes.windows(pattern.len()).position(|at| at == pattern);
    found.expect("the pattern is there")
}

/// Returns the positions of the first scan's header, of its data, and of the next marker.
fn first_scan(file: &[u8]) -> [usize; 3] {
    let scan = find(file, &[0xff, 0xda]);
    let data = scan + 2 + usize::from(u16::from_be_bytes([file[scan + 2], file[scan + 3]]));
    let marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7);
    let end = data + file[data..].windows(2).position(marker).unwrap();
    [scan, data, end]
}

/// Returns the file with only this many bytes of its first scan's data.
fn emptied(file: &[u8], left: usize) -> Vec<u8> {
    let [_, data, end] = first_scan(file);
    [&file[..data + left], &file[end..]].concat()
}

fn noise(length: usize) -> Vec<u8> {
    let mut grain = 7u32;
    let next = |_| {
        grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (grain >> 24) as u8
    };
    (0..length).map(next).collect()
}

#[test]
fn a_file_with_an_end_and_no_data_is_refused() {
    let pixels = noise(320 * 240 * 3);
    for progressive in [false, true] {
        let whole = Encoder::new(&pixels, 320, 240, PixelFormat::Rgb)
            .progressive(progressive)
            .encode()
            .unwrap();
        transform(&whole, &small()).unwrap();
        for left in [0, 1, 40] {
            refusal(&emptied(&whole, left));
        }
        // A few hundred bytes that declare the largest possible size.
        let mut bomb = emptied(&whole, 30);
        let frame = find(&bomb, &[0xff, if progressive { 0xc2 } else { 0xc0 }]);
        bomb[frame + 5..frame + 9].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
        refusal(&bomb);
    }
}

/// With restart markers, missing data is detected anywhere in the scan.
#[test]
fn half_the_data_of_a_scan_with_restarts_is_refused() {
    let pixels = noise(320 * 240 * 3);
    for progressive in [false, true] {
        let whole = Encoder::new(&pixels, 320, 240, PixelFormat::Rgb)
            .restart_blocks(5)
            .progressive(progressive)
            .encode()
            .unwrap();
        transform(&whole, &small()).unwrap();
        let [_, data, end] = first_scan(&whole);
        let error = refusal(&emptied(&whole, (end - data) / 2)).to_string();
        assert!(error.contains("restarts"), "{error}");
    }
}

#[test]
fn a_colour_without_data_is_an_error() {
    let pixels = noise(64 * 64 * 3);
    let whole = Encoder::new(&pixels, 64, 64, PixelFormat::Rgb)
        .progressive(true)
        .encode()
        .unwrap();
    // Without the first scan, which has data of every colour.
    let [scan, _, next] = first_scan(&whole);
    let error = refusal(&[&whole[..scan], &whole[next..]].concat());
    assert!(error.to_string().contains("3 of its 3 colours"), "{error}");
}

/// Sizes around those of a block and of a group of blocks, every coding, plain and noisy.
#[test]
fn no_valid_file_is_refused() {
    let sizes = [
        (1, 1),
        (8, 8),
        (9, 7),
        (16, 17),
        (33, 31),
        (250, 3),
        (640, 480),
    ];
    let samplings = [
        Subsampling::S444,
        Subsampling::S422,
        Subsampling::S420,
        Subsampling::S440,
    ];
    for (width, height) in sizes {
        for (format, channels) in [
            (PixelFormat::Grayscale, 1),
            (PixelFormat::Rgb, 3),
            (PixelFormat::Cmyk, 4),
        ] {
            for pixels in [
                vec![128; width * height * channels],
                noise(width * height * channels),
            ] {
                for subsampling in samplings {
                    for (kind, progressive, arithmetic, restart) in [
                        ("baseline", false, false, 0),
                        ("baseline, restarted", false, false, 3),
                        ("progressive", true, false, 0),
                        ("progressive, restarted", true, false, 2),
                        ("arithmetic", false, true, 0),
                        ("arithmetic progressive", true, true, 0),
                    ] {
                        let file = Encoder::new(&pixels, width, height, format)
                            .subsampling(subsampling)
                            .optimize_huffman(!arithmetic)
                            .progressive(progressive)
                            .arithmetic(arithmetic)
                            .restart_blocks(restart)
                            .encode();
                        // Not every combination can be encoded.
                        let Ok(file) = file else { continue };
                        if let Err(error) = transform(&file, &small()) {
                            panic!("{kind} {width}x{height} {format:?} {subsampling:?}: {error}");
                        }
                    }
                }
            }
        }
    }
}
