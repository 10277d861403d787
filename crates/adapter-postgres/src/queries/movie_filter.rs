//! The conditions of a filter of movies: how each is checked, looked up in its index, and counted.

use domain::{
    catalog::{MovieFilter, Range, Search, SearchTerm},
    id::{Id, Kind},
    money::Money,
};
use uuid::Uuid;

use crate::{
    dialect::{
        Bind, FOUND_MOVIE, UNINDEXED, push_any, push_any_text, push_capped_matches, push_capped_words,
        push_contains, push_movies_linked_to, push_movies_with_title, push_movies_with_words,
        push_sampled_titles, push_sampled_words, push_title_size, push_words_check,
    },
    filter_bits::{Mask, push_masks},
    index_part::IndexPart,
    repositories::LINKS_WITH_BITS,
    statement::Statement,
};

/// The size of a sample of the movies, in percent.
const SAMPLED_PERCENT: u32 = 2;
/// If the catalogue has at least this number of movies, a sample is taken before the matches of words or of a title are
/// counted.
pub(super) const SAMPLED_FROM: u64 = 200_000;
/// If a sample contains this number of matches, there are almost certainly more matches than the largest exact total
/// (`domain::page::NUMBERED_ITEMS`, 10,000), because 400 matches in 2 % of the movies suggest 20,000.
pub(super) const CERTAIN_IN_SAMPLE: u64 = 400;

/// The columns of a movie that [`Condition::push_check`] needs for the movies of a walk (a scan in the order of the
/// list).
const CHECKED_COLUMNS: &str = "m.id, m.name_key, m.year, m.imdb, m.price_minor, m.duration_minutes, m.certification_id, m.rating_sum, m.rating_count";

/// The time of the purchase; available only if [`Condition::Bought`] looks up the movies.
pub(super) const PURCHASED_AT: &str = "h.purchased_at";

