//! Pages of long lists, read by number or after a position (keyset paging).

use std::str::FromStr;

use uuid::Uuid;

/// The maximum number of items of a page.
pub const MAX_PAGE_SIZE: u32 = 100;

/// How many items a page has by default.
pub const DEFAULT_PAGE_SIZE: u32 = 20;

/// Totals are exact up to this number of items. Pages that begin at the item with this number or later cannot be
/// requested by number, but only as the items after a [`Position`].
pub const NUMBERED_ITEMS: u64 = 10_000;

/// The requested page or its size is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPage {
    /// The page is 0.
    #[error("pages are counted from 1")]
    PageTooSmall,
    /// The size is 0.
    #[error("a page holds at least one item")]
    SizeTooSmall,
    /// The size is over [`MAX_PAGE_SIZE`].
    #[error("a page holds at most 100 items")]
    SizeTooLarge,
    /// The page begins at item [`NUMBERED_ITEMS`] or later.
    #[error("pages this deep can only be read by cursor")]
    TooDeep,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// A page by its number, from 1, with totals.
    Number(u32),
    /// After this position. Such a page has no totals, and is as fast at the end of the list as at its beginning.
    After(Position),
}

/// A request for a part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRequest {
    start: Start,
    size: u32,
}

impl PageRequest {
    /// A page by its number.
    ///
    /// # Errors
    /// When number or size is out of bounds, or the page begins too far from the first item.
    pub fn numbered(page: u32, size: u32) -> Result<Self, InvalidPage> {
        let size = Self::checked_size(size)?;
        if page == 0 {
            return Err(InvalidPage::PageTooSmall);
        }
        if u64::from(page).saturating_sub(1).saturating_mul(u64::from(size)).saturating_add(1)
            >= NUMBERED_ITEMS
        {
            return Err(InvalidPage::TooDeep);
        }
        Ok(Self { start: Start::Number(page), size })
    }

    /// The items after a position.
    ///
    /// # Errors
    /// When the size is out of bounds.
    pub fn after(position: Position, size: u32) -> Result<Self, InvalidPage> {
        Ok(Self { start: Start::After(position), size: Self::checked_size(size)? })
    }

    const fn checked_size(size: u32) -> Result<u32, InvalidPage> {
        match size {
            0 => Err(InvalidPage::SizeTooSmall),
            1..=MAX_PAGE_SIZE => Ok(size),
            _ => Err(InvalidPage::SizeTooLarge),
        }
    }

    /// Where the page begins.
    #[must_use]
    pub const fn start(&self) -> &Start {
        &self.start
    }

    /// The maximum number of items of the page.
    #[must_use]
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// How many items precede a numbered page; 0 for a page after a position.
    #[must_use]
    pub fn offset(&self) -> u32 {
        match self.start {
            Start::Number(page) => page.saturating_sub(1).saturating_mul(self.size),
            Start::After(_) => 0,
        }
    }
}

/// One value of a sort key.
#[derive(Debug, Clone, PartialEq)]
pub enum SortValue {
    /// A whole number.
    Integer(i64),
    /// A fraction.
    Real(f64),
    /// A text in the form by which it is sorted, such as a folded name (see [`fold`](crate::text::fold)) or the
    /// normalized form of an email address (see [`EmailAddress::key`](crate::accounts::EmailAddress::key)).
    Text(String),
}

/// A position in a sorted list: the sort key of the last item that was read. It stays valid when that item is removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// The item's values of the sort keys, in the order of the keys.
    pub values: Vec<SortValue>,
    /// The item's identifier, which orders items with equal sort keys.
    pub id: Uuid,
}

/// The keys that the items of a list can be sorted by.
pub trait SortKey: Copy + PartialEq + Sized + 'static {
    /// Every key with its name.
    const NAMED: &'static [(&'static str, Self)];

    /// Whether lists are always sorted by this key in descending order. Clients then write its name without a leading
    /// `-`.
    fn is_always_descending(self) -> bool {
        false
    }
}

/// One key of a sort, and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sort<K> {
    /// The key.
    pub key: K,
    /// Whether the largest value comes first.
    pub descending: bool,
}

/// The text does not name a sort key of the list, or the key does not permit the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names no sort of this list")]
pub struct UnknownSort;

impl<K: SortKey> FromStr for Sort<K> {
    type Err = UnknownSort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let (_, key) = K::NAMED.iter().find(|(known, _)| *known == name).ok_or(UnknownSort)?;
        match (key.is_always_descending(), descending) {
            (true, true) => Err(UnknownSort),
            (is_always, descending) => Ok(Self { key: *key, descending: descending || is_always }),
        }
    }
}

