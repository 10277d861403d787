//! The movies of the catalogue in responses, as JSON.

use domain::{
    catalog::{
        MovieDetail, MovieReaction, MovieSummary, Named, PersonalView, Poster, RatingSummary, UploadedPoster,
    },
    id::Kind,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{moment::Moment, money::MoneyBody};

/// The id and name of a genre, director, star or certification.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Reference")]
pub(crate) struct ReferenceBody {
    id: Uuid,
    name: String,
}

impl<K: Kind> From<Named<K>> for ReferenceBody {
    fn from(named: Named<K>) -> Self {
        Self { id: named.id.as_uuid(), name: named.name }
    }
}

/// The ratings of users, from 1 to 10.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Rating", example = serde_json::json!({"average": 8.25, "count": 12}))]
pub(crate) struct RatingBody {
    /// The average of all ratings; `null` if there are none.
    #[schemars(range(min = 1, max = 10))]
    average: Option<f64>,
    count: i64,
}

impl From<RatingSummary> for RatingBody {
    fn from(rating: RatingSummary) -> Self {
        Self { average: rating.average, count: rating.count }
    }
}

/// The caller's reaction to a movie.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Reaction")]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReactionBody {
    /// The caller likes the movie.
    Like,
    /// The caller dislikes the movie.
    Dislike,
}

impl From<MovieReaction> for ReactionBody {
    fn from(reaction: MovieReaction) -> Self {
        match reaction {
            MovieReaction::Like => Self::Like,
            MovieReaction::Dislike => Self::Dislike,
        }
    }
}

/// The caller's relation to a movie.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MovieViewerState")]
pub(crate) struct ViewerStateBody {
    reaction: Option<ReactionBody>,
    #[schemars(range(min = 1, max = 10))]
    rating: Option<i16>,
    favorite: bool,
    in_cart: bool,
    purchased: bool,
}

impl From<PersonalView> for ViewerStateBody {
    fn from(view: PersonalView) -> Self {
        Self {
            reaction: view.reaction.map(Into::into),
            rating: view.rating,
            favorite: view.favorite,
            in_cart: view.in_cart,
            purchased: view.purchased,
        }
    }
}

/// A movie in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Movie", example = movie_example())]
pub(crate) struct MovieBody {
    id: Uuid,
    #[schemars(length(max = 250))]
    name: String,
    /// The year of the release.
    year: i32,
    duration_minutes: i32,
    /// The rating at IMDb.
    #[schemars(range(min = 0, max = 10))]
    imdb: f64,
    /// The number of votes at IMDb.
    votes: i64,
    price: MoneyBody,
    certification: ReferenceBody,
    /// The genres of the movie, the main genre first.
    genres: Vec<ReferenceBody>,
    /// The URL of the poster. An uploaded poster has several widths; this is the URL of the largest. Requests to this
    /// URL need no token.
    #[schemars(extend("format" = "uri"))]
    poster_url: Option<String>,
    /// The URLs of an uploaded poster, each with the width of the picture, in the format of the HTML attribute
    /// `srcset`; `null` if the movie has no poster, or its poster is on another server.
    #[schemars(length(max = 2_000))]
    poster_srcset: Option<String>,
    rating: RatingBody,
    likes: i64,
    dislikes: i64,
    /// The caller's relation to the movie; `null` for an anonymous caller.
    me: Option<ViewerStateBody>,
}

impl MovieBody {
    /// Creates the body. The URLs of uploaded posters begin with `public_url`.
    pub(crate) fn new(movie: MovieSummary, public_url: &str) -> Self {
        let poster_srcset = match &movie.poster {
            Some(Poster::Uploaded(poster)) => Some(poster_addresses(*poster, public_url)),
            Some(Poster::Address(_)) | None => None,
        };
        Self {
            id: movie.id.as_uuid(),
            name: movie.name,
            year: movie.year,
            duration_minutes: movie.duration_minutes,
            imdb: movie.imdb,
            votes: movie.votes,
            price: movie.price.into(),
            certification: movie.certification.into(),
            genres: movie.genres.into_iter().map(Into::into).collect(),
            poster_url: movie.poster.map(|poster| poster_url(poster, public_url)),
            poster_srcset,
            rating: movie.rating.into(),
            likes: movie.likes,
            dislikes: movie.dislikes,
            me: movie.me.map(Into::into),
        }
    }
}

/// Movies that are similar to a movie.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SimilarMovies", example = json!({"items": [movie_example()]}))]
pub(crate) struct SimilarBody {
    /// The similar movies, the most similar one first.
    #[schemars(length(max = 20))]
    pub(crate) items: Vec<MovieBody>,
}

