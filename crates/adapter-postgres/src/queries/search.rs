//! Searching: the matches are found by the index, and the best of them are ranked by the domain's rules.

use std::cmp::Ordering;

use async_trait::async_trait;
use diesel::sql_types::{BigInt, Bool, Double, Integer, Nullable, Text};
use domain::{
    catalog::{
        Candidate, KnownWord, MovieFilter, MovieSort, MovieSummary, Search, SearchQueries, SearchTerm,
        Suggestion, SuggestionKind, allowed_mistakes, rank, rank_of_name, spellings_without_first_letter,
    },
    id::UserId,
    page::{Page, PageRequest, Position, SortValue, Start, Total},
    store::StoreError,
};
use uuid::Uuid;

use super::{
    movie_page::{Order, Reading, Titles, Words, push_matching, push_matching_words},
    movie_row::push_summary,
    movies::{ListRow, ListTypes},
};
use crate::{
    Database,
    dialect::{DbUuid, SqlId, push_any, push_any_text, push_indexed},
    statement::Statement,
};

/// How many of the most popular matches are ranked, and how many of those that match by their name.
const RANKED: u32 = 400;

/// How many movies whose name is the search are ranked, however unpopular they are.
const RANKED_BY_WHOLE_NAME: u32 = 100;

/// How many of the most popular movies that match are looked at for suggestions.
const SUGGESTED_FROM: u32 = 200;

/// A part of the search index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexPart {
    /// All of it.
    All,
    /// The names of movies.
    Name,
    /// The names of their people.
    People,
}

type MovieTypes = (SqlId, Text, Double, Integer, Nullable<Text>);
type MovieRow = (DbUuid, String, f64, i32, Option<String>);
type PersonTypes = (Bool, SqlId, Text, Double);
type PersonRow = (bool, DbUuid, String, f64);

type CandidateTypes = (SqlId, Text, Double, Text, Text);
type CandidateRow = (DbUuid, String, f64, String, String);

/// A match that was ranked.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ranked {
    rank: i64,
    popularity: f64,
    id: Uuid,
}

impl Ranked {
    /// The best first.
    fn order(&self, other: &Self) -> Ordering {
        let by_rank = other.rank.cmp(&self.rank);
        by_rank.then(other.popularity.total_cmp(&self.popularity)).then(other.id.cmp(&self.id))
    }

    fn position(&self) -> Position {
        let values = vec![SortValue::Integer(self.rank), SortValue::Real(self.popularity)];
        Position { values, id: self.id }
    }

    fn at(position: &Position) -> Result<Self, StoreError> {
        match position.values.as_slice() {
            [SortValue::Integer(rank), SortValue::Real(popularity)] => {
                Ok(Self { rank: *rank, popularity: *popularity, id: position.id })
            }
            _ => Err(StoreError::failed("a position of another sort")),
        }
    }
}

/// The matches that were ranked, the best first.
struct Matches {
    ranked: Vec<Ranked>,
    /// Whether there are no others.
    is_complete: bool,
}

impl Database {
    /// A page of the movies that a search finds, the best first: the ranked ones, and then the others by popularity, whose rank
    /// in positions is 0.
    pub(super) async fn page_by_relevance(
        &self,
        filter: &MovieFilter,
        search: &Search,
        request: &PageRequest,
        viewer: Option<UserId>,
    ) -> Result<Page<MovieSummary>, StoreError> {
        let matches = self.matches(filter, search).await?;
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
        if page.len() < wanted && !matches.is_complete {
            let offset = if behind.is_some() { 0 } else { skipped.saturating_sub(matches.ranked.len()) };
            let statement =
                others(filter, &matches.ranked, behind, wanted.saturating_sub(page.len()), offset)?;
            let rows: Vec<(DbUuid, f64)> = self.fetch(statement).await?;
            page.extend(rows.into_iter().map(|(id, popularity)| Ranked { rank: 0, popularity, id: id.0 }));
        }
        let has_more = page.len() > size;
        page.truncate(size);
        let rows = self.summaries(&page, viewer).await?;
        let total = match request.start() {
            Start::Number(_) if matches.is_complete => {
                let count = u64::try_from(matches.ranked.len()).map_err(StoreError::failed)?;
                Some(Total::from_capped_count(count))
            }
            Start::Number(_) => {
                let version = rows.first().map(|(_, version)| *version);
                Some(self.counted_total(filter, &Titles::of(filter), version).await?)
            }
            Start::After(_) => None,
        };
        let next = page.last().filter(|_| has_more).map(Ranked::position);
        let items = rows.into_iter().map(|(row, _)| row.into_summary(viewer)).collect::<Result<_, _>>()?;
        Ok(Page { items, next, total })
    }

