//! Checks, by its markers alone, that a JPEG holds as much data as its header declares.
//!
//! A decoder that finds the next marker where it expects coded data reads zeros instead and delivers a grey area. So
//! this module compares the length of every scan with the fewest bits that its blocks can be coded in (ITU-T T.81),
//! counts its restart markers, and requires every colour to be in some scan. No valid file is refused: where there is no
//! such bound, as in arithmetic coding, the length is not checked.

use memchr::memchr;
use reunite_base::units::counted;

use crate::error::ImageError;

/// The most blocks that one code of a progressive scan can end together (`EOB14`).
const LONGEST_RUN: u64 = 32_767;
/// The fewest bits that such a code takes, including its extra bits.
const RUN_BITS: u64 = 15;

/// The frame header: coding, size and components.
struct Frame {
    coding: Coding,
    width: u64,
    height: u64,
    components: Vec<Component>,
}

/// The coding of a frame.
#[derive(Clone, Copy, PartialEq)]
enum Coding {
    Sequential,
    Progressive,
    Lossless,
    /// Frequent symbols take almost no bits, and trailing zeros may be omitted.
    Arithmetic,
}

/// A colour component, with its sampling factors.
#[derive(Clone, Copy)]
struct Component {
    id: u8,
    across: u64,
    down: u64,
    /// True if a first scan of this component was seen.
    has_data: bool,
}

/// Checks a file: follows its markers to the end of the picture. The end of an embedded preview does not count.
pub(super) fn check(bytes: &[u8]) -> Result<(), ImageError> {
    const SCAN: u8 = 0xda;
    const END: u8 = 0xd9;
    const RESTARTS: u8 = 0xdd;
    let mut frame: Option<Frame> = None;
    let mut interval = 0;
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let [0xff, marker, after @ ..] = rest {
        match (*marker, after) {
            (END, _) => return frame.as_ref().map_or(Ok(()), Frame::check_complete),
            // Fill bytes, and markers without a segment.
            (0xff, _) => rest = &rest[1..],
            (0x01 | 0xd0..=0xd7, _) => rest = after,
            (marker, [high, low, ..]) => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let segment = after.get(2..length).unwrap_or_default();
                rest = after.get(length..).unwrap_or_default();
                if marker == SCAN {
                    let data = Data::until_marker(rest);
                    rest = &rest[data.bytes..];
                    if let Some(frame) = &mut frame {
                        frame.scan(segment, interval, &data)?;
                    }
                } else if let (RESTARTS, [high, low, ..]) = (marker, segment) {
                    interval = u16::from_be_bytes([*high, *low]).into();
                } else if let Some(coding) = coding(marker) {
                    frame = Frame::read(coding, segment);
                }
            }
            _ => break,
        }
    }
    Err(ImageError::corrupt(
        "the file ends before the picture is complete",
    ))
}

fn coding(marker: u8) -> Option<Coding> {
    match marker {
        0xc0 | 0xc1 => Some(Coding::Sequential),
        0xc2 => Some(Coding::Progressive),
        0xc3 => Some(Coding::Lossless),
        0xc9..=0xcb => Some(Coding::Arithmetic),
        _ => None,
    }
}

/// The coded data of a scan.
struct Data {
    bytes: usize,
    restarts: u64,
}

impl Data {
    /// Measures the data up to the first marker after it. Stuffed zeros and restart markers belong to the data.
    fn until_marker(data: &[u8]) -> Self {
        let (mut at, mut restarts) = (0, 0);
        while let Some(found) = data.get(at..).and_then(|rest| memchr(0xff, rest)) {
            at += found;
            match data.get(at + 1) {
                Some(0x00) => at += 2,
                Some(0xd0..=0xd7) => {
                    restarts += 1;
                    at += 2;
                }
                Some(0xff) => at += 1,
                Some(_) => {
                    return Self {
                        bytes: at,
                        restarts,
                    };
                }
                None => break,
            }
        }
        Self {
            bytes: data.len(),
            restarts,
        }
    }
}

