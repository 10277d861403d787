//! Many rows in one statement: a column each, as arrays.

use domain::{
    audit::{AuditEntry, AuditObject},
    catalog::{Movie, popularity},
    store::StoreError,
    text::fold,
};
use uuid::Uuid;

use crate::{
    dialect::{Bind, Column, DbInstant, DbUuid, SqlId},
    repositories::{NewLink, NewName, poster_address, written},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

/// Adds names that are not there yet, in their order.
pub(crate) async fn insert_names(
    unit: &mut UnitOfWork,
    table: &'static str,
    names: &[NewName],
) -> Result<(), StoreError> {
    let mut statement = Statement::<()>::new("INSERT INTO ");
    statement
        .sql(table)
        .sql(" (id, name, name_key) SELECT * FROM unnest(")
        .bind(Bind::Ids(names.iter().map(|name| DbUuid(name.id)).collect()))
        .sql(", ")
        .bind(Bind::Texts(names.iter().map(|name| name.name.clone()).collect()))
        .sql(", ")
        .bind(Bind::Texts(names.iter().map(|name| name.key.clone()).collect()))
        .sql(") ON CONFLICT (name_key) DO NOTHING");
    unit.execute(statement).await.map(|_| ())
}

/// Adds links.
pub(crate) async fn insert_links(
    unit: &mut UnitOfWork,
    table: &'static str,
    column: &'static str,
    links: &[NewLink],
) -> Result<(), StoreError> {
    if links.is_empty() {
        return Ok(());
    }
    let mut statement = Statement::<()>::new("INSERT INTO ");
    statement
        .sql(table)
        .sql(" (movie_id, ")
        .sql(column)
        .sql(", position) SELECT * FROM unnest(")
        .bind(Bind::Ids(links.iter().map(|link| DbUuid(link.movie_id)).collect()))
        .sql(", ")
        .bind(Bind::Ids(links.iter().map(|link| DbUuid(link.name_id)).collect()))
        .sql(", ")
        .bind(Bind::Integers(links.iter().map(|link| link.position).collect()))
        .sql(") ON CONFLICT DO NOTHING");
    unit.execute(statement).await.map(|_| ())
}

/// Adds entries of the audit log.
pub(crate) async fn insert_entries(unit: &mut UnitOfWork, entries: &[AuditEntry]) -> Result<(), StoreError> {
    fn texts(entries: &[AuditEntry], text: impl Fn(&AuditEntry) -> Option<String>) -> Bind {
        Column::OptionalTexts(entries.iter().map(text).collect()).into()
    }
    fn ids(entries: &[AuditEntry], id: impl Fn(&AuditEntry) -> Option<Uuid>) -> Bind {
        Column::OptionalIds(entries.iter().map(|entry| id(entry).map(DbUuid)).collect()).into()
    }
    let mut statement = Statement::<()>::new(
        "INSERT INTO audit_log (id, created_at, action, actor_id, object_kind, object_id, before, after, ip, \
         request_id) SELECT * FROM unnest(",
    );
    statement
        .bind(Bind::Ids(entries.iter().map(|entry| DbUuid(entry.id.as_uuid())).collect()))
        .sql(", ")
        .bind(Column::Instants(entries.iter().map(|entry| DbInstant(entry.at)).collect()));
    for column in [
        texts(entries, |entry| Some(entry.action.as_str().to_owned())),
        ids(entries, |entry| entry.actor.map(|id| id.as_uuid())),
        texts(entries, |entry| entry.object.map(|object| object.kind().to_owned())),
        ids(entries, |entry| entry.object.map(AuditObject::id)),
        texts(entries, |entry| written(entry.before.as_ref())),
        texts(entries, |entry| written(entry.after.as_ref())),
        texts(entries, AuditEntry::network),
        texts(entries, |entry| entry.request_id.clone()),
    ] {
        statement.sql(", ").bind(column);
    }
    statement.sql(")");
    unit.execute(statement).await.map(|_| ())
}

/// Adds the movies whose identity is not there yet; gives the identifiers of those.
pub(crate) async fn insert_movies(unit: &mut UnitOfWork, movies: &[Movie]) -> Result<Vec<Uuid>, StoreError> {
    // Sorted, so that units that add the same movies wait for each other in one order.
    let mut movies: Vec<&Movie> = movies.iter().collect();
    movies.sort_by(|one, other| identity(one).cmp(&identity(other)));
    let columns: [(&'static str, Bind); 23] = [
        ("id", Bind::Ids(column(&movies, |movie| DbUuid(movie.id.as_uuid())))),
        ("name", Bind::Texts(column(&movies, |movie| movie.identity.name.clone()))),
        ("name_key", Bind::Texts(column(&movies, |movie| fold(&movie.identity.name)))),
        ("year", Bind::Integers(column(&movies, |movie| movie.identity.year))),
        ("duration_minutes", Bind::Integers(column(&movies, |movie| movie.identity.duration_minutes))),
        ("imdb", Column::Reals(column(&movies, |movie| movie.imdb)).into()),
        ("votes", Column::Integers(column(&movies, |movie| movie.votes)).into()),
        ("meta_score", Column::OptionalReals(column(&movies, |movie| movie.meta_score)).into()),
        ("gross", Column::OptionalIntegers(column(&movies, |movie| movie.gross)).into()),
        ("description", Bind::Texts(column(&movies, |movie| movie.description.clone()))),
        ("price_minor", Column::Integers(column(&movies, |movie| movie.price.minor())).into()),
        ("price_currency", Bind::Texts(column(&movies, |movie| movie.price.currency().code().to_owned()))),
        ("certification_id", Bind::Ids(column(&movies, |movie| DbUuid(movie.certification_id.as_uuid())))),
        ("poster_url", Column::OptionalTexts(column(&movies, poster_address)).into()),
        ("sort_name", Column::OptionalTexts(column(&movies, |movie| movie.sort_name.clone())).into()),
        ("sort_key", Bind::Texts(column(&movies, Movie::sort_key))),
        ("imdb_id", Column::OptionalTexts(column(&movies, |movie| movie.imdb_id.clone())).into()),
        ("tmdb_id", Column::OptionalIntegers(column(&movies, |movie| movie.tmdb_id)).into()),
        ("trailer_url", Column::OptionalTexts(column(&movies, |movie| movie.trailer_url.clone())).into()),
        ("is_available", Column::Truths(column(&movies, |movie| movie.is_available)).into()),
        ("popularity", Column::Reals(column(&movies, |movie| popularity(movie.votes))).into()),
        ("version", Column::Integers(column(&movies, |movie| movie.version)).into()),
        ("created_at", Column::Instants(column(&movies, |movie| DbInstant(movie.created_at))).into()),
    ];
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut statement =
        Statement::<(SqlId,)>::new(format!("INSERT INTO movies ({}, updated_at)", names.join(", ")));
    statement.sql(" SELECT * FROM unnest(");
    for (_, values) in columns {
        statement.bind(values).sql(", ");
    }
    let updated_at = column(&movies, |movie| DbInstant(movie.updated_at));
    statement
        .bind(Column::Instants(updated_at))
        .sql(") ON CONFLICT (name, year, duration_minutes) DO NOTHING RETURNING id");
    let inserted: Vec<(DbUuid,)> = unit.load(statement).await?;
    Ok(inserted.into_iter().map(|(id,)| id.0).collect())
}

fn identity(movie: &Movie) -> (&str, i32, i32) {
    (&movie.identity.name, movie.identity.year, movie.identity.duration_minutes)
}

fn column<T>(movies: &[&Movie], value: impl Fn(&Movie) -> T) -> Vec<T> {
    movies.iter().map(|movie| value(movie)).collect()
}
