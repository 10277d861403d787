//! Pages of lists: their parameters, their envelope, their `Link` header.

use std::borrow::Cow;

use app::paging::{InvalidCursor, ListError, Listing, PageSelection};
use domain::{
    page::{
        DEFAULT_PAGE_SIZE, InvalidPage, MAX_PAGE_SIZE, NUMBERED_ITEMS, PageRequest, Sort, SortKey, Total,
        UnknownSort,
    },
    store::StoreError,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    extract::{
        FromQuery, Params,
        values::{self, Fault},
    },
    problem::{FieldCode, Kind, Problem, Refusal, kinds},
    refusals,
    state::Api,
};

/// A part of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub(crate) struct PageBody<T> {
    /// What stands on it, in order.
    pub(crate) items: Vec<T>,
    /// Its number, from 1; `null` when it was read by cursor.
    #[schemars(range(min = 1))]
    pub(crate) page: Option<u32>,
    /// How many items it holds at most.
    #[schemars(range(min = 1))]
    pub(crate) page_size: u32,
    /// How many items the list has; `null` when it was read by cursor.
    pub(crate) total_items: Option<u64>,
    /// How many pages the list has; `null` when it was read by cursor.
    pub(crate) total_pages: Option<u64>,
    /// Whether there are more items than `total_items` says.
    pub(crate) total_is_estimate: bool,
    /// Where the next page begins; `null` on the last one.
    pub(crate) next_cursor: Option<String>,
    /// Whether the list is always one page, whose call takes no `page`.
    #[serde(skip)]
    pub(crate) is_whole: bool,
}

/// The page that an item stands on in examples.
pub(crate) fn example(item: Value) -> Value {
    let total = Some(Total { items: 1, is_estimate: false });
    let listing = Listing { items: vec![item], total, next_cursor: None };
    serde_json::to_value(PageBody::of(listing, Some(1), DEFAULT_PAGE_SIZE, |item| item)).unwrap_or_default()
}

/// What a cursor looks like, for examples.
pub(crate) const CURSOR: &str = "AZChsgAAcACAAAAAAAAAAA";

/// The parameters of a list that has no others, as the document shows them.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct PageParameters {
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

impl JsonSchema for PageParams {
    fn schema_name() -> Cow<'static, str> {
        PageParameters::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        PageParameters::json_schema(generator)
    }
}

impl FromQuery for PageParams {
    fn read(params: &mut Params, _api: &Api) -> Option<Self> {
        Self::take(params)
    }
}

/// Which page was asked for, once it is known to be a possible one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PageParams {
    pub(crate) page: Option<u64>,
    pub(crate) page_size: Option<u32>,
    pub(crate) cursor: Option<String>,
}

impl PageParams {
    /// Takes `page`, `page_size` and `cursor`.
    pub(crate) fn take(params: &mut Params) -> Option<Self> {
        let page = params.optional("page", values::whole(1..=u64::MAX));
        let page_size = params.optional("page_size", values::whole(1..=MAX_PAGE_SIZE));
        let cursor = params.optional("cursor", values::any);
        if let (Some(Some(_)), Some(Some(_))) = (&page, &cursor) {
            params.fault("page", Fault::new(FieldCode::InvalidValue, "may not stand beside `cursor`"));
            return None;
        }
        Some(Self { page: page?, page_size: page_size?, cursor: cursor? })
    }

    /// What the use case is asked for.
    ///
    /// # Errors
    /// When the page is too deep to be counted to.
    pub(crate) fn selection(self) -> Result<(PageSelection, Option<u32>, u32), InvalidPage> {
        let size = self.page_size.unwrap_or(DEFAULT_PAGE_SIZE);
        if let Some(text) = self.cursor {
            return Ok((PageSelection::Cursor { text, size }, None, size));
        }
        let page = self.page.map_or(1, |page| u32::try_from(page).unwrap_or(u32::MAX));
        Ok((PageSelection::Numbered(PageRequest::numbered(page, size)?), Some(page), size))
    }
}

impl Refusal for InvalidPage {
    fn problem(&self) -> Problem {
        match self {
            Self::TooDeep => Problem::new(&kinds::USE_CURSOR),
            // Found by the reader of the parameters already.
            Self::PageTooSmall | Self::SizeTooSmall | Self::SizeTooLarge => {
                Problem::new(&kinds::VALIDATION_FAILED)
            }
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.extend([&kinds::USE_CURSOR, &kinds::VALIDATION_FAILED]);
    }
}

impl Refusal for InvalidCursor {
    fn problem(&self) -> Problem {
        Problem::new(&kinds::CURSOR_INVALID)
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.push(&kinds::CURSOR_INVALID);
    }
}

refusals! {
    ListError {
        ; via Cursor: InvalidCursor, via Page: InvalidPage, via Store: StoreError,
    }
}

/// Reads a sort of a list: `-created_at,email`.
pub(crate) fn sorts<K: SortKey>(text: &str) -> Result<Vec<Sort<K>>, Fault> {
    let mut sorts: Vec<Sort<K>> = Vec::new();
    for part in text.split(',') {
        let sort: Sort<K> = part
            .parse()
            .map_err(|unknown: UnknownSort| Fault::new(FieldCode::InvalidValue, unknown.to_string()))?;
        if sorts.iter().any(|other| other.key == sort.key) {
            return Err(Fault::new(FieldCode::Repeated, "names a sort twice"));
        }
        sorts.push(sort);
    }
    Ok(sorts)
}

impl<T> PageBody<T> {
    /// Puts a part of a list in its envelope.
    pub(crate) fn of<S>(
        listing: Listing<S>,
        page: Option<u32>,
        page_size: u32,
        show: impl Fn(S) -> T,
    ) -> Self {
        let total_items = listing.total.map(|total| total.items);
        Self {
            items: listing.items.into_iter().map(show).collect(),
            page,
            page_size,
            total_items,
            total_pages: total_items.map(|items| items.div_ceil(u64::from(page_size.max(1)))),
            total_is_estimate: listing.total.is_some_and(|total| total.is_estimate),
            next_cursor: listing.next_cursor,
            is_whole: false,
        }
    }

