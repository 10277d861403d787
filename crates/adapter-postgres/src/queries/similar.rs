use std::collections::BTreeSet;

use async_trait::async_trait;
use diesel::{
    Queryable,
    sql_types::{BigInt, Bool, Double, Integer, Nullable, Text},
};
use domain::{
    catalog::{MovieProfile, SimilarCandidate, SimilarList, SimilarMovies, computed_sort_name, sort_key},
    id::{Id, MovieId},
    store::StoreError,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant, push_any},
    repositories::{linked_ids, read_ids},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

/// How many movies of the same directors are compared.
const OF_DIRECTORS: u32 = 100;
/// How many movies of the same stars are compared.
const OF_STARS: u32 = 200;
/// How many movies of each genre are compared.
const OF_GENRE: u32 = 60;
/// How many genres of a movie are used, starting with its main genre.
const GENRES: usize = 4;
/// How many of the most popular movies are searched for movies of a genre.
const POPULAR: u32 = 20_000;
/// How many movies with the same beginning of the title are compared.
const OF_TITLE: u32 = 50;

type ProfileTypes = (SqlId, Text, Text, Integer, Double, Nullable<Text>, Nullable<Text>, Nullable<Text>);

#[derive(Queryable)]
struct ProfileRow {
    id: DbUuid,
    name: String,
    description: String,
    year: i32,
    popularity: f64,
    genre_ids: Option<String>,
    director_ids: Option<String>,
    star_ids: Option<String>,
}

impl TryFrom<ProfileRow> for MovieProfile {
    type Error = StoreError;

    fn try_from(row: ProfileRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: MovieId::from_uuid(row.id.0),
            name: row.name,
            description: row.description,
            year: row.year,
            popularity: row.popularity,
            genre_ids: read_ids(row.genre_ids.as_deref())?,
            director_ids: read_ids(row.director_ids.as_deref())?,
            star_ids: read_ids(row.star_ids.as_deref())?,
        })
    }
}

fn profiles_statement(ids: Vec<Uuid>) -> Statement<ProfileTypes> {
    let mut statement = Statement::new(format!(
        "SELECT m.id, m.name, m.description, m.year, m.popularity, {}, {}, {} FROM movies m WHERE ",
        linked_ids("movie_genres", "genre_id"),
        linked_ids("movie_directors", "director_id"),
        linked_ids("movie_stars", "star_id"),
    ));
    push_any(&mut statement, "m.id", ids);
    statement
}

