use std::collections::HashMap;

use async_trait::async_trait;
use diesel::sql_types::{BigInt, Text};
use domain::{
    catalog::{CountedName, NameKind, NameQueries},
    page::{Page, PageRequest, Position, SortValue},
    store::StoreError,
    text::fold,
};
use uuid::Uuid;

use crate::{
    Database,
    dialect::{DbUuid, SqlId, index_hint, push_contains},
    queries::{
        catalog_cache::Turn,
        keyset::{KeyType, Keyset},
        plain_list::PlainList,
    },
    repositories::{movies_of, names_table},
    statement::Statement,
};

type CountTypes = (SqlId, Text, BigInt, BigInt);
type CountRow = (DbUuid, String, i64, i64);

pub(super) type NameTypes = (SqlId, Text, Text, BigInt);
type NameRow = (DbUuid, String, String, i64);

/// Whether a kind has few names with many movies each. The movies of all these names are counted together, at most
/// once for each version of the catalogue. People have few movies each, so their movies are counted when a person or
/// a page of people is read.
const fn is_counted_together(kind: NameKind) -> bool {
    matches!(kind, NameKind::Genre | NameKind::Certification)
}

/// The people of a kind whose names contain all words, ordered by name.
pub(super) fn people(kind: NameKind, words: &[String]) -> PlainList {
    let mut matching = Statement::new(" FROM ");
    matching.sql(names_table(kind)).sql(" n WHERE TRUE");
    for word in words {
        matching.sql(" AND ");
        push_contains(&mut matching, "n.name_key", word);
    }
    let order = Keyset::ending_in("n.id").then_by(Statement::new("n.name_key"), KeyType::Text, false);
    PlainList { columns: "n.id, n.name, n.name_key", matching, order }
}

/// Adds to each row of the statement `people` the number of the person's movies on sale.
///
/// Only the index of the links is read, and each link is compared with the small index of withdrawn movies. With a
/// million movies, reading the movies of a hundred people would take seconds.
fn with_counts(kind: NameKind, people: &Statement) -> Statement<NameTypes> {
    let (table, name, movie) = movies_of(kind);
    let mut statement = Statement::new(format!(
        "SELECT n.id, n.name, n.name_key, (SELECT count(*) FROM {table} l WHERE l.{name} = n.id AND NOT EXISTS \
         (SELECT 1 FROM movies m{hint} WHERE m.id = l.{movie} AND NOT m.is_available)) FROM (",
        hint = index_hint("movies_withdrawn"),
    ));
    statement.append(people).sql(") AS n");
    statement
}

/// A page of people, each with the number of movies. Only the movies of the people on the page are counted.
pub(super) fn people_statement(
    kind: NameKind,
    list: &PlainList,
    request: &PageRequest,
) -> Result<Statement<NameTypes>, StoreError> {
    let mut statement = with_counts(kind, &list.statement(request)?);
    list.order.push(&mut statement);
    Ok(statement)
}

/// All names of a kind with their numbers of movies on sale, and the version of the catalogue for these counts.
///
/// All movies of a name are counted from the index of the links alone, and the few withdrawn movies are
/// subtracted, because reading a million movies would take seconds. With a cross join, SQLite begins with the
/// withdrawn movies, because it executes a cross join in the written order.
pub(super) fn all_names_statement(kind: NameKind) -> Statement<CountTypes> {
    let (table, name, movie) = movies_of(kind);
    Statement::new(format!(
        "SELECT n.id, n.name, coalesce(counted.movies, 0) - coalesce(withdrawn.movies, 0), \
         (SELECT version FROM catalog_state) FROM {names} n \
         LEFT JOIN (SELECT {name} AS name_id, count(*) AS movies FROM {table} GROUP BY {name}) AS counted \
         ON counted.name_id = n.id \
         LEFT JOIN (SELECT l.{name} AS name_id, count(*) AS movies \
         FROM (SELECT id FROM movies WHERE NOT is_available) AS m CROSS JOIN {table} l \
         WHERE l.{movie} = m.id GROUP BY l.{name}) AS withdrawn ON withdrawn.name_id = n.id ORDER BY n.name_key",
        names = names_table(kind),
    ))
}

fn position(key: String, id: Uuid) -> Position {
    Position { values: vec![SortValue::Text(key)], id }
}

fn counted((id, name, _, movies_count): NameRow) -> CountedName {
    CountedName { id: id.0, name, movies_count }
}