    async fn matches(&self, filter: &MovieFilter, search: &Search) -> Result<Matches, StoreError> {
        if search.is_empty() {
            return Ok(Matches { ranked: Vec::new(), is_complete: true });
        }
        let mut statement = candidates(filter);
        if !self.cache().admits(&statement) {
            statement.forget();
        }
        let rows: Vec<CandidateRow> = self.fetch(statement).await?;
        let is_complete = u32::try_from(rows.len()).is_ok_and(|count| count <= RANKED);
        let mut ranked: Vec<Ranked> = rows
            .iter()
            .map(|(id, name, popularity, people, description)| {
                let candidate = Candidate { name, people, description };
                Ranked { rank: rank(search, candidate).number(), popularity: *popularity, id: id.0 }
            })
            .collect();
        ranked.sort_unstable_by(Ranked::order);
        Ok(Matches { ranked, is_complete })
    }

    /// What lists show of these movies, in this order. One that was removed meanwhile is left out.
    async fn summaries(&self, page: &[Ranked], viewer: Option<UserId>) -> Result<Vec<ListRow>, StoreError> {
        if page.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::<ListTypes>::new("SELECT ");
        push_summary(&mut statement, viewer);
        statement
            .sql(", (SELECT version FROM catalog_state) FROM movies m JOIN certifications c ON c.id = m.certification_id WHERE ");
        push_any(&mut statement, "m.id", page.iter().map(|movie| movie.id).collect());
        let mut rows: Vec<ListRow> = self.fetch(statement).await?;
        rows.sort_unstable_by_key(|(row, _)| page.iter().position(|movie| movie.id == row.id.0));
        Ok(rows)
    }
}

/// The matches that are ranked: the most popular, those with the most popular names, and those whose name is the search.
pub(super) fn candidates(filter: &MovieFilter) -> Statement<CandidateTypes> {
    let titles = Titles::of(filter);
    let order = Order::of(&[MovieSort::POPULAR]);
    let mut statement = Statement::new(
        "SELECT m.id, m.name, m.popularity, s.people, m.description FROM (SELECT id FROM (SELECT m.id",
    );
    push_matching(&mut statement, filter, &titles, Reading::Some);
    order.push(&mut statement);
    statement
        .sql(format!(" LIMIT {}) AS popular UNION SELECT id FROM (SELECT m.id", RANKED.saturating_add(1)));
    push_matching_words(&mut statement, filter, &titles, Reading::Some, Words::InName);
    order.push(&mut statement);
    statement.sql(format!(" LIMIT {RANKED}) AS by_name UNION SELECT id FROM (SELECT m.id"));
    push_matching_words(&mut statement, filter, &titles, Reading::Some, Words::WholeName);
    order.push(&mut statement);
    statement.sql(format!(
        " LIMIT {RANKED_BY_WHOLE_NAME}) AS by_whole_name) AS found JOIN movies m ON m.id = found.id \
         JOIN movie_search s ON s.movie_id = m.id"
    ));
    statement
}

/// The most popular movies whose names match, and those whose name is the search.
pub(super) fn suggested_movies(filter: &MovieFilter) -> Statement<MovieTypes> {
    let titles = Titles::of(filter);
    let order = Order::of(&[MovieSort::POPULAR]);
    let mut statement = Statement::new(
        "SELECT m.id, m.name, m.popularity, m.year, m.poster_url FROM (SELECT id FROM (SELECT m.id",
    );
    push_matching_words(&mut statement, filter, &titles, Reading::Some, Words::InName);
    order.push(&mut statement);
    statement.sql(format!(" LIMIT {SUGGESTED_FROM}) AS by_name UNION SELECT id FROM (SELECT m.id"));
    push_matching_words(&mut statement, filter, &titles, Reading::Some, Words::WholeName);
    order.push(&mut statement);
    statement.sql(format!(
        " LIMIT {RANKED_BY_WHOLE_NAME}) AS by_whole_name) AS found JOIN movies m ON m.id = found.id"
    ));
    statement
}

