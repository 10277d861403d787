use uuid::Uuid;

use super::SearchRank;
use crate::catalog::Poster;

/// The maximum number of suggestions.
const MOST: usize = 10;

/// How many of the suggestions are reserved for people, if enough people match.
const PEOPLE: usize = 3;

/// A suggestion for a user who is typing.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// The kind of the suggestion.
    pub kind: SuggestionKind,
    /// The identifier of the movie or person.
    pub id: Uuid,
    /// The name of the movie or person as it is in the catalogue, not folded for the search.
    pub name: String,
    /// How well the name matches.
    pub rank: SearchRank,
    /// The popularity of the movie, or of the most popular of the person's movies that match the search.
    pub popularity: f64,
}

/// The kind of a suggestion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuggestionKind {
    /// A movie on sale.
    Movie {
        /// The year of release.
        year: i32,
        /// The poster.
        poster: Option<Poster>,
    },
    /// An actor.
    Star,
    /// A director.
    Director,
}

/// Selects at most ten suggestions, the best first. Up to three of them are reserved for people whose names match.
#[must_use]
pub fn best_suggestions(mut all: Vec<Suggestion>) -> Vec<Suggestion> {
    all.sort_by(|one, other| {
        let by_rank = other.rank.cmp(&one.rank).then(other.popularity.total_cmp(&one.popularity));
        by_rank.then_with(|| one.name.cmp(&other.name)).then(one.id.cmp(&other.id))
    });
    let is_movie = |suggestion: &Suggestion| matches!(suggestion.kind, SuggestionKind::Movie { .. });
    let movies = all.iter().filter(|suggestion| is_movie(suggestion)).count();
    let people = all.len().saturating_sub(movies);
    let for_people = people.min(PEOPLE.max(MOST.saturating_sub(movies)));
    let mut left = [MOST.saturating_sub(for_people), for_people];
    all.retain(|suggestion| {
        let [of_movies, of_people] = &mut left;
        let left = if is_movie(suggestion) { of_movies } else { of_people };
        let is_kept = *left > 0;
        *left = left.saturating_sub(1);
        is_kept
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Ranking, Search};

    fn suggestion(kind: SuggestionKind, name: &str, popularity: f64) -> Suggestion {
        let rank = Ranking::of(&Search::parse("al")).rank_of_name(name).unwrap();
        Suggestion { kind, id: Uuid::nil(), name: name.to_owned(), rank, popularity }
    }

    fn movie(name: &str, popularity: f64) -> Suggestion {
        suggestion(SuggestionKind::Movie { year: 2000, poster: None }, name, popularity)
    }

    #[test]
    fn the_best_titles_and_people_are_sorted_together() {
        let mut all: Vec<Suggestion> =
            (0..20).map(|number| movie(&format!("Alien {number}"), f64::from(number))).collect();
        all.push(movie("Al", 0.0));
        for number in 0..5 {
            all.push(suggestion(SuggestionKind::Star, &format!("Al {number}"), 0.0));
        }
        let names: Vec<String> =
            best_suggestions(all).into_iter().map(|suggestion| suggestion.name).collect();
        assert_eq!(
            names,
            [
                "Al", "Al 0", "Al 1", "Al 2", "Alien 19", "Alien 18", "Alien 17", "Alien 16", "Alien 15",
                "Alien 14"
            ]
        );
    }

    #[test]
    fn unused_places_of_one_kind_are_used_by_the_other() {
        let people: Vec<Suggestion> = (0..20)
            .map(|_| suggestion(SuggestionKind::Director, "Al", 1.0))
            .chain([movie("Al", 2.0)])
            .collect();
        assert_eq!(best_suggestions(people).len(), 10);
        let movies: Vec<Suggestion> = (0..20).map(|_| movie("Al", 1.0)).collect();
        assert_eq!(best_suggestions(movies).len(), 10);
        assert!(best_suggestions(Vec::new()).is_empty());
    }
}
