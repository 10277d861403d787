//! The parameters of the movie list.

use app::catalog::{BrowseError, BrowseMovies};
use domain::{
    catalog::{MovieFilter, MovieSort, MovieSortKey, Range},
    id::UserId,
    money::{Currency, Money, ParseAmountError},
    page::InvalidPage,
};
use schemars::JsonSchema;
use serde_json::json;
use uuid::Uuid;

use crate::{
    extract::{
        FromQuery, Params,
        values::{self, Fault},
    },
    page::{CURSOR, PageParams, sorts},
    problem::FieldCode,
    state::Api,
};

/// A search may have this many characters.
const MAX_TEXT: usize = 250;
/// A filter may name this many identifiers.
const MAX_IDS: usize = 100;
/// The first year and the last that a filter may name: further apart than any films.
const MIN_YEAR: i32 = 0;
const MAX_YEAR: i32 = 9_999;
const MAX_MINUTES: i32 = 100_000;

/// What a reader of the list may ask for, once it was found sound.
#[derive(Debug)]
pub(crate) struct MovieQuery {
    filter: MovieFilter,
    sorts: Vec<MovieSort>,
    page: PageParams,
}

/// The parameters as the document shows them; [`MovieQuery::read`] reads the same names.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct MovieParameters {
    /// Words that stand in the title, in any order.
    #[schemars(length(max = 250), example = "star wars")]
    search: Option<String>,
    /// A text that stands in the title as it is, but for case and accents.
    #[schemars(length(max = 250), example = &"Godfather")]
    title: Option<String>,
    /// Of any of these genres.
    #[schemars(length(max = 100), example = json!(["0190a1b2-0000-7000-8000-000000000001"]))]
    genre: Option<Vec<Uuid>>,
    /// By any of these directors.
    #[schemars(length(max = 100), example = json!(["0190a1b2-0000-7000-8000-000000000003"]))]
    director: Option<Vec<Uuid>>,
    /// With any of these actors.
    #[schemars(length(max = 100), example = json!(["0190a1b2-0000-7000-8000-000000000004"]))]
    star: Option<Vec<Uuid>>,
    /// Of any of these certifications.
    #[schemars(length(max = 100), example = json!(["0190a1b2-0000-7000-8000-000000000002"]))]
    certification: Option<Vec<Uuid>>,
    /// Released in this year or later.
    #[schemars(range(min = 0, max = 9999), example = 1970)]
    year_min: Option<i32>,
    /// Released in this year or before.
    #[schemars(range(min = 0, max = 9999), example = 1999)]
    year_max: Option<i32>,
    /// Rated this or better at IMDb.
    #[schemars(range(min = 0, max = 10), example = 7.5)]
    imdb_min: Option<f64>,
    /// Rated this or worse at IMDb.
    #[schemars(range(min = 0, max = 10), example = 9.5)]
    imdb_max: Option<f64>,
    /// For this price or more, in major units of the shop's currency.
    #[schemars(regex(pattern = r"^\d{1,15}(\.\d{1,4})?$"), example = "4.99")]
    price_min: Option<String>,
    /// For this price or less, in major units of the shop's currency.
    #[schemars(regex(pattern = r"^\d{1,15}(\.\d{1,4})?$"), example = "9.99")]
    price_max: Option<String>,
    /// This long or longer, in minutes.
    #[schemars(range(min = 0, max = 100_000), example = 80)]
    duration_min: Option<i32>,
    /// This long or shorter, in minutes.
    #[schemars(range(min = 0, max = 100_000), example = 180)]
    duration_max: Option<i32>,
    /// `name`, `year`, `price`, `imdb`, `votes`, `rating`, `popularity`, `created_at` or `relevance`, a `-` before it
    /// for the largest first, several separated by commas. Without it: `relevance` when searching, else `-popularity`.
    #[schemars(
        regex(
            pattern = "^-?(name|year|price|imdb|votes|rating|popularity|created_at|relevance)(,-?(name|year|price|imdb|votes|rating|popularity|created_at|relevance))*$"
        ),
        example = "-year,name"
    )]
    sort: Option<String>,
    /// Counted from 1.
    #[schemars(range(min = 1), example = 1)]
    page: Option<u32>,
    /// How many items a page holds at most; 20 without it.
    #[schemars(range(min = 1, max = 100), example = 20)]
    page_size: Option<u32>,
    /// The `next_cursor` of the page before, in place of `page`.
    #[schemars(example = CURSOR)]
    cursor: Option<String>,
}

