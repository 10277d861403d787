//! Searching: the matches are found with the index. Three groups of matches are then ranked with the rules of the
//! domain: the most popular of all matches, the most popular matches by name, and the most popular movies whose
//! complete name equals the search text.

use std::{cmp::Ordering, sync::Arc};

use async_trait::async_trait;
use diesel::{
    Queryable,
    sql_types::{BigInt, Bool, Double, Integer, Nullable, Text},
};
use domain::{
    catalog::{
        Candidate, KnownWord, MovieFilter, MovieSort, Ranking, Search, SearchQueries, SearchTerm, Suggestion,
        SuggestionKind, allowed_mistakes, best_suggestions, spellings_without_first_letter,
    },
    id::UserId,
    page::{Page, PageRequest, Position, SortValue, Start, Total},
    store::StoreError,
};
use uuid::Uuid;

use crate::{
    Database,
    dialect::{DbUuid, SqlId, push_any, push_any_text, push_words_exist},
    index_part::IndexPart,
    queries::{
        keyset::Keyset,
        movie_access::Access,
        movie_filter::{
            Condition, behind_all, conditions, conditions_with_words_in, push_matching, push_walk,
        },
        movie_page::Order,
        movie_row::{SummaryRow, SummaryTypes, push_summary},
        recent_searches::{Matches, Ranked},
    },
    repositories::stored_poster,
    statement::Statement,
};

/// All matches of a search are ranked if there are at most this many. Otherwise, the `RANKED + 1` most popular matches
/// are ranked, and also the `RANKED` most popular matches by name.
const RANKED: u32 = 400;

/// How many movies whose complete name equals the search text are also ranked, and also considered for suggestions,
/// even if other matches are more popular.
const RANKED_BY_WHOLE_NAME: u32 = 100;

/// How many movies are ranked before other tasks on the thread may continue.
const RANKED_AT_ONCE: usize = 50;

/// How many of the most popular movies with a matching name, and how many with matching people, are considered for
/// suggestions.
const SUGGESTED_FROM: u32 = 200;

type PersonTypes = (Bool, SqlId, Text, Double);
type PersonRow = (bool, DbUuid, String, f64);

type FoundTypes =
    (SqlId, Text, Double, Text, Text, Integer, Nullable<Text>, Nullable<SqlId>, Nullable<Integer>);

/// A movie that was found.
#[derive(Queryable)]
struct Found {
    id: DbUuid,
    name: String,
    popularity: f64,
    people: String,
    description: String,
    year: i32,
    poster_url: Option<String>,
    poster_id: Option<DbUuid>,
    poster_width: Option<i32>,
}

impl Database {
    /// A page of the movies that a search finds, the best first.
    ///
    /// The ranked matches come first. The matches that were not ranked follow, sorted by popularity. They have the
    /// rank 0, also in the [`Position`] after which the next page starts.
    pub(super) async fn page_by_relevance(
        &self,
        filter: &MovieFilter,
        search: &Search,
        request: &PageRequest,
        viewer: Option<UserId>,
    ) -> Result<Page<SummaryRow>, StoreError> {
        let key = filter.key();
        let version = self.catalog_version().await?;
        let matches = self.known_matches(filter, search, &key, version).await?;
        let size = usize::try_from(request.size()).map_err(StoreError::failed)?;
        let wanted = size.saturating_add(1);
        let (skipped, behind) = match request.start() {
            Start::Number(_) => (usize::try_from(request.offset()).map_err(StoreError::failed)?, None),
            Start::After(position) => {
                let last = Ranked::at(position)?;
                let skipped = matches.ranked.partition_point(|one| one.order(&last) != Ordering::Greater);
                (skipped, Some(last).filter(|last| last.rank == 0))
            }
        };
        let mut page: Vec<Ranked> = matches.ranked.iter().skip(skipped).take(wanted).copied().collect();
        let is_read = page.len() < wanted && !matches.is_complete;
        let is_counted = !matches.is_complete
            && matches!(request.start(), Start::Number(_))
            && self.cache().total(&key, version).is_none();
        let _turn = if is_read || is_counted { Some(self.cache().turn_to_search().await?) } else { None };
        if is_read {
            let others = Cut {
                limit: u32::try_from(wanted.saturating_sub(page.len())).map_err(StoreError::failed)?,
                offset: if behind.is_some() { 0 } else { skipped.saturating_sub(matches.ranked.len()) },
                behind,
                without: matches.ranked.iter().map(|movie| movie.id).collect(),
            };
            let rows = self.most_popular(&conditions(filter), &others).await?;
            let unranked = |row: Found| Ranked { rank: 0, popularity: row.popularity, id: row.id.0 };
            page.extend(rows.into_iter().map(unranked));
        }
        let has_more = page.len() > size;
        page.truncate(size);
        let rows = self.rows_of(&page, viewer).await?;
        let total = match request.start() {
            Start::Number(_) if matches.is_complete => {
                let count = u64::try_from(matches.ranked.len()).map_err(StoreError::failed)?;
                Some(Total::from_capped_count(count))
            }
            Start::Number(_) => {
                let version = rows.first().map(|row| row.catalog_version);
                Some(self.counted_total(filter, &conditions(filter), version).await?)
            }
            Start::After(_) => None,
        };
        let next = page.last().filter(|_| has_more).map(Ranked::position);
        Ok(Page { items: rows, next, total })
    }

