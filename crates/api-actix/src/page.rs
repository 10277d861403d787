//! Pages of lists: their parameters, their envelope, their `Link` header.

use app::paging::{InvalidCursor, ListError, Listing, PageSelection};
use domain::{
    page::{DEFAULT_PAGE_SIZE, InvalidPage, MAX_PAGE_SIZE, NUMBERED_ITEMS, Total},
    store::StoreError,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    extract::{Fault, Faults, Input, query},
    problem::{FieldCode, Kind, Problem, Refusal, kinds},
    refusals,
    rules::Rules,
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
    let items = vec![item];
    let listing = Listing { items, total, next_cursor: None, page: Some(1), page_size: DEFAULT_PAGE_SIZE };
    serde_json::to_value(PageBody::of(listing, |item| item)).unwrap_or_default()
}

/// Any greater number is not exact in every client.
const MAX_PAGE: u64 = 9_007_199_254_740_991;

/// As long as a query can be: what is no cursor is refused as one.
const MAX_CURSOR: usize = 65_536;

/// Which page of a list is asked for. A list with more parameters flattens these into its own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct PageParams {
    /// Counted from 1.
    #[schemars(range(min = 1, max = MAX_PAGE), example = 1)]
    page: Option<u64>,
    /// How many items a page holds at most; 20 without it.
    #[schemars(range(min = 1, max = MAX_PAGE_SIZE), example = 20)]
    page_size: Option<u32>,
    /// The `next_cursor` of the page before, in place of `page`.
    #[schemars(length(max = MAX_CURSOR))]
    cursor: Option<String>,
}

impl Input for PageParams {
    type Checked = PageSelection;

    fn check(self, _rules: &Rules, faults: &mut Faults) -> Option<PageSelection> {
        let size = self.page_size.unwrap_or(DEFAULT_PAGE_SIZE);
        match (self.page, self.cursor) {
            (Some(_), Some(_)) => {
                faults.add("page", Fault::new(FieldCode::InvalidValue, "may not stand beside `cursor`"));
                None
            }
            (None, Some(text)) => Some(PageSelection::Cursor { text, size }),
            // A page that no list has is refused as too deep.
            (page, None) => {
                let page = page.map_or(1, |page| u32::try_from(page).unwrap_or(u32::MAX));
                Some(PageSelection::Numbered { page, size })
            }
        }
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

impl<T> PageBody<T> {
    /// Puts a part of a list in its envelope.
    pub(crate) fn of<S>(listing: Listing<S>, show: impl Fn(S) -> T) -> Self {
        let total_items = listing.total.map(|total| total.items);
        Self {
            items: listing.items.into_iter().map(show).collect(),
            page: listing.page,
            page_size: listing.page_size,
            total_items,
            total_pages: total_items.map(|items| items.div_ceil(u64::from(listing.page_size.max(1)))),
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
            .filter(|pair| !pair.is_empty() && !["page", "cursor"].contains(&query::name_of(pair).as_str()))
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

    fn page(page: Option<u32>, total: Option<Total>, next: Option<&str>) -> PageBody<u8> {
        let next_cursor = next.map(str::to_owned);
        PageBody::of(Listing { items: vec![1_u8], total, next_cursor, page, page_size: 20 }, |item| item)
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