/// The total number of items of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// The exact number; if `is_estimate` is set, [`NUMBERED_ITEMS`].
    pub items: u64,
    /// Whether there are more than `items`.
    pub is_estimate: bool,
}

impl Total {
    /// Creates the total from a count. Counting may stop at [`NUMBERED_ITEMS`] + 1, so a count greater than
    /// [`NUMBERED_ITEMS`] may be too low.
    #[must_use]
    pub fn from_capped_count(count: u64) -> Self {
        Self { items: count.min(NUMBERED_ITEMS), is_estimate: count > NUMBERED_ITEMS }
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// The position of the last item, after which the next page begins; `None` on the last page.
    pub next: Option<Position>,
    /// How many items the list has; `None` for a page after a position.
    pub total: Option<Total>,
}

impl<T> Page<T> {
    /// Creates a page of a list that is completely in memory and sorted. `place` returns the position of an item,
    /// `is_behind` whether an item comes after a position.
    #[must_use]
    pub fn of_whole(
        whole: Vec<T>,
        request: &PageRequest,
        place: impl Fn(&T) -> Position,
        is_behind: impl Fn(&T, &Position) -> bool,
    ) -> Self {
        let count = u64::try_from(whole.len()).unwrap_or(u64::MAX);
        let [size, offset] =
            [request.size(), request.offset()].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        let (mut items, total) = match request.start() {
            Start::Number(_) => (whole, Some(Total { items: count, is_estimate: false })),
            Start::After(start) => (whole.into_iter().filter(|item| is_behind(item, start)).collect(), None),
        };
        items.drain(..offset.min(items.len()));
        let is_last = items.len() <= size;
        items.truncate(size);
        let next = if is_last { None } else { items.last().map(place) };
        Self { items, next, total }
    }

    /// Converts the items of the page.
    ///
    /// # Errors
    /// The first error of a conversion.
    pub fn try_map<U, E>(self, make: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let items = self.items.into_iter().map(make).collect::<Result<_, _>>()?;
        Ok(Page { items, next: self.next, total: self.total })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn page_numbers_and_sizes_out_of_bounds_are_refused_with_a_reason() {
        assert_eq!(PageRequest::numbered(0, 20), Err(InvalidPage::PageTooSmall));
        assert_eq!(PageRequest::numbered(1, 0), Err(InvalidPage::SizeTooSmall));
        assert_eq!(PageRequest::numbered(1, 101), Err(InvalidPage::SizeTooLarge));
        assert_eq!(PageRequest::numbered(u32::MAX, 100), Err(InvalidPage::TooDeep));
    }

    #[test]
    fn a_complete_list_can_be_read_by_number_and_by_position() {
        let place = |item: &i64| Position { values: vec![SortValue::Integer(*item)], id: Uuid::nil() };
        let is_behind =
            |item: &i64, place: &Position| matches!(place.values[..], [SortValue::Integer(at)] if *item > at);
        let part = |request: PageRequest| Page::of_whole(vec![1, 2, 4, 8, 16], &request, place, is_behind);
        let all = Some(Total { items: 5, is_estimate: false });
        let second = part(PageRequest::numbered(2, 2).unwrap());
        assert_eq!(second, Page { items: vec![4, 8], next: Some(place(&8)), total: all });
        let beyond = part(PageRequest::numbered(9, 2).unwrap());
        assert_eq!(beyond, Page { items: vec![], next: None, total: all });
        // The item at this position no longer exists.
        let rest = part(PageRequest::after(place(&3), 3).unwrap());
        assert_eq!(rest, Page { items: vec![4, 8, 16], next: None, total: None });
    }

    #[test]
    fn a_page_that_begins_at_item_ten_thousand_is_too_deep() {
        assert_eq!(PageRequest::numbered(500, 20).map(|page| page.offset()), Ok(9_980));
        assert_eq!(PageRequest::numbered(501, 20), Err(InvalidPage::TooDeep));
        assert_eq!(PageRequest::numbered(10_000, 1), Err(InvalidPage::TooDeep));
        assert!(PageRequest::numbered(9_999, 1).is_ok());
    }

    #[test]
    fn capped_totals_are_marked_as_estimates() {
        assert_eq!(Total::from_capped_count(10_000), Total { items: 10_000, is_estimate: false });
        assert_eq!(Total::from_capped_count(10_001), Total { items: 10_000, is_estimate: true });
    }

    proptest! {
        #[test]
        fn pages_follow_each_other_without_gap_or_overlap(page in 1_u32..90, size in 1_u32..=100) {
            let this = PageRequest::numbered(page, size).unwrap();
            let next = PageRequest::numbered(page.saturating_add(1), size).unwrap();
            prop_assert_eq!(this.offset().saturating_add(size), next.offset());
        }
    }
}
