/// Whether a JPEG is complete. The decoder fills missing parts with grey instead of refusing the file.
///
/// It iterates over the segments, so that the end marker of a thumbnail inside a segment, and trailing data, do not
/// count.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..);
    while let Some(marker) = rest.and_then(next_marker) {
        rest = match marker {
            (0xD9, _) => return true,
            // Markers without a segment.
            (0x01 | 0xD0..=0xD7, behind) => Some(behind),
            // The header of a scan is followed by pixels up to the next marker.
            (_, behind) => behind_segment(behind),
        };
    }
    false
}

/// The next marker and the bytes after it. An `FF` among pixels is followed by a zero.
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
    use super::is_whole;

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
            assert!(!is_whole(&whole[..length]), "{length}");
        }
    }
}
