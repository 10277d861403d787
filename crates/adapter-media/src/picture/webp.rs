/// The sizes (width, height) in the headers of the lossy frames of a WebP file. They must be checked before the file is
/// decoded: the decoder decodes a frame of the declared size before it compares this size with the size of the whole
/// picture.
pub(super) fn frame_sizes(bytes: &[u8]) -> Vec<(u32, u32)> {
    let mut sizes = Vec::new();
    // Skips the file header: `RIFF`, the length and `WEBP`.
    collect(bytes.get(12..).unwrap_or_default(), &mut sizes);
    sizes
}

fn collect(mut rest: &[u8], sizes: &mut Vec<(u32, u32)>) {
    while let Some((name, content, behind)) = next_chunk(rest) {
        match name {
            b"VP8 " => sizes.extend(frame_size(content)),
            // A frame of an animation has a header of 16 bytes, followed by chunks, none of which is another `ANMF`.
            b"ANMF" => {
                let mut inner = content.get(16..).unwrap_or_default();
                while let Some((name, content, behind)) = next_chunk(inner) {
                    if name == b"VP8 " {
                        sizes.extend(frame_size(content));
                    }
                    inner = behind;
                }
            }
            _ => {}
        }
        rest = behind;
    }
}

/// Splits off the next chunk; returns its name, its content (in a truncated file, less than declared) and the bytes
/// after it. `None` when the rest of the file has no complete chunk header.
fn next_chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (name, rest) = bytes.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let content = rest.get(..length).unwrap_or(rest);
    // Chunks are padded to an even length.
    let padded = length.saturating_add(length.rem_euclid(2));
    Some((name, content, rest.get(padded..).unwrap_or_default()))
}

fn frame_size(frame: &[u8]) -> Option<(u32, u32)> {
    let (width, rest) = frame.get(6..)?.split_first_chunk::<2>()?;
    let (height, _) = rest.split_first_chunk::<2>()?;
    let side = |bytes: &[u8; 2]| u32::from(u16::from_le_bytes(*bytes) & 0x3FFF);
    Some((side(width), side(height)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::riff_chunk;

    fn frame(width: u16, height: u16) -> Vec<u8> {
        let mut frame = vec![0, 0, 0, 0x9D, 0x01, 0x2A];
        frame.extend(width.to_le_bytes());
        frame.extend(height.to_le_bytes());
        riff_chunk(b"VP8 ", &frame)
    }

    #[test]
    fn frames_are_found_at_any_position() {
        let animated =
            riff_chunk(b"ANMF", &[vec![0; 16], riff_chunk(b"ALPH", b"odd"), frame(30, 40)].concat());
        let parts = [vec![0; 12], riff_chunk(b"VP8X", &[0; 10]), frame(0xC00A, 20), animated].concat();
        assert_eq!(frame_sizes(&parts), [(10, 20), (30, 40)]);
        for length in 0..parts.len() {
            assert!(frame_sizes(&parts[..length]).len() <= 2);
        }
    }
}
