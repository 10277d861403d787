/// The notation of numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberStyle {
    /// `28,341,469` and `9.3`.
    DecimalPoint,
    /// Also `28.341.469`, `28 341 469` and `9,3`, for spreadsheets that use commas in numbers and semicolons between
    /// cells.
    DecimalComma,
}

/// Why a number cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberError {
    /// The text is not a number of the required kind.
    Malformed,
    /// The number is too large or too small.
    OutOfBounds,
}

impl NumberStyle {
    const fn group_separators(self) -> &'static [char] {
        match self {
            Self::DecimalPoint => &[','],
            Self::DecimalComma => &[',', '.', ' ', '\u{a0}', '\u{202f}'],
        }
    }

    /// A whole number, with or without separators between groups of three digits.
    pub(crate) fn whole(self, text: &str) -> Result<i64, NumberError> {
        let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
        let plain = match self.group_separators().iter().find(|separator| digits.contains(**separator)) {
            Some(separator) => joined_groups(digits, *separator).ok_or(NumberError::Malformed)?,
            None => digits.to_owned(),
        };
        if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NumberError::Malformed);
        }
        format!("{sign}{plain}").parse().map_err(|_| NumberError::OutOfBounds)
    }

    /// A number of minutes, such as `142` or `142 min`. The unit may also be `mins`, `minute` or `minutes`.
    pub(crate) fn minutes(self, text: &str) -> Result<i64, NumberError> {
        let number = ["minutes", "minute", "mins", "min"]
            .iter()
            .find_map(|unit| text.strip_suffix(unit))
            .map_or(text, str::trim_end);
        self.whole(number)
    }

    /// A number with or without a fraction, such as `9` and `9.3`. Other notations, such as `1e3`, are refused.
    pub(crate) fn fraction(self, text: &str) -> Result<f64, NumberError> {
        let text = self.with_point(text);
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte));
        if is_plain { text.parse().map_err(|_| NumberError::Malformed) } else { Err(NumberError::Malformed) }
    }

    /// The number with a decimal point in place of its first comma, if the notation allows a decimal comma and the text
    /// contains no point. Otherwise the unchanged text.
    pub(crate) fn with_point(self, text: &str) -> String {
        if self == Self::DecimalComma && !text.contains('.') {
            text.replacen(',', ".", 1)
        } else {
            text.to_owned()
        }
    }
}

fn joined_groups(digits: &str, separator: char) -> Option<String> {
    let mut groups = digits.split(separator);
    let first = groups.next()?;
    if first.is_empty() || first.len() > 3 || groups.any(|group| group.len() != 3) {
        return None;
    }
    Some(digits.split(separator).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use NumberStyle::{DecimalComma, DecimalPoint};

    #[test]
    fn numbers_may_have_separators_between_groups_of_digits() {
        for style in [DecimalPoint, DecimalComma] {
            assert_eq!(style.whole("28,341,469"), Ok(28_341_469));
            assert_eq!(style.whole("1994"), Ok(1994));
            assert_eq!(style.whole("-5"), Ok(-5));
            for bad in ["", "PG", "1,23", ",123", "1234,567", "12.5", "--5", "1,234.567", "1.234,567"] {
                assert_eq!(style.whole(bad), Err(NumberError::Malformed), "{bad}");
            }
            assert_eq!(style.whole(&"9".repeat(30)), Err(NumberError::OutOfBounds));
        }
        for text in ["1.234.567", "1 234 567", "1\u{a0}234\u{a0}567", "1\u{202f}234\u{202f}567"] {
            assert_eq!(DecimalComma.whole(text), Ok(1_234_567));
            assert_eq!(DecimalPoint.whole(text), Err(NumberError::Malformed));
        }
    }

    #[test]
    fn running_times_may_have_a_unit() {
        assert_eq!(DecimalPoint.minutes("142 min"), Ok(142));
        assert_eq!(DecimalPoint.minutes("142min"), Ok(142));
        assert_eq!(DecimalPoint.minutes("142"), Ok(142));
        assert_eq!(DecimalPoint.minutes("2 h"), Err(NumberError::Malformed));
    }

    #[test]
    fn fractions_have_a_point_or_in_the_decimal_comma_style_a_comma() {
        assert_eq!(DecimalPoint.fraction("9"), Ok(9.0));
        assert_eq!(DecimalPoint.fraction("9.3"), Ok(9.3));
        assert_eq!(DecimalComma.fraction("9,3"), Ok(9.3));
        assert_eq!(DecimalComma.fraction("9.3"), Ok(9.3));
        for bad in ["", "nan", "inf", "1e3", "9,3", ".", "1,000.5"] {
            assert_eq!(DecimalPoint.fraction(bad), Err(NumberError::Malformed), "{bad}");
        }
        for bad in ["9,3,1", "1.000,5", ","] {
            assert_eq!(DecimalComma.fraction(bad), Err(NumberError::Malformed), "{bad}");
        }
    }
}
