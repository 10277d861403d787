//! Writes many rows in one statement, with one array for each column.

use std::{collections::HashMap, fmt::Write};

use diesel::sql_types::{BigInt, Text};
use domain::{
    audit::{AuditEntry, AuditObject},
    catalog::{Activity, IndexEntry, Movie, SEARCH_INDEX_VERSION, popularity},
    store::StoreError,
    text::fold,
};
use uuid::Uuid;

use crate::{
    Database,
    clauses::quoted,
    dialect::{Bind, Column, DbInstant, DbUuid, SqlId},
    filter_bits::bits_of,
    repositories::{LINKS_WITH_BITS, NewEntry, NewLink, NewName, WordCount, poster_address, written},
    statement::Statement,
    title_parts::title_parts,
    unit_of_work::UnitOfWork,
};

/// Adds the names (of genres, certifications, directors or stars) that do not exist yet, in the given order.
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

/// Adds links from movies to names (genres, directors or stars). None of these links may exist already.
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
        .sql(if table == LINKS_WITH_BITS { ", position, filter_bits" } else { ", position" })
        .sql(") SELECT * FROM unnest(")
        .bind(Bind::Ids(links.iter().map(|link| DbUuid(link.movie_id)).collect()))
        .sql(", ")
        .bind(Bind::Ids(links.iter().map(|link| DbUuid(link.name_id)).collect()))
        .sql(", ")
        .bind(Bind::Integers(links.iter().map(|link| link.position).collect()));
    if table == LINKS_WITH_BITS {
        statement.sql(", ").bind(Column::Integers(links.iter().map(|link| link.filter_bits).collect()));
    }
    statement.sql(")");
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