/// A condition whose movies can be found with an index.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    /// One of these movies.
    Ids(Vec<Uuid>),
    /// Bought by this user, on sale or not. A filter with this condition always uses its index: see [`only_driver`].
    Bought(Uuid),
    /// The column, whose values are unique, has this value.
    Unique { column: &'static str, value: Bind },
    /// Withdrawn from sale. All other conditions except [`Condition::Bought`] select only movies on sale.
    Withdrawn,
    /// A favourite of this user.
    Favorite(Uuid),
    /// The folded title contains this text.
    Title(String),
    /// The movie has all of these terms in this part of the search index.
    Words { terms: Vec<SearchTerm>, part: IndexPart },
    /// The movie's complete name, as its key in the search index (`IndexEntry::name_key`), equals this key.
    WholeName(String),
    /// No movie matches.
    Never,
    /// Linked to any of these names (genres, directors or stars).
    Linked { table: &'static str, column: &'static str, names: Vec<Uuid> },
    /// Of any of these certifications.
    Certification(Vec<Uuid>),
    /// The column's value is between these bounds, both inclusive.
    Between { column: &'static str, min: Option<Bind>, max: Option<Bind> },
}

/// The conditions of a filter. The conditions that are cheap to check come first.
pub(super) fn conditions(filter: &MovieFilter) -> Vec<Condition> {
    conditions_with_words_in(filter, IndexPart::All)
}

/// The conditions of a filter. The words of its search are looked up in this part of the search index.
pub(super) fn conditions_with_words_in(filter: &MovieFilter, part: IndexPart) -> Vec<Condition> {
    let search = filter.search.as_ref();
    let terms = search.map(Search::distinct_terms).unwrap_or_default();
    let year = search.and_then(Search::year);
    let linked = |table, column, names| Condition::Linked { table, column, names };
    let all = [
        search.filter(|search| search.is_empty()).map(|_| Condition::Never),
        between("m.year", filter.year, i64::from),
        between("m.year", Range { min: year, max: year }, i64::from),
        between("m.imdb", filter.imdb, std::convert::identity),
        between("m.price_minor", filter.price, Money::minor),
        between("m.duration_minutes", filter.duration, i64::from),
        uuids(&filter.certifications).map(Condition::Certification),
        uuids(&filter.ids).map(Condition::Ids),
        filter.bought_by.map(|user_id| Condition::Bought(user_id.as_uuid())),
        filter.imdb_id.clone().map(|id| unique("m.imdb_id", id)),
        filter.tmdb_id.map(|id| unique("m.tmdb_id", id)),
        filter.is_withdrawn().then_some(Condition::Withdrawn),
        filter.favorites_of.map(|user_id| Condition::Favorite(user_id.as_uuid())),
        filter.folded_title().map(Condition::Title),
        (!terms.is_empty()).then_some(Condition::Words { terms, part }),
        uuids(&filter.genres).map(|names| linked("movie_genres", "genre_id", names)),
        uuids(&filter.directors).map(|names| linked("movie_directors", "director_id", names)),
        uuids(&filter.stars).map(|names| linked("movie_stars", "star_id", names)),
    ];
    all.into_iter().flatten().collect()
}

fn unique(column: &'static str, value: impl Into<Bind>) -> Condition {
    Condition::Unique { column, value: value.into() }
}

/// The position of the condition whose index is used in any case, because it finds few movies, or because no other
/// index contains its movies. `None` if there is no such condition.
pub(super) fn only_driver(conditions: &[Condition]) -> Option<usize> {
    let position = |is_wanted: fn(&Condition) -> bool| conditions.iter().position(is_wanted);
    position(|condition| matches!(condition, Condition::Bought(_)))
        .or_else(|| position(|condition| matches!(condition, Condition::Withdrawn)))
        .or_else(|| position(|condition| matches!(condition, Condition::Unique { .. } | Condition::Ids(_))))
        .or_else(|| position(|condition| matches!(condition, Condition::Favorite(_))))
}

fn between<T: Copy, B: Into<Bind>>(
    column: &'static str,
    range: Range<T>,
    bind: impl Fn(T) -> B,
) -> Option<Condition> {
    let (min, max) = (range.min.map(|min| bind(min).into()), range.max.map(|max| bind(max).into()));
    (min.is_some() || max.is_some()).then_some(Condition::Between { column, min, max })
}

fn uuids<K: Kind>(ids: &[Id<K>]) -> Option<Vec<Uuid>> {
    (!ids.is_empty()).then(|| ids.iter().map(Id::as_uuid).collect())
}

impl Condition {
    /// The filter bits of movies that meet the condition, or `None` if it cannot be checked by filter bits; see
    /// [`filter_bits`](crate::filter_bits).
    fn mask(&self) -> Option<Mask> {
        match self {
            Self::Linked { table, names, .. } if *table == LINKS_WITH_BITS => Mask::of_genres(names),
            Self::Certification(ids) => Mask::of_certifications(ids),
            Self::Between {
                column: "m.year",
                min: Some(Bind::Integer(min)),
                max: Some(Bind::Integer(max)),
            } => Mask::of_years(*min, *max),
            _ => None,
        }
    }

    /// Whether the condition can be checked by filter bits.
    pub(super) fn has_mask(&self) -> bool {
        self.mask().is_some()
    }

    /// Adds the condition so that each movie is checked separately, without an index of movies.
    fn push_check<ST>(&self, statement: &mut Statement<ST>) {
        match self {
            Self::Ids(ids) => {
                statement.sql(UNINDEXED);
                push_any(statement, "m.id", ids.clone());
            }
            Self::Bought(user_id) => {
                statement
                    .sql("EXISTS (SELECT 1 FROM purchases WHERE movie_id = m.id AND revoked_at IS NULL AND user_id = ")
                    .bind(*user_id)
                    .sql(")");
            }
            Self::Unique { column, value } => {
                statement.sql(UNINDEXED).sql(*column).sql(" = ").bind(value.clone());
            }
            Self::Withdrawn => {
                statement.sql("NOT m.is_available");
            }
            Self::Favorite(user_id) => {
                statement
                    .sql("(SELECT 1 FROM favorites WHERE movie_id = m.id AND user_id = ")
                    .bind(*user_id)
                    .sql(") IS NOT NULL");
            }
            Self::Title(text) => push_contains(statement, "m.name_key", text),
            Self::Words { terms, part } => push_words_check(statement, terms, *part),
            Self::WholeName(key) => {
                statement.sql("(SELECT 1 FROM movie_search WHERE movie_id = m.id AND name_key = ");
                statement.bind(key.clone()).sql(" LIMIT 1) IS NOT NULL");
            }
            Self::Never => {
                statement.sql("FALSE");
            }
            Self::Linked { table, column, names } => {
                // A limited scalar subquery is not converted into a join, which would read all links of the names.
                statement.sql(format!("(SELECT 1 FROM {table} WHERE movie_id = m.id AND {UNINDEXED}"));
                push_any(statement, column, names.clone());
                statement.sql(" LIMIT 1) IS NOT NULL");
            }
            Self::Certification(ids) => {
                statement.sql(UNINDEXED);
                push_any(statement, "m.certification_id", ids.clone());
            }
            Self::Between { column, min, max } => {
                push_bounds(statement, UNINDEXED, column, min.as_ref(), max.as_ref());
            }
        }
    }

    /// Whether the lookup of the condition stops as soon as enough movies are found. A lookup of words or of a title
    /// can read all matches first. A lookup of several names reads all matches first, to remove duplicates.
    pub(super) const fn is_lookup_incremental(&self) -> bool {
        match self {
            Self::Linked { names, .. } => names.len() < 2,
            Self::Words { .. } | Self::Title(_) => false,
            _ => true,
        }
    }

    /// Adds `FROM … m WHERE …` for the movies that the condition's index finds. Only movies on sale are found, except
    /// for [`Condition::Withdrawn`] and [`Condition::Bought`]. For [`Condition::Bought`], [`PURCHASED_AT`] is
    /// available. If the index contains the filter bits, only movies whose bits match all masks are found.
    fn push_lookup<ST>(&self, statement: &mut Statement<ST>, masks: &[Mask]) {
        match self {
            Self::Linked { table, column, names } => {
                let masks = if *table == LINKS_WITH_BITS { masks } else { &[] };
                push_movies_linked_to(statement, table, column, names.clone(), masks);
                statement.sql(" WHERE m.is_available");
                return;
            }
            Self::Certification(_) | Self::Between { .. } if !masks.is_empty() => {
                // The subquery reads only the index. The index of certifications is not limited to movies on sale and
                // does not have the column `is_available`, so this column is checked only outside the subquery.
                statement.sql(" FROM (SELECT m.id AS movie_id FROM movies m WHERE ");
                if matches!(self, Self::Between { .. }) {
                    statement.sql("m.is_available AND ");
                }
                self.push_indexed(statement);
                push_masks(statement, "m", masks);
                statement.sql(") AS found").sql(FOUND_MOVIE).sql(" WHERE m.is_available");
                return;
            }
            Self::Bought(user_id) => {
                statement
                    .sql(
                        " FROM purchases h JOIN movies m ON m.id = h.movie_id \
                         WHERE h.revoked_at IS NULL AND h.user_id = ",
                    )
                    .bind(*user_id);
                return;
            }
            Self::Withdrawn => {
                statement.sql(" FROM movies m WHERE NOT m.is_available");
                return;
            }
            Self::Favorite(user_id) => {
                statement
                    .sql(" FROM favorites f JOIN movies m ON m.id = f.movie_id WHERE m.is_available AND f.user_id = ")
                    .bind(*user_id);
                return;
            }
            Self::Words { terms, part } => {
                push_movies_with_words(statement, terms, *part);
                statement.sql(" WHERE m.is_available");
                return;
            }
            Self::WholeName(key) => {
                statement.sql(" FROM (SELECT movie_id FROM movie_search WHERE name_key = ").bind(key.clone());
                statement.sql(") AS found JOIN movies m ON m.id = found.movie_id WHERE m.is_available");
                return;
            }
            Self::Title(text) => {
                push_movies_with_title(statement, text);
                return;
            }
            _ => {}
        }
        statement.sql(" FROM movies m WHERE m.is_available AND ");
        self.push_indexed(statement);
    }

    /// Adds `FROM … m WHERE …` for the movies on sale that are linked to one name, as a join for which PostgreSQL
    /// chooses the plan: with many movies, a hash join is faster than reading them one by one. SQLite executes a cross
    /// join in the order in which it is written. Returns `false` for other conditions, and adds nothing.
    pub(super) fn push_join<ST>(&self, statement: &mut Statement<ST>) -> bool {
        match self {
            Self::Linked { table, column, names } if names.len() == 1 => {
                statement.sql(format!(
                    " FROM {table} l CROSS JOIN movies m WHERE m.id = l.movie_id AND m.is_available AND "
                ));
                push_any(statement, column, names.clone());
                true
            }
            _ => false,
        }
    }

    /// Adds the condition in a form that lets the database use an index. Adds nothing for [`Condition::Withdrawn`] and
    /// [`Condition::Title`], and for conditions on other tables than `movies`.
    fn push_indexed<ST>(&self, statement: &mut Statement<ST>) {
        match self {
            Self::Linked { .. }
            | Self::Bought(_)
            | Self::Withdrawn
            | Self::Favorite(_)
            | Self::Title(_)
            | Self::Words { .. }
            | Self::WholeName(_) => {}
            Self::Unique { column, value } => {
                statement.sql(*column).sql(" = ").bind(value.clone());
            }
            Self::Never => {
                statement.sql("FALSE");
            }
            Self::Ids(ids) => push_any(statement, "m.id", ids.clone()),
            Self::Certification(ids) => push_any(statement, "m.certification_id", ids.clone()),
            Self::Between { column, min, max } => {
                push_bounds(statement, "", column, min.as_ref(), max.as_ref());
            }
        }
    }

    /// Adds `FROM … m WHERE …` for the movies that meet the condition in a random sample of all movies. Returns `false`
    /// for conditions without words and title, and if a sample is not cheaper than a count on this database.
    pub(super) fn push_sample<ST>(&self, statement: &mut Statement<ST>) -> bool {
        match self {
            Self::Words { terms, part } => push_sampled_words(statement, terms, *part, SAMPLED_PERCENT),
            Self::Title(text) => push_sampled_titles(statement, text, SAMPLED_PERCENT),
            _ => false,
        }
    }

    /// Adds the number of movies that meet the condition, counted up to a maximum or estimated; 0 for a whole name, so
    /// that its index is used, and for [`Condition::Never`]. Returns `false` for the conditions of
    /// [`only_driver`], which need no count.
    pub(super) fn push_size<ST>(&self, statement: &mut Statement<ST>, cap: u32) -> bool {
        match self {
            Self::Words { terms, part } => {
                if !push_capped_words(statement, terms, *part, cap) {
                    push_estimate(statement, terms);
                }
                return true;
            }
            Self::Title(text) => {
                push_title_size(statement, text, cap, SAMPLED_PERCENT);
                return true;
            }
            Self::WholeName(_) | Self::Never => {
                statement.sql("0");
                return true;
            }
            _ => {}
        }
        let mut rows = Statement::<ST>::new("");
        let is_counted = self.push_capped(&mut rows, cap);
        if is_counted {
            statement.sql("(SELECT count(*) FROM (").append(&rows).sql(") AS counted)");
        }
        is_counted
    }

    /// Adds a `SELECT 1` of at most `cap` rows of the condition's index. Returns `false`, and adds nothing, for
    /// conditions that are not counted in this way.
    fn push_capped<ST>(&self, statement: &mut Statement<ST>, cap: u32) -> bool {
        match self {
            Self::Ids(_)
            | Self::Bought(_)
            | Self::Unique { .. }
            | Self::Withdrawn
            | Self::Favorite(_)
            | Self::Title(_)
            | Self::Words { .. }
            | Self::WholeName(_)
            | Self::Never => return false,
            Self::Linked { table, column, names } => {
                push_capped_matches(statement, table, column, "movie_id", names.clone(), cap);
            }
            Self::Certification(ids) => {
                push_capped_matches(statement, "movies", "certification_id", "id", ids.clone(), cap);
            }
            Self::Between { column, min, max } => {
                statement.sql("SELECT 1 FROM movies m WHERE m.is_available AND ");
                push_bounds(statement, "", column, min.as_ref(), max.as_ref());
                // Without the `ORDER BY`, which is the order of the index, a planner that expects many rows may read
                // the table.
                statement.sql(format!(" ORDER BY {column} LIMIT {cap}"));
            }
        }
        true
    }
}

/// Adds an upper bound of the number of movies that have all terms: for each term, the movie counts of its words in
/// the vocabulary are added up, and the smallest sum is the bound.
fn push_estimate<ST>(statement: &mut Statement<ST>, terms: &[SearchTerm]) {
    statement.sql("(SELECT CAST(min(size) AS BIGINT) FROM (");
    for (position, term) in terms.iter().enumerate() {
        statement.sql(if position == 0 { "SELECT" } else { " UNION ALL SELECT" });
        statement.sql(" coalesce((SELECT sum(movies) FROM search_vocabulary WHERE ");
        push_any_text(statement, "word", &term.whole);
        statement.sql("), 0)");
        for begun in &term.begun {
            statement.sql(" + coalesce((SELECT sum(movies) FROM search_vocabulary WHERE word > ");
            statement.bind(begun.clone()).sql(" AND word < ").bind(behind_all(begun)).sql("), 0)");
        }
        statement.sql(" AS size");
    }
    statement.sql(") AS terms)");
}

/// A text that is greater than all words that begin with `text`.
pub(super) fn behind_all(text: &str) -> String {
    format!("{text}{}", char::MAX)
}

fn push_bounds<ST>(
    statement: &mut Statement<ST>,
    prefix: &'static str,
    column: &'static str,
    min: Option<&Bind>,
    max: Option<&Bind>,
) {
    if let Some(min) = min {
        statement.sql(prefix).sql(column).sql(" >= ").bind(min.clone());
    }
    if min.is_some() && max.is_some() {
        statement.sql(" AND ");
    }
    if let Some(max) = max {
        statement.sql(prefix).sql(column).sql(" <= ").bind(max.clone());
    }
}

/// Adds ` AND …` for each condition except the one at `driver`. Each movie is checked separately.
pub(super) fn push_checks<ST>(
    statement: &mut Statement<ST>,
    conditions: &[Condition],
    driver: Option<usize>,
) {
    for (position, condition) in conditions.iter().enumerate() {
        if Some(position) != driver {
            statement.sql(" AND ");
            condition.push_check(statement);
        }
    }
}

/// Adds `FROM … m WHERE …` for the movies that meet all conditions, found with the index of the condition at
/// `driver`. Without a driver, all movies on sale are checked.
pub(super) fn push_matching<ST>(
    statement: &mut Statement<ST>,
    conditions: &[Condition],
    driver: Option<usize>,
) {
    match driver.and_then(|driver| conditions.get(driver)) {
        Some(condition) => condition.push_lookup(statement, &masks(conditions, driver)),
        None => {
            statement.sql(" FROM movies m WHERE m.is_available");
        }
    }
    push_checks(statement, conditions, driver);
}

/// The masks of the conditions except the one at `driver`.
fn masks(conditions: &[Condition], driver: Option<usize>) -> Vec<Mask> {
    let others = conditions.iter().enumerate().filter(|(position, _)| Some(*position) != driver);
    others.filter_map(|(_, condition)| condition.mask()).collect()
}

/// Adds `FROM … WHERE …` for the movies `m`, among the rows of `walk`, that meet all conditions, in the order of the
/// rows. `walk` is `FROM movies m …` with an order and a limit; `keys` are further columns of its rows.
///
/// If any condition has a mask, the walk reads only the index that has the sort order of `walk`; after that, only
/// those movies are read whose filter bits match all masks.
pub(super) fn push_walk<ST>(
    statement: &mut Statement<ST>,
    conditions: &[Condition],
    keys: &Statement,
    walk: &Statement,
) {
    let masks = masks(conditions, None);
    if masks.is_empty() {
        statement
            .sql(" FROM (SELECT ")
            .sql(CHECKED_COLUMNS)
            .append(keys)
            .append(walk)
            .sql(") AS m WHERE TRUE");
    } else {
        statement.sql(" FROM (SELECT m.id AS movie_id, m.filter_bits").append(keys).append(walk);
        statement.sql(") AS found").sql(FOUND_MOVIE).sql(" WHERE TRUE");
        push_masks(statement, "found", &masks);
    }
    push_checks(statement, conditions, None);
}