/// A movie with all details.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MovieDetail", example = detail_example())]
pub(crate) struct MovieDetailBody {
    #[serde(flatten)]
    movie: MovieBody,
    /// The score at Metacritic.
    #[schemars(range(min = 0, max = 100))]
    meta_score: Option<f64>,
    /// The box office gross, in whole major units of a currency that is not stored.
    gross: Option<i64>,
    description: String,
    directors: Vec<ReferenceBody>,
    stars: Vec<ReferenceBody>,
    /// The name by which lists sort the movie.
    #[schemars(length(max = 250))]
    sort_name: String,
    /// The identifier at IMDb.
    #[schemars(length(max = 12))]
    imdb_id: Option<String>,
    /// The identifier at TMDB.
    #[schemars(range(min = 1))]
    tmdb_id: Option<i64>,
    /// The URL of a trailer.
    #[schemars(extend("format" = "uri"))]
    trailer_url: Option<String>,
    comments_count: i64,
    is_available: bool,
    created_at: Moment,
    updated_at: Moment,
}

/// Returns the URL of a poster. For an uploaded poster, this is the URL of its largest width.
pub(super) fn poster_url(poster: Poster, public_url: &str) -> String {
    match poster {
        Poster::Address(address) => address,
        Poster::Uploaded(poster) => poster_address(poster, poster.width, public_url),
    }
}

/// Returns the URL of an uploaded poster in one of its widths.
fn poster_address(poster: UploadedPoster, width: u32, public_url: &str) -> String {
    format!("{}{}", public_url.trim_end_matches('/'), poster.path(width))
}

/// Returns the URLs of an uploaded poster in all its widths, as a `srcset`.
fn poster_addresses(poster: UploadedPoster, public_url: &str) -> String {
    let addresses =
        poster.widths().map(|width| format!("{} {width}w", poster_address(poster, width, public_url)));
    addresses.collect::<Vec<_>>().join(", ")
}

impl MovieDetailBody {
    /// Creates the body. The URLs of uploaded posters begin with `public_url`.
    pub(crate) fn new(movie: MovieDetail, public_url: &str) -> Self {
        Self {
            sort_name: movie.sort_name().to_owned(),
            movie: MovieBody::new(movie.summary, public_url),
            meta_score: movie.meta_score,
            gross: movie.gross,
            description: movie.description,
            directors: movie.directors.into_iter().map(Into::into).collect(),
            stars: movie.stars.into_iter().map(Into::into).collect(),
            imdb_id: movie.imdb_id,
            tmdb_id: movie.tmdb_id,
            trailer_url: movie.trailer_url,
            comments_count: movie.comments_count,
            is_available: movie.is_available,
            created_at: Moment(movie.created_at),
            updated_at: Moment(movie.updated_at),
        }
    }
}

/// Returns the movie that the examples of schemas contain, as a signed-in caller sees it.
pub(crate) fn movie_example() -> Value {
    movie_example_in_cart(false)
}

/// Returns the same movie as [`movie_example`]; `in_cart` is whether it is in the caller's cart.
pub(crate) fn movie_example_in_cart(in_cart: bool) -> Value {
    json!({
        "id": "0190a1b2-0000-7000-8000-000000000000",
        "name": "Stalker",
        "year": 1979,
        "duration_minutes": 162,
        "imdb": 8.1,
        "votes": 150_000,
        "price": {"amount": "9.99", "currency": "USD"},
        "certification": {"id": "0190a1b2-0000-7000-8000-000000000002", "name": "Not Rated"},
        "genres": [{"id": "0190a1b2-0000-7000-8000-000000000001", "name": "Drama"}],
        "poster_url": null,
        "poster_srcset": null,
        "rating": {"average": 8.5, "count": 2},
        "likes": 3,
        "dislikes": 1,
        "me": {"reaction": "like", "rating": 9, "favorite": true, "in_cart": in_cart, "purchased": false},
    })
}

fn detail_example() -> Value {
    let mut detail = movie_example();
    if let (Some(fields), Value::Object(more)) = (
        detail.as_object_mut(),
        json!({
            "meta_score": null,
            "gross": null,
            "description": "A drama of 1979 by Andrei Tarkovsky.",
            "directors": [{"id": "0190a1b2-0000-7000-8000-000000000003", "name": "Andrei Tarkovsky"}],
            "stars": [{"id": "0190a1b2-0000-7000-8000-000000000004", "name": "Aleksandr Kaydanovskiy"}],
            "sort_name": "Stalker",
            "imdb_id": "tt0079944",
            "tmdb_id": 1_398,
            "trailer_url": null,
            "comments_count": 0,
            "is_available": true,
            "created_at": "2026-11-22T10:00:00Z",
            "updated_at": "2026-11-22T10:00:00Z",
        }),
    ) {
        fields.extend(more);
    }
    detail
}