    /// The ranked matches at this version of the catalogue, from the cache if possible.
    async fn known_matches(
        &self,
        filter: &MovieFilter,
        search: &Search,
        key: &str,
        version: i64,
    ) -> Result<Arc<Matches>, StoreError> {
        let recent = self.cache().searches();
        if let Some(matches) = recent.matches(key, version) {
            return Ok(matches);
        }
        let _turn = self.cache().turn_to_search().await?;
        // Another caller may have found the matches in the meantime.
        if let Some(matches) = recent.matches(key, version) {
            return Ok(matches);
        }
        let matches = Arc::new(self.matches(filter, search).await?);
        // Matches in a library or in favourites are not cached, because libraries and favourites change without a
        // change of the catalogue. Other matches are read by several statements, and are cached only if the catalogue
        // did not change between these statements.
        let is_of_all = filter.bought_by.is_none() && filter.favorites_of.is_none();
        if is_of_all && self.catalog_version().await? == version {
            recent.keep_matches(key.to_owned(), version, Arc::clone(&matches));
        }
        Ok(matches)
    }

    async fn matches(&self, filter: &MovieFilter, search: &Search) -> Result<Matches, StoreError> {
        if search.is_empty() {
            return Ok(Matches { ranked: Vec::new(), is_complete: true });
        }
        let mut found = self.most_popular(&conditions(filter), &Cut::of(RANKED.saturating_add(1))).await?;
        let is_complete = u32::try_from(found.len()).is_ok_and(|count| count <= RANKED);
        if !is_complete {
            let by_name = conditions_with_words_in(filter, IndexPart::Name);
            found.extend(self.most_popular(&by_name, &Cut::of(RANKED)).await?);
            let by_whole_name = with_whole_name(filter, search);
            found.extend(self.most_popular(&by_whole_name, &Cut::of(RANKED_BY_WHOLE_NAME)).await?);
            found.sort_unstable_by_key(|movie| movie.id.0);
            found.dedup_by_key(|movie| movie.id.0);
        }
        let ranking = Ranking::of(search);
        let mut ranked = Vec::with_capacity(found.len());
        for chunk in found.chunks(RANKED_AT_ONCE) {
            ranked.extend(chunk.iter().map(|movie| {
                let Found { name, people, description, .. } = movie;
                let rank = ranking.rank(Candidate { name, people, description }).number();
                Ranked { rank, popularity: movie.popularity, id: movie.id.0 }
            }));
            // Lets other requests on this thread continue before the next movies are ranked.
            tokio::task::yield_now().await;
        }
        ranked.sort_unstable_by(Ranked::order);
        Ok(Matches { ranked, is_complete })
    }