/// The identifiers of movies that may be similar, including withdrawn movies and the movie itself. The number of movies
/// with the same directors, stars, genres or title is limited.
pub(super) fn candidates_statement(movie: &MovieProfile) -> Statement<(SqlId,)> {
    let mut statement = Statement::new("SELECT found.id FROM (");
    let mut is_first = true;
    let mut part = |statement: &mut Statement<(SqlId,)>, sql: &str| {
        statement.sql(if is_first { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
        statement.sql(sql.to_owned());
        is_first = false;
    };
    part(&mut statement, "SELECT movie_id AS id FROM movie_directors WHERE ");
    push_any(&mut statement, "director_id", uuids(&movie.director_ids));
    statement.sql(format!(" LIMIT {OF_DIRECTORS}) AS of_directors"));
    part(&mut statement, "SELECT movie_id AS id FROM movie_stars WHERE ");
    push_any(&mut statement, "star_id", uuids(&movie.star_ids));
    statement.sql(format!(" LIMIT {OF_STARS}) AS of_stars"));
    for genre in movie.genre_ids.iter().take(GENRES) {
        part(
            &mut statement,
            &format!(
                "SELECT m.id FROM (SELECT m.id FROM movies m WHERE m.is_available \
                 ORDER BY m.popularity DESC, m.id DESC LIMIT {POPULAR}) AS m \
                 WHERE (SELECT 1 FROM movie_genres WHERE movie_id = m.id AND genre_id = "
            ),
        );
        statement.bind(genre.as_uuid()).sql(format!(" LIMIT 1) IS NOT NULL LIMIT {OF_GENRE}) AS of_genre"));
    }
    let beginning = beginning(&movie.name);
    part(&mut statement, "SELECT m.id FROM movies m WHERE m.is_available AND m.sort_key >= ");
    statement
        .bind(beginning.clone())
        .sql(" AND m.sort_key < ")
        // The upper bound is greater than all sort keys with this beginning, because no sort key contains U+10FFFF,
        // the greatest character.
        .bind(format!("{beginning}\u{10ffff}"))
        .sql(format!(" ORDER BY m.sort_key, m.id LIMIT {OF_TITLE}) AS of_title"));
    statement.sql(") AS found");
    statement
}

/// The first two words of the sort key of a title.
fn beginning(name: &str) -> String {
    let key = sort_key(computed_sort_name(name));
    key.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

fn uuids<K: domain::id::Kind>(ids: &[Id<K>]) -> Vec<Uuid> {
    ids.iter().map(Id::as_uuid).collect()
}

type ListTypes = (BigInt, SqlInstant, Text);
type ListRow = (i64, DbInstant, String);

type CandidateTypes = (SqlId, Double, BigInt, Bool);
type CandidateRow = (DbUuid, f64, i64, bool);

#[async_trait]
impl SimilarMovies for Database {
    async fn similarity_profiles(
        &self,
        id: MovieId,
    ) -> Result<Option<(MovieProfile, Vec<MovieProfile>)>, StoreError> {
        let rows: Vec<ProfileRow> = self.fetch(profiles_statement(vec![id.as_uuid()])).await?;
        let Some(movie) = rows.into_iter().next() else { return Ok(None) };
        let movie = MovieProfile::try_from(movie)?;
        let found: Vec<(DbUuid,)> = self.fetch(candidates_statement(&movie)).await?;
        let ids: BTreeSet<Uuid> =
            found.into_iter().map(|(id,)| id.0).filter(|other| *other != id.as_uuid()).collect();
        let mut statement = profiles_statement(ids.into_iter().collect());
        statement.sql(" AND m.is_available");
        let rows: Vec<ProfileRow> = self.fetch(statement).await?;
        let others = rows.into_iter().map(MovieProfile::try_from).collect::<Result<_, _>>()?;
        Ok(Some((movie, others)))
    }

    async fn similar_list(&self, id: MovieId) -> Result<Option<SimilarList>, StoreError> {
        let mut statement = Statement::<ListTypes>::new(
            "SELECT movie_version, computed_at, similar_ids FROM movie_similar WHERE movie_id = ",
        );
        statement.bind(id.as_uuid());
        let rows: Vec<ListRow> = self.fetch(statement).await?;
        let Some((movie_version, computed_at, ids)) = rows.into_iter().next() else { return Ok(None) };
        let ids = ids.split(',').filter(|id| !id.is_empty());
        let similar_ids = ids
            .map(|id| Uuid::parse_str(id).map(MovieId::from_uuid).map_err(StoreError::failed))
            .collect::<Result<_, _>>()?;
        Ok(Some(SimilarList { movie_id: id, movie_version, computed_at: computed_at.0, similar_ids }))
    }

    async fn keep_similar_lists(&self, lists: &[SimilarList]) -> Result<(), StoreError> {
        if lists.is_empty() {
            return Ok(());
        }
        // Lists are always written in the same order, so that nodes that store the same lists cannot deadlock.
        let mut lists: Vec<&SimilarList> = lists.iter().collect();
        lists.sort_unstable_by_key(|list| list.movie_id);
        let mut unit = UnitOfWork::begin(self).await?;
        for list in lists {
            let ids: Vec<String> =
                list.similar_ids.iter().map(|id| id.as_uuid().simple().to_string()).collect();
            let mut statement = Statement::<()>::new(
                "INSERT INTO movie_similar (movie_id, movie_version, computed_at, similar_ids) SELECT id, ",
            );
            statement
                .bind(list.movie_version)
                .sql(", ")
                .bind(list.computed_at)
                .sql(", ")
                .bind(ids.join(","))
                .sql(" FROM movies WHERE id = ")
                .bind(list.movie_id.as_uuid())
                .sql(
                    " ON CONFLICT (movie_id) DO UPDATE SET movie_version = excluded.movie_version, \
                     computed_at = excluded.computed_at, similar_ids = excluded.similar_ids",
                );
            unit.execute(statement).await?;
        }
        unit.finish().await
    }

    async fn similar_candidates(
        &self,
        after: Option<(f64, MovieId)>,
        since: Instant,
        limit: u32,
    ) -> Result<Vec<SimilarCandidate>, StoreError> {
        let mut statement = Statement::<CandidateTypes>::new(
            "SELECT m.id, m.popularity, m.version, CASE WHEN s.movie_version = m.version AND s.computed_at >= ",
        );
        statement.bind(since).sql(
            " THEN FALSE ELSE TRUE END FROM (SELECT m.id, m.popularity, m.version FROM movies m WHERE m.is_available",
        );
        if let Some((popularity, id)) = after {
            statement
                .sql(" AND (m.popularity, m.id) < (")
                .bind(popularity)
                .sql(", ")
                .bind(id.as_uuid())
                .sql(")");
        }
        statement.sql(" ORDER BY m.popularity DESC, m.id DESC LIMIT ").bind(i64::from(limit)).sql(
            ") AS m LEFT JOIN movie_similar s ON s.movie_id = m.id ORDER BY m.popularity DESC, m.id DESC",
        );
        let rows: Vec<CandidateRow> = self.fetch(statement).await?;
        let candidate = |(id, popularity, movie_version, is_due): CandidateRow| SimilarCandidate {
            movie_id: MovieId::from_uuid(id.0),
            popularity,
            movie_version,
            is_due,
        };
        Ok(rows.into_iter().map(candidate).collect())
    }
}
