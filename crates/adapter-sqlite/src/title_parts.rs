//! The index of the filter by title, which finds a text anywhere in a folded title.
//!
//! A title is written as its parts of three adjacent characters, and its last two and its last character. A text of
//! three or more characters can only be in titles that have all of its parts. A shorter text is the beginning of a part.
//! FTS5's own tokenizer `trigram` finds nothing for texts of fewer than three characters.

/// The number of characters of a part.
const LENGTH: usize = 3;
/// The largest number of parts that a query compares. The titles found are compared to the whole text anyway.
const COMPARED: usize = 24;

/// The parts of a folded title, separated by spaces.
pub(crate) fn title_parts(title: &str) -> String {
    let characters: Vec<char> = title.chars().map(indexed).collect();
    let parts = (0..characters.len()).map(|begin| {
        let end = characters.len().min(begin.saturating_add(LENGTH));
        characters.get(begin..end).unwrap_or_default().iter().collect::<String>()
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// The FTS5 query that finds all titles that contain the text, and possibly others. The text must not be empty.
pub(crate) fn title_query(text: &str) -> String {
    let characters: Vec<char> = text.chars().map(indexed).collect();
    if characters.len() < LENGTH {
        return format!("\"{}\" *", characters.iter().collect::<String>());
    }
    let parts = characters.windows(LENGTH).take(COMPARED);
    parts.map(|part| format!("\"{}\"", part.iter().collect::<String>())).collect::<Vec<_>>().join(" AND ")
}

/// Replaces the ASCII characters at which FTS5's tokenizer `ascii` splits by other characters.
fn indexed(character: char) -> char {
    match u8::try_from(character) {
        Ok(byte) if byte.is_ascii() && !byte.is_ascii_alphanumeric() => char::from(byte | 0x80),
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_written_as_its_parts() {
        assert_eq!(title_parts("m 7"), "m\u{a0}7 \u{a0}7 7");
        assert_eq!(title_parts("alien"), "ali lie ien en n");
        assert_eq!(title_parts("千"), "千");
        assert_eq!(title_parts(""), "");
    }

    #[test]
    fn a_query_has_all_parts_of_a_text_or_the_beginning_of_a_part() {
        assert_eq!(title_query("lien"), "\"lie\" AND \"ien\"");
        assert_eq!(title_query("e"), "\"e\" *");
        assert_eq!(title_query("\"*"), "\"\u{a2}\u{aa}\" *");
        assert_eq!(title_query(&"x".repeat(300)).matches("AND").count(), COMPARED - 1);
    }
}