/// The people of the most popular movies whose people have the words, together or apart.
pub(super) fn suggested_people(filter: &MovieFilter) -> Statement<PersonTypes> {
    let mut statement = Statement::new("WITH found AS (SELECT m.id, m.popularity");
    push_matching_words(&mut statement, filter, &Titles::of(filter), Reading::Some, Words::InPeople);
    Order::of(&[MovieSort::POPULAR]).push(&mut statement);
    statement.sql(format!(
        " LIMIT {SUGGESTED_FROM}) SELECT FALSE, n.id, n.name, max(found.popularity) FROM found \
         JOIN movie_stars l ON l.movie_id = found.id JOIN stars n ON n.id = l.star_id GROUP BY n.id, n.name \
         UNION ALL SELECT TRUE, n.id, n.name, max(found.popularity) FROM found \
         JOIN movie_directors l ON l.movie_id = found.id JOIN directors n ON n.id = l.director_id \
         GROUP BY n.id, n.name"
    ));
    statement
}

/// The matches that were not ranked, by popularity.
fn others(
    filter: &MovieFilter,
    ranked: &[Ranked],
    behind: Option<Ranked>,
    limit: usize,
    offset: usize,
) -> Result<Statement<(SqlId, Double)>, StoreError> {
    let order = Order::of(&[MovieSort::POPULAR]);
    let mut statement = Statement::new("SELECT m.id, m.popularity");
    push_matching(&mut statement, filter, &Titles::of(filter), Reading::Some);
    statement.sql(" AND NOT (");
    push_any(&mut statement, "m.id", ranked.iter().map(|movie| movie.id).collect());
    statement.sql(")");
    if let Some(last) = behind {
        statement.sql(" AND ");
        let position = Position { values: vec![SortValue::Real(last.popularity)], id: last.id };
        order.push_behind(&mut statement, &position)?;
    }
    order.push(&mut statement);
    statement.sql(" LIMIT ").bind(i64::try_from(limit).map_err(StoreError::failed)?);
    statement.sql(" OFFSET ").bind(i64::try_from(offset).map_err(StoreError::failed)?);
    Ok(statement)
}

/// The text behind all that begin with this one.
fn behind_all(text: &str) -> String {
    format!("{text}{}", char::MAX)
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
            // What was indexed since the vocabulary was made.
            statement.sql(" THEN TRUE ELSE EXISTS (SELECT 1 FROM movies m WHERE ");
            push_indexed(&mut statement, std::slice::from_ref(term), IndexPart::All);
            statement.sql(") END");
        }
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows: Vec<(i64, bool)> = self.fetch(statement).await?;
        rows.sort_unstable();
        Ok(rows.into_iter().map(|(_, is_known)| is_known).collect())
    }

    async fn similar_words(&self, word: &str) -> Result<Vec<KnownWord>, StoreError> {
        let Some(first) = word.chars().next() else { return Ok(Vec::new()) };
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
        let rows: Vec<(String, i64)> = self.fetch(statement).await?;
        Ok(rows.into_iter().map(|(word, movies)| KnownWord { word, movies }).collect())
    }

    async fn finds_movies(&self, search: &Search) -> Result<bool, StoreError> {
        let filter = MovieFilter { search: Some(search.clone()), ..MovieFilter::default() };
        let mut statement = Statement::<(Bool,)>::new("SELECT EXISTS (SELECT 1");
        push_matching(&mut statement, &filter, &Titles::of(&filter), Reading::All);
        statement.sql(")");
        let rows: Vec<(bool,)> = self.fetch(statement).await?;
        Ok(rows == [(true,)])
    }

    async fn suggestions(&self, search: &Search) -> Result<Vec<Suggestion>, StoreError> {
        if search.words().len() == 0 {
            return Ok(Vec::new());
        }
        let filter = MovieFilter { search: Some(search.clone()), ..MovieFilter::default() };
        let movies: Vec<MovieRow> = self.fetch(suggested_movies(&filter)).await?;
        let movies = movies.into_iter().filter_map(|(id, name, popularity, year, poster_url)| {
            let rank = rank_of_name(search, &name)?;
            let kind = SuggestionKind::Movie { year, poster_url };
            Some(Suggestion { kind, id: id.0, name, rank, popularity })
        });
        let people: Vec<PersonRow> = self.fetch(suggested_people(&filter)).await?;
        let people = people.into_iter().filter_map(|(is_director, id, name, popularity)| {
            let rank = rank_of_name(search, &name)?;
            let kind = if is_director { SuggestionKind::Director } else { SuggestionKind::Star };
            Some(Suggestion { kind, id: id.0, name, rank, popularity })
        });
        Ok(movies.chain(people).collect())
    }
}
