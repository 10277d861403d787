//! Similar movies, compared by their people, their genres and their texts.

use std::collections::{HashMap, HashSet};

use crate::{
    id::{DirectorId, GenreId, MovieId, StarId},
    text::fold,
};

/// How many similar movies are stored for a movie: more than are shown, since some may be withdrawn from sale or bought
/// later.
pub const KEPT_SIMILAR: usize = 50;
/// How many similar movies are shown for a movie.
pub const SHOWN_SIMILAR: usize = 20;

/// The points for each common director. At most two directors are counted.
const DIRECTOR: usize = 60;
/// The points for each common star. At most three stars are counted.
const STAR: usize = 40;
/// The points for equal genres; partially equal genres get a proportional part.
const GENRES: usize = 60;
/// The points for the same main genre.
const MAIN_GENRE: usize = 10;
/// The maximum points for common words of the titles.
const TITLE: usize = 60;
/// The maximum points for common words of the descriptions.
const DESCRIPTION: usize = 40;
/// The points for the same year; every three years of difference subtract one point.
const YEAR: usize = 10;

/// The data that movies are compared by.
#[derive(Debug, Clone, PartialEq)]
pub struct MovieProfile {
    /// The movie.
    pub id: MovieId,
    /// The title.
    pub name: String,
    /// The description.
    pub description: String,
    /// The year of release.
    pub year: i32,
    /// The popularity score.
    pub popularity: f64,
    /// The genres, the main one first.
    pub genre_ids: Vec<GenreId>,
    /// The directors.
    pub director_ids: Vec<DirectorId>,
    /// The stars.
    pub star_ids: Vec<StarId>,
}

/// Returns the most similar of `others`, up to [`KEPT_SIMILAR`], the most similar first. A movie is omitted if it
/// shares neither people nor genres nor rare words with `movie`. Words that occur in many of the `others` are not
/// rare.
#[must_use]
pub fn most_similar(movie: &MovieProfile, others: &[MovieProfile]) -> Vec<MovieId> {
    let titles: Vec<HashSet<String>> = others.iter().map(|other| words(&other.name)).collect();
    let descriptions: Vec<HashSet<String>> = others.iter().map(|other| words(&other.description)).collect();
    let (title, description) = (words(&movie.name), words(&movie.description));
    let (title_points, description_points) = (rarity(&titles), rarity(&descriptions));
    let mut scored: Vec<(usize, &MovieProfile)> = others
        .iter()
        .zip(titles.iter().zip(&descriptions))
        .filter(|(other, _)| other.id != movie.id)
        .filter_map(|(other, (other_title, other_description))| {
            let in_common = people_and_genres(movie, other)
                .saturating_add(shared(&title, other_title, &title_points, 6).min(TITLE))
                .saturating_add(
                    shared(&description, other_description, &description_points, 2).min(DESCRIPTION),
                );
            let apart = usize::try_from(movie.year.abs_diff(other.year) / 3).unwrap_or(YEAR);
            (in_common > 0).then(|| (in_common.saturating_add(YEAR.saturating_sub(apart)), other))
        })
        .collect();
    scored.sort_unstable_by(|(score, a), (other_score, b)| {
        other_score
            .cmp(score)
            .then_with(|| b.popularity.total_cmp(&a.popularity))
            .then_with(|| a.id.cmp(&b.id))
    });
    scored.into_iter().take(KEPT_SIMILAR).map(|(_, other)| other.id).collect()
}

fn people_and_genres(movie: &MovieProfile, other: &MovieProfile) -> usize {
    let directors = in_common(&movie.director_ids, &other.director_ids).min(2).saturating_mul(DIRECTOR);
    let stars = in_common(&movie.star_ids, &other.star_ids).min(3).saturating_mul(STAR);
    let all = movie.genre_ids.len().saturating_add(other.genre_ids.len());
    let genres = in_common(&movie.genre_ids, &other.genre_ids).saturating_mul(2).saturating_mul(GENRES);
    let is_main_the_same = movie.genre_ids.first().is_some_and(|main| other.genre_ids.first() == Some(main));
    directors
        .saturating_add(stars)
        .saturating_add(genres.checked_div(all).unwrap_or(0))
        .saturating_add(if is_main_the_same { MAIN_GENRE } else { 0 })
}

