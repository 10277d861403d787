use crate::text::fold;

/// The articles that are ignored for sorting.
const ARTICLES: [&str; 3] = ["the", "a", "an"];

/// The name that a movie is sorted by unless another sort name is set: the name without a leading `The`, `A` or `An`,
/// if other words follow. Before `to` these words are not articles, as in *A to Z*.
///
/// ```
/// use domain::catalog::computed_sort_name;
///
/// assert_eq!(computed_sort_name("The Godfather"), "Godfather");
/// assert_eq!(computed_sort_name("A to Z"), "A to Z");
/// ```
#[must_use]
pub fn computed_sort_name(name: &str) -> &str {
    let name = name.trim();
    let Some((article, rest)) = name.split_once(char::is_whitespace) else { return name };
    let rest = rest.trim_start();
    let is_article = ARTICLES.iter().any(|known| article.eq_ignore_ascii_case(known));
    let next = rest.split_whitespace().next().unwrap_or_default();
    if is_article && !next.is_empty() && !next.eq_ignore_ascii_case("to") { rest } else { name }
}

/// The maximum number of characters of a sort key. Folding replaces some characters with up to 18 characters. Page
/// cursors contain the key. Without this limit, a page cursor could be longer than proxies accept in a header or URL.
const MAX_SORT_KEY_LENGTH: usize = 250;

/// The key by which names are sorted: folded, without leading punctuation unless the name has nothing else, and at most
/// 250 characters long. Databases compare the key byte by byte.
///
/// The migration that added this key to existing movies computes it in SQL from folded names. The migration removes
/// only the usual punctuation marks, so the keys of these movies may differ from the result of this function.
#[must_use]
pub fn sort_key(sort_name: &str) -> String {
    let folded = fold(sort_name);
    let bare = folded.trim_start_matches(|character: char| !character.is_alphanumeric());
    let key = if bare.is_empty() { &folded } else { bare };
    key.chars().take(MAX_SORT_KEY_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_article_followed_by_another_word_is_omitted() {
        for (name, sort_name) in [
            ("The 'Burbs", "'Burbs"),
            ("the  Thing", "Thing"),
            ("A Quiet Place", "Quiet Place"),
            ("An Education", "Education"),
            ("AN EDUCATION", "EDUCATION"),
            ("A to Z", "A to Z"),
            ("A To Z", "A To Z"),
            ("A Tomorrow", "Tomorrow"),
            ("The", "The"),
            ("A", "A"),
            ("A.I. Artificial Intelligence", "A.I. Artificial Intelligence"),
            ("The The", "The"),
            ("Theory", "Theory"),
            ("Anna", "Anna"),
            ("Amélie", "Amélie"),
        ] {
            assert_eq!(computed_sort_name(name), sort_name, "{name}");
        }
    }

    #[test]
    fn case_accents_and_leading_punctuation_are_ignored() {
        for (name, key) in [
            ("'Burbs", "burbs"),
            ("…And Justice for All", "and justice for all"),
            ("¡Three Amigos!", "three amigos!"),
            ("“Élite” Squad", "elite” squad"),
            ("[REC]", "rec]"),
            ("12 Angry Men", "12 angry men"),
            ("千と千尋", "千と千尋"),
            ("…", "..."),
            ("!!", "!!"),
        ] {
            assert_eq!(sort_key(name), key, "{name}");
        }
    }
}