    /// The movies that meet the conditions, most popular first, limited to the part `cut`.
    async fn most_popular(&self, conditions: &[Condition], cut: &Cut) -> Result<Vec<Found>, StoreError> {
        let order = Order::of(&[MovieSort::POPULAR], None);
        let offset = u32::try_from(cut.offset).map_err(StoreError::failed)?;
        let excluded = u32::try_from(cut.without.len()).map_err(StoreError::failed)?;
        let passed = cut.limit.saturating_add(offset).saturating_add(excluded);
        let mut access = self.access(conditions, passed).await?;
        loop {
            let mut statement = found_statement(conditions, order.keyset(), cut, access)?;
            // The statement must be planned each time, because common words need another plan than rare ones.
            statement.forget();
            let rows: Vec<Found> = self.fetch(statement).await?;
            if u32::try_from(rows.len()).is_ok_and(|count| count >= cut.limit) {
                return Ok(rows);
            }
            match self.access_after(access, conditions, passed, rows.len()).await? {
                Some(next) => access = next,
                None => return Ok(rows),
            }
        }
    }

    /// The rows of these movies, in this order. Movies that were removed in the meantime are omitted.
    async fn rows_of(&self, page: &[Ranked], viewer: Option<UserId>) -> Result<Vec<SummaryRow>, StoreError> {
        if page.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::<SummaryTypes>::new("SELECT ");
        push_summary(&mut statement, viewer);
        statement.sql(" FROM movies m WHERE ");
        push_any(&mut statement, "m.id", page.iter().map(|movie| movie.id).collect());
        let mut rows: Vec<SummaryRow> = self.fetch(statement).await?;
        rows.sort_unstable_by_key(|row| page.iter().position(|movie| movie.id == row.id.0));
        Ok(rows)
    }
}

/// Which part of a list is read. The list is sorted by popularity.
struct Cut {
    limit: u32,
    offset: usize,
    /// Only movies that come after this movie in the list.
    behind: Option<Ranked>,
    /// The movies to exclude.
    without: Vec<Uuid>,
}

impl Cut {
    /// The first `limit` rows.
    const fn of(limit: u32) -> Self {
        Self { limit, offset: 0, behind: None, without: Vec::new() }
    }
}

/// The conditions of the filter, in which the condition about the words of the search is replaced: the search must be
/// the complete name of the movie.
fn with_whole_name(filter: &MovieFilter, search: &Search) -> Vec<Condition> {
    let mut conditions = conditions(filter);
    for condition in &mut conditions {
        if matches!(condition, Condition::Words { .. }) {
            *condition = Condition::WholeName(search.name_key());
        }
    }
    conditions
}

/// Selects the movies that meet the conditions, most popular first, limited to the part `cut`. `access` determines how
/// the movies are found: by a scan in the order of the list, or with the index of a condition.
fn found_statement(
    conditions: &[Condition],
    order: &Keyset,
    cut: &Cut,
    access: Access,
) -> Result<Statement<FoundTypes>, StoreError> {
    let mut statement = Statement::<FoundTypes>::new(
        "SELECT m.id, m.name, m.popularity, s.people, m.description, m.year, m.poster_url, \
         m.poster_id, m.poster_width FROM (",
    );
    push_found(&mut statement, conditions, order, cut, access)?;
    statement.sql(") AS found JOIN movies m ON m.id = found.id JOIN movie_search s ON s.movie_id = m.id");
    order.push(&mut statement);
    Ok(statement)
}

fn push_found<ST>(
    statement: &mut Statement<ST>,
    conditions: &[Condition],
    order: &Keyset,
    cut: &Cut,
    access: Access,
) -> Result<(), StoreError> {
    let mut behind = Statement::<()>::new("");
    if let Some(last) = cut.behind {
        behind.sql(" AND ");
        let position = Position { values: vec![SortValue::Real(last.popularity)], id: last.id };
        order.push_behind(&mut behind, &position)?;
    }
    let push_without = |statement: &mut Statement<ST>| {
        if !cut.without.is_empty() {
            statement.sql(" AND NOT (");
            push_any(statement, "m.id", cut.without.clone());
            statement.sql(")");
        }
    };
    match access {
        Access::Walk { limit } => {
            statement.sql("SELECT m.id, m.popularity");
            let mut walk = Statement::new(" FROM movies m WHERE m.is_available");
            walk.append(&behind);
            order.push(&mut walk);
            if let Some(limit) = limit {
                walk.sql(format!(" LIMIT {limit}"));
            }
            push_walk(statement, conditions, &Statement::new(", m.popularity"), &walk);
            push_without(statement);
        }
        Access::Lookup { driver } => {
            // The query `hits` finds the movies without sorting them; the query after it sorts them. If `hits` sorted
            // them too, the planner would read all movies in this order, instead of using the index of the condition.
            statement.sql("WITH hits AS MATERIALIZED (SELECT m.id, m.popularity AS k0");
            push_matching(statement, conditions, Some(driver));
            statement.append(&behind);
            push_without(statement);
            statement.sql(") SELECT hits.id, hits.k0 AS popularity FROM hits");
            order.named("hits", "hits.id").push(statement);
        }
    }
    statement.sql(" LIMIT ").bind(i64::from(cut.limit));
    if cut.offset > 0 {
        statement.sql(" OFFSET ").bind(i64::try_from(cut.offset).map_err(StoreError::failed)?);
    }
    Ok(())
}

