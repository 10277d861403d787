//! The facets of a list of movies: the values that the list can be filtered by, each with its number of movies.

use app::catalog::{Catalog, CountFacetsError};
use domain::{
    catalog::{CountedBand, CountedDecade, CountedName, Facets, MovieFilter},
    money::Currency,
    store::StoreError,
};
use paperclip::actix::api_v2_operation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::query::MovieFilters;
use crate::{
    extract::{Faults, Input, Query, UseCases, Visitor},
    problem::{Failure, FieldCode, FieldProblem, Kind, Problem, Refusal, kinds},
    reply::CatalogItem,
    rules::Rules,
};

impl Refusal for CountFacetsError {
    fn problem(&self) -> Problem {
        match self {
            Self::AvailabilityForModerators => {
                let field = FieldProblem::new("is_available", FieldCode::Unknown, self.to_string());
                Problem::invalid(vec![field])
            }
            Self::Store(inner) => inner.problem(),
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.push(&kinds::VALIDATION_FAILED);
        StoreError::kinds(into);
    }
}

/// The filters of the list of movies whose facets are counted.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FacetQuery {
    #[serde(flatten)]
    filters: MovieFilters,
}

impl Input for FacetQuery {
    type Checked = (MovieFilter, Currency);

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<Self::Checked> {
        Some((self.filters.check(rules, faults)?, rules.currency))
    }
}

/// A genre or certification, with the number of movies that the list has when this value is chosen.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NameFacet")]
pub(crate) struct NameFacetBody {
    id: Uuid,
    name: String,
    /// The number of movies. Like the total of the list, it is at most 10,000.
    #[schemars(range(min = 0, max = 10_000))]
    count: i64,
}

impl From<CountedName> for NameFacetBody {
    fn from(name: CountedName) -> Self {
        Self { id: name.id, name: name.name, count: name.movies_count }
    }
}

/// A decade, with the number of movies that the list has when the decade is chosen with `year_min` and `year_max`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DecadeFacet")]
pub(crate) struct DecadeFacetBody {
    /// The first year of the decade.
    decade: i32,
    /// The number of movies. Like the total of the list, it is at most 10,000.
    #[schemars(range(min = 0, max = 10_000))]
    count: i64,
}

impl From<CountedDecade> for DecadeFacetBody {
    fn from(decade: CountedDecade) -> Self {
        Self { decade: decade.decade, count: decade.movies_count }
    }
}

/// A range of prices, with the number of movies that the list has when the range is chosen with `price_min` and
/// `price_max`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PriceFacet")]
pub(crate) struct PriceFacetBody {
    /// The lowest price of the range, in major units of the shop's currency.
    #[schemars(regex(pattern = r"^\d+(\.\d+)?$"))]
    min: String,
    /// The exclusive upper bound of the range, in the same unit; `null` for the last range.
    #[schemars(regex(pattern = r"^\d+(\.\d+)?$"))]
    max: Option<String>,
    /// The number of movies. Like the total of the list, it is at most 10,000.
    #[schemars(range(min = 0, max = 10_000))]
    count: i64,
}

impl From<CountedBand> for PriceFacetBody {
    fn from(counted: CountedBand) -> Self {
        Self {
            min: counted.band.min.amount(),
            max: counted.band.max.map(domain::money::Money::amount),
            count: counted.movies_count,
        }
    }
}

/// The facets of a list of movies: the values that the list can be filtered by, each with its number of movies.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MovieFacets", example = facets_example())]
pub(crate) struct FacetsBody {
    /// The genres; the genre with the most movies is first.
    genres: Vec<NameFacetBody>,
    /// The certifications; the certification with the most movies is first.
    certifications: Vec<NameFacetBody>,
    /// The decades, the newest first.
    decades: Vec<DecadeFacetBody>,
    /// All price ranges, including those without movies; the lowest range is first.
    price_bands: Vec<PriceFacetBody>,
}

fn facets_example() -> serde_json::Value {
    json!({
        "genres": [{"id": "0190a1b2-0000-7000-8000-000000000001", "name": "Drama", "count": 724}],
        "certifications": [{"id": "0190a1b2-0000-7000-8000-000000000002", "name": "Not Rated", "count": 101}],
        "decades": [{"decade": 1970, "count": 76}],
        "price_bands": [
            {"min": "0.00", "max": "5.00", "count": 12},
            {"min": "5.00", "max": "10.00", "count": 640},
            {"min": "10.00", "max": "15.00", "count": 345},
            {"min": "15.00", "max": "20.00", "count": 0},
            {"min": "20.00", "max": null, "count": 3},
        ],
    })
}

impl From<Facets> for FacetsBody {
    fn from(facets: Facets) -> Self {
        Self {
            genres: facets.genres.into_iter().map(Into::into).collect(),
            certifications: facets.certifications.into_iter().map(Into::into).collect(),
            decades: facets.decades.into_iter().map(Into::into).collect(),
            price_bands: facets.price_bands.into_iter().map(Into::into).collect(),
        }
    }
}

/// Count the movies for each filter value.
///
/// Returns four groups of values: genres, certifications, decades and price ranges. The count of a value is the number
/// of movies in the list when this value is the only chosen one of its group. The counts of a group therefore ignore
/// the filters of the same group, so that a client can offer the other values of the group. Chosen values are returned
/// even if no movie matches them.
#[api_v2_operation(operation_id = "getMovieFacets", tags("catalog"))]
pub(crate) async fn show(
    catalog: UseCases<Catalog>,
    Visitor(actor, Query((filter, currency))): Visitor<Query<FacetQuery>>,
) -> Result<CatalogItem<FacetsBody>, Failure<CountFacetsError>> {
    let facets = catalog.run(async move |catalog| catalog.facets(filter, currency, actor).await).await?;
    Ok(CatalogItem(facets.into()))
}
