use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use diesel::sql_types::{BigInt, Integer, Nullable};
use domain::{
    catalog::{FacetCounts, FacetGroup, FacetQueries, MovieFilter, NameKind, NameQueries, PriceBand},
    money::Currency,
    store::StoreError,
};
use uuid::Uuid;

use crate::{
    Database,
    dialect::{DbUuid, NO_ID, SqlId},
    queries::{
        catalog_cache::Turn,
        movie_access::Access,
        movie_filter::{Condition, conditions, push_matching},
    },
    statement::Statement,
};

/// The number of movies with a value of a group: the group's position in [`FacetGroup::ALL`], the value as an
/// identifier or a number, the count, and the version of the catalogue.
pub(super) type FacetTypes = (Integer, Nullable<SqlId>, Nullable<BigInt>, BigInt, BigInt);
type FacetRow = (i32, Option<DbUuid>, Option<i64>, i64, i64);

#[async_trait]
impl FacetQueries for Database {
    async fn facet_counts(
        &self,
        filter: &MovieFilter,
        currency: Currency,
    ) -> Result<FacetCounts, StoreError> {
        let key = format!("{currency:?} {}", filter.key());
        let (version, known) = self.known_facets(&key).await?;
        if let Some(counts) = known {
            return Ok(counts);
        }
        let search_turn = if filter.reads_text() { Some(self.cache().turn_to_search().await?) } else { None };
        let permit = match self.cache().turn_to_count_facets(&key, version).await? {
            Turn::Use(counts) => return Ok(FacetCounts::clone(&counts)),
            Turn::Count(permit) => permit,
        };
        // Another caller may have counted the same facets in the meantime.
        let (version, known) = self.known_facets(&key).await?;
        if let Some(counts) = known {
            return Ok(counts);
        }
        let (database, filter) = (self.clone(), filter.clone());
        // The count continues if the caller is cancelled, so that a count that takes longer than a request is
        // cached for the next request. The permits limit how many such counts run.
        let counting = tokio::spawn(async move {
            let _permits = (permit, search_turn);
            database.count_facets(&filter, currency, key, version).await
        });
        counting.await.map_err(StoreError::failed)?
    }
}

impl Database {
    /// Counts the facets of a filter, and caches them if the catalogue still has this version.
    async fn count_facets(
        &self,
        filter: &MovieFilter,
        currency: Currency,
        key: String,
        version: i64,
    ) -> Result<FacetCounts, StoreError> {
        let mut counts = FacetCounts::default();
        let mut versions = Vec::new();
        let mut has_names = false;
        let mut lists = groups_by_conditions(filter);
        // Filters without conditions come first, because their counts of genres and certifications come from
        // `all_names`, which does not return the version of its counts. If a later statement still reads `version`,
        // the catalogue has not changed in between, so counts that `all_names` has just computed belong to `version`
        // too. But `all_names` can also return cached counts of an earlier version (see `LARGE_COUNT` in
        // `catalog_cache`); `are_names_current` below detects that.
        lists.sort_by_key(|(others, _)| !conditions(others).is_empty());
        for (others, mut groups) in lists {
            let conditions = conditions(&others);
            if conditions.is_empty() {
                has_names = true;
                self.note_names(&mut groups, FacetGroup::Genres, NameKind::Genre, &mut counts.genres).await?;
                let certifications = &mut counts.certifications;
                self.note_names(
                    &mut groups,
                    FacetGroup::Certifications,
                    NameKind::Certification,
                    certifications,
                )
                .await?;
            }
            if groups.is_empty() {
                continue;
            }
            // The counts of these groups are also cached separately, as a part, because several filters can share
            // them: the counts of decades within a genre do not depend on the chosen decade. Parts with price bands
            // are not cached: if the counts of the price bands add up to a large number of movies, the cache may
            // return the entry for a later version too (see `LARGE_COUNT`), but a part that is used here must belong
            // to exactly `version`.
            let part_key = (!groups.contains(&FacetGroup::PriceBands))
                .then(|| format!("{groups:?} of {}", others.key()));
            if let Some(part) = part_key.as_ref().and_then(|key| self.cache().facets(key, version)) {
                versions.push(version);
                counts.add(&part);
                continue;
            }
            let driver = match self.cheapest_lookup(&conditions).await? {
                Access::Lookup { driver } => Some(driver).filter(|_| !conditions.is_empty()),
                Access::Walk { .. } => None,
            };
            let mut statement = facets_statement(&conditions, driver, &groups, currency);
            if !self.cache().admits(&statement) {
                statement.forget();
            }
            let rows: Vec<FacetRow> = self.fetch(statement).await?;
            let is_current = !rows.is_empty() && rows.iter().all(|row| row.4 == version);
            let mut part = FacetCounts::default();
            for row in rows {
                versions.push(row.4);
                note(&mut part, row)?;
            }
            counts.add(&part);
            if let Some(key) = part_key.filter(|_| is_current) {
                self.cache().keep_facets(key, version, Arc::new(part));
            }
        }
        // Counts from several statements are cached only if nothing changed between the statements. Counts of names may
        // belong to an earlier version, so their version is checked too.
        let are_names_current = !has_names
            || [NameKind::Genre, NameKind::Certification]
                .into_iter()
                .all(|kind| self.cache().has_names_of(kind, version));
        if are_names_current
            && versions.first() == Some(&version)
            && versions.iter().all(|other| *other == version)
        {
            self.cache().keep_facets(key, version, Arc::new(counts.clone()));
        }
        Ok(counts)
    }

