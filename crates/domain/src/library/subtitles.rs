/// Why a text is not a valid file of subtitles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSubtitles {
    /// The text does not begin like WebVTT.
    #[error("is not WebVTT: its first line must begin with WEBVTT")]
    NotWebVtt,
    /// The times in a line cannot be read, or the end time is not after the start time.
    #[error("has bad times in line {line}; they look like 00:01:02.500 --> 00:01:04.000")]
    Times {
        /// The number of the line, from 1.
        line: usize,
    },
    /// The text has no cues.
    #[error("has no cues")]
    Empty,
}

/// Checks that a text is WebVTT (W3C) with at least one cue, and that each cue has valid times and ends after it
/// starts.
///
/// # Errors
/// The first error in the text.
pub fn check_subtitles(text: &str) -> Result<(), InvalidSubtitles> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().next().unwrap_or_default();
    let rest = first.strip_prefix("WEBVTT").ok_or(InvalidSubtitles::NotWebVtt)?;
    if !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return Err(InvalidSubtitles::NotWebVtt);
    }
    let mut cues = 0_usize;
    for (line, times) in text.lines().enumerate().filter(|(_, line)| line.contains("-->")) {
        let line = line.saturating_add(1);
        let bad = InvalidSubtitles::Times { line };
        let (begin, end) = times.split_once("-->").ok_or(bad)?;
        let end = end.split_whitespace().next().ok_or(bad)?;
        let (begin, end) = (milliseconds(begin.trim()).ok_or(bad)?, milliseconds(end).ok_or(bad)?);
        if end <= begin {
            return Err(bad);
        }
        cues = cues.saturating_add(1);
    }
    if cues == 0 { Err(InvalidSubtitles::Empty) } else { Ok(()) }
}

/// Reads `01:02.500` or `00:01:02.500`.
fn milliseconds(text: &str) -> Option<u64> {
    fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u64> {
        let is_number = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    }
    let (whole, fraction) = text.split_once('.')?;
    let fraction = number(fraction, 3..=3)?;
    let parts: Vec<&str> = whole.split(':').collect();
    let (hours, minutes, seconds) = match parts.as_slice() {
        [minutes, seconds] => (0, *minutes, *seconds),
        [hours, minutes, seconds] => (number(hours, 2..=4)?, *minutes, *seconds),
        _ => return None,
    };
    let (minutes, seconds) = (number(minutes, 2..=2)?, number(seconds, 2..=2)?);
    if minutes > 59 || seconds > 59 {
        return None;
    }
    let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
    minutes.checked_mul(60)?.checked_add(seconds)?.checked_mul(1_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtitles_are_distinguished_from_other_texts() {
        let cue = "00:01.000 --> 00:02.500 align:start\nHello";
        for good in [
            format!("WEBVTT\n\n{cue}\n"),
            "\u{feff}WEBVTT - English\r\n\r\n1\r\n100:00:01.000 --> 100:00:01.001\r\nHi\r\n".to_owned(),
            format!("WEBVTT\n\nNOTE a remark\n\n{cue}\n\n{cue}"),
        ] {
            assert_eq!(check_subtitles(&good), Ok(()), "{good}");
        }
        let times = |line| Err(InvalidSubtitles::Times { line });
        for (bad, expected) in [
            (String::new(), Err(InvalidSubtitles::NotWebVtt)),
            ("1\n00:00:01,000 --> 00:00:02,000\nHello".to_owned(), Err(InvalidSubtitles::NotWebVtt)),
            ("WEBVTTX\n\n".to_owned(), Err(InvalidSubtitles::NotWebVtt)),
            ("WEBVTT\n\nHello".to_owned(), Err(InvalidSubtitles::Empty)),
            ("WEBVTT\n\n00:00:01,000 --> 00:00:02,000\nHello".to_owned(), times(3)),
            ("WEBVTT\n\n00:02.000 --> 00:02.000\nHello".to_owned(), times(3)),
            ("WEBVTT\n\n00:60.000 --> 01:02.000\nHello".to_owned(), times(3)),
            (format!("WEBVTT\n\n{cue}\n\n00:05.000 -->\n"), times(6)),
        ] {
            assert_eq!(check_subtitles(&bad), expected, "{bad}");
        }
    }
}
