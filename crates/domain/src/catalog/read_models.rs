use uuid::Uuid;

use super::{poster::Poster, sort_name::computed_sort_name};
use crate::{
    id::{CertificationKind, DirectorKind, GenreKind, Id, Kind, MovieId, StarKind},
    money::Money,
    time::Instant,
};

/// An object with an identifier and a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<K: Kind> {
    /// The identifier of the object.
    pub id: Id<K>,
    /// The name of the object as written.
    pub name: String,
}

/// The ratings of users, from 1 to 10.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatingSummary {
    /// The average; `None` without ratings.
    pub average: Option<f64>,
    /// How many users rated the movie.
    pub count: i64,
}

impl RatingSummary {
    /// Creates the summary from the sum of scores and the number of ratings. The average has at most two decimals,
    /// rounded half up.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::as_conversions,
        reason = "hundredths of an average are far below 2^53, up to which f64 is exact"
    )]
    pub fn of(sum: i64, count: i64) -> Self {
        let doubled = count.saturating_mul(2);
        let hundredths = sum.saturating_mul(200).saturating_add(count).checked_div(doubled);
        Self { average: hundredths.map(|hundredths| hundredths as f64 / 100.0), count }
    }
}

/// The rating by which movies are sorted: the average after adding ten ratings of 5.5, so that a single rating of 10 is
/// not ranked first; `None` without ratings. The storage adapters compute this rating in SQL with the same expression.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "sums of ratings are far below 2^53, up to which f64 is exact"
)]
pub fn rating_rank(sum: i64, count: i64) -> Option<f64> {
    (count > 0).then(|| sum.saturating_add(55) as f64 / count.saturating_add(10) as f64)
}

/// Whether a user likes a movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovieReaction {
    /// The user likes the movie.
    Like,
    /// The user does not like the movie.
    Dislike,
}

/// The relation of a user to a movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PersonalView {
    /// The user's reaction.
    pub reaction: Option<MovieReaction>,
    /// The user's rating, 1–10.
    pub rating: Option<i16>,
    /// Whether the movie is one of the user's favourites.
    pub favorite: bool,
    /// Whether the movie is in the user's cart.
    pub in_cart: bool,
    /// Whether the user has an active purchase of the movie.
    pub purchased: bool,
}

/// A movie in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct MovieSummary {
    /// The identifier of the movie.
    pub id: MovieId,
    /// The title.
    pub name: String,
    /// The year of release.
    pub year: i32,
    /// The running time in minutes.
    pub duration_minutes: i32,
    /// The rating at IMDb.
    pub imdb: f64,
    /// The votes at IMDb.
    pub votes: i64,
    /// The price.
    pub price: Money,
    /// The age certification.
    pub certification: Named<CertificationKind>,
    /// The genres, the main one first.
    pub genres: Vec<Named<GenreKind>>,
    /// The poster.
    pub poster: Option<Poster>,
    /// The ratings of users.
    pub rating: RatingSummary,
    /// How many users like the movie.
    pub likes: i64,
    /// How many users do not like the movie.
    pub dislikes: i64,
    /// The user's relation to the movie; `None` when no user is signed in.
    pub me: Option<PersonalView>,
}

/// A movie with all details.
#[derive(Debug, Clone, PartialEq)]
pub struct MovieDetail {
    /// The part that is also in lists.
    pub summary: MovieSummary,
    /// The score at Metacritic.
    pub meta_score: Option<f64>,
    /// The box office gross, in whole major units of a currency that is not stored.
    pub gross: Option<i64>,
    /// The description.
    pub description: String,
    /// The directors, in the order of the credits.
    pub directors: Vec<Named<DirectorKind>>,
    /// The actors, in the order of the credits.
    pub stars: Vec<Named<StarKind>>,
    /// The absolute address of a trailer.
    pub trailer_url: Option<String>,
    /// The identifier of the movie at IMDb.
    pub imdb_id: Option<String>,
    /// The identifier of the movie at TMDB.
    pub tmdb_id: Option<i64>,
    /// The name that was set for sorting, instead of the computed one.
    pub sort_name: Option<String>,
    /// How many comments the movie has.
    pub comments_count: i64,
    /// Whether the movie is on sale.
    pub is_available: bool,
    /// Increases with every change of the movie, but not with changes of its counters, such as likes.
    pub version: i64,
    /// When the movie was added.
    pub created_at: Instant,
    /// When the movie was last changed.
    pub updated_at: Instant,
}

impl MovieDetail {
    /// Returns the name that the movie is sorted by: the one that was set, or otherwise the computed one.
    #[must_use]
    pub fn sort_name(&self) -> &str {
        self.sort_name.as_deref().unwrap_or_else(|| computed_sort_name(&self.summary.name))
    }
}

/// A genre, director, star or certification, with the number of its movies on sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedName {
    /// The identifier of the genre, director, star or certification.
    pub id: Uuid,
    /// The name as written.
    pub name: String,
    /// The number of movies on sale that have the name; in [`Facets`](super::Facets), the total of the filtered movie
    /// list if this name were the only chosen value of its kind.
    pub movies_count: i64,
}

/// The stored list of movies that are similar to a movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimilarList {
    /// The movie.
    pub movie_id: MovieId,
    /// The version of the movie when the list was computed.
    pub movie_version: i64,
    /// When the list was computed.
    pub computed_at: Instant,
    /// The similar movies, the most similar first.
    pub similar_ids: Vec<MovieId>,
}

/// A movie on sale whose list of similar movies may have to be computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimilarCandidate {
    /// The movie.
    pub movie_id: MovieId,
    /// The popularity score of the movie.
    pub popularity: f64,
    /// The version of the movie.
    pub movie_version: i64,
    /// Whether the list of the movie is missing, is too old, or was computed for another version of the movie.
    pub is_due: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_has_two_decimals_rounded_half_up() {
        for (sum, count, average) in [
            (0, 0, None),
            (8, 1, Some(8.0)),
            (25, 3, Some(8.33)),
            (26, 3, Some(8.67)),
            (201, 200, Some(1.01)),
            (65, 8, Some(8.13)),
        ] {
            assert_eq!(RatingSummary::of(sum, count), RatingSummary { average, count }, "{sum}/{count}");
        }
    }

    #[test]
    fn one_rating_of_10_is_not_ranked_first() {
        let one = rating_rank(10, 1).unwrap();
        for (sum, count) in [(16, 2), (24, 3), (35, 5), (700, 100)] {
            assert!(rating_rank(sum, count).unwrap() > one, "{sum}/{count}");
        }
        assert!(rating_rank(9, 1).unwrap() < one);
        assert_eq!(rating_rank(0, 0), None);
    }
}
