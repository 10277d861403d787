//! The parameters of lists of movies: the catalogue, the library and the favourites.

use app::catalog::{BrowseError, BrowseMovies};
use domain::{
    catalog::{
        FactFault, FavoriteSortKey, LibrarySortKey, MovieFilter, MovieSort, MovieSortKey, Range, Search,
        is_imdb_id,
    },
    id::{CertificationId, DirectorId, GenreId, Id, Kind, MovieId, StarId},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{
    extract::{Amount, Fault, Faults, Input, Sorts, Text, amount},
    page::PageParams,
    problem::FieldCode,
    rules::Rules,
};

/// The maximum length of a search and of a part of a title, in characters.
const MAX_TEXT: usize = 250;
/// The maximum number of identifiers in a filter.
const MAX_IDS: usize = 100;
/// The maximum year in a filter.
const MAX_YEAR: i32 = 9_999;
/// The maximum TMDB identifier in a filter: the greatest integer that JavaScript clients represent exactly.
const MAX_COUNT: i64 = 9_007_199_254_740_991;
/// The maximum running time in a filter, in minutes.
const MAX_MINUTES: i32 = 100_000;

/// The filters, the sort keys and the page of the catalogue.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct MovieQuery {
    #[serde(flatten)]
    filters: MovieFilters,
    /// Sort keys separated by commas; a leading `-` sorts descending. The default is `relevance` for a search,
    /// otherwise `-popularity`.
    #[serde(default)]
    #[schemars(example = ["-year", "name"])]
    sort: Sorts<MovieSortKey>,
    #[serde(flatten)]
    page: PageParams,
}

/// The filters, the sort keys and the page of the library.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct LibraryQuery {
    #[serde(flatten)]
    filters: MovieFilters,
    /// Sort keys separated by commas; a leading `-` sorts descending. The default is `relevance` for a search,
    /// otherwise `-purchased_at`.
    #[serde(default)]
    #[schemars(example = ["-purchased_at", "name"])]
    sort: Sorts<LibrarySortKey>,
    #[serde(flatten)]
    page: PageParams,
}

/// The filters, the sort keys and the page of the favourites.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FavoriteQuery {
    #[serde(flatten)]
    filters: MovieFilters,
    /// Sort keys separated by commas; a leading `-` sorts descending. The default is `relevance` for a search,
    /// otherwise `-added_at`.
    #[serde(default)]
    #[schemars(example = ["-added_at", "name"])]
    sort: Sorts<FavoriteSortKey>,
    #[serde(flatten)]
    page: PageParams,
}

/// The filters of movies; a movie must match all of them.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct MovieFilters {
    /// Only these movies. For example, a client can list the movies in the cart that it keeps for a visitor.
    #[serde(default)]
    #[schemars(length(max = MAX_IDS), example = json!(["0190a1b2-0000-7000-8000-000000000000"]))]
    id: Vec<Text<MovieId>>,
    /// Words of the title, the directors, the stars or the description, in any order. The last word may be incomplete.
    /// If no movie contains a word, movies with a similar word are found instead.
    #[schemars(length(max = MAX_TEXT), example = "star wars")]
    search: Option<String>,
    /// A part of the title; case and accents are ignored.
    #[schemars(length(max = MAX_TEXT), example = &"Godfather")]
    title: Option<String>,
    /// Movies of at least one of these genres.
    #[serde(default)]
    #[schemars(length(max = MAX_IDS), example = json!(["0190a1b2-0000-7000-8000-000000000001"]))]
    genre: Vec<Text<GenreId>>,
    /// Movies by at least one of these directors.
    #[serde(default)]
    #[schemars(length(max = MAX_IDS), example = json!(["0190a1b2-0000-7000-8000-000000000003"]))]
    director: Vec<Text<DirectorId>>,
    /// Movies with at least one of these actors.
    #[serde(default)]
    #[schemars(length(max = MAX_IDS), example = json!(["0190a1b2-0000-7000-8000-000000000004"]))]
    star: Vec<Text<StarId>>,
    /// Movies with one of these certifications.
    #[serde(default)]
    #[schemars(length(max = MAX_IDS), example = json!(["0190a1b2-0000-7000-8000-000000000002"]))]
    certification: Vec<Text<CertificationId>>,
    /// Released in this year or later.
    #[schemars(range(min = 0, max = MAX_YEAR), example = 1970)]
    year_min: Option<i32>,
    /// Released in this year or earlier.
    #[schemars(range(min = 0, max = MAX_YEAR), example = 1999)]
    year_max: Option<i32>,
    /// The lowest IMDb rating.
    #[schemars(range(min = 0, max = 10), example = 7.5)]
    imdb_min: Option<f64>,
    /// The highest IMDb rating.
    #[schemars(range(min = 0, max = 10), example = 9.5)]
    imdb_max: Option<f64>,
    /// The lowest price, in major units of the shop's currency.
    #[schemars(example = "4.99")]
    price_min: Option<Amount>,
    /// The highest price, in major units of the shop's currency.
    #[schemars(example = "9.99")]
    price_max: Option<Amount>,
    /// The shortest running time, in minutes.
    #[schemars(range(min = 0, max = MAX_MINUTES), example = 80)]
    duration_min: Option<i32>,
    /// The longest running time, in minutes.
    #[schemars(range(min = 0, max = MAX_MINUTES), example = 180)]
    duration_max: Option<i32>,
    /// The movie with this IMDb identifier.
    #[schemars(length(max = 12), example = &"tt0079944")]
    imdb_id: Option<String>,
    /// The movie with this TMDB identifier.
    #[schemars(range(min = 1, max = MAX_COUNT), example = 1398)]
    tmdb_id: Option<i64>,
    /// Moderators only: `false` lists the movies that were withdrawn from sale, instead of those on sale.
    #[schemars(example = false)]
    is_available: Option<bool>,
}

