//! What people write into cells, as values.

/// A whole number, with commas between groups of three digits or without: `28,341,469`.
pub(super) fn whole_number(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if digits.contains(',') {
        let mut groups = digits.split(',');
        let first = groups.next()?;
        if first.is_empty() || first.len() > 3 || groups.any(|group| group.len() != 3) {
            return None;
        }
    }
    let plain: String = digits.chars().filter(|character| *character != ',').collect();
    if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{sign}{plain}").parse().ok()
}

/// A number of minutes: `142`, `142 min`.
pub(super) fn minutes(text: &str) -> Option<i64> {
    let number = ["minutes", "minute", "mins", "min"]
        .iter()
        .find_map(|unit| text.strip_suffix(unit))
        .map_or(text, str::trim_end);
    whole_number(number)
}

/// A number with or without a fraction: `9`, `9.3`. Neither infinite nor in another notation.
pub(super) fn fraction(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte));
    if is_plain { text.parse().ok() } else { None }
}

/// `true` or `false`, `yes` or `no`, `1` or `0`.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// The names in a cell, between commas.
pub(super) fn names(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        assert_eq!(whole_number("28,341,469"), Some(28_341_469));
        assert_eq!(whole_number("1994"), Some(1994));
        assert_eq!(whole_number("-5"), Some(-5));
        for bad in ["", "PG", "1,23", ",123", "1234,567", "12.5", "1 000", "--5", "9".repeat(30).as_str()] {
            assert_eq!(whole_number(bad), None, "{bad}");
        }
        assert_eq!(minutes("142 min"), Some(142));
        assert_eq!(minutes("142min"), Some(142));
        assert_eq!(minutes("142"), Some(142));
        assert_eq!(minutes("2 h"), None);
        assert_eq!(fraction("9"), Some(9.0));
        assert_eq!(fraction("9.3"), Some(9.3));
        for bad in ["", "nan", "inf", "1e3", "9,3", "."] {
            assert_eq!(fraction(bad), None, "{bad}");
        }
    }
}
