/// Whether a JPEG is complete. This must be checked, because the decoder fills missing parts with grey instead of
/// refusing the file.
///
/// Iterates over the segments, because the bytes of an end marker may also occur inside a segment, for example in a
/// thumbnail.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    markers(bytes).any(|marker| marker == END)
}

/// Whether a JPEG is progressive. The decoder of such a picture needs additional memory: twice as much as the decoded
/// pixels of a colour picture.
pub(super) fn is_progressive(bytes: &[u8]) -> bool {
    markers(bytes)
        .take_while(|marker| *marker != END)
        .any(|marker| matches!(marker, 0xC2 | 0xC6 | 0xCA | 0xCE))
}

/// The marker at the end of a picture (EOI).
const END: u8 = 0xD9;

/// The markers of a JPEG, without the start marker (SOI). The items after [`END`] have no meaning.
fn markers(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = bytes.get(2..);
    std::iter::from_fn(move || {
        let (marker, behind) = rest.and_then(next_marker)?;
        rest = match marker {
            // These markers have no segment.
            0x01 | 0xD0..=0xD7 => Some(behind),
            // After the segment of a scan header, pixel data follows, which `next_marker` skips.
            _ => behind_segment(behind),
        };
        Some(marker)
    })
}

/// The next marker, and the bytes after it. An `FF` within pixel data is no marker: there it is followed by a zero.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = bytes;
    loop {
        let at = rest.iter().position(|byte| *byte == 0xFF)?;
        rest = rest.get(at..)?;
        let fill = rest.iter().position(|byte| *byte != 0xFF)?;
        let (marker, behind) = rest.get(fill..)?.split_first()?;
        if *marker != 0 {
            return Some((*marker, behind));
        }
        rest = behind;
    }
}

fn behind_segment(bytes: &[u8]) -> Option<&[u8]> {
    let length = u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]);
    bytes.get(usize::from(length.max(2))..)
}

#[cfg(test)]
mod tests {
    use super::{is_progressive, is_whole};

    #[test]
    fn only_the_end_marker_of_the_picture_itself_ends_it() {
        let start = [0xFF, 0xD8];
        let thumbnail = [0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9];
        let scan = [0xFF, 0xDA, 0, 3, 1, 17, 0xFF, 0, 0xFF, 0xD0, 18];
        let end = [0xFF, 0xD9];
        let whole = [&start[..], &thumbnail, &scan, &end].concat();
        assert!(is_whole(&whole));
        assert!(is_whole(&[&whole[..], b"and something else"].concat()));
        for length in 0..whole.len() {
            assert!(!is_whole(&whole[..length]), "cut to {length} bytes");
        }
    }

    #[test]
    fn a_progressive_picture_is_recognised_by_the_marker_of_its_frame() {
        let start = [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 0xFF, 0xC2];
        let picture = |frame| [&start[..], &[0xFF, frame, 0, 3, 8], &[0xFF, 0xD9]].concat();
        assert!(is_progressive(&picture(0xC2)));
        assert!(!is_progressive(&picture(0xC0)), "the bytes of a marker inside a segment must not count");
        assert!(
            !is_progressive(&[&picture(0xC0)[..], &[0xFF, 0xC2, 0, 3, 8]].concat()),
            "a marker after the end of the picture must not count"
        );
    }
}