impl Database {
    /// The version of the catalogue. Every change of its movies or names increases it, but the actions of users (such
    /// as ratings) and the popularity do not.
    pub(super) async fn catalog_version(&self) -> Result<i64, StoreError> {
        let rows: Vec<(i64,)> =
            self.fetch(Statement::<(BigInt,)>::new("SELECT version FROM catalog_state")).await?;
        let version = rows.into_iter().next().map(|(version,)| version);
        version.ok_or_else(|| StoreError::failed("the catalogue has no version"))
    }

    /// Returns the current names with these counts, which may belong to an earlier version of the catalogue.
    async fn with_new_names(
        &self,
        kind: NameKind,
        version: i64,
        counted: Vec<CountedName>,
    ) -> Result<Vec<CountedName>, StoreError> {
        if self.cache().has_names_of(kind, version) {
            return Ok(counted);
        }
        let counts: HashMap<Uuid, i64> =
            counted.into_iter().map(|name| (name.id, name.movies_count)).collect();
        let statement = Statement::<(SqlId, Text)>::new(format!(
            "SELECT id, name FROM {} ORDER BY name_key",
            names_table(kind)
        ));
        let rows: Vec<(DbUuid, String)> = self.fetch(statement).await?;
        let name = |(DbUuid(id), name)| CountedName {
            id,
            name,
            movies_count: counts.get(&id).copied().unwrap_or_default(),
        };
        Ok(rows.into_iter().map(name).collect())
    }
}

#[async_trait]
impl NameQueries for Database {
    async fn all_names(&self, kind: NameKind) -> Result<Vec<CountedName>, StoreError> {
        let version = self.catalog_version().await?;
        if let Some(names) = self.cache().names(kind, version) {
            return self.with_new_names(kind, version, names).await;
        }
        let _permit = match self.cache().turn_to_count_names(kind, version).await? {
            Turn::Use(names) => return self.with_new_names(kind, version, names).await,
            Turn::Count(permit) => permit,
        };
        // Another caller may have counted the names in the meantime.
        let version = self.catalog_version().await?;
        if let Some(names) = self.cache().names(kind, version) {
            return self.with_new_names(kind, version, names).await;
        }
        let rows: Vec<CountRow> = self.fetch(all_names_statement(kind)).await?;
        let version = rows.first().map(|(_, _, _, version)| *version);
        let names: Vec<CountedName> = rows
            .into_iter()
            .map(|(id, name, movies_count, _)| CountedName { id: id.0, name, movies_count })
            .collect();
        if let Some(version) = version {
            self.cache().keep_names(kind, version, names.clone());
        }
        Ok(names)
    }

    async fn name_page(
        &self,
        kind: NameKind,
        words: &[String],
        request: &PageRequest,
    ) -> Result<Page<CountedName>, StoreError> {
        if is_counted_together(kind) {
            let mut names = self.all_names(kind).await?;
            names.retain(|name| {
                let key = fold(&name.name);
                words.iter().all(|word| key.contains(word.as_str()))
            });
            let place = |name: &CountedName| position(fold(&name.name), name.id);
            return Ok(Page::of_whole(names, request, place, |name, start| match start.values.as_slice() {
                [SortValue::Text(key)] => (fold(&name.name), name.id) > (key.clone(), start.id),
                _ => false,
            }));
        }
        let list = people(kind, words);
        let mut statement = people_statement(kind, &list, request)?;
        if !self.cache().admits(&statement) {
            statement.forget();
        }
        let rows: Vec<NameRow> = self.fetch(statement).await?;
        let page = self.page_of(&list, request, rows, |(id, _, key, _)| position(key.clone(), id.0)).await?;
        page.try_map(|row| Ok(counted(row)))
    }

    async fn find_name(&self, kind: NameKind, id: Uuid) -> Result<Option<CountedName>, StoreError> {
        if is_counted_together(kind) {
            let names = self.all_names(kind).await?;
            return Ok(names.into_iter().find(|name| name.id == id));
        }
        let list = people(kind, &[]);
        let mut person = Statement::new("SELECT ");
        person.sql(list.columns).append(&list.matching).sql(" AND n.id = ").bind(id);
        let rows: Vec<NameRow> = self.fetch(with_counts(kind, &person)).await?;
        Ok(rows.into_iter().next().map(counted))
    }
}
