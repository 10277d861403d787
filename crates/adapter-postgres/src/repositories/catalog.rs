use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, QueryDsl, Queryable,
    sql_types::{BigInt, Bool, Double, Integer, Nullable, Text},
};
use domain::{
    catalog::{Movie, MovieIdentity, MovieRepository, NameKind, Offer, OfferRepository, ProposedName},
    id::{CertificationId, Id, Kind, MovieId},
    money::Money,
    store::StoreError,
    text::fold,
};
use uuid::Uuid;

use super::{CHUNK, NewLink, NewName};
use crate::{
    dialect::{
        DbInstant, DbUuid, KEPT_MOVIES, LINKED_IDS, LOCKED_MOVIES, SqlId, SqlInstant, insert_links,
        insert_movies, insert_names, push_any, push_any_text, push_identities,
    },
    schema::{movie_directors, movie_genres, movie_stars, movies},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

/// Joins the movies that have the wanted identities.
const WANTED_MOVIES: &str = " JOIN movies m ON m.name = wanted.name AND m.year = wanted.year \
    AND m.duration_minutes = wanted.duration_minutes";

/// The table that keeps the names of a kind.
pub(crate) const fn names_table(kind: NameKind) -> &'static str {
    match kind {
        NameKind::Genre => "genres",
        NameKind::Star => "stars",
        NameKind::Director => "directors",
        NameKind::Certification => "certifications",
    }
}

#[async_trait]
impl MovieRepository for UnitOfWork {
    async fn resolve_names(
        &mut self,
        kind: NameKind,
        names: &[ProposedName],
    ) -> Result<Vec<Uuid>, StoreError> {
        let keys: Vec<String> = names.iter().map(|proposed| fold(&proposed.name)).collect();
        // Sorted, so that units that add the same names wait for each other in one order.
        let mut missing: BTreeMap<&str, &ProposedName> = BTreeMap::new();
        for (key, proposed) in keys.iter().zip(names) {
            missing.entry(key).or_insert(proposed);
        }
        let mut known = self.find_names(kind, missing.keys().copied()).await?;
        missing.retain(|key, _| !known.contains_key(*key));
        if !missing.is_empty() {
            self.add_names(kind, &missing).await?;
            known.extend(self.find_names(kind, missing.keys().copied()).await?);
        }
        keys.iter()
            .map(|key| known.get(key).copied().ok_or_else(|| StoreError::failed("a name came and went")))
            .collect()
    }

    async fn find_movies_for_update(
        &mut self,
        identities: &[MovieIdentity],
    ) -> Result<Vec<Movie>, StoreError> {
        let mut found = Vec::with_capacity(identities.len());
        for chunk in identities.chunks(CHUNK) {
            if !self.lock_movies(chunk).await? {
                continue;
            }
            let mut statement = Statement::<StoredTypes>::new(format!(
                "SELECT m.id, m.name, m.year, m.duration_minutes, m.imdb, m.votes, m.meta_score, m.gross, \
                 m.description, m.price_minor, m.price_currency, m.certification_id, {}, {}, {}, m.poster_url, \
                 m.is_available, m.version, m.created_at, m.updated_at FROM ",
                linked_ids("movie_genres", "genre_id"),
                linked_ids("movie_directors", "director_id"),
                linked_ids("movie_stars", "star_id"),
            ));
            push_identities(&mut statement, chunk);
            statement.sql(WANTED_MOVIES);
            for row in self.load::<StoredRow, _>(statement).await? {
                found.push(Movie::try_from(row)?);
            }
        }
        Ok(found)
    }

    async fn insert_movies(&mut self, movies: &[Movie]) -> Result<Vec<MovieId>, StoreError> {
        let mut inserted = Vec::with_capacity(movies.len());
        for chunk in movies.chunks(CHUNK) {
            let added: HashSet<Uuid> = insert_movies(self, chunk).await?.into_iter().collect();
            let added: Vec<&Movie> =
                chunk.iter().filter(|movie| added.contains(&movie.id.as_uuid())).collect();
            self.link_all(&added).await?;
            let ids: Vec<Uuid> = added.iter().map(|movie| movie.id.as_uuid()).collect();
            self.index_movies(&ids).await?;
            inserted.extend(added.iter().map(|movie| movie.id));
        }
        if !inserted.is_empty() {
            self.note_catalog_change();
        }
        Ok(inserted)
    }