    /// The version of the catalogue, and the cached facets, if they may be used for this version.
    async fn known_facets(&self, key: &str) -> Result<(i64, Option<FacetCounts>), StoreError> {
        let version = self.catalog_version().await?;
        Ok((version, self.cache().facets(key, version).map(|counts| FacetCounts::clone(&counts))))
    }

    /// If `groups` contains `group`, removes it from `groups`, and adds the number of movies of each of its values to
    /// `counts`. The numbers are for the list without conditions, and come from `all_names`.
    async fn note_names(
        &self,
        groups: &mut Vec<FacetGroup>,
        group: FacetGroup,
        kind: NameKind,
        counts: &mut HashMap<Uuid, i64>,
    ) -> Result<(), StoreError> {
        let Some(position) = groups.iter().position(|other| *other == group) else { return Ok(()) };
        groups.remove(position);
        let names = self.all_names(kind).await?;
        counts.extend(
            names.iter().filter(|name| name.movies_count > 0).map(|name| (name.id, name.movies_count)),
        );
        Ok(())
    }
}

/// Each group is counted with the filter without the values that were chosen in this group. Returns each of these
/// filters with its groups. All groups without chosen values have the same filter.
fn groups_by_conditions(filter: &MovieFilter) -> Vec<(MovieFilter, Vec<FacetGroup>)> {
    let mut found: Vec<(MovieFilter, Vec<FacetGroup>)> = Vec::new();
    for group in FacetGroup::ALL {
        let others = group.without_choice(filter);
        match found.iter_mut().find(|(known, _)| *known == others) {
            Some((_, groups)) => groups.push(group),
            None => found.push((others, vec![group])),
        }
    }
    found
}

fn note(counts: &mut FacetCounts, (group, id, number, count, _): FacetRow) -> Result<(), StoreError> {
    let group = usize::try_from(group).ok().and_then(|group| FacetGroup::ALL.get(group));
    let missing = || StoreError::failed("the count of a facet has no value");
    match group.ok_or_else(missing)? {
        FacetGroup::Genres => {
            counts.genres.insert(id.ok_or_else(missing)?.0, count);
        }
        FacetGroup::Certifications => {
            counts.certifications.insert(id.ok_or_else(missing)?.0, count);
        }
        FacetGroup::Decades => {
            let decade = i32::try_from(number.ok_or_else(missing)?).map_err(StoreError::failed)?;
            counts.decades.insert(decade, count);
        }
        FacetGroup::PriceBands => {
            let band = usize::try_from(number.ok_or_else(missing)?).map_err(StoreError::failed)?;
            counts.price_bands.insert(band, count);
        }
    }
    Ok(())
}

