//! What the catalogue shows.

use domain::{
    catalog::{CountedName, MovieDetail, MovieReaction, MovieSummary, Named, PersonalView, RatingSummary},
    id::Kind,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{moment::Moment, money::MoneyBody};

/// Something with a name.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Named")]
pub(crate) struct NamedBody {
    id: Uuid,
    name: String,
}

impl<K: Kind> From<Named<K>> for NamedBody {
    fn from(named: Named<K>) -> Self {
        Self { id: named.id.as_uuid(), name: named.name }
    }
}

/// What users gave it, from 1 to 10.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Rating")]
pub(crate) struct RatingBody {
    /// `null` when nobody rated it.
    #[schemars(range(min = 1, max = 10))]
    average: Option<f64>,
    count: i64,
}

impl From<RatingSummary> for RatingBody {
    fn from(rating: RatingSummary) -> Self {
        Self { average: rating.average, count: rating.count }
    }
}

/// Whether the caller likes it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Reaction")]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReactionBody {
    /// Likes it.
    Like,
    /// Does not.
    Dislike,
}

/// What the caller has to do with it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Me")]
pub(crate) struct MeBody {
    reaction: Option<ReactionBody>,
    #[schemars(range(min = 1, max = 10))]
    rating: Option<i16>,
    favorite: bool,
    in_cart: bool,
    purchased: bool,
}

impl From<PersonalView> for MeBody {
    fn from(view: PersonalView) -> Self {
        Self {
            reaction: view.reaction.map(|reaction| match reaction {
                MovieReaction::Like => ReactionBody::Like,
                MovieReaction::Dislike => ReactionBody::Dislike,
            }),
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
    name: String,
    /// Of the release.
    year: i32,
    duration_minutes: i32,
    /// The rating at IMDb.
    #[schemars(range(min = 0, max = 10))]
    imdb: f64,
    /// The votes at IMDb.
    votes: i64,
    price: MoneyBody,
    certification: NamedBody,
    /// The main one first.
    genres: Vec<NamedBody>,
    #[schemars(extend("format" = "uri"))]
    poster_url: Option<String>,
    rating: RatingBody,
    likes: i64,
    dislikes: i64,
    /// `null` for an anonymous caller.
    me: Option<MeBody>,
}

impl From<MovieSummary> for MovieBody {
    fn from(movie: MovieSummary) -> Self {
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
            poster_url: movie.poster_url,
            rating: movie.rating.into(),
            likes: movie.likes,
            dislikes: movie.dislikes,
            me: movie.me.map(Into::into),
        }
    }
}

/// A movie on its own page.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MovieDetail", example = detail_example())]
pub(crate) struct MovieDetailBody {
    #[serde(flatten)]
    movie: MovieBody,
    /// The score at Metacritic.
    #[schemars(range(min = 0, max = 100))]
    meta_score: Option<f64>,
    /// What it grossed, in whole units.
    gross: Option<i64>,
    description: String,
    directors: Vec<NamedBody>,
    stars: Vec<NamedBody>,
    comments_count: i64,
    is_available: bool,
    created_at: Moment,
    updated_at: Moment,
}

impl From<MovieDetail> for MovieDetailBody {
    fn from(movie: MovieDetail) -> Self {
        Self {
            movie: movie.summary.into(),
            meta_score: movie.meta_score,
            gross: movie.gross,
            description: movie.description,
            directors: movie.directors.into_iter().map(Into::into).collect(),
            stars: movie.stars.into_iter().map(Into::into).collect(),
            comments_count: movie.comments_count,
            is_available: movie.is_available,
            created_at: Moment(movie.created_at),
            updated_at: Moment(movie.updated_at),
        }
    }
}

/// A genre and how many movies on sale it has.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Genre", example = json!({"id": "0190a1b2-0000-7000-8000-000000000001", "name": "Drama", "movies_count": 724}))]
pub(crate) struct GenreBody {
    id: Uuid,
    name: String,
    movies_count: i64,
}

impl From<CountedName> for GenreBody {
    fn from(genre: CountedName) -> Self {
        Self { id: genre.id, name: genre.name, movies_count: genre.movies_count }
    }
}

/// A movie that schemas show; the cart's examples have it too.
pub(crate) fn movie_example() -> Value {
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
        "rating": {"average": null, "count": 0},
        "likes": 0,
        "dislikes": 0,
        "me": null,
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