fn in_common<T: PartialEq>(some: &[T], others: &[T]) -> usize {
    some.iter().filter(|one| others.contains(one)).count()
}

fn words(text: &str) -> HashSet<String> {
    fold(text)
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns the points of each word: more for words that occur in fewer texts, and none for words that occur in more
/// than half of the texts, if there are at least eight texts.
fn rarity(texts: &[HashSet<String>]) -> HashMap<&str, usize> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for word in texts.iter().flatten() {
        let count = counts.entry(word.as_str()).or_default();
        *count = count.saturating_add(1);
    }
    for count in counts.values_mut() {
        // Fewer than eight texts count as eight, so that each word that occurs in at most four of these texts gets
        // points.
        let share = texts.len().max(8).checked_div(*count).and_then(usize::checked_ilog2).unwrap_or(0);
        *count = usize::try_from(share).unwrap_or(0);
    }
    counts
}

fn shared(
    words: &HashSet<String>,
    others: &HashSet<String>,
    points: &HashMap<&str, usize>,
    factor: usize,
) -> usize {
    words
        .intersection(others)
        .filter_map(|word| points.get(word.as_str()))
        .fold(0, |sum: usize, points| sum.saturating_add(points.saturating_mul(factor)))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::{Id, Kind};

    fn ids<K: Kind>(numbers: &[u128]) -> Vec<Id<K>> {
        numbers.iter().map(|number| Id::from_uuid(Uuid::from_u128(*number))).collect()
    }

    fn movie(number: u128, name: &str, genres: &[u128], directors: &[u128], stars: &[u128]) -> MovieProfile {
        MovieProfile {
            id: MovieId::from_uuid(Uuid::from_u128(number)),
            name: name.to_owned(),
            description: String::new(),
            year: 2_000,
            popularity: 1.0,
            genre_ids: ids(genres),
            director_ids: ids(directors),
            star_ids: ids(stars),
        }
    }

    fn numbers(movies: &[MovieId]) -> Vec<u128> {
        movies.iter().map(|id| id.as_uuid().as_u128()).collect()
    }

    #[test]
    fn people_count_more_than_genres_and_unrelated_movies_are_omitted() {
        let heat = movie(1, "Heat", &[1, 2], &[1], &[1, 2]);
        let others = [
            movie(2, "Ronin", &[1, 2], &[2], &[9]),
            movie(3, "Collateral", &[1], &[1], &[8]),
            movie(4, "The Irishman", &[1], &[3], &[1, 2]),
            movie(5, "Up", &[5], &[5], &[5]),
            heat.clone(),
        ];
        assert_eq!(numbers(&most_similar(&heat, &others)), [4, 3, 2]);
    }

    #[test]
    fn a_rare_word_of_the_title_counts_and_a_common_one_does_not() {
        let movie_of = |number, name| movie(number, name, &[1], &[], &[]);
        let alien = movie_of(1, "The Alien");
        let mut others: Vec<_> = (10..30).map(|number| movie_of(number, "The Other")).collect();
        others.push(movie_of(2, "Alien: The Return"));
        others.push(movie_of(3, "Alien Resurrection"));
        assert_eq!(numbers(&most_similar(&alien, &others))[..2], [2, 3]);
    }

    #[test]
    fn ties_are_decided_by_description_year_and_popularity() {
        let one = movie(1, "One", &[1], &[], &[]);
        let one = MovieProfile { description: "A submarine is lost in the ice.".to_owned(), ..one };
        let other = |number, description: &str, year, popularity| MovieProfile {
            description: description.to_owned(),
            year,
            popularity,
            ..movie(number, "Other", &[1], &[], &[])
        };
        let others = [
            other(2, "A story.", 2_000, 1.0),
            other(3, "A story.", 2_000, 5.0),
            other(4, "A story.", 1_960, 9.0),
            other(5, "Men in a submarine.", 2_000, 1.0),
        ];
        assert_eq!(numbers(&most_similar(&one, &others)), [5, 3, 2, 4]);
    }

    #[test]
    fn the_number_of_similar_movies_is_limited() {
        let one = movie(1, "One", &[1], &[], &[]);
        let others: Vec<_> = (2..300).map(|number| movie(number, "Other", &[1], &[], &[])).collect();
        assert_eq!(most_similar(&one, &others).len(), KEPT_SIMILAR);
        assert!(most_similar(&one, &[]).is_empty());
    }
}