/// Counts, for each value of the groups, the movies that match the conditions. If there are conditions, the matching
/// movies are found only once, for all groups. `driver` is the position of the condition whose index finds the
/// movies.
pub(super) fn facets_statement(
    conditions: &[Condition],
    driver: Option<usize>,
    groups: &[FacetGroup],
    currency: Currency,
) -> Statement<FacetTypes> {
    let mut statement = Statement::new("");
    // Without conditions, decades and price bands are each counted with their own index. Genres and certifications are
    // not counted here then: `count_facets` takes them from the counts of their names.
    let source = if conditions.is_empty() {
        "FROM movies m WHERE m.is_available"
    } else {
        let mut matching = Statement::<()>::new("");
        let is_join = matches!(conditions, [condition] if condition.push_join(&mut matching));
        if !is_join {
            push_matching(&mut matching, conditions, driver);
        }
        // Movies that are found by a join and counted for only one group, other than the genres, need not be kept in
        // memory. In other cases they must be kept. Otherwise the planner could choose to read all movies through an
        // index that is sorted by the column of a group, such as the year.
        let is_counted_once = is_join && groups.len() == 1 && !groups.contains(&FacetGroup::Genres);
        let kept = if is_counted_once { "NOT MATERIALIZED" } else { "MATERIALIZED" };
        statement
            .sql(format!("WITH matching AS {kept} (SELECT m.id, m.certification_id, m.year, m.price_minor"))
            .append(&matching)
            .sql(")");
        "FROM matching m"
    };
    // The movies of each year (or of each price) are counted first, and these counts are added up to decades (or to
    // price bands), because grouping all movies by a computed value would require a sort.
    for (position, group) in FacetGroup::ALL.into_iter().enumerate() {
        if !groups.contains(&group) {
            continue;
        }
        let is_first = groups.first() == Some(&group);
        statement.sql(if is_first { " " } else { " UNION ALL " }).sql(format!("SELECT {position}, "));
        match group {
            FacetGroup::Genres => statement.sql(
                "l.genre_id, CAST(NULL AS BIGINT), count(*), (SELECT version FROM catalog_state) \
                 FROM matching m JOIN movie_genres l ON l.movie_id = m.id GROUP BY l.genre_id",
            ),
            FacetGroup::Certifications => statement
                .sql("m.certification_id, CAST(NULL AS BIGINT), count(*), (SELECT version FROM catalog_state) ")
                .sql(source)
                .sql(" GROUP BY m.certification_id"),
            FacetGroup::Decades => statement
                .sql(NO_ID)
                .sql(
                    ", CAST(y.year / 10 * 10 AS BIGINT) AS decade, CAST(sum(y.movies) AS BIGINT), \
                     (SELECT version FROM catalog_state) FROM (SELECT m.year, count(*) AS movies ",
                )
                .sql(source)
                .sql(" GROUP BY m.year) AS y GROUP BY decade"),
            FacetGroup::PriceBands => {
                statement.sql(NO_ID).sql(", CAST(CASE");
                // The highest band is tested first, so that the first match is the movie's band.
                for (number, band) in PriceBand::all(currency).into_iter().enumerate().rev() {
                    statement
                        .sql(" WHEN p.price_minor >= ")
                        .bind(band.min.minor())
                        .sql(format!(" THEN {number}"));
                }
                statement
                    .sql(
                        " ELSE 0 END AS BIGINT) AS band, CAST(sum(p.movies) AS BIGINT), \
                         (SELECT version FROM catalog_state) FROM (SELECT m.price_minor, count(*) AS movies ",
                    )
                    .sql(source)
                    .sql(" GROUP BY m.price_minor) AS p GROUP BY band")
            }
        };
    }
    statement
}
