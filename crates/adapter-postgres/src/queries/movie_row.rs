use diesel::{
    Queryable,
    sql_types::{BigInt, Bool, Double, Integer, Nullable, SmallInt, Text},
};
use domain::{
    catalog::{MovieDetail, MovieSummary, Named, PersonalView, RatingSummary, rating_rank},
    id::{Id, Kind, MovieId, UserId},
    library::LibraryItem,
    money::Money,
    store::StoreError,
};
use uuid::Uuid;

use crate::{
    dialect::{DbInstant, DbUuid, NAMED_PAIRS, SqlId, SqlInstant},
    queries::facts_cache::MovieFacts,
    repositories::reaction_named,
    statement::Statement,
};

/// The SQL types of [`SummaryRow`].
pub(super) type SummaryTypes = (
    BigInt,
    SqlId,
    Text,
    Integer,
    Double,
    BigInt,
    BigInt,
    Text,
    Double,
    BigInt,
    BigInt,
    BigInt,
    BigInt,
    SqlInstant,
    ViewerTypes,
);

/// The SQL types of [`ViewerRow`].
type ViewerTypes =
    (Bool, Nullable<SqlInstant>, Bool, Nullable<SqlInstant>, Nullable<Text>, Nullable<SmallInt>);

/// The relation of the viewer to a movie: in the cart, bought, marked as a favourite, reacted to, or rated. Revoked
/// purchases are ignored.
#[derive(Queryable)]
pub(super) struct ViewerRow {
    in_cart: bool,
    pub(super) purchased_at: Option<DbInstant>,
    is_suspended: bool,
    pub(super) favorite_since: Option<DbInstant>,
    reaction: Option<String>,
    score: Option<i16>,
}

/// What a statement reads of each movie in a list: the columns that the list can be sorted by, the counters, and the
/// relation of the viewer. The other columns that a list shows are [`MovieFacts`], which are cached.
#[derive(Queryable)]
pub(super) struct SummaryRow {
    /// The version of the catalogue at which the row was read.
    pub(super) catalog_version: i64,
    pub(super) id: DbUuid,
    pub(super) sort_key: String,
    pub(super) year: i32,
    pub(super) imdb: f64,
    pub(super) votes: i64,
    pub(super) price_minor: i64,
    price_currency: String,
    pub(super) popularity: f64,
    rating_sum: i64,
    rating_count: i64,
    likes: i64,
    dislikes: i64,
    pub(super) created_at: DbInstant,
    pub(super) viewer: ViewerRow,
}

/// A movie, and the number of matches if all of them were read.
pub(super) type ListTypes = (SummaryTypes, Nullable<BigInt>);
pub(super) type ListRow = (SummaryRow, Option<i64>);

/// The SQL types of [`DetailRow`].
pub(super) type DetailTypes = (
    Nullable<Double>,
    Nullable<BigInt>,
    Text,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<BigInt>,
    Nullable<Text>,
    BigInt,
    Bool,
    BigInt,
    SqlInstant,
);

/// The details of a movie that [`SummaryRow`] does not have.
#[derive(Queryable)]
pub(super) struct DetailRow {
    meta_score: Option<f64>,
    gross: Option<i64>,
    description: String,
    directors: Option<String>,
    stars: Option<String>,
    trailer_url: Option<String>,
    imdb_id: Option<String>,
    tmdb_id: Option<i64>,
    sort_name: Option<String>,
    comments_count: i64,
    is_available: bool,
    version: i64,
    updated_at: DbInstant,
}

/// Appends the columns of [`SummaryRow`] to a `SELECT` from `movies m`.
pub(super) fn push_summary<ST>(statement: &mut Statement<ST>, viewer: Option<UserId>) {
    statement.sql(
        "(SELECT version FROM catalog_state), m.id, m.sort_key, m.year, m.imdb, m.votes, m.price_minor, m.price_currency, \
         m.popularity, m.rating_sum, m.rating_count, m.likes, m.dislikes, m.created_at, ",
    );
    match viewer {
        Some(viewer) => push_viewer(statement, viewer),
        None => {
            statement.sql("FALSE, NULL, FALSE, NULL, CAST(NULL AS TEXT), CAST(NULL AS SMALLINT)");
        }
    }
}

/// Appends the columns of [`ViewerRow`].
fn push_viewer<ST>(statement: &mut Statement<ST>, viewer: UserId) {
    let carts = "carts JOIN cart_items ON cart_items.cart_id = carts.id WHERE ";
    let purchases = "purchases WHERE revoked_at IS NULL AND ";
    let columns = [
        ("1", carts, " IS NOT NULL, "),
        ("purchased_at", purchases, ", "),
        ("suspended_at", purchases, " IS NOT NULL, "),
        ("added_at", "favorites WHERE ", ", "),
        ("value", "movie_reactions WHERE ", ", "),
        ("score", "movie_ratings WHERE ", ""),
    ];
    for (column, rows, end) in columns {
        // Most users have no rows in most of these tables. The first subquery, which does not depend on the movie, is
        // executed once, and the second one only if the user has rows.
        statement.sql(format!("(CASE WHEN EXISTS (SELECT 1 FROM {rows}user_id = "));
        statement.bind(viewer.as_uuid());
        statement.sql(format!(") THEN (SELECT {column} FROM {rows}movie_id = m.id AND user_id = "));
        statement.bind(viewer.as_uuid()).sql(") END)").sql(end);
    }
}