/// Adds the movies whose identity (name, year and duration) does not exist yet; returns the identifiers of the added
/// movies.
pub(crate) async fn insert_movies(unit: &mut UnitOfWork, movies: &[Movie]) -> Result<Vec<Uuid>, StoreError> {
    // Sorted, so that concurrent transactions that add the same movies lock them in the same order and cannot
    // deadlock.
    let mut movies: Vec<&Movie> = movies.iter().collect();
    movies.sort_by(|one, other| identity(one).cmp(&identity(other)));
    let columns: [(&'static str, Bind); 24] = [
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
        (
            "popularity",
            Column::Reals(column(&movies, |movie| popularity(movie.votes, Activity::default()))).into(),
        ),
        ("filter_bits", Column::Integers(column(&movies, bits_of)).into()),
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

/// How many entries of the search index one statement reads to count their words.
const COUNTED_AT_ONCE: i64 = 10_000;

/// Writes entries of the search index. They replace the existing entries of the same movies.
pub(crate) async fn write_index(unit: &mut UnitOfWork, entries: &[NewEntry]) -> Result<(), StoreError> {
    fn texts(entries: &[NewEntry], text: impl Fn(&IndexEntry) -> String) -> Bind {
        Bind::Texts(entries.iter().map(|new| text(&new.entry)).collect())
    }
    let mut statement = Statement::<()>::new(format!(
        "INSERT INTO movie_search (movie_id, index_version, name_key, people, names, persons, document, \
         title_parts) SELECT movie_id, {SEARCH_INDEX_VERSION}, name_key, people, CAST(names AS tsvector), \
         CAST(persons AS tsvector), CAST(document AS tsvector), CAST(title_parts AS tsvector) FROM unnest("
    ));
    statement.bind(Bind::Ids(entries.iter().map(|new| DbUuid(new.movie_id)).collect()));
    for column in [
        texts(entries, |entry| entry.name_key.clone()),
        texts(entries, |entry| entry.people.join(" ")),
        texts(entries, |entry| lexemes(entry.name.iter(), &entry.joined)),
        texts(entries, |entry| lexemes(entry.people.iter(), &[])),
        texts(entries, |entry| {
            let words = entry.name.iter().chain(&entry.people).chain(&entry.description);
            lexemes(words, &entry.joined)
        }),
        texts(entries, |entry| {
            title_parts(&entry.title).iter().map(|part| quoted(part)).collect::<Vec<_>>().join(" ")
        }),
    ] {
        statement.sql(", ").bind(column);
    }
    statement.sql(
        ") AS new (movie_id, name_key, people, names, persons, document, title_parts) ON CONFLICT (movie_id) DO UPDATE SET \
         index_version = excluded.index_version, name_key = excluded.name_key, people = excluded.people, \
         names = excluded.names, persons = excluded.persons, document = excluded.document, \
         title_parts = excluded.title_parts",
    );
    unit.execute(statement).await.map(|_| ())
}

/// Returns a `tsvector` literal with these words. Each word in `joined` was made of adjacent words of the name
/// (`darkknight`) and gets the prefix `~`.
fn lexemes<'a>(words: impl Iterator<Item = &'a String>, joined: &[String]) -> String {
    let mut text = String::new();
    for word in words {
        // Words contain no quotes, so no escaping is needed. Writing to a string cannot fail.
        let _ = write!(text, "'{word}' ");
    }
    for word in joined {
        let _ = write!(text, "'~{word}' ");
    }
    text
}

/// All words of the search index, each with the number of movies that contain it. The index also contains adjacent
/// words that were joined into one word; these are omitted.
pub(crate) async fn indexed_words(database: &Database) -> Result<HashMap<String, i64>, StoreError> {
    let mut words: HashMap<String, i64> = HashMap::new();
    let mut after = Uuid::nil();
    loop {
        let mut last = Statement::<(SqlId,)>::new(
            "SELECT movie_id FROM (SELECT movie_id FROM movie_search WHERE movie_id > ",
        );
        last.bind(after).sql(" ORDER BY movie_id LIMIT ").bind(COUNTED_AT_ONCE);
        last.sql(") AS part ORDER BY movie_id DESC LIMIT 1");
        let last: Vec<(DbUuid,)> = database.fetch(last).await?;
        let Some((DbUuid(last),)) = last.first().copied() else { return Ok(words) };
        let mut counts = Statement::<(Text, BigInt)>::new(
            "SELECT word, CAST(ndoc AS BIGINT) FROM ts_stat('SELECT document FROM movie_search \
             WHERE movie_id > ''' || ",
        );
        counts.bind(after.to_string()).sql(" || ''' AND movie_id <= ''' || ");
        counts.bind(last.to_string()).sql(" || '''') WHERE word NOT LIKE '~%'");
        let counts: Vec<WordCount> = database.fetch(counts).await?;
        for (word, movies) in counts {
            let count = words.entry(word).or_default();
            *count = count.saturating_add(movies);
        }
        after = last;
    }
}

/// Adds words to the search vocabulary, each with the number of movies that contain it. If the vocabulary already has
/// a word, only its number is replaced.
pub(crate) async fn insert_vocabulary(unit: &mut UnitOfWork, words: &[WordCount]) -> Result<(), StoreError> {
    let mut statement = Statement::<()>::new(
        "INSERT INTO search_vocabulary (word, rest, length, movies) \
         SELECT word, substr(word, 2), length(word), movies FROM unnest(",
    );
    statement
        .bind(Bind::Texts(words.iter().map(|(word, _)| word.clone()).collect()))
        .sql(", ")
        .bind(Column::Integers(words.iter().map(|(_, movies)| *movies).collect()))
        .sql(") AS new (word, movies) ON CONFLICT (word) DO UPDATE SET movies = excluded.movies");
    unit.execute(statement).await.map(|_| ())
}

fn identity(movie: &Movie) -> (&str, i32, i32) {
    (&movie.identity.name, movie.identity.year, movie.identity.duration_minutes)
}

fn column<T>(movies: &[&Movie], value: impl Fn(&Movie) -> T) -> Vec<T> {
    movies.iter().map(|movie| value(movie)).collect()
}
