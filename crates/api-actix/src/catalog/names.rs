//! The operations on genres, directors, stars and certifications. All four kinds have the same operations, except
//! that the list of genres has no further pages and no search.

use std::{marker::PhantomData, ops::Deref, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use app::{
    catalog::{Catalog, CreateNameError, DeleteNameError, ListNames, RenameError},
    paging::ListError,
};
use domain::{
    accounts::AccessError,
    catalog::{CatalogName, CountedName, MAX_NAME_LENGTH, NameKind},
    id::{CertificationKind, DirectorKind, GenreKind, Id, Kind, StarKind},
    store::StoreError,
};
use paperclip::{
    actix::{OperationModifier, api_v2_operation},
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::movie_input::described_fault;
use crate::{
    extract::{Body, Faults, Input, Moderator, Origin, Patch, PathId, Query, UseCases, Visitor},
    page::{PageBody, PageParams},
    problem::{Failure, OrNotFound, Problem},
    refusals,
    reply::{CatalogItem, CatalogPage, CreatedEntry, NoContent, OkJson},
    rules::Rules,
};

refusals! {
    CreateNameError {
        Taken => NAME_TAKEN;
        via Access: AccessError, via Store: StoreError,
    }
    RenameError {
        NotFound => NOT_FOUND,
        Taken => NAME_TAKEN;
        via Access: AccessError, via Store: StoreError,
    }
    DeleteNameError {
        NotFound => NOT_FOUND,
        InUse => IN_USE;
        via Access: AccessError, via Store: StoreError,
    }
}

/// A kind of catalogue entry, such as genres, that the API serves as a resource.
pub(crate) trait Resource: Kind {
    const KIND: NameKind;
    /// The singular in the OpenAPI document, for example `genre`.
    const ONE: &'static str;
    /// The plural in the OpenAPI document, for example `genres`.
    const MANY: &'static str;
}

macro_rules! resources {
    ($($kind:ident = $name:ident $one:literal $many:literal;)*) => {$(
        impl Resource for $kind {
            const KIND: NameKind = NameKind::$name;
            const ONE: &'static str = $one;
            const MANY: &'static str = $many;
        }
    )*};
}

resources! {
    GenreKind = Genre "genre" "genres";
    DirectorKind = Director "director" "directors";
    StarKind = Star "star" "stars";
    CertificationKind = Certification "certification" "certifications";
}

/// Extracts the use cases of the catalogue for the resource of one kind.
///
/// In the OpenAPI document, this extractor replaces the placeholders `{one}` and `{many}` in the summary and
/// description of the operation with the singular and plural of the kind, and `{One}` and `{Many}` in the operation id
/// with their capitalized forms.
pub(crate) struct Names<K>(UseCases<Catalog>, PhantomData<fn() -> K>);

impl<K> Deref for Names<K> {
    type Target = UseCases<Catalog>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<K: 'static> FromRequest for Names<K> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let catalog = UseCases::from_request(request, payload);
        Box::pin(async { Ok(Self(catalog.await?, PhantomData)) })
    }
}

impl<K> Apiv2Schema for Names<K> {}

impl<K: Resource> OperationModifier for Names<K> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        for text in [&mut op.summary, &mut op.description].into_iter().flatten() {
            *text = text.replace("{one}", K::ONE).replace("{many}", K::MANY);
        }
        if let Some(id) = &mut op.operation_id {
            *id = id.replace("{One}", &capitalized(K::ONE)).replace("{Many}", &capitalized(K::MANY));
        }
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// A genre, director, star or certification, with the number of movies on sale that have it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CountedName", example = json!({"id": "0190a1b2-0000-7000-8000-000000000001", "name": "Drama", "movies_count": 724}))]
pub(crate) struct CountedNameBody {
    id: Uuid,
    name: String,
    movies_count: i64,
}

impl From<CountedName> for CountedNameBody {
    fn from(name: CountedName) -> Self {
        Self { id: name.id, name: name.name, movies_count: name.movies_count }
    }
}

/// The maximum length of a search, in characters.
const MAX_SEARCH: usize = 250;

/// The parameters of a list of directors, stars or certifications.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct NameQuery {
    /// Parts of the name, separated by spaces. A listed name contains all of them, in any order; case and accents are
    /// ignored.
    #[schemars(length(max = MAX_SEARCH), example = &"ann")]
    search: Option<String>,
    #[serde(flatten)]
    page: PageParams,
}

impl Input for NameQuery {
    type Checked = ListNames;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<ListNames> {
        let page = self.page.check(rules, faults);
        Some(ListNames { search: self.search, page: page? })
    }
}

/// A new genre, director, star or certification.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewName", example = json!({"name": "Film noir"}))]
pub(crate) struct NewNameBody {
    /// The name. No other entry of the same kind may have it; case and accents are ignored.
    #[schemars(length(min = 1, max = MAX_NAME_LENGTH))]
    name: String,
}

