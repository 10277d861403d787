use diesel::{
    Queryable,
    sql_types::{BigInt, Bool, Double, Integer, Nullable, Text},
};
use domain::{
    catalog::{Movie, MovieIdentity, Poster, UploadedPoster},
    id::{CertificationId, Id, Kind, MovieId},
    money::Money,
    store::StoreError,
};
use uuid::Uuid;

use crate::{
    dialect::{DbInstant, DbUuid, LINKED_IDS, SqlId, SqlInstant},
    statement::Statement,
};

/// Reads a movie's poster from its columns. An uploaded poster takes precedence over a URL.
pub(crate) fn stored_poster(
    address: Option<String>,
    id: Option<DbUuid>,
    width: Option<i32>,
) -> Result<Option<Poster>, StoreError> {
    let Some((id, width)) = id.zip(width) else { return Ok(address.map(Poster::Address)) };
    let width = u32::try_from(width).map_err(StoreError::failed)?;
    Ok(Some(Poster::Uploaded(UploadedPoster { id: Id::from_uuid(id.0), width })))
}

/// A statement that reads complete movies `m`. It ends in `FROM`, so the caller must append the tables and the
/// condition.
pub(super) fn stored_movies() -> Statement<StoredTypes> {
    Statement::new(format!(
        "SELECT m.id, m.name, m.year, m.duration_minutes, m.imdb, m.votes, m.meta_score, m.gross, \
         m.description, m.price_minor, m.price_currency, m.certification_id, {}, {}, {}, m.poster_url, \
         m.poster_id, m.poster_width, m.trailer_url, m.imdb_id, m.tmdb_id, m.sort_name, m.is_available, \
         m.version, m.created_at, m.updated_at FROM ",
        linked_ids("movie_genres", "genre_id"),
        linked_ids("movie_directors", "director_id"),
        linked_ids("movie_stars", "star_id"),
    ))
}

/// The SQL expression for the identifiers that the movie `m` is linked to by `table`. [`read_ids`] parses its result.
pub(crate) fn linked_ids(table: &str, column: &str) -> String {
    format!(
        "(SELECT {LINKED_IDS} FROM (SELECT {column} AS id, position FROM {table} WHERE movie_id = m.id) AS l)"
    )
}

pub(super) type StoredTypes = (
    SqlId,
    Text,
    Integer,
    Integer,
    Double,
    BigInt,
    Nullable<Double>,
    Nullable<BigInt>,
    Text,
    BigInt,
    Text,
    SqlId,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<SqlId>,
    Nullable<Integer>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<BigInt>,
    Nullable<Text>,
    Bool,
    BigInt,
    SqlInstant,
    SqlInstant,
);

#[derive(Queryable)]
pub(super) struct StoredRow {
    id: DbUuid,
    name: String,
    year: i32,
    duration_minutes: i32,
    imdb: f64,
    votes: i64,
    meta_score: Option<f64>,
    gross: Option<i64>,
    description: String,
    price_minor: i64,
    price_currency: String,
    certification_id: DbUuid,
    genre_ids: Option<String>,
    director_ids: Option<String>,
    star_ids: Option<String>,
    poster_url: Option<String>,
    poster_id: Option<DbUuid>,
    poster_width: Option<i32>,
    trailer_url: Option<String>,
    imdb_id: Option<String>,
    tmdb_id: Option<i64>,
    sort_name: Option<String>,
    is_available: bool,
    version: i64,
    created_at: DbInstant,
    updated_at: DbInstant,
}

impl TryFrom<StoredRow> for Movie {
    type Error = StoreError;

    fn try_from(row: StoredRow) -> Result<Self, StoreError> {
        let currency = row.price_currency.parse().map_err(StoreError::failed)?;
        Ok(Self {
            id: MovieId::from_uuid(row.id.0),
            identity: MovieIdentity {
                name: row.name,
                year: row.year,
                duration_minutes: row.duration_minutes,
            },
            imdb: row.imdb,
            votes: row.votes,
            meta_score: row.meta_score,
            gross: row.gross,
            description: row.description,
            price: Money::from_minor(row.price_minor, currency),
            certification_id: CertificationId::from_uuid(row.certification_id.0),
            genre_ids: read_ids(row.genre_ids.as_deref())?,
            director_ids: read_ids(row.director_ids.as_deref())?,
            star_ids: read_ids(row.star_ids.as_deref())?,
            poster: stored_poster(row.poster_url, row.poster_id, row.poster_width)?,
            trailer_url: row.trailer_url,
            imdb_id: row.imdb_id,
            tmdb_id: row.tmdb_id,
            sort_name: row.sort_name,
            is_available: row.is_available,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

/// Parses the result of [`linked_ids`].
pub(crate) fn read_ids<K: Kind>(json: Option<&str>) -> Result<Vec<Id<K>>, StoreError> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let ids: Vec<String> = serde_json::from_str(json).map_err(StoreError::failed)?;
    ids.iter().map(|id| Uuid::parse_str(id).map(Id::from_uuid).map_err(StoreError::failed)).collect()
}