    async fn update_movie(&mut self, movie: &Movie) -> Result<(), StoreError> {
        // What users did counts for the popularity as before.
        let mut statement = Statement::<()>::new("UPDATE movies SET popularity = popularity + (");
        statement
            .bind(movie.votes)
            .sql(" - votes) WHERE id = ")
            .bind(movie.id.as_uuid())
            .sql(" AND votes <> ")
            .bind(movie.votes);
        self.execute(statement).await?;
        let id = DbUuid(movie.id.as_uuid());
        let query = diesel::update(movies::table.filter(movies::id.eq(id))).set((
            (
                movies::name.eq(movie.identity.name.clone()),
                movies::name_key.eq(fold(&movie.identity.name)),
                movies::year.eq(movie.identity.year),
                movies::duration_minutes.eq(movie.identity.duration_minutes),
                movies::imdb.eq(movie.imdb),
                movies::votes.eq(movie.votes),
                movies::meta_score.eq(movie.meta_score),
                movies::gross.eq(movie.gross),
                movies::description.eq(movie.description.clone()),
            ),
            (
                movies::price_minor.eq(movie.price.minor()),
                movies::price_currency.eq(movie.price.currency().code().to_owned()),
                movies::certification_id.eq(DbUuid(movie.certification_id.as_uuid())),
                movies::poster_url.eq(movie.poster_url.clone()),
                movies::is_available.eq(movie.is_available),
                movies::version.eq(movie.version),
                movies::updated_at.eq(DbInstant(movie.updated_at)),
            ),
        ));
        self.execute_one(query).await?;
        self.execute(diesel::delete(movie_genres::table.filter(movie_genres::movie_id.eq(id)))).await?;
        self.execute(diesel::delete(movie_directors::table.filter(movie_directors::movie_id.eq(id)))).await?;
        self.execute(diesel::delete(movie_stars::table.filter(movie_stars::movie_id.eq(id)))).await?;
        self.link_all(&[movie]).await?;
        self.index_movies(&[movie.id.as_uuid()]).await?;
        self.note_catalog_change();
        Ok(())
    }
}

#[async_trait]
impl OfferRepository for UnitOfWork {
    async fn find_offer(&mut self, id: MovieId) -> Result<Option<Offer>, StoreError> {
        let query = movies::table.filter(movies::id.eq(DbUuid(id.as_uuid()))).select((
            movies::price_minor,
            movies::price_currency,
            movies::is_available,
        ));
        let found: Option<(i64, String, bool)> = self.first(query).await?;
        let Some((minor, currency, is_available)) = found else { return Ok(None) };
        let price = Money::from_minor(minor, currency.parse().map_err(StoreError::failed)?);
        Ok(Some(Offer { price, is_available }))
    }

    async fn find_offers(&mut self, ids: &[MovieId]) -> Result<Vec<(MovieId, Offer)>, StoreError> {
        let mut statement = Statement::<(SqlId, BigInt, Text, Bool)>::new(
            "SELECT m.id, m.price_minor, m.price_currency, m.is_available FROM movies m WHERE ",
        );
        push_any(&mut statement, "m.id", ids.iter().map(Id::as_uuid).collect());
        statement.sql(" ORDER BY m.id").sql(KEPT_MOVIES);
        let rows: Vec<(DbUuid, i64, String, bool)> = self.load(statement).await?;
        let offer = |(id, minor, currency, is_available): (DbUuid, i64, String, bool)| {
            let price = Money::from_minor(minor, currency.parse().map_err(StoreError::failed)?);
            Ok((MovieId::from_uuid(id.0), Offer { price, is_available }))
        };
        rows.into_iter().map(offer).collect()
    }
}

