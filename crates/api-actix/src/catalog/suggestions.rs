//! Suggestions for a search box.

use app::catalog::Catalog;
use domain::{
    catalog::{Suggestion, SuggestionKind},
    store::StoreError,
};
use paperclip::actix::api_v2_operation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::bodies::poster_url;
use crate::{
    extract::{Faults, Input, PublicUrl, Query, UseCases, Visitor},
    problem::Failure,
    reply::CatalogItem,
    rules::Rules,
};

/// The maximum length of the typed text, in characters.
const MAX_TEXT: usize = 250;

/// The parameters of suggestions.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct SuggestionQuery {
    /// The text typed so far; one character is enough.
    #[schemars(length(max = MAX_TEXT), example = &"godf")]
    q: String,
}

impl Input for SuggestionQuery {
    type Checked = String;

    fn check(self, _rules: &Rules, _faults: &mut Faults) -> Option<String> {
        Some(self.q)
    }
}

/// The kind of a suggestion.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SuggestionKind")]
#[serde(rename_all = "snake_case")]
enum KindBody {
    /// A movie on sale.
    Movie,
    /// An actor of movies on sale.
    Star,
    /// A director of movies on sale.
    Director,
}

/// A suggested title or person.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Suggestion")]
pub(crate) struct SuggestionBody {
    kind: KindBody,
    id: Uuid,
    name: String,
    /// The year of a movie's release; `null` for people.
    year: Option<i32>,
    /// The URL of a movie's poster; `null` for people, and for movies without a poster.
    #[schemars(extend("format" = "uri"))]
    poster_url: Option<String>,
}

impl SuggestionBody {
    /// Creates the body. The URLs of uploaded posters begin with `public_url`.
    fn new(suggestion: Suggestion, public_url: &str) -> Self {
        let (kind, year, poster_url) = match suggestion.kind {
            SuggestionKind::Movie { year, poster } => {
                (KindBody::Movie, Some(year), poster.map(|poster| poster_url(poster, public_url)))
            }
            SuggestionKind::Star => (KindBody::Star, None, None),
            SuggestionKind::Director => (KindBody::Director, None, None),
        };
        Self { kind, id: suggestion.id, name: suggestion.name, year, poster_url }
    }
}

/// Suggested titles and people.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Suggestions", example = json!({"items": [{
    "kind": "movie", "id": "0190a1b2-0000-7000-8000-000000000000", "name": "Stalker", "year": 1979, "poster_url": null
}]}))]
pub(crate) struct SuggestionsBody {
    /// At most ten suggestions; the best match is first.
    items: Vec<SuggestionBody>,
}

/// Suggest titles and people.
///
/// For a search box that shows suggestions while the user types. Typing mistakes are tolerated as in the search of the
/// movie list.
#[api_v2_operation(operation_id = "suggestMovies", tags("catalog"))]
pub(crate) async fn suggest(
    catalog: UseCases<Catalog>,
    public_url: PublicUrl,
    Visitor(_, Query(typed)): Visitor<Query<SuggestionQuery>>,
) -> Result<CatalogItem<SuggestionsBody>, Failure<StoreError>> {
    let suggestions = catalog.run(async move |catalog| catalog.suggest(&typed).await).await?;
    let items = suggestions.into_iter().map(|found| SuggestionBody::new(found, &public_url)).collect();
    Ok(CatalogItem(SuggestionsBody { items }))
}
