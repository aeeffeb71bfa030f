//! Whether a JPEG holds as much data as its header announces, told from its markers alone.
//!
//! A decoder that finds the next marker where it expects coded data reads zeros instead, and calls the grey
//! area a picture. So every scan is measured against the fewest bits that its blocks can be coded in
//! (ITU-T T.81), its restart markers are counted, and every colour must be in some scan. Nothing valid is
//! refused: where there is no such bound, as in arithmetic coding, nothing is asked.

use memchr::memchr;

use crate::error::ImageError;

/// Blocks that one code of a progressive scan can end together (`EOB14`),
const LONGEST_RUN: u64 = 32_767;
/// and the bits that such a code takes at least, its extra bits included.
const RUN_BITS: u64 = 15;

struct Frame {
    coding: Coding,
    width: u64,
    height: u64,
    components: Vec<Component>,
}

#[derive(Clone, Copy, PartialEq)]
enum Coding {
    Sequential,
    Progressive,
    Lossless,
    /// Common symbols cost next to nothing, and zeros at the end may be left out.
    Arithmetic,
}

#[derive(Clone, Copy)]
struct Component {
    id: u8,
    across: u64,
    down: u64,
    /// Whether a scan begins it.
    begun: bool,
}

/// Follows the markers to the file's own end; the end of an embedded preview does not count.
pub(super) fn check(bytes: &[u8]) -> Result<(), ImageError> {
    const SCAN: u8 = 0xda;
    const END: u8 = 0xd9;
    const RESTARTS: u8 = 0xdd;
    let mut frame: Option<Frame> = None;
    let mut interval = 0;
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let [0xff, marker, after @ ..] = rest {
        match (*marker, after) {
            (END, _) => return frame.as_ref().map_or(Ok(()), Frame::is_complete),
            // Fill bytes, and markers that stand alone.
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
    Err(ImageError::corrupt("the file ends before the picture does"))
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
    /// Up to the first marker after it: stuffed zeros and restart markers belong to the data.
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
    /// `None` if it makes no sense, which the decoder says better.
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
                begun: false,
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

    /// One scan, in which every `interval` groups of blocks the coding starts anew (0: it does not).
    fn scan(&mut self, header: &[u8], interval: u64, data: &Data) -> Result<(), ImageError> {
        let [count, rest @ ..] = header else {
            return Ok(());
        };
        let Some((ids, [first, _, exactness, ..])) = rest.split_at_checked(usize::from(*count) * 2)
        else {
            return Ok(());
        };
        // Later scans of a progressive file say more of what the first said roughly.
        let begins = self.coding != Coding::Progressive || (*first == 0 && exactness >> 4 == 0);
        let mut scanned = Vec::new();
        for id in ids.chunks_exact(2).map(|pair| pair[0]) {
            let component = self.components.iter_mut().find(|c| c.id == id);
            let Some(component) = component else {
                return Ok(());
            };
            component.begun |= begins;
            scanned.push(*component);
        }
        let (groups, blocks) = self.units(&scanned);
        let fewest_bits = match self.coding {
            Coding::Arithmetic => 0,
            // A code for the size of each difference.
            Coding::Lossless => blocks,
            // The same for each block, and then at least the code for its end.
            Coding::Sequential => 2 * blocks,
            Coding::Progressive if *first == 0 => blocks,
            Coding::Progressive => blocks * RUN_BITS / LONGEST_RUN,
        };
        let (bytes, restarts) = (data.bytes as u64, data.restarts);
        let fewest_restarts = groups.checked_div(interval).map_or(0, |whole| {
            // None after the last group.
            whole - u64::from(whole > 0 && groups % interval == 0)
        });
        let too_few = if bytes * 8 < fewest_bits {
            format!(
                "{bytes} bytes, where there must be at least {}",
                fewest_bits.div_ceil(8)
            )
        } else if restarts < fewest_restarts {
            format!("{restarts} restarts, where there must be {fewest_restarts}")
        } else {
            return Ok(());
        };
        Err(ImageError::corrupt(format!(
            "a scan of its {}x{} pixels has {too_few}",
            self.width, self.height
        )))
    }

    /// How many groups of blocks a scan of these components codes, and how many blocks. A block is a single
    /// pixel where nothing is lost.
    fn units(&self, scanned: &[Component]) -> (u64, u64) {
        let side = if self.coding == Coding::Lossless {
            1
        } else {
            8
        };
        let most = |of: fn(&Component) -> u64| self.components.iter().map(of).max().unwrap_or(1);
        let (across, down) = (most(|c| c.across), most(|c| c.down));
        match scanned {
            // Alone, a component is coded without the blocks that only fill up the last group.
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

    fn is_complete(&self) -> Result<(), ImageError> {
        match self.components.iter().filter(|c| !c.begun).count() {
            0 => Ok(()),
            missing => Err(ImageError::corrupt(format!(
                "{missing} of its {} colours have no data",
                self.components.len()
            ))),
        }
    }
}