impl UnitOfWork {
    /// Locks the movies in one order for everybody; says whether there may be any. By a statement of its own: the next one
    /// sees all of what those who held them before have written, links included.
    async fn lock_movies(&mut self, identities: &[MovieIdentity]) -> Result<bool, StoreError> {
        let Some(locked) = LOCKED_MOVIES else { return Ok(true) };
        let mut statement = Statement::<(SqlId,)>::new("SELECT m.id FROM ");
        push_identities(&mut statement, identities);
        statement.sql(WANTED_MOVIES).sql(" ORDER BY m.id").sql(locked);
        let found: Vec<(DbUuid,)> = self.load(statement).await?;
        Ok(!found.is_empty())
    }

    async fn find_names(
        &mut self,
        kind: NameKind,
        keys: impl Iterator<Item = &str> + Send,
    ) -> Result<HashMap<String, Uuid>, StoreError> {
        let mut statement = Statement::<(SqlId, Text)>::new("SELECT id, name_key FROM ");
        statement.sql(names_table(kind)).sql(" WHERE ");
        let keys: Vec<String> = keys.map(str::to_owned).collect();
        push_any_text(&mut statement, "name_key", &keys);
        let rows: Vec<(DbUuid, String)> = self.load(statement).await?;
        Ok(rows.into_iter().map(|(id, key)| (key, id.0)).collect())
    }

    async fn add_names(
        &mut self,
        kind: NameKind,
        names: &BTreeMap<&str, &ProposedName>,
    ) -> Result<(), StoreError> {
        let rows: Vec<NewName> = names
            .iter()
            .map(|(key, proposed)| NewName {
                id: proposed.id,
                name: proposed.name.clone(),
                key: (*key).to_owned(),
            })
            .collect();
        for chunk in rows.chunks(CHUNK) {
            insert_names(self, names_table(kind), chunk).await?;
        }
        // Lists of names contain those without a movie too.
        self.note_catalog_change();
        Ok(())
    }

    async fn link_all(&mut self, movies: &[&Movie]) -> Result<(), StoreError> {
        let genres = links(movies, |movie| &movie.genre_ids);
        insert_links(self, "movie_genres", "genre_id", &genres).await?;
        let directors = links(movies, |movie| &movie.director_ids);
        insert_links(self, "movie_directors", "director_id", &directors).await?;
        let stars = links(movies, |movie| &movie.star_ids);
        insert_links(self, "movie_stars", "star_id", &stars).await
    }
}

fn links<K: Kind>(movies: &[&Movie], ids: impl Fn(&Movie) -> &Vec<Id<K>>) -> Vec<NewLink> {
    let positioned = |movie: &&Movie| -> Vec<NewLink> {
        let movie_id = movie.id.as_uuid();
        (0..)
            .zip(ids(movie))
            .map(|(position, id)| NewLink { movie_id, name_id: id.as_uuid(), position })
            .collect()
    };
    movies.iter().flat_map(positioned).collect()
}

/// The SQL of all identifiers that a movie `m` is linked to, as [`read_ids`] reads them.
pub(crate) fn linked_ids(table: &str, column: &str) -> String {
    format!(
        "(SELECT {LINKED_IDS} FROM (SELECT {column} AS id, position FROM {table} WHERE movie_id = m.id) AS l)"
    )
}

type StoredTypes = (
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
    Bool,
    BigInt,
    SqlInstant,
    SqlInstant,
);

#[derive(Queryable)]
struct StoredRow {
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
            poster_url: row.poster_url,
            is_available: row.is_available,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

/// The identifiers that [`linked_ids`] gave.
pub(crate) fn read_ids<K: Kind>(json: Option<&str>) -> Result<Vec<Id<K>>, StoreError> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let ids: Vec<String> = serde_json::from_str(json).map_err(StoreError::failed)?;
    ids.iter().map(|id| Uuid::parse_str(id).map(Id::from_uuid).map_err(StoreError::failed)).collect()
}