impl Frame {
    /// Reads a frame header. Returns `None` if it is invalid; the decoder then reports a better error.
    fn read(coding: Coding, segment: &[u8]) -> Option<Self> {
        let [_, y1, y0, x1, x0, _, components @ ..] = segment else {
            return None;
        };
        let components: Vec<_> = components
            .chunks_exact(3)
            .map(|component| Component {
                id: component[0],
                across: (component[1] >> 4).into(),
                down: (component[1] & 15).into(),
                has_data: false,
            })
            .collect();
        let sensible = components.iter().all(|c| c.across > 0 && c.down > 0);
        (sensible && !components.is_empty()).then(|| Self {
            coding,
            width: u16::from_be_bytes([*x1, *x0]).into(),
            height: u16::from_be_bytes([*y1, *y0]).into(),
            components,
        })
    }

    /// Checks a scan. `interval` is the number of block groups between two restarts, 0 for none.
    fn scan(&mut self, header: &[u8], interval: u64, data: &Data) -> Result<(), ImageError> {
        let [count, rest @ ..] = header else {
            return Ok(());
        };
        let Some((ids, [first, _, approximation, ..])) =
            rest.split_at_checked(usize::from(*count) * 2)
        else {
            return Ok(());
        };
        // Later scans of a progressive file refine what the first one coded.
        let is_first =
            self.coding != Coding::Progressive || (*first == 0 && approximation >> 4 == 0);
        let mut scanned = Vec::new();
        for id in ids.chunks_exact(2).map(|pair| pair[0]) {
            let component = self.components.iter_mut().find(|c| c.id == id);
            let Some(component) = component else {
                return Ok(());
            };
            component.has_data |= is_first;
            scanned.push(*component);
        }
        let (groups, blocks) = self.units(&scanned);
        let fewest_bits = match self.coding {
            Coding::Arithmetic => 0,
            // One code for the size of each difference.
            Coding::Lossless => blocks,
            // One such code for each block, and at least one code for the block's end.
            Coding::Sequential => 2 * blocks,
            Coding::Progressive if *first == 0 => blocks,
            Coding::Progressive => blocks * RUN_BITS / LONGEST_RUN,
        };
        let (bytes, restarts) = (data.bytes as u64, data.restarts);
        let fewest_restarts = groups.checked_div(interval).map_or(0, |whole| {
            // No restart follows the last group.
            whole - u64::from(whole > 0 && groups % interval == 0)
        });
        let too_few = if bytes * 8 < fewest_bits {
            format!(
                "{} instead of at least {}",
                counted(bytes, "byte"),
                fewest_bits.div_ceil(8)
            )
        } else if restarts < fewest_restarts {
            let restarts = counted(restarts, "restart");
            format!("{restarts} instead of {fewest_restarts}")
        } else {
            return Ok(());
        };
        Err(ImageError::corrupt(format!(
            "a scan of the {}x{} picture has {too_few}",
            self.width, self.height
        )))
    }

    /// Returns how many groups of blocks a scan of these components codes, and how many blocks. In lossless coding a
    /// block is a single pixel.
    fn units(&self, scanned: &[Component]) -> (u64, u64) {
        let side = if self.coding == Coding::Lossless {
            1
        } else {
            8
        };
        let most = |of: fn(&Component) -> u64| self.components.iter().map(of).max().unwrap_or(1);
        let (across, down) = (most(|c| c.across), most(|c| c.down));
        match scanned {
            // A scan of one component omits the blocks that only pad the last group.
            [one] => {
                let blocks = (self.width * one.across).div_ceil(across * side)
                    * (self.height * one.down).div_ceil(down * side);
                (blocks, blocks)
            }
            many => {
                let groups = self.width.div_ceil(across * side) * self.height.div_ceil(down * side);
                let each: u64 = many.iter().map(|c| c.across * c.down).sum();
                (groups, groups * each)
            }
        }
    }

    /// Fails if a component has no data.
    fn check_complete(&self) -> Result<(), ImageError> {
        match self.components.iter().filter(|c| !c.has_data).count() {
            0 => Ok(()),
            missing => Err(ImageError::corrupt(format!(
                "{missing} of its {} colours have no data",
                self.components.len()
            ))),
        }
    }
}