impl Input for MovieQuery {
    type Checked = BrowseMovies;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<BrowseMovies> {
        checked(self.filters, self.sort.0, self.page, rules, faults)
    }
}

impl Input for FavoriteQuery {
    type Checked = BrowseMovies;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<BrowseMovies> {
        let sorts = self.sort.0.into_iter().map(MovieSort::from).collect();
        checked(self.filters, sorts, self.page, rules, faults)
    }
}

impl Input for LibraryQuery {
    type Checked = BrowseMovies;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<BrowseMovies> {
        let sorts = self.sort.0.into_iter().map(MovieSort::from).collect();
        checked(self.filters, sorts, self.page, rules, faults)
    }
}

/// Checks the parameters of a list of movies.
fn checked(
    filters: MovieFilters,
    sorts: Vec<MovieSort>,
    page: PageParams,
    rules: &Rules,
    faults: &mut Faults,
) -> Option<BrowseMovies> {
    let filter = filters.check(rules, faults);
    let is_by_relevance = sorts.iter().any(|sort| sort.key == MovieSortKey::Relevance);
    let is_search = filter.as_ref().is_some_and(|filter| filter.search.is_some());
    if is_by_relevance && !is_search && !faults.has("search") {
        let why = BrowseError::RelevanceWithoutSearch.to_string();
        faults.add("sort", Fault::new(FieldCode::InvalidValue, why));
    }
    let page = page.check(rules, faults);
    Some(BrowseMovies { filter: filter?, sorts, page: page?, viewer: None })
}

impl Input for MovieFilters {
    type Checked = MovieFilter;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<MovieFilter> {
        if self.imdb_id.as_deref().is_some_and(|id| !is_imdb_id(id)) {
            let fault = Fault::new(FieldCode::InvalidFormat, FactFault::NotAnImdbId.to_string());
            faults.add("imdb_id", fault);
        }
        let mut price = |field: &str, price: Option<Amount>| {
            price.and_then(|price| faults.keep(field, amount(&price.0, rules)))
        };
        Some(MovieFilter {
            ids: ids(self.id),
            bought_by: None,
            favorites_of: None,
            search: self.search.as_deref().map(Search::parse),
            title: self.title,
            genres: ids(self.genre),
            directors: ids(self.director),
            stars: ids(self.star),
            certifications: ids(self.certification),
            year: Range { min: self.year_min, max: self.year_max },
            imdb: Range { min: self.imdb_min, max: self.imdb_max },
            price: Range { min: price("price_min", self.price_min), max: price("price_max", self.price_max) },
            duration: Range { min: self.duration_min, max: self.duration_max },
            imdb_id: self.imdb_id,
            tmdb_id: self.tmdb_id,
            is_available: self.is_available,
        })
    }
}

fn ids<K: Kind>(ids: Vec<Text<Id<K>>>) -> Vec<Id<K>> {
    ids.into_iter().map(|id| id.0).collect()
}