/// The stars and directors of these movies, each with the popularity of the most popular of these movies that has this
/// star or director.
fn people_statement(movies: &[Uuid]) -> Statement<PersonTypes> {
    let mut statement = Statement::new("SELECT FALSE, n.id, n.name, max(m.popularity) FROM movies m ");
    statement.sql("JOIN movie_stars l ON l.movie_id = m.id JOIN stars n ON n.id = l.star_id WHERE ");
    push_any(&mut statement, "m.id", movies.to_vec());
    statement.sql(
        " GROUP BY n.id, n.name UNION ALL SELECT TRUE, n.id, n.name, max(m.popularity) FROM movies m \
         JOIN movie_directors l ON l.movie_id = m.id JOIN directors n ON n.id = l.director_id WHERE ",
    );
    push_any(&mut statement, "m.id", movies.to_vec());
    statement.sql(" GROUP BY n.id, n.name");
    statement
}

#[async_trait]
impl SearchQueries for Database {
    async fn known_terms(&self, terms: &[SearchTerm]) -> Result<Vec<bool>, StoreError> {
        let mut statement = Statement::<(BigInt, Bool)>::new("");
        for (number, term) in (0_i64..).zip(terms) {
            statement.sql(if number == 0 { "SELECT " } else { " UNION ALL SELECT " }).sql(format!(
                "CAST({number} AS BIGINT), CASE WHEN EXISTS (SELECT 1 FROM search_vocabulary WHERE "
            ));
            push_any_text(&mut statement, "word", &term.whole);
            statement.sql(")");
            for begun in &term.begun {
                statement
                    .sql(" OR EXISTS (SELECT 1 FROM search_vocabulary WHERE word >= ")
                    .bind(begun.clone());
                statement.sql(" AND word < ").bind(behind_all(begun)).sql(")");
            }
            // The search index is also checked, because it has words that were indexed after the vocabulary was last
            // refreshed.
            statement.sql(" THEN TRUE ELSE ");
            push_words_exist(&mut statement, std::slice::from_ref(term));
            statement.sql(" END");
        }
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let _turn = self.cache().turn_to_search().await?;
        let mut rows: Vec<(i64, bool)> = self.fetch(statement).await?;
        rows.sort_unstable();
        Ok(rows.into_iter().map(|(_, is_known)| is_known).collect())
    }

    async fn similar_words(&self, word: &str) -> Result<Vec<KnownWord>, StoreError> {
        let Some(first) = word.chars().next() else { return Ok(Vec::new()) };
        let version = self.catalog_version().await?;
        if let Some(similar) = self.cache().searches().similar_words(word, version) {
            return Ok(similar.to_vec());
        }
        let shortest = word.chars().count().saturating_sub(allowed_mistakes(word));
        let others = spellings_without_first_letter(word);
        let mut statement =
            Statement::<(Text, BigInt)>::new("SELECT word, movies FROM search_vocabulary WHERE word >= ");
        statement.bind(first.to_string()).sql(" AND word < ").bind(behind_all(&first.to_string()));
        statement.sql(" AND length >= ").bind(i64::try_from(shortest).map_err(StoreError::failed)?);
        if !others.is_empty() {
            for column in ["word", "rest"] {
                statement.sql(" UNION SELECT word, movies FROM search_vocabulary WHERE ");
                push_any_text(&mut statement, column, &others);
            }
        }
        let _turn = self.cache().turn_to_search().await?;
        let rows: Vec<(String, i64)> = self.fetch(statement).await?;
        let similar: Vec<_> = rows.into_iter().map(|(word, movies)| KnownWord { word, movies }).collect();
        self.cache().searches().keep_similar_words(word, version, &similar);
        Ok(similar)
    }

