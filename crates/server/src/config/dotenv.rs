//! Checks `.env` files before they are read.

use super::{fault::Fault, names};

/// Reports each setting whose value has a `$` that the `dotenvy` library would replace by a variable. Without this
/// check, a password with a `$` would silently change.
pub(super) fn expansions(text: &str) -> Vec<Fault> {
    let names = expanded_names(text).into_iter().filter(|name| names::all().any(|known| known == *name));
    let fault = |name: &str| {
        let problem = format!("has a $ in the value of {name} that would be replaced");
        Fault::new(".env", problem, format!("{name}='…' in single quotes, or \\$ for each $"))
    };
    names.map(fault).collect()
}

/// The lexical context of a character in a `.env` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Outside quotes, after whitespace or at the beginning of a line.
    AfterBlank,
    /// Outside quotes, after any other character.
    Plain,
    /// Between `"` and `"`.
    Quoted,
    /// Between `'` and `'`, where no character is special.
    Literal,
    /// In a comment: from a `#` after whitespace or at the beginning of a line, up to the end of the line.
    Comment,
}

/// Returns the names whose values contain a `$` that is neither escaped with `\` nor in single quotes nor in a comment.
fn expanded_names(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut place, mut is_escaped) = (Place::AfterBlank, false);
    let mut rest = text;
    for (at, character) in text.char_indices() {
        if std::mem::take(&mut is_escaped) && character != '\n' {
            continue;
        }
        place = match (place, character) {
            (Place::AfterBlank | Place::Plain | Place::Comment, '\n') => {
                rest = text.get(at.saturating_add(1)..).unwrap_or_default();
                Place::AfterBlank
            }
            (Place::Comment, _) | (Place::AfterBlank, '#') => Place::Comment,
            (Place::Literal, '\'') | (Place::Quoted, '"') => Place::Plain,
            (Place::Literal, _) => Place::Literal,
            (place, '\\') => {
                is_escaped = true;
                if place == Place::AfterBlank { Place::Plain } else { place }
            }
            (place, '$') => {
                found.extend(name_of(rest).filter(|name| !found.contains(name)));
                if place == Place::AfterBlank { Place::Plain } else { place }
            }
            (Place::Quoted, _) | (_, '"') => Place::Quoted,
            (_, '\'') => Place::Literal,
            (_, character) if character.is_whitespace() => Place::AfterBlank,
            _ => Place::Plain,
        };
    }
    found
}

/// Returns the name before the first `=` of the text, without `export`; `None` if there is no `=`.
fn name_of(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('=')?;
    let name = name.trim();
    Some(
        name.strip_prefix("export")
            .filter(|name| name.starts_with(char::is_whitespace))
            .map_or(name, str::trim),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dollar_that_would_be_expanded_is_found() {
        for text in [
            "A=x$y",
            "A=$y",
            "A=${y}",
            "A=\"x$y\"",
            "export A=x$",
            "A=x\\\\$y",
            "B='\n'\nA=$",
            " A = \"b\nc$d\"",
            "#\nA=x#$y",
        ] {
            assert_eq!(expanded_names(text), ["A"], "{text}");
        }
        assert_eq!(expanded_names("A=$1\nB=2\nC=$3$4\n"), ["A", "C"]);
    }

    #[test]
    fn a_literal_dollar_is_not_an_expansion() {
        for text in [
            "A='x$y'",
            "A=x\\$y",
            "A=\"x\\$y\"",
            "# A=$y",
            "A=x # $y",
            "  # it's $5",
            "A='b\nc$d'",
            "A=x\nB=y",
        ] {
            assert_eq!(expanded_names(text), Vec::<&str>::new(), "{text}");
        }
    }

    /// Reads the text with the `dotenvy` library. Returns all names and values in order, or `None` if the text is
    /// invalid.
    fn read(text: &str) -> Option<Vec<(String, String)>> {
        dotenvy::from_read_iter(text.as_bytes()).collect::<Result<_, _>>().ok()
    }

    /// Tries all values of at most five characters from a small set. To detect whether the library replaces a `$` by a
    /// variable, reads each text twice: as it is, and with `§`, which the library never replaces, instead of each `$`.
    #[test]
    fn every_value_that_the_library_would_change_is_reported() {
        let characters = ['$', '\'', '"', ' ', '#', '\n', 'x', '='];
        let mut texts = vec!["A=".to_owned()];
        for _ in 0..5 {
            let longer = |text: &String| characters.map(|character| format!("{text}{character}"));
            texts = texts.iter().flat_map(longer).collect();
            for text in &texts {
                let Some(mut values) = read(text) else { continue };
                for (_, value) in &mut values {
                    *value = value.replace('$', "§");
                }
                let is_altered = read(&text.replace('$', "§")) != Some(values);
                assert!(!is_altered || !expanded_names(text).is_empty(), "{text:?}");
            }
        }
    }
}