impl Input for NewNameBody {
    type Checked = CatalogName;

    fn check(self, _rules: &Rules, faults: &mut Faults) -> Option<CatalogName> {
        checked(&self.name, faults)
    }
}

/// Changes of a genre, director, star or certification. Omitted fields keep their values.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NameChanges", example = json!({"name": "Film noir"}))]
pub(crate) struct NameChangesBody {
    /// The name. No other entry of the same kind may have it; case and accents are ignored.
    #[schemars(length(min = 1, max = MAX_NAME_LENGTH))]
    name: Option<String>,
}

impl Input for NameChangesBody {
    type Checked = Option<CatalogName>;

    fn check(self, _rules: &Rules, faults: &mut Faults) -> Option<Self::Checked> {
        match self.name {
            Some(name) => checked(&name, faults).map(Some),
            None => Some(None),
        }
    }
}

fn checked(name: &str, faults: &mut Faults) -> Option<CatalogName> {
    faults.keep("name", CatalogName::parse(name).map_err(|fault| described_fault(&fault)))
}

/// List the {many}.
///
/// Returns all of them in one page, sorted by name.
#[api_v2_operation(operation_id = "list{Many}", tags("catalog"))]
pub(crate) async fn list_all<K: Resource>(
    names: Names<K>,
    _visitor: Visitor,
) -> Result<CatalogPage<CountedNameBody>, Failure<StoreError>> {
    let all = names.run(async move |catalog| catalog.all_names(K::KIND).await).await?;
    Ok(CatalogPage(PageBody::whole(all.into_iter().map(CountedNameBody::from).collect())))
}

/// List the {many}.
///
/// Sorted by name. Pages beyond item 10,000 can be read only with `cursor`.
#[api_v2_operation(operation_id = "list{Many}", tags("catalog"))]
pub(crate) async fn list<K: Resource>(
    names: Names<K>,
    Visitor(_, Query(wanted)): Visitor<Query<NameQuery>>,
) -> Result<CatalogPage<CountedNameBody>, Failure<ListError>> {
    let listing = names.run(async move |catalog| catalog.list_names(K::KIND, wanted).await).await?;
    Ok(CatalogPage(PageBody::of(listing, CountedNameBody::from)))
}

/// Show a {one}.
///
/// The response contains the number of movies on sale with this {one}.
#[api_v2_operation(operation_id = "get{One}", tags("catalog"))]
pub(crate) async fn show<K: Resource>(
    names: Names<K>,
    Visitor(_, PathId(id, _)): Visitor<PathId<Id<K>>>,
) -> Result<CatalogItem<CountedNameBody>, Failure<OrNotFound<StoreError>>> {
    let name = names.find(async move |catalog| catalog.find_name(K::KIND, id.as_uuid()).await).await?;
    Ok(CatalogItem(name.into()))
}

/// Create a {one}.
///
/// Names that differ only in case or accents are considered equal.
#[api_v2_operation(operation_id = "create{One}", tags("catalog"))]
pub(crate) async fn create<K: Resource>(
    names: Names<K>,
    Origin(origin): Origin,
    Moderator(actor, Body(name)): Moderator<Body<NewNameBody>>,
) -> Result<CreatedEntry<CountedNameBody>, Failure<CreateNameError>> {
    let created =
        names.run(async move |catalog| catalog.create_name(actor, K::KIND, name, &origin).await).await?;
    Ok(CreatedEntry { id: created.id, body: created.into() })
}

/// Rename a {one}.
///
/// The movies with this {one} show the new name. Searches find the movies of a director or star by the new name.
#[api_v2_operation(operation_id = "change{One}", tags("catalog"))]
pub(crate) async fn change<K: Resource>(
    names: Names<K>,
    Origin(origin): Origin,
    Moderator(actor, PathId(id, Patch(name))): Moderator<PathId<Id<K>, Patch<NameChangesBody>>>,
) -> Result<OkJson<CountedNameBody>, Failure<RenameError>> {
    let renamed = names
        .run(async move |catalog| catalog.rename(actor, K::KIND, id.as_uuid(), name, &origin).await)
        .await?;
    Ok(OkJson(renamed.into()))
}

/// Delete a {one}.
///
/// A {one} that a movie uses cannot be deleted, even if the movie was withdrawn from sale.
#[api_v2_operation(operation_id = "delete{One}", tags("catalog"))]
pub(crate) async fn delete<K: Resource>(
    names: Names<K>,
    Origin(origin): Origin,
    Moderator(actor, PathId(id, _)): Moderator<PathId<Id<K>>>,
) -> Result<NoContent, Failure<DeleteNameError>> {
    names.run(async move |catalog| catalog.delete_name(actor, K::KIND, id.as_uuid(), &origin).await).await?;
    Ok(NoContent)
}
