/// Composes a description of a movie from its facts, for movies without a description.
#[must_use]
pub fn compose_description(year: i32, genres: &[String], directors: &[String], stars: &[String]) -> String {
    let genres = genres.iter().map(|genre| genre.to_lowercase()).collect::<Vec<_>>();
    let kind = if genres.is_empty() { "movie".to_owned() } else { format!("{} movie", enumerate(&genres)) };
    let mut text = format!("A {kind} of {year}");
    if !directors.is_empty() {
        text.push_str(", directed by ");
        text.push_str(&enumerate(directors));
    }
    if !stars.is_empty() {
        text.push_str(", with ");
        text.push_str(&enumerate(stars));
    }
    // A name may already end with a full stop: "Robert Downey, Jr."
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

fn enumerate(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(genres: &[&str], directors: &[&str], stars: &[&str]) -> String {
        let [genres, directors, stars] = [genres, directors, stars]
            .map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        compose_description(2001, &genres, &directors, &stars)
    }

    #[test]
    fn a_description_contains_the_known_facts() {
        assert_eq!(composed(&[], &[], &[]), "A movie of 2001.");
        assert_eq!(
            composed(&["Comedy", "Romance"], &["Ann Lee"], &["Bo", "Cy", "Di"]),
            "A comedy and romance movie of 2001, directed by Ann Lee, with Bo, Cy and Di."
        );
    }

    #[test]
    fn a_description_ends_in_one_full_stop() {
        assert_eq!(composed(&[], &[], &["Robert Downey, Jr."]), "A movie of 2001, with Robert Downey, Jr.");
    }
}
