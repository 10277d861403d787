//! Writes many rows. SQLite is fastest when one prepared statement is executed once for each row, on one thread. The
//! full-text indexes are exceptions: `index_words` and `index_titles` write all rows with one statement.

use std::collections::HashMap;

use diesel::{
    RunQueryDsl, SqliteConnection,
    result::QueryResult,
    sql_types::{BigInt, Text},
};
use domain::{
    audit::{AuditEntry, AuditObject},
    catalog::{Activity, IndexEntry, Movie, SEARCH_INDEX_VERSION, popularity},
    store::StoreError,
    text::fold,
};
use uuid::Uuid;

use crate::{
    Database,
    clauses::{json, title_text},
    dialect::{Bind, DbUuid},
    filter_bits::bits_of,
    repositories::{LINKS_WITH_BITS, NewEntry, NewLink, NewName, WordCount, poster_address, written},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

/// Adds the names (of genres, certifications, directors or stars) that do not exist yet, in the given order.
pub(crate) async fn insert_names(
    unit: &mut UnitOfWork,
    table: &'static str,
    names: &[NewName],
) -> Result<(), StoreError> {
    let statements = names
        .iter()
        .map(|name| {
            let mut statement = Statement::<()>::new("INSERT INTO ");
            statement
                .sql(table)
                .sql(" (id, name, name_key) VALUES (")
                .bind(name.id)
                .sql(", ")
                .bind(name.name.clone())
                .sql(", ")
                .bind(name.key.clone())
                .sql(") ON CONFLICT (name_key) DO NOTHING");
            statement
        })
        .collect();
    unit.run(move |connection| execute_all(connection, statements)).await.map(|_| ())
}

/// Adds links from movies to names (genres, directors or stars). None of the links may exist yet.
pub(crate) async fn insert_links(
    unit: &mut UnitOfWork,
    table: &'static str,
    column: &'static str,
    links: &[NewLink],
) -> Result<(), StoreError> {
    let statements = links
        .iter()
        .map(|link| {
            let mut statement = Statement::<()>::new("INSERT INTO ");
            statement
                .sql(table)
                .sql(" (movie_id, ")
                .sql(column)
                .sql(if table == LINKS_WITH_BITS { ", position, filter_bits" } else { ", position" })
                .sql(") VALUES (")
                .bind(link.movie_id)
                .sql(", ")
                .bind(link.name_id)
                .sql(", ")
                .bind(i64::from(link.position));
            if table == LINKS_WITH_BITS {
                statement.sql(", ").bind(link.filter_bits);
            }
            statement.sql(")");
            statement
        })
        .collect();
    unit.run(move |connection| execute_all(connection, statements)).await.map(|_| ())
}

/// Adds entries of the audit log.
pub(crate) async fn insert_entries(unit: &mut UnitOfWork, entries: &[AuditEntry]) -> Result<(), StoreError> {
    let statements = entries.iter().map(insert_entry).collect();
    unit.run(move |connection| execute_all(connection, statements)).await.map(|_| ())
}

fn insert_entry(entry: &AuditEntry) -> Statement {
    let mut statement = Statement::new(
        "INSERT INTO audit_log (id, created_at, action, actor_id, object_kind, object_id, before, after, ip, \
         request_id) VALUES (",
    );
    let values: [Bind; 9] = [
        entry.id.as_uuid().into(),
        entry.at.into(),
        entry.action.as_str().to_owned().into(),
        Bind::OptionalId(entry.actor.map(|id| DbUuid(id.as_uuid()))),
        Bind::OptionalText(entry.object.map(|object| object.kind().to_owned())),
        Bind::OptionalId(entry.object.map(AuditObject::id).map(DbUuid)),
        Bind::OptionalText(written(entry.before.as_ref())),
        Bind::OptionalText(written(entry.after.as_ref())),
        Bind::OptionalText(entry.network()),
    ];
    for value in values {
        statement.bind(value).sql(", ");
    }
    statement.bind(Bind::OptionalText(entry.request_id.clone())).sql(")");
    statement
}

/// Adds the movies whose identity (name, year and duration) does not exist yet; returns the identifiers of the added
/// movies.
pub(crate) async fn insert_movies(unit: &mut UnitOfWork, movies: &[Movie]) -> Result<Vec<Uuid>, StoreError> {
    let statements = movies.iter().map(insert_movie).collect();
    let ids: Vec<Uuid> = movies.iter().map(|movie| movie.id.as_uuid()).collect();
    let rows = unit.run(move |connection| execute_all(connection, statements)).await?;
    Ok(ids.into_iter().zip(rows).filter(|(_, rows)| *rows == 1).map(|(id, _)| id).collect())
}

fn insert_movie(movie: &Movie) -> Statement {
    let mut statement = Statement::new(
        "INSERT INTO movies (id, name, name_key, year, duration_minutes, imdb, votes, meta_score, gross, \
         description, price_minor, price_currency, certification_id, poster_url, sort_name, \
         sort_key, imdb_id, tmdb_id, trailer_url, is_available, popularity, filter_bits, version, created_at, updated_at) VALUES (",
    );
    let values: [Bind; 24] = [
        movie.id.as_uuid().into(),
        movie.identity.name.clone().into(),
        fold(&movie.identity.name).into(),
        i64::from(movie.identity.year).into(),
        i64::from(movie.identity.duration_minutes).into(),
        movie.imdb.into(),
        movie.votes.into(),
        Bind::OptionalReal(movie.meta_score),
        Bind::OptionalInteger(movie.gross),
        movie.description.clone().into(),
        movie.price.minor().into(),
        movie.price.currency().code().to_owned().into(),
        movie.certification_id.as_uuid().into(),
        Bind::OptionalText(poster_address(movie)),
        Bind::OptionalText(movie.sort_name.clone()),
        movie.sort_key().into(),
        Bind::OptionalText(movie.imdb_id.clone()),
        Bind::OptionalInteger(movie.tmdb_id),
        Bind::OptionalText(movie.trailer_url.clone()),
        Bind::Truth(movie.is_available),
        popularity(movie.votes, Activity::default()).into(),
        bits_of(movie).into(),
        movie.version.into(),
        movie.created_at.into(),
    ];
    for value in values {
        statement.bind(value).sql(", ");
    }
    statement.bind(movie.updated_at).sql(") ON CONFLICT (name, year, duration_minutes) DO NOTHING");
    statement
}

/// Writes entries of the search index. They replace the existing entries of the same movies.
pub(crate) async fn write_index(unit: &mut UnitOfWork, entries: &[NewEntry]) -> Result<(), StoreError> {
    let mut statements: Vec<Statement> = entries.iter().map(insert_search_row).collect();
    statements.push(index_words(entries));
    statements.push(index_titles(entries));
    unit.run(move |connection| execute_all(connection, statements)).await.map(|_| ())
}

/// The words of an entry as one text, which [`push_words_check`](crate::clauses::push_words_check) searches. Each
/// word has a prefix that marks its list, and is followed by a space. The prefix of joined words (adjacent words of
/// the name, written as one word) ends in `/` instead of `|`, because a search finds joined words only by the
/// complete word, and other words also by their beginning.
fn words_text(entry: &IndexEntry) -> String {
    let lists =
        [("n|", &entry.name), ("j/", &entry.joined), ("p|", &entry.people), ("d|", &entry.description)];
    let mut text = String::new();
    for (mark, words) in lists {
        for word in words {
            text.extend([mark, word.as_str(), " "]);
        }
    }
    text
}

fn insert_search_row(NewEntry { movie_id, entry }: &NewEntry) -> Statement {
    let mut row = Statement::new(
        "INSERT INTO movie_search (movie_id, index_version, name_key, people, words) VALUES (",
    );
    row.bind(*movie_id)
        .sql(", ")
        .bind(i64::from(SEARCH_INDEX_VERSION))
        .sql(", ")
        .bind(entry.name_key.clone())
        .sql(", ")
        .bind(entry.people.join(" "))
        .sql(", ")
        .bind(words_text(entry))
        .sql(
            ") ON CONFLICT (movie_id) DO UPDATE SET index_version = excluded.index_version, \
             name_key = excluded.name_key, people = excluded.people, words = excluded.words",
        );
    row
}

/// Writes the words of all entries to the full-text index with one statement. A statement for each entry would be slow,
/// because before each statement FTS5 writes the words of earlier statements to the file as a new segment, and merges
/// segments.
fn index_words(entries: &[NewEntry]) -> Statement {
    let row = |NewEntry { movie_id, entry }: &NewEntry| {
        let IndexEntry { name, joined, people, description, .. } = entry;
        let lists = [name, joined, people, description].map(|list| list.join(" "));
        let [name, joined, people, description] = lists;
        [movie_id.simple().to_string(), name, joined, people, description]
    };
    let rows: Vec<[String; 5]> = entries.iter().map(row).collect();
    let mut words = Statement::new(
        "INSERT OR REPLACE INTO movie_words (rowid, name, joined, people, description) SELECT s.id, \
         json_extract(e.value, '$[1]'), json_extract(e.value, '$[2]'), json_extract(e.value, '$[3]'), \
         json_extract(e.value, '$[4]') FROM json_each(",
    );
    words.bind(json(&rows));
    words.sql(") e CROSS JOIN movie_search s ON s.movie_id = unhex(json_extract(e.value, '$[0]'))");
    words
}

/// Writes the parts of all titles to their index with one statement, for the same reason as [`index_words`].
fn index_titles(entries: &[NewEntry]) -> Statement {
    let row =
        |NewEntry { movie_id, entry }: &NewEntry| [movie_id.simple().to_string(), title_text(&entry.title)];
    let rows: Vec<[String; 2]> = entries.iter().map(row).collect();
    let mut titles = Statement::new(
        "INSERT OR REPLACE INTO movie_title_parts (rowid, parts) SELECT s.id, json_extract(e.value, '$[1]') \
         FROM json_each(",
    );
    titles.bind(json(&rows));
    titles.sql(") e CROSS JOIN movie_search s ON s.movie_id = unhex(json_extract(e.value, '$[0]'))");
    titles
}

/// All words of the search index, each with the approximate number of movies that contain it: a movie is counted once
/// for each of name, people and description that contains the word. Adjacent words of a name that were joined into one
/// word (`darkknight`) are omitted.
pub(crate) async fn indexed_words(database: &Database) -> Result<HashMap<String, i64>, StoreError> {
    let counts = Statement::<(Text, BigInt)>::new(
        "SELECT term, sum(doc) FROM movie_words_terms WHERE col <> 'joined' GROUP BY term",
    );
    Ok(database.fetch::<_, WordCount>(counts).await?.into_iter().collect())
}

/// Adds words to the search vocabulary, each with the number of movies that contain it. If the vocabulary already has
/// a word, only its number is replaced.
pub(crate) async fn insert_vocabulary(unit: &mut UnitOfWork, words: &[WordCount]) -> Result<(), StoreError> {
    let statements = words
        .iter()
        .map(|(word, movies)| {
            let mut statement = Statement::<()>::new(
                "INSERT INTO search_vocabulary (word, rest, length, movies) SELECT word, substr(word, 2), length(word), ",
            );
            statement
                .bind(*movies)
                .sql(" FROM (SELECT ")
                .bind(word.clone())
                .sql(" AS word) WHERE TRUE ON CONFLICT (word) DO UPDATE SET movies = excluded.movies");
            statement
        })
        .collect();
    unit.run(move |connection| execute_all(connection, statements)).await.map(|_| ())
}

/// Runs the statements one after the other; returns the number of affected rows of each.
fn execute_all(connection: &mut SqliteConnection, statements: Vec<Statement>) -> QueryResult<Vec<usize>> {
    statements.into_iter().map(|statement| RunQueryDsl::execute(statement, connection)).collect()
}
