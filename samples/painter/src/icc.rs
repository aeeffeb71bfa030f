//! A colour profile for Display P3's primaries and sRGB's curve, made from the published numbers
//! (ICC.1:2010 for the format, SMPTE EG 432-1 for the primaries, IEC 61966-2-1 for the curve).

/// The primaries' XYZ, adapted to the profile's D50 white.
const RED: [f64; 3] = [0.515_12, 0.241_20, -0.001_05];
const GREEN: [f64; 3] = [0.291_98, 0.692_25, 0.041_89];
const BLUE: [f64; 3] = [0.157_10, 0.066_57, 0.784_07];
const WHITE: [f64; 3] = [0.964_2, 1.0, 0.824_9];

pub(crate) fn display_p3() -> Vec<u8> {
    let curve = curve();
    let tags: [(&[u8; 4], Vec<u8>); 9] = [
        (b"desc", description("Reunite P3")),
        (b"cprt", text("CC0 1.0: no rights reserved")),
        (b"wtpt", xyz(WHITE)),
        (b"rXYZ", xyz(RED)),
        (b"gXYZ", xyz(GREEN)),
        (b"bXYZ", xyz(BLUE)),
        (b"rTRC", curve.clone()),
        (b"gTRC", curve.clone()),
        (b"bTRC", curve),
    ];
    let mut table = (tags.len() as u32).to_be_bytes().to_vec();
    let mut data = Vec::new();
    let start = 128 + 4 + tags.len() * 12;
    for (name, bytes) in &tags {
        table.extend(*name);
        table.extend(((start + data.len()) as u32).to_be_bytes());
        table.extend((bytes.len() as u32).to_be_bytes());
        data.extend(bytes);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    [header((start + data.len()) as u32), table, data].concat()
}

/// 128 bytes: version 2.1, a display, RGB to XYZ.
fn header(size: u32) -> Vec<u8> {
    let mut header = vec![0; 128];
    header[0..4].copy_from_slice(&size.to_be_bytes());
    header[8..12].copy_from_slice(&[2, 0x10, 0, 0]);
    header[12..24].copy_from_slice(b"mntrRGB XYZ ");
    for (at, number) in [2026_u16, 6, 21, 12, 0, 0].into_iter().enumerate() {
        header[24 + at * 2..26 + at * 2].copy_from_slice(&number.to_be_bytes());
    }
    header[36..40].copy_from_slice(b"acsp");
    header[68..80].copy_from_slice(&xyz(WHITE)[8..]);
    header
}

fn xyz(values: [f64; 3]) -> Vec<u8> {
    let mut bytes = b"XYZ \0\0\0\0".to_vec();
    for value in values {
        bytes.extend(((value * 65_536.0).round() as i32).to_be_bytes());
    }
    bytes
}

/// sRGB's transfer curve in 256 steps.
fn curve() -> Vec<u8> {
    let mut bytes = b"curv\0\0\0\0".to_vec();
    bytes.extend(256_u32.to_be_bytes());
    for step in 0..256 {
        let level = f64::from(step) / 255.0;
        let light = if level <= 0.040_45 {
            level / 12.92
        } else {
            ((level + 0.055) / 1.055).powf(2.4)
        };
        bytes.extend(((light * 65_535.0).round() as u16).to_be_bytes());
    }
    bytes
}

fn text(text: &str) -> Vec<u8> {
    [b"text\0\0\0\0", text.as_bytes(), b"\0"].concat()
}

/// The old `desc` type: ASCII, then empty Unicode and Macintosh names.
fn description(name: &str) -> Vec<u8> {
    let mut bytes = b"desc\0\0\0\0".to_vec();
    bytes.extend((name.len() as u32 + 1).to_be_bytes());
    bytes.extend(name.as_bytes());
    bytes.extend([0; 1 + 4 + 4 + 2 + 1 + 67]);
    bytes
}
