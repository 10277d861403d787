/// The maximum length of a value from a file that is shown in a message, in characters.
const MAX_SHOWN: usize = 60;

/// Prepares text from a file for a message: keeps at most `limit` characters, followed by `…` if there are more. Puts a
/// space in place of each character that could split the message into lines, or change how a terminal shows it.
///
/// ```
/// assert_eq!(movie_files::printable("Red\u{1b}[31m\nline", 8), "Red [31m…");
/// ```
#[must_use]
pub fn printable(text: &str, limit: usize) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(limit).map(replace_invisible).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

fn replace_invisible(character: char) -> char {
    let is_invisible = character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    if is_invisible { ' ' } else { character }
}

/// Prepares a value from a file for a message, in quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", printable(text, MAX_SHOWN))
}

/// Prepares a value from a file for a message, without quotes.
pub(crate) fn short(text: &str) -> String {
    printable(text, MAX_SHOWN)
}

/// Prepares a list of names for a message: keeps at most the first `MOST` names, followed by `…` if there are more.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 30;
    let mut names = names.into_iter();
    let mut shown: Vec<String> = names.by_ref().take(MOST).map(short).collect();
    if names.next().is_some() {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}