    /// A whole list as one page.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        Self {
            items,
            page: Some(1),
            page_size: count.max(1),
            total_items: Some(count.into()),
            total_pages: Some(count.min(1).into()),
            total_is_estimate: false,
            next_cursor: None,
            is_whole: true,
        }
    }

    /// The `Link` header (RFC 8288) of this page at this address; the query is the one that was sent.
    pub(crate) fn links(&self, address: &str, query: &str) -> String {
        let kept: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !["page", "cursor"].contains(&Params::name_of(pair).as_str()))
            .collect();
        let link = |relation: &str, place: Option<String>| {
            let pairs: Vec<String> = kept.iter().map(|pair| (*pair).to_owned()).chain(place).collect();
            let mark = if pairs.is_empty() { "" } else { "?" };
            format!("<{address}{mark}{}>; rel=\"{relation}\"", pairs.join("&"))
        };
        let numbered = |page: u64| format!("page={page}");
        if self.is_whole {
            return [link("first", None), link("last", None)].join(", ");
        }
        let is_countable = |page: u64| {
            page.saturating_sub(1).saturating_mul(self.page_size.into()).saturating_add(1) < NUMBERED_ITEMS
        };
        let mut links = vec![link("first", None)];
        if let Some(page) = self.page.map(u64::from) {
            if let Some(before) = page.checked_sub(1).filter(|before| *before > 0) {
                links.push(link("prev", Some(numbered(before))));
            }
            if let Some(cursor) = &self.next_cursor {
                let after = page.saturating_add(1);
                let place = if is_countable(after) { numbered(after) } else { format!("cursor={cursor}") };
                links.push(link("next", Some(place)));
            }
            if let Some(last) =
                self.total_pages.filter(|last| !self.total_is_estimate && *last > 0 && is_countable(*last))
            {
                links.push(link("last", Some(numbered(last))));
            }
        } else if let Some(cursor) = &self.next_cursor {
            links.push(link("next", Some(format!("cursor={cursor}"))));
        }
        links.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use domain::page::Total;

    use super::*;

    fn page(number: Option<u32>, total: Option<Total>, next: Option<&str>) -> PageBody<u8> {
        let listing = Listing { items: vec![1_u8], total, next_cursor: next.map(str::to_owned) };
        PageBody::of(listing, number, 20, |item| item)
    }

    fn links(page: &PageBody<u8>, query: &str) -> Vec<String> {
        page.links("http://c/m", query).split(", ").map(str::to_owned).collect()
    }

    #[test]
    fn links_keep_the_filters_and_move_the_page() {
        let middle = page(Some(2), Some(Total { items: 55, is_estimate: false }), Some("abc"));
        assert_eq!(middle.total_pages, Some(3));
        assert_eq!(
            links(&middle, "genre=x&page=2&page_size=20"),
            [
                "<http://c/m?genre=x&page_size=20>; rel=\"first\"",
                "<http://c/m?genre=x&page_size=20&page=1>; rel=\"prev\"",
                "<http://c/m?genre=x&page_size=20&page=3>; rel=\"next\"",
                "<http://c/m?genre=x&page_size=20&page=3>; rel=\"last\"",
            ]
        );
    }

    #[test]
    fn a_place_is_known_however_its_name_is_written() {
        let middle = page(Some(2), Some(Total { items: 55, is_estimate: false }), Some("abc"));
        for query in ["%70age=2", "p%61ge=2", "%70%61%67%65=2", "page=2", "page"] {
            let links = links(&middle, query);
            assert_eq!(links[1], "<http://c/m?page=1>; rel=\"prev\"", "{query}");
        }
        let kept = links(&middle, "pages=1&page_size=20&homepage=x&%63ursor=y");
        assert_eq!(kept[0], "<http://c/m?pages=1&page_size=20&homepage=x>; rel=\"first\"");
    }

    #[test]
    fn what_is_too_deep_to_be_counted_is_linked_by_cursor_and_has_no_last() {
        let deep = page(Some(500), Some(Total { items: 10_000, is_estimate: true }), Some("abc"));
        let links = links(&deep, "");
        assert!(links.contains(&"<http://c/m?cursor=abc>; rel=\"next\"".to_owned()), "{links:?}");
        assert!(!links.iter().any(|link| link.contains("last")), "{links:?}");
    }

    #[test]
    fn a_page_by_cursor_has_no_numbers() {
        let page = page(None, None, Some("abc"));
        assert_eq!((page.page, page.total_items, page.total_pages), (None, None, None));
        assert_eq!(
            links(&page, "cursor=old&sort=year"),
            ["<http://c/m?sort=year>; rel=\"first\"", "<http://c/m?sort=year&cursor=abc>; rel=\"next\""]
        );
    }

    #[test]
    fn the_links_of_a_whole_list_lead_to_its_call_which_takes_no_page() {
        let whole = PageBody::whole(vec![1_u8, 2]);
        assert_eq!(links(&whole, ""), ["<http://c/m>; rel=\"first\"", "<http://c/m>; rel=\"last\""]);
    }

    #[test]
    fn an_empty_list_has_no_pages_and_no_last() {
        let empty = page(Some(1), Some(Total { items: 0, is_estimate: false }), None);
        assert_eq!(empty.total_pages, Some(0));
        assert_eq!(links(&empty, ""), ["<http://c/m>; rel=\"first\""]);
    }
}