/// Appends the columns of [`DetailRow`] to a `SELECT` from `movies m`.
pub(super) fn push_detail<ST>(statement: &mut Statement<ST>) {
    statement
        .sql("m.meta_score, m.gross, m.description, ")
        .sql(named("movie_directors", "director_id", "directors"))
        .sql(", ")
        .sql(named("movie_stars", "star_id", "stars"))
        .sql(", m.trailer_url, m.imdb_id, m.tmdb_id, m.sort_name, m.comments_count, m.is_available, m.version, m.updated_at");
}

impl SummaryRow {
    /// Converts the row and the facts of the movie to the summary that the viewer sees.
    pub(super) fn into_summary(
        self,
        facts: &MovieFacts,
        viewer: Option<UserId>,
    ) -> Result<MovieSummary, StoreError> {
        let currency = self.price_currency.parse().map_err(StoreError::failed)?;
        Ok(MovieSummary {
            id: MovieId::from_uuid(self.id.0),
            rating: RatingSummary::of(self.rating_sum, self.rating_count),
            name: facts.name.clone(),
            year: self.year,
            duration_minutes: facts.duration_minutes,
            imdb: self.imdb,
            votes: self.votes,
            price: Money::from_minor(self.price_minor, currency),
            certification: facts.certification.clone(),
            genres: facts.genres.clone(),
            poster: facts.poster.clone(),
            likes: self.likes,
            dislikes: self.dislikes,
            me: viewer.map(|_| self.viewer.into_view()).transpose()?,
        })
    }

    /// Whether the viewer has a purchase of the movie that was not revoked.
    pub(super) const fn is_bought(&self) -> bool {
        self.viewer.purchased_at.is_some()
    }

    /// Converts the row to an item of the owner's library. Fails if the owner has not bought the movie.
    pub(super) fn into_library_item(
        self,
        facts: &MovieFacts,
        owner: UserId,
    ) -> Result<LibraryItem, StoreError> {
        let purchased_at = self.viewer.purchased_at.as_ref().map(|at| at.0);
        let purchased_at =
            purchased_at.ok_or_else(|| StoreError::failed("a movie in a library was not bought"))?;
        let is_suspended = self.viewer.is_suspended;
        Ok(LibraryItem { movie: self.into_summary(facts, Some(owner))?, purchased_at, is_suspended })
    }

    /// The value by which the movie is sorted by rating, as the database index computes it; `None` without ratings.
    pub(super) fn rating_rank(&self) -> Option<f64> {
        rating_rank(self.rating_sum, self.rating_count)
    }
}

impl ViewerRow {
    fn into_view(self) -> Result<PersonalView, StoreError> {
        Ok(PersonalView {
            reaction: self.reaction.as_deref().map(reaction_named).transpose()?,
            rating: self.score,
            favorite: self.favorite_since.is_some(),
            in_cart: self.in_cart,
            purchased: self.purchased_at.is_some(),
        })
    }
}

impl DetailRow {
    /// Converts this row, `summary` (the other row of the same movie) and the facts of the movie to the details that
    /// the viewer sees.
    pub(super) fn into_detail(
        self,
        summary: SummaryRow,
        facts: &MovieFacts,
        viewer: Option<UserId>,
    ) -> Result<MovieDetail, StoreError> {
        Ok(MovieDetail {
            meta_score: self.meta_score,
            gross: self.gross,
            description: self.description,
            directors: read_named(self.directors.as_deref())?,
            stars: read_named(self.stars.as_deref())?,
            trailer_url: self.trailer_url,
            imdb_id: self.imdb_id,
            tmdb_id: self.tmdb_id,
            sort_name: self.sort_name,
            comments_count: self.comments_count,
            is_available: self.is_available,
            version: self.version,
            created_at: summary.created_at.0,
            updated_at: self.updated_at.0,
            summary: summary.into_summary(facts, viewer)?,
        })
    }
}

/// The column with the names that are linked to the movie `m`, for [`read_named`].
pub(super) fn named(links: &str, column: &str, names: &str) -> String {
    format!(
        "(SELECT {NAMED_PAIRS} FROM {links} l JOIN {names} n ON n.id = l.{column} WHERE l.movie_id = m.id)"
    )
}

/// Parses a value of the column of [`named`].
pub(super) fn read_named<K: Kind>(json: Option<&str>) -> Result<Vec<Named<K>>, StoreError> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let pairs: Vec<(&str, String)> = serde_json::from_str(json).map_err(StoreError::failed)?;
    pairs
        .into_iter()
        .map(|(id, name)| {
            let id = Uuid::parse_str(id).map_err(StoreError::failed)?;
            Ok(Named { id: Id::from_uuid(id), name })
        })
        .collect()
}
