//! Parses the parts of a file that the `Range` header of a request specifies (RFC 9110, section 14).

use std::ops::Range;

/// The maximum number of parts in a request. A request for more parts, which no player sends, gets the whole file if at
/// least two of the parts exist.
const MOST_PARTS: usize = 16;

/// The parts of a file to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// The whole file.
    Whole,
    /// These parts, in this order. None of them is empty.
    Parts(Vec<Range<u64>>),
    /// None of the requested parts exists.
    Unsatisfiable,
}

/// Selects the parts that a `Range` header requests from a file of this length in bytes. A malformed header, or a
/// header with a unit other than bytes, is ignored: it selects the whole file.
pub(crate) fn selected(range: &str, length: u64) -> Selection {
    let Some(specs) = specs(range) else { return Selection::Whole };
    let is_of_end = |spec: &Spec| matches!(spec, Spec::Last(count) if *count > 0);
    if length == 0 && specs.iter().any(is_of_end) {
        // A request for the last bytes of an empty file gets the whole (empty) file.
        return Selection::Whole;
    }
    let parts: Vec<Range<u64>> = specs.iter().filter_map(|spec| spec.of(length)).collect();
    let total = parts.iter().fold(0_u64, |total, part| total.saturating_add(size(part)));
    match parts.len() {
        0 => Selection::Unsatisfiable,
        1 => Selection::Parts(parts),
        // If the parts are together larger than the file, they overlap. Such a request could make the response very
        // large.
        _ if specs.len() > MOST_PARTS || total > length => Selection::Whole,
        _ => Selection::Parts(parts),
    }
}

/// Returns the size of a part, in bytes.
pub(crate) const fn size(part: &Range<u64>) -> u64 {
    part.end.saturating_sub(part.start)
}

/// A part as a `Range` header specifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spec {
    /// From the first to the last byte, both inclusive.
    Between(u64, u64),
    /// The given number of bytes at the end of the file.
    Last(u64),
}

impl Spec {
    fn of(self, length: u64) -> Option<Range<u64>> {
        let part = match self {
            Self::Between(first, last) => first..last.saturating_add(1).min(length),
            Self::Last(count) => length.saturating_sub(count)..length,
        };
        (!part.is_empty()).then_some(part)
    }
}

fn specs(range: &str) -> Option<Vec<Spec>> {
    let (unit, set) = range.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let members =
        set.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty());
    let specs = members.map(spec).collect::<Option<Vec<_>>>()?;
    (!specs.is_empty()).then_some(specs)
}

fn spec(text: &str) -> Option<Spec> {
    let (first, last) = text.split_once('-')?;
    match (first, last) {
        ("", last) => Some(Spec::Last(number(last)?)),
        (first, "") => Some(Spec::Between(number(first)?, u64::MAX)),
        (first, last) => {
            let range = Spec::Between(number(first)?, number(last)?);
            is_at_most(first, last).then_some(range)
        }
    }
}

/// Returns whether one decimal number is at most another. The numbers may have any number of digits.
fn is_at_most(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    (one.len(), one) <= (other.len(), other)
}

/// Parses a number. A number that does not fit into 64 bits becomes the greatest 64-bit number.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "the list has a single range")]
    fn a_range_selects_the_requested_bytes() {
        for (range, length, expected) in [
            ("bytes=0-0", 10, vec![0..1]),
            ("bytes=0-", 10, vec![0..10]),
            ("bytes=3-5", 10, vec![3..6]),
            ("bytes=3-99", 10, vec![3..10]),
            ("bytes=9-9", 10, vec![9..10]),
            ("bytes=-3", 10, vec![7..10]),
            ("bytes=-99", 10, vec![0..10]),
            ("BYTES=1-1", 10, vec![1..2]),
            ("bytes=, ,1-1 ,,", 10, vec![1..2]),
            ("bytes=0-1,5-6", 10, vec![0..2, 5..7]),
            ("bytes=5-6, -2,20-", 10, vec![5..7, 8..10]),
            ("bytes=3-184467440737095516160", 10, vec![3..10]),
            ("bytes=-184467440737095516160", 10, vec![0..10]),
            ("bytes=0-0,-0", 10, vec![0..1]),
            ("bytes=0003-05", 10, vec![3..6]),
            ("bytes=09-10", 10, vec![9..10]),
        ] {
            assert_eq!(selected(range, length), Selection::Parts(expected), "{range}");
        }
    }

    #[test]
    fn ranges_beyond_the_end_are_unsatisfiable() {
        for (range, length) in [
            ("bytes=10-", 10),
            ("bytes=10-20", 10),
            ("bytes=-0", 10),
            ("bytes=184467440737095516160-", 10),
            ("bytes=99999999999999999999-99999999999999999999", 10),
            ("bytes=10-11, -0", 10),
            ("bytes=0-", 0),
            ("bytes=-0", 0),
        ] {
            assert_eq!(selected(range, length), Selection::Unsatisfiable, "{range}");
        }
    }

    #[test]
    fn malformed_headers_select_the_whole_file() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5-3",
            "bytes=99999999999999999999-18446744073709551616",
            "bytes =0-1",
            " bytes=0-1",
            "bytes=a-b",
            "bytes=1",
            "bytes=+1-2",
            "bytes=1-2-3",
            "bytes=1-2,x",
            "bytes=0x1-2",
            "bytes 1-2",
            "seconds=1-2",
            "bytes=1 - 2",
        ] {
            assert_eq!(selected(range, 10), Selection::Whole, "{range}");
        }
        assert_eq!(selected("bytes=-5", 0), Selection::Whole, "an empty file is sent as a whole");
    }

    #[test]
    fn too_many_parts_or_parts_larger_than_the_file_select_the_whole_file() {
        let many: Vec<String> = (0..17).map(|place| format!("{place}-{place}")).collect();
        assert_eq!(selected(&format!("bytes={}", many.join(",")), 100), Selection::Whole);
        assert_eq!(selected("bytes=0-,0-", 100), Selection::Whole);
    }

    proptest! {
        #[test]
        fn parts_are_within_the_file(range in "bytes=[0-9,-]{0,40}", length in 0_u64..1_000) {
            if let Selection::Parts(parts) = selected(&range, length) {
                prop_assert!(!parts.is_empty() && parts.len() <= MOST_PARTS);
                prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= length));
            }
        }
    }
}
