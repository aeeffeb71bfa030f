//! EXIF blocks, written byte by byte (CIPA DC-008): big-endian TIFF with one or two directories.

/// The metadata that a phone or camera writes into a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exif {
    /// Only how to turn the picture.
    Turned(u16),
    /// Maker, model, lens settings and time, as a camera would.
    Camera,
}

enum Value {
    Short(u16),
    Long(u32),
    Text(&'static str),
    Ratio(u32, u32),
    Bytes([u8; 4]),
}

impl Exif {
    /// The block from the TIFF header on.
    pub(crate) fn to_tiff(self) -> Vec<u8> {
        use Value::{Bytes, Long, Ratio, Short, Text};
        let mut tiff = b"MM\0\x2a\0\0\0\x08".to_vec();
        match self {
            Self::Turned(orientation) => directory(&mut tiff, &[(0x0112, Short(orientation))]),
            Self::Camera => {
                let first = |sub: u32| {
                    [
                        (0x010F, Text("Reunite Optical Works")),
                        (0x0110, Text("Imaginary 12")),
                        (0x0112, Short(1)),
                        (0x011A, Ratio(72, 1)),
                        (0x011B, Ratio(72, 1)),
                        (0x0128, Short(2)),
                        (0x0131, Text("cargo xtask samples")),
                        (0x0132, Text("2026:06:21 20:47:12")),
                        (0x8298, Text("CC0 1.0")),
                        (0x8769, Long(sub)),
                    ]
                };
                // Written twice: only then is it known where the second directory comes to lie.
                let mut dry = tiff.clone();
                directory(&mut dry, &first(0));
                directory(&mut tiff, &first(dry.len() as u32));
                directory(
                    &mut tiff,
                    &[
                        (0x829A, Ratio(1, 160)),
                        (0x829D, Ratio(8, 1)),
                        (0x8827, Short(100)),
                        (0x9000, Bytes(*b"0232")),
                        (0x9003, Text("2026:06:21 20:47:12")),
                        (0x920A, Ratio(24, 1)),
                        (0xA001, Short(1)),
                        (0xA434, Text("24mm F8")),
                    ],
                );
            }
        }
        tiff
    }
}

/// Appends a directory: entries of twelve bytes in order of tag, then the values that did not fit in.
fn directory(tiff: &mut Vec<u8>, entries: &[(u16, Value)]) {
    let mut outside = tiff.len() + 2 + entries.len() * 12 + 4;
    let mut values = Vec::new();
    tiff.extend((entries.len() as u16).to_be_bytes());
    for (tag, value) in entries {
        let (kind, count, mut bytes): (u16, usize, Vec<u8>) = match value {
            Value::Short(number) => (3, 1, number.to_be_bytes().to_vec()),
            Value::Long(number) => (4, 1, number.to_be_bytes().to_vec()),
            Value::Bytes(bytes) => (7, 4, bytes.to_vec()),
            Value::Ratio(over, under) => (5, 1, [over.to_be_bytes(), under.to_be_bytes()].concat()),
            Value::Text(text) => (2, text.len() + 1, [text.as_bytes(), b"\0"].concat()),
        };
        tiff.extend(tag.to_be_bytes());
        tiff.extend(kind.to_be_bytes());
        tiff.extend((count as u32).to_be_bytes());
        if bytes.len() <= 4 {
            bytes.resize(4, 0);
            tiff.extend(bytes);
        } else {
            tiff.extend((outside as u32).to_be_bytes());
            bytes.resize(bytes.len().next_multiple_of(2), 0);
            outside += bytes.len();
            values.extend(bytes);
        }
    }
    tiff.extend([0; 4]);
    tiff.extend(values);
}
