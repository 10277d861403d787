//! The parts of titles. With an index of these parts, the filter `title` finds the movies whose folded title contains
//! a text. A folded title is in lower case and has no accents (`domain::text::fold`).
//!
//! The parts of a title are all sequences of three adjacent characters, the last two characters, and the last
//! character. A text of three or more characters can only be in titles that have each of the text's sequences of
//! three characters as a part. A shorter text can only be in titles of which at least one part begins with the text.

/// The number of characters of a part. Only the last two parts of a title are shorter.
const LENGTH: usize = 3;
/// The largest number of parts that a query compares. The other parts need not be compared, because afterwards each
/// title that was found is compared to the whole text.
const COMPARED: usize = 24;

/// The parts of a folded title, which can contain duplicates.
pub(crate) fn title_parts(title: &str) -> Vec<String> {
    let characters: Vec<char> = title.chars().collect();
    let parts = (0..characters.len()).map(|begin| {
        let end = characters.len().min(begin.saturating_add(LENGTH));
        characters.get(begin..end).unwrap_or_default().iter().collect()
    });
    parts.collect()
}

/// A condition on the parts of a title, made from a text. Every title that contains the text meets the condition.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TitleQuery {
    /// At least one part begins with this text, which has fewer than three characters.
    Begins(String),
    /// All of these are parts of the title.
    Has(Vec<String>),
}

impl TitleQuery {
    /// The query that finds all titles that contain the text. It can also find other titles.
    pub(crate) fn of(text: &str) -> Self {
        let characters: Vec<char> = text.chars().collect();
        if characters.len() < LENGTH {
            return Self::Begins(text.to_owned());
        }
        Self::Has(characters.windows(LENGTH).take(COMPARED).map(|part| part.iter().collect()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_indexed_as_its_parts() {
        assert_eq!(title_parts("m 7"), ["m 7", " 7", "7"]);
        assert_eq!(title_parts("alien"), ["ali", "lie", "ien", "en", "n"]);
        assert_eq!(title_parts("千"), ["千"]);
        assert!(title_parts("").is_empty());
    }

    #[test]
    fn a_query_has_up_to_24_parts_of_a_text_or_the_beginning_of_a_part() {
        assert_eq!(TitleQuery::of("lien"), TitleQuery::Has(vec!["lie".into(), "ien".into()]));
        assert_eq!(TitleQuery::of("ab"), TitleQuery::Begins("ab".into()));
        let TitleQuery::Has(parts) = TitleQuery::of(&"x".repeat(300)) else { panic!() };
        assert_eq!(parts.len(), COMPARED);
    }
}