    async fn finds_movies(&self, search: &Search) -> Result<bool, StoreError> {
        let filter = MovieFilter { search: Some(search.clone()), ..MovieFilter::default() };
        let (key, version) = (filter.key(), self.catalog_version().await?);
        if let Some(has_matches) = self.cache().searches().has_matches(&key, version) {
            return Ok(has_matches);
        }
        let _turn = self.cache().turn_to_search().await?;
        let has_matches = !self.most_popular(&conditions(&filter), &Cut::of(1)).await?.is_empty();
        self.cache().searches().keep_has_matches(key, version, has_matches);
        Ok(has_matches)
    }

    async fn suggestions(&self, search: &Search) -> Result<Vec<Suggestion>, StoreError> {
        if search.words().len() == 0 {
            return Ok(Vec::new());
        }
        let filter = MovieFilter { search: Some(search.clone()), ..MovieFilter::default() };
        let (key, version) = (filter.key(), self.catalog_version().await?);
        let recent = self.cache().searches();
        if let Some(suggestions) = recent.suggestions(&key, version) {
            return Ok(suggestions.to_vec());
        }
        let _turn = self.cache().turn_to_search().await?;
        // Another caller may have found the suggestions in the meantime.
        if let Some(suggestions) = recent.suggestions(&key, version) {
            return Ok(suggestions.to_vec());
        }
        let suggestions = best_suggestions(self.matching_names(&filter, search).await?);
        if self.catalog_version().await? == version {
            recent.keep_suggestions(key, version, suggestions.as_slice().into());
        }
        Ok(suggestions)
    }
}

impl Database {
    /// The movies and people whose names match the search. Considers only the most popular movies with a matching name,
    /// movies whose complete name equals the search text, and the people of the most popular movies with matching
    /// people.
    async fn matching_names(
        &self,
        filter: &MovieFilter,
        search: &Search,
    ) -> Result<Vec<Suggestion>, StoreError> {
        let by_name = conditions_with_words_in(filter, IndexPart::Name);
        let mut movies = self.most_popular(&by_name, &Cut::of(SUGGESTED_FROM)).await?;
        let by_whole_name = with_whole_name(filter, search);
        movies.extend(self.most_popular(&by_whole_name, &Cut::of(RANKED_BY_WHOLE_NAME)).await?);
        movies.sort_unstable_by_key(|movie| movie.id.0);
        movies.dedup_by_key(|movie| movie.id.0);
        let ranking = Ranking::of(search);
        let mut suggestions = Vec::new();
        for movie in movies {
            let Some(rank) = ranking.rank_of_name(&movie.name) else { continue };
            let Found { id, name, popularity, year, .. } = movie;
            let poster = stored_poster(movie.poster_url, movie.poster_id, movie.poster_width)?;
            let kind = SuggestionKind::Movie { year, poster };
            suggestions.push(Suggestion { kind, id: id.0, name, rank, popularity });
        }
        let by_people = conditions_with_words_in(filter, IndexPart::People);
        let found = self.most_popular(&by_people, &Cut::of(SUGGESTED_FROM)).await?;
        let found: Vec<Uuid> = found.into_iter().map(|movie| movie.id.0).collect();
        let mut people: Vec<PersonRow> = Vec::new();
        if !found.is_empty() {
            people = self.fetch(people_statement(&found)).await?;
        }
        let people = people.into_iter().filter_map(|(is_director, id, name, popularity)| {
            let rank = ranking.rank_of_name(&name)?;
            let kind = if is_director { SuggestionKind::Director } else { SuggestionKind::Star };
            Some(Suggestion { kind, id: id.0, name, rank, popularity })
        });
        suggestions.extend(people);
        Ok(suggestions)
    }
}