impl JsonSchema for MovieQuery {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        MovieParameters::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        MovieParameters::json_schema(generator)
    }
}

impl FromQuery for MovieQuery {
    fn read(params: &mut Params, api: &Api) -> Option<Self> {
        let currency = api.state.carts.currency;
        let search = params.optional("search", values::up_to(MAX_TEXT));
        let title = params.optional("title", values::up_to(MAX_TEXT));
        let genres = params.list("genre", MAX_IDS, values::id);
        let directors = params.list("director", MAX_IDS, values::id);
        let stars = params.list("star", MAX_IDS, values::id);
        let certifications = params.list("certification", MAX_IDS, values::id);
        let year = range(params, "year", values::whole(MIN_YEAR..=MAX_YEAR));
        let imdb = range(params, "imdb", values::decimal(0.0..=10.0));
        let price = range(params, "price", |text| amount(text, currency));
        let duration = range(params, "duration", values::whole(0..=MAX_MINUTES));
        let sorts = params.optional("sort", sorts);
        let page = PageParams::take(params);
        // Also found by the use case, but not beside other faults.
        if let (Some(Some(sorts)), Some(search)) = (&sorts, &search)
            && sorts.iter().any(|sort| sort.key == MovieSortKey::Relevance)
            && !is_search(search.as_deref())
        {
            let why = BrowseError::RelevanceWithoutSearch.to_string();
            params.fault("sort", Fault::new(FieldCode::InvalidValue, why));
        }
        let filter = MovieFilter {
            search: search?,
            title: title?,
            genres: genres?,
            directors: directors?,
            stars: stars?,
            certifications: certifications?,
            year: year?,
            imdb: imdb?,
            price: price?,
            duration: duration?,
        };
        Some(Self { filter, sorts: sorts?.unwrap_or_default(), page: page? })
    }
}

impl MovieQuery {
    /// What the use case is asked, and the number and size of the page.
    ///
    /// # Errors
    /// When the page is too deep to be counted to.
    pub(crate) fn wanted(
        self,
        viewer: Option<UserId>,
    ) -> Result<(BrowseMovies, Option<u32>, u32), InvalidPage> {
        let (page, number, size) = self.page.selection()?;
        Ok((BrowseMovies { filter: self.filter, sorts: self.sorts, page, viewer }, number, size))
    }
}

/// Whether the text asks for anything.
fn is_search(text: Option<&str>) -> bool {
    let filter = MovieFilter { search: text.map(str::to_owned), ..MovieFilter::default() };
    !filter.search_words().is_empty()
}

fn range<T>(params: &mut Params, name: &str, read: impl Fn(&str) -> Result<T, Fault>) -> Option<Range<T>> {
    let min = params.optional(&format!("{name}_min"), &read);
    let max = params.optional(&format!("{name}_max"), &read);
    Some(Range { min: min?, max: max? })
}

fn amount(text: &str, currency: Currency) -> Result<Money, Fault> {
    Money::parse_major(text, currency).map_err(|error| {
        let code = match error {
            ParseAmountError::Malformed if text.starts_with('-') => FieldCode::TooSmall,
            ParseAmountError::Malformed | ParseAmountError::TooPrecise(_) => FieldCode::InvalidFormat,
            ParseAmountError::TooLarge => FieldCode::TooLarge,
        };
        Fault::new(code, error.to_string())
    })
}
