//! The JSON body of a page of a list.

use app::paging::Listing;
use domain::page::{DEFAULT_PAGE_SIZE, Total};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub(crate) struct PageBody<T> {
    /// The items, in the order of the list.
    pub(crate) items: Vec<T>,
    /// The number of the page, from 1; `null` when the page was read by cursor.
    #[schemars(range(min = 1))]
    pub(crate) page: Option<u32>,
    /// The maximum number of items of a page.
    #[schemars(range(min = 1))]
    pub(crate) page_size: u32,
    /// The number of items of the list; `null` when the page was read by cursor.
    pub(crate) total_items: Option<u64>,
    /// The number of pages of the list; `null` when the page was read by cursor.
    pub(crate) total_pages: Option<u64>,
    /// Whether `total_items` is only a lower bound of the number of items.
    pub(crate) total_is_estimate: bool,
    /// The cursor for the next page; `null` on the last page.
    pub(crate) next_cursor: Option<String>,
    /// Whether the list always has exactly one page, so that its `Link` header has no `page`.
    #[serde(skip)]
    pub(crate) is_whole: bool,
}

/// A page of a list that can be searched.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}SearchPage")]
pub(crate) struct SearchPageBody<T> {
    #[serde(flatten)]
    pub(crate) page: PageBody<T>,
    /// The corrected search text, for which the list was searched instead of the given text; `null` when there was no
    /// correction.
    pub(crate) corrected_query: Option<String>,
}

/// Returns an example of a page of search results, which contains this item.
pub(crate) fn search_example(item: Value) -> Value {
    let mut page = example(item);
    if let Some(fields) = page.as_object_mut() {
        fields.insert("corrected_query".to_owned(), Value::Null);
    }
    page
}

/// Returns an example of a page that contains this item.
pub(crate) fn example(item: Value) -> Value {
    let total = Some(Total { items: 1, is_estimate: false });
    let items = vec![item];
    let listing = Listing { items, total, next_cursor: None, page: Some(1), page_size: DEFAULT_PAGE_SIZE };
    serde_json::to_value(PageBody::of(listing, |item| item)).unwrap_or_default()
}

impl<T> PageBody<T> {
    /// Creates the body of a page; `show` creates the body of an item.
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

    /// Creates a single page with a complete list.
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
}
